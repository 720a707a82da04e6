#include "node-actor/decide/batch_memory.h"

#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/arbiter.h"
#include "test/node-actor/decide/memory_pods.h"

namespace tideline::decide::test::batch_memory_test {
namespace {

using model::Bytes;
using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KubeQos;
using model::Pod;
using model::QosClass;
using model::Reason;
using testing::HasSubstr;
using State = FeatureState::State;
using Amount = std::optional<std::int64_t>;
using GroupMap = std::map<GroupRef, Bytes>;

Pod batch(const std::string& uid, const std::vector<MemorySpec>& specs, KubeQos kube_qos = KubeQos::kBestEffort) {
  return with_memory(pod_of(uid, QosClass::kBe, kube_qos, static_cast<int>(specs.size())), specs);
}

/// A batch pod of one container, round by round.
struct BatchHost {
  explicit BatchHost(std::int64_t limit_mi) : pod(batch("b", {{limit_mi * kMi, limit_mi * kMi}})) {}

  GroupRef group() const { return model::group_of(pod); }
  GroupRef container() const { return model::group_of(pod, pod.containers[0]); }
  void set_limit(std::int64_t limit_mi) { pod = batch("b", {{limit_mi * kMi, limit_mi * kMi}}); }

  /// Both groups use so much; the limit of the pod in MiB. nullopt: none is wanted.
  Amount round(Amount used_mi) {
    GroupMap used;
    if (used_mi) used = {{group(), Bytes(*used_mi * kMi)}, {container(), Bytes(*used_mi * kMi)}};
    auto step = batch_memory(std::move(state), {pod}, stock_v2(),
                             {.used = used, .own_limits = own, .in_force = in_force ? &*in_force : nullptr});
    state = std::move(step.state);
    wants = std::move(step.wants);
    const auto bytes = wanted_bytes(wants, group(), Knob::kMemoryLimit);
    EXPECT_EQ(wanted_bytes(wants, container(), Knob::kMemoryLimit), bytes) << "both have the same to go by";
    return bytes ? Amount(*bytes / kMi) : std::nullopt;
  }
  Reason reason() const {
    const auto* want = find_want(wants, group(), Knob::kMemoryLimit);
    return want != nullptr ? want->reason : Reason::kNone;
  }
  std::string told() const { return told_of(wants, "batchMemory").why; }

  Pod pod;
  GroupMap own;
  std::optional<GroupMap> in_force;
  BatchMemoryState state;
  Wants wants;
};

struct Case {
  const char* name;
  std::vector<MemorySpec> containers;
  Amount pod;
  std::vector<Amount> limits;
};
class BatchMemoryTable : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Koordinator, BatchMemoryTable,
    testing::Values(
        Case{"OneContainer", {{100 * kMi, 200 * kMi}}, 200 * kMi, {200 * kMi}},
        Case{"ThePodIsTheSum", {{100 * kMi, 200 * kMi}, {kMi, 100 * kMi}}, 300 * kMi, {200 * kMi, 100 * kMi}},
        Case{"OneContainerWithoutLimitFreesThePod",
             {{100 * kMi, 200 * kMi}, {100 * kMi, {}}},
             std::nullopt,
             {200 * kMi, std::nullopt}},
        Case{"NoLimitAtAll", {{100 * kMi, {}}}, std::nullopt, {std::nullopt}},
        Case{"ALimitOfNothingIsNone", {{100 * kMi, 0}}, std::nullopt, {std::nullopt}},
        Case{"OnlyALimit", {{{}, 200 * kMi}}, 200 * kMi, {200 * kMi}},
        Case{"LessThanAContainerStartsIn", {{{}, 1}, {{}, 2}}, 4 * kMi, {4 * kMi, 4 * kMi}},
        Case{"NumbersFromOutsideAreBounded",
             {{{}, INT64_MAX}, {{}, INT64_MAX}},
             std::int64_t{1} << 50,
             {std::int64_t{1} << 50, std::int64_t{1} << 50}}),
    [](const auto& test) { return test.param.name; });

TEST_P(BatchMemoryTable, GivesPodAndContainersTheirLimit) {
  const auto& param = GetParam();
  auto pod = pod_of("b", QosClass::kBe, KubeQos::kBestEffort, static_cast<int>(param.containers.size()));
  GroupMap used = {{model::group_of(pod), Bytes(kMi)}};
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    if (param.containers[i].request) pod.containers[i].requests.batch_memory = Bytes(*param.containers[i].request);
    if (param.containers[i].limit) pod.containers[i].limits.batch_memory = Bytes(*param.containers[i].limit);
    used[model::group_of(pod, pod.containers[i])] = Bytes(kMi);
  }
  const GroupMap none{};
  const auto step = batch_memory({}, {pod}, stock_v1(), {.used = used, .own_limits = none, .in_force = nullptr});
  EXPECT_EQ(wanted_bytes(step.wants, model::group_of(pod), Knob::kMemoryLimit), param.pod);
  for (std::size_t i = 0; i < pod.containers.size(); ++i) {
    EXPECT_EQ(wanted_bytes(step.wants, model::group_of(pod, pod.containers[i]), Knob::kMemoryLimit), param.limits[i])
        << i;
  }
  for (const auto& want : step.wants.wants) {
    EXPECT_EQ(want.controller, model::Controller::kBatchLimits);
    EXPECT_EQ(want.reason, Reason::kBatchMemoryLimit);
    EXPECT_TRUE(std::get<model::MemoryLimit>(want.value).bytes.has_value()) << "no limit is nothing to want";
  }
}

