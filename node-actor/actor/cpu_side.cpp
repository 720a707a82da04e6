#include "node-actor/actor/cpu_side.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/log/log.h"
#include "node-actor/kernel/capabilities.h"
#include "node-actor/kernel/knob.h"
#include "node-actor/kernel/topology.h"

namespace tideline::node {
namespace {

void lack(model::KnobSet& knobs, model::Knob knob, const std::string& why) {
  for (auto& support : knobs.knobs) {
    if (support.knob != knob) continue;
    support.supported = false;
    support.why = why;
  }
}

/// kubelet's checkpoint of its CPU manager, JSON with "policyName"; absent or unreadable: no static policy is known of.
bool kubelet_owns_cpusets(const std::string& path) {
  std::ifstream in(path);
  const auto state = nlohmann::json::parse(in, nullptr, false);
  return state.is_object() && state.value("policyName", std::string()) == "static";
}

}  // namespace

CpuSide::CpuSide(const kernel::CgroupTree& tree, guard::Journal& journal, std::string boot_id,
                 const std::string& kubelet_state, const model::KnobSupport& core_sched, Cookies cookies,
                 Actuator::Perform perform, Tell tell)
    : tree_(tree),
      journal_(journal),
      boot_id_(std::move(boot_id)),
      knobs_(kernel::probe_knobs(tree)),
      actuator_(tree, journal, std::move(perform)),
      evictions_(tree, std::move(tell)),
      cookies_(std::move(cookies)) {
  knobs_.knobs.push_back(core_sched);
  if (auto topology = kernel::load_topology(tree.root())) {
    topology_ = std::move(*topology);
  } else {
    // CPUs that cannot be told apart cannot be handed out.
    lack(knobs_, model::Knob::kCpuset, topology.error().message());
    log::warn("topology", "{}", topology.error().message());
  }
  if (kubelet_owns_cpusets(kubelet_state)) {
    lack(knobs_, model::Knob::kCpuset,
         kubelet_state +
             " says policyName static: kubelet places containers itself, and this build stays out of its way");
  }
}

model::Result<void> CpuSide::round(const Round& round) {
  // Pods come and go, and each leaves records behind.
  if (round.now - pruned_ >= kPrune) {
    pruned_ = round.now;
    if (auto pruned = journal_.forget_gone(); !pruned) log::warn("journal", "{}", pruned.error().message());
  }
  // Absence of a policy must not give BE back what an earlier one took.
  if (!round.policy) return {};
  std::optional<model::CpuSet> be_current;
  if (std::exchange(first_round_, false)) {
    const auto reading = kernel::read_knob(tree_, tree_.best_effort(), model::Knob::kCpuset);
    if (reading) be_current = std::get<model::CpuSet>(reading->value);
  }
  const auto held = hands_off(round);
  std::vector<decide::PodWork> work;
  for (const auto& pod : round.counters.pods) {
    if (pod.group.cpu) work.push_back({pod.uid, *pod.group.cpu});
  }
  const decide::CpuRoundInput input{.now = round.now,
                                    .node = round.node,
                                    .pods = round.pods,
                                    .sample = round.sample,
                                    .pod_interval = round.pod_interval,
                                    .knobs = knobs_,
                                    .topology = topology_,
                                    .cpus = cpus_,
                                    .suppress = round.suppress,
                                    .be_limit = round.be_limit,
                                    .be_cpus_current = std::move(be_current),
                                    .is_v1 = tree_.version() == kernel::CgroupVersion::kV1,
                                    .boot_id = boot_id_,
                                    .hands_off = held,
                                    .work = work};
  round.recorder.cpu_round_begins(state_, input, round.policy);
  auto step = decide::cpu_round(std::move(state_), input, round.policy);
  round.recorder.cpu_round_ends(step.decision);
  state_ = std::move(step.state);
  features_ = std::move(step.decision.features);
  auto done = actuator_.apply(step.decision.settlement, round.now);
  if (done) {
    done = cookies_.round({.wants = step.decision.cookies,
                           .pods = round.pods,
                           .held = [&](const model::PodUid& uid) { return is_held(round, uid); },
                           .now = round.now});
  }
  std::erase_if(step.decision.evict.victims, [&](const decide::EvictVictim& victim) {
    const bool left_alone = is_held(round, victim.uid);
    if (left_alone) {
      decide::refuse(state_.evict, victim.uid);
      round.recorder.cpu_state_changed();
    }
    return left_alone;
  });
  if (const auto* hold = decide::covering(round.holds, tree_.kubepods(), round.now)) {
    for (auto& feature : features_) {
      if (feature.state != model::FeatureState::State::kActive) continue;
      feature.state = model::FeatureState::State::kInactive;
      feature.why = decide::why(*hold);
    }
  }
  evictions_.round(step.decision.evict.victims, round.pods, round.policy && round.policy->dry_run.cpu_evict, round.now);
  const bool by_cpuset = round.policy && round.policy->threshold.cpu_suppress_policy == model::SuppressPolicy::kCpuset;
  if (!by_cpuset || !knobs_.has(model::Knob::kCpuset)) {
    cpuset_side_ = decide::CpusetSide::kAbsent;
  } else {
    look_at_be_cpus(step.decision.suppressed_cpus);
  }
  return done;
}

std::vector<decide::HandsOff> CpuSide::hands_off(const Round& round) const {
  std::vector<decide::HandsOff> found;
  for (const auto& hold : round.holds) {
    const auto add = [&](const model::GroupRef& group) {
      constexpr model::MonoTime kNever{INT64_MAX};
      found.push_back({group, hold.until.value_or(kNever), hold.what.who, hold.what.reason});
    };
    const auto covers = [&](const std::string& group) { return decide::covering({hold}, group, round.now) != nullptr; };
    for (const auto qos : {model::KubeQos::kGuaranteed, model::KubeQos::kBurstable, model::KubeQos::kBestEffort}) {
      if (covers(tree_.qos_group(qos))) add(model::root_of(qos));
    }
    for (const auto& pod : round.pods) {
      if (covers(tree_.pod_group(pod))) {
        add(model::group_of(pod));
        continue;
      }
      if (!hold.what.group.starts_with(tree_.pod_group(pod) + "/")) continue;
      for (const auto& container : pod.containers) {
        const auto group = tree_.container_group(pod, container);
        if (group && covers(*group)) add(model::group_of(pod, container));
      }
    }
  }
  return found;
}

bool CpuSide::is_held(const Round& round, const model::PodUid& uid) const {
  const auto pod =
      std::find_if(round.pods.begin(), round.pods.end(), [&](const auto& each) { return each.uid == uid; });
  if (pod == round.pods.end()) return false;
  const auto group = tree_.pod_group(*pod);
  return std::any_of(round.holds.begin(), round.holds.end(), [&](const decide::Hold& hold) {
    return decide::covering({hold}, group, round.now) != nullptr || hold.what.group.starts_with(group + "/");
  });
}

void CpuSide::look_at_be_cpus(const std::optional<model::CpuSet>& wanted) {
  cpuset_side_ = decide::CpusetSide::kNotInPlace;
  if (!wanted) return;
  const auto reading = kernel::read_knob(tree_, tree_.best_effort(), model::Knob::kCpuset);
  if (!reading) return;
  const auto& held = reading->effective ? *reading->effective : std::get<model::CpuSet>(reading->value);
  if (wanted->contains(held) && !held.empty()) cpuset_side_ = decide::CpusetSide::kInPlace;
}

std::vector<model::FeatureState> CpuSide::features() const {
  auto features = features_;
  for (auto& feature : features) {
    if (!decide::is_feature_of(feature.feature, model::Controller::kCpuQos)) continue;
    if (feature.state != model::FeatureState::State::kActive) continue;
    if (const auto count = cookies_.foreign(); count > 0) {
      feature.why += fmt::format("; {} threads keep a core-sched cookie that is not this agent's", count);
    }
    if (const auto& problem = cookies_.problem()) {
      feature.state = model::FeatureState::State::kUnsupported;
      feature.why = "not all threads have their core-sched cookie: " + problem->message();
    }
  }
  for (const auto& [controller, problem] : actuator_.problems()) {
    for (auto& feature : features) {
      if (!decide::is_feature_of(feature.feature, controller)) continue;
      if (feature.state != model::FeatureState::State::kActive) continue;
      feature.state = model::FeatureState::State::kUnsupported;
      feature.why = "not all could be written: " + problem.message();
    }
  }
  return features;
}

}  // namespace tideline::node
