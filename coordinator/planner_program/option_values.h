#pragma once
// The words behind options -> values. Errors name the option, the word, and what would be good.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/forecast/forecast.h"
#include "coordinator/planner/host_slice.h"
#include "coordinator/policy/selector.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// A number from `least` to `most`.
model::Result<double> number_value(std::string_view option, std::string_view text, double least, double most);
/// A whole one.
model::Result<std::uint64_t> count_value(std::string_view option, std::string_view text, std::uint64_t least,
                                         std::uint64_t most);
/// "5m", "24h", "7d": whole seconds.
model::Result<std::int64_t> seconds_value(std::string_view option, std::string_view text);
/// RFC 3339, or a day alone, which is its begin in UTC; s since the epoch, a fraction cut off.
model::Result<std::int64_t> time_value(std::string_view option, std::string_view text);
/// Kubernetes quantities, more than 0: "64", "500m" in millicores; "256Gi" in bytes.
model::Result<std::int64_t> cpu_value(std::string_view option, std::string_view text, bool zero = false);
model::Result<std::int64_t> memory_value(std::string_view option, std::string_view text, bool zero = false);
/// "3/8": the third of eight; kMostShards at most.
inline constexpr std::uint32_t kMostShards = 100'000;
model::Result<planner::Shard> shard_value(std::string_view option, std::string_view text);
/// "pool=web,zone=a".
model::Result<policy::Labels> labels_value(std::string_view option, std::string_view text);
/// "nsigma:5,max(rc:99,mean:15)"; each once.
model::Result<std::vector<forecast::ForecastSpec>> forecasts_value(std::string_view option, std::string_view text);

/// For the end of an error: "" or `; did you mean "x"?`, then "; want one of a, b".
std::string wanted_words(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace tideline::planner_program
