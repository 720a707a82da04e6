#include "coordinator/traces/amounts.h"

#include <cmath>

#include <fmt/format.h>

#include "coordinator/traces/fields.h"

namespace tideline::traces {
namespace {

constexpr double kMaxAmount = 9007199254740992.0;  // 2^53

int rank_of_repair(RowClass row) {
  switch (row) {
    case RowClass::kNegativeToMissing:
      return 4;
    case RowClass::kAboveRangeToMissing:
      return 3;
    case RowClass::kOutOfOrder:
      return 2;
    case RowClass::kUsedAboveRequest:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

Amount amount_from(double number, double scale) {
  if (number < 0) return {.row = RowClass::kNegativeToMissing};
  const double scaled = number * scale;
  // Written so that what is no number fails as well.
  if (!(scaled <= kMaxAmount)) return {.row = RowClass::kNotANumber};
  return {.value = std::llround(scaled)};
}

Amount amount_of(std::string_view field, double scale) {
  const auto number = number_from(field);
  if (!number) return {.row = RowClass::kNotANumber};
  return amount_from(*number, scale);
}

Amount percent_of(std::string_view field, std::int64_t whole) {
  if (trimmed(field).empty()) return {};
  const auto number = number_from(field);
  if (!number) return {.row = RowClass::kNotANumber};
  if (*number > 100) return {.row = RowClass::kAboveRangeToMissing};
  return amount_from(*number, static_cast<double>(whole) / 100);
}

RowClass worse(RowClass a, RowClass b) {
  if (fate_of(a) == Fate::kRefused) return a;
  if (fate_of(b) == Fate::kRefused) return b;
  return rank_of_repair(b) > rank_of_repair(a) ? b : a;
}

std::string cores_text(std::int64_t millicores) {
  return fmt::format("{:g} cores", static_cast<double>(millicores) / 1000);
}

std::string gib_text(std::int64_t bytes) {
  return fmt::format("{:g} GiB", static_cast<double>(bytes) / static_cast<double>(std::int64_t{1} << 30));
}

}  // namespace tideline::traces
