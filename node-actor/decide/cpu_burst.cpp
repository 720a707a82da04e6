#include "node-actor/decide/cpu_burst.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "messages/model/report.h"
#include "node-actor/decide/cpu_suppress.h"

namespace tideline::decide {
namespace {

using model::CpuBurstPolicy;
using model::FeatureState;
using model::Knob;
using model::MilliCpu;
using model::Reason;

constexpr MilliCpu kNothing{0};
// Rounding of a product such as 2400 * 1.2 must not cost a millicore.
constexpr double kRoundingMilli = 1e-6;

std::optional<MilliCpu> usable(const std::optional<MilliCpu>& limit) {
  if (!limit || *limit <= kNothing || limit->value() > model::ReportLimits::kMaxMilliCpu) return std::nullopt;
  return std::max(*limit, kLeastQuota);
}

bool is_considered(const model::Pod& pod) {
  return pod.qos == model::QosClass::kLs && pod.bound_cpus.empty() &&
         (pod.phase == model::PodPhase::kPending || pod.phase == model::PodPhase::kRunning);
}

/// The spec's side of a pod.
struct PodLimits {
  std::vector<std::optional<MilliCpu>> containers;  // in the pod's order; nullopt: no limit
  std::optional<MilliCpu> pod;                      // its quota by the spec; nullopt: none
  bool scalable = true;                             // no limit of the pod's own lies below its containers'
};

PodLimits limits_of(const model::Pod& pod) {
  PodLimits limits;
  limits.containers.reserve(pod.containers.size());
  MilliCpu sum(0);
  MilliCpu least(0);  // a pod's own limit below this is meant to bind; `sum` may be above it by kLeastQuota alone
  bool all = !pod.containers.empty();
  for (const auto& container : pod.containers) {
    const auto limit = usable(container.limits.cpu);
    limits.containers.push_back(limit);
    all = all && limit.has_value();
    if (!limit) continue;
    sum += *limit;
    least += *container.limits.cpu;
  }
  const auto own = usable(pod.limits.cpu);
  if (!all) {
    // What its containers may have in all is more than any limit of its own.
    limits.scalable = !own;
    return limits;
  }
  limits.scalable = !own || *own >= least;
  limits.pod = limits.scalable ? std::max(own.value_or(sum), sum) : *own;
  return limits;
}

/// What all containers of a round share.
struct Round {
  model::MonoTime now;
  const model::NodeSample* fresh = nullptr;  // nullptr: no sample, or a stale one
  bool is_new = false;                       // `fresh` was not seen before
  bool kernel_burst = false;                 // the knob is there
  bool quota_scaling = false;
};

/// For the features' sentences.
struct Counts {
  int asks_kernel = 0;  // pods
  int asks_scaling = 0;
  int own_limit = 0;  // pods that are not scaled because of their own limit
  int bursting = 0;   // containers
  int clamped = 0;
  int scaled = 0;
};

double percent_of(MilliCpu used, MilliCpu limit) {
  return 100.0 * static_cast<double>(used.value()) / static_cast<double>(limit.value());
}

void meter(ContainerBurst& container, const model::PodUid& pod, const CpuBurstPolicy& policy, const Round& round,
           const ContainerBurstTerms& terms) {
  if (!is_limited(policy)) {
    container.limiter.reset();
    return;
  }
  const double capacity = limiter_capacity(policy);
  if (!container.limiter || container.limiter->capacity != capacity) {
    container.limiter = new_limiter(capacity, initial_share(pod.str(), container.id));
  }
  if (!round.is_new) return;
  const auto used = terms.used ? std::optional(percent_of(*terms.used, terms.limit)) : std::nullopt;
  container.limiter = spend(*container.limiter, used, round.fresh->window);
}

Reason reason_to_stay(ScaleStep asked, const ContainerBurstTerms& terms) {
  if (!terms.throttled_ratio) return Reason::kStaleSample;
  if (asked != ScaleStep::kUp) return Reason::kNotThrottled;
  return terms.pool == PoolState::kCooling ? Reason::kSharePoolCooling : Reason::kStaleSample;
}

/// One container's step: its new target and why. `terms` has the limit, ceiling, pool and readings.
void scale(ContainerBurst& container, const Round& round, const ContainerBurstTerms& terms) {
  const auto base = static_cast<double>(terms.limit.value());
  const auto ceiling = std::max(base, static_cast<double>(terms.ceiling.value()));
  // A limit that was lowered leaves nothing above it of a quota that never rose.
  container.quota_milli = container.rose ? std::clamp(container.quota_milli, base, ceiling) : base;

  const bool blind = terms.pool == PoolState::kUnknown || !terms.throttled_ratio || (container.limiter && !terms.used);
  if (!blind) {
    container.blind_since.reset();
  } else if (!container.blind_since) {
    container.blind_since = round.now;
  }
  if (container.blind_since && round.now - *container.blind_since >= kBurstBlind) {
    container.quota_milli = base;
    container.reason = Reason::kStaleSample;
    return;
  }
  if (round.fresh == nullptr) {
    container.reason = Reason::kStaleSample;
    return;
  }
  if (!round.is_new || (container.last_step && round.now - *container.last_step < kBurstPace)) return;

  const bool throttled = terms.throttled_ratio.value_or(0) > 0;
  const bool denied = container.limiter && !container.limiter->allows();
  const auto asked = denied ? ScaleStep::kDown : throttled ? ScaleStep::kUp : ScaleStep::kRemain;
  const auto step = allowed_step(terms.pool, asked);
  container.quota_milli = scaled_milli(container.quota_milli, step, base, ceiling);
  container.rose = container.rose || container.quota_milli > base;
  if (step == ScaleStep::kRemain) {
    container.reason = reason_to_stay(asked, terms);
    return;
  }
  container.last_step = round.now;
  if (step == ScaleStep::kUp) {
    container.reason = Reason::kThrottled;
  } else {
    container.reason = terms.pool == PoolState::kOverload ? Reason::kSharePoolBusy : Reason::kBurstTokensSpent;
  }
}

ContainerBurst take(std::vector<ContainerBurst>& before, const std::string& id) {
  const auto found =
      std::find_if(before.begin(), before.end(), [&](const ContainerBurst& known) { return known.id == id; });
  if (found != before.end()) return std::move(*found);
  ContainerBurst fresh;
  fresh.id = id;
  return fresh;
}

/// One pod through its round.
class PodRound {
 public:
  PodRound(const model::Pod& pod, const CpuBurstPolicy& policy, const Round& round, PoolState pool,
           const model::PodUse* use, BurstDecision& decision, Counts& counts)
      : pod_(pod),
        policy_(policy),
        round_(round),
        pool_(pool),
        use_(use),
        limits_(limits_of(pod)),
        scales_(round.quota_scaling && limits_.scalable && asks_for_quota_scaling(policy.policy)),
        bursts_(round.kernel_burst && asks_for_kernel_burst(policy.policy)),
        decision_(decision),
        counts_(counts) {}

