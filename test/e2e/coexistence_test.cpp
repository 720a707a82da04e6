// What somebody else writes is told, answered and not fought; dry run writes nothing. On the real kernel.

#include <thread>

#include "test/e2e/mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using Coexistence = Mechanism;

TEST_F(Coexistence, DriftIsToldAndAnsweredTwiceAMinuteAtMost) {
  start(pods_json("", 500));
  const auto ours = [&] { return reads(PodTree::kBe, "cpu.shares", "cpu.weight", tree_->v1() ? "512" : "20"); };
  const auto write_another = [&] { tree_->write(PodTree::kBe, "cpu.shares", "cpu.weight", tree_->v1() ? "77" : "7"); };
  ASSERT_TRUE(eventually(seconds(20), ours)) << why();
  write_another();
  EXPECT_TRUE(eventually(seconds(45), ours)) << why();
  EXPECT_TRUE(events_say("\"drift\"")) << why();
  write_another();
  const auto end = std::chrono::steady_clock::now() + seconds(5);
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_FALSE(ours()) << "fought over; " << why();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  // Who wrote last has the last word when the agent leaves.
  node_->signal(SIGTERM);
  node_->wait(patience(seconds(15)));
  EXPECT_FALSE(ours());
  EXPECT_TRUE(reads(PodTree::kBe, "cpu.shares", "cpu.weight", tree_->v1() ? "77" : "7"));
}

/// A node whose program begins once it was moved, as a container runtime would.
class AgentInAPod : public Mechanism {
 protected:
  void start_in(const char* group) {
    const std::string moved = cluster_->dir().str() + "/moved";
    cluster_->start_coordinator();
    node_ = std::make_unique<Process>(cluster_->start_node(
        {.name = "n1",
         .kubepods = tree_->kubepods(),
         .pods_json = pods_json("", 500),
         .wrap = {"sh", "-c", "while [ ! -e " + moved + " ]; do sleep 0.05; done; exec \"$@\"", "sh"}}));
    tree_->attach(node_->pid(), group);
    cluster_->dir().write("moved", "");
    ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << why();
  }
};

TEST_F(AgentInAPod, LeavesItsOwnPodAloneAndDoesTheRest) {
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 30));
  cluster_->set_policy("cpu-burst-config", R"({"clusterStrategy": {"policy": "auto"}})");
  start_in(PodTree::kLs);
  tree_->spin_be();
  EXPECT_TRUE(eventually(seconds(20), [&] {
    return tree_->limited() && reads(PodTree::kBe, "cpu.shares", "cpu.weight", tree_->v1() ? "512" : "20");
  })) << why();
  EXPECT_TRUE(events_say("the agent runs in pod test/web")) << why();
  for (const auto& [file, original] : originals_) {
    if (file.find("podls-uid") == std::string::npos) continue;
    EXPECT_EQ(tree_->files().at(file), original) << file;
  }
  stop();
}

TEST_F(AgentInAPod, ThatIsBestEffortDoesNotThrottleItself) {
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 30));
  start_in(PodTree::kBe);
  tree_->spin_be();
  EXPECT_TRUE(eventually(seconds(20), [&] {
    const auto features = cluster_->ask({"node", "n1"}).dump();
    return features.find("give it requests, so that it does not throttle itself") != std::string::npos;
  })) << why();
  std::this_thread::sleep_for(seconds(2));
  EXPECT_EQ(changed(), "") << why();
  stop();
}

TEST_F(Coexistence, DryRunOfEveryMechanismWritesNothingAndTakesBackWhatWasWritten) {
  const std::string all =
      R"({"clusterStrategy": {"dryRun": {"cpuSuppress": true, "cpuBurst": true, "cpuQos": true, "cpuset": true,
                              "batchLimits": true, "cpuEvict": true, "memoryQos": true,
                              "memoryRelief": true, "memoryEvict": true}}})";
  cluster_->set_policy("tideline-config", all);
  cluster_->set_policy("resource-threshold-config", threshold_config("cfsQuota", 30));
  cluster_->set_policy("cpu-burst-config", R"({"clusterStrategy": {"policy": "auto"}})");
  cluster_->set_policy("resource-qos-config",
                       R"({"clusterStrategy": {"beClass": {"cpuQOS": {"enable": true, "schedIdle": 1}}}})");
  const std::string bound = R"(, "annotations": {"scheduling.koordinator.sh/resource-status": "{\"cpuset\":\"0\"}"})";
  start(pods_json(bound, 500));
  const auto features = [&] { return cluster_->ask({"node", "n1"}).dump(); };
  EXPECT_TRUE(eventually(seconds(20), [&] {
    return features().find("dry run, nothing is written: pods limited by their batch-cpu") != std::string::npos;
  })) << features();
  const auto explained = [&] { return cluster_->tidectl({"explain", "node", "n1"}).output; };
  EXPECT_TRUE(eventually(seconds(20), [&] { return explained().find("dry run: would be") != std::string::npos; }))
      << explained();
  std::this_thread::sleep_for(seconds(2));
  EXPECT_EQ(changed(), "") << why();

  cluster_->set_policy("tideline-config", R"({"clusterStrategy": {"dryRun": {}}})");
  for (const char* group : {PodTree::kBePod, PodTree::kBe})
    EXPECT_TRUE(eventually(seconds(20), [&] { return reads(group, "cpu.idle", "cpu.idle", "1"); })) << group << why();
  EXPECT_TRUE(eventually(seconds(20), [&] { return tree_->limited() && cpus(PodTree::kLs) == "0"; })) << why();
  cluster_->set_policy("tideline-config", all);
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

}  // namespace
}  // namespace tideline::test
