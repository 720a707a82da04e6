#pragma once

#include <string>

#include "node-actor/guard/journal.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

/// Of cgroup v1, where a quota and the period that it is reckoned by are two files.
constexpr const char* kQuotaFile = "cpu.cfs_quota_us";
constexpr const char* kPeriodFile = "cpu.cfs_period_us";

/// cgroup v1 takes no cpu.cfs_quota_us whose share of its period is below that of a group under it
/// (kernel/sched/core.c, tg_cfs_schedulable_down). Brings those down to the share that `value` is in `quota`'s group,
/// deepest first, whoever set them; each is journaled, so that its original comes back. How many it brought down.
int make_room_below(Journal& journal, const kernel::FileIdentity& quota, const std::string& value);

}  // namespace tideline::guard