  /// The containers to remember.
  std::vector<ContainerBurst> run(std::vector<ContainerBurst> before) {
    if (asks_for_quota_scaling(policy_.policy) && !limits_.scalable) ++counts_.own_limit;
    std::vector<ContainerBurst> after;
    stopped_with_pod_ = find_stopped_with_pod();
    const auto first = decision_.containers.size();
    for (std::size_t i = 0; i < pod_.containers.size(); ++i) {
      if (!limits_.containers[i]) continue;
      auto terms = terms_of(pod_.containers[i], *limits_.containers[i]);
      if (scales_ && !terms.id.empty()) after.push_back(scaled(take(before, terms.id), terms));
      if (bursts_) burst(terms);
      decision_.containers.push_back(std::move(terms));
    }
    want(std::span(decision_.containers).subspan(first), after);
    return after;
  }

 private:
  ContainerBurstTerms terms_of(const model::Container& container, MilliCpu limit) const {
    ContainerBurstTerms terms;
    terms.pod = pod_.uid;
    terms.container = container.name;
    terms.id = container.id;
    terms.policy = policy_.policy;
    terms.limit = terms.quota = terms.ceiling = limit;
    terms.pool = pool_;
    if (scales_) terms.ceiling = std::max(limit, limit.percent(policy_.cfs_quota_burst_percent));
    if (const auto* use = use_of(use_, container.id)) {
      terms.throttled_ratio = use == stopped_with_pod_ ? use_->throttled_ratio : use->throttled_ratio;
      terms.used = use->cpu;
    }
    return terms;
  }

