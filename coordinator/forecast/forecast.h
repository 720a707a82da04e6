#pragma once
// Predictors of what a host's tasks will use at most over the time to come, from what they used. One interface for all,
// so that the planner can hold them against each other on the same days, and the live coordinator can run any of them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::forecast {

/// One task of a host at one step. `limit`: what it requested. Both in one unit, millicores or bytes; finite, >= 0.
struct TaskUse {
  std::uint32_t task = 0;  // a number of its own on that host, for as long as it is there
  double used = 0;
  double limit = 0;
};

/// Of one host and one resource.
class Forecaster {
 public:
  virtual ~Forecaster() = default;
  /// The tasks there are at a step, by ascending number, each once. Steps are evenly spaced. Who is missing is gone and
  /// forgotten. A host without tasks is told so, too.
  virtual void observe(std::span<const TaskUse> tasks) = 0;
  /// The most that the tasks of the last observe() will use together: >= 0, never more than their limits together, and
  /// those limits where too little is known. nullopt before the first observe().
  virtual std::optional<double> predict() const = 0;
};

/// What a forecaster is, by text: the form of the command line and of reports.
///   limit            the sum of limits: no overcommit         limit:0.9     that share of it ("borg-default")
///   mean:15          mean use over the window plus 15 %
///   rc:99            RC-like: of each task the 99th percentile of use / limit in its window, times its limit
///   nsigma:5         mean + 5 standard deviations of (sum used / sum limits) over the window, times the limits
///   max(nsigma:5,rc:99)   the largest of any
///   koordinator      decaying histogram of each task, half-life 12 h, p95 + 10 %, the limit in a task's first 24 h;
///                    of memory half-life 24 h and p98
///   vpa              decaying histogram of each task, half-life 24 h, p90 + 15 %; of memory each day's largest use
///   peak             of each task the most it used in the window
///   oracle           not a Forecaster: who scores knows the future (planner/score.h)
/// N-sigma, RC-like and max after "Take it to the Limit" (EuroSys '21) and its simulator's terms: a window of 24 h, at
/// least 2 h known, else the limits. A task that is known for less counts with its limit, beside what is predicted of
/// the others. Uses beyond limits are taken as they are; only the sum is cut to the limits.
struct ForecastSpec {
  std::string text;  // as above, in its one spelling
  bool is_oracle() const { return text == "oracle"; }
  friend bool operator==(const ForecastSpec&, const ForecastSpec&) = default;
};
/// Blanks are skipped, a max() in a max() is part of it, and what it names twice counts once. kInvalidArgument names
/// the part that is wrong and what is possible.
model::Result<ForecastSpec> parse_forecast(std::string_view text);

enum class Resource : std::uint8_t { kCpu, kMemory };

struct ForecastSetting {
  std::int64_t step_s = 300;
  std::int64_t window_s = 86'400;
  std::int64_t least_known_s = 7'200;
  Resource resource = Resource::kCpu;  // of histograms: their buckets
};
/// Of anything but the oracle; nullptr for it, and for a text that parse_forecast() does not take. A task takes up to
/// 32 B for each step of the window.
std::unique_ptr<Forecaster> make_forecaster(const ForecastSpec& spec, const ForecastSetting& setting);

/// The list that tables begin from.
std::span<const std::string_view> usual_forecasts();

}  // namespace tideline::forecast
