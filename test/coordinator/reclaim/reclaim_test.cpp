#include "coordinator/reclaim/reclaim.h"

#include <functional>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace tideline::reclaim {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::PodPhase;
using model::QosClass;
using model::ReclaimRule;
using model::Tier;

constexpr std::int64_t kGi = std::int64_t{1} << 30;
constexpr model::MonoTime kNow{3'600'000'000'000};

model::ColocationPolicy policy() {
  model::ColocationPolicy policy;
  policy.enable = true;
  return policy;  // CPU 60 %, memory 65 %, degrade after 15 min
}

/// 100 cores, 100 GiB, system 7 cores and 8 GiB used, no pods, reported just now.
NodeInput node() {
  NodeInput input;
  input.node = model::NodeName("n");
  input.arrived = kNow;
  input.cpu_capacity = input.cpu_allocatable = MilliCpu(100'000);
  input.memory_capacity = input.memory_allocatable = Bytes(100 * kGi);
  input.system_cpu = MilliCpu(7'000);
  input.system_memory = Bytes(8 * kGi);
  return input;
}

PodInput pod(QosClass qos, std::int64_t request_milli, std::optional<std::int64_t> used_milli) {
  PodInput pod;
  pod.uid = model::PodUid("p");
  pod.qos = qos;
  pod.tier = model::tier_of(std::nullopt, qos);
  pod.requests.cpu = MilliCpu(request_milli);
  pod.requests.memory = Bytes(request_milli / 1000 * kGi);
  if (used_milli) {
    pod.cpu = MilliCpu(*used_milli);
    pod.memory = Bytes(*used_milli / 1000 * kGi);
  }
  return pod;
}

model::Reclaimed run(const NodeInput& input, const model::ColocationPolicy& with = policy()) {
  return reclaim(input, with, kNow);
}

TEST(Reclaim, OffersWhatMarginSystemAndUseLeave) {
  NodeInput input = node();
  input.policy = model::PolicyVersion(9);
  input.pods = {pod(QosClass::kLs, 40'000, 20'000)};
  const auto result = run(input);
  EXPECT_EQ(result.cpu.capacity, MilliCpu(100'000));
  EXPECT_EQ(result.cpu.margin, MilliCpu(40'000));
  EXPECT_EQ(result.cpu.system, MilliCpu(7'000));
  EXPECT_EQ(result.cpu.high_priority, MilliCpu(20'000));
  EXPECT_EQ(result.cpu.offered, MilliCpu(33'000));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kUsage);
  EXPECT_EQ(result.memory.margin, Bytes(35 * kGi));
  EXPECT_EQ(result.memory.offered, Bytes(37 * kGi));
  EXPECT_EQ(result.policy, model::PolicyVersion(9));
  EXPECT_EQ(result.data_age, model::kZeroDuration);
}

struct ChargeCase {
  const char* name;
  PodInput pod;
  std::int64_t cpu_milli;
  std::int64_t memory_gi;
};

PodInput with(PodInput pod, const std::function<void(PodInput&)>& change) {
  change(pod);
  return pod;
}

class Charge : public testing::TestWithParam<ChargeCase> {};

TEST_P(Charge, IsWhatKoordinatorCharges) {
  NodeInput input = node();
  input.pods = {GetParam().pod};
  const auto result = run(input);
  EXPECT_EQ(result.cpu.high_priority, MilliCpu(GetParam().cpu_milli));
  EXPECT_EQ(result.memory.high_priority, Bytes(GetParam().memory_gi * kGi));
}

INSTANTIATE_TEST_SUITE_P(
    Pods, Charge,
    testing::Values(
        ChargeCase{"LsByUse", pod(QosClass::kLs, 40'000, 20'000), 20'000, 20},
        ChargeCase{"LsrByUse", pod(QosClass::kLsr, 40'000, 20'000), 20'000, 20},
        ChargeCase{"SystemByUse", pod(QosClass::kSystem, 4'000, 2'000), 2'000, 2},
        ChargeCase{"LseCpuByRequestMemoryByUse", pod(QosClass::kLse, 40'000, 20'000), 40'000, 20},
        ChargeCase{"LseWithoutRequestByUse", with(pod(QosClass::kLse, 0, 20'000), [](auto& p) { p.requests = {}; }),
                   20'000, 20},
        ChargeCase{"NoMetricByRequest", pod(QosClass::kLs, 40'000, std::nullopt), 40'000, 40},
        ChargeCase{"NoMemoryMetricMemoryByRequest",
                   with(pod(QosClass::kLs, 40'000, 20'000), [](auto& p) { p.memory = std::nullopt; }), 20'000, 40},
        ChargeCase{"PendingByRequest",
                   with(pod(QosClass::kLs, 5'000, std::nullopt), [](auto& p) { p.phase = PodPhase::kPending; }), 5'000,
                   5},
        ChargeCase{"SucceededNot",
                   with(pod(QosClass::kLs, 5'000, 5'000), [](auto& p) { p.phase = PodPhase::kSucceeded; }), 0, 0},
        ChargeCase{"FailedNot", with(pod(QosClass::kLs, 5'000, 5'000), [](auto& p) { p.phase = PodPhase::kFailed; }), 0,
                   0},
        ChargeCase{"BatchNot", pod(QosClass::kBe, 40'000, 20'000), 0, 0},
        ChargeCase{"BatchByPriorityNot",
                   with(pod(QosClass::kLs, 5'000, 5'000), [](auto& p) { p.tier = model::tier_of(5500, p.qos); }), 0, 0},
        ChargeCase{"FreeNot", with(pod(QosClass::kLs, 5'000, 5'000), [](auto& p) { p.tier = Tier::kFree; }), 0, 0},
        ChargeCase{"MidIsHighForBatch", with(pod(QosClass::kLs, 5'000, 3'000), [](auto& p) { p.tier = Tier::kMid; }),
                   3'000, 3},
        ChargeCase{"DanglingMetricByUse",
                   with(pod(QosClass::kLs, 0, 3'000),
                        [](auto& p) {
                          p.listed = false;
                          p.phase = PodPhase::kSucceeded;
                        }),
                   3'000, 3},
        ChargeCase{"DanglingLseByUse", with(pod(QosClass::kLse, 9'000, 3'000), [](auto& p) { p.listed = false; }),
                   3'000, 3},
        ChargeCase{"DanglingBatchNot", with(pod(QosClass::kBe, 0, 3'000), [](auto& p) { p.listed = false; }), 0, 0}),
    [](const auto& made) { return std::string(made.param.name); });

TEST(Reclaim, SystemIsTheHigherOfUseAndReservation) {
  NodeInput input = node();
  input.cpu_allocatable = MilliCpu(90'000);  // the kubelet keeps 10
  EXPECT_EQ(run(input).cpu.system, MilliCpu(10'000));
  input.cpu_reserved = MilliCpu(12'000);
  EXPECT_EQ(run(input).cpu.system, MilliCpu(12'000));
  input.system_cpu = MilliCpu(13'000);
  EXPECT_EQ(run(input).cpu.system, MilliCpu(13'000));
  input.cpu_allocatable = MilliCpu(200'000);  // more than the capacity reserves nothing
  EXPECT_EQ(run(input).cpu.system, MilliCpu(13'000));
}

TEST(Reclaim, AThresholdAbove100GivesMoreThanTheCapacity) {
  auto generous = policy();
  generous.cpu_reclaim_threshold_percent = 120;
  const auto result = run(node(), generous);
  EXPECT_EQ(result.cpu.margin, MilliCpu(-20'000));
  EXPECT_EQ(result.cpu.offered, MilliCpu(113'000));
}

TEST(Reclaim, TheMarginIsTruncatedOnMilliValues) {
  NodeInput input = node();
  input.cpu_capacity = input.cpu_allocatable = MilliCpu(9'999);
  auto with_third = policy();
  with_third.cpu_reclaim_threshold_percent = 67;
  EXPECT_EQ(run(input, with_third).cpu.margin, MilliCpu(3'299));  // 3299.67
}

TEST(Reclaim, BatchThresholdsCapTheOffer) {
  auto capped = policy();
  capped.batch_cpu_threshold_percent = 30;
  capped.batch_memory_threshold_percent = 90;
  const auto result = run(node(), capped);
  EXPECT_EQ(result.cpu.offered, MilliCpu(30'000));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kThresholdCap);
  EXPECT_EQ(result.memory.offered, Bytes(57 * kGi));
  EXPECT_EQ(result.memory.rule, ReclaimRule::kUsage);
}

TEST(Reclaim, ADeficitIsNamedAndOffersNothing) {
  NodeInput input = node();
  input.pods = {pod(QosClass::kLs, 60'000, 60'000)};
  const auto result = run(input);
  EXPECT_EQ(result.cpu.offered, MilliCpu(0));
  EXPECT_EQ(result.cpu.deficit, MilliCpu(7'000));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kDeficit);
  EXPECT_EQ(result.memory.deficit, Bytes(3 * kGi));
}

TEST(Reclaim, ExactlyFullIsNoDeficit) {
  NodeInput input = node();
  input.pods = {pod(QosClass::kLs, 53'000, 53'000)};
  const auto result = run(input);
  EXPECT_EQ(result.cpu.offered, MilliCpu(0));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kUsage);
}

TEST(Reclaim, UnknownSystemUseIsNeverReadAsZero) {
  NodeInput input = node();
  input.system_cpu = std::nullopt;
  const auto result = run(input);
  EXPECT_EQ(result.cpu.offered, MilliCpu(0));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kUnknownUsage);
  EXPECT_EQ(result.memory.rule, ReclaimRule::kUsage) << "each resource is judged alone";
  EXPECT_GT(result.memory.offered, Bytes(0));
}

TEST(Reclaim, UnknownCapacityOffersNothing) {
  NodeInput input = node();
  input.memory_capacity = Bytes(0);
  EXPECT_EQ(run(input).memory.rule, ReclaimRule::kUnknownUsage);
  EXPECT_EQ(run(input).memory.offered, Bytes(0));
}

TEST(Reclaim, AnOfferIsWithdrawnOnceDataIsOlderThanTheDegradeTime) {
  NodeInput input = node();
  input.arrived = kNow + -std::chrono::minutes(15);
  EXPECT_EQ(run(input).cpu.rule, ReclaimRule::kUsage);
  input.arrived = *input.arrived + -std::chrono::nanoseconds(1);
  const auto stale = run(input);
  EXPECT_EQ(stale.cpu.rule, ReclaimRule::kStale);
  EXPECT_EQ(stale.memory.rule, ReclaimRule::kStale);
  EXPECT_EQ(stale.cpu.offered, MilliCpu(0));
  EXPECT_EQ(stale.cpu.capacity, MilliCpu(100'000)) << "known terms are still shown";
  EXPECT_EQ(stale.data_age, std::chrono::minutes(15) + std::chrono::nanoseconds(1));
}

TEST(Reclaim, ANodeThatNeverReportedIsStale) {
  NodeInput input;
  input.node = model::NodeName("n");
  const auto result = run(input);
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kStale);
  EXPECT_EQ(result.data_age, std::nullopt);
}

TEST(Reclaim, ADisabledPolicyOffersNothingAndClaimsNoDeficit) {
  NodeInput input = node();
  input.pods = {pod(QosClass::kLs, 90'000, 90'000)};
  auto off = policy();
  off.enable = false;
  const auto result = run(input, off);
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kDisabled);
  EXPECT_EQ(result.cpu.offered, MilliCpu(0));
  EXPECT_EQ(result.cpu.deficit, MilliCpu(0));
}

TEST(Reclaim, ALongDegradeTimeDoesNotOverflow) {
  auto patient = policy();
  patient.degrade_time_minutes = std::numeric_limits<int>::max();
  EXPECT_EQ(run(node(), patient).cpu.rule, ReclaimRule::kUsage);
}

TEST(ClusterSum, AddsTermsAndKeepsTheOldestAge) {
  NodeInput first = node();
  first.policy = model::PolicyVersion(3);
  NodeInput second = node();
  second.policy = model::PolicyVersion(4);
  second.arrived = kNow + -std::chrono::seconds(50);
  const std::vector nodes{run(first), run(second)};
  const auto sum = cluster_sum(nodes);
  EXPECT_EQ(sum.node, model::NodeName(""));
  EXPECT_EQ(sum.cpu.offered, MilliCpu(106'000));
  EXPECT_EQ(sum.cpu.capacity, MilliCpu(200'000));
  EXPECT_EQ(sum.memory.offered, Bytes(114 * kGi));
  EXPECT_EQ(sum.policy, model::PolicyVersion(4));
  EXPECT_EQ(sum.data_age, std::chrono::seconds(50));
}

TEST(ClusterSum, NamesADeficitAnywhereAndARuleOnlyIfAllShareIt) {
  NodeInput full = node();
  full.pods = {pod(QosClass::kLs, 60'000, 60'000)};
  NodeInput stale = node();
  stale.arrived = std::nullopt;
  EXPECT_EQ(cluster_sum(std::vector{run(stale), run(stale)}).cpu.rule, ReclaimRule::kStale);
  EXPECT_EQ(cluster_sum(std::vector{run(stale), run(node())}).cpu.rule, ReclaimRule::kUsage);
  EXPECT_EQ(cluster_sum(std::vector{run(stale), run(full), run(node())}).cpu.rule, ReclaimRule::kDeficit);
  EXPECT_EQ(cluster_sum({}), model::Reclaimed{});
}

TEST(ClusterSum, SaturatesInsteadOfWrapping) {
  NodeInput huge = node();
  huge.memory_capacity = huge.memory_allocatable = Bytes(std::int64_t{1} << 50);
  const std::vector nodes(10'000, run(huge));
  EXPECT_EQ(cluster_sum(nodes).memory.capacity, Bytes(std::numeric_limits<std::int64_t>::max()));
}

/// Invariant 1, over random nodes and policies.
TEST(Reclaim, NeverSellsMoreThanTheSafeCapacity) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto pick = [&](std::int64_t high) { return static_cast<std::int64_t>(random() % (high + 1)); };
  const auto maybe = [&](std::int64_t high) {
    return random() % 5 == 0 ? std::nullopt : std::optional<std::int64_t>(pick(high));
  };
  for (int round = 0; round < 20'000; ++round) {
    model::ColocationPolicy any;
    any.enable = random() % 8 != 0;
    any.cpu_reclaim_threshold_percent = static_cast<int>(pick(130));
    any.memory_reclaim_threshold_percent = static_cast<int>(pick(130));
    if (random() % 2) any.batch_cpu_threshold_percent = static_cast<int>(pick(100));
    NodeInput input;
    if (random() % 8) input.arrived = kNow + -model::Duration(std::chrono::seconds(pick(20 * 60)));
    input.cpu_capacity = MilliCpu(pick(256'000));
    input.cpu_allocatable = MilliCpu(pick(256'000));
    input.memory_capacity = Bytes(pick(2048 * kGi));
    input.memory_allocatable = Bytes(pick(2048 * kGi));
    if (const auto system = maybe(64'000)) input.system_cpu = MilliCpu(*system);
    if (const auto system = maybe(512 * kGi)) input.system_memory = Bytes(*system);
    for (auto i = random() % 20; i > 0; --i) {
      PodInput one;
      one.qos = static_cast<QosClass>(pick(4));
      one.tier = static_cast<Tier>(pick(3));
      one.phase = static_cast<PodPhase>(pick(3));
      one.listed = random() % 8 != 0;
      if (const auto value = maybe(16'000)) one.requests.cpu = MilliCpu(*value);
      if (const auto value = maybe(16'000)) one.cpu = MilliCpu(*value);
      if (const auto value = maybe(64 * kGi)) one.memory = Bytes(*value);
      input.pods.push_back(one);
    }
    const auto result = run(input, any);
    const auto check = [&](const auto& terms) {
      const auto safe = terms.capacity - terms.margin;
      const auto charged = terms.system + terms.high_priority;
      ASSERT_GE(terms.offered.value(), 0) << round;
      ASSERT_GE(terms.deficit.value(), 0) << round;
      if (terms.offered.value() > 0) {
        ASSERT_LE(charged + terms.offered, safe) << round;
      }
      if (terms.deficit.value() > 0) {
        ASSERT_EQ(terms.offered.value(), 0) << round;
        ASSERT_EQ(charged - safe, terms.deficit) << round;
      }
      const bool sells = terms.rule == ReclaimRule::kUsage || terms.rule == ReclaimRule::kThresholdCap;
      if (sells) {
        ASSERT_LE(charged, safe) << round << ": a deficit must be named";
      } else {
        ASSERT_EQ(terms.offered.value(), 0) << round;
      }
    };
    check(result.cpu);
    check(result.memory);

    // Taking knowledge away never raises the offer.
    NodeInput blind = input;
    blind.system_cpu = std::nullopt;
    ASSERT_LE(run(blind, any).cpu.offered, result.cpu.offered) << round;
    blind = input;
    blind.arrived = std::nullopt;
    ASSERT_LE(run(blind, any).memory.offered, result.memory.offered) << round;
  }
}

}  // namespace
}  // namespace tideline::reclaim
