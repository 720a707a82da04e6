#include "messages/model/pod_metadata.h"

#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/report.h"

namespace tideline::model::pod_metadata_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

/// A pod with two containers, and what was wrong with one label or annotation of it.
struct Applied {
  Pod pod;
  std::vector<MetadataProblem> problems;
};

Pod plain() {
  Pod pod;
  pod.uid = PodUid("u");
  pod.containers = {{.name = "main", .id = "1", .requests = {}, .limits = {}},
                    {.name = "side", .id = "2", .requests = {}, .limits = {}}};
  return pod;
}

Applied annotated(std::string_view key, const std::string& value) {
  Applied applied{plain(), {}};
  PodMetadata metadata;
  metadata.annotations.emplace(key, value);
  applied.problems = apply_metadata(metadata, applied.pod);
  return applied;
}

Applied labelled(std::string_view key, const std::string& value) {
  Applied applied{plain(), {}};
  PodMetadata metadata;
  metadata.labels.emplace(key, value);
  applied.problems = apply_metadata(metadata, applied.pod);
  return applied;
}

TEST(PodMetadata, NothingChangesWithoutKnownKeys) {
  EXPECT_EQ(labelled("app", "web").pod, plain());
  EXPECT_EQ(annotated("koordinator.sh/blkioQOS", "{").pod, plain());
  EXPECT_THAT(annotated("koordinator.sh/blkioQOS", "{").problems, IsEmpty());
  EXPECT_EQ(annotated(kQosClassLabel, "BE").pod, plain()) << "an annotation is no label";
  EXPECT_EQ(labelled(kCpuBurstAnnotation, R"({"policy": "auto"})").pod, plain());
}

TEST(PodMetadata, ReadsTheLabels) {
  EXPECT_EQ(labelled(kQosClassLabel, "LSE").pod.qos, QosClass::kLse);
  EXPECT_EQ(labelled(kSubPriorityLabel, "-7").pod.eviction.sub_priority, -7);
  EXPECT_TRUE(labelled(kEvictionEnabledLabel, "true").pod.eviction.enabled);
  EXPECT_FALSE(labelled(kEvictionEnabledLabel, "false").pod.eviction.enabled);
  EXPECT_EQ(labelled(kCoreSchedGroupLabel, "web").pod.core_sched.group_id, "web");
  EXPECT_EQ(labelled(kCoreSchedPolicyLabel, "exclusive").pod.core_sched.policy, CoreSchedPolicy::kExclusive);
  EXPECT_EQ(labelled(kCoreSchedPolicyLabel, "none").pod.core_sched.policy, CoreSchedPolicy::kNone);
  EXPECT_EQ(labelled(kCoreSchedPolicyLabel, "").pod.core_sched.policy, CoreSchedPolicy::kGroup);
}

TEST(PodMetadata, ABadCoreSchedLabelIsAProblemAndChangesNothing) {
  const auto policy = labelled(kCoreSchedPolicyLabel, "alone");
  ASSERT_EQ(policy.problems.size(), 1u);
  EXPECT_THAT(policy.problems[0].why, testing::HasSubstr("want none, exclusive or nothing"));
  EXPECT_EQ(policy.pod.core_sched, CoreSchedLabels{});
  const auto group = labelled(kCoreSchedGroupLabel, std::string(64, 'x').c_str());
  EXPECT_EQ(group.problems.size(), 1u);
  EXPECT_EQ(group.pod.core_sched.group_id, "");
}

TEST(PodMetadata, ReadsCpuBurstAndLeavesTheRestToTheNode) {
  const auto applied = annotated(kCpuBurstAnnotation, R"({"policy": "cpuBurstOnly", "cpuBurstPercent": 200,
                                                          "cfsQuotaBurstPeriodSeconds": -1, "cfsQuotaBurstPercent": null})");
  EXPECT_THAT(applied.problems, IsEmpty());
  ASSERT_TRUE(applied.pod.cpu_burst);
  EXPECT_EQ(applied.pod.cpu_burst->policy, BurstPolicy::kCpuBurstOnly);
  EXPECT_EQ(applied.pod.cpu_burst->cpu_burst_percent, 200);
  EXPECT_EQ(applied.pod.cpu_burst->cfs_quota_burst_period_seconds, -1);
  EXPECT_EQ(applied.pod.cpu_burst->cfs_quota_burst_percent, std::nullopt);
  EXPECT_EQ(applied.pod.cpu_burst->share_pool_threshold_percent, std::nullopt);
}

