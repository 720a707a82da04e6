#include "node-actor/decide/batch_limits.h"

#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test::batch_limits_test {
namespace {

using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KnobValue;
using model::KubeQos;
using model::MilliCpu;
using model::Pod;
using model::QosClass;
using model::Reason;
using testing::HasSubstr;
using State = FeatureState::State;
using Milli = std::optional<std::int64_t>;

const model::KnobSet kAll{{{Knob::kCpuQuota, true, "cpu.max", ""}, {Knob::kCpuWeight, true, "cpu.weight", ""}}};

/// Batch-cpu of one container in millicores.
struct Batch {
  Milli request;
  Milli limit;
};

Pod batch(std::vector<Batch> containers, KubeQos kube_qos = KubeQos::kBestEffort) {
  auto pod = pod_of("b", QosClass::kBe, kube_qos, static_cast<int>(containers.size()));
  for (std::size_t i = 0; i < containers.size(); ++i) {
    auto& container = pod.containers[i];
    if (containers[i].request) container.requests.batch_cpu = MilliCpu(*containers[i].request);
    if (containers[i].limit) container.limits.batch_cpu = MilliCpu(*containers[i].limit);
  }
  return pod;
}

std::optional<KnobValue> wanted(const Wants& wants, const GroupRef& group, Knob knob) {
  for (const auto& want : wants.wants) {
    if (want.group == group && want.knob == knob) return want.value;
  }
  return std::nullopt;
}

struct Case {
  const char* name;
  std::vector<Batch> containers;
  std::int64_t pod_weight;
  KnobValue pod_quota;
  std::vector<std::int64_t> weights;
  std::vector<KnobValue> quotas;
};

class BatchLimitsTable : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Koordinator, BatchLimitsTable,
    testing::Values(
        Case{"OneContainer", {{500, 1000}}, 512, cpu(1000), {512}, {cpu(1000)}},
        Case{"ThePodIsTheSum", {{500, 500}, {1500, 2000}}, 2048, cpu(2500), {512, 1536}, {cpu(500), cpu(2000)}},
        Case{"OneContainerWithoutLimitFreesThePod",
             {{500, 500}, {1500, {}}},
             2048,
             no_limit(),
             {512, 1536},
             {cpu(500), no_limit()}},
        Case{"NoLimitAtAll", {{1000, {}}}, 1024, no_limit(), {1024}, {no_limit()}},
        Case{"ALimitOfNothingIsNone", {{1000, 0}}, 1024, no_limit(), {1024}, {no_limit()}},
        Case{"LeastWeightAndLeastQuota", {{1, 1}}, 2, cpu(10), {2}, {cpu(10)}},
        Case{"LeastQuotasStayBelowTheirPod", {{1, 6}, {1, 7}}, 2, cpu(13), {2, 2}, {cpu(10), cpu(10)}},
        Case{"MostWeight", {{400'000, 400'000}}, 262144, cpu(400'000), {262144}, {cpu(400'000)}},
        Case{"OnlyALimit", {{{}, 700}}, 2, cpu(700), {2}, {cpu(700)}},
        Case{"AContainerThatAsksForNothingBesideOneThatDoes",
             {{1000, 1000}, {{}, {}}},
             1024,
             no_limit(),
             {1024, 2},
             {cpu(1000), no_limit()}},
        Case{"NumbersFromOutsideAreBounded",
             {{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max()},
              {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}},
             262144,
             cpu(20'000'000),
             {262144, 2},
             {cpu(10'000'000), cpu(10'000'000)}}),
    [](const auto& test) { return test.param.name; });

TEST_P(BatchLimitsTable, GivesPodAndContainersTheirWeightAndQuota) {
  const auto& param = GetParam();
  const auto pod = batch(param.containers);
  const auto wants = batch_limits({pod}, kAll, {});
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuWeight), number(param.pod_weight));
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), param.pod_quota);
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    const auto group = model::group_of(pod, pod.containers[i]);
    EXPECT_EQ(wanted(wants, group, Knob::kCpuWeight), number(param.weights[i])) << i;
    EXPECT_EQ(wanted(wants, group, Knob::kCpuQuota), param.quotas[i]) << i;
  }
  EXPECT_EQ(wants.wants.size(), 2 + 2 * pod.containers.size());
  for (const auto& want : wants.wants) {
    EXPECT_EQ(want.controller, model::Controller::kBatchLimits);
    EXPECT_EQ(want.reason, want.knob == Knob::kCpuWeight ? Reason::kBatchRequest : Reason::kBatchLimit);
  }
}

