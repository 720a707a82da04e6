#include "coordinator/planner/data_counts.h"

#include <cstddef>
#include <string_view>

#include <fmt/format.h>

namespace tideline::planner {

void DataCounts::add(const DataCounts& other) {
  std::vector<std::uint64_t> more;
  counts_fields([&more](std::string_view, std::string_view, std::uint64_t count) { more.push_back(count); }, other);
  std::size_t at = 0;
  counts_fields([&](std::string_view, std::string_view, std::uint64_t& count) { count += more[at++]; }, *this);
}

std::vector<std::string> notes_of(const DataCounts& counts) {
  std::vector<std::string> notes;
  counts_fields(
      [&notes](std::string_view, std::string_view text, std::uint64_t count) {
        if (count > 0) notes.push_back(fmt::format("{} {}", count, text));
      },
      counts);
  return notes;
}

}  // namespace tideline::planner
