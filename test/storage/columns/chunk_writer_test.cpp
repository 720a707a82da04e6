#include "storage/columns/chunk_writer.h"

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/columns/column_bytes.h"
#include "test/storage/columns/samples.h"

namespace tideline::columns::chunk_writer_test {
namespace {

TEST(ChunkWriter, WritesEachChunkAsIfItWereTheFirst) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  ChunkWriter writer;
  for (int round = 0; round < 200; ++round) {
    // Long ones before short ones and the other way round, at any level.
    const std::size_t rows = 1 + random() % (round % 10 == 0 ? 3'000 : 100);
    const Chunk chunk = vm_chunk("vm-" + std::to_string(round), rows, random);
    const int level = 1 + static_cast<int>(random() % 9);
    const auto bytes = writer.write(chunk, level);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message();
    const auto alone = encode_chunk(chunk, level);
    ASSERT_TRUE(alone.ok());
    ASSERT_EQ(*bytes, *alone) << rows << " rows at level " << level;
  }
}

TEST(ChunkWriter, GoesOnBehindAChunkThatIsRefused) {
  std::mt19937_64 random(7);
  ChunkWriter writer;
  const Chunk good = vm_chunk("vm", 20, random);
  Chunk bad = good;
  bad.columns.front().values.front() = -5;
  EXPECT_FALSE(writer.write(bad, 3).ok());
  EXPECT_FALSE(writer.write(good, 0).ok());
  const auto bytes = writer.write(good, 3);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, *encode_chunk(good, 3));
}

TEST(ColumnEncoder, IsAsEachColumnByItself) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  ColumnEncoder encoder;
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::int64_t> values(1 + random() % 600);
    const std::int64_t most = std::int64_t{1} << (random() % 54);
    const std::int64_t step = random() % 3 == 0 ? 1 : 1 + below(most, random);
    const bool is_constant = random() % 4 == 0;
    const std::int64_t first = below(most + 1, random);
    for (std::int64_t& value : values)
      value = is_constant ? first : random() % 7 == 0 ? kMissing : below(most + 1, random);
    const auto encoded = encoder.values(values, step);
    ASSERT_EQ(encoded.bytes, values_as(encoded.encoding, values, step)) << "most " << most << ", step " << step;
    std::vector<std::int64_t> back(values.size());
    ASSERT_TRUE(values_from(encoded.encoding, encoded.bytes, step, back));
    for (std::size_t row = 0; row < values.size(); ++row) {
      ASSERT_EQ(back[row] == kMissing, values[row] == kMissing);
      if (values[row] != kMissing) {
        ASSERT_LE(2 * std::abs(back[row] - values[row]), step);
      }
    }
  }
}

}  // namespace
}  // namespace tideline::columns::chunk_writer_test
