#pragma once
// CPU eviction: which BE pods should leave this host because CPU is short. A plain function of state, input and policy.
// It picks and says why; who executes, and whether a disruption budget allows it, is not known here (DESIGN §4).
//
// Three features of Koordinator, in this order, with shared accounting: a pod that one of them picked is credited to
// the next.
//   cpuEvict.beSatisfaction  BECPUEvict: BE gets too little of what it asked for (be_satisfaction.h)
//   cpuEvict.allocatable     CPUAllocatableEvict: requested / allocatable > cpuAllocatableEvictThresholdPercent, down
//   to
//                            the lower percent; of batch-cpu, and of cpu for pods that are neither batch nor mid
//   cpuEvict.nodeUsage       CPUEvict: trunc(used * 100 / capacity) >= cpuEvictThresholdPercent, down to the lower
//                            percent (absent: 2 below)
//
// Where this differs from Koordinator, on purpose:
// * What is not known never evicts. Koordinator releases all that is requested when allocatable is missing or 0, which
//   is also what a metrics outage leaves behind. Of batch-cpu the coordinator tells the two apart here: that there is
//   none, as in a deficit, does evict.
// * Only running pods count and only they are victims; a finished batch pod asks for nothing.
// * Terminating pods and the victims of the last two minutes are credited while they are listed, those of memory
//   eviction as well.
// * A trigger must hold in the newest reading too, not only in the mean over the window.
// * BE's real limit is also what the others leave of the host: where BE has no quota and is held by weight alone, a
//   starved BE is seen as such.
// * Services below the besteffort root (host applications) are others, too: what they use is taken off BE's use and off
//   the root's real limit.
// * Only QoS BE pods are victims.

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"
#include "node-actor/decide/be_satisfaction.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/evict_serve.h"
#include "node-actor/decide/evict_window.h"
#include "node-actor/decide/victims.h"

namespace tideline::decide {

/// After a round with victims, and after a start, nobody is picked for this long (Koordinator's CPU cool-down): what
/// was released must show first.
constexpr model::Duration kEvictCoolDown = std::chrono::seconds(20);

/// The least of BE's quota and of the CPUs its cpusets leave it; a bound that is not known bounds nothing, which can
/// only make BE look better off. nullopt: no bound is known.
std::optional<model::MilliCpu> be_real_limit(const CurrentLimit& quota, std::optional<std::int64_t> cpuset_cpus);

struct EvictInput {
  model::MonoTime now;
  std::string boot_id;                                   // part of each victim's id
  NodeFacts node;                                        // a capacity or allocatable of 0 is not known
  std::optional<model::MilliCpu> allocatable_batch_cpu;  // kubernetes.io/batch-cpu of the node; 0: there is none
  std::span<const model::Pod> pods;                      // all of the host, finished ones too
  /// Newest of the pod loop; read: at, window, node_cpu, be_cpu, app_cpu_in_be and the pods' cpu. nullptr: none.
  const model::NodeSample* sample = nullptr;
  std::optional<model::MilliCpu> be_real_limit;  // at `sample`, see be_real_limit()
  model::Duration interval = std::chrono::seconds(1);
  std::span<const PodWork> work;        // of those pods it is known of
  std::span<const model::PodUid> held;  // the agent's own and those under hands-off: not picked
};

/// What is remembered from round to round. A default-constructed one is right after a start.
struct EvictState {
  using Asked = AskedPod;
  EvictWindow window;
  std::optional<model::MonoTime> quiet_until;  // nobody is picked before; nullopt: just started
  std::vector<Asked> asked;                    // by memory eviction, too
  /// Since when each task's trigger has held. Data that is missing for a while does not end it.
  std::array<std::optional<model::MonoTime>, kEvictTasks> since;
};

/// The executor will not evict this pod now (a disruption budget, an operator): it is not credited any more, and not
/// picked before kEvictMemory has passed.
void refuse(EvictState& state, const model::PodUid& uid);
/// It waits to be evicted or is on its way out: credited, and not picked, for another kEvictMemory.
void credit(EvictState& state, const model::PodUid& uid, model::MonoTime now);
/// It is not to be evicted after all, and may be picked again.
void forget(EvictState& state, const model::PodUid& uid);
/// An eviction for CPU began: nobody is picked for kEvictCoolDown.
void cool_down(EvictState& state, model::MonoTime now);

/// Every number the decision rests on, for `explain`.
struct EvictTerms {
  NodeFacts node;
  std::optional<model::MilliCpu> allocatable_batch_cpu;
  std::optional<model::Duration> sample_age;
  bool sample_fresh = false;
  std::optional<model::MilliCpu> be_real_limit;  // as given
  std::optional<model::MilliCpu> be_left;        // what the others leave of the host
  model::MilliCpu be_request;
  BeSatisfactionTerms satisfaction;
  std::size_t running_pods = 0;
  std::size_t finished_pods = 0;           // or not started: not counted
  std::size_t leaving_pods = 0;            // terminating or asked for, and still running
  std::optional<model::Duration> cooling;  // left of the cool-down
};

struct EvictDecision {
  std::vector<EvictVictim> victims;                // in order
  std::array<EvictOutcome, kEvictTasks> outcomes;  // in the order of kAllEvictTasks
  EvictTerms terms;
  std::vector<model::FeatureState> features;  // the three, for NodeStatus.features
  const EvictOutcome& of(EvictTask task) const { return outcomes[place_of(task)]; }
};

struct EvictStep {
  EvictState state;
  EvictDecision decision;
};

/// One round, once per pod sample (1 s); a round without a new sample is harmless. `policy` nullopt: none was ever
/// received, nobody is evicted.
EvictStep cpu_evict(EvictState state, const EvictInput& input, const std::optional<model::NodePolicy>& policy);

}  // namespace tideline::decide
