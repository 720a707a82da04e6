#include "node-actor/decide/memory_qos.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/memory_pods.h"

namespace tideline::decide::test::memory_qos_test {
namespace {

using model::Bytes;
using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KubeQos;
using model::MemoryQosOverride;
using model::MemoryQosPolicy;
using model::NodePolicy;
using model::Pod;
using model::PodPhase;
using model::QosClass;
using model::Reason;
using testing::HasSubstr;
using State = FeatureState::State;
using OwnPolicy = MemoryQosOverride::Policy;
using Amount = std::optional<std::int64_t>;

const GroupRef kKubepods = model::root_of(KubeQos::kGuaranteed);
const GroupRef kBurstable = model::root_of(KubeQos::kBurstable);
const GroupRef kBesteffort = model::root_of(KubeQos::kBestEffort);

/// Of all classes; watermarks as Koordinator has them by default.
NodePolicy policy_of(int min, int low = 0, int throttling = 0) {
  NodePolicy policy;
  for (auto* memory : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory}) {
    memory->enable = true;
    memory->min_limit_percent = min;
    memory->low_limit_percent = low;
    memory->throttling_percent = throttling;
  }
  return policy;
}
/// A policy that asks for floors alone, so that a stock kernel has all of it.
NodePolicy floors_policy(int min, int low = 0, int throttling = 0) {
  auto policy = policy_of(min, low, throttling);
  for (auto* memory : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory}) {
    memory->wmark_ratio = 0;
    memory->wmark_min_adj = 0;
  }
  return policy;
}

Pod service(const std::string& uid, std::vector<MemorySpec> specs, KubeQos kube_qos = KubeQos::kBurstable,
            QosClass qos = QosClass::kLs) {
  return with_memory(pod_of(uid, qos, kube_qos, static_cast<int>(specs.size())), specs);
}
Pod batch(const std::string& uid, std::vector<MemorySpec> specs, KubeQos kube_qos = KubeQos::kBestEffort) {
  return service(uid, std::move(specs), kube_qos, QosClass::kBe);
}

MemoryQosInput v2(std::optional<std::int64_t> allocatable = 64 * kGi) {
  MemoryQosInput input;
  if (allocatable) input.node_allocatable = Bytes(*allocatable);
  return input;
}
MemoryQosInput v1() {
  auto input = v2();
  input.is_v1 = true;
  return input;
}

struct FloorCase {
  const char* name;
  std::int64_t request;
  int min_percent;
  int low_percent;
  Amount min;
  Amount low;
};
class MemoryFloorTable : public testing::TestWithParam<FloorCase> {};
INSTANTIATE_TEST_SUITE_P(Koordinator, MemoryFloorTable,
                         testing::Values(FloorCase{"AllOfTheRequest", 100 * kMi, 100, 0, 104'857'600, std::nullopt},
                                         FloorCase{"WholePages", 100'000'001, 50, 0, 49'999'872, std::nullopt},
                                         FloorCase{"LowAboveMin", 100 * kMi, 50, 80, 52'428'800, 83'886'080},
                                         FloorCase{"LowIsRaisedToMin", 100 * kMi, 50, 20, 52'428'800, 52'428'800},
                                         FloorCase{"NoLowIsNotRaised", 100 * kMi, 50, 0, 52'428'800, std::nullopt},
                                         FloorCase{"OnlyLow", 100 * kMi, 0, 40, std::nullopt, 41'943'040},
                                         FloorCase{"NothingAsked", 100 * kMi, 0, 0, std::nullopt, std::nullopt},
                                         FloorCase{"NoRequest", 0, 100, 100, std::nullopt, std::nullopt},
                                         FloorCase{"LessThanAPage", 4095, 100, 100, std::nullopt, std::nullopt},
                                         FloorCase{"Petabytes", INT64_MAX, 100, 0, std::int64_t{1} << 50,
                                                   std::nullopt}),
                         [](const auto& test) { return test.param.name; });

