// Signals of memory between two readings, and where a sample has them.

#include "node-actor/sense/memory_signals.h"

#include <gtest/gtest.h>

#include "node-actor/sense/sample.h"

namespace tideline::sense::memory_signals_test {
namespace {

using model::Bytes;
using model::Duration;
using model::MemorySignals;
using model::Pressure;
using model::QosClass;
using model::StallTotals;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr model::MonoTime kStart{1'000'000'000};
constexpr Duration kMostStat = std::chrono::minutes(2);

/// A group whose memory.stat was read at `stat_at`; all of it grows with `count`.
model::GroupCounters group(Duration stat_at, std::int64_t count, std::uint64_t inode = 1) {
  model::GroupCounters counters;
  counters.inode = inode;
  auto& memory = counters.memory_side;
  memory.stat_at = kStart + stat_at;
  memory.usage = Bytes(5000);
  memory.reclaimable = Bytes(300);
  memory.refaults = 10 * count;
  memory.scanned = 100 * count;
  memory.oom_kills = count;
  memory.memory_stall = StallTotals{milliseconds(2 * count), milliseconds(count)};
  memory.io_stall = StallTotals{milliseconds(4 * count), milliseconds(3 * count)};
  return counters;
}

MemorySignals signals_of(const model::GroupCounters& before, const model::GroupCounters& now,
                         Duration window = seconds(1)) {
  return group_signals(before, now, window, kMostStat);
}

TEST(MemorySignals, StallsCountByTheWindowAndTheRestByItsOwnReadings) {
  const auto signals = signals_of(group(seconds(0), 0), group(seconds(5), 100));
  EXPECT_EQ(signals.memory, (Pressure{.some = 0.2, .full = 0.1}));
  EXPECT_EQ(signals.io, (Pressure{.some = 0.4, .full = 0.3}));
  EXPECT_DOUBLE_EQ(signals.refaults.value(), 200);
  EXPECT_DOUBLE_EQ(signals.scanned.value(), 2000);
  EXPECT_EQ(signals.oom_kills, 100);
  EXPECT_EQ(signals.alloc_stalls, std::nullopt) << "the host's alone";
}

TEST(MemorySignals, WhatWasNotReadAnewGivesNoRate) {
  const auto signals = signals_of(group(seconds(5), 100), group(seconds(5), 100));
  EXPECT_EQ(signals.refaults, std::nullopt) << "not 0: nobody looked";
  EXPECT_EQ(signals.scanned, std::nullopt);
  EXPECT_EQ(signals.oom_kills, std::nullopt);
  EXPECT_EQ(signals.memory, (Pressure{.some = 0, .full = 0})) << "that was";
}

TEST(MemorySignals, WhatWasReadAnewAndDidNotGrowIsZero) {
  const auto signals = signals_of(group(seconds(0), 7), group(seconds(5), 7));
  EXPECT_EQ(signals.refaults, 0);
  EXPECT_EQ(signals.oom_kills, 0);
}

TEST(MemorySignals, StatReadingsTooFarApartOrTurnedAroundGiveNoRate) {
  for (const Duration at : {Duration(kMostStat) + Duration(1), Duration(seconds(-1))})
    EXPECT_EQ(signals_of(group(seconds(0), 0), group(at, 9)).refaults, std::nullopt);
  EXPECT_NE(signals_of(group(seconds(0), 0), group(kMostStat, 9)).refaults, std::nullopt);
}

TEST(MemorySignals, OfAnotherGroupOrACounterThatFellNothingIsKnown) {
  EXPECT_EQ(signals_of(group(seconds(0), 0, 1), group(seconds(5), 9, 2)), MemorySignals{});
  EXPECT_EQ(signals_of(group(seconds(0), 0, 0), group(seconds(5), 9, 0)), MemorySignals{});
  EXPECT_EQ(signals_of(group(seconds(0), 9), group(seconds(5), 0)), MemorySignals{});
}

TEST(MemorySignals, AMissingCounterTakesNoOtherAlong) {
  auto now = group(seconds(5), 100);
  now.memory_side.refaults = std::nullopt;
  now.memory_side.memory_stall = std::nullopt;
  const auto signals = signals_of(group(seconds(0), 0), now);
  EXPECT_EQ(signals.refaults, std::nullopt);
  EXPECT_EQ(signals.memory, std::nullopt);
  EXPECT_EQ(signals.oom_kills, 100);
  EXPECT_NE(signals.io, std::nullopt);
}

TEST(MemorySignals, OfTheHostAreItsPressureStallsAndDirectReclaim) {
  model::HostCounters before;
  model::HostCounters now;
  before.memory_stall = StallTotals{seconds(1), seconds(0)};
  now.memory_stall = StallTotals{seconds(2), milliseconds(500)};
  before.memory_host.alloc_stalls = 10;
  now.memory_host.alloc_stalls = 40;
  before.memory_host.direct_scanned = 100;
  now.memory_host.direct_scanned = 100;
  const auto signals = host_signals(before, now, seconds(2));
  EXPECT_EQ(signals.memory, (Pressure{.some = 0.5, .full = 0.25}));
  EXPECT_EQ(signals.io, std::nullopt);
  EXPECT_DOUBLE_EQ(signals.alloc_stalls.value(), 15);
  EXPECT_EQ(signals.scanned, 0);
  EXPECT_EQ(signals.oom_kills, std::nullopt);
  now.memory_host.alloc_stalls = 9;
  EXPECT_EQ(host_signals(before, now, seconds(2)).alloc_stalls, std::nullopt) << "fell";
}

TEST(MemorySignals, OfSeveralAreTheWorsePressureAndTheSums) {
  MemorySignals one;
  one.memory = Pressure{.some = 0.1, .full = 0.1};
  one.io = Pressure{.some = 0.4, .full = 0.2};
  one.refaults = 3;
  one.scanned = 30;
  one.oom_kills = 1;
  MemorySignals other = one;
  other.memory = Pressure{.some = 0.3, .full = 0};
  other.io = std::nullopt;
  auto all = no_signals();
  EXPECT_EQ(all.refaults, 0) << "of no group at all";
  EXPECT_EQ(all.memory, std::nullopt);
  add_signals(all, one);
  add_signals(all, other);
  EXPECT_EQ(all.memory, other.memory);
  EXPECT_EQ(all.io, one.io);
  EXPECT_EQ(all.refaults, 6);
  EXPECT_EQ(all.scanned, 60);
  EXPECT_EQ(all.oom_kills, 2);
  other.refaults = std::nullopt;
  add_signals(all, other);
  EXPECT_EQ(all.refaults, std::nullopt) << "one part is not known";
  EXPECT_EQ(all.oom_kills, 3);
  add_signals(all, one);
  EXPECT_EQ(all.refaults, std::nullopt);
}

model::PodCounters pod(const std::string& uid, QosClass qos, const model::GroupCounters& counters) {
  model::PodCounters made;
  made.uid = model::PodUid(uid);
  made.qos = qos;
  made.below_besteffort = qos == QosClass::kBe;
  made.group = counters;
  return made;
}

/// LS pods a and b, BE pod c; memory.stat read with each.
model::HostCounters host(Duration at, std::int64_t count) {
  model::HostCounters counters;
  counters.at = kStart + at;
  counters.best_effort = group(at, count);
  counters.memory_stall = StallTotals{milliseconds(count), Duration(0)};
  counters.pods = {pod("a", QosClass::kLs, group(at, count)), pod("b", QosClass::kLse, group(at, 2 * count)),
                   pod("c", QosClass::kBe, group(at, 50 * count))};
  return counters;
}

TEST(MemorySample, HasSignalsOfPodsTiersAndHost) {
  const auto sample = node_sample(host(seconds(0), 0), host(seconds(1), 10));
  EXPECT_EQ(sample.pods[0].memory_usage, Bytes(5000));
  EXPECT_EQ(sample.pods[0].memory_signals.refaults, 100);
  EXPECT_EQ(sample.pods[2].memory_signals.refaults, 5000);
  const auto& side = sample.memory_side;
  EXPECT_EQ(side.be_usage, Bytes(5000));
  EXPECT_EQ(side.be_reclaimable, Bytes(300));
  EXPECT_EQ(side.be.refaults, 100) << "the root's, which counts all below it";
  EXPECT_EQ(side.ls.refaults, 300);
  EXPECT_EQ(side.ls.oom_kills, 30);
  EXPECT_EQ(side.ls.memory, (Pressure{.some = 0.04, .full = 0.02})) << "of b, which waits longer";
  EXPECT_EQ(side.host.memory, sample.memory_pressure);
  EXPECT_EQ(side.available, std::nullopt) << "the actor's to say";
  EXPECT_EQ(side.be_tightened, std::nullopt);
  EXPECT_EQ(side.rung, model::ReliefRung::kNone);
}

TEST(MemorySample, TheFirstReadingHasLevelsAlone) {
  const auto sample = first_sample(host(seconds(1), 10));
  EXPECT_EQ(sample.memory_side.be_usage, Bytes(5000));
  EXPECT_EQ(sample.pods[1].memory_usage, Bytes(5000));
  EXPECT_EQ(sample.memory_side.ls, MemorySignals{});
  EXPECT_EQ(sample.memory_side.be, MemorySignals{});
  EXPECT_EQ(sample.memory_side.host, MemorySignals{});
  EXPECT_EQ(sample.pods[0].memory_signals, MemorySignals{});
}

TEST(MemorySample, ANewLsPodMakesTheSumsUnknownForOneReadingAndNotThePressure) {
  auto before = host(seconds(0), 0);
  before.pods.erase(before.pods.begin());
  const auto sample = node_sample(before, host(seconds(1), 10));
  EXPECT_EQ(sample.memory_side.ls.refaults, std::nullopt);
  EXPECT_EQ(sample.memory_side.ls.oom_kills, std::nullopt);
  EXPECT_NE(sample.memory_side.ls.memory, std::nullopt);
}

TEST(MemorySample, AnLsPodWithoutAGroupTakesNothing) {
  auto now = host(seconds(1), 10);
  now.pods[0].group = {};
  EXPECT_EQ(node_sample(host(seconds(0), 0), now).memory_side.ls.refaults, 200);
}

TEST(MemorySample, WhereMemoryStandsBetweenItsReadsOnlyLevelsAreKnown) {
  auto before = host(seconds(5), 10);
  auto now = host(seconds(6), 10);
  for (auto& each : now.pods)
    each.group.memory_side.stat_at = kStart + seconds(5);
  const auto sample = node_sample(before, now);
  EXPECT_EQ(sample.memory_side.ls.refaults, std::nullopt);
  EXPECT_EQ(sample.pods[0].memory_signals.oom_kills, std::nullopt);
  EXPECT_EQ(sample.pods[0].memory_usage, Bytes(5000));
  EXPECT_EQ(sample.memory_side.be.refaults, 0) << "read each time";
}

}  // namespace
}  // namespace tideline::sense::memory_signals_test
