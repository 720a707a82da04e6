#include "storage/columns/chunk.h"

#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/columns/chunk_body.h"
#include "storage/columns/crc32c.h"
#include "storage/columns/envelope.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"
#include "test/storage/columns/samples.h"

namespace tideline::columns::chunk_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

std::string encoded(const Chunk& chunk) {
  auto bytes = encode_chunk(chunk);
  EXPECT_TRUE(bytes) << bytes.error().message();
  return bytes ? std::move(*bytes) : std::string();
}

void expect_refused(std::string_view bytes, ErrorCode code, const std::string& why) {
  const auto chunk = decode_chunk(bytes);
  ASSERT_FALSE(chunk) << why;
  EXPECT_EQ(chunk.error().code(), code) << chunk.error().message();
  EXPECT_THAT(chunk.error().message(), HasSubstr(why));
  EXPECT_EQ(chunk.error().message().rfind("chunk: ", 0), 0U) << chunk.error().message();
}

/// Three rows and two columns that are unlike each other.
Chunk small_chunk() {
  return {.kind = SeriesKind::kWorkload,
          .series = "web-1",
          .times = {100, 400, 700},
          .columns = {{.id = ColumnId::kCpuUsed, .step = 1, .values = {5, kMissing, 7}},
                      {.id = ColumnId::kMemoryUsed, .step = 10, .values = {0, 1000, 2000}}}};
}

TEST(Chunk, ComesBackRoundedToItsSteps) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Chunk chunk = any_chunk(random);
    const auto back = decode_chunk(encoded(chunk));
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(*back, rounded(chunk));
  }
}

TEST(Chunk, WhatCameBackGivesTheSameBytes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::string bytes = encoded(any_chunk(random));
    const auto back = decode_chunk(bytes);
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(encoded(*back), bytes);
  }
}

TEST(Chunk, AnyLevelComesBack) {
  std::mt19937_64 random(3);
  const Chunk chunk = vm_chunk("vm", 500, random);
  for (int level = 1; level <= max_level(); ++level) {
    const auto bytes = encode_chunk(chunk, level);
    ASSERT_TRUE(bytes) << bytes.error().message();
    const auto back = decode_chunk(*bytes);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, rounded(chunk)) << level;
  }
  for (const int level : {-1, 0, max_level() + 1})
    EXPECT_FALSE(encode_chunk(chunk, level)) << level;
}

TEST(Chunk, WithoutColumnsOrOfOneRowIsOne) {
  Chunk chunk = small_chunk();
  chunk.columns.clear();
  auto back = decode_chunk(encoded(chunk));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, chunk);
  chunk.times = {-7};
  back = decode_chunk(encoded(chunk));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, chunk);
}

TEST(Chunk, OfTheMostRowsComesBack) {
  Chunk chunk = small_chunk();
  chunk.columns.resize(1);
  chunk.times.clear();
  for (std::size_t row = 0; row < ChunkLimits::kMaxRows; ++row)
    chunk.times.push_back(static_cast<std::int64_t>(row));
  chunk.columns.front().values.assign(ChunkLimits::kMaxRows, 7);
  const std::string bytes = encoded(chunk);
  EXPECT_LT(bytes.size(), 1000U);
  const auto back = decode_chunk(bytes);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(*back == chunk);
}

TEST(Chunk, GridsConstantsAndGapsCostNearlyNothing) {
  std::mt19937_64 random(5);
  Chunk chunk = vm_chunk("vm", 4032, random);
  chunk.columns.resize(1);
  for (std::size_t row = 0; row < chunk.rows(); ++row)
    chunk.times[row] = 300 * static_cast<std::int64_t>(row);
  const std::size_t before = encoded(chunk).size();
  EXPECT_LT(before, 100U);
  chunk.columns.push_back(
      {.id = ColumnId::kMemoryUsed, .step = 1, .values = std::vector<std::int64_t>(chunk.rows(), kMissing)});
  EXPECT_LT(encoded(chunk).size(), before + 30);
}

TEST(Chunk, FlippedBitIsNamed) {
  const std::string sound = encoded(small_chunk());
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    std::string bytes = sound;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    expect_refused(bytes, ErrorCode::kMalformed, bit < 24 ? "do not begin as one" : "CRC-32C");
  }
}

TEST(Chunk, CutOrLongerIsRefused) {
  const std::string sound = encoded(small_chunk());
  for (std::size_t cut = 0; cut < sound.size(); ++cut)
    expect_refused(sound.substr(0, cut), ErrorCode::kMalformed, cut < 8 ? "do not begin as one" : "CRC-32C");
  expect_refused(sound + '\0', ErrorCode::kMalformed, "CRC-32C");
}

