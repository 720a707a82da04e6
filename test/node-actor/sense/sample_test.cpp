#include "node-actor/sense/sample.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::sense::sample_test {
namespace {

using model::Bytes;
using model::Duration;
using model::MilliCpu;
using model::QosClass;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr model::MonoTime kStart{1'000'000'000};

model::FastCounters fast(Duration at, std::optional<Duration> node, std::optional<Duration> be,
                         std::uint64_t inode = 1) {
  return {.at = kStart + at,
          .node_cpu = node,
          .be_cpu = be,
          .be_periods = {},
          .be_inode = inode,
          .pods = {},
          .be_outside = {}};
}

TEST(FastSample, IsTheDifferenceOverTheWindow) {
  const auto sample =
      fast_sample(fast(milliseconds(0), seconds(10), seconds(3)),
                  fast(milliseconds(100), seconds(10) + milliseconds(150), seconds(3) + milliseconds(40)));
  EXPECT_EQ(sample.at, kStart + milliseconds(100));
  EXPECT_EQ(sample.window, milliseconds(100));
  EXPECT_EQ(sample.node_cpu, MilliCpu(1500));
  EXPECT_EQ(sample.be_cpu, MilliCpu(400));
}

TEST(FastSample, CountsThePeriodsThatBeganInTheWindow) {
  const auto begun = [](std::optional<std::int64_t> before, std::optional<std::int64_t> now, std::uint64_t inode = 1) {
    auto from = fast(seconds(0), seconds(10), seconds(3));
    auto to = fast(seconds(1), seconds(11), seconds(4), inode);
    from.be_periods = before;
    to.be_periods = now;
    return fast_sample(from, to).be_periods;
  };
  EXPECT_EQ(begun(7, 9), 2);
  EXPECT_EQ(begun(7, 7), 0);
  EXPECT_EQ(begun(7, 6), std::nullopt);
  EXPECT_EQ(begun(std::nullopt, 6), std::nullopt);
  EXPECT_EQ(begun(7, std::nullopt), std::nullopt);
  EXPECT_EQ(begun(7, 9, 2), std::nullopt) << "another group of the same name";
}

TEST(FastSample, SumsBePodsOutsideAndKnowsNothingOfOthersThanBefore) {
  using Groups = std::vector<model::GroupCpu>;
  const auto outside = [](const Groups& then, const Groups& now) {
    auto before = fast(seconds(0), seconds(10), seconds(3));
    auto after = fast(seconds(1), seconds(12), seconds(4));
    before.be_outside = then;
    after.be_outside = now;
    return fast_sample(before, after).be_outside_cpu;
  };
  const Groups then{{7, seconds(1)}, {8, seconds(5)}};
  EXPECT_EQ(outside({}, {}), MilliCpu(0));
  EXPECT_EQ(outside(then, {{7, milliseconds(1200)}, {8, milliseconds(5300)}}), MilliCpu(500));
  EXPECT_EQ(outside({{7, seconds(1)}, {}}, {{7, milliseconds(1200)}, {}}), MilliCpu(200)) << "a pod not made yet";
  EXPECT_EQ(outside(then, {{7, seconds(1)}}), std::nullopt);
  EXPECT_EQ(outside(then, {{7, seconds(1)}, {9, seconds(5)}}), std::nullopt) << "made again";
  EXPECT_EQ(outside(then, {{7, seconds(1)}, {8, std::nullopt}}), std::nullopt);
  EXPECT_EQ(outside(then, {{7, seconds(1)}, {8, seconds(4)}}), std::nullopt) << "fell";
}

TEST(FastSample, AllPodsUseIsKnownWhereTheGroupWasReadTwiceAndIsTheSame) {
  const auto pods = [](model::GroupCpu before, model::GroupCpu now) {
    auto from = fast(seconds(0), seconds(10), seconds(3));
    auto to = fast(seconds(1), seconds(11), seconds(4));
    from.pods = before;
    to.pods = now;
    return fast_sample(from, to).pods_cpu;
  };
  EXPECT_EQ(pods({7, seconds(5)}, {7, seconds(5) + milliseconds(700)}), MilliCpu(700));
  EXPECT_EQ(pods({}, {7, seconds(5)}), std::nullopt);
  EXPECT_EQ(pods({7, seconds(5)}, {}), std::nullopt);
  EXPECT_EQ(pods({7, seconds(5)}, {8, seconds(6)}), std::nullopt) << "another group of the same name";
  EXPECT_EQ(pods({7, seconds(5)}, {7, std::nullopt}), std::nullopt);
}

TEST(FastSample, CounterThatFellIsUnknown) {
  const auto sample = fast_sample(fast(seconds(0), seconds(10), seconds(3)), fast(seconds(1), seconds(9), seconds(2)));
  EXPECT_EQ(sample.node_cpu, std::nullopt);
  EXPECT_EQ(sample.be_cpu, std::nullopt);
}

TEST(FastSample, BestEffortRootMadeAgainIsUnknown) {
  const auto sample =
      fast_sample(fast(seconds(0), seconds(10), seconds(3), 1), fast(seconds(1), seconds(11), seconds(4), 2));
  EXPECT_EQ(sample.node_cpu, MilliCpu(1000));
  EXPECT_EQ(sample.be_cpu, std::nullopt);
}

TEST(FastSample, MissingReadingIsUnknownNotZero) {
  const auto sample =
      fast_sample(fast(seconds(0), seconds(10), std::nullopt), fast(seconds(1), seconds(11), seconds(4)));
  EXPECT_EQ(sample.be_cpu, std::nullopt);
  EXPECT_EQ(fast_sample({}, fast(seconds(1), seconds(11), seconds(4))).node_cpu, std::nullopt);
}

TEST(FastSample, WindowThatIsZeroNegativeOrStaleGivesNoRate) {
  const auto before = fast(seconds(0), seconds(10), seconds(3));
  for (const Duration at : {Duration(seconds(0)), Duration(seconds(-1)), Duration(seconds(20) + Duration(1))}) {
    const auto sample = fast_sample(before, fast(at, seconds(11), seconds(4)));
    EXPECT_EQ(sample.node_cpu, std::nullopt) << at.count();
    EXPECT_EQ(sample.be_cpu, std::nullopt);
    EXPECT_EQ(sample.window, model::kZeroDuration);
  }
  EXPECT_EQ(fast_sample(before, fast(seconds(20), seconds(30), seconds(3))).node_cpu, MilliCpu(1000));
}

model::GroupCounters group(Duration cpu, std::uint64_t inode) {
  model::GroupCounters counters;
  counters.inode = inode;
  counters.cpu = cpu;
  counters.nr_periods = 0;
  counters.nr_throttled = 0;
  counters.memory = Bytes(100);
  return counters;
}

model::PodCounters pod(const std::string& uid, QosClass qos, Duration cpu, Duration run_delay = Duration(0)) {
  model::PodCounters counters;
  counters.uid = model::PodUid(uid);
  counters.qos = qos;
  counters.below_besteffort = qos == QosClass::kBe;
  counters.group = group(cpu, std::hash<std::string>{}(uid) | 1U);
  counters.group.run_delay = run_delay;
  return counters;
}

/// A host at `at`: node 10 s + 1.5 CPUs, BE root 2 s + 0.4, LS pods a 0.5 and b 0.3, BE pod c 0.4 of a CPU since start.
model::HostCounters host(Duration at) {
  const auto part = [&](int percent) { return at * percent / 100; };
  model::HostCounters counters;
  counters.at = kStart + at;
  counters.wall = model::WallTime{5000 + at / milliseconds(1)};
  counters.node_cpu = seconds(10) + part(150);
  counters.memory_total = Bytes(1000);
  counters.memory_available = Bytes(400);
  counters.cpu_stall = model::StallTotals{part(25), part(0)};
  counters.memory_stall = model::StallTotals{part(10), part(5)};
  counters.best_effort = group(seconds(2) + part(40), 7);
  counters.be_limit = MilliCpu(600);
  counters.be_limit_known = true;
  counters.pods = {pod("a", QosClass::kLs, part(50), part(6)), pod("b", QosClass::kLsr, part(30), part(2)),
                   pod("c", QosClass::kBe, part(40))};
  return counters;
}

TEST(NodeSample, SplitsTheHostIntoLsBeAndSystem) {
  const auto sample = node_sample(host(seconds(0)), host(seconds(1)));
  EXPECT_EQ(sample.at, kStart + seconds(1));
  EXPECT_EQ(sample.wall, model::WallTime{6000});
  EXPECT_EQ(sample.window, seconds(1));
  EXPECT_EQ(sample.node_cpu, MilliCpu(1500));
  EXPECT_EQ(sample.ls_cpu, MilliCpu(800));
  EXPECT_EQ(sample.be_cpu, MilliCpu(400));
  EXPECT_EQ(sample.system_cpu, MilliCpu(300));
  EXPECT_EQ(sample.node_memory, Bytes(600));
  EXPECT_EQ(sample.ls_memory, Bytes(200));
  EXPECT_EQ(sample.be_memory, Bytes(100));
  EXPECT_EQ(sample.be_limit, MilliCpu(600));
  EXPECT_EQ(sample.cpu_pressure, (model::Pressure{.some = 0.25, .full = 0}));
  EXPECT_EQ(sample.memory_pressure, (model::Pressure{.some = 0.1, .full = 0.05}));
  EXPECT_EQ(sample.io_pressure, std::nullopt);
}

TEST(NodeSample, ListsEachPodsUse) {
  const auto sample = node_sample(host(seconds(0)), host(seconds(2)));
  ASSERT_EQ(sample.pods.size(), 3U);
  EXPECT_EQ(sample.pods[0].uid, model::PodUid("a"));
  EXPECT_EQ(sample.pods[0].cpu, MilliCpu(500));
  EXPECT_EQ(sample.pods[0].memory, Bytes(100));
  EXPECT_EQ(sample.pods[0].throttled_ratio, 0.0);
  EXPECT_DOUBLE_EQ(sample.pods[0].run_delay.value(), 0.06);
  EXPECT_EQ(sample.pods[2].cpu, MilliCpu(400));
}

/// The host above, with container "x" in pod a: 0.2 of a CPU, 10 periods a second, 3 of them throttled.
model::HostCounters host_with_container(Duration at, const std::string& id = "x", std::uint64_t inode = 99) {
  auto counters = host(at);
  model::ContainerCounters container;
  container.id = id;
  container.group = group(at * 20 / 100, inode);
  container.group.nr_periods = 10 * (at / seconds(1));
  container.group.nr_throttled = 3 * (at / seconds(1));
  counters.pods[0].containers = {container};
  return counters;
}

TEST(NodeSample, ListsWhatEachContainerUsesAndHowOftenItIsThrottled) {
  const auto sample = node_sample(host_with_container(seconds(1)), host_with_container(seconds(3)));
  ASSERT_EQ(sample.pods[0].containers.size(), 1U);
  const auto& use = sample.pods[0].containers[0];
  EXPECT_EQ(use.id, "x");
  EXPECT_EQ(use.cpu, MilliCpu(200));
  EXPECT_DOUBLE_EQ(use.throttled_ratio.value(), 0.3);
  EXPECT_TRUE(sample.pods[1].containers.empty());
}

TEST(NodeSample, OfAnotherContainerOrTheFirstReadingOnlyTheIdIsKnown) {
  const model::ContainerUse unknown{.id = "x", .cpu = {}, .throttled_ratio = {}};
  const auto now = host_with_container(seconds(2));
  for (const auto& before : {host(seconds(1)), host_with_container(seconds(1), "y"),
                             host_with_container(seconds(1), "x", 98), host_with_container(seconds(1), "x", 0)}) {
    const auto sample = node_sample(before, now);
    ASSERT_EQ(sample.pods[0].containers.size(), 1U);
    EXPECT_EQ(sample.pods[0].containers[0], unknown);
  }
  EXPECT_EQ(first_sample(now).pods[0].containers, std::vector{unknown});
  auto gone = now;
  gone.pods[0].containers[0].group = {};
  EXPECT_EQ(node_sample(host_with_container(seconds(1)), gone).pods[0].containers, std::vector{unknown});
}

TEST(NodeSample, CarriesTheCpusOfTheBestEffortRoot) {
  auto now = host(seconds(1));
  EXPECT_EQ(node_sample(host(seconds(0)), now).be_cpus, std::nullopt);
  now.be_cpus = 3;
  EXPECT_EQ(node_sample(host(seconds(0)), now).be_cpus, 3);
  EXPECT_EQ(first_sample(now).be_cpus, 3);
}

TEST(NodeSample, DelayIsWaitingOverUseOfAllLsPods) {
  const auto sample = node_sample(host(seconds(0)), host(seconds(1)));
  EXPECT_DOUBLE_EQ(sample.ls_delay_per_cpu.value(), (0.06 + 0.02) / (0.5 + 0.3));
}

TEST(NodeSample, DelayPrefersThePodsOwnPressure) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  before.pods[0].group.cpu_stall = model::StallTotals{seconds(1), Duration(0)};
  now.pods[0].group.cpu_stall = model::StallTotals{seconds(1) + milliseconds(240), Duration(0)};
  EXPECT_DOUBLE_EQ(node_sample(before, now).ls_delay_per_cpu.value(), (0.24 + 0.02) / 0.8);
}

TEST(NodeSample, DelayIsUnknownWhenOneLsPodsWaitingIs) {
  auto now = host(seconds(1));
  now.pods[1].group.run_delay = std::nullopt;
  const auto sample = node_sample(host(seconds(0)), now);
  EXPECT_EQ(sample.ls_delay_per_cpu, std::nullopt);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(800));
}

