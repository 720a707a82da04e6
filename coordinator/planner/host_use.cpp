#include "coordinator/planner/host_use.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace tideline::planner {
namespace {

/// Blocks of hosts are the same on any number of threads, so that their sums are too.
constexpr std::size_t kHostBlocks = 64;
/// What adding up in another order may change.
constexpr double kUseRounding = 1e-9;

/// Of one host, a value for each step of the slice, system included.
class HostUse {
 public:
  HostUse(const Dataset& data, const SafeUse& safe, const StepSlice& slice)
      : data_(data),
        safe_(safe),
        slice_(slice),
        cpu_(data.steps),
        memory_(data.steps),
        safe_cpu_(data.steps),
        safe_memory_(data.steps) {}

  void take(const World& world, std::size_t host) {
    clear();
    for (const std::uint32_t number : world.hosts[host])
      add(data_.workloads[number]);
    if (world.recorded) {
      add_recorded(data_.hosts[host]);
    } else {
      add_shape(world.shapes.empty() ? safe_.host : world.shapes[host]);
    }
  }
  void take_empty() {
    clear();
    add_shape(safe_.host);
  }

  bool is_there(std::size_t step) const { return safe_cpu_[step] > 0; }
  bool is_over(std::size_t step) const {
    constexpr double kRounded = 1 + kUseRounding;
    return cpu_[step] > safe_cpu_[step] * kRounded ||
           (safe_.judge_memory && memory_[step] > safe_memory_[step] * kRounded);
  }
  double free_cpu(std::size_t step) const { return std::max(safe_cpu_[step] - cpu_[step], 0.0); }
  double free_memory(std::size_t step) const { return std::max(safe_memory_[step] - memory_[step], 0.0); }

 private:
  void clear() {
    std::fill(cpu_.begin(), cpu_.end(), 0.0);
    std::fill(memory_.begin(), memory_.end(), 0.0);
  }
  void add(const Workload& workload) {
    for_steps(workload.first, workload.first + workload.cpu_used.size(), [&](std::size_t step) {
      const std::size_t row = step - workload.first;
      const float cpu = workload.cpu_used[row];
      if (!(cpu >= 0)) return;
      cpu_[step] += static_cast<double>(cpu);
      const float used = workload.memory_used_mib[row];
      const float memory = used < 0 ? workload.memory_request_mib[row] : used;
      if (memory > 0) memory_[step] += static_cast<double>(memory);
    });
  }
  void add_shape(const HostShape& shape) {
    for_steps(0, cpu_.size(), [&](std::size_t step) {
      cpu_[step] = cpu_[step] * safe_.growth + shape.system_cpu_millicores;
      memory_[step] = memory_[step] * safe_.growth + shape.system_memory_mib;
      safe_cpu_[step] = shape.cpu_millicores * safe_.safe_share;
      safe_memory_[step] = shape.memory_mib * safe_.safe_share;
    });
  }
  /// What is not known of it is below 0, and counts as nothing.
  void add_recorded(const RecordedHost& host) {
    const auto at = [](const std::vector<float>& values, std::size_t step) {
      return static_cast<double>(std::max(values[step], 0.0F));
    };
    for_steps(0, cpu_.size(), [&](std::size_t step) {
      cpu_[step] = cpu_[step] * safe_.growth + at(host.cpu_system, step);
      memory_[step] = memory_[step] * safe_.growth + at(host.memory_system_mib, step);
      safe_cpu_[step] = at(host.cpu_capacity, step) * safe_.safe_share;
      safe_memory_[step] = at(host.memory_capacity_mib, step) * safe_.safe_share;
    });
  }
  /// Those of the slice in [begin, end).
  template <class Visit>
  void for_steps(std::size_t begin, std::size_t end, const Visit& visit) const {
    slice_.each(begin, end, [&visit](std::size_t first, std::size_t last) {
      for (std::size_t step = first; step < last; ++step)
        visit(step);
    });
  }

