#pragma once
// Small exports of history, made with the archive's own writer, as storage/series/export.h names what is in them.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/planner/dataset.h"
#include "messages/model/qos.h"
#include "storage/columns/archive.h"

namespace tideline::planner::test {

inline constexpr std::int64_t kHistoryBegin = 1'372'636'800;  // 2013-07-01T00:00:00Z
inline constexpr std::int64_t kHistoryMib = 1 << 20;
inline constexpr const char* kAboutMinutes =
    R"({"tideline":"history","version":1,"tier":"1m","from":0,"to":1,"pods":[]})";

/// Rows of one minute each, from `first` minutes behind the begin on.
struct HistoryRows {
  std::int64_t first = 0;
  std::vector<std::int64_t> cpu = {};     // used, millicores; columns::kMissing: not known
  std::vector<std::int64_t> memory = {};  // used, MiB; as many, or one for all
};

inline std::vector<std::int64_t> spread(const std::vector<std::int64_t>& values, std::size_t rows, std::int64_t unit) {
  std::vector<std::int64_t> all;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int64_t value = values[values.size() == 1 ? 0 : row];
    all.push_back(value == columns::kMissing ? value : value * unit);
  }
  return all;
}

inline columns::Column history_column(columns::ColumnId id, std::vector<std::int64_t> values) {
  return {.id = id, .step = 1, .values = std::move(values)};
}

/// Times are the ends of steps.
inline columns::Chunk history_chunk(columns::SeriesKind kind, std::string series, const HistoryRows& rows) {
  columns::Chunk chunk{.kind = kind, .series = std::move(series), .times = {}, .columns = {}};
  for (std::size_t row = 0; row < rows.cpu.size(); ++row)
    chunk.times.push_back(kHistoryBegin + 60 * (rows.first + static_cast<std::int64_t>(row) + 1));
  return chunk;
}

inline columns::Chunk host_chunk(const std::string& host, std::int64_t cpus, std::int64_t memory_mib,
                                 const HistoryRows& rows) {
  using columns::ColumnId;
  auto chunk = history_chunk(columns::SeriesKind::kHost, host, rows);
  const std::size_t count = rows.cpu.size();
  chunk.columns = {history_column(ColumnId::kCpuUsed, rows.cpu),
                   history_column(ColumnId::kMemoryUsed, spread(rows.memory, count, kHistoryMib)),
                   history_column(ColumnId::kCpuCapacity, spread({cpus * 1'000}, count, 1)),
                   history_column(ColumnId::kMemoryCapacity, spread({memory_mib}, count, kHistoryMib))};
  return chunk;
}

inline columns::Chunk pod_chunk(const std::string& host, const std::string& uid, std::int64_t request,
                                const HistoryRows& rows, model::QosClass qos = model::QosClass::kLs) {
  using columns::ColumnId;
  auto chunk = history_chunk(columns::SeriesKind::kWorkload, host + "/pod/" + uid, rows);
  const std::size_t count = rows.cpu.size();
  chunk.columns = {history_column(ColumnId::kCpuRequest, spread({request}, count, 1)),
                   history_column(ColumnId::kCpuUsed, rows.cpu),
                   history_column(ColumnId::kMemoryRequest, spread({2'048}, count, kHistoryMib)),
                   history_column(ColumnId::kMemoryUsed, spread(rows.memory, count, kHistoryMib)),
                   history_column(ColumnId::kQos, spread({static_cast<std::int64_t>(qos)}, count, 1))};
  return chunk;
}

inline std::string history_archive_of(const std::vector<columns::Chunk>& chunks,
                                      std::string_view about = kAboutMinutes) {
  std::string bytes;
  columns::ArchiveWriter writer([&bytes](std::string_view more) {
    bytes += more;
    return model::Result<void>();
  });
  for (const auto& chunk : chunks) {
    if (auto added = writer.add(chunk); !added) ADD_FAILURE() << added.error().message();
  }
  if (auto finished = writer.finish(about); !finished) ADD_FAILURE() << finished.error().message();
  return bytes;
}

inline model::Result<Dataset> read_history(const std::vector<columns::Chunk>& chunks, const DatasetRange& range = {},
                                           std::string_view about = kAboutMinutes) {
  const std::string bytes = history_archive_of(chunks, about);
  const auto archive = columns::ArchiveReader::open(bytes);
  if (!archive) return archive.error();
  return read_dataset(*archive, range);
}

inline Dataset history_of(const std::vector<columns::Chunk>& chunks, const DatasetRange& range = {}) {
  auto data = read_history(chunks, range);
  if (data) return *std::move(data);
  ADD_FAILURE() << data.error().message();
  return {};
}

/// A fleet of some hosts of different sizes whose pods come and go, drawn by `below(end)`.
inline std::vector<columns::Chunk> random_history(const std::function<std::size_t(std::size_t end)>& below,
                                                  std::size_t hosts, std::size_t minutes) {
  std::vector<columns::Chunk> chunks;
  const auto rows_of = [&](std::size_t first, std::size_t count, std::int64_t most) {
    HistoryRows rows{.first = static_cast<std::int64_t>(first), .cpu = {}, .memory = {}};
    for (std::size_t row = 0; row < count; ++row) {
      rows.cpu.push_back(static_cast<std::int64_t>(below(static_cast<std::size_t>(most))));
      rows.memory.push_back(static_cast<std::int64_t>(below(2'048)));
    }
    return rows;
  };
  for (std::size_t host = 0; host < hosts; ++host) {
    const std::string name = "worker-" + std::string(1, static_cast<char>('a' + host % 26)) + std::to_string(host);
    const std::int64_t cpus = below(2) == 0 ? 8 : 16;
    const std::size_t first = below(4) == 0 ? below(minutes / 2) : 0;
    HistoryRows own{.first = static_cast<std::int64_t>(first), .cpu = {}, .memory = {}};
    for (std::size_t row = first; row < minutes; ++row) {
      own.cpu.push_back(static_cast<std::int64_t>(below(static_cast<std::size_t>(cpus) * 1'000)));
      own.memory.push_back(static_cast<std::int64_t>(1'024 + below(16'384)));
    }
    chunks.push_back(host_chunk(name, cpus, 65'536, own));
    for (std::size_t pod = below(6); pod > 0; --pod) {
      const std::size_t begin = below(minutes - 1);
      const std::size_t length = 1 + below(minutes - begin);
      const auto qos = below(4) == 0 ? model::QosClass::kBe : model::QosClass::kLs;
      chunks.push_back(pod_chunk(name, "uid-" + std::to_string(pod), static_cast<std::int64_t>(500 * (1 + below(4))),
                                 rows_of(begin, length, 3'000), qos));
    }
  }
  return chunks;
}

}  // namespace tideline::planner::test
