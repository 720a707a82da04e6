// An eviction from its trigger to what is told of it, and a batch pod that ends by itself; short enough for the guest
// of test/vm in every run.

#include <filesystem>
#include <thread>

#include <gmock/gmock.h>

#include "test/e2e/eviction_fixture.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

TEST_F(Eviction, OverCommitOfBatchIsJudgedByWhatTheLedgerHasForIt) {
  // Whatever else runs on this machine, the ledger has something to give.
  cluster_->set_policy("colocation-config", R"({"enable": true, "cpuReclaimThresholdPercent": 1000,
      "metricAggregateDurationSeconds": 60})");
  cluster_->set_policy("resource-threshold-config", R"({"clusterStrategy": {"enable": true,
      "cpuSuppressPolicy": "cfsQuota", "cpuSuppressThresholdPercent": 100,
      "cpuAllocatableEvictThresholdPercent": 100, "cpuAllocatableEvictLowerPercent": 90,
      "allocatableEvictPriorityThreshold": 5999}})");
  PodTree tree;
  tree.spin_be();
  cluster_->start_coordinator();
  // 1000 % of any machine this runs on is less.
  auto node = cluster_->start_node(spec("n1", tree, eviction_pods("Running", "9000000")));
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << node.output();
  EXPECT_TRUE(eventually(seconds(60), [&] { return empty(tree); })) << cluster_->tidectl({"node", "n1"}).output;
  EXPECT_TRUE(eventually(seconds(15), [&] { return !events("n1", "over-allocated").empty(); })) << all_events("n1");
}

TEST_F(Eviction, ABatchPodThatCompletesGivesItsTimeAndItsCpu) {
  PodTree tree;
  tree.spin_be();
  cluster_->start_coordinator();
  auto node = cluster_->start_node(spec("n1", tree));
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << node.output();
  std::this_thread::sleep_for(seconds(3));
  const auto fresh = cluster_->dir().write("n1.pods.new", eviction_pods("Succeeded"));
  std::filesystem::rename(fresh, cluster_->dir().path() / "n1.pods.json");
  ASSERT_TRUE(eventually(seconds(15), [&] { return !events("n1", "be-pod-completed").empty(); })) << all_events("n1");
  EXPECT_THAT(events("n1", "be-pod-completed")[0].dump(), HasSubstr("s from start to end"));
  EXPECT_TRUE(eventually(seconds(15), [&] {
    const auto view = cluster_->ask({"node", "n1"});
    return view.is_object() && view["status"]["beWork"]["completed"]["pods"] == 1 &&
           view["status"]["beWork"]["completed"]["cpuMs"] > 0;
  })) << cluster_->tidectl({"node", "n1"}).output;
}

}  // namespace
}  // namespace tideline::test