TEST(NodeSample, DelayIsUnknownWhenLsUsesNothing) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  for (auto* counters : {&before, &now}) {
    for (auto& each : counters->pods)
      each.group.cpu = seconds(1);
  }
  const auto sample = node_sample(before, now);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(0));
  EXPECT_EQ(sample.ls_delay_per_cpu, std::nullopt);
}

TEST(NodeSample, BatchPodsDoNotCountAsDelayedLs) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  now.pods[2].group.run_delay = seconds(9);
  EXPECT_DOUBLE_EQ(node_sample(before, now).ls_delay_per_cpu.value(), 0.1);
}

TEST(NodeSample, LsLabelBelowTheBestEffortRootIsBatch) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  for (auto* counters : {&before, &now})
    counters->pods[2].qos = QosClass::kLs;
  const auto sample = node_sample(before, now);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(800));
  EXPECT_EQ(sample.system_cpu, MilliCpu(300));
}

TEST(NodeSample, TheSystemsUseIsNotKnownWhileAnLsLabelIsHiddenBelowTheBestEffortRoot) {
  for (const auto qos : {QosClass::kLs, QosClass::kBe}) {
    auto before = host(seconds(0));
    auto now = host(seconds(1));
    for (auto* counters : {&before, &now})
      counters->pods[2].qos = qos;
    now.pods[2].group.cpu.reset();
    const auto sample = node_sample(before, now);
    EXPECT_EQ(sample.pods[2].cpu, std::nullopt);
    const std::optional of_batch = MilliCpu(300);
    EXPECT_EQ(sample.system_cpu, qos == QosClass::kBe ? of_batch : std::nullopt) << name_of(qos);
    now.pods[2].group = {};
    EXPECT_EQ(node_sample(before, now).system_cpu, MilliCpu(300)) << "without a group it runs nothing";
  }
}

