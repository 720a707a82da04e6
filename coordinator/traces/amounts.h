#pragma once
// Fields as what a column of an archive holds, with what became of them.

#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/traces/import.h"
#include "storage/columns/chunk.h"

namespace tideline::traces {

struct Amount {
  std::int64_t value = columns::kMissing;
  RowClass row = RowClass::kKept;
};

/// number * scale, rounded to the nearest. Below zero it is kNegativeToMissing, beyond 2^53 kNotANumber.
Amount amount_from(double number, double scale);
/// Of a field; kNotANumber where it is none.
Amount amount_of(std::string_view field, double scale);
/// A percentage of `whole`; above 100 it is kAboveRangeToMissing. kMissing where the field is empty.
Amount percent_of(std::string_view field, std::int64_t whole);

/// The one class of a row that is both: the first refusal, else the repair that changed more.
RowClass worse(RowClass a, RowClass b);

/// For notes: "16 cores", "1.5 cores".
std::string cores_text(std::int64_t millicores);
/// "64 GiB"
std::string gib_text(std::int64_t bytes);

}  // namespace tideline::traces
