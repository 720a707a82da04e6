#pragma once
// Which accounts are worth a place in history: few enough for ten thousand nodes, and none that matters left out.

#include "messages/model/explained.h"
#include "messages/model/reclaimed.h"

namespace tideline::reclaim {

/// Of one node's accounts with the same rules at most one in this time: 170 a second for 10,000 nodes.
inline constexpr model::Duration kKeepAtMostEvery = model::KeptAccounts::kAtMostEvery;
/// Of a node that reports at least one in this time, moved or not.
inline constexpr model::Duration kKeepAtLeastEvery = model::KeptAccounts::kAtLeastEvery;
/// A term has moved when it did by more than this share of the capacity.
inline constexpr int kMovedPercent = model::KeptAccounts::kMovedPercent;

/// Whether `account` belongs into history now, `since` after `kept` was written there: at once with another rule or
/// policy version, else by the bounds above. Mid's rule is a term that moves: on a busy node what is predicted and what
/// is left of the room take turns.
bool worth_keeping(const model::Reclaimed& kept, const model::Reclaimed& account, model::Duration since);

}  // namespace tideline::reclaim
