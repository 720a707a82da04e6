#pragma once
// What is declared for a kernel file before it is first written, by its name alone.

#include <string>
#include <string_view>

#include "messages/model/action.h"
#include "node-actor/guard/journal.h"
#include "node-actor/guard/journal_gate.h"

namespace tideline::guard {

/// What throttles or moves somebody goes back when nobody is in charge: quotas with their periods, burst, cpusets,
/// memory.high. What only orders groups, or says whose memory goes first, stays and protects: weights, idle, bvt,
/// memory.low and .min, soft limits, the limits of batch memory, memory.oom.group and what Alibaba Cloud Linux has
/// besides. A file of another name goes back.
RestoreClass restore_class_of(std::string_view file);

/// For every file whose safe value is what was there before us: all but what limits BE as a whole, the besteffort
/// root's quota and cpuset, of which a host without verified kernel ordering must not be freed, and its memory limit,
/// which nobody would loosen any more.
Declaration declare_original(const model::KernelWrite& write, const std::string& original);

}  // namespace tideline::guard