TEST_P(MemoryFloorTable, AreThoseOfContainerPodRootAndAllAbove) {
  const auto& param = GetParam();
  const auto pod = service("p", {{param.request, {}}});
  const auto wants = memory_qos({pod}, stock_v2(), v2(), floors_policy(param.min_percent, param.low_percent));
  for (const auto& group : {model::group_of(pod, pod.containers[0]), model::group_of(pod), kBurstable, kKubepods}) {
    EXPECT_EQ(wanted_bytes(wants, group, Knob::kMemoryMin), param.min) << text_of(group);
    EXPECT_EQ(wanted_bytes(wants, group, Knob::kMemoryLow), param.low) << text_of(group);
  }
  EXPECT_EQ(find_want(wants, kBesteffort, Knob::kMemoryMin), nullptr);
  for (const auto& want : wants.wants) {
    EXPECT_EQ(want.controller, model::Controller::kMemoryQos);
    EXPECT_EQ(want.reason, Reason::kMemoryRequest);
  }
}

TEST(MemoryQos, KubepodsHasTheFloorsOfGuaranteedPodsAndOfBothOtherRoots) {
  const std::vector pods = {service("g", {{400 * kMi, {}}}, KubeQos::kGuaranteed, QosClass::kLsr),
                            service("l1", {{200 * kMi, {}}}), service("l2", {{100 * kMi, {}}, {60 * kMi, {}}}),
                            batch("b", {{40 * kMi, {}}})};
  auto policy = floors_policy(50);
  policy.qos.be_memory.min_limit_percent = 10;
  const auto wants = memory_qos(pods, stock_v2(), v2(), policy);
  EXPECT_EQ(wanted_bytes(wants, model::group_of(pods[2]), Knob::kMemoryMin), 80 * kMi);
  EXPECT_EQ(wanted_bytes(wants, kBurstable, Knob::kMemoryMin), 180 * kMi);
  EXPECT_EQ(wanted_bytes(wants, kBesteffort, Knob::kMemoryMin), 4 * kMi) << "batch-memory is what BE asks for";
  EXPECT_EQ(wanted_bytes(wants, kKubepods, Knob::kMemoryMin), 384 * kMi);
}

TEST(MemoryQos, APodHasAtLeastTheFloorsOfItsContainers) {
  auto pod = service("p", {{100 * kMi, {}}, {50 * kMi, {}}});
  pod.requests.memory = Bytes(10 * kMi);
  const auto policy = floors_policy(100, 100);
  EXPECT_EQ(wanted_bytes(memory_qos({pod}, stock_v2(), v2(), policy), model::group_of(pod), Knob::kMemoryMin),
            150 * kMi);
  pod.requests.memory.reset();
  EXPECT_EQ(wanted_bytes(memory_qos({pod}, stock_v2(), v2(), policy), kBurstable, Knob::kMemoryLow), 150 * kMi);
  pod.requests.memory = Bytes(300 * kMi);  // with the pod's overhead
  EXPECT_EQ(wanted_bytes(memory_qos({pod}, stock_v2(), v2(), policy), model::group_of(pod), Knob::kMemoryMin),
            300 * kMi);
}

TEST(MemoryQos, AContainerThatStartsCountsInItsPodAndIsLeftAlone) {
  auto pod = service("p", {{100 * kMi, {}}, {50 * kMi, {}}});
  pod.phase = PodPhase::kPending;
  pod.containers[1].id.clear();
  const auto wants = memory_qos({pod}, stock_v2(), v2(), floors_policy(100));
  EXPECT_EQ(wanted_bytes(wants, model::group_of(pod), Knob::kMemoryMin), 150 * kMi);
  EXPECT_EQ(find_want(wants, model::group_of(pod, pod.containers[1]), Knob::kMemoryMin), nullptr);
}

TEST(MemoryQos, PodsThatHaveEndedCountForNothing) {
  auto ended = service("e", {{100 * kMi, 200 * kMi}});
  for (const auto phase : {PodPhase::kSucceeded, PodPhase::kFailed}) {
    ended.phase = phase;
    EXPECT_TRUE(memory_qos({ended}, stock_v2(), v2(), floors_policy(100, 100, 80)).wants.empty());
  }
}

