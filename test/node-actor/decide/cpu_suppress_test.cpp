#include "node-actor/decide/cpu_suppress.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::decide {
namespace {

using namespace std::chrono_literals;
using Action = SuppressDecision::Action;
using model::FeatureState;
using model::MilliCpu;
using model::MonoTime;
using model::Reason;
using model::SuppressPolicy;

constexpr MonoTime kNow{1'000'000'000'000};

model::NodePolicy policy_of(SuppressPolicy suppress, std::optional<int> min_percent = std::nullopt,
                            int threshold = 65) {
  model::NodePolicy policy;
  policy.threshold = {.enable = true,
                      .cpu_suppress_threshold_percent = threshold,
                      .cpu_suppress_min_percent = min_percent,
                      .cpu_suppress_policy = suppress};
  return policy;
}

/// Koordinator's worked host: 32 cores, 1 reserved, LS pods 10, BE 12, node 24; all of it fresh.
SuppressInput worked_host(CurrentLimit current) {
  SuppressInput input;
  input.now = kNow;
  input.node = {MilliCpu(32000), MilliCpu(31000)};
  input.fast = model::FastSample{kNow, 100ms, MilliCpu(24000), MilliCpu(12000)};
  model::NodeSample pods;
  pods.at = kNow;
  pods.window = 1s;
  pods.node_cpu = MilliCpu(24000);
  pods.ls_cpu = MilliCpu(10000);
  pods.be_cpu = MilliCpu(12000);
  pods.ls_delay_per_cpu = 0.01;
  input.pods = pods;
  input.be_outside_root = MilliCpu(0);
  input.protection = {true, "kubepods/besteffort cpu.shares 2 against 1024"};
  input.current = current;
  return input;
}

SuppressDecision decide_once(const SuppressInput& input, const std::optional<model::NodePolicy>& policy,
                             const SuppressState& state = {}) {
  return cpu_suppress(state, input, policy).decision;
}

struct WorkedCase {
  const char* name;
  std::int64_t node, ls, be;
  std::optional<int> min_percent;
  CurrentLimit current;
  Action action;
  std::int64_t limit;
  Reason rule;
};

class KoordinatorCases : public testing::TestWithParam<WorkedCase> {};

TEST_P(KoordinatorCases, GiveKoordinatorsAnswer) {
  const auto& row = GetParam();
  auto input = worked_host(row.current);
  input.fast->node_cpu = input.pods->node_cpu = MilliCpu(row.node);
  input.fast->be_cpu = input.pods->be_cpu = MilliCpu(row.be);
  input.pods->ls_cpu = MilliCpu(row.ls);
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota, row.min_percent));
  EXPECT_EQ(decision.action, row.action);
  EXPECT_EQ(decision.limit, MilliCpu(row.limit));
  EXPECT_EQ(decision.rule, row.rule);
  EXPECT_EQ(decision.reason, row.rule) << "cfsQuota: the rule is the reason";
  EXPECT_EQ(decision.write, row.action == Action::kLimit);
}

// 880 000 us of a 100 ms period = 8800 millicores.
INSTANTIATE_TEST_SUITE_P(Worked, KoordinatorCases,
                         testing::Values(WorkedCase{"FirstLimitJumps",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    8800,
                                                    Reason::kThresholdFormula},
                                         WorkedCase{"RiseIsTenPercentOfCapacity",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(4000)),
                                                    Action::kLimit,
                                                    7200,
                                                    Reason::kGrowthCapped},
                                         WorkedCase{"SecondStepArrives",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(7200)),
                                                    Action::kLimit,
                                                    8800,
                                                    Reason::kThresholdFormula},
                                         WorkedCase{"JustInsideDeadBandBelow",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(8481)),
                                                    Action::kHold,
                                                    0,
                                                    Reason::kWithinDeadBand},
                                         WorkedCase{"JustInsideDeadBandAbove",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(9119)),
                                                    Action::kHold,
                                                    0,
                                                    Reason::kWithinDeadBand},
                                         WorkedCase{"EdgeOfDeadBandIsWritten",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(9120)),
                                                    Action::kLimit,
                                                    8800,
                                                    Reason::kThresholdFormula},
                                         WorkedCase{"ShrinksAtOnce",
                                                    34000,
                                                    20000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(30000)),
                                                    Action::kLimit,
                                                    20,
                                                    Reason::kKernelMinimum},
                                         WorkedCase{"LsOverThresholdLeavesTheKernelMinimum",
                                                    39000,
                                                    25000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    20,
                                                    Reason::kKernelMinimum},
                                         WorkedCase{"KernelMinimumIgnoresDeadBand",
                                                    39000,
                                                    25000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(200)),
                                                    Action::kLimit,
                                                    20,
                                                    Reason::kKernelMinimum},
                                         WorkedCase{"KernelMinimumIsWrittenOnce",
                                                    39000,
                                                    25000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(20)),
                                                    Action::kHold,
                                                    0,
                                                    Reason::kWithinDeadBand},
                                         WorkedCase{"MinPercentIsTheFloor", 39000, 25000, 12000, 5,
                                                    CurrentLimit::none(), Action::kLimit, 1600,
                                                    Reason::kMinPercentFloor},
                                         WorkedCase{"MinPercentZeroIsTheKernelMinimum", 39000, 25000, 12000, 0,
                                                    CurrentLimit::none(), Action::kLimit, 20, Reason::kKernelMinimum},
                                         // node - BE - LS is 0.2, less than the reserved core: 20.8 - 10 - 1.
                                         WorkedCase{"ReservedCountsWhereSystemUsesLess",
                                                    22200,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    9800,
                                                    Reason::kThresholdFormula},
                                         // BE's reading runs ahead of the node's: system is 0 then, not negative.
                                         WorkedCase{"SystemIsNeverNegative",
                                                    20000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    9800,
                                                    Reason::kThresholdFormula}),
                         [](const auto& row) { return row.param.name; });

