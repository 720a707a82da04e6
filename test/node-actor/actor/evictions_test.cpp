// Whom a worker asks for, with dry runs, and alone.

#include <gmock/gmock.h>

#include "test/node-actor/actor/evictions_fixture.h"

namespace tideline::node::evictions_test {
namespace {

using namespace std::chrono_literals;
using model::Reason;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(EvictionsOnAFixtureTree, InDryRunItTellsWhoWouldGoAndEvictsNobody) {
  dry_run_ = true;
  auto evictions = worker();
  second(*evictions, true);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kDryRun);
  EXPECT_THAT(told_[0].after, HasSubstr("would be evicted: "));
  EXPECT_THAT(evictions->take_requests(), IsEmpty()) << "nor asks for any";
  grant(*evictions);
  for (int i = 0; i < 40; ++i)
    second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
  EXPECT_THAT(told_, SizeIs(1));
}

TEST_F(EvictionsOnAFixtureTree, WhoWasAskedForBeforeADryRunStays) {
  auto evictions = worker();
  second(*evictions, true);
  ASSERT_THAT(evictions->waiting(), SizeIs(1));
  grant(*evictions);
  dry_run_ = true;
  second(*evictions);
  EXPECT_THAT(evictions->waiting(), IsEmpty());
  EXPECT_FALSE(credited());
  dry_run_ = false;
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
}

TEST_F(EvictionsOnAFixtureTree, ADryRunOfMemoryEvictionLeavesThatOfCpuGoing) {
  memory_dry_run_ = true;
  auto evictions = worker();
  second_of_memory(*evictions);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kDryRun);
  EXPECT_EQ(told_[0].controller, model::Controller::kMemoryEvict);
  EXPECT_EQ(told_[0].after, "would be evicted: node-memory-full");
  EXPECT_THAT(evictions->take_requests(), IsEmpty());
  second(*evictions, true);
  EXPECT_THAT(evictions->take_requests(), SizeIs(1));
  grant(*evictions);
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
}

TEST_F(EvictionsOnAFixtureTree, ADryRunOfCpuEvictionLeavesThatOfMemoryGoing) {
  dry_run_ = true;
  auto evictions = worker();
  second_of_memory(*evictions);
  ASSERT_THAT(evictions->waiting(), SizeIs(1));
  grant(*evictions, memory_victim());
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
}

TEST_F(EvictionsOnAFixtureTree, AMemoryVictimIsAskedForAsServicesNeedAndToldAsMemorys) {
  auto evictions = worker();
  second_of_memory(*evictions);
  const auto asked = evictions->take_requests();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].id, memory_victim().id);
  EXPECT_EQ(asked[0].reason, Reason::kNodeMemoryFull);
  EXPECT_EQ(asked[0].urgency, model::EvictionUrgency::kServices);
  grant(*evictions, memory_victim());
  second(*evictions);
  second(*evictions);
  ASSERT_THAT(told_, SizeIs(2));
  for (const auto& told : told_) {
    EXPECT_EQ(told.controller, model::Controller::kMemoryEvict);
    EXPECT_EQ(told.reason, Reason::kNodeMemoryFull);
  }
  EXPECT_EQ(told_[0].before, "running, 1000 bytes, 3.0 s of CPU used so far");
  EXPECT_THAT(told_[0].after, HasSubstr("asked to end, 30 s of grace; granted by the coordinator"));
  EXPECT_THAT(told_[1].after, HasSubstr("it had 1000 bytes when it was picked"));
}

TEST_F(EvictionsOnAFixtureTree, AnEvictionForMemoryDoesNotCoolCpuEvictionDown) {
  auto evictions = worker();
  second_of_memory(*evictions);
  grant(*evictions, memory_victim());
  second(*evictions);
  EXPECT_FALSE(state_.quiet_until);
  EXPECT_TRUE(credited()) << "but is on its account";
}

TEST_F(EvictionsOnAFixtureTree, WithoutTheCoordinatorAMemoryVictimGoesAfterTenSeconds) {
  auto evictions = worker();
  second_of_memory(*evictions);
  for (int i = 1; i < 10; ++i)
    second(*evictions);
  EXPECT_THAT(told_, IsEmpty());
  second(*evictions);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kNoArbiter);
  EXPECT_THAT(told_[0].before, HasSubstr("node-memory-full, running"));
}

TEST_F(EvictionsOnAFixtureTree, WhileMemoryIsNotJudgedItsVictimWaits) {
  auto evictions = worker();
  second_of_memory(*evictions);
  grant(*evictions, memory_victim());
  for (int i = 0; i < 40; ++i) {
    now_ = now_ + 1s;
    evictions->round(state_, {.now = now_, .decision = decision_, .pods = pods_, .held = {}});
    ASSERT_EQ(evictions->under_way(), 0u);
  }
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
}

TEST_F(EvictionsOnAFixtureTree, TheNextWorkerKeepsTheRateOfEvictionsWithoutTheCoordinator) {
  ASSERT_TRUE(keep_evictions(state_dir_.str(), "boot", {.under_way = {}, .last_alone = now_}));
  auto evictions = worker();
  second(*evictions, true);
  for (int i = 1; i < 59; ++i)
    second(*evictions);
  EXPECT_THAT(told_, IsEmpty()) << "a minute has not passed since the earlier worker's";
  second(*evictions);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kNoArbiter);
  EXPECT_EQ(evictions->under_way(), 1u);
}

}  // namespace
}  // namespace tideline::node::evictions_test
