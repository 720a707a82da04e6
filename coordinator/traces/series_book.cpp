#include "coordinator/traces/series_book.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace tideline::traces {
namespace {

using columns::ColumnId;
using columns::kMissing;

constexpr std::size_t kNoSeries = std::numeric_limits<std::size_t>::max();

/// Whether `size` is what a use of the kind of `used` is measured against.
bool is_size_of(ColumnId size, ColumnId used) {
  if (used == ColumnId::kCpuUsed) return size == ColumnId::kCpuRequest || size == ColumnId::kCpuCapacity;
  return size == ColumnId::kMemoryRequest || size == ColumnId::kMemoryCapacity;
}

/// Use is kept within 0.1 % of the least that was allocated meanwhile. All else changes seldom and costs next to
/// nothing when it is kept exactly.
std::int64_t step_in(const columns::Chunk& chunk, const columns::Column& column) {
  if (column.id != ColumnId::kCpuUsed && column.id != ColumnId::kMemoryUsed) return 1;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most_used = 0;
  for (const columns::Column& other : chunk.columns) {
    if (!is_size_of(other.id, column.id)) continue;
    for (const std::int64_t value : other.values) {
      if (value > 0) least = std::min(least, value);
    }
  }
  for (const std::int64_t value : column.values)
    most_used = std::max(most_used, value);
  return columns::step_for(least == std::numeric_limits<std::int64_t>::max() ? most_used : least);
}

}  // namespace

SeriesBook::SeriesBook(BookShape shape, Importer::Sink sink)
    : shape_(std::move(shape)), sink_(std::move(sink)), current_(kNoSeries) {}

model::Result<RowClass> SeriesBook::add(std::string_view name, std::int64_t time, const Cells& cells) {
  const auto place = place_of(name);
  if (!place) return RowClass::kOverLimit;
  const bool another = *place != current_;
  // Of a trace that is by time each row would be a chunk.
  if (another && series_[*place].last_out) shape_.sorted = false;
  if (held_rows_ >= shape_.max_held_rows || (shape_.sorted && another)) {
    if (auto out = put_out(); !out) return out.error();
  }
  current_ = *place;
  Series& series = series_[current_];
  const bool held_none = series.times.empty();
  const RowClass row = put_in(series, time, cells);
  if (fate_of(row) == Fate::kRefused) return row;
  if (held_none) holding_.push_back(current_);
  ++held_rows_;
  first_ = std::min(first_.value_or(time), time);
  last_ = std::max(last_.value_or(time), time);
  return row;
}

model::Result<void> SeriesBook::finish(ImportReport& report) {
  if (auto out = put_out(); !out) return out;
  if (!first_) return {};
  const bool alone = report.series == 0;
  report.series += series_.size();
  report.first = alone ? *first_ : std::min(report.first, *first_);
  report.last = alone ? *last_ : std::max(report.last, *last_);
  report.gaps += steps_.gaps();
  if (steps_.step() > 0) report.step_s = steps_.step();
  return {};
}

std::optional<std::size_t> SeriesBook::place_of(std::string_view name) {
  if (current_ != kNoSeries && series_[current_].name == name) return current_;
  if (const auto known = places_.find(name); known != places_.end()) return known->second;
  if (series_.size() >= shape_.max_series) return std::nullopt;
  series_.emplace_back();
  series_.back().name = name;
  places_.emplace(series_.back().name, series_.size() - 1);
  return series_.size() - 1;
}

void SeriesBook::append(Series& series, std::int64_t time, const Cells& cells) const {
  series.times.push_back(time);
  const auto width = static_cast<std::ptrdiff_t>(shape_.ids.size());
  series.cells.insert(series.cells.end(), cells.begin(), cells.begin() + width);
}

RowClass SeriesBook::put_in(Series& series, std::int64_t time, const Cells& cells) const {
  if (shape_.kind == columns::SeriesKind::kTasks) {
    append(series, time, cells);
    return RowClass::kKept;
  }
  if (series.last_out && time <= *series.last_out) {
    return time == *series.last_out ? RowClass::kDuplicateTime : RowClass::kTooLate;
  }
  if (series.times.empty() || time > series.times.back()) {
    append(series, time, cells);
    return RowClass::kKept;
  }
  if (std::binary_search(series.times.begin(), series.times.end(), time)) return RowClass::kDuplicateTime;
  return series.late.emplace(time, cells).second ? RowClass::kOutOfOrder : RowClass::kDuplicateTime;
}

