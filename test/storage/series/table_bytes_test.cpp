#include "storage/series/table_bytes.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/columns/chunk_body.h"
#include "storage/columns/crc32c.h"
#include "storage/columns/envelope.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"
#include "storage/series/sketch_bytes.h"
#include "test/storage/series/series_samples.h"

namespace tideline::series::table_bytes_test {
namespace {

using columns::Chunk;
using columns::Column;
using columns::ColumnId;
using columns::kMissing;
using model::ErrorCode;
using testing::HasSubstr;

const Subject kNode{.kind = SubjectKind::kNode, .name = ""};
const Subject kPod{.kind = SubjectKind::kPod, .name = "uid-1"};
const Subject kWorkload{.kind = SubjectKind::kWorkload, .name = "shop/Deployment/web"};

Chunk through_bytes(const Chunk& chunk) {
  const auto bytes = columns::encode_chunk(chunk);
  EXPECT_TRUE(bytes) << bytes.error().message();
  auto back = columns::decode_chunk(*bytes);
  EXPECT_TRUE(back) << back.error().message();
  return *std::move(back);
}

const Column* column_in(const Chunk& chunk, ColumnId id) {
  const auto found =
      std::find_if(chunk.columns.begin(), chunk.columns.end(), [id](const Column& column) { return column.id == id; });
  return found == chunk.columns.end() ? nullptr : &*found;
}

Summary of(std::int64_t least, std::int64_t mean, std::int64_t most, std::uint64_t count) {
  return {.count = count, .min = least, .max = most, .sum = mean * static_cast<std::int64_t>(count)};
}

/// Three minutes of the pod.
Table small_table() {
  return {.subject = kPod,
          .tier = Tier::kMinute,
          .times = {kSamplesBegin, kSamplesBegin + 60, kSamplesBegin + 180},
          .fields = {{.field = Field::kPodCpu, .step = 4, .cells = {of(480, 500, 520, 60), {}, of(700, 740, 800, 60)}},
                     {.field = Field::kPodMemory,
                      .step = 10,
                      .cells = {of(50, 50, 50, 60), of(50, 50, 50, 30), of(50, 50, 50, 60)}},
                     {.field = Field::kQos, .step = 1, .cells = {of(2, 2, 2, 60), of(2, 2, 2, 60), of(2, 2, 2, 60)}}},
          .sketches = {}};
}

void expect_refused(const Chunk& chunk, const std::string& why, const Subject& subject = kPod,
                    Tier tier = Tier::kMinute) {
  const auto table = table_of(chunk, subject, tier);
  ASSERT_FALSE(table) << why;
  EXPECT_EQ(table.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(table.error().message(), HasSubstr(why));
}

TEST(TableBytes, ATableComesBackRoundedToItsSteps) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Subject& subject = seed % 3 == 0 ? kNode : seed % 3 == 1 ? kPod : kWorkload;
    const Tier tier = kTiers[random() % kTiers.size()];
    const Table table = any_table(subject, tier, 1, random);
    const auto back = table_of(through_bytes(chunk_of(table)), subject, tier);
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_TRUE(*back == kept(table));
    const auto archived = table_of(through_bytes(chunk_for_archive(table, "n1/x")), subject, tier, true);
    ASSERT_TRUE(archived) << archived.error().message();
    ASSERT_TRUE(*archived == *back);
  }
}

TEST(TableBytes, WhatCameBackIsKeptAsItIs) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Table once = kept(any_table(kWorkload, kTiers[seed % kTiers.size()], 1, random));
    const Chunk chunk = chunk_of(once);
    ASSERT_EQ(through_bytes(chunk), chunk) << "it is rounded already";
    const auto twice = table_of(chunk, kWorkload, once.tier);
    ASSERT_TRUE(twice) << twice.error().message();
    ASSERT_TRUE(*twice == once);
  }
}

