#include "node-actor/decide/share_pool.h"

#include <algorithm>

namespace tideline::decide {
namespace {

using model::MilliCpu;
using model::QosClass;

bool reserves(const model::Pod& pod) {
  return pod.qos == QosClass::kLse || pod.qos == QosClass::kLsr;
}

bool is_finished(const model::Pod& pod) {
  return pod.phase == model::PodPhase::kSucceeded || pod.phase == model::PodPhase::kFailed;
}

MilliCpu request_of(const model::Pod& pod) {
  if (pod.requests.cpu) return *pod.requests.cpu;
  MilliCpu sum(0);
  for (const auto& container : pod.containers)
    sum += container.requests.cpu.value_or(MilliCpu(0));
  return sum;
}

}  // namespace

std::string_view name_of(PoolState state) {
  switch (state) {
    case PoolState::kUnknown:
      return "unknown";
    case PoolState::kIdle:
      return "idle";
    case PoolState::kCooling:
      return "cooling";
    case PoolState::kOverload:
      return "overload";
  }
  return "unknown";
}

std::optional<PoolReading> pool_reading(const model::NodeSample& sample, const PodUses& uses,
                                        std::span<const model::Pod> pods) {
  if (!sample.node_cpu) return std::nullopt;
  PoolReading reading{sample.at, *sample.node_cpu, true};
  for (const auto& pod : pods) {
    if (!reserves(pod) && pod.qos != QosClass::kBe) continue;
    const auto* use = uses.of(pod.uid);
    if (use != nullptr && use->cpu) {
      reading.used -= *use->cpu;
    } else if (pod.phase == model::PodPhase::kRunning) {
      reading.complete = false;
    }
  }
  reading.used = std::max(reading.used, MilliCpu(0));
  return reading;
}

void remember(std::vector<PoolReading>& history, const PoolReading& reading) {
  history.push_back(reading);
  auto first = std::find_if(history.begin(), history.end(),
                            [&](const PoolReading& old) { return reading.at - old.at < kPoolWindow; });
  const auto kept = static_cast<std::size_t>(history.end() - first);
  if (kept > kPoolReadings) first = history.end() - kPoolReadings;
  history.erase(history.begin(), first);
}

MilliCpu pool_total(MilliCpu capacity, std::span<const model::Pod> pods) {
  MilliCpu total = capacity;
  for (const auto& pod : pods) {
    if (reserves(pod) && !is_finished(pod)) total -= request_of(pod);
  }
  return total;
}

PoolLoad pool_load(const std::vector<PoolReading>& history, MilliCpu total) {
  PoolLoad load{total, std::nullopt, false};
  if (history.empty()) return load;
  load.at_most =
      std::none_of(history.begin(), history.end(), [](const PoolReading& reading) { return reading.complete; });
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (const auto& reading : history) {
    if (!reading.complete && !load.at_most) continue;
    sum += reading.used.value();
    ++count;
  }
  load.used = MilliCpu(sum / count);
  return load;
}

PoolState judge_pool(const PoolLoad& load, int threshold_percent) {
  if (!load.used) return PoolState::kUnknown;
  const bool no_pool = load.total <= MilliCpu(0);
  const double share =
      no_pool ? 1.0 : static_cast<double>(load.used->value()) / static_cast<double>(load.total.value());
  const double threshold = threshold_percent / 100.0;
  if (share < kPoolCooling * threshold) return PoolState::kIdle;
  if (load.at_most && !no_pool) return PoolState::kUnknown;
  return share < threshold ? PoolState::kCooling : PoolState::kOverload;
}

}  // namespace tideline::decide