TEST(PodMetadata, ReadsCpuQosBoundCpusAndEvictionPriority) {
  EXPECT_EQ(annotated(kCpuQosAnnotation, R"({"enable": true, "groupIdentity": -1})").pod.cpu_qos,
            (CpuQosOverride{.enable = true, .group_identity = -1}));
  EXPECT_EQ(annotated(kCpuQosAnnotation, "{}").pod.cpu_qos, CpuQosOverride{}) << "not enabled unless it says so";
  const auto bound = annotated(kResourceStatusAnnotation,
                               R"({"cpuset": "0-3,8", "numaNodeResources": [{"node": 0, "resources": {"cpu": "5"}}]})");
  EXPECT_EQ(bound.pod.bound_cpus, (CpuSet{0, 1, 2, 3, 8}));
  EXPECT_THAT(bound.problems, IsEmpty());
  EXPECT_THAT(annotated(kResourceStatusAnnotation, R"({"numaNodeResources": []})").problems, IsEmpty());
  EXPECT_EQ(annotated(kEvictionPolicyAnnotation, R"(["BECPUEvict"])").pod.eviction.allowed_by,
            (std::vector<std::string>{"BECPUEvict"}));
  EXPECT_EQ(annotated(kEvictionPolicyAnnotation, "BECPUEvict").pod.eviction.allowed_by, std::vector<std::string>{})
      << "what cannot be read lets nobody evict the pod";
  EXPECT_EQ(annotated(kEvictionPriorityAnnotation, "-2147483648").pod.eviction.priority, INT32_MIN);
}

TEST(PodMetadata, ReadsMemoryQosWithItsSwitchesAsKoordinatorSpellsThem) {
  const auto applied = annotated(kMemoryQosAnnotation, R"({"policy": "auto", "minLimitPercent": 10,
      "lowLimitPercent": 20, "throttlingPercent": 0, "wmarkRatio": 95, "wmarkScalePermill": 20, "wmarkMinAdj": -25,
      "priorityEnable": 1, "priority": 12, "oomKillGroup": 0, "pageCacheEnable": true, "pageCacheLimitPercent": 50,
      "pageCacheLimitSize": 4294967296, "pageCacheReclaimSync": false})");
  EXPECT_THAT(applied.problems, IsEmpty());
  MemoryQosOverride expected;
  expected.policy = MemoryQosOverride::Policy::kAuto;
  expected.min_limit_percent = 10;
  expected.low_limit_percent = 20;
  expected.throttling_percent = 0;
  expected.wmark_ratio = 95;
  expected.wmark_scale_permill = 20;
  expected.wmark_min_adj = -25;
  expected.priority_enable = true;
  expected.priority = 12;
  expected.oom_kill_group = false;
  expected.page_cache_enable = true;
  expected.page_cache_limit_percent = 50;
  expected.page_cache_limit_size = Bytes(std::int64_t{1} << 32);
  expected.page_cache_reclaim_sync = false;
  EXPECT_EQ(applied.pod.memory_qos, expected);
  EXPECT_EQ(annotated(kMemoryQosAnnotation, "{}").pod.memory_qos, MemoryQosOverride{}) << "as its class";
  EXPECT_EQ(annotated(kMemoryQosAnnotation, R"({"policy": ""})").pod.memory_qos, MemoryQosOverride{});
  EXPECT_EQ(annotated(kMemoryQosAnnotation, R"({"policy": "none"})").pod.memory_qos->policy,
            MemoryQosOverride::Policy::kNone);
  const auto misspelt = annotated(kMemoryQosAnnotation, R"({"lowLimitPercent": 5, "minLimit": 5})");
  EXPECT_EQ(misspelt.pod.memory_qos->low_limit_percent, 5);
  EXPECT_THAT(misspelt.problems, ElementsAre(Field(&MetadataProblem::why, HasSubstr("\"minLimit\" is not known"))));
}

