#include "node-actor/simulation/suppress_loop.h"

#include <utility>

#include "node-actor/sense/judge_protection.h"
#include "node-actor/sense/sample.h"

namespace tideline::simulation {

using model::FeatureState;

decide::SuppressDecision SuppressLoop::round(model::MonoTime now, const std::optional<model::FastCounters>& counters,
                                             const std::optional<model::NodePolicy>& policy, const decide::Hold* hold) {
  if (counters) {
    auto read = *counters;
    if (!decide::wants_uses(state_.rise, now) && !decide::wants_uses(dry_state_.rise, now)) read.pods = {};
    if (fast_before_) fast_ = sense::fast_sample(*fast_before_, read);
    fast_before_ = std::move(read);
  }
  decide::SuppressInput input;
  input.now = now;
  input.node = facts_;
  input.fast = fast_;
  input.pods = levels_;
  input.pod_interval = pod_interval_;
  if (levels_) input.be_outside_root = model::MilliCpu(0);
  input.protection = protection_;
  input.current = current_;
  if (hold != nullptr) {
    held_ = true;
    auto looked = decide::cpu_suppress(state_, input, policy).decision;
    looked.action = decide::SuppressDecision::Action::kHold;
    looked.write = false;
    for (auto& feature : looked.features) {
      if (!policy || !policy->threshold.enable) continue;
      feature.state = FeatureState::State::kInactive;
      feature.why = decide::why(*hold);
    }
    terms_ = looked.terms;
    return looked;
  }
  // What was decided before the hold says nothing about what the kernel holds after it.
  if (std::exchange(held_, false)) {
    const bool ours = state_.ours;
    state_ = {};
    state_.ours = ours;
  }
  const bool dry_run = policy && policy->dry_run.cpu_suppress;
  auto step = dry_run ? decide_dry(input, policy) : decide::cpu_suppress(state_, input, policy);
  state_ = step.state;
  if (!dry_run) terms_ = step.decision.terms;
  return std::move(step.decision);
}

decide::SuppressStep SuppressLoop::decide_dry(const decide::SuppressInput& input,
                                              const std::optional<model::NodePolicy>& policy) {
  auto would = decide::cpu_suppress(dry_state_, input, policy);
  dry_state_ = would.state;
  terms_ = would.decision.terms;
  auto off = policy;
  off->threshold.enable = false;
  auto step = decide::cpu_suppress(state_, input, off);
  step.decision.features = std::move(would.decision.features);
  for (auto& feature : step.decision.features) {
    if (feature.state == FeatureState::State::kActive) feature.state = FeatureState::State::kInactive;
    feature.why = "dry run, nothing is written: " + feature.why;
  }
  return step;
}

model::NodeSample SuppressLoop::pods_read(const model::HostCounters& counters, const model::SiblingWeights& weights) {
  auto sample = host_before_ ? sense::node_sample(*host_before_, counters) : sense::first_sample(counters);
  protection_ = sense::judge_protection(weights);
  current_ = !counters.be_limit_known ? decide::CurrentLimit::unknown()
             : counters.be_limit      ? decide::CurrentLimit::of(*counters.be_limit)
                                      : decide::CurrentLimit::none();
  host_before_ = counters;
  auto uses = std::exchange(sample.pods, {});
  levels_ = sample;
  sample.pods = std::move(uses);
  return sample;
}

void SuppressLoop::forget() {
  state_ = {};
  dry_state_ = {};
  current_ = decide::CurrentLimit::none();
}

}  // namespace tideline::simulation
