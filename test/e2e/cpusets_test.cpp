// CPUs of bound pods and what is left to others, on the real kernel.

#include <thread>

#include "messages/model/cpu_set.h"
#include "test/e2e/mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

class Cpusets : public Mechanism {
 protected:
  void SetUp() override {
    Mechanism::SetUp();
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs";
  }
  static std::string bound(const std::string& qos) {
    return R"(, "qosClass": ")" + qos +
           R"(", "annotations": {"scheduling.koordinator.sh/resource-status": "{\"cpuset\":\"0\"}"})";
  }
  bool keeps_off_cpu_0(const char* group) const {
    const auto set = model::CpuSet::parse(cpus(group));
    return set && !set->empty() && !set->contains(model::CpuSet{0});
  }
};

TEST_F(Cpusets, BatchKeepsOffTheCpuOfAnLsePodUntilThatIsGone) {
  tree_->spin_be(2);
  start(pods_json(bound("LSE")));
  EXPECT_TRUE(eventually(seconds(20), [&] { return cpus(PodTree::kLs) == "0"; })) << why();
  EXPECT_TRUE(eventually(seconds(10), [&] { return quota_us(PodTree::kLs) == -1 && quota_us(PodTree::kLsPod) == -1; }))
      << why();
  for (const char* group : {kBeRoot, PodTree::kBePod, PodTree::kBe})
    EXPECT_TRUE(eventually(seconds(10), [&] { return keeps_off_cpu_0(group); }))
        << group << " " << cpus(group) << why();
  change_pods(pods_json());
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(Cpusets, CpusOfAnLsrPodAreLentToBatch) {
  tree_->spin_be(2);
  start(pods_json(bound("LSR")));
  EXPECT_TRUE(eventually(seconds(20), [&] { return cpus(PodTree::kLs) == "0"; })) << why();
  EXPECT_FALSE(eventually(seconds(2), [&] { return keeps_off_cpu_0(PodTree::kBe); })) << why();
  stop();
}

}  // namespace
}  // namespace tideline::test