TEST(NodeSample, BatchLabelOutsideTheBestEffortRootIsNeitherLsNorSystem) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  for (auto* counters : {&before, &now})
    counters->pods[1].qos = QosClass::kBe;
  const auto sample = node_sample(before, now);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(500));
  EXPECT_EQ(sample.be_cpu, MilliCpu(400));
  EXPECT_EQ(sample.system_cpu, MilliCpu(300));
}

TEST(NodeSample, CounterThatFellMakesItsSumsUnknown) {
  auto now = host(seconds(1));
  now.pods[0].group.cpu = Duration(-1);
  const auto sample = node_sample(host(seconds(0)), now);
  EXPECT_EQ(sample.pods[0].cpu, std::nullopt);
  EXPECT_EQ(sample.pods[1].cpu, MilliCpu(300));
  EXPECT_EQ(sample.ls_cpu, std::nullopt);
  EXPECT_EQ(sample.system_cpu, std::nullopt);
  EXPECT_EQ(sample.ls_delay_per_cpu, std::nullopt);
  EXPECT_EQ(sample.be_cpu, MilliCpu(400));
}

TEST(NodeSample, PodMadeAgainBetweenReadingsIsUnknown) {
  auto now = host(seconds(1));
  now.pods[0].group.inode += 2;
  const auto sample = node_sample(host(seconds(0)), now);
  EXPECT_EQ(sample.pods[0].cpu, std::nullopt);
  EXPECT_EQ(sample.pods[0].throttled_ratio, std::nullopt);
  EXPECT_EQ(sample.pods[0].run_delay, std::nullopt);
  EXPECT_EQ(sample.ls_cpu, std::nullopt);
}