TEST(TableBytes, ColumnsAreThoseThatSaySomething) {
  const Chunk chunk = chunk_of(small_table());
  EXPECT_EQ(chunk.kind, columns::SeriesKind::kWorkload);
  EXPECT_EQ(chunk.series, "uid-1");
  std::vector<unsigned> ids;
  for (const Column& column : chunk.columns)
    ids.push_back(static_cast<unsigned>(column.id));
  // Counts of all; of CPU mean, min and max; of memory the mean and its own counts; of the class the mean.
  EXPECT_EQ(ids, (std::vector<unsigned>{1027, 5120, 5121, 5122, 5128, 5131, 5176}));
  EXPECT_EQ(column_of(Field::kPodMemory, Statistic::kCount), ColumnId{5131});
  EXPECT_EQ(column_of(Field{kLastField}, Statistic::kCount), ColumnId{65531});
  EXPECT_EQ(chunk.columns[0].values, (std::vector<std::int64_t>{60, 60, 60}));
  EXPECT_EQ(chunk.columns[1].values, (std::vector<std::int64_t>{500, kMissing, 740}));
  EXPECT_EQ(chunk.columns[1].step, 4);
  EXPECT_EQ(chunk.columns[5].values, (std::vector<std::int64_t>{60, 30, 60}));
  EXPECT_EQ(chunk.columns[5].step, 1);
}

TEST(TableBytes, CountsThatAllFieldsDifferInAreEachTheirOwn) {
  Table table = small_table();
  table.fields.resize(2);
  table.fields[0].cells = {of(1, 1, 1, 5), of(1, 1, 1, 9), {}};
  table.fields[1].cells = {of(1, 1, 1, 9), of(1, 1, 1, 5), {}};
  const Chunk chunk = chunk_of(table);
  EXPECT_EQ(column_in(chunk, ColumnId{1027}), nullptr);
  EXPECT_NE(column_in(chunk, column_of(Field::kPodCpu, Statistic::kCount)), nullptr);
  EXPECT_NE(column_in(chunk, column_of(Field::kPodMemory, Statistic::kCount)), nullptr);
  const auto back = table_of(chunk, kPod, Tier::kMinute);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(*back == kept(table));
}

TEST(TableBytes, AFieldOfWhichNothingIsKnownIsLeftOut) {
  Table table = small_table();
  table.fields[1].cells = {{}, {}, {}};
  const auto back = table_of(chunk_of(table), kPod, Tier::kMinute);
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->fields.size(), 2U);
  EXPECT_EQ(back->fields[1].field, Field::kQos);
  table.fields.clear();
  const auto bare = table_of(through_bytes(chunk_of(table)), kPod, Tier::kMinute);
  ASSERT_TRUE(bare) << bare.error().message();
  EXPECT_EQ(*bare, table) << "rows alone";
}

TEST(TableBytes, TheLargestNumbersAreKept) {
  Table table = small_table();
  table.fields.resize(1);
  table.fields[0].step = std::int64_t{1} << 52;
  table.fields[0].cells[0] = {};
  table.fields[0].cells[0].add(kMostValue, std::numeric_limits<std::uint64_t>::max());
  const auto back = table_of(through_bytes(chunk_of(table)), kPod, Tier::kMinute);
  ASSERT_TRUE(back) << back.error().message();
  const Summary& cell = back->fields[0].cells[0];
  EXPECT_EQ(cell.count, static_cast<std::uint64_t>(kMostValue));
  EXPECT_EQ(cell.mean(), kMostValue);
  EXPECT_EQ(cell.sum, std::numeric_limits<std::int64_t>::max());
}

TEST(TableBytes, AFlippedBitIsFound) {
  const auto sound = columns::encode_chunk(chunk_of(small_table()));
  ASSERT_TRUE(sound) << sound.error().message();
  for (std::size_t bit = 0; bit < 8 * sound->size(); ++bit) {
    std::string bytes = *sound;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    ASSERT_FALSE(columns::decode_chunk(bytes)) << "bit " << bit;
  }
}

