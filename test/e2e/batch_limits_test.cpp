// Weight and quota of batch pods by their batch-cpu, on the real kernel.

#include <thread>

#include "test/e2e/mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using BatchLimits = Mechanism;

TEST_F(BatchLimits, PodAndContainerHaveWhatTheyAskForUntilThePodIsGone) {
  tree_->spin_be();
  start(pods_json("", 500));
  for (const char* group : {PodTree::kBePod, PodTree::kBe}) {
    EXPECT_TRUE(eventually(seconds(20), [&] { return quota_us(group) == 50'000; })) << group << why();
    EXPECT_TRUE(
        eventually(seconds(10), [&] { return reads(group, "cpu.shares", "cpu.weight", tree_->v1() ? "512" : "20"); }))
        << group << " " << tree_->read(group, "cpu.shares", "cpu.weight") << why();
  }
  // Wider and narrower: cgroup v1 takes a child's quota only within its parent's.
  for (const int milli : {1500, 250}) {
    change_pods(pods_json("", milli));
    for (const char* group : {PodTree::kBePod, PodTree::kBe})
      EXPECT_TRUE(eventually(seconds(20), [&] { return quota_us(group) == milli * 100; })) << group << why();
  }
  change_pods(R"({"pods": []})");
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(BatchLimits, SuppressBelowAPodsOwnQuotaIsTakenAndThatQuotaComesBack) {
  // Somebody else's: the pod asks for nothing.
  const long own_us = static_cast<long>(std::thread::hardware_concurrency()) * 95'000;
  const auto own = std::to_string(own_us);
  tree_->write(PodTree::kBePod, "cpu.cfs_quota_us", "cpu.max", tree_->v1() ? own : own + " 100000");
  originals_ = tree_->files();
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 30));
  tree_->spin_be();
  start(pods_json());
  EXPECT_TRUE(eventually(seconds(20), [&] { return tree_->limited(); })) << why();
  if (tree_->v1()) {
    EXPECT_LT(quota_us(PodTree::kBePod), own_us);
  } else {
    EXPECT_EQ(quota_us(PodTree::kBePod), own_us) << "v2 needs no help";
  }
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 30, false));
  EXPECT_TRUE(eventually(seconds(30), [&] { return changed().empty(); })) << changed() << why();
}

}  // namespace
}  // namespace tideline::test
