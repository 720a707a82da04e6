#include "storage/history_program/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

#include <fmt/format.h>

#include "messages/model/json_text.h"

namespace tideline::history_program {

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit)
    size /= 1024;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string time_text(std::optional<std::int64_t> seconds) {
  constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999
  if (!seconds) return "-";
  const std::chrono::sys_seconds at{std::chrono::seconds(std::clamp<std::int64_t>(*seconds, 0, kLastSecond))};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss of_day(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day.hours().count(),
                     of_day.minutes().count(), of_day.seconds().count());
}

std::string name_text(std::string_view name) {
  constexpr std::size_t kMostBytes = 1'000;
  return model::printable(name, kMostBytes);
}

std::string columns_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    text += '\n';
  }
  return text;
}

}  // namespace tideline::history_program
