#pragma once
// All hosts step by step, for work that is queued for the fleet: each step's pods are placed over the hosts one after
// another, everything else of a step is done host by host.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "coordinator/planner/host_run.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/task_queue.h"
#include "messages/model/result.h"

namespace tideline::planner {

class TaskFleet {
 public:
  /// `setting` must outlive it.
  explicit TaskFleet(const RunSetting& setting);
  /// The steps before `until`, once. `finished`: told of each host that has just finished a step, on any thread, and of
  /// one host on one at a time. kInvalidArgument: the data has no task to be placed.
  model::Result<void> run(std::size_t until, const std::function<void(std::size_t host)>& finished = {});
  const HostRun& host(std::size_t number) const { return *hosts_[number]; }

 private:
  struct FreeHost {
    model::MilliCpu cpu{};
    model::Bytes memory{};
    std::size_t places = 0;
    std::uint32_t host = 0;
  };
  struct Shape {
    model::MilliCpu cpu{};
    model::Bytes memory{};
  };
  template <class Job>
  void for_each_host(const Job& job);
  model::Result<void> place_waiting(std::size_t step);
  bool place(const PlacedPod& pod);
  void offer(const FreeHost& host);
  std::optional<FreeHost> take(const Shape& need);
  static bool is_less(const FreeHost& a, const FreeHost& b);

  const RunSetting& setting_;
  TaskQueue queue_;
  std::vector<std::unique_ptr<HostRun>> hosts_;
  std::vector<FreeHost> free_;      // a heap: the most CPU on top, of equals the first host
  std::vector<FreeHost> aside_;     // of take()
  std::vector<Shape> no_room_for_;  // in this step: room only shrinks in it
};

}  // namespace tideline::planner
