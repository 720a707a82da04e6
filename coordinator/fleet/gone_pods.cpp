#include "coordinator/fleet/gone_pods.h"

#include <algorithm>

#include <fmt/format.h>

namespace tideline::fleet {
namespace {

bool is_charged(const model::Pod& pod) {
  const auto tier = model::tier_of(pod.priority, pod.qos);
  const bool runs = pod.phase == model::PodPhase::kRunning || pod.phase == model::PodPhase::kPending;
  return runs && (tier == model::Tier::kProd || tier == model::Tier::kMid);
}

void go_on(UsageAverage& use, std::int64_t slot, model::Duration window) {
  if (const auto mean = use.at(slot)) use.add(slot, *mean, window);
}

bool counts(const UsageAverage& use, const UsageAverage& before, std::int64_t slot) {
  return use.at(slot) && before.seconds_at(slot) > 0;
}

}  // namespace

void GonePods::add(const model::Pod& pod, const Averages& use, const Averages& system, std::int64_t slot,
                   model::Duration window) {
  if (!is_charged(pod)) return;
  if (rows_.size() == kMaxGonePods) rows_.pop_front();
  Row& row = rows_.emplace_back();
  row.uid = pod.uid;
  row.name = fmt::format("{}/{}", pod.name_space, pod.name);
  row.qos = pod.qos;
  row.priority = pod.priority;
  row.use = use;
  row.system = system;
  go_on(row.use.cpu, slot, window);
  go_on(row.use.memory, slot, window);
}

std::optional<Averages> GonePods::take_back(const model::PodUid& uid) {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.uid == uid; });
  if (found == rows_.end()) return std::nullopt;
  Averages use = found->use;
  rows_.erase(found);
  return use;
}

void GonePods::drop_ended(std::int64_t slot) {
  rows_.remove_if([slot](const Row& row) {
    return !counts(row.use.cpu, row.system.cpu, slot) && !counts(row.use.memory, row.system.memory, slot);
  });
}

std::optional<double> left_of(const UsageAverage& use, const UsageAverage& before, const UsageAverage& system,
                              std::int64_t slot) {
  const auto mean = use.at(slot);
  const double seconds = before.seconds_at(slot);
  if (!mean || seconds <= 0) return std::nullopt;
  // `system` holds all that `before` does, and more.
  return *mean * seconds / system.seconds_at(slot);
}

}  // namespace tideline::fleet
