#include "admin-client/time_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "messages/model/rfc3339.h"

namespace tideline::tidectl {
namespace {

using model::Duration;
using model::Error;
using model::invalid;
using model::Result;
using model::WallTime;
using namespace std::chrono_literals;

constexpr Duration kMaxDuration = std::chrono::hours(24 * 3660);

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array<Unit, 5> kUnits = {{{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};

bool digit(char c) {
  return c >= '0' && c <= '9';
}

struct Broken {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
};

Broken broken(WallTime at) {
  const std::chrono::sys_time<std::chrono::milliseconds> point{std::chrono::milliseconds(at.ms)};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss(point - day)};
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [whole = text](std::string_view why) {
    return invalid(
        fmt::format("\"{}\" is no duration: {}; want for example 250ms, 90s, 5m, 1h30m or 2d", safe_text(whole), why));
  };
  if (text.empty()) return bad("it is empty");
  Duration total{0};
  std::size_t next_unit = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || text.front() == '-') return bad("a number is missing or too large");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t name_length = 0;
    while (name_length < text.size() && !digit(text[name_length]))
      ++name_length;
    const std::string_view name = text.substr(0, name_length);
    text.remove_prefix(name_length);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name)
      ++next_unit;
    if (next_unit == kUnits.size()) {
      return bad(name.empty() ? "a unit is missing" : "units are d, h, m, s, ms, largest first");
    }
    const Duration unit = kUnits[next_unit++].length;
    if (number > kMaxDuration / unit) return bad("it is longer than 10 years");
    total += number * unit;
    if (total > kMaxDuration) return bad("it is longer than 10 years");
  }
  return total;
}

Result<WallTime> parse_instant(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (!text.empty() && text.front() == '-') {
    auto before = parse_duration(text.substr(1));
    if (!before) return before.error();
    return WallTime{now.ms - model::to_ms(*before)};
  }
  if (const auto at = model::parse_rfc3339(text)) return *at;
  constexpr std::size_t kMinEpochDigits = 11;
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  constexpr std::int64_t kMaxEpochMs = 253'402'300'799'999;  // the year 9999
  if (error == std::errc() && end == text.data() + text.size() && text.size() >= kMinEpochDigits && ms <= kMaxEpochMs) {
    return WallTime{ms};
  }
  return invalid(
      fmt::format("\"{}\" is no time: want now, a duration before now like -5m, RFC 3339 like "
                  "2026-03-01T12:00:00Z, or ms since the epoch",
                  safe_text(text)));
}

std::string format_instant(WallTime at) {
  const Broken b = broken(at);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(b.date.year()),
                                 static_cast<unsigned>(b.date.month()), static_cast<unsigned>(b.date.day()),
                                 b.time.hours().count(), b.time.minutes().count(), b.time.seconds().count());
  if (const auto ms = b.time.subseconds().count(); ms != 0) text += fmt::format(".{:03}", ms);
  return text + "Z";
}

std::string format_clock(WallTime at) {
  const Broken b = broken(at);
  return fmt::format("{:02}:{:02}:{:02}", b.time.hours().count(), b.time.minutes().count(), b.time.seconds().count());
}

std::string format_duration(Duration duration) {
  if (duration < model::kZeroDuration) return "-" + format_duration(-duration);
  const auto ms = model::to_ms(duration);
  if (ms < 1000) return fmt::format("{}ms", ms);
  const auto s = ms / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d{:02}h", s / 86400, s % 86400 / 3600);
}

}  // namespace tideline::tidectl
