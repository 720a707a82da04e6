#include "node-actor/decide/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test::order_test {
namespace {

using model::CpuSet;
using model::GroupRef;
using model::Knob;
using model::KnobValue;
using model::KubeQos;

const auto kPodOfTwo = ls_pod("p", 2);
const GroupRef kRoot = model::root_of(KubeQos::kBurstable);
const GroupRef kPod = model::group_of(kPodOfTwo);
const GroupRef kContainer = model::group_of(kPodOfTwo, kPodOfTwo.containers[0]);

Change change(const GroupRef& group, Knob knob, KnobValue current, KnobValue target) {
  return {group, knob, std::move(target), std::move(current)};
}

/// "group knob value" of each write, in order.
std::vector<std::string> texts(const std::vector<Change>& changes) {
  std::vector<std::string> result;
  for (const auto& write : order(changes)) {
    const auto& of = changes[write.change];
    result.push_back(text_of(of.group) + " " + std::string(name_of(of.knob)) + " " + text_of(write.value));
  }
  return result;
}

TEST(Order, QuotasWidenParentFirstAndNarrowChildFirst) {
  EXPECT_THAT(
      texts({change(kContainer, Knob::kCpuQuota, cpu(100), cpu(200)),
             change(kPod, Knob::kCpuQuota, cpu(100), no_limit()), change(kRoot, Knob::kCpuQuota, cpu(100), cpu(300))}),
      testing::ElementsAre("Burstable root cpu-quota 300 millicores", "pod p cpu-quota no limit",
                           "pod p container p-c0 cpu-quota 200 millicores"));
  EXPECT_THAT(
      texts({change(kRoot, Knob::kCpuQuota, no_limit(), cpu(100)), change(kPod, Knob::kCpuQuota, cpu(300), cpu(100)),
             change(kContainer, Knob::kCpuQuota, cpu(200), cpu(100))}),
      testing::ElementsAre("pod p container p-c0 cpu-quota 100 millicores", "pod p cpu-quota 100 millicores",
                           "Burstable root cpu-quota 100 millicores"));
}

TEST(Order, ACpusetThatMovesGoesByTheUnionOnlyWhereAGroupBelowMovesToo) {
  EXPECT_THAT(texts({change(kContainer, Knob::kCpuset, CpuSet{0}, CpuSet{2}),
                     change(kPod, Knob::kCpuset, CpuSet{0, 1}, CpuSet{1, 2})}),
              testing::ElementsAre("pod p cpuset 0-2", "pod p container p-c0 cpuset 2", "pod p cpuset 1-2"));
  EXPECT_THAT(texts({change(kPod, Knob::kCpuset, CpuSet{0, 1}, CpuSet{1, 2})}),
              testing::ElementsAre("pod p cpuset 1-2"));
}

TEST(Order, NoSetOfItsOwnComesFromTheTopForItIsAllThatTheParentHas) {
  std::vector<OrderedWrite> writes =
      order({change(kContainer, Knob::kCpuset, CpuSet{0}, CpuSet{}), change(kRoot, Knob::kCpuset, CpuSet{0}, CpuSet{}),
             change(kPod, Knob::kCpuset, CpuSet{0}, CpuSet{})});
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_EQ(writes[0].change, 1u);
  EXPECT_EQ(writes[1].change, 2u);
  EXPECT_EQ(writes[2].change, 0u);
}

TEST(Order, BurstFallsBeforeItsQuotaAndRisesAfterIt) {
  EXPECT_THAT(
      texts({change(kPod, Knob::kCpuQuota, cpu(400), cpu(200)), change(kPod, Knob::kCpuBurst, cpu(300), cpu(200))}),
      testing::ElementsAre("pod p cpu-burst 200 millicores", "pod p cpu-quota 200 millicores"));
  EXPECT_THAT(
      texts({change(kPod, Knob::kCpuBurst, cpu(100), cpu(300)), change(kPod, Knob::kCpuQuota, cpu(200), cpu(400))}),
      testing::ElementsAre("pod p cpu-quota 400 millicores", "pod p cpu-burst 300 millicores"));
}

TEST(Order, AWeightIsNeverWrittenToAnIdleGroupAndAlwaysToOneThatEndsToBeIdle) {
  EXPECT_THAT(texts({change(kPod, Knob::kCpuWeight, number(2), number(512)),
                     change(kPod, Knob::kCpuIdle, number(0), number(1))}),
              testing::ElementsAre("pod p cpu-weight 512", "pod p cpu-idle 1"));
  EXPECT_THAT(
      texts({change(kPod, Knob::kCpuWeight, number(3), number(3)), change(kPod, Knob::kCpuIdle, number(1), number(0))}),
      testing::ElementsAre("pod p cpu-idle 0", "pod p cpu-weight 3"))
      << "the kernel resets the weight when idle ends";
}

TEST(Order, WhatIsThereAlreadyIsNotWritten) {
  EXPECT_THAT(
      texts({change(kPod, Knob::kCpuQuota, no_limit(), no_limit()), change(kPod, Knob::kCpuBurst, cpu(0), cpu(0)),
             change(kPod, Knob::kCpuWeight, number(2), number(2)), change(kPod, Knob::kCpuIdle, number(0), number(0)),
             change(kPod, Knob::kCpuset, CpuSet{0}, CpuSet{0}),
             change(kPod, Knob::kMemoryLimit, no_memory_limit(), no_memory_limit()),
             change(kPod, Knob::kMemoryMin, memory_value(7), memory_value(7))}),
      testing::IsEmpty());
}

TEST(Order, TheCallerSaysWhatIsTheSameAfterTheKernelsRounding) {
  const std::vector changes = {change(kPod, Knob::kCpuQuota, cpu(333), cpu(334)),
                               change(kRoot, Knob::kCpuQuota, cpu(333), cpu(400))};
  const auto writes = order(changes, [](const Change& asked) { return asked.target == cpu(334); });
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0], (OrderedWrite{1, cpu(400)}));
}

