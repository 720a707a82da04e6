#include "storage/series/sketch.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "test/storage/series/series_samples.h"

namespace tideline::series::sketch_test {
namespace {

constexpr std::uint64_t kMostCount = std::numeric_limits<std::uint64_t>::max();

Sketch of_values(const std::vector<std::int64_t>& values) {
  Sketch sketch;
  for (const std::int64_t value : values)
    sketch.add(value);
  return sketch;
}

/// The ceil(q * size)-th smallest, at least the first.
std::int64_t exact_quantile(std::vector<std::int64_t> values, double q) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  return values[rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1];
}

TEST(Sketch, BucketsFollowEachOtherWithoutAHole) {
  std::int64_t next = 0;
  for (std::uint16_t bucket = 0; bucket <= Sketch::bucket_of(kMostValue); ++bucket) {
    const std::int64_t low = Sketch::low_of(bucket);
    const std::int64_t high = Sketch::high_of(bucket);
    ASSERT_EQ(low, next) << bucket;
    ASSERT_LE(low, high);
    ASSERT_EQ(Sketch::bucket_of(low), bucket);
    ASSERT_EQ(Sketch::bucket_of(high), bucket);
    next = high + 1;
  }
  EXPECT_EQ(next, kMostValue + 1);
}

TEST(Sketch, AreExactBelow64AndHaveThirtyTwoToAnOctaveAbove) {
  for (std::int64_t value = 0; value < 64; ++value) {
    EXPECT_EQ(Sketch::bucket_of(value), value);
    EXPECT_EQ(Sketch::low_of(static_cast<std::uint16_t>(value)), Sketch::high_of(static_cast<std::uint16_t>(value)));
  }
  for (unsigned octave = 6; octave < 53; ++octave) {
    const std::int64_t begin = std::int64_t{1} << octave;
    EXPECT_EQ(Sketch::bucket_of(2 * begin) - Sketch::bucket_of(begin), 32) << octave;
    EXPECT_EQ(Sketch::bucket_of(begin), 64 + 32 * (static_cast<int>(octave) - 6));
  }
}

TEST(Sketch, BucketsThatNoValueHasStayWithinTheLargest) {
  for (int bucket = Sketch::bucket_of(kMostValue) + 1; bucket <= std::numeric_limits<std::uint16_t>::max(); ++bucket) {
    ASSERT_EQ(Sketch::low_of(static_cast<std::uint16_t>(bucket)), kMostValue);
    ASSERT_EQ(Sketch::high_of(static_cast<std::uint16_t>(bucket)), kMostValue);
  }
}

TEST(Sketch, WhatLiesOutsideCountsAsTheNearerEnd) {
  EXPECT_EQ(Sketch::bucket_of(-1), 0);
  EXPECT_EQ(Sketch::bucket_of(std::numeric_limits<std::int64_t>::min()), 0);
  EXPECT_EQ(Sketch::bucket_of(std::numeric_limits<std::int64_t>::max()), Sketch::bucket_of(kMostValue));
}

TEST(Sketch, AQuantileIsOffByAtMostASixtyFourth) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::int64_t most = std::int64_t{1} << (seed % 54);
    std::vector<std::int64_t> values;
    for (auto left = 1 + random() % 500; left > 0; --left) {
      // Of all sizes alike, not nearly all of the largest.
      values.push_back(upto(std::max<std::int64_t>(1, most >> (random() % 20)), random));
    }
    const Sketch sketch = of_values(values);
    for (const double q : {0.0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
      const std::int64_t exact = exact_quantile(values, q);
      // In whole numbers: those of double end at 2^53.
      ASSERT_LE(64 * std::abs(sketch.quantile(q) - exact), exact) << "quantile " << q << " of " << values.size();
    }
  }
}

TEST(Sketch, QuantilesTakeEachSampleAsOftenAsItWasAdded) {
  Sketch sketch;
  sketch.add(10, 95);
  sketch.add(50, 4);
  sketch.add(60, 1);
  EXPECT_EQ(sketch.count(), 100U);
  EXPECT_EQ(sketch.quantile(0), 10);
  EXPECT_EQ(sketch.quantile(0.95), 10);
  EXPECT_EQ(sketch.quantile(0.951), 50);
  EXPECT_EQ(sketch.quantile(0.99), 50);
  EXPECT_EQ(sketch.quantile(1), 60);
}

TEST(Sketch, NoQuantileIsOfNothing) {
  EXPECT_EQ(Sketch().quantile(0.5), 0);
  EXPECT_EQ(Sketch().count(), 0U);
  Sketch sketch;
  sketch.add(5, 0);
  EXPECT_TRUE(sketch.empty());
}

TEST(Sketch, QuantilesOutsideOfTheirRangeAreItsEnds) {
  const Sketch sketch = of_values({1, 2, 3});
  EXPECT_EQ(sketch.quantile(-1), 1);
  EXPECT_EQ(sketch.quantile(7), 3);
  EXPECT_EQ(sketch.quantile(std::numeric_limits<double>::quiet_NaN()), 1);
}

TEST(Sketch, MergingIsAddingAll) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<std::int64_t> all;
    Sketch merged;
    for (auto parts = 1 + random() % 5; parts > 0; --parts) {
      std::vector<std::int64_t> part;
      for (auto left = random() % 30; left > 0; --left)
        part.push_back(upto(random() % 2 == 0 ? 80 : 1'000'000, random));
      merged.merge(of_values(part));
      all.insert(all.end(), part.begin(), part.end());
    }
    ASSERT_EQ(merged, of_values(all));
  }
}

TEST(Sketch, MergingInAnyOrderGivesTheSame) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Sketch a = any_sketch(random);
    const Sketch b = any_sketch(random);
    const Sketch c = any_sketch(random);
    Sketch left = a;
    left.merge(b);
    left.merge(c);
    Sketch right = c;
    right.merge(b);
    Sketch last = right;
    last.merge(a);
    ASSERT_EQ(left, last);
    ASSERT_EQ(left.count(), a.count() + b.count() + c.count());
  }
}

TEST(Sketch, MergedWithItselfIsTwiceIt) {
  Sketch sketch = of_values({1, 1, 500, 9'000});
  sketch.merge(sketch);
  EXPECT_EQ(sketch, of_values({1, 1, 500, 9'000, 1, 1, 500, 9'000}));
}

TEST(Sketch, CountsStopAtTheLargestNumber) {
  Sketch sketch;
  sketch.add(5, kMostCount - 1);
  sketch.add(5, 7);
  sketch.add(9, kMostCount);
  EXPECT_EQ(sketch.count(), kMostCount);
  sketch.merge(sketch);
  EXPECT_EQ(sketch.count(), kMostCount);
  EXPECT_EQ(sketch.quantile(0), 5);
  EXPECT_EQ(sketch.bins().size(), 2U);
}

TEST(Sketch, BinsGiveItBack) {
  std::mt19937_64 random(3);
  const Sketch sketch = any_sketch(random);
  EXPECT_EQ(Sketch::of(sketch.bins()), sketch);
  EXPECT_TRUE(std::is_sorted(sketch.bins().begin(), sketch.bins().end(),
                             [](const Sketch::Bin& a, const Sketch::Bin& b) { return a.bucket < b.bucket; }));
}

}  // namespace
}  // namespace tideline::series::sketch_test