TEST(PodMetadata, FillsBatchResourcesThatAContainerHasNotItself) {
  Pod pod = plain();
  pod.containers[1].limits.batch_cpu = MilliCpu(1);
  PodMetadata metadata;
  metadata.annotations.emplace(kExtendedResourceAnnotation, R"({"containers": {
      "main": {"requests": {"kubernetes.io/batch-cpu": "1500", "kubernetes.io/batch-memory": "1Gi"},
               "limits": {"kubernetes.io/batch-cpu": 2000, "kubernetes.io/mid-cpu": "9"}},
      "side": {"limits": {"kubernetes.io/batch-cpu": "3000", "kubernetes.io/batch-memory": "2Gi"}}}})");
  EXPECT_THAT(apply_metadata(metadata, pod), IsEmpty());
  EXPECT_EQ(pod.containers[0].requests.batch_cpu, MilliCpu(1500)) << "batch-cpu counts millicores";
  EXPECT_EQ(pod.containers[0].requests.batch_memory, Bytes(1 << 30));
  EXPECT_EQ(pod.containers[0].limits.batch_cpu, MilliCpu(2000));
  EXPECT_EQ(pod.containers[0].limits.batch_memory, std::nullopt);
  EXPECT_EQ(pod.containers[1].limits.batch_cpu, MilliCpu(1)) << "the container's own";
  EXPECT_EQ(pod.containers[1].limits.batch_memory, Bytes(std::int64_t{2} << 30));
  EXPECT_EQ(pod.mid_requests.cpu, MilliCpu(9)) << "a limit is a request, too";
  EXPECT_EQ(pod.mid_requests.memory, std::nullopt);
}

TEST(PodMetadata, AddsUpWhatContainersRequestOfMid) {
  PodMetadata metadata;
  metadata.annotations.emplace(kExtendedResourceAnnotation, R"({"containers": {
      "main": {"requests": {"kubernetes.io/mid-cpu": "1500", "kubernetes.io/mid-memory": "1Gi"}},
      "side": {"requests": {"kubernetes.io/mid-cpu": 500}}}})");
  Pod pod = plain();
  EXPECT_THAT(apply_metadata(metadata, pod), IsEmpty());
  EXPECT_EQ(pod.mid_requests.cpu, MilliCpu(2000)) << "mid-cpu counts millicores";
  EXPECT_EQ(pod.mid_requests.memory, Bytes(1 << 30));

  Pod own = plain();
  own.mid_requests.cpu = MilliCpu(100);
  EXPECT_THAT(apply_metadata(metadata, own), IsEmpty());
  EXPECT_EQ(own.mid_requests.cpu, MilliCpu(100)) << "the pod's own";
  EXPECT_EQ(own.mid_requests.memory, Bytes(1 << 30));
}

struct BadCase {
  std::string_view key;
  const char* value;
  const char* why;
};

