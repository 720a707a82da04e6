#pragma once
// The data's batch tasks on their way to hosts: which have come, and who waits.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "coordinator/planner/batch.h"
#include "coordinator/planner/run_setting.h"
#include "messages/model/result.h"

namespace tideline::planner {

/// Waiting tasks that a step tries to place, first come first tried: once that many have found no room the rest is not
/// tried, as schedulers back off.
inline constexpr std::size_t kTasksTried = 4'096;
inline constexpr std::size_t kMaxTasksWaiting = std::size_t{1} << 24;

class TaskQueue {
 public:
  /// Tasks that ask for no whole millicore, are larger than a host, or begin out of the range never come.
  explicit TaskQueue(const RunSetting& setting);
  /// None of the data's tasks ever comes.
  bool is_barren() const { return kinds_.empty(); }

  /// Those that begin at `time_s` or before. A task that begins within a step comes with the next one. kOverloaded:
  /// more wait than kMaxTasksWaiting.
  model::Result<void> come(std::int64_t time_s);
  /// An evicted instance begins again, behind all that wait.
  void come_again(const PlacedPod& pod);

  /// Asks for each instance in its turn whether it could be placed; false: nor can the task's other ones. Ends when
  /// `is_full` says of the smallest request of CPU that nobody has room for so much.
  void serve(const std::function<bool(model::MilliCpu smallest)>& is_full,
             const std::function<bool(const PlacedPod& pod)>& place);

 private:
  struct Kind {
    PlacedPod pod;
    std::int64_t begin_s = 0;
    std::int64_t end_s = 0;
    std::uint32_t instances = 0;
  };
  struct Waiting {
    std::uint32_t kind = 0;
    std::uint32_t instances = 0;
    std::int64_t queued_s = 0;
  };
  void repeat_from(std::int64_t range_begin_s, std::int64_t step_s);

  std::vector<Kind> kinds_;  // by begin
  model::MilliCpu smallest_;
  std::int64_t range_begin_s_;
  bool repeats_;
  std::int64_t period_s_ = 0;
  std::int64_t shift_s_ = 0;  // of the tasks that come now
  std::size_t next_ = 0;
  std::vector<Waiting> waiting_;
  std::size_t head_ = 0;  // those before it are gone
  std::vector<Waiting> passed_;
};

}  // namespace tideline::planner