TEST(Chunk, UnknownColumnsArePassedOver) {
  Chunk chunk = small_chunk();
  const Chunk known = chunk;
  chunk.columns.push_back({.id = static_cast<ColumnId>(10), .step = 3, .values = {1, 2, kMissing}});
  chunk.columns.push_back({.id = static_cast<ColumnId>(1023), .step = 1, .values = {1, 2, 3}});
  auto back = decode_chunk(encoded(chunk));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, known);

  // Neither encoding nor step nor size of such a column need mean anything to this build.
  std::string body = body_of(known);
  body += '\x0a';
  body += '\x7f';
  body += std::string("\x00\x02zz", 4);
  const auto head = head_bytes({known.kind, known.series, known.rows(), 3});
  back = decode_chunk(sealed(head, *compress(body, 1)));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, known);
}

TEST(Chunk, ColumnsOfHistoryAreKeptWhateverTheyMean) {
  Chunk chunk = small_chunk();
  chunk.columns.push_back({.id = static_cast<ColumnId>(1024), .step = 3, .values = {3, 6, kMissing}});
  chunk.columns.push_back({.id = static_cast<ColumnId>(65535), .step = 1, .values = {1, 2, 3}});
  const auto back = decode_chunk(encoded(chunk));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, chunk);
}

/// `count` columns of history, all in rows of one value.
Chunk wide_chunk(std::size_t rows, std::size_t count) {
  Chunk chunk{.kind = SeriesKind::kHost, .series = "wide", .times = {}, .columns = {}};
  for (std::size_t row = 0; row < rows; ++row)
    chunk.times.push_back(static_cast<std::int64_t>(10 * row));
  for (std::size_t i = 0; i < count; ++i) {
    chunk.columns.push_back({.id = static_cast<ColumnId>(kFirstHistoryColumn + i),
                             .step = 1,
                             .values = std::vector<std::int64_t>(rows, static_cast<std::int64_t>(i))});
  }
  return chunk;
}

TEST(Chunk, OfTheMostColumnsComesBack) {
  const Chunk chunk = wide_chunk(3, ChunkLimits::kMaxColumns);
  const auto back = decode_chunk(encoded(chunk));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, chunk);
}

TEST(Chunk, OfManyRowsHasFewerColumns) {
  Chunk chunk = wide_chunk(0, 65);
  chunk.times.resize(ChunkLimits::kMaxRows);
  std::iota(chunk.times.begin(), chunk.times.end(), 0);
  // Told before the columns are looked at: these have no values at all.
  const auto refused = encode_chunk(chunk);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("1048576 rows of 65 columns are more than 67108864 values"));
  chunk.columns.pop_back();
  EXPECT_THAT(encode_chunk(chunk).error().message(), HasSubstr("0 values in 1048576 rows"));
}

TEST(Chunk, NewerVersionIsRefusedByName) {
  std::string bytes = encoded(small_chunk());
  bytes[3] = 2;
  std::string crc;
  put_fixed(crc, crc32c(bytes.substr(8), crc32c(bytes.substr(0, 4))), 4);
  bytes.replace(4, 4, crc);
  expect_refused(bytes, ErrorCode::kUnsupported, "version 2, this build reads up to 1");
}

