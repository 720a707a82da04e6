#include "node-actor/decide/cpu_suppress.h"

#include <algorithm>

#include <fmt/format.h>

#include "node-actor/decide/cpu_pools.h"
#include "node-actor/decide/threshold_formula.h"

namespace tideline::decide {
namespace {

using Action = SuppressDecision::Action;
using model::FeatureState;
using model::MilliCpu;
using model::Reason;

const std::optional<model::NodeSample> kNoSample;

model::Duration age_of(model::MonoTime at, model::MonoTime now) {
  return std::max(now - at, model::kZeroDuration);
}

/// What the round knows of the host, from the newest fresh samples.
struct Usage {
  std::optional<MilliCpu> node;
  std::optional<MilliCpu> be;
  std::optional<MilliCpu> non_be_pods;
  std::optional<OtherUses> others;  // of the fast loop's window
  bool pods_fresh = false;
};

/// Who used what batch did not, in the fast loop's window. nullopt where pods were not read, and with host
/// applications: those are services, too, and can only be told from the system by the pod loop.
std::optional<OtherUses> other_uses(const SuppressInput& input, MilliCpu node, MilliCpu be, MilliCpu outside) {
  if (!input.fast->pods_cpu || input.pods->app_cpu != MilliCpu(0)) return std::nullopt;
  const auto not_be = std::max(node - be, MilliCpu(0));
  const auto pods = *input.fast->pods_cpu - *input.fast->be_cpu - outside;
  const auto services = std::clamp(pods, MilliCpu(0), not_be);
  return OtherUses{services, not_be - services};
}

/// nullopt without node and BE use.
std::optional<MilliCpu> known_non_be_use(const std::optional<MilliCpu>& node, const std::optional<MilliCpu>& be,
                                         const std::optional<MilliCpu>& non_be_pods, MilliCpu reserved) {
  if (!node || !be) return std::nullopt;
  return non_be_use(*node, *be, non_be_pods.value_or(MilliCpu(0)), reserved);
}

/// BE's use without that of services which run below its root; the most it can be where that is not known.
MilliCpu without_services(MilliCpu be, const std::optional<model::NodeSample>& pods) {
  const auto services = pods ? pods->app_cpu_in_be.value_or(MilliCpu(0)) : MilliCpu(0);
  return std::max(be - services, MilliCpu(0));
}

Usage read_usage(const SuppressInput& input, SuppressTerms& terms) {
  Usage usage;
  const auto& pods = input.pods;
  std::optional<MilliCpu> pods_be;
  // An unknown share of BE outside the root counts as non-BE, which can only tighten.
  const auto outside = input.be_outside_root.value_or(MilliCpu(0));
  if (pods) {
    terms.pods_age = age_of(pods->at, input.now);
    usage.pods_fresh = *terms.pods_age <= std::max<model::Duration>(kPodSampleMaxAge, 2 * input.pod_interval);
  }
  if (usage.pods_fresh) {
    // With more counted as BE's than is, nothing may rise: services below its root must be known, too.
    if (pods->ls_cpu && pods->app_cpu && pods->app_cpu_in_be) usage.non_be_pods = *pods->ls_cpu + *pods->app_cpu;
    if (pods->be_cpu) pods_be = without_services(*pods->be_cpu + outside, pods);
    const auto steady = known_non_be_use(pods->node_cpu, pods_be, usage.non_be_pods, terms.reserved);
    if (steady) terms.steady_formula = terms.threshold - *steady;
  }
  const auto& fast = input.fast;
  const auto older = usage.pods_fresh ? outside : MilliCpu(0);
  std::optional<MilliCpu> fast_be;
  if (fast && fast->be_cpu) fast_be = without_services(*fast->be_cpu + fast->be_outside_cpu.value_or(older), pods);
  if (fast_be && fast->node_cpu &&
      age_of(fast->at, input.now) <=
          std::clamp<model::Duration>(2 * fast->window, kFastSampleLeastAge, kFastSampleMaxAge)) {
    usage.node = fast->node_cpu;
    usage.be = fast_be;
    terms.from_fast_loop = true;
    terms.sample_age = age_of(fast->at, input.now);
  } else if (usage.pods_fresh && pods->node_cpu && pods_be) {
    usage.node = pods->node_cpu;
    usage.be = pods_be;
    terms.sample_age = terms.pods_age;
  }
  terms.node_used = usage.node;
  terms.be_used = usage.be;
  terms.non_be_pods_used = usage.non_be_pods;
  terms.non_be_used = known_non_be_use(usage.node, usage.be, usage.non_be_pods, terms.reserved);
  if (terms.non_be_used) terms.formula = terms.threshold - *terms.non_be_used;
  terms.window_formula = terms.formula;
  if (terms.from_fast_loop && usage.non_be_pods) {
    const auto in_window = std::clamp(*usage.node - *usage.be, MilliCpu(0), *usage.non_be_pods);
    terms.window_formula = terms.threshold - non_be_use(*usage.node, *usage.be, in_window, terms.reserved);
    usage.others = other_uses(input, *usage.node, *usage.be, fast->be_outside_cpu.value_or(outside));
  }
  return usage;
}

/// Time since the last change; a long one, if there was none.
model::Duration since_last_change(const SuppressState& state, model::MonoTime now) {
  constexpr model::Duration kLong = kSettlePace + kPeriodWait;
  if (!state.last_change) return kLong;
  return std::clamp(now - *state.last_change, model::kZeroDuration, kLong);
}

FallBounds fall_bounds(const SuppressTerms& terms, bool ordered) {
  const auto least = std::max(terms.capacity.percent(kUrgentFallPercent), kUrgentFallLeast);
  const auto of_least = least.percent(kMostNoiseOfLeast);
  if (ordered) return {least, std::max(of_least, terms.capacity.percent(kMostNoisePercent))};
  return {least, std::clamp((terms.capacity - terms.threshold).percent(50), least, of_least)};
}

/// How long the window is whose formula was read.
model::Duration window_of(const SuppressInput& input, const SuppressTerms& terms) {
  return terms.from_fast_loop ? input.fast->window : input.pods->window;
}

/// Takes this round's readings in: what is the mean, and what is noise. `newest`: the newest window's formula.
void see_round(LimitNoise& noise, const SuppressInput& input, MilliCpu newest, const FallBounds& bounds,
               SuppressTerms& terms) {
  std::optional<MilliCpu> deviation;
  if (terms.steady_formula) {
    const auto used = std::clamp(terms.threshold - *terms.steady_formula, MilliCpu(0), terms.capacity);
    noise.uses.add(input.pods->at, used);
    if (const auto mean = noise.uses.mean(input.now)) {
      terms.mean_formula = terms.threshold - *mean;
      deviation = newest - *terms.mean_formula;
    }
  }
  terms.urgent_fall = urgent_fall(noise, input.now, bounds);
  see_window(noise, input.now, window_of(input, terms), deviation, bounds);
}

/// Where a limit goes that nothing hurries, and how long after its last change.
struct Unhurried {
  FormulaLimit target;
  model::Duration pace;
};
Unhurried unhurried(const SuppressTerms& terms, MilliCpu limit, MilliCpu least_fall, bool ordered,
                    bool min_percent_set) {
  const auto to = [&](MilliCpu formula) { return formula_limit(formula, terms.floor, min_percent_set); };
  const auto second = terms.steady_formula.value_or(*terms.formula);
  const auto lower = std::min(*terms.formula, second);
  const auto hurried = ordered ? kDriftPace : kPace;
  if (to(lower).limit >= limit + least_fall) return {to(lower), hurried};
  if (to(second).limit + least_fall <= limit) return {to(second), hurried};
  const auto mean = terms.mean_formula.value_or(second);
  const auto drift = std::max(terms.capacity.percent(kDriftPercent), kDriftLeast);
  if (to(mean).limit + drift <= limit) return {to(std::min(mean, second)), kDriftPace};
  if (to(mean).limit <= limit) return {to(mean), kSettlePace};
  const auto raised = to(std::min(mean, lower));
  // The mean asks for more, and a newer reading does not.
  if (raised.limit <= limit) return {{limit, raised.rule}, kSettlePace};
  return {raised, raised.limit >= limit + drift ? kDriftPace : kSettlePace};
}

/// The quota side of every policy: the formula against what the kernel has.
void limit_to_formula(SuppressState& state, const SuppressInput& input, bool min_percent_set, const Usage& usage,
                      SuppressDecision& decision) {
  auto& terms = decision.terms;
  const bool may_raise = usage.non_be_pods.has_value();
  const auto hold = [&](Reason rule, Reason reason = Reason::kNone) {
    decision.action = Action::kHold;
    decision.rule = rule;
    decision.reason = reason;
  };
  const bool ordered = input.protection.verified;
  if (!terms.formula || !may_raise) state.rise.asked_since.reset();
  if (!terms.formula) {
    lose_sight(state.noise);
    return hold(Reason::kNone, Reason::kStaleSample);
  }
  // Pods read before LS's use fell would hold a rise back, and undo it. Where weights protect LS they need not.
  const MilliCpu newest = ordered ? *terms.window_formula : *terms.formula;
  const auto bounds = fall_bounds(terms, ordered);
  see_round(state.noise, input, newest, bounds, terms);
  auto current = input.current;
  const bool gives_more =
      input.overwritten && (current.kind != CurrentLimit::Kind::kQuota || *input.overwritten < current.quota);
  // Where weights do not protect LS the quota alone does: what gives BE more is answered at once, however often.
  const auto overwritten = ordered || !gives_more ? input.overwritten : std::nullopt;
  if (overwritten && gives_more) current = CurrentLimit::of(*overwritten);
  if (current.kind == CurrentLimit::Kind::kUnknown && state.last_limit) current = CurrentLimit::of(*state.last_limit);
  // What was far below an earlier limit says nothing of the next one.
  if (current.kind != CurrentLimit::Kind::kQuota) state.noise.far_below_since.reset();
  if (current.kind == CurrentLimit::Kind::kUnknown) return hold(Reason::kNone, Reason::kStaleSample);

  const auto others = see_uses(state.rise, input.now, usage.others);
  if (others) {
    terms.rise_formula =
        terms.threshold - non_be_use(others->services + others->system, MilliCpu(0), others->services, terms.reserved);
  }
  const MilliCpu offered = ordered ? terms.rise_formula.value_or(newest) : newest;
  FormulaLimit target = formula_limit(*terms.formula, terms.floor, min_percent_set);
  state.rise.recent.add(input.now, offered);
  if (current.kind == CurrentLimit::Kind::kQuota) {
    target = formula_limit(newest, terms.floor, min_percent_set);
    const bool is_far = falls_urgently(state.noise, input.now, window_of(input, terms), current.quota - newest, bounds);
    const bool urgent = is_far && target.limit + bounds.least <= current.quota;
    const auto rise = formula_limit(offered, terms.floor, min_percent_set).limit;
    const bool asked = ordered && may_raise && !overwritten && !urgent && rise >= current.quota + bounds.least;
    const bool believed = rise_is_believed(state.rise, asked, input.now);
    if (overwritten && !urgent) return hold(Reason::kDrift, Reason::kDrift);
    const auto since = since_last_change(state, input.now);
    auto pace = model::kZeroDuration;
    if (believed) {
      target = formula_limit(state.rise.recent.least(input.now).value_or(offered), terms.floor, min_percent_set);
    } else if (!urgent) {
      const auto calm = unhurried(terms, current.quota, bounds.least, ordered, min_percent_set);
      target = calm.target;
      pace = calm.pace;
    }
    if (target.limit > current.quota && !believed) {
      if (!may_raise) return hold(Reason::kNone, Reason::kStaleSample);
      const double seconds = std::min(1.0, std::chrono::duration<double>(since).count());
      const MilliCpu reachable = current.quota + terms.capacity.percent(kGrowthPercentPerSecond * seconds);
      if (target.limit > reachable) target = {reachable, Reason::kGrowthCapped};
    }
    const MilliCpu change(std::abs((target.limit - current.quota).value()));
    const bool to_minimum = target.limit == kKernelMinimum && change.value() != 0;
    if (change.value() == 0 || (change < terms.capacity.percent(kDeadBandPercent) && !to_minimum)) {
      return hold(target.rule == Reason::kGrowthCapped ? target.rule : Reason::kWithinDeadBand);
    }
    if (!urgent && !believed && !change_is_due(state, input.now, since, pace)) return hold(Reason::kPaced);
    if (urgent) note_urgent_fall(state.rise, input.now, others, bounds.least);
    if (believed) note_rise(state.rise, input.now, others);
  }
  decision.action = Action::kLimit;
  decision.limit = target.limit;
  decision.rule = target.rule;
  decision.write = true;
  state.ours = true;
  state.last_limit = target.limit;
  state.last_change = input.now;
}

void release(SuppressState& state, const SuppressInput& input, Reason reason, SuppressDecision& decision) {
  decision.action = Action::kRelease;
  decision.reason = reason;
  decision.write = input.current.kind == CurrentLimit::Kind::kQuota ||
                   (input.current.kind == CurrentLimit::Kind::kUnknown && state.ours);
  if (decision.write) state.last_change = input.now;
  if (input.current.kind != CurrentLimit::Kind::kUnknown) {
    state.ours = false;
    state.last_limit.reset();
  }
}

/// Work-conserving: why LS needs the quota, or nullopt if weights alone do.
std::optional<Reason> reason_for_quota(const model::Protection& protection, const PressureVerdict& verdict) {
  if (!protection.verified) return Reason::kUnprotected;
  switch (verdict.kind) {
    case PressureVerdict::Kind::kUnknown:
      return Reason::kPressureUnknown;
    case PressureVerdict::Kind::kPressed:
      return Reason::kPressed;
    case PressureVerdict::Kind::kHold:
      return Reason::kPressedHold;
    case PressureVerdict::Kind::kNotPressed:
      return std::nullopt;
  }
  return Reason::kPressureUnknown;
}

std::string_view why_it_stays(Reason reason) {
  return reason == Reason::kDrift ? "drift, somebody else wrote that, and the answer waits" : name_of(reason);
}

std::string sentence(const SuppressDecision& decision) {
  switch (decision.action) {
    case Action::kLimit:
      return fmt::format("BE limited to {} millicores: {}", decision.limit.value(), name_of(decision.reason));
    case Action::kRelease:
      return fmt::format("no quota on BE: {}", name_of(decision.reason));
    case Action::kHold:
      break;
  }
  if (decision.terms.current.kind == CurrentLimit::Kind::kQuota) {
    return fmt::format("BE stays at {} millicores: {}", decision.terms.current.quota.value(),
                       why_it_stays(decision.reason));
  }
  if (decision.terms.current.kind == CurrentLimit::Kind::kUnknown) {
    return fmt::format("BE's quota cannot be read and is left alone: {}", name_of(decision.reason));
  }
  return fmt::format("BE stays without quota: {}", why_it_stays(decision.reason));
}

}  // namespace

MilliCpu NodeFacts::reserved() const {
  return std::max({capacity - allocatable, annotated, MilliCpu(0)});
}

std::string_view name_of(SuppressDecision::Action action) {
  switch (action) {
    case Action::kHold:
      return "hold";
    case Action::kLimit:
      return "limit";
    case Action::kRelease:
      return "release";
  }
  return "unknown";
}

std::vector<FeatureState> suppress_features(const SuppressInput& input, const std::optional<model::NodePolicy>& policy,
                                            const SuppressDecision& decision) {
  const bool enabled = policy && policy->threshold.enable;
  std::vector<FeatureState> features;
  features.reserve(2);
  const bool blind = decision.action == Action::kHold && decision.terms.current.kind == CurrentLimit::Kind::kUnknown &&
                     decision.reason != Reason::kSuppressedCpus;
  const auto state = enabled && !blind ? FeatureState::State::kActive : FeatureState::State::kInactive;
  features.push_back({"cpuSuppress", state, sentence(decision)});
  if (!enabled) return features;
  const auto wanted = policy->threshold.cpu_suppress_policy;
  if (wanted == model::SuppressPolicy::kCpuset && input.cpuset != CpusetSide::kAbsent) return features;
  FeatureState feature{fmt::format("cpuSuppress.{}", name_of(wanted)), FeatureState::State::kActive, {}};
  switch (wanted) {
    case model::SuppressPolicy::kCpuset:
      feature.state = FeatureState::State::kUnsupported;
      feature.why = "nobody moves BE's cpuset here; BE is limited by cfsQuota to the same target instead";
      break;
    case model::SuppressPolicy::kCfsQuota:
      feature.why =
          fmt::format("{} millicores at {} %", decision.terms.threshold.value(), decision.terms.threshold_percent);
      break;
    case model::SuppressPolicy::kWorkConserving:
      feature.why = !input.protection.verified ? "limited by cfsQuota instead, unprotected: " + input.protection.why
                                               : fmt::format("LS is {}", name_of(decision.terms.pressure.kind));
      break;
  }
  features.push_back(std::move(feature));
  return features;
}

SuppressStep cpu_suppress_untold(const SuppressState& state, const SuppressInput& input,
                                 const std::optional<model::NodePolicy>& policy) {
  SuppressStep step{state, {}};
  auto& decision = step.decision;
  auto& terms = decision.terms;
  terms.capacity = input.node.capacity;
  terms.reserved = input.node.reserved();
  terms.current = input.current;
  terms.floor = kKernelMinimum;
  if (policy) {
    terms.threshold_percent = policy->threshold.cpu_suppress_threshold_percent;
    const auto bounds = formula_bounds(terms.capacity, policy->threshold);
    terms.threshold = bounds.threshold;
    terms.floor = bounds.floor;
  }
  const Usage usage = read_usage(input, terms);
  // Not known: as if one began in each round.
  if (!input.fast || input.fast->be_periods.value_or(1) > 0) step.state.last_period = input.now;

  bool is_limited = false;
  if (!policy) {
    decision.reason = Reason::kNoPolicy;
  } else if (!policy->threshold.enable) {
    decision.reason = Reason::kDisabled;
    step.state.pressure.pressed = false;
    if (state.ours) release(step.state, input, Reason::kDisabled, decision);
  } else {
    std::optional<Reason> why = Reason::kNone;
    const bool by_cpuset =
        policy->threshold.cpu_suppress_policy == model::SuppressPolicy::kCpuset && input.cpuset == CpusetSide::kInPlace;
    if (policy->threshold.cpu_suppress_policy == model::SuppressPolicy::kWorkConserving) {
      const auto judged = judge_pressure(state.pressure, usage.pods_fresh ? input.pods : kNoSample, terms.capacity);
      step.state.pressure = judged.state;
      terms.pressure = judged.verdict;
      why = reason_for_quota(input.protection, judged.verdict);
      terms.by_weights = !why;
    }
    if (by_cpuset && !state.ours) {
      decision.reason = Reason::kSuppressedCpus;
    } else if (by_cpuset && terms.formula && usage.non_be_pods) {
      release(step.state, input, Reason::kSuppressedCpus, decision);
    } else if (by_cpuset) {
      decision.reason = Reason::kStaleSample;
    } else if (!why && !state.ours && input.current.kind != CurrentLimit::Kind::kNoQuota) {
      decision.reason = Reason::kNotPressed;  // somebody else's quota, or nobody's to be seen
    } else if (!why) {
      release(step.state, input, Reason::kNotPressed, decision);
    } else {
      is_limited = true;
      limit_to_formula(step.state, input, policy->threshold.cpu_suppress_min_percent.has_value(), usage, decision);
      if (decision.reason == Reason::kNone) decision.reason = *why == Reason::kNone ? decision.rule : *why;
    }
  }
  if (!is_limited) lose_sight(step.state.noise);
  return step;
}

SuppressStep cpu_suppress(const SuppressState& state, const SuppressInput& input,
                          const std::optional<model::NodePolicy>& policy) {
  auto step = cpu_suppress_untold(state, input, policy);
  step.decision.features = suppress_features(input, policy, step.decision);
  return step;
}

bool change_is_due(const SuppressState& state, model::MonoTime now, model::Duration since, model::Duration pace) {
  if (since < pace) return false;
  if (!state.last_period) return true;
  const auto quiet = std::min(since, now - *state.last_period);
  return state.last_period == now || quiet >= kPeriodWait;
}

std::optional<MilliCpu> be_outside_root(const model::NodeSample& sample, const std::vector<model::Pod>& pods) {
  MilliCpu sum(0);
  for (const auto& pod : pods) {
    if (pod.qos != model::QosClass::kBe || pod.kube_qos == model::KubeQos::kBestEffort) continue;
    if (pod.phase != model::PodPhase::kRunning) continue;
    const auto use = std::find_if(sample.pods.begin(), sample.pods.end(),
                                  [&](const model::PodUse& candidate) { return candidate.uid == pod.uid; });
    if (use == sample.pods.end() || !use->cpu) return std::nullopt;
    sum += *use->cpu;
  }
  return sum;
}

std::string throttled_with_be(const std::vector<model::Pod>& pods) {
  const model::Pod* first = nullptr;
  int count = 0;
  for (const auto& pod : pods) {
    if (pod.qos == model::QosClass::kBe || pod.kube_qos != model::KubeQos::kBestEffort || !is_live(pod)) continue;
    if (count++ == 0) first = &pod;
  }
  if (first == nullptr) return {};
  const auto name = fmt::format("{}/{} ({})", first->name_space, first->name, name_of(first->qos));
  if (count == 1) return "1 pod below the besteffort root is not BE, and its quota throttles that, too: " + name;
  return fmt::format("{} pods below the besteffort root are not BE, and its quota throttles them, too: {} first", count,
                     name);
}

MilliCpu safe_be_limit(const NodeFacts& node, const std::optional<model::NodePolicy>& policy) {
  const double percent =
      policy ? policy->threshold.cpu_suppress_min_percent.value_or(static_cast<int>(kSafePercent)) : kSafePercent;
  return std::max(node.capacity.percent(percent), kKernelMinimum);
}

}  // namespace tideline::decide
