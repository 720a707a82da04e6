#include "node-actor/decide/cpu_evict.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::Duration;
using model::FeatureState;
using model::MilliCpu;
using model::Reason;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kDisabledWhy = "resource-threshold-config enable is false";

/// What the round knows of the host.
struct Seen {
  std::vector<RunningPod> pods;
  std::optional<EvictReading> newest;  // a fresh one
  std::string stale;                   // why there is none
};

MilliCpu without(MilliCpu whole, MilliCpu part) {
  return std::max(whole - part, MilliCpu(0));
}

/// The besteffort root's use without that of services below it.
std::optional<MilliCpu> use_of_be(const model::NodeSample& sample) {
  if (!sample.be_cpu || !sample.app_cpu_in_be) return std::nullopt;
  return without(*sample.be_cpu, *sample.app_cpu_in_be);
}

/// What the others leave of the host; at least what BE has of it.
std::optional<MilliCpu> left_for_be(const NodeFacts& node, const model::NodeSample& sample) {
  const auto be = use_of_be(sample);
  if (node.capacity <= MilliCpu(0) || !sample.node_cpu || !be) return std::nullopt;
  return std::max(node.capacity - (*sample.node_cpu - *be), *be);
}

std::optional<MilliCpu> in_batch_cpu(const std::optional<MilliCpu>& cpu, model::Ratio normalization) {
  if (!cpu) return std::nullopt;
  return normalization.times(*cpu);
}

/// Of the host's CPUs: there is no host without.
std::optional<MilliCpu> known(MilliCpu cpus) {
  return cpus > MilliCpu(0) ? std::optional(cpus) : std::nullopt;
}

/// 0 is known: there is none.
std::optional<MilliCpu> known_of_batch(const std::optional<MilliCpu>& allocatable) {
  return allocatable && *allocatable >= MilliCpu(0) ? allocatable : std::nullopt;
}

/// `normalization`: of batch-cpu, in which BE asks; what it has and uses of this host's CPUs is told in the same.
Seen look(const EvictInput& input, const model::ThresholdPolicy& policy, model::Ratio normalization,
          EvictTerms& terms) {
  Seen seen;
  const auto* sample = input.sample;
  if (sample == nullptr) {
    seen.stale = "there is no pod sample yet";
  } else {
    terms.sample_age = std::max(input.now - sample->at, model::kZeroDuration);
    terms.sample_fresh = *terms.sample_age <= std::max<Duration>(kPodSampleMaxAge, 2 * input.interval);
    if (!terms.sample_fresh) {
      seen.stale = fmt::format("the newest pod sample is {:.1f} s old", Seconds(*terms.sample_age).count());
    }
  }
  seen.pods = running_pods(input.pods, terms.sample_fresh ? sample : nullptr);
  terms.running_pods = seen.pods.size();
  terms.finished_pods = input.pods.size() - seen.pods.size();
  for (const auto& pod : seen.pods)
    terms.be_request += MilliCpu(released_by(EvictTask::kBeSatisfaction, pod, policy).value());
  if (!terms.sample_fresh) return seen;

  terms.be_left = left_for_be(input.node, *sample);
  EvictReading reading{.at = sample->at,
                       .window = sample->window,
                       .node_cpu = sample->node_cpu,
                       .be_cpu = in_batch_cpu(use_of_be(*sample), normalization),
                       .be_limit = {},
                       .be_request = terms.be_request};
  if (policy.cpu_evict_policy == model::CpuEvictPolicy::kAllocatable) {
    reading.be_limit = known_of_batch(input.allocatable_batch_cpu);
    // As Koordinator has it: of a limit of nothing no use is a share.
    if (reading.be_limit) reading.be_limit = std::max(*reading.be_limit, MilliCpu(1));
  } else if (input.be_real_limit) {
    const auto limit = without(*input.be_real_limit, sample->app_cpu_in_be.value_or(MilliCpu(0)));
    reading.be_limit = in_batch_cpu(std::min(limit, terms.be_left.value_or(limit)), normalization);
  }
  seen.newest = reading;
  return seen;
}

std::string missing_of_be(const Seen& seen, const model::ThresholdPolicy& policy) {
  if (!seen.newest) return seen.stale;
  if (!seen.newest->be_cpu) return "the CPU use of the besteffort root, or of services below it, is not known";
  if (policy.cpu_evict_policy == model::CpuEvictPolicy::kAllocatable) {
    return "allocatable kubernetes.io/batch-cpu is not known now";
  }
  return "what limits the besteffort root is not known";
}

