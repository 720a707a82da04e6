#include "node-actor/decide/memory_relief.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/relief_host.h"

namespace tideline::decide::test::memory_relief_test {
namespace {

using model::Bytes;
using model::Reason;
using model::ReliefRung;
using testing::Eq;
using testing::HasSubstr;
using testing::Optional;
using Kind = MemoryBound::Kind;
using State = model::FeatureState::State;

/// A bound of 1000 MiB, so that 1 % is 10: threshold 700, lower 680, tighten 675, reclaim 650, its exit 640. BE uses
/// 200 and does not grow.
class Relief : public testing::Test {
 protected:
  Relief() {
    input_.be_usage = mib(200);
    input_.be_reclaimable = Bytes(0);
  }
  /// One round later.
  ReliefDecision at(double used, Kind kind = Kind::kHost) {
    now_ = now_ + 100ms;
    input_.now = now_;
    input_.bound = MemoryBound{.kind = kind, .capacity = mib(1000), .available = mib(1000) - mib(used), .free = free_};
    return decide();
  }
  ReliefDecision decide() {
    auto step = memory_relief(std::move(state_), input_, policy_);
    state_ = std::move(step.state);
    return std::move(step.decision);
  }
  /// BE alone grows by 1/8 MiB a round, until the bound's use is that, and BE's 200.
  ReliefDecision leak_to(double used, Kind kind = Kind::kHost) {
    for (int before = 10; before > 0; --before) {
      input_.be_usage = mib(200 - before / 8.0);
      at(used - before / 8.0, kind);
    }
    input_.be_usage = mib(200);
    return at(used, kind);
  }
  ReliefDecision blind() {
    now_ = now_ + 100ms;
    input_.now = now_;
    input_.bound.reset();
    return decide();
  }

  /// BE reads files, 1000 MiB/s, so that 600 MiB that are free become 300; its page cache was read before that.
  ReliefDecision files_to_hold() {
    const auto used_by_be = [&](double be) {
      input_.be_usage = mib(be);
      free_ = mib(620 - be);
      return at(400, Kind::kKubepods);
    };
    for (int i = 0; i < 22; ++i)
      used_by_be(20);
    for (const double be : {120.0, 220.0})
      EXPECT_EQ(used_by_be(be).tighten, std::nullopt);
    return used_by_be(320);
  }

