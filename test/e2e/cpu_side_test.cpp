// Burst, batch limits, bound CPUs and eviction by real programs on the real kernel.

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

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
  void without_own_quota() {
    for (const auto* group : {PodTree::kLsPod, PodTree::kLs})
      tree_->write(group, "cpu.cfs_quota_us", "cpu.max", tree_->v1() ? "-1" : "max 100000");
  }
  long quota_us(const char* group) const {
    const auto text = tree_->read(group, "cpu.cfs_quota_us", "cpu.max");
    return text.starts_with("max") ? -1 : std::strtol(text.c_str(), nullptr, 10);
  }
  /// While others fill the host, no quota is raised; the tests that run beside this one need a minute.
  bool is_scaled() const {
    return eventually(seconds(90), [&] { return quota_us(PodTree::kLs) > 60'000; });
  }
  std::string weight(const char* group) const { return tree_->read(group, "cpu.shares", "cpu.weight"); }
  std::string batch_weight() const { return tree_->v1() ? "1024" : "39"; }
  /// What the agent and the kernel say of it.
  std::string why() const {
    if (!node_) return "";
    return node_->output() + cluster_->tidectl({"pods", "--node", "n1"}).output +
           cluster_->tidectl({"explain", "node", "n1"}).output + tree_->read(PodTree::kLs, "cpu.stat", "cpu.stat");
  }

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
  EXPECT_TRUE(is_scaled()) << why();
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

TEST_F(CpuSide, AServiceThatItsPodsQuotaStopsBurstsToo) {
  cluster_->set_policy("cpu-burst-config", kBurst);
  // Each gets about half of the pod's quota, far below the container's own.
  tree_->spin_ls();
  tree_->spin_beside_ls();
  start(pods_json());
  EXPECT_TRUE(is_scaled()) << why();
}

TEST_F(CpuSide, AKilledWorkerLeavesScaledQuotasAsTheyWere) {
  cluster_->set_policy("cpu-burst-config", kBurst);
  tree_->spin_ls();
  start(pods_json());
  ASSERT_TRUE(is_scaled()) << why();
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
                           "cpuEvictBESatisfactionUpperPercent": 50, "cpuEvictTimeWindowSeconds": 5,
                           "cpuEvictBEUsageThresholdPercent": 50}})");
  tree_->spin_ls();
  tree_->spin_be();
  start(pods_json("", 4000));
  // 20 s of peace after a start, then a window. A second in which a busy host gave batch less than it may use takes the
  // eviction back, and the next try is 20 s later.
  EXPECT_TRUE(eventually(seconds(120), [&] {
    return tree_->read(PodTree::kBe, "cgroup.procs", "cgroup.procs").empty();
  })) << why();
  EXPECT_TRUE(eventually(seconds(15), [&] {
    return cluster_->ask({"events", "--node", "n1", "--from", "-10m"}).dump().find("be-starved") != std::string::npos;
  })) << cluster_->tidectl({"events", "--node", "n1", "--from", "-10m"}).output;
}

/// The service's pod is a BE one that kubelet put below burstable, as a BE pod with requests is.
std::string outside_json() {
  return R"({"pods": [
    {"uid": "ls-uid", "namespace": "test", "name": "crunch", "qosClass": "BE", "kubeQosClass": "Burstable",
     "priority": 5000, "containers": [{"name": "web", "id": "web"}]},
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort",
     "priority": 5000, "containers": [{"name": "job", "id": "job"}]}
  ]})";
}

