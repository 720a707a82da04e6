#include "coordinator/forecast/forecast.h"

#include <array>
#include <utility>
#include <vector>

#include "coordinator/forecast/histogram.h"
#include "coordinator/forecast/limit.h"
#include "coordinator/forecast/max.h"
#include "coordinator/forecast/mean.h"
#include "coordinator/forecast/nsigma.h"
#include "coordinator/forecast/peak.h"
#include "coordinator/forecast/percentile.h"
#include "coordinator/forecast/spec.h"

namespace tideline::forecast {
namespace {

constexpr std::array<std::string_view, 13> kUsual = {"limit", "limit:0.9",   "mean:15",  "rc:95",
                                                     "rc:99", "nsigma:2",    "nsigma:3", "nsigma:5",
                                                     "peak",  "koordinator", "vpa",      "max(nsigma:5,rc:99)",
                                                     "oracle"};

std::unique_ptr<Forecaster> make_from(const ForecastTree& tree, const ForecastSetting& setting) {
  switch (tree.kind) {
    case ForecastKind::kLimit:
      return make_limit(tree.number);
    case ForecastKind::kMean:
      return make_mean(tree.number, setting);
    case ForecastKind::kPercentile:
      return make_percentile(tree.number, setting);
    case ForecastKind::kNSigma:
      return make_nsigma(tree.number, setting);
    case ForecastKind::kPeak:
      return make_peak(setting);
    case ForecastKind::kKoordinator:
      return make_koordinator(setting);
    case ForecastKind::kVpa:
      return make_vpa(setting);
    case ForecastKind::kMax: {
      std::vector<std::unique_ptr<Forecaster>> parts;
      for (const ForecastTree& part : tree.parts)
        parts.push_back(make_from(part, setting));
      return make_max(std::move(parts));
    }
    case ForecastKind::kOracle:
      break;
  }
  return nullptr;
}

}  // namespace

model::Result<ForecastSpec> parse_forecast(std::string_view text) {
  const auto tree = parse_tree(text);
  if (!tree) return tree.error();
  return ForecastSpec{spell(*tree)};
}

std::unique_ptr<Forecaster> make_forecaster(const ForecastSpec& spec, const ForecastSetting& setting) {
  const auto tree = parse_tree(spec.text);
  return tree ? make_from(*tree, setting) : nullptr;
}

std::span<const std::string_view> usual_forecasts() {
  return kUsual;
}

}  // namespace tideline::forecast
