#include "admin-client/time_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "admin-client/human.h"

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

/// Exactly `width` digits.
std::optional<int> take_number(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (!digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> take_fraction_ms(std::string_view& text) {
  if (!take(text, ".")) return 0;
  int ms = 0;
  std::size_t digits = 0;
  while (!text.empty() && digit(text.front())) {
    if (digits < 3) ms = ms * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0 || digits > 9) return std::nullopt;
  for (; digits < 3; ++digits)
    ms *= 10;
  return ms;
}

std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return 0min;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

std::optional<WallTime> rfc3339(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second) return std::nullopt;
  const auto ms = take_fraction_ms(text);
  if (!ms) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // 60 is a leap second; it counts as the next minute's first.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  const std::chrono::milliseconds total = days + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                                          std::chrono::seconds(*second) + std::chrono::milliseconds(*ms) - *offset;
  return WallTime{total.count()};
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
  if (const auto at = rfc3339(text)) return *at;
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
