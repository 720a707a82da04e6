#include "coordinator/traces/series_book.h"

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "test/coordinator/traces/imported.h"

namespace tideline::traces::series_book_test {
namespace {

using columns::ColumnId;
using columns::kMissing;
using columns::SeriesKind;

struct Collected {
  std::vector<columns::Chunk> chunks;
  Importer::Sink sink() {
    return [this](columns::Chunk chunk) -> model::Result<void> {
      chunks.push_back(std::move(chunk));
      return {};
    };
  }
};

BookShape cpu_shape() {
  return {.kind = SeriesKind::kWorkload, .ids = {ColumnId::kCpuRequest, ColumnId::kCpuUsed}};
}

RowClass add(SeriesBook& book, std::string_view name, std::int64_t time, const Cells& cells = {2000, 500}) {
  const auto row = book.add(name, time, cells);
  return row.ok() ? *row : RowClass::kNotANumber;
}

TEST(SeriesBook, RowsComeOutSortedAndOnceEach) {
  Collected out;
  SeriesBook book(cpu_shape(), out.sink());
  EXPECT_EQ(add(book, "a", 600, {2000, 1}), RowClass::kKept);
  EXPECT_EQ(add(book, "b", 600, {2000, 9}), RowClass::kKept);
  EXPECT_EQ(add(book, "a", 0, {2000, 2}), RowClass::kOutOfOrder);
  EXPECT_EQ(add(book, "a", 300, {2000, 3}), RowClass::kOutOfOrder);
  EXPECT_EQ(add(book, "a", 0, {2000, 4}), RowClass::kDuplicateTime);
  EXPECT_EQ(add(book, "a", 600, {2000, 5}), RowClass::kDuplicateTime);
  EXPECT_EQ(add(book, "a", 900, {2000, 6}), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 2u);
  EXPECT_EQ(out.chunks[0].series, "a");
  EXPECT_EQ(out.chunks[0].times, (Values{0, 300, 600, 900}));
  EXPECT_EQ(values_of(out.chunks[0], ColumnId::kCpuUsed), (Values{2, 3, 1, 6}));
  EXPECT_EQ(out.chunks[1].series, "b");
  EXPECT_EQ(report.series, 2u);
  EXPECT_EQ(report.step_s, 300);
  EXPECT_EQ(report.gaps, 0u);
  EXPECT_EQ(report.first, 0);
  EXPECT_EQ(report.last, 900);
}

TEST(SeriesBook, SortedTraceHoldsOneSeriesAtATime) {
  Collected out;
  BookShape shape = cpu_shape();
  shape.sorted = true;
  SeriesBook book(shape, out.sink());
  EXPECT_EQ(add(book, "a", 0), RowClass::kKept);
  EXPECT_EQ(add(book, "a", 300), RowClass::kKept);
  EXPECT_TRUE(out.chunks.empty());
  EXPECT_EQ(add(book, "b", 0), RowClass::kKept);
  ASSERT_EQ(out.chunks.size(), 1u);
  EXPECT_EQ(out.chunks[0].times, (Values{0, 300}));
}

TEST(SeriesBook, SeriesThatReturnsGoesOnOrIsTooLate) {
  Collected out;
  BookShape shape = cpu_shape();
  shape.sorted = true;
  SeriesBook book(shape, out.sink());
  for (const std::int64_t time : {0, 300, 600})
    EXPECT_EQ(add(book, "a", time), RowClass::kKept);
  EXPECT_EQ(add(book, "b", 0), RowClass::kKept);
  EXPECT_EQ(add(book, "a", 600), RowClass::kDuplicateTime);
  EXPECT_EQ(add(book, "a", 450), RowClass::kTooLate);
  EXPECT_EQ(add(book, "a", 1500), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 3u);
  EXPECT_EQ(out.chunks[2].series, "a");
  EXPECT_EQ(out.chunks[2].times, (Values{1500}));
  EXPECT_EQ(report.series, 2u);
  EXPECT_EQ(report.gaps, 1u) << "the gap between the two chunks of a";
}

TEST(SeriesBook, TraceByTimeHasNoChunkForEachRow) {
  Collected out;
  BookShape shape = cpu_shape();
  shape.sorted = true;
  SeriesBook book(shape, out.sink());
  for (std::int64_t time = 0; time < 100; ++time) {
    EXPECT_EQ(add(book, "a", time), RowClass::kKept);
    EXPECT_EQ(add(book, "b", time), RowClass::kKept);
  }
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 3u) << "the first of a, by which it was not yet known, and the rest of each";
  EXPECT_EQ(out.chunks[0].rows() + out.chunks[1].rows() + out.chunks[2].rows(), 200u);
}

TEST(SeriesBook, SeriesBeyondTheBoundAreRefused) {
  Collected out;
  BookShape shape = cpu_shape();
  shape.max_series = 2;
  SeriesBook book(shape, out.sink());
  EXPECT_EQ(add(book, "a", 0), RowClass::kKept);
  EXPECT_EQ(add(book, "b", 0), RowClass::kKept);
  EXPECT_EQ(add(book, "c", 0), RowClass::kOverLimit);
  EXPECT_EQ(add(book, "a", 1), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  EXPECT_EQ(report.series, 2u);
}

TEST(SeriesBook, TasksHaveNoOrderAndMayBeginTogether) {
  Collected out;
  SeriesBook book({.kind = SeriesKind::kTasks, .ids = {ColumnId::kCpuRequest, ColumnId::kTaskEnd}}, out.sink());
  EXPECT_EQ(add(book, "tasks", 50, {1, 60}), RowClass::kKept);
  EXPECT_EQ(add(book, "tasks", 10, {2, 70}), RowClass::kKept);
  EXPECT_EQ(add(book, "tasks", 50, {3, 80}), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 1u);
  EXPECT_EQ(out.chunks[0].times, (Values{10, 50, 50}));
  EXPECT_EQ(values_of(out.chunks[0], ColumnId::kCpuRequest), (Values{2, 1, 3})) << "those of one time as they came";
  EXPECT_EQ(report.step_s, 0);
  EXPECT_EQ(report.gaps, 0u);
}

TEST(SeriesBook, RequestThatIsNotThereIsTheMostThatWasUsed) {
  Collected out;
  BookShape shape = cpu_shape();
  shape.as_used = {{.request = ColumnId::kCpuRequest, .used = ColumnId::kCpuUsed}};
  SeriesBook book(shape, out.sink());
  EXPECT_EQ(add(book, "a", 0, {kMissing, 700}), RowClass::kKept);
  EXPECT_EQ(add(book, "a", 300, {kMissing, kMissing}), RowClass::kKept);
  EXPECT_EQ(add(book, "b", 0, {kMissing, 10}), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 2u);
  EXPECT_EQ(values_of(out.chunks[0], ColumnId::kCpuRequest), (Values{700, 700}));
  EXPECT_EQ(values_of(out.chunks[1], ColumnId::kCpuRequest), (Values{10}));
}

TEST(SeriesBook, ColumnWithoutAnyValueIsLeftOut) {
  Collected out;
  SeriesBook book(cpu_shape(), out.sink());
  EXPECT_EQ(add(book, "a", 0, {2000, kMissing}), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 1u);
  ASSERT_EQ(out.chunks[0].columns.size(), 1u);
  EXPECT_EQ(out.chunks[0].columns[0].id, ColumnId::kCpuRequest);
}

TEST(SeriesBook, LongSeriesAreSeveralChunks) {
  Collected out;
  SeriesBook book({.kind = SeriesKind::kWorkload, .ids = {ColumnId::kCpuUsed}}, out.sink());
  const auto rows = static_cast<std::int64_t>(columns::ChunkLimits::kMaxRows) + 10;
  for (std::int64_t i = 0; i < rows; ++i)
    ASSERT_EQ(add(book, "a", i, {1}), RowClass::kKept);
  ImportReport report;
  ASSERT_TRUE(book.finish(report).ok());
  ASSERT_EQ(out.chunks.size(), 2u);
  EXPECT_EQ(out.chunks[0].rows(), columns::ChunkLimits::kMaxRows);
  EXPECT_EQ(out.chunks[1].rows(), 10u);
  EXPECT_EQ(out.chunks[1].times.front(), rows - 10);
  EXPECT_EQ(report.series, 1u);
}

/// What a book of any order must make of rows: of each series the first row of each time.
using Reference = std::map<std::string, std::map<std::int64_t, std::int64_t>>;

TEST(SeriesBook, AnyOrderOfRowsGivesTheSameArchive) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Collected out;
    SeriesBook book(cpu_shape(), out.sink());
    Reference reference;
    std::uint64_t refused = 0;
    const std::uint64_t rows = 1 + random() % 200;
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::string name(1, static_cast<char>('a' + random() % 4));
      const auto time = static_cast<std::int64_t>(random() % 60);
      const auto used = static_cast<std::int64_t>(random() % 2000);
      const bool fresh = reference[name].emplace(time, used).second;
      const RowClass row = add(book, name, time, {2000, used});
      EXPECT_EQ(row == RowClass::kDuplicateTime, !fresh);
      refused += fate_of(row) == Fate::kRefused ? 1U : 0U;
    }
    ImportReport report;
    ASSERT_TRUE(book.finish(report).ok());
    Reference found;
    std::uint64_t taken = 0;
    for (const columns::Chunk& chunk : out.chunks) {
      EXPECT_EQ(found.count(chunk.series), 0u) << "a series has one chunk";
      const Values used = values_of(chunk, ColumnId::kCpuUsed);
      for (std::size_t row = 0; row < chunk.rows(); ++row)
        found[chunk.series].emplace(chunk.times[row], used[row]);
      taken += chunk.rows();
    }
    EXPECT_EQ(found, reference);
    EXPECT_EQ(taken + refused, rows);
    EXPECT_EQ(report.series, reference.size());
  }
}

