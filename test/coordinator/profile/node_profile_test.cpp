#include "coordinator/profile/node_profile.h"

#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tideline::profile::node_profile_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::MonoTime;
using model::PodSummary;

constexpr MonoTime kBegin{1'000'000'000'000'000};
constexpr std::int64_t kMi = 1 << 20;

PodSummary pod(const std::string& uid, std::int64_t request_milli, std::optional<std::int64_t> used_milli) {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.requests.cpu = MilliCpu(request_milli);
  pod.requests.memory = Bytes(request_milli * kMi);
  PodSummary made;
  made.pod = std::move(pod);
  if (used_milli) {
    made.cpu_milli = model::Spread{*used_milli, *used_milli, *used_milli};
    made.memory_bytes = model::Spread{*used_milli * kMi, *used_milli * kMi, *used_milli * kMi};
  }
  return made;
}

class NodeProfileTest : public testing::Test {
 protected:
  NodeProfileTest() {
    policy_.cold_start_minutes = 3;
    report_.status.cpu_allocatable = MilliCpu(100'000);
    report_.status.memory_allocatable = Bytes(100'000 * kMi);
  }

  /// A report each 10 s; after a whole number of minutes the last one has just ended.
  void minutes(int count) {
    for (int i = 0; i < count * 6; ++i) {
      now_ = now_ + std::chrono::seconds(10);
      take();
    }
  }
  void take() { profile_.take(report_, now_, policy_, scores_); }
  /// The first report, and then minutes enough for all of them to be warm.
  void warm_up(std::vector<PodSummary> pods) {
    report_.pods = std::move(pods);
    take();
    minutes(3);
  }
  std::optional<MilliCpu> cpu(Predictor predictor = Predictor::kHistogram) const {
    return profile_.reclaimable(predictor).cpu;
  }
  const Score& cpu_score(Predictor predictor) const { return scores_.at(predictor).at(Resource::kCpu); }

  MonoTime now_ = kBegin;
  NodeProfile profile_{kBegin};
  model::Report report_;
  PredictionPolicy policy_;
  Scores scores_{};
};

TEST_F(NodeProfileTest, PredictsNothingUntilAPodIsWarm) {
  report_.pods = {pod("a", 2'000, 500)};
  take();
  minutes(2);
  EXPECT_EQ(cpu(), std::nullopt);
  EXPECT_EQ(profile_.reclaimable(Predictor::kRecentMax), Reclaimable{});
  EXPECT_EQ(profile_.warm_pods(), 0u);
  minutes(1);
  EXPECT_NE(cpu(), std::nullopt);
  EXPECT_EQ(profile_.warm_pods(), 1u);
}

// 500 lies in the bucket that ends at 539.46: 2000 - 1.1 * 539.46; by the maximum 2000 - 1.1 * 500.
TEST_F(NodeProfileTest, WorkedExample) {
  warm_up({pod("a", 2'000, 500)});
  EXPECT_EQ(cpu(Predictor::kHistogram), MilliCpu(1'406));
  EXPECT_EQ(cpu(Predictor::kRecentMax), MilliCpu(1'450));
  // 500 MiB in buckets of which the lowest has 5 MiB: up to 508.14 MiB.
  EXPECT_NEAR(static_cast<double>(profile_.reclaimable(Predictor::kHistogram).memory->value()) / kMi,
              2'000 - 1.1 * 5 * (std::pow(1.05, 37) - 1) / 0.05, 0.01);
  policy_.safety_margin_percent = 50;
  take();
  EXPECT_EQ(cpu(Predictor::kHistogram), MilliCpu(1'190)) << "2000 - 1.5 * 539.46";
}

TEST_F(NodeProfileTest, APodThatComesNeverMakesItMore) {
  warm_up({pod("a", 2'000, 500)});
  const auto before = cpu();
  report_.pods.push_back(pod("b", 4'000, 100));
  take();
  EXPECT_EQ(cpu(), before);
  minutes(2);
  EXPECT_LE(cpu(), before);
  minutes(1);
  EXPECT_GT(cpu(), before) << "it is warm";
}

TEST_F(NodeProfileTest, APodThatGoesTakesItsPartAndNoMore) {
  warm_up({pod("a", 2'000, 500), pod("b", 4'000, 3'000)});
  const auto with_both = cpu();
  report_.pods.pop_back();
  take();
  EXPECT_LT(cpu(), with_both);
  EXPECT_EQ(profile_.warm_pods(), 1u);
  EXPECT_EQ(cpu(), MilliCpu(1'406)) << "what both used together binds no longer";
}

TEST_F(NodeProfileTest, APodThatUsesMoreThanItRequestsTakesFromTheOthers) {
  warm_up({pod("a", 2'000, 500), pod("greedy", 100, 1'000)});
  // By pods it were 1406; together they use 1500, which lies in the bucket that ends at 1558.07.
  EXPECT_EQ(cpu(), MilliCpu(386)) << "2100 - 1.1 * 1558.07";
}

// Each of ten pods is quiet in 96 % of its minutes, but in a fifth of them one of the ten is not.
TEST_F(NodeProfileTest, SeesPeaksOfTheWholeThatNoPodHasByItself) {
  for (int i = 0; i < 10; ++i)
    report_.pods.push_back(pod(fmt::format("{}", i), 1'000, 100));
  take();
  for (std::size_t minute = 0; minute < 500; ++minute) {
    const auto busy = minute % 50;
    for (std::size_t i = 0; i < report_.pods.size(); ++i) {
      const std::int64_t used = i == busy ? 900 : 100;
      report_.pods[i].cpu_milli = model::Spread{used, used, used};
    }
    minutes(1);
  }
  // With one busy they use 1800, of which the margin makes 1980, and the bucket somewhat more.
  EXPECT_LT(cpu(), MilliCpu(10'000 - 1'980));
  EXPECT_GT(cpu(), MilliCpu(10'000 - 1'980 - 200));
}

TEST_F(NodeProfileTest, CpusOfAnLsePodAreItsOwnAndItsMemoryIsNot) {
  auto bound = pod("a", 2'000, 500);
  bound.pod.change([](model::Pod& one) { one.qos = model::QosClass::kLse; });
  warm_up({bound});
  EXPECT_EQ(cpu(), std::nullopt);
  EXPECT_NE(profile_.reclaimable(Predictor::kHistogram).memory, std::nullopt);
}

TEST_F(NodeProfileTest, OnlyRunningPodsOfProdThatStayHaveSomethingToSpare) {
  auto ends = pod("ends", 2'000, 500);
  ends.pod.change([](model::Pod& one) { one.eviction.terminating = true; });
  auto waits = pod("waits", 2'000, 500);
  waits.pod.change([](model::Pod& one) { one.phase = model::PodPhase::kPending; });
  auto over = pod("over", 2'000, 500);
  over.pod.change([](model::Pod& one) { one.phase = model::PodPhase::kSucceeded; });
  auto mid = pod("mid", 2'000, 500);
  mid.pod.change([](model::Pod& one) { one.priority = 7'500; });
  auto batch = pod("batch", 2'000, 500);
  batch.pod.change([](model::Pod& one) { one.qos = model::QosClass::kBe; });
  warm_up({ends, waits, over, mid, batch});
  EXPECT_EQ(cpu(), std::nullopt);
  EXPECT_EQ(profile_.pods(), 2u) << "what is not prod's, or over, is not learnt";
  report_.pods.push_back(pod("stays", 2'000, 500));
  minutes(3);
  EXPECT_NE(cpu(), std::nullopt);
}

TEST_F(NodeProfileTest, IsNoMoreThanWhatTheOthersRequestsLeaveOfTheNode) {
  report_.status.cpu_allocatable = MilliCpu(3'000);
  warm_up({pod("a", 2'000, 500)});
  EXPECT_EQ(cpu(), MilliCpu(1'406));
  report_.pods.push_back(pod("new", 2'000, std::nullopt));
  take();
  EXPECT_EQ(cpu(), MilliCpu(406)) << "3000 - 593.41 - 2000";
  report_.pods.back() = pod("new", 0, 5'000);
  take();
  EXPECT_EQ(cpu(), MilliCpu(0)) << "it uses more than it requests";
}

TEST_F(NodeProfileTest, OnePodWithoutAUseDoesNotEmptyTheOthers) {
  warm_up({pod("a", 2'000, 500), pod("silent", 2'000, std::nullopt)});
  EXPECT_EQ(cpu(), MilliCpu(1'406));
}

TEST_F(NodeProfileTest, KeepsTheLastPredictionWhileAUseIsNotKnown) {
  warm_up({pod("a", 2'000, 500)});
  report_.pods = {pod("a", 2'000, std::nullopt)};
  minutes(29);
  EXPECT_EQ(cpu(), MilliCpu(1'406));
  minutes(2);
  EXPECT_EQ(cpu(), std::nullopt);
}

TEST_F(NodeProfileTest, FollowsARequestAtOnce) {
  warm_up({pod("a", 2'000, 500)});
  report_.pods = {pod("a", 1'000, 500)};
  take();
  EXPECT_EQ(cpu(), MilliCpu(406));
}

TEST_F(NodeProfileTest, KnowsItsPodsInAnyOrder) {
  warm_up({pod("a", 2'000, 500), pod("b", 2'000, 500), pod("c", 2'000, 500)});
  const auto before = cpu();
  std::swap(report_.pods[0], report_.pods[2]);
  take();
  EXPECT_EQ(cpu(), before);
  EXPECT_EQ(profile_.warm_pods(), 3u);
}

TEST_F(NodeProfileTest, PodsBeyondTheBoundCountAsCold) {
  for (std::size_t i = 0; i < NodeProfile::kMaxPods + 10; ++i)
    report_.pods.push_back(pod(fmt::format("{}", i), 100, 0));
  report_.pods.push_back(report_.pods.front());
  take();
  minutes(3);
  EXPECT_EQ(profile_.pods(), NodeProfile::kMaxPods);
  EXPECT_LE(cpu(), MilliCpu(100 * static_cast<std::int64_t>(NodeProfile::kMaxPods)));
  EXPECT_GT(cpu(), MilliCpu(0));
}

TEST_F(NodeProfileTest, ScoresPredictionsThatHeldAndThoseThatDidNot) {
  warm_up({pod("a", 2'000, 500)});
  minutes(5);
  for (const auto predictor : kPredictors) {
    EXPECT_EQ(cpu_score(predictor).checks, 5u) << name_of(predictor);
    EXPECT_EQ(cpu_score(predictor).violations, 0u) << name_of(predictor);
  }
  report_.pods = {pod("a", 2'000, 800)};
  minutes(1);
  // The report that ends a minute is the first of the next one.
  for (const auto predictor : kPredictors)
    EXPECT_EQ(cpu_score(predictor).violations, 1u) << name_of(predictor);
  EXPECT_NEAR(cpu_score(Predictor::kHistogram).excess, 800 - 1.1 * 539.46, 0.1);
  EXPECT_NEAR(cpu_score(Predictor::kRecentMax).excess, 800 - 1.1 * 500, 0.1);
  minutes(1);
  EXPECT_EQ(cpu_score(Predictor::kRecentMax).violations, 1u) << "it knows now";
}

TEST_F(NodeProfileTest, DoesNotScoreAMinuteInWhichAPodWentAwayOrWasNotSeen) {
  warm_up({pod("a", 2'000, 500), pod("b", 2'000, 500)});
  minutes(1);
  ASSERT_EQ(cpu_score(Predictor::kHistogram).checks, 1u);
  report_.pods = {pod("a", 2'000, 500), pod("b", 2'000, std::nullopt)};
  now_ = now_ + std::chrono::seconds(10);
  take();
  report_.pods = {pod("a", 2'000, 500)};
  for (int i = 0; i < 5; ++i) {
    now_ = now_ + std::chrono::seconds(10);
    take();
  }
  EXPECT_EQ(cpu_score(Predictor::kHistogram).checks, 1u);
  minutes(1);
  EXPECT_EQ(cpu_score(Predictor::kHistogram).checks, 2u);
}

TEST_F(NodeProfileTest, GoesOnWithWhatWasLearntAfterARestart) {
  warm_up({pod("a", 2'000, 500), pod("b", 1'000, 900)});
  ByteWriter out;
  profile_.write(now_, out);
  const auto bytes = out.take();
  // A machine that booted a minute ago.
  now_ = MonoTime{60'000'000'000};
  ByteReader in(bytes);
  auto restored = NodeProfile::read(in, now_, std::chrono::hours(1));
  ASSERT_TRUE(in.ok());
  EXPECT_FALSE(in.more());
  EXPECT_EQ(now_ - restored.heard(), std::chrono::hours(1));
  EXPECT_EQ(restored.reclaimable(Predictor::kHistogram), Reclaimable{});
  const auto before = profile_.reclaimable(Predictor::kHistogram);
  profile_ = std::move(restored);
  take();
  EXPECT_EQ(profile_.reclaimable(Predictor::kHistogram), before);
}

// Whatever happens to pods: never negative, never more than what warm pods request, and no more after a pod has come.
TEST_F(NodeProfileTest, HoldsItsBoundsForRandomNodes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t most) { return static_cast<std::int64_t>(random() % (most + 1)); };
  report_.status.cpu_allocatable = MilliCpu(20'000);
  int made = 0;
  int predicted = 0;
  for (int step = 0; step < 5'000 && !HasFailure(); ++step) {
    now_ = now_ + std::chrono::seconds(pick(20));
    for (auto& one : report_.pods) {
      const auto used = pick(3'000);
      if (pick(9) == 0) {
        one.cpu_milli.reset();
      } else {
        one.cpu_milli = model::Spread{used, used, used};
      }
      one.pod.change([&](model::Pod& changed) {
        if (pick(50) == 0) changed.eviction.terminating = true;
        if (pick(50) == 0) changed.requests.cpu = MilliCpu(pick(4'000));
      });
    }
    if (!report_.pods.empty() && pick(30) == 0) report_.pods.erase(report_.pods.begin());
    take();
    for (const auto predictor : kPredictors) {
      const auto& prediction = profile_.prediction(predictor, Resource::kCpu);
      if (!prediction) continue;
      ++predicted;
      double requested = 0;
      for (const auto& one : report_.pods)
        requested += static_cast<double>(one.pod->requests.cpu->value());
      EXPECT_GE(prediction->reclaimable, 0);
      EXPECT_LE(prediction->reclaimable, prediction->requested);
      EXPECT_LE(prediction->requested, requested);
      EXPECT_LE(prediction->reclaimable, 20'000);
    }
    if (report_.pods.size() < 10 && pick(10) == 0) {
      const auto before = profile_.reclaimable(Predictor::kHistogram);
      report_.pods.push_back(pod(fmt::format("{}", ++made), pick(4'000), pick(3'000)));
      take();
      EXPECT_LE(profile_.reclaimable(Predictor::kHistogram).cpu, before.cpu);
      EXPECT_LE(profile_.reclaimable(Predictor::kHistogram).memory, before.memory);
    }
  }
  EXPECT_GT(predicted, 1'000);
}

}  // namespace
}  // namespace tideline::profile::node_profile_test
