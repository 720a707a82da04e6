#include "coordinator/planner_program/score_options.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"

namespace tideline::planner_program {
namespace {

constexpr std::int64_t kSecondsOfDay = 86'400;

std::int64_t second_half(const planner::Dataset& data) {
  const std::int64_t length = data.time_of(data.steps) - data.begin_s;
  const std::int64_t days = length / kSecondsOfDay;
  if (days >= 2) return data.begin_s + days / 2 * kSecondsOfDay;
  return data.time_of(data.steps / 2);
}

}  // namespace

planner::ScoreOptions score_options(const Options& options, const planner::Dataset& data, Session& session,
                                    std::string what) {
  const PredictionOptions& prediction = options.prediction;
  return {.resource = prediction.resource,
          .horizon_s = options.horizon_s,
          .window_s = prediction.window_s,
          .score_from_s = prediction.score_from_s.value_or(second_half(data)),
          .score_until_s = prediction.score_until_s.value_or(data.time_of(data.steps)),
          .parallel = session.parallel,
          .progress = session.progress(std::move(what))};
}

std::vector<std::string> score_facts(const planner::ScoreOptions& options, const planner::Dataset& data) {
  using planner_view::utc_text;
  const std::int64_t end = data.time_of(data.steps);
  return {fmt::format("predicted: the most {} that a host's workloads use together within {}, looking back {}",
                      options.resource == forecast::Resource::kCpu ? "CPU" : "memory",
                      planner_view::length_text(options.horizon_s), planner_view::length_text(options.window_s)),
          fmt::format("learnt from {} on; scored {} to {}, as far as the whole horizon lies in the data",
                      utc_text(data.begin_s), utc_text(std::max(options.score_from_s, data.begin_s)),
                      utc_text(std::min(options.score_until_s, end)))};
}

}  // namespace tideline::planner_program
