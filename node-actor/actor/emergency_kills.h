#pragma once
// Ends a BE pod at once, where the OOM killer is about to run: SIGKILL to all of its group, without a grace period. Not
// an eviction: nobody is asked, no disruption budget is, and it is told as what it is (Reason::kEmergencyKill).

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/pod_kill.h"

namespace tideline::node {

class EmergencyKills {
 public:
  /// As Evictions::Tell.
  using Tell =
      std::function<void(model::Controller, model::Reason, std::string subject, std::string before, std::string after)>;
  /// A killed pod that has processes for longer than this is logged, once.
  static constexpr model::Duration kSlow = std::chrono::seconds(5);
  /// Until the pod loop has read the memory of all pods again, one that is gone seems to use what it did.
  static constexpr model::Duration kShows = std::chrono::seconds(6);
  /// One that could not be killed is not tried again for so long: others may be.
  static constexpr model::Duration kRetry = std::chrono::seconds(10);
  /// `tree` must outlive it.
  EmergencyKills(const kernel::CgroupTree& tree, Tell tell);
  /// Kills begin at once; what of the pod is alive still is killed again in each step(). Told once when it begins and
  /// once when it is through; one that cannot begin is told as such: the agent's own pod is never killed.
  void kill(const model::Pod& pod, std::optional<model::Bytes> used, const std::string& why, model::MonoTime now);
  void step(model::MonoTime now);
  std::vector<model::PodUid> under_way() const;
  /// Those, and whom to kill would help nobody for now: see kShows and kRetry.
  std::vector<model::PodUid> not_to_pick() const;

 private:
  struct Kill {
    model::PodUid uid;
    std::string subject;
    kernel::PodKill kill;
    model::MonoTime began;
    std::string held;   // memory it had, for people
    bool slow = false;  // was logged
  };
  struct Spared {
    model::PodUid uid;
    model::MonoTime until;
  };
  const kernel::CgroupTree& tree_;
  Tell tell_;
  std::vector<Kill> kills_;
  std::vector<Spared> spared_;
};

}  // namespace tideline::node
