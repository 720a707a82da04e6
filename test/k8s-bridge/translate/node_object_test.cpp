#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/node_annotations.h"
#include "test/k8s-bridge/translate/samples.h"

namespace tideline::k8s::node_object_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::SizeIs;

constexpr std::int64_t kGi = std::int64_t{1} << 30;

NodeObject read(const json& object) {
  auto node = node_from(object);
  if (node) return *std::move(node);
  ADD_FAILURE() << node.error().message();
  return {};
}

model::NodeAnnotations told_of(const NodeObject& node) {
  model::NodeAnnotations told;
  for (const auto key : kNodeAnnotations) {
    if (node.annotations.contains(std::string(key))) told.insert(*node.annotations.find(std::string(key)));
  }
  return told;
}

TEST(NodeObject, IsReadAsKubectlPrintsIt) {
  const NodeObject node = read(node_one());
  EXPECT_EQ(node.key, (ObjectKey{"", "node-1", "5f6f8f6e-7a1c-4d9a-9c57-1d3e0f1c9b77", "48001"}));
  EXPECT_THAT(node.labels, SizeIs(4));
  EXPECT_EQ(node.labels.at("node.koordinator.sh/cpu-reclaim-ratio"), "0.7");
  EXPECT_THAT(node.annotations, ElementsAre(Key("node.koordinator.sh/colocation-strategy"),
                                            Key("node.koordinator.sh/originExtendedAllocatable"),
                                            Key("node.koordinator.sh/reservation"), Key("tideline.io/reclaimed")));
  EXPECT_EQ(node.cpu_capacity, MilliCpu(104'000));
  EXPECT_EQ(node.cpu_allocatable, MilliCpu(103'500));
  EXPECT_EQ(node.memory_capacity, Bytes(512 * kGi));
  EXPECT_EQ(node.memory_allocatable, Bytes(500 * kGi));
  EXPECT_EQ(node.allocatable.batch_cpu, MilliCpu(35'000)) << "as the API server spells 35000";
  EXPECT_EQ(node.capacity.batch_cpu, node.allocatable.batch_cpu);
  EXPECT_EQ(node.capacity.batch_memory, node.allocatable.batch_memory) << "50Gi is 53687091200";
  EXPECT_EQ(node.capacity.mid_cpu, MilliCpu(0));
  EXPECT_EQ(node.allocatable.mid_cpu, std::nullopt);
  EXPECT_THAT(node.problems, IsEmpty());
}

TEST(NodeObject, WithoutAStatusHasNoAmounts) {
  const NodeObject node = read(json::parse(R"({"metadata": {"name": "n", "uid": "u"}})"));
  EXPECT_EQ(node.cpu_capacity, std::nullopt);
  EXPECT_EQ(node.allocatable, Extended{});
  EXPECT_THAT(node.problems, IsEmpty());
}

TEST(NodeObject, NamesAnAmountThatCannotBeRead) {
  json object = node_one();
  object["status"]["allocatable"]["kubernetes.io/batch-cpu"] = "-5";
  object["status"]["capacity"]["memory"] = "2Ei";
  const NodeObject node = read(object);
  EXPECT_EQ(node.allocatable.batch_cpu, std::nullopt);
  EXPECT_EQ(node.memory_capacity, std::nullopt);
  EXPECT_THAT(node.problems, ElementsAre(HasSubstr("status.capacity.memory is 2Ei"),
                                         HasSubstr("status.allocatable.kubernetes.io/batch-cpu is -5")));
}

TEST(NodeObject, TakesMoreBatchThanAHostHasAsNormalisedCpusAre) {
  json object = node_one();
  object["status"]["allocatable"]["kubernetes.io/batch-cpu"] = "40M";
  EXPECT_EQ(read(object).allocatable.batch_cpu, MilliCpu(40'000'000));
}

TEST(NodeObject, ReadsTheOlderNamesOfBatch) {
  json object = node_one();
  object["status"]["allocatable"].update(json{{"koordinator.sh/batch-cpu", "35k"},
                                              {"koordinator.sh/batch-memory", "50Gi"},
                                              {"alibabacloud.com/reclaimed-cpu", "7"},
                                              {"alibabacloud.com/reclaimed-memory", "8"}});
  const Extended allocatable = read(object).allocatable;
  EXPECT_EQ(allocatable.older_batch_cpu, MilliCpu(35'000));
  EXPECT_EQ(allocatable.older_batch_memory, Bytes(50 * kGi));
  EXPECT_EQ(allocatable.reclaimed_cpu, MilliCpu(7));
  EXPECT_EQ(allocatable.reclaimed_memory, Bytes(8));
}

/// node_one() has 103500m and 500Gi in its status.
NodeObject with_raw_allocatable(const json& value) {
  json object = node_one();
  object["metadata"]["annotations"]["node.koordinator.sh/raw-allocatable"] = value;
  return read(object);
}

TEST(NodeObject, TakesAllocatableBeforeItWasAmplified) {
  const NodeObject amplified = with_raw_allocatable(R"({"cpu":"70","memory":"400Gi","pods":"110"})");
  EXPECT_EQ(amplified.cpu_allocatable, MilliCpu(70'000));
  EXPECT_EQ(amplified.memory_allocatable, Bytes(400 * kGi));
  EXPECT_THAT(amplified.problems, IsEmpty());
  const NodeObject cpu_alone = with_raw_allocatable(R"({"cpu":"70"})");
  EXPECT_EQ(cpu_alone.cpu_allocatable, MilliCpu(70'000));
  EXPECT_EQ(cpu_alone.memory_allocatable, Bytes(500 * kGi));
}

TEST(NodeObject, TakesARawAllocatableAboveTheStatusForOneThatWasLeftBehind) {
  const NodeObject node = with_raw_allocatable(R"({"cpu":"104","memory":"512Gi"})");
  EXPECT_EQ(node.cpu_allocatable, MilliCpu(103'500));
  EXPECT_EQ(node.memory_allocatable, Bytes(500 * kGi));
}

TEST(NodeObject, NamesARawAllocatableThatCannotBeRead) {
  for (const json& value : {json("{"), json("[]"), json(7), json(R"({"cpu":"-1"})"), json(std::string(5000, ' '))}) {
    const NodeObject node = with_raw_allocatable(value);
    EXPECT_EQ(node.cpu_allocatable, MilliCpu(103'500)) << value;
    EXPECT_THAT(node.problems, ElementsAre(HasSubstr("node.koordinator.sh/raw-allocatable"))) << value;
  }
}

TEST(NodeObject, KeepsAnAnnotationThatWithholdsTheOfferUnreadable) {
  const std::pair<json, const char*> cases[] = {
      {"{\"resources\": {\"cpu\": \"2\"}}" + std::string(5000, ' '), "as only blanks were cut"},
      {"{\"resources\": {\"cpu\": \"" + std::string(5000, '2') + "\"}}", "cut"},
      {7, "no text"},
      {json::object(), "no text"},
      {"", "empty"},
  };
  for (const auto& [value, what] : cases) {
    json object = node_one();
    object["metadata"]["annotations"]["node.koordinator.sh/reservation"] = value;
    const NodeObject node = read(object);
    const auto told = told_of(node);
    ASSERT_TRUE(model::check_annotations(told)) << what;
    const auto claims = model::read_claims(told);
    if (std::string_view(what).starts_with("as only")) {
      EXPECT_EQ(claims.reservation.cpu, MilliCpu(2000)) << what;
    } else {
      EXPECT_THAT(claims.unreadable, SizeIs(1)) << what;
    }
  }
  json object = node_one();
  object["metadata"]["annotations"]["node.koordinator.sh/reservation"] = nullptr;
  EXPECT_FALSE(read(object).annotations.contains("node.koordinator.sh/reservation"));
}

TEST(NodeObject, FitsTheBoundOfAnnotationsWhateverTheirLength) {
  json object = node_one();
  for (const auto key : kNodeAnnotations)
    object["metadata"]["annotations"][std::string(key)] = "{" + std::string(5000, 'x');
  const NodeObject node = read(object);
  EXPECT_TRUE(model::check_annotations(told_of(node)));
  EXPECT_THAT(told_of(node), SizeIs(kNodeAnnotations.size()));
  EXPECT_THAT(node.problems, SizeIs(kNodeAnnotations.size()));
  EXPECT_THAT(node.annotations, Contains(Key("tideline.io/reclaimed")));
}

TEST(NodeObject, LeavesOutLabelsBeyondTheBoundOfAReport) {
  json object = node_one();
  for (int i = 0; i < 400; ++i)
    object["metadata"]["labels"]["x" + std::to_string(1000 + i)] = "1";
  const NodeObject node = read(object);
  EXPECT_THAT(node.labels, SizeIs(256));
  EXPECT_TRUE(node.labels.contains("kubernetes.io/hostname"));
  EXPECT_FALSE(node.labels.contains("x1399"));
  EXPECT_THAT(node.problems, ElementsAre(HasSubstr("limit 256: the last 148 are ignored")));
}

TEST(NodeObject, LeavesOutLabelsThatAreNone) {
  json object = node_one();
  object["metadata"]["labels"] = {{"a", 1}, {"b", "2"}, {"c", std::string(64, 'v')}, {std::string(318, 'k'), "v"}};
  const NodeObject node = read(object);
  EXPECT_THAT(node.labels, ElementsAre(Key("b")));
  EXPECT_THAT(node.problems, SizeIs(3));
}

TEST(NodeObject, IsRefusedByNameWhereItsKeyCannotBeUsed) {
  json object = node_one();
  object["metadata"].erase("uid");
  const auto node = node_from(object);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code(), model::ErrorCode::kMalformed);
  EXPECT_EQ(node.error().message(), "node-1: metadata.uid is missing");
  EXPECT_FALSE(node_from(json()));
  EXPECT_FALSE(node_from(json::array()));
}

TEST(ConfigMapObject, IsReadAsKubectlPrintsIt) {
  const auto map = config_map_from(json::parse(R"({
      "apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"x": "AA=="},
      "data": {"colocation-config": "{\n  \"enable\": true\n}\n", "resource-threshold-config": "{}"},
      "metadata": {"name": "ack-slo-config", "namespace": "kube-system", "resourceVersion": "7", "uid": "u"}})"));
  ASSERT_TRUE(map) << map.error().message();
  EXPECT_EQ(map->key, (ObjectKey{"kube-system", "ack-slo-config", "u", "7"}));
  EXPECT_EQ(map->data, (std::map<std::string, std::string>{{"colocation-config", "{\n  \"enable\": true\n}\n"},
                                                           {"resource-threshold-config", "{}"}}));
}

TEST(ConfigMapObject, MayBeEmpty) {
  for (const char* text : {R"({"metadata": {"name": "c", "namespace": "n", "uid": "u"}})",
                           R"({"metadata": {"name": "c", "namespace": "n", "uid": "u"}, "data": null})"}) {
    const auto map = config_map_from(json::parse(text));
    ASSERT_TRUE(map) << text;
    EXPECT_THAT(map->data, IsEmpty());
  }
}

TEST(ConfigMapObject, IsRefusedWithTheKeyThatIsWrong) {
  const auto with = [](json data) {
    json object = json::parse(R"({"metadata": {"name": "c", "namespace": "n", "uid": "u"}})");
    object["data"] = std::move(data);
    const auto map = config_map_from(object);
    return map ? model::Error(model::ErrorCode::kInternal, "accepted") : map.error();
  };
  EXPECT_EQ(with(json::array()).message(), "n/c: data is a list; want an object");
  EXPECT_EQ(with({{"colocation-config", {{"enable", true}}}}).message(),
            "n/c: data[\"colocation-config\"] is an object; want text");
  EXPECT_EQ(with({{"a", std::string(3 << 19, 'x')}}).code(), model::ErrorCode::kOverloaded);
}

}  // namespace
}  // namespace tideline::k8s::node_object_test