TEST(PodMetadata, BadAnnotationIsOneProblemAndLeavesThePodAsItWas) {
  const BadCase cases[] = {
      {kEvictionPriorityAnnotation, "high", "want an integer in -2147483648..2147483647"},
      {kEvictionPriorityAnnotation, "2147483648", "want an integer"},
      {kEvictionPriorityAnnotation, "", "want an integer"},
      {kEvictionPriorityAnnotation, "5 ", "want an integer"},
      {kCpuBurstAnnotation, "auto", "not JSON"},
      {kCpuBurstAnnotation, "[]", "want a JSON object, got array"},
      {kCpuBurstAnnotation, R"({"policy": "Auto"})", R"(policy is "Auto"; want none | cpuBurstOnly)"},
      {kCpuBurstAnnotation, R"({"policy": 3})", "policy is 3"},
      {kCpuBurstAnnotation, R"({"policy": "auto", "cpuBurstPercent": 0})",
       "cpuBurstPercent is 0; want an integer in 1..10000"},
      {kCpuBurstAnnotation, R"({"cpuBurstPercent": 10001})", "1..10000"},
      {kCpuBurstAnnotation, R"({"cpuBurstPercent": 18446744073709551615})", "18446744073709551615"},
      {kCpuBurstAnnotation, R"({"cpuBurstPercent": 200.5})", "200.5"},
      {kCpuBurstAnnotation, R"({"cpuBurstPercent": "200"})", "\"200\""},
      {kCpuBurstAnnotation, R"({"cfsQuotaBurstPercent": 99})", "100..2147483647"},
      {kCpuBurstAnnotation, R"({"cfsQuotaBurstPeriodSeconds": -2})", "-1..2147483647"},
      {kCpuBurstAnnotation, R"({"sharePoolThresholdPercent": 101})", "0..100"},
      {kCpuQosAnnotation, R"({"enable": "true"})", "enable is \"true\"; want true or false"},
      {kCpuQosAnnotation, R"({"enable": true, "groupIdentity": 3})", "-1..2"},
      {kMemoryQosAnnotation, R"({"policy": "Auto"})", R"(policy is "Auto"; want default | none | auto)"},
      {kMemoryQosAnnotation, R"({"minLimitPercent": 101})", "minLimitPercent is 101; want an integer in 0..100"},
      {kMemoryQosAnnotation, R"({"wmarkScalePermill": 0})", "1..1000"},
      {kMemoryQosAnnotation, R"({"wmarkMinAdj": 51})", "-25..50"},
      {kMemoryQosAnnotation, R"({"priorityEnable": true})", "priorityEnable is true; want an integer in 0..1"},
      {kMemoryQosAnnotation, R"({"priority": 13})", "0..12"},
      {kMemoryQosAnnotation, R"({"oomKillGroup": 2})", "0..1"},
      {kMemoryQosAnnotation, R"({"pageCacheEnable": 1})", "true or false"},
      {kMemoryQosAnnotation, R"({"pageCacheLimitSize": -1})", "pageCacheLimitSize is -1"},
      {kMemoryQosAnnotation, R"({"pageCacheLimitSize": 18446744073709551615})", "18446744073709551615"},
      {kMemoryQosAnnotation, R"({"pageCacheLimitSize": 2251799813685248})", "2251799813685248"},
      {kResourceStatusAnnotation, R"({"cpuset": "3-1"})", "\"3-1\" is no list of CPUs"},
      {kResourceStatusAnnotation, R"({"cpuset": [1, 2]})", "cpuset is array"},
      {kResourceStatusAnnotation, R"({"cpuset": "9999"})", "9999"},
      {kExtendedResourceAnnotation, R"({"containers": []})", "containers is array"},
      {kExtendedResourceAnnotation, R"({"containers": {"main": 1}})", "\"main\" is 1"},
      {kExtendedResourceAnnotation, R"({"containers": {"other": {}}})", "the pod has no container \"other\""},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"requests": 1}}})", "requests is 1"},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"requests": {"kubernetes.io/batch-cpu": "1500"}},
          "side": {"requests": {"kubernetes.io/batch-cpu": "lots"}}}})",
       "kubernetes.io/batch-cpu: \"lots\""},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"limits": {"kubernetes.io/batch-memory": -1}}}})",
       "negative"},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"limits": {"kubernetes.io/batch-memory": "2Pi"}}}})",
       "at most"},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"limits": {"kubernetes.io/batch-cpu": true}}}})",
       "quantity"},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"requests": {"kubernetes.io/batch-cpu": "6M"}},
          "side": {"requests": {"kubernetes.io/batch-cpu": "6M"}}}})",
       "sum"},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"requests": {"kubernetes.io/mid-cpu": "lots"}}}})",
       "kubernetes.io/mid-cpu: \"lots\""},
      {kExtendedResourceAnnotation, R"({"containers": {"main": {"requests": {"kubernetes.io/mid-cpu": "6M"}},
          "side": {"requests": {"kubernetes.io/mid-cpu": "6M"}}}})",
       "sum"},
  };
  for (const auto& c : cases) {
    const auto applied = annotated(c.key, c.value);
    EXPECT_EQ(applied.pod, plain()) << c.key << " " << c.value;
    ASSERT_THAT(applied.problems,
                ElementsAre(AllOf(Field(&MetadataProblem::key, c.key),
                                  Field(&MetadataProblem::why, AllOf(HasSubstr(c.why), HasSubstr("it is ignored"))))))
        << c.value;
  }
}

TEST(PodMetadata, BadLabelIsOneProblemAndLeavesThePodAsItWas) {
  for (const auto& c : {BadCase{kQosClassLabel, "ls", "want LSE, LSR, LS, BE or SYSTEM"},
                        BadCase{kQosClassLabel, "", "want LSE"}, BadCase{kSubPriorityLabel, "1.5", "want an integer"},
                        BadCase{kEvictionEnabledLabel, "True", "want true or false"}}) {
    const auto applied = labelled(c.key, c.value);
    EXPECT_EQ(applied.pod, plain()) << c.key;
    EXPECT_THAT(applied.problems, ElementsAre(AllOf(Field(&MetadataProblem::value, c.value),
                                                    Field(&MetadataProblem::why, HasSubstr(c.why)))));
  }
}

