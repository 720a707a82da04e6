#pragma once
// A host whose sockets are not alike, as hwloc reads it from XML: its synthetic descriptions know only regular ones.

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "node-actor/kernel/topology.h"
#include "test/node-actor/decide/cpu_hosts.h"
#include "test/support/temp_dir.h"

namespace tideline::decide::test {

/// One object of hwloc's XML; `head`: its type and further attributes.
inline std::string xml_of(const std::string& head, const CpuSet& holds, unsigned nodes, const std::string& inside) {
  std::uint32_t mask = 0;
  for (const int cpu : holds.cpus())
    mask |= std::uint32_t{1} << cpu;
  return fmt::format(
      "<object type={0} cpuset=\"{1:#010x}\" complete_cpuset=\"{1:#010x}\" nodeset=\"{2:#010x}\" "
      "complete_nodeset=\"{2:#010x}\">{3}</object>\n",
      head, mask, nodes, inside);
}

/// The first socket has cache domains of 4 cores each, of which CPU 5 is offline; the second has one, without CPU 22:
///   socket 0: L3 0: cores 0-1 2-3 4 6-7   L3 1: cores 8-9 10-11 12-13 14-15
///   socket 1: L3 2: cores 16-17 18-19 20-21 23
inline Topology asymmetric_host() {
  using Cores = std::vector<std::string>;
  const std::vector<std::vector<Cores>> sockets = {
      {Cores{"0-1", "2-3", "4", "6-7"}, Cores{"8-9", "10-11", "12-13", "14-15"}},
      {Cores{"16-17", "18-19", "20-21", "23"}},
  };
  CpuSet online;
  std::string packages;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const unsigned node = 1u << i;
    CpuSet of_package;
    std::string domains;
    for (const auto& domain : sockets[i]) {
      CpuSet of_domain;
      std::string cores;
      for (const auto& core : domain) {
        const auto of_core = cpus(core);
        std::string threads;
        for (const int cpu : of_core.cpus())
          threads += xml_of(fmt::format("\"PU\" os_index=\"{}\"", cpu), CpuSet{cpu}, node, "");
        cores += xml_of("\"Core\"", of_core, node, threads);
        of_domain = of_domain | of_core;
      }
      domains += xml_of("\"L3Cache\" depth=\"3\" cache_type=\"0\"", of_domain, node, cores);
      of_package = of_package | of_domain;
    }
    const auto memory = xml_of(fmt::format("\"NUMANode\" os_index=\"{}\"", i), of_package, node, "");
    packages += xml_of("\"Package\"", of_package, node, memory + domains);
    online = online | of_package;
  }
  const tideline::test::TempDir directory;
  const auto file = directory.write("host.xml", R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
)" + xml_of("\"Machine\" os_index=\"0\"", online, 3, packages) +
                                                    "</topology>\n");
  const auto found = kernel::topology_from_xml(file);
  EXPECT_TRUE(found.ok()) << (found.ok() ? "" : found.error().message());
  return found.ok() ? *found : Topology{};
}

}  // namespace tideline::decide::test
