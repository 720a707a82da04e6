#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "node-actor/kernel/kernel_root.h"

namespace tideline::kernel {

struct Topology {
  struct Cpu {
    int id = 0;       // as in cpuset.cpus
    int core = 0;     // logical index; CPUs of one core are SMT siblings
    int l3 = 0;       // logical index of the last-level cache domain; 0 where there is none
    int numa = 0;     // OS index of the closest node
    int package = 0;  // logical index
    friend bool operator==(const Cpu&, const Cpu&) = default;
  };
  std::vector<Cpu> cpus;  // online, by id
  int cores = 0;
  int l3_domains = 0;
  int numa_nodes = 0;
  int packages = 0;
  bool smt() const { return cores > 0 && cpus.size() > static_cast<std::size_t>(cores); }
  friend bool operator==(const Topology&, const Topology&) = default;
};

/// This host's, through hwloc; with a root other than /sys through hwloc's own reading of that tree.
model::Result<Topology> load_topology(const KernelRoot& root);
/// hwloc's synthetic description, e.g. "pack:2 [numa(memory=64GB)] l3:2 core:8 pu:2". kInvalidArgument names the text.
model::Result<Topology> topology_from_synthetic(const std::string& description);
/// hwloc's XML export.
model::Result<Topology> topology_from_xml(const std::string& path);

}  // namespace tideline::kernel