TEST(Chunk, WhatBreaksARuleIsNamedAndNotWritten) {
  struct Breach {
    std::function<void(Chunk&)> make;
    std::string why;
  };
  const std::vector<Breach> breaches{
      {[](Chunk& c) { c.kind = static_cast<SeriesKind>(0); }, "kind 0"},
      {[](Chunk& c) { c.kind = static_cast<SeriesKind>(4); }, "kind 4"},
      {[](Chunk& c) { c.series.clear(); }, "0 bytes"},
      {[](Chunk& c) { c.series.assign(254, 'x'); }, "254 bytes"},
      {[](Chunk& c) { c.times.clear(); }, "0 rows"},
      {[](Chunk& c) { c.times.resize(ChunkLimits::kMaxRows + 1); }, "1048577 rows"},
      {[](Chunk& c) { c.times[1] = 100; }, "row 1: time 100 after 100"},
      {[](Chunk& c) { c.times[2] = 399; }, "row 2: time 399 after 400"},
      {[](Chunk& c) { c.times[2] = ChunkLimits::kMaxValue + 1; }, "row 2: time 9007199254740993"},
      {[](Chunk& c) { c.times[0] = std::numeric_limits<std::int64_t>::min(); }, "row 0: time -9223372036854775808"},
      {[](Chunk& c) { c.columns[1].id = ColumnId::kCpuUsed; }, "column 2 stands after column 2"},
      {[](Chunk& c) { c.columns[0].id = ColumnId::kQos; }, "column 4 stands after column 9"},
      {[](Chunk& c) { c.columns[0].id = static_cast<ColumnId>(0); }, "column 0 stands after column 0"},
      {[](Chunk& c) { c.columns[0].step = 0; }, "column 2: its step is 0"},
      {[](Chunk& c) { c.columns[0].step = ChunkLimits::kMaxValue + 1; }, "column 2: its step is 9007199254740993"},
      {[](Chunk& c) { c.columns[1].values.pop_back(); }, "column 4: 2 values in 3 rows"},
      {[](Chunk& c) { c.columns[1].values[1] = -1; }, "column 4: row 1: value -1"},
      {[](Chunk& c) { c.columns[0].values[2] = ChunkLimits::kMaxValue + 1; }, "row 2: value 9007199254740993"},
      {[](Chunk& c) { c.columns.resize(257); }, "257 columns"}};
  for (const auto& [make, why] : breaches) {
    Chunk chunk = small_chunk();
    make(chunk);
    const auto bytes = encode_chunk(chunk);
    ASSERT_FALSE(bytes) << why;
    EXPECT_EQ(bytes.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(bytes.error().message(), HasSubstr(why));
  }
}

TEST(Chunk, TasksMayBeginAtOnce) {
  Chunk chunk = small_chunk();
  chunk.times = {100, 100, 101};
  EXPECT_FALSE(encode_chunk(chunk));
  chunk.kind = SeriesKind::kTasks;
  const auto back = decode_chunk(encoded(chunk));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, chunk);
}

TEST(Chunk, AnErrorHoldsNoControlCharacters) {
  Chunk chunk = small_chunk();
  chunk.series = "a\x1b[2Jb\n";
  chunk.times[1] = 0;
  const auto bytes = encode_chunk(chunk);
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().message(), HasSubstr("chunk of a?[2Jb?: row 1"));
}

// Below, CRCs are right, and what they are of is not.

TEST(ChunkHead, OutOfBoundsIsRefused) {
  const auto frame = *compress("x", 1);
  const auto refused = [&frame](const ChunkHead& head, const std::string& why) {
    expect_refused(sealed(head_bytes(head), frame), ErrorCode::kMalformed, why);
  };
  refused({static_cast<SeriesKind>(0), "a", 1, 0}, "kind 0");
  refused({static_cast<SeriesKind>(4), "a", 1, 0}, "kind 4");
  refused({SeriesKind::kHost, "", 1, 0}, "0 bytes");
  refused({SeriesKind::kHost, std::string(254, 'a'), 1, 0}, "254 bytes");
  refused({SeriesKind::kHost, "a", 0, 0}, "0 rows");
  refused({SeriesKind::kHost, "a", ChunkLimits::kMaxRows + 1, 0}, "1048577 rows");
  refused({SeriesKind::kHost, "a", 1, 257}, "257 columns");
  refused({SeriesKind::kHost, "a", ChunkLimits::kMaxRows, 65}, "more than 67108864 values");
  expect_refused(sealed("\x01", ""), ErrorCode::kMalformed, "ends within its head");
  expect_refused(sealed("\x01\x05web", ""), ErrorCode::kMalformed, "ends within its head");
}

TEST(ChunkFrame, ThatIsNotOneWholeFrameIsRefused) {
  const Chunk chunk = small_chunk();
  const auto head = head_bytes({chunk.kind, chunk.series, chunk.rows(), chunk.columns.size()});
  const auto frame = *compress(body_of(chunk), 9);
  ASSERT_TRUE(decode_chunk(sealed(head, frame)));
  expect_refused(sealed(head, ""), ErrorCode::kMalformed, "frame is none");
  expect_refused(sealed(head, "no frame"), ErrorCode::kMalformed, "frame is none");
  expect_refused(sealed(head, frame.substr(0, frame.size() - 1)), ErrorCode::kMalformed, "cut or not alone");
  expect_refused(sealed(head, frame + frame), ErrorCode::kMalformed, "cut or not alone");
  expect_refused(sealed(head, frame + '\0'), ErrorCode::kMalformed, "cut or not alone");
  // RFC 8878: a skippable frame of no bytes; a frame of one raw block that does not say its size.
  expect_refused(sealed(head, std::string("\x50\x2a\x4d\x18\0\0\0\0", 8)), ErrorCode::kMalformed, "");
  expect_refused(sealed(head, std::string("\x28\xb5\x2f\xfd\0\x58\x09\0\0x", 10)), ErrorCode::kMalformed,
                 "does not say how large");
}

