#include "node-actor/sense/zones.h"

#include <gtest/gtest.h>

#include "node-actor/sense/window.h"

namespace tideline::sense::zones_test {
namespace {

using model::Bytes;
using model::Duration;
using model::MilliCpu;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kMaxWindow = seconds(30);
constexpr model::MonoTime kStart{1'000'000'000};

/// Two zones of two CPUs; `used` of CPU 0 to 3.
model::ZoneReading reading(Duration at, std::vector<std::optional<Duration>> used,
                           std::optional<Duration> be = Duration(0)) {
  model::ZoneReading made;
  made.at = kStart + at;
  for (int id = 0; id < 2; ++id) {
    auto& zone = made.zones.emplace_back();
    zone.id = id;
    for (int cpu = 2 * id; cpu < 2 * id + 2; ++cpu)
      zone.cpus.push_back({cpu, used[static_cast<std::size_t>(cpu)]});
    zone.memory_total = Bytes(1000 * (id + 1));
    zone.memory_used = Bytes(100 * (id + 1));
    zone.be_memory = Bytes(10);
    zone.be_cpu = be;
  }
  return made;
}

const model::ZoneReading kBefore = reading(seconds(0), {seconds(1), seconds(2), seconds(3), seconds(4)});

TEST(Zones, UseIsTheDifferenceOverTheWindowAndLevelsAreTheNewest) {
  const auto now = reading(seconds(10), {seconds(6), seconds(12), seconds(3), seconds(5)}, seconds(4));
  const auto uses = zone_uses(kBefore, now, {}, kMaxWindow);
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0], (model::ZoneUse{.id = 0,
                                     .cpu_capacity = MilliCpu(2'000),
                                     .memory_capacity = Bytes(1'000),
                                     .cpu_used = MilliCpu(1'500),
                                     .cpu_bound_idle = MilliCpu(0),
                                     .memory_used = Bytes(100),
                                     .be_cpu = MilliCpu(400),
                                     .be_memory = Bytes(10)}));
  EXPECT_EQ(uses[1].cpu_used, MilliCpu(100));
  EXPECT_EQ(uses[1].memory_used, Bytes(200));
}

TEST(Zones, BestEffortUsesNoMoreOfAZoneThanAllDo) {
  const auto now = reading(seconds(10), {seconds(2), seconds(2), seconds(3), seconds(4)}, seconds(4));
  const auto uses = zone_uses(kBefore, now, {}, kMaxWindow);
  EXPECT_EQ(uses[0].be_cpu, MilliCpu(100)) << "read later than the host's, or garbled";
  EXPECT_EQ(uses[1].be_cpu, MilliCpu(0));
}

TEST(Zones, WhatLsePodsLeaveOfTheirCpusIsNobodys) {
  const auto now = reading(seconds(10), {seconds(6), seconds(12), seconds(3), seconds(5)});
  const auto uses = zone_uses(kBefore, now, model::CpuSet{0, 2}, kMaxWindow);
  EXPECT_EQ(uses[0].cpu_bound_idle, MilliCpu(500)) << "CPU 0 was half idle";
  EXPECT_EQ(uses[1].cpu_bound_idle, MilliCpu(1'000)) << "CPU 2 was idle";
}

TEST(Zones, ACpuIsNeverMoreThanFull) {
  const auto now = reading(seconds(1), {seconds(3), seconds(2), seconds(3), seconds(4)});
  EXPECT_EQ(zone_uses(kBefore, now, model::CpuSet{0}, kMaxWindow)[0].cpu_used, MilliCpu(1'000));
  EXPECT_EQ(zone_uses(kBefore, now, model::CpuSet{0}, kMaxWindow)[0].cpu_bound_idle, MilliCpu(0));
}

TEST(Zones, CpuIsUnknownWithoutAPairOfReadings) {
  const std::vector<std::optional<Duration>> later = {seconds(6), seconds(12), seconds(3), seconds(5)};
  auto offline = later;
  offline[1].reset();
  auto fell = later;
  fell[0] = milliseconds(1);
  const auto used = [](const model::ZoneReading& before, const model::ZoneReading& now) {
    return zone_uses(before, now, {}, kMaxWindow)[0].cpu_used;
  };
  EXPECT_TRUE(used(kBefore, reading(seconds(10), later)));
  EXPECT_EQ(used(kBefore, reading(seconds(31), later)), std::nullopt) << "too far apart";
  EXPECT_EQ(used(kBefore, reading(seconds(0), later)), std::nullopt);
  EXPECT_EQ(used(kBefore, reading(seconds(10), offline)), std::nullopt);
  EXPECT_EQ(used(kBefore, reading(seconds(10), fell)), std::nullopt);
  EXPECT_EQ(used({}, reading(seconds(10), later)), std::nullopt);
  auto others = reading(seconds(10), later);
  others.zones[0].cpus[1].id = 9;
  EXPECT_EQ(used(kBefore, others), std::nullopt);
  EXPECT_EQ(zone_uses(kBefore, reading(seconds(10), offline), {}, kMaxWindow)[0].memory_used, Bytes(100));
  EXPECT_TRUE(zone_uses(kBefore, reading(seconds(10), offline), {}, kMaxWindow)[1].cpu_used);
}

TEST(Zones, AZoneOfMemoryAloneUsesNoCpu) {
  auto before = kBefore;
  auto now = reading(seconds(10), {seconds(6), seconds(12), seconds(3), seconds(5)});
  for (auto* each : {&before, &now})
    each->zones[1].cpus.clear();
  const auto use = zone_uses(before, now, {}, kMaxWindow)[1];
  EXPECT_EQ(use.cpu_capacity, MilliCpu(0));
  EXPECT_EQ(use.cpu_used, MilliCpu(0));
}

TEST(Zones, WhileAServiceRunsBelowTheBestEffortRootItsPartIsNotToldApart) {
  model::ApplicationCounters service;
  service.below_besteffort = true;
  service.qos = model::QosClass::kLs;
  EXPECT_FALSE(has_services_below_besteffort({service})) << "it does not run";
  service.group.inode = 7;
  EXPECT_TRUE(has_services_below_besteffort({service}));
  auto unreadable = service;
  unreadable.group.inode = 0;
  unreadable.failed = true;
  EXPECT_TRUE(has_services_below_besteffort({unreadable}));
  auto batch = service;
  batch.qos = model::QosClass::kBe;
  auto beside = service;
  beside.below_besteffort = false;
  EXPECT_FALSE(has_services_below_besteffort({batch, beside}));
  EXPECT_TRUE(has_services_below_besteffort({batch, beside, service}));

  const auto now = reading(seconds(10), {seconds(6), seconds(12), seconds(3), seconds(5)}, seconds(4));
  auto uses = zone_uses(kBefore, now, {}, kMaxWindow);
  ASSERT_TRUE(uses[0].be_cpu && uses[0].be_memory);
  forget_best_effort(uses);
  for (const auto& use : uses) {
    EXPECT_EQ(use.be_cpu, std::nullopt);
    EXPECT_EQ(use.be_memory, std::nullopt);
    EXPECT_TRUE(use.cpu_used && use.memory_used);
  }
}

TEST(Zones, AReportHasTheNewestThatWereRead) {
  ReportWindow window;
  const auto add = [&](std::vector<int> ids) {
    model::NodeSample sample;
    for (const int id : ids)
      sample.zones.emplace_back().id = id;
    window.add(std::move(sample));
  };
  add({0, 1});
  add({0, 2});
  add({});
  ASSERT_EQ(window.zones().size(), 2u);
  EXPECT_EQ(window.zones()[1].id, 2);
  EXPECT_TRUE(window.samples()[0].zones.empty());
  window.clear();
  EXPECT_TRUE(window.zones().empty());
}

}  // namespace
}  // namespace tideline::sense::zones_test
