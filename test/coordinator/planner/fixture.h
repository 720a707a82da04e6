#pragma once
// Small worlds for replays: some that are worked out by hand, some of any kind.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/world.h"

namespace tideline::planner::test {

inline constexpr std::int64_t kBegin = 1'372'636'800;  // 2013-07-01T00:00:00Z

/// Requests `request` all the time, and uses as much memory as it requests of it.
inline Workload workload(std::string name, std::vector<float> cpu_used, float request, float memory_mib = 2'048) {
  Workload made;
  made.name = std::move(name);
  for (const float used : cpu_used) {
    made.cpu_request.push_back(used < 0 ? kAbsent : request);
    made.memory_used_mib.push_back(used < 0 ? kAbsent : memory_mib);
    made.memory_request_mib.push_back(used < 0 ? kAbsent : memory_mib);
  }
  made.cpu_used = std::move(cpu_used);
  return made;
}

inline Dataset data_of(std::vector<Workload> workloads) {
  Dataset data;
  data.begin_s = kBegin;
  data.step_s = 300;
  data.steps = workloads.front().cpu_used.size();
  data.workloads = std::move(workloads);
  return data;
}

/// Ten cores and 100 GiB, of which the system takes one of each.
inline HostShape ten_cores() {
  return {.cpu_millicores = 10'000,
          .memory_mib = 100 * 1'024.0,
          .system_cpu_millicores = 1'000,
          .system_memory_mib = 1'024};
}

/// Workloads by their number on each host.
inline World world_of(std::vector<std::vector<std::uint32_t>> hosts) {
  World world;
  world.shape = ten_cores();
  world.hosts = std::move(hosts);
  return world;
}

/// Colocation on: CPU 60 %, memory 65 %. No limit, no eviction. Batch pods of one core, 1 GiB, 10 minutes.
inline ReplayOptions plain_options() {
  ReplayOptions options;
  options.colocation.enable = true;
  options.pod_cpu_millicores = 1'000;
  options.pod_memory_mib = 1'024;
  options.pod_runtime_s = 600;
  options.horizon_s = 300;
  return options;
}

inline Parallel in_reverse() {
  return [](std::size_t count, const std::function<void(std::size_t)>& job) {
    for (std::size_t i = count; i > 0; --i)
      job(i - 1);
  };
}

inline Parallel on_threads(std::size_t threads) {
  return [threads](std::size_t count, const std::function<void(std::size_t)>& job) {
    std::vector<std::thread> all;
    for (std::size_t first = 0; first < threads; ++first) {
      all.emplace_back([first, threads, count, &job] {
        for (std::size_t i = first; i < count; i += threads)
          job(i);
      });
    }
    for (auto& each : all)
      each.join();
  };
}

/// The same by the seed on every library.
class RandomWorlds {
 public:
  explicit RandomWorlds(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  int percent(int low, int high) { return low + static_cast<int>(below(static_cast<std::size_t>(high - low) + 1)); }
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) / 9007199254740992.0;
  }
  bool one_in(std::size_t count) { return below(count) == 0; }

  Dataset data(std::size_t workloads, std::size_t steps) {
    Dataset made;
    made.begin_s = kBegin + 300 * static_cast<std::int64_t>(below(500));
    made.step_s = one_in(2) ? 300 : 60;
    made.steps = steps;
    for (std::size_t i = 0; i < workloads; ++i)
      made.workloads.push_back(any_workload("vm-" + std::to_string(i), steps));
    return made;
  }

  /// Tasks of a few steps' length, from before the data's begin to its end.
  void add_tasks(Dataset& data, std::size_t count) {
    const std::int64_t length_s = data.step_s * static_cast<std::int64_t>(data.steps);
    for (std::size_t i = 0; i < count; ++i) {
      BatchTask task;
      task.begin_s = data.begin_s - data.step_s +
                     static_cast<std::int64_t>(below(static_cast<std::size_t>(length_s + data.step_s)));
      task.end_s = task.begin_s + 1 + static_cast<std::int64_t>(below(static_cast<std::size_t>(4 * data.step_s)));
      task.instances = static_cast<std::uint32_t>(1 + below(6));
      task.cpu_millicores = static_cast<float>(between(100, 3'000));
      task.memory_mib = static_cast<float>(between(0, 8'192));
      data.tasks.push_back(task);
    }
    std::stable_sort(data.tasks.begin(), data.tasks.end(),
                     [](const BatchTask& a, const BatchTask& b) { return a.begin_s < b.begin_s; });
  }

  /// Each workload on some host, or on none; a host may have none.
  World world(const Dataset& data, std::size_t hosts) {
    World made = world_of(std::vector<std::vector<std::uint32_t>>(hosts));
    for (std::uint32_t number = 0; number < data.workloads.size(); ++number) {
      const std::size_t host = below(hosts + 1);
      (host < hosts ? made.hosts[host] : made.not_placed).push_back(number);
    }
    return made;
  }

  ReplayOptions options() {
    ReplayOptions made;
    made.colocation.enable = !one_in(16);
    made.colocation.cpu_reclaim_threshold_percent = percent(30, 110);
    made.colocation.memory_reclaim_threshold_percent = percent(30, 110);
    made.colocation.metric_aggregate_duration_seconds = percent(1, 1'200);
    if (one_in(4)) made.colocation.batch_cpu_threshold_percent = percent(10, 60);
    if (one_in(4)) made.colocation.mid_unallocated_percent = percent(0, 50);
    made.colocation.cpu_calculate_policy = static_cast<model::CalculatePolicy>(below(3));
    made.threshold.enable = !one_in(3);
    made.threshold.cpu_suppress_policy = static_cast<model::SuppressPolicy>(below(3));
    made.threshold.cpu_suppress_threshold_percent = percent(20, 90);
    if (one_in(3)) made.threshold.cpu_suppress_min_percent = percent(1, 20);
    if (!one_in(3)) {
      made.threshold.cpu_evict_be_satisfaction_lower_percent = percent(10, 60);
      made.threshold.cpu_evict_be_satisfaction_upper_percent = percent(60, 90);
    }
    made.threshold.memory_evict_threshold_percent = percent(0, 90);
    if (one_in(3)) made.threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
    made.pod_cpu_millicores = between(100, 2'500);
    made.pod_memory_mib = one_in(4) ? 0 : between(100, 8'192);
    made.pod_runtime_s = one_in(4) ? 20 : 1 + static_cast<std::int64_t>(below(4'000));
    made.horizon_s = 1 + static_cast<std::int64_t>(below(3'000));
    return made;
  }

 private:
  Workload any_workload(std::string name, std::size_t steps) {
    std::vector<float> used;
    const double mean = between(50, 2'500);
    bool there = !one_in(4);
    for (std::size_t step = 0; step < steps; ++step) {
      if (one_in(20)) there = !there;
      const double spike = one_in(12) ? 3 : 1;
      used.push_back(there ? static_cast<float>(mean * spike * between(0.2, 1.5)) : kAbsent);
    }
    Workload made = workload(std::move(name), std::move(used), static_cast<float>(between(200, 4'000)),
                             static_cast<float>(between(100, 20'000)));
    for (std::size_t step = 0; step < steps; ++step) {
      if (made.memory_used_mib[step] >= 0 && one_in(10)) made.memory_used_mib[step] = kAbsent;
      if (made.memory_used_mib[step] >= 0 && one_in(10)) made.memory_used_mib[step] *= 4;
    }
    return made;
  }

  std::mt19937_64 random_;
};

}  // namespace tideline::planner::test
