// Bytes as they were once written: spools, histories, state directories and other versions have them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"
#include "messages/codec/wire.h"
#include "test/messages/codec/golden_hex.h"
#include "test/messages/codec/samples.h"

namespace tideline::codec::golden_test {
namespace {

const std::string kGoldenReport =
#include "test/messages/codec/golden_report.inc"
    ;
const std::string kGoldenPolicy =
#include "test/messages/codec/golden_policy.inc"
    ;
// With two host applications, by the capnp tool: its order of objects is not ours.
const std::string kGoldenReportWithApplications =
#include "test/messages/codec/golden_report_with_applications.inc"
    ;
const std::string kGoldenPolicyWithApplications =
#include "test/messages/codec/golden_policy_with_applications.inc"
    ;
// With host applications and zones, by the capnp tool.
const std::string kGoldenReportWithZones =
#include "test/messages/codec/golden_report_with_zones.inc"
    ;
// Before the memory side.
const std::string kGoldenReportWithoutMemory =
#include "test/messages/codec/golden_report_without_memory.inc"
    ;
const std::string kGoldenPolicyWithoutMemory =
#include "test/messages/codec/golden_policy_without_memory.inc"
    ;
// Before Report.podList: spools and histories hold these.
const std::string kGoldenReportWithoutList =
#include "test/messages/codec/golden_report_without_list.inc"
    ;
// Before NodeStatus.annotations.
const std::string kGoldenReportWithoutAnnotations =
#include "test/messages/codec/golden_report_without_annotations.inc"
    ;
// Before NodePolicy.scaling.
const std::string kGoldenPolicyWithoutScaling =
#include "test/messages/codec/golden_policy_without_scaling.inc"
    ;
// Before ColocationPolicy.updateTimeThresholdSeconds.
const std::string kGoldenPolicyWithoutUpdateThreshold =
#include "test/messages/codec/golden_policy_without_update_threshold.inc"
    ;
// As version 0.1 wrote them: stored history and older programs have these.
const std::string kGoldenReport01 =
#include "test/messages/codec/golden_report_0_1.inc"
    ;
const std::string kGoldenPolicy01 =
#include "test/messages/codec/golden_policy_0_1.inc"
    ;

TEST(GoldenBytes, ReportIsWrittenAsEver) {
  const auto bytes = to_bytes(known_report());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(hex(*bytes), kGoldenReport) << "stored history and other versions read these bytes";
}

TEST(GoldenBytes, ReportIsReadAsEver) {
  const auto report = report_from_bytes(unhex(kGoldenReport));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(*report, known_report());
}

model::Report report_of_before_memory() {
  auto report = known_report();
  report.samples[0].memory_side = {};
  report.pods[0].memory_signals = {};
  report.pods[0].pod.change([](model::Pod& pod) { pod.memory_qos.reset(); });
  return report;
}

TEST(GoldenBytes, ReportOfBeforeTheMemorySideIsReadAsOneThatDoesNotKnowIt) {
  const auto report = report_from_bytes(unhex(kGoldenReportWithoutMemory));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(*report, report_of_before_memory());
}

TEST(GoldenBytes, ReportOfBeforeListsOfPodsIsReadAsItWas) {
  const auto report = report_from_bytes(unhex(kGoldenReportWithoutList));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(*report, report_of_before_memory());
}

TEST(GoldenBytes, ReportOfBeforeAnnotationsApplicationsAndZonesIsReadAsOneWithoutAny) {
  const auto report = report_from_bytes(unhex(kGoldenReportWithoutAnnotations));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(*report, report_of_before_memory());
}

TEST(GoldenBytes, PolicyIsWrittenAndReadAsEver) {
  EXPECT_EQ(hex(to_bytes(known_full_policy())), kGoldenPolicy);
  const auto policy = policy_from_bytes(unhex(kGoldenPolicy));
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(*policy, known_full_policy());
}

model::NodePolicy policy_of_before_memory() {
  const model::NodePolicy defaults;
  auto policy = known_full_policy();
  policy.threshold.memory_evict_threshold_percent = 70;
  policy.threshold.memory_evict_lower_percent.reset();
  policy.threshold.memory_allocatable_evict_threshold_percent.reset();
  policy.threshold.memory_allocatable_evict_lower_percent.reset();
  policy.qos.lsr_memory = defaults.qos.lsr_memory;
  policy.qos.ls_memory = defaults.qos.ls_memory;
  policy.qos.be_memory = defaults.qos.be_memory;
  policy.relief = defaults.relief;
  policy.dry_run.memory_evict = false;
  return policy;
}

TEST(GoldenBytes, PolicyOfBeforeTheMemorySideHasItsDefaults) {
  const auto policy = policy_from_bytes(unhex(kGoldenPolicyWithoutMemory));
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(*policy, policy_of_before_memory());
}

model::NodePolicy policy_of_before_update_threshold() {
  auto policy = policy_of_before_memory();
  policy.colocation.update_time_threshold_seconds = 300;
  return policy;
}

TEST(GoldenBytes, PolicyOfBeforeTheUpdateThresholdHasItsDefault) {
  const auto policy = policy_from_bytes(unhex(kGoldenPolicyWithoutUpdateThreshold));
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(*policy, policy_of_before_update_threshold());
}

model::Report report_with_applications() {
  auto expected = report_of_before_memory();
  expected.applications = {{.name = "nginx",
                            .tier = model::Tier::kProd,
                            .qos = model::QosClass::kLs,
                            .group = "host-latency-sensitive/nginx",
                            .state = model::ApplicationState::kMeasured,
                            .cpu_milli = model::Spread{100, 200, 300},
                            .memory_bytes = model::Spread{1024, 2048, 4096}},
                           {.name = "yarn",
                            .tier = model::Tier::kBatch,
                            .qos = model::QosClass::kBe,
                            .group = "kubepods/besteffort/host/yarn",
                            .state = model::ApplicationState::kNotFound,
                            .cpu_milli = {},
                            .memory_bytes = {}}};
  return expected;
}

TEST(GoldenBytes, ZonesAreReadAsEver) {
  const auto report = report_from_bytes(unhex(kGoldenReportWithZones));
  ASSERT_TRUE(report) << report.error().message();
  auto expected = report_with_applications();
  expected.zones = {{.id = 0,
                     .cpu_capacity = model::MilliCpu(2000),
                     .memory_capacity = model::Bytes(1'073'741'824),
                     .cpu_used = model::MilliCpu(1500),
                     .cpu_bound_idle = model::MilliCpu(500),
                     .memory_used = model::Bytes(536'870'912),
                     .be_cpu = model::MilliCpu(700),
                     .be_memory = model::Bytes(1'048'576)},
                    {.id = 2,
                     .cpu_capacity = model::MilliCpu(0),
                     .memory_capacity = model::Bytes(4'294'967'296),
                     .cpu_used = model::MilliCpu(0),
                     .cpu_bound_idle = model::MilliCpu(0),
                     .memory_used = {},
                     .be_cpu = {},
                     .be_memory = {}}};
  EXPECT_EQ(*report, expected);
}

TEST(GoldenBytes, HostApplicationsAreReadAsEver) {
  const auto report = report_from_bytes(unhex(kGoldenReportWithApplications));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(*report, report_with_applications());
  const auto policy = policy_from_bytes(unhex(kGoldenPolicyWithApplications));
  ASSERT_TRUE(policy) << policy.error().message();
  auto wanted = policy_of_before_update_threshold();
  wanted.scaling = {};
  wanted.host_applications = {
      {"nginx", model::Tier::kProd, model::QosClass::kLs, model::CgroupBase::kCgroupRoot,
       "host-latency-sensitive/nginx"},
      {"yarn", model::Tier::kBatch, model::QosClass::kBe, model::CgroupBase::kKubepodsBesteffort, "host/yarn"}};
  EXPECT_EQ(*policy, wanted);
}

TEST(GoldenBytes, PolicyOfBeforeRatiosScalesNothing) {
  auto expected = policy_of_before_update_threshold();
  expected.scaling = {};
  const auto policy = policy_from_bytes(unhex(kGoldenPolicyWithoutScaling));
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(*policy, expected);
}

TEST(GoldenBytes, ReportOfAnOlderProgramIsReadWithoutWhatItDidNotKnow) {
  model::Report expected = report_of_before_memory();
  expected.pods[0].pod.change([](model::Pod& pod) {
    pod.containers[0].limits = {};
    pod.cpu_burst.reset();
    pod.cpu_qos.reset();
    pod.bound_cpus = {};
    pod.eviction = {};
    pod.core_sched = {};
    pod.mid_requests = {};
  });
  const auto report = report_from_bytes(unhex(kGoldenReport01));
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(*report, expected);
}

TEST(GoldenBytes, PolicyOfAnOlderProgramLeavesTheRestAtItsDefaults) {
  const auto policy = policy_from_bytes(unhex(kGoldenPolicy01));
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(*policy, known_policy());
}

}  // namespace
}  // namespace tideline::codec::golden_test
