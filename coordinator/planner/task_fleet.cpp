#include "coordinator/planner/task_fleet.h"

#include <algorithm>

#include <fmt/format.h>

#include "coordinator/planner/parallel.h"

namespace tideline::planner {
namespace {

/// Hosts of one job: a step of so many takes longer than to hand it to a thread.
constexpr std::size_t kHostsAJob = 64;
constexpr std::size_t kStepsAProgress = 64;
/// Shapes that found no room, remembered so as not to be tried again. Others are tried in vain.
constexpr std::size_t kShapesKept = 16;

}  // namespace

TaskFleet::TaskFleet(const RunSetting& setting)
    : setting_(setting), queue_(setting), hosts_(setting.world.hosts.size()) {}

template <class Job>
void TaskFleet::for_each_host(const Job& job) {
  const std::size_t hosts = hosts_.size();
  const auto block = [&](std::size_t number) {
    const std::size_t end = std::min((number + 1) * kHostsAJob, hosts);
    for (std::size_t host = number * kHostsAJob; host < end; ++host)
      job(host);
  };
  const std::size_t blocks = (hosts + kHostsAJob - 1) / kHostsAJob;
  if (blocks > 1) {
    run_all(setting_.options.parallel, blocks, block);
  } else {
    block(0);
  }
}

model::Result<void> TaskFleet::run(std::size_t until, const std::function<void(std::size_t host)>& finished) {
  const auto& options = setting_.options;
  if (queue_.is_barren()) {
    return model::invalid(
        fmt::format("batch demand is the data's tasks: none of {} begins in the range{} and fits a "
                    "host",
                    setting_.data.tasks.size(), options.repeat_tasks ? ", repeated," : ""));
  }
  for_each_host([&](std::size_t host) { hosts_[host] = std::make_unique<HostRun>(setting_, host); });
  for (std::size_t step = 0; step < until; ++step) {
    // Who is told of steps may take long with each.
    if (options.progress && (finished || step % kStepsAProgress == 0) &&
        options.progress(static_cast<double>(step) / static_cast<double>(until))) {
      return model::Error(model::ErrorCode::kUnavailable, "stopped");
    }
    if (step == 0) {
      for_each_host([&](std::size_t host) { hosts_[host]->settle(0); });
    }
    if (auto placed = place_waiting(step); !placed) return placed;
    const bool goes_on = step + 1 < until;
    for_each_host([&](std::size_t host) {
      hosts_[host]->finish();
      if (finished) finished(host);
      if (goes_on) hosts_[host]->settle(step + 1);
    });
  }
  return {};
}

model::Result<void> TaskFleet::place_waiting(std::size_t step) {
  free_.clear();
  no_room_for_.clear();
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const auto& host = *hosts_[number];
    for (const auto& pod : host.evicted())
      queue_.come_again(pod);
    offer({.cpu = host.free_cpu(),
           .memory = host.free_memory(),
           .places = host.free_places(),
           .host = static_cast<std::uint32_t>(number)});
  }
  if (auto came = queue_.come(setting_.data.time_of(step)); !came) return came;
  queue_.serve([&](model::MilliCpu smallest) { return free_.empty() || free_.front().cpu < smallest; },
               [&](const PlacedPod& pod) { return place(pod); });
  return {};
}

bool TaskFleet::place(const PlacedPod& pod) {
  const Shape need{pod.cpu, pod.memory};
  const bool in_vain = std::any_of(no_room_for_.begin(), no_room_for_.end(), [&](const Shape& shape) {
    return need.cpu >= shape.cpu && need.memory >= shape.memory;
  });
  if (in_vain) return false;
  auto host = take(need);
  if (!host) {
    if (no_room_for_.size() < kShapesKept) no_room_for_.push_back(need);
    return false;
  }
  hosts_[host->host]->place(pod);
  host->cpu -= pod.cpu;
  host->memory -= pod.memory;
  --host->places;
  offer(*host);
  return true;
}

bool TaskFleet::is_less(const FreeHost& a, const FreeHost& b) {
  return a.cpu != b.cpu ? a.cpu < b.cpu : a.host > b.host;
}

void TaskFleet::offer(const FreeHost& host) {
  if (host.cpu <= model::MilliCpu(0) || host.places == 0) return;
  free_.push_back(host);
  std::push_heap(free_.begin(), free_.end(), is_less);
}

std::optional<TaskFleet::FreeHost> TaskFleet::take(const Shape& need) {
  std::optional<FreeHost> found;
  aside_.clear();
  while (!found && !free_.empty() && free_.front().cpu >= need.cpu) {
    std::pop_heap(free_.begin(), free_.end(), is_less);
    const FreeHost most = free_.back();
    free_.pop_back();
    if (most.memory >= need.memory) {
      found = most;
    } else {
      aside_.push_back(most);
    }
  }
  for (const auto& host : aside_)
    offer(host);
  return found;
}

}  // namespace tideline::planner
