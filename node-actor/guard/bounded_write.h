#pragma once
// Memory limits below the use, written by whoever must not hang: the kernel has the writer itself reclaim what is above
// the new value (mm/memcontrol.c, memory_high_write, memory_max_write; mm/memcontrol-v1.c, mem_cgroup_resize_max),
// which takes as long as it takes. So a child process makes the write and is killed at its deadline. On cgroup v2 the
// value is in force by then; on v1 it is not, and the file is as it was.

#include <chrono>
#include <string>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

/// What one write may take at most: most of it on the way to a value that is in force already.
constexpr model::Duration kMostPerWrite = std::chrono::milliseconds(200);

/// A killed child is gone within this, unless it is stuck.
constexpr model::Duration kGoneAfterKill = std::chrono::milliseconds(50);

/// Whether a write of `to` may have to reclaim: `path` is a memory limit or memory.high, and falls by it, or rises to
/// less than the group uses, as on cgroup v2 the use may be above either value. What cannot be read counts as that.
bool may_block(const std::string& path, const std::string& from, const std::string& to);

/// kernel::write_identified, by a child. Errors as its, by errno's text; kUnavailable also when the child was killed
/// after `patience`, or there was none. One that is not gone `gone_after_kill` after SIGKILL is left behind: it holds
/// all files that this process has open, the state directory's lock among them, until it is gone.
model::Result<void> write_within(const kernel::FileIdentity& file, const std::string& value, model::Duration patience,
                                 model::Duration gone_after_kill = kGoneAfterKill);

}  // namespace tideline::guard
