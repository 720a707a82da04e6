#include "node-actor/sense/window.h"

#include <gtest/gtest.h>

namespace tideline::sense::window_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::Spread;

model::Pod pod(const std::string& uid) {
  model::Pod made;
  made.uid = model::PodUid(uid);
  made.name = "name-of-" + uid;
  return made;
}

model::NodeSample sample(std::int64_t at, std::optional<MilliCpu> cpu, std::optional<double> ratio = std::nullopt) {
  model::NodeSample made;
  made.at = model::MonoTime{at};
  made.node_cpu = MilliCpu(at);
  model::PodUse use;
  use.uid = model::PodUid("a");
  use.cpu = cpu;
  use.memory = Bytes(at * 10);
  use.throttled_ratio = ratio;
  use.run_delay = ratio;
  made.pods = {use};
  return made;
}

TEST(ReportWindow, FoldsPodsIntoMinMeanMax) {
  ReportWindow window;
  window.add(sample(1, MilliCpu(100), 0.5));
  window.add(sample(2, MilliCpu(400), 0.0));
  window.add(sample(3, MilliCpu(101), 1.0));
  const auto summaries = window.summaries({pod("a")});
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(*summaries[0].pod, pod("a"));
  EXPECT_EQ(summaries[0].cpu_milli, (Spread{.min = 100, .mean = 200, .max = 400}));
  EXPECT_EQ(summaries[0].memory_bytes, (Spread{.min = 10, .mean = 20, .max = 30}));
  EXPECT_DOUBLE_EQ(summaries[0].throttled_ratio.value(), 0.5);
  EXPECT_DOUBLE_EQ(summaries[0].run_delay.value(), 0.5);
}

TEST(ReportWindow, WhatWasUnknownLowersNoMean) {
  ReportWindow window;
  window.add(sample(1, std::nullopt));
  window.add(sample(2, MilliCpu(400)));
  const auto summary = window.summaries({pod("a")})[0];
  EXPECT_EQ(summary.cpu_milli, (Spread{.min = 400, .mean = 400, .max = 400}));
  EXPECT_EQ(summary.throttled_ratio, std::nullopt);
}

TEST(ReportWindow, MemorySignalsOfAPodAreMeansAndKillsASum) {
  ReportWindow window;
  const auto add = [&](const model::MemorySignals& signals) {
    auto made = sample(1, MilliCpu(1));
    made.pods[0].memory_signals = signals;
    window.add(std::move(made));
  };
  model::MemorySignals one;
  one.memory = model::Pressure{.some = 0.5, .full = 0.25};
  one.io = model::Pressure{.some = 0.125, .full = 0};
  one.refaults = 10;
  one.scanned = 7;
  one.oom_kills = 2;
  add(one);
  add({});
  auto other = one;
  other.memory = model::Pressure{.some = 0.25, .full = 0.25};
  other.io = std::nullopt;
  other.refaults = 20;
  other.scanned = std::nullopt;
  add(other);
  const auto signals = window.summaries({pod("a")})[0].memory_signals;
  EXPECT_EQ(signals.memory, (model::Pressure{.some = 0.375, .full = 0.25}));
  EXPECT_EQ(signals.io, one.io);
  EXPECT_EQ(signals.refaults, 15);
  EXPECT_EQ(signals.scanned, 7);
  EXPECT_EQ(signals.oom_kills, 4);
  EXPECT_EQ(window.summaries({pod("new")})[0].memory_signals, model::MemorySignals{});
}

TEST(ReportWindow, CarriesTheMemorySideOfItsSamples) {
  ReportWindow window;
  auto made = sample(1, MilliCpu(1));
  made.memory_side.be_usage = Bytes(7);
  made.memory_side.rung = model::ReliefRung::kTighten;
  const auto side = made.memory_side;
  window.add(std::move(made));
  EXPECT_EQ(window.samples()[0].memory_side, side);
}

TEST(ReportWindow, ListsPodsOfWhichNothingIsKnown) {
  ReportWindow window;
  window.add(sample(1, std::nullopt));
  const auto summaries = window.summaries({pod("new"), pod("a")});
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].pod->uid, model::PodUid("new"));
  EXPECT_EQ(summaries[0].cpu_milli, std::nullopt);
  EXPECT_EQ(summaries[1].cpu_milli, std::nullopt);
  EXPECT_TRUE(summaries[1].memory_bytes.has_value());
}

TEST(ReportWindow, SharesPodsThatItIsGivenShared) {
  ReportWindow window;
  window.add(sample(1, MilliCpu(100)));
  const model::SharedPods pods{pod("new"), pod("a")};
  const auto summaries = window.summaries_of(pods);
  EXPECT_EQ(summaries, window.summaries({pod("new"), pod("a")}));
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(&*summaries[0].pod, &*pods[0]);
  EXPECT_EQ(&*summaries[1].pod, &*pods[1]);
}

TEST(ReportWindow, KeepsSamplesInOrderWithoutTheirPods) {
  ReportWindow window;
  EXPECT_TRUE(window.empty());
  window.add(sample(1, MilliCpu(1)));
  window.add(sample(2, MilliCpu(1)));
  ASSERT_EQ(window.samples().size(), 2U);
  EXPECT_EQ(window.samples()[0].at, model::MonoTime{1});
  EXPECT_EQ(window.samples()[1].node_cpu, MilliCpu(2));
  EXPECT_TRUE(window.samples()[0].pods.empty());
}

TEST(ReportWindow, IsBoundedByDroppingTheOldest) {
  ReportWindow window(2);
  for (int at = 1; at <= 5; ++at)
    window.add(sample(at, MilliCpu(at)));
  ASSERT_EQ(window.samples().size(), 2U);
  EXPECT_EQ(window.samples()[0].at, model::MonoTime{4});
  EXPECT_EQ(window.summaries({pod("a")})[0].cpu_milli, (Spread{.min = 1, .mean = 3, .max = 5}));
}

TEST(ReportWindow, StartsAnewAfterClear) {
  ReportWindow window;
  window.add(sample(1, MilliCpu(1)));
  window.clear();
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.summaries({pod("a")})[0].cpu_milli, std::nullopt);
}

}  // namespace
}  // namespace tideline::sense::window_test