TEST(CpuSuppress, EveryTermIsThereToExplain) {
  const auto terms =
      decide_once(worked_host(CurrentLimit::of(MilliCpu(4000))), policy_of(SuppressPolicy::kCfsQuota, 5)).terms;
  EXPECT_EQ(terms.capacity, MilliCpu(32000));
  EXPECT_EQ(terms.threshold_percent, 65);
  EXPECT_EQ(terms.threshold, MilliCpu(20800));
  EXPECT_EQ(terms.node_used, MilliCpu(24000));
  EXPECT_EQ(terms.be_used, MilliCpu(12000));
  EXPECT_EQ(terms.non_be_pods_used, MilliCpu(10000));
  EXPECT_EQ(terms.reserved, MilliCpu(1000));
  EXPECT_EQ(terms.non_be_used, MilliCpu(12000));
  EXPECT_EQ(terms.formula, MilliCpu(8800));
  EXPECT_EQ(terms.floor, MilliCpu(1600));
  EXPECT_TRUE(terms.from_fast_loop);
  EXPECT_EQ(terms.sample_age, model::kZeroDuration);
}

TEST(CpuSuppress, BacksOffOnTheFastSampleWithoutWaitingForThePodLoop) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(8800)));
  input.now = kNow + 900ms;
  input.fast = model::FastSample{kNow + 900ms, 100ms, MilliCpu(29000), MilliCpu(8800)};
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(20800 - 20200));
}

TEST(CpuSuppress, PodLoopStandsInForAFastLoopThatStopped) {
  auto input = worked_host(CurrentLimit::none());
  input.fast->at = MonoTime{kNow.ns - (600ms).count() * 1'000'000};
  input.fast->node_cpu = MilliCpu(31000);
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_FALSE(decision.terms.from_fast_loop);
  EXPECT_EQ(decision.limit, MilliCpu(8800));
}

TEST(CpuSuppress, AFastLoopOfOneSecondIsNotStaleBetweenItsOwnRounds) {
  auto input = worked_host(CurrentLimit::none());
  input.fast->window = 1s;
  input.now = kNow + 1900ms;
  EXPECT_TRUE(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).terms.from_fast_loop);
}

TEST(CpuSuppress, BePodsOutsideTheBesteffortRootAreNotTakenForLs) {
  auto input = worked_host(CurrentLimit::none());
  input.be_outside_root = MilliCpu(1500);
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).limit, MilliCpu(9800))
      << "20.8 - max(24 - 13.5, 10 + 1)";
  input.be_outside_root = std::nullopt;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).limit, MilliCpu(8800)) << "unknown: as non-BE";
}

