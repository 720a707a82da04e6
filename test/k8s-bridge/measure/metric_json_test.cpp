#include "k8s-bridge/measure/metric_json.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tideline::measure {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::NodeName;
using nlohmann::json;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

model::PodMetric pod(const std::string& name, std::int64_t cpu, std::int64_t memory) {
  model::PodMetric made;
  made.name_space = "shop";
  made.name = name;
  made.use = {MilliCpu(cpu), Bytes(memory)};
  return made;
}

model::NodeMetric metric() {
  model::NodeMetric made;
  made.node = NodeName("n1");
  made.at = model::WallTime{1'772'366'400'999};  // 2026-03-01T12:00:00.999Z
  made.averaged = seconds(300);
  made.use = {MilliCpu(5'250), Bytes(9'000'000'001)};
  made.system = {MilliCpu(250), Bytes(1'000)};
  made.spreads = {{.span = seconds(300),
                   .average = {MilliCpu(5'000), Bytes(8)},
                   .p50 = {MilliCpu(4'900), Bytes(7)},
                   .p90 = {MilliCpu(6'000), Bytes(9)},
                   .p95 = {MilliCpu(6'500), std::nullopt},
                   .p99 = {MilliCpu(7'000), Bytes(9)}}};
  made.pods = {pod("web", 3'000, 2'000'000)};
  made.pods.push_back(pod("job", 1'999, 0));
  made.pods.back().tier = model::Tier::kBatch;
  made.pods.back().qos = model::QosClass::kBe;
  made.applications.emplace_back();
  made.applications.back().name = "proxy";
  made.applications.back().qos = model::QosClass::kLs;
  made.applications.back().use.cpu = MilliCpu(1);
  made.prod_reclaimable = {MilliCpu(1'500), std::nullopt};
  return made;
}

Wanted wanted() {
  Wanted made;
  made.node = NodeName("n1");
  made.node_uid = "uid-n1";
  made.interval = seconds(60);
  made.averaged = seconds(300);
  return made;
}

TEST(NodeMetricPaths, AreTheObjectsAndItsStatus) {
  EXPECT_EQ(object_path(NodeName("n1")), "/apis/slo.koordinator.sh/v1alpha1/nodemetrics/n1");
  EXPECT_EQ(status_path(NodeName("n1")), "/apis/slo.koordinator.sh/v1alpha1/nodemetrics/n1/status");
}

TEST(NodeMetricObject, IsTheNodesAndSaysHowItIsMeasured) {
  const auto spec = json::parse(R"({"metricCollectPolicy": {
      "aggregateDurationSeconds": 300, "reportIntervalSeconds": 60,
      "nodeAggregatePolicy": {"durations": ["5m0s", "10m0s", "30m0s"]},
      "nodeMemoryCollectPolicy": "usageWithoutPageCache"}})");
  const auto owners = json::parse(R"([{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "uid-n1"}])");
  EXPECT_EQ(
      json::parse(object_body(wanted())),
      (json{{"apiVersion", "slo.koordinator.sh/v1alpha1"},
            {"kind", "NodeMetric"},
            {"metadata",
             {{"name", "n1"}, {"labels", {{"app.kubernetes.io/part-of", "tideline"}}}, {"ownerReferences", owners}}},
            {"spec", spec}}));
  EXPECT_EQ(json::parse(object_patch(wanted())), (json{{"metadata", {{"ownerReferences", owners}}}, {"spec", spec}}));
}

TEST(NodeMetricObject, IsAsWantedWithThatSpecAndThatNodeAmongItsOwners) {
  const auto ours = json::parse(object_body(wanted()));
  EXPECT_TRUE(is_as_wanted(ours.dump(), wanted()));
  auto other = wanted();
  other.interval = seconds(30);
  EXPECT_FALSE(is_as_wanted(ours.dump(), other));
  other = wanted();
  other.averaged = seconds(60);
  EXPECT_FALSE(is_as_wanted(ours.dump(), other));
  other = wanted();
  other.node_uid = "uid-of-another";
  EXPECT_FALSE(is_as_wanted(ours.dump(), other));
  auto shared = ours;
  shared["metadata"]["ownerReferences"].insert(shared["metadata"]["ownerReferences"].begin(),
                                               json{{"kind", "Fleet"}, {"uid", "uid-n1"}});
  EXPECT_TRUE(is_as_wanted(shared.dump(), wanted()));
  for (const char* gone : {"/metadata/ownerReferences", "/spec", "/spec/metricCollectPolicy/reportIntervalSeconds"}) {
    const auto removed = ours.patch(json::array({{{"op", "remove"}, {"path", gone}}}));
    EXPECT_FALSE(is_as_wanted(removed.dump(), wanted())) << gone;
  }
}

TEST(NodeMetricObject, OfAnyoneIsReadWithoutTrust) {
  for (const char* unreadable : {"", "{", "7", "null", "[]", "\"spec\""})
    EXPECT_TRUE(is_as_wanted(unreadable, wanted())) << unreadable;
  EXPECT_TRUE(is_as_wanted(std::string(200'000, '['), wanted()));
  for (const char* odd : {"{}", R"({"spec": 7})", R"({"spec": {"metricCollectPolicy": []}})",
                          R"({"spec": {"metricCollectPolicy": {"reportIntervalSeconds": "60"}}})",
                          R"({"spec": {"metricCollectPolicy": {"reportIntervalSeconds": -1e300}}})",
                          R"({"metadata": null, "spec": null})"}) {
    EXPECT_FALSE(is_as_wanted(odd, wanted())) << odd;
  }
  auto odd = json::parse(object_body(wanted()));
  for (const char* owners : {"7", "{}", "[7, null, [], {\"kind\": 7, \"uid\": \"uid-n1\"}]"}) {
    odd["metadata"]["ownerReferences"] = json::parse(owners);
    EXPECT_FALSE(is_as_wanted(odd.dump(), wanted())) << owners;
  }
}

TEST(NodeMetricStatus, HasWhatIsKnownToTheDigit) {
  const auto patch = status_patch(metric());
  EXPECT_EQ(patch.pods_left_out, 0u);
  const auto status = json::parse(patch.body).at("status");
  EXPECT_EQ(status.at("updateTime"), "2026-03-01T12:00:00Z");
  const auto& node = status.at("nodeMetric");
  EXPECT_EQ(node.at("nodeUsage"),
            json::parse(R"({"resources": {"cpu": "5250m", "memory": "9000000001"}, "devices": null})"));
  EXPECT_EQ(node.at("systemUsage"),
            json::parse(R"({"resources": {"cpu": "250m", "memory": "1000"}, "devices": null})"));
  ASSERT_THAT(node.at("aggregatedNodeUsages"), SizeIs(1));
  EXPECT_EQ(node.at("aggregatedNodeUsages").at(0), json::parse(R"({"duration": "5m0s", "usage": {
      "avg": {"resources": {"cpu": "5000m", "memory": "8"}}, "p50": {"resources": {"cpu": "4900m", "memory": "7"}},
      "p90": {"resources": {"cpu": "6000m", "memory": "9"}}, "p95": {"resources": {"cpu": "6500m"}},
      "p99": {"resources": {"cpu": "7000m", "memory": "9"}}}})"));
  EXPECT_EQ(status.at("podsMetric"), json::parse(R"([
      {"namespace": "shop", "name": "job", "priority": "koord-batch", "qos": "BE",
       "podUsage": {"resources": {"cpu": "1999m", "memory": "0"}}},
      {"namespace": "shop", "name": "web", "priority": "koord-prod", "qos": "LS",
       "podUsage": {"resources": {"cpu": "3000m", "memory": "2000000"}}}])"));
  EXPECT_EQ(status.at("hostApplicationMetric"), json::parse(R"([
      {"name": "proxy", "priority": "koord-prod", "qos": "LS", "usage": {"resources": {"cpu": "1m"}}}])"));
  EXPECT_EQ(status.at("prodReclaimableMetric"),
            json::parse(R"({"resource": {"resources": {"cpu": "1500m", "memory": null}, "devices": null}})"));
}

TEST(NodeMetricStatus, LeavesNothingOfAnOlderOneThatIsNotKnownAnyMore) {
  auto object = json::parse(R"({"status": {
      "nodeMetric": {"nodeUsage": {"resources": {"cpu": "1", "memory": "1"}, "devices": [{"type": "gpu"}]},
                     "systemUsage": {"resources": {"cpu": "1", "memory": "1"}, "devices": [{"type": "gpu"}]}},
      "prodReclaimableMetric": {"resource": {"resources": {"cpu": "1", "memory": "1"}}}}})");
  auto half = metric();
  half.use.memory.reset();
  half.system.cpu.reset();
  object.merge_patch(json::parse(status_patch(half).body));
  const auto& status = object.at("status");
  EXPECT_EQ(status.at("nodeMetric").at("nodeUsage"), json::parse(R"({"resources": {"cpu": "5250m"}})"));
  EXPECT_EQ(status.at("nodeMetric").at("systemUsage"), json::parse(R"({"resources": {"memory": "1000"}})"));
  EXPECT_EQ(status.at("prodReclaimableMetric"), json::parse(R"({"resource": {"resources": {"cpu": "1500m"}}})"));
}

TEST(NodeMetricStatus, TakesAwayWhatIsNotKnownAndWhatOthersLeft) {
  auto bare = metric();
  bare.system = bare.prod_reclaimable = {};
  bare.spreads.clear();
  bare.pods.clear();
  bare.applications.clear();
  const auto status = json::parse(status_patch(bare).body).at("status");
  for (const char* part : {"/nodeMetric/systemUsage", "/nodeMetric/aggregatedSystemUsages", "/nodeMetric/numaUsages",
                           "/prodReclaimableMetric", "/prodPeakMetric"}) {
    EXPECT_TRUE(status.at(json::json_pointer(part)).is_null()) << part;
  }
  for (const char* part : {"/nodeMetric/aggregatedNodeUsages", "/podsMetric", "/hostApplicationMetric"}) {
    const auto& list = status.at(json::json_pointer(part));
    EXPECT_TRUE(list.is_array()) << part;
    EXPECT_THAT(list, IsEmpty()) << part;
  }
}

TEST(NodeMetricStatus, SpansAreWrittenAsKubernetesDoes) {
  auto spans = metric();
  spans.spreads.clear();
  for (const auto span : {seconds(45), seconds(600), seconds(1'830), seconds(3'600)}) {
    spans.spreads.emplace_back();
    spans.spreads.back().span = span;
  }
  const auto status = json::parse(status_patch(spans).body).at("status");
  std::vector<std::string> texts;
  for (const auto& spread : status.at("nodeMetric").at("aggregatedNodeUsages"))
    texts.push_back(spread.at("duration").get<std::string>());
  EXPECT_THAT(texts, testing::ElementsAre("45s", "10m0s", "30m30s", "1h0m0s"));
}

TEST(NodeMetricStatus, IsBoundedAndKeepsThePodsThatUseMost) {
  auto crowded = metric();
  crowded.pods.clear();
  for (int i = 0; i < 1'024; ++i)
    crowded.pods.push_back(pod(std::to_string(i) + std::string(249, 'x'), i, 1));
  crowded.pods.push_back(pod("idle-and-short", 0, 0));
  const auto patch = status_patch(crowded);
  EXPECT_LE(patch.body.size(), kMaxStatusBytes);
  EXPECT_GT(patch.body.size(), kMaxStatusBytes * 9 / 10);
  const auto status = json::parse(patch.body).at("status");
  const auto& pods = status.at("podsMetric");
  EXPECT_EQ(pods.size() + patch.pods_left_out, crowded.pods.size());
  const auto has = [&](const std::string& beginning) {
    return std::any_of(pods.begin(), pods.end(), [&](const json& one) {
      return one.at("name").get_ref<const std::string&>().starts_with(beginning);
    });
  };
  EXPECT_TRUE(has("1023x"));
  EXPECT_TRUE(has("900x"));
  EXPECT_FALSE(has("5x"));
}

TEST(NodeMetricStatus, NamesThatAreNoTextBreakNothing) {
  auto odd = metric();
  odd.pods = {pod("\xff\xfe\"\n", 1, 1)};
  odd.applications[0].name = std::string("\0\x80", 2);
  EXPECT_TRUE(json::accept(status_patch(odd).body));
  EXPECT_TRUE(json::accept(status_patch(odd, 0).body)) << "no room for any pod";
  EXPECT_EQ(status_patch(odd, 0).pods_left_out, 1u);
}

}  // namespace
}  // namespace tideline::measure
