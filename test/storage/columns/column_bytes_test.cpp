#include "storage/columns/column_bytes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/columns/chunk.h"
#include "storage/columns/crc32c.h"
#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"
#include "test/storage/columns/samples.h"

namespace tideline::columns::column_bytes_test {
namespace {

using Numbers = std::vector<std::int64_t>;

std::string bytes_of(const std::vector<std::uint64_t>& numbers) {
  std::string bytes;
  for (const std::uint64_t number : numbers)
    put_varint(bytes, number);
  return bytes;
}

bool reads_as(const std::string& bytes, const std::vector<std::uint64_t>& wanted) {
  std::vector<std::uint64_t> numbers;
  const bool whole = for_each_varint(bytes, wanted.size(), [&](std::size_t row, std::uint64_t number) {
    EXPECT_EQ(row, numbers.size());
    numbers.push_back(number);
  });
  return whole && numbers == wanted;
}

TEST(Crc32c, IsTheOneOfRfc3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  std::string ascending(32, '\0');
  std::iota(ascending.begin(), ascending.end(), '\0');
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
}

TEST(Crc32c, PiecesGiveWhatTheWholeGives) {
  std::string bytes(100, '\0');
  std::mt19937_64 random(1);
  for (char& c : bytes)
    c = static_cast<char>(random());
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(crc32c(bytes.substr(cut), crc32c(bytes.substr(0, cut))), crc32c(bytes)) << cut;
}

TEST(Varint, EveryLengthComesBackAmongShortOnes) {
  for (unsigned bits = 0; bits <= 56; ++bits) {
    const std::uint64_t number = (std::uint64_t{1} << bits) - 1;
    // At each place within and across the eight that are read at a time.
    for (std::size_t before = 0; before < 17; ++before) {
      std::vector<std::uint64_t> numbers(before, 1);
      numbers.push_back(number);
      numbers.insert(numbers.end(), 20, 127);
      EXPECT_TRUE(reads_as(bytes_of(numbers), numbers)) << bits << " bits after " << before;
      const std::string alone = bytes_of({number});
      Cursor in(alone);
      EXPECT_EQ(in.number(), number);
      EXPECT_TRUE(in.ok() && in.rest().empty());
    }
  }
}

TEST(Varint, OneOfNineBytesIsNone) {
  const std::string eight = std::string(7, '\x80') + '\x01';
  EXPECT_TRUE(reads_as(eight, {std::uint64_t{1} << 49}));
  const std::string nine = std::string(8, '\x80') + '\x01';
  EXPECT_FALSE(for_each_varint(nine, 1, [](std::size_t, std::uint64_t) {}));
  Cursor in(nine);
  EXPECT_EQ(in.number(), 0U);
  EXPECT_FALSE(in.ok());
}

TEST(Varint, OneTooFewOrTooManyIsFound) {
  const auto nothing = [](std::size_t, std::uint64_t) {};
  for (std::size_t count = 0; count < 20; ++count) {
    const std::string bytes(count, '\x05');
    EXPECT_TRUE(for_each_varint(bytes, count, nothing)) << count;
    EXPECT_FALSE(for_each_varint(bytes, count + 1, nothing)) << count;
    EXPECT_FALSE(for_each_varint(bytes + '\x05', count, nothing)) << count;
    EXPECT_FALSE(for_each_varint(bytes + '\x85', count + 1, nothing)) << count;
  }
}

TEST(Varint, ZigzagComesBack) {
  EXPECT_EQ(zigzag(0), 0U);
  EXPECT_EQ(zigzag(-1), 1U);
  EXPECT_EQ(zigzag(1), 2U);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{300}, -(std::int64_t{1} << 54),
                                   std::int64_t{1} << 54, std::numeric_limits<std::int64_t>::min()})
    EXPECT_EQ(unzigzag(zigzag(value)), value);
}

TEST(Cursor, AfterTheEndNothingIsThere) {
  Cursor in(
      "\x03"
      "ab");
  EXPECT_TRUE(in.text(in.byte()).empty());
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.byte(), 0);
  EXPECT_EQ(in.fixed(1), 0U);
  EXPECT_EQ(in.number(), 0U);
}

TEST(Cursor, NumbersBeyondTheirBoundAreNone) {
  Cursor in("\x05\x05");
  EXPECT_EQ(in.number(5), 5U);
  EXPECT_EQ(in.number(4), 0U);
  EXPECT_FALSE(in.ok());
  Cursor below_zero("\x03");
  EXPECT_EQ(below_zero.signed_number(1), 0);
  EXPECT_FALSE(below_zero.ok());
}

