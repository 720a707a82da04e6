#include "test/node-actor/actor/node_loop_host.h"

namespace tideline::node::node_loop_outside_test {
namespace {

const std::string kOutsideQuota = "sys/fs/cgroup/cpu/kubepods/burstable/podb/cpu.cfs_quota_us";

/// With a BE pod "b" below burstable, which uses nothing.
FixtureTree::Files with_outside_pod() {
  const std::string pod = "kubepods/burstable/podb/";
  return kernel::test::v1_files() +
         FixtureTree::Files{{kOutsideQuota, "-1\n"},
                            {"sys/fs/cgroup/cpu/" + pod + "cpu.cfs_period_us", "100000\n"},
                            {"sys/fs/cgroup/cpu/" + pod + "cpu.stat", "nr_periods 0\nnr_throttled 0\n"},
                            {"sys/fs/cgroup/cpu/" + pod + "tasks", ""},
                            {"sys/fs/cgroup/cpuacct/" + pod + "cpuacct.usage", "7000000000\n"},
                            {"sys/fs/cgroup/memory/" + pod + "memory.stat", "total_inactive_anon 1\n"}};
}
model::Pod outside_pod() {
  auto pod = kernel::test::pod_of("b");
  pod.qos = model::QosClass::kBe;
  return pod;
}

TEST_F(NodeLoopTest, TheLimitIsDividedWithABatchPodOutsideOfTheRootAndAllGoesBack) {
  host(with_outside_pod());
  loop_->set_pods({outside_pod()});
  policy(true);
  ASSERT_TRUE(rounds().ok());
  // A tenth of its fair part of 1300.
  EXPECT_EQ(tree_->read(kOutsideQuota), "13000");
  EXPECT_EQ(tree_->read(kV1Quota), "2470000");
  EXPECT_THAT(feature("cpuSuppress").why, testing::HasSubstr("2600 millicores"));
  EXPECT_THAT(feature("cpuSuppress.outside").why, testing::HasSubstr("with 130 of 2600 millicores"));
  EXPECT_FALSE(loop_->status().protection.verified) << "a quota is no order";
  EXPECT_THAT(reasons(), testing::Contains(Reason::kOutsideBe));
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "-1");
  EXPECT_EQ(tree_->read(kV1Quota), "-1");
}

TEST_F(NodeLoopTest, WhenTheBatchPodOutsideIsGoneTheRootHasTheWholeAgain) {
  host(with_outside_pod());
  loop_->set_pods({outside_pod()});
  policy(true);
  ASSERT_TRUE(rounds().ok());
  ASSERT_EQ(tree_->read(kV1Quota), "2470000");
  loop_->set_pods({});
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "-1");
  EXPECT_EQ(tree_->read(kV1Quota), "2470000") << "a rise keeps its pace";
  std::this_thread::sleep_for(decide::kPeriodWait);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kV1Quota), "2600000");
}

TEST_F(NodeLoopTest, InDryRunABatchPodOutsideIsToldOfAndLeftAlone) {
  host(with_outside_pod());
  loop_->set_pods({outside_pod()});
  model::NodePolicy dry;
  dry.threshold.enable = true;
  dry.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  dry.dry_run.cpu_suppress = true;
  loop_->set_policy(dry);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "-1\n");
  EXPECT_EQ(tree_->read(kV1Quota), "-1\n");
  EXPECT_EQ(feature("cpuSuppress.outside").state, FeatureState::State::kInactive);
  EXPECT_THAT(feature("cpuSuppress.outside").why, testing::HasSubstr("dry run, nothing is written: "));
}

TEST_F(NodeLoopTest, AHeldBatchPodOutsideKeepsItsQuotaAndCountsWithItsUse) {
  host(with_outside_pod());
  loop_->set_pods({outside_pod()});
  decide::Hold hold;
  hold.what.group = "kubepods/burstable/podb";
  ASSERT_TRUE(loop_->set_hands_off({hold}).ok());
  policy(true);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "-1\n");
  EXPECT_THAT(feature("cpuSuppress.outside").why, testing::HasSubstr("not held: 1"));
}

TEST_F(NodeLoopTest, AHeldGroupOfNoListedPodKeepsWhatAnEarlierWorkerLeftThere) {
  host(with_outside_pod());
  loop_->set_pods({outside_pod()});
  policy(true);
  ASSERT_TRUE(rounds().ok());
  ASSERT_EQ(tree_->read(kOutsideQuota), "13000");
  // No pod is listed there, so that no settlement knows of the hold: only the write itself can meet it.
  start();
  loop_->set_pods({});
  decide::Hold hold;
  hold.what.group = "kubepods/burstable/podb";
  ASSERT_TRUE(loop_->set_hands_off({hold}).ok());
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "13000");
  EXPECT_EQ(tree_->read(kV1Quota), "-1") << "what is not held goes back";
  start();
  loop_->set_pods({});
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "-1") << "once the hold is over";
}

TEST_F(NodeLoopTest, AHeldPodKeepsOnlyItsOwnOriginalsFromGoingBack) {
  const std::string other = "sys/fs/cgroup/cpu/kubepods/burstable/podc/cpu.cfs_quota_us";
  auto files = with_outside_pod();
  for (const auto& [path, text] : with_outside_pod()) {
    const auto at = path.find("podb/");
    if (at != std::string::npos) files.emplace_back(path.substr(0, at) + "podc/" + path.substr(at + 5), text);
  }
  host(files);
  auto second = outside_pod();
  second.uid = model::PodUid("c");
  const std::vector<model::Pod> pods = {outside_pod(), second};
  loop_->set_pods(pods);
  policy(true);
  ASSERT_TRUE(rounds().ok());
  ASSERT_NE(tree_->read(kOutsideQuota), "-1\n");
  ASSERT_NE(tree_->read(other), "-1\n");

  start();
  loop_->set_pods(pods);
  decide::Hold hold;
  hold.what.group = "kubepods/burstable/podb";
  ASSERT_TRUE(loop_->set_hands_off({hold}).ok());
  policy(false);
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(other), "-1");
  EXPECT_NE(tree_->read(kOutsideQuota), "-1");
  ASSERT_TRUE(loop_->set_hands_off({}).ok());
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kOutsideQuota), "-1") << "at once, when the hold is over";
}

}  // namespace
}  // namespace tideline::node::node_loop_outside_test
