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

std::vector<model::ZoneUse> Zones::round(const std::vector<model::Pod>& pods,
                                         const std::vector<model::ApplicationCounters>& applications,
                                         model::MonoTime now, std::vector<model::Error>& errors) {
  const bool services_now = sense::has_services_below_besteffort(applications);
  services_below_besteffort_ = services_below_besteffort_ || services_now;
  if (before_ && now - before_->at < interval_) return {};
  auto reading = reader_.read(errors);
  auto before = std::exchange(before_, reading);
  const bool services = std::exchange(services_below_besteffort_, services_now);
  if (!before) return {};
  auto uses = sense::zone_uses(*before, reading, exclusive_cpus(pods), kMaxIntervals * interval_);
  if (services) sense::forget_best_effort(uses);
  return uses;
}

}  // namespace tideline::node
