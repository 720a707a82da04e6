#pragma once
// Who speaks for a node where two agents would.

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::link {

/// Whether the session that a node has keeps its place against a new one of the same name. Another agent, which another
/// incarnation tells, waits until the one in place was silent for more than two heartbeats. The same agent takes over
/// at once: what it had before is dead. `silent`: the receiver's monotonic time since it last heard the holder.
inline bool keeps_place(model::Incarnation holder, model::Duration silent, model::Incarnation newcomer,
                        model::Duration heartbeat) {
  return holder != newcomer && silent <= 2 * heartbeat;
}

}  // namespace tideline::link
