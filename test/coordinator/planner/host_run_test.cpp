#include "coordinator/planner/host_run.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/planner/whole_units.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::host_run_test {
namespace {

using model::MilliCpu;

/// What may be lost where pods' ends are rounded, core-s.
constexpr double kTiny = 0.01;

struct RandomHost {
  Dataset data;
  World world;
  ReplayOptions options;

  explicit RandomHost(test::RandomWorlds& random)
      : data(random.data(1 + random.below(8), 40)), world(random.world(data, 1)), options(random.options()) {}
};

double most_in_horizon(const RandomHost& host, const RunSetting& setting, std::size_t step) {
  double most = 0;
  for (std::size_t then = step; then < step + setting.horizon; ++then) {
    double sum = 0;
    for (const auto number : host.world.hosts[0]) {
      const auto& used = host.data.workloads[number].cpu_used;
      if (used[step] >= 0 && used[then] >= 0) sum += static_cast<double>(used[then]);
    }
    most = std::max(most, sum);
  }
  return most;
}

TEST(HostRun, KeepsToOfferLimitAndHost) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 150; ++round) {
    const RandomHost any(random);
    const RunSetting setting(any.data, any.world, any.options);
    HostRun host(setting, 0);
    const auto length = static_cast<double>(any.data.step_s);
    for (std::size_t step = 0; step < any.data.steps; ++step) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", step " << step);
      host.settle(step);
      const std::size_t before = host.batch().pods().size();
      host.fill();
      const auto& outcome = host.outcome();
      if (host.batch().pods().size() > before) {
        EXPECT_LE(host.batch().cpu(), outcome.offered);
        EXPECT_LE(host.batch().memory(), outcome.offered_memory);
      }
      EXPECT_TRUE(host.free_cpu() < setting.pod_cpu || host.free_memory() < setting.pod_memory);
      host.finish();
      EXPECT_LE(outcome.may_use, outcome.demand.wanted);
      EXPECT_LE(outcome.may_use, outcome.limit.limit.value_or(outcome.may_use));
      EXPECT_LE(outcome.batch_used, cores_of(outcome.may_use) * length + kTiny);
      const auto all = outcome.services_used() + setting.system + outcome.may_use;
      EXPECT_LE(all, setting.capacity);
      EXPECT_TRUE(step > 0 || outcome.offered == MilliCpu(0)) << "nothing was measured yet";
    }
  }
}

TEST(HostRun, AllCpuTimeIsOfACompletedAnEvictedOrAPlacedPod) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  std::uint64_t evictions = 0;
  for (int round = 0; round < 150; ++round) {
    const RandomHost any(random);
    const RunSetting setting(any.data, any.world, any.options);
    HostRun host(setting, 0);
    double used = 0;
    double wasted = 0;
    std::uint64_t completed = 0;
    for (std::size_t step = 0; step < any.data.steps; ++step) {
      host.settle(step);
      host.fill();
      host.finish();
      used += host.outcome().batch_used;
      wasted += host.outcome().wasted;
      completed += host.outcome().completed;
      evictions += host.outcome().evictions;
      EXPECT_EQ(host.outcome().evictions, host.evicted().size());
    }
    const double work = cores_of(setting.pod_cpu) * static_cast<double>(any.options.pod_runtime_s);
    double held = 0;
    for (const auto& pod : host.batch().pods())
      held += pod.done;
    EXPECT_NEAR(used, static_cast<double>(completed) * work + wasted + held, 1e-6 * (1 + used)) << "round " << round;
  }
  EXPECT_GT(evictions, 0u) << "or nothing was tried";
}

TEST(HostRun, OffersAreJudgedByTheMostOfTheHorizon) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  std::uint64_t checks = 0;
  std::uint64_t violations = 0;
  for (int round = 0; round < 150; ++round) {
    const RandomHost any(random);
    const RunSetting setting(any.data, any.world, any.options);
    HostRun host(setting, 0);
    for (std::size_t step = 0; step < any.data.steps; ++step) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", step " << step);
      host.settle(step);
      host.fill();
      host.finish();
      const auto& outcome = host.outcome();
      const bool is_checked = outcome.offered > MilliCpu(0) && step + setting.horizon <= any.data.steps;
      ASSERT_EQ(outcome.violated_by.has_value(), is_checked);
      if (!is_checked) continue;
      ++checks;
      const double needed = most_in_horizon(any, setting, step) + static_cast<double>(setting.system.value());
      const double beyond = needed - static_cast<double>((setting.capacity - outcome.offered).value());
      const double rounding = 0.5 * static_cast<double>(any.world.hosts[0].size()) + 0.02;
      if (*outcome.violated_by > 0) {
        ++violations;
        EXPECT_NEAR(*outcome.violated_by, beyond, rounding);
      } else {
        EXPECT_LE(beyond, 2 * rounding);
      }
    }
  }
  EXPECT_GT(checks, violations);
  EXPECT_GT(violations, 0u) << "or nothing was tried";
}

TEST(HostRun, TheTallyIsTheSumOfItsSteps) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 20; ++round) {
    const RandomHost any(random);
    const RunSetting setting(any.data, any.world, any.options);
    HostRun host(setting, 0);
    double used_s = 0;
    double suppressed_s = 0;
    double at_risk_s = 0;
    std::uint64_t deficits = 0;
    for (std::size_t step = 0; step < any.data.steps; ++step) {
      host.settle(step);
      host.fill();
      host.finish();
      const auto& outcome = host.outcome();
      used_s += outcome.batch_used;
      const auto length = static_cast<double>(any.data.step_s);
      suppressed_s += outcome.suppressed_by() > MilliCpu(0) ? length : 0;
      at_risk_s += outcome.above_brim() >= MilliCpu(0) ? length : 0;
      deficits += outcome.has_deficit ? 1 : 0;
    }
    ReplayTotals sum;
    for (const auto& day : host.tally().days()) {
      sum.host_steps += day.host_steps;
      sum.batch_used_core_h += day.batch_used_core_h;
      sum.suppressed_s += day.suppressed_s;
      sum.at_risk_s += day.at_risk_s;
      sum.deficits += day.deficits;
    }
    EXPECT_EQ(sum.host_steps, any.data.steps);
    EXPECT_NEAR(sum.batch_used_core_h, used_s / 3'600, 1e-9 * (1 + used_s));
    EXPECT_EQ(sum.suppressed_s, suppressed_s);
    EXPECT_EQ(sum.at_risk_s, at_risk_s);
    EXPECT_EQ(sum.deficits, deficits);
  }
}

}  // namespace
}  // namespace tideline::planner::host_run_test
