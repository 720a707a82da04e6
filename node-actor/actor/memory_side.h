#pragma once
// The memory side of one host: relief of the besteffort root in the fast loop; memory QoS, batch memory, oom scores and
// memory eviction in the pod loop, settled and evicted by the CPU side (CpuSide::Round::memory).

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "node-actor/actor/be_memory.h"
#include "node-actor/actor/emergency_kills.h"
#include "node-actor/actor/oom_scores.h"
#include "node-actor/actor/recorder.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/decide/memory_round.h"
#include "node-actor/guard/journal.h"
#include "node-actor/guard/oom_score_record.h"
#include "node-actor/guard/slow_writer.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/memory_reader.h"

namespace tideline::node {

class MemorySide {
 public:
  using Tell = EmergencyKills::Tell;
  /// What relief does is told when its rung changes, and at most this often besides.
  static constexpr model::Duration kTellEvery = std::chrono::seconds(10);

  struct Host {
    std::string boot_id;
    guard::SlowWriterConfig slow;
    bool v1 = false;  // of the memory controller
  };
  /// See BeMemory.
  struct Writes {
    BeMemory::Perform perform;
    BeMemory::Prepare prepare;
    BeMemory::Made made;
  };
  /// `tree` and `journal` must outlive it. `may_act`: false once another owner has the host.
  MemorySide(const kernel::CgroupTree& tree, const guard::Journal& journal, Host host, guard::OomScoreRecord scores,
             Writes writes, std::function<bool()> may_act, Tell tell);
  MemorySide(const MemorySide&) = delete;
  MemorySide& operator=(const MemorySide&) = delete;

  struct Fast {
    model::MonoTime now;
    const std::vector<model::Pod>& pods;
    const std::optional<model::NodePolicy>& policy;
    const std::vector<decide::Hold>& holds;
    /// Pods that evictions have on their way out. Asked for only where a pod is to be killed.
    const std::function<std::vector<model::PodUid>()>& leaving;
    Recorder& recorder;
  };
  /// Reads, decides, acts. Costs nothing but a look at the policy where relief is off. Only kFenced is an error.
  model::Result<void> fast_round(const Fast& fast);
  /// Fills sample.memory_side with what relief did and does.
  void add_to(model::NodeSample& sample) const;
  /// What the pod loop read of this round, for the next fast ones.
  void seen(const model::HostCounters& counters, const model::NodeSample& sample);

  struct Round {
    model::MonoTime now;
    const std::vector<model::Pod>& pods;
    const model::NodeSample& sample;
    const model::KnobSet& knobs;
    const std::optional<model::NodePolicy>& policy;
    std::optional<model::Bytes> memory_allocatable;
    std::optional<model::Bytes> allocatable_batch_memory;
    const std::map<model::GroupRef, model::Bytes>& own_limits;  // see decide::BatchMemoryInput
    const std::map<model::GroupRef, model::Bytes>& used;
    const std::map<model::GroupRef, model::Bytes>& in_force;
    std::span<const decide::PodWork> work;
    std::span<const model::PodUid> held;
    Recorder& recorder;
  };
  /// The pure part of the pod round; what it wants is the caller's to settle and to evict.
  const decide::MemoryRoundDecision& round(std::vector<decide::EvictState::Asked>& asked, const Round& round);
  /// oom scores of the last round(). Only kFenced is an error.
  model::Result<void> act(const std::vector<model::Pod>& pods, const std::function<bool(const model::PodUid&)>& held,
                          model::MonoTime now);

  /// Relief as of the last fast round and evictions as of the last pod round; before the first one, that they wait for
  /// what `waits_for` names. Memory QoS and batch memory are among those that the CPU side tells.
  std::vector<model::FeatureState> features(const std::optional<model::NodePolicy>& policy,
                                            std::string_view waits_for) const;
  /// What of those could not be done though they want it.
  void add_problems(std::vector<model::FeatureState>& features) const;
  /// What could not be read since the last call.
  kernel::Errors take_troubles() { return std::exchange(troubles_, {}); }

  /// Originals are about to be put back by somebody else in this process: no write of relief is to come after that.
  /// False: one is stuck in the kernel.
  bool end_writes();
  /// All originals were put back by somebody else in this process.
  void forget();
  model::Result<void> release_scores() { return scores_.release(); }
  std::size_t scores_owned() const { return scores_.owned(); }
  const decide::ReliefDecision& relief() const { return decision_; }

 private:
  /// Reclaims since they were last told.
  struct Account {
    std::size_t ended = 0;
    model::Bytes asked;
    model::Bytes freed;
    model::Duration took{0};
    std::size_t failed = 0;
    std::string failure;  // the last one's
  };
  decide::ReliefInput input_of(const model::FastMemoryCounters& counters, model::MonoTime now) const;
  /// Relief goes on from an earlier worker's limit: that growth cannot be seen yet is no reason to give it back.
  void take_over(model::MonoTime now);
  /// Nothing of relief's stays in force.
  model::Result<void> let_go(const Fast& fast);
  model::Result<void> do_what_was_decided(const Fast& fast);
  model::Result<void> kill_one(const Fast& fast);
  void take_reclaimed(model::MonoTime now);
  void tell_reclaimed();
  /// A value over ours that the gate tells nothing of.
  void tell_overwritten();
  void tell_rung(const decide::ReliefDecision& decision, bool dry_run, model::MonoTime now);
  std::vector<model::FeatureState> relief_features(const std::optional<model::NodePolicy>& policy) const;
  std::vector<decide::PodMemory> memory_of(const std::vector<model::Pod>& pods) const;

  const kernel::CgroupTree& tree_;
  Host host_;
  std::function<bool()> may_act_;
  Tell tell_;
  kernel::FastMemoryReader reader_;
  guard::SlowWriter slow_;
  BeMemory be_memory_;
  EmergencyKills kills_;
  OomScores scores_;
  kernel::Errors troubles_;

  // Of the newest pod round.
  model::MemoryCounters kubepods_;
  model::MemoryCounters best_effort_;
  model::HostMemoryCounters host_memory_;
  std::optional<double> ls_memory_some_;
  std::optional<double> alloc_stalls_;
  std::optional<decide::MemoryBound> bound_;
  std::unordered_map<std::string, model::Bytes> used_;  // of pods, without page cache
  model::Bytes pending_release_;

  decide::ReliefState state_;
  decide::ReliefInput input_;
  decide::ReliefDecision decision_;
  bool is_on_ = false;      // decision_ is of the newest fast round
  bool is_acting_ = false;  // and was not only told
  bool may_hold_ = true;    // a limit of ours, also an earlier worker's
  bool has_begun_ = false;  // relief has looked
  std::string held_why_;    // of the newest fast round; "": the besteffort root was not held
  model::ReliefRung told_rung_ = model::ReliefRung::kNone;
  bool told_dry_ = false;
  Account account_;
  model::MonoTime told_at_{INT64_MIN / 2};
  model::MonoTime no_victim_told_{INT64_MIN / 2};

  decide::MemoryRoundState round_state_;
  std::optional<decide::MemoryRoundDecision> decided_;  // of the newest pod round
};

}  // namespace tideline::node