  const Dataset& data_;
  const SafeUse& safe_;
  const StepSlice& slice_;
  std::vector<double> cpu_;
  std::vector<double> memory_;
  std::vector<double> safe_cpu_;  // 0: the host is not there, or the step is not the slice's
  std::vector<double> safe_memory_;
};

std::size_t host_block_begin(std::size_t block, std::size_t blocks, std::size_t hosts) {
  return hosts / blocks * block + std::min(block, hosts % blocks);
}

double whole_pods(double cpu_millicores, double memory_mib, const BatchPod& pod) {
  const double by_cpu = cpu_millicores / pod.cpu_millicores;
  const double by_memory = pod.memory_mib > 0 ? memory_mib / pod.memory_mib : std::numeric_limits<double>::infinity();
  return std::floor(std::min(by_cpu, by_memory) * (1 + kUseRounding));
}

struct BlockRoom {
  std::vector<double> pods;
  std::vector<double> cpu_millicores;
  std::vector<double> memory_mib;
};

}  // namespace

std::vector<DayRisk> risk_by_day(const Dataset& data, const StepDays& days, const World& world, const SafeUse& safe,
                                 const Parallel& parallel, const StepSlice& slice) {
  const std::size_t hosts = world.hosts.size();
  const std::size_t blocks = std::min(hosts, kHostBlocks);
  std::vector<std::vector<DayRisk>> of_block(blocks);
  run_all(parallel, blocks, [&](std::size_t block) {
    std::vector<DayRisk> counts(days.count);
    HostUse use(data, safe, slice);
    const std::size_t end = host_block_begin(block + 1, blocks, hosts);
    for (std::size_t host = host_block_begin(block, blocks, hosts); host < end; ++host) {
      use.take(world, host);
      slice.each(0, data.steps, [&](std::size_t first, std::size_t last) {
        for (std::size_t step = first; step < last; ++step) {
          if (!use.is_there(step)) continue;
          DayRisk& day = counts[days.of_step[step]];
          ++day.checks;
          day.over += use.is_over(step) ? 1U : 0U;
        }
      });
    }
    of_block[block] = std::move(counts);
  });
  std::vector<DayRisk> sum(days.count);
  for (const auto& counts : of_block) {
    for (std::size_t day = 0; day < days.count; ++day) {
      sum[day].checks += counts[day].checks;
      sum[day].over += counts[day].over;
    }
  }
  return sum;
}

BatchRoom batch_room(const Dataset& data, const World& world, std::size_t hosts, const SafeUse& safe,
                     const BatchPod& pod, const Parallel& parallel, const StepSlice& slice) {
  const std::size_t placed = world.hosts.size();
  const std::size_t blocks = std::min(placed, kHostBlocks);
  std::vector<BlockRoom> of_block(blocks);
  run_all(parallel, blocks, [&](std::size_t block) {
    BlockRoom sum{std::vector<double>(data.steps), std::vector<double>(data.steps), std::vector<double>(data.steps)};
    HostUse use(data, safe, slice);
    const std::size_t end = host_block_begin(block + 1, blocks, placed);
    for (std::size_t host = host_block_begin(block, blocks, placed); host < end; ++host) {
      use.take(world, host);
      slice.each(0, data.steps, [&](std::size_t first, std::size_t last) {
        for (std::size_t step = first; step < last; ++step) {
          const double cpu = use.free_cpu(step);
          const double memory = use.free_memory(step);
          sum.pods[step] += whole_pods(cpu, memory, pod);
          sum.cpu_millicores[step] += cpu;
          sum.memory_mib[step] += memory;
        }
      });
    }
    of_block[block] = std::move(sum);
  });
  HostUse nobody(data, safe, slice);
  nobody.take_empty();
  const auto empty = static_cast<double>(hosts > placed ? hosts - placed : 0);
  BatchRoom room{std::vector<double>(data.steps), std::vector<double>(data.steps)};
  for (std::size_t step = 0; step < data.steps; ++step) {
    double cpu = empty * nobody.free_cpu(step);
    double memory = empty * nobody.free_memory(step);
    room.pods[step] = empty * whole_pods(nobody.free_cpu(step), nobody.free_memory(step), pod);
    for (const BlockRoom& sum : of_block) {
      room.pods[step] += sum.pods[step];
      cpu += sum.cpu_millicores[step];
      memory += sum.memory_mib[step];
    }
    room.pods_without_fragmentation[step] = whole_pods(cpu, memory, pod);
  }
  return room;
}

}  // namespace tideline::planner
