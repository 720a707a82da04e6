#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class Protection : public testing::Test {
 protected:
  void SetUp() override { TIDELINE_NEED_CGROUPS(); }

  static nlohmann::json protection(const Cluster& cluster) {
    const auto node = cluster.ask({"node", "n1"});
    if (!node.is_object() || !node["status"].is_object()) return {};
    return node["status"]["protection"];
  }
};

// Both spin on one CPU and no quota is set: what holds BE back is the besteffort root's weight alone, seen through the
// nested tree (QoS root, pod, container).
TEST_F(Protection, ASpinningBePodTakesAtMostFivePercentOfACpuFromASpinningLsPod) {
  PodTree tree;
  tree.confine_to_cpu(0);
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("workConserving", 65));
  cluster.start_coordinator();
  auto node = cluster.start_node({.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json()});
  ASSERT_TRUE(cluster.policy_is_applied("n1", seconds(20))) << node.output();
  ASSERT_TRUE(eventually(seconds(10), [&] { return protection(cluster).value("verified", false); }));

  tree.spin_ls();
  tree.spin_be();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto ls = tree.ls_cpu_ns();
  const auto be = tree.be_cpu_ns();
  std::this_thread::sleep_for(seconds(5));
  const auto ls_used = static_cast<double>(tree.ls_cpu_ns() - ls);
  const auto be_used = static_cast<double>(tree.be_cpu_ns() - be);
  EXPECT_GT(ls_used, 0);
  EXPECT_LE(be_used, 0.05 * 5e9) << "LS " << ls_used / 1e9 << " s, BE " << be_used / 1e9 << " s of 5 s";
}

TEST_F(Protection, ASpoiltWeightIsReportedAndAnsweredWithAQuota) {
  PodTree tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("workConserving", 65));
  cluster.start_coordinator();
  auto node = cluster.start_node({.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json()});
  ASSERT_TRUE(cluster.policy_is_applied("n1", seconds(20))) << node.output();
  tree.spin_ls();
  tree.spin_be(2);
  ASSERT_TRUE(eventually(seconds(10), [&] { return protection(cluster).value("verified", false); }));

  tree.spoil_weight();
  EXPECT_TRUE(eventually(seconds(10), [&] {
    const auto seen = protection(cluster);
    return seen.is_object() && !seen.value("verified", true);
  }));
  EXPECT_THAT(protection(cluster).value("why", ""), HasSubstr("besteffort"));
  EXPECT_TRUE(eventually(seconds(5), [&] { return tree.limited(); })) << tree.quota() << node.output();
  EXPECT_TRUE(eventually(seconds(5), [&] {
    return cluster.ask({"events", "--node", "n1", "--from", "-10m"}).dump().find("\"unprotected\"") !=
           std::string::npos;
  }));
}

}  // namespace
}  // namespace tideline::test
