#pragma once
// One host's control loop without actors or timers: reads once, decides, writes. The tick actor calls it at its pace.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/node_annotations.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "node-actor/actor/be_limit.h"
#include "node-actor/actor/cpu_side.h"
#include "node-actor/actor/event_queue.h"
#include "node-actor/actor/memory_side.h"
#include "node-actor/actor/node_config.h"
#include "node-actor/actor/own_pod.h"
#include "node-actor/actor/recorder.h"
#include "node-actor/actor/slow_writes.h"
#include "node-actor/actor/zones.h"
#include "node-actor/decide/asides.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/fall_watch.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/guard/audit_ring.h"
#include "node-actor/guard/journal_gate.h"
#include "node-actor/kernel/application_reader.h"
#include "node-actor/kernel/fast_reader.h"
#include "node-actor/kernel/online_cpus.h"
#include "node-actor/kernel/pod_reader.h"
#include "node-actor/kernel/protection.h"
#include "node-actor/kernel/writer.h"

namespace tideline::node {

class NodeLoop {
 public:
  /// `journal`, `lease` and `audit` must outlive the loop; without an audit ring, nullptr, what no report tells is lost
  /// with the process. Errors: no cgroup tree, host facts unreadable. Without recording where its file is unwritable.
  static model::Result<std::unique_ptr<NodeLoop>> open(const NodeConfig& config, guard::Journal& journal,
                                                       const guard::Lease& lease, guard::AuditRing* audit = nullptr);
  NodeLoop(const NodeLoop&) = delete;
  NodeLoop& operator=(const NodeLoop&) = delete;

  void set_pods(std::vector<model::Pod> pods);
  /// What the coordinator tells of this node, in place of all it told before: pods, labels, annotations and, where it
  /// has them, allocatable amounts. True: something of it is another. An annotation that cannot be read is logged, and
  /// what the one before it reserved stays so.
  bool set_objects(const model::NodeObjects& objects);
  /// The coordinator is to tell the pods, and has not: nothing is known of them.
  bool awaits_pods() const { return !pods_known_ && config_.pods_from == PodsFrom::kCoordinator; }
  void set_policy(std::optional<model::NodePolicy> policy);
  /// What an operator keeps the agent off, from now, beside its own pod: writes at or below these groups are refused. A
  /// release among them that was not there before puts all originals back at once. Errors: kFenced; kUnavailable names
  /// what could not be put back, and the holds are in force all the same.
  model::Result<void> set_hands_off(std::vector<decide::Hold> holds);
  const std::vector<decide::Hold>& hands_off() const { return holds_; }
  /// Ends what other processes write for this loop: to be called before anybody else in this process puts the host
  /// right, as they would write over it. False: one is stuck in the kernel.
  bool end_writes();
  const std::vector<model::Pod>& pods() const { return pods_; }
  const std::string& boot_id() const { return status_.boot_id; }

  /// What the coordinator's ledger has for batch here, and since when that is true.
  void set_batch_allocatable(std::optional<model::MilliCpu> cpu, std::optional<model::Bytes> memory,
                             model::MonoTime as_of);
  /// What the coordinator said to take_eviction_requests().
  void evictions_answered(const model::EvictionAnswer& answer) { cpu_side_->evictions_answered(answer); }
  /// What the last pod round wants to ask the coordinator for.
  std::vector<model::EvictionRequest> take_eviction_requests() { return cpu_side_->take_eviction_requests(); }
  /// See model::EvictionAsk.
  bool evicts_through_api() const { return config_.pods_from == PodsFrom::kCoordinator; }

  /// Node and BE counters -> decision -> at most one new limit, and after that the same for memory (MemorySide).
  /// kFenced: another owner has the host, the worker must stop; any other trouble is kept as an event and tried again
  /// next round.
  model::Result<void> fast_round();
  /// The next fast round is wanted after half of its interval (decide/fall_watch.h).
  bool wants_round_soon() const { return wants_round_soon_; }
  /// Pods, pressure, protection and the kernel's own view of our limit. The first one has levels only.
  model::NodeSample pod_round();

  model::NodeStatus status() const;
  /// Events of before this loop, told before its own: to be called before the first round and the first hold.
  void tell(guard::AuditRing::Untold untold);
  /// What was written or went wrong since the last call, oldest first, bounded.
  std::vector<NotedEvent> take_events() { return events_.take(); }

