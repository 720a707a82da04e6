#pragma once
// Processes named so that a reused pid is never mistaken for them.

#include <cstdint>
#include <optional>

#include "node-actor/kernel/fd.h"

namespace tideline::guard {

/// Field 22 of /proc/<pid>/stat: start in clock ticks since boot. nullopt: no such process (here).
std::optional<std::uint64_t> start_time_of(int pid);

/// A pidfd; not open when the process is gone.
kernel::Fd open_process(int pid);
bool send_signal(const kernel::Fd& process, int signal);

}  // namespace tideline::guard
