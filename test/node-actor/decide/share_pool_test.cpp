#include "node-actor/decide/share_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/burst_host.h"

namespace tideline::decide::test::share_pool_test {
namespace {

using model::QosClass;

PoolLoad full_to(double share, bool at_most = false) {
  return {MilliCpu(10000), MilliCpu(static_cast<std::int64_t>(share * 10000)), at_most};
}

TEST(SharePool, IsIdleThenCoolingFromNineTenthsOfTheThresholdThenOverloaded) {
  EXPECT_EQ(judge_pool(full_to(0.4499), 50), PoolState::kIdle);
  EXPECT_EQ(judge_pool(full_to(0.45), 50), PoolState::kCooling);
  EXPECT_EQ(judge_pool(full_to(0.4999), 50), PoolState::kCooling);
  EXPECT_EQ(judge_pool(full_to(0.5), 50), PoolState::kOverload);
  EXPECT_EQ(judge_pool(full_to(0), 0), PoolState::kOverload) << "a threshold of 0 lets nobody burst";
  EXPECT_EQ(judge_pool({MilliCpu(10000), std::nullopt, false}, 50), PoolState::kUnknown);
}

TEST(SharePool, WithoutCpusOfItsOwnIsFull) {
  EXPECT_EQ(judge_pool({MilliCpu(0), MilliCpu(0), false}, 50), PoolState::kOverload);
  EXPECT_EQ(judge_pool({MilliCpu(-4000), MilliCpu(100), true}, 100), PoolState::kOverload);
}

TEST(SharePool, IsNotCalledBusyForAReadingThatIsMissing) {
  EXPECT_EQ(judge_pool(full_to(0.4, true), 50), PoolState::kIdle);
  EXPECT_EQ(judge_pool(full_to(0.47, true), 50), PoolState::kUnknown);
  EXPECT_EQ(judge_pool(full_to(0.9, true), 50), PoolState::kUnknown);
}

TEST(SharePool, LeavesOutWhatLseAndLsrRequestAndWhatTheyAndBeUse) {
  std::vector<Pod> pods{pod_of("lse", {}, QosClass::kLse), pod_of("lsr", {}, QosClass::kLsr),
                        pod_of("ls", {}, QosClass::kLs), pod_of("be", {}, QosClass::kBe),
                        pod_of("over", {}, QosClass::kLsr)};
  pods[0].requests.cpu = MilliCpu(4000);
  pods[1].containers = {container_of("a", {}), container_of("b", {})};
  pods[1].containers[0].requests.cpu = MilliCpu(1500);
  pods[1].containers[1].requests.cpu = MilliCpu(500);
  pods[4].requests.cpu = MilliCpu(8000);
  pods[4].phase = model::PodPhase::kSucceeded;
  EXPECT_EQ(pool_total(MilliCpu(32000), pods), MilliCpu(26000)) << "a finished pod reserves nothing";

  model::NodeSample sample;
  sample.node_cpu = MilliCpu(20000);
  const std::vector<std::pair<std::string, std::int64_t>> uses{
      {"lse", 3000}, {"lsr", 1000}, {"ls", 5000}, {"be", 9000}};
  for (const auto& [uid, milli] : uses)
    sample.pods.push_back({PodUid(uid), MilliCpu(milli), {}, {}, {}, {}});
  auto reading = pool_reading(sample, PodUses(sample), pods);
  EXPECT_EQ(reading, (PoolReading{sample.at, MilliCpu(7000), true}));

  sample.pods.pop_back();
  EXPECT_EQ(pool_reading(sample, PodUses(sample), pods), (PoolReading{sample.at, MilliCpu(16000), false}))
      << "what BE uses counts as the pool's until it is read";
  pods[3].phase = model::PodPhase::kPending;
  EXPECT_TRUE(pool_reading(sample, PodUses(sample), pods)->complete) << "no group yet: nothing to read";
  sample.node_cpu.reset();
  EXPECT_EQ(pool_reading(sample, PodUses(sample), pods), std::nullopt);
}

TEST(SharePool, UseIsNeverNegative) {
  model::NodeSample sample;
  sample.node_cpu = MilliCpu(100);
  sample.pods.push_back({PodUid("be"), MilliCpu(300), {}, {}, {}, {}});
  const std::vector<Pod> pods{pod_of("be", {}, QosClass::kBe)};
  EXPECT_EQ(pool_reading(sample, PodUses(sample), pods)->used, MilliCpu(0));
}

TEST(SharePool, IsTheMeanOfFiveSeconds) {
  std::vector<PoolReading> history;
  for (int second = 0; second < 20; ++second) {
    remember(history, {MonoTime{second * 1'000'000'000LL}, MilliCpu(second * 100), true});
  }
  EXPECT_EQ(history.size(), 5u);
  EXPECT_EQ(pool_load(history, MilliCpu(32000)).used, MilliCpu(1700));
  remember(history, {MonoTime{60'000'000'000LL}, MilliCpu(9000), true});
  EXPECT_EQ(pool_load(history, MilliCpu(32000)).used, MilliCpu(9000)) << "old ones are forgotten";
}

TEST(SharePool, RestsOnCompleteReadingsWhereThereAreSome) {
  const MonoTime at{1'000'000'000};
  EXPECT_EQ(pool_load({{at, MilliCpu(8000), false}, {at, MilliCpu(2000), true}}, MilliCpu(10000)),
            (PoolLoad{MilliCpu(10000), MilliCpu(2000), false}));
  EXPECT_EQ(pool_load({{at, MilliCpu(8000), false}, {at, MilliCpu(2000), false}}, MilliCpu(10000)),
            (PoolLoad{MilliCpu(10000), MilliCpu(5000), true}));
  EXPECT_EQ(pool_load({}, MilliCpu(10000)).used, std::nullopt);
}

TEST(SharePool, HistoryIsBoundedHoweverShortTheLoop) {
  std::vector<PoolReading> history;
  for (int i = 0; i < 1000; ++i)
    remember(history, {MonoTime{i * 20'000'000LL}, MilliCpu(i), true});
  EXPECT_EQ(history.size(), kPoolReadings);
  EXPECT_EQ(history.back().used, MilliCpu(999));
}

}  // namespace
}  // namespace tideline::decide::test::share_pool_test