 private:
  NodeLoop(const NodeConfig& config, kernel::CgroupTree tree, std::int64_t quota_period_us, guard::Journal& journal,
           const guard::Lease& lease, guard::AuditRing* audit);
  /// The CPU part of a fast round, and the memory part.
  model::Result<void> suppress();
  model::Result<void> relieve(model::MonoTime now);
  /// One step of CPU suppress on what this round knows; with features only where a recording wants them each time.
  decide::SuppressStep step_of(const decide::SuppressState& state,
                               const std::optional<model::NodePolicy>& policy) const;
  /// CPU suppress in dry run: what it would do is told, and a limit of ours goes.
  decide::SuppressStep decide_dry(const model::FastCounters& counters);
  /// What became of the newest fast round, told.
  std::vector<model::FeatureState> suppress_features() const;
  /// What is known of BE outside of its root: of the newest levels and pods.
  void look_outside();
  /// Whether containers are to be read: CPU burst alone asks for them.
  void look_for_bursts();
  model::Result<void> act(const decide::SuppressDecision& decision);
  /// Only kFenced is left an error; the rest is told.
  model::Result<void> settle(const model::Result<void>& done);
  /// The limit on all of BE that is in force, or would be in dry run; nullopt: none.
  std::optional<model::MilliCpu> be_whole() const;
  /// What CPU suppress in dry run would put on the besteffort root.
  std::optional<decide::Aside> unwritten_limit() const;
  /// What BE pods outside of the besteffort root may use of it; what they use, before it was divided.
  model::MilliCpu outside_allowance() const;
  /// The limit on all of BE stays: the root's part of it may not.
  model::Result<void> rebalance(model::MonoTime now);
  /// Performs one write and notes it, and any drift found on the way.
  model::Result<kernel::WriteOutcome> perform(const model::KernelWrite& write);
  /// The same without the write itself, which is noted once it was made().
  model::Result<kernel::PreparedWrite> prepare(const model::KernelWrite& write);
  void made(const model::KernelWrite& write, const std::string& before);
  /// Why an operator keeps the agent off this file.
  std::optional<model::Error> held_off(const model::KernelWrite& write) const;
  /// What the gate has to say after it passed this write.
  void tell_of_gate(const model::KernelWrite& write);
  /// Whether this drift in relief's file was not told just now.
  bool is_news_of_relief(const std::string& found);
  /// Every original back, and nothing of ours left to remember.
  model::Result<void> put_all_back();
  void drop_ended_holds(model::MonoTime now);
  /// Capacity, topology and all that rests on them follow the CPUs that are online.
  void look_at_cpus();
  void take_capacity();
  void take_allocatable();
  /// Of the annotations in status_.
  void take_claims();
  /// That neither LS nor BE is put on.
  model::CpuSet reserved_cpus() const;
  void make_zones();
  /// What pod rounds of the CPU side still want to be known.
  std::string waits_for() const;
  void keep_off_own_pod();
  void read_applications();
  /// What is known of allocatable batch-cpu and batch-memory is not too old.
  bool batch_is_fresh(model::MonoTime now) const;
  void note(model::Event event);
  void note(model::Controller controller, model::Reason reason, std::string subject, std::string old_value,
            std::string new_value);
  /// `found` in a file of ours, where `wanted` is to be.
  void note_drift(model::Controller controller, const std::string& file, const std::string& found,
                  const std::string& wanted);
  void note_trouble(const model::Error& error);

  NodeConfig config_;
  guard::Journal& journal_;
  const guard::Lease& lease_;
  guard::AuditRing* audit_;
  kernel::CgroupTree tree_;
  kernel::OnlineCpus online_;
  kernel::FastReader fast_reader_;
  kernel::PodReader pod_reader_;
  kernel::ApplicationReader application_reader_;
  kernel::SiblingWeightReader weights_reader_;
  guard::JournalGate gate_;
  kernel::Writer writer_;
  SlowWrites slow_writes_;
  BeLimit be_limit_;
  std::optional<CpuSide> cpu_side_;        // always there once open() is through
  std::optional<MemorySide> memory_side_;  // likewise
  std::optional<Zones> zones_;             // likewise
  Recorder recorder_;

  model::NodeStatus status_;
  decide::NodeFacts facts_;
  std::optional<model::MilliCpu> cpu_told_;  // allocatable, by the coordinator
  std::optional<model::Bytes> memory_told_;
  model::MilliCpu cpu_kept_ = config_.cpu_reserved;  // from pods: capacity less allocatable
  model::Bytes memory_kept_ = config_.memory_reserved;
  model::NodeReservation reservation_;  // by the newest annotation of it that could be read
  model::CpuSet system_cpus_;           // likewise
  std::vector<model::Pod> pods_;
  bool pods_known_ = false;
  std::optional<model::NodePolicy> policy_;
  std::vector<decide::Hold> holds_;
  OwnPod own_pod_;
  std::optional<decide::Hold> own_hold_;  // also in holds_
  bool own_restore_due_ = false;          // what was written before it began is not all put back
  std::optional<model::MilliCpu> batch_allocatable_;
  std::optional<model::Bytes> batch_memory_allocatable_;
  model::MonoTime batch_as_of_;
  bool held_ = false;  // the besteffort root was held in the last round
  std::optional<model::FastCounters> fast_before_;
  std::optional<model::HostCounters> host_before_;
  kernel::PodReading reading_;  // its memory, from round to round
  bool reads_containers_ = false;
  /// Of the newest fast round. Its `pods` are the last pod round's levels; of that one's pods they have only those that
  /// CPU suppress asks for by name.
  decide::SuppressInput input_;
  model::Protection protection_;   // of weights_ and pods_, nothing else
  model::SiblingWeights weights_;  // as they were judged
  bool judged_ = false;            // of the pods_ there are now
  bool protection_is_new_ = true;  // to input_
  decide::SuppressState suppress_;
  decide::SuppressDecision decided_;  // in the newest fast round; in dry run what it would do
  decide::FallWatch falls_;
  bool wants_round_soon_ = false;
  std::string held_why_;                // of that round, if it was held_
  decide::SuppressState dry_suppress_;  // of CPU suppress in dry run, beside what is really in force
  std::optional<model::Error> fenced_;  // met in a pod round
  /// Features of the newest fast round once they cannot be told of it any more, for its policy is gone; nullopt: they
  /// can.
  std::optional<std::vector<model::FeatureState>> told_ = std::vector<model::FeatureState>();
  std::optional<model::FeatureState> applications_;  // nullopt: the policy names none
  /// A value of somebody else's in relief's file, as told last: a reclaim on cgroup v1 passes it ten times a second.
  struct ReliefDrift {
    std::string found;
    model::MonoTime at;
  };
  std::optional<ReliefDrift> relief_drift_;
  EventQueue events_;
  std::set<std::string> troubles_;  // already logged; bounded
};

}  // namespace tideline::node
