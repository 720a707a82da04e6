#pragma once
// model::Knob in this kernel's spelling: which file of which group, what it holds, and what to write into it.
//
//   knob     v1                                          v2
//   quota    cpu.cfs_quota_us (beside cpu.cfs_period_us) cpu.max "<quota|max> <period>"
//   burst    cpu.cfs_burst_us                            cpu.max.burst
//   weight   cpu.shares                                  cpu.weight
//   idle     cpu.idle                                    cpu.idle
//   bvt      cpu.bvt_warp_ns (Alibaba Cloud Linux)       cpu.bvt_warp_ns
//   cpuset   cpuset.cpus                                 cpuset.cpus
//
//   memory-min         memory.min (Alibaba Cloud Linux)              memory.min
//   memory-low         memory.low (Alibaba Cloud Linux)              memory.low
//   memory-high        memory.high (Alibaba Cloud Linux)             memory.high
//   memory-limit       memory.limit_in_bytes, none is "-1"           memory.max, none is "max"
//   soft-limit         memory.soft_limit_in_bytes, none is "-1"      -
//   oom-group          memory.oom.group (Alibaba Cloud Linux)        memory.oom.group
//   wmark-ratio        memory.wmark_ratio (Alibaba Cloud Linux)      likewise, and so are those below
//   wmark-scale-factor memory.wmark_scale_factor
//   wmark-min-adj      memory.wmark_min_adj
//   memory-priority    memory.priority
//   use-priority-oom   memory.use_priority_oom
//   page-cache-enable  memory.pagecache_limit.enable
//   page-cache-size    memory.pagecache_limit.size
//   page-cache-sync    memory.pagecache_limit.sync
// (sched-bwc.rst, cgroup-v2.rst, cgroup-v1/cpusets.rst, cgroup-v1/memory.rst)

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/action.h"
#include "messages/model/cpu_set.h"
#include "messages/model/knob.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// "": this version has none.
std::string_view file_of(CgroupVersion version, model::Knob knob);
/// Of the hierarchy that has this knob: in a hybrid tree cpuset or memory may lie on another version than the quota.
CgroupVersion version_of(const CgroupTree& tree, model::Knob knob);

/// cpu.weight of cpu.shares as kubelet and runc reckon: 1 + (shares - 2) * 9999 / 262142, shares taken as the kernel
/// takes them, within 2..262144.
std::int64_t weight_of_shares(std::int64_t shares);
/// The fewest shares that make this weight; weight within 1..10000.
std::int64_t shares_of_weight(std::int64_t weight);

/// The group's path for CgroupTree::path and KernelWrite::group. kNotFound when no such group is there now,
/// kInvalidArgument for a pod or container whose name would lead elsewhere.
model::Result<std::string> group_path(const CgroupTree& tree, const model::GroupRef& group);

struct KnobReading {
  /// Quota and burst rounded to the nearest millicore. A v2 weight is in shares; 0: the group is idle and has none.
  /// Memory that is "max" or v1's largest is none.
  model::KnobValue value;
  std::string file;                        // in this kernel's spelling
  std::string raw;                         // what the file held, without newline
  std::int64_t period_us = 0;              // quota and burst: the period they count in
  std::optional<model::CpuSet> effective;  // cpuset: the CPUs the group really runs on; its own set may be empty on v2
};
/// kNotFound: the group is gone. kUnsupported: this kernel, or this group, has no such file. kMalformed: with path and
/// text.
model::Result<KnobReading> read_knob(const CgroupTree& tree, const std::string& group, model::Knob knob);

/// The file that says the period a quota or burst counts in: on v1 one of its own, on v2 the quota's.
std::string_view period_file_of(CgroupVersion version);
/// The reading that these texts of a quota's or burst's file and of period_file_of() make. kMalformed: with path and
/// text.
model::Result<KnobReading> limit_reading(const CgroupTree& tree, const std::string& group, model::Knob knob,
                                         std::string raw, const std::string& period);

/// The write that gives `group` this value. Quota and burst keep the group's period, and a quota below kMinQuotaUs
/// becomes kMinQuotaUs; both are rounded down to the us, so that a burst within its quota stays within it. Memory is
/// rounded down to a page, as the kernel does, and a memory-limit or memory-high below one becomes one. Asks the kernel
/// only for the period, with read_knob's errors. kUnsupported: this version has no such file. kInvalidArgument: a value
/// that is no value of this knob: of another kind, an empty cpuset, a burst of nothing at all or below 0, memory below
/// 0, a number beyond what model::Knob says, no limit where it says never nullopt.
model::Result<model::KernelWrite> knob_write(const CgroupTree& tree, const std::string& group, model::Knob knob,
                                             const model::KnobValue& value, model::Controller controller,
                                             model::Reason reason);
/// The same without I/O. `period_us` counts for quota and burst only.
model::Result<model::KernelWrite> knob_write(CgroupVersion version, std::int64_t period_us, const std::string& group,
                                             model::Knob knob, const model::KnobValue& value,
                                             model::Controller controller, model::Reason reason);

/// The value that `raw`, a text found in such a file, stands for; nullopt for one that stands for none.
std::optional<model::KnobValue> value_of(CgroupVersion version, std::int64_t period_us, model::Knob knob,
                                         std::string_view raw);

/// Whether a file that holds `raw` has this value, however it is written: CPUs as sets, "max" and any negative quota as
/// none, shares as the weight that they make, memory in whole pages, quota and burst to the us, so that one who rounds
/// up is not fought.
/// `period_us` is of the group's quota; v2's cpu.max says its own. False for a text that is no value of the knob.
bool same(CgroupVersion version, std::int64_t period_us, model::Knob knob, const model::KnobValue& value,
          std::string_view raw);
bool same(const CgroupTree& tree, model::Knob knob, const model::KnobValue& value, const KnobReading& reading);

}  // namespace tideline::kernel