TEST(NodeSample, NewPodIsUnknownForOneReading) {
  auto before = host(seconds(0));
  before.pods.erase(before.pods.begin());
  const auto sample = node_sample(before, host(seconds(1)));
  EXPECT_EQ(sample.pods[0].cpu, std::nullopt);
  EXPECT_EQ(sample.ls_cpu, std::nullopt);
  EXPECT_EQ(sample.node_cpu, MilliCpu(1500));
}

TEST(NodeSample, PodsAreKnownByUidWhereverTheyAreInTheList) {
  auto before = host(seconds(0));
  const auto wanted = node_sample(before, host(seconds(1)));
  std::swap(before.pods[0], before.pods[2]);
  before.pods.insert(before.pods.begin(), pod("ended", QosClass::kLs, seconds(9)));
  EXPECT_EQ(node_sample(before, host(seconds(1))), wanted);
}

TEST(NodeSample, PodWithoutGroupTakesNothing) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  now.pods[0].group = {};
  const auto sample = node_sample(before, now);
  EXPECT_EQ(sample.pods[0].cpu, std::nullopt);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(300));
  EXPECT_EQ(sample.ls_memory, Bytes(100));
  EXPECT_EQ(sample.system_cpu, MilliCpu(800));  // what it still used went with it
}

TEST(NodeSample, SystemIsNeverNegative) {
  auto now = host(seconds(1));
  now.node_cpu = seconds(10) + milliseconds(100);
  EXPECT_EQ(node_sample(host(seconds(0)), now).system_cpu, MilliCpu(0));
}

