#include "coordinator/planner_view/figures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "coordinator/planner/utc_text.h"

namespace tideline::planner_view {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3'600;
constexpr std::int64_t kDay = 86'400;

}  // namespace

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) < 0.5 * std::pow(10.0, -decimals)) value = 0;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string amount(double value) {
  const double size = std::abs(value);
  if (size >= 1'000 || value == std::floor(value)) return fixed(value, 0);
  if (size >= 100) return fixed(value, 1);
  if (size >= 1) return fixed(value, 2);
  if (size >= 0.001) return fixed(value, 4);
  return std::isfinite(value) ? fmt::format("{:.2g}", value) : "-";
}

std::string percent(double share, int decimals) {
  const double least = std::pow(10.0, -decimals);
  if (share > 0 && share * 100 < 0.5 * least) return "<" + fixed(least, decimals);
  return fixed(share * 100, decimals);
}

std::string utc_text(std::int64_t time_s) {
  return planner::utc_text(time_s);
}

std::string utc_day(std::int64_t time_s) {
  constexpr std::size_t kDayBytes = 10;
  return utc_text(time_s).substr(0, kDayBytes);
}

std::string length_text(std::int64_t seconds) {
  if (seconds >= 2 * kDay && seconds % kDay == 0) return fmt::format("{} d", seconds / kDay);
  if (seconds >= 2 * kHour && seconds % kHour == 0) return fmt::format("{} h", seconds / kHour);
  if (seconds >= 2 * kMinute && seconds % kMinute == 0) return fmt::format("{} min", seconds / kMinute);
  return fmt::format("{} s", seconds);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace tideline::planner_view
