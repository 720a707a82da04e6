#pragma once

#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// A disk that refuses, with the code that would make a node drop its report.
class BrokenStore : public store::HistoryStore {
 public:
  static model::Error broken() { return {model::ErrorCode::kMalformed, "block 7 of sst 3 is rotten"}; }
  model::Result<std::vector<store::AppendOutcome>> append_views(std::span<const store::ReportView>) override {
    return broken();
  }
  model::Result<void> append_events(std::span<const store::CoordinatorEvent>) override { return broken(); }
  model::Result<void> append_accounts(std::span<const model::AccountAt>) override { return broken(); }
  model::Result<store::DroppedSlice> drop_slice(const store::DropBefore&, const model::NodeName&,
                                                std::size_t) override {
    return broken();
  }
  model::Result<void> put_setting(std::string_view, std::string_view) override { return broken(); }
  model::Result<std::optional<std::string>> setting(std::string_view) const override { return broken(); }
  std::vector<model::NodeName> nodes() const override { return {}; }
  std::optional<model::WallTime> last_received(const model::NodeName&) const override { return std::nullopt; }
  model::Seq acked_through(const model::NodeName&, model::Incarnation) const override { return model::Seq(0); }
  bool has(const model::NodeName&, model::Incarnation, model::Seq) const override { return false; }
  model::Result<store::Page<store::StoredEvent>> events(const model::NodeName&, model::WallTime, model::WallTime,
                                                        std::size_t) const override {
    return broken();
  }
  model::Result<store::Page<model::AccountAt>> accounts(const model::NodeName&, model::WallTime, model::WallTime,
                                                        std::size_t) const override {
    return broken();
  }
  model::Result<std::optional<model::AccountAt>> last_account(const model::NodeName&, model::WallTime) const override {
    return broken();
  }
  model::Result<std::optional<store::StoredReport>> last_report(const model::NodeName&) const override {
    return broken();
  }

 protected:
  model::Result<void> walk_reports(const model::NodeName&, model::WallTime, model::WallTime,
                                   const ReportVisitor&) const override {
    return broken();
  }
  model::Duration longest_window(const model::NodeName&) const override { return model::Duration(0); }
};

}  // namespace tideline::coordinator
