#include "storage/series/table.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/field.h"
#include "storage/series/tier.h"
#include "test/storage/series/series_samples.h"

namespace tideline::series::table_test {
namespace {

constexpr std::int64_t kMostSum = std::numeric_limits<std::int64_t>::max();
const Subject kPod{.kind = SubjectKind::kPod, .name = "uid-1"};

Summary of_samples(const std::vector<std::int64_t>& samples) {
  Summary summary;
  for (const std::int64_t sample : samples)
    summary.add(sample);
  return summary;
}

/// One field, pod.cpu, of one sample a row.
Table cpu_table(Tier tier, const std::vector<std::int64_t>& times, const std::vector<std::int64_t>& values) {
  Table table{.subject = kPod, .tier = tier, .times = times, .fields = {}, .sketches = {}};
  FieldColumn column{.field = Field::kPodCpu, .step = 1, .cells = {}};
  for (const std::int64_t value : values)
    column.cells.push_back(of_samples({value}));
  table.fields.push_back(column);
  return table;
}

TEST(Tier, NamesAndNumbersComeBack) {
  for (const Tier tier : kTiers) {
    EXPECT_EQ(tier_from(name_of(tier)), tier);
    EXPECT_EQ(tier_from(static_cast<std::uint8_t>(tier)), tier);
    EXPECT_EQ(block_s(tier) % step_s(tier), 0);
    EXPECT_LE(block_s(tier) / step_s(tier), 360);
  }
  EXPECT_EQ(name_of(Tier::kQuarterHour), "15m");
  EXPECT_EQ(tier_from("1h"), std::nullopt);
  EXPECT_EQ(tier_from(std::uint8_t{0}), std::nullopt);
  EXPECT_EQ(tier_from(std::uint8_t{4}), std::nullopt);
  EXPECT_EQ(name_of(static_cast<Tier>(9)), "unknown");
}

TEST(Tier, TimesBeforeTheEpochAreCutDownwardsToo) {
  EXPECT_EQ(floor_to(19, 10), 10);
  EXPECT_EQ(floor_to(20, 10), 20);
  EXPECT_EQ(floor_to(-1, 10), -10);
  EXPECT_EQ(floor_to(-10, 10), -10);
}

TEST(Fields, NamesComeBackAndAreEachOnce) {
  std::vector<std::string> names;
  for (const Field field : all_fields()) {
    EXPECT_EQ(field_from(name_of(field)), field) << name_of(field);
    EXPECT_NE(unit_of(field), "unknown") << name_of(field);
    names.push_back(name_of(field));
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(names.size(), model::all_metrics().size() + 12);
}

TEST(Fields, ThatNobodyKnowsHaveANumberForAName) {
  EXPECT_EQ(name_of(Field{37}), "field-37");
  EXPECT_EQ(field_from("field-37"), std::nullopt);
  EXPECT_EQ(unit_of(Field{37}), "unknown");
  EXPECT_EQ(scale_of(Field{37}), 1);
  EXPECT_EQ(metric_of(Field::kPodCpu), std::nullopt);
  EXPECT_EQ(metric_of(Field{0}), std::nullopt);
  EXPECT_EQ(metric_of(Field{9}), model::Metric::kLsDelay);
}

TEST(Fields, SharesAndRatesAreKeptInTenthsAndLostReportsInThousandths) {
  for (const Field field : all_fields()) {
    if (field == Field::kReportsLost) {
      EXPECT_EQ(scale_of(field), 1000);
      continue;
    }
    const bool is_counted = unit_of(field) == "millicores" || unit_of(field) == "bytes" || unit_of(field) == "pods" ||
                            unit_of(field) == "reports" || unit_of(field) == "class" || unit_of(field) == "rung";
    EXPECT_EQ(scale_of(field), is_counted ? 1 : 10) << name_of(field);
  }
}

TEST(Fields, SketchesAreOfThoseWhoseQuantilesAreAskedFor) {
  std::vector<std::string> names;
  for (const Field field : all_fields()) {
    if (has_sketch(field)) names.push_back(name_of(field));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"node.cpu", "ls.cpu", "be.cpu", "node.memory", "ls.delay",
                                             "ls.pressure.memory", "pod.cpu", "pod.memory"}));
}

TEST(Summary, IsOfAllThatWasAdded) {
  Summary summary;
  EXPECT_EQ(summary.mean(), 0);
  summary.add(10);
  summary.add(40, 3);
  summary.add(77, 0);
  EXPECT_EQ(summary, (Summary{.count = 4, .min = 10, .max = 40, .sum = 130}));
}

TEST(Summary, MeansAreToTheNearestHalvesUpwards) {
  EXPECT_EQ(of_samples({1, 2}).mean(), 2);
  EXPECT_EQ(of_samples({1, 1, 2}).mean(), 1);
  EXPECT_EQ(of_samples({1, 2, 2}).mean(), 2);
  EXPECT_EQ(of_samples({1, 1, 1, 2}).mean(), 1);
  EXPECT_EQ(of_samples({0, 0, 1, 1}).mean(), 1);
}

TEST(Summary, WhatLiesOutsideCountsAsTheNearerEnd) {
  const Summary summary = of_samples({-5, std::numeric_limits<std::int64_t>::max()});
  EXPECT_EQ(summary, (Summary{.count = 2, .min = 0, .max = kMostValue, .sum = kMostValue}));
}

TEST(Summary, SumsAndCountsStopInsteadOfTurningRound) {
  constexpr std::uint64_t kMostCount = std::numeric_limits<std::uint64_t>::max();
  Summary summary;
  summary.add(kMostValue, 1'000'000);
  EXPECT_EQ(summary.sum, kMostSum);
  EXPECT_EQ(summary.mean(), kMostValue) << "within what was seen, though the sum is too small";
  summary.add(1, kMostCount);
  EXPECT_EQ(summary.count, kMostCount);
  EXPECT_EQ(summary.sum, kMostSum);
  const Summary before = summary;
  summary.merge(before);
  EXPECT_EQ(summary, before);
}

TEST(Summary, MergingNothingChangesNothing) {
  Summary summary = of_samples({3, 9});
  summary.merge(Summary{.count = 0, .min = -1, .max = 99, .sum = 5});
  EXPECT_EQ(summary, of_samples({3, 9}));
  Summary nothing;
  nothing.merge(summary);
  EXPECT_EQ(nothing, summary);
}

TEST(PodInfoMerge, TakesWhatTheLaterSaysAndTheWidestSpan) {
  const PodInfo early{.uid = model::PodUid("u"),
                      .name_space = "shop",
                      .name = "web",
                      .workload = "Deployment/web",
                      .qos = model::QosClass::kLs,
                      .first_s = 100,
                      .last_s = 200};
  PodInfo late = early;
  late.qos = model::QosClass::kBe;
  late.first_s = 150;
  late.last_s = 300;
  PodInfo wanted = late;
  wanted.first_s = 100;
  EXPECT_EQ(merge(early, late), wanted);
  EXPECT_EQ(merge(late, early), wanted);
  late.last_s = early.last_s;
  EXPECT_EQ(merge(early, late), merge(late, early)) << "of one second the greater";
}

TEST(TableMerge, HasRowsAndFieldsOfBoth) {
  Table a = cpu_table(Tier::kMinute, {60, 180}, {5, 7});
  Table b = cpu_table(Tier::kMinute, {0, 60}, {1, 9});
  a.fields.front().step = 8;
  b.fields.front().step = 4;
  b.fields.push_back({.field = Field::kQos, .step = 1, .cells = {of_samples({2}), of_samples({3})}});
  Sketch sketch;
  sketch.add(7);
  a.sketches.push_back({.field = Field::kPodCpu, .cells = {sketch, {}}});
  const Table both = merge(a, b);
  EXPECT_EQ(both.subject, kPod);
  EXPECT_EQ(both.times, (std::vector<std::int64_t>{0, 60, 180}));
  ASSERT_EQ(both.fields.size(), 2U);
  EXPECT_EQ(both.fields[0].step, 4) << "the finer precision";
  EXPECT_EQ(both.fields[0].cells, (std::vector<Summary>{of_samples({1}), of_samples({5, 9}), of_samples({7})}));
  EXPECT_EQ(both.fields[1].cells, (std::vector<Summary>{of_samples({2}), of_samples({3}), {}}));
  ASSERT_EQ(both.sketches.size(), 1U);
  EXPECT_EQ(both.sketches[0].cells, (std::vector<Sketch>{{}, sketch, {}}));
}

TEST(TableMerge, KeepsToItsLaws) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Tier tier = kTiers[seed % kTiers.size()];
    const Table a = any_table(kPod, tier, 2, random);
    const Table b = any_table(kPod, tier, 2, random);
    const Table c = any_table(kPod, tier, 1, random);
    ASSERT_EQ(merge(a, b), merge(b, a));
    ASSERT_EQ(merge(merge(a, b), c), merge(a, merge(b, c)));
    Table nothing;
    ASSERT_EQ(merge(a, nothing), a);
    ASSERT_EQ(merge(nothing, a), a);
  }
}

