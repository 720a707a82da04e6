#pragma once
// Carries out what cpu_evict picked, on a host without Kubernetes: SIGTERM, a grace period, then the kernel's kill, and
// an event for each begin and end.

#include <functional>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_evict.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/pod_kill.h"

namespace tideline::node {

class Evictions {
 public:
  using Tell =
      std::function<void(model::Controller, model::Reason, std::string subject, std::string before, std::string after)>;
  /// Kubernetes' default terminationGracePeriodSeconds.
  static constexpr model::Duration kGrace = std::chrono::seconds(30);

  /// `tree` must outlive it.
  Evictions(const kernel::CgroupTree& tree, Tell tell) : tree_(tree), tell_(std::move(tell)) {}

  /// One pod round: begins with the new victims and goes on with those of before. `dry_run`: victims are told of and
  /// left alone.
  void round(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods, bool dry_run,
             model::MonoTime now);
  std::size_t under_way() const { return leaving_.size(); }

 private:
  struct Leaving {
    decide::EvictVictim victim;
    model::MonoTime since;
    kernel::PodKill kill;
  };
  void begin(const decide::EvictVictim& victim, const std::vector<model::Pod>& pods, model::MonoTime now);

  const kernel::CgroupTree& tree_;
  Tell tell_;
  std::vector<Leaving> leaving_;
};

}  // namespace tideline::node
