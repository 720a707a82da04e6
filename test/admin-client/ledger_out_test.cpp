#include "admin-client/ledger_out.h"

#include <gmock/gmock.h>

#include "admin-client/json_out.h"

namespace tideline::tidectl::ledger_out_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// 10 cores: margin 4, system 0.5, prod charged 2, mid 1.5 of which 1 is promised, batch 2 of which 3 are requested.
model::Reclaimed small_account() {
  model::Reclaimed account;
  account.node = model::NodeName("web-1");
  account.policy = model::PolicyVersion(7);
  account.data_age = std::chrono::seconds(12);
  auto& cpu = account.cpu;
  cpu.capacity = MilliCpu(10'000);
  cpu.margin = MilliCpu(4'000);
  cpu.system = MilliCpu(500);
  cpu.high_priority = MilliCpu(3'000);
  cpu.mid_charged = MilliCpu(1'000);
  cpu.mid_committed = MilliCpu(1'000);
  cpu.mid = MilliCpu(1'500);
  cpu.mid_offered = MilliCpu(500);
  cpu.offered = cpu.origin = cpu.published = MilliCpu(2'000);
  cpu.committed = MilliCpu(3'000);
  cpu.requested = MilliCpu(6'000);
  cpu.used = MilliCpu(4'400);
  cpu.prod_used = MilliCpu(2'000);
  cpu.mid_used = MilliCpu(300);
  cpu.batch_used = MilliCpu(1'700);
  return account;
}

model::ClusterReport small_cluster() {
  model::ClusterReport report;
  report.at = {1'700'000'000'000};
  report.total = {"", 3, small_account(), {MilliCpu(0), MilliCpu(1'250)}, {}};
  return report;
}

PlotOptions drawing() {
  PlotOptions options;
  options.width = 60;
  options.height = 5;
  options.utf8 = false;
  options.from = {1'699'999'000'000};
  options.to = {1'700'000'000'000};
  return options;
}

TEST(RenderExplained, ShowsEachTermWithItsSourceAgeAndHow) {
  model::ExplainedAccount explained;
  explained.account = small_account();
  explained.at = {1'700'000'000'000};
  explained.cpu.terms = {
      {model::AccountTerm::kMargin, MilliCpu(4'000), model::TermSource::kPolicy,
       "cpuReclaimThresholdPercent 60: 40 % of capacity", std::nullopt},
      {model::AccountTerm::kUsed, std::nullopt, model::TermSource::kMeasured, "average", std::chrono::seconds(12)}};
  const auto text = render_explained(explained);
  EXPECT_THAT(text, HasSubstr("node web-1 at 2023-11-14T22:13:20Z: policy version 7, report 12s old\n"));
  EXPECT_THAT(text, HasSubstr("cpu (cores): offered 2.00 by usage, mid 1.50 by predicted\n"));
  EXPECT_THAT(text, ContainsRegex("margin +4.00 +policy +- +cpuReclaimThresholdPercent 60: 40 % of capacity\n"));
  EXPECT_THAT(text, ContainsRegex("used +not known +measured +12s +average\n"));
  EXPECT_THAT(text, Not(HasSubstr("CHARGED BY")));
}

TEST(RenderExplained, TellsWhatIsPublishedWhereThatIsAnotherNumber) {
  model::ExplainedAccount explained;
  explained.account = small_account();
  explained.account.cpu.published = MilliCpu(2'400);
  EXPECT_THAT(render_explained(explained), HasSubstr("cpu (cores): offered 2.00 (2.40 published) by usage"));
}

TEST(RenderExplained, SaysThatHistoryHasNoPods) {
  model::ExplainedAccount explained;
  explained.stored = true;
  EXPECT_THAT(render_explained(explained),
              AllOf(HasSubstr("as history had it last, and withdrawn"), HasSubstr("report none")));
}

TEST(RenderExplained, SaysHowMuchOlderThanTheInstantAskedForTheAccountOfHistoryIs) {
  model::ExplainedAccount explained;
  explained.account = small_account();
  explained.at = {1'700'000'000'000};
  explained.stored = true;
  const model::WallTime asked{explained.at.ms + 235'000};
  const auto text = render_explained(explained, asked);
  EXPECT_THAT(text, HasSubstr("account of 22:13:20, 3m55s before 2023-11-14T22:17:15Z; one is kept at once"));
  EXPECT_THAT(text, AllOf(HasSubstr("each 1 min"), HasSubstr("more than 1 %"), HasSubstr("at least each 10 min")));
  const auto all = to_json(explained, asked);
  EXPECT_EQ(all["askedWallMs"], asked.ms);
  EXPECT_EQ(all["beforeAskedMs"], 235'000);
  explained.stored = false;
  EXPECT_THAT(render_explained(explained), Not(HasSubstr("account of")));
  EXPECT_EQ(to_json(explained)["askedWallMs"], nullptr);
  EXPECT_EQ(to_json(explained)["beforeAskedMs"], nullptr);
}

TEST(RenderCluster, SaysWhatEachTierHasAndWantsAndLacks) {
  const auto text = render_cluster(small_cluster(), drawing());
  EXPECT_THAT(text, HasSubstr("2023-11-14T22:13:20Z: 3 nodes, policy version 7, oldest report 12s old\n"));
  // Capacity, allocated, used, buffered, reclaimed, offered, committed, deficit.
  EXPECT_THAT(text, ContainsRegex("all +3 +cpu .cores. +10.00 +6.00 +4.40 +4.00 +3.50 +0.75 +4.00 +0.00\n"));
  // Allocated, used, charged, reclaimed, offered, committed, deficit.
  EXPECT_THAT(text, ContainsRegex("prod +cpu .cores. +6.00 +2.00 +2.00 +- +- +- +0.00\n"));
  EXPECT_THAT(text, ContainsRegex("mid +cpu .cores. +- +0.30 +1.00 +1.50 +0.50 +1.00 +0.00\n"));
  EXPECT_THAT(text, ContainsRegex("batch +cpu .cores. +- +1.70 +- +2.00 +0.25 +3.00 +1.25\n"));
  EXPECT_THAT(text, ContainsRegex("system +cpu .cores. +- +0.40 +0.50 +- +- +- +-\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("no node is in deficit"), HasSubstr("no trend yet")));
}

TEST(RenderCluster, CountsReclaimedInCpusOfTheHostBesideCapacityAndInBatchCpuOfBatch) {
  auto report = small_cluster();
  report.total.account.cpu.origin = report.total.account.cpu.published = MilliCpu(2'400);
  report.trend = {{{1'699'999'000'000}, report.total.account}, {{1'699'999'060'000}, report.total.account}};
  const auto text = render_cluster(report, drawing());
  EXPECT_THAT(text, ContainsRegex("all +3 +cpu .cores. +10.00 +6.00 +4.40 +4.00 +3.50 "));
  EXPECT_THAT(text, ContainsRegex("batch +cpu .cores. +- +1.70 +- +2.40 "));
  EXPECT_THAT(text, HasSubstr("x reclaimed  min 3.5"));
  EXPECT_EQ(to_json(report)["total"]["cpuMilli"]["reclaimed"], 3'500);
  EXPECT_EQ(to_json(report)["tiers"]["batch"]["cpuMilli"]["reclaimed"], 2'400);
}

TEST(RenderCluster, ALabelThatNoNodeHasIsNamedAndMakesNoTable) {
  auto report = small_cluster();
  report.groupings = {{"zone", {{"", 3, small_account(), {}, {}}}, 0},
                      {"pool", {{"p1", 3, small_account(), {}, {}}}, 0}};
  const auto text = render_cluster(report, drawing());
  EXPECT_THAT(text, HasSubstr("no node has a label zone\n"));
  EXPECT_THAT(text, ContainsRegex("pool +NODES +RESOURCE"));
  EXPECT_THAT(text, ContainsRegex("p1 +3 +cpu"));
}

TEST(RenderCluster, DrawsUsageBufferAndReclaimed) {
  auto report = small_cluster();
  for (std::int64_t i = 0; i < 10; ++i)
    report.trend.push_back({{1'699'999'000'000 + i * 60'000}, small_account()});
  const auto text = render_cluster(report, drawing());
  EXPECT_THAT(text, HasSubstr("cores\n"));
  EXPECT_THAT(text, HasSubstr("* allocated  min 6.0"));
  EXPECT_THAT(text, HasSubstr("o used  min 4.4"));
  EXPECT_THAT(text, HasSubstr("+ buffered  min 4.0"));
  EXPECT_THAT(text, HasSubstr("x reclaimed  min 3.5"));
}

/// Ten minutes of it; as many batch-cpu short as the report's total.
model::ClusterReport with_trend() {
  auto report = small_cluster();
  auto sum = small_account();
  sum.cpu.shortfall = report.total.cpu_short;
  for (std::int64_t i = 0; i < 10; ++i)
    report.trend.push_back({{1'699'999'000'000 + i * 60'000}, sum});
  return report;
}

TEST(RenderCluster, DrawsOneTierWithAllThatItHas) {
  const auto text = render_cluster(with_trend(), drawing(), {"zone=a", "batch", {}});
  EXPECT_THAT(text, HasSubstr("trend of zone=a, tier batch:\n"));
  EXPECT_THAT(text, HasSubstr("* used  min 1.7"));
  EXPECT_THAT(text, HasSubstr("o reclaimed  min 2.0"));
  EXPECT_THAT(text, HasSubstr("+ offered  min 0."));
  EXPECT_THAT(text, HasSubstr("x committed  min 3.0"));
  EXPECT_THAT(text, HasSubstr("# deficit  min 1."));
  EXPECT_THAT(text, Not(HasSubstr("allocated  min")));
  const auto all = to_json(with_trend(), {"zone=a", "batch", {}});
  EXPECT_EQ(all["trendOf"], "zone=a");
  EXPECT_EQ(all["trendTier"], "batch");
  EXPECT_EQ(all["trend"][0]["cpuMilli"]["offered"], 250);
  EXPECT_EQ(all["trend"][0]["cpuMilli"]["deficit"], 1'250);
  EXPECT_EQ(all["trend"][0]["account"]["cpuMilli"]["batchShort"], 1'250);
}

TEST(RenderCluster, DrawsTheCurvesThatAreAskedFor) {
  const auto text = render_cluster(with_trend(), drawing(), {"", "", {"deficit", "offered"}});
  EXPECT_THAT(text, HasSubstr("* offered  min 0.75"));
  EXPECT_THAT(text, HasSubstr("o deficit  min 0.0"));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("trend of")), Not(HasSubstr("used  min"))));
  EXPECT_EQ(to_json(with_trend())["trendOf"], nullptr);
}

TEST(RenderCluster, WhatOlderSumsDoNotTellIsNoZero) {
  auto report = with_trend();
  for (auto& row : report.trend)
    row.account.cpu.shortfall.reset();
  EXPECT_THAT(render_cluster(report, drawing(), {"", "batch", {}}), Not(HasSubstr("deficit  min")));
  const auto row = to_json(report, {"", "batch", {}})["trend"][0];
  EXPECT_EQ(row["cpuMilli"]["deficit"], nullptr);
  EXPECT_EQ(row["cpuMilli"]["offered"], nullptr);
  EXPECT_EQ(row["cpuMilli"]["committed"], 3'000);
}

TEST(RenderCluster, NamesTheGroupThatHasNoTrend) {
  const auto text = render_cluster(small_cluster(), drawing(), {"zone=a", "", {}});
  EXPECT_THAT(text, HasSubstr("no trend of zone=a yet: history has the 64 largest groups"));
}

TEST(Json, ClusterHasTheWordsAndTheLedgersOwn) {
  auto report = small_cluster();
  report.groupings = {{"zone", {{"", 3, small_account(), {}, {}}}, 0}};
  report.trend = {{{5}, small_account()}};
  const auto all = json::parse(dump(to_json(report), -1));
  EXPECT_EQ(all["total"]["cpuMilli"]["reclaimed"], 3'500);
  EXPECT_EQ(all["total"]["cpuMilli"]["offered"], 750);
  EXPECT_EQ(all["total"]["account"]["cpuMilli"]["offered"], 2'000) << "batch's whole";
  EXPECT_EQ(all["total"]["memoryBytes"]["used"], nullptr);
  EXPECT_EQ(all["tiers"]["batch"]["cpuMilli"]["deficit"], 1'250);
  EXPECT_EQ(all["tiers"]["prod"]["cpuMilli"]["reclaimed"], nullptr);
  EXPECT_EQ(all["groupings"][0]["groups"][0]["value"], nullptr);
  EXPECT_EQ(all["trend"][0]["wallMs"], 5);
  EXPECT_EQ(all["trend"][0]["account"]["cpuMilli"]["requested"], 6'000);
  EXPECT_EQ(all["trend"][0]["cpuMilli"]["reclaimed"], 3'500);
}

TEST(RenderCluster, ShowsWhatHostApplicationsHaveOfTheTiers) {
  auto report = small_cluster();
  EXPECT_THAT(render_cluster(report, drawing()), Not(HasSubstr("host-apps")));
  EXPECT_FALSE(to_json(report)["tiers"].contains("host-apps"));
  report.total.account.cpu.host_used = MilliCpu(1'200);
  report.total.account.cpu.host_charged = MilliCpu(700);
  EXPECT_THAT(render_cluster(report, drawing()), ContainsRegex("host-apps +cpu \\(cores\\) +- +1.2[0-9]* +0.7"));
  const auto host = to_json(report)["tiers"]["host-apps"];
  EXPECT_EQ(host["cpuMilli"]["used"], 1'200);
  EXPECT_EQ(host["cpuMilli"]["charged"], 700);
  EXPECT_FALSE(host.contains("memoryBytes")) << "they use none that is known";
}

TEST(RenderExplained, ShowsZonesOfANodeThatHasSeveral) {
  model::ExplainedAccount explained;
  explained.account = small_account();
  EXPECT_THAT(render_explained(explained), Not(HasSubstr("ZONE")));
  explained.account.zones = {
      {0, {MilliCpu(5'000), MilliCpu(2'000), MilliCpu(1'000), MilliCpu(500), MilliCpu(1'250)}, {}},
      {2, {MilliCpu(5'000), MilliCpu(2'000), {}, {}, MilliCpu(0)}, {}}};
  const auto text = render_explained(explained);
  EXPECT_THAT(text, ContainsRegex("0 +cpu .cores. +5.00 +2.00 +1.00 +0.50 +1.25\n"));
  EXPECT_THAT(text, ContainsRegex("2 +cpu .cores. +5.00 +2.00 +not known +- +0.00\n"));
  const auto all = to_json(explained);
  EXPECT_EQ(all["account"]["zones"][0]["cpuMilli"]["offered"], 1'250);
  EXPECT_EQ(all["account"]["zones"][1]["cpuMilli"]["charged"], nullptr);
  EXPECT_EQ(all["zonesProblem"], nullptr);
}

TEST(RenderExplained, NamesZonesThatAreNotKnown) {
  model::ExplainedAccount explained;
  explained.zones_problem = "the node does not tell";
  EXPECT_THAT(render_explained(explained), HasSubstr("no zones: the node does not tell\n"));
  EXPECT_EQ(to_json(explained)["zonesProblem"], "the node does not tell");
}

TEST(RenderCluster, ShowsWhatCanBeHadInsideOfZones) {
  auto report = small_cluster();
  EXPECT_THAT(render_cluster(report, drawing()), Not(HasSubstr("NUMA ZONES")));
  report.zones = {2, 4, {MilliCpu(20'000), MilliCpu(13'000), MilliCpu(8'000)}, {}};
  EXPECT_THAT(render_cluster(report, drawing()), ContainsRegex("NUMA ZONES +NODES +RESOURCE +OF NODES +IN ZONES"));
  EXPECT_THAT(render_cluster(report, drawing()), ContainsRegex("4 +2 +cpu .cores. +20.00 +13.00 +8.00\n"));
  EXPECT_EQ(to_json(report)["zones"]["cpuMilli"]["mostInOne"], 8'000);
}

}  // namespace
}  // namespace tideline::tidectl::ledger_out_test
