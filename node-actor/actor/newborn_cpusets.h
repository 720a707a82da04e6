#pragma once
// Groups that are made below the besteffort root while its CPU set is ours. On cgroup v1 a group has a set of its own
// from the beginning, and who makes it (kubelet, the runtime) copies the parent's into it: the narrow one, which would
// be the group's for life. Such a group's original is taken to be that of the nearest group above that has one, so
// that it goes back with that. On v2 a new group has no set and follows its parent: nothing to do.

#include <deque>
#include <optional>
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
  /// How often new groups are looked for.
  static constexpr model::Duration kLook = std::chrono::milliseconds(1900);
  /// Groups looked at below the root, and how deep they lie: pods, containers, groups of containers.
  static constexpr std::size_t kMostGroups = 8192;
  static constexpr int kDeepest = 3;

  /// Both must outlive it. A root that an earlier worker of the journal narrowed is narrow from the beginning.
  NewbornCpusets(const kernel::CgroupTree& tree, guard::Journal& journal);

  /// To be called before the root's set is written. Before it becomes ours every group that is there is journaled with
  /// the set it has: what has no record later was made later. Errors: the journal's; the root must not be written then.
  model::Result<void> before_write(const std::string& set);
  /// The root's set was written. The files of newborn groups where it is the original again, to be put back.
  std::vector<std::string> after_write(const std::string& set);
  /// Journals groups made since the last look whose set is one that the root had from us. Where one cannot be read or
  /// journaled it is tried again with the next look.
  void look(model::MonoTime now);
  /// All originals were put back by somebody else in this process.
  void forget();

 private:
  struct Group {
    kernel::FileIdentity file;
    std::string set;
    std::string above;  // original of the nearest group above that has a record; "" without one
  };
  /// Those without a record, from the top. `record`: gives one its record, so that those below see it.
  template <class Record>
  void each_unrecorded(const Record& record);
  std::optional<guard::JournalRecord> root_record() const;

  const kernel::CgroupTree& tree_;
  guard::Journal& journal_;
  std::string root_;  // directory; "" on v2 or without the hierarchy
  bool narrow_ = false;
  std::deque<model::CpuSet> sets_;        // that the root had from us, the newest last
  std::vector<std::string> newborn_;      // files
  std::unordered_set<ino_t> not_copied_;  // groups made since with a set of their own
  model::MonoTime looked_;
};

}  // namespace tideline::node
