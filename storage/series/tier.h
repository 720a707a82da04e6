#pragma once
// How finely history is kept, and for how long a piece of it lies together.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tideline::series {

/// The numbers are in files and never change.
enum class Tier : std::uint8_t { kTenSeconds = 1, kMinute = 2, kQuarterHour = 3 };
inline constexpr std::array kTiers{Tier::kTenSeconds, Tier::kMinute, Tier::kQuarterHour};

/// A row tells of one step: of [time, time + step), where time is a multiple of the step since the epoch.
constexpr std::int64_t step_s(Tier tier) {
  return tier == Tier::kTenSeconds ? 10 : tier == Tier::kMinute ? 60 : 900;
}
/// What lies in one chunk: [begin, begin + block), where begin is a multiple of the block since the epoch. At most 360
/// rows.
constexpr std::int64_t block_s(Tier tier) {
  return tier == Tier::kTenSeconds ? 3'600 : tier == Tier::kMinute ? 6 * 3'600 : 48 * 3'600;
}
/// The multiple of `unit_s` at or before `time_s`, also of negative times.
constexpr std::int64_t floor_to(std::int64_t time_s, std::int64_t unit_s) {
  const std::int64_t rest = time_s % unit_s;
  return time_s - (rest < 0 ? rest + unit_s : rest);
}
/// In kTiers.
constexpr std::size_t place_of(Tier tier) {
  return static_cast<std::size_t>(tier) - 1;
}

std::string_view name_of(Tier tier);  // "10s", "1m", "15m"
std::optional<Tier> tier_from(std::string_view name);
std::optional<Tier> tier_from(std::uint8_t number);

}  // namespace tideline::series
