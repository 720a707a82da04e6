#pragma once
// Makes tables of reports, and drops tables that are old. The one folder of the store; it never ends by itself.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "coordinator/actor/history_counts.h"
#include "coordinator/actor/history_retention.h"
#include "coordinator/actor/series_messages.h"
#include "messages/clock/clock.h"

namespace tideline::coordinator {

struct SeriesKeeperOptions {
  HistoryRetention kept;
  model::Duration fold_every = std::chrono::seconds(30);
  model::Duration drop_every = std::chrono::minutes(10);
  /// Nodes of one slice. A stop waits for the slice that is under way.
  std::size_t fold_slice = 1;
  std::size_t drop_slice = 5;  // what pods a node had, for as long as that is kept, is read at once
  /// Between slices: so long at least, and so many times what the slice took. Twice is a third of a core: folding what
  /// a whole fleet did in an hour leaves commits their turn. So long alone where a node had more than one hour due:
  /// a fleet that takes longer than an hour for an hour would be ever further behind.
  model::Duration pause = std::chrono::milliseconds(5);
  int pause_factor = 2;
  /// After a failure, such as a full disk, and twice as long after each further one.
  model::Duration retry = std::chrono::seconds(30);
  model::Duration longest_retry = std::chrono::minutes(15);
  std::function<model::WallTime()> wall_now = clock::wall_now;
  std::function<model::MonoTime()> mono_now = clock::mono_now;
};

/// Blocks on the disk: spawn it detached.
class SeriesKeeper : public caf::event_based_actor {
 public:
  SeriesKeeper(caf::actor_config& config, std::shared_ptr<series::SeriesStore> store, SeriesKeeperOptions options,
               std::shared_ptr<HistoryCounts> counts);
  caf::behavior make_behavior() override;

 private:
  /// One walk over the nodes.
  struct Round {
    bool under_way = false;
    model::WallTime now;       // of its begin
    model::NodeName from;      // where it goes on
    model::Duration retry{0};  // waited after the newest failure; 0: the newest round went well
  };

  void begin(Round& round) const;
  void fold_some();
  void fold_failed(const model::Error& why);
  /// The last slice of a round was folded.
  void folded_all();
  void drop_some();
  model::Duration pause_after(model::Duration slice) const;
  /// How long to wait after one more failure.
  model::Duration failed(Round& round, HistoryProblems::Of what, const model::Error& why) const;

  std::shared_ptr<series::SeriesStore> store_;
  SeriesKeeperOptions options_;
  std::shared_ptr<HistoryCounts> counts_;
  Round fold_;
  series::FoldSlice folded_;  // in this round: sums, and the first trouble
  Round drop_;
  series::DroppedSeries dropped_;  // likewise sums
};

}  // namespace tideline::coordinator