TEST(ChunkFrame, ThatClaimsMoreThanItCanHoldTakesNoMemory) {
  const auto claiming = [](std::uint64_t size) {
    std::string frame("\x28\xb5\x2f\xfd\xe0", 5);  // a single segment, a size of eight bytes
    put_fixed(frame, size, 8);
    return frame + std::string("\x09\0\0x", 4);  // the last block, raw, of one byte
  };
  const auto most =
      head_bytes({SeriesKind::kHost, "a", ChunkLimits::kMaxRows, ChunkLimits::kMaxCells / ChunkLimits::kMaxRows});
  expect_refused(sealed(most, claiming(std::uint64_t{1} << 60)), ErrorCode::kMalformed, "all its rows can take");
  expect_refused(sealed(most, claiming(500'000'000)), ErrorCode::kMalformed, "17 bytes cannot hold");
  const auto small = head_bytes({SeriesKind::kHost, "a", 2, 0});
  expect_refused(sealed(small, *compress(std::string(1 << 20, '\0'), 1)), ErrorCode::kMalformed, "1048576 bytes");
}

TEST(ChunkBody, ThatLiesIsRefused) {
  const auto refused = [](const std::string& body, std::size_t rows, std::size_t columns, const std::string& why) {
    SCOPED_TRACE(why);
    const auto head = head_bytes({SeriesKind::kHost, "a", rows, columns});
    expect_refused(sealed(head, *compress(body, 1)), ErrorCode::kMalformed, why);
  };
  const std::string times("\x02\x00\x01\x05", 4);           // differences, from 0: 5
  const std::string values("\x01\x01\x03\x02\x06\x06", 6);  // column 1, plain, step 3: 5, 5
  const auto head = head_bytes({SeriesKind::kHost, "a", 2, 1});
  const auto sound = decode_chunk(sealed(head, *compress(times + values, 1)));
  ASSERT_TRUE(sound) << sound.error().message();
  EXPECT_EQ(sound->times, (std::vector<std::int64_t>{0, 5}));
  EXPECT_EQ(sound->columns.front().values, (std::vector<std::int64_t>{15, 15}));

  refused("", 2, 1, "within its times");
  refused(times.substr(0, 3), 2, 0, "within its times");
  refused(times, 3, 0, "1 bytes of times cannot be those of 3 rows");
  refused(times, 1, 0, "are not 1 that ascend");
  refused(std::string("\x01\x00\x01\x05", 4), 2, 0, "encoded by 1");
  refused(std::string("\x02\x00\x01\x00", 4), 2, 0, "are not 2 that ascend");
  refused(times, 2, 1, "column 1 of 1");
  refused(times + values.substr(0, 5), 2, 1, "column 1 of 1");
  refused(times + values, 2, 0, "6 bytes follow");
  refused(times + values + values, 2, 2, "column 1 stands after column 1");
  refused(times + std::string("\x00\x01\x03\x02\x06\x06", 6), 2, 1, "column 0 stands after column 0");
  refused(times + std::string("\x01\x01\x00\x02\x06\x06", 6), 2, 1, "column 1 has step 0");
  refused(times + std::string("\x01\x03\x03\x02\x06\x06", 6), 2, 1, "encoded by 3");
  refused(times + std::string("\x01\x01\x03\x01\x06", 5), 2, 1, "1 bytes cannot be those of 2 rows");
  refused(times + std::string("\x01\x01\x03\x03\x06\x06\x06", 7), 2, 1, "are not 2 values");
}

TEST(Step, KeepsValuesWithinAThousandthOfTheCapacity) {
  EXPECT_EQ(step_for(-1), 1);
  EXPECT_EQ(step_for(0), 1);
  EXPECT_EQ(step_for(999), 1);
  EXPECT_EQ(step_for(1000), 2);
  for (std::int64_t capacity = 500; capacity < std::int64_t{1} << 52; capacity = capacity * 3 + 7) {
    // Half a step is at most capacity / 1000, and half of one more is not.
    EXPECT_LE(step_for(capacity) * 500, capacity);
    EXPECT_GT((step_for(capacity) + 1) * 500, capacity);
  }
}

}  // namespace
}  // namespace tideline::columns::chunk_test