TEST(TableBytes, OfAFlippedBitBehindTheCrcATableKeepsItsRulesOrThereIsNone) {
  const Chunk sound = chunk_of(small_table());
  const auto head = columns::head_bytes({sound.kind, sound.series, sound.rows(), sound.columns.size()});
  const std::string body = columns::body_of(sound);
  std::size_t taken = 0;
  for (std::size_t bit = 0; bit < 8 * body.size(); ++bit) {
    std::string spoilt = body;
    spoilt[bit / 8] = static_cast<char>(spoilt[bit / 8] ^ (1 << bit % 8));
    const auto frame = columns::compress(spoilt, 1);
    ASSERT_TRUE(frame);
    const auto chunk = columns::decode_chunk(columns::sealed(head, *frame));
    if (!chunk) continue;
    const auto table = table_of(*chunk, kPod, Tier::kMinute);
    if (!table) continue;
    ++taken;
    for (const FieldColumn& column : table->fields) {
      ASSERT_EQ(column.cells.size(), table->times.size());
      for (const Summary& cell : column.cells) {
        ASSERT_LE(cell.min, cell.mean()) << "bit " << bit;
        ASSERT_LE(cell.mean(), cell.max) << "bit " << bit;
      }
    }
    ASSERT_TRUE(*table_of(through_bytes(chunk_of(*table)), kPod, Tier::kMinute) == *table) << "bit " << bit;
  }
  EXPECT_GT(taken, 0U) << "another value is a value";
}

