#pragma once
// A group's CPU quota in this kernel's spelling (sched-bwc.rst, cgroup-v2.rst "cpu.max").

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/action.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// Smallest quota Koordinator writes, 20 millicores at the usual period.
constexpr std::int64_t kMinQuotaUs = 2000;
/// kubelet's and this kernel's default.
constexpr std::int64_t kUsualPeriodUs = 100'000;
/// The longest the kernel takes (sched-bwc.rst).
constexpr std::int64_t kLongestPeriodUs = 1'000'000;

/// The period that costs LS least on this kernel. Each time a throttled group runs again, an LS thread that had its CPU
/// to itself meanwhile comes without credit and may wait a slice for it (EEVDF; docs/decisions.md), so the fewer
/// periods the better: the longest one from Linux 6.18 on, where a thread is throttled on its way to user mode only.
/// Before, it is stopped wherever it is, with the kernel locks it holds: kUsualPeriodUs then, and for a release that
/// does not say its number.
std::int64_t best_period_us(std::string_view kernel_release);

/// CPU as run time per period, rounded down; within 0 and the most the kernel takes (kernel/sched/core.c, 2^44 us).
std::int64_t us_per_period(model::MilliCpu cpu, std::int64_t period_us);

struct Quota {
  std::optional<model::MilliCpu> limit;  // nullopt: no quota
  std::int64_t period_us = 100000;
  std::string file;  // "cpu.cfs_quota_us" or "cpu.max"
  std::string raw;   // what the file held
};

/// Reads a group's quota. kMalformed names path and text.
model::Result<Quota> read_quota(const CgroupTree& tree, const std::string& group);

/// The write that sets the period of a group on v1, where it is a file of its own; to be made while the group has no
/// quota, for parents and children bound each other's quota per period.
model::KernelWrite period_write(const std::string& group, std::int64_t period_us, model::Controller controller,
                                model::Reason reason);

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
