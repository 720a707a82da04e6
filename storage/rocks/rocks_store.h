#pragma once
// History in RocksDB. Keys and values on disk are documented in layout.h; RocksDB's headers stay inside this room.

#include <cstddef>
#include <memory>
#include <string>

#include "storage/store/history_store.h"

namespace tideline::rocks {

struct RocksOptions {
  std::size_t block_cache_bytes = 16u << 20;
  std::size_t write_buffer_bytes = 8u << 20;  // per column family, at most two; twice that for reports
  int background_threads = 2;                 // flushes and compactions together
};

class RocksStore final : public store::HistoryStore {
 public:
  /// Opens or creates the store in `directory` (its parent must exist). Errors, each naming the directory:
  /// kUnavailable (another process holds it), kUnsupported (a format version this build does not know; both are named),
  /// kMalformed (damaged), kPermissionDenied, kNotFound.
  static model::Result<std::unique_ptr<RocksStore>> open(const std::string& directory, RocksOptions options = {});
  /// Whether another process has it open, so that open() would be refused; false, too, where there is none. Must not be
  /// asked by the process that has it open itself, which would lose its lock by that.
  static bool is_held(const std::string& directory);
  /// Waits for background work and lets go of the directory.
  ~RocksStore() override;

  model::Result<std::vector<store::AppendOutcome>> append_views(std::span<const store::ReportView> reports) override;
  model::Result<void> append_events(std::span<const store::CoordinatorEvent> events) override;
  model::Result<void> append_accounts(std::span<const model::AccountAt> accounts) override;
  model::Result<store::DroppedSlice> drop_slice(model::WallTime time, const model::NodeName& from,
                                                std::size_t most) override;
  model::Result<void> put_setting(std::string_view key, std::string_view value) override;
  model::Result<std::optional<std::string>> setting(std::string_view key) const override;
  std::vector<model::NodeName> nodes() const override;
  std::optional<model::WallTime> last_received(const model::NodeName& node) const override;
  model::Seq acked_through(const model::NodeName& node, model::Incarnation incarnation) const override;
  bool has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const override;
  model::Result<store::Page<store::StoredEvent>> events(const model::NodeName& node, model::WallTime from,
                                                        model::WallTime to, std::size_t limit) const override;
  model::Result<store::Page<model::AccountAt>> accounts(const model::NodeName& node, model::WallTime from,
                                                        model::WallTime to, std::size_t limit) const override;
  model::Result<std::optional<model::AccountAt>> last_account(const model::NodeName& node,
                                                              model::WallTime at) const override;
  store::StoreSize size() const override;
  model::Result<std::optional<store::StoredReport>> last_report(const model::NodeName& node) const override;

 protected:
  model::Result<void> walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                   const ReportVisitor& visit) const override;
  model::Duration longest_window(const model::NodeName& node) const override;

 private:
  struct Impl;
  explicit RocksStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::rocks