TEST(TableBytes, ALongNameIsCutInTheChunkAlone) {
  const Subject subject{.kind = SubjectKind::kWorkload, .name = "shop/Deployment/" + std::string(1'000, 'x')};
  Table table = small_table();
  table.subject = subject;
  const Chunk chunk = through_bytes(chunk_of(table));
  EXPECT_EQ(chunk.series.size(), 253U);
  const auto back = table_of(chunk, subject, Tier::kMinute);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->subject, subject);
}

TEST(ArchiveChunk, HasWhatOtherReadersKnowAtTheEndsOfSteps) {
  const Chunk pod = chunk_for_archive(small_table(), "n1/pod/uid-1");
  EXPECT_EQ(pod.series, "n1/pod/uid-1");
  EXPECT_EQ(pod.times, (std::vector<std::int64_t>{kSamplesBegin + 60, kSamplesBegin + 120, kSamplesBegin + 240}));
  ASSERT_NE(column_in(pod, ColumnId::kCpuUsed), nullptr);
  EXPECT_EQ(column_in(pod, ColumnId::kCpuUsed)->values, (std::vector<std::int64_t>{500, kMissing, 740}));
  EXPECT_EQ(column_in(pod, ColumnId::kCpuUsed)->step, 4);
  EXPECT_EQ(column_in(pod, ColumnId::kMemoryUsed)->values, (std::vector<std::int64_t>{50, 50, 50}));
  EXPECT_EQ(column_in(pod, ColumnId::kQos)->values, (std::vector<std::int64_t>{2, 2, 2}));
  EXPECT_EQ(column_in(pod, ColumnId::kCpuRequest), nullptr);
  EXPECT_EQ(chunk_for_archive(small_table(), "x").columns.size(), 3 + chunk_of(small_table()).columns.size());

  Table node{.subject = kNode, .tier = Tier::kMinute, .times = {kSamplesBegin}, .fields = {}, .sketches = {}};
  for (const Field field : {field_of(model::Metric::kNodeCpu), field_of(model::Metric::kNodeMemory),
                            Field::kCpuCapacity, Field::kMemoryCapacity}) {
    const auto number = static_cast<std::int64_t>(field);
    node.fields.push_back({.field = field, .step = 1, .cells = {of(number, number, number, 6)}});
  }
  const Chunk host = chunk_for_archive(node, "n1");
  EXPECT_EQ(host.kind, columns::SeriesKind::kHost);
  EXPECT_EQ(column_in(host, ColumnId::kCpuUsed)->values, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(column_in(host, ColumnId::kMemoryUsed)->values, (std::vector<std::int64_t>{6}));
  EXPECT_EQ(column_in(host, ColumnId::kCpuCapacity)->values, (std::vector<std::int64_t>{602}));
  EXPECT_EQ(column_in(host, ColumnId::kMemoryCapacity)->values, (std::vector<std::int64_t>{603}));

  Table workload = small_table();
  workload.subject = kWorkload;
  EXPECT_EQ(chunk_for_archive(workload, "x").columns, chunk_of(workload).columns) << "its pods are there";
}

TEST(TableOf, UnknownFieldsAreKeptAndUnknownStatisticsPassedOver) {
  Chunk chunk = chunk_of(small_table());
  const auto known = table_of(chunk, kPod, Tier::kMinute);
  ASSERT_TRUE(known);
  const std::vector<std::int64_t> ones{1, 1, 1};
  chunk.columns.push_back({.id = ColumnId{1024 + 8 * 700 + 5}, .step = 9, .values = ones});
  chunk.columns.push_back({.id = ColumnId{1024 + 8 * 4000}, .step = 1, .values = ones});
  chunk.columns.push_back({.id = ColumnId{1024 + 8 * 4000 + 7}, .step = 2, .values = ones});
  auto back = table_of(chunk, kPod, Tier::kMinute);
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->fields.size(), known->fields.size() + 1);
  EXPECT_EQ(back->fields.back().field, Field{4000});
  EXPECT_EQ(back->fields.back().cells[1], of(1, 1, 1, 60));
  back->fields.pop_back();
  EXPECT_EQ(*back, *known);
}

TEST(TableOf, AChunkOfAnotherSubjectIsRefused) {
  const Chunk chunk = chunk_of(small_table());
  expect_refused(chunk, "history in 1m of node: its chunk is of kind 1", kNode);
  expect_refused(chunk, "history in 1m of pod uid-2: its chunk is of uid-1",
                 {.kind = SubjectKind::kPod, .name = "uid-2"});
  Chunk other = chunk;
  other.series = "a\x1b[2J";
  expect_refused(other, "its chunk is of a?[2J");
}

TEST(TableOf, TimesKeepToTheTiersGridAndToOneBlock) {
  const Chunk sound = chunk_of(small_table());
  const auto refused = [&sound](std::vector<std::int64_t> times, const std::string& why) {
    Chunk chunk = sound;
    chunk.times = std::move(times);
    expect_refused(chunk, why);
  };
  refused({kSamplesBegin, kSamplesBegin + 61, kSamplesBegin + 180}, "row 1: time 1699833661 is no begin of a step");
  refused({kSamplesBegin, kSamplesBegin, kSamplesBegin + 180}, "row 1: time 1699833600 after 1699833600");
  refused({kSamplesBegin, kSamplesBegin + 120, kSamplesBegin + 60}, "row 2: time 1699833660 after 1699833720");
  refused({kSamplesBegin, kSamplesBegin + 60, kSamplesBegin + 21'600}, "row 2: time 1699855200 is in another block");
  refused({kSamplesBegin - 60, kSamplesBegin, kSamplesBegin + 60}, "row 1: time 1699833600 is in another block");
  refused({std::numeric_limits<std::int64_t>::min(), 0, 60}, "row 0: time -9223372036854775808 is beyond 2^53");
  refused({0, 60, std::numeric_limits<std::int64_t>::max()}, "row 2: time 9223372036854775807 is beyond 2^53");
  refused({}, "it has no rows");
  // What is a minute's grid is no quarter of an hour's.
  expect_refused(sound, "is no begin of a step of 900 s", kPod, Tier::kQuarterHour);
  // As they are in an archive.
  EXPECT_FALSE(table_of(chunk_for_archive(small_table(), "uid-1"), kPod, Tier::kQuarterHour, true));
}

TEST(TableOf, WhatBreaksARuleIsNamed) {
  const auto refused = [](const std::function<void(Chunk&)>& spoil, const std::string& why) {
    Chunk chunk = chunk_of(small_table());
    spoil(chunk);
    expect_refused(chunk, why);
  };
  // Columns: counts of all, CPU's mean, min and max, memory's mean and counts, the class.
  refused([](Chunk& c) { c.columns.erase(c.columns.begin()); }, "pod.cpu: row 0: a mean without a count");
  refused([](Chunk& c) { c.columns[0].values[2] = kMissing; }, "pod.cpu: row 2: a mean without a count");
  refused([](Chunk& c) { c.columns[0].values[2] = 0; }, "pod.cpu: row 2: a mean without a count");
  refused([](Chunk& c) { c.columns[0].step = 2; }, "counts, of step 1, and nothing else");
  refused([](Chunk& c) { c.columns[0].id = ColumnId{1024}; }, "counts, of step 1, and nothing else");
  refused([](Chunk& c) { c.columns.erase(c.columns.begin() + 1); }, "pod.cpu: it has no mean");
  refused([](Chunk& c) { c.columns[1].values[1] = 700; }, "pod.cpu: row 1: its mean is 700, its least missing");
  refused([](Chunk& c) { c.columns[1].values[0] = kMissing; }, "pod.cpu: row 0: what goes with a mean, and none");
  refused([](Chunk& c) { c.columns[2].values[0] = 504; },
          "pod.cpu: row 0: its mean is 500, its least 504, its most 520");
  refused([](Chunk& c) { c.columns[3].values[0] = 496; },
          "pod.cpu: row 0: its mean is 500, its least 480, its most 496");
  refused([](Chunk& c) { c.columns[3].values[0] = kMissing; }, "its most missing");
  refused([](Chunk& c) { c.columns[2].step = 8; }, "pod.cpu: its mean has step 4, and its least or most 8");
  refused([](Chunk& c) { c.columns[4].values.assign(3, kMissing); }, "pod.memory: row 0: what goes with a mean");
  refused([](Chunk& c) { c.columns[5].values[1] = 0; }, "pod.memory: row 1: a mean without a count");
  refused([](Chunk& c) { c.columns[5].step = 2; }, "pod.memory: its counts have step 2");
  refused([](Chunk& c) { c.columns[5].values[2] = 61; },
          "pod.memory: row 2: its count is 61, above that of all fields");
  refused([](Chunk& c) { c.columns[6].values.assign(3, kMissing); }, "pod.qos: nothing is known in any row");
  // What no chunk that was decoded has.
  refused([](Chunk& c) { std::swap(c.columns[1], c.columns[2]); }, "column 5120 stands after column 5121");
  refused([](Chunk& c) { c.columns[1].values.pop_back(); }, "column 5120: 2 values in 3 rows");
  refused([](Chunk& c) { c.columns[1].values[0] = -1; }, "column 5120: row 0: value -1");
  refused([](Chunk& c) { c.columns[1].values[0] = kMostValue + 1; }, "column 5120: row 0: value 9007199254740993");
  refused([](Chunk& c) { c.columns[1].step = 0; }, "column 5120 has step 0");
}

std::vector<SketchColumn> any_sketches(std::size_t rows, std::mt19937_64& random) {
  std::vector<SketchColumn> sketches;
  for (const unsigned number : {1U, 2U, 512U, 513U, 4'000U}) {
    if (random() % 3 == 0) continue;
    SketchColumn column{.field = static_cast<Field>(number), .cells = {}};
    column.cells = some_cells<Sketch>(rows, random, [&random] {
      Sketch sketch = any_sketch(random);
      sketch.add(upto(kMostValue, random), 1 + random() % 2'000);
      return sketch;
    });
    sketches.push_back(std::move(column));
  }
  return sketches;
}

std::string encoded(const std::vector<SketchColumn>& sketches) {
  auto bytes = encode_sketches(sketches);
  EXPECT_TRUE(bytes) << bytes.error().message();
  return bytes ? *std::move(bytes) : std::string();
}

TEST(SketchBytes, ComeBack) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::size_t rows = 1 + random() % 360;
    const auto sketches = any_sketches(rows, random);
    const auto back = decode_sketches(encoded(sketches), rows);
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_TRUE(*back == sketches);
  }
}

TEST(SketchBytes, OfNothingAreNone) {
  EXPECT_EQ(encoded({}), "");
  EXPECT_EQ(encoded({{.field = Field::kPodCpu, .cells = {{}, {}}}}), "");
  const auto back = decode_sketches("", 7);
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->empty());
}

TEST(SketchBytes, AreSmall) {
  // A day of a quiet pod: most of its samples in few buckets.
  std::mt19937_64 random(1);
  SketchColumn column{.field = Field::kPodCpu, .cells = std::vector<Sketch>(96)};
  for (Sketch& sketch : column.cells) {
    for (int report = 0; report < 90; ++report)
      sketch.add(95 + upto(10, random), 10);
  }
  EXPECT_LT(encoded({column}).size(), 96U * 12);
}

TEST(SketchBytes, CountsStopAtTheLargestThatAFileHas) {
  SketchColumn column{.field = Field::kPodCpu, .cells = std::vector<Sketch>(1)};
  column.cells[0].add(3, std::numeric_limits<std::uint64_t>::max());
  const auto back = decode_sketches(encoded({column}), 1);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ((*back)[0].cells[0].count(), static_cast<std::uint64_t>(kMostValue));
}

TEST(SketchBytes, ColumnsThatBreakARuleAreNotWritten) {
  const auto refused = [](const std::vector<SketchColumn>& sketches, const std::string& why) {
    const auto bytes = encode_sketches(sketches);
    ASSERT_FALSE(bytes) << why;
    EXPECT_EQ(bytes.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(bytes.error().message(), HasSubstr(why));
  };
  Sketch one;
  one.add(1);
  const SketchColumn cpu{.field = Field::kPodCpu, .cells = {one}};
  refused({cpu, cpu}, "field 512 stands after field 512");
  refused({{.field = Field{0}, .cells = {one}}}, "field 0 stands after field 0");
  refused({{.field = Field{8064}, .cells = {one}}}, "field 8064");
  refused({cpu, {.field = Field::kPodMemory, .cells = {one, one}}}, "field 513 has 2 rows, and the first 1");
  refused({{.field = Field::kPodCpu, .cells = std::vector<Sketch>(361, one)}}, "361 rows");
  refused({{.field = Field::kPodCpu, .cells = {}}}, "0 rows");
  refused({{.field = Field::kPodCpu, .cells = {Sketch::of({{.bucket = 5, .count = 1}, {.bucket = 5, .count = 1}})}}},
          "bucket 5 with count 1 after bucket 5");
  refused({{.field = Field::kPodCpu, .cells = {Sketch::of({{.bucket = 5, .count = 0}})}}}, "bucket 5 with count 0");
  refused({{.field = Field::kPodCpu, .cells = {Sketch::of({{.bucket = 1'600, .count = 1}})}}}, "bucket 1600");
  std::vector<SketchColumn> many;
  for (unsigned number = 1; number <= 17; ++number)
    many.push_back({.field = static_cast<Field>(number), .cells = {one}});
  refused(many, "of 17 fields, more than 16");
}

TEST(SketchBytes, AFlippedBitOrACutIsNamed) {
  std::mt19937_64 random(5);
  std::vector<SketchColumn> sketches;
  while (sketches.size() < 2)
    sketches = any_sketches(3, random);
  const std::string sound = encoded(sketches);
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    std::string bytes = sound;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto back = decode_sketches(bytes, 3);
    ASSERT_FALSE(back) << "bit " << bit;
    ASSERT_THAT(back.error().message(), HasSubstr(bit < 24 ? "do not begin as such" : "CRC-32C")) << "bit " << bit;
  }
  for (std::size_t cut = 1; cut < sound.size(); ++cut)
    ASSERT_FALSE(decode_sketches(sound.substr(0, cut), 3)) << cut;
  EXPECT_FALSE(decode_sketches(sound + '\0', 3));
}

TEST(SketchBytes, ANewerVersionIsRefusedByName) {
  Sketch one;
  one.add(1);
  std::string bytes = encoded({{.field = Field::kPodCpu, .cells = {one}}});
  const auto of_version = [&bytes](char version) {
    bytes[3] = version;
    std::string crc;
    columns::put_fixed(crc, columns::crc32c(bytes.substr(8), columns::crc32c(bytes.substr(0, 4))), 4);
    bytes.replace(4, 4, crc);
    return decode_sketches(bytes, 1);
  };
  EXPECT_TRUE(of_version(1));
  EXPECT_EQ(of_version(2).error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(of_version(2).error().message(), "sketches: they have version 2, this build reads up to 1");
  EXPECT_THAT(of_version(0).error().message(), HasSubstr("version 0"));
}

// Below, CRCs are right, and what they are of is not.

TEST(SketchContent, ThatLiesIsRefused) {
  const auto refused = [](std::string_view content, std::size_t rows, const std::string& why) {
    const auto frame = columns::compress(content, 1);
    ASSERT_TRUE(frame);
    const auto back = decode_sketches(sealed_sketches(*frame), rows);
    ASSERT_FALSE(back) << why;
    EXPECT_EQ(back.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(back.error().message(), HasSubstr(why));
  };
  // One row, one field, number 1: two bins, of buckets 5 and 7 with counts 1 and 2.
  const std::string sound("\x01\x01\x01\x02\x0a\x01\x00\x01", 8);
  const auto frame = columns::compress(sound, 1);
  ASSERT_TRUE(frame);
  const auto back = decode_sketches(sealed_sketches(*frame), 1);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ((*back)[0].cells[0].bins(),
            (std::vector<Sketch::Bin>{{.bucket = 5, .count = 1}, {.bucket = 7, .count = 2}}));
  refused(sound, 2, "of 1 rows, and the table has 2");
  refused(sound, 0, "a table of 0 rows");
  refused(sound, 361, "a table of 361 rows");
  for (std::size_t cut = 0; cut < sound.size(); ++cut)
    refused(sound.substr(0, cut), 1, "");
  refused(sound + '\0', 1, "1 bytes follow the last field");
  refused(std::string("\x01\x00", 2), 1, "of 0 fields");
  refused(std::string("\x01\x11", 2), 1, "of 17 fields");
  refused(std::string("\x01\x01\x00\x01\x00\x00", 6), 1, "field 0 stands after field 0");
  refused(std::string("\x01\x01\x80\x3f\x01\x00\x00", 7), 1, "field 8064 stands after field 0");
  refused(std::string("\x01\x02\x02\x01\x00\x00\x01\x01\x00\x00", 10), 1, "field 1 stands after field 2");
  refused(std::string("\x01\x01\x01\x00", 4), 1, "node.cpu: it has none in any row");
  refused(std::string("\x01\x01\x01\x7f\x00\x00", 6), 1, "node.cpu: its bytes cannot hold the bins of its rows");
  refused(std::string("\x01\x01\x01\x01\x01\x00", 6), 1, "node.cpu: row 0: its buckets are none");              // -1
  refused(std::string("\x01\x01\x01\x01\x80\x19\x00", 7), 1, "node.cpu: row 0: its buckets are none");          // 1600
  refused(std::string("\x01\x01\x01\x02\xfe\x18\x00\x00\x00", 9), 1, "node.cpu: row 0: its buckets are none");  // 1600
  refused(std::string("\x01\x01\x01\x01\x00\xff\xff\xff\xff\xff\xff\xff\x1f", 13), 1, "its counts are none");
}

TEST(SketchContent, ThatClaimsMoreThanItCanHoldTakesNoMemory) {
  std::string frame("\x28\xb5\x2f\xfd\xe0", 5);  // a single segment, a size of eight bytes
  columns::put_fixed(frame, std::uint64_t{1} << 40, 8);
  frame += std::string("\x09\0\0x", 4);  // the last block, raw, of one byte
  const auto back = decode_sketches(sealed_sketches(frame), 360);
  ASSERT_FALSE(back);
  EXPECT_THAT(back.error().message(), HasSubstr("claims 1099511627776 bytes"));
}

}  // namespace
}  // namespace tideline::series::table_bytes_test
