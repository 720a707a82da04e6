#include "node-actor/simulation/fault_schedule.h"

#include <algorithm>
#include <tuple>

namespace tideline::simulation {
namespace {

using model::Duration;

bool flap_is_down(const Fault& fault, Duration now) {
  return (now - fault.at) % fault.amount < fault.amount / 2;
}

/// When a flap that is on turns next.
Duration next_turn(const Fault& fault, Duration now) {
  const Duration turn = now - (now - fault.at) % fault.amount;
  return flap_is_down(fault, now) ? turn + fault.amount / 2 : turn + fault.amount;
}

}  // namespace

std::vector<FaultSchedule::Change> FaultSchedule::changes(Duration after, Duration through) const {
  std::vector<Change> found;
  const auto add = [&](std::size_t fault, bool begins, Duration at) {
    if (at > after && at <= through) found.push_back({fault, begins, at});
  };
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    add(i, true, faults_[i].at);
    if (faults_[i].length) add(i, false, faults_[i].at + *faults_[i].length);
  }
  std::sort(found.begin(), found.end(), [](const Change& a, const Change& b) {
    return std::tuple(a.at, a.begins, a.fault) < std::tuple(b.at, b.begins, b.fault);
  });
  return found;
}

std::optional<Duration> FaultSchedule::next(Duration after) const {
  std::optional<Duration> next;
  const auto consider = [&](Duration at) {
    if (at > after) next = std::min(next.value_or(at), at);
  };
  for (const Fault& fault : faults_) {
    consider(fault.at);
    if (fault.length) consider(fault.at + *fault.length);
    if (fault.kind == FaultKind::kFlap && fault.is_on(after)) consider(next_turn(fault, after));
  }
  return next;
}

Effects FaultSchedule::effects(std::size_t node, Duration now) const {
  Effects effects;
  for (const Fault& fault : faults_) {
    if (!fault.is_of(node) || !fault.is_on(now)) continue;
    switch (fault.kind) {
      case FaultKind::kLinkLoss:
        effects.link_down = true;
        break;
      case FaultKind::kFlap:
        effects.flaps = true;
        effects.link_down = effects.link_down || flap_is_down(fault, now);
        break;
      case FaultKind::kCrash:
        effects.agent_down = true;
        break;
      case FaultKind::kPowerLoss:
        effects.host_down = true;
        break;
      case FaultKind::kClockSkew:
        effects.clock_offset += fault.amount;
        break;
      case FaultKind::kSlowDisk:
        effects.disk_delay = std::max(effects.disk_delay, fault.amount);
        break;
      case FaultKind::kDuplicate:
        ++effects.duplicates;
        break;
    }
  }
  return effects;
}

}  // namespace tideline::simulation
