#include "storage/series/tier.h"

namespace tideline::series {

std::string_view name_of(Tier tier) {
  switch (tier) {
    case Tier::kTenSeconds:
      return "10s";
    case Tier::kMinute:
      return "1m";
    case Tier::kQuarterHour:
      return "15m";
  }
  return "unknown";
}

std::optional<Tier> tier_from(std::string_view name) {
  for (const Tier tier : kTiers) {
    if (name_of(tier) == name) return tier;
  }
  return std::nullopt;
}

std::optional<Tier> tier_from(std::uint8_t number) {
  for (const Tier tier : kTiers) {
    if (static_cast<std::uint8_t>(tier) == number) return tier;
  }
  return std::nullopt;
}

}  // namespace tideline::series