TEST(BatchLimits, OnV1AQuotaAboveTheBesteffortRootsIsNone) {
  const auto pod = batch({{2000, 2000}, {500, 500}});
  BatchLimitsInput input{.is_v1 = true, .be_root_limit = MilliCpu(800), .pod_limits = {}};
  const auto v1 = batch_limits({pod}, kAll, input);
  EXPECT_EQ(wanted(v1, model::group_of(pod), Knob::kCpuQuota), no_limit());
  EXPECT_EQ(wanted(v1, model::group_of(pod, pod.containers[0]), Knob::kCpuQuota), no_limit());
  EXPECT_EQ(wanted(v1, model::group_of(pod, pod.containers[1]), Knob::kCpuQuota), cpu(500));
  EXPECT_EQ(wanted(v1, model::group_of(pod), Knob::kCpuWeight), number(2560)) << "the weight is its own";
  input.is_v1 = false;
  const auto v2 = batch_limits({pod}, kAll, input);
  EXPECT_EQ(wanted(v2, model::group_of(pod), Knob::kCpuQuota), cpu(2500));
  EXPECT_EQ(wanted(v2, model::group_of(pod, pod.containers[0]), Knob::kCpuQuota), cpu(2000));
  const auto unlimited = batch_limits({pod}, kAll, {.is_v1 = true, .be_root_limit = {}, .pod_limits = {}});
  EXPECT_EQ(wanted(unlimited, model::group_of(pod), Knob::kCpuQuota), cpu(2500));
}

TEST(BatchLimits, OnV1AGroupWithoutLimitOfItsOwnStaysSoBelowALimitedRoot) {
  const auto pod = batch({{2000, {}}, {500, 700}});
  const auto wants = batch_limits({pod}, kAll, {.is_v1 = true, .be_root_limit = MilliCpu(800), .pod_limits = {}});
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), no_limit());
  EXPECT_EQ(wanted(wants, model::group_of(pod, pod.containers[1]), Knob::kCpuQuota), cpu(700));
}

TEST(BatchLimits, ARootBelowTheKernelsLeastQuotaIsInherited) {
  const auto pod = batch({{500, 500}});
  const auto wants = batch_limits({pod}, kAll, {.is_v1 = true, .be_root_limit = MilliCpu(9), .pod_limits = {}});
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), no_limit());
  EXPECT_EQ(wanted(wants, model::group_of(pod, pod.containers[0]), Knob::kCpuQuota), no_limit());
}

TEST(BatchLimits, OnV1APodOutsideTheBesteffortRootHasNoQuotaAboveWhatOthersWantOnIt) {
  const auto pod = batch({{2000, 2000}}, KubeQos::kBurstable);
  BatchLimitsInput input{.is_v1 = true, .be_root_limit = MilliCpu(100), .pod_limits = {{pod.uid, MilliCpu(700)}}};
  const auto wants = batch_limits({pod}, kAll, input);
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), no_limit());
  EXPECT_EQ(wanted(wants, model::group_of(pod, pod.containers[0]), Knob::kCpuQuota), no_limit());
  input.pod_limits.clear();
  EXPECT_EQ(wanted(batch_limits({pod}, kAll, input), model::group_of(pod), Knob::kCpuQuota), cpu(2000))
      << "the besteffort root is not above it";
}

