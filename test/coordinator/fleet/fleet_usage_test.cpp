#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/fleet/fleet_view.h"
#include "test/coordinator/fleet/sender.h"

namespace tideline::fleet::fleet_usage_test {
namespace {

using std::chrono::minutes;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Usage, IsTheAverageOverTheAggregateDuration) {
  FleetView fleet;
  const Sender sender;
  std::uint64_t seq = 0;
  const auto run = [&](model::Duration from, model::Duration to, std::int64_t cpu) {
    for (auto t = from; t < to; t += seconds(10)) {
      auto report = sender.report(++seq, t);
      report.samples[0].node_cpu = MilliCpu(cpu);
      report.samples[0].system_cpu = MilliCpu(cpu / 10);
      report.pods = {pod("a", cpu / 2, cpu)};
      take(fleet, report, t);
    }
  };
  run(seconds(0), seconds(600), 20'000);
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(20'000));
  run(seconds(600), seconds(750), 10'000);
  const auto half = *fleet.usage(NodeName("n"));
  EXPECT_EQ(half.node_cpu, MilliCpu(15'000));
  EXPECT_EQ(half.system_cpu, MilliCpu(1'500));
  EXPECT_EQ(half.pods.at(0).cpu, MilliCpu(7'500));
  EXPECT_EQ(half.pods.at(0).memory, Bytes(15'000));
  EXPECT_EQ(fleet.pods(NodeName("n")).at(0).cpu_average, MilliCpu(7'500));
  run(seconds(750), seconds(900), 10'000);
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(10'000)) << "older than 300 s has no weight";
}

TEST(Usage, WeighsSamplesByTheirWindow) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.samples.push_back(report.samples[0]);
  report.samples[0].window = seconds(9);
  report.samples[0].node_cpu = MilliCpu(1'000);
  report.samples[1].window = seconds(1);
  report.samples[1].node_cpu = MilliCpu(11'000);
  take(fleet, report, seconds(0));
  EXPECT_EQ(fleet.usage(NodeName("n"))->node_cpu, MilliCpu(2'000));
}

TEST(Usage, WhatIsNotKnownStaysUnknown) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.samples[0].system_cpu = std::nullopt;
  report.samples[0].node_memory = std::nullopt;
  report.pods = {pod("a", std::nullopt, 5)};
  take(fleet, report, seconds(0));
  const auto usage = *fleet.usage(NodeName("n"));
  EXPECT_EQ(usage.node_cpu, MilliCpu(5'000));
  EXPECT_EQ(usage.system_cpu, std::nullopt);
  EXPECT_EQ(usage.node_memory, std::nullopt);
  EXPECT_EQ(usage.system_memory, std::nullopt);
  EXPECT_EQ(usage.pods.at(0).cpu, std::nullopt);
  EXPECT_EQ(usage.pods.at(0).memory, Bytes(5));
}

TEST(Usage, AValueThatStoppedBeingKnownAgesOut) {
  FleetView fleet;
  const Sender sender;
  take(fleet, sender.report(1, seconds(0)), seconds(0));
  const auto blind = [](Report& report) { report.samples[0].system_cpu = std::nullopt; };
  take(fleet, with(sender.report(2, seconds(200)), blind), seconds(200));
  EXPECT_EQ(fleet.usage(NodeName("n"))->system_cpu, MilliCpu(1'000));
  take(fleet, with(sender.report(3, seconds(400)), blind), seconds(400));
  EXPECT_EQ(fleet.usage(NodeName("n"))->system_cpu, std::nullopt);
}

TEST(Usage, SystemMemoryIsWhatNoPodIsKnownToUse) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.pods = {pod("a", 1, 3'000), pod("b", 1, std::nullopt)};
  take(fleet, report, seconds(0));
  EXPECT_EQ(fleet.usage(NodeName("n"))->system_memory, Bytes(7'000));
  report.seq = Seq(2);
  report.pods = {pod("a", 1, 30'000)};
  FleetView other;
  take(other, report, seconds(0));
  EXPECT_EQ(other.usage(NodeName("n"))->system_memory, Bytes(0));
}

model::HostApplicationSummary application(const std::string& name, std::optional<std::int64_t> cpu,
                                          std::optional<std::int64_t> memory) {
  model::HostApplicationSummary summary;
  summary.name = name;
  summary.state = cpu ? model::ApplicationState::kMeasured : model::ApplicationState::kNotFound;
  if (cpu) summary.cpu_milli = model::Spread{*cpu, *cpu, *cpu};
  if (memory) summary.memory_bytes = model::Spread{*memory, *memory, *memory};
  return summary;
}

TEST(Usage, HostApplicationsAreAveragedAndAreNotTheSystems) {
  FleetView fleet;
  const Sender node;
  for (int i = 0; i < 2; ++i) {
    take(fleet,
         with(node.report(static_cast<std::uint64_t>(i) + 1, seconds(10 * i)),
              [&](Report& report) {
                report.pods = {pod("a", 100, 2'000)};
                report.applications = {application("nginx", 100 + 200 * i, 3'000),
                                       application("redis", std::nullopt, std::nullopt)};
              }),
         seconds(10 * i));
  }
  const auto usage = fleet.usage(NodeName("n")).value_or(NodeUsage{});
  ASSERT_THAT(usage.applications, SizeIs(2));
  EXPECT_EQ(usage.applications[0].cpu, MilliCpu(200));
  EXPECT_EQ(usage.applications[0].memory, Bytes(3'000));
  EXPECT_TRUE(usage.applications[0].listed);
  EXPECT_EQ(usage.applications[1].state, model::ApplicationState::kNotFound);
  EXPECT_EQ(usage.applications[1].cpu, std::nullopt);
  EXPECT_EQ(usage.system_memory, Bytes(10'000 - 2'000 - 3'000));
}

TEST(Usage, AHostApplicationThatIsNoLongerToldOfCountsUntilItsAverageRanOut) {
  FleetView fleet;
  const Sender node;
  take(fleet,
       with(node.report(1, seconds(0)),
            [](Report& report) { report.applications = {application("nginx", 100, 3'000)}; }),
       seconds(0));
  take(fleet, node.report(2, seconds(10)), seconds(10));
  const auto usage = fleet.usage(NodeName("n")).value_or(NodeUsage{});
  ASSERT_THAT(usage.applications, SizeIs(1));
  EXPECT_FALSE(usage.applications[0].listed);
  EXPECT_EQ(usage.applications[0].cpu, MilliCpu(100));
  take(fleet, node.report(3, minutes(10)), minutes(10));
  EXPECT_THAT(fleet.usage(NodeName("n"))->applications, IsEmpty());
}

TEST(Usage, HostApplicationsThatAlwaysHaveAnotherNameDoNotPileUp) {
  FleetView fleet;
  const Sender node;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    take(fleet,
         with(node.report(i, seconds(i)),
              [&](Report& report) {
                for (int k = 0; k < 64; ++k)
                  report.applications.push_back(application(std::to_string(i) + "-" + std::to_string(k), 1, 1));
              }),
         seconds(i));
  }
  EXPECT_THAT(fleet.usage(NodeName("n"))->applications, SizeIs(128));
}

model::ZoneUse zone(int id, std::optional<std::int64_t> cpu, std::optional<std::int64_t> be_cpu) {
  model::ZoneUse use;
  use.id = id;
  use.cpu_capacity = MilliCpu(16'000);
  use.memory_capacity = Bytes(1'000 * (id + 1));
  if (cpu) use.cpu_used = MilliCpu(*cpu);
  if (be_cpu) use.be_cpu = MilliCpu(*be_cpu);
  use.memory_used = Bytes(500);
  use.be_memory = Bytes(600);
  return use;
}

Report zoned(Report report, std::vector<model::ZoneUse> zones) {
  report.status.zones = 2;
  report.zones = std::move(zones);
  return report;
}

TEST(Usage, ZonesAreAveragedWithBestEffortTakenOffWhereItIsToldApart) {
  FleetView fleet;
  const Sender node;
  take(fleet, zoned(node.report(1, seconds(0)), {zone(0, 4'000, 1'000), zone(1, 2'000, std::nullopt)}), seconds(0));
  auto bound = zone(0, 5'000, std::nullopt);
  bound.cpu_bound_idle = MilliCpu(200);
  take(fleet, zoned(node.report(2, seconds(10)), {bound, zone(1, std::nullopt, 7)}), seconds(10));
  const auto usage = fleet.usage(NodeName("n")).value_or(NodeUsage{});
  EXPECT_EQ(usage.zone_count, 2);
  ASSERT_THAT(usage.zones, SizeIs(2));
  EXPECT_EQ(usage.zones[0].cpu_others, MilliCpu((3'000 + 5'200) / 2)) << "what is not told apart is others'";
  EXPECT_EQ(usage.zones[0].cpu_be, MilliCpu(1'000));
  EXPECT_EQ(usage.zones[0].memory_others, Bytes(0)) << "never below 0";
  EXPECT_EQ(usage.zones[1].cpu_others, MilliCpu(2'000));
  EXPECT_EQ(usage.zones[1].memory_capacity, Bytes(2'000));
}

TEST(Usage, ZonesStayWhereAReportTellsOfNoneAndGoWithTheirAverages) {
  FleetView fleet;
  const Sender node;
  take(fleet, zoned(node.report(1, seconds(0)), {zone(0, 4'000, 0), zone(1, 2'000, 0)}), seconds(0));
  take(fleet, zoned(node.report(2, seconds(10)), {}), seconds(10));
  EXPECT_EQ(fleet.usage(NodeName("n"))->zones.at(0).cpu_others, MilliCpu(4'000));
  take(fleet, zoned(node.report(3, minutes(10)), {}), minutes(10));
  EXPECT_EQ(fleet.usage(NodeName("n"))->zones.at(0).cpu_others, std::nullopt) << "too old to say anything";
  take(fleet, zoned(node.report(4, minutes(11)), {zone(0, 9, 0), zone(3, 9, 0)}), minutes(11));
  EXPECT_EQ(fleet.usage(NodeName("n"))->zones.at(1).id, 3) << "other zones begin anew";
  take(fleet, with(node.report(5, minutes(12)), [](Report& report) { report.status.zones = 1; }), minutes(12));
  EXPECT_THAT(fleet.usage(NodeName("n"))->zones, IsEmpty());
}

TEST(Usage, ZonesGoWhereANodeNoLongerSaysHowManyItHas) {
  FleetView fleet;
  const Sender node;
  take(fleet, zoned(node.report(1, seconds(0)), {zone(0, 4'000, 0), zone(1, 2'000, 0)}), seconds(0));
  take(fleet, node.report(2, seconds(10)), seconds(10));
  EXPECT_THAT(fleet.usage(NodeName("n"))->zones, IsEmpty()) << "an older agent";
}

TEST(Usage, APodKeepsItsAverageWhereverItIsListed) {
  FleetView fleet;
  const Sender sender;
  const auto pods = [](std::vector<model::PodSummary> list) { return [list](Report& report) { report.pods = list; }; };
  take(fleet, with(sender.report(1, seconds(0)), pods({pod("a", 100, 1), pod("b", 900, 1)})), seconds(0));
  take(fleet, with(sender.report(2, seconds(10)), pods({pod("b", 700, 1), pod("c", 5, 1), pod("a", 300, 1)})),
       seconds(10));
  take(fleet, with(sender.report(3, seconds(20)), pods({pod("b", 800, 1), pod("c", 7, 1), pod("a", 200, 1)})),
       seconds(20));
  const auto usage = *fleet.usage(NodeName("n"));
  ASSERT_THAT(usage.pods, SizeIs(3));
  EXPECT_EQ(usage.pods[0].uid, model::PodUid("b"));
  EXPECT_EQ(usage.pods[0].cpu, MilliCpu(800));
  EXPECT_EQ(usage.pods[1].cpu, MilliCpu(6));
  EXPECT_EQ(usage.pods[2].cpu, MilliCpu(200));
}

}  // namespace
}  // namespace tideline::fleet::fleet_usage_test
