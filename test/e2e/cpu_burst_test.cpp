// Kernel burst on the real kernel. Quota scaling is in cpu_side_test.cpp: it needs a service that is throttled.

#include "test/e2e/mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

class CpuBurst : public Mechanism {
 protected:
  void SetUp() override {
    Mechanism::SetUp();
    if (!IsSkipped() && burst_of(PodTree::kLs).empty()) GTEST_SKIP() << "needs cpu.cfs_burst_us or cpu.max.burst";
  }
  std::string burst_of(const char* group) const { return tree_->read(group, "cpu.cfs_burst_us", "cpu.max.burst"); }
  bool bursts_are(const std::string& us) const {
    return eventually(seconds(20), [&] { return burst_of(PodTree::kLs) == us && burst_of(PodTree::kLsPod) == us; });
  }
  void set_burst(const std::string& policy, int percent) const {
    cluster_->set_policy("cpu-burst-config", R"({"clusterStrategy": {"policy": ")" + policy +
                                                 R"(", "cpuBurstPercent": )" + std::to_string(percent) + "}}");
  }
};

TEST_F(CpuBurst, KernelBurstIsAPartOfTheLimitAndNeverAboveTheQuota) {
  set_burst("cpuBurstOnly", 1000);
  start(pods_json());
  EXPECT_TRUE(bursts_are("50000")) << burst_of(PodTree::kLs) << " " << burst_of(PodTree::kLsPod) << why();
  set_burst("cpuBurstOnly", 40);
  EXPECT_TRUE(bursts_are("20000")) << burst_of(PodTree::kLs) << " " << burst_of(PodTree::kLsPod) << why();
  EXPECT_EQ(quota_us(PodTree::kLs), 50'000);
  set_burst("none", 40);
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(CpuBurst, APodsAnnotationOverrulesTheNode) {
  set_burst("none", 100);
  start(pods_json(R"(, "annotations": {"koordinator.sh/cpuBurst": "{\"policy\": \"cpuBurstOnly\"}"})"));
  EXPECT_TRUE(bursts_are("50000")) << burst_of(PodTree::kLs) << " " << burst_of(PodTree::kLsPod) << why();
  change_pods(pods_json());
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

}  // namespace
}  // namespace tideline::test