TEST(PodMetadata, MisspeltMemberIsToldAndTheOthersAreTaken) {
  const auto applied = annotated(kCpuBurstAnnotation, R"({"policy": "auto", "cfsQuotaBurstPercnt": 200})");
  EXPECT_EQ(applied.pod.cpu_burst->policy, BurstPolicy::kAuto);
  EXPECT_THAT(applied.problems,
              ElementsAre(Field(&MetadataProblem::why, AllOf(HasSubstr("\"cfsQuotaBurstPercnt\" is not known"),
                                                             HasSubstr("cfsQuotaBurstPercent")))));
}

TEST(PodMetadata, OneBadKeyDoesNotHideTheOthers) {
  Pod pod = plain();
  PodMetadata metadata;
  metadata.annotations.emplace(kCpuBurstAnnotation, "{");
  metadata.annotations.emplace(kResourceStatusAnnotation, R"({"cpuset": "1"})");
  metadata.labels.emplace(kSubPriorityLabel, "x");
  EXPECT_EQ(apply_metadata(metadata, pod).size(), 2u);
  EXPECT_EQ(pod.bound_cpus, CpuSet{1});
}

TEST(PodMetadata, ValuesAreShownCut) {
  const auto applied = annotated(kCpuBurstAnnotation, std::string(100'000, 'x'));
  EXPECT_EQ(applied.problems.at(0).value.size(), MetadataProblem::kMaxShownBytes + 3);
  const auto member = annotated(kCpuBurstAnnotation, R"({"policy": ")" + std::string(100'000, 'x') + "\"}");
  EXPECT_LT(member.problems.at(0).why.size(), 300u);
}

TEST(PodMetadata, DeepNestingIsAProblemAndNoRecursion) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  for (const auto key : {kCpuBurstAnnotation, kCpuQosAnnotation, kMemoryQosAnnotation, kResourceStatusAnnotation,
                         kExtendedResourceAnnotation})
    EXPECT_EQ(annotated(key, deep).problems.size(), 1u);
  EXPECT_EQ(annotated(kCpuBurstAnnotation, R"({"policy": )" + deep + "}").problems.size(), 1u);
  EXPECT_EQ(annotated(kExtendedResourceAnnotation,
                      R"({"containers": {"main": {"limits": {"kubernetes.io/batch-cpu": )" + deep + "}}}}")
                .problems.size(),
            1u);
}

TEST(PodMetadata, AnyDamagedTextGivesAPodThatAReportMayCarry) {
  const std::string seeds[] = {R"({"policy": "auto", "cpuBurstPercent": 200, "cfsQuotaBurstPeriodSeconds": -1})",
                               R"({"enable": true, "groupIdentity": 2})",
                               R"({"policy": "auto", "wmarkRatio": 95, "priority": 12, "pageCacheLimitSize": 9})",
                               R"({"cpuset": "0-3,8"})",
                               R"({"containers": {"main": {"requests": {"kubernetes.io/batch-cpu": "15"}}}})",
                               "9999"};
  const std::string_view keys[] = {kCpuBurstAnnotation,       kCpuQosAnnotation,           kMemoryQosAnnotation,
                                   kResourceStatusAnnotation, kExtendedResourceAnnotation, kEvictionPriorityAnnotation};
  constexpr std::string_view kBytes = "{}[]\":,-0123456789.eEP\\ \xff";
  std::size_t taken = 0;
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    const std::size_t which = random() % std::size(seeds);
    std::string text = seeds[which];
    for (auto edits = 1 + random() % 3; edits > 0; --edits)
      text[random() % text.size()] = kBytes[random() % kBytes.size()];
    const auto applied = annotated(keys[which], text);
    Report report;
    report.node = NodeName("n");
    report.seq = Seq(1);
    report.pods.push_back(
        {.pod = applied.pod, .cpu_milli = {}, .memory_bytes = {}, .throttled_ratio = {}, .run_delay = {}});
    const auto valid = validate(report);
    ASSERT_TRUE(valid.ok()) << "seed " << seed << " " << text << ": " << valid.error().message();
    taken += applied.pod == plain() ? 0 : 1;
  }
  EXPECT_GT(taken, 200u) << "mutations must reach past the JSON parser";
}

}  // namespace
}  // namespace tideline::model::pod_metadata_test
