#include "node-actor/decide/asides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test::asides_test {
namespace {

using model::Controller;
using model::Knob;
using model::MonoTime;
using model::Reason;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = AsideKey::Kind;

constexpr MonoTime kStart{1'000'000'000'000};
const KnobRef kQuota{model::group_of(be_pod("p")), Knob::kCpuQuota};

MonoTime after(int seconds) {
  return kStart + std::chrono::seconds(seconds);
}
Want quota_of(std::int64_t milli, Controller controller, Reason reason = Reason::kNone) {
  return {kQuota.group, kQuota.knob, cpu(milli), controller, reason};
}
Aside aside(std::int64_t milli, Kind kind = Kind::kDryRun) {
  return {{kQuota, kind, Controller::kCpuBurst}, cpu(milli), Reason::kThrottled};
}

TEST(Asides, AMechanismInDryRunWouldWriteItsValue) {
  model::DryRun dry_run;
  dry_run.cpu_burst = true;
  const auto alone = asides(settle({quota_of(500, Controller::kCpuBurst, Reason::kThrottled)}, dry_run, {}, kStart));
  EXPECT_THAT(alone, testing::ElementsAre(aside(500)));
  const auto beside = asides(settle({quota_of(500, Controller::kCpuBurst, Reason::kThrottled),
                                     quota_of(200, Controller::kBatchLimits, Reason::kBatchLimit)},
                                    dry_run, {}, kStart));
  EXPECT_THAT(beside, testing::ElementsAre(aside(500))) << "in place of what batch limits write";
}

TEST(Asides, WhoIsOutrankedIsOverruledWithItsFirstValue) {
  const auto all = asides(settle({quota_of(500, Controller::kCpuBurst), quota_of(300, Controller::kBatchLimits),
                                  quota_of(200, Controller::kBatchLimits, Reason::kBatchLimit)},
                                 {}, {}, kStart));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0], (Aside{{kQuota, Kind::kOverruled, Controller::kBatchLimits}, cpu(200), Reason::kBatchLimit}));
}

TEST(Asides, LimitsOfMemoryAreToldAsAnyValueIs) {
  const KnobRef limit{kQuota.group, Knob::kMemoryLimit};
  const Want wanted{limit.group, limit.knob, memory_value(64 << 20), Controller::kBatchLimits,
                    Reason::kBatchMemoryLimit};
  const auto all = asides(settle({wanted}, {.batch_limits = true}, {}, kStart));
  EXPECT_THAT(
      all, testing::ElementsAre(Aside{
               {limit, Kind::kDryRun, Controller::kBatchLimits}, memory_value(64 << 20), Reason::kBatchMemoryLimit}));
}

TEST(Asides, NothingIsSaidOfAKnobThatAnOperatorHoldsOrThatIsNotDisputed) {
  const std::vector<Want> wants = {quota_of(500, Controller::kCpuBurst), quota_of(300, Controller::kBatchLimits)};
  const HandsOff hold{kQuota.group, after(60), "ann", "tuning"};
  EXPECT_THAT(asides(settle(wants, {}, {hold}, kStart)), IsEmpty());
  EXPECT_THAT(asides(settle({wants[0]}, {}, {}, kStart)), IsEmpty());
}

TEST(AsideNewsTest, IsToldWhenItChangesAndAtMostOnceAMinute) {
  AsideState state;
  auto step = aside_news(state, {aside(100)}, after(0));
  ASSERT_THAT(step.news, SizeIs(1));
  EXPECT_EQ(step.news[0].value, cpu(100));
  EXPECT_EQ(step.news[0].reason, Reason::kThrottled);
  EXPECT_EQ(step.next, std::nullopt);
  EXPECT_THAT(aside_news(state, {aside(100)}, after(3600)).news, IsEmpty()) << "it is the same";
  ASSERT_THAT(aside_news(state, {aside(200)}, after(3601)).news, SizeIs(1));
  for (int second = 3602; second < 3661; ++second) {
    step = aside_news(state, {aside(second)}, after(second));
    ASSERT_THAT(step.news, IsEmpty()) << second;
    ASSERT_EQ(step.next, after(3661));
  }
  step = aside_news(state, {aside(900)}, after(3661));
  ASSERT_THAT(step.news, SizeIs(1));
  EXPECT_EQ(step.news[0].value, cpu(900));
}

TEST(AsideNewsTest, ItsEndIsToldAndOneThatComesBackMeanwhileIsNoNews) {
  AsideState state;
  aside_news(state, {aside(100)}, after(0));
  EXPECT_THAT(aside_news(state, {}, after(10)).news, IsEmpty());
  EXPECT_THAT(aside_news(state, {aside(100)}, after(20)).news, IsEmpty());
  const auto step = aside_news(state, {}, after(70));
  ASSERT_THAT(step.news, SizeIs(1));
  EXPECT_EQ(step.news[0].value, std::nullopt);
  EXPECT_THAT(state.told, IsEmpty());
}

TEST(AsideNewsTest, WhoIsInDryRunAndOverruledIsToldOfBoth) {
  AsideState state;
  EXPECT_THAT(aside_news(state, {aside(100), aside(100, Kind::kOverruled)}, after(0)).news, SizeIs(2));
}

TEST(AsideNewsTest, ManyAtOnceAreSpreadOverRoundsAndAllAreTold) {
  std::vector<Aside> all;
  for (int i = 0; i < 300; ++i) {
    auto one = aside(100);
    one.key.knob.group = model::group_of(be_pod("p" + std::to_string(i)));
    all.push_back(one);
  }
  AsideState state;
  std::size_t told = 0;
  for (int round = 0; round < 3; ++round) {
    const auto step = aside_news(state, all, after(round));
    EXPECT_LE(step.news.size(), AsidePace::kMostARound);
    EXPECT_EQ(step.next.has_value(), round < 2);
    told += step.news.size();
  }
  EXPECT_EQ(told, 300u);
}

}  // namespace
}  // namespace tideline::decide::test::asides_test
