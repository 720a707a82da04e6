#pragma once

#include <optional>
#include <string>

#include "node-actor/kernel/writer.h"

namespace tideline::guard {

/// A group's weight, which the kernel changes with cpu.idle: 1 makes it the least there is, 0 the default, never what
/// it was (kernel/sched/fair.c, sched_group_set_idle). So whoever writes cpu.idle writes the weight, too.
struct IdleWeight {
  kernel::FileIdentity file;
  std::string current;  // what the weight's file holds now
  std::string next;     // what it will read once cpu.idle is written
};
/// nullopt: `file` is not cpu.idle, or has no weight beside it.
std::optional<IdleWeight> weight_taken_by(const kernel::FileIdentity& file, const std::string& value);

}  // namespace tideline::guard
