#pragma once
// Reads accounts of history for operators.

#include <optional>
#include <vector>

#include "messages/model/cluster.h"
#include "messages/model/explained.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// The node's account as history has it at that instant: of the newest record by then. Errors: kNotFound when there is
/// none, as there is none of a name of a part of the cluster; those of the store.
model::Result<model::ExplainedAccount> explain_account(const store::HistoryStore& store, const model::NodeName& node,
                                                       model::WallTime at);

/// The account of the cluster, or of a part of it, over [from, to), in at most `points` points (reclaim::Trend).
model::Result<std::vector<model::AccountAt>> read_trend(const store::HistoryStore& store,
                                                        const std::optional<model::ClusterPart>& part,
                                                        model::WallTime from, model::WallTime to, std::size_t points);

}  // namespace tideline::coordinator