struct HighCase {
  const char* name;
  MemorySpec spec;
  std::optional<std::int64_t> allocatable;
  int percent;
  Amount high;
};
class MemoryHighTable : public testing::TestWithParam<HighCase> {};
INSTANTIATE_TEST_SUITE_P(
    Koordinator, MemoryHighTable,
    testing::Values(HighCase{"BetweenRequestAndLimit", {100 * kMi, 200 * kMi}, kGi, 80, 180 * kMi},
                    HighCase{"AllTheWayToTheLimit", {100 * kMi, 200 * kMi}, kGi, 100, 200 * kMi},
                    HighCase{"NoneAtZero", {100 * kMi, 200 * kMi}, kGi, 0, std::nullopt},
                    HighCase{"NodeAllocatableForALimit", {100 * kMi, {}}, kGi, 50, 562 * kMi},
                    HighCase{"NoLimitAndNothingKnownOfTheNode", {100 * kMi, {}}, std::nullopt, 50, std::nullopt},
                    HighCase{"ALimitIsEnough", {100 * kMi, 200 * kMi}, std::nullopt, 50, 150 * kMi},
                    HighCase{"NoRequest", {{}, 200 * kMi}, kGi, 50, 100 * kMi},
                    HighCase{"WholePages", {{}, 100'000'001}, kGi, 10, 9'998'336},
                    HighCase{"NeverBelowTheRequest", {200 * kMi, 100 * kMi}, kGi, 50, 200 * kMi},
                    HighCase{"ALimitOfNothingIsNone", {100 * kMi, 0}, kGi, 50, 562 * kMi},
                    HighCase{"NextToNothing", {{}, 100'000}, kGi, 50, std::nullopt}),
    [](const auto& test) { return test.param.name; });

TEST_P(MemoryHighTable, IsOfContainersAlone) {
  const auto& param = GetParam();
  const auto pod = service("p", {param.spec});
  const auto wants = memory_qos({pod}, stock_v2(), v2(param.allocatable), floors_policy(0, 0, param.percent));
  const auto container = model::group_of(pod, pod.containers[0]);
  EXPECT_EQ(wanted_bytes(wants, container, Knob::kMemoryHigh), param.high);
  EXPECT_EQ(wants.wants.size(), param.high ? 1u : 0u);
  for (const auto& want : wants.wants)
    EXPECT_EQ(want.reason, Reason::kMemoryThrottle);
}

TEST(MemoryQos, OfBePodsItIsBatchMemoryThatCounts) {
  auto pod = batch("b", {{100 * kMi, 200 * kMi}}, KubeQos::kBurstable);
  pod.requests.memory = pod.containers[0].requests.memory = Bytes(800 * kMi);
  pod.limits.memory = pod.containers[0].limits.memory = Bytes(900 * kMi);
  const auto wants = memory_qos({pod}, stock_v2(), v2(), floors_policy(50, 0, 80));
  EXPECT_EQ(wanted_bytes(wants, model::group_of(pod), Knob::kMemoryMin), 50 * kMi);
  EXPECT_EQ(wanted_bytes(wants, model::group_of(pod, pod.containers[0]), Knob::kMemoryHigh), 180 * kMi);
}

TEST(MemoryQos, AlibabasKernelsHaveTheirWatermarksAndPrioritiesOnPodAndContainer) {
  auto policy = policy_of(0);
  policy.qos.ls_memory.priority_enable = true;
  policy.qos.ls_memory.priority = 7;
  policy.qos.be_memory.oom_kill_group = true;
  const auto ls = service("l", {{}});
  const auto be = batch("b", {{}});
  const auto wants = memory_qos({ls, be}, alinux(), v1(), policy);
  for (const auto& group : {model::group_of(ls), model::group_of(ls, ls.containers[0])}) {
    EXPECT_EQ(wanted_number(wants, group, Knob::kWmarkRatio), 95) << text_of(group);
    EXPECT_EQ(wanted_number(wants, group, Knob::kWmarkScaleFactor), 20);
    EXPECT_EQ(wanted_number(wants, group, Knob::kWmarkMinAdj), -25);
    EXPECT_EQ(wanted_number(wants, group, Knob::kMemoryPriority), 7);
    EXPECT_EQ(wanted_number(wants, group, Knob::kUsePriorityOom), 1);
    EXPECT_EQ(find_want(wants, group, Knob::kOomGroup), nullptr) << "what kubelet set stays";
    EXPECT_EQ(find_want(wants, group, Knob::kWmarkRatio)->reason, Reason::kQosClass);
  }
  for (const auto& group : {model::group_of(be), model::group_of(be, be.containers[0])}) {
    EXPECT_EQ(wanted_number(wants, group, Knob::kWmarkMinAdj), 50) << text_of(group);
    EXPECT_EQ(wanted_number(wants, group, Knob::kOomGroup), 1);
    EXPECT_EQ(find_want(wants, group, Knob::kMemoryPriority), nullptr);
    EXPECT_EQ(find_want(wants, group, Knob::kUsePriorityOom), nullptr);
  }
  for (const auto& want : wants.wants)
    EXPECT_TRUE(want.group.level != GroupRef::Level::kRoot || want.knob == Knob::kSoftLimit) << name_of(want.knob);
}

TEST(MemoryQos, APriorityCountsAlsoWhereItsOwnGroupDoesNotLookAtPriorities) {
  auto policy = floors_policy(0);
  policy.qos.ls_memory.priority = 3;
  const auto pod = service("l", {{}});
  const auto wants = memory_qos({pod}, alinux(), v2(), policy);
  EXPECT_EQ(wanted_number(wants, model::group_of(pod), Knob::kMemoryPriority), 3);
  EXPECT_EQ(find_want(wants, model::group_of(pod), Knob::kUsePriorityOom), nullptr);
}

struct PageCacheCase {
  const char* name;
  std::optional<std::int64_t> limit;
  std::optional<bool> enable;
  std::optional<int> percent;
  Amount size;
  Amount wanted_enable;
  Amount wanted_size;
};
class PageCacheTable : public testing::TestWithParam<PageCacheCase> {};
INSTANTIATE_TEST_SUITE_P(Koordinator, PageCacheTable,
                         testing::Values(PageCacheCase{"NothingSaid", kGi, {}, {}, {}, {}, {}},
                                         PageCacheCase{"PartOfTheLimit", kGi, {}, 25, {}, 1, 256 * kMi},
                                         PageCacheCase{"ASizeOfItsOwn", kGi, {}, {}, 100 * kMi, 1, 100 * kMi},
                                         PageCacheCase{
                                             "TheSizeCountsBeforeThePart", kGi, {}, 25, 100 * kMi, 1, 100 * kMi},
                                         PageCacheCase{"AtMostTheLimit", kGi, {}, {}, 3 * kGi, 1, kGi},
                                         PageCacheCase{"ASizeNeedsNoLimit", {}, {}, {}, 3 * kGi, 1, 3 * kGi},
                                         PageCacheCase{"APartOfNoLimit", {}, {}, 25, {}, {}, {}},
                                         PageCacheCase{"PartOfNothingIsOff", kGi, {}, 0, {}, 0, {}},
                                         PageCacheCase{"SwitchedOff", kGi, false, 25, {}, 0, {}},
                                         PageCacheCase{"OnWithNoSize", kGi, true, {}, {}, 1, {}},
                                         PageCacheCase{"NeverOnWithASizeOfNothing", kGi, true, {}, 0, 0, {}}),
                         [](const auto& test) { return test.param.name; });

TEST_P(PageCacheTable, IsOfThePodAlone) {
  const auto& param = GetParam();
  auto policy = floors_policy(0);
  auto& memory = policy.qos.ls_memory;
  memory.page_cache_enable = param.enable;
  memory.page_cache_limit_percent = param.percent;
  if (param.size) memory.page_cache_limit_size = Bytes(*param.size);
  memory.page_cache_reclaim_sync = true;
  const auto pod = service("p", {{{}, param.limit}});
  const auto wants = memory_qos({pod}, alinux(), v2(), policy);
  EXPECT_EQ(wanted_number(wants, model::group_of(pod), Knob::kPageCacheEnable), param.wanted_enable);
  EXPECT_EQ(wanted_bytes(wants, model::group_of(pod), Knob::kPageCacheSize), param.wanted_size);
  EXPECT_EQ(wanted_number(wants, model::group_of(pod), Knob::kPageCacheSync),
            param.wanted_enable == Amount(1) ? Amount(1) : Amount());
  for (const auto& want : wants.wants)
    EXPECT_EQ(want.group, model::group_of(pod));
}

TEST(MemoryQos, OnV1GlobalReclaimTakesBesPagesFirst) {
  const auto below = batch("b", {{}});
  const auto beside = batch("beside", {{}}, KubeQos::kBurstable);
  const auto wants = memory_qos({below, beside, service("l", {{}})}, stock_v1(), v1(), policy_of(0));
  EXPECT_THAT(wants.wants,
              testing::UnorderedElementsAre(Want{kBesteffort, Knob::kSoftLimit, memory_value(0),
                                                 model::Controller::kMemoryQos, Reason::kReclaimFirst},
                                            Want{model::group_of(beside), Knob::kSoftLimit, memory_value(0),
                                                 model::Controller::kMemoryQos, Reason::kReclaimFirst}));
  EXPECT_THAT(told_of(wants, "memoryQOS.beClass").why, HasSubstr("reclaimed first by soft-limit"));
  EXPECT_EQ(find_want(memory_qos({below}, alinux(), v2(), policy_of(0)), kBesteffort, Knob::kSoftLimit), nullptr)
      << "v2 has floors";
  auto off = policy_of(0);
  off.qos.be_memory.enable = false;
  EXPECT_TRUE(memory_qos({below, beside}, stock_v1(), v1(), off).wants.empty());
  const auto without = told_of(memory_qos({below}, memory_knobs({}), v1(), floors_policy(0)), "memoryQOS.beClass");
  EXPECT_EQ(without.state, State::kUnsupported);
  EXPECT_THAT(without.why, HasSubstr("soft-limit: no such file"));
}

TEST(MemoryQos, ADisabledClassWantsNothingSoThatOriginalsComeBack) {
  const std::vector pods = {service("l", {{100 * kMi, 200 * kMi}}), batch("b", {{100 * kMi, 200 * kMi}}),
                            service("g", {{100 * kMi, 200 * kMi}}, KubeQos::kGuaranteed, QosClass::kLse)};
  const auto wants = memory_qos(pods, alinux(), v1(), NodePolicy{});
  EXPECT_TRUE(wants.wants.empty());
  ASSERT_EQ(wants.features.size(), 3u);
  for (const auto& feature : wants.features)
    EXPECT_EQ(feature, (FeatureState{feature.feature, State::kInactive, "disabled"}));
}

TEST(MemoryQos, WithoutPolicyNothingIsWantedAndEachClassSaysSo) {
  const auto wants = memory_qos({service("l", {{100 * kMi, {}}})}, alinux(), v1(), std::nullopt);
  EXPECT_TRUE(wants.wants.empty());
  ASSERT_EQ(wants.features.size(), 3u);
  for (const auto& feature : wants.features)
    EXPECT_EQ(feature.why, name_of(Reason::kNoPolicy));
}

TEST(MemoryQos, EveryValueThatThisKernelHasNoFileOfIsNamed) {
  const auto pod = service("l", {{100 * kMi, 200 * kMi}});
  const auto v2_told = told_of(memory_qos({pod}, stock_v2(), v2(), policy_of(40, 60, 80)), "memoryQOS.lsClass");
  EXPECT_EQ(v2_told.state, State::kUnsupported);
  EXPECT_THAT(v2_told.why, HasSubstr("wmarkRatio 95 needs wmark-ratio, "));
  EXPECT_THAT(v2_told.why, HasSubstr("wmarkMinAdj -25 needs wmark-min-adj: no such file; applied: "))
      << "one answer of the kernel to all of them";
  EXPECT_EQ(v2_told.why.find("no such file"), v2_told.why.rfind("no such file")) << v2_told.why;
  EXPECT_THAT(v2_told.why, HasSubstr("applied: minLimitPercent 40, lowLimitPercent 60, throttlingPercent 80; pods: 1"));

  const auto v1_wants = memory_qos({pod}, stock_v1(), v1(), floors_policy(40, 60, 80));
  EXPECT_EQ(find_want(v1_wants, model::group_of(pod), Knob::kMemoryMin), nullptr);
  const auto v1_told = told_of(v1_wants, "memoryQOS.lsClass");
  EXPECT_EQ(v1_told.state, State::kUnsupported);
  EXPECT_THAT(v1_told.why, HasSubstr("minLimitPercent 40 needs memory-min, lowLimitPercent 60 needs memory-low, "
                                     "throttlingPercent 80 needs memory-high: no such file"));
  EXPECT_THAT(v1_told.why, HasSubstr("applied: nothing to apply"));

  auto tuned = floors_policy(0);
  tuned.qos.ls_memory.priority_enable = tuned.qos.ls_memory.oom_kill_group = true;
  tuned.qos.ls_memory.page_cache_limit_percent = 30;
  tuned.qos.ls_memory.page_cache_reclaim_sync = false;
  const auto tuned_told = told_of(memory_qos({pod}, stock_v1(), v1(), tuned), "memoryQOS.lsClass");
  for (const auto* key :
       {"priorityEnable 1 needs use-priority-oom", "priority 0 needs memory-priority", "oomKillGroup 1 needs oom-group",
        "pageCacheLimitPercent 30 needs page-cache-size", "pageCacheReclaimSync 0 needs page-cache-sync"})
    EXPECT_THAT(tuned_told.why, HasSubstr(key));
}

TEST(MemoryQos, AllThatIsAskedForIsActiveWhereTheKernelHasIt) {
  EXPECT_EQ(told_of(memory_qos({}, stock_v2(), v2(), floors_policy(40, 60, 80)), "memoryQOS.lsClass"),
            (FeatureState{"memoryQOS.lsClass", State::kActive,
                          "minLimitPercent 40, lowLimitPercent 60, throttlingPercent 80; pods: 0"}));
  for (const auto& feature : memory_qos({}, alinux(), v1(), policy_of(40, 60, 80)).features)
    EXPECT_EQ(feature.state, State::kActive) << feature.feature << ": " << feature.why;
}

TEST(MemoryQos, ContainersThatWaitForTheNodesAllocatableAreCounted) {
  const auto wants =
      memory_qos({service("l", {{kMi, {}}, {kMi, 100 * kMi}})}, stock_v2(), v2(std::nullopt), floors_policy(0, 0, 80));
  EXPECT_THAT(told_of(wants, "memoryQOS.lsClass").why,
              HasSubstr("containers without a limit, and allocatable memory is not known: 1"));
}

TEST(MemoryQos, SystemPodsAreLeftAloneAlsoWithTheAnnotation) {
  auto pod = service("s", {{100 * kMi, {}}}, KubeQos::kBurstable, QosClass::kSystem);
  pod.memory_qos = MemoryQosOverride{};
  pod.memory_qos->policy = OwnPolicy::kAuto;
  pod.memory_qos->min_limit_percent = 100;
  EXPECT_TRUE(memory_qos({pod}, alinux(), v2(), policy_of(100)).wants.empty());
  EXPECT_EQ(effective_memory_qos(pod, policy_of(100).qos), std::nullopt);
}

struct OwnCase {
  const char* name;
  bool class_enabled;
  OwnPolicy policy;
  std::optional<int> own_min;
  bool anything;
  int min = 0;
  int low = 0;
  int wmark_ratio = 0;
  int wmark_min_adj = 0;
};
class OwnMemoryQos : public testing::TestWithParam<OwnCase> {};
/// The class's: min 40, low 60, wmarkRatio 90, wmarkMinAdj -10.
INSTANTIATE_TEST_SUITE_P(
    Koordinator, OwnMemoryQos,
    testing::Values(OwnCase{"ThePolicysWithAFieldOfItsOwn", true, OwnPolicy::kDefault, 70, true, 70, 60, 90, -10},
                    OwnCase{"ThePolicysAsItIs", true, OwnPolicy::kDefault, {}, true, 40, 60, 90, -10},
                    OwnCase{"NoneWhateverItSaysBesides", true, OwnPolicy::kNone, 70, false},
                    OwnCase{"BuiltInValues", true, OwnPolicy::kAuto, {}, true, 0, 0, 95, -25},
                    OwnCase{"BuiltInValuesWithAFieldOfItsOwn", true, OwnPolicy::kAuto, 70, true, 70, 0, 95, -25},
                    OwnCase{"BuiltInValuesThoughTheClassIsOff", false, OwnPolicy::kAuto, {}, true, 0, 0, 95, -25},
                    OwnCase{"AFieldOfItsOwnThoughTheClassIsOff", false, OwnPolicy::kDefault, 70, true, 70, 0, 0, 0},
                    OwnCase{"NothingSaidAndTheClassIsOff", false, OwnPolicy::kDefault, {}, false},
                    OwnCase{"BeyondTheRange", true, OwnPolicy::kDefault, 700, true, 100, 60, 90, -10}),
    [](const auto& test) { return test.param.name; });

TEST_P(OwnMemoryQos, IsFieldsOverTemplateOverClass) {
  const auto& param = GetParam();
  model::QosPolicy policy;
  auto& memory = policy.ls_memory;
  memory.enable = param.class_enabled;
  memory.min_limit_percent = 40;
  memory.low_limit_percent = 60;
  memory.wmark_ratio = 90;
  memory.wmark_min_adj = -10;
  auto pod = service("p", {{}});
  pod.memory_qos = MemoryQosOverride{};
  pod.memory_qos->policy = param.policy;
  pod.memory_qos->min_limit_percent = param.own_min;
  const auto effective = effective_memory_qos(pod, policy);
  ASSERT_EQ(effective.has_value(), param.anything);
  if (!effective) return;
  EXPECT_EQ(effective->min_limit_percent, param.min);
  EXPECT_EQ(effective->low_limit_percent, param.low);
  EXPECT_EQ(effective->wmark_ratio, param.wmark_ratio);
  EXPECT_EQ(effective->wmark_min_adj, param.wmark_min_adj);
  EXPECT_TRUE(effective->enable);
}

TEST(MemoryQos, BuiltInValuesAreThoseOfTheClass) {
  auto be = batch("b", {{}});
  be.memory_qos = MemoryQosOverride{};
  be.memory_qos->policy = OwnPolicy::kAuto;
  EXPECT_EQ(effective_memory_qos(be, {})->wmark_min_adj, 50);
  auto lse = service("g", {{}}, KubeQos::kGuaranteed, QosClass::kLse);
  lse.memory_qos = be.memory_qos;
  EXPECT_EQ(effective_memory_qos(lse, {})->wmark_min_adj, -25);
}

TEST(MemoryQos, EveryFieldOfAnAnnotationCounts) {
  auto pod = service("p", {{}});
  MemoryQosOverride own;
  own.min_limit_percent = 1;
  own.low_limit_percent = 2;
  own.throttling_percent = 3;
  own.wmark_ratio = 4;
  own.wmark_scale_permill = 5;
  own.wmark_min_adj = 6;
  own.priority_enable = true;
  own.priority = 7;
  own.oom_kill_group = true;
  own.page_cache_enable = true;
  own.page_cache_limit_percent = 8;
  own.page_cache_limit_size = Bytes(9);
  own.page_cache_reclaim_sync = true;
  pod.memory_qos = own;
  MemoryQosPolicy expected;
  expected.enable = true;
  expected.min_limit_percent = 1;
  expected.low_limit_percent = 2;
  expected.throttling_percent = 3;
  expected.wmark_ratio = 4;
  expected.wmark_scale_permill = 5;
  expected.wmark_min_adj = 6;
  expected.priority_enable = true;
  expected.priority = 7;
  expected.oom_kill_group = true;
  expected.page_cache_enable = true;
  expected.page_cache_limit_percent = 8;
  expected.page_cache_limit_size = Bytes(9);
  expected.page_cache_reclaim_sync = true;
  EXPECT_EQ(effective_memory_qos(pod, {}), expected);
}

TEST(MemoryQos, AnnotatedPodsAreToldOfWithWhatTheyLack) {
  auto pod = service("p", {{100 * kMi, {}}});
  pod.memory_qos = MemoryQosOverride{};
  pod.memory_qos->min_limit_percent = 100;
  const auto wants = memory_qos({pod}, stock_v2(), v2(), NodePolicy{});
  EXPECT_EQ(wanted_bytes(wants, model::group_of(pod), Knob::kMemoryMin), 100 * kMi);
  EXPECT_EQ(wanted_bytes(wants, kKubepods, Knob::kMemoryMin), 100 * kMi) << "though its class is off";
  EXPECT_EQ(told_of(wants, "memoryQOS.annotation"),
            (FeatureState{"memoryQOS.annotation", State::kActive, "pods with their own memoryQOS: 1"}));
  const auto stock = told_of(memory_qos({pod}, stock_v1(), v1(), NodePolicy{}), "memoryQOS.annotation");
  EXPECT_EQ(stock.state, State::kUnsupported);
  EXPECT_THAT(stock.why, HasSubstr("they need memory-min: no such file"));
  pod.memory_qos->policy = OwnPolicy::kNone;
  EXPECT_EQ(told_of(memory_qos({pod}, stock_v2(), v2(), policy_of(50)), "memoryQOS.annotation").feature, "");
}

TEST(MemoryQos, WhatAPodSaysItselfIsMarkedAsSuch) {
  auto pod = service("p", {{}});
  pod.memory_qos = MemoryQosOverride{};
  pod.memory_qos->policy = OwnPolicy::kAuto;
  const auto wants = memory_qos({pod}, alinux(), v2(), NodePolicy{});
  const auto* ratio = find_want(wants, model::group_of(pod), Knob::kWmarkRatio);
  ASSERT_NE(ratio, nullptr);
  EXPECT_EQ(ratio->reason, Reason::kPodOverride);
}

TEST(OomScores, AreOfBePodsThatRunWhileTheirClassIsEnabled) {
  auto ended = batch("ended", {{}});
  ended.phase = PodPhase::kSucceeded;
  auto none = batch("none", {{}});
  none.memory_qos = MemoryQosOverride{};
  none.memory_qos->policy = OwnPolicy::kNone;
  const std::vector pods = {batch("b", {{}}),
                            batch("beside", {{}}, KubeQos::kBurstable),
                            ended,
                            none,
                            service("l", {{}}),
                            service("s", {{}}, KubeQos::kBestEffort, QosClass::kSystem)};
  EXPECT_THAT(oom_scores(pods, policy_of(0)), testing::ElementsAre(OomScoreWant{model::PodUid("b"), 1000},
                                                                   OomScoreWant{model::PodUid("beside"), 1000}));
  auto off = policy_of(100);
  off.qos.be_memory.enable = false;
  EXPECT_TRUE(oom_scores(pods, off).empty());
  EXPECT_TRUE(oom_scores(pods, std::nullopt).empty());
}

}  // namespace
}  // namespace tideline::decide::test::memory_qos_test
