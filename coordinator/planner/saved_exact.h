#pragma once
// Exact sums, and counts of degrees, in files of the planner's own. For the sources of this room.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/exact_totals.h"
#include "coordinator/planner/saved_fields.h"
#include "coordinator/planner/severity.h"

namespace tideline::planner {

inline SavedJson exact_json(const ExactTotals& totals) {
  SavedJson array = SavedJson::array();
  for (const ExactSum& sum : totals.sums)
    array.push_back(sum_json(sum));
  return array;
}

/// A list of so many.
inline bool is_list_of(SavedFields& fields, const ReadJson& json, const SavedPlace& at, std::size_t size) {
  if (json.is_array() && json.size() == size) return true;
  fields.wrong(at, json, fmt::format("a list of {}", size));
  return false;
}

inline void read_exact(SavedFields& fields, const ReadJson& json, const SavedPlace& at, ExactTotals& totals) {
  if (!is_list_of(fields, json, at, totals.sums.size())) return;
  for (std::size_t i = 0; i < totals.sums.size() && fields.good(); ++i)
    fields.read(json[i], SavedPlace{&at, {}, i}, totals.sums[i]);
}

/// [degree, times] for each that there is.
inline SavedJson severities_json(const SparseSeverities& severities) {
  SavedJson array = SavedJson::array();
  for (const auto& [degree, times] : severities.counts())
    array.push_back(SavedJson::array({degree, times}));
  return array;
}

inline void read_severities(SavedFields& fields, const char* key, SparseSeverities& severities) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> rows;
  fields.list(key, fields.find(key), SeverityCounts::kDegrees + 1, rows,
              [&fields](const ReadJson& row, const SavedPlace& at, std::pair<std::uint32_t, std::uint64_t>& out) {
                if (!is_list_of(fields, row, at, 2)) return;
                fields.read(row[0], at, out.first);
                if (fields.good()) fields.read(row[1], at, out.second);
                if (fields.good() && out.first > SeverityCounts::kDegrees) fields.wrong(at, row[0], "a degree");
              });
  if (!fields.good()) return;
  for (const auto& [degree, times] : rows)
    severities.add(degree, times);
}

}  // namespace tideline::planner
