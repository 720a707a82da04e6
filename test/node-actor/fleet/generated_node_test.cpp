#include "node-actor/fleet/generated_node.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"

namespace tideline::rehearsal::generated_node_test {
namespace {

using model::Incarnation;
using model::NodeName;
using std::chrono::seconds;

constexpr model::MonoTime kMono{1'000'000'000'000};
constexpr model::WallTime kWall{1'790'000'000'000};

GeneratedNode node(const std::string& name, std::uint64_t seed = 1, const NodeShape& shape = {}) {
  return GeneratedNode(NodeName(name), seed, Incarnation(7), shape);
}

TEST(GeneratedNode, ItsReportsAreWhatACoordinatorTakesAndNumberedWithoutHoles) {
  auto generated = node("sim-1");
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const auto report =
        generated.report(kMono + seconds(10 * i), {kWall.ms + 10'000 * static_cast<std::int64_t>(i)}, seconds(10));
    const auto valid = model::validate(report);
    ASSERT_TRUE(valid) << valid.error().message();
    EXPECT_TRUE(codec::to_bytes(report));
    EXPECT_EQ(report.seq, model::Seq(i));
    EXPECT_EQ(report.samples.size(), 10u);
    ASSERT_EQ(report.pods.size(), 30u);
    for (const auto& pod : report.pods)
      EXPECT_TRUE(pod.cpu_milli && pod.memory_bytes) << pod.pod->name;
  }
}

TEST(GeneratedNode, UsesNoMoreThanItHas) {
  NodeShape shape;
  shape.cpu = model::MilliCpu(4000);
  auto generated = node("sim-1", 3, shape);
  for (std::int64_t hour = 0; hour < 48; ++hour) {
    const auto report = generated.report(kMono, {kWall.ms + hour * 3'600'000}, seconds(10));
    for (const auto& sample : report.samples) {
      EXPECT_LE(*sample.node_cpu, shape.cpu) << "hour " << hour;
      EXPECT_GT(*sample.ls_cpu, model::MilliCpu(0));
    }
  }
}

TEST(GeneratedNode, TheSeedDecidesAndEachNodeIsItsOwn) {
  const auto first = [](GeneratedNode generated) { return generated.report(kMono, kWall, seconds(10)); };
  EXPECT_EQ(first(node("sim-1", 1)), first(node("sim-1", 1)));
  EXPECT_NE(first(node("sim-1", 1)).samples, first(node("sim-1", 2)).samples);
  EXPECT_NE(first(node("sim-1", 1)).samples, first(node("sim-2", 1)).samples);
  std::set<std::string> uids;
  for (const char* name : {"sim-1", "sim-2"}) {
    for (const auto& pod : first(node(name)).pods)
      EXPECT_TRUE(uids.insert(pod.pod->uid.str()).second) << pod.pod->uid.str();
  }
}

TEST(GeneratedNode, TellsThePolicyItAppliedAndThatItIsNoHost) {
  auto generated = node("sim-1");
  generated.applied(model::PolicyVersion(5));
  const auto report = generated.report(kMono, kWall, seconds(10));
  EXPECT_EQ(report.status.policy_applied, model::PolicyVersion(5));
  EXPECT_EQ(report.status.cgroup_version, "simulated v2");
  for (const auto& feature : report.status.features)
    EXPECT_EQ(feature.state, model::FeatureState::State::kInactive) << feature.feature;
}

TEST(GeneratedNode, MayHaveNoPods) {
  NodeShape shape;
  shape.pods = 0;
  const auto report = node("sim-1", 1, shape).report(kMono, kWall, seconds(10));
  EXPECT_TRUE(model::validate(report));
  EXPECT_TRUE(report.pods.empty());
}

model::NodeObjects objects_of(const std::vector<std::string>& uids) {
  model::NodeObjects objects;
  objects.labels = {{"pool", "a"}};
  objects.cpu_allocatable = model::MilliCpu(30'000);
  for (const auto& uid : uids) {
    model::Pod pod;
    pod.uid = model::PodUid(uid);
    pod.name_space = "default";
    pod.name = uid;
    objects.pods.push_back(pod);
  }
  return objects;
}

TEST(GeneratedNode, HasThePodsThatItIsGivenAndNoOthers) {
  auto generated = node("sim-1");
  auto objects = objects_of({"runs", "waits", "ended"});
  objects.pods[1].phase = model::PodPhase::kPending;
  objects.pods[2].phase = model::PodPhase::kFailed;
  generated.take(objects);
  const auto report = generated.report(kMono, kWall, seconds(10));
  EXPECT_TRUE(model::validate(report));
  ASSERT_EQ(report.pods.size(), 2u);
  EXPECT_EQ(report.pods[0].pod->name, "runs");
  EXPECT_TRUE(report.pods[0].cpu_milli);
  EXPECT_EQ(report.pods[1].pod->name, "waits");
  EXPECT_FALSE(report.pods[1].cpu_milli);
  EXPECT_EQ(report.status.labels.at("pool"), "a");
  EXPECT_EQ(report.status.cpu_allocatable, model::MilliCpu(30'000));
}

TEST(GeneratedNode, APodKeepsItsPartOfTheLoadWhenOthersCome) {
  NodeShape shape;
  shape.pods = 0;
  auto generated = node("sim-1", 1, shape);
  const auto use = [&](const std::string& name) {
    for (const auto& pod : generated.report(kMono, kWall, seconds(10)).pods) {
      if (pod.pod->name == name) return static_cast<double>(pod.cpu_milli->mean);
    }
    return 0.0;
  };
  generated.take(objects_of({"a", "b"}));
  const double before = use("a") / use("b");
  generated.take(objects_of({"a", "c", "b"}));
  EXPECT_NEAR(use("a") / use("b"), before, before / 5);
  EXPECT_GT(use("c"), 0);
}

}  // namespace
}  // namespace tideline::rehearsal::generated_node_test
