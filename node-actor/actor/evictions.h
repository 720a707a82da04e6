#pragma once
// Carries out what cpu_evict picked, on a host without Kubernetes: with the coordinator's leave, or alone where it is
// away (decide/eviction_requests.h), SIGTERM, a grace period, then the kernel's kill, and an event for each begin and
// end. What is under way is kept on disk and finished by the next worker.

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
#include "node-actor/decide/eviction_requests.h"
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

  /// `tree` must outlive it.
  Evictions(const kernel::CgroupTree& tree, std::string state_dir, std::string boot_id, Tell tell)
      : tree_(tree), state_dir_(std::move(state_dir)), boot_id_(std::move(boot_id)), tell_(std::move(tell)) {}

  /// An eviction that is through.
  struct Gone {
    model::PodUid uid;
    std::string name_space;
    std::string name;
    std::optional<model::Duration> cpu_time;  // it had used when it was picked
  };
  /// Goes on with those that are under way, in the first call with those of an earlier worker of this boot. To be
  /// called in each pod round, whatever else is known. `state` credits what leaves.
  std::vector<Gone> step(decide::EvictState& state, model::MonoTime now);

  struct Round {
    model::MonoTime now;
    const decide::EvictDecision& decision;  // of this round
    const std::vector<model::Pod>& pods;
    std::span<const model::PodUid> held;  // those of decision and waiting() that an operator keeps us off
    bool dry_run = false;                 // victims are told of and left alone
  };
  void round(decide::EvictState& state, const Round& round);
  /// What the coordinator said; acted on in the next round.
  void answered(const model::EvictionAnswer& answer);
  /// What the last round wants to ask the coordinator for.
  std::vector<model::EvictionRequest> take_requests() { return std::exchange(requests_, {}); }

  std::vector<model::PodUid> waiting() const;
  std::vector<model::PodUid> leaving() const;
  std::size_t under_way() const { return leaving_.size(); }

 private:
  struct Leaving {
    KeptEviction what;
    kernel::PodKill kill;
    bool stuck = false;
  };
  void resume(model::MonoTime now);
  void begin(decide::EvictState& state, const decide::RequestsDecision::Go& go, const std::vector<model::Pod>& pods,
             model::MonoTime now);
  void drop(decide::EvictState& state, const decide::RequestsDecision::Dropped& dropped);
  void ask(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods);
  void keep(const KeptEviction* more);

  const kernel::CgroupTree& tree_;
  std::string state_dir_;
  std::string boot_id_;
  Tell tell_;
  bool resumed_ = false;
  decide::EvictionRequests asked_;
  std::vector<model::EvictionVerdict> verdicts_;
  std::vector<model::EvictionRequest> requests_;
  std::vector<Leaving> leaving_;
};

}  // namespace tideline::node
