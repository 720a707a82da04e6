#pragma once

#include <cstdint>
#include <string>

namespace tideline::planner {

/// "2013-07-03T10:00:00Z", of s since the epoch within the years 1 to 9999.
std::string utc_text(std::int64_t time_s);

}  // namespace tideline::planner
