#include "coordinator/fleet/gone_pods.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/fleet/fleet_view.h"

namespace tideline::fleet::gone_pods_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A node that reports each 10 s, seen by what it would be charged. Its averages have slots of 30 s.
class GonePodsTest : public testing::Test {
 protected:
  static constexpr std::int64_t kSystem = 1'000;  // used outside of pods, of CPU and of memory
  static constexpr std::int64_t kPod = 3'000;     // used by a service
  static constexpr int kFiveMinutes = 30;         // in reports
  /// What one report is of the shortest average, of the pod's use: as much too much may be charged.
  static constexpr std::int64_t kOneReport = kPod / 28 + 1;

  static model::PodSummary service(const std::string& uid, std::int64_t used = kPod) {
    model::Pod pod;
    pod.uid = model::PodUid(uid);
    pod.name_space = "shop";
    pod.name = uid;
    model::PodSummary summary;
    summary.pod = std::move(pod);
    summary.cpu_milli = summary.memory_bytes = model::Spread{used, used, used};
    return summary;
  }

  /// The next report: of these pods, and of what runs outside of them.
  NodeUsage report(std::vector<model::PodSummary> pods, std::int64_t outside = kSystem) {
    model::Report made;
    made.node = model::NodeName("n");
    made.incarnation = incarnation_;
    made.seq = seq_ = seq_.next();
    made.window = std::chrono::seconds(10);
    made.status.boot_id = boot_;
    model::NodeSample sample;
    sample.window = made.window;
    sample.system_cpu = MilliCpu(outside);
    std::int64_t memory = outside;
    for (const auto& pod : pods)
      memory += pod.memory_bytes ? pod.memory_bytes->mean : 0;
    sample.node_memory = Bytes(memory);
    made.samples = {sample};
    made.pods = std::move(pods);
    EXPECT_TRUE(fleet_.intake(made, {now_, {1'790'000'000'000}}).ok());
    now_ = now_ + made.window;
    return fleet_.usage(made.node).value_or(NodeUsage{});
  }
  NodeUsage reports(int count, const std::vector<model::PodSummary>& pods) {
    NodeUsage newest;
    for (int i = 0; i < count; ++i)
      newest = report(pods);
    return newest;
  }

  static std::int64_t cpu_of(const NodeUsage& usage) {
    auto sum = usage.system_cpu.value_or(MilliCpu(0));
    for (const auto& pod : usage.pods)
      sum += pod.cpu.value_or(MilliCpu(0));
    return sum.value();
  }
  static std::int64_t memory_of(const NodeUsage& usage) {
    auto sum = usage.system_memory.value_or(Bytes(0));
    for (const auto& pod : usage.pods)
      sum += pod.memory.value_or(Bytes(0));
    return sum.value();
  }
  static std::vector<std::string> uids_of(const NodeUsage& usage) {
    std::vector<std::string> uids;
    for (const auto& pod : usage.pods)
      uids.push_back(pod.uid.str());
    return uids;
  }

  FleetView fleet_;
  model::MonoTime now_{model::Duration(std::chrono::hours(1)).count()};
  model::Incarnation incarnation_{1};
  model::Seq seq_;
  std::string boot_ = "boot-1";
};

TEST_F(GonePodsTest, APodThatRunsOnUnlistedIsChargedAsBefore) {
  const auto before = reports(2 * kFiveMinutes, {service("a")});
  ASSERT_EQ(cpu_of(before), kSystem + kPod);
  ASSERT_EQ(memory_of(before), kSystem + kPod);
  NodeUsage after;
  for (int i = 0; i < 2 * kFiveMinutes; ++i) {
    after = report({}, kSystem + kPod);
    ASSERT_GE(cpu_of(after), kSystem + kPod) << "report " << i;
    ASSERT_LE(cpu_of(after), kSystem + kPod + kOneReport) << "report " << i;
    ASSERT_GE(memory_of(after), kSystem + kPod) << "report " << i;
    ASSERT_LE(memory_of(after), kSystem + kPod + kOneReport) << "report " << i;
  }
  EXPECT_EQ(after.system_cpu, MilliCpu(kSystem + kPod));
  EXPECT_THAT(after.pods, IsEmpty()) << "it is all the system's";
}

