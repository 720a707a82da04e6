#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

/// Weight and idle of the besteffort root and of every sibling that can hold LS: the burstable root when it has a pod,
/// and each other group directly below kubepods. Files stay open; kubepods is listed when its number of groups or one
/// of them has changed. The tree must outlive it.
class SiblingWeightReader {
 public:
  explicit SiblingWeightReader(const CgroupTree& tree);
  /// Never fails: what is absent or unreadable is said in the value, and tideline::sense::judge_protection() takes it
  /// as unprotected.
  model::SiblingWeights read();

 private:
  struct Group {
    std::string name;
    model::Result<std::string> directory;
    KeptFile weight;
    KeptFile idle;
    bool has_idle = true;
  };
  Group group_at(const std::string& name) const;
  /// nullopt: the group is gone.
  std::optional<model::GroupWeight> read_weight(Group& group) const;
  /// Says in `weights` when kubepods cannot be listed, and is false then.
  bool list_into(model::SiblingWeights& weights);
  /// False: one of them is gone.
  bool read_siblings(model::SiblingWeights& weights);

  const CgroupTree& tree_;
  model::Result<std::string> parent_;
  std::string_view file_;
  Group best_effort_;
  std::vector<Group> siblings_;
  std::optional<std::uint64_t> links_;  // of kubepods when it was listed; nullopt: to be listed
};

/// Once.
model::SiblingWeights read_sibling_weights(const CgroupTree& tree);

}  // namespace tideline::kernel