TEST(BatchMemory, APodThatListsNoContainersHasItsOwnLimit) {
  auto pod = pod_of("b", QosClass::kBe, KubeQos::kBestEffort, 0);
  pod.limits.batch_memory = Bytes(200 * kMi);
  const GroupMap used = {{model::group_of(pod), Bytes(kMi)}};
  const GroupMap none{};
  const auto step = batch_memory({}, {pod}, stock_v2(), {.used = used, .own_limits = none, .in_force = nullptr});
  EXPECT_EQ(wanted_bytes(step.wants, model::group_of(pod), Knob::kMemoryLimit), 200 * kMi);
}

TEST(BatchMemory, ALimitBelowTheUseWaitsAndTheGroupIsHeldWhereItIsOnItsWayDown) {
  BatchHost host(200);
  EXPECT_EQ(host.round(300), 320) << "306, rounded up to 16";
  EXPECT_EQ(host.reason(), Reason::kAboveLimit);
  EXPECT_EQ(host.round(290), 304);
  EXPECT_EQ(host.round(303), 304) << "it never rises again";
  EXPECT_EQ(host.round(310), 304) << "a hair above it, as the kernel may charge by force";
  EXPECT_EQ(host.round(197), 208) << "not yet 2 % below";
  EXPECT_EQ(host.reason(), Reason::kAboveLimit);
  EXPECT_EQ(host.round(196), 200);
  EXPECT_EQ(host.reason(), Reason::kBatchMemoryLimit);
}

TEST(BatchMemory, OnceItIsThereTheLimitStandsHoweverMuchOfItIsUsed) {
  BatchHost host(200);
  EXPECT_EQ(host.round(10), 200);
  for (const auto used : {150, 197, 199, 200, 203}) {
    EXPECT_EQ(host.round(used), 200) << used;
    EXPECT_EQ(host.reason(), Reason::kBatchMemoryLimit);
  }
}

TEST(BatchMemory, WhatIsNotUnderItsLimitIsHeldWhereItIsThen) {
  BatchHost host(200);
  EXPECT_EQ(host.round(10), 200);
  EXPECT_EQ(host.round(400), 416) << "somebody kept us from writing it: it would kill now";
  EXPECT_EQ(host.reason(), Reason::kAboveLimit);
}

TEST(BatchMemory, WithoutAKnownUseNothingIsLimitedAnewAndNothingIsLetGo) {
  BatchHost fresh(200);
  EXPECT_EQ(fresh.round(std::nullopt), std::nullopt);
  EXPECT_THAT(fresh.told(), HasSubstr("above-limit: 1 (b)"));
  BatchHost limited(200);
  limited.round(10);
  EXPECT_EQ(limited.round(std::nullopt), 200);
  EXPECT_EQ(limited.reason(), Reason::kBatchMemoryLimit);
  BatchHost stepping(200);
  stepping.round(300);
  EXPECT_EQ(stepping.round(std::nullopt), 320);
  EXPECT_EQ(stepping.reason(), Reason::kAboveLimit);
  EXPECT_EQ(stepping.round(300), 320);
}

TEST(BatchMemory, AfterAStartTheLimitsInForceStandAsBefore) {
  BatchHost host(200);
  host.in_force = GroupMap{{host.group(), Bytes(200 * kMi)}, {host.container(), Bytes(200 * kMi)}};
  EXPECT_EQ(host.round(199), 200) << "at its limit";
  host.state = {};
  EXPECT_EQ(host.round(std::nullopt), 200);
  BatchHost unaware(200);
  EXPECT_EQ(unaware.round(199), 208) << "what could be known is not";
}

TEST(BatchMemory, ALimitThatIsRaisedIsRaisedAtOnce) {
  BatchHost host(200);
  host.round(10);
  host.round(199);
  host.set_limit(400);
  EXPECT_EQ(host.round(199), 400);
  host.set_limit(202);
  EXPECT_EQ(host.round(201), 208) << "and lowered as any other";
}

TEST(BatchMemory, TheTighterLimitOfItsOwnStays) {
  BatchHost host(200);
  host.own = {{host.group(), Bytes(150 * kMi)}, {host.container(), Bytes(150 * kMi)}};
  EXPECT_EQ(host.round(10), std::nullopt);
  EXPECT_TRUE(host.state.stepping.empty());
  host.own = {{host.group(), Bytes(310 * kMi)}, {host.container(), Bytes(310 * kMi)}};
  EXPECT_EQ(host.round(10), 200) << "the tighter one is batch-memory's";
  BatchHost above(200);
  above.own = host.own;
  EXPECT_EQ(above.round(300), std::nullopt) << "320 would be more than it has by itself";
  EXPECT_THAT(above.told(), HasSubstr("above-limit: 1"));
  EXPECT_EQ(above.round(290), 304);
}

