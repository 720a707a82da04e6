#include "node-actor/actor/pods_file.h"

#include <random>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::node::pods_file_test {
namespace {

using testing::HasSubstr;

constexpr const char* kGood = R"({"pods": [
  {"uid": "u1", "namespace": "demo", "name": "web", "qosClass": "LS", "kubeQosClass": "Burstable", "priority": 9000,
   "requests": {"cpu": "500m", "memory": "256Mi"}, "containers": [{"name": "nginx", "id": "abc"}]},
  {"uid": "u2", "namespace": "demo", "name": "batch", "kubeQosClass": "BestEffort", "phase": "Pending",
   "requests": {"kubernetes.io/batch-cpu": 2000, "kubernetes.io/batch-memory": "1Gi"}}
]})";

std::string refusal(const std::string& text) {
  const auto pods = parse_pods_file(text, "pods.json");
  return pods.ok() ? "accepted" : pods.error().message();
}

TEST(PodsFile, ReadsEveryField) {
  const auto pods = parse_pods_file(kGood, "pods.json");
  ASSERT_TRUE(pods.ok()) << pods.error().message();
  ASSERT_EQ(pods->pods.size(), 2u);
  EXPECT_TRUE(pods->problems.empty());
  const model::Pod& web = pods->pods[0];
  EXPECT_EQ(web.uid, model::PodUid("u1"));
  EXPECT_EQ(web.qos, model::QosClass::kLs);
  EXPECT_EQ(web.priority, 9000);
  EXPECT_EQ(web.requests.cpu, model::MilliCpu(500));
  EXPECT_EQ(web.containers[0].id, "abc");
  const model::Pod& batch = pods->pods[1];
  EXPECT_EQ(batch.qos, model::QosClass::kBe) << "BestEffort without a label";
  EXPECT_EQ(batch.phase, model::PodPhase::kPending);
  EXPECT_EQ(batch.requests.batch_cpu, model::MilliCpu(2000)) << "batch-cpu counts millicores";
  EXPECT_EQ(batch.requests.batch_memory, model::Bytes(1 << 30));
}

/// The only pod of a file, with these fields beside the required ones.
PodsFile with_fields(const std::string& fields) {
  auto file = parse_pods_file(
      R"({"pods": [{"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable", )" + fields + "}]}", "f");
  EXPECT_TRUE(file.ok()) << (file ? "" : file.error().message());
  return file ? *std::move(file) : PodsFile{};
}

TEST(PodsFile, ContainersHaveTheirOwnResourcesAndThePodTheSum) {
  const auto pod = with_fields(R"("containers": [
      {"name": "a", "id": "1", "requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2"}},
      {"name": "b", "id": "2", "requests": {"cpu": "250m"}, "limits": {"cpu": 1}}])")
                       .pods.at(0);
  EXPECT_EQ(pod.containers[0].limits.cpu, model::MilliCpu(2000));
  EXPECT_EQ(pod.containers[1].requests.cpu, model::MilliCpu(250));
  EXPECT_EQ(pod.requests.cpu, model::MilliCpu(750));
  EXPECT_EQ(pod.requests.memory, model::Bytes(1 << 30));
  EXPECT_EQ(pod.limits.cpu, model::MilliCpu(3000));
}

TEST(PodsFile, MidRequestsAreThePodsOrTheSumOfItsContainers) {
  const auto pod = with_fields(R"("requests": {"kubernetes.io/mid-memory": "3Gi"}, "containers": [
      {"name": "a", "id": "1", "requests": {"kubernetes.io/mid-cpu": 500, "kubernetes.io/mid-memory": "1Gi"}},
      {"name": "b", "id": "2", "limits": {"kubernetes.io/mid-cpu": "1k"}}])")
                       .pods.at(0);
  EXPECT_EQ(pod.mid_requests.cpu, model::MilliCpu(1500)) << "mid-cpu counts millicores, and a limit is a request";
  EXPECT_EQ(pod.mid_requests.memory, model::Bytes(std::int64_t{3} << 30)) << "the pod's own";
}

TEST(PodsFile, PodLevelResourcesWinAndNeedNoContainers) {
  const auto pod = with_fields(R"("requests": {"cpu": "1"}, "containers": [
      {"name": "a", "id": "1", "requests": {"cpu": "500m"}}])")
                       .pods.at(0);
  EXPECT_EQ(pod.requests.cpu, model::MilliCpu(1000));
  EXPECT_EQ(pod.containers[0].requests.cpu, model::MilliCpu(500));
  EXPECT_EQ(
      with_fields(R"("requests": {"cpu": "1"}, "containers": [{"name": "a", "id": "1"}])").pods.at(0).requests.cpu,
      model::MilliCpu(1000));
}