TEST(BatchLimits, ATighterQuotaByANativeLimitStays) {
  const auto pod = batch({{2000, 2000}, {500, 500}, {100, {}}}, KubeQos::kBurstable);
  const auto group = [&](std::size_t i) { return model::group_of(pod, pod.containers[i]); };
  for (const bool is_v1 : {true, false}) {
    BatchLimitsInput input{.is_v1 = is_v1, .be_root_limit = {}, .pod_limits = {}};
    input.own_limits = {{model::group_of(pod), MilliCpu(2400)},
                        {group(0), MilliCpu(600)},
                        {group(1), MilliCpu(800)},
                        {group(2), MilliCpu(1000)}};
    input.pod_limits = {{pod.uid, MilliCpu(2400)}};
    const auto wants = batch_limits({pod}, kAll, input);
    EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), std::nullopt) << "none by batch-cpu";
    EXPECT_EQ(wanted(wants, group(0), Knob::kCpuQuota), std::nullopt);
    EXPECT_EQ(wanted(wants, group(1), Knob::kCpuQuota), cpu(500)) << "the tighter one is batch-cpu's";
    EXPECT_EQ(wanted(wants, group(2), Knob::kCpuQuota), std::nullopt);
    EXPECT_EQ(wanted(wants, group(0), Knob::kCpuWeight), number(2048)) << "the weight is as ever";
  }
}

TEST(BatchLimits, OnV1ANativeLimitStaysAlsoWhereBatchCpuIsAboveThePodsPart) {
  const auto pod = batch({{2000, 2000}}, KubeQos::kBurstable);
  BatchLimitsInput input{.is_v1 = true, .be_root_limit = {}, .pod_limits = {{pod.uid, MilliCpu(1000)}}};
  input.own_limits = {{model::group_of(pod), MilliCpu(700)}};
  const auto wants = batch_limits({pod}, kAll, input);
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), std::nullopt) << "lifted it would have 1000 and more";
  EXPECT_EQ(wanted(wants, model::group_of(pod, pod.containers[0]), Knob::kCpuQuota), no_limit()) << "it never had one";
}

TEST(BatchLimits, ANormalizedCpuIsLessOfTheHosts) {
  const auto pod = batch({{2000, 2000}, {500, 500}});
  const auto wants = batch_limits(
      {pod}, kAll, {.is_v1 = false, .be_root_limit = {}, .pod_limits = {}, .normalization = model::Ratio(120)});
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), cpu(2084)) << "2500 / 1.2, rounded up";
  EXPECT_EQ(wanted(wants, model::group_of(pod, pod.containers[0]), Knob::kCpuQuota), cpu(1667));
  EXPECT_EQ(wanted(wants, model::group_of(pod, pod.containers[1]), Knob::kCpuQuota), cpu(417));
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuWeight), number(2560)) << "weights only order";
  EXPECT_THAT(wants.features[0].why, HasSubstr("1.20 of batch-cpu are a CPU here"));
}

TEST(BatchLimits, OnV1ANormalizedQuotaFitsBelowARootThatTheSpecWouldNot) {
  const auto pod = batch({{900, 900}});
  const auto wants = batch_limits(
      {pod}, kAll,
      {.is_v1 = true, .be_root_limit = MilliCpu(800), .pod_limits = {}, .normalization = model::Ratio(120)});
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), cpu(750));
}

TEST(BatchLimits, APodThatListsNoContainersHasItsOwnLimits) {
  auto pod = batch({});
  pod.requests.batch_cpu = MilliCpu(1000);
  pod.limits.batch_cpu = MilliCpu(1500);
  const auto wants = batch_limits({pod}, kAll, {});
  ASSERT_EQ(wants.wants.size(), 2u);
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuWeight), number(1024));
  EXPECT_EQ(wanted(wants, model::group_of(pod), Knob::kCpuQuota), cpu(1500));
}

TEST(BatchLimits, PodsWithoutBatchSpecAreLeftAloneAndCounted) {
  const auto plain = be_pod("plain");
  const auto none = batch_limits({plain}, kAll, {});
  EXPECT_TRUE(none.wants.empty());
  ASSERT_EQ(none.features.size(), 1u);
  EXPECT_EQ(none.features[0].state, State::kInactive);
  EXPECT_THAT(none.features[0].why, HasSubstr("no-batch-spec: 1"));
  const auto some = batch_limits({plain, batch({{500, 500}})}, kAll, {});
  EXPECT_EQ(some.wants.size(), 4u);
  EXPECT_EQ(some.features[0],
            (FeatureState{"batchLimits", State::kActive,
                          "pods limited by their batch-cpu: 1; BE pods left alone, no-batch-spec: 1"}));
}

