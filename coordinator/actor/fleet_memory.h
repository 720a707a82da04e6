#pragma once
// What history has of the fleet that an earlier life of the coordinator looked after.

#include <cstddef>
#include <optional>
#include <vector>

#include "coordinator/fleet/arrival.h"
#include "messages/model/ids.h"
#include "messages/model/reclaimed.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// Stamps are on this process' monotonic clock, by the wall clock's difference; never later than now.
struct RememberedNode {
  model::NodeName name;
  model::MonoTime heard;                         // its newest report's arrival
  std::optional<model::Reclaimed> account = {};  // as kept last; nullopt = there is none, or it cannot be read
  model::MonoTime kept_at = {};                  // of the account
};

/// The nodes that have reported within `heard_within`, as history may remember others for longer; of more than `most`
/// those that did so last. One seek in the store for each.
std::vector<RememberedNode> remembered_fleet(const store::HistoryStore& store, const fleet::Arrival& now,
                                             std::size_t most, model::Duration heard_within = model::Duration::max());

}  // namespace tideline::coordinator
