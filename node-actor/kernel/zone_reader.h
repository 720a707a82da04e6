#pragma once
// What each NUMA node of the host, and the besteffort root in it, uses. Read once a report, for it costs a good part of
// /proc/stat and two files a node; a host of one NUMA node has nothing to read.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/topology.h"
#include "messages/model/zone.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/group_files.h"

namespace tideline::kernel {

class ZoneReader {
 public:
  /// NUMA nodes with CPUs are the topology's; those with memory alone come from /sys/devices/system/node/has_memory.
  /// Numbers beyond ZoneLimits::kMaxId are no NUMA nodes. The tree must outlive the reader.
  ZoneReader(const CgroupTree& tree, const model::Topology& topology);

  /// How many NUMA nodes there are; 0: the topology is not known.
  std::size_t count() const { return zones_.size(); }

  /// Memory from the node's meminfo, CPU time from the cpuN lines of /proc/stat, the besteffort root's part from
  /// cpuacct.usage_percpu (v1) and memory.numa_stat. What cannot be read is nullopt and, unless it is not there, an
  /// error. Empty with fewer than two NUMA nodes, and with more than ZoneLimits::kMaxZones, which is an error each
  /// time, as is a has_memory that could not be read or parsed.
  model::ZoneReading read(std::vector<model::Error>& errors);

 private:
  struct Zone {
    int id = 0;
    std::vector<int> cpus;
    KeptFile meminfo;
  };
  void read_cpus(model::ZoneReading& reading, Errors& errors);
  void read_best_effort(model::ZoneReading& reading, Errors& errors);

  void look_for_memory(const std::string& path, std::map<int, std::vector<int>>& by_id);

  std::vector<Zone> zones_;               // by id
  std::vector<model::Error> incomplete_;  // why zones_ is not, or not used
  bool v1_memory_ = false;
  KeptFile stat_;
  std::optional<KeptFile> percpu_;     // nullopt: cgroup v2 has none
  std::optional<KeptFile> numa_stat_;  // nullopt: no memory controller
  std::vector<char> text_;             // holds all cpuN lines
  ReadBuffer buffer_;
};

}  // namespace tideline::kernel
