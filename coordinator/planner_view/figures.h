#pragma once
// Numbers and times as a report writes them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tideline::planner_view {

/// With so many decimals, and "0" never with a sign; "-" for what is no finite number.
std::string fixed(double value, int decimals);
/// As many decimals as its size needs, and none if it is whole: "12345", "123.4", "64", "1.25", "0.0312".
std::string amount(double value);
/// A share in percent without its sign: 0.125 is "12.50"; what is not 0 and would read so is "<0.01".
std::string percent(double share, int decimals = 2);

/// "2013-07-03T10:00:00Z"; what lies outside of the years 1 to 9999 is cut to them.
std::string utc_text(std::int64_t time_s);
/// "2013-07-03", likewise.
std::string utc_day(std::int64_t time_s);
/// "45 s", "35 min", "36 h", "14 d": in the largest unit of which it is a whole number, and at least two below days.
std::string length_text(std::int64_t seconds);

/// Columns a text takes on a terminal: one a character.
std::size_t width_of(std::string_view text);

}  // namespace tideline::planner_view
