#include "node-actor/decide/evicted_pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::evicted_pods_test {
namespace {

using model::MonoTime;
using model::PodPhase;
using model::PodUid;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// One pod that is evicted, second by second.
struct SeeingOff {
  EvictedPods evicted;
  std::vector<model::Pod> listed = {test::batch_pod("b", 8000)};
  std::vector<PodUid> without_group;
  MonoTime now{1'000'000'000'000};

  static EvictVictim victim() {
    EvictVictim made;
    made.id = "boot/cpuEvict.nodeUsage/1/b/2";
    made.uid = PodUid("b");
    return made;
  }
  SeenOff next(model::Duration later = std::chrono::seconds(1)) {
    now = now + later;
    return see_off(evicted, listed, without_group, now);
  }
  bool is_over() const { return evicted.rows.empty(); }
};

/// Nothing of note.
bool is_quiet(const SeenOff& seen) {
  return seen.after_all.empty() && seen.gone.empty() && seen.stayed.empty();
}

TEST(EvictedPods, OneIsSeenOffUntilItIsListedNoMoreHoweverLongItsGraceIs) {
  SeeingOff host;
  leaves(host.evicted, SeeingOff::victim(), host.now);
  const auto begin = host.now;
  EXPECT_TRUE(is_quiet(host.next()));
  host.listed[0].eviction.terminating = true;
  for (int i = 0; i < 600; ++i)
    ASSERT_TRUE(is_quiet(host.next())) << i;
  EXPECT_THAT(leaving_for_sure(host.evicted), ElementsAre(PodUid("b")));
  host.listed.clear();
  const auto seen = host.next();
  ASSERT_THAT(seen.gone, SizeIs(1));
  EXPECT_EQ(seen.gone[0].victim.id, SeeingOff::victim().id);
  EXPECT_EQ(seen.gone[0].since, begin);
  EXPECT_TRUE(host.is_over());
}

TEST(EvictedPods, OneThatEndedOrWhoseCgroupIsGoneIsGoneWhateverTheListSays) {
  for (const auto phase : {PodPhase::kSucceeded, PodPhase::kFailed}) {
    SeeingOff host;
    leaves(host.evicted, SeeingOff::victim(), host.now);
    host.listed[0].phase = phase;
    EXPECT_THAT(host.next().gone, SizeIs(1));
  }
  SeeingOff host;
  leaves(host.evicted, SeeingOff::victim(), host.now);
  host.without_group = {PodUid("b")};
  EXPECT_THAT(host.next().gone, SizeIs(1)) << "the list is an old one";
}

TEST(EvictedPods, OneThatRunsOnForThirtySecondsIsGivenUp) {
  SeeingOff host;
  leaves(host.evicted, SeeingOff::victim(), host.now);
  for (int i = 1; i < 30; ++i)
    ASSERT_TRUE(is_quiet(host.next())) << i;
  const auto seen = host.next();
  EXPECT_THAT(seen.stayed, SizeIs(1));
  EXPECT_THAT(seen.gone, IsEmpty());
  EXPECT_TRUE(host.is_over());
}

TEST(EvictedPods, OneOfAnEarlierWorkerHasThirtySecondsFromNowAndItsOwnBegin) {
  SeeingOff host;
  const auto begin = host.now + -std::chrono::minutes(5);
  goes_on(host.evicted, SeeingOff::victim(), begin, host.now);
  EXPECT_TRUE(is_quiet(host.next()));
  host.listed.clear();
  const auto seen = host.next();
  ASSERT_THAT(seen.gone, SizeIs(1));
  EXPECT_EQ(seen.gone[0].since, begin);
}

TEST(EvictedPods, OneThatMayLeaveDoesWhenTheListShowsIt) {
  SeeingOff host;
  may_leave(host.evicted, SeeingOff::victim(), host.now);
  EXPECT_TRUE(is_quiet(host.next()));
  EXPECT_THAT(leaving_for_sure(host.evicted), IsEmpty());
  host.listed[0].eviction.terminating = true;
  const auto seen = host.next();
  EXPECT_THAT(seen.after_all, SizeIs(1));
  EXPECT_THAT(seen.gone, IsEmpty());
  EXPECT_THAT(leaving_for_sure(host.evicted), ElementsAre(PodUid("b")));
  host.listed.clear();
  const auto end = host.next();
  EXPECT_THAT(end.after_all, IsEmpty());
  EXPECT_THAT(end.gone, SizeIs(1));
}

TEST(EvictedPods, OneThatMayLeaveAndIsListedNoMoreHasLeft) {
  SeeingOff host;
  may_leave(host.evicted, SeeingOff::victim(), host.now);
  host.listed.clear();
  const auto seen = host.next();
  EXPECT_THAT(seen.after_all, SizeIs(1));
  EXPECT_THAT(seen.gone, SizeIs(1));
  EXPECT_TRUE(host.is_over());
}

TEST(EvictedPods, OneThatMayLeaveAndEndsByItselfOrRunsOnDoesNot) {
  SeeingOff ended;
  may_leave(ended.evicted, SeeingOff::victim(), ended.now);
  ended.listed[0].phase = PodPhase::kSucceeded;
  EXPECT_TRUE(is_quiet(ended.next()));
  EXPECT_TRUE(ended.is_over());

  SeeingOff runs;
  may_leave(runs.evicted, SeeingOff::victim(), runs.now);
  for (int i = 0; i < 30; ++i)
    EXPECT_TRUE(is_quiet(runs.next()));
  EXPECT_TRUE(runs.is_over());
  runs.listed.clear();
  EXPECT_TRUE(is_quiet(runs.next())) << "somebody else's doing";
}

TEST(EvictedPods, APodHasOneRow) {
  SeeingOff host;
  may_leave(host.evicted, SeeingOff::victim(), host.now);
  leaves(host.evicted, SeeingOff::victim(), host.now);
  EXPECT_THAT(host.evicted.rows, SizeIs(1));
  EXPECT_THAT(leaving_for_sure(host.evicted), SizeIs(1));
}

}  // namespace
}  // namespace tideline::decide::evicted_pods_test