TEST(CpuSuppress, SumsBePodsOutsideTheBesteffortRoot) {
  model::NodeSample sample;
  sample.pods = {
      {.uid = model::PodUid("a"), .cpu = MilliCpu(100), .memory = {}, .throttled_ratio = {}, .run_delay = {}},
      {.uid = model::PodUid("b"), .cpu = MilliCpu(30), .memory = {}, .throttled_ratio = {}, .run_delay = {}},
      {.uid = model::PodUid("c"), .cpu = {}, .memory = {}, .throttled_ratio = {}, .run_delay = {}}};
  const auto pod = [](const char* uid, model::QosClass qos, model::KubeQos kube) {
    model::Pod result;
    result.uid = model::PodUid(uid);
    result.qos = qos;
    result.kube_qos = kube;
    return result;
  };
  using enum model::QosClass;
  using enum model::KubeQos;
  EXPECT_EQ(be_outside_root(sample, {pod("a", kBe, kBurstable), pod("b", kBe, kBestEffort)}), MilliCpu(100));
  EXPECT_EQ(be_outside_root(sample, {pod("b", kLs, kBurstable)}), MilliCpu(0));
  EXPECT_EQ(be_outside_root(sample, {pod("c", kBe, kBurstable)}), std::nullopt) << "a pod without reading is not 0";
  EXPECT_EQ(be_outside_root(sample, {pod("gone", kBe, kGuaranteed)}), std::nullopt);
}

TEST(CpuSuppress, StaleDataLeavesTheQuotaAlone) {
  for (const auto current : {CurrentLimit::none(), CurrentLimit::of(MilliCpu(400))}) {
    auto input = worked_host(current);
    input.now = kNow + 3s;
    const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kStaleSample);
    EXPECT_FALSE(decision.write);
  }
}

TEST(CpuSuppress, FreshFastDataWithStalePodDataOnlyLowers) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(4000)));
  input.now = kNow + 5s;
  input.fast->at = input.now;
  auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.reason, Reason::kStaleSample);

  input.fast->node_cpu = MilliCpu(31000);
  decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(1800));
}

TEST(CpuSuppress, NoPolicyTouchesNothing) {
  for (const bool ours : {false, true}) {
    SuppressState state;
    state.ours = ours;
    const auto decision = decide_once(worked_host(CurrentLimit::of(MilliCpu(4000))), std::nullopt, state);
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kNoPolicy);
    ASSERT_EQ(decision.features.size(), 1u);
    EXPECT_EQ(decision.features[0].state, FeatureState::State::kInactive);
    EXPECT_THAT(decision.features[0].why, testing::HasSubstr("no-policy"));
  }
}

TEST(CpuSuppress, DisablingReleasesOurOwnQuotaOnce) {
  auto policy = policy_of(SuppressPolicy::kCfsQuota);
  auto step = cpu_suppress({}, worked_host(CurrentLimit::none()), policy);
  ASSERT_EQ(step.decision.action, Action::kLimit);
  policy.threshold.enable = false;
  step = cpu_suppress(step.state, worked_host(CurrentLimit::of(MilliCpu(8800))), policy);
  EXPECT_EQ(step.decision.action, Action::kRelease);
  EXPECT_EQ(step.decision.reason, Reason::kDisabled);
  EXPECT_TRUE(step.decision.write);
  step = cpu_suppress(step.state, worked_host(CurrentLimit::none()), policy);
  EXPECT_FALSE(step.decision.write);
}

TEST(CpuSuppress, DisablingLeavesAForeignQuotaAlone) {
  auto policy = policy_of(SuppressPolicy::kCfsQuota);
  policy.threshold.enable = false;
  const auto decision = decide_once(worked_host(CurrentLimit::of(MilliCpu(4000))), policy);
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.reason, Reason::kDisabled);
}

TEST(CpuSuppress, AQuotaThatCannotBeReadCountsAsTheLastOneDecided) {
  auto input = worked_host(CurrentLimit::unknown());
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).action, Action::kHold);

  SuppressState state;
  state.last_limit = MilliCpu(4000);
  state.last_change = MonoTime{kNow.ns - 500'000'000};
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota), state);
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(4000 + 1600)) << "half a second of growth";
}

TEST(CpuSuppress, CpusetPolicyLimitsByQuotaAndSaysSo) {
  const auto decision = decide_once(worked_host(CurrentLimit::none()), policy_of(SuppressPolicy::kCpuset));
  EXPECT_EQ(decision.limit, MilliCpu(8800));
  ASSERT_EQ(decision.features.size(), 2u);
  EXPECT_EQ(decision.features[1].feature, "cpuSuppress.cpuset");
  EXPECT_EQ(decision.features[1].state, FeatureState::State::kUnsupported);
  EXPECT_THAT(decision.features[1].why, testing::HasSubstr("cfsQuota"));
}