TEST(BatchLimits, OnlyBePodsThatHaveNotEndedAndContainersThatRun) {
  auto ls = batch({{500, 500}});
  ls.qos = QosClass::kLs;
  auto ended = batch({{500, 500}});
  ended.phase = model::PodPhase::kFailed;
  EXPECT_TRUE(batch_limits({ls, ended}, kAll, {}).wants.empty());
  auto starting = batch({{500, 500}, {500, 500}});
  starting.containers[1].id.clear();
  const auto wants = batch_limits({starting}, kAll, {});
  EXPECT_EQ(wants.wants.size(), 4u);
  EXPECT_EQ(wanted(wants, model::group_of(starting), Knob::kCpuQuota), cpu(1000)) << "it has room for both";
}

TEST(BatchLimits, AMissingKnobIsUnsupportedWhileTheOtherIsApplied) {
  const auto pod = batch({{500, 500}});
  const auto wants = batch_limits({pod}, {{{Knob::kCpuWeight, true, "cpu.shares", ""}}}, {});
  EXPECT_EQ(wants.wants.size(), 2u);
  EXPECT_EQ(wants.features[0].state, State::kUnsupported);
  EXPECT_THAT(wants.features[0].why, HasSubstr("cpu-quota was not probed"));
  const auto idle = batch_limits({be_pod("plain")}, {}, {});
  EXPECT_EQ(idle.features[0].state, State::kInactive) << "nobody asks";
}

class RandomBatchPods : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomBatchPods, testing::Range(1u, 11u));

TEST_P(RandomBatchPods, NeverStopNeverBelowTheKernelsLeastAndParentHoldsItsChildren) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  const auto upto = [&](std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(0, most)(random); };
  const auto amount = [&]() -> Milli {
    if (upto(4) == 0) return std::nullopt;
    return upto(3) == 0 ? upto(40) - 10 : upto(300'000);
  };
  for (int round = 0; round < 1000; ++round) {
    std::vector<Batch> containers(static_cast<std::size_t>(1 + upto(3)));
    for (auto& container : containers)
      container = {amount(), amount()};
    const auto pod = batch(containers, static_cast<KubeQos>(upto(2)));
    BatchLimitsInput input{.is_v1 = upto(1) == 1, .be_root_limit = {}, .pod_limits = {}};
    if (upto(1) == 1) input.be_root_limit = MilliCpu(1 + upto(5000));
    if (upto(1) == 1) input.pod_limits[pod.uid] = MilliCpu(1 + upto(5000));
    if (upto(1) == 1) input.normalization = model::Ratio(100 + upto(400));
    const auto wants = batch_limits({pod}, kAll, input);
    for (const auto& want : wants.wants) {
      if (want.knob == Knob::kCpuWeight) {
        const auto weight = std::get<model::Number>(want.value).value;
        ASSERT_TRUE(weight >= 2 && weight <= 262144) << weight;
        continue;
      }
      const auto quota = std::get<model::Limit>(want.value).cpu;
      if (!quota) continue;
      ASSERT_GE(*quota, MilliCpu(10));
      const bool below_root = input.is_v1 && pod.kube_qos == KubeQos::kBestEffort && input.be_root_limit;
      if (below_root) {
        ASSERT_LE(*quota, *input.be_root_limit);
      }
      if (input.is_v1 && input.pod_limits.contains(pod.uid)) {
        ASSERT_LE(*quota, input.pod_limits.at(pod.uid));
      }
      const auto of_pod = std::get<model::Limit>(*wanted(wants, model::group_of(pod), Knob::kCpuQuota)).cpu;
      if (of_pod) {
        ASSERT_LE(*quota, *of_pod) << "a parent holds its children";
      }
    }
  }
}

}  // namespace
}  // namespace tideline::decide::test::batch_limits_test
