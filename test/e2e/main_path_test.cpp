#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class MainPath : public testing::Test {
 protected:
  void SetUp() override { TIDELINE_NEED_CGROUPS(); }
};

// Kernel file -> node -> mTLS -> history -> policy -> kernel file, all of it real.
TEST_F(MainPath, LsLoadBecomesABeLimitAndOperatorsSeeIt) {
  PodTree tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65));
  cluster.start_coordinator();
  auto node = cluster.start_node({.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json()});
  tree.spin_ls();
  tree.spin_be(2);
  const std::string original = tree.quota();

  ASSERT_TRUE(cluster.node_is_live("n1", seconds(20))) << node.output() << cluster.coordinator().output();
  ASSERT_TRUE(eventually(seconds(10), [&] { return tree.limited(); })) << tree.quota() << node.output();
  ASSERT_TRUE(cluster.policy_is_applied("n1", seconds(10)));

  const auto has_points = [&](const std::string& metric) {
    const auto history = cluster.ask({"history", "--node", "n1", "--metric", metric, "--from", "-5m"});
    return history.is_object() && !history["series"][0]["points"].empty();
  };
  for (const auto* metric : {"ls.cpu", "be.cpu", "be.limit", "node.cpu"}) {
    EXPECT_TRUE(eventually(seconds(10), [&] { return has_points(metric); })) << metric;
  }
  const auto pods = cluster.ask({"pods", "--node", "n1"});
  ASSERT_TRUE(pods.is_object());
  EXPECT_THAT(pods.dump(), HasSubstr("\"web\""));
  const auto events = cluster.ask({"events", "--node", "n1", "--from", "-10m"});
  EXPECT_THAT(events.dump(), HasSubstr("besteffort"));

  // The account is made of this host's own numbers. CPU may be in deficit: whatever else runs here counts as system.
  EXPECT_TRUE(eventually(seconds(10), [&] {
    const auto reclaimed = cluster.ask({"reclaimed"});
    if (!reclaimed.is_object() || reclaimed["nodes"].empty()) return false;
    const auto& account = reclaimed["nodes"][0];
    return account["cpuMilli"]["highPriority"].get<int>() > 0 && account["memoryBytes"]["rule"] == "usage" &&
           account["memoryBytes"]["offered"].get<std::int64_t>() > 0;
  })) << cluster.ask({"reclaimed"}).dump();
  const auto explained = cluster.ask({"explain", "reclaimed", "n1"});
  ASSERT_TRUE(explained.is_object());
  EXPECT_THAT(explained["cpuMilli"]["pods"].dump(), HasSubstr("/web\""));
  EXPECT_TRUE(eventually(seconds(10), [&] {
    const auto then = cluster.ask({"explain", "reclaimed", "n1", "--at", "-1s"});
    return then.is_object() && then["stored"] == true && then["account"]["cpuMilli"]["capacity"].get<int>() > 0;
  })) << "accounts go into history";
  const auto whole = cluster.ask({"cluster"});
  ASSERT_TRUE(whole.is_object());
  EXPECT_EQ(whole["total"]["nodes"], 1);
  EXPECT_EQ(whole["total"]["cpuMilli"]["capacity"], explained["account"]["cpuMilli"]["capacity"]);

  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65, false));
  EXPECT_TRUE(eventually(seconds(10), [&] { return tree.quota() == original; })) << tree.quota();

  node.signal(SIGTERM);
  EXPECT_EQ(node.wait(seconds(10)), 0) << node.output();
  EXPECT_EQ(tree.quota(), original);
  EXPECT_EQ(cluster.stop_coordinator(), 0);
}

TEST_F(MainPath, StoppingTheNodePutsTheQuotaBack) {
  PodTree tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
  cluster.start_coordinator();
  const std::string original = tree.quota();
  auto node = cluster.start_node({.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json()});
  tree.spin_ls();
  tree.spin_be();
  ASSERT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();
  node.signal(SIGTERM);
  EXPECT_EQ(node.wait(seconds(10)), 0) << node.output();
  EXPECT_EQ(tree.quota(), original);
}

TEST_F(MainPath, ANodeInAPrivateCgroupAndMountNamespaceControlsTheHostsTree) {
  PodTree tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
  cluster.start_coordinator();
  auto node = cluster.start_node({.name = "n1",
                                  .kubepods = tree.kubepods(),
                                  .pods_json = PodTree::pods_json(),
                                  .wrap = {"unshare", "-C", "-m", "--"}});
  tree.spin_ls();
  tree.spin_be();
  EXPECT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();
  node.signal(SIGTERM);
  EXPECT_EQ(node.wait(seconds(10)), 0) << node.output();
}

TEST_F(MainPath, WhileTheCoordinatorIsAwayTheNodeGoesOnAlsoAfterItsOwnRestart) {
  PodTree tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
  cluster.start_coordinator();
  const Cluster::Node spec{.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json()};
  auto node = cluster.start_node(spec);
  tree.spin_ls();
  tree.spin_be();
  ASSERT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();
  cluster.kill_coordinator();
  node.signal(SIGTERM);
  ASSERT_EQ(node.wait(seconds(10)), 0) << node.output();
  ASSERT_FALSE(tree.limited());

  node = cluster.start_node(spec);
  EXPECT_TRUE(eventually(seconds(10), [&] { return tree.limited(); })) << "policy from disk: " << node.output();
  cluster.start_coordinator();
  EXPECT_TRUE(cluster.node_is_live("n1", seconds(40))) << "reconnects by itself: " << node.output();
}

}  // namespace
}  // namespace tideline::test