TEST_F(CpuSide, ABatchPodOutsideOfTheBesteffortRootIsHeldWithinTheLimitOnAllOfBatch) {
  cluster_->set_policy("resource-threshold-config",
                       R"({"clusterStrategy": {"enable": true, "cpuSuppressPolicy": "cfsQuota",
                           "cpuSuppressThresholdPercent": 40}})");
  tree_->spin_ls(2);
  tree_->spin_be(2);
  without_own_quota();
  start(outside_json());
  ASSERT_TRUE(eventually(seconds(20), [&] { return quota_us(PodTree::kLsPod) > 0 && tree_->limited(); })) << why();
  std::this_thread::sleep_for(seconds(8));
  const auto used = [&] { return tree_->ls_cpu_ns() + tree_->be_cpu_ns(); };
  const auto before = used();
  const auto begun = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(seconds(10));
  const auto more = static_cast<double>(used() - before);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begun;
  const double allowed = 0.4 * static_cast<double>(std::thread::hardware_concurrency()) * took.count();
  EXPECT_LE(more, 1.15 * allowed) << "a period more at most, and what the writes of a quota hand out";
  EXPECT_GT(tree_->be_cpu_ns(), 0);
  node_->signal(SIGTERM);
  EXPECT_EQ(node_->wait(seconds(15)), 0) << why();
  EXPECT_EQ(quota_us(PodTree::kLsPod), -1);
  EXPECT_FALSE(tree_->limited()) << tree_->quota();
}

TEST_F(CpuSide, AKilledWorkerLeavesABatchPodOutsideAsItWas) {
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 40));
  without_own_quota();
  tree_->spin_ls(2);
  start(outside_json());
  ASSERT_TRUE(eventually(seconds(20), [&] { return quota_us(PodTree::kLsPod) > 0; })) << why();
  const auto children = node_->children();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children.front(), SIGKILL);
  EXPECT_TRUE(eventually(seconds(4), [&] { return quota_us(PodTree::kLsPod) == -1; })) << why();
}

/// The CPUs of groups that the pods file never lists.
class NewbornPod : public CpuSide {
 protected:
  static constexpr const char* kRoot = "kubepods/besteffort";
  static constexpr const char* kPod = "kubepods/besteffort/podnew";
  static constexpr const char* kContainer = "kubepods/besteffort/podnew/work";

  std::string cpus(const std::string& group) const { return tree_->read(group, "cpuset.cpus", "cpuset.cpus"); }
  /// Batch is narrowed, and then a pod is made.
  void narrow_and_make() {
    if (!tree_->v1()) GTEST_SKIP() << "needs cgroup v1: on v2 a new group follows its parent";
    whole_ = cpus(kRoot);
    if (whole_.find_first_of(",-") == std::string::npos) GTEST_SKIP() << "needs two CPUs";
    cluster_->set_policy("resource-threshold-config", threshold_config("cpuset", 40));
    start(PodTree::pods_json());
    ASSERT_TRUE(eventually(seconds(20), [&] { return cpus(kRoot) != whole_; })) << why();
    const auto narrow = cpus(kRoot);
    tree_->make(kContainer);
    ASSERT_EQ(cpus(kContainer), narrow) << "who makes it copies the parent's";
    // Of a group that its look has not found the agent knows nothing.
    const auto journal = cluster_->node_dir("n1") + "/journal";
    ASSERT_TRUE(eventually(seconds(20), [&] {
      std::ifstream in(journal);
      return std::string(std::istreambuf_iterator<char>(in), {}).find("podnew/work") != std::string::npos;
    })) << why();
    ASSERT_EQ(cpus(kPod), narrow);
  }
  std::string whole_;
};

TEST_F(NewbornPod, HasAllCpusAgainWhenBatchHas) {
  narrow_and_make();
  if (IsSkipped() || HasFatalFailure()) return;
  cluster_->set_policy("resource-threshold-config", threshold_config("cpuset", 40, false));
  EXPECT_TRUE(eventually(seconds(20), [&] { return cpus(kRoot) == whole_; })) << why();
  EXPECT_TRUE(eventually(seconds(5), [&] { return cpus(kContainer) == whole_; })) << cpus(kContainer) << why();
  EXPECT_EQ(cpus(kPod), whole_);
}

TEST_F(NewbornPod, HasAllCpusAgainWhenTheAgentIsStopped) {
  narrow_and_make();
  if (IsSkipped() || HasFatalFailure()) return;
  node_->signal(SIGTERM);
  EXPECT_EQ(node_->wait(seconds(15)), 0) << why();
  EXPECT_EQ(cpus(kRoot), whole_);
  EXPECT_EQ(cpus(kPod), whole_);
  EXPECT_EQ(cpus(kContainer), whole_);
}

}  // namespace
}  // namespace tideline::test