TEST(PodsFile, ReadsLabelsAndAnnotations) {
  const auto file = with_fields(R"("containers": [{"name": "a", "id": "1"}],
      "labels": {"app": "web", "koordinator.sh/qosClass": "LSR", "koordinator.sh/eviction-enabled": "true",
                 "koordinator.sh/priority": "12"},
      "annotations": {"koordinator.sh/cpuBurst": "{\"policy\": \"auto\"}",
                      "koordinator.sh/cpuQOS": "{\"enable\": true}",
                      "koordinator.sh/eviction-priority": "-3",
                      "scheduling.koordinator.sh/resource-status": "{\"cpuset\": \"0-1\"}",
                      "node.koordinator.sh/extended-resource-spec":
                          "{\"containers\": {\"a\": {\"requests\": {\"kubernetes.io/batch-cpu\": \"1500\"}}}}"})");
  EXPECT_TRUE(file.problems.empty());
  const auto& pod = file.pods.at(0);
  EXPECT_EQ(pod.qos, model::QosClass::kLsr);
  EXPECT_EQ(pod.eviction,
            (model::Evictability{
                .enabled = true, .priority = -3, .sub_priority = 12, .terminating = false, .allowed_by = {}}));
  EXPECT_EQ(pod.cpu_burst->policy, model::BurstPolicy::kAuto);
  EXPECT_TRUE(pod.cpu_qos->enable);
  EXPECT_EQ(pod.bound_cpus, (model::CpuSet{0, 1}));
  EXPECT_EQ(pod.containers[0].requests.batch_cpu, model::MilliCpu(1500));
  EXPECT_EQ(pod.requests.batch_cpu, model::MilliCpu(1500)) << "and in the pod's sum";
}

TEST(PodsFile, BadAnnotationIsAProblemOfItsPodAndNotOfTheFile) {
  const auto file = with_fields(R"("labels": {"koordinator.sh/qosClass": "VIP", "n": 1},
      "annotations": {"koordinator.sh/cpuBurst": {"policy": "auto"}, "koordinator.sh/cpuQOS": "{",
                      "scheduling.koordinator.sh/resource-status": "{\"cpuset\": \"3-1\"}"})");
  const auto& pod = file.pods.at(0);
  EXPECT_EQ(pod.qos, model::QosClass::kLs) << "by kubeQosClass";
  EXPECT_FALSE(pod.cpu_burst || pod.cpu_qos);
  EXPECT_TRUE(pod.bound_cpus.empty());
  std::vector<std::string> texts;
  for (const auto& problem : file.problems)
    texts.push_back(text_of(problem));
  EXPECT_THAT(texts, testing::UnorderedElementsAre(
                         HasSubstr("pod n/x: koordinator.sh/qosClass is 'VIP': want LSE"),
                         HasSubstr("pod n/x: n is 'number': want text"),
                         HasSubstr("pod n/x: koordinator.sh/cpuBurst is 'object': want text, as in Kubernetes"),
                         HasSubstr("pod n/x: koordinator.sh/cpuQOS is '{': not JSON"),
                         HasSubstr("\"3-1\" is no list of CPUs")));
}

TEST(PodsFile, ListsOnlySoManyProblems) {
  std::string labels;
  for (int i = 0; i < 2000; ++i)
    labels += fmt::format(R"({}"l{}": 1)", i ? "," : "", i);
  EXPECT_EQ(with_fields("\"labels\": {" + labels + "}").problems.size(), PodsFile::kMaxProblems);
}

TEST(PodsFile, QosClassThatTheLabelContradictsIsRefused) {
  const std::string pod = R"({"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable", )";
  const auto file = [&](const std::string& fields) { return "{\"pods\": [" + pod + fields + "}]}"; };
  EXPECT_THAT(refusal(file(R"("qosClass": "BE", "labels": {"koordinator.sh/qosClass": "LS"})")),
              HasSubstr(R"(pods[0].qosClass: "BE", and the label koordinator.sh/qosClass says "LS")"));
  EXPECT_EQ(refusal(file(R"("qosClass": "BE", "labels": {"koordinator.sh/qosClass": "BE"})")), "accepted");
  const auto bad_label = with_fields(R"("qosClass": "BE", "labels": {"koordinator.sh/qosClass": "be"})");
  EXPECT_EQ(bad_label.pods.at(0).qos, model::QosClass::kBe) << "the field holds where the label says nothing";
  EXPECT_EQ(bad_label.problems.size(), 1u);
}