TEST(CpuSuppress, CpuQosThatIsAskedForIsListedAsUnsupported) {
  auto policy = policy_of(SuppressPolicy::kCfsQuota);
  EXPECT_TRUE(cpu_qos_features(policy).empty());
  policy.qos.be.enable = true;
  const auto features = cpu_qos_features(policy);
  ASSERT_EQ(features.size(), 1u);
  EXPECT_EQ(features[0].feature, "cpuQOS.beClass");
  EXPECT_EQ(features[0].state, FeatureState::State::kUnsupported);
}

TEST(CpuSuppress, SafeLimitIsMinPercentOrOnePercentAndNeverNothing) {
  const NodeFacts node{MilliCpu(32000), MilliCpu(31000)};
  EXPECT_EQ(safe_be_limit(node, std::nullopt), MilliCpu(320));
  EXPECT_EQ(safe_be_limit(node, policy_of(SuppressPolicy::kCfsQuota)), MilliCpu(320));
  EXPECT_EQ(safe_be_limit(node, policy_of(SuppressPolicy::kCfsQuota, 10)), MilliCpu(3200));
  EXPECT_EQ(safe_be_limit(node, policy_of(SuppressPolicy::kCfsQuota, 0)), kKernelMinimum);
  EXPECT_EQ(safe_be_limit({MilliCpu(1000), MilliCpu(1000)}, std::nullopt), kKernelMinimum);
}

/// Feeds decisions back as the kernel would hold them, every `period`, and returns the limits over time.
std::vector<std::int64_t> recover(model::Duration period, int rounds) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(1000)));
  SuppressState state;
  state.last_change = kNow;
  std::vector<std::int64_t> limits;
  for (int i = 1; i <= rounds; ++i) {
    input.now = kNow + i * period;
    input.fast->at = input.pods->at = input.now;
    auto step = cpu_suppress(state, input, policy_of(SuppressPolicy::kCfsQuota));
    state = step.state;
    if (step.decision.action == Action::kLimit) input.current = CurrentLimit::of(step.decision.limit);
    limits.push_back(input.current.quota.value());
  }
  return limits;
}

TEST(CpuSuppress, GrowsAlikeInAFastAndInASlowLoop) {
  const auto slow = recover(1s, 3);
  EXPECT_THAT(slow, testing::ElementsAre(4200, 7400, 8800));
  for (const auto period : {20ms, 50ms, 100ms, 200ms, 500ms}) {
    const auto fast = recover(period, static_cast<int>(3s / period));
    EXPECT_EQ(fast[static_cast<std::size_t>(1s / period) - 1], 4200) << period.count() << " ms";
    EXPECT_NEAR(static_cast<double>(fast.back()), 8800, 320) << "within the dead band, " << period.count() << " ms";
  }
}

TEST(CpuSuppress, LongSilenceDoesNotSaveUpGrowth) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(1000)));
  SuppressState state;
  state.last_change = MonoTime{kNow.ns - 3600'000'000'000};
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota), state).limit, MilliCpu(4200));
}

// ---- work-conserving ----

TEST(WorkConserving, NoQuotaWhileProtectedAndNotPressed) {
  const auto policy = policy_of(SuppressPolicy::kWorkConserving);
  auto decision = decide_once(worked_host(CurrentLimit::none()), policy);
  EXPECT_EQ(decision.action, Action::kRelease);
  EXPECT_EQ(decision.reason, Reason::kNotPressed);
  EXPECT_FALSE(decision.write) << "there is no quota to take away";
  decision = decide_once(worked_host(CurrentLimit::of(MilliCpu(8800))), policy);
  EXPECT_TRUE(decision.write);
}

TEST(WorkConserving, UnprotectedFallsBackToQuotaAndNamesWhy) {
  auto input = worked_host(CurrentLimit::none());
  input.protection = {false, "kubepods/besteffort cpu.shares 1024"};
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kWorkConserving));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(8800));
  EXPECT_EQ(decision.reason, Reason::kUnprotected);
  EXPECT_EQ(decision.rule, Reason::kThresholdFormula);
  EXPECT_THAT(decision.features[1].why, testing::HasSubstr("cpu.shares 1024"));
}

TEST(WorkConserving, UnknownSignalFallsBackToQuota) {
  auto input = worked_host(CurrentLimit::none());
  input.pods->ls_delay_per_cpu = std::nullopt;
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kWorkConserving));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.reason, Reason::kPressureUnknown);
}

