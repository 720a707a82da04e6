#pragma once
// A host's CPUs as decisions need them.

#include <cstddef>
#include <vector>

namespace tideline::model {

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

}  // namespace tideline::model