TEST(PodsFile, NamesPodFieldAndValueOfWhatItRefuses) {
  EXPECT_THAT(refusal("{"), HasSubstr("pods.json: not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("want an object"));
  EXPECT_THAT(refusal(R"({"pods": 3})"), HasSubstr("want a list"));
  EXPECT_THAT(refusal(R"({"pods": [], "extra": 1})"), HasSubstr("extra: unknown field"));
  EXPECT_THAT(refusal(R"({"pods": [{"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Best"}]})"),
              HasSubstr("pods[0].kubeQosClass: \"Best\" is none of Guaranteed, Burstable, BestEffort"));
  EXPECT_THAT(refusal(R"({"pods": [{"uid": "../x", "namespace": "n", "name": "x", "kubeQosClass": "Burstable"}]})"),
              HasSubstr("\"../x\" cannot be part of a cgroup's name"));
  EXPECT_THAT(refusal(R"({"pods": [{"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable",
                      "requests": {"cpu": "lots"}}]})"),
              HasSubstr("pods[0].requests.cpu: \"lots\""));
  const auto with_container = [](const std::string& fields) {
    return R"({"pods": [{"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable", "containers": [
        {"name": "a", "id": "1"}, {"name": "b", "id": "2", )" +
           fields + "}]}]}";
  };
  EXPECT_THAT(refusal(with_container(R"("limits": {"cpu": "lots"})")),
              HasSubstr("pods[0].containers[1].limits.cpu: \"lots\""));
  EXPECT_THAT(refusal(with_container(R"("request": {})")), HasSubstr("pods[0].containers[1].request: unknown field"));
  const std::string twin = R"({"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable"})";
  EXPECT_THAT(refusal("{\"pods\": [" + twin + "," + twin + "]}"), HasSubstr("\"u\" appears twice"));
}

/// A file with one pod whose `field` is `value`.
std::string with(const std::string& field, const std::string& value) {
  return R"({"pods": [{"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable", ")" + field +
         "\": " + value + "}]}";
}

TEST(PodsFile, APodThatSomebodyEndsHasADeletionTimestamp) {
  const auto terminating = [](const std::string& value) {
    return parse_pods_file(with("deletionTimestamp", value), "f")->pods.at(0).eviction.terminating;
  };
  EXPECT_TRUE(terminating(R"("2026-11-30T12:00:00Z")"));
  EXPECT_TRUE(terminating(R"("2126-11-30T12:00:00.5+01:00")")) << "asked to end, with grace until then";
  EXPECT_FALSE(terminating("null"));
  EXPECT_FALSE(with_fields(R"("priority": 1)").pods.at(0).eviction.terminating);
  EXPECT_THAT(refusal(with("deletionTimestamp", "true")), HasSubstr("pods[0].deletionTimestamp: want text, got true"));
  EXPECT_THAT(refusal(with("deletionTimestamp", R"("")")), HasSubstr("pods[0].deletionTimestamp: empty"));
  EXPECT_THAT(refusal(with("deletionTimestamp", R"("soon")")),
              HasSubstr(R"(pods[0].deletionTimestamp: "soon" is no time as in RFC 3339, such as 2026)"));
}

TEST(PodsFile, WhatAPodThatSomebodyEndsReleasesIsCreditedByCpuEviction) {
  decide::test::EvictHost host;
  std::string list;
  for (const std::string_view uid : {"a", "b", "c", "d", "e"}) {
    list +=
        fmt::format(R"({}{{"uid": "{}", "namespace": "batch", "name": "job", "kubeQosClass": "BestEffort",
                            "priority": 5000, "requests": {{"kubernetes.io/batch-cpu": 8000}}{}}})",
                    list.empty() ? "" : ",", uid, uid == "b" ? R"(, "deletionTimestamp": "2026-11-30T12:00:00Z")" : "");
  }
  const auto file = parse_pods_file("{\"pods\": [" + list + "]}", "pods.json");
  ASSERT_TRUE(file.ok()) << file.error().message();
  host.pods = file->pods;
  const auto decision = host.round();
  EXPECT_EQ(decision.of(decide::EvictTask::kBeSatisfaction).credited, model::MilliCpu(8000));
  EXPECT_EQ(decide::test::uids_of(decision), std::vector<std::string>{"c"}) << "one more is enough, and it is not b";
}

TEST(PodsFile, DeepNestingIsRefusedInEveryPlaceWithoutRecursion) {
  constexpr std::size_t kDepth = 1'000'000;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_THAT(refusal(with("priority", deep)), HasSubstr("pods[0].priority: want a 32-bit integer, got array"));
  EXPECT_THAT(refusal(with("workload", deep)), HasSubstr("pods[0].workload: want text, got array"));
  EXPECT_THAT(refusal(with("requests", "{\"cpu\": " + deep + "}")),
              HasSubstr("pods[0].requests.cpu: want a quantity, got array"));
  EXPECT_THAT(refusal(deep), HasSubstr("want an object, got array"));
}

