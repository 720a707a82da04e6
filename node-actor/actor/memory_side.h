#pragma once
// The memory side of one host: relief of the besteffort root in the fast loop; memory QoS, batch memory, oom scores and
// memory eviction in the pod loop, settled and evicted by the CPU side (CpuSide::Round::memory).

#include <map>
#include <memory>
#include <optional>
#include <string>
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
  /// `tree` and `journal` must outlive it.
  MemorySide(const kernel::CgroupTree& tree, const guard::Journal& journal, Host host, guard::OomScoreRecord scores,
             BeMemory::Perform perform, std::function<bool()> may_act, Tell tell);

  struct Fast {
    model::MonoTime now;
    const std::vector<model::Pod>& pods;
    const std::optional<model::NodePolicy>& policy;
    const std::vector<decide::Hold>& holds;
    std::span<const model::PodUid> leaving;  // by evictions
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
    const model::HostCounters& counters;
    const model::KnobSet& knobs;
    const std::optional<model::NodePolicy>& policy;
    std::optional<model::Bytes> memory_allocatable;
    std::optional<model::Bytes> allocatable_batch_memory;
    const std::map<model::GroupRef, model::Bytes>& own_limits;
    std::span<const decide::PodWork> work;
    std::span<const model::PodUid> held;
    Recorder& recorder;
  };
  /// The pure part of the pod round; what it wants is the caller's to settle and to evict.
  const decide::MemoryRoundDecision& round(std::vector<decide::EvictState::Asked>& asked, const Round& round);
  /// oom scores of the last round(). Only kFenced is an error.
  model::Result<void> act(const std::vector<model::Pod>& pods, const std::function<bool(const model::PodUid&)>& held,
                          model::MonoTime now);

  std::vector<model::FeatureState> features() const;
  /// All originals were put back by somebody else in this process.
  void forget();
  model::Result<void> release_scores();
};

}  // namespace tideline::node
