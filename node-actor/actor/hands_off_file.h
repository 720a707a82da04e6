#pragma once
// What this node is to leave alone, on disk, so that a restarted worker obeys before it has heard of the coordinator.

#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/hands_off.h"

namespace tideline::node {

/// Those that are not over. Of the same boot the monotonic clock counts; of another, and after it, the wall clock, and
/// never more than was ordered. Empty: none was ever kept. kMalformed names the file.
model::Result<std::vector<decide::Hold>> load_hands_off(const std::string& state_dir, const std::string& boot_id,
                                                        model::MonoTime now, model::WallTime wall);
/// Durable when it returns, and either the old or the new one is there after a crash.
model::Result<void> keep_hands_off(const std::string& state_dir, const std::string& boot_id,
                                   const std::vector<decide::Hold>& holds);

}  // namespace tideline::node
