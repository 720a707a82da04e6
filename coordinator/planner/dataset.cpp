#include "coordinator/planner/dataset.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/dataset_grid.h"
#include "coordinator/planner/history_about.h"
#include "coordinator/planner/history_archive.h"
#include "coordinator/planner/series_fold.h"
#include "coordinator/planner/utc_text.h"
#include "coordinator/planner/whole_units.h"
#include "messages/model/qos.h"
#include "messages/model/report.h"

namespace tideline::planner {
namespace {

using columns::ArchiveReader;
using columns::ChunkEntry;
using columns::ColumnId;
using columns::SeriesKind;
using Entries = std::vector<const ChunkEntry*>;

constexpr std::int64_t kUsualStep = 300;

Entries entries_in(const ArchiveReader& archive, const DatasetSpan& span, bool tasks) {
  Entries found;
  for (const auto& entry : archive.entries()) {
    if ((entry.kind == SeriesKind::kTasks) != tasks || entry.rows == 0) continue;
    if (entry.last >= span.from && entry.first < span.until) found.push_back(&entry);
  }
  std::stable_sort(found.begin(), found.end(), [](const ChunkEntry* a, const ChunkEntry* b) {
    return std::tie(a->series, a->kind, a->first) < std::tie(b->series, b->kind, b->first);
  });
  return found;
}

/// Of some chunks, evenly over all.
model::Result<std::int64_t> most_common_step(const ArchiveReader& archive, const Entries& entries) {
  constexpr std::size_t kChunksLookedAt = 32;
  constexpr std::size_t kRowsLookedAt = 4'096;
  std::map<std::uint64_t, std::uint64_t> counts;
  const std::size_t stride = std::max<std::size_t>(1, (entries.size() + kChunksLookedAt - 1) / kChunksLookedAt);
  for (std::size_t i = 0; i < entries.size(); i += stride) {
    const auto chunk = archive.read(*entries[i]);
    if (!chunk) return chunk.error();
    const auto& times = chunk->times;
    for (std::size_t row = 1; row < std::min(times.size(), kRowsLookedAt); ++row) {
      const auto apart = static_cast<std::uint64_t>(times[row]) - static_cast<std::uint64_t>(times[row - 1]);
      if (apart > 0 && apart <= static_cast<std::uint64_t>(kLongestStep)) ++counts[apart];
    }
  }
  std::int64_t step_s = kUsualStep;
  std::uint64_t most = 0;
  for (const auto& [apart, count] : counts) {
    if (count <= most) continue;
    most = count;
    step_s = static_cast<std::int64_t>(apart);
  }
  return step_s;
}

std::size_t count_series(const Entries& entries) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool same = i > 0 && entries[i]->series == entries[i - 1]->series && entries[i]->kind == entries[i - 1]->kind;
    count += same ? 0 : 1;
  }
  return count;
}

model::Result<DatasetGrid> grid_of_series(const Entries& entries, const DatasetSpan& span, std::int64_t step_s) {
  std::int64_t first = span.until - 1;
  std::int64_t last = span.from;
  for (const ChunkEntry* entry : entries) {
    first = std::min(first, entry->first);
    last = std::max(last, entry->last);
  }
  return grid_over(std::max(first, span.from), std::min(last, span.until - 1), step_s, count_series(entries));
}

model::Result<void> read_workloads(const ArchiveReader& archive, const Entries& entries, const DatasetGrid& grid,
                                   const DatasetSpan& span, std::vector<Workload>& workloads, DataCounts& counts) {
  SeriesFold fold(grid, span);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto chunk = archive.read(*entries[i]);
    if (!chunk) return chunk.error();
    fold.add(*chunk);
    const bool goes_on = i + 1 < entries.size() && entries[i + 1]->series == entries[i]->series &&
                         entries[i + 1]->kind == entries[i]->kind;
    if (goes_on) continue;
    if (auto workload = fold.take(entries[i]->series, counts)) workloads.push_back(std::move(*workload));
  }
  return {};
}

class TaskRows {
 public:
  explicit TaskRows(const columns::Chunk& chunk) : chunk_(chunk) {}
  std::optional<std::int64_t> value(ColumnId id, std::size_t row) const {
    for (const auto& column : chunk_.columns) {
      if (column.id == id && row < column.values.size() && column.values[row] >= 0) return column.values[row];
    }
    return std::nullopt;
  }

 private:
  const columns::Chunk& chunk_;
};

