#include "coordinator/planner/score.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/future_peak.h"
#include "coordinator/planner/score_part.h"
#include "coordinator/planner/utc_text.h"
#include "coordinator/planner/whole_units.h"

namespace tideline::planner {
namespace {

using forecast::ForecastSetting;
using forecast::ForecastSpec;
using model::Error;
using model::invalid;

/// Less than this share of the oracle is rounding, no violation.
constexpr double kScoreRounding = 1e-6;
/// What progress is told after, and whose violations are held one by one.
constexpr std::size_t kHostsAtOnce = 32;

/// Of steps, [first, last).
struct ScoredSteps {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t horizon = 1;
};

struct ScoredTask {
  std::uint32_t task = 0;
  UsedSteps used;
  UsedSteps request;
};

/// Of one forecast on one host.
struct ForecastTally {
  std::vector<std::uint32_t> severities;  // of violations, as SeverityCounts::degree_of
  double saved = 0;
};
struct ScoreTally {
  std::uint64_t checks = 0;
  std::uint64_t with_limit = 0;
  std::vector<ForecastTally> forecasts;
};

const std::vector<float>& scored_use(const Workload& workload, forecast::Resource resource) {
  return resource == forecast::Resource::kCpu ? workload.cpu_used : workload.memory_used_mib;
}

const std::vector<float>& scored_request(const Workload& workload, forecast::Resource resource) {
  return resource == forecast::Resource::kCpu ? workload.cpu_request : workload.memory_request_mib;
}

std::size_t scored_step_from(const Dataset& data, std::int64_t time_s) {
  if (time_s <= data.begin_s) return 0;
  if (time_s >= data.time_of(data.steps)) return data.steps;
  return static_cast<std::size_t>((time_s - data.begin_s - 1) / data.step_s + 1);
}

model::Result<ScoredSteps> scored_steps(const Dataset& data, const ScoreOptions& options) {
  ScoredSteps steps;
  steps.horizon = static_cast<std::size_t>((options.horizon_s - 1) / data.step_s + 1);
  steps.first = scored_step_from(data, options.score_from_s);
  const std::size_t with_horizon = data.steps > steps.horizon ? data.steps - steps.horizon : 0;
  steps.last = std::min(scored_step_from(data, options.score_until_s), with_horizon);
  if (steps.first < steps.last) return steps;
  const auto end_s = data.time_of(data.steps);
  const ScoreOptions all;
  const auto from_s = options.score_from_s == all.score_from_s ? data.begin_s : options.score_from_s;
  const auto until_s = options.score_until_s == all.score_until_s ? end_s : options.score_until_s;
  return invalid(
      fmt::format("no step to score from {} to {} has its whole horizon of {} h in the data, which is of {} to {}",
                  utc_text(from_s), utc_text(until_s), static_cast<double>(options.horizon_s) / 3'600,
                  utc_text(data.begin_s), utc_text(end_s)));
}

std::optional<Error> score_fault(const Dataset& data, const World& world, std::span<const ForecastSpec> specs,
                                 const ScoreOptions& options, const ForecastSetting& setting) {
  if (auto good = check_data(data); !good) return good.error();
  if (options.horizon_s <= 0) return invalid(fmt::format("the horizon is {} s; want more than 0", options.horizon_s));
  if (options.window_s <= 0) return invalid(fmt::format("the window is {} s; want more than 0", options.window_s));
  for (const ForecastSpec& spec : specs) {
    if (!spec.is_oracle() && !forecast::make_forecaster(spec, setting)) {
      return invalid(fmt::format("there is no forecast \"{}\"", spec.text));
    }
  }
  for (std::size_t host = 0; host < world.hosts.size(); ++host) {
    for (const std::uint32_t number : world.hosts[host]) {
      if (number >= data.workloads.size()) {
        return invalid(fmt::format("{} has workload {}, the data has {}", host_name(world.first_host + host), number,
                                   data.workloads.size()));
      }
    }
  }
  return std::nullopt;
}

std::vector<ScoredTask> scored_tasks(const Dataset& data, std::span<const std::uint32_t> workloads,
                                     forecast::Resource resource) {
  std::vector<ScoredTask> series;
  series.reserve(workloads.size());
  for (const std::uint32_t number : workloads) {
    const Workload& workload = data.workloads[number];
    series.push_back({number,
                      {scored_use(workload, resource), workload.first},
                      {scored_request(workload, resource), workload.first}});
  }
  return series;
}

/// Every predictor on one host, from the first step of the data on.
ScoreTally tally_host(const Dataset& data, std::span<const std::uint32_t> workloads,
                      std::span<const ForecastSpec> specs, const ForecastSetting& setting, const ScoredSteps& steps) {
  ScoreTally tally;
  tally.forecasts.resize(specs.size());
  if (workloads.empty()) return tally;
  const double unit = setting.resource == forecast::Resource::kCpu ? 1 : kBytesOfMib;
  const auto series = scored_tasks(data, workloads, setting.resource);
  std::vector<UsedSteps> uses;
  uses.reserve(series.size());
  for (const ScoredTask& task : series)
    uses.push_back(task.used);
  const auto peaks = future_peaks(uses, steps.first, steps.last, steps.horizon);
  std::vector<std::unique_ptr<forecast::Forecaster>> forecasters;
  forecasters.reserve(specs.size());
  for (const ForecastSpec& spec : specs)
    forecasters.push_back(spec.is_oracle() ? nullptr : forecast::make_forecaster(spec, setting));

  std::vector<forecast::TaskUse> there;
  there.reserve(series.size());
  for (std::size_t step = 0; step < steps.last; ++step) {
    there.clear();
    double limits = 0;
    for (const ScoredTask& task : series) {
      const float used = task.used.at(step);
      if (!(used >= 0)) continue;
      const float request = task.request.at(step);
      const double limit = request > 0 ? unit * static_cast<double>(request) : 0.0;
      there.push_back({task.task, unit * static_cast<double>(used), limit});
      limits += limit;
    }
    for (const auto& forecaster : forecasters) {
      if (forecaster) forecaster->observe(there);
    }
    if (step < steps.first || there.empty()) continue;
    ++tally.checks;
    if (limits > 0) ++tally.with_limit;
    const double oracle = unit * peaks[step - steps.first];
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const double predicted = forecasters[i] ? forecasters[i]->predict().value_or(limits) : oracle;
      ForecastTally& of = tally.forecasts[i];
      if (limits > 0) of.saved += (limits - predicted) / limits;
      if (oracle - predicted > kScoreRounding * oracle) {
        of.severities.push_back(SeverityCounts::degree_of((oracle - predicted) / oracle));
      }
    }
  }
  return tally;
}

void add_host(const ScoreTally& host, ScorePart& part) {
  part.checks += host.checks;
  part.with_limit += host.with_limit;
  for (std::size_t i = 0; i < host.forecasts.size(); ++i) {
    part.forecasts[i].saved.add(host.forecasts[i].saved);
    for (const std::uint32_t degree : host.forecasts[i].severities)
      part.forecasts[i].severities.add(degree);
  }
}

}  // namespace

