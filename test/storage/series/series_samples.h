#pragma once
// Tables to test with.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "messages/model/metric.h"
#include "storage/series/table.h"

namespace tideline::series {

/// A second at which a block of each tier begins.
inline constexpr std::int64_t kSamplesBegin = std::int64_t{9837} * 172'800;
inline constexpr std::int64_t kMostValue = std::int64_t{1} << 53;

inline std::int64_t upto(std::int64_t most, std::mt19937_64& random) {
  return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1));
}

inline Summary any_summary(std::int64_t most, std::mt19937_64& random) {
  Summary summary;
  for (auto samples = 1 + random() % 4; samples > 0; --samples)
    summary.add(upto(most, random), 1 + random() % 10);
  return summary;
}

inline Sketch any_sketch(std::mt19937_64& random) {
  constexpr std::array<std::int64_t, 4> kMost{10, 5'000, std::int64_t{1} << 36, kMostValue};
  Sketch sketch;
  for (auto samples = random() % 12; samples > 0; --samples)
    sketch.add(upto(kMost[random() % kMost.size()], random), 1 + random() % 100);
  return sketch;
}

/// Of cells of which some are known, one at least.
template <class Cell, class Make>
std::vector<Cell> some_cells(std::size_t rows, std::mt19937_64& random, const Make& make) {
  const std::uint64_t known_in_8 = 1 + random() % 8;
  std::vector<Cell> cells(rows);
  for (Cell& cell : cells) {
    if (random() % 8 < known_in_8) cell = make();
  }
  cells[random() % rows] = make();
  return cells;
}

inline FieldColumn any_field(Field field, std::size_t rows, std::mt19937_64& random) {
  constexpr std::array<std::int64_t, 5> kSteps{1, 2, 15, 33'554'432, kMostValue};
  constexpr std::array<std::int64_t, 5> kMost{0, 100, 32'000, std::int64_t{1} << 40, kMostValue};
  const std::int64_t most = kMost[random() % kMost.size()];
  // Many are as steady as requests and capacities are.
  const bool is_steady = random() % 3 == 0;
  const std::uint64_t counts = random() % 2;
  const std::int64_t steady = upto(most, random);
  FieldColumn column{.field = field, .step = kSteps[random() % kSteps.size()], .cells = {}};
  column.cells = some_cells<Summary>(rows, random, [&] {
    if (!is_steady) return any_summary(most, random);
    Summary summary;
    summary.add(steady, 10 + (counts == 0 ? 0 : random() % 3));
    return summary;
  });
  return column;
}

/// Rows of at most `blocks` blocks from kSamplesBegin on, one at least; fields of that kind, and one that no build
/// knows.
inline Table any_table(Subject subject, Tier tier, std::int64_t blocks, std::mt19937_64& random) {
  static const std::vector<Field> kOfNodes{field_of(model::Metric::kNodeCpu),
                                           field_of(model::Metric::kNodeMemory),
                                           field_of(model::Metric::kLsDelay),
                                           Field::kReports,
                                           Field::kCpuCapacity,
                                           Field{4000}};
  static const std::vector<Field> kOfOthers{Field::kPodCpu, Field::kPodMemory, Field::kPodThrottled,
                                            Field::kPods,   Field::kQos,       Field{8063}};
  const auto& fields = subject.kind == SubjectKind::kNode ? kOfNodes : kOfOthers;
  Table table{.subject = std::move(subject), .tier = tier, .times = {}, .fields = {}, .sketches = {}};
  const std::uint64_t kept_in_8 = 1 + random() % 8;
  for (std::int64_t time = 0; time < blocks * block_s(tier); time += step_s(tier)) {
    if (random() % 8 < kept_in_8) table.times.push_back(kSamplesBegin + time);
  }
  if (table.times.empty()) table.times.push_back(kSamplesBegin);
  for (const Field field : fields) {
    if (random() % 4 != 0) table.fields.push_back(any_field(field, table.times.size(), random));
  }
  for (const Field field : fields) {
    if (random() % 2 != 0) continue;
    SketchColumn column{.field = field, .cells = {}};
    column.cells = some_cells<Sketch>(table.times.size(), random, [&] {
      Sketch sketch = any_sketch(random);
      sketch.add(upto(100, random));
      return sketch;
    });
    table.sketches.push_back(std::move(column));
  }
  return table;
}

/// The number as a column of that step gives it back.
inline std::int64_t rounded(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return std::min(2 * rest >= step ? value - rest + step : value - rest, kMostValue);
}

/// What is kept of the table in a chunk.
inline Table kept(Table table) {
  table.sketches.clear();
  for (FieldColumn& column : table.fields) {
    for (Summary& cell : column.cells) {
      if (cell.count == 0) continue;
      const std::int64_t mean = rounded(cell.mean(), column.step);
      cell = {.count = cell.count,
              .min = rounded(cell.min, column.step),
              .max = rounded(cell.max, column.step),
              .sum = mean * static_cast<std::int64_t>(cell.count)};
    }
  }
  return table;
}

}  // namespace tideline::series