TEST(WorkConserving, StalePodSampleIsAnUnknownSignal) {
  auto input = worked_host(CurrentLimit::none());
  input.now = kNow + 3s;
  input.fast->at = input.now;
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kWorkConserving));
  EXPECT_EQ(decision.reason, Reason::kPressureUnknown);
  EXPECT_EQ(decision.action, Action::kLimit);
}

TEST(WorkConserving, PressedComesAfterTwoSecondsAndGoesAfterTenQuietOnes) {
  const auto policy = policy_of(SuppressPolicy::kWorkConserving);
  auto input = worked_host(CurrentLimit::none());
  SuppressState state;
  const auto second = [&](int t, double delay) {
    input.now = kNow + std::chrono::seconds(t);
    input.fast->at = input.pods->at = input.now;
    input.pods->ls_delay_per_cpu = delay;
    const auto step = cpu_suppress(state, input, policy);
    state = step.state;
    if (step.decision.action == Action::kLimit) input.current = CurrentLimit::of(step.decision.limit);
    if (step.decision.action == Action::kRelease) input.current = CurrentLimit::none();
    return step.decision.reason;
  };
  EXPECT_EQ(second(0, 0.01), Reason::kNotPressed);
  EXPECT_EQ(second(1, 0.9), Reason::kNotPressed);
  EXPECT_EQ(second(2, 0.9), Reason::kPressed);
  EXPECT_EQ(input.current, CurrentLimit::of(MilliCpu(8800)));
  for (int t = 3; t < 3 + kQuietSamples - 1; ++t)
    EXPECT_EQ(second(t, 0.01), Reason::kPressedHold) << t;
  EXPECT_EQ(second(3 + kQuietSamples - 1, 0.01), Reason::kNotPressed);
  EXPECT_EQ(input.current, CurrentLimit::none());
}

// ---- properties over random hosts ----

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }
  double real(double max) { return std::uniform_real_distribution<double>(0, max)(engine_); }

 private:
  std::mt19937 engine_;
};

SuppressInput random_host(Random& random) {
  SuppressInput input;
  input.now = kNow;
  const auto capacity = 1000 * (1 + random.upto(127));
  input.node = {MilliCpu(capacity), MilliCpu(capacity - random.upto(capacity / 5))};
  const auto ls = random.upto(capacity);
  const auto be = random.upto(capacity - ls);
  const auto node = ls + be + random.upto(200);
  input.fast = model::FastSample{kNow, 100ms, MilliCpu(node), MilliCpu(be)};
  model::NodeSample pods;
  pods.at = kNow;
  pods.window = 1s;
  pods.node_cpu = MilliCpu(node);
  pods.ls_cpu = MilliCpu(ls);
  pods.be_cpu = MilliCpu(be);
  pods.ls_delay_per_cpu = random.real(1.5);
  input.pods = pods;
  input.be_outside_root = MilliCpu(0);
  input.protection.verified = random.chance(70);
  const auto kind = random.upto(2);
  input.current = kind == 0   ? CurrentLimit::none()
                  : kind == 1 ? CurrentLimit::unknown()
                              : CurrentLimit::of(MilliCpu(20 + random.upto(capacity)));
  return input;
}

model::NodePolicy random_policy(Random& random) {
  return policy_of(static_cast<SuppressPolicy>(random.upto(2)),
                   random.chance(50) ? std::optional<int>(static_cast<int>(random.upto(30))) : std::nullopt,
                   static_cast<int>(random.upto(100)));
}

/// What BE may use after the decision; no quota and unknown are the whole host.
std::int64_t effective(const SuppressInput& input, const SuppressDecision& decision) {
  if (decision.action == Action::kLimit) return decision.limit.value();
  if (decision.action == Action::kRelease) return input.node.capacity.value() + 1;
  return input.current.kind == CurrentLimit::Kind::kQuota ? input.current.quota.value()
                                                          : input.node.capacity.value() + 1;
}

class RandomHosts : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomHosts, testing::Range(1u, 21u));

