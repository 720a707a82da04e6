#include "node-actor/actor/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::node::policy_file_test {
namespace {

using testing::HasSubstr;

model::NodePolicy some_policy(int percent) {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(9);
  policy.epoch = model::Epoch(4);
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_threshold_percent = percent;
  return policy;
}

TEST(PolicyFile, NoneWasEverKept) {
  const test::TempDir dir;
  const auto policy = load_policy(dir.str());
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(*policy, std::nullopt);
}

TEST(PolicyFile, LastKeptIsLoaded) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_policy(dir.str(), some_policy(40)).ok());
  ASSERT_TRUE(keep_policy(dir.str(), some_policy(50)).ok());
  const auto policy = load_policy(dir.str());
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_EQ(*policy, some_policy(50));
}

TEST(PolicyFile, EveryMechanismsFieldsAreKept) {
  const test::TempDir dir;
  model::NodePolicy policy = some_policy(40);
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  policy.threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  policy.threshold.evict_enabled_priority_threshold = -5;
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  policy.qos.ls.core_expeller = false;
  policy.burst.policy = model::BurstPolicy::kAuto;
  policy.burst.cfs_quota_burst_period_seconds = 60;
  policy.dry_run.cpuset = true;
  ASSERT_TRUE(keep_policy(dir.str(), policy).ok());
  EXPECT_EQ(*load_policy(dir.str()), policy);
}

TEST(PolicyFile, AttemptThatDiedHalfwayIsNotSeen) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_policy(dir.str(), some_policy(40)).ok());
  dir.write("policy.new", "half");
  EXPECT_EQ(*load_policy(dir.str()), some_policy(40));
  ASSERT_TRUE(keep_policy(dir.str(), some_policy(50)).ok());
  EXPECT_EQ(*load_policy(dir.str()), some_policy(50));
}

TEST(PolicyFile, DamageIsAnErrorThatNamesTheFile) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_policy(dir.str(), some_policy(40)).ok());
  const std::string good = dir.read("policy");
  for (std::size_t length = 0; length < good.size(); length += 8) {
    dir.write("policy", good.substr(0, length));
    const auto policy = load_policy(dir.str());
    ASSERT_FALSE(policy.ok()) << length;
    EXPECT_EQ(policy.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(policy.error().message(), HasSubstr(dir.str() + "/policy"));
  }
}

TEST(PolicyFile, DirectoryInItsPlaceIsAnErrorAndNoCrash) {
  const test::TempDir dir;
  dir.write("policy/x", "");
  const auto policy = load_policy(dir.str());
  ASSERT_FALSE(policy.ok());
  EXPECT_THAT(policy.error().message(), HasSubstr("not a regular file"));
}

TEST(PolicyFile, WhatCannotBeKeptSaysWhere) {
  const test::TempDir dir;
  const auto kept = keep_policy(dir.str() + "/gone", some_policy(40));
  ASSERT_FALSE(kept.ok());
  EXPECT_THAT(kept.error().message(), HasSubstr(dir.str() + "/gone"));
}

}  // namespace
}  // namespace tideline::node::policy_file_test