  /// See "Throttled" in cpu_burst.h; nullptr: none.
  const model::ContainerUse* find_stopped_with_pod() const {
    if (use_ == nullptr || !limits_.pod || use_->throttled_ratio.value_or(0) <= 0) return nullptr;
    const model::ContainerUse* most = nullptr;
    double most_percent = 0;
    for (std::size_t i = 0; i < pod_.containers.size(); ++i) {
      const auto* use = use_of(use_, pod_.containers[i].id);
      if (use == nullptr || !use->throttled_ratio || !use->cpu) continue;
      if (*use->throttled_ratio > 0) return nullptr;
      const double percent = percent_of(*use->cpu, *limits_.containers[i]);
      if (most != nullptr && percent <= most_percent) continue;
      most = use;
      most_percent = percent;
    }
    return most;
  }

  ContainerBurst scaled(ContainerBurst container, ContainerBurstTerms& terms) {
    meter(container, pod_.uid, policy_, round_, terms);
    scale(container, round_, terms);
    terms.quota = MilliCpu(static_cast<std::int64_t>(std::floor(container.quota_milli + kRoundingMilli)));
    terms.quota_reason = container.reason;
    terms.limiter = container.limiter;
    if (container.blind_since) terms.blind_for = round_.now - *container.blind_since;
    if (terms.quota > terms.limit) ++counts_.scaled;
    return container;
  }

  void burst(ContainerBurstTerms& terms) {
    terms.burst_asked = terms.limit.percent(policy_.cpu_burst_percent);
    terms.burst = std::min(*terms.burst_asked, terms.quota);
    const bool clamped = *terms.burst < *terms.burst_asked;
    terms.burst_reason = clamped ? Reason::kBurstClamped : Reason::kBurstToLimit;
    ++counts_.bursting;
    if (clamped) ++counts_.clamped;
  }

  void want(std::span<const ContainerBurstTerms> containers, const std::vector<ContainerBurst>& remembered) {
    const bool exists = std::any_of(containers.begin(), containers.end(),
                                    [](const ContainerBurstTerms& terms) { return !terms.id.empty(); });
    if (!exists) return;
    const bool rose =
        std::any_of(remembered.begin(), remembered.end(), [](const ContainerBurst& one) { return one.rose; });
    if (limits_.pod) want_of_pod(containers, rose);
    auto next = remembered.begin();
    for (const auto& terms : containers) {
      if (terms.id.empty()) continue;
      const auto group = model::GroupRef{model::GroupRef::Level::kContainer, pod_.kube_qos, pod_.uid, terms.id};
      if (scales_ && (next++)->rose) add(group, Knob::kCpuQuota, terms.quota, quota_reason(terms));
      if (terms.burst) add(group, Knob::kCpuBurst, *terms.burst, terms.burst_reason);
    }
  }

  void want_of_pod(std::span<const ContainerBurstTerms> containers, bool rose) {
    MilliCpu quota = *limits_.pod;
    MilliCpu burst(0);
    const ContainerBurstTerms* highest = &containers.front();
    const auto above = [](const ContainerBurstTerms& terms) { return terms.quota - terms.limit; };
    for (const auto& terms : containers) {
      quota += above(terms);
      burst += terms.burst.value_or(kNothing);
      if (above(terms) > above(*highest)) highest = &terms;
    }
    if (rose) add(model::group_of(pod_), Knob::kCpuQuota, quota, quota_reason(*highest));
    if (!bursts_) return;
    const bool clamped =
        burst > quota || std::any_of(containers.begin(), containers.end(), [](const ContainerBurstTerms& terms) {
          return terms.burst_reason == Reason::kBurstClamped;
        });
    add(model::group_of(pod_), Knob::kCpuBurst, std::min(burst, quota),
        clamped ? Reason::kBurstClamped : Reason::kBurstToLimit);
  }

