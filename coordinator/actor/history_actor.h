#pragma once
// The one writer of the history store: gathers reports for a commit window, makes them durable together, answers each.

#include "coordinator/actor/history_counts.h"
#include "coordinator/actor/messages.h"

namespace tideline::coordinator {

struct HistoryOptions {
  model::Duration commit_window = std::chrono::milliseconds(20);
  /// Reports, events or accounts: committed at once when so many wait. Must be <= store::kMaxAppendReports.
  std::size_t commit_reports = 512;
  model::Duration retention = std::chrono::hours(24 * 14);
  model::Duration retention_every = std::chrono::minutes(10);
};

/// Blocks on the disk: spawn it detached.
class HistoryActor : public caf::event_based_actor {
 public:
  HistoryActor(caf::actor_config& config, std::shared_ptr<store::HistoryStore> store, HistoryOptions options,
               std::shared_ptr<HistoryCounts> counts = std::make_shared<HistoryCounts>());
  caf::behavior make_behavior() override;
  /// Commits what waits. Nobody hears of it: the senders offer their reports again and are told they are duplicates.
  void on_exit() override { commit(); }

 private:
  void commit();
  void commit_when_due(std::size_t waiting);
  void commit_reports();
  void commit_events();
  void commit_accounts();
  void apply_retention();
  std::atomic<std::uint64_t>& count_of(store::AppendOutcome outcome);

  std::shared_ptr<store::HistoryStore> store_;
  HistoryOptions options_;
  std::shared_ptr<HistoryCounts> counts_;
  std::vector<PersistWithOffset> waiting_;
  std::vector<store::CoordinatorEvent> events_;
  std::vector<model::AccountAt> accounts_;
  bool commit_due_ = false;
};

/// Range reads for operators, beside the writer so that a long question never delays an ack. Spawn it detached.
class HistoryReader : public caf::event_based_actor {
 public:
  HistoryReader(caf::actor_config& config, std::shared_ptr<const store::HistoryStore> store);
  caf::behavior make_behavior() override;

 private:
  model::Result<std::vector<admin::Series>> history(const admin::HistoryQuery& query) const;
  model::Result<admin::EventsReport> events(const admin::EventsQuery& query) const;
  model::Result<admin::Explanation> explain(const admin::ExplainQuery& query) const;
  model::Result<void> known(const model::NodeName& node) const;

  std::shared_ptr<const store::HistoryStore> store_;
};

}  // namespace tideline::coordinator
