// Who may be evicted, and when.

#include <thread>

#include <gmock/gmock.h>

#include "test/e2e/eviction_fixture.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

TEST_F(Eviction, AFleetRateOfOneLetsOneOfTwoNodesEvictAndTellsTheOtherToWait) {
  cluster_->set_policy("resource-threshold-config", kNodeUsage);
  cluster_->set_policy("tideline-config", R"({"clusterStrategy": {"eviction": {"maxPerMinute": 1}}})");
  PodTree trees[2];
  for (auto& tree : trees) {
    tree.spin_ls();
    tree.spin_be();
  }
  cluster_->start_coordinator();
  auto first = cluster_->start_node(spec("n0", trees[0]));
  auto second = cluster_->start_node(spec("n1", trees[1]));
  ASSERT_TRUE(cluster_->policy_is_applied("n0", seconds(20))) << first.output();
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << second.output();
  ASSERT_TRUE(eventually(seconds(60), [&] { return empty(trees[0]) || empty(trees[1]); }))
      << first.output() << second.output();
  const int winner = empty(trees[0]) ? 0 : 1;
  const std::string other = winner == 0 ? "n1" : "n0";
  ASSERT_TRUE(eventually(seconds(15), [&] { return !events(other, "fleet-rate").empty(); })) << all_events(other);
  EXPECT_FALSE(empty(trees[1 - winner]));
  EXPECT_EQ(begun(other), 0u);
  EXPECT_THAT(cluster_->ask({"explain", "node", other}).dump(), HasSubstr("fleet-rate"));
  EXPECT_TRUE(events(other, "eviction-granted").empty()) << all_events(other);
  EXPECT_TRUE(eventually(seconds(90), [&] { return empty(trees[1 - winner]); })) << "when the minute is over";
  EXPECT_TRUE(eventually(seconds(15), [&] { return begun(other) == 1; })) << all_events(other);
  EXPECT_EQ(begun(winner == 0 ? "n0" : "n1"), 1u);
  EXPECT_TRUE(events("n0", "no-arbiter").empty());
  EXPECT_TRUE(events("n1", "no-arbiter").empty());
}

TEST_F(Eviction, WithoutACoordinatorTheNodeGoesAloneAndSaysSo) {
  cluster_->set_policy("resource-threshold-config", kNodeUsage);
  PodTree tree;
  tree.spin_ls();
  tree.spin_be();
  cluster_->start_coordinator();
  auto node = cluster_->start_node(spec("n1", tree));
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << node.output();
  cluster_->kill_coordinator();
  ASSERT_TRUE(eventually(seconds(40), [&] { return shows(node, "asked for"); })) << node.output();
  std::this_thread::sleep_for(seconds(20));
  EXPECT_FALSE(empty(tree)) << "it waits for the coordinator first";
  // A second in which the host seems less used takes the request back: 20 s of peace, and the wait begins anew.
  ASSERT_TRUE(eventually(seconds(120), [&] { return empty(tree); })) << node.output();
  cluster_->start_coordinator();
  EXPECT_TRUE(eventually(seconds(60), [&] { return !events("n1", "no-arbiter").empty(); })) << all_events("n1");
}

}  // namespace
}  // namespace tideline::test
