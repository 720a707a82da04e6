#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class Ownership : public testing::Test {
 protected:
  void SetUp() override { TIDELINE_NEED_CGROUPS(); }

  /// The explanation of the besteffort root's quota; null while there is none.
  nlohmann::json quota_of(const Cluster& cluster) {
    const auto all = cluster.ask({"explain", "node", "n1", "--file", "besteffort"});
    if (!all.is_object()) return {};
    for (const auto& file : all["files"]) {
      const auto name = file["file"].get<std::string>();
      if (name.ends_with("cpu.cfs_quota_us") || name.ends_with("cpu.max")) return file;
    }
    return {};
  }
  bool obeys(const Cluster& cluster) {
    const auto list = cluster.ask({"hands-off", "list", "--node", "n1"});
    return list.is_object() && list["handsOff"].size() == 1 && list["handsOff"][0]["inForce"] == true;
  }
};

// A limit is explained; hands off keeps what the operator set, over a restart of either side; release puts back.
TEST_F(Ownership, LimitsAreExplainedLeftAloneWhenAskedAndReleased) {
  PodTree tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
  cluster.start_coordinator();
  const std::string original = tree.quota();
  const Cluster::Node spec{.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json()};
  auto node = cluster.start_node(spec);
  const auto service = tree.spin_ls();
  tree.spin_be();
  ASSERT_TRUE(cluster.node_is_live("n1", seconds(20))) << node.output();
  ASSERT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();
  EXPECT_TRUE(eventually(seconds(10), [&] {
    const auto quota = quota_of(cluster);
    return quota.is_object() && quota["controller"] == "cpu-suppress" && quota["original"] == false;
  })) << cluster.tidectl({"explain", "node", "n1"}).output;

  const std::string group = tree.kubepods() + "/besteffort";
  const auto held =
      cluster.tidectl({"hands-off", "--node", "n1", "--cgroup", group, "--for", "2h", "--reason", "tuning by hand"});
  ASSERT_EQ(held.exit, 0) << held.output;
  ASSERT_TRUE(eventually(seconds(10), [&] { return obeys(cluster); })) << node.output();
  EXPECT_TRUE(eventually(seconds(10), [&] {
    return cluster.ask({"explain", "node", "n1"}).dump().find("by test: tuning by hand") != std::string::npos;
  }));
  // The service's load vanishes, so that an agent that still wrote would raise the limit within a second or two.
  const auto frozen = [&] {
    const auto before = tree.quota();
    return !eventually(seconds(4), [&] { return tree.quota() != before; });
  };
  tree.kill(service);
  EXPECT_TRUE(frozen());

  cluster.kill_coordinator();
  node.signal(SIGTERM);
  ASSERT_EQ(node.wait(patience(seconds(10))), 0) << node.output();
  ASSERT_FALSE(tree.limited()) << "stopping puts back what the agent itself wrote";
  node = cluster.start_node(spec);
  EXPECT_FALSE(eventually(seconds(4), [&] { return tree.limited(); })) << "from its own disk: " << node.output();
  cluster.start_coordinator();
  ASSERT_TRUE(eventually(seconds(40), [&] { return obeys(cluster); })) << "from the coordinator's: " << node.output();
  EXPECT_FALSE(tree.limited());

  ASSERT_EQ(cluster.tidectl({"hands-off", "end", "--node", "n1", "--cgroup", group}).exit, 0);
  ASSERT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();

  ASSERT_EQ(cluster.tidectl({"node", "n1", "release", "--yes", "--reason", "debugging"}).exit, 0);
  EXPECT_TRUE(eventually(seconds(10), [&] { return tree.quota() == original; })) << tree.quota() << node.output();
  EXPECT_TRUE(eventually(seconds(10), [&] { return obeys(cluster); }));
  EXPECT_TRUE(eventually(seconds(10), [&] {
    const auto quota = quota_of(cluster);
    return quota.is_object() && quota["original"] == true && quota["reason"] == "release";
  })) << cluster.tidectl({"explain", "node", "n1"}).output;
  EXPECT_FALSE(eventually(seconds(3), [&] { return tree.limited(); }));
  ASSERT_EQ(cluster.tidectl({"node", "n1", "resume"}).exit, 0);
  EXPECT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();

  const auto events = cluster.ask({"events", "--node", "n1", "--from", "-10m"}).dump();
  for (const auto* text :
       {"hands off by test: tuning by hand", "ended by test", "released by test: debugging", "resumed by test"}) {
    EXPECT_THAT(events, HasSubstr(text));
  }
  node.signal(SIGTERM);
  EXPECT_EQ(node.wait(patience(seconds(10))), 0) << node.output();
}

}  // namespace
}  // namespace tideline::test
