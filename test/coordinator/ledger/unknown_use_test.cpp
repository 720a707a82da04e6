// What is not known of a node stays unknown to its account.

#include <optional>

#include <gtest/gtest.h>

#include "coordinator/ledger/input.h"

namespace tideline::ledger {
namespace {

model::NodePolicy version_four() {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(4);
  policy.scaling.cpu_normalization = model::Ratio(120);
  return policy;
}

TEST(LedgerInput, TakesWhatIsPredictedAndLeavesUnknownWhatIsNot) {
  fleet::NodeUsage usage;
  usage.arrived = model::MonoTime{77};
  const auto none = input_of(model::NodeName("n1"), usage, version_four());
  EXPECT_EQ(none.prod_reclaimable_cpu, std::nullopt);
  EXPECT_EQ(none.prod_reclaimable_memory, std::nullopt);
  const auto input = input_of(model::NodeName("n1"), usage, version_four(), {model::MilliCpu(8), std::nullopt});
  EXPECT_EQ(input.prod_reclaimable_cpu, model::MilliCpu(8));
  EXPECT_EQ(input.prod_reclaimable_memory, std::nullopt);
}

TEST(LedgerInput, NodeThatNeverReportedHasNoArrival) {
  const auto input = input_of(model::NodeName("n1"), std::nullopt, version_four());
  EXPECT_EQ(input.node, model::NodeName("n1"));
  EXPECT_EQ(input.policy, model::PolicyVersion(4));
  EXPECT_EQ(input.arrived, std::nullopt);
  EXPECT_EQ(input.system_cpu, std::nullopt);
  EXPECT_TRUE(input.pods.empty());
}

TEST(LedgerInput, UnknownUseStaysUnknown) {
  fleet::NodeUsage usage;
  usage.arrived = model::MonoTime{77};
  usage.cpu_capacity = model::MilliCpu(4000);
  usage.cpu_allocatable = model::MilliCpu(3500);
  usage.system_memory = model::Bytes(5);
  usage.node_memory = model::Bytes(6);
  fleet::PodUsage batch;
  batch.uid = model::PodUid("u1");
  batch.qos = model::QosClass::kBe;
  batch.phase = model::PodPhase::kPending;
  batch.requests.batch_cpu = model::MilliCpu(500);
  batch.mid_requests.cpu = model::MilliCpu(70);
  batch.memory = model::Bytes(9);
  usage.pods = {batch};
  const auto input = input_of(model::NodeName("n1"), usage, version_four());
  EXPECT_EQ(input.arrived, model::MonoTime{77});
  EXPECT_EQ(input.cpu_normalization, model::Ratio(120));
  EXPECT_EQ(input.cpu_capacity, model::MilliCpu(4000));
  EXPECT_EQ(input.cpu_allocatable, model::MilliCpu(3500));
  EXPECT_EQ(input.system_cpu, std::nullopt);
  EXPECT_EQ(input.system_memory, model::Bytes(5));
  EXPECT_EQ(input.used_cpu, std::nullopt);
  EXPECT_EQ(input.used_memory, model::Bytes(6));
  ASSERT_EQ(input.pods.size(), 1u);
  EXPECT_EQ(input.pods[0].uid, model::PodUid("u1"));
  EXPECT_EQ(input.pods[0].tier, model::tier_of(std::nullopt, model::QosClass::kBe));
  EXPECT_EQ(input.pods[0].phase, model::PodPhase::kPending);
  EXPECT_EQ(input.pods[0].requests.batch_cpu, model::MilliCpu(500));
  EXPECT_EQ(input.pods[0].mid_requests.cpu, model::MilliCpu(70));
  EXPECT_EQ(input.pods[0].cpu, std::nullopt);
  EXPECT_EQ(input.pods[0].memory, model::Bytes(9));
}

}  // namespace
}  // namespace tideline::ledger
