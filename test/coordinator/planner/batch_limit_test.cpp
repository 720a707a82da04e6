#include "coordinator/planner/batch_limit.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "messages/model/sample.h"
#include "node-actor/decide/cpu_suppress.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::batch_limit_test {
namespace {

using model::MilliCpu;
using model::Reason;
using model::SuppressPolicy;

model::ThresholdPolicy policy_of(SuppressPolicy suppress, int threshold, std::optional<int> min_percent = {}) {
  model::ThresholdPolicy policy;
  policy.enable = true;
  policy.cpu_suppress_policy = suppress;
  policy.cpu_suppress_threshold_percent = threshold;
  policy.cpu_suppress_min_percent = min_percent;
  return policy;
}

/// Ten cores, of which the system uses one.
HostDemand demand_of(std::int64_t services, std::int64_t wanted) {
  return {.capacity = MilliCpu(10'000),
          .services = MilliCpu(services),
          .system = MilliCpu(1'000),
          .wanted = MilliCpu(wanted)};
}

TEST(BatchLimit, IsWhatTheThresholdLeaves) {
  const auto batch = batch_limit(policy_of(SuppressPolicy::kCfsQuota, 65), demand_of(2'000, 9'000));
  EXPECT_EQ(batch.threshold, MilliCpu(6'500));
  EXPECT_EQ(batch.non_be_used, MilliCpu(3'000));
  EXPECT_EQ(batch.limit, MilliCpu(3'500));
  EXPECT_EQ(batch.rule, Reason::kThresholdFormula);
  EXPECT_EQ(batch.reason, Reason::kThresholdFormula);
}

TEST(BatchLimit, IsNeverBelowItsFloor) {
  const auto least = batch_limit(policy_of(SuppressPolicy::kCfsQuota, 65), demand_of(8'000, 9'000));
  EXPECT_EQ(least.formula, MilliCpu(-2'500));
  EXPECT_EQ(least.limit, MilliCpu(20));
  EXPECT_EQ(least.rule, Reason::kKernelMinimum);
  const auto floor = batch_limit(policy_of(SuppressPolicy::kCfsQuota, 65, 5), demand_of(8'000, 9'000));
  EXPECT_EQ(floor.limit, MilliCpu(500));
  EXPECT_EQ(floor.rule, Reason::kMinPercentFloor);
}

TEST(BatchLimit, ByCpusetIsOfWholeCpus) {
  EXPECT_EQ(batch_limit(policy_of(SuppressPolicy::kCpuset, 65), demand_of(2'400, 9'000)).limit, MilliCpu(4'000));
  EXPECT_EQ(batch_limit(policy_of(SuppressPolicy::kCpuset, 65), demand_of(8'000, 9'000)).limit, MilliCpu(2'000));
}

TEST(BatchLimit, WorkConservingHasNoneUntilTheHostIsFull) {
  const auto quiet = batch_limit(policy_of(SuppressPolicy::kWorkConserving, 65), demand_of(2'000, 7'000));
  EXPECT_EQ(quiet.limit, std::nullopt);
  EXPECT_EQ(quiet.reason, Reason::kNotPressed);
  const auto pressed = batch_limit(policy_of(SuppressPolicy::kWorkConserving, 65), demand_of(2'000, 7'001));
  EXPECT_EQ(pressed.limit, MilliCpu(3'500));
  EXPECT_EQ(pressed.reason, Reason::kPressed);
  EXPECT_EQ(pressed.rule, Reason::kThresholdFormula);
}

TEST(BatchLimit, SwitchedOffThereIsNone) {
  auto policy = policy_of(SuppressPolicy::kCfsQuota, 65);
  policy.enable = false;
  const auto batch = batch_limit(policy, demand_of(9'000, 9'000));
  EXPECT_EQ(batch.limit, std::nullopt);
  EXPECT_EQ(batch.reason, Reason::kDisabled);
}

// The live node that sees the same use as its first round does sets the same limit, by the same rule.
TEST(BatchLimit, IsTheLiveNodes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  const auto any = [&random](std::size_t end) { return MilliCpu(static_cast<std::int64_t>(random.below(end))); };
  for (int round = 0; round < 2'000; ++round) {
    const HostDemand demand{.capacity = MilliCpu(1'000) + any(128'000),
                            .services = any(100'000),
                            .system = any(4'000),
                            .wanted = any(100'000)};
    const auto min_percent = random.one_in(2) ? std::optional(random.percent(0, 30)) : std::nullopt;
    const auto policy = policy_of(SuppressPolicy::kCfsQuota, random.percent(0, 100), min_percent);
    const auto batch = batch_limit(policy, demand);

    const MilliCpu be = any(20'000);
    decide::SuppressInput input;
    input.now = model::MonoTime{1'000'000'000'000};
    input.node = {demand.capacity, demand.capacity};
    model::NodeSample sample;
    sample.at = input.now;
    sample.window = std::chrono::seconds(1);
    sample.node_cpu = demand.services + demand.system + be;
    sample.ls_cpu = demand.services;
    sample.be_cpu = be;
    input.pods = sample;
    input.be_outside_root = MilliCpu(0);
    input.current = decide::CurrentLimit::none();
    model::NodePolicy node_policy;
    node_policy.threshold = policy;
    const auto live = decide::cpu_suppress({}, input, node_policy).decision;
    ASSERT_EQ(live.action, decide::SuppressDecision::Action::kLimit);
    EXPECT_EQ(live.limit, batch.limit) << "round " << round;
    EXPECT_EQ(live.rule, batch.rule) << "round " << round;
    EXPECT_EQ(live.terms.formula, batch.formula) << "round " << round;
  }
}

}  // namespace
}  // namespace tideline::planner::batch_limit_test