model::Result<ScorePart> score_part(const Dataset& data, const World& world, std::span<const ForecastSpec> specs,
                                    const ScoreOptions& options) {
  const ForecastSetting setting{.step_s = data.step_s, .window_s = options.window_s, .resource = options.resource};
  if (auto fault = score_fault(data, world, specs, options, setting)) return *fault;
  const auto steps = scored_steps(data, options);
  if (!steps) return steps.error();

  ScorePart part;
  part.fleet_hosts = world.hosts_of_fleet();
  part.first_host = world.first_host;
  part.hosts = world.hosts.size();
  // What was made of data that all hosts share is told once.
  if (world.recorded || world.first_host == 0) part.counts = data.counts;
  for (const ForecastSpec& spec : specs)
    part.forecasts.emplace_back().text = spec.text;
  std::vector<ScoreTally> hosts;
  for (std::size_t done = 0; done < world.hosts.size();) {
    hosts.assign(std::min(kHostsAtOnce, world.hosts.size() - done), {});
    run_all(options.parallel, hosts.size(),
            [&](std::size_t i) { hosts[i] = tally_host(data, world.hosts[done + i], specs, setting, *steps); });
    for (const ScoreTally& host : hosts)
      add_host(host, part);
    done += hosts.size();
    if (options.progress && options.progress(static_cast<double>(done) / static_cast<double>(world.hosts.size()))) {
      return Error(model::ErrorCode::kUnavailable, "scoring was stopped");
    }
  }
  return part;
}

model::Result<std::vector<ForecastScore>> score(const Dataset& data, const World& world,
                                                std::span<const ForecastSpec> specs, const ScoreOptions& options) {
  const auto part = score_part(data, world, specs, options);
  if (!part) return part.error();
  return scores_of(*part);
}

}  // namespace tideline::planner