std::optional<BatchTask> task_of(const TaskRows& rows, std::size_t row, std::int64_t begin_s, DataCounts& counts) {
  constexpr std::int64_t kMostInstances = 0xFFFF'FFFF;
  const auto qos = rows.value(ColumnId::kQos, row);
  if (qos && *qos != static_cast<std::int64_t>(model::QosClass::kBe)) {
    ++counts.task_services;
    return std::nullopt;
  }
  const auto end = rows.value(ColumnId::kTaskEnd, row);
  if (!end || *end <= begin_s || *end > kLastUtcTime) {
    ++counts.task_endless;
    return std::nullopt;
  }
  const auto cpu = rows.value(ColumnId::kCpuRequest, row);
  const auto instances = rows.value(ColumnId::kTaskInstances, row).value_or(1);
  if (!cpu || *cpu == 0 || *cpu > model::ReportLimits::kMaxMilliCpu || instances == 0 || instances > kMostInstances) {
    ++counts.task_unasked;
    return std::nullopt;
  }
  const auto memory =
      std::min(rows.value(ColumnId::kMemoryRequest, row).value_or(0), model::ReportLimits::kMaxMemoryBytes);
  return BatchTask{.begin_s = begin_s,
                   .end_s = *end,
                   .instances = static_cast<std::uint32_t>(instances),
                   .cpu_millicores = static_cast<float>(*cpu),
                   .memory_mib = static_cast<float>(static_cast<double>(memory) / kBytesOfMib)};
}

model::Result<void> read_tasks(const ArchiveReader& archive, const DatasetSpan& span, std::vector<BatchTask>& tasks,
                               DataCounts& counts) {
  for (const ChunkEntry* entry : entries_in(archive, span, true)) {
    const auto chunk = archive.read(*entry);
    if (!chunk) return chunk.error();
    const TaskRows rows(*chunk);
    for (std::size_t row = 0; row < chunk->rows(); ++row) {
      if (!span.has(chunk->times[row])) continue;
      if (const auto task = task_of(rows, row, chunk->times[row], counts)) tasks.push_back(*task);
    }
    if (tasks.size() > kMaxTasks) {
      return model::Error(model::ErrorCode::kOverloaded,
                          fmt::format("more than {} tasks begin in the range: take a shorter one", kMaxTasks));
    }
  }
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const BatchTask& a, const BatchTask& b) { return a.begin_s < b.begin_s; });
  return {};
}

model::Error nothing_in(const ArchiveReader& archive, const DatasetRange& range) {
  std::optional<std::pair<std::int64_t, std::int64_t>> held;
  for (const auto& entry : archive.entries()) {
    if (entry.rows == 0) continue;
    if (!held) held.emplace(entry.first, entry.last);
    held->first = std::min(held->first, entry.first);
    held->second = std::max(held->second, entry.last);
  }
  if (!held) return model::invalid("the archive has no rows");
  return model::invalid(fmt::format(
      "no workload and no task lies in the range from {} until {} s since the epoch: the archive has rows "
      "of {} to {} s",
      std::max(range.from_s, kFirstUtcTime), std::min(range.until_s, kLastUtcTime), held->first, held->second));
}

/// Where there is no workload.
model::Result<DatasetGrid> grid_of_tasks(const std::vector<BatchTask>& tasks, const DatasetSpan& span,
                                         std::int64_t step_s) {
  std::int64_t last = tasks.front().begin_s;
  for (const auto& task : tasks)
    last = std::max(last, task.end_s);
  return grid_over(tasks.front().begin_s, std::min(last, span.until - 1), step_s, 0);
}

}  // namespace

model::Result<Dataset> read_dataset(const ArchiveReader& archive, const DatasetRange& range) {
  const auto about = history_about(archive.about());
  if (!about) return about.error();
  if (*about) {
    const auto history = HistoryArchive::open(archive, range);
    if (!history) return history.error();
    return history->read({0, history->hosts()});
  }
  const auto span = span_of(range);
  if (!span) return span.error();
  const Entries entries = entries_in(archive, *span, false);
  std::int64_t step_s = range.step_s;
  if (step_s == 0) {
    const auto common = most_common_step(archive, entries);
    if (!common) return common.error();
    step_s = *common;
  }

  Dataset data;
  DatasetGrid grid{0, step_s, 0};
  if (!entries.empty()) {
    const auto made = grid_of_series(entries, *span, step_s);
    if (!made) return made.error();
    grid = *made;
    if (auto read = read_workloads(archive, entries, grid, *span, data.workloads, data.counts); !read) {
      return read.error();
    }
  }
  if (auto read = read_tasks(archive, *span, data.tasks, data.counts); !read) return read.error();
  if (data.workloads.empty()) {
    if (data.tasks.empty()) return nothing_in(archive, range);
    const auto made = grid_of_tasks(data.tasks, *span, step_s);
    if (!made) return made.error();
    grid = *made;
  }
  data.begin_s = grid.begin_s;
  data.step_s = grid.step_s;
  data.steps = grid.steps;
  data.notes = notes_of(data.counts);
  return data;
}

}  // namespace tideline::planner