TEST(SeriesBook, BoundedMemoryGivesChunksInTheOrderOfTime) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Collected out;
    BookShape shape = cpu_shape();
    shape.max_held_rows = 1 + random() % 20;
    shape.sorted = random() % 4 == 0;
    SeriesBook book(shape, out.sink());
    std::uint64_t accepted = 0;
    std::int64_t clock = 0;
    for (int i = 0; i < 300; ++i) {
      clock += static_cast<std::int64_t>(random() % 5);
      const std::string name(1, static_cast<char>('a' + random() % 3));
      const auto time = clock - static_cast<std::int64_t>(random() % 8);
      accepted += fate_of(add(book, name, time)) == Fate::kRefused ? 0U : 1U;
    }
    ImportReport report;
    ASSERT_TRUE(book.finish(report).ok());
    std::map<std::string, std::int64_t> last;
    std::uint64_t rows = 0;
    for (const columns::Chunk& chunk : out.chunks) {
      EXPECT_LE(chunk.rows(), shape.max_held_rows);
      for (const std::int64_t time : chunk.times) {
        const auto before = last.find(chunk.series);
        if (before != last.end()) {
          EXPECT_GT(time, before->second);
        }
        last[chunk.series] = time;
      }
      rows += chunk.rows();
    }
    EXPECT_EQ(rows, accepted);
  }
}

