// The relief ladder in closed loop: what a host comes to under it, see relief_host.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/relief_host.h"

namespace tideline::decide::test::relief_loop_test {
namespace {

using model::Bytes;
using model::Reason;
using model::ReliefRung;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

/// In both kernels' ways: true is cgroup v1.
class ReliefLoop : public testing::TestWithParam<bool> {
 protected:
  ReliefLoop() { host_.v1 = GetParam(); }
  ReliefHost host_;
};
INSTANTIATE_TEST_SUITE_P(Kernels, ReliefLoop, testing::Bool(),
                         [](const auto& kernel) { return kernel.param ? "V1" : "V2"; });

bool told(const ReliefHost& host, ReliefRung rung, Reason reason) {
  return std::any_of(host.decisions.begin(), host.decisions.end(), [&](const ReliefDecision& decision) {
    return decision.rung == rung && decision.reason == reason;
  });
}

TEST_P(ReliefLoop, AFastAllocatorMeetsTheKernelAndServicesDoNot) {
  host_.pods = {{.uid = "fast"}};
  host_.run(3s);
  host_.pods[0].grows = 2000;
  host_.run(20s);
  EXPECT_EQ(host_.oom_at_bound, 0);
  if (GetParam()) {
    EXPECT_EQ(host_.ooms_in_be, 1) << "killed inside BE, at its limit";
    EXPECT_LT(host_.most_used, 96);
  } else {
    EXPECT_EQ(host_.ooms_in_be, 0);
    EXPECT_LT(host_.most_used, 76) << "it waits, a little past the threshold, for its eviction";
    EXPECT_THAT(host_.evicted, ElementsAre("fast"));
  }
  EXPECT_THAT(host_.pods, IsEmpty());
}

TEST_P(ReliefLoop, WithoutReliefTheFastAllocatorEndsInTheOomKiller) {
  host_.acts = false;
  host_.pods = {{.uid = "fast", .grows = 2000}};
  host_.run(5s);
  EXPECT_GT(host_.oom_at_bound, 0);
}

TEST_P(ReliefLoop, ASlowLeakIsMetByPageCacheThenByALimitThenByOneEviction) {
  host_.ls = 600;
  host_.pods = {{.uid = "files", .anon = 50, .cache = 400}, {.uid = "leak", .anon = 450, .grows = 1}};
  host_.run(400s);
  EXPECT_THAT(host_.first_seen(), ElementsAre(ReliefRung::kReclaim, ReliefRung::kTighten, ReliefRung::kEvict));
  EXPECT_THAT(host_.evicted, ElementsAre("leak"));
  EXPECT_GT(host_.reclaimed, 300);
  EXPECT_GT(host_.be_cache(), 30) << "BE keeps some of it";
  EXPECT_EQ(host_.oom_at_bound + host_.ooms_in_be + host_.ls_stalls, 0);
  EXPECT_LE(host_.rungs.size(), 8U);
  EXPECT_EQ(host_.decision.rung, ReliefRung::kNone) << "all is given back";
  EXPECT_EQ(host_.be_limit, std::nullopt);
  EXPECT_LT(host_.most_used, 72);
}

TEST_P(ReliefLoop, BeThatStreamsFilesIsReclaimedAndNothingElse) {
  host_.ls = 700;
  host_.ls_grows = 5;
  host_.ls_most = 800;
  host_.pods = {{.uid = "reader", .anon = 50, .streams = 300}};
  auto alone = host_;
  host_.run(60s);
  EXPECT_THAT(host_.first_seen(), ElementsAre(ReliefRung::kReclaim));
  EXPECT_THAT(host_.evicted, IsEmpty());
  EXPECT_EQ(host_.ls_stalls, 0) << "no service had to reclaim";
  EXPECT_EQ(host_.oom_at_bound + host_.ooms_in_be, 0);
  alone.acts = false;
  alone.run(60s);
  EXPECT_GT(alone.ls_stalls, 0) << "without relief they have to";
}

TEST_P(ReliefLoop, PageCacheThatGrowsIsNoEmergency) {
  host_.policy.relief.emergency_kill = true;
  host_.policy.relief.reclaim = false;
  host_.policy.relief.tighten = false;
  host_.ls = 900;
  host_.pods = {{.uid = "reader", .anon = 50, .streams = 1500}};
  host_.run(10s);
  EXPECT_EQ(host_.kills, 0);
  EXPECT_LT(host_.most_beyond, 1) << "the use is known between two readings of the page cache";
}

TEST(ReliefLoopV2, FilesFasterThanReclaimAreBesOwnCost) {
  ReliefHost host;
  host.ls = 700;
  host.ls_grows = 5;
  host.ls_most = 900;
  host.pods = {{.uid = "reader", .anon = 50, .streams = 1500}};
  host.run(10s);
  host.ls_stalls = 0;
  host.run(30s);
  EXPECT_EQ(host.ls_stalls, 0);
  EXPECT_TRUE(host.was_on(ReliefRung::kTighten));
  EXPECT_THAT(host.evicted, IsEmpty());
}

TEST_P(ReliefLoop, FilesFasterThanReclaimAreHeldBeforeNothingIsFree) {
  host_.policy = relief_policy(80);  // half of the page cache counts as free: full of it, the use is 69 %
  host_.ls = 700;
  host_.ls_grows = 5;
  host_.ls_most = 800;
  host_.pods = {{.uid = "reader", .anon = 50, .streams = 1000}};
  host_.run(60s);
  EXPECT_THAT(host_.first_seen(), Contains(ReliefRung::kTighten));
  EXPECT_EQ(host_.ls_stalls, 0) << "no service had to reclaim, at no time";
  EXPECT_EQ(host_.oom_at_bound + host_.ooms_in_be, 0);
  EXPECT_THAT(host_.evicted, IsEmpty());
}

/// Services that hold half of what there is, and a reader that does nothing yet; relief has seen some seconds of it.
ReliefHost beside_a_reader(bool v1, int phase) {
  ReliefHost host;
  host.v1 = v1;
  host.phase = phase;
  host.policy = relief_policy(75);
  host.ls = 1020;
  host.pods = {{.uid = "reader", .anon = 4}};
  host.run(2300ms);
  return host;
}

bool is_held(const ReliefHost& host) {
  return host.decision.tighten.has_value();
}

TEST_P(ReliefLoop, FilesThatComeAtOnceFillNothingWheneverTheirPageCacheIsRead) {
  for (const double rate : {1500.0, 3000.0}) {
    for (int phase = 0; phase < 10; ++phase) {
      SCOPED_TRACE(testing::Message() << rate << " MiB/s, phase " << phase);
      auto host = beside_a_reader(GetParam(), phase);
      host.pods[0].streams = rate;
      host.run(4s);
      EXPECT_TRUE(is_held(host));
      EXPECT_EQ(host.full_hits, 0) << "at no time, nobody had to reclaim";
      EXPECT_EQ(host.oom_at_bound + host.ooms_in_be, 0);
    }
  }
}

TEST_P(ReliefLoop, FilesAreHeldForAsLongAsTheyComeAndServicesGetMore) {
  host_.phase = 3;
  host_.policy = relief_policy(80);
  host_.ls = 900;
  host_.ls_grows = 2;
  host_.ls_most = 1100;
  host_.pods = {{.uid = "reader", .anon = 50}};
  host_.run(2300ms);
  host_.pods[0].streams = 1500;
  host_.run(3s);
  for (int round = 0; round < 1200; ++round) {
    host_.round();
    ASSERT_TRUE(is_held(host_)) << round;
  }
  EXPECT_EQ(host_.ls, 1100);
  EXPECT_EQ(host_.full_hits, 0);
  EXPECT_THAT(host_.evicted, IsEmpty());
  EXPECT_LE(host_.rungs.size(), 2U);
}

TEST_P(ReliefLoop, FilesThatDoNotComeAnyMoreAreLetGoWithinTwentyFiveSeconds) {
  for (const double rate : {500.0, 1500.0}) {
    SCOPED_TRACE(rate);
    auto host = beside_a_reader(GetParam(), 3);
    host.pods[0].streams = rate;
    host.run(20s);
    ASSERT_TRUE(is_held(host));
    host.pods[0].streams = 0;
    host.run(25s);
    EXPECT_FALSE(is_held(host)) << "though its page cache is there still";
    EXPECT_EQ(host.be_limit, std::nullopt);
    EXPECT_GT(host.be_cache(), 64);
    const auto changes = host.rungs.size();
    host.run(60s);
    EXPECT_EQ(host.rungs.size(), changes) << "and stays so";
    EXPECT_EQ(host.full_hits, 0);
  }
}

TEST_P(ReliefLoop, FilesThatComeAgainAreHeldAgainBeforeNothingIsFree) {
  host_ = beside_a_reader(GetParam(), 3);
  for (int burst = 0; burst < 4; ++burst) {
    host_.pods[0].streams = 1500;
    host_.run(3s);
    EXPECT_TRUE(is_held(host_)) << burst;
    host_.pods[0].streams = 0;
    host_.run(25s);
    EXPECT_FALSE(is_held(host_)) << burst;
    EXPECT_EQ(host_.full_hits, 0) << burst;
  }
}

TEST_P(ReliefLoop, FilesThatReclaimKeepsUpWithAreNotHeld) {
  host_ = beside_a_reader(GetParam(), 3);
  host_.pods[0].streams = 200;
  host_.run(120s);
  EXPECT_THAT(host_.first_seen(), ElementsAre(ReliefRung::kReclaim));
  EXPECT_EQ(host_.full_hits, 0);
}

TEST_P(ReliefLoop, WhereNothingCanBeReclaimedFilesAreHeldAllTheSame) {
  host_ = beside_a_reader(GetParam(), 3);
  host_.policy.relief.reclaim = false;
  host_.pods[0].streams = 1500;
  host_.run(60s);
  EXPECT_TRUE(is_held(host_));
  EXPECT_EQ(host_.full_hits, 0);
  EXPECT_EQ(host_.reclaimed, 0);
}

TEST_P(ReliefLoop, OnALargeHostALimitFollowsServicesBeforeNothingIsFree) {
  host_.limit.reset();
  host_.phase = 3;
  host_.policy = relief_policy(80);
  host_.ls = 4000;
  host_.ls_grows = 40;
  host_.ls_most = 8000;
  host_.pods = {{.uid = "reader", .anon = 50, .cache = 6000}};
  host_.run(2300ms);
  host_.pods[0].streams = 900;
  host_.run(40s);
  EXPECT_TRUE(is_held(host_));
  EXPECT_EQ(host_.full_hits, 0) << "2 % of BE's limit are more than what is kept free";
  EXPECT_THAT(host_.evicted, IsEmpty());
}

TEST_P(ReliefLoop, AnonIsNotWaitedFor) {
  host_.ls = 800;
  host_.pods = {{.uid = "job", .anon = 500, .grows = 30}};
  host_.run(30s);
  EXPECT_THAT(host_.first_seen(), ElementsAre(ReliefRung::kTighten, ReliefRung::kEvict));
  EXPECT_TRUE(told(host_, ReliefRung::kTighten, Reason::kNothingToReclaim));
  EXPECT_TRUE(told(host_, ReliefRung::kEvict, Reason::kNothingToReclaim));
  EXPECT_THAT(host_.evicted, ElementsAre("job"));
  EXPECT_EQ(host_.oom_at_bound + host_.ooms_in_be, 0);
  EXPECT_LT(host_.most_used, GetParam() ? 80 : 73);
}

TEST_P(ReliefLoop, OfManySmallPodsAsManyGoAsAreNeeded) {
  host_.ls = 700;
  for (int i = 0; i < 100; ++i)
    host_.pods.push_back({.uid = std::to_string(i), .anon = 6, .grows = 0.3, .most = 7.5});
  host_.run(60s);
  EXPECT_GE(host_.evicted_mib, 40);
  EXPECT_LE(host_.evicted_mib, 70) << "2 to 3 % of 2 GiB, and no pod more";
  EXPECT_EQ(host_.oom_at_bound + host_.ooms_in_be, 0);
  EXPECT_LT(host_.decision.terms.bound->used_percent(), 70);
}

TEST_P(ReliefLoop, ServicesThatGrowGetBesMemoryAndALimitOnBeIsNoUse) {
  host_.ls = 700;
  host_.ls_grows = 50;
  host_.ls_most = 1300;
  for (const auto* uid : {"a", "b", "c", "d"})
    host_.pods.push_back({.uid = uid, .anon = 125});
  host_.run(30s);
  EXPECT_FALSE(host_.was_on(ReliefRung::kTighten));
  EXPECT_EQ(host_.oom_at_bound, 0);
  EXPECT_GE(host_.evicted.size(), 2U);
  EXPECT_LE(host_.evicted.size(), 4U);
  EXPECT_EQ(host_.ls, 1300) << "they have got what they asked for";
  EXPECT_TRUE(std::any_of(host_.decisions.begin(), host_.decisions.end(), [](const ReliefDecision& decision) {
    return decision.why.find("BE does not grow") != std::string::npos;
  }));
}

TEST_P(ReliefLoop, OnAHostPageCacheIsNoReasonToWait) {
  host_.limit.reset();
  host_.total = 4096;
  host_.ls = 1500;
  host_.pods = {{.uid = "job", .anon = 400, .grows = 20, .most = 1200},
                {.uid = "reader", .cache = 800, .streams = 100}};
  host_.run(60s);
  EXPECT_THAT(host_.evicted, ElementsAre("job"));
  EXPECT_GT(host_.reclaimed, 0) << "what is free is kept above the low watermark";
  EXPECT_EQ(host_.oom_at_bound + host_.ooms_in_be, 0);
}

TEST_P(ReliefLoop, ALimitTighterThanTheHostCounts) {
  host_.ls = 900;
  host_.pods = {{.uid = "job", .anon = 400, .grows = 30}};
  host_.run(30s);
  EXPECT_THAT(host_.evicted, ElementsAre("job")) << "the host is used by less than 15 %";
  EXPECT_EQ(host_.decision.terms.bound->kind, MemoryBound::Kind::kKubepods);
}

TEST_P(ReliefLoop, UseThatSwingsAboutAnEntryDoesNotFlap) {
  for (const double base : {740.0, 790.0, 840.0, 890.0}) {
    SCOPED_TRACE(base);
    ReliefHost host;
    host.v1 = GetParam();
    host.pods = {{.uid = "job", .anon = 500, .cache = 100, .grows = 0.1}, {.uid = "other", .anon = 40}};
    for (int round = 0; round < 1800; ++round) {
      // 3 s up and down again, by 80 MiB.
      const int phase = round % 30;
      host.ls = base + 80.0 * (phase < 15 ? phase : 30 - phase) / 15;
      host.round();
    }
    EXPECT_LE(host.most_changes_a_minute(), 12);
    EXPECT_LE(host.evicted.size(), 2U);
    EXPECT_EQ(host.oom_at_bound + host.ooms_in_be, 0);
  }
}

TEST_P(ReliefLoop, AMissingRoundChangesNothingAndAMissingMinuteGivesBeBack) {
  host_.ls = 800;
  host_.evicts = false;
  host_.pods = {{.uid = "job", .anon = 500, .grows = 30}};
  host_.run(3s);
  ASSERT_NE(host_.decision.tighten, std::nullopt);
  const auto before = host_.decision;
  host_.blind = true;
  host_.round();
  EXPECT_EQ(host_.decision.tighten, before.tighten);
  EXPECT_EQ(host_.decision.rung, before.rung);
  host_.blind = false;
  host_.round();
  EXPECT_NE(host_.decision.tighten, std::nullopt);
  const auto known = host_.decision.tighten;
  host_.pods[0].grows = 0;
  host_.blind = true;
  const auto from = host_.decisions.size();
  host_.run(60s);
  for (std::size_t i = from; i < host_.decisions.size(); ++i) {
    const auto& decision = host_.decisions[i];
    ASSERT_EQ(decision.evict, Bytes(0));
    ASSERT_EQ(decision.reclaim, std::nullopt);
    ASSERT_FALSE(decision.emergency);
    if (i < from + 99) {
      ASSERT_EQ(decision.tighten, known);
    } else {
      ASSERT_EQ(decision.tighten, std::nullopt) << i - from;
    }
  }
}

TEST_P(ReliefLoop, AnEmergencyKillIsWhatIsLeftWithoutALimit) {
  host_.policy.relief.tighten = false;
  host_.policy.relief.emergency_kill = true;
  host_.ls = 700;
  host_.pods = {{.uid = "fast"}, {.uid = "idle", .anon = 100}};
  host_.run(3s);
  host_.pods[0].grows = 400;
  host_.run(10s);
  EXPECT_EQ(host_.kills, 1);
  EXPECT_EQ(host_.oom_at_bound, 0);
  ASSERT_EQ(host_.pods.size(), 1U);
  EXPECT_EQ(host_.pods[0].uid, "idle");
  std::vector<ReliefRung> rungs;
  for (const auto& [at, rung] : host_.rungs)
    rungs.push_back(rung);
  EXPECT_THAT(rungs, Contains(ReliefRung::kEmergency));
}

}  // namespace
}  // namespace tideline::decide::test::relief_loop_test
