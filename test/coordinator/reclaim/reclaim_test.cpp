#include "coordinator/reclaim/reclaim.h"

#include <functional>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "messages/model/report.h"
#include "test/coordinator/reclaim/random_node.h"

namespace tideline::reclaim::reclaim_test {
namespace {

using model::Bytes;
using model::CalculatePolicy;
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

model::ColocationPolicy charging(model::CalculatePolicy cpu, model::CalculatePolicy memory) {
  auto by = policy();
  by.cpu_calculate_policy = cpu;
  by.memory_calculate_policy = memory;
  return by;
}

TEST(Reclaim, MaxUsageRequestChargesTheLargerOfBoth) {
  const auto by = charging(CalculatePolicy::kMaxUsageRequest, CalculatePolicy::kMaxUsageRequest);
  NodeInput input = node();
  input.pods = {pod(QosClass::kLs, 20'000, 3'000), pod(QosClass::kLse, 2'000, 5'000)};
  const auto result = run(input, by);
  EXPECT_EQ(result.cpu.high_priority, MilliCpu(25'000));
  EXPECT_EQ(result.cpu.offered, MilliCpu(28'000));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kMaxUsageRequest);
  EXPECT_EQ(result.memory.high_priority, Bytes(25 * kGi));
  // Koordinator charges a pod without a metric nothing under this policy.
  input.pods = {pod(QosClass::kLs, 20'000, std::nullopt)};
  EXPECT_EQ(run(input, by).cpu.high_priority, MilliCpu(20'000));
}

TEST(Reclaim, RequestChargesRequestsAndTheReservationInsteadOfUse) {
  const auto by = charging(CalculatePolicy::kUsage, CalculatePolicy::kRequest);
  NodeInput input = node();
  input.memory_allocatable = Bytes(95 * kGi);
  input.pods = {pod(QosClass::kLs, 20'000, 3'000), pod(QosClass::kLs, 1'000, 9'000)};
  const auto result = run(input, by);
  EXPECT_EQ(result.memory.system, Bytes(5 * kGi)) << "8 GiB are used";
  EXPECT_EQ(result.memory.high_priority, Bytes(21 * kGi));
  EXPECT_EQ(result.memory.offered, Bytes(39 * kGi));
  EXPECT_EQ(result.memory.rule, ReclaimRule::kRequest);
  EXPECT_EQ(result.cpu.high_priority, MilliCpu(12'000));
  input.system_memory = std::nullopt;
  EXPECT_EQ(run(input, by).memory.rule, ReclaimRule::kUnknownUsage) << "who does not know its use sells nothing";
}

TEST(Reclaim, CpuTakesRequestAsUsage) {
  NodeInput input = node();
  input.pods = {pod(QosClass::kLs, 20'000, 3'000)};
  const auto result = run(input, charging(CalculatePolicy::kRequest, CalculatePolicy::kUsage));
  EXPECT_EQ(result.cpu.high_priority, MilliCpu(3'000));
  EXPECT_EQ(result.cpu.rule, ReclaimRule::kUsage);
}

TEST(Reclaim, APodThatIsGoneIsChargedItsUseUnderEachPolicy) {
  NodeInput input = node();
  input.pods = {with(pod(QosClass::kLs, 9'000, 3'000), [](auto& p) { p.listed = false; })};
  for (const auto each : {CalculatePolicy::kUsage, CalculatePolicy::kRequest, CalculatePolicy::kMaxUsageRequest}) {
    EXPECT_EQ(run(input, charging(each, each)).memory.high_priority, Bytes(3 * kGi)) << model::name_of(each);
  }
}

TEST(Reclaim, CountsWhatBatchWasPromised) {
  NodeInput input = node();
  PodInput batch = pod(QosClass::kBe, 0, 1'000);
  batch.requests = {};
  batch.requests.batch_cpu = MilliCpu(4'000);
  batch.requests.batch_memory = Bytes(6 * kGi);
  PodInput done = batch;
  done.phase = PodPhase::kSucceeded;
  input.pods = {batch, batch, done};
  const auto result = run(input);
  EXPECT_EQ(result.cpu.committed, MilliCpu(8'000));
  EXPECT_EQ(result.memory.committed, Bytes(12 * kGi));
  EXPECT_EQ(result.cpu.offered, MilliCpu(53'000)) << "the whole, as Koordinator publishes it";
}

PodInput mid_pod(std::int64_t promised_milli, std::int64_t used_milli) {
  PodInput one = pod(QosClass::kLs, 0, used_milli);
  one.tier = Tier::kMid;
  one.requests = {};
  one.mid_requests.cpu = MilliCpu(promised_milli);
  one.mid_requests.memory = Bytes(promised_milli / 1000 * kGi);
  return one;
}

/// 40 of 100 cores used, prod requests 50; of them 15 are predicted not to be needed.
NodeInput node_with_mid() {
  NodeInput input = node();
  input.used_cpu = MilliCpu(40'000);
  input.used_memory = Bytes(40 * kGi);
  input.prod_reclaimable_cpu = MilliCpu(15'000);
  input.prod_reclaimable_memory = Bytes(15 * kGi);
  input.pods = {pod(QosClass::kLs, 50'000, 33'000)};
  return input;
}

TEST(Mid, IsOfferedWhatProdIsPredictedNotToNeed) {
  const auto result = run(node_with_mid());
  EXPECT_EQ(result.cpu.mid, MilliCpu(15'000));
  EXPECT_EQ(result.cpu.mid_offered, MilliCpu(15'000));
  EXPECT_EQ(result.cpu.mid_rule, ReclaimRule::kPredicted);
  EXPECT_EQ(result.memory.mid, Bytes(15 * kGi));
}

TEST(Mid, IsNotSoldToBatchAgain) {
  NodeInput input = node_with_mid();
  const auto with_mid = run(input);
  input.prod_reclaimable_cpu = std::nullopt;
  const auto without = run(input);
  EXPECT_EQ(without.cpu.mid, MilliCpu(0));
  EXPECT_EQ(without.cpu.offered, MilliCpu(20'000));
  EXPECT_EQ(with_mid.cpu.offered, MilliCpu(5'000)) << "Koordinator offers 20 to batch and 15 of them to mid";
}

TEST(Mid, IsNotSoldWhatBatchPodsHold) {
  NodeInput input = node();
  input.used_cpu = MilliCpu(40'000);
  input.prod_reclaimable_cpu = MilliCpu(15'000);
  PodInput batch = pod(QosClass::kBe, 0, 0);
  batch.requests.batch_cpu = MilliCpu(12'000);
  input.pods = {pod(QosClass::kLs, 40'000, 33'000), batch};
  const auto result = run(input);  // room: 100 - 40 - 7 - 33 = 20
  EXPECT_EQ(result.cpu.mid_offered, MilliCpu(8'000));
  EXPECT_EQ(result.cpu.mid_rule, ReclaimRule::kSafeCapacity);
  EXPECT_EQ(result.cpu.offered, MilliCpu(12'000)) << "what they hold";
}

TEST(Mid, IsNoMoreThanWhatIsNotUsed) {
  NodeInput input = node_with_mid();
  input.used_cpu = MilliCpu(90'000);
  EXPECT_EQ(run(input).cpu.mid, MilliCpu(10'000));
  input.used_cpu = MilliCpu(103'000);
  EXPECT_EQ(run(input).cpu.mid, MilliCpu(0));
  input.used_cpu = std::nullopt;
  EXPECT_EQ(run(input).cpu.mid, MilliCpu(0)) << "use that is not known is never read as 0";
  EXPECT_EQ(run(input).cpu.offered, MilliCpu(0)) << "nor does it go to batch";
}

TEST(Mid, GetsItsShareOfWhatIsNotAllocated) {
  auto sharing = policy();
  sharing.mid_unallocated_percent = 10;
  NodeInput input = node_with_mid();
  input.prod_reclaimable_cpu = MilliCpu(0);
  EXPECT_EQ(run(input, sharing).cpu.mid, MilliCpu(4'300)) << "of 100 - 7 - 50";
  input.pods = {pod(QosClass::kLs, 96'000, 33'000)};
  EXPECT_EQ(run(input, sharing).cpu.mid, MilliCpu(0));
}

TEST(Mid, StaticIsAShareOfTheCapacity) {
  auto fixed = policy();
  fixed.mid_reclaim_mode = model::MidReclaimMode::kStatic;
  fixed.mid_static_cpu_reserved_percent = 12;
  fixed.mid_static_memory_reserved_percent = 5;
  const auto result = run(node_with_mid(), fixed);
  EXPECT_EQ(result.cpu.mid, MilliCpu(12'000));
  EXPECT_EQ(result.cpu.mid_rule, ReclaimRule::kStatic);
  EXPECT_EQ(result.memory.mid, Bytes(5 * kGi));
}

TEST(Mid, IsCutToItsThreshold) {
  auto capped = policy();
  capped.mid_cpu_threshold_percent = 8;
  EXPECT_EQ(run(node_with_mid(), capped).cpu.mid, MilliCpu(8'000));
  EXPECT_EQ(run(node_with_mid(), capped).cpu.mid_rule, ReclaimRule::kThresholdCap);
  EXPECT_EQ(run(node_with_mid(), capped).cpu.offered, MilliCpu(12'000));
}

TEST(Mid, IsCutToWhatTheChargesLeave) {
  NodeInput input = node_with_mid();
  input.prod_reclaimable_cpu = MilliCpu(60'000);
  const auto result = run(input);
  EXPECT_EQ(result.cpu.mid, MilliCpu(20'000));
  EXPECT_EQ(result.cpu.mid_rule, ReclaimRule::kSafeCapacity);
  EXPECT_EQ(result.cpu.offered, MilliCpu(0));
}

TEST(Mid, WhatItsPodsWerePromisedIsChargedAndStaysInTheWhole) {
  NodeInput input = node_with_mid();
  input.pods.push_back(mid_pod(4'000, 1'000));
  const auto result = run(input);
  EXPECT_EQ(result.cpu.mid_charged, MilliCpu(4'000));
  EXPECT_EQ(result.cpu.mid_committed, MilliCpu(4'000));
  EXPECT_EQ(result.cpu.high_priority, MilliCpu(37'000));
  EXPECT_EQ(result.cpu.mid, MilliCpu(15'000));
  EXPECT_EQ(result.cpu.mid_offered, MilliCpu(11'000));
  EXPECT_EQ(result.cpu.offered, MilliCpu(5'000));
  input.pods.back() = mid_pod(4'000, 6'000);
  EXPECT_EQ(run(input).cpu.mid_charged, MilliCpu(6'000)) << "it uses more than it was promised";
}

TEST(Mid, ADeficitOffersNothingToEitherTier) {
  NodeInput input = node_with_mid();
  input.pods = {pod(QosClass::kLs, 50'000, 52'000), mid_pod(4'000, 1'000)};
  const auto result = run(input);
  EXPECT_EQ(result.cpu.deficit, MilliCpu(3'000));
  EXPECT_EQ(result.cpu.mid, MilliCpu(4'000)) << "what was promised";
  EXPECT_EQ(result.cpu.mid_offered, MilliCpu(0));
  EXPECT_EQ(result.cpu.offered, MilliCpu(0));
}

TEST(Mid, IsWithdrawnWithTheRest) {
  NodeInput input = node_with_mid();
  input.arrived = std::nullopt;
  EXPECT_EQ(run(input).cpu.mid_rule, ReclaimRule::kStale);
  EXPECT_EQ(run(input).cpu.mid, MilliCpu(0));
}

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

ApplicationInput application(Tier tier, std::int64_t cpu_milli) {
  return {.name = "app",
          .tier = tier,
          .state = model::ApplicationState::kMeasured,
          .listed = true,
          .cpu = MilliCpu(cpu_milli),
          .memory = Bytes(cpu_milli / 1000 * kGi)};
}

struct ApplicationCase {
  Tier tier;
  std::int64_t charged;
  std::int64_t mid_charged;
  std::int64_t offered;
};

TEST(HostApplications, AboveBatchAreChargedWhatTheyUse) {
  for (const auto& [tier, charged, mid_charged, offered] :
       {ApplicationCase{Tier::kProd, 5'000, 0, 48'000}, ApplicationCase{Tier::kMid, 5'000, 5'000, 48'000},
        ApplicationCase{Tier::kBatch, 0, 0, 53'000}, ApplicationCase{Tier::kFree, 0, 0, 53'000}}) {
    SCOPED_TRACE(name_of(tier));
    NodeInput input = node();
    input.applications = {application(tier, 5'000)};
    const auto result = run(input);
    EXPECT_EQ(result.cpu.high_priority, MilliCpu(charged));
    EXPECT_EQ(result.cpu.host_charged, MilliCpu(charged));
    EXPECT_EQ(result.cpu.mid_charged, MilliCpu(mid_charged));
    EXPECT_EQ(result.cpu.mid_committed, MilliCpu(0)) << "nothing was promised to it";
    EXPECT_EQ(result.cpu.host_used, MilliCpu(5'000));
    EXPECT_EQ(result.cpu.prod_used, MilliCpu(tier == Tier::kProd ? 5'000 : 0));
    EXPECT_EQ(result.cpu.mid_used, MilliCpu(tier == Tier::kMid ? 5'000 : 0));
    EXPECT_EQ(result.cpu.batch_used, MilliCpu(tier == Tier::kBatch || tier == Tier::kFree ? 5'000 : 0));
    EXPECT_EQ(result.cpu.offered, MilliCpu(offered));
    EXPECT_EQ(result.memory.high_priority, Bytes(charged / 1000 * kGi));
  }
}

TEST(HostApplications, ShareTheSystemsReservationAsKoordinatorHasIt) {
  NodeInput input = node();  // the system uses 7
  input.applications = {application(Tier::kProd, 5'000)};
  input.cpu_reserved = MilliCpu(10'000);
  auto result = run(input);
  EXPECT_EQ(result.cpu.system, MilliCpu(7'000)) << "5 and 7 fill the reservation";
  EXPECT_EQ(result.cpu.system + result.cpu.high_priority, MilliCpu(12'000)) << "max(7 + 5, 10)";
  input.cpu_reserved = MilliCpu(20'000);
  result = run(input);
  EXPECT_EQ(result.cpu.system, MilliCpu(15'000));
  EXPECT_EQ(result.cpu.system + result.cpu.high_priority, MilliCpu(20'000)) << "max(7 + 5, 20)";
  input.applications.front().cpu = MilliCpu(30'000);
  EXPECT_EQ(run(input).cpu.system, MilliCpu(7'000)) << "never less than the system uses";
}

TEST(HostApplications, AreChargedNothingUnderRequestAndTheirUseUnderMaxUsageRequest) {
  NodeInput input = node();
  input.memory_reserved = Bytes(6 * kGi);
  input.applications = {application(Tier::kProd, 5'000)};
  auto by = policy();
  by.memory_calculate_policy = CalculatePolicy::kRequest;
  EXPECT_EQ(run(input, by).memory.host_charged, Bytes(0));
  EXPECT_EQ(run(input, by).memory.system, Bytes(6 * kGi));
  EXPECT_EQ(run(input, by).memory.offered, Bytes(59 * kGi)) << "65 - 6";
  EXPECT_EQ(run(input, by).memory.host_used, Bytes(5 * kGi));
  by.memory_calculate_policy = CalculatePolicy::kMaxUsageRequest;
  EXPECT_EQ(run(input, by).memory.host_charged, Bytes(5 * kGi));
}

TEST(HostApplications, OneThatIsNotKnownRaisesNoOffer) {
  NodeInput known = node();
  known.cpu_reserved = MilliCpu(10'000);
  known.applications = {application(Tier::kProd, 5'000)};
  NodeInput unknown = known;
  unknown.applications.front().cpu.reset();
  unknown.applications.front().state = model::ApplicationState::kUnreadable;
  unknown.system_cpu = MilliCpu(12'000);  // what is not told apart is the system's
  EXPECT_EQ(run(unknown).cpu.offered, run(known).cpu.offered);
  EXPECT_EQ(run(unknown).cpu.host_charged, MilliCpu(0));
}

TEST(HostApplications, OneThatIsGoneIsChargedForAsLongAsItsAverageLasts) {
  NodeInput input = node();
  input.applications = {application(Tier::kProd, 5'000)};
  input.applications.front().listed = false;
  EXPECT_EQ(run(input).cpu.host_charged, MilliCpu(5'000));
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

TEST(Reclaim, TheMostThatAReportMayTellIsADeficitAndNothingWraps) {
  constexpr std::int64_t kMostCpu = model::ReportLimits::kMaxMilliCpu;
  constexpr std::int64_t kMostMemory = model::ReportLimits::kMaxMemoryBytes;
  NodeInput input = node();
  input.system_cpu = MilliCpu(kMostCpu);
  input.system_memory = Bytes(kMostMemory);
  PodInput huge = pod(QosClass::kLs, 0, 0);
  huge.requests.cpu = huge.cpu = MilliCpu(kMostCpu);
  huge.requests.memory = huge.memory = Bytes(kMostMemory);
  input.pods.assign(model::ReportLimits::kMaxPods, huge);
  ApplicationInput beside;
  beside.name = "a";
  beside.cpu = MilliCpu(kMostCpu);
  beside.memory = Bytes(kMostMemory);
  input.applications.assign(2 * model::HostApplicationLimits::kMaxApplications, beside);
  const auto charged = static_cast<std::int64_t>(input.pods.size() + input.applications.size() + 1);
  for (const auto calculate : {CalculatePolicy::kUsage, CalculatePolicy::kMaxUsageRequest}) {
    auto calculated = policy();
    calculated.cpu_calculate_policy = calculated.memory_calculate_policy = calculate;
    const auto result = run(input, calculated);
    EXPECT_EQ(result.cpu.deficit, MilliCpu(charged * kMostCpu - 60'000));
    EXPECT_EQ(result.memory.deficit, Bytes(charged * kMostMemory - 65 * kGi));
    EXPECT_EQ(result.cpu.offered, MilliCpu(0));
    EXPECT_EQ(result.memory.published, Bytes(0));
    EXPECT_EQ(result.cpu.mid_offered, MilliCpu(0));
  }
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

TEST(Reclaim, AsStaleIsWhatTheSameInputGivesOnceItIsTooOld) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RandomNodes random(seed);
  int offers = 0;
  for (int round = 0; round < 1'000; ++round) {
    const auto any = random.policy();
    NodeInput input = random.node(kNow);
    input.arrived = kNow;
    const auto fresh = reclaim(input, any, kNow);
    const auto age = std::chrono::minutes(any.degrade_time_minutes + 1);
    ASSERT_EQ(as_stale(model::aged(fresh, age)), reclaim(input, any, kNow + age)) << round;
    offers += fresh.cpu.offered > MilliCpu(0) ? 1 : 0;
  }
  EXPECT_GT(offers, 10);
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

TEST(Reclaim, ANormalizedNodePublishesItsCpusTimesTheRatio) {
  NodeInput input = node();
  input.pods = {pod(QosClass::kLs, 40'000, 20'000)};
  input.cpu_normalization = model::Ratio(120);
  const auto result = run(input);
  EXPECT_EQ(result.cpu.offered, MilliCpu(33'000)) << "CPUs of this host";
  EXPECT_EQ(result.cpu.published, MilliCpu(39'600));
  EXPECT_EQ(result.cpu.origin, MilliCpu(39'600));
  EXPECT_EQ(result.memory.published, result.memory.offered) << "memory is what it is";
}

TEST(Reclaim, WhatBatchRequestsOfNormalizedCpusIsLessOfTheHosts) {
  NodeInput input = node();
  PodInput be = pod(QosClass::kBe, 0, 10'000);
  be.requests.batch_cpu = MilliCpu(24'000);
  input.pods = {be};
  input.cpu_normalization = model::Ratio(120);
  auto with_mid = policy();
  with_mid.mid_reclaim_mode = model::MidReclaimMode::kStatic;
  with_mid.mid_static_cpu_reserved_percent = 100;
  const auto result = run(input, with_mid);
  EXPECT_EQ(result.cpu.committed, MilliCpu(24'000));
  EXPECT_EQ(result.cpu.mid, MilliCpu(53'000 - 20'000)) << "batch holds 24 / 1.2";
}

/// Invariant 1, over random nodes and policies.
TEST(Reclaim, NeverSellsMoreThanTheSafeCapacity) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomNodes random(seed);
  for (int round = 0; round < 20'000; ++round) {
    const model::ColocationPolicy any = random.policy();
    const NodeInput input = random.node(kNow);
    const auto result = run(input, any);
    const auto check = [&](const auto& terms, model::Ratio ratio) {
      const auto safe = terms.capacity - terms.margin;
      const auto third_party = ratio.into(terms.third_party);
      const auto charged = terms.system + terms.high_priority;
      ASSERT_GE(terms.offered.value(), 0) << round;
      ASSERT_GE(terms.deficit.value(), 0) << round;
      ASSERT_GE(terms.mid_offered.value(), 0) << round;
      ASSERT_LE(terms.mid_committed, terms.mid_charged) << round;
      ASSERT_LE(terms.host_charged, terms.high_priority) << round;
      ASSERT_LE(terms.mid, terms.mid_committed + terms.mid_offered) << round;
      if (terms.offered.value() > 0 || terms.mid_offered.value() > 0) {
        ASSERT_LE(charged + terms.mid_offered + terms.offered, safe) << round << ": sold twice";
      }
      if (terms.offered.value() > 0) {
        ASSERT_LE(charged + terms.mid_offered + third_party + terms.offered, safe)
            << round << ": a third party holds it";
      }
      if (terms.mid_offered.value() > 0) {
        ASSERT_LE(charged + terms.mid_offered + ratio.into(terms.committed) + third_party, safe)
            << round << ": batch or a third party holds it";
      }
      ASSERT_GE(terms.system + terms.host_charged, terms.reservation) << round;
      ASSERT_EQ(terms.published, std::max(terms.origin - terms.third_party, decltype(terms.origin)(0))) << round;
      // In whole: what is published and what third parties have are no more CPUs than there is room for.
      if (terms.published.value() > 0) {
        ASSERT_LE((terms.published + terms.third_party).value() * 100,
                  (safe - charged - terms.mid_offered).value() * ratio.hundredths())
            << round << ": more is published than there is";
      }
      ASSERT_LE(ratio.into(terms.published).value(), terms.offered.value() + 1) << round << ": told and offered differ";
      if (terms.deficit.value() > 0) {
        ASSERT_EQ(terms.offered.value(), 0) << round;
        ASSERT_EQ(terms.mid_offered.value(), 0) << round;
        ASSERT_EQ(charged - safe, terms.deficit) << round;
      }
      const bool sells = terms.rule == ReclaimRule::kUsage || terms.rule == ReclaimRule::kThresholdCap ||
                         terms.rule == ReclaimRule::kRequest || terms.rule == ReclaimRule::kMaxUsageRequest;
      if (sells) {
        ASSERT_LE(charged, safe) << round << ": a deficit must be named";
      } else {
        ASSERT_EQ(terms.offered.value(), 0) << round;
        ASSERT_EQ(terms.mid_offered.value(), 0) << round;
      }
    };
    check(result.cpu, input.cpu_normalization);
    check(result.memory, model::Ratio());
    const auto check_zones = [&](auto offered, auto terms_of) {
      decltype(offered) sum{0};
      for (const auto& zone : result.zones) {
        const auto& terms = terms_of(zone);
        ASSERT_GE(terms.offered.value(), 0) << round;
        if (terms.offered.value() > 0) {
          ASSERT_TRUE(terms.charged) << round << ": offered where use is not known";
          ASSERT_LE(*terms.charged + terms.margin + terms.offered, terms.capacity) << round << ": sold twice in a zone";
        }
        sum += terms.offered;
      }
      ASSERT_LE(sum, offered) << round << ": zones are offered more than their node";
    };
    check_zones(
        result.cpu.offered, [](const model::ZoneAccount& zone) -> const auto& { return zone.cpu; });
    check_zones(
        result.memory.offered, [](const model::ZoneAccount& zone) -> const auto& { return zone.memory; });
    for (std::size_t i = 0; i < result.zones.size(); ++i) {
      NodeInput dark = input;
      dark.zones[i].cpu_others.reset();
      ASSERT_EQ(run(dark, any).zones[i].cpu.offered, MilliCpu(0)) << round;
      ASSERT_EQ(run(dark, any).cpu, result.cpu) << round << ": zones say nothing to their node";
    }

    // Taking knowledge away never raises the offer.
    NodeInput blind = input;
    blind.system_cpu = std::nullopt;
    ASSERT_LE(run(blind, any).cpu.offered, result.cpu.offered) << round;
    ASSERT_LE(run(blind, any).cpu.mid_offered, result.cpu.mid_offered) << round;
    blind = input;
    blind.used_cpu = std::nullopt;
    ASSERT_LE(run(blind, any).cpu.mid_offered, result.cpu.mid_offered) << round;
    ASSERT_LE(run(blind, any).cpu.offered, result.cpu.offered) << round;
    // Nor does an application's use that is not told apart from the system's.
    for (std::size_t i = 0; i < input.applications.size(); ++i) {
      blind = input;
      auto& application = blind.applications[i];
      if (blind.system_cpu) *blind.system_cpu += application.cpu.value_or(MilliCpu(0));
      if (blind.system_memory) *blind.system_memory += application.memory.value_or(Bytes(0));
      application.cpu.reset();
      application.memory.reset();
      const auto less = run(blind, any);
      ASSERT_LE(less.cpu.offered, result.cpu.offered) << round;
      ASSERT_LE(less.cpu.mid_offered, result.cpu.mid_offered) << round;
      ASSERT_LE(less.memory.offered, result.memory.offered) << round;
      ASSERT_LE(less.memory.mid_offered, result.memory.mid_offered) << round;
    }
    blind = input;
    blind.arrived = std::nullopt;
    ASSERT_LE(run(blind, any).memory.offered, result.memory.offered) << round;
    blind = input;
    blind.unreadable = {model::metadata_problem("node.koordinator.sh/thirdPartyAllocations", "?", "not JSON")};
    ASSERT_EQ(run(blind, any).cpu.offered, MilliCpu(0)) << round;
    ASSERT_EQ(run(blind, any).memory.mid_offered, Bytes(0)) << round;
    // More that is taken never raises it, of either tier.
    NodeInput taken = input;
    taken.third_party_cpu += MilliCpu(1'000);
    taken.memory_reserved += Bytes(kGi);
    const auto less = run(taken, any);
    ASSERT_LE(less.cpu.offered + less.cpu.mid_offered, result.cpu.offered + result.cpu.mid_offered) << round;
    ASSERT_LE(less.memory.offered + less.memory.mid_offered, result.memory.offered + result.memory.mid_offered)
        << round;
  }
}

}  // namespace
}  // namespace tideline::reclaim::reclaim_test
