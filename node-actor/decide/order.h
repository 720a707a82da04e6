#pragma once
// The order in which changes of knobs are written, so that the kernel takes every one of them and each is safe as the
// last write ever made: whatever stands between old and new is never tighter than both.
//
//   1. cpu-idle and page-cache-enable to 0; weights, bvt-warp, and what of memory only orders or tunes (soft-limit,
//      oom-group, wmark-*, memory-priority, use-priority-oom, page-cache-size and -sync); cpu-idle and
//      page-cache-enable to 1. The kernel takes no weight of an idle group and gives a group that ends to be idle the
//      default weight (kernel/sched/fair.c, sched_group_set_shares, sched_group_set_idle), so a weight is always
//      written after cpu-idle went to 0. A page cache is limited only once its size is there.
//   2. Whatever widens, parents first: quotas and limits of memory (memory-limit, memory-high) going up or away,
//      cpusets that grow. A cpuset that also shrinks gets the union of old and new where a group below it changes too,
//      for that one may need both.
//   3. Floors of memory (memory-min, memory-low) that fall, children first, then those that rise, parents first: a
//      floor counts only within the parent's, and where the children's are more than that together each gets a part
//      (cgroup-v2.rst, memory.min), also those that do not change. Between what widens and what narrows: so
//      memory-high is never below memory-min of its group in between.
//   4. Bursts that fall: the kernel takes no quota below the burst (__tg_set_cfs_bandwidth).
//   5. Whatever narrows, children first: cgroup v1 takes neither a quota per period below a child's nor above the
//      parent's (tg_cfs_schedulable_down) and no cpuset without a child's CPUs (cgroup-v1/cpusets.rst). memory-high
//      comes before the memory-limit of its group: what it reclaims, the limit need not kill for.
//   6. Bursts that rise, under the quota they were made for.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "messages/model/knob.h"

namespace tideline::decide {

struct Change {
  model::GroupRef group;
  model::Knob knob = model::Knob::kCpuQuota;
  model::KnobValue target;
  std::optional<model::KnobValue> current;  // as the kernel has it now; nullopt: not readable
  friend bool operator==(const Change&, const Change&) = default;
};

struct OrderedWrite {
  std::size_t change = 0;  // index in the changes given
  model::KnobValue value;  // its target, or the union on the way there
  friend bool operator==(const OrderedWrite&, const OrderedWrite&) = default;
};

/// Whether the kernel already holds the target, e.g. after its own rounding.
using IsSame = std::function<bool(const Change&)>;
/// `current` is known and equal to `target`.
bool is_equal(const Change& change);

/// At most one change per group and knob; a change that is the same as what is there has no write. The order is a
/// function of the changes alone, not of their order.
///
/// Nothing is refused if both states are ones the kernel would hold: current values together with all groups that are
/// not among the changes, and targets together with the same. A change whose current value is unknown counts as
/// narrowing, that of a floor as falling; what is refused around it (growth below such a group) is taken in the next
/// round.
std::vector<OrderedWrite> order(const std::vector<Change>& changes, const IsSame& same = is_equal);

}  // namespace tideline::decide