EvictOutcome judge_satisfaction(const EvictState& state, const EvictInput& input, const Seen& seen,
                                const model::ThresholdPolicy& policy, EvictTerms& terms) {
  std::optional<BeView> newest;
  if (seen.newest && seen.newest->be_cpu && seen.newest->be_limit) {
    newest = BeView{*seen.newest->be_limit, terms.be_request, *seen.newest->be_cpu};
  }
  auto judged = judge_be_satisfaction(policy, state.window.length(), state.window.be(input.now), newest,
                                      missing_of_be(seen, policy));
  terms.satisfaction = judged.terms;
  EvictOutcome outcome;
  outcome.trigger = judged.reason;
  outcome.target = judged.release;
  outcome.why = std::move(judged.why);
  return outcome;
}

EvictOutcome judge_allocatable(EvictTask task, std::optional<MilliCpu> allocatable, std::string_view resource,
                               const Seen& seen, const model::ThresholdPolicy& policy) {
  return judge_over_allocation({.task = task,
                                .resource = resource,
                                .allocatable = allocatable,
                                .threshold_percent = policy.cpu_allocatable_evict_threshold_percent,
                                .lower_percent = policy.cpu_allocatable_evict_lower_percent,
                                .keys = "cpuAllocatableEvict",
                                .trigger = Reason::kOverAllocated},
                               seen.pods, policy);
}

EvictOutcome judge_node_usage(const EvictState& state, const EvictInput& input, const Seen& seen,
                              const model::ThresholdPolicy& policy) {
  EvictOutcome outcome;
  outcome.threshold_percent = policy.cpu_evict_threshold_percent;
  outcome.priority_threshold = policy.evict_enabled_priority_threshold;
  const auto say = [&](Reason trigger, std::string why) {
    outcome.trigger = trigger;
    outcome.why = std::move(why);
    return outcome;
  };
  if (!policy.enable) return say(Reason::kDisabled, std::string(kDisabledWhy));
  if (!outcome.threshold_percent) return say(Reason::kDisabled, "cpuEvictThresholdPercent is not set");
  const int threshold = *outcome.threshold_percent;
  const int lower = policy.cpu_evict_lower_percent.value_or(std::max(threshold - 2, 0));
  outcome.lower_percent = lower;
  if (threshold <= 0 || threshold > 100 || lower < 0 || lower >= threshold) {
    return say(Reason::kBadEvictPolicy,
               fmt::format("cpuEvictThresholdPercent {} with cpuEvictLowerPercent {}", threshold, lower));
  }
  if (!outcome.priority_threshold) return say(Reason::kBadEvictPolicy, "evictEnabledPriorityThreshold is not set");
  outcome.whole = known(input.node.capacity);
  if (!outcome.whole) return say(Reason::kStaleSample, "the host's CPU capacity is not known");
  if (!seen.newest) return say(Reason::kStaleSample, seen.stale);
  if (!seen.newest->node_cpu) return say(Reason::kStaleSample, "the host's CPU use is not known");
  outcome.newest = seen.newest->node_cpu;
  const auto mean = state.window.node(input.now);
  if (mean.covered <= model::kZeroDuration || mean.covered * 3 < state.window.length()) {
    return say(Reason::kTooFewSamples,
               fmt::format("{:.1f} s of the last {:.1f} s were watched, a third is needed",
                           Seconds(mean.covered).count(), Seconds(state.window.length()).count()));
  }
  outcome.measured = mean.use;
  const auto percent_of = [&](EvictAmount use) {
    return static_cast<std::int64_t>(static_cast<double>(use.value()) * 100.0 /
                                     static_cast<double>(outcome.whole->value()));
  };
  const auto percent = std::min(percent_of(mean.use), percent_of(*outcome.newest));
  const auto text = fmt::format("{} of {} millicores used, {} now, threshold {} %", mean.use.value(),
                                outcome.whole->value(), outcome.newest->value(), threshold);
  if (percent < threshold) return say(Reason::kSatisfied, text);
  outcome.target = outcome.whole->percent(static_cast<double>(percent - lower));
  return say(Reason::kNodeCpuFull, text);
}

std::vector<FeatureState> features_of(const EvictDecision& decision) {
  auto features = evict_features(decision.outcomes);
  const auto& allocatable = decision.of(EvictTask::kBatchAllocatable);
  if (allocatable.trigger != Reason::kDisabled && allocatable.trigger != Reason::kNoPolicy) {
    features.push_back({"cpuEvict.allocatable.mid-cpu", FeatureState::State::kUnsupported,
                        "kubernetes.io/mid-cpu: what mid may have in all is not told to nodes"});
  }
  return features;
}

