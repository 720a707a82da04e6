#pragma once
// What does not change while this boot lasts, and the host's sizes.

#include <string>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/kernel_root.h"

namespace tideline::kernel {

struct HostFacts {
  std::string boot_id;         // /proc/sys/kernel/random/boot_id
  std::string kernel_release;  // /proc/sys/kernel/osrelease
  std::string hostname;        // /proc/sys/kernel/hostname
};
model::Result<HostFacts> read_host_facts(const KernelRoot& root);

/// MemTotal of /proc/meminfo; NUMA nodes may sum up to something else.
model::Result<model::Bytes> read_memory_capacity(const KernelRoot& root);

/// Online CPUs x 1000, from /sys/devices/system/cpu/online; container quotas and affinities do not change it.
model::Result<model::MilliCpu> read_cpu_capacity(const KernelRoot& root);

}  // namespace tideline::kernel
