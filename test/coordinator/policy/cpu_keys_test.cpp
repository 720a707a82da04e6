// Each CPU key, from the operator's JSON to the field that nodes act on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/policy.h"

namespace tideline::policy::cpu_keys_test {
namespace {

using model::NodePolicy;

NodePolicy effective_of(const std::string& document, const std::string& text, const Labels& labels = {}) {
  const auto policy = parse({{document, text}});
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? effective(*policy, labels) : NodePolicy{};
}

TEST(CpuKeys, EvictionFieldsOfTheThresholdsArrive) {
  const NodePolicy node = effective_of("resource-threshold-config", R"({"clusterStrategy": {
      "cpuSuppressPolicy": "cpuset",
      "cpuEvictBESatisfactionLowerPercent": 30, "cpuEvictBESatisfactionUpperPercent": 50,
      "cpuEvictBEUsageThresholdPercent": 80, "cpuEvictTimeWindowSeconds": 120, "cpuEvictPolicy": "evictByAllocatable",
      "cpuEvictThresholdPercent": 95, "cpuEvictLowerPercent": 85,
      "cpuAllocatableEvictThresholdPercent": 110, "cpuAllocatableEvictLowerPercent": 100,
      "evictEnabledPriorityThreshold": -1, "allocatableEvictPriorityThreshold": 5999}})");
  NodePolicy expected;
  expected.threshold.cpu_suppress_policy = model::SuppressPolicy::kCpuset;
  expected.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  expected.threshold.cpu_evict_be_satisfaction_upper_percent = 50;
  expected.threshold.cpu_evict_be_usage_threshold_percent = 80;
  expected.threshold.cpu_evict_time_window_seconds = 120;
  expected.threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  expected.threshold.cpu_evict_threshold_percent = 95;
  expected.threshold.cpu_evict_lower_percent = 85;
  expected.threshold.cpu_allocatable_evict_threshold_percent = 110;
  expected.threshold.cpu_allocatable_evict_lower_percent = 100;
  expected.threshold.evict_enabled_priority_threshold = -1;
  expected.threshold.allocatable_evict_priority_threshold = 5999;
  EXPECT_EQ(node, expected);
}

TEST(CpuKeys, RatesOfEvictionsAreOfTheWholeFleet) {
  EXPECT_EQ(fleet_policy(*parse({})).evictions, (model::EvictionRates{60, 5}));
  const auto policy = parse({{"tideline-config", R"({"clusterStrategy": {
      "eviction": {"maxPerMinute": 1, "maxPerMinutePerWorkload": 0}, "dryRun": {"cpuBurst": true}}})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_EQ(fleet_policy(*policy).evictions, (model::EvictionRates{1, 0}));
  EXPECT_TRUE(effective(*policy, {}).dry_run.cpu_burst);
  const auto refusal = [](const std::string& text) {
    const auto bad = parse({{"tideline-config", text}});
    return bad ? std::string("accepted") : bad.error().message();
  };
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"eviction": {"maxPerMinute": -1}}})"), testing::HasSubstr("0..600"));
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"eviction": {"maxPerMinute": 601}}})"), testing::HasSubstr("0..600"));
  EXPECT_THAT(refusal(R"({"nodeStrategies": [{"name": "a", "eviction": {"maxPerMinute": 1}}]})"),
              testing::HasSubstr("$.nodeStrategies[0].eviction.maxPerMinute is of the whole fleet"));
}

TEST(CpuKeys, CpuQosOfEachClassArrivesAndSystemsDoesNot) {
  const NodePolicy node = effective_of("resource-qos-config", R"({"clusterStrategy": {
      "policies": {"cpuPolicy": "coreSched"},
      "lsrClass": {"cpuQOS": {"enable": true, "groupIdentity": 1, "schedIdle": 0, "coreExpeller": false}},
      "lsClass": {"cpuQOS": {"enable": true, "groupIdentity": 0}},
      "beClass": {"cpuQOS": {"enable": true, "groupIdentity": -1, "schedIdle": 1, "coreExpeller": true}},
      "systemClass": {"cpuQOS": {"enable": true, "groupIdentity": 2}},
      "cgroupRoot": {"cpuQOS": {"enable": true, "groupIdentity": 2}}}})");
  NodePolicy expected;
  expected.qos = {.cpu_policy = model::CpuQosMechanism::kCoreSched,
                  .lsr = {.enable = true, .group_identity = 1, .sched_idle = 0, .core_expeller = false},
                  .ls = {.enable = true, .group_identity = 0, .sched_idle = 0, .core_expeller = true},
                  .be = {.enable = true, .group_identity = -1, .sched_idle = 1, .core_expeller = true}};
  EXPECT_EQ(node, expected);
}