TEST(TableSlice, HasRowsFromTheBeginAndNotAtTheEnd) {
  Table table = cpu_table(Tier::kMinute, {0, 60, 120}, {1, 2, 3});
  table.fields.push_back({.field = Field::kQos, .step = 1, .cells = {of_samples({2}), {}, {}}});
  Table part = slice(table, 60, 120);
  EXPECT_EQ(part, cpu_table(Tier::kMinute, {60}, {2})) << "and no column of which nothing is left";
  EXPECT_EQ(slice(table, -100, 1'000), table);
  EXPECT_TRUE(slice(table, 61, 120).empty());
  EXPECT_TRUE(slice(table, 120, 60).empty());
  EXPECT_EQ(slice(table, 61, 120).subject, kPod);
}

TEST(TableByBlock, GivesEachBlockAndMergesToTheWhole) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Tier tier = kTiers[seed % kTiers.size()];
    const Table table = any_table(kPod, tier, 3, random);
    Table all;
    for (const Table& part : by_block(table)) {
      ASSERT_FALSE(part.empty());
      ASSERT_EQ(floor_to(part.times.front(), block_s(tier)), floor_to(part.times.back(), block_s(tier)));
      ASSERT_LE(part.times.size(), 360U);
      if (!all.empty()) {
        ASSERT_LT(floor_to(all.times.back(), block_s(tier)), part.times.front());
      }
      all = merge(all, part);
    }
    ASSERT_EQ(all, table);
    ASSERT_EQ(by_block(Table(table)), by_block(table)) << "of one that is given away";
    const Table one = any_table(kPod, tier, 1, random);
    ASSERT_EQ(by_block(Table(one)), by_block(one));
  }
  EXPECT_TRUE(by_block(Table()).empty());
  const Table nothing;
  EXPECT_TRUE(by_block(nothing).empty());
  Table unknown = cpu_table(Tier::kMinute, {0, 60}, {1, 2});
  unknown.fields.push_back({.field = Field::kQos, .step = 1, .cells = {{}, {}}});
  EXPECT_EQ(by_block(Table(unknown)), by_block(unknown)) << "and no column of which nothing is known";
}

