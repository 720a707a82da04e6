#pragma once
// Memory limits of batch pods, from the batch-memory they ask for (Koordinator's hook BatchResource):
//   memory-limit = sum of batch-memory limits; none if a container has no limit; at least kLeastBatchMemory
// for the pod over its containers, and for each container by its own. Pods of QoS BE only. Where there is no limit
// nothing is wanted.
//
// A limit below what a group uses would be met by the kernel with reclaim and then its OOM killer (cgroup-v2.rst
// memory.max; v1 refuses with EBUSY). So such a limit waits until the group uses less than kSlackPercent below it;
// until then the group is held where it is: its limit is what it uses and kSlackPercent more, rounded up to kStep, and
// never rises again. A group that uses more than that limit by kSlackPercent is not under it (an operator's hold, a
// write that was refused), and is held where it is then.

#include <map>
#include <optional>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

constexpr int kSlackPercent = 2;
constexpr model::Bytes kStep{16LL << 20};
/// The least that a container starts in; runtimes take no less.
constexpr model::Bytes kLeastBatchMemory{4LL << 20};

/// Nothing here is owned: all must outlive the call.
struct BatchMemoryInput {
  /// Memory used with page cache less what can be reclaimed, of groups that it is known of. Not known: the limit stays
  /// where it is, or waits.
  const std::map<model::GroupRef, model::Bytes>& used;
  /// Limits that groups have without us; the tighter one stays.
  const std::map<model::GroupRef, model::Bytes>& own_limits;
  /// Limits of ours that are in force as the state does not know yet, right after a start: without them a group that is
  /// at its limit then would be let go beyond it. nullptr: not known.
  const std::map<model::GroupRef, model::Bytes>* in_force = nullptr;
};
struct BatchMemoryState {
  std::map<model::GroupRef, model::Bytes> stepping;  // what was wanted last: on the way down, or there
  friend bool operator==(const BatchMemoryState&, const BatchMemoryState&) = default;
};
struct BatchMemoryStep {
  BatchMemoryState state;
  Wants wants;
};
/// One round. A pod without batch-memory, one that has ended and containers without id are left alone. The limits of a
/// pod that lists no containers are its own. Values beyond ReportLimits count as the nearest allowed one; a limit of 0
/// is no limit, as for the kubelet.
/// Feature "batchMemory": how many pods have their limits, and which wait above theirs (kAboveLimit); inactive while no
/// pod asks for batch-memory; unsupported where the knob is missing.
BatchMemoryStep batch_memory(BatchMemoryState state, const std::vector<model::Pod>& pods, const model::KnobSet& knobs,
                             const BatchMemoryInput& input);

}  // namespace tideline::decide