TEST(CpuKeys, BurstIsMergedFieldByField) {
  const std::string text = R"({
      "clusterStrategy": {"policy": "auto", "cpuBurstPercent": 500, "cfsQuotaBurstPercent": 200,
                          "cfsQuotaBurstPeriodSeconds": 60, "sharePoolThresholdPercent": 40},
      "nodeStrategies": [{"name": "db", "nodeSelector": {"matchLabels": {"role": "db"}}, "policy": "cpuBurstOnly"}]})";
  NodePolicy expected;
  expected.burst = {.policy = model::BurstPolicy::kAuto,
                    .cpu_burst_percent = 500,
                    .cfs_quota_burst_percent = 200,
                    .cfs_quota_burst_period_seconds = 60,
                    .share_pool_threshold_percent = 40};
  EXPECT_EQ(effective_of("cpu-burst-config", text), expected);
  expected.burst.policy = model::BurstPolicy::kCpuBurstOnly;
  EXPECT_EQ(effective_of("cpu-burst-config", text, {{"role", "db"}}), expected);
}

TEST(CpuKeys, EveryBurstPolicyIsKnown) {
  using model::BurstPolicy;
  for (const auto policy :
       {BurstPolicy::kNone, BurstPolicy::kCpuBurstOnly, BurstPolicy::kCfsQuotaBurstOnly, BurstPolicy::kAuto}) {
    const std::string text = R"({"clusterStrategy": {"policy": ")" + std::string(model::name_of(policy)) + "\"}}";
    EXPECT_EQ(effective_of("cpu-burst-config", text).burst.policy, policy);
  }
}

TEST(CpuKeys, DryRunIsOffAndSetForEachMechanismAlone) {
  EXPECT_EQ(effective_of("tideline-config", "{}").dry_run, model::DryRun{});
  struct Case {
    const char* key;
    model::DryRun expected;
  };
  model::DryRun none;
  const auto with = [&](bool model::DryRun::*mechanism) {
    model::DryRun dry_run = none;
    dry_run.*mechanism = true;
    return dry_run;
  };
  const Case cases[] = {
      {"cpuSuppress", with(&model::DryRun::cpu_suppress)}, {"cpuBurst", with(&model::DryRun::cpu_burst)},
      {"cpuQos", with(&model::DryRun::cpu_qos)},           {"cpuset", with(&model::DryRun::cpuset)},
      {"batchLimits", with(&model::DryRun::batch_limits)}, {"cpuEvict", with(&model::DryRun::cpu_evict)},
      {"memoryQos", with(&model::DryRun::memory_qos)},     {"memoryRelief", with(&model::DryRun::memory_relief)},
      {"memoryEvict", with(&model::DryRun::memory_evict)}};
  for (const auto& c : cases) {
    const std::string text = std::string(R"({"clusterStrategy": {"dryRun": {")") + c.key + "\": true}}}";
    EXPECT_EQ(effective_of("tideline-config", text).dry_run, c.expected) << c.key;
  }
}

TEST(CpuKeys, DryRunOfOneGroupOfNodesLeavesTheOthersAlone) {
  const std::string text = R"({"clusterStrategy": {"dryRun": {"cpuBurst": true}},
      "nodeStrategies": [{"nodeSelector": {"matchLabels": {"new": "y"}}, "dryRun": {"cpuset": true, "cpuBurst": false}}]})";
  EXPECT_TRUE(effective_of("tideline-config", text).dry_run.cpu_burst);
  EXPECT_FALSE(effective_of("tideline-config", text).dry_run.cpuset);
  EXPECT_FALSE(effective_of("tideline-config", text, {{"new", "y"}}).dry_run.cpu_burst);
  EXPECT_TRUE(effective_of("tideline-config", text, {{"new", "y"}}).dry_run.cpuset);
}

}  // namespace
}  // namespace tideline::policy::cpu_keys_test