TEST(TableCoarser, HoldsAllOfTheFinerRows) {
  Table table = cpu_table(Tier::kTenSeconds, {0, 10, 50, 60, 130}, {1, 5, 3, 10, 20});
  Sketch sketch;
  sketch.add(7);
  table.sketches.push_back({.field = Field::kPodCpu, .cells = {sketch, {}, sketch, {}, {}}});
  const Table minutes = coarser(table, Tier::kMinute);
  EXPECT_EQ(minutes.tier, Tier::kMinute);
  EXPECT_EQ(minutes.times, (std::vector<std::int64_t>{0, 60, 120}));
  EXPECT_EQ(minutes.fields.front().cells,
            (std::vector<Summary>{of_samples({1, 5, 3}), of_samples({10}), of_samples({20})}));
  Sketch twice = sketch;
  twice.merge(sketch);
  EXPECT_EQ(minutes.sketches.front().cells, (std::vector<Sketch>{twice, {}, {}}));
  EXPECT_EQ(coarser(table, Tier::kTenSeconds), table);
  EXPECT_EQ(coarser(minutes, Tier::kTenSeconds), minutes);
}

TEST(TableCoarser, StepByStepIsTheSameAsAtOnceAndAsMergedAfterwards) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Table a = any_table(kPod, Tier::kTenSeconds, 2, random);
    const Table b = any_table(kPod, Tier::kTenSeconds, 2, random);
    ASSERT_EQ(coarser(coarser(a, Tier::kMinute), Tier::kQuarterHour), coarser(a, Tier::kQuarterHour));
    ASSERT_EQ(coarser(merge(a, b), Tier::kMinute), merge(coarser(a, Tier::kMinute), coarser(b, Tier::kMinute)));
  }
}

}  // namespace
}  // namespace tideline::series::table_test
