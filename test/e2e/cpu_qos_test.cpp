// CPU QoS by weight and cpu.idle on the real kernel.

#include "test/e2e/mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

class CpuQos : public Mechanism {
 protected:
  void SetUp() override {
    Mechanism::SetUp();
    if (IsSkipped()) return;
    if (idle(PodTree::kBe).empty()) GTEST_SKIP() << "needs cpu.idle";
    // More than kubelet gives it, and little enough to protect.
    tree_->write(kBeRoot, "cpu.shares", "cpu.weight", tree_->v1() ? "20" : "2");
    originals_ = tree_->files();
  }
  std::string idle(const char* group) const { return tree_->read(group, "cpu.idle", "cpu.idle"); }
  std::string weight(const char* group) const { return tree_->read(group, "cpu.shares", "cpu.weight"); }
  std::string original_weight(const char* group) const {
    return originals_.at(std::string(group) + (tree_->v1() ? "/cpu.shares" : "/cpu.weight"));
  }
  void set_be_class(bool enable, int sched_idle) const {
    cluster_->set_policy("resource-qos-config", R"({"clusterStrategy": {"beClass": {"cpuQOS": {"enable": )" +
                                                    std::string(enable ? "true" : "false") + R"(, "schedIdle": )" +
                                                    std::to_string(sched_idle) + "}}}}");
  }
};

TEST_F(CpuQos, BeClassIdlesBatchAndGivesTheRootKubeletsWeight) {
  set_be_class(true, 1);
  start(pods_json());
  for (const char* group : {PodTree::kBePod, PodTree::kBe})
    EXPECT_TRUE(eventually(seconds(20), [&] { return idle(group) == "1"; })) << group << why();
  EXPECT_TRUE(eventually(seconds(10), [&] { return weight(kBeRoot) == (tree_->v1() ? "2" : "1"); })) << why();
  EXPECT_EQ(idle(kBeRoot), "0") << "it would stop kubelet";
  EXPECT_EQ(idle(PodTree::kLs), "0");

  // The kernel forgot the weights; the journal did not.
  set_be_class(true, 0);
  for (const char* group : {PodTree::kBePod, PodTree::kBe}) {
    EXPECT_TRUE(eventually(seconds(20), [&] { return idle(group) == "0"; })) << group << why();
    EXPECT_TRUE(eventually(seconds(10), [&] { return weight(group) == original_weight(group); }))
        << group << " " << weight(group) << why();
  }
  EXPECT_EQ(weight(kBeRoot), tree_->v1() ? "2" : "1");
  set_be_class(false, 0);
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

}  // namespace
}  // namespace tideline::test
