// CPU suppress, each of its policies, on the real kernel.

#include <algorithm>
#include <csignal>
#include <thread>

#include "test/e2e/mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using CpuSuppress = Mechanism;

TEST_F(CpuSuppress, CfsQuotaHoldsTheBestEffortRootAndLetsGoWhenDisabled) {
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 50));
  tree_->spin_be(2);
  start(pods_json());
  EXPECT_TRUE(eventually(seconds(20), [&] { return tree_->limited(); })) << why();
  // On a host that others keep busy the formula ends at its floor.
  EXPECT_TRUE(events_say("threshold-formula", "kernel-minimum")) << why();
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 50, false));
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(CpuSuppress, CpusetHoldsAllOfBatchToFewerCpusAndLetsGoWhenDisabled) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
  cluster_->set_policy("resource-threshold-config", threshold_config("cpuset", 50));
  tree_->spin_ls();
  tree_->spin_be(2);
  start(pods_json());
  for (const char* group : {kBeRoot, PodTree::kBePod, PodTree::kBe}) {
    EXPECT_TRUE(eventually(seconds(20), [&] { return cpus(group) != original_cpus(group) && !cpus(group).empty(); }))
        << group << " " << cpus(group) << why();
  }
  EXPECT_EQ(cpus(PodTree::kBe), cpus(kBeRoot));
  EXPECT_TRUE(eventually(seconds(10), [&] { return !tree_->limited(); })) << "the set does it alone; " << why();
  EXPECT_EQ(cpus(PodTree::kLs), original_cpus(PodTree::kLs));
  cluster_->set_policy("resource-threshold-config", threshold_config("cpuset", 50, false));
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(CpuSuppress, WorkConservingLimitsOnlyWhereTheKernelDoesNotProtect) {
  cluster_->set_policy("resource-threshold-config", threshold_config("workConserving", 50));
  tree_->spin_be(2);
  start(pods_json());
  ASSERT_TRUE(eventually(seconds(20), [&] {
    const auto node = cluster_->ask({"node", "n1"});
    return node.is_object() && node["status"].is_object() && node["status"]["protection"].value("verified", false);
  })) << why();
  // A node that was stopped for a moment knows nothing of pressure, and limits batch until it reads its pods again.
  EXPECT_TRUE(eventually(seconds(30), [&] { return !eventually(seconds(2), [&] { return tree_->limited(); }); }))
      << why();
  tree_->spoil_weight();
  EXPECT_TRUE(eventually(seconds(20), [&] { return tree_->limited(); })) << why();
}

/// A host whose kernel does not put batch behind services, and whose worker dies.
class Unprotected : public Mechanism {
 protected:
  void SetUp() override {
    Mechanism::SetUp();
    if (IsSkipped()) return;
    tree_->write("kubepods/burstable", "cpu.shares", "cpu.weight", tree_->v1() ? "2" : "1");
    originals_ = tree_->files();
  }
  void kill_worker() {
    const auto children = node_->children();
    ASSERT_EQ(children.size(), 1u);
    ::kill(children.front(), SIGKILL);
  }
  bool logs(const std::string& text) const {
    return eventually(seconds(10), [&] { return why().find(text) != std::string::npos; });
  }
};

TEST_F(Unprotected, ADeadWorkerLeavesBatchOnItsCpus) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
  cluster_->set_policy("resource-threshold-config", threshold_config("cpuset", 30));
  tree_->spin_ls();
  tree_->spin_be(2);
  start(pods_json());
  const auto original = original_cpus(PodTree::kBe);
  ASSERT_TRUE(eventually(seconds(20), [&] { return cpus(PodTree::kBe) != original; })) << why();
  const auto held = cpus(PodTree::kBe);
  kill_worker();
  EXPECT_TRUE(logs("safe-value")) << why();
  EXPECT_EQ(cpus(PodTree::kBe), held);
  EXPECT_EQ(why().find("failed /"), std::string::npos) << why();
  stop();
}

// cgroup v1 refuses a quota below a pod's own, which nobody had touched so far.
TEST_F(Unprotected, ADeadWorkerLeavesBatchAtItsLeastAlsoAboveAPodsOwnQuota) {
  tree_->write(PodTree::kBePod, "cpu.cfs_quota_us", "cpu.max", tree_->v1() ? "5000" : "5000 100000");
  originals_ = tree_->files();
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 90));
  tree_->spin_be();
  start(pods_json());
  ASSERT_TRUE(eventually(seconds(20), [&] { return tree_->limited(); })) << why();
  kill_worker();
  // 1 % of the host, and no less than 2 ms in 100 ms.
  const long least = std::max(static_cast<long>(std::thread::hardware_concurrency()) * 10, 20L);
  EXPECT_TRUE(logs("safe-value")) << why();
  EXPECT_EQ(why().find("failed /"), std::string::npos) << why();
  if (tree_->v1()) {
    EXPECT_LE(quota_us(PodTree::kBePod), least * 100);
  }
  stop();
}

}  // namespace
}  // namespace tideline::test