TEST(Order, LimitsOfMemoryWidenParentFirstAndNarrowChildFirst) {
  for (const auto knob : {Knob::kMemoryLimit, Knob::kMemoryHigh}) {
    const std::string name(name_of(knob));
    EXPECT_THAT(texts({change(kContainer, knob, memory_value(100), memory_value(200)),
                       change(kPod, knob, memory_value(100), no_memory_limit())}),
                testing::ElementsAre("pod p " + name + " " + text_of(no_memory_limit()),
                                     "pod p container p-c0 " + name + " " + text_of(memory_value(200))));
    EXPECT_THAT(texts({change(kPod, knob, no_memory_limit(), memory_value(300)),
                       change(kContainer, knob, memory_value(200), memory_value(100))}),
                testing::ElementsAre("pod p container p-c0 " + name + " " + text_of(memory_value(100)),
                                     "pod p " + name + " " + text_of(memory_value(300))));
  }
}

TEST(Order, FloorsFallChildFirstBeforeOthersRiseParentFirst) {
  for (const auto knob : {Knob::kMemoryMin, Knob::kMemoryLow}) {
    const std::string name(name_of(knob));
    const auto other = ls_pod("q");
    EXPECT_THAT(texts({change(model::group_of(other), knob, memory_value(0), memory_value(700)),
                       change(kRoot, knob, memory_value(500), memory_value(800)),
                       change(kPod, knob, memory_value(500), memory_value(100)),
                       change(kContainer, knob, memory_value(500), memory_value(100))}),
                testing::ElementsAre("pod p container p-c0 " + name + " " + text_of(memory_value(100)),
                                     "pod p " + name + " " + text_of(memory_value(100)),
                                     "Burstable root " + name + " " + text_of(memory_value(800)),
                                     "pod q " + name + " " + text_of(memory_value(700))));
  }
}

TEST(Order, MemoryHighIsNeverBelowMemoryMinOfItsGroupInBetween) {
  EXPECT_THAT(texts({change(kContainer, Knob::kMemoryMin, memory_value(100), memory_value(300)),
                     change(kContainer, Knob::kMemoryHigh, memory_value(200), memory_value(400))}),
              testing::ElementsAre("pod p container p-c0 memory-high " + text_of(memory_value(400)),
                                   "pod p container p-c0 memory-min " + text_of(memory_value(300))));
  EXPECT_THAT(texts({change(kContainer, Knob::kMemoryHigh, memory_value(400), memory_value(200)),
                     change(kContainer, Knob::kMemoryMin, memory_value(300), memory_value(100))}),
              testing::ElementsAre("pod p container p-c0 memory-min " + text_of(memory_value(100)),
                                   "pod p container p-c0 memory-high " + text_of(memory_value(200))));
  EXPECT_THAT(texts({change(kContainer, Knob::kMemoryHigh, no_memory_limit(), memory_value(300)),
                     change(kContainer, Knob::kMemoryMin, memory_value(100), memory_value(300))}),
              testing::ElementsAre("pod p container p-c0 memory-min " + text_of(memory_value(300)),
                                   "pod p container p-c0 memory-high " + text_of(memory_value(300))));
}

