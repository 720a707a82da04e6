#include "coordinator/reclaim/cluster.h"

#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace tideline::reclaim::cluster_test {
namespace {

using model::Bytes;
using model::ClusterLimits;
using model::MilliCpu;
using model::ReclaimRule;
using testing::IsEmpty;
using testing::SizeIs;

model::Reclaimed one_node(const std::string& name, std::int64_t capacity_milli) {
  model::Reclaimed account;
  account.node = model::NodeName(name);
  account.cpu.capacity = MilliCpu(capacity_milli);
  return account;
}

TEST(Cluster, GroupsByEachLabelAndKeepsThoseWithoutItTogether) {
  ClusterReporter reporter({"zone", "pool"});
  reporter.add(one_node("n1", 1'000), {"a", "x"});
  reporter.add(one_node("n2", 2'000), {"b", ""});
  reporter.add(one_node("n3", 4'000), {"a", ""});
  const auto report = reporter.take();
  EXPECT_EQ(report.total.nodes, 3u);
  EXPECT_EQ(report.total.account.cpu.capacity, MilliCpu(7'000));
  ASSERT_THAT(report.groupings, SizeIs(2));
  EXPECT_EQ(report.groupings[0].label, "zone");
  ASSERT_THAT(report.groupings[0].groups, SizeIs(2));
  EXPECT_EQ(report.groupings[0].groups[0].value, "a");
  EXPECT_EQ(report.groupings[0].groups[0].nodes, 2u);
  EXPECT_EQ(report.groupings[0].groups[0].account.cpu.capacity, MilliCpu(5'000));
  ASSERT_THAT(report.groupings[1].groups, SizeIs(2));
  EXPECT_EQ(report.groupings[1].groups[0].value, "");
  EXPECT_EQ(report.groupings[1].groups[0].account.cpu.capacity, MilliCpu(6'000));
}

TEST(Cluster, BoundsItsGroupsAndSaysHowManyAreLeftOut) {
  ClusterReporter reporter({"host"});
  for (std::size_t i = 0; i < ClusterLimits::kMaxGroups + 5; ++i) {
    const auto name = fmt::format("n{:03}", i);
    reporter.add(one_node(name, i < 5 ? 1 : 1'000), {name});
  }
  const auto report = reporter.take();
  const auto& grouping = report.groupings.at(0);
  EXPECT_THAT(grouping.groups, SizeIs(ClusterLimits::kMaxGroups));
  EXPECT_EQ(grouping.left_out, 5u);
  EXPECT_EQ(grouping.groups.front().value, "n005") << "the smallest are left out, the others by value";
  EXPECT_EQ(report.total.nodes, ClusterLimits::kMaxGroups + 5) << "the total has them";
}

TEST(Cluster, GivesAsManyGroupsAsItIsToldTo) {
  ClusterReporter reporter({"zone"}, 2);
  reporter.add(one_node("n1", 1'000), {"a"});
  reporter.add(one_node("n2", 3'000), {"b"});
  reporter.add(one_node("n3", 2'000), {"c"});
  const auto report = reporter.take();
  const auto& grouping = report.groupings.at(0);
  ASSERT_THAT(grouping.groups, SizeIs(2));
  EXPECT_EQ(grouping.groups[0].value, "b");
  EXPECT_EQ(grouping.groups[1].value, "c");
  EXPECT_EQ(grouping.left_out, 1u);
}

TEST(Cluster, NamesTheNodesInDeficitTheWorstFirst) {
  ClusterReporter reporter({});
  auto some = one_node("some", 10'000);
  some.cpu.deficit = MilliCpu(1'000);
  auto worst = one_node("worst", 1'000);
  worst.memory.capacity = Bytes(100);
  worst.memory.deficit = Bytes(30);
  reporter.add(one_node("fine", 10'000), {});
  reporter.add(some, {});
  reporter.add(worst, {});
  const auto report = reporter.take();
  EXPECT_EQ(report.deficit_nodes, 2u);
  ASSERT_THAT(report.deficits, SizeIs(2));
  EXPECT_EQ(report.deficits[0].node, model::NodeName("worst"));
  EXPECT_EQ(report.deficits[0].memory, Bytes(30));
  EXPECT_EQ(report.deficits[1].node, model::NodeName("some"));
}

TEST(Cluster, BoundsTheListOfDeficitsButNotTheirCount) {
  ClusterReporter reporter({});
  for (std::size_t i = 0; i < ClusterLimits::kMaxDeficits + 7; ++i) {
    auto account = one_node(fmt::format("n{}", i), 1'000);
    account.cpu.deficit = MilliCpu(1);
    reporter.add(account, {});
  }
  const auto report = reporter.take();
  EXPECT_THAT(report.deficits, SizeIs(ClusterLimits::kMaxDeficits));
  EXPECT_EQ(report.deficit_nodes, ClusterLimits::kMaxDeficits + 7);
}

TEST(Cluster, WhatOneNodeHasLeftDoesNotMakeUpForWhatAnotherLacks) {
  ClusterReporter reporter({});
  auto idle = one_node("idle", 1'000);
  idle.cpu.offered = idle.cpu.published = MilliCpu(500);
  auto full = one_node("full", 1'000);
  full.cpu.offered = full.cpu.published = MilliCpu(100);
  full.cpu.committed = MilliCpu(300);
  full.cpu.mid = MilliCpu(10);
  full.cpu.mid_committed = MilliCpu(25);
  reporter.add(idle, {});
  reporter.add(full, {});
  const auto total = reporter.take().total;
  EXPECT_EQ(total.cpu_short.batch, MilliCpu(200));
  EXPECT_EQ(total.cpu_short.mid, MilliCpu(15));
  EXPECT_EQ(total.account.cpu.shortfall, total.cpu_short) << "the sum has it, for history to keep";
  EXPECT_EQ(total.account.cpu.offered - total.account.cpu.committed + total.cpu_short.batch, MilliCpu(500))
      << "what is left to be had";
}

model::AccountAt at_ms(std::int64_t ms, std::int64_t offered, ReclaimRule rule = ReclaimRule::kUsage) {
  model::AccountAt row{{ms}, one_node("", 1'000)};
  row.account.cpu.offered = MilliCpu(offered);
  row.account.cpu.rule = rule;
  return row;
}

TEST(Trend, RowsThatFitAreGivenAsTheyAre) {
  Trend trend({0}, {10'000}, 10);
  std::vector<model::AccountAt> rows;
  for (std::int64_t i = 0; i < 10; ++i)
    rows.push_back(at_ms(i * 1'000 + 7, i));
  for (const auto& row : rows)
    trend.add(row);
  EXPECT_EQ(trend.take(), rows);
}

TEST(Trend, EachPointIsTheMeanOfItsStretch) {
  Trend trend({0}, {10'000}, 2);
  for (std::int64_t i = 0; i < 5; ++i)
    trend.add(at_ms(i * 1'000, i * 100));
  trend.add(at_ms(9'000, 7));
  const auto points = trend.take();
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].at.ms, 2'000);
  EXPECT_EQ(points[0].account.cpu.offered, MilliCpu(200));
  EXPECT_EQ(points[0].account.cpu.capacity, MilliCpu(1'000)) << "not the sum";
  EXPECT_EQ(points[1], at_ms(9'000, 7));
}

TEST(Trend, ADeficitInAStretchIsItsRule) {
  Trend trend({0}, {1'000}, 1);
  trend.add(at_ms(1, 5));
  trend.add(at_ms(2, 5, ReclaimRule::kDeficit));
  trend.add(at_ms(3, 5));
  EXPECT_EQ(trend.take().at(0).account.cpu.rule, ReclaimRule::kDeficit);
}

TEST(Trend, UseIsTheMeanOfWhatIsKnown) {
  Trend trend({0}, {1'000}, 1);
  auto known = at_ms(1, 5);
  known.account.cpu.used = MilliCpu(40);
  trend.add(known);
  trend.add(at_ms(2, 5));
  const auto points = trend.take();
  EXPECT_EQ(points.at(0).account.cpu.used, MilliCpu(40));
  EXPECT_EQ(points.at(0).account.memory.used, std::nullopt);
}

TEST(Trend, WhatTiersLackIsTheMeanOfWhereItIsKnown) {
  Trend trend({0}, {2'000}, 2);
  const auto lacking = [](std::int64_t ms, std::int64_t mid, std::int64_t batch) {
    auto row = at_ms(ms, 5);
    row.account.cpu.shortfall = model::Shortfall<MilliCpu>{MilliCpu(mid), MilliCpu(batch)};
    return row;
  };
  trend.add(lacking(1, 10, 100));
  trend.add(lacking(2, 20, 400));
  auto older = at_ms(3, 5);
  older.account.cpu.committed = MilliCpu(7'000);
  trend.add(older);
  older.at.ms = 1'500;
  trend.add(older);
  const auto points = trend.take();
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].account.cpu.shortfall, (model::Shortfall<MilliCpu>{MilliCpu(15), MilliCpu(250)}));
  EXPECT_EQ(points[0].account.memory.shortfall, std::nullopt);
  EXPECT_EQ(points[1].account.cpu.shortfall, std::nullopt) << "a sum of before it was added up";
}

TEST(Trend, StaysInsideItsRangeAndSurvivesAnyOne) {
  Trend narrow({100}, {200}, 5);
  narrow.add(at_ms(99, 1));
  narrow.add(at_ms(200, 1));
  EXPECT_THAT(narrow.take(), IsEmpty());
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  Trend wide({kMin}, {kMax}, 1);
  auto huge = at_ms(5, 1);
  huge.account.memory.capacity = Bytes(kMax);
  wide.add(huge);
  wide.add(huge);
  const auto points = wide.take();
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_EQ(points[0].account.memory.capacity, Bytes(kMax));
}

}  // namespace
}  // namespace tideline::reclaim::cluster_test