TEST_F(GonePodsTest, WhatAPodThatHasEndedIsChargedOnlyFalls) {
  reports(2 * kFiveMinutes, {service("a")});
  const auto first = report({});
  ASSERT_THAT(first.pods, SizeIs(1));
  EXPECT_FALSE(first.pods[0].listed);
  EXPECT_EQ(first.pods[0].name, "shop/a");
  EXPECT_EQ(first.pods[0].cpu, MilliCpu(kPod)) << "until when it ran in that time is not told";
  EXPECT_EQ(report({}).pods.at(0).cpu, MilliCpu(2'897)) << "280 of 290 s are from before";
  auto last = kSystem + kPod;
  NodeUsage after;
  for (int i = 2; i <= kFiveMinutes + 2; ++i) {
    after = report({});
    ASSERT_LE(cpu_of(after), last) << "report " << i;
    ASSERT_EQ(memory_of(after), cpu_of(after)) << "report " << i;
    last = cpu_of(after);
  }
  EXPECT_EQ(last, kSystem);
  EXPECT_THAT(after.pods, IsEmpty());
}

TEST_F(GonePodsTest, AYoungPodThatRunsOnUnlistedIsChargedAsBefore) {
  reports(2 * kFiveMinutes, {});
  ASSERT_EQ(cpu_of(reports(3, {service("a")})), kSystem + kPod);
  for (int i = 0; i < 2 * kFiveMinutes; ++i)
    ASSERT_GE(cpu_of(report({}, kSystem + kPod)), kSystem + kPod) << "report " << i;
}

TEST_F(GonePodsTest, WhereTheSystemsUseIsNotKnownNothingIsTakenOff) {
  reports(kFiveMinutes, {service("a")});
  for (int i = 0; i < 3; ++i) {
    model::Report blind;
    blind.node = model::NodeName("n");
    blind.incarnation = incarnation_;
    blind.seq = seq_ = seq_.next();
    blind.window = std::chrono::seconds(10);
    blind.status.boot_id = boot_;
    ASSERT_TRUE(fleet_.intake(blind, {now_, {1'790'000'000'000}}).ok());
    now_ = now_ + blind.window;
    const auto usage = fleet_.usage(blind.node).value_or(NodeUsage{});
    ASSERT_THAT(usage.pods, SizeIs(1));
    EXPECT_EQ(usage.pods[0].cpu, MilliCpu(kPod));
    EXPECT_EQ(usage.pods[0].memory, Bytes(kPod));
  }
}

TEST_F(GonePodsTest, APodThatIsListedAgainGoesOn) {
  reports(3, {service("a", 1'000), service("b")});
  EXPECT_THAT(uids_of(report({service("b")})), ElementsAre("b", "a"));
  const auto back = report({service("a", 4'000), service("b")});
  EXPECT_THAT(uids_of(back), ElementsAre("a", "b"));
  EXPECT_TRUE(back.pods[0].listed);
  EXPECT_EQ(back.pods[0].cpu, MilliCpu((4 * 1'000 + 4'000) / 5));
}

TEST_F(GonePodsTest, ThoseThatWereNotChargedAreNotKept) {
  auto batch = service("batch");
  batch.pod.change([](model::Pod& pod) { pod.qos = model::QosClass::kBe; });
  auto free = service("free");
  free.pod.change([](model::Pod& pod) { pod.priority = 3'500; });
  auto ended = service("ended");
  ended.pod.change([](model::Pod& pod) { pod.phase = model::PodPhase::kSucceeded; });
  auto unmeasured = service("unmeasured");
  unmeasured.cpu_milli.reset();
  unmeasured.memory_bytes.reset();
  auto mid = service("mid");
  mid.pod.change([](model::Pod& pod) { pod.priority = 7'500; });
  auto pending = service("pending");
  pending.pod.change([](model::Pod& pod) { pod.phase = model::PodPhase::kPending; });
  EXPECT_THAT(report({batch, free, ended, unmeasured, mid, pending}).pods, SizeIs(6));
  const auto gone = report({});
  EXPECT_THAT(uids_of(gone), ElementsAre("mid", "pending"));
  EXPECT_EQ(gone.pods.at(0).priority, 7'500);
}

TEST_F(GonePodsTest, PodsThatAlwaysComeAndGoDoNotPileUpAndTheOldestGoFirst) {
  constexpr int kEach = 50;
  NodeUsage newest;
  for (int i = 1; i <= 6; ++i) {
    std::vector<model::PodSummary> pods;
    for (int k = 0; k < kEach; ++k)
      pods.push_back(service(fmt::format("{}-{}", i, k), 1));
    newest = report(pods);
  }
  ASSERT_THAT(newest.pods, SizeIs(kEach + kMaxGonePods));
  EXPECT_EQ(newest.pods[kEach].uid, model::PodUid("3-22")) << "the first of the newest 128 of 250";
  EXPECT_EQ(newest.pods.back().uid, model::PodUid("5-49"));
}

TEST_F(GonePodsTest, APodThatWasListedTwiceIsOne) {
  report({service("a"), service("a")});
  EXPECT_THAT(uids_of(report({})), ElementsAre("a"));
}

TEST_F(GonePodsTest, AnAgentThatOnlyLostItsSpoolKeepsThemAndAnotherHostDoesNot) {
  reports(3, {service("a"), service("b")});
  EXPECT_THAT(uids_of(report({service("b")})), ElementsAre("b", "a"));
  incarnation_ = model::Incarnation(2);
  EXPECT_THAT(uids_of(report({service("b")})), ElementsAre("b", "a"));
  incarnation_ = model::Incarnation(3);
  boot_ = "boot-2";
  EXPECT_THAT(report({}).pods, IsEmpty()) << "b is not gone there: it never was";
}

}  // namespace
}  // namespace tideline::fleet::gone_pods_test
