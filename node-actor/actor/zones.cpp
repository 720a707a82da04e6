#include "node-actor/actor/zones.h"

#include <utility>

#include "node-actor/sense/zones.h"

namespace tideline::node {
namespace {

/// A pair of readings further apart, in intervals, makes no rate.
constexpr int kMaxIntervals = 3;

model::CpuSet exclusive_cpus(const std::vector<model::Pod>& pods) {
  model::CpuSet cpus;
  for (const auto& pod : pods) {
    const bool counts = pod.phase == model::PodPhase::kRunning || pod.phase == model::PodPhase::kPending;
    if (counts && pod.qos == model::QosClass::kLse) cpus = cpus | pod.bound_cpus;
  }
  return cpus;
}

}  // namespace

std::vector<model::ZoneUse> Zones::round(const std::vector<model::Pod>& pods, model::MonoTime now,
                                         std::vector<model::Error>& errors) {
  if (reader_.count() < 2) return {};
  if (before_ && now - before_->at < interval_) return {};
  auto reading = reader_.read(errors);
  auto before = std::exchange(before_, reading);
  if (!before) return {};
  return sense::zone_uses(*before, reading, exclusive_cpus(pods), kMaxIntervals * interval_);
}

}  // namespace tideline::node
