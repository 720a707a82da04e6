#pragma once
// A forecaster's text, taken apart.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::forecast {

enum class ForecastKind : std::uint8_t {
  kLimit,
  kMean,
  kPercentile,
  kNSigma,
  kPeak,
  kKoordinator,
  kVpa,
  kOracle,
  kMax
};

struct ForecastTree {
  ForecastKind kind{};
  double number = 0;                // what stands behind the colon; 1 for a bare limit
  std::vector<ForecastTree> parts;  // of kMax: two at least, none of them a max or the oracle
  friend bool operator==(const ForecastTree&, const ForecastTree&) = default;
};

/// As parse_forecast().
model::Result<ForecastTree> parse_tree(std::string_view text);

/// The one spelling that parse_tree() makes the same tree of.
std::string spell(const ForecastTree& tree);

}  // namespace tideline::forecast
