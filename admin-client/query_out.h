#pragma once
// Answers of "tidectl query" as tables, CSV, JSON and drawings. Pure; foreign text is made harmless.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admin-client/plot.h"
#include "admin-client/query_hold.h"

namespace tideline::tidectl {

struct QueryAnswer {
  SeriesQuestion question;
  std::optional<series::Tier> tier;  // that the coordinator took
  std::vector<HeldSeries> series;
  std::int64_t kept_from_s = 0;  // what is asked of is kept from about then on; 0 = not known
};

/// Of as many series one line a step and a column each; of more one line a series: points, least, mean, most, last.
inline constexpr std::size_t kMaxQueryColumns = 6;
std::string render_query(const QueryAnswer& answer, const PodNames& names);

/// "time,wall_ms,field,unit,node,subject,name,value": `name` is a pod's "namespace/name".
std::string query_csv_title();
/// One line a point, by series.
std::string query_csv(const SeriesQuestion& question, const SeriesPage& page, const PodNames& names);

nlohmann::ordered_json query_json(const QueryAnswer& answer, const PodNames& names);

/// The first kMaxQueryCurves of each unit by their means, most first, are drawn; how many are left out is said.
inline constexpr std::size_t kMaxQueryCurves = 6;
std::string plot_query(const QueryAnswer& answer, const PodNames& names, const PlotOptions& options);

}  // namespace tideline::tidectl
