#include "node-actor/decide/victims.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::test::victims_test {
namespace {

using model::MilliCpu;
using model::Pod;
using model::PodPhase;
using model::QosClass;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::ThresholdPolicy policy_of(int priority = 5999) {
  model::ThresholdPolicy policy;
  policy.enable = true;
  policy.evict_enabled_priority_threshold = priority;
  policy.allocatable_evict_priority_threshold = priority;
  return policy;
}

RunningPod running(const Pod& pod, std::optional<std::int64_t> used) {
  return {&pod, used ? std::optional(MilliCpu(*used)) : std::nullopt};
}

std::vector<std::string> order(EvictTask task, std::vector<RunningPod> pods, const Leaving& leaving = {},
                               std::int64_t target = 1'000'000) {
  std::vector<std::string> uids;
  for (const auto& victim : pick_victims(task, MilliCpu(target), pods, leaving, policy_of()).victims)
    uids.push_back(victim.pod->uid.str());
  return uids;
}

struct Row {
  const char* name;
  std::function<void(Pod&)> change;
  std::optional<std::int64_t> used;
  bool satisfaction, allocatable, node_usage;
};

class MayEvict : public testing::TestWithParam<Row> {};

TEST_P(MayEvict, AsTheTaskSays) {
  const auto& row = GetParam();
  Pod pod = batch_pod("a", 1000);
  row.change(pod);
  const auto candidate = running(pod, row.used);
  EXPECT_EQ(may_evict(EvictTask::kBeSatisfaction, candidate, policy_of()), row.satisfaction);
  EXPECT_EQ(may_evict(EvictTask::kBatchAllocatable, candidate, policy_of()), row.allocatable);
  EXPECT_EQ(may_evict(EvictTask::kNodeUsage, candidate, policy_of()), row.node_usage);
  EXPECT_FALSE(may_evict(EvictTask::kCpuAllocatable, candidate, policy_of())) << "it asks for no cpu";
}

INSTANTIATE_TEST_SUITE_P(
    Pods, MayEvict,
    testing::Values(Row{"BatchPod", [](Pod&) {}, 500, true, true, true},
                    Row{"WithoutTheLabel", [](Pod& pod) { pod.eviction.enabled = false; }, 500, true, false, false},
                    Row{"WithoutAReading", [](Pod&) {}, {}, true, false, false},
                    Row{"ThatUsesNothing", [](Pod&) {}, 0, true, true, false},
                    Row{"WithoutARequest", [](Pod& pod) { pod.requests.batch_cpu.reset(); }, 500, false, false, true},
                    Row{"Finished", [](Pod& pod) { pod.phase = PodPhase::kSucceeded; }, 500, false, false, false},
                    Row{"Failed", [](Pod& pod) { pod.phase = PodPhase::kFailed; }, 500, false, false, false},
                    Row{"NotStarted", [](Pod& pod) { pod.phase = PodPhase::kPending; }, 500, false, false, false},
                    Row{"Terminating", [](Pod& pod) { pod.eviction.terminating = true; }, 500, false, false, false},
                    Row{"OfPriorityAbove", [](Pod& pod) { pod.priority = 6000; }, 500, true, false, false},
                    Row{"OfPriorityAtTheThreshold", [](Pod& pod) { pod.priority = 5999; }, 500, true, true, true},
                    Row{"OfNoPriority", [](Pod& pod) { pod.priority.reset(); }, 500, true, true, true},
                    Row{"Ls", [](Pod& pod) { pod.qos = QosClass::kLs; }, 500, false, false, false},
                    Row{"Lsr", [](Pod& pod) { pod.qos = QosClass::kLsr; }, 500, false, false, false},
                    Row{"Lse", [](Pod& pod) { pod.qos = QosClass::kLse; }, 500, false, false, false},
                    Row{"System", [](Pod& pod) { pod.qos = QosClass::kSystem; }, 500, false, false, false},
                    Row{"OutsideTheBesteffortRoot", [](Pod& pod) { pod.kube_qos = model::KubeQos::kBurstable; }, 500,
                        false, true, true},
                    Row{"ThatAllowsBothOthers",
                        [](Pod& pod) {
                          pod.eviction.allowed_by = {{"CPUEvict", "CPUAllocatableEvict"}};
                        },
                        500, false, true, true},
                    Row{"ThatAllowsSatisfaction", [](Pod& pod) { pod.eviction.allowed_by = {{"BECPUEvict"}}; }, 500,
                        true, false, false},
                    Row{"ThatAllowsNone", [](Pod& pod) { pod.eviction.allowed_by.emplace(); }, 500, false, false,
                        false}),
    [](const auto& row) { return row.param.name; });

TEST(Victims, NativeCpuIsReleasedByPodsThatAreNeitherBatchNorMid) {
  Pod pod = batch_pod("free", 0, 3000);
  pod.requests.cpu = MilliCpu(700);
  EXPECT_EQ(released_by(EvictTask::kCpuAllocatable, running(pod, 1), policy_of()), MilliCpu(700));
  EXPECT_TRUE(may_evict(EvictTask::kCpuAllocatable, running(pod, 1), policy_of()));
  pod.priority = 5000;
  EXPECT_EQ(released_by(EvictTask::kCpuAllocatable, running(pod, 1), policy_of()), MilliCpu(0));
  const Pod service = service_pod("ls", 900);
  EXPECT_EQ(released_by(EvictTask::kCpuAllocatable, running(service, 1), policy_of()), MilliCpu(0))
      << "above the priority threshold";
}

TEST(Victims, PriorityIsTheTiersWhereThePodHasNone) {
  EXPECT_EQ(eviction_priority_value(batch_pod("a", 1, std::nullopt)), 5500);
  EXPECT_EQ(eviction_priority_value(batch_pod("a", 1, 0)), 5500);
  EXPECT_EQ(eviction_priority_value(batch_pod("a", 1, 12)), 12);
  auto service = service_pod("ls", 1);
  service.priority.reset();
  EXPECT_EQ(eviction_priority_value(service), 9500);
}

TEST(Victims, OfSatisfactionGoByPriorityThenGreed) {
  const auto low = batch_pod("low", 1000, 5000);
  const auto unset = batch_pod("unset", 1000, std::nullopt);
  const auto high = batch_pod("high", 1000, 5900);
  const auto greedy = batch_pod("greedy", 1000, 5000);
  const auto silent = batch_pod("silent", 1000, 5000);
  const auto twin = batch_pod("twin", 2000, 5000);
  EXPECT_THAT(order(EvictTask::kBeSatisfaction, {running(high, 900), running(silent, {}), running(unset, 900),
                                                 running(twin, 200), running(low, 100), running(greedy, 900)}),
              ElementsAre("greedy", "low", "twin", "silent", "unset", "high"));
}

TEST(Victims, OfTheOthersGoByEvictionPriorityThenPriorityThenSubPriorityThenUse) {
  auto first = batch_pod("first", 1000, 5900);
  first.eviction.priority = -5;
  const auto low = batch_pod("low", 1000, 5000);
  auto sub = batch_pod("sub", 1000, 5500);
  sub.eviction.sub_priority = 10;
  const auto big = batch_pod("big", 1000, 5500);
  const auto small = batch_pod("small", 2000, 5500);
  auto last = batch_pod("last", 1000, 5000);
  last.eviction.priority = 7;
  const std::vector<RunningPod> pods = {running(last, 50), running(small, 10), running(big, 90),
                                        running(sub, 1),   running(low, 5),    running(first, 5)};
  EXPECT_THAT(order(EvictTask::kNodeUsage, pods), ElementsAre("first", "low", "sub", "big", "small", "last"));
  EXPECT_THAT(order(EvictTask::kBatchAllocatable, pods), ElementsAre("first", "low", "sub", "small", "big", "last"))
      << "by request there";
}

RunningPod of_memory(const Pod& pod, std::optional<std::int64_t> bytes) {
  return {.pod = &pod, .used = MilliCpu(1), .memory = bytes ? std::optional(model::Bytes(*bytes)) : std::nullopt};
}

TEST(Victims, OfBesMemoryGoByPriorityThenSizeWhateverTheirLabelsSay) {
  auto low = batch_pod("low", 1000, 5000);
  low.eviction.enabled = false;
  auto high = batch_pod("high", 1000, 5900);
  high.eviction.priority = -5;
  const auto big = batch_pod("big", 1000, 5500), small = batch_pod("small", 9000, 5500);
  const auto silent = batch_pod("silent", 1000, 4000), idle = batch_pod("idle", 1000, 4000);
  const std::vector<RunningPod> pods = {of_memory(high, 900), of_memory(silent, {}), of_memory(small, 10),
                                        of_memory(idle, 0),   of_memory(big, 90),    of_memory(low, 5)};
  EXPECT_THAT(order(EvictTask::kBeMemory, pods), ElementsAre("low", "big", "small", "high"))
      << "who has nothing, or of whom nothing is known, frees nothing";
  EXPECT_THAT(order(EvictTask::kNodeMemory, pods), ElementsAre("high", "big", "small"));
}

TEST(Victims, OfMemoryRequestsEachKindOfPodReleasesItsOwn) {
  Pod pod = batch_pod("a", 1000);
  pod.requests.batch_memory = model::Bytes(800);
  pod.requests.memory = model::Bytes(700);
  EXPECT_EQ(released_by(EvictTask::kBatchMemoryAllocatable, of_memory(pod, 1), policy_of()), model::Bytes(800));
  EXPECT_EQ(released_by(EvictTask::kMemoryAllocatable, of_memory(pod, 1), policy_of()), model::Bytes(0));
  EXPECT_TRUE(may_evict(EvictTask::kBatchMemoryAllocatable, of_memory(pod, 1), policy_of()));
  EXPECT_FALSE(may_evict(EvictTask::kBatchMemoryAllocatable, of_memory(pod, {}), policy_of())) << "no reading";
  pod.priority = 3000;
  EXPECT_EQ(released_by(EvictTask::kBatchMemoryAllocatable, of_memory(pod, 1), policy_of()), model::Bytes(0));
  EXPECT_EQ(released_by(EvictTask::kMemoryAllocatable, of_memory(pod, 1), policy_of()), model::Bytes(700));
  pod.priority = 7500;
  EXPECT_EQ(released_by(EvictTask::kMemoryAllocatable, of_memory(pod, 1), policy_of(7999)), model::Bytes(0)) << "mid";
}

TEST(Victims, EachTaskHasItsMechanismItsFeatureAndKoordinatorsName) {
  for (const auto task : kAllEvictTasks) {
    EXPECT_EQ(controller_of(task), model::Controller::kCpuEvict);
    EXPECT_TRUE(feature_of(task).starts_with("cpuEvict."));
    EXPECT_EQ(kAllEvictTasks[place_of(task)], task);
  }
  for (const auto task : kAllMemoryEvictTasks) {
    EXPECT_EQ(controller_of(task), model::Controller::kMemoryEvict);
    EXPECT_TRUE(feature_of(task).starts_with("memoryEvict."));
    EXPECT_EQ(kAllMemoryEvictTasks[place_of(task)], task);
  }
  EXPECT_EQ(gate_of(EvictTask::kBeMemory), "BEMemoryEvict");
  EXPECT_EQ(gate_of(EvictTask::kBatchMemoryAllocatable), "MemoryAllocatableEvict");
  EXPECT_EQ(gate_of(EvictTask::kMemoryAllocatable), "MemoryAllocatableEvict");
  EXPECT_EQ(gate_of(EvictTask::kNodeMemory), "MemoryEvict");
  EXPECT_EQ(text_of(EvictTask::kBeMemory, model::Bytes(5)), "5 bytes");
  EXPECT_EQ(text_of(EvictTask::kNodeUsage, MilliCpu(5)), "5 millicores");
}

TEST(Victims, StopWhereTheTargetIsReached) {
  const auto a = batch_pod("a", 1000), b = batch_pod("b", 1000), c = batch_pod("c", 1000);
  const std::vector<RunningPod> pods = {running(a, 900), running(b, 800), running(c, 700)};
  EXPECT_THAT(order(EvictTask::kBeSatisfaction, pods, {}, 2000), ElementsAre("a", "b"));
  EXPECT_THAT(order(EvictTask::kBeSatisfaction, pods, {}, 2001), ElementsAre("a", "b", "c"));
  EXPECT_THAT(order(EvictTask::kBeSatisfaction, pods, {}, 0), IsEmpty());
}

TEST(Victims, ThoseOnTheirWayOutAreCreditedOnce) {
  auto a = batch_pod("a", 1000);
  a.eviction.terminating = true;
  const auto b = batch_pod("b", 1000), c = batch_pod("c", 1000), d = batch_pod("d", 1000);
  const std::vector<RunningPod> pods = {running(a, 900), running(b, 800), running(c, 700), running(d, 600)};
  const Leaving leaving{.credited = {a.uid, b.uid}, .barred = {c.uid}};
  const auto picked = pick_victims(EvictTask::kBeSatisfaction, MilliCpu(2500), pods, leaving, policy_of());
  EXPECT_EQ(picked.credited, MilliCpu(2000));
  ASSERT_EQ(picked.credits.size(), 2U);
  EXPECT_EQ(picked.credits[1].uid, b.uid);
  EXPECT_EQ(picked.credits[1].amount, MilliCpu(1000));
  EXPECT_EQ(picked.candidates, 1U);
  ASSERT_EQ(picked.victims.size(), 1U);
  EXPECT_EQ(picked.victims[0].pod->uid, d.uid) << "c is barred";
}

TEST(Victims, RequestsOutOfBoundsCountAsTheBound) {
  const auto huge = batch_pod("huge", std::int64_t{1} << 62);
  const auto negative = batch_pod("negative", -5);
  EXPECT_EQ(released_by(EvictTask::kBeSatisfaction, running(huge, 1), policy_of()),
            MilliCpu(model::ReportLimits::kMaxMilliCpu));
  EXPECT_EQ(released_by(EvictTask::kBeSatisfaction, running(negative, 1), policy_of()), MilliCpu(0));
  EXPECT_EQ(released_by(EvictTask::kBeMemory, of_memory(huge, std::int64_t{1} << 62), policy_of()),
            model::Bytes(model::ReportLimits::kMaxMemoryBytes));
  EXPECT_EQ(released_by(EvictTask::kBeMemory, of_memory(huge, -5), policy_of()), model::Bytes(0));
}

TEST(Victims, RunningPodsCarryTheirFreshUse) {
  EvictHost host;
  host.pod("c").phase = PodPhase::kSucceeded;
  const auto sample = host.sample();
  const auto with = running_pods(host.pods, &sample);
  ASSERT_EQ(with.size(), 5U);
  EXPECT_EQ(with[1].used, MilliCpu(3000));
  EXPECT_EQ(running_pods(host.pods, nullptr)[1].used, std::nullopt);
}

}  // namespace
}  // namespace tideline::decide::test::victims_test
