#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "storage/series/table_bytes.h"
#include "storage/series/table_columns.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

using columns::Chunk;
using columns::Column;
using columns::kMissing;

constexpr std::size_t kMostShownBytes = 100;

/// The columns of one field.
struct FieldParts {
  Field field{};
  const Column* mean = nullptr;
  const Column* least = nullptr;
  const Column* most = nullptr;
  const Column* count = nullptr;
};

model::Error bad_table(std::string why) {
  return {model::ErrorCode::kMalformed, std::move(why)};
}

/// Begins of steps, out of a chunk whose times are later than these by `shift`.
model::Result<std::vector<std::int64_t>> times_from_chunk(const Chunk& chunk, Tier tier, std::int64_t shift) {
  if (chunk.times.empty()) return bad_table("it has no rows");
  std::vector<std::int64_t> times;
  times.reserve(std::min(chunk.times.size(), static_cast<std::size_t>(block_s(tier) / step_s(tier))));
  for (const std::int64_t in_chunk : chunk.times) {
    const std::size_t row = times.size();
    if (in_chunk < -kMostWhole + shift || in_chunk > kMostWhole) {
      return bad_table(fmt::format("row {}: time {} is beyond 2^53", row, in_chunk));
    }
    const std::int64_t time = in_chunk - shift;
    if (floor_to(time, step_s(tier)) != time) {
      return bad_table(fmt::format("row {}: time {} is no begin of a step of {} s", row, time, step_s(tier)));
    }
    if (!times.empty() && time <= times.back()) {
      return bad_table(fmt::format("row {}: time {} after {}", row, time, times.back()));
    }
    if (!times.empty() && floor_to(time, block_s(tier)) != floor_to(times.front(), block_s(tier))) {
      return bad_table(fmt::format("row {}: time {} is in another block than {}", row, time, times.front()));
    }
    times.push_back(time);
  }
  return times;
}

/// By the rules of a chunk, which one out of decode_chunk() keeps.
model::Result<void> check_chunk_column(const Column& column, unsigned before, std::size_t rows) {
  const auto id = static_cast<unsigned>(column.id);
  if (id <= before) return bad_table(fmt::format("column {} stands after column {}", id, before));
  if (column.step < 1 || column.step > kMostWhole) {
    return bad_table(fmt::format("column {} has step {}", id, column.step));
  }
  if (column.values.size() != rows) {
    return bad_table(fmt::format("column {}: {} values in {} rows", id, column.values.size(), rows));
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int64_t value = column.values[row];
    if (value != kMissing && (value < 0 || value > kMostWhole)) {
      return bad_table(fmt::format("column {}: row {}: value {} is not 0 to 2^53", id, row, value));
    }
  }
  return {};
}

void put_part(FieldParts& parts, unsigned statistic, const Column& column) {
  // Others are of a newer build.
  if (statistic == static_cast<unsigned>(Statistic::kMean)) parts.mean = &column;
  if (statistic == static_cast<unsigned>(Statistic::kMin)) parts.least = &column;
  if (statistic == static_cast<unsigned>(Statistic::kMax)) parts.most = &column;
  if (statistic == static_cast<unsigned>(Statistic::kCount)) parts.count = &column;
}

bool has_parts(const FieldParts& parts) {
  return parts.mean != nullptr || parts.least != nullptr || parts.most != nullptr || parts.count != nullptr;
}

/// By field; that of the field 0 first, if there is one.
model::Result<std::vector<FieldParts>> parts_of(const Chunk& chunk, std::size_t rows) {
  std::vector<FieldParts> fields;
  unsigned before = 0;
  for (const Column& column : chunk.columns) {
    if (auto sound = check_chunk_column(column, before, rows); !sound) return sound.error();
    before = static_cast<unsigned>(column.id);
    if (before < columns::kFirstHistoryColumn) continue;
    const unsigned place = before - columns::kFirstHistoryColumn;
    const auto field = static_cast<Field>(place / kIdsOfAField);
    if (fields.empty() || fields.back().field != field) fields.push_back({.field = field});
    put_part(fields.back(), place % kIdsOfAField, column);
    if (!has_parts(fields.back())) fields.pop_back();
  }
  return fields;
}

model::Result<void> check_parts(const FieldParts& parts) {
  if (parts.mean == nullptr) return bad_table("it has no mean");
  for (const Column* bound : {parts.least, parts.most}) {
    if (bound != nullptr && bound->step != parts.mean->step) {
      return bad_table(fmt::format("its mean has step {}, and its least or most {}", parts.mean->step, bound->step));
    }
  }
  if (parts.count != nullptr && parts.count->step != 1) {
    return bad_table(fmt::format("its counts have step {}", parts.count->step));
  }
  return {};
}

std::int64_t value_in(const Column* column, std::size_t row, std::int64_t otherwise) {
  return column == nullptr ? otherwise : column->values[row];
}

