#pragma once
// Groups that are made below one whose CPU set is ours: the besteffort root, a batch pod. On cgroup v1 a group has a
// set of its own from the beginning, and who makes it (kubelet, the runtime) copies the parent's into it: the narrow
// one, which would be the group's for life. Such a group's original is taken to be that of the nearest group above that
// has one, so that it goes back with that. On v2 a new group has no set and follows its parent: nothing to do.

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include <sys/types.h>

#include "messages/model/cpu_set.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/journal.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

class NewbornCpusets {
 public:
  static constexpr const char* kFile = "cpuset.cpus";
  /// How often new groups are looked for.
  static constexpr model::Duration kLook = std::chrono::milliseconds(1900);
  /// Groups looked at below one whose set is ours, and how deep they lie: pods, containers, groups of containers.
  static constexpr std::size_t kMostGroups = 8192;
  static constexpr int kDeepest = 3;

  /// Both must outlive it. What an earlier worker of the journal left narrow is narrow from the beginning.
  NewbornCpusets(const kernel::CgroupTree& tree, guard::Journal& journal);

  /// To be called before a group's set is written. Before it becomes ours the groups below it are journaled with the
  /// set they have: what has no record later was made later. Before it goes back, what was made since the last look is
  /// looked for. Errors: the journal's; the set must not be written then.
  model::Result<void> before_write(const std::string& group, const std::string& set);
  /// The group's set was written. Where it is the original again: the files of newborn groups that go back with it. Of
  /// those that lie in one another the uppermost; the others are told of once that is back.
  std::vector<std::string> after_write(const std::string& group, const std::string& set);
  /// Journals groups made since the last look whose set is one that a group had from us. Where one cannot be read or
  /// journaled it is tried again with the next look.
  void look(model::MonoTime now);
  /// Forgets groups that are gone.
  void forget_gone();
  /// All originals were put back by somebody else in this process.
  void forget();

 private:
  struct Group {
    kernel::FileIdentity file;
    std::string set;
    std::string above;  // original of the nearest group above that has a record; "" without one
  };
  /// The groups below `top` that have no record, parents first. `visit`: gives one its record, so that those below see
  /// it.
  void each_unrecorded(const std::string& top, const std::function<void(const Group&)>& visit);
  void look_below(const std::string& top);
  bool is_copy(const Group& group) const;
  /// Its original is the one above.
  model::Result<void> take_over(const Group& group);
  std::optional<guard::JournalRecord> record_of(const std::string& directory) const;
  /// The directory of the group; "" where there is nothing to do.
  std::string directory_of(const std::string& group) const;
  /// Whether it or a group above it, up to `top` and without that, has a set of ours.
  bool is_below_ours(std::string directory, const std::string& top) const;
  /// The original that it would have copied; "" where no group above has a set of ours.
  std::string original_above(const std::string& directory) const;

  const kernel::CgroupTree& tree_;
  guard::Journal& journal_;
  std::string kubepods_;                  // directory; "" on v2 or without the hierarchy
  std::set<std::string> ours_;            // directories of groups whose set is ours, written or copied
  std::deque<model::CpuSet> sets_;        // that they had from us, the newest last
  std::vector<std::string> newborn_;      // files
  std::unordered_set<ino_t> not_copied_;  // groups made since with a set of their own
  model::MonoTime looked_;
};

}  // namespace tideline::node
