#pragma once
// Has what cpu_evict and memory_evict picked evicted (decide/eviction_requests.h), and tells of each step as the
// mechanism's that picked. On a host without Kubernetes it does so itself, with the coordinator's leave, or alone where
// it is away: SIGTERM, a grace period, then the kernel's kill. With Kubernetes the coordinator does, through the API,
// and kubelet ends the pod: here it is asked for as long as it is needed and then seen off, and no process is
// signalled. What has begun is kept on disk, and the next worker goes on with it.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/eviction.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/actor/eviction_file.h"
#include "node-actor/decide/cpu_evict.h"
#include "node-actor/decide/evicted_pods.h"
#include "node-actor/decide/eviction_requests.h"
#include "node-actor/decide/memory_evict.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/pod_kill.h"

namespace tideline::node {

class Evictions {
 public:
  using Tell =
      std::function<void(model::Controller, model::Reason, std::string subject, std::string before, std::string after)>;
  /// Kubernetes' default terminationGracePeriodSeconds.
  static constexpr model::Duration kGrace = std::chrono::seconds(30);
  /// What a pod whose grace period ran out while no worker lived has at least, after one more SIGTERM.
  static constexpr model::Duration kLeastGrace = std::chrono::seconds(2);
  /// A pod that still has processes this long after its grace period counts as leaving no longer.
  static constexpr model::Duration kStuckAfter = std::chrono::seconds(30);

  /// Who carries evictions out.
  enum class By { kNode, kApi };
  /// `tree` must outlive it.
  Evictions(const kernel::CgroupTree& tree, std::string state_dir, std::string boot_id, By by, Tell tell)
      : tree_(tree), state_dir_(std::move(state_dir)), boot_id_(std::move(boot_id)), by_(by), tell_(std::move(tell)) {}

  /// An eviction that is through.
  struct Gone {
    model::PodUid uid;
    std::string name_space;
    std::string name;
    std::optional<model::Duration> cpu_time;  // it had used when it was picked
  };
  /// Goes on with those that leave, in the first call with those of an earlier worker of this boot. To be called in
  /// each pod round, whatever else is known. `state` credits what leaves. `pods`: of this round; nullptr: they are not
  /// known.
  std::vector<Gone> step(decide::EvictState& state, model::MonoTime now, const std::vector<model::Pod>* pods);

  struct Round {
    model::MonoTime now;
    const decide::EvictDecision& decision;  // of this round
    const std::vector<model::Pod>& pods;
    std::span<const model::PodUid> held;  // those of both decisions and waiting() that an operator keeps us off
    bool dry_run = false;                 // of CPU eviction: its victims are told of and left alone
    const decide::MemoryEvictDecision* memory = nullptr;  // of this round; nullptr: it was not judged
    bool memory_dry_run = false;                          // as dry_run
  };
  void round(decide::EvictState& state, const Round& round);
  /// What the coordinator said; acted on in the next round.
  void answered(const model::EvictionAnswer& answer);
  /// What the last round wants to ask the coordinator for.
  std::vector<model::EvictionRequest> take_requests() { return std::exchange(requests_, {}); }

  std::vector<model::PodUid> waiting() const;
  std::vector<model::PodUid> leaving() const;
  /// Those, and others that the API server may evict at any moment: whether their end is an eviction is told by step().
  std::vector<model::PodUid> maybe_leaving() const;
  std::size_t under_way() const { return leaving_.size() + evicted_.rows.size(); }

 private:
  struct Leaving {
    KeptEviction what;
    kernel::PodKill kill;
    bool stuck = false;
  };
  void resume(model::MonoTime now);
  void resume(const KeptEviction& what, model::MonoTime now);
  /// Those that this node ends.
  void end(decide::EvictState& state, model::MonoTime now, std::vector<Gone>& gone);
  /// Those that the API server evicts.
  void see_off(decide::EvictState& state, model::MonoTime now, const std::vector<model::Pod>& pods,
               std::vector<Gone>& gone);
  bool has_no_group(const std::vector<model::Pod>& pods, const model::PodUid& uid) const;
  void evicted(decide::EvictState& state, const decide::RequestsDecision::Leaves& leaves, model::MonoTime now);
  /// Of a mechanism in dry run.
  void leave_alone(decide::EvictState& state, model::Controller mechanism, std::span<const decide::EvictVictim> victims,
                   model::MonoTime now);
  void begin(decide::EvictState& state, const decide::RequestsDecision::Go& go, const std::vector<model::Pod>& pods,
             model::MonoTime now);
  void drop(decide::EvictState& state, const decide::RequestsDecision::Dropped& dropped, model::MonoTime now);
  void ask(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods);
  /// Who is asked for from now on, and what the coordinator said.
  void tell_of_api(const decide::RequestsDecision& decision);
  void keep(const KeptEviction* more);

  const kernel::CgroupTree& tree_;
  std::string state_dir_;
  std::string boot_id_;
  By by_;
  Tell tell_;
  bool resumed_ = false;
  decide::EvictionRequests asked_;
  std::vector<model::EvictionVerdict> verdicts_;
  std::vector<model::EvictionRequest> requests_;
  std::vector<Leaving> leaving_;
  decide::EvictedPods evicted_;
};

}  // namespace tideline::node
