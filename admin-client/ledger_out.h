#pragma once
// The ledger for people and as JSON: an account explained, and the cluster's. Pure; foreign text is made harmless. JSON
// field names are a contract, as json_out.h says.

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "admin-client/plot.h"
#include "admin-client/trend_view.h"
#include "messages/model/cluster.h"
#include "messages/model/explained.h"

namespace tideline::tidectl {

/// `asked`: the instant that was asked for, which an account of history is older than; nullopt = now.
std::string render_explained(const model::ExplainedAccount& explained,
                             const std::optional<model::WallTime>& asked = std::nullopt);
nlohmann::ordered_json to_json(const model::ExplainedAccount& explained,
                               const std::optional<model::WallTime>& asked = std::nullopt);

/// Ends with the trend, which is what `trend` says and drawn by `options`.
std::string render_cluster(const model::ClusterReport& report, const PlotOptions& options, const TrendView& trend = {});
nlohmann::ordered_json to_json(const model::ClusterReport& report, const TrendView& trend = {});

}  // namespace tideline::tidectl
