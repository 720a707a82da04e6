#pragma once
// The twin of RocksStore that forgets at its end: same contract, for tests, simulation and the planner.

#include <memory>

#include "storage/store/history_store.h"

namespace tideline::store {

class MemoryStore final : public HistoryStore {
 public:
  MemoryStore();
  ~MemoryStore() override;

  model::Result<std::vector<AppendOutcome>> append_views(std::span<const ReportView> reports) override;
  model::Result<void> append_events(std::span<const CoordinatorEvent> events) override;
  model::Result<void> append_accounts(std::span<const model::AccountAt> accounts) override;
  model::Result<DroppedSlice> drop_slice(const DropBefore& before, const model::NodeName& from,
                                         std::size_t most) override;
  model::Result<void> put_setting(std::string_view key, std::string_view value) override;
  model::Result<std::optional<std::string>> setting(std::string_view key) const override;
  std::vector<model::NodeName> nodes() const override;
  std::optional<model::WallTime> last_received(const model::NodeName& node) const override;
  model::Seq acked_through(const model::NodeName& node, model::Incarnation incarnation) const override;
  bool has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const override;
  model::Result<Page<StoredEvent>> events(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                          std::size_t limit) const override;
  model::Result<Page<model::AccountAt>> accounts(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                                 std::size_t limit) const override;
  model::Result<std::optional<model::AccountAt>> last_account(const model::NodeName& node,
                                                              model::WallTime at) const override;
  model::Result<std::optional<StoredReport>> last_report(const model::NodeName& node) const override;

 protected:
  model::Result<void> walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                   const ReportVisitor& visit) const override;
  model::Duration longest_window(const model::NodeName& node) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tideline::store
