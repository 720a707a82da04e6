#include "coordinator/planner/replay.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::replay_test {
namespace {

using model::SuppressPolicy;
using test::kBegin;
using test::plain_options;
using test::workload;
using test::world_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Of a core over a step of 300 s.
constexpr double kCoreStep = 300.0 / 3'600;

/// One service of four cores on one host of ten: see fixture.h.
Dataset one_service(std::vector<float> cpu_used) {
  return test::data_of({workload("vm", std::move(cpu_used), 4'000)});
}

ReplayResult replayed(const Dataset& data, const World& world, const ReplayOptions& options) {
  auto result = replay(data, world, options);
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return {};
  }
  return *std::move(result);
}

ReplayResult replayed(const Dataset& data, const ReplayOptions& options) {
  return replayed(data, world_of({{0}}), options);
}

std::vector<ReplayEvent> events_of(const ReplayResult& result, ReplayEventKind kind) {
  std::vector<ReplayEvent> found;
  for (const auto& event : result.events) {
    if (event.kind == kind) found.push_back(event);
  }
  return found;
}

/// Limited by cfsQuota to what that threshold leaves.
ReplayOptions limited(int threshold_percent) {
  auto options = plain_options();
  options.threshold.enable = true;
  options.threshold.cpu_suppress_policy = SuppressPolicy::kCfsQuota;
  options.threshold.cpu_suppress_threshold_percent = threshold_percent;
  options.threshold.memory_evict_threshold_percent = 0;
  return options;
}

TEST(Replay, BatchFillsWhatTheAccountOffers) {
  // 10 - margin 4 - system 1 - used 2: three cores, from the second step on.
  const auto result = replayed(one_service({2'000, 2'000, 2'000}), plain_options());
  EXPECT_EQ(result.hosts, 1u);
  EXPECT_EQ(result.begin_s, kBegin);
  EXPECT_EQ(result.end_s, kBegin + 900);
  EXPECT_EQ(result.step_s, 300);
  const auto& totals = result.totals;
  EXPECT_EQ(totals.host_steps, 3u);
  EXPECT_DOUBLE_EQ(totals.capacity_core_h, 30 * kCoreStep);
  EXPECT_DOUBLE_EQ(totals.requested_core_h, 12 * kCoreStep);
  EXPECT_DOUBLE_EQ(totals.used_core_h, 6 * kCoreStep);
  EXPECT_DOUBLE_EQ(totals.offered_core_h, 6 * kCoreStep);
  EXPECT_DOUBLE_EQ(totals.offered_memory_gib_h, 2 * 62 * 300 / 3'600.0) << "100 - margin 35 - system 1 - used 2";
  EXPECT_DOUBLE_EQ(totals.batch_used_core_h, 6 * kCoreStep);
  EXPECT_EQ(totals.batch_completed, 3u) << "ten minutes each";
  EXPECT_EQ(totals.batch_wasted_core_h, 0);
  EXPECT_EQ(totals.evictions, 0u);
  EXPECT_EQ(totals.suppressed_s, 0);
  EXPECT_EQ(totals.at_risk_s, 0);
  EXPECT_EQ(totals.deficits, 0u);
  EXPECT_EQ(totals.violation_checks, 2u);
  EXPECT_EQ(totals.violations, 0u);
  EXPECT_EQ(result.completion_p50_s, 600);
  EXPECT_EQ(result.completion_p99_s, 600);
  EXPECT_THAT(result.events, IsEmpty());
}

TEST(Replay, TheOfferIsOfTheStepBefore) {
  const auto result = replayed(one_service({2'000, 5'000, 1'000, 1'000}), plain_options());
  ASSERT_EQ(result.course.size(), 4u);
  EXPECT_DOUBLE_EQ(result.course[1].offered, 3);
  EXPECT_EQ(result.course[2].offered, 0) << "no room: 10 - 4 - 1 - 5";
  EXPECT_DOUBLE_EQ(result.course[3].offered, 4);
  EXPECT_DOUBLE_EQ(result.course[2].batch_used, 3) << "what is placed stays";
  EXPECT_EQ(result.totals.batch_completed, 3u);
  EXPECT_DOUBLE_EQ(result.course[3].batch_used, 4);
}

TEST(Replay, MemoryBoundsWhatIsPlacedAsWell) {
  auto options = plain_options();
  options.pod_memory_mib = 25 * 1'024;
  EXPECT_DOUBLE_EQ(replayed(one_service({2'000, 2'000}), options).totals.batch_used_core_h, 2 * kCoreStep)
      << "two in 62 GiB";
}

TEST(Replay, PodsThatTakeNoMemoryAreBoundedByCpuAlone) {
  auto options = plain_options();
  options.pod_memory_mib = 0;
  EXPECT_DOUBLE_EQ(replayed(one_service({2'000, 2'000}), options).totals.batch_used_core_h, 3 * kCoreStep);
}

TEST(Replay, AHostHoldsNoMorePodsThanAReport) {
  auto options = plain_options();
  options.pod_cpu_millicores = 1;
  options.pod_memory_mib = 0;
  EXPECT_NEAR(replayed(one_service({2'000, 2'000}), options).totals.batch_used_core_h, 1.023 * kCoreStep, 1e-9)
      << "1024 with the service";
}

TEST(Replay, SwitchedOffNothingIsOffered) {
  auto options = plain_options();
  options.colocation.enable = false;
  const auto result = replayed(one_service({2'000, 2'000}), options);
  EXPECT_EQ(result.totals.offered_core_h, 0);
  EXPECT_EQ(result.totals.batch_used_core_h, 0);
  EXPECT_EQ(result.totals.violation_checks, 0u);
}

TEST(Replay, TheLimitHoldsBatch) {
  const auto result = replayed(one_service({2'000, 2'000, 2'000}), limited(40));  // 4 - 2 - 1: one core
  EXPECT_DOUBLE_EQ(result.totals.batch_used_core_h, 2 * kCoreStep);
  EXPECT_EQ(result.totals.suppressed_s, 600);
  EXPECT_EQ(result.totals.batch_completed, 0u);
  EXPECT_EQ(result.completion_p50_s, 0);
  EXPECT_THAT(result.events, ElementsAre(ReplayEvent{ReplayEventKind::kSuppressed, 0, kBegin + 300, kBegin + 900, 2}));
}

TEST(Replay, AWorkConservingLimitComesWhereTheHostIsFull) {
  auto options = limited(40);
  options.threshold.cpu_suppress_policy = SuppressPolicy::kWorkConserving;
  const auto result = replayed(one_service({2'000, 2'000, 7'000}), options);
  EXPECT_DOUBLE_EQ(result.course[1].batch_used, 3);
  EXPECT_DOUBLE_EQ(result.course[2].batch_used, 0.02) << "7 + 1 + 3 pass ten cores: 4 - 8, and so the least limit";
  EXPECT_EQ(result.totals.suppressed_s, 300);
}

TEST(Replay, BatchGetsWhatServicesLeaveAndTheHostIsAtRisk) {
  const auto result = replayed(one_service({2'000, 2'000, 7'000}), plain_options());
  EXPECT_DOUBLE_EQ(result.course[2].batch_used, 2);
  EXPECT_EQ(result.totals.at_risk_s, 300);
  EXPECT_EQ(result.course[2].at_risk, 1u);
  EXPECT_EQ(result.course[1].at_risk, 0u);
  const auto events = events_of(result, ReplayEventKind::kAtRisk);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].begin_s, kBegin + 600);
  EXPECT_DOUBLE_EQ(events[0].cores, 0.1) << "beyond 99 %";
}

TEST(Replay, ServicesUseNoMoreThanTheHostHas) {
  const auto result = replayed(one_service({12'000, 12'000}), plain_options());
  EXPECT_DOUBLE_EQ(result.totals.used_core_h, 2 * 9 * kCoreStep);
  EXPECT_EQ(result.totals.batch_used_core_h, 0);
  EXPECT_EQ(result.totals.at_risk_s, 600) << "with no batch, too";
}

TEST(Replay, ADeficitIsTheAccounts) {
  const auto result = replayed(one_service({6'000, 2'000, 2'000}), plain_options());
  EXPECT_EQ(result.totals.deficits, 1u);
  const auto events = events_of(result, ReplayEventKind::kDeficit);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].begin_s, kBegin + 300);
  EXPECT_EQ(events[0].end_s, kBegin + 600);
  EXPECT_DOUBLE_EQ(events[0].cores, 1);
}

TEST(Replay, AnOfferIsViolatedWhereItIsNeededBackWithinTheHorizon) {
  auto options = plain_options();
  options.horizon_s = 600;
  // Three cores are offered from the second step on, which leaves seven to services and the system.
  const auto result = replayed(one_service({2'000, 2'000, 2'000, 9'000}), options);
  EXPECT_EQ(result.totals.violation_checks, 2u) << "the last horizon ends beyond the data, the first has no offer";
  EXPECT_EQ(result.totals.violations, 1u);
  EXPECT_DOUBLE_EQ(result.totals.violation_core_h, 3 * kCoreStep);
  EXPECT_THAT(events_of(result, ReplayEventKind::kViolation),
              ElementsAre(ReplayEvent{ReplayEventKind::kViolation, 0, kBegin + 600, kBegin + 900, 3}));
  EXPECT_EQ(result.course[2].violations, 1u);
  options.horizon_s = 300;
  EXPECT_EQ(replayed(one_service({2'000, 2'000, 2'000, 9'000}), options).totals.violation_checks, 3u);
  EXPECT_EQ(replayed(one_service({2'000, 2'000, 2'000, 9'000}), options).totals.violations, 1u) << "in the step itself";
  options.horizon_s = 1'501;
  EXPECT_EQ(replayed(one_service({2'000, 2'000, 2'000, 9'000}), options).totals.violation_checks, 0u);
}

TEST(Replay, WhoComesLaterViolatesNothing) {
  auto options = plain_options();
  options.horizon_s = 600;
  const auto data = test::data_of({workload("stays", {2'000, 2'000, 2'000, 2'000}, 4'000),
                                   workload("comes", {kAbsent, kAbsent, kAbsent, 6'500}, 7'000),
                                   workload("leaves", {500, 500, kAbsent, kAbsent}, 1'000)});
  const auto result = replayed(data, world_of({{0, 1, 2}}), options);
  EXPECT_EQ(result.totals.violation_checks, 2u);
  EXPECT_EQ(result.totals.violations, 0u);
}

TEST(Replay, HalfAMillicoreOfEachServiceIsRounding) {
  auto options = plain_options();
  options.colocation.cpu_reclaim_threshold_percent = 100;
  options.horizon_s = 600;
  const auto result = replayed(one_service(std::vector<float>(4, 1'000.4F)), options);
  EXPECT_EQ(result.totals.violation_checks, 2u);
  EXPECT_EQ(result.totals.violations, 0u);
}

TEST(Replay, AStarvedBatchIsEvictedDownToWhatIsEnough) {
  auto options = limited(40);
  options.threshold.cpu_evict_be_satisfaction_lower_percent = 50;
  options.threshold.cpu_evict_be_satisfaction_upper_percent = 60;
  // One core for three that are wanted: 60 % of what they request is 1.8, so that 0.8 must go, which is a pod.
  const auto result = replayed(one_service({2'000, 2'000, 2'000}), options);
  EXPECT_EQ(result.totals.evictions, 2u) << "and the one that takes its place goes in the next step";
  EXPECT_NEAR(result.totals.batch_wasted_core_h, 2.0 / 3 * kCoreStep, 1e-9);
  EXPECT_DOUBLE_EQ(result.totals.batch_used_core_h, 2 * kCoreStep);
  EXPECT_THAT(events_of(result, ReplayEventKind::kEviction),
              ElementsAre(ReplayEvent{ReplayEventKind::kEviction, 0, kBegin + 300, kBegin + 900, 2}));
  options.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  EXPECT_EQ(replayed(one_service({2'000, 2'000, 2'000}), options).totals.evictions, 0u) << "a third is more";
}

TEST(Replay, BySoldCpuBatchIsNotStarvedByItsLimit) {
  auto options = limited(40);
  options.threshold.cpu_evict_be_satisfaction_lower_percent = 50;
  options.threshold.cpu_evict_be_satisfaction_upper_percent = 60;
  options.threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  EXPECT_EQ(replayed(one_service({2'000, 2'000, 2'000}), options).totals.evictions, 0u);
}

TEST(Replay, BoundsOfSatisfactionThatDoNotFitEvictNobody) {
  auto options = limited(40);
  options.threshold.cpu_evict_be_satisfaction_lower_percent = 60;
  options.threshold.cpu_evict_be_satisfaction_upper_percent = 50;
  EXPECT_EQ(replayed(one_service({2'000, 2'000, 2'000}), options).totals.evictions, 0u);
}

TEST(Replay, BatchIsEvictedWhereMemoryIsFull) {
  auto options = limited(65);
  options.threshold.memory_evict_threshold_percent = 70;
  options.pod_runtime_s = 3'600;
  auto data = one_service({2'000, 2'000, 2'000});
  data.workloads[0].memory_used_mib[2] = 67'000;
  // 67000 + 1024 + three of 1024 are 71096 of 102400 MiB, which is below 71680.
  EXPECT_EQ(replayed(data, options).totals.evictions, 0u);
  data.workloads[0].memory_used_mib[2] = 67'700;
  // 71796; down to 68 %, which is 69632, three must go.
  const auto result = replayed(data, options);
  EXPECT_EQ(result.totals.evictions, 3u);
  EXPECT_DOUBLE_EQ(result.totals.batch_wasted_core_h, 6 * kCoreStep);
  options.threshold.memory_evict_threshold_percent = 0;
  EXPECT_EQ(replayed(data, options).totals.evictions, 0u) << "switched off";
}

TEST(Replay, DaysAndHostsAreSumsOfTheSame) {
  auto data = test::data_of(
      {workload("a", std::vector<float>(6, 2'000), 4'000), workload("b", std::vector<float>(6, 1'000), 4'000)});
  data.begin_s = kBegin + 86'400 - 600;
  const auto result = replayed(data, world_of({{0}, {1}, {}}), plain_options());
  ASSERT_EQ(result.days.size(), 2u);
  EXPECT_EQ(result.days[0].host_steps, 6u);
  EXPECT_EQ(result.days[1].host_steps, 12u);
  ASSERT_EQ(result.by_host.size(), 3u);
  EXPECT_EQ(result.by_host[0].host_steps, 6u);
  EXPECT_DOUBLE_EQ(result.by_host[0].offered_core_h, 5 * 3 * kCoreStep);
  EXPECT_DOUBLE_EQ(result.by_host[1].offered_core_h, 5 * 4 * kCoreStep);
  EXPECT_DOUBLE_EQ(result.by_host[2].offered_core_h, 5 * 5 * kCoreStep) << "an empty host";
  EXPECT_DOUBLE_EQ(result.totals.offered_core_h, 5 * 12 * kCoreStep);
  EXPECT_DOUBLE_EQ(result.days[0].offered_core_h, 12 * kCoreStep);
  EXPECT_DOUBLE_EQ(result.course[1].offered, 4) << "the mean of three hosts";
}

TEST(Replay, TheCourseHasAtMostItsPoints) {
  const std::size_t steps = 2 * kMaxPoints + 1;
  std::vector<float> used(steps, 2'000);
  used[4] = 5'000;
  const auto result = replayed(one_service(used), plain_options());
  ASSERT_EQ(result.course.size(), 1'334u) << "of three steps each";
  EXPECT_EQ(result.course[1].time_s, kBegin + 900);
  EXPECT_DOUBLE_EQ(result.course[1].used, 3);
  EXPECT_DOUBLE_EQ(result.course[1].offered, 2) << "3, 3, and none after the spike";
  EXPECT_DOUBLE_EQ(result.course.back().used, 2) << "the last has fewer steps";
  EXPECT_EQ(result.totals.host_steps, steps);
}

std::string error_of(const Dataset& data, const World& world, const ReplayOptions& options) {
  const auto result = replay(data, world, options);
  if (result) return "none";
  EXPECT_EQ(result.error().code(), model::ErrorCode::kInvalidArgument);
  return result.error().message();
}

TEST(Replay, NamesAWorldThatIsNotOfTheData) {
  const auto data = one_service({1, 2});
  EXPECT_THAT(error_of(data, world_of({{1}}), plain_options()), HasSubstr("workload 1 of 1"));
  EXPECT_THAT(error_of(data, world_of({}), plain_options()), HasSubstr("no host"));
  EXPECT_THAT(error_of(data, world_of({{0}, {0}}), plain_options()), HasSubstr("placed already"));
  auto world = world_of({{0}});
  world.shape.memory_mib = -1;
  EXPECT_THAT(error_of(data, world, plain_options()), HasSubstr("-1 MiB"));
}

TEST(Replay, NamesDataThatIsNone) {
  auto data = one_service({1, 2});
  data.workloads[0].memory_used_mib.pop_back();
  EXPECT_THAT(error_of(data, world_of({{0}}), plain_options()), HasSubstr("workload vm has 1 values for 2 steps"));
  data = one_service({1, 2});
  data.step_s = 0;
  EXPECT_THAT(error_of(data, world_of({{0}}), plain_options()), HasSubstr("step of 0 s"));
  data = one_service({1, 2});
  data.begin_s = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(error_of(data, world_of({{0}}), plain_options()), HasSubstr("no date"));
  data.begin_s = 253'402'300'200;  // 9999-12-31T23:50:00Z
  EXPECT_THAT(error_of(data, world_of({{0}}), plain_options()), HasSubstr("end of 253402300800 s"));
  EXPECT_THAT(error_of(Dataset{}, world_of({{}}), plain_options()), HasSubstr("no step"));
  data = one_service({1, 2});
  data.steps = 100'000;
  data.step_s = 86'400;
  EXPECT_THAT(error_of(data, world_of({{0}}), plain_options()), HasSubstr("century"));
}

TEST(Replay, NamesAnOptionThatIsNone) {
  const auto data = one_service({1, 2});
  const auto refusal = [&](auto change) {
    auto options = plain_options();
    change(options);
    return error_of(data, world_of({{0}}), options);
  };
  EXPECT_THAT(refusal([](auto& options) { options.pod_cpu_millicores = 0.5; }), HasSubstr("0.5 millicores"));
  EXPECT_THAT(refusal([](auto& options) { options.pod_cpu_millicores = 10'001; }), HasSubstr("10001 millicores"));
  EXPECT_THAT(refusal([](auto& options) { options.pod_memory_mib = -1; }), HasSubstr("-1 MiB"));
  EXPECT_THAT(refusal([](auto& options) { options.pod_runtime_s = 0; }), HasSubstr("for 0 s"));
  EXPECT_THAT(refusal([](auto& options) { options.horizon_s = 0; }), HasSubstr("horizon of 0 s"));
  EXPECT_THAT(refusal([](auto& options) { options.colocation.metric_aggregate_duration_seconds = 0; }),
              HasSubstr("metricAggregateDurationSeconds 0"));
}

TEST(Replay, StopsWhenItIsTold) {
  auto options = plain_options();
  double told = -1;
  options.progress = [&told](double share) {
    EXPECT_GE(share, told);
    told = share;
    return false;
  };
  EXPECT_TRUE(replay(one_service({1, 2}), world_of({{0}}), options));
  EXPECT_EQ(told, 1);
  options.progress = [](double) { return true; };
  const auto stopped = replay(one_service({1, 2}), world_of({{0}}), options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), model::ErrorCode::kUnavailable);
}

TEST(Replay, EventsHaveNames) {
  EXPECT_EQ(name_of(ReplayEventKind::kAtRisk), "at-risk");
  EXPECT_EQ(name_of(ReplayEventKind::kDeficit), "deficit");
}

}  // namespace
}  // namespace tideline::planner::replay_test
