#pragma once
// The besteffort root's CPU quota in this kernel's spelling (sched-bwc.rst, cgroup-v2.rst "cpu.max").

#include <cstdint>
#include <optional>
#include <string>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// Smallest quota Koordinator writes, 20 millicores at the usual period.
constexpr std::int64_t kMinQuotaUs = 2000;

struct Quota {
  std::optional<model::MilliCpu> limit;  // nullopt: no quota
  std::int64_t period_us = 100000;
  std::string file;  // "cpu.cfs_quota_us" or "cpu.max"
  std::string raw;   // what the file held
};

/// Reads a group's quota. kMalformed names path and text.
model::Result<Quota> read_quota(const CgroupTree& tree, const std::string& group);

/// The write that gives `group` this limit, with its present period untouched; nullopt takes the quota away ("-1", or
/// "max <period>"). A quota below kMinQuotaUs becomes kMinQuotaUs. Asks the kernel only for the period.
model::Result<model::KernelWrite> quota_write(const CgroupTree& tree, const std::string& group,
                                              std::optional<model::MilliCpu> limit, model::Controller controller,
                                              model::Reason reason);
/// The same without I/O, for a kernel whose version and period are known.
model::KernelWrite quota_write(CgroupVersion version, std::int64_t period_us, const std::string& group,
                               std::optional<model::MilliCpu> limit, model::Controller controller,
                               model::Reason reason);

}  // namespace tideline::kernel
