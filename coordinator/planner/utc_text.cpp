#include "coordinator/planner/utc_text.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace tideline::planner {

std::string utc_text(std::int64_t time_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(std::clamp(time_s, kFirstUtcTime, kLastUtcTime))};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace tideline::planner