/// DESIGN's promise of history: at most 0.1 % of what is allocated is lost by steps.
TEST(SeriesBook, UseComesBackWithinAThousandthOfWhatWasAllocated) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Collected out;
    BookShape shape = cpu_shape();
    shape.ids = {ColumnId::kCpuRequest, ColumnId::kCpuUsed, ColumnId::kMemoryRequest, ColumnId::kMemoryUsed};
    SeriesBook book(shape, out.sink());
    std::int64_t cores = 1;
    std::int64_t memory = 1;
    for (int i = 0; i < 50; ++i) {
      // Resized now and then, and without anything for a while.
      if (i % 10 == 0) {
        cores = static_cast<std::int64_t>(random() % 64);
        memory = static_cast<std::int64_t>(random() % (std::uint64_t{1} << 38));
      }
      const auto cpu_used = static_cast<std::int64_t>(random() % 70'000);
      const auto memory_used = static_cast<std::int64_t>(random() % (std::uint64_t{1} << 38));
      ASSERT_EQ(add(book, "vm", i * 300, {cores * 1000, cpu_used, memory, memory_used}), RowClass::kKept);
    }
    ImportReport report;
    ASSERT_TRUE(book.finish(report).ok());
    ASSERT_EQ(out.chunks.size(), 1u);
    const columns::Chunk& chunk = out.chunks[0];
    EXPECT_EQ(step_of(chunk, ColumnId::kCpuRequest), 1);
    EXPECT_EQ(step_of(chunk, ColumnId::kMemoryRequest), 1);
    for (const auto& [size, used] : {std::pair(ColumnId::kCpuRequest, ColumnId::kCpuUsed),
                                     std::pair(ColumnId::kMemoryRequest, ColumnId::kMemoryUsed)}) {
      const std::int64_t step = step_of(chunk, used);
      ASSERT_GE(step, 1);
      for (const std::int64_t allocated : values_of(chunk, size)) {
        if (allocated <= 0) continue;
        // Rounded to the nearest step, a value moves by half of one; a step of 1 moves nothing.
        EXPECT_TRUE(step == 1 || static_cast<double>(step) / 2 <= 0.001 * static_cast<double>(allocated))
            << "step " << step << " of " << allocated;
      }
    }
  }
}

}  // namespace
}  // namespace tideline::traces::series_book_test
