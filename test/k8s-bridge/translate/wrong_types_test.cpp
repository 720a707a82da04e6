// Objects with each of their fields replaced by each kind of JSON: whatever comes of it, nothing throws, and what is
// taken is what a report may hold.
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/translate/fields.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/node_annotations.h"
#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s::wrong_types_test {
namespace {

using nlohmann::json;

/// Everything that is read, in one pod.
json full_pod() {
  json pod = nginx_pod();
  pod["metadata"]["deletionTimestamp"] = "2026-11-30T09:00:00Z";
  pod["metadata"]["labels"].update(json::parse(R"({
      "alibabacloud.com/qos": "BE", "koordinator.sh/priority": "7", "koordinator.sh/priority-class": "koord-mid",
      "koordinator.sh/eviction-enabled": "true", "koordinator.sh/core-sched-group-id": "g",
      "koordinator.sh/core-sched-policy": "exclusive"})"));
  pod["metadata"]["annotations"].update(json::parse(R"({
      "koordinator.sh/eviction-policy": "[\"BECPUEvict\"]", "koordinator.sh/eviction-priority": "3",
      "koordinator.sh/cpuQOS": "{\"groupIdentity\": 1}", "alibabacloud.com/qosClass": "LS",
      "koordinator.sh/memoryQOS": "{\"policy\": \"auto\"}",
      "scheduling.koordinator.sh/resource-status": "{\"cpuset\": \"0-3\"}",
      "node.koordinator.sh/extended-resource-spec":
          "{\"containers\": {\"nginx\": {\"requests\": {\"kubernetes.io/batch-cpu\": \"1k\"}}}}"})"));
  pod["spec"].update(json::parse(R"({
      "initContainers": [{"name": "proxy", "restartPolicy": "Always", "resources": {"limits": {"memory": "1Gi"}}},
                         {"name": "prepare", "resources": {"requests": {"kubernetes.io/mid-cpu": "10"}}}],
      "overhead": {"cpu": "100m", "memory": "64Mi"},
      "resources": {"limits": {"memory": "3Gi"}}})"));
  pod["status"]["initContainerStatuses"] = json::parse(R"([{"name": "proxy", "containerID": "containerd://77"}])");
  return pod;
}

std::vector<json> replacements() {
  return {json(nullptr),
          json(true),
          json(0),
          json(-1),
          json(std::numeric_limits<std::uint64_t>::max()),
          json(1e300),
          json(""),
          json(".."),
          json("\n"),
          json("{\"containers\": [[[["),
          json(std::string(300, 'x')),
          json(std::string(5000, '9')),
          json::array(),
          json::array({nullptr, 7, "x", json::array(), json::object()}),
          json::object(),
          json{{"name", 7}, {"cpu", json::array()}, {"x", nullptr}}};
}

/// Calls `look` with the object once for each of its places and each replacement there.
void for_each_damage(const json& object,
                     const std::function<void(const json& damaged, const std::string& where)>& look) {
  std::vector<json::json_pointer> places;
  const std::function<void(const json&, const json::json_pointer&)> walk = [&](const json& at, const auto& place) {
    places.push_back(place);
    if (at.is_object()) {
      for (const auto& [key, value] : at.items())
        walk(value, place / key);
    } else if (at.is_array()) {
      for (std::size_t i = 0; i < at.size(); ++i)
        walk(at[i], place / i);
    }
  };
  walk(object, json::json_pointer());
  for (const auto& place : places) {
    for (const json& value : replacements()) {
      json damaged = object;
      damaged[place] = value;
      look(damaged, place.to_string() + " = " + value.dump().substr(0, 60));
    }
  }
}

TEST(WrongTypes, OfAPodAreErrorsOrProblems) {
  std::size_t taken = 0;
  ASSERT_TRUE(pod_from(full_pod()));
  ASSERT_TRUE(pod_from(full_pod())->problems.empty());
  for_each_damage(full_pod(), [&](const json& damaged, const std::string& where) {
    model::Result<PodObject> pod = model::Error(model::ErrorCode::kInternal, "nothing");
    ASSERT_NO_THROW(pod = pod_from(damaged)) << where;
    if (!pod) {
      EXPECT_EQ(pod.error().code(), model::ErrorCode::kMalformed) << where;
      EXPECT_LT(pod.error().message().size(), 700u) << where;
      return;
    }
    ++taken;
    EXPECT_EQ(report_problem({pod->pod}), "") << where;
    EXPECT_LE(pod->problems.size(), Problems::kMost) << where;
    EXPECT_LE(pod->node.str().size(), kMaxNameBytes) << where;
  });
  EXPECT_GT(taken, 1000u);
}

TEST(WrongTypes, OfANodeAreErrorsOrProblems) {
  std::size_t taken = 0;
  for_each_damage(node_one(), [&](const json& damaged, const std::string& where) {
    model::Result<NodeObject> node = model::Error(model::ErrorCode::kInternal, "nothing");
    ASSERT_NO_THROW(node = node_from(damaged)) << where;
    if (!node) {
      EXPECT_EQ(node.error().code(), model::ErrorCode::kMalformed) << where;
      return;
    }
    ++taken;
    model::NodeAnnotations told = node->annotations;
    told.erase(std::string(kAccountAnnotation));
    told.erase(std::string(kOriginAnnotation));
    EXPECT_TRUE(model::check_annotations(told)) << where;
    EXPECT_LE(node->labels.size(), 256u) << where;
    EXPECT_LE(node->problems.size(), Problems::kMost) << where;
    for (const auto& amount : {node->allocatable.batch_cpu, node->capacity.batch_cpu, node->cpu_capacity})
      EXPECT_GE(amount.value_or(model::MilliCpu(0)).value(), 0) << where;
  });
  EXPECT_GT(taken, 300u);
}

TEST(WrongTypes, OfAConfigMapAreErrors) {
  const json map = json::parse(R"({
      "metadata": {"name": "ack-slo-config", "namespace": "kube-system", "uid": "u", "resourceVersion": "1"},
      "data": {"colocation-config": "{}", "system-config": "{}"}})");
  for_each_damage(map, [&](const json& damaged, const std::string& where) {
    ASSERT_NO_THROW((void)config_map_from(damaged)) << where;
  });
}

}  // namespace
}  // namespace tideline::k8s::wrong_types_test
