#pragma once

#include <string>

#include "messages/model/result.h"
#include "messages/model/topology.h"
#include "node-actor/kernel/kernel_root.h"

namespace tideline::kernel {

using model::Topology;

/// This host's online CPUs, through hwloc's reading of sysfs; with a root other than /sys of that tree.
model::Result<Topology> load_topology(const KernelRoot& root);
/// hwloc's synthetic description, e.g. "pack:2 [numa(memory=64GB)] l3:2 core:8 pu:2". kInvalidArgument names the text.
model::Result<Topology> topology_from_synthetic(const std::string& description);
/// hwloc's XML export.
model::Result<Topology> topology_from_xml(const std::string& path);

}  // namespace tideline::kernel
