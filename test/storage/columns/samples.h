#pragma once
// Chunks to test with.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/columns/chunk.h"

namespace tideline::columns {

/// Below `bound`.
inline std::int64_t below(std::int64_t bound, std::mt19937_64& random) {
  return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
}

/// One with two cores and 8 GiB, on a grid of 300 s that is late by a second at times, with a walk for its use.
inline Chunk vm_chunk(const std::string& name, std::size_t rows, std::mt19937_64& random) {
  constexpr std::int64_t kCores = 2000;
  constexpr std::int64_t kMemory = std::int64_t{8} << 30;
  Chunk chunk{.kind = SeriesKind::kWorkload, .series = name, .times = {}, .columns = {}};
  std::vector<std::int64_t> cpu;
  std::vector<std::int64_t> memory;
  std::int64_t busy = kCores / 4;
  std::int64_t active = kMemory / 4;
  for (std::size_t row = 0; row < rows; ++row) {
    chunk.times.push_back(1372629804 + 300 * static_cast<std::int64_t>(row) + (random() % 50 == 0 ? 1 : 0));
    busy = std::clamp<std::int64_t>(busy + below(41, random) - 20, 0, kCores);
    active = std::clamp<std::int64_t>(active + below(kMemory / 50, random) - kMemory / 100, 0, kMemory);
    cpu.push_back(random() % 100 == 0 ? kMissing : busy);
    memory.push_back(active);
  }
  chunk.columns.push_back({.id = ColumnId::kCpuRequest, .step = 1, .values = std::vector(rows, kCores)});
  chunk.columns.push_back({.id = ColumnId::kCpuUsed, .step = step_for(kCores), .values = std::move(cpu)});
  chunk.columns.push_back({.id = ColumnId::kMemoryRequest, .step = 1, .values = std::vector(rows, kMemory)});
  chunk.columns.push_back({.id = ColumnId::kMemoryUsed, .step = step_for(kMemory), .values = std::move(memory)});
  return chunk;
}

inline std::vector<std::int64_t> any_times(std::size_t rows, bool may_stand, std::mt19937_64& random) {
  constexpr std::array<std::int64_t, 4> kFirst{0, -ChunkLimits::kMaxValue, 1372629804, -5};
  const std::int64_t spread = std::array<std::int64_t, 4>{1, 3, 1000, std::int64_t{1} << 40}[random() % 4];
  std::vector<std::int64_t> times{kFirst[random() % kFirst.size()]};
  while (times.size() < rows)
    times.push_back(times.back() + (may_stand ? 0 : 1) + below(spread, random));
  if (rows > 1 && random() % 4 == 0) times.back() = ChunkLimits::kMaxValue;
  return times;
}

inline std::vector<std::int64_t> any_values(std::size_t rows, std::mt19937_64& random) {
  constexpr std::int64_t kMost = ChunkLimits::kMaxValue;
  const std::uint64_t missing_in_100 = std::array<std::uint64_t, 4>{0, 1, 30, 100}[random() % 4];
  const std::int64_t spread = std::array<std::int64_t, 5>{1, 100, 1000, std::int64_t{1} << 33, kMost + 1}[random() % 5];
  const bool extreme = random() % 8 == 0;
  std::vector<std::int64_t> values;
  for (std::size_t row = 0; row < rows; ++row) {
    std::int64_t value = below(spread, random);
    if (extreme) value = random() % 2 == 0 ? 0 : kMost;
    values.push_back(random() % 100 < missing_in_100 ? kMissing : value);
  }
  return values;
}

/// Whatever the rules allow, small.
inline Chunk any_chunk(std::mt19937_64& random) {
  constexpr std::array<std::int64_t, 7> kSteps{1, 2, 3, 500, 8589935, std::int64_t{1} << 52, ChunkLimits::kMaxValue};
  const std::size_t rows = random() % 4 == 0 ? 1 + random() % 10 : 1 + random() % 300;
  Chunk chunk;
  chunk.kind = static_cast<SeriesKind>(1 + random() % 3);
  chunk.series.resize(1 + random() % ChunkLimits::kMaxName);
  for (char& c : chunk.series)
    c = static_cast<char>(random());
  chunk.times = any_times(rows, chunk.kind == SeriesKind::kTasks, random);
  for (std::uint16_t id = 1; id <= static_cast<std::uint16_t>(ColumnId::kQos); ++id) {
    if (random() % 2 == 0) continue;
    const std::int64_t step = kSteps[random() % kSteps.size()];
    chunk.columns.push_back({.id = static_cast<ColumnId>(id), .step = step, .values = any_values(rows, random)});
  }
  for (const unsigned id : {kFirstHistoryColumn + 3U, kFirstHistoryColumn + 8U, 65535U}) {
    if (random() % 4 != 0) continue;
    const std::int64_t step = kSteps[random() % kSteps.size()];
    chunk.columns.push_back({.id = static_cast<ColumnId>(id), .step = step, .values = any_values(rows, random)});
  }
  return chunk;
}

/// What comes back of it.
inline Chunk rounded(Chunk chunk) {
  for (Column& column : chunk.columns) {
    for (std::int64_t& value : column.values) {
      if (value == kMissing) continue;
      const std::int64_t rest = value % column.step;
      value += 2 * rest >= column.step ? column.step - rest : -rest;
      value = std::min(value, ChunkLimits::kMaxValue);
    }
  }
  return chunk;
}

}  // namespace tideline::columns
