#include "node-actor/decide/cpu_pools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/asymmetric_host.h"
#include "test/node-actor/decide/cpu_hosts.h"

namespace tideline::decide::test::cpu_pools_test {
namespace {

using model::MilliCpu;
using model::QosClass;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CpuPools, LsKeepsOffAllBoundCpusAndBeOffThoseOfLse) {
  const auto host = host_of(kWorkedTopology);
  const auto pools = cpu_pools(host,
                               {pod_of("e", QosClass::kLse, cpus("2-3")), pod_of("r", QosClass::kLsr, cpus("4-7")),
                                pod_of("s", QosClass::kLs), pod_of("b", QosClass::kBe)},
                               {.reserved = {0, 1}});
  EXPECT_EQ(pools.lse.text(), "2-3");
  EXPECT_EQ(pools.lsr.text(), "4-7");
  EXPECT_EQ(pools.ls.text(), "8-31");
  EXPECT_EQ(pools.be.text(), "4-31");
  EXPECT_EQ(pools.lent().text(), "4-7");
  EXPECT_EQ(pools.bound_pods, 2);
  EXPECT_THAT(pools.remarks, IsEmpty());
}

TEST(CpuPools, WithoutBoundPodsBothPoolsAreTheHost) {
  const auto host = host_of(kTinyHost);
  const auto pools = cpu_pools(host, {pod_of("s", QosClass::kLs)}, {});
  EXPECT_EQ(pools.ls, all_of(host));
  EXPECT_EQ(pools.be, all_of(host));
}

TEST(CpuPools, APodWithBoundCpusCountsAsLsrUnlessItIsLse) {
  EXPECT_EQ(binding_of(pod_of("a", QosClass::kLse, {1})), Binding::kLse);
  EXPECT_EQ(binding_of(pod_of("a", QosClass::kLsr, {1})), Binding::kLsr);
  EXPECT_EQ(binding_of(pod_of("a", QosClass::kLs, {1})), Binding::kLsr);
  EXPECT_EQ(binding_of(pod_of("a", QosClass::kLse)), Binding::kNone);
}

TEST(CpuPools, AnAnnotationOnABeOrSystemPodTakesNothingFromLs) {
  const auto pools =
      cpu_pools(host_of(kWorkedTopology), {pod_of("b", QosClass::kBe, {2}), pod_of("y", QosClass::kSystem, {3})}, {});
  EXPECT_EQ(pools.ls.text(), "0-31");
  EXPECT_EQ(pools.bound_pods, 0);
  EXPECT_THAT(pools.remarks, ElementsAre("pod b is BE: its bound CPUs 2 are ignored",
                                         "pod y is SYSTEM: its bound CPUs 3 are ignored"));
}

TEST(CpuPools, PodsThatEndedHoldNoCpus) {
  auto pod = pod_of("e", QosClass::kLse, cpus("0-3"));
  pod.phase = model::PodPhase::kSucceeded;
  const auto pools = cpu_pools(host_of(kWorkedTopology), {pod}, {});
  EXPECT_EQ(pools.be.text(), "0-31");
  EXPECT_EQ(pools.bound_pods, 0);
}

TEST(CpuPools, KubeletsExclusiveCpusAreNobodyElses) {
  NodeCpus node{.reserved = {}, .manager = KubeletCpuManager::kStatic, .kubelet_exclusive = cpus("4-7,99")};
  const auto host = host_of(kWorkedTopology);
  const auto pools = cpu_pools(host, {}, node);
  EXPECT_EQ(pools.exclusive.text(), "4-7");
  EXPECT_EQ(pools.ls.text(), "0-3,8-31");
  EXPECT_EQ(pools.be.text(), "0-3,8-31");
  node.manager = KubeletCpuManager::kNone;
  EXPECT_EQ(cpu_pools(host, {}, node).be.text(), "0-31");
}

TEST(CpuPools, CpusBoundTwiceAreNamedAndLseWins) {
  const auto pools =
      cpu_pools(host_of(kWorkedTopology),
                {pod_of("r", QosClass::kLsr, cpus("2-5")), pod_of("e", QosClass::kLse, cpus("4-7"))}, {});
  EXPECT_THAT(pools.remarks, ElementsAre("CPUs 4-5 are bound to pod r and to pod e"));
  EXPECT_EQ(pools.lsr.text(), "2-3");
  EXPECT_EQ(pools.be.text(), "0-3,8-31");
}

TEST(CpuPools, OfflineAndReservedBoundCpusAreNamed) {
  const auto pools = cpu_pools(without(host_of(kWorkedTopology), cpus("4-5")),
                               {pod_of("e", QosClass::kLse, cpus("1-4,77"))}, {.reserved = {1}});
  EXPECT_THAT(pools.remarks,
              ElementsAre("pod e: CPUs 4,77 of 1-4,77 are offline", "pod e: CPUs 1 are reserved or kubelet's"));
  EXPECT_EQ(pools.lse.text(), "1-3");
}

TEST(CpuPools, RemarksAreCountedBeyondTheFirstFew) {
  std::vector<model::Pod> pods;
  for (int i = 0; i < 50; ++i)
    pods.push_back(pod_of(std::to_string(i), QosClass::kLse, {500}));
  const auto pools = cpu_pools(host_of(kTinyHost), pods, {});
  EXPECT_EQ(pools.remarks.size(), static_cast<std::size_t>(kMostRemarks));
  EXPECT_EQ(pools.more_remarks, 50 + 49 - kMostRemarks);
}

TEST(CpuPools, EverythingTakenLeavesEmptyPools) {
  const auto pools = cpu_pools(host_of(kTinyHost), {pod_of("e", QosClass::kLse, {0})}, {.reserved = {1}});
  EXPECT_TRUE(pools.ls.empty());
  EXPECT_TRUE(pools.be.empty());
}

TEST(CpuPools, APodIsTooTightlyBoundWhenTheRestIsLessThanItRequests) {
  auto pod = pod_of("e", QosClass::kLse, cpus("0-3"));
  const auto pools = cpu_pools(without(host_of(kWorkedTopology), {2, 3}), {pod}, {});
  EXPECT_EQ(online_bound(pools, pod).text(), "0-1");
  EXPECT_FALSE(bound_too_tightly(pools, pod)) << "it requests nothing";
  pod.requests.cpu = MilliCpu(2000);
  EXPECT_FALSE(bound_too_tightly(pools, pod));
  pod.requests.cpu = MilliCpu(2001);
  EXPECT_TRUE(bound_too_tightly(pools, pod));
  pod.bound_cpus = cpus("0-1");
  EXPECT_FALSE(bound_too_tightly(pools, pod)) << "nothing is offline: the scheduler meant it";
  pod.requests.cpu.reset();
  pod.bound_cpus = cpus("2-3");
  EXPECT_TRUE(bound_too_tightly(pools, pod)) << "nothing is left";
}

TEST(CpuPools, AnUnknownTopologyBelievesTheScheduler) {
  const auto pod = pod_of("e", QosClass::kLse, cpus("0-3"));
  const auto pools = cpu_pools({}, {pod}, {});
  EXPECT_EQ(online_bound(pools, pod).text(), "0-3");
  EXPECT_FALSE(bound_too_tightly(pools, pod));
  EXPECT_THAT(pools.remarks, IsEmpty());
}

TEST(CpuPoolsOnUnequalSockets, OfflineCpusAreInNoPool) {
  const auto host = asymmetric_host();
  auto lse = pod_of("e", QosClass::kLse, cpus("4-5"));
  auto lsr = pod_of("r", QosClass::kLsr, cpus("20-23"));
  const auto pools = cpu_pools(host, {lse, lsr}, {.reserved = {0}});
  EXPECT_EQ(pools.online.text(), "0-4,6-21,23");
  EXPECT_EQ(pools.lse.text(), "4");
  EXPECT_EQ(pools.lsr.text(), "20-21,23");
  EXPECT_EQ(pools.be.text(), "1-3,6-21,23");
  EXPECT_EQ(pools.ls.text(), "1-3,6-19");
  EXPECT_EQ(pools.lent().text(), "20-21,23");
  EXPECT_THAT(pools.remarks, ElementsAre("pod e: CPUs 5 of 4-5 are offline", "pod r: CPUs 22 of 20-23 are offline"));
  lse.requests.cpu = MilliCpu(2000);
  EXPECT_TRUE(bound_too_tightly(pools, lse)) << "one of its two CPUs is left";
  lsr.requests.cpu = MilliCpu(3000);
  EXPECT_FALSE(bound_too_tightly(pools, lsr));
}

}  // namespace
}  // namespace tideline::decide::test::cpu_pools_test
