#include "node-actor/actor/pods_file.h"

#include <random>

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