TEST(Values, BothEncodingsBringThemBackRounded) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Chunk chunk;
    const std::int64_t step = std::array<std::int64_t, 5>{1, 2, 7, 16831741, ChunkLimits::kMaxValue}[seed % 5];
    chunk.columns.push_back({.id = ColumnId::kCpuUsed, .step = step, .values = any_values(1 + seed, random)});
    const Numbers& values = chunk.columns.front().values;
    const Numbers wanted = rounded(chunk).columns.front().values;
    for (const Encoding encoding : {Encoding::kPlain, Encoding::kDifferences}) {
      Numbers back(values.size());
      ASSERT_TRUE(values_from(encoding, values_as(encoding, values, step), step, back));
      ASSERT_EQ(back, wanted);
    }
  }
}

TEST(Values, NoneIsMoreThanHalfAStepFromWhatItWas) {
  for (const std::int64_t step : {1, 2, 3, 10, 499}) {
    Numbers values(2000);
    std::iota(values.begin(), values.end(), 0);
    Numbers back(values.size());
    ASSERT_TRUE(values_from(Encoding::kPlain, values_as(Encoding::kPlain, values, step), step, back));
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_LE(2 * std::abs(back[i] - values[i]), step) << values[i];
  }
}

TEST(Values, NoiseIsPlainAndASlopeIsDifferences) {
  std::mt19937_64 random(7);
  Numbers noise;
  Numbers slope;
  for (std::int64_t i = 0; i < 2000; ++i) {
    noise.push_back(below(100, random));
    slope.push_back(i);
  }
  EXPECT_EQ(encode_values(noise, 1).encoding, Encoding::kPlain);
  EXPECT_EQ(encode_values(slope, 1).encoding, Encoding::kDifferences);
}

/// From `first` on, each up to `most` more or less than the one before it; never below 1.
Numbers walk(std::size_t rows, std::int64_t first, std::int64_t most, std::mt19937_64& random) {
  Numbers values{first};
  while (values.size() < rows)
    values.push_back(std::max<std::int64_t>(1, values.back() + below(2 * most + 1, random) - most));
  return values;
}

TEST(Values, OfFewRowsAreNoiseAndSlopesToo) {
  std::mt19937_64 random(8);
  Numbers noise;
  Numbers slope;
  for (std::int64_t i = 0; i < 300; ++i) {
    noise.push_back(below(100, random));
    slope.push_back(i);
  }
  EXPECT_EQ(encode_values(noise, 1).encoding, Encoding::kPlain);
  EXPECT_EQ(encode_values(slope, 1).encoding, Encoding::kDifferences);
  // A byte a row in either encoding, and more alike in one.
  EXPECT_EQ(encode_values(walk(300, 60, 1, random), 1).encoding, Encoding::kDifferences);
  // So few that nothing can be told of their bytes but how many they are.
  EXPECT_EQ(encode_values({8192, 8193, 8192}, 1).encoding, Encoding::kDifferences);
  EXPECT_EQ(encode_values({5, 6, 5}, 1).encoding, Encoding::kPlain);
}

