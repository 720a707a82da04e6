#pragma once
// The options of "tidectl query", and the question that they make.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin-client/history_answers.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::tidectl {

/// As given, before it is checked.
struct RawQuery {
  std::vector<std::string> fields;
  std::vector<std::string> nodes;
  std::string label;
  std::string pod;       // uid
  std::string workload;  // "namespace/kind/name"
  bool pods = false;
  bool workloads = false;
  std::string since = "1h";
  std::string until = "now";
  std::string step;  // "" = by the range
  std::string aggregate = "mean";
  std::string across = "each";
  std::string tier;  // "" = by the step
};

struct QueryOptions {
  SeriesQuestion question;  // but for times and step
  model::WallTime from;
  model::WallTime to;
  std::optional<std::int64_t> step_s;  // nullopt: by the range
};

/// Errors name the option, the word, and what would be good.
model::Result<QueryOptions> check_query(const RawQuery& raw, model::WallTime now);

/// "mean", "p99.9".
std::string aggregate_text(const SeriesQuestion& question);
std::string_view across_text(series::Across across);
/// Of pods and workloads; else of nodes.
bool is_of_pods(series::Field field);
/// "Fields of nodes: ...", one line a kind.
std::string field_lists();

/// How long each tier is kept, in s, by series::kTiers; 0 = not known.
using TierReach = std::array<std::int64_t, series::kTiers.size()>;
/// Whether it matters how long tiers are kept: neither step nor tier is given, and the range begins long ago.
bool needs_reach(const QueryOptions& options, model::WallTime now);
/// The step is the one given, or one by which the range has about 240: whole steps of the coarsest tier that is as fine
/// as that, of those that are kept for long enough. The range is widened to whole steps.
SeriesQuestion question_of(const QueryOptions& options, const TierReach& reach, model::WallTime now);

}  // namespace tideline::tidectl
