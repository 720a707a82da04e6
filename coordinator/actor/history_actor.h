#pragma once
// The one writer of the history store: gathers reports for a commit window, makes them durable together, answers each.

#include <functional>

#include "coordinator/actor/history_counts.h"
#include "coordinator/actor/history_retention.h"
#include "coordinator/actor/messages.h"
#include "coordinator/fleet/clock_book.h"

namespace tideline::coordinator {

struct HistoryOptions {
  model::Duration commit_window = std::chrono::milliseconds(20);
  /// Reports, events or accounts: committed at once when so many wait. No more events or accounts are written in one
  /// go, so that reports which come meanwhile have their turn. Must be 1 to store::kMaxAppendReports.
  std::size_t commit_reports = 512;
  HistoryRetention kept;
  model::Duration retention_every = std::chrono::minutes(10);
  /// Rows dropped and nodes looked at in one go, for the same reason, and the pause after it. Together they must drop
  /// faster than rows come.
  std::size_t retention_slice = 500;
  model::Duration retention_pause = std::chrono::milliseconds(20);
  /// Told of each live report that is stored for the first time, by its corrected time, after its session. On the
  /// writer's thread: it must be cheap and never wait.
  std::function<void(const model::Report& report, model::WallTime at)> on_stored = {};
};

/// Blocks on the disk: spawn it detached.
class HistoryActor : public caf::event_based_actor {
 public:
  HistoryActor(caf::actor_config& config, std::shared_ptr<store::HistoryStore> store, HistoryOptions options,
               std::shared_ptr<HistoryCounts> counts = std::make_shared<HistoryCounts>());
  caf::behavior make_behavior() override;
  /// Commits all that waits. Nobody hears of it: the senders offer their reports again, and those are duplicates then.
  void on_exit() override;

 private:
  void commit();
  void commit_when_due(std::size_t waiting);
  void commit_reports();
  void tell_stored(const std::vector<store::ReportView>& reports,
                   const std::vector<store::AppendOutcome>& outcomes) const;
  void commit_events();
  void commit_accounts();
  void keep_events(std::span<const store::CoordinatorEvent> events);
  void drop_some();
  std::atomic<std::uint64_t>& count_of(store::AppendOutcome outcome);

  std::shared_ptr<store::HistoryStore> store_;
  HistoryOptions options_;
  std::shared_ptr<HistoryCounts> counts_;
  std::vector<Persist> waiting_;
  std::vector<store::CoordinatorEvent> events_;
  std::vector<model::AccountAt> accounts_;
  bool commit_due_ = false;
  fleet::ClockBook clocks_;
  struct Retention {
    store::DropBefore before{model::WallTime{}};
    model::NodeName from;  // where it goes on
    store::Dropped dropped;
  };
  Retention retention_;
};

/// Range reads for operators, beside the writer so that a long question never delays an ack. Spawn it detached.
class HistoryReader : public caf::event_based_actor {
 public:
  HistoryReader(caf::actor_config& config, std::shared_ptr<const store::HistoryStore> store,
                HistoryRetention kept = {});
  caf::behavior make_behavior() override;

 private:
  model::Result<std::vector<admin::Series>> history(const admin::HistoryQuery& query) const;
  model::Result<admin::EventsReport> events(const admin::EventsQuery& query) const;
  model::Result<admin::Explanation> explain(const admin::ExplainQuery& query) const;
  model::Result<void> known(const model::NodeName& node) const;

  std::shared_ptr<const store::HistoryStore> store_;
  const series::SeriesStore* tables_;  // the store; null: it has none
  HistoryRetention kept_;
};

}  // namespace tideline::coordinator
