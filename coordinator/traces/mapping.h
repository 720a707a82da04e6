#pragma once
// What the columns of a user's own trace are, from a JSON document; docs/traces.md describes it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/chunk.h"

namespace tideline::traces {

enum class TimeUnit : std::uint8_t { kSeconds, kMilliseconds, kRfc3339 };  // of the first two since the epoch

/// How a value comes to be.
enum class Reading : std::uint8_t {
  kConstant,
  kScaled,   // a number times `scale`
  kPercent,  // of what another column has in the same row
  kTime,
  kQos  // a name of model::QosClass
};

struct MappedColumn {
  columns::ColumnId id{};
  Reading reading{};
  std::size_t source = 0;     // of Mapping::sources; not for kConstant
  std::int64_t constant = 0;  // kConstant
  double scale = 1;           // kScaled: to the archive's unit
  columns::ColumnId of{};     // kPercent
  TimeUnit unit{};            // kTime
};

struct Mapping {
  std::vector<std::string> sources;  // columns of the CSV or keys of the objects that are read, each once
  std::vector<std::size_t> series;   // of sources: a series' name is their values with '/' between
  std::size_t time = 0;              // of sources
  TimeUnit time_unit{};
  columns::SeriesKind kind{};
  std::vector<MappedColumn> values;  // by id, each once
};

struct MappingLimits {
  static constexpr std::size_t kMaxSeriesParts = 8;
  static constexpr std::size_t kMaxBytes = 64 << 10;
};

/// kInvalidArgument for what is no mapping: "name:line: $.path is ...; want ...".
model::Result<Mapping> parse_mapping(std::string_view text, std::string_view name);

}  // namespace tideline::traces
