#pragma once
// Koordinator's worked host, and one round on it.

#include <optional>

#include "node-actor/decide/cpu_suppress.h"

namespace tideline::decide::test {

using namespace std::chrono_literals;
using Action = SuppressDecision::Action;
using model::FeatureState;
using model::MilliCpu;
using model::MonoTime;
using model::Reason;
using model::SuppressPolicy;

inline constexpr MonoTime kNow{1'000'000'000'000};

inline model::NodePolicy policy_of(SuppressPolicy suppress, std::optional<int> min_percent = std::nullopt,
                                   int threshold = 65) {
  model::NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_threshold_percent = threshold;
  policy.threshold.cpu_suppress_min_percent = min_percent;
  policy.threshold.cpu_suppress_policy = suppress;
  return policy;
}

/// Koordinator's worked host: 32 cores, 1 reserved, LS pods 10, BE 12, node 24; all of it fresh.
inline SuppressInput worked_host(CurrentLimit current) {
  SuppressInput input;
  input.now = kNow;
  input.node = {MilliCpu(32000), MilliCpu(31000)};
  input.fast = model::FastSample{kNow, 100ms, MilliCpu(24000), MilliCpu(12000), {}, {}};
  model::NodeSample pods;
  pods.at = kNow;
  pods.window = 1s;
  pods.node_cpu = MilliCpu(24000);
  pods.ls_cpu = MilliCpu(10000);
  pods.be_cpu = MilliCpu(12000);
  pods.ls_delay_per_cpu = 0.01;
  input.pods = pods;
  input.be_outside_root = MilliCpu(0);
  input.protection = {true, "kubepods/besteffort cpu.shares 2 against 1024"};
  input.current = current;
  return input;
}

inline SuppressDecision decide_once(const SuppressInput& input, const std::optional<model::NodePolicy>& policy,
                                    const SuppressState& state = {}) {
  return cpu_suppress(state, input, policy).decision;
}

}  // namespace tideline::decide::test