model::Result<void> SeriesBook::put_out() {
  for (const std::size_t place : holding_) {
    if (auto out = put_out(series_[place]); !out) return out;
  }
  holding_.clear();
  held_rows_ = 0;
  return {};
}

model::Result<void> SeriesBook::put_out(Series& series) {
  sort(series);
  count(series);
  request_as_used(series);
  const std::size_t rows = series.times.size();
  for (std::size_t begin = 0; begin < rows; begin += columns::ChunkLimits::kMaxRows) {
    auto taken = sink_(chunk_of(series, begin, std::min(rows, begin + columns::ChunkLimits::kMaxRows)));
    if (!taken) return taken;
  }
  series.last_out = series.times.back();
  series.times = {};
  series.cells = {};
  return {};
}

void SeriesBook::sort(Series& series) const {
  if (shape_.kind == columns::SeriesKind::kTasks) return sort_tasks(series);
  if (series.late.empty()) return;
  const std::size_t width = shape_.ids.size();
  Series sorted;
  sorted.times.reserve(series.times.size() + series.late.size());
  sorted.cells.reserve(sorted.times.capacity() * width);
  auto late = series.late.begin();
  for (std::size_t row = 0; row < series.times.size(); ++row) {
    for (; late != series.late.end() && late->first < series.times[row]; ++late)
      append(sorted, late->first, late->second);
    sorted.times.push_back(series.times[row]);
    const auto cells = series.cells.begin() + static_cast<std::ptrdiff_t>(row * width);
    sorted.cells.insert(sorted.cells.end(), cells, cells + static_cast<std::ptrdiff_t>(width));
  }
  series.times = std::move(sorted.times);
  series.cells = std::move(sorted.cells);
  series.late.clear();
}

void SeriesBook::sort_tasks(Series& series) const {
  if (std::is_sorted(series.times.begin(), series.times.end())) return;
  const std::size_t width = shape_.ids.size();
  std::vector<std::size_t> order(series.times.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return series.times[a] < series.times[b]; });
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> cells;
  times.reserve(series.times.size());
  cells.reserve(series.cells.size());
  for (const std::size_t row : order) {
    times.push_back(series.times[row]);
    const auto from = series.cells.begin() + static_cast<std::ptrdiff_t>(row * width);
    cells.insert(cells.end(), from, from + static_cast<std::ptrdiff_t>(width));
  }
  series.times = std::move(times);
  series.cells = std::move(cells);
}

void SeriesBook::count(const Series& series) {
  if (shape_.kind == columns::SeriesKind::kTasks) return;
  std::optional<std::int64_t> before = series.last_out;
  for (const std::int64_t time : series.times) {
    if (before) steps_.add(time - *before);
    before = time;
  }
}

void SeriesBook::request_as_used(Series& series) const {
  const std::size_t width = shape_.ids.size();
  for (const AsUsed& rule : shape_.as_used) {
    const std::size_t request = cell_of(rule.request);
    const std::size_t used = cell_of(rule.used);
    std::int64_t most = kMissing;
    for (std::size_t row = 0; row < series.times.size(); ++row)
      most = std::max(most, series.cells[row * width + used]);
    for (std::size_t row = 0; row < series.times.size(); ++row)
      series.cells[row * width + request] = most;
  }
}

std::size_t SeriesBook::cell_of(ColumnId id) const {
  return static_cast<std::size_t>(std::find(shape_.ids.begin(), shape_.ids.end(), id) - shape_.ids.begin());
}

columns::Chunk SeriesBook::chunk_of(const Series& series, std::size_t begin, std::size_t end) const {
  const std::size_t width = shape_.ids.size();
  columns::Chunk chunk;
  chunk.kind = shape_.kind;
  chunk.series = series.name;
  chunk.times.assign(series.times.begin() + static_cast<std::ptrdiff_t>(begin),
                     series.times.begin() + static_cast<std::ptrdiff_t>(end));
  for (std::size_t cell = 0; cell < width; ++cell) {
    columns::Column column;
    column.id = shape_.ids[cell];
    column.values.reserve(end - begin);
    for (std::size_t row = begin; row < end; ++row)
      column.values.push_back(series.cells[row * width + cell]);
    const bool known =
        std::any_of(column.values.begin(), column.values.end(), [](std::int64_t value) { return value != kMissing; });
    if (known) chunk.columns.push_back(std::move(column));
  }
  for (columns::Column& column : chunk.columns)
    column.step = step_in(chunk, column);
  return chunk;
}

}  // namespace tideline::traces
