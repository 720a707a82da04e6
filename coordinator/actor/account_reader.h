#pragma once
// Reads accounts of history for operators.

#include <vector>

#include "messages/model/explained.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// The node's account as history has it at that instant: of the newest record by then. Errors: kNotFound when there is
/// none; those of the store.
model::Result<model::ExplainedAccount> explain_account(const store::HistoryStore& store, const model::NodeName& node,
                                                       model::WallTime at);

/// The cluster's account over [from, to), in at most `points` points (reclaim::Trend).
model::Result<std::vector<model::AccountAt>> read_trend(const store::HistoryStore& store, model::WallTime from,
                                                        model::WallTime to, std::size_t points);

}  // namespace tideline::coordinator
