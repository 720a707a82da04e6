#include "storage/store/range_set.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::store {
namespace {

using testing::ElementsAre;

RangeSet of(std::initializer_list<std::uint64_t> numbers) {
  RangeSet set;
  for (const auto number : numbers)
    set.insert(number);
  return set;
}

TEST(RangeSet, JoinsNeighboursIntoOneRange) {
  EXPECT_THAT(of({1, 3}).ranges(), ElementsAre(Range{1, 1}, Range{3, 3}));
  EXPECT_THAT(of({1, 3, 2}).ranges(), ElementsAre(Range{1, 3}));
  EXPECT_THAT(of({5, 6, 4}).ranges(), ElementsAre(Range{4, 6}));
}

TEST(RangeSet, TellsASecondInsertFromTheFirst) {
  RangeSet set = of({1, 2, 3});
  EXPECT_FALSE(set.insert(2));
  EXPECT_TRUE(set.insert(4));
}

TEST(RangeSet, KnowsTheEndOfItsUnbrokenStart) {
  EXPECT_EQ(of({}).prefix_end(), 0u);
  EXPECT_EQ(of({2, 3}).prefix_end(), 0u);
  EXPECT_EQ(of({1, 2, 4}).prefix_end(), 2u);
}

TEST(RangeSet, HoldsTheLargestNumbers) {
  RangeSet set = of({UINT64_MAX, 1, UINT64_MAX - 1});
  EXPECT_THAT(set.ranges(), ElementsAre(Range{1, 1}, Range{UINT64_MAX - 1, UINT64_MAX}));
  EXPECT_EQ(set.ranges_with(0), 2u);
  EXPECT_TRUE(set.insert(0));
  EXPECT_THAT(set.ranges(), ElementsAre(Range{0, 1}, Range{UINT64_MAX - 1, UINT64_MAX}));
}

TEST(RangeSet, RefusesRangesThatAreNotOrderedAndApart) {
  EXPECT_TRUE(RangeSet::from_ranges({{1, 2}, {4, 4}}).has_value());
  EXPECT_TRUE(RangeSet::from_ranges({{0, UINT64_MAX}}).has_value());
  EXPECT_FALSE(RangeSet::from_ranges({{1, 2}, {3, 4}}).has_value()) << "adjacent";
  EXPECT_FALSE(RangeSet::from_ranges({{1, 5}, {3, 9}}).has_value()) << "overlapping";
  EXPECT_FALSE(RangeSet::from_ranges({{4, 5}, {1, 2}}).has_value()) << "descending";
  EXPECT_FALSE(RangeSet::from_ranges({{2, 1}}).has_value()) << "inverted";
}

TEST(RangeSet, AgreesWithAPlainSetUnderAnyInserts) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    RangeSet set;
    std::set<std::uint64_t> plain;
    const std::uint64_t span = 1 + random() % 200;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t number = 1 + random() % span;
      RangeSet after = set;
      EXPECT_EQ(after.insert(number), plain.insert(number).second);
      EXPECT_EQ(set.ranges_with(number), after.ranges().size());
      set = after;
      EXPECT_TRUE(RangeSet::from_ranges(set.ranges()).has_value());
    }
    std::uint64_t prefix = 0;
    for (std::uint64_t number = 0; number <= span + 1; ++number) {
      ASSERT_EQ(set.contains(number), plain.contains(number)) << number;
      if (number == prefix + 1 && plain.contains(number)) prefix = number;
    }
    EXPECT_EQ(set.prefix_end(), prefix);
    EXPECT_EQ(RangeSet::from_ranges(set.ranges()), set);
  }
}

}  // namespace
}  // namespace tideline::store
