#include "node-actor/decide/be_cpu_count.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tideline::decide {
namespace {

using model::MilliCpu;
using model::Reason;

constexpr std::int64_t kMilliPerCpu = 1000;

/// Rounded up, within 0..most.
int whole_cpus(MilliCpu cpu, int most) {
  const std::int64_t milli = std::clamp<std::int64_t>(cpu.value(), 0, kMilliPerCpu * most);
  return static_cast<int>((milli + kMilliPerCpu - 1) / kMilliPerCpu);
}

struct Asked {
  int cpus = 0;
  Reason rule = Reason::kThresholdFormula;
};

Asked asked_for(MilliCpu formula, const SuppressTerms& terms, const BeCpuCountInput& input) {
  Asked asked{whole_cpus(formula, input.pool_cpus)};
  if (terms.floor > kKernelMinimum) {
    const int floor = whole_cpus(terms.floor, input.pool_cpus);
    if (floor > asked.cpus) asked = {floor, Reason::kMinPercentFloor};
  }
  const int least = std::min(least_be_cpus(input.host_cpus), input.pool_cpus);
  if (least > asked.cpus) asked = {least, Reason::kStarvedHoldingLocks};
  return asked;
}

/// How many more a round may add.
int growth_step(const BeCpuCountState& state, const BeCpuCountInput& input) {
  double seconds = 1;
  if (state.changed) seconds = std::clamp(std::chrono::duration<double>(input.now - *state.changed).count(), 0.0, 1.0);
  return std::max(1, static_cast<int>(std::ceil(input.host_cpus * kGrowthPercentPerSecond * seconds / 100)));
}

/// More is asked for than BE has: the number of this round.
int grown(BeCpuCountState& state, const BeCpuCountInput& input, int have, int asked, BeCpuCount& decision) {
  if (!state.since) {
    state.since = input.now;
    state.least_asked = asked;
  }
  state.least_asked = std::min(state.least_asked, asked);
  const bool paced = state.changed && input.now - *state.changed < kGrowAfter;
  if (input.now - *state.since < kGrowAfter || paced) {
    decision.rule = Reason::kPaced;
    return have;
  }
  const int reachable = have + growth_step(state, input);
  if (reachable < state.least_asked) decision.rule = Reason::kGrowthCapped;
  return std::min(reachable, state.least_asked);
}

}  // namespace

int least_be_cpus(int host_cpus) {
  const int share = static_cast<int>(std::ceil(host_cpus * kLeastBeMostPercent / 100));
  return std::max(1, std::min(kLeastBeCpus, share));
}

BeCpuCountStep be_cpu_count(const BeCpuCountState& state, const BeCpuCountInput& input, const SuppressTerms& terms) {
  BeCpuCountStep step{state, {}};
  auto& decision = step.decision;
  auto current = input.current;
  if (current) current = std::min(*current, input.pool_cpus);
  const auto rest = [&] {
    step.state.since.reset();
    return step;
  };
  if (!terms.formula) {
    decision.count = current;
    decision.rule = Reason::kStaleSample;
    return rest();
  }

  const MilliCpu formula = std::min(*terms.formula, terms.steady_formula.value_or(*terms.formula));
  const Asked asked = asked_for(formula, terms, input);
  decision.asked = asked.cpus;
  decision.rule = asked.rule;
  decision.count = asked.cpus;
  if (!current) {
    step.state.changed = input.now;
    step.state.since.reset();
  } else if (const int firmly = asked_for(formula - kGrowMargin, terms, input).cpus; firmly > *current) {
    if (!terms.non_be_pods_used) {
      decision.count = current;
      decision.rule = Reason::kStaleSample;
      return rest();
    }
    decision.count = grown(step.state, input, *current, firmly, decision);
  } else {
    decision.count = std::min(asked.cpus, *current);
    if (asked.cpus > *current) decision.rule = Reason::kWithinDeadBand;
    step.state.since.reset();
  }
  if (current && *decision.count != *current) step.state.changed = input.now;
  const MilliCpu wanted = std::max(formula, terms.floor);
  decision.beyond = std::max(MilliCpu(kMilliPerCpu * *decision.count) - wanted, MilliCpu(0));
  return step;
}

}  // namespace tideline::decide
