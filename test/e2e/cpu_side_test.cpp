// Burst, batch limits, bound CPUs and eviction by real programs on the real kernel.

#include <csignal>

#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

/// web: a limit of half a CPU. job: asks for 1 CPU of batch and may use half of one.
std::string pods_json(const std::string& web_more = "", int batch_request = 1000) {
  return R"({"pods": [
    {"uid": "ls-uid", "namespace": "test", "name": "web", "qosClass": "LS", "kubeQosClass": "Burstable",
     "priority": 9000)" +
         web_more +
         R"(, "containers": [{"name": "web", "id": "web", "requests": {"cpu": "500m"}, "limits": {"cpu": "500m"}}]},
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort", "priority": 5000,
     "containers": [{"name": "job", "id": "job",
                     "requests": {"kubernetes.io/batch-cpu": )" +
         std::to_string(batch_request) + R"(}, "limits": {"kubernetes.io/batch-cpu": 500}}]}
  ]})";
}

class CpuSide : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    tree_ = std::make_unique<PodTree>();
    // As kubelet leaves them.
    for (const auto* group : {PodTree::kLsPod, PodTree::kLs})
      tree_->write(group, "cpu.cfs_quota_us", "cpu.max", tree_->v1() ? "50000" : "50000 100000");
    cluster_ = std::make_unique<Cluster>();
  }
  void start(const std::string& pods) {
    cluster_->start_coordinator();
    spec_ = {.name = "n1", .kubepods = tree_->kubepods(), .pods_json = pods};
    node_ = std::make_unique<Process>(cluster_->start_node(spec_));
    ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << node_->output();
  }
  long quota_us(const char* group) const {
    const auto text = tree_->read(group, "cpu.cfs_quota_us", "cpu.max");
    return text.starts_with("max") ? -1 : std::strtol(text.c_str(), nullptr, 10);
  }
  std::string weight(const char* group) const { return tree_->read(group, "cpu.shares", "cpu.weight"); }
  std::string batch_weight() const { return tree_->v1() ? "1024" : "39"; }
  std::string why() const { return node_ ? node_->output() : ""; }

  std::unique_ptr<PodTree> tree_;
  std::unique_ptr<Cluster> cluster_;
  Cluster::Node spec_;
  std::unique_ptr<Process> node_;
};

constexpr const char* kBurst =
    R"({"clusterStrategy": {"policy": "auto", "cfsQuotaBurstPercent": 300, "sharePoolThresholdPercent": 100}})";

TEST_F(CpuSide, AThrottledServiceBurstsABatchPodIsHeldAndAllGoesBackOnStop) {
  cluster_->set_policy("cpu-burst-config", kBurst);
  const auto before = weight(PodTree::kBePod);
  tree_->spin_ls();
  start(pods_json());
  EXPECT_TRUE(eventually(seconds(20), [&] { return quota_us(PodTree::kLs) > 60'000; })) << why();
  EXPECT_GE(quota_us(PodTree::kLsPod), quota_us(PodTree::kLs)) << "a pod is as wide as its container";
  EXPECT_TRUE(eventually(seconds(10), [&] { return quota_us(PodTree::kBe) == 50'000; })) << why();
  EXPECT_EQ(quota_us(PodTree::kBePod), 50'000);
  EXPECT_EQ(weight(PodTree::kBePod), batch_weight());
  node_->signal(SIGTERM);
  EXPECT_EQ(node_->wait(seconds(15)), 0) << why();
  EXPECT_EQ(quota_us(PodTree::kLs), 50'000);
  EXPECT_EQ(quota_us(PodTree::kLsPod), 50'000);
  EXPECT_EQ(quota_us(PodTree::kBe), -1);
  EXPECT_EQ(weight(PodTree::kBePod), before);
}

TEST_F(CpuSide, AKilledWorkerLeavesScaledQuotasAsTheyWere) {
  cluster_->set_policy("cpu-burst-config", kBurst);
  tree_->spin_ls();
  start(pods_json());
  ASSERT_TRUE(eventually(seconds(20), [&] { return quota_us(PodTree::kLs) > 60'000; })) << why();
  const auto children = node_->children();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children.front(), SIGKILL);
  EXPECT_TRUE(eventually(seconds(4), [&] { return quota_us(PodTree::kLs) == 50'000; })) << why();
  EXPECT_EQ(weight(PodTree::kBePod), batch_weight()) << "what only orders stays";
}

TEST_F(CpuSide, ABoundPodHasItsCpuToItselfAndNoQuota) {
  start(pods_json(R"(, "annotations": {"scheduling.koordinator.sh/resource-status": "{\"cpuset\":\"0\"}"})"));
  EXPECT_TRUE(eventually(seconds(15), [&] { return tree_->read(PodTree::kLs, "cpuset.cpus", "cpuset.cpus") == "0"; }))
      << why();
  EXPECT_TRUE(eventually(seconds(5), [&] { return quota_us(PodTree::kLs) == -1; })) << why();
}

TEST_F(CpuSide, AStarvedBatchPodIsEvictedAndTheReasonIsInHistory) {
  cluster_->set_policy("resource-threshold-config",
                       R"({"clusterStrategy": {"enable": true, "cpuSuppressPolicy": "cfsQuota",
                           "cpuSuppressThresholdPercent": 30, "cpuEvictBESatisfactionLowerPercent": 30,
                           "cpuEvictBESatisfactionUpperPercent": 50, "cpuEvictTimeWindowSeconds": 5}})");
  tree_->spin_ls();
  tree_->spin_be();
  start(pods_json("", 4000));
  // 20 s of peace after a start, then a window.
  EXPECT_TRUE(eventually(seconds(60), [&] {
    return tree_->read(PodTree::kBe, "cgroup.procs", "cgroup.procs").empty();
  })) << why();
  EXPECT_TRUE(eventually(seconds(15), [&] {
    return cluster_->ask({"events", "--node", "n1", "--from", "-10m"}).dump().find("be-starved") != std::string::npos;
  })) << cluster_->tidectl({"events", "--node", "n1", "--from", "-10m"}).output;
}

}  // namespace
}  // namespace tideline::test
