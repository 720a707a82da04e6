#pragma once

#include <cstdint>
#include <string>

namespace tideline::planner {

/// The first and the last second that have a date: of the years 1 to 9999, since the epoch.
inline constexpr std::int64_t kFirstUtcTime = -62'135'596'800;
inline constexpr std::int64_t kLastUtcTime = 253'402'300'799;

/// "2013-07-03T10:00:00Z", of s since the epoch; beyond those years the nearest second of them.
std::string utc_text(std::int64_t time_s);

}  // namespace tideline::planner
