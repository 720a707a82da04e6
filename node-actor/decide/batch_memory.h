#pragma once
// Memory limits of batch pods, from the batch-memory they ask for (Koordinator's hook BatchResource):
//   memory-limit = sum of batch-memory limits; none if a container has no limit
// for the pod over its containers, and for each container by its own. Pods of QoS BE only.
//
// A limit below what a group uses would be met by the kernel with reclaim and then its OOM killer (cgroup-v2.rst
// memory.max; v1 refuses with EBUSY). So such a limit waits until the group uses less than kSlackPercent below it;
// until then the group is held where it is: its limit is what it uses, rounded up to kStep, and never rises again.

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

struct BatchMemoryInput {
  /// Memory used with page cache less what can be reclaimed, of groups that it is known of. Not known: the limit waits.
  std::map<model::GroupRef, model::Bytes> used;
  std::map<model::GroupRef, model::Bytes> own_limits;  // limits that groups have without us; the tighter one stays
};
struct BatchMemoryState {
  std::map<model::GroupRef, model::Bytes> stepping;  // limits on their way down
  friend bool operator==(const BatchMemoryState&, const BatchMemoryState&) = default;
};
struct BatchMemoryStep {
  BatchMemoryState state;
  Wants wants;
};
/// One round. Feature "batchMemory": how many pods have their limits, and which wait above theirs (kAboveLimit).
BatchMemoryStep batch_memory(BatchMemoryState state, const std::vector<model::Pod>& pods, const model::KnobSet& knobs,
                             const BatchMemoryInput& input);

}  // namespace tideline::decide
