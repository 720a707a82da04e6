// The worked cases of Koordinator's own batchresource and midresource tests (numbers only), in cores and 10^9 bytes.

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/reclaim/reclaim.h"

namespace tideline::reclaim::koordinator_cases_test {
namespace {

using model::Bytes;
using model::CalculatePolicy;
using model::MilliCpu;
using model::QosClass;
using model::Tier;

constexpr model::MonoTime kNow{3'600'000'000'000};

MilliCpu cores(int count) {
  return MilliCpu(std::int64_t{1000} * count);
}
Bytes giga(int count) {
  return Bytes(std::int64_t{1'000'000'000} * count);
}

struct Amount {
  int cpu = 0;
  int memory = 0;
};

PodInput pod(Tier tier, QosClass qos, Amount request, std::optional<Amount> used) {
  PodInput one;
  one.tier = tier;
  one.qos = qos;
  one.requests.cpu = cores(request.cpu);
  one.requests.memory = giga(request.memory);
  if (used) {
    one.cpu = cores(used->cpu);
    one.memory = giga(used->memory);
  }
  return one;
}

PodInput gone(Tier tier, Amount used) {
  PodInput one = pod(tier, QosClass::kLs, {}, used);
  one.requests = {};
  one.listed = false;
  return one;
}

/// Two services that use 33 of the 40 cores they request, a batch pod, and a pod that has ended.
std::vector<PodInput> two_services() {
  PodInput pending = pod(Tier::kProd, QosClass::kLs, {20, 40}, Amount{22, 22});
  pending.phase = model::PodPhase::kPending;
  PodInput ended = pod(Tier::kBatch, QosClass::kBe, {10, 10}, std::nullopt);
  ended.phase = model::PodPhase::kSucceeded;
  return {pod(Tier::kProd, QosClass::kLs, {20, 20}, Amount{11, 11}),
          pod(Tier::kBatch, QosClass::kBe, {}, Amount{10, 10}), pending, ended};
}

/// A pod of each priority class; that of mid asks in native resources.
std::vector<PodInput> each_class(QosClass first, std::optional<Amount> first_used = Amount{5, 5}) {
  PodInput mid = pod(Tier::kMid, QosClass::kBe, {20, 40}, Amount{22, 22});
  mid.phase = model::PodPhase::kPending;
  PodInput ended = pod(Tier::kProd, QosClass::kLs, {10, 10}, std::nullopt);
  ended.phase = model::PodPhase::kSucceeded;
  return {pod(Tier::kProd, first, {10, 10}, first_used), pod(Tier::kProd, QosClass::kLs, {10, 10}, Amount{6, 6}),
          pod(Tier::kBatch, QosClass::kBe, {10, 10}, Amount{10, 10}), mid, ended};
}

std::vector<PodInput> with(std::vector<PodInput> pods, const std::vector<PodInput>& more) {
  pods.insert(pods.end(), more.begin(), more.end());
  return pods;
}

struct Case {
  std::string name;
  Amount thresholds{65, 65};
  CalculatePolicy cpu_policy = CalculatePolicy::kUsage;
  CalculatePolicy memory_policy = CalculatePolicy::kUsage;
  std::optional<int> cpu_cap;
  std::optional<int> memory_cap;
  Amount allocatable{100, 120};
  Amount annotated;  // node.koordinator.sh/reservation, CPU lists counted
  Amount system{7, 12};
  std::vector<PodInput> pods = two_services();
  Amount offered;
};

std::vector<Case> cases() {
  const auto reserving = [](std::string name, Amount annotated, Amount offered) {
    Case one;
    one.name = std::move(name);
    one.annotated = annotated;
    one.offered = offered;
    return one;
  };
  const auto of = [](std::string name, std::vector<PodInput> pods, Amount offered) {
    Case one;
    one.name = std::move(name);
    one.pods = std::move(pods);
    one.offered = offered;
    return one;
  };
  const auto by = [](Case one, CalculatePolicy cpu, CalculatePolicy memory, Amount thresholds) {
    one.cpu_policy = cpu;
    one.memory_policy = memory;
    one.thresholds = thresholds;
    return one;
  };
  const auto capped = [](Case one, std::optional<int> cpu, std::optional<int> memory) {
    one.cpu_cap = cpu;
    one.memory_cap = memory;
    return one;
  };
  constexpr auto kUsage = CalculatePolicy::kUsage;
  constexpr auto kRequest = CalculatePolicy::kRequest;
  constexpr auto kMax = CalculatePolicy::kMaxUsageRequest;
  std::vector<Case> all{reserving("Plain", {}, {25, 33}),
                        reserving("ReservedCpusBelowSystemUse", {2, 0}, {25, 33}),
                        reserving("ReservedCpus", {20, 0}, {12, 33}),
                        reserving("ReservedTenCpus", {10, 0}, {22, 33}),
                        reserving("ReservedMemory", {0, 20}, {25, 25}),
                        reserving("ReservedMemoryBelowSystemUse", {0, 5}, {25, 33}),
                        reserving("ReservedBoth", {10, 20}, {22, 25})};
  Case kubelet = reserving("KubeletReservesMore", {2, 5}, {22, 25});
  kubelet.allocatable = {90, 100};
  all.push_back(kubelet);

  const auto by_request = [&](std::string name, Amount annotated, Amount offered) {
    return by(reserving(std::move(name), annotated, offered), kUsage, kRequest, {70, 80});
  };
  all.push_back(by_request("MemoryByRequest", {}, {30, 36}));
  all.push_back(by_request("MemoryByRequestReserved5", {0, 5}, {30, 31}));
  all.push_back(by_request("MemoryByRequestReserved10", {0, 10}, {30, 26}));
  Case kubelet_by_request = by_request("MemoryByRequestKubeletReservesMore", {0, 5}, {27, 16});
  kubelet_by_request.allocatable = {90, 100};
  all.push_back(kubelet_by_request);

  all.push_back(of("PriorityClasses", each_class(QosClass::kLs), {25, 33}));
  Case without_metric = of("NoMetricAndAPodThatIsGone",
                           {pod(Tier::kProd, QosClass::kLs, {10, 10}, Amount{5, 5}),
                            pod(Tier::kProd, QosClass::kLs, {10, 10}, std::nullopt), gone(Tier::kProd, {10, 10})},
                           {35, 43});
  without_metric.system = {5, 10};
  all.push_back(without_metric);
  all.push_back(of("Lse", each_class(QosClass::kLse), {20, 33}));
  all.push_back(by(of("LseMemoryByRequest", each_class(QosClass::kLse), {20, 18}), kUsage, kRequest, {65, 65}));

  const auto tiny = [&](std::string name, Amount offered) { return reserving(std::move(name), {}, offered); };
  all.push_back(by(tiny("MaxCpuRequestMemory", {21, 36}), kMax, kRequest, {70, 80}));
  all.push_back(by(tiny("ThresholdsAbove100", {101, 84}), kMax, kRequest, {150, 120}));
  all.push_back(capped(by(tiny("ThresholdsAbove100CpuCapped", {100, 84}), kMax, kRequest, {150, 120}), 100, {}));
  all.push_back(capped(by(tiny("ThresholdsAbove100MemoryCapped", {101, 84}), kMax, kRequest, {150, 120}), {}, 100));
  all.push_back(capped(by(tiny("ThresholdsAbove100BothCapped", {100, 84}), kMax, kRequest, {150, 120}), 100, 100));
  all.push_back(by(tiny("UsageCpuMaxMemory", {110, 72}), kUsage, kMax, {150, 120}));
  all.push_back(capped(by(tiny("UsageCpuMaxMemoryCapped", {100, 72}), kUsage, kMax, {150, 120}), 100, 100));
  return all;
}

model::Reclaimed run(const Case& one) {
  model::ColocationPolicy policy;
  policy.enable = true;
  policy.cpu_reclaim_threshold_percent = one.thresholds.cpu;
  policy.memory_reclaim_threshold_percent = one.thresholds.memory;
  policy.cpu_calculate_policy = one.cpu_policy;
  policy.memory_calculate_policy = one.memory_policy;
  policy.batch_cpu_threshold_percent = one.cpu_cap;
  policy.batch_memory_threshold_percent = one.memory_cap;
  NodeInput input;
  input.arrived = kNow;
  input.cpu_capacity = cores(100);
  input.memory_capacity = giga(120);
  input.cpu_allocatable = cores(one.allocatable.cpu);
  input.memory_allocatable = giga(one.allocatable.memory);
  input.cpu_reserved = cores(one.annotated.cpu);
  input.memory_reserved = giga(one.annotated.memory);
  input.system_cpu = cores(one.system.cpu);
  input.system_memory = giga(one.system.memory);
  input.pods = one.pods;
  return reclaim(input, policy, kNow);
}

class KoordinatorCase : public testing::TestWithParam<Case> {};

TEST_P(KoordinatorCase, GetsKoordinatorsAnswer) {
  const auto result = run(GetParam());
  EXPECT_EQ(result.cpu.offered, cores(GetParam().offered.cpu));
  EXPECT_EQ(result.memory.offered, giga(GetParam().offered.memory));
}

INSTANTIATE_TEST_SUITE_P(Batch, KoordinatorCase, testing::ValuesIn(cases()),
                         [](const auto& made) { return made.param.name; });

// Koordinator charges pods that are gone nothing in memory under `request`; what they use is there all the same.
TEST(KoordinatorCase, PodsThatAreGoneAreChargedUnderRequestToo) {
  Case one;
  one.memory_policy = CalculatePolicy::kRequest;
  one.pods = with(each_class(QosClass::kLse, std::nullopt),
                  {gone(Tier::kProd, {2, 4}), gone(Tier::kProd, {4, 8}), gone(Tier::kBatch, {8, 8})});
  EXPECT_EQ(run(one).cpu.offered, cores(14));
  EXPECT_EQ(run(one).memory.offered, giga(18 - 12));
}

/// 100 cores and 210 GB, a service that requests 20 and 40 and a batch pod.
NodeInput node_with_mid(Amount used, Amount service, std::optional<Amount> reclaimable) {
  NodeInput input;
  input.arrived = kNow;
  input.cpu_capacity = input.cpu_allocatable = cores(100);
  input.memory_capacity = giga(210);
  input.memory_allocatable = giga(200);
  input.system_cpu = cores(0);
  input.system_memory = giga(0);
  input.used_cpu = cores(used.cpu);
  input.used_memory = giga(used.memory);
  if (reclaimable) {
    input.prod_reclaimable_cpu = cores(reclaimable->cpu);
    input.prod_reclaimable_memory = giga(reclaimable->memory);
  }
  input.pods = {pod(Tier::kProd, QosClass::kLs, {20, 40}, service),
                pod(Tier::kBatch, QosClass::kBe, {15, 30}, Amount{15, 20})};
  return input;
}

model::Reclaimed mid_of(const NodeInput& input, model::ColocationPolicy policy = {}) {
  policy.enable = true;
  return reclaim(input, policy, kNow);
}

TEST(KoordinatorMid, IsWhatProdIsPredictedNotToNeed) {
  const auto result = mid_of(node_with_mid({20, 45}, {10, 20}, Amount{10, 15}));
  EXPECT_EQ(result.cpu.mid, cores(10));
  EXPECT_EQ(result.memory.mid, giga(15));
}

TEST(KoordinatorMid, IsAtMostWhatIsNotUsed) {
  model::ColocationPolicy all;
  all.cpu_reclaim_threshold_percent = all.memory_reclaim_threshold_percent = 100;
  const auto result = mid_of(node_with_mid({90, 200}, {10, 20}, Amount{20, 20}), all);
  EXPECT_EQ(result.cpu.mid, cores(10));
  EXPECT_EQ(result.memory.mid, giga(10));
}

TEST(KoordinatorMid, IsNothingWithoutAPredictionOrWithoutUsage) {
  EXPECT_EQ(mid_of(node_with_mid({30, 50}, {5, 10}, std::nullopt)).cpu.mid, cores(0));
  auto unknown = node_with_mid({}, {5, 10}, Amount{20, 20});
  unknown.used_cpu = std::nullopt;
  unknown.used_memory = std::nullopt;
  EXPECT_EQ(mid_of(unknown).cpu.mid, cores(0));
  EXPECT_EQ(mid_of(unknown).memory.mid, giga(0));
}

// Releases of before capped the predicted part only and answered 18 and 46; since then the sum is capped.
TEST(KoordinatorMid, ThresholdsCapTheSum) {
  model::ColocationPolicy policy;
  policy.mid_cpu_threshold_percent = 10;
  policy.mid_memory_threshold_percent = 20;
  policy.mid_unallocated_percent = 10;
  const auto result = mid_of(node_with_mid({30, 50}, {5, 10}, Amount{15, 30}), policy);
  EXPECT_EQ(result.cpu.mid, cores(10));
  EXPECT_EQ(result.memory.mid, giga(42));
  policy.mid_cpu_threshold_percent = policy.mid_memory_threshold_percent = 100;
  EXPECT_EQ(mid_of(node_with_mid({30, 50}, {5, 10}, Amount{15, 30}), policy).cpu.mid, cores(15 + 8));
  EXPECT_EQ(mid_of(node_with_mid({30, 50}, {5, 10}, Amount{15, 30}), policy).memory.mid, giga(30 + 16));
}

}  // namespace
}  // namespace tideline::reclaim::koordinator_cases_test