/// One row of a field. every: the counts of fields without their own; nullptr: there are none.
struct RowParts {
  RowParts(const FieldParts& parts, const Column* every, std::size_t row)
      : mean(parts.mean->values[row]),
        least(value_in(parts.least, row, mean)),
        most(value_in(parts.most, row, mean)),
        own_count(value_in(parts.count, row, kMissing)),
        count(parts.count != nullptr ? own_count : value_in(every, row, kMissing)) {}

  bool is_unknown() const { return mean == kMissing && least == kMissing && most == kMissing && own_count == kMissing; }
  // A missing one is less than any value.
  bool is_known() const { return mean != kMissing && count > 0 && least != kMissing && least <= mean && mean <= most; }
  Summary summary() const {
    const auto times = static_cast<std::uint64_t>(count);
    return {.count = times, .min = least, .max = most, .sum = capped_product(mean, times)};
  }
  /// What is wrong where it is neither known nor unknown.
  std::string why() const {
    if (mean == kMissing) return "what goes with a mean, and none";
    if (count <= 0) return "a mean without a count";
    const auto text = [](std::int64_t value) { return value == kMissing ? "missing" : fmt::format("{}", value); };
    return fmt::format("its mean is {}, its least {}, its most {}", mean, text(least), text(most));
  }

  std::int64_t mean;
  std::int64_t least;
  std::int64_t most;
  std::int64_t own_count;
  std::int64_t count;
};

model::Result<FieldColumn> field_of_parts(const FieldParts& parts, const Column* every, std::size_t rows) {
  if (auto sound = check_parts(parts); !sound) return sound.error();
  FieldColumn column{.field = parts.field, .step = parts.mean->step, .cells = {}};
  column.cells.resize(rows);
  bool is_known = false;
  for (std::size_t row = 0; row < rows; ++row) {
    const RowParts cell(parts, every, row);
    if (cell.is_unknown()) continue;
    if (!cell.is_known()) return bad_table(fmt::format("row {}: {}", row, cell.why()));
    // Else the table might have more columns when it is written again, and too many of them.
    if (every != nullptr && cell.count > every->values[row]) {
      return bad_table(fmt::format("row {}: its count is {}, above that of all fields", row, cell.count));
    }
    column.cells[row] = cell.summary();
    is_known = true;
  }
  if (!is_known) return bad_table("nothing is known in any row");
  return column;
}

model::Result<void> check_subject(const Chunk& chunk, const Subject& subject, bool of_archive) {
  if (chunk.kind != kind_in_chunk(subject)) {
    return bad_table(fmt::format("its chunk is of kind {}", static_cast<int>(chunk.kind)));
  }
  if (!of_archive && chunk.series != series_in_chunk(subject)) {
    return bad_table(fmt::format("its chunk is of {}", model::printable(chunk.series, kMostShownBytes)));
  }
  return {};
}

/// times: those of the table already.
model::Result<void> read_fields(const Chunk& chunk, Table& table) {
  const std::size_t rows = table.times.size();
  auto fields = parts_of(chunk, rows);
  if (!fields) return fields.error();
  const Column* every = nullptr;
  for (const FieldParts& parts : *fields) {
    if (parts.field == kEveryField) {
      if (parts.mean != nullptr || parts.least != nullptr || parts.most != nullptr || parts.count->step != 1) {
        return bad_table("what all fields have in common are counts, of step 1, and nothing else");
      }
      every = parts.count;
      continue;
    }
    auto column = field_of_parts(parts, every, rows);
    if (!column) return column.error().in(name_of(parts.field));
    table.fields.push_back(std::move(*column));
  }
  return {};
}

std::string_view kind_word(SubjectKind kind) {
  return kind == SubjectKind::kNode ? "node" : kind == SubjectKind::kPod ? "pod" : "workload";
}

model::Result<void> read_table(const Chunk& chunk, std::int64_t shift, bool of_archive, Table& table) {
  if (auto sound = check_subject(chunk, table.subject, of_archive); !sound) return sound;
  auto times = times_from_chunk(chunk, table.tier, shift);
  if (!times) return times.error();
  table.times = std::move(*times);
  return read_fields(chunk, table);
}

}  // namespace

model::Result<Table> table_of(const columns::Chunk& chunk, Subject subject, Tier tier, bool of_archive) {
  Table table{.subject = std::move(subject), .tier = tier, .times = {}, .fields = {}, .sketches = {}};
  if (auto read = read_table(chunk, of_archive ? step_s(tier) : 0, of_archive, table); !read) {
    const Subject& whose = table.subject;
    return read.error().in(fmt::format("history in {} of {}{}{}", name_of(tier), kind_word(whose.kind),
                                       whose.name.empty() ? "" : " ", model::printable(whose.name, kMostShownBytes)));
  }
  return table;
}

}  // namespace tideline::series
