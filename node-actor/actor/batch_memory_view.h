#pragma once
// What decide::batch_memory needs to know of batch pods' groups: what they use that no reclaim gives back, and the
// limits they have without us.

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/actor/actuator.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

class BatchMemoryView {
 public:
  /// See Actuator::memory_limits().
  using Look = std::function<model::Result<Actuator::MemoryLimits>(const model::GroupRef&)>;
  /// kubelet sets a limit when it makes a group: one that was read stands for so long.
  static constexpr model::Duration kRecheck = std::chrono::minutes(1);
  /// As the pod loop's own levels.
  static constexpr model::Duration kReadEvery = std::chrono::seconds(5);

  /// `tree` must outlive it.
  BatchMemoryView(const kernel::CgroupTree& tree, Look look);

  /// To be called before each pod round. `counters`: of this round, in the order of `pods`.
  void look(const std::vector<model::Pod>& pods, const model::HostCounters& counters, model::MonoTime now);
  /// Of BE pods that ask for a limit of batch-memory, and of their containers.
  const std::map<model::GroupRef, model::Bytes>& used() const { return used_; }
  const std::map<model::GroupRef, model::Bytes>& own_limits() const { return own_limits_; }
  /// Limits of ours, also an earlier worker's, as they were when the group was looked at first.
  const std::map<model::GroupRef, model::Bytes>& in_force() const { return in_force_; }
  /// All originals are back.
  void forget();

 private:
  struct Own {
    std::optional<model::Bytes> limit;
    model::MonoTime at;
    bool seen = false;  // in this look
  };
  struct Container {
    std::optional<model::Bytes> used;
    model::MonoTime at;
    bool seen = false;
  };
  void look_at_limit(const model::GroupRef& group, model::MonoTime now);
  void look_at_containers(const model::Pod& pod, const std::optional<model::Bytes>& pods_use, model::MonoTime now);

  const kernel::CgroupTree& tree_;
  Look look_;
  std::map<model::GroupRef, Own> own_;
  std::map<model::GroupRef, Container> containers_;
  std::map<model::GroupRef, model::Bytes> used_;
  std::map<model::GroupRef, model::Bytes> own_limits_;
  std::map<model::GroupRef, model::Bytes> in_force_;
};

}  // namespace tideline::node
