#pragma once
// What of the cluster's course is shown: of which nodes, of which tier, and which words of it.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::tidectl {

inline constexpr std::array<std::string_view, 4> kTrendTiers = {"prod", "mid", "batch", "system"};
inline constexpr std::array<std::string_view, 8> kTrendWords = {"allocated", "used",    "buffered",  "charged",
                                                                "reclaimed", "offered", "committed", "deficit"};
/// As many as a drawing has marks for.
inline constexpr std::size_t kMaxTrendCurves = 6;

struct TrendView {
  std::string of;                   // the group, LABEL=VALUE; "" = the whole cluster
  std::string tier;                 // of kTrendTiers; "" = all of them together
  std::vector<std::string> curves;  // of kTrendWords, at most kMaxTrendCurves; none = the usual ones of the tier
};

}  // namespace tideline::tidectl
