#include "node-actor/decide/cpu_round.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "node-actor/decide/batch_limits.h"
#include "node-actor/decide/cpu_qos.h"
#include "node-actor/decide/group_tree.h"
#include "node-actor/decide/pod_uses.h"

namespace tideline::decide {
namespace {

using model::Controller;

bool is_dry(std::string_view feature, const model::DryRun& dry_run) {
  return (dry_run.cpu_suppress && is_feature_of(feature, Controller::kCpuSuppress)) ||
         (dry_run.cpu_burst && is_feature_of(feature, Controller::kCpuBurst)) ||
         (dry_run.cpu_qos && is_feature_of(feature, Controller::kCpuQos)) ||
         (dry_run.cpuset && is_feature_of(feature, Controller::kCpuset)) ||
         (dry_run.batch_limits && is_feature_of(feature, Controller::kBatchLimits)) ||
         (dry_run.cpu_evict && is_feature_of(feature, Controller::kCpuEvict)) ||
         (dry_run.memory_qos && is_feature_of(feature, Controller::kMemoryQos)) ||
         (dry_run.memory_relief && is_feature_of(feature, Controller::kMemoryRelief)) ||
         (dry_run.memory_evict && is_feature_of(feature, Controller::kMemoryEvict));
}

/// Takes the controller's wants and features over; those of a mechanism in dry run say so.
void take(Wants from, const model::DryRun& dry_run, std::vector<Want>& wants,
          std::vector<model::FeatureState>& features) {
  tell_dry_run(from.features, dry_run);
  std::move(from.wants.begin(), from.wants.end(), std::back_inserter(wants));
  std::move(from.features.begin(), from.features.end(), std::back_inserter(features));
}

std::optional<model::MilliCpu> limit_on_be(const CpuRoundInput& input) {
  if (input.be_whole || input.be_limit.kind != CurrentLimit::Kind::kQuota) return input.be_whole;
  return input.be_limit.quota;
}

BeSplitInput split_input(const CpuRoundInput& input) {
  BeSplitInput split{.now = input.now,
                     .whole = input.be_whole,
                     .root = input.be_whole.value_or(model::MilliCpu(0)),
                     .root_used = input.sample.be_cpu,
                     .root_pods = 0,
                     .pods = input.outside};
  if (input.be_limit.kind == CurrentLimit::Kind::kQuota) split.root = input.be_limit.quota;
  split.root_pods = static_cast<int>(std::count_if(input.pods.begin(), input.pods.end(), [](const model::Pod& pod) {
    return pod.qos == model::QosClass::kBe && pod.kube_qos == model::KubeQos::kBestEffort && is_live(pod);
  }));
  const PodUses uses(input.sample);
  for (auto& pod : split.pods) {
    if (const auto* use = uses.of(pod.uid)) pod.used = use->cpu;
    const model::GroupRef group{model::GroupRef::Level::kPod, pod.qos, pod.uid, {}};
    const bool held_off = std::any_of(input.hands_off.begin(), input.hands_off.end(), [&](const HandsOff& entry) {
      return input.now < entry.expires && is_within(group, entry.group);
    });
    pod.held = pod.held && !held_off;
    // Only cgroup v1 takes no quota above the pod's.
    if (!input.is_v1) pod.containers.clear();
  }
  return split;
}

/// Pods that a hold keeps the agent off, also where it is on a container of theirs only: its processes would end, too.
std::vector<model::PodUid> held_pods(const CpuRoundInput& input) {
  std::vector<model::PodUid> held;
  if (input.hands_off.empty()) return held;
  for (const auto& pod : input.pods) {
    const auto group = model::group_of(pod);
    const bool is_held = std::any_of(input.hands_off.begin(), input.hands_off.end(), [&](const HandsOff& entry) {
      return input.now < entry.expires && (is_within(group, entry.group) || is_within(entry.group, group));
    });
    if (is_held) held.push_back(pod.uid);
  }
  return held;
}

/// What BE pods outside of the besteffort root have without us and, on v1, may not have more of.
void add_own_limits(const std::vector<OutsidePod>& pods, BatchLimitsInput& batch) {
  for (const auto& pod : pods) {
    if (pod.own_limit) {
      batch.own_limits.emplace(model::GroupRef{model::GroupRef::Level::kPod, pod.qos, pod.uid, {}}, *pod.own_limit);
      batch.pod_limits.emplace(pod.uid, *pod.own_limit);
    }
    for (const auto& container : pod.containers) {
      if (!container.own_limit) continue;
      batch.own_limits.emplace(model::GroupRef{model::GroupRef::Level::kContainer, pod.qos, pod.uid, container.id},
                               *container.own_limit);
    }
  }
}

}  // namespace

CpuRoundStep cpu_round(CpuRoundState state, const CpuRoundInput& input,
                       const std::optional<model::NodePolicy>& policy) {
  CpuRoundStep step{std::move(state), {}};
  auto& decision = step.decision;
  const auto dry_run = policy ? policy->dry_run : model::DryRun{};
  std::vector<Want> wants;

  auto cpusets = cpuset_control(step.state.cpuset, input.topology, input.pods,
                                {.now = input.now,
                                 .node = input.cpus,
                                 .terms = input.suppress,
                                 .be_current = input.be_cpus_current,
                                 .knobs = input.knobs,
                                 .be_limit = limit_on_be(input),
                                 .lingering = input.lingering},
                                policy);
  step.state.cpuset = std::move(cpusets.state);
  // Under cpuset the pool may stay for want of data: that is no limit to give the quota back for.
  const auto& be = cpusets.decision.be;
  if (be && be->controller == Controller::kCpuSuppress && step.state.cpuset.suppressed) {
    decision.suppressed_cpus = be->cpus;
  }
  take(std::move(cpusets.decision.wants), dry_run, wants, decision.features);

  auto burst = cpu_burst(std::move(step.state.burst),
                         {.now = input.now,
                          .capacity = input.node.capacity,
                          .pods = input.pods,
                          .sample = &input.sample,
                          .pod_interval = input.pod_interval,
                          .knobs = input.knobs},
                         policy);
  step.state.burst = std::move(burst.state);
  take(std::move(burst.decision.wants), dry_run, wants, decision.features);

  take(cpu_qos(input.pods, input.knobs, policy), dry_run, wants, decision.features);
  decision.cookies = core_sched(input.pods, input.knobs, policy);

  // Without a policy nothing of BE's own limits is touched either.
  if (policy) {
    BatchLimitsInput batch{.is_v1 = input.is_v1,
                           .be_root_limit = {},
                           .pod_limits = {},
                           .normalization = policy->scaling.cpu_normalization};
    add_own_limits(input.outside, batch);
    if (!input.outside.empty()) {
      const auto among = split_input(input);
      auto divided = be_split(step.state.split, among);
      step.state.split = std::move(divided.state);
      decision.split = std::move(divided.split);
      take(outside_wants(decision.split, among, input.knobs, policy->threshold.enable), dry_run, wants,
           decision.features);
      if (decision.split && !dry_run.cpu_suppress) {
        for (const auto& part : decision.split->pods) {
          auto& limit = batch.pod_limits.try_emplace(part.uid, part.limit).first->second;
          limit = std::min(limit, part.limit);
        }
      }
    } else {
      step.state.split = {};
    }
    if (input.be_limit.kind == CurrentLimit::Kind::kQuota) batch.be_root_limit = input.be_limit.quota;
    take(batch_limits(input.pods, input.knobs, batch), dry_run, wants, decision.features);
  }

  std::optional<std::int64_t> be_cpus;
  if (input.sample.be_cpus) be_cpus = *input.sample.be_cpus;
  const auto held = held_pods(input);
  auto evict = cpu_evict(std::move(step.state.evict),
                         {.now = input.now,
                          .boot_id = input.boot_id,
                          .node = input.node,
                          .allocatable_batch_cpu = input.allocatable_batch_cpu,
                          .pods = input.pods,
                          .sample = &input.sample,
                          .be_real_limit = be_real_limit(input.be_limit, be_cpus),
                          .interval = input.pod_interval,
                          .work = input.work,
                          .held = held},
                         policy);
  step.state.evict = std::move(evict.state);
  take({.wants = {}, .features = evict.decision.features}, dry_run, wants, decision.features);
  decision.evict = std::move(evict.decision);

  if (input.others != nullptr) take(*input.others, dry_run, wants, decision.features);

  if (auto scaling = scaling_feature(policy)) decision.features.push_back(*std::move(scaling));
  decision.settlement = settle_again(step.state.settled, std::move(wants), dry_run, input.hands_off, input.now);
  return step;
}

std::optional<model::FeatureState> scaling_feature(const std::optional<model::NodePolicy>& policy) {
  if (!policy) return std::nullopt;
  const auto& scaling = policy->scaling;
  if (scaling.cpu_amplification == model::Ratio() && scaling.memory_amplification == model::Ratio())
    return std::nullopt;
  return model::FeatureState{"resourceAmplification", model::FeatureState::State::kUnsupported,
                             fmt::format("inactive: allocatable times cpu {:.2f}, memory {:.2f} is left to "
                                         "Koordinator's webhook, which reads the ratio on the Node",
                                         scaling.cpu_amplification.value(), scaling.memory_amplification.value())};
}

void tell_dry_run(std::vector<model::FeatureState>& features, const model::DryRun& dry_run) {
  for (auto& feature : features) {
    if (feature.state != model::FeatureState::State::kActive || !is_dry(feature.feature, dry_run)) continue;
    feature.state = model::FeatureState::State::kInactive;
    feature.why = "dry run, nothing is written: " + feature.why;
  }
}

std::vector<model::FeatureState> waiting_features(std::string_view why) {
  std::vector<model::FeatureState> features;
  for (const auto* feature : {"cpuset", "cpuBurst", "cpuQOS.lsrClass", "cpuQOS.lsClass", "cpuQOS.beClass",
                              "batchLimits", "cpuEvict.beSatisfaction", "cpuEvict.allocatable", "cpuEvict.nodeUsage"}) {
    features.push_back({feature, model::FeatureState::State::kInactive, std::string(why)});
  }
  return features;
}

bool is_feature_of(std::string_view feature, Controller controller) {
  switch (controller) {
    case Controller::kCpuSuppress:
      return feature.starts_with("cpuSuppress");
    case Controller::kCpuBurst:
      return feature.starts_with("cpuBurst");
    case Controller::kCpuQos:
      return feature.starts_with("cpuQOS");
    case Controller::kCpuset:
      return feature.starts_with("cpuset");
    case Controller::kBatchLimits:
      return feature.starts_with("batchLimits") || feature.starts_with("batchMemory");
    case Controller::kCpuEvict:
      return feature.starts_with("cpuEvict");
    case Controller::kMemoryQos:
      return feature.starts_with("memoryQOS");
    case Controller::kMemoryRelief:
      return feature.starts_with("memoryRelief");
    case Controller::kMemoryEvict:
      return feature.starts_with("memoryEvict");
    case Controller::kNone:
    case Controller::kGuard:
    case Controller::kCoordinator:
    case Controller::kBeWork:
      return false;
  }
  return false;
}

}  // namespace tideline::decide
