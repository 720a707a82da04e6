#pragma once
// The CPU side of one host beyond the fast limit: burst, QoS, cpusets, batch limits and evictions, once per pod round.
// What the memory side wants is settled and evicted with it.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/counters.h"
#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "messages/model/topology.h"
#include "node-actor/actor/actuator.h"
#include "node-actor/actor/batch_memory_view.h"
#include "node-actor/actor/cookies.h"
#include "node-actor/actor/evictions.h"
#include "node-actor/actor/kubelet_cpus.h"
#include "node-actor/actor/memory_side.h"
#include "node-actor/actor/newborn_cpusets.h"
#include "node-actor/actor/recorder.h"
#include "node-actor/actor/unwritten.h"
#include "node-actor/decide/be_work.h"
#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/guard/journal.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

class CpuSide {
 public:
  /// One thing to be told in history: reason, subject, before, after.
  using Tell = Evictions::Tell;

  /// How often at most the sums of batch's work are written to disk.
  static constexpr model::Duration kKeepWork = std::chrono::seconds(10);
  /// How often records of groups that are gone are looked for.
  static constexpr model::Duration kPrune = std::chrono::minutes(1);

  struct Host {
    std::string boot_id;
    std::string kernel_release;
    std::string state_dir;
    KubeletDir kubelet;
    model::CpuSet reserved;         // CPUs that neither LS nor BE is put on
    model::KnobSupport core_sched;  // as probed
    Evictions::By evictions_by = Evictions::By::kNode;
  };
  /// Probes the kernel's knobs. `tree` and `journal` must outlive it.
  CpuSide(const kernel::CgroupTree& tree, guard::Journal& journal, Host host, Cookies cookies,
          Actuator::Perform perform, Tell tell);

  CpuSide(const CpuSide&) = delete;
  CpuSide& operator=(const CpuSide&) = delete;

  struct Round {
    model::MonoTime now;
    const decide::NodeFacts& node;
    const std::vector<model::Pod>& pods;
    const model::NodeSample& sample;
    const model::HostCounters& counters;  // that `sample` was made of
    model::Duration pod_interval;
    const std::optional<model::NodePolicy>& policy;
    const decide::SuppressTerms& suppress;    // of the newest fast round
    decide::CurrentLimit be_limit;            // of the besteffort root now
    std::optional<model::MilliCpu> be_whole;  // see decide::CpuRoundInput
    const std::vector<decide::Hold>& holds;
    std::optional<model::MilliCpu> allocatable_batch_cpu;  // nullopt: not known now
    std::optional<decide::Aside> dry_suppress;             // what CPU suppress in dry run would put on the root
    std::optional<model::Bytes> memory_allocatable;
    std::optional<model::Bytes> allocatable_batch_memory;  // as allocatable_batch_cpu
    MemorySide& memory;
    Recorder& recorder;
  };
  /// Before each round, also when there can be none for want of pods or policy: what is being evicted is seen through.
  /// `pods`: nullptr where they are not known.
  void step_evictions(model::MonoTime now, const std::vector<model::Pod>* pods);
  /// See Evictions.
  void evictions_answered(const model::EvictionAnswer& answer) { evictions_.answered(answer); }
  std::vector<model::EvictionRequest> take_eviction_requests() { return evictions_.take_requests(); }
  /// Pods that evictions have on their way out.
  std::vector<model::PodUid> leaving() const { return evictions_.leaving(); }
  const model::BeWork& be_work() const { return work_.sums; }
  /// Only kFenced is an error: the worker must stop.
  model::Result<void> round(const Round& round);

  /// For the fast loop under cpuSuppressPolicy cpuset.
  decide::CpusetSide cpuset_side() const { return cpuset_side_; }
  /// How the limit on all of BE was divided in the last round.
  const std::optional<decide::BeSplit>& split() const { return split_; }
  /// See Actuator::forget.
  void forget();
  /// See Cookies::release.
  model::Result<void> release_cookies() { return cookies_.release(); }
  std::size_t cookies_owned() const { return cookies_.owned(); }
  /// See Actuator::lift_be_quotas.
  model::Result<void> lift_be_quotas(model::MilliCpu limit) { return actuator_.lift_be_quotas(limit); }

  /// Of the last round, empty before the first; what could not be written is unsupported and says what the kernel
  /// answered.
  std::vector<model::FeatureState> features() const;
  const model::KnobSet& knobs() const { return knobs_; }
  /// Other CPUs are online than before: the topology is loaded anew.
  void cpus_changed();
  /// As Host::reserved, from now on.
  void set_reserved(model::CpuSet reserved) { cpus_.reserved = std::move(reserved); }
  /// Empty: it could not be loaded.
  const model::Topology& topology() const { return topology_; }

 private:
  /// The groups of the holds; one that is no group of kubelet's tree holds nothing of ours.
  std::vector<decide::HandsOff> hands_off(const Round& round) const;
  bool is_held(const Round& round, const model::PodUid& uid) const;
  /// The memory side's round over the same readings.
  const decide::MemoryRoundDecision& memory_round(const Round& round, std::span<const decide::PodWork> work);
  void evict(const Round& round, const decide::EvictDecision& decision, const decide::MemoryEvictDecision& memory);
  /// What became of batch pods; also gives what eviction needs of it.
  std::vector<decide::PodWork> watch_work(const Round& round);
  void keep_work(model::MonoTime now);
  /// Pods that have ended and whose groups are there still.
  static std::vector<model::PodUid> lingering(const Round& round);
  /// Performs a write, and keeps account of the groups that copy CPU sets.
  model::Result<kernel::WriteOutcome> write(const model::KernelWrite& write);
  /// What kubelet's CPU manager gave away.
  void look_at_kubelet();
  void read_topology();
  /// All cpusets are left alone while the CPUs cannot be told apart, or those that kubelet gave away were never known.
  void settle_knobs();
  /// The BE pods outside of the besteffort root whose groups are there.
  std::vector<decide::OutsidePod> outside_pods(const Round& round) const;
  void look_at_be_cpus(const std::optional<model::CpuSet>& wanted);

  const kernel::CgroupTree& tree_;
  guard::Journal& journal_;
  std::string boot_id_;
  std::string state_dir_;
  Tell tell_;
  model::KnobSet probed_;
  model::KnobSet knobs_;  // those that are used, see settle_knobs()
  model::Topology topology_;
  std::string no_topology_;  // why it could not be loaded
  decide::NodeCpus cpus_;
  KubeletCpuFile kubelet_;
  Actuator::Perform perform_;
  NewbornCpusets newborns_;
  Actuator actuator_;
  Evictions evictions_;
  Cookies cookies_;
  Unwritten unwritten_;
  BatchMemoryView batch_memory_;
  decide::CpuRoundState state_;
  decide::BeWorkState work_;
  model::BeWork work_kept_;
  model::MonoTime work_kept_at_;
  std::optional<decide::BeSplit> split_;
  std::shared_ptr<const decide::Settlement> applied_;  // the last one that the actuator was given
  std::vector<model::FeatureState> features_;
  decide::CpusetSide cpuset_side_ = decide::CpusetSide::kAbsent;
  bool first_round_ = true;
  model::MonoTime pruned_;
};

}  // namespace tideline::node
