#pragma once
// The CPU of one pod's containers that have a limit, where it is not batch: what they are throttled by is no news
// there.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/pod.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/group_files.h"

namespace tideline::kernel {

class ContainerFiles {
 public:
  /// It has containers that are read.
  static bool reads(const model::Pod& pod);
  struct Pace {
    model::MonoTime now;
    model::Duration look_every;  // how soon a container whose group is not there is looked for again
    bool stands = false;         // of what was read before nothing is read again
  };
  /// Counters of the containers with a CPU limit, in the pod's order; none of a BE pod. What `into` held is
  /// overwritten.
  void read(const CgroupTree& tree, const model::Pod& pod, const Pace& pace, ReadBuffer& buffer, Errors& errors,
            std::vector<model::ContainerCounters>& into);
  /// Until they are read again.
  void close() { entries_.clear(); }

 private:
  struct Entry {
    std::string id;
    std::optional<GroupFiles> files;             // none: its group is not there
    std::optional<model::MonoTime> next_look{};  // none: at once
    model::GroupCounters last{};                 // inode 0: never read
  };
  /// The entry of the `place`th container that is read.
  Entry& entry_at(std::size_t place, const std::string& id);

  std::vector<Entry> entries_;
};

}  // namespace tideline::kernel
