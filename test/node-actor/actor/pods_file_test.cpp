#include "node-actor/actor/pods_file.h"

#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::node {
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
  ASSERT_EQ(pods->size(), 2u);
  const model::Pod& web = (*pods)[0];
  EXPECT_EQ(web.uid, model::PodUid("u1"));
  EXPECT_EQ(web.qos, model::QosClass::kLs);
  EXPECT_EQ(web.priority, 9000);
  EXPECT_EQ(web.requests.cpu, model::MilliCpu(500));
  EXPECT_EQ(web.containers[0].id, "abc");
  const model::Pod& batch = (*pods)[1];
  EXPECT_EQ(batch.qos, model::QosClass::kBe) << "BestEffort without a label";
  EXPECT_EQ(batch.phase, model::PodPhase::kPending);
  EXPECT_EQ(batch.requests.batch_cpu, model::MilliCpu(2000)) << "batch-cpu counts millicores";
  EXPECT_EQ(batch.requests.batch_memory, model::Bytes(1 << 30));
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
  const std::string twin = R"({"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable"})";
  EXPECT_THAT(refusal("{\"pods\": [" + twin + "," + twin + "]}"), HasSubstr("\"u\" appears twice"));
}

/// A file with one pod whose `field` is `value`.
std::string with(const std::string& field, const std::string& value) {
  return R"({"pods": [{"uid": "u", "namespace": "n", "name": "x", "kubeQosClass": "Burstable", ")" + field +
         "\": " + value + "}]}";
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
  EXPECT_EQ(parse_pods_file(with("priority", "-2147483648"), "f")->at(0).priority, INT32_MIN);
  EXPECT_EQ(parse_pods_file(with("priority", "2147483647"), "f")->at(0).priority, INT32_MAX);
}

TEST(PodsFile, WhatNoReportMayCarryIsRefusedWithPodFieldAndValue) {
  EXPECT_EQ(refusal(with("requests", R"({"cpu": "10k"})")), "accepted");
  EXPECT_THAT(refusal(with("requests", R"({"cpu": "10001"})")),
              HasSubstr("pods[0].requests.cpu: \"10001\" is 10001000, limit 10000000"));
  EXPECT_THAT(refusal(with("limits", R"({"kubernetes.io/batch-cpu": 10000001})")),
              HasSubstr("pods[0].limits.kubernetes.io/batch-cpu: \"10000001\""));
  EXPECT_EQ(refusal(with("limits", R"({"memory": "1Pi"})")), "accepted");
  EXPECT_THAT(refusal(with("limits", R"({"memory": "2Pi"})")), HasSubstr("pods[0].limits.memory: \"2Pi\""));
  EXPECT_THAT(refusal(with("requests", R"({"kubernetes.io/batch-memory": "2Pi"})")), HasSubstr("\"2Pi\""));
  EXPECT_THAT(refusal(with("requests", "{\"cpu\": \"" + std::string(1000, '1') + "\"}")),
              HasSubstr("string of 1002 bytes"));
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
  EXPECT_EQ(refusal(many(200, 8, 60)), "accepted");
  EXPECT_THAT(refusal(many(1024, 4, 60)), HasSubstr("pods.json: its 1024 pods take "));
  EXPECT_THAT(refusal(many(256, 64, 60)), HasSubstr("limit")) << "more than a whole report";
}

TEST(PodsFile, NeverCrashesOnDamagedText) {
  const std::string good = kGood;
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
}  // namespace tideline::node
