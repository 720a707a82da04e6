#pragma once
// What does not change while this boot lasts, the host's memory and the kind of its CPUs; which of these are online is
// online_cpus.h's.

#include <string>

#include "messages/model/report.h"
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

/// What kind of CPU it is. Nothing here is an error: what a kernel or a virtual machine does not tell is not known.
///   model          first "model name" in the first 16 KiB of /proc/cpuinfo (x86; other architectures have none)
///   hyper_threads  /sys/devices/system/cpu/smt/active: more than one thread of a core is online
///   turbo          /sys/devices/system/cpu/intel_pstate/no_turbo, else /sys/devices/system/cpu/cpufreq/boost
model::CpuKind read_cpu_kind(const KernelRoot& root);

}  // namespace tideline::kernel
