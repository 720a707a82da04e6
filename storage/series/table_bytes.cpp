#include "storage/series/table_bytes.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "storage/columns/division.h"
#include "storage/series/table_columns.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

using columns::Chunk;
using columns::Column;
using columns::ColumnId;

std::int64_t count_in_file(std::uint64_t count) {
  return static_cast<std::int64_t>(std::min(count, static_cast<std::uint64_t>(kMostWhole)));
}

/// As a chunk gives it back.
std::int64_t rounded_to(std::int64_t value, std::int64_t step) {
  const auto whole = static_cast<std::uint64_t>(as_whole(value));
  if (step == 1) return static_cast<std::int64_t>(whole);
  const auto width = static_cast<std::uint64_t>(step);
  const std::uint64_t nearest = columns::quotient(whole + width / 2, width) * width;
  return static_cast<std::int64_t>(std::min(nearest, static_cast<std::uint64_t>(kMostWhole)));
}

/// Of each row, over all fields.
std::vector<std::uint64_t> largest_counts(const Table& table) {
  std::vector<std::uint64_t> counts(table.times.size());
  for (const FieldColumn& column : table.fields) {
    for (std::size_t row = 0; row < counts.size(); ++row)
      counts[row] = std::max(counts[row], column.cells[row].count);
  }
  return counts;
}

bool has_own_counts(const FieldColumn& column, const std::vector<std::uint64_t>& counts) {
  for (std::size_t row = 0; row < counts.size(); ++row) {
    if (column.cells[row].count > 0 && column.cells[row].count != counts[row]) return true;
  }
  return false;
}

bool is_known_column(const FieldColumn& column) {
  return std::any_of(column.cells.begin(), column.cells.end(), [](const Summary& cell) { return cell.count > 0; });
}

Column empty_column(Field field, Statistic statistic, std::int64_t step, std::size_t rows) {
  return {
      .id = column_of(field, statistic), .step = step, .values = std::vector<std::int64_t>(rows, columns::kMissing)};
}

void put_counts(Field field, const std::vector<std::uint64_t>& counts, std::vector<Column>& into) {
  Column column = empty_column(field, Statistic::kCount, 1, counts.size());
  for (std::size_t row = 0; row < counts.size(); ++row) {
    if (counts[row] > 0) column.values[row] = count_in_file(counts[row]);
  }
  into.push_back(std::move(column));
}

/// A field of which something is known.
void put_statistics(const FieldColumn& field, std::vector<Column>& into) {
  const std::size_t rows = field.cells.size();
  const std::int64_t step = std::clamp<std::int64_t>(field.step, 1, kMostWhole);
  Column mean = empty_column(field.field, Statistic::kMean, step, rows);
  Column least = empty_column(field.field, Statistic::kMin, step, rows);
  Column most = empty_column(field.field, Statistic::kMax, step, rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const Summary& cell = field.cells[row];
    if (cell.count == 0) continue;
    mean.values[row] = rounded_to(cell.mean(), step);
    least.values[row] = rounded_to(cell.min, step);
    most.values[row] = rounded_to(cell.max, step);
  }
  const bool has_least = least.values != mean.values;
  const bool has_most = most.values != mean.values;
  into.push_back(std::move(mean));
  if (has_least) into.push_back(std::move(least));
  if (has_most) into.push_back(std::move(most));
}

std::vector<Column> columns_of(const Table& table) {
  const auto counts = largest_counts(table);
  std::vector<Column> columns;
  bool some_share = false;
  for (const FieldColumn& field : table.fields) {
    if (!is_known_column(field)) continue;
    put_statistics(field, columns);
    if (has_own_counts(field, counts)) {
      std::vector<std::uint64_t> own;
      own.reserve(field.cells.size());
      for (const Summary& cell : field.cells)
        own.push_back(cell.count);
      put_counts(field.field, own, columns);
    } else {
      some_share = true;
    }
  }
  if (some_share) {
    put_counts(kEveryField, counts, columns);
    std::rotate(columns.begin(), columns.end() - 1, columns.end());
  }
  return columns;
}

/// What other readers of archives know a field's mean as.
struct CommonColumn {
  ColumnId id;
  Field field;
};
constexpr std::array kNodeColumns{CommonColumn{ColumnId::kCpuUsed, field_of(model::Metric::kNodeCpu)},
                                  CommonColumn{ColumnId::kMemoryUsed, field_of(model::Metric::kNodeMemory)},
                                  CommonColumn{ColumnId::kCpuCapacity, Field::kCpuCapacity},
                                  CommonColumn{ColumnId::kMemoryCapacity, Field::kMemoryCapacity}};
constexpr std::array kPodColumns{
    CommonColumn{ColumnId::kCpuRequest, Field::kPodCpuRequest}, CommonColumn{ColumnId::kCpuUsed, Field::kPodCpu},
    CommonColumn{ColumnId::kMemoryRequest, Field::kPodMemoryRequest},
    CommonColumn{ColumnId::kMemoryUsed, Field::kPodMemory}, CommonColumn{ColumnId::kQos, Field::kQos}};

std::span<const CommonColumn> common_columns(SubjectKind kind) {
  if (kind == SubjectKind::kNode) return kNodeColumns;
  if (kind == SubjectKind::kPod) return kPodColumns;
  return {};
}

}  // namespace

std::string series_in_chunk(const Subject& subject) {
  if (subject.kind == SubjectKind::kNode) return "node";
  return subject.name.substr(0, columns::ChunkLimits::kMaxName);
}

columns::SeriesKind kind_in_chunk(const Subject& subject) {
  return subject.kind == SubjectKind::kNode ? columns::SeriesKind::kHost : columns::SeriesKind::kWorkload;
}

columns::ColumnId column_of(Field field, Statistic statistic) {
  return static_cast<ColumnId>(columns::kFirstHistoryColumn + kIdsOfAField * static_cast<unsigned>(field) +
                               static_cast<unsigned>(statistic));
}

columns::Chunk chunk_of(const Table& table) {
  return {.kind = kind_in_chunk(table.subject),
          .series = series_in_chunk(table.subject),
          .times = table.times,
          .columns = columns_of(table)};
}

columns::Chunk chunk_for_archive(const Table& table, std::string series) {
  Chunk chunk{.kind = kind_in_chunk(table.subject), .series = std::move(series), .times = table.times, .columns = {}};
  for (std::int64_t& time : chunk.times)
    time += step_s(table.tier);
  std::vector<Column> own = columns_of(table);
  for (const auto& [id, field] : common_columns(table.subject.kind)) {
    const ColumnId sought = column_of(field, Statistic::kMean);
    const auto mean = std::find_if(own.begin(), own.end(), [sought](const Column& one) { return one.id == sought; });
    if (mean != own.end()) chunk.columns.push_back({.id = id, .step = mean->step, .values = mean->values});
  }
  std::move(own.begin(), own.end(), std::back_inserter(chunk.columns));
  return chunk;
}

}  // namespace tideline::series
