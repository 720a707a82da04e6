#pragma once
// One pod round of the CPU side: CPU burst, CPU QoS, cpusets, batch limits and CPU eviction over the same readings, and
// what the arbiter makes of their wants. The besteffort root's quota is not among them: the fast loop owns it
// (cpu_suppress.h); what it leaves to BE pods outside of that root is (be_split.h).

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/sample.h"
#include "messages/model/topology.h"
#include "node-actor/decide/arbiter.h"
#include "node-actor/decide/be_split.h"
#include "node-actor/decide/core_sched.h"
#include "node-actor/decide/cpu_burst.h"
#include "node-actor/decide/cpu_evict.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/cpuset_control.h"

namespace tideline::decide {

/// Nothing here is owned: all must outlive the call.
struct CpuRoundInput {
  model::MonoTime now;
  const NodeFacts& node;
  const std::vector<model::Pod>& pods;
  const model::NodeSample& sample;  // of this round
  model::Duration pod_interval = std::chrono::seconds(1);
  const model::KnobSet& knobs;
  const model::Topology& topology;
  const NodeCpus& cpus;
  const SuppressTerms& suppress;                 // of the newest fast round
  CurrentLimit be_limit;                         // of the besteffort root after that round
  std::optional<model::CpuSet> be_cpus_current;  // see CpusetInput::be_current
  bool is_v1 = false;
  const std::string& boot_id;
  const std::vector<HandsOff>& hands_off;
  std::optional<model::MilliCpu> allocatable_batch_cpu;  // as the coordinator's ledger has it; nullopt: not known now
  std::span<const PodWork> work;                         // CPU time of the pods it is known of
  /// The limit of CPU suppress on all of BE, in force or, in dry run, as it would be; nullopt: none.
  std::optional<model::MilliCpu> be_whole = std::nullopt;
  /// The BE pods that limit is divided with; their use is taken from the sample.
  std::vector<OutsidePod> outside = {};
  /// Pods that have ended and whose groups are there still.
  std::span<const model::PodUid> lingering = {};
  /// Of the memory side: settled with the wants of this round, and told with its features.
  const Wants* others = nullptr;
};

/// A default-constructed one is right after a start.
struct CpuRoundState {
  BurstState burst;
  CpusetState cpuset;
  EvictState evict;
  BeSplitState split;
  LastSettlement settled;
};

struct CpuRoundDecision {
  std::shared_ptr<const Settlement> settlement;  // while nothing changes, the very one of the round before
  EvictDecision evict;
  std::vector<CookieWant> cookies;  // see core_sched.h
  /// The CPUs that CPU suppress holds BE to under cpuSuppressPolicy cpuset; nullopt: it holds BE to none.
  std::optional<model::CpuSet> suppressed_cpus;
  std::optional<BeSplit> split;  // nullopt: the limit on all of BE is the besteffort root's alone, or there is none
  /// Of every mechanism; a mechanism in dry run says so.
  std::vector<model::FeatureState> features;
};

struct CpuRoundStep {
  CpuRoundState state;
  CpuRoundDecision decision;
};

CpuRoundStep cpu_round(CpuRoundState state, const CpuRoundInput& input, const std::optional<model::NodePolicy>& policy);

/// Feature "resourceAmplification" where the policy amplifies allocatable, which no node does: Kubernetes has it.
std::optional<model::FeatureState> scaling_feature(const std::optional<model::NodePolicy>& policy);

/// Active features of mechanisms in dry run become inactive and say so. What cpu_round() tells is told so already.
void tell_dry_run(std::vector<model::FeatureState>& features, const model::DryRun& dry_run);

/// The features that every round tells, inactive with that reason: for as long as there can be no round.
std::vector<model::FeatureState> waiting_features(std::string_view why);

/// Whether the feature is one of the controller's; also those of the memory side.
bool is_feature_of(std::string_view feature, model::Controller controller);

}  // namespace tideline::decide