TEST(NodeSample, ThrottledRatioIsOfPeriodsThatPassed) {
  auto before = host(seconds(0));
  auto now = host(seconds(1));
  now.pods[0].group.nr_periods = 10;
  now.pods[0].group.nr_throttled = 4;
  now.pods[1].group.nr_periods = std::nullopt;
  const auto sample = node_sample(before, now);
  EXPECT_EQ(sample.pods[0].throttled_ratio, 0.4);
  EXPECT_EQ(sample.pods[1].throttled_ratio, std::nullopt);
}

TEST(NodeSample, StaleOrFirstReadingGivesLevelsOnly) {
  for (const auto& sample : {first_sample(host(seconds(21))), node_sample(host(seconds(0)), host(seconds(21))),
                             node_sample(host(seconds(21)), host(seconds(21)))}) {
    EXPECT_EQ(sample.window, model::kZeroDuration);
    EXPECT_EQ(sample.node_cpu, std::nullopt);
    EXPECT_EQ(sample.ls_cpu, std::nullopt);
    EXPECT_EQ(sample.cpu_pressure, std::nullopt);
    EXPECT_EQ(sample.ls_delay_per_cpu, std::nullopt);
    EXPECT_EQ(sample.node_memory, Bytes(600));
    EXPECT_EQ(sample.be_limit, MilliCpu(600));
    ASSERT_EQ(sample.pods.size(), 3U);
    EXPECT_EQ(sample.pods[0].cpu, std::nullopt);
    EXPECT_EQ(sample.pods[0].memory, Bytes(100));
  }
}