TEST(Values, AGuessIsNearlyAsGoodAsATrial) {
  std::size_t guessed = 0;
  std::size_t best = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    for (const std::size_t rows : {24, 192, 360}) {
      std::vector<Numbers> all{walk(rows, 60, 3, random), walk(rows, 4'000, 60, random)};
      for (const std::int64_t wide : {10, 100, 3'000}) {
        Numbers& noise = all.emplace_back();
        while (noise.size() < rows)
          noise.push_back(500 + below(wide, random));
      }
      // What mostly stays as it is.
      Numbers& steps = all.emplace_back(rows, 3'000);
      for (std::size_t row = 1; row < rows; ++row)
        steps[row] = below(16, random) == 0 ? below(9'000, random) : steps[row - 1];
      for (const Numbers& values : all) {
        guessed += compressed_size(encode_values(values, 1).bytes);
        best += std::min(compressed_size(values_as(Encoding::kPlain, values, 1)),
                         compressed_size(values_as(Encoding::kDifferences, values, 1)));
      }
    }
  }
  EXPECT_LE(100 * guessed, 103 * best) << guessed << " bytes, and " << best;
}

TEST(Values, BeyondFewRowsTheSmallerIsTaken) {
  std::mt19937_64 random(9);
  for (const std::size_t rows : {kMaxGuessedRows + 1, 3 * kMaxGuessedRows}) {
    for (const Numbers& values : {walk(rows, 60, 3, random), walk(rows, 4'000, 2'000, random)}) {
      EXPECT_EQ(compressed_size(encode_values(values, 1).bytes),
                std::min(compressed_size(values_as(Encoding::kPlain, values, 1)),
                         compressed_size(values_as(Encoding::kDifferences, values, 1))));
    }
  }
}

TEST(Values, OfOneValueArePlainWhereThatIsAByteARow) {
  EXPECT_EQ(encode_values(Numbers(300, 126), 1).encoding, Encoding::kPlain);
  EXPECT_EQ(encode_values(Numbers(300, 127), 1).encoding, Encoding::kDifferences);
  EXPECT_EQ(encode_values(Numbers(300, 1260), 10).encoding, Encoding::kPlain);
  EXPECT_EQ(encode_values(Numbers(300, kMissing), 1).bytes, std::string(300, '\0'));
  EXPECT_EQ(encode_values(Numbers(300, kMissing), 1).encoding, Encoding::kPlain);
}

TEST(Values, BeyondTheLargestIsRefused) {
  const auto most = static_cast<std::uint64_t>(ChunkLimits::kMaxValue);
  Numbers one(1);
  EXPECT_TRUE(values_from(Encoding::kPlain, bytes_of({most + 1}), 1, one));
  EXPECT_EQ(one.front(), ChunkLimits::kMaxValue);
  EXPECT_FALSE(values_from(Encoding::kPlain, bytes_of({most + 2}), 1, one));
  EXPECT_FALSE(values_from(Encoding::kPlain, bytes_of({most / 1000 + 3}), 1000, one));
  EXPECT_TRUE(values_from(Encoding::kDifferences, bytes_of({zigzag(ChunkLimits::kMaxValue) + 1}), 1, one));
  EXPECT_FALSE(values_from(Encoding::kDifferences, bytes_of({zigzag(ChunkLimits::kMaxValue + 1) + 1}), 1, one));
  EXPECT_FALSE(values_from(Encoding::kDifferences, bytes_of({zigzag(-1) + 1}), 1, one));
  EXPECT_FALSE(values_from(Encoding::kSecondDifferences, bytes_of({1}), 1, one));
  EXPECT_FALSE(values_from(static_cast<Encoding>(0), bytes_of({1}), 1, one));
}

TEST(Values, ASumThatIsCarriedRoundIsRefused) {
  // 2^9 times 2^55 - 1 and a little more is 0 again in 64 bits.
  const std::int64_t large = (std::int64_t{1} << 55) - 1;
  std::vector<std::uint64_t> numbers(512, zigzag(large) + 1);
  numbers.push_back(zigzag(512) + 1);
  Numbers values(numbers.size());
  EXPECT_FALSE(values_from(Encoding::kDifferences, bytes_of(numbers), 1, values));
}

TEST(Times, AGridIsAllZeros) {
  const Numbers grid{1000, 1300, 1600, 1900, 2200};
  const ColumnBytes bytes = encode_times(grid);
  EXPECT_EQ(bytes.encoding, Encoding::kSecondDifferences);
  EXPECT_EQ(bytes.bytes, bytes_of({600, 0, 0, 0}));
}

TEST(Times, ALongGridIsSecondDifferencesWithoutATrial) {
  Numbers grid;
  for (std::int64_t row = 0; row < 360; ++row)
    grid.push_back(3600 + 10 * row);
  std::vector<std::uint64_t> wanted(359, 0);
  wanted.front() = zigzag(10);
  ColumnBytes bytes = encode_times(grid);
  EXPECT_EQ(bytes.encoding, Encoding::kSecondDifferences);
  EXPECT_EQ(bytes.bytes, bytes_of(wanted));
  // One that is late by a step at its end is no grid: what is kept is still all of it.
  grid.back() += 10;
  bytes = encode_times(grid);
  Numbers back(grid.size());
  back.front() = grid.front();
  ASSERT_TRUE(times_from(bytes.encoding, bytes.bytes, 1, back));
  EXPECT_EQ(back, grid);
}

TEST(Times, BothEncodingsBringThemBack) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const bool may_stand = seed % 2 == 0;
    const Numbers times = any_times(1 + seed, may_stand, random);
    for (const Encoding encoding : {Encoding::kDifferences, Encoding::kSecondDifferences}) {
      Numbers back(times.size());
      back.front() = times.front();
      ASSERT_TRUE(times_from(encoding, times_as(encoding, times), may_stand ? 0 : 1, back));
      ASSERT_EQ(back, times);
    }
  }
}

TEST(Times, ThoseThatDoNotAscendAreRefused) {
  Numbers three(3);
  EXPECT_TRUE(times_from(Encoding::kDifferences, bytes_of({5, 0}), 0, three));
  EXPECT_FALSE(times_from(Encoding::kDifferences, bytes_of({5, 0}), 1, three));
  EXPECT_FALSE(times_from(Encoding::kSecondDifferences, bytes_of({zigzag(5), zigzag(-6)}), 0, three));
  EXPECT_FALSE(times_from(Encoding::kDifferences, bytes_of({5, std::uint64_t{1} << 53}), 0, three));
  EXPECT_FALSE(times_from(Encoding::kPlain, bytes_of({5, 5}), 0, three));
}

TEST(Times, ASumThatIsCarriedRoundIsRefused) {
  std::vector<std::uint64_t> numbers(256, (std::uint64_t{1} << 56) - 1);
  numbers.push_back(300);
  Numbers times(numbers.size() + 1);
  EXPECT_FALSE(times_from(Encoding::kDifferences, bytes_of(numbers), 0, times));
  EXPECT_FALSE(times_from(Encoding::kSecondDifferences, bytes_of(numbers), 0, times));
}

}  // namespace
}  // namespace tideline::columns::column_bytes_test
