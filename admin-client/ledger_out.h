#pragma once
// The ledger for people and as JSON: an account explained, and the cluster's. Pure; foreign text is made harmless. JSON
// field names are a contract, as json_out.h says.

#include <string>

#include <nlohmann/json.hpp>

#include "admin-client/plot.h"
#include "messages/model/cluster.h"
#include "messages/model/explained.h"

namespace tideline::tidectl {

std::string render_explained(const model::ExplainedAccount& explained);
nlohmann::ordered_json to_json(const model::ExplainedAccount& explained);

/// Ends with the trend, drawn by `options`.
std::string render_cluster(const model::ClusterReport& report, const PlotOptions& options);
nlohmann::ordered_json to_json(const model::ClusterReport& report);

}  // namespace tideline::tidectl
