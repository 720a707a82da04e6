#pragma once
// Texts of kernel files that tell of NUMA nodes or single CPUs; nullopt for anything that is not what the kernel
// writes.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/model/units.h"

namespace tideline::kernel {

/// "Node 0 MemTotal:  24682416 kB" of /sys/devices/system/node/node0/meminfo.
std::optional<model::Bytes> parse_node_meminfo(std::string_view text, std::string_view key);

/// The cpuN lines of /proc/stat: CPU, and its ticks of user, nice, system, irq and softirq. nullopt, too, where the
/// text ends among them: it was cut.
std::optional<std::vector<std::pair<int, std::int64_t>>> parse_stat_cpus(std::string_view text);

/// cpuacct.usage_percpu: the CPU time on each possible CPU, from 0.
std::optional<std::vector<model::Duration>> parse_usage_percpu(std::string_view text);

/// The line of memory.numa_stat with this key, "anon N0=4096 N1=0" (v2) or "anon=1 N0=1 N1=0" (v1): by NUMA node.
std::optional<std::vector<std::pair<int, std::int64_t>>> parse_numa_stat(std::string_view text, std::string_view key);

}  // namespace tideline::kernel