  model::MonoTime now_{1'000'000'000'000};
  ReliefInput input_;
  std::optional<Bytes> free_;
  std::optional<model::NodePolicy> policy_ = relief_policy();
  ReliefState state_;
};

TEST_F(Relief, BelowAllIsEasy) {
  const auto decision = at(649);
  EXPECT_EQ(decision.rung, ReliefRung::kNone);
  EXPECT_EQ(decision.reason, Reason::kMemoryEasy);
  EXPECT_EQ(decision.terms.threshold_percent, 70);
  EXPECT_EQ(decision.terms.lower_percent, 68);
  EXPECT_EQ(decision.terms.reclaim_percent, 65);
  EXPECT_EQ(decision.terms.wanted, Bytes(0));
}

// Reclaim.

TEST_F(Relief, ReclaimTakesWhatIsMissingToItsExitAndIsHeld) {
  input_.be_reclaimable = mib(100);
  EXPECT_EQ(at(649).reclaim, std::nullopt);
  const auto first = at(650);
  EXPECT_EQ(first.rung, ReliefRung::kReclaim);
  EXPECT_EQ(first.reason, Reason::kMemoryNearThreshold);
  EXPECT_THAT(first.reclaim, Optional(Eq(mib(10))));
  EXPECT_EQ(first.terms.wanted, mib(10));
  EXPECT_THAT(at(641).reclaim, Optional(Eq(kLeastChunk))) << "on to the exit, and not less than what is worth it";
  const auto held = at(639);
  EXPECT_EQ(held.reclaim, std::nullopt);
  EXPECT_EQ(held.rung, ReliefRung::kReclaim);
  EXPECT_EQ(held.reason, Reason::kReliefHolds);
  for (int i = 0; i < 98; ++i)
    EXPECT_EQ(at(639).rung, ReliefRung::kReclaim);
  EXPECT_EQ(at(639).rung, ReliefRung::kNone) << "10 s after it was called for last";
  EXPECT_EQ(at(645).reclaim, std::nullopt) << "the entry again";
}

TEST_F(Relief, UnderKubepodsLimitReclaimLowersTheUseByHalfOfIt) {
  input_.be_reclaimable = mib(190);
  EXPECT_THAT(at(650, Kind::kKubepods).reclaim, Optional(Eq(mib(20))));
  EXPECT_THAT(at(690, Kind::kKubepods).reclaim, Optional(Eq(kMostChunk))) << "100 are missing";
}

TEST_F(Relief, OnAHostWithMemoryThatIsFreeReclaimHelpsNobody) {
  input_.be_reclaimable = mib(100);
  input_.low_watermark = mib(40);
  free_ = mib(200);
  const auto decision = at(660);
  EXPECT_EQ(decision.reclaim, std::nullopt) << "MemAvailable has counted page cache as available";
  EXPECT_EQ(decision.rung, ReliefRung::kNone);
}

TEST_F(Relief, BePageCacheGoesBeforeKswapdTakesEverybodys) {
  input_.be_reclaimable = mib(100);
  input_.low_watermark = mib(40);
  free_ = mib(50);
  EXPECT_EQ(at(300).reclaim, std::nullopt);
  free_ = mib(49);
  const auto decision = at(300);
  EXPECT_THAT(decision.reclaim, Optional(Eq(mib(11)))) << "to 3/2 of the low watermark";
  EXPECT_EQ(decision.reason, Reason::kMemoryStall);
  free_ = mib(55);
  EXPECT_THAT(at(300).reclaim, Optional(Eq(mib(5))));
  free_ = mib(60);
  EXPECT_EQ(at(300).reclaim, std::nullopt);
}

TEST_F(Relief, UnderKubepodsLimitFivePercentAreKeptFree) {
  input_.be_reclaimable = mib(100);
  free_ = mib(50);
  EXPECT_EQ(at(300, Kind::kKubepods).reclaim, std::nullopt);
  free_ = mib(45);
  EXPECT_THAT(at(300, Kind::kKubepods).reclaim, Optional(Eq(mib(25))));
}

TEST_F(Relief, LsThatWaitsForMemoryIsAskedForUnlessMuchIsFree) {
  input_.be_reclaimable = mib(190);
  input_.ls_memory_some = 0.05;
  EXPECT_EQ(at(300).reclaim, std::nullopt);
  input_.ls_memory_some = 0.06;
  const auto decision = at(300);
  EXPECT_THAT(decision.reclaim, Optional(Eq(kMostChunk)));
  EXPECT_EQ(decision.reason, Reason::kMemoryStall);
  input_.low_watermark = mib(40);
  free_ = mib(120);
  EXPECT_EQ(at(300).reclaim, std::nullopt) << "it is not for want of free memory";
  free_ = mib(119);
  EXPECT_NE(at(300).reclaim, std::nullopt);
  input_.ls_memory_some = 0.0;
  EXPECT_EQ(at(300).reclaim, std::nullopt);
  input_.alloc_stalls = 1.0;
  EXPECT_NE(at(300).reclaim, std::nullopt);
}

TEST_F(Relief, BeKeepsATenthOfItsPageCache) {
  input_.be_reclaimable = mib(100);
  EXPECT_THAT(at(690).reclaim, Optional(Eq(mib(50))));
  EXPECT_THAT(at(690).reclaim, Optional(Eq(mib(40)))) << "of the same reading, what was not asked for yet";
  EXPECT_EQ(at(690).reclaim, std::nullopt);
  input_.be_reclaimable = mib(15);
  EXPECT_THAT(at(690).reclaim, Optional(Eq(mib(5)))) << "a tenth of what there was, not of what is left";
  input_.be_reclaimable = mib(13);
  EXPECT_EQ(at(690).reclaim, std::nullopt);
}

TEST_F(Relief, WhereALimitKillsAReclaimAsksForHalfOfThePageCacheAtMost) {
  input_.tighten_kills = true;
  input_.be_reclaimable = mib(100);
  EXPECT_THAT(at(690).reclaim, Optional(Eq(mib(45)))) << "50 are wanted, and 90 may go; more than half is refused";
  input_.be_reclaimable = mib(15);
  EXPECT_THAT(at(690).reclaim, Optional(Eq(kLeastChunk)));
}

TEST_F(Relief, AReadingThatStaysAsItWasIsANewOneAfterTwoSeconds) {
  input_.be_reclaimable = mib(40);
  EXPECT_THAT(at(690).reclaim, Optional(Eq(mib(36))));
  for (int i = 0; i < 19; ++i)
    EXPECT_EQ(at(690).reclaim, std::nullopt);
  EXPECT_NE(at(690).reclaim, std::nullopt);
}

TEST_F(Relief, OneReclaimAtATime) {
  input_.be_reclaimable = mib(100);
  input_.reclaim_busy = true;
  const auto decision = at(690);
  EXPECT_EQ(decision.reclaim, std::nullopt);
  EXPECT_EQ(decision.rung, ReliefRung::kReclaim);
  input_.reclaim_busy = false;
  EXPECT_NE(at(690).reclaim, std::nullopt);
}

TEST_F(Relief, WithoutPageCacheItSaysSo) {
  input_.be_reclaimable = mib(4);
  const auto decision = at(660);
  EXPECT_EQ(decision.rung, ReliefRung::kNone);
  EXPECT_EQ(decision.reason, Reason::kNothingToReclaim);
}

TEST_F(Relief, GrowthThatFillsTheRoomWithinTheHorizonCallsForIt) {
  input_.be_reclaimable = mib(190);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(at(520 + i).reclaim, std::nullopt) << "10 MiB/s: 18 s";
  ReliefDecision decision;
  for (int i = 0; i < 5; ++i)
    decision = at(530 + 5 * i);
  EXPECT_THAT(decision.reclaim, Optional(Eq(mib(50)))) << "50 MiB/s: 3 s; 250 in the horizon, the margin bounds it";
  EXPECT_EQ(decision.reason, Reason::kMemoryGrowth);
}

// Tighten.

TEST_F(Relief, TightenedBeMayGrowToOnePercentPastTheThreshold) {
  EXPECT_EQ(leak_to(674.5).tighten, std::nullopt);
  const auto decision = leak_to(675);
  EXPECT_EQ(decision.rung, ReliefRung::kTighten);
  EXPECT_EQ(decision.reason, Reason::kNothingToReclaim);
  EXPECT_THAT(decision.tighten, Optional(Eq(mib(235)))) << "200 used, and 710 - 675";
}

TEST_F(Relief, WhereALimitKillsItLiesHalfWayToFull) {
  input_.tighten_kills = true;
  EXPECT_THAT(leak_to(675).tighten, Optional(Eq(mib(375)))) << "200 used, and 850 - 675";
}

// That BE grows shows in the second round of leak_to(), when it uses 198.875 and the bound 1.125 less than in the end.

TEST_F(Relief, WhereALimitKillsItLeavesHeadroom) {
  input_.tighten_kills = true;
  EXPECT_THAT(leak_to(900).tighten, Optional(Eq(mib(198.875) + kTightenHeadroom)));
}

TEST_F(Relief, TheLastOfTheRoomGoesBeforeTheHeadroom) {
  input_.tighten_kills = true;
  EXPECT_THAT(leak_to(955).tighten, Optional(Eq(mib(207.5)))) << "an eighth of 300 stays: 962.5 - 955 is left";
}

TEST_F(Relief, HeadroomIsNeverWhyALimitIsRaised) {
  input_.tighten_kills = true;
  const auto before = leak_to(900).tighten;
  for (int i = 1; i <= 12; ++i) {
    input_.be_usage = mib(200 + i);
    EXPECT_EQ(at(900 + i).tighten, before);
  }
}

TEST_F(Relief, HeadroomIsWhatBeGrowsUntilTheNextLimitHolds) {
  input_.tighten_kills = true;
  for (int i = 0; i < 5; ++i)
    at(750);
  input_.be_usage = mib(220);
  EXPECT_THAT(at(770).tighten, Optional(Eq(mib(220 + 100)))) << "200 MiB/s for half a second, past 850";
}

TEST_F(Relief, PageCacheIsHeadroomAsWell) {
  input_.tighten_kills = true;
  input_.can_reclaim = false;
  input_.be_reclaimable = mib(160);
  EXPECT_THAT(leak_to(940).tighten, Optional(Eq(mib(198.875 - 56)))) << "half of 144, less the headroom of 16";
}

TEST_F(Relief, TheLimitFollowsWhatServicesUse) {
  EXPECT_THAT(leak_to(675).tighten, Optional(Eq(mib(235))));
  EXPECT_THAT(at(677).tighten, Optional(Eq(mib(235)))) << "a change of less than 2 %";
  EXPECT_THAT(at(695).tighten, Optional(Eq(mib(215))));
  EXPECT_THAT(at(660).tighten, Optional(Eq(mib(250))));
}

TEST_F(Relief, BeIsLeftAtLeastTwoPercent) {
  input_.be_usage = mib(1);
  for (int i = 0; i < 5; ++i) {
    input_.be_usage = mib(1 + i / 8.0);
    at(720 + i / 8.0);
  }
  EXPECT_THAT(state_.tightened, Optional(Eq(mib(20))));
}

TEST_F(Relief, WhenItIsServicesThatGrowALimitOnBeIsNoUse) {
  ReliefDecision decision;
  for (int i = 0; i <= 10; ++i)
    decision = at(680 + i);
  EXPECT_EQ(decision.tighten, std::nullopt);
  EXPECT_THAT(decision.why, HasSubstr("BE does not grow"));
}

TEST_F(Relief, TightenIsHeldForTenSecondsAndGivenBack) {
  leak_to(675);
  input_.be_usage = mib(100);
  for (int i = 0; i < 99; ++i)
    EXPECT_EQ(at(500).rung, ReliefRung::kTighten) << i;
  const auto decision = at(500);
  EXPECT_EQ(decision.tighten, std::nullopt);
  EXPECT_EQ(decision.rung, ReliefRung::kNone);
}

TEST_F(Relief, TightenStaysWhileTheUseIsNear) {
  leak_to(675);
  for (int i = 0; i < 300; ++i)
    EXPECT_NE(at(665).tighten, std::nullopt) << "1 % below the entry";
}

TEST_F(Relief, WithoutALimitThereIsNone) {
  input_.can_tighten = false;
  EXPECT_EQ(leak_to(675).tighten, std::nullopt);
  input_.can_tighten = true;
  policy_->relief.tighten = false;
  EXPECT_EQ(leak_to(675).tighten, std::nullopt);
}

TEST_F(Relief, AFastAllocatorIsTightenedFarBelowTheThreshold) {
  for (int i = 0; i < 10; ++i)
    at(400);
  input_.be_usage = mib(240);
  at(440);
  input_.be_usage = mib(280);
  const auto decision = at(480);
  EXPECT_EQ(decision.rung, ReliefRung::kTighten) << "200 MiB/s as far as is seen: 1.1 s";
  EXPECT_THAT(decision.tighten, Optional(Eq(mib(280 + 710 - 480))));
}

TEST_F(Relief, FilesAreHeldToWhatIsFreeAsLongAsTheirPageCacheIsNotRead) {
  for (const bool kills : {false, true}) {
    SCOPED_TRACE(kills);
    state_ = {};
    input_.tighten_kills = kills;
    input_.be_reclaimable = Bytes(0);
    const auto limit = files_to_hold().tighten;
    EXPECT_THAT(limit, Optional(Eq(mib(320 + 300 - 70)))) << "7 % stay free: files make way for what grows";
    input_.be_usage = limit;
    free_ = mib(70);
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(at(400, Kind::kKubepods).tighten, limit) << "that it grows no more is the limit's doing";
    input_.be_reclaimable = mib(530);
    EXPECT_EQ(at(400, Kind::kKubepods).tighten, limit) << "now it is read";
  }
}

TEST_F(Relief, HeldFilesAreAskedForAChunkThatTheyFillAgain) {
  const auto limit = files_to_hold().tighten;
  input_.be_usage = limit;
  input_.be_reclaimable = mib(530);
  free_ = mib(70);
  for (int probe = 0; probe < 5; ++probe) {
    int rounds = 1;
    while (rounds < 200 && !at(400, Kind::kKubepods).reclaim)
      ++rounds;
    EXPECT_GE(rounds, 99);
    EXPECT_LE(rounds, 101) << "ten seconds after it was held, or asked";
    EXPECT_EQ(state_.tightened, limit);
    EXPECT_EQ(state_.reclaim_until, std::nullopt) << "not the rung reclaim";
  }
}

TEST_F(Relief, HeldFilesThatDoNotComeAgainGiveRoomForThoseToComeAndAreLetGo) {
  input_.be_usage = files_to_hold().tighten;
  input_.be_reclaimable = mib(530);
  free_ = mib(70);
  for (int i = 0; i < 95; ++i)
    EXPECT_EQ(at(400, Kind::kKubepods).reclaim, std::nullopt);
  Bytes taken;
  int last = 0;
  for (int i = 0; i < 150; ++i) {
    const auto asked = at(400, Kind::kKubepods).reclaim.value_or(Bytes(0));
    if (asked > Bytes(0)) last = i;
    taken += asked;
    input_.be_usage = *input_.be_usage - asked;
    input_.be_reclaimable = *input_.be_reclaimable - asked;
    free_ = *free_ + asked;
  }
  EXPECT_LT(last, 30);
  EXPECT_GE(taken, mib(400));
  EXPECT_LE(taken, mib(530 - 53)) << "a tenth is left";
  EXPECT_EQ(state_.tightened, std::nullopt);
}

// Evict.

TEST_F(Relief, SixtyNinePointNinePercentIsSixtyNine) {
  EXPECT_EQ(at(699.9).evict, Bytes(0));
  const auto decision = at(700);
  EXPECT_EQ(decision.evict, mib(20)) << "down to 68 %";
  EXPECT_EQ(decision.rung, ReliefRung::kEvict);
  EXPECT_EQ(decision.reason, Reason::kNothingToReclaim);
}

TEST_F(Relief, SeventyOnePercentReleasesThreePercent) {
  EXPECT_EQ(at(710).evict, mib(30));
}

TEST_F(Relief, TheLowerPercentIsThePolicys) {
  policy_->threshold.memory_evict_lower_percent = 60;
  EXPECT_EQ(at(710).evict, mib(110));
}

TEST_F(Relief, TheHostsUseDoesNotWaitForReclaim) {
  input_.be_reclaimable = mib(190);
  const auto decision = at(700);
  EXPECT_EQ(decision.evict, mib(20));
  EXPECT_EQ(decision.reason, Reason::kMemoryNearThreshold);
  EXPECT_NE(decision.reclaim, std::nullopt) << "the lower rung goes on";
}

TEST_F(Relief, UnderKubepodsLimitReclaimMaySufficeAndIsWaitedForTenSeconds) {
  input_.be_reclaimable = mib(190);
  const auto decision = at(700, Kind::kKubepods);
  EXPECT_EQ(decision.evict, Bytes(0));
  EXPECT_EQ(decision.rung, ReliefRung::kReclaim);
  EXPECT_EQ(decision.reason, Reason::kRungSuffices);
  for (int i = 0; i < 99; ++i)
    EXPECT_EQ(at(700, Kind::kKubepods).evict, Bytes(0)) << i;
  EXPECT_EQ(at(700, Kind::kKubepods).evict, mib(20));
}

TEST_F(Relief, WhatReclaimCannotCoverIsEvicted) {
  input_.be_reclaimable = mib(40);
  EXPECT_EQ(at(730, Kind::kKubepods).evict, mib(730 - 18 - 680));
}

TEST_F(Relief, WhereReclaimIsNotMadeNothingWaitsForIt) {
  input_.be_reclaimable = mib(190);
  policy_->dry_run.memory_relief = true;
  EXPECT_EQ(at(700, Kind::kKubepods).evict, mib(20));
  policy_->dry_run.memory_relief = false;
  policy_->relief.reclaim = false;
  EXPECT_EQ(at(700, Kind::kKubepods).evict, mib(20));
  policy_->relief.reclaim = true;
  input_.can_reclaim = false;
  EXPECT_EQ(at(700, Kind::kKubepods).evict, mib(20));
}

TEST_F(Relief, WhatLeavesAlreadyIsCredited) {
  input_.pending_release = mib(30);
  EXPECT_EQ(at(720).evict, Bytes(0)) << "690 when it has left";
  EXPECT_EQ(at(735).evict, mib(735 - 30 - 680));
  EXPECT_EQ(decide().terms.pending_release, mib(30));
}

TEST_F(Relief, TheRungIsHeldAndEvictsNobodyBelowTheThreshold) {
  at(710);
  for (int i = 0; i < 99; ++i) {
    const auto held = at(690);
    EXPECT_EQ(held.rung, ReliefRung::kEvict);
    EXPECT_EQ(held.evict, Bytes(0));
    EXPECT_EQ(held.reason, Reason::kReliefHolds);
  }
  EXPECT_NE(at(690).rung, ReliefRung::kEvict);
  at(710);
  EXPECT_EQ(at(681).rung, ReliefRung::kEvict);
  EXPECT_NE(at(680).rung, ReliefRung::kEvict) << "the lower percent";
}

TEST_F(Relief, ServicesThatFillTheHostWithinTwoSecondsEvictFromTheRungBelow) {
  ReliefDecision decision;
  for (const double used : {560.0, 580.0, 600.0, 620.0, 640.0, 660.0})
    EXPECT_EQ(at(used).evict, Bytes(0));
  decision = at(680);
  EXPECT_EQ(decision.evict, mib(50)) << "200 MiB/s: 1.6 s; what is coming in a second, at most the margin";
  EXPECT_EQ(decision.rung, ReliefRung::kEvict);
}

TEST_F(Relief, ALimitOfADryRunHoldsNobodyBackFromEvictions) {
  const auto after_growth = [&] {
    state_ = {};
    ReliefDecision decision;
    for (const double used : {560.0, 580.0, 600.0, 620.0, 640.0, 660.0, 680.0}) {
      input_.be_usage = mib(used - 400);
      decision = at(used);
    }
    EXPECT_NE(decision.tighten, std::nullopt) << decision.why;
    return decision.evict;
  };
  EXPECT_EQ(after_growth(), Bytes(0)) << "BE ends at its limit";
  policy_->dry_run.memory_relief = true;
  EXPECT_EQ(after_growth(), mib(50)) << "200 MiB/s go on, and fill the host in 1.6 s";
}

// Between two readings of the page cache.

TEST_F(Relief, WhatOthersGiveTheHostBackIsNoRoomUnderKubepodsLimit) {
  const auto used_at = [&](double usage, double host) {
    now_ = now_ + 100ms;
    input_.now = now_;
    input_.bound = MemoryBound{.kind = Kind::kKubepods,
                               .capacity = mib(1000),
                               .available = mib(1000) - mib(usage),
                               .free = mib(1000) - mib(usage),
                               .cache_at = model::MonoTime{1},
                               .host_used = mib(host)};
    return decide().terms.bound.value().used();
  };
  EXPECT_EQ(used_at(600, 5000), mib(600));
  EXPECT_EQ(used_at(600, 1000), mib(600)) << "a process outside of kubepods ended";
  EXPECT_EQ(used_at(640, 1000), mib(620)) << "page cache: half of it counts";
  EXPECT_EQ(used_at(680, 1040), mib(660)) << "and what grows the host's use as well counts whole";
  EXPECT_EQ(used_at(580, 940), mib(560)) << "100 that a pod gave back";
}

// Emergency.

TEST_F(Relief, AnEmergencyIsTheLastOnePercentAndThePolicys) {
  EXPECT_FALSE(at(991).emergency);
  policy_->relief.emergency_kill = true;
  EXPECT_FALSE(at(990).emergency);
  const auto decision = at(991);
  EXPECT_TRUE(decision.emergency);
  EXPECT_EQ(decision.rung, ReliefRung::kEmergency);
  EXPECT_EQ(decision.reason, Reason::kMemoryNearThreshold);
  for (int i = 0; i < 9; ++i)
    EXPECT_FALSE(at(991).emergency);
  EXPECT_TRUE(at(991).emergency) << "a second later";
}

TEST_F(Relief, OfTheHostTheLowWatermarkIsCritical) {
  policy_->relief.emergency_kill = true;
  input_.low_watermark = mib(40);
  EXPECT_FALSE(at(960).emergency);
  EXPECT_TRUE(at(961).emergency);
}

TEST_F(Relief, AHostThatIsFullWithinASecondIsAnEmergency) {
  policy_->relief.emergency_kill = true;
  for (const double used : {600.0, 630.0, 660.0, 690.0})
    EXPECT_FALSE(at(used).emergency) << "below the threshold";
  const auto decision = at(720);
  EXPECT_TRUE(decision.emergency) << "300 MiB/s: 0.9 s";
  EXPECT_EQ(decision.reason, Reason::kMemoryGrowth);
}

TEST_F(Relief, NobodyIsKilledWhereBeUsesNothing) {
  policy_->relief.emergency_kill = true;
  input_.be_usage = mib(3);
  EXPECT_FALSE(at(995).emergency);
}

// Missing data.

TEST_F(Relief, MissingDataEntersNothing) {
  policy_->relief.emergency_kill = true;
  for (int i = 0; i < 20; ++i) {
    const auto decision = blind();
    EXPECT_EQ(decision.rung, ReliefRung::kNone);
    EXPECT_EQ(decision.reason, Reason::kStaleSample);
    EXPECT_EQ(decision.evict, Bytes(0));
  }
  input_.be_usage.reset();
  for (int i = 0; i < 20; ++i) {
    const auto decision = at(995);
    EXPECT_EQ(decision.rung, ReliefRung::kNone);
    EXPECT_EQ(decision.evict, Bytes(0));
    EXPECT_FALSE(decision.emergency);
  }
  input_.be_usage = mib(200);
  input_.be_reclaimable.reset();
  EXPECT_EQ(at(710, Kind::kKubepods).evict, Bytes(0)) << "reclaim may be enough";
}

TEST_F(Relief, OneMissingRoundChangesNothing) {
  const auto before = leak_to(690);
  const auto decision = blind();
  EXPECT_EQ(decision.tighten, before.tighten);
  EXPECT_EQ(decision.rung, before.rung);
  EXPECT_EQ(at(690).tighten, before.tighten);
}

TEST_F(Relief, ATightenedBeIsGivenBackAfterTenBlindSeconds) {
  const auto before = leak_to(690);
  for (int i = 0; i < 99; ++i) {
    const auto decision = blind();
    EXPECT_EQ(decision.tighten, before.tighten);
    EXPECT_EQ(decision.evict, Bytes(0));
    EXPECT_EQ(decision.reclaim, std::nullopt);
  }
  const auto decision = blind();
  EXPECT_EQ(decision.tighten, std::nullopt);
  EXPECT_EQ(decision.rung, ReliefRung::kNone);
}

TEST_F(Relief, AnotherBoundDoesNotRaiseTheLimitAtOnce) {
  const auto before = leak_to(690, Kind::kKubepods);
  EXPECT_THAT(before.tighten, Optional(Eq(mib(220))));
  for (int i = 0; i < 99; ++i)
    EXPECT_EQ(at(668).tighten, before.tighten) << "kubepods' usage could not be read";
  EXPECT_EQ(at(668).tighten, before.tighten);
  EXPECT_GT(at(668).tighten, before.tighten);
}

// Policy.

TEST_F(Relief, WithoutAPolicyOrAThresholdAllIsGivenBack) {
  for (const auto& [off, reason] :
       std::vector<std::pair<std::optional<model::NodePolicy>, Reason>>{{std::nullopt, Reason::kNoPolicy},
                                                                        {relief_policy(0), Reason::kDisabled},
                                                                        {model::NodePolicy{}, Reason::kDisabled}}) {
    policy_ = relief_policy();
    ASSERT_NE(leak_to(690).tighten, std::nullopt);
    policy_ = off;
    const auto decision = at(690);
    EXPECT_EQ(decision.tighten, std::nullopt);
    EXPECT_EQ(decision.rung, ReliefRung::kNone);
    EXPECT_EQ(decision.reason, reason);
    EXPECT_EQ(state_, ReliefState{});
  }
}

TEST_F(Relief, AMarginOfNothingIsTheThreshold) {
  policy_->relief.margin_percent = 0;
  input_.be_reclaimable = mib(100);
  EXPECT_EQ(at(699).reclaim, std::nullopt);
  EXPECT_NE(at(700).reclaim, std::nullopt);
}

// Features.

TEST_F(Relief, FeaturesSayWhatEachDoesOrWhyNot) {
  const auto features = [&](const ReliefDecision& decision) { return relief_features(decision, input_, policy_); };
  auto told = features(leak_to(690));
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].feature, "memoryRelief.reclaim");
  EXPECT_EQ(told[0].state, State::kActive);
  EXPECT_EQ(told[1].feature, "memoryRelief.tighten");
  EXPECT_EQ(told[1].state, State::kActive);
  EXPECT_THAT(told[1].why, HasSubstr("limits BE: 690 of 1000 MiB used of the host (69 %), threshold 70 %"));
  EXPECT_EQ(told[2].feature, "memoryRelief.emergencyKill");
  EXPECT_EQ(told[2].state, State::kInactive);
  EXPECT_EQ(told[2].why, "memoryRelief emergencyKill is false");

  input_.can_reclaim = input_.can_tighten = false;
  told = features(at(690));
  EXPECT_EQ(told[0].state, State::kUnsupported);
  EXPECT_EQ(told[1].state, State::kUnsupported);
  input_.can_reclaim = input_.can_tighten = true;

  told = features(blind());
  EXPECT_EQ(told[0].state, State::kInactive);
  EXPECT_THAT(told[0].why, HasSubstr("is not known"));

  policy_->threshold.memory_evict_threshold_percent = 0;
  for (const auto& each : features(at(690))) {
    EXPECT_EQ(each.state, State::kInactive);
    EXPECT_EQ(each.why, "memoryEvictThresholdPercent is 0");
  }
  policy_.reset();
  EXPECT_EQ(features(at(690))[0].why, "no policy was ever received");
}

}  // namespace
}  // namespace tideline::decide::test::memory_relief_test