  static Reason quota_reason(const ContainerBurstTerms& terms) {
    return terms.quota > terms.limit ? terms.quota_reason : Reason::kSpecQuota;
  }

  void add(model::GroupRef group, Knob knob, MilliCpu value, Reason reason) {
    decision_.wants.wants.push_back(
        {std::move(group), knob, model::Limit{value}, model::Controller::kCpuBurst, reason});
  }

  const model::Pod& pod_;
  const CpuBurstPolicy& policy_;
  const Round& round_;
  PoolState pool_;
  const model::PodUse* use_;
  const model::ContainerUse* stopped_with_pod_ = nullptr;
  PodLimits limits_;
  bool scales_;
  bool bursts_;
  BurstDecision& decision_;
  Counts& counts_;
};

std::string missing(const model::KnobSet& knobs, Knob knob) {
  return fmt::format("{}: {}", name_of(knob), knobs.why_not(knob));
}

FeatureState kernel_feature(const model::KnobSet& knobs, const Counts& counts) {
  FeatureState feature{"cpuBurst.kernel", FeatureState::State::kActive, {}};
  if (!knobs.has(Knob::kCpuBurst)) {
    feature.state = FeatureState::State::kUnsupported;
    feature.why = missing(knobs, Knob::kCpuBurst);
    return feature;
  }
  feature.why = fmt::format("{} containers", counts.bursting);
  if (counts.clamped > 0) {
    feature.why += fmt::format(", {} of them clamped: the kernel takes no burst above the quota", counts.clamped);
  }
  return feature;
}

FeatureState scaling_feature(const model::KnobSet& knobs, const Counts& counts, PoolState pool) {
  FeatureState feature{"cpuBurst.quotaScaling", FeatureState::State::kActive, {}};
  if (!knobs.has(Knob::kCpuQuota)) {
    feature.state = FeatureState::State::kUnsupported;
    feature.why = missing(knobs, Knob::kCpuQuota);
    return feature;
  }
  feature.why = fmt::format("share pool {}, {} containers above their limit", name_of(pool), counts.scaled);
  if (counts.own_limit > 0) {
    feature.why += fmt::format("; {} pods not scaled: their own limit is below their containers'", counts.own_limit);
  }
  return feature;
}

std::vector<FeatureState> features_of(const std::optional<model::NodePolicy>& policy, const model::KnobSet& knobs,
                                      const Counts& counts, PoolState pool) {
  const auto node = policy ? policy->burst.policy : model::BurstPolicy::kNone;
  const bool kernel = asks_for_kernel_burst(node) || counts.asks_kernel > 0;
  const bool scaling = asks_for_quota_scaling(node) || counts.asks_scaling > 0;
  if (!kernel && !scaling) {
    return {{"cpuBurst", FeatureState::State::kInactive,
             std::string(name_of(policy ? Reason::kDisabled : Reason::kNoPolicy))}};
  }
  std::vector<FeatureState> parts;
  if (kernel) parts.push_back(kernel_feature(knobs, counts));
  if (scaling) parts.push_back(scaling_feature(knobs, counts, pool));
  const bool active = std::any_of(parts.begin(), parts.end(),
                                  [](const FeatureState& part) { return part.state == FeatureState::State::kActive; });
  FeatureState whole{
      "cpuBurst", active ? FeatureState::State::kActive : FeatureState::State::kUnsupported,
      active ? fmt::format("policy {}; {} pods", name_of(node), std::max(counts.asks_kernel, counts.asks_scaling))
             : parts.front().why};
  parts.insert(parts.begin(), std::move(whole));
  return parts;
}

/// Takes the sample in, if it is new, and says what may be used of it.
Round begin_round(BurstState& state, const BurstInput& input, const PodUses& uses, BurstDecision& decision) {
  Round round{input.now, nullptr, false, input.knobs.has(Knob::kCpuBurst), input.knobs.has(Knob::kCpuQuota)};
  if (input.sample == nullptr) return round;
  decision.sample_age = std::max(input.now - input.sample->at, model::kZeroDuration);
  if (*decision.sample_age > std::max<model::Duration>(kPodSampleMaxAge, 2 * input.pod_interval)) return round;
  round.fresh = input.sample;
  round.is_new = !state.last_sample || input.sample->at > *state.last_sample;
  if (!round.is_new) return round;
  state.last_sample = input.sample->at;
  const auto reading = pool_reading(*input.sample, uses, input.pods);
  state.pool_read = reading.has_value();
  if (reading) remember(state.pool, *reading);
  return round;
}

}  // namespace

BurstStep cpu_burst(BurstState state, const BurstInput& input, const std::optional<model::NodePolicy>& policy) {
  BurstStep step{std::move(state), {}};
  auto& decision = step.decision;
  const auto uses = input.sample == nullptr ? PodUses() : PodUses(*input.sample);
  const auto round = begin_round(step.state, input, uses, decision);
  decision.pool.total = pool_total(input.capacity, input.pods);
  if (round.fresh != nullptr && step.state.pool_read) {
    decision.pool = pool_load(step.state.pool, decision.pool.total);
  }

  auto before = std::exchange(step.state.pods, {});
  Counts counts;
  for (const auto& pod : input.pods) {
    if (!policy || !is_considered(pod)) continue;
    const auto burst = effective_burst(policy->burst, pod.cpu_burst);
    if (burst.policy == model::BurstPolicy::kNone) continue;
    const auto [slot, first] = step.state.pods.try_emplace(pod.uid);
    if (!first) continue;  // listed twice
    if (asks_for_kernel_burst(burst.policy)) ++counts.asks_kernel;
    if (asks_for_quota_scaling(burst.policy)) ++counts.asks_scaling;
    const auto known = before.find(pod.uid);
    auto containers = known == before.end() ? std::vector<ContainerBurst>() : std::move(known->second);
    PodRound pod_round(pod, burst, round, judge_pool(decision.pool, burst.share_pool_threshold_percent),
                       round.fresh == nullptr ? nullptr : uses.of(pod.uid), decision, counts);
    slot->second = pod_round.run(std::move(containers));
  }
  const auto node_threshold = policy ? effective_burst(policy->burst, std::nullopt).share_pool_threshold_percent : 0;
  decision.wants.features = features_of(policy, input.knobs, counts, judge_pool(decision.pool, node_threshold));
  return step;
}

CpuBurstPolicy effective_burst(const CpuBurstPolicy& node, const std::optional<model::CpuBurstOverride>& pod) {
  constexpr int kAny = std::numeric_limits<int>::max();
  const auto pick = [](int of_node, std::optional<int> of_pod, int least, int most) {
    if (of_pod && *of_pod >= least && *of_pod <= most) return *of_pod;
    return std::clamp(of_node, least, most);
  };
  const auto own = pod.value_or(model::CpuBurstOverride{});
  CpuBurstPolicy policy;
  policy.policy = own.policy.value_or(node.policy);
  policy.cpu_burst_percent = pick(node.cpu_burst_percent, own.cpu_burst_percent, 1, 10'000);
  policy.cfs_quota_burst_percent = pick(node.cfs_quota_burst_percent, own.cfs_quota_burst_percent, 100, kAny);
  policy.cfs_quota_burst_period_seconds =
      pick(node.cfs_quota_burst_period_seconds, own.cfs_quota_burst_period_seconds, -1, kAny);
  policy.share_pool_threshold_percent =
      pick(node.share_pool_threshold_percent, own.share_pool_threshold_percent, 0, 100);
  return policy;
}

bool asks_for_kernel_burst(model::BurstPolicy policy) {
  return policy == model::BurstPolicy::kCpuBurstOnly || policy == model::BurstPolicy::kAuto;
}

bool asks_for_quota_scaling(model::BurstPolicy policy) {
  return policy == model::BurstPolicy::kCfsQuotaBurstOnly || policy == model::BurstPolicy::kAuto;
}

}  // namespace tideline::decide