std::size_t count_leaving(const Leaving& leaving, const std::vector<RunningPod>& pods) {
  return static_cast<std::size_t>(std::count_if(pods.begin(), pods.end(), [&](const RunningPod& running) {
    const auto& credited = leaving.credited;
    return running.pod->eviction.terminating ||
           std::find(credited.begin(), credited.end(), running.pod->uid) != credited.end();
  }));
}

}  // namespace

std::optional<MilliCpu> be_real_limit(const CurrentLimit& quota, std::optional<std::int64_t> cpuset_cpus) {
  std::optional<MilliCpu> limit;
  if (quota.kind == CurrentLimit::Kind::kQuota) limit = quota.quota;
  if (cpuset_cpus && *cpuset_cpus > 0) {
    const MilliCpu cpus(std::min(*cpuset_cpus, model::ReportLimits::kMaxMilliCpu / 1000) * 1000);
    limit = std::min(limit.value_or(cpus), cpus);
  }
  return limit;
}

void refuse(EvictState& state, const model::PodUid& uid) {
  for (auto& asked : state.asked) {
    if (asked.uid == uid) asked.refused = true;
  }
}

void credit(EvictState& state, const model::PodUid& uid, model::MonoTime now) {
  for (auto& asked : state.asked) {
    if (asked.uid != uid) continue;
    asked = {uid, now, false};
    return;
  }
  state.asked.push_back({uid, now, false});
}

void forget(EvictState& state, const model::PodUid& uid) {
  std::erase_if(state.asked, [&](const EvictState::Asked& asked) { return asked.uid == uid; });
}

void cool_down(EvictState& state, model::MonoTime now) {
  state.quiet_until = std::max(state.quiet_until.value_or(now), now + kEvictCoolDown);
}

EvictStep cpu_evict(EvictState state, const EvictInput& input, const std::optional<model::NodePolicy>& policy) {
  EvictStep step{std::move(state), {}};
  auto& decision = step.decision;
  auto& terms = decision.terms;
  auto& remembered = step.state;
  const auto threshold = policy ? policy->threshold : model::ThresholdPolicy{};
  const bool dry_run = policy && policy->dry_run.cpu_evict;

  if (!remembered.quiet_until) remembered.quiet_until = input.now + kEvictCoolDown;
  expire_asked(remembered.asked, input.now);
  const Duration window =
      std::max<Duration>(input.interval, std::chrono::seconds(threshold.cpu_evict_time_window_seconds.value_or(0)));
  remembered.window.configure(window, threshold.cpu_evict_policy);

  terms.node = input.node;
  terms.allocatable_batch_cpu = input.allocatable_batch_cpu;
  terms.be_real_limit = input.be_real_limit;
  if (input.now < *remembered.quiet_until) terms.cooling = *remembered.quiet_until - input.now;
  const Seen seen = look(input, threshold, policy ? policy->scaling.cpu_normalization : model::Ratio(), terms);
  terms.leaving_pods =
      count_leaving(leaving_of(remembered.asked, {}, model::Controller::kCpuEvict, dry_run), seen.pods);
  if (seen.newest) remembered.window.add(*seen.newest, 2 * input.interval);

  decision.outcomes = {
      judge_satisfaction(remembered, input, seen, threshold, terms),
      judge_allocatable(EvictTask::kBatchAllocatable, known_of_batch(input.allocatable_batch_cpu),
                        "kubernetes.io/batch-cpu", seen, threshold),
      judge_allocatable(EvictTask::kCpuAllocatable, known(input.node.allocatable), "cpu", seen, threshold),
      judge_node_usage(remembered, input, seen, threshold)};
  follow_triggers(decision.outcomes, kAllEvictTasks, remembered.since, policy.has_value(), input.now);
  decision.victims = serve_triggers(decision.outcomes, remembered.asked,
                                    {.now = input.now,
                                     .boot_id = input.boot_id,
                                     .pods = seen.pods,
                                     .work = input.work,
                                     .held = input.held,
                                     .since = remembered.since,
                                     .dry_run = dry_run,
                                     .wait = terms.cooling ? "cooling down" : "",
                                     .policy = threshold});
  if (!decision.victims.empty()) remembered.quiet_until = input.now + kEvictCoolDown;
  decision.features = features_of(decision);
  return step;
}

}  // namespace tideline::decide
