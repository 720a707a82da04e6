#include "k8s-bridge/actor/feed.h"

#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/k8s-bridge/actor/fake_api.h"

namespace tideline::bridge::feed_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FeedTest : public testing::Test {
 protected:
  void SetUp() override {
    feed_.begin(api_, [this] { ++woken_; });
  }
  k8s_api::WatchSink& nodes() { return *api_.sink("nodes"); }
  k8s_api::WatchSink& pods() { return *api_.sink("pods"); }

  Feed feed_{std::vector{ConfigMapName{"kube-system", "ack-slo-config"}}};
  FakeApi api_;
  int woken_ = 0;
};

TEST_F(FeedTest, WatchesNodesPodsAndTheConfigMapsByName) {
  const auto resources = api_.resources();
  ASSERT_THAT(resources, SizeIs(3));
  EXPECT_EQ(resources[0].path, "/api/v1/nodes");
  EXPECT_EQ(resources[1].path, "/api/v1/pods");
  EXPECT_EQ(resources[2].path, "/api/v1/namespaces/kube-system/configmaps");
  EXPECT_EQ(resources[2].query, "fieldSelector=metadata.name%3Dack-slo-config");
  EXPECT_THAT(feed_.resources(), testing::ElementsAre("nodes", "pods", "configmap kube-system/ack-slo-config"));
}

TEST_F(FeedTest, ThousandsThatComeTogetherWakeOnce) {
  pods().on_list();
  for (int i = 0; i < 1000; ++i)
    pods().on_object(pod_json("p" + std::to_string(i), "n1"));
  pods().on_listed();
  EXPECT_EQ(woken_, 1);
  const auto changes = feed_.take();
  ASSERT_THAT(changes, SizeIs(1002));
  EXPECT_TRUE(std::holds_alternative<ListBegan>(changes.front()));
  EXPECT_TRUE(std::holds_alternative<ListEnded>(changes.back()));
  const auto* pod = std::get_if<k8s::PodObject>(&changes[1]);
  ASSERT_NE(pod, nullptr);
  EXPECT_EQ(pod->node, model::NodeName("n1"));
  EXPECT_THAT(feed_.take(), IsEmpty());
  pods().on_deleted(pod_json("p1", "n1"));
  EXPECT_EQ(woken_, 2);
}

TEST_F(FeedTest, GoneObjectIsKnownByNameAndUid) {
  nodes().on_deleted(node_json("n1"));
  for (const auto* odd : {"7", "{}", R"({"metadata": []})", R"({"metadata": {"name": 7, "uid": {}}})"})
    nodes().on_deleted(nlohmann::json::parse(odd));
  const auto changes = feed_.take();
  ASSERT_THAT(changes, SizeIs(5));
  const auto* gone = std::get_if<ObjectGone>(&changes[0]);
  ASSERT_NE(gone, nullptr);
  EXPECT_EQ(gone->resource, kNodes);
  EXPECT_EQ(gone->name, "n1");
  EXPECT_EQ(gone->uid, "uid-n1");
  const auto* odd = std::get_if<ObjectGone>(&changes[4]);
  ASSERT_NE(odd, nullptr);
  EXPECT_EQ(odd->name, "");
}

TEST_F(FeedTest, ObjectThatCannotBeUsedIsNamed) {
  nodes().on_object(nlohmann::json::object());
  pods().on_object(nlohmann::json::array());
  auto unnamed = pod_json("web", "n1");
  unnamed["metadata"].erase("uid");
  pods().on_object(unnamed);
  const auto changes = feed_.take();
  ASSERT_THAT(changes, SizeIs(3));
  for (const auto& change : changes)
    EXPECT_TRUE(std::holds_alternative<ObjectUnreadable>(change));
  EXPECT_THAT(std::get<ObjectUnreadable>(changes[2]).why, HasSubstr("pods \"shop/web\""));
}

TEST_F(FeedTest, ConfigMapsAndStatesOfWatchesSayWhichResourceTheyAreOf) {
  auto& sink = *api_.sink("configmap kube-system/ack-slo-config");
  sink.on_object(config_map_json("kube-system", "ack-slo-config", "{}"));
  sink.on_watching("403 Forbidden");
  const auto changes = feed_.take();
  ASSERT_THAT(changes, SizeIs(2));
  const auto* came = std::get_if<ConfigMapCame>(&changes[0]);
  ASSERT_NE(came, nullptr);
  EXPECT_EQ(came->resource, kFirstConfigMap);
  EXPECT_EQ(came->object.data.at("resource-threshold-config"), "{}");
  const auto* state = std::get_if<WatchState>(&changes[1]);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(state->problem, "403 Forbidden");
}

TEST_F(FeedTest, NobodyIsWokenAfterItsEnd) {
  feed_.end();
  nodes().on_list();
  EXPECT_EQ(woken_, 0);
}

}  // namespace
}  // namespace tideline::bridge::feed_test