TEST(BatchMemory, OnlyLiveBePodsAndContainersThatRun) {
  auto ls = batch("l", {{kMi, 100 * kMi}});
  ls.qos = QosClass::kLs;
  auto ended = batch("e", {{kMi, 100 * kMi}});
  ended.phase = model::PodPhase::kSucceeded;
  auto starting = batch("s", {{kMi, 100 * kMi}, {kMi, 100 * kMi}});
  starting.phase = model::PodPhase::kPending;
  starting.containers[1].id.clear();
  GroupMap used;
  for (const auto& pod : {ls, ended, starting}) {
    used[model::group_of(pod)] = Bytes(kMi);
    for (const auto& container : pod.containers)
      used[model::group_of(pod, container)] = Bytes(kMi);
  }
  const GroupMap none{};
  const auto wants =
      batch_memory({}, {ls, ended, starting}, stock_v2(), {.used = used, .own_limits = none, .in_force = nullptr})
          .wants;
  EXPECT_EQ(wants.wants.size(), 2u);
  EXPECT_EQ(wanted_bytes(wants, model::group_of(starting), Knob::kMemoryLimit), 200 * kMi) << "room for both";
}

TEST(BatchMemory, WhatIsGoneIsForgotten) {
  BatchHost host(200);
  host.round(10);
  EXPECT_EQ(host.state.stepping.size(), 2u);
  host.pod.phase = model::PodPhase::kFailed;
  EXPECT_EQ(host.round(10), std::nullopt);
  EXPECT_TRUE(host.state.stepping.empty());
}

TEST(BatchMemory, TellsWhoIsLimitedWhoWaitsAndWhoIsLeftAlone) {
  std::vector pods = {batch("quiet", {{kMi, 100 * kMi}}), be_pod("plain")};
  GroupMap used = {{model::group_of(pods[0]), Bytes(kMi)},
                   {model::group_of(pods[0], pods[0].containers[0]), Bytes(kMi)}};
  for (const auto* name : {"one", "two", "three"}) {
    auto pod = batch(name, {{kMi, 100 * kMi}});
    pod.name_space = "jobs";
    pod.name = name;
    used[model::group_of(pod)] = Bytes(500 * kMi);
    pods.push_back(std::move(pod));
  }
  const GroupMap none{};
  const BatchMemoryInput input{.used = used, .own_limits = none, .in_force = nullptr};
  EXPECT_EQ(told_of(batch_memory({}, pods, stock_v2(), input).wants, "batchMemory"),
            (FeatureState{"batchMemory", State::kActive,
                          "pods limited by their batch-memory: 1; BE pods left alone, no-batch-spec: 1; held where "
                          "they are, above-limit: 3 (jobs/one, jobs/two, ...)"}));
  EXPECT_EQ(told_of(batch_memory({}, {be_pod("plain")}, {}, input).wants, "batchMemory"),
            (FeatureState{"batchMemory", State::kInactive,
                          "no pod asks for batch-memory; BE pods left alone, no-batch-spec: 1"}));
  const auto missing = batch_memory({}, pods, memory_knobs({}), input);
  EXPECT_TRUE(missing.wants.wants.empty());
  EXPECT_EQ(told_of(missing.wants, "batchMemory").state, State::kUnsupported);
  EXPECT_THAT(told_of(missing.wants, "batchMemory").why, HasSubstr("memory-limit: no such file"));
}

class RandomBatchMemory : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomBatchMemory, testing::Range(1u, 21u));

/// A group whose use wanders, under a kernel that holds it at its limit; not every round can read it.
TEST_P(RandomBatchMemory, NeverLimitsBelowTheUseAndNeverGivesMoreForWantOfData) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  const auto upto = [&](std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(0, most)(random); };
  BatchHost host(64 + upto(400));
  auto target = host.pod.containers[0].limits.batch_memory->value() / kMi;
  Amount in_force;
  std::int64_t use = upto(800);
  for (int round = 0; round < 500; ++round) {
    if (upto(20) == 0) host.set_limit(target = 64 + upto(400));
    use = std::max<std::int64_t>(0, use + upto(120) - 60);
    if (in_force) use = std::min(use, *in_force);
    const bool known = upto(4) != 0;
    const auto limit = host.round(known ? Amount(use) : std::nullopt);
    ASSERT_TRUE(settle(host.wants.wants, {}, {}, model::MonoTime{}).refused.empty());
    if (!known) {
      ASSERT_EQ(limit, in_force) << "round " << round << ": nothing is known";
      continue;
    }
    ASSERT_TRUE(limit) << "round " << round;
    ASSERT_GE(*limit, use) << "round " << round;
    ASSERT_GE(*limit, target) << "round " << round;
    if (*limit > target && in_force) {
      ASSERT_LE(*limit, *in_force) << "round " << round << ": a limit on its way down rose";
    }
    if (use * 100 <= target * 98) {
      ASSERT_EQ(*limit, target) << "round " << round;
    }
    in_force = limit;
  }
}

}  // namespace
}  // namespace tideline::decide::test::batch_memory_test