TEST_P(RandomHosts, MissingOrStaleDataNeverRaisesWhatBeGets) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 2000; ++i) {
    auto input = random_host(random);
    const auto policy = random.chance(95) ? std::optional(random_policy(random)) : std::nullopt;
    SuppressState state;
    state.ours = random.chance(50);
    if (random.chance(50)) state.last_limit = MilliCpu(20 + random.upto(input.node.capacity.value()));
    const auto before = effective(input, {});
    switch (random.upto(4)) {
      case 0:
        input.pods.reset();
        break;
      case 1:
        input.pods->ls_cpu.reset();
        break;
      case 2:
        input.fast.reset();
        input.pods->be_cpu.reset();
        break;
      case 3:
        input.now = kNow + 2001ms + std::chrono::milliseconds(random.upto(100'000));
        break;
      default:
        input.pods->at = MonoTime{kNow.ns - 2'000'000'001 - random.upto(1'000'000'000)};
        break;
    }
    const auto decision = decide_once(input, policy, state);
    // Work-conserving rests on the LS delay alone: with that signal and LS use fresh, node use is not needed.
    const bool rests_on_delay = decision.reason == Reason::kNotPressed;
    if (rests_on_delay) {
      ASSERT_TRUE(input.pods && input.pods->ls_cpu && input.now - input.pods->at <= kPodSampleMaxAge);
      continue;
    }
    ASSERT_LE(effective(input, decision), before) << "round " << i << ": " << name_of(decision.reason);
  }
}

TEST_P(RandomHosts, MoreLsNeverGivesBeMore) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 2000; ++i) {
    auto input = random_host(random);
    auto policy = random_policy(random);
    policy.threshold.cpu_suppress_policy = SuppressPolicy::kCfsQuota;
    const auto calm = decide_once(input, policy);
    const MilliCpu more(random.upto(5000));
    input.fast->node_cpu = *input.fast->node_cpu + more;
    input.pods->ls_cpu = *input.pods->ls_cpu + more;
    const auto busy = decide_once(input, policy);
    ASSERT_LE(*busy.terms.formula, *calm.terms.formula);
    const auto slack = input.node.capacity.percent(kDeadBandPercent).value();
    ASSERT_LE(effective(input, busy), effective(input, calm) + slack) << "round " << i;
  }
}

TEST_P(RandomHosts, BeIsNeverStoppedAndNeverGivenMoreThanTheThreshold) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 2000; ++i) {
    const auto input = random_host(random);
    const auto policy = random_policy(random);
    const auto decision = decide_once(input, policy);
    if (decision.action != Action::kLimit) continue;
    ASSERT_GE(decision.limit, kKernelMinimum);
    ASSERT_GE(decision.limit,
              std::min(decision.terms.floor,
                       input.current.kind == CurrentLimit::Kind::kQuota ? input.current.quota : decision.terms.floor));
    ASSERT_LE(decision.limit, std::max(decision.terms.threshold, decision.terms.floor));
  }
}

TEST_P(RandomHosts, GrowthIsBoundedOverAnyRunOfRounds) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  auto input = random_host(random);
  auto policy = random_policy(random);
  policy.threshold.cpu_suppress_policy = SuppressPolicy::kCfsQuota;
  input.current = CurrentLimit::of(kKernelMinimum);
  const auto capacity = input.node.capacity;
  SuppressState state;
  std::vector<std::pair<MonoTime, std::int64_t>> trail{{input.now, input.current.quota.value()}};
  for (int i = 0; i < 400; ++i) {
    input.now = input.now + std::chrono::milliseconds(20 + random.upto(180));
    const auto ls = random.upto(capacity.value());
    input.fast = model::FastSample{input.now, 100ms, MilliCpu(ls), MilliCpu(0)};
    input.pods->at = input.now;
    input.pods->ls_cpu = MilliCpu(random.upto(ls));
    const auto step = cpu_suppress(state, input, policy);
    state = step.state;
    if (step.decision.action == Action::kLimit) input.current = CurrentLimit::of(step.decision.limit);
    trail.emplace_back(input.now, input.current.quota.value());
  }
  for (std::size_t from = 0; from < trail.size(); ++from) {
    for (std::size_t to = from + 1; to < trail.size(); ++to) {
      const double seconds = std::chrono::duration<double>(trail[to].first - trail[from].first).count();
      const double allowed = 0.1 * static_cast<double>(capacity.value()) * (seconds + 1.0) + 1;
      ASSERT_LE(static_cast<double>(trail[to].second - trail[from].second), allowed) << from << " to " << to;
    }
  }
}

TEST_P(RandomHosts, EqualInputsGiveEqualDecisions) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 200; ++i) {
    const auto input = random_host(random);
    const auto policy = random_policy(random);
    const auto a = decide_once(input, policy);
    const auto b = decide_once(input, policy);
    ASSERT_EQ(a.action, b.action);
    ASSERT_EQ(a.limit, b.limit);
    ASSERT_EQ(a.features, b.features);
    ASSERT_EQ(a.features.size(), 2u) << "each feature asked for is listed";
  }
}

}  // namespace
}  // namespace tideline::decide
