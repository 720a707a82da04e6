#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

/// How long the CPU had nothing to do since the boot, in ns; -1 where the kernel does not say.
double idle_ns(int cpu) {
  std::ifstream stat("/proc/stat");
  for (std::string line, name; std::getline(stat, line);) {
    std::istringstream fields(line);
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0;
    if (fields >> name >> user >> nice >> system >> idle >> iowait && name == "cpu" + std::to_string(cpu)) {
      return (idle + iowait) * 1e9 / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
  }
  return -1;
}

class Protection : public testing::Test {
 protected:
  void SetUp() override { TIDELINE_NEED_CGROUPS(); }

  static nlohmann::json protection(const Cluster& cluster) {
    const auto node = cluster.ask({"node", "n1"});
    if (!node.is_object() || !node["status"].is_object()) return nlohmann::json::object();
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
  const auto idle = idle_ns(0);
  ASSERT_GE(idle, 0);
  std::this_thread::sleep_for(seconds(5));
  const auto ls_used = static_cast<double>(tree.ls_cpu_ns() - ls);
  const auto be_used = static_cast<double>(tree.be_cpu_ns() - be);
  const auto unused = idle_ns(0) - idle;
  const auto shares = "LS " + std::to_string(ls_used / 1e9) + " s, BE " + std::to_string(be_used / 1e9) +
                      " s, nobody " + std::to_string(unused / 1e9) + " s of 5 s";
  EXPECT_LE(be_used, 0.05 * 5e9) << shares;
  // Other tests may run on that CPU. What they leave is LS's.
  EXPECT_GE(ls_used, 0.95 * (ls_used + be_used + unused)) << shares;
  EXPECT_GE(ls_used, 0.05 * 5e9) << "others left nothing to share: " << shares;
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
    return !seen.value("verified", true);
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
