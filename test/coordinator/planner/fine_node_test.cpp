#include "coordinator/planner/fine_node.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "messages/model/policy.h"

namespace tideline::planner::fine_node_test {
namespace {

using model::MilliCpu;
using model::SuppressPolicy;

constexpr MilliCpu kTenCores{10'000};

model::ThresholdPolicy policy_by(SuppressPolicy suppress) {
  model::ThresholdPolicy policy;
  policy.enable = true;
  policy.cpu_suppress_policy = suppress;
  policy.cpu_suppress_threshold_percent = 65;
  return policy;
}

/// The system uses a core, batch wants nine.
FineNode::Demand with_services(double millicores) {
  return {.services = millicores, .system = 1'000, .batch = 9'000};
}

void run(FineNode& node, int rounds, double services) {
  for (int round = 0; round < rounds; ++round)
    node.round(with_services(services));
}

std::int64_t limit_of(const FineNode& node) {
  return node.limit() ? node.limit()->value() : -1;
}

TEST(FineNode, TheLimitIsTheFormulasAndFollowsASpikeInTheNextRound) {
  FineNode node(policy_by(SuppressPolicy::kCfsQuota), kTenCores, 3);
  EXPECT_EQ(limit_of(node), -1) << "none at the boot";
  run(node, 100, 2'000);
  EXPECT_NEAR(static_cast<double>(limit_of(node)), 3'500, 100) << "6500, less 3000 of services and system";
  const auto writes = node.writes();
  run(node, 100, 2'000);
  EXPECT_EQ(node.writes(), writes) << "what stays needs no write";
  EXPECT_NEAR(node.round(with_services(6'000)), 3'000, 1) << "all that others leave: the limit is of before";
  EXPECT_LE(limit_of(node), 100);
  EXPECT_LE(node.round(with_services(6'000)), 100);
  run(node, 300, 2'000);
  EXPECT_NEAR(static_cast<double>(limit_of(node)), 3'500, 200) << "and comes back when the spike is over";
}

TEST(FineNode, ByCpusetBatchHasWholeCpusAndIsMovedInARoundOfPods) {
  FineNode node(policy_by(SuppressPolicy::kCpuset), kTenCores, 0);
  run(node, 100, 2'000);
  EXPECT_EQ(limit_of(node), 4'000);
  run(node, 11, 8'000);
  EXPECT_EQ(limit_of(node), 2'000) << "the least CPUs, within a second and a round";
}

TEST(FineNode, ByWeightsThereIsNoLimitWhileServicesHaveWhatTheyWant) {
  FineNode node(policy_by(SuppressPolicy::kWorkConserving), kTenCores, 5);
  run(node, 100, 2'000);
  EXPECT_EQ(limit_of(node), -1);
  EXPECT_TRUE(node.is_by_weights());
  EXPECT_NEAR(node.round(with_services(2'000)), 7'000, 1) << "batch has what services and system leave";
}

TEST(FineNode, SwitchedOffItWritesNothing) {
  auto policy = policy_by(SuppressPolicy::kCfsQuota);
  policy.enable = false;
  FineNode node(policy, kTenCores, 0);
  run(node, 100, 8'000);
  EXPECT_EQ(limit_of(node), -1);
  EXPECT_EQ(node.writes(), 0u);
}

TEST(FineNode, BatchNeverHasMoreThanIsLeftOrItsLimit) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t end) { return static_cast<double>(random() % end); };
  for (const auto suppress : {SuppressPolicy::kCfsQuota, SuppressPolicy::kCpuset, SuppressPolicy::kWorkConserving}) {
    for (int host = 0; host < 10; ++host) {
      const MilliCpu capacity(static_cast<std::int64_t>(500 + random() % 200'000));
      const auto whole = static_cast<double>(capacity.value());
      FineNode node(policy_by(suppress), capacity, random() % FineNode::kFastRoundsAPodRound);
      for (int round = 0; round < 300; ++round) {
        const FineNode::Demand demand{.services = below(300'000), .system = below(5'000), .batch = below(300'000)};
        const auto limit = node.limit();
        const double batch = node.round(demand);
        ASSERT_GE(batch, 0);
        ASSERT_LE(batch, demand.batch);
        ASSERT_LE(batch, std::max(whole - demand.services - demand.system, 0.0));
        if (limit) {
          ASSERT_LE(batch, static_cast<double>(limit->value()));
          ASSERT_GT(limit->value(), 0) << "batch is never stopped";
        }
      }
    }
  }
}

}  // namespace
}  // namespace tideline::planner::fine_node_test
