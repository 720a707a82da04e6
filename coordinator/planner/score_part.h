#pragma once
// Scores over some of a fleet's hosts, from which those over all are made: the same to the last bit, whatever the fleet
// was divided into.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/exact_sum.h"
#include "coordinator/planner/score.h"
#include "coordinator/planner/severity.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct ScorePart {
  struct Forecast {
    std::string text;  // ForecastSpec::text
    SeverityCounts severities;
    ExactSum saved;  // shares of limits, over all checks with one
  };
  std::size_t fleet_hosts = 0;
  std::size_t first_host = 0;  // number of the first of these
  std::size_t hosts = 0;
  std::uint64_t checks = 0;
  std::uint64_t with_limit = 0;
  std::vector<Forecast> forecasts;
  DataCounts counts;  // of what these hosts were read from; of data that all share with the first
};

/// As score() of the same, of the world's hosts.
model::Result<ScorePart> score_part(const Dataset& data, const World& world,
                                    std::span<const forecast::ForecastSpec> specs, const ScoreOptions& options);
/// `next` follows `part`. kInvalidArgument: other predictors, another fleet, or other hosts than those that come next.
model::Result<void> append(ScorePart& part, ScorePart next);
/// kInvalidArgument: some hosts are missing.
model::Result<std::vector<ForecastScore>> scores_of(const ScorePart& part);

/// JSON on one line, and back: strict, numbers to the last bit. kMalformed names key and place.
std::string to_json(const ScorePart& part);
model::Result<ScorePart> score_part_from_json(std::string_view text);

}  // namespace tideline::planner