TEST(PodsFile, PriorityIsNeverWrappedRound) {
  for (const char* value : {"18446744073709551615", "9223372036854775808", "2147483648", "-2147483649"})
    EXPECT_THAT(refusal(with("priority", value)), HasSubstr(std::string("got ") + value));
  EXPECT_EQ(parse_pods_file(with("priority", "-2147483648"), "f")->pods.at(0).priority, INT32_MIN);
  EXPECT_EQ(parse_pods_file(with("priority", "2147483647"), "f")->pods.at(0).priority, INT32_MAX);
}

TEST(PodsFile, WhatNoReportMayCarryIsRefusedWithPodFieldAndValue) {
  EXPECT_EQ(refusal(with("requests", R"({"cpu": "10k"})")), "accepted");
  EXPECT_THAT(refusal(with("requests", R"({"cpu": "10001"})")),
              HasSubstr("pods[0].requests.cpu: \"10001\" is 10001000, limit 10000000"));
  EXPECT_THAT(refusal(with("limits", R"({"kubernetes.io/batch-cpu": 10000001})")),
              HasSubstr("pods[0].limits.kubernetes.io/batch-cpu: \"10000001\""));
  EXPECT_THAT(refusal(with("requests", R"({"kubernetes.io/mid-cpu": 10000001})")),
              HasSubstr("pods[0].requests.kubernetes.io/mid-cpu: \"10000001\""));
  EXPECT_EQ(refusal(with("limits", R"({"memory": "1Pi"})")), "accepted");
  EXPECT_THAT(refusal(with("limits", R"({"memory": "2Pi"})")), HasSubstr("pods[0].limits.memory: \"2Pi\""));
  EXPECT_THAT(refusal(with("requests", R"({"kubernetes.io/batch-memory": "2Pi"})")), HasSubstr("\"2Pi\""));
  EXPECT_THAT(refusal(with("requests", "{\"cpu\": \"" + std::string(1000, '1') + "\"}")),
              HasSubstr("string of 1002 bytes"));
}

TEST(PodsFile, SumOfContainersBeyondAnyHostIsRefused) {
  EXPECT_THAT(refusal(with("containers", R"([{"name": "a", "id": "1", "requests": {"cpu": "6k"}},
                                             {"name": "b", "id": "2", "requests": {"cpu": "6k"}}])")),
              HasSubstr("pods[0].requests: the containers' sum is 12000000 millicores"));
}

TEST(PodsFile, LabelsMustBeAnObject) {
  EXPECT_THAT(refusal(with("labels", "[]")), HasSubstr("pods[0].labels: want an object of texts, got array"));
  EXPECT_THAT(refusal(with("annotations", "\"a\"")), HasSubstr("pods[0].annotations: want an object"));
}

std::string many(std::size_t pods, std::size_t containers, std::size_t text_bytes) {
  std::string list;
  for (std::size_t container = 0; container < containers; ++container)
    list += fmt::format(R"({}{{"name": "{}", "id": "i"}})", container > 0 ? "," : "", std::string(text_bytes, 'c'));
  std::string text;
  for (std::size_t pod = 0; pod < pods; ++pod)
    text += fmt::format(R"({}{{"uid": "u{}", "namespace": "n", "name": "x", "kubeQosClass": "Burstable",
                          "containers": [{}]}})",
                        pod > 0 ? "," : "", pod, list);
  return "{\"pods\": [" + text + "]}";
}

TEST(PodsFile, PodsThatDoNotFitAReportAreRefused) {
  EXPECT_EQ(refusal(many(1024, 0, 1)), "accepted");
  EXPECT_EQ(refusal(many(800, 2, 1)), "accepted");
  EXPECT_THAT(refusal(many(1024, 2, 1)), HasSubstr("list fewer pods or containers"));
  EXPECT_EQ(refusal(many(200, 8, 60)), "accepted");
  EXPECT_THAT(refusal(many(1024, 4, 60)), HasSubstr("pods.json: its 1024 pods take "));
  EXPECT_THAT(refusal(many(256, 64, 60)), HasSubstr("limit")) << "more than a whole report";
}

TEST(PodsFile, NeverCrashesOnDamagedText) {
  std::string good = kGood;
  good.replace(good.find("\"containers\""), 0,
               R"("annotations": {"koordinator.sh/cpuBurst": "{\"policy\": \"auto\"}"}, )");
  ASSERT_EQ(refusal(good), "accepted");
  const unsigned seed = 20'261;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string text = good;
    for (int flips = 0; flips < 4; ++flips)
      text[random() % text.size()] = static_cast<char>(random());
    text.resize(text.size() - random() % 40);
    (void)parse_pods_file(text, "pods.json").ok();
  }
}

}  // namespace
}  // namespace tideline::node::pods_file_test