TEST(NodeSample, AnyReadingsGiveFiniteValuesThatAreNotNegative) {
  const auto seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  const auto below = [&](std::uint64_t limit) { return static_cast<std::int64_t>(random() % limit); };
  const auto maybe = [&](auto value) { return below(5) == 0 ? std::nullopt : std::optional(value); };
  const auto any_duration = [&] { return Duration(below(3) == 0 ? below(1ULL << 62) : below(100)); };
  const auto any_stall = [&] { return model::StallTotals{any_duration(), any_duration()}; };
  const auto any_group = [&] {
    model::GroupCounters counters;
    counters.inode = static_cast<std::uint64_t>(below(3));
    counters.cpu = maybe(any_duration());
    counters.nr_periods = maybe(below(100));
    counters.nr_throttled = maybe(below(100));
    counters.cpu_stall = maybe(any_stall());
    counters.run_delay = maybe(any_duration());
    counters.memory_side.stat_at = kStart + Duration(below(30'000'000'000));
    counters.memory_side.refaults = maybe(below(1ULL << 62));
    counters.memory_side.oom_kills = maybe(below(100));
    counters.memory_side.memory_stall = maybe(any_stall());
    return counters;
  };
  const auto any_host = [&] {
    model::HostCounters counters;
    counters.at = kStart + Duration(below(30'000'000'000));
    counters.node_cpu = maybe(any_duration());
    counters.memory_total = maybe(Bytes(below(100)));
    counters.memory_available = maybe(Bytes(below(100)));
    counters.cpu_stall = maybe(any_stall());
    counters.best_effort = any_group();
    for (auto count = below(4); count > 0; --count) {
      model::PodCounters made;
      made.uid = model::PodUid(std::to_string(below(3)));
      made.qos = static_cast<QosClass>(below(5));
      made.below_besteffort = below(2) == 0;
      made.group = any_group();
      counters.pods.push_back(made);
    }
    return counters;
  };
  for (int round = 0; round < 20000; ++round) {
    const auto sample = node_sample(any_host(), any_host());
    for (const auto& value : {sample.node_cpu, sample.ls_cpu, sample.be_cpu, sample.system_cpu}) {
      ASSERT_GE(value.value_or(MilliCpu(0)).value(), 0) << "round " << round;
    }
    ASSERT_GE(sample.node_memory.value_or(Bytes(0)).value(), 0);
    ASSERT_TRUE(std::isfinite(sample.ls_delay_per_cpu.value_or(0)));
    ASSERT_GE(sample.ls_delay_per_cpu.value_or(0), 0);
    ASSERT_LE(sample.cpu_pressure.value_or(model::Pressure{}).some, 1.0);
    for (const auto& use : sample.pods) {
      ASSERT_LE(use.throttled_ratio.value_or(0), 1.0);
      ASSERT_GE(use.memory_signals.oom_kills.value_or(0), 0);
    }
    for (const auto& signals : {sample.memory_side.ls, sample.memory_side.be}) {
      ASSERT_TRUE(std::isfinite(signals.refaults.value_or(0)));
      ASSERT_GE(signals.refaults.value_or(0), 0);
      ASSERT_LE(signals.memory.value_or(model::Pressure{}).some, 1.0);
    }
  }
}

}  // namespace
}  // namespace tideline::sense::sample_test