TEST(Order, MemoryHighFallsBeforeTheLimitOfItsGroup) {
  EXPECT_THAT(texts({change(kPod, Knob::kMemoryLimit, memory_value(900), memory_value(300)),
                     change(kPod, Knob::kMemoryHigh, memory_value(800), memory_value(200))}),
              testing::ElementsAre("pod p memory-high " + text_of(memory_value(200)),
                                   "pod p memory-limit " + text_of(memory_value(300))));
}

TEST(Order, APageCacheIsLimitedOnceItsSizeIsThereAndFreedBeforeItGoes) {
  EXPECT_THAT(texts({change(kPod, Knob::kPageCacheEnable, number(0), number(1)),
                     change(kPod, Knob::kPageCacheSync, number(0), number(1)),
                     change(kPod, Knob::kPageCacheSize, memory_value(0), memory_value(500))}),
              testing::ElementsAre("pod p page-cache-size " + text_of(memory_value(500)), "pod p page-cache-sync 1",
                                   "pod p page-cache-enable 1"));
  EXPECT_THAT(texts({change(kPod, Knob::kPageCacheSize, memory_value(500), memory_value(0)),
                     change(kPod, Knob::kPageCacheEnable, number(1), number(0))}),
              testing::ElementsAre("pod p page-cache-enable 0", "pod p page-cache-size " + text_of(memory_value(0))));
}

TEST(Order, WhatOnlyOrdersGoesWithTheWeights) {
  EXPECT_THAT(texts({change(kPod, Knob::kCpuQuota, cpu(100), cpu(200)),
                     change(kRoot, Knob::kSoftLimit, no_memory_limit(), memory_value(0)),
                     change(kPod, Knob::kWmarkRatio, number(0), number(95)),
                     change(kPod, Knob::kMemoryPriority, number(0), number(5)),
                     change(kPod, Knob::kUsePriorityOom, number(0), number(1)),
                     change(kPod, Knob::kOomGroup, number(0), number(1)),
                     change(kPod, Knob::kWmarkMinAdj, number(0), number(-25))}),
              testing::ElementsAre("Burstable root soft-limit " + text_of(memory_value(0)), "pod p oom-group 1",
                                   "pod p wmark-ratio 95", "pod p wmark-min-adj -25", "pod p memory-priority 5",
                                   "pod p use-priority-oom 1", "pod p cpu-quota 200 millicores"));
}

TEST(Order, AnUnknownFloorCountsAsOneThatFalls) {
  EXPECT_THAT(texts({{kPod, Knob::kMemoryMin, memory_value(200), {}},
                     change(kRoot, Knob::kMemoryMin, memory_value(100), memory_value(300))}),
              testing::ElementsAre("pod p memory-min " + text_of(memory_value(200)),
                                   "Burstable root memory-min " + text_of(memory_value(300))));
}

TEST(Order, AnUnknownValueIsWrittenAmongThoseThatNarrow) {
  EXPECT_THAT(
      texts({{kPod, Knob::kCpuQuota, cpu(200), {}},
             {kContainer, Knob::kCpuBurst, cpu(50), {}},
             change(kRoot, Knob::kCpuQuota, cpu(100), cpu(300)),
             change(kContainer, Knob::kCpuQuota, cpu(200), cpu(100))}),
      testing::ElementsAre("Burstable root cpu-quota 300 millicores", "pod p container p-c0 cpu-burst 50 millicores",
                           "pod p container p-c0 cpu-quota 100 millicores", "pod p cpu-quota 200 millicores"));
}

TEST(Order, AValueOfAnotherKnobsTypeCrashesNothing) {
  EXPECT_EQ(
      texts({change(kPod, Knob::kCpuset, cpu(1), cpu(2)), change(kPod, Knob::kCpuQuota, CpuSet{1}, number(2)),
             change(kPod, Knob::kCpuIdle, no_limit(), CpuSet{1}), change(kPod, Knob::kCpuBurst, number(1), CpuSet{}),
             change(kPod, Knob::kMemoryMin, number(1), CpuSet{}),
             change(kPod, Knob::kMemoryLimit, CpuSet{1}, memory_value(1))})
          .size(),
      6u);
}

}  // namespace
}  // namespace tideline::decide::test::order_test
