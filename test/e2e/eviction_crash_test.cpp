// What remains of an eviction when either side is killed.

#include <csignal>
#include <thread>

#include <unistd.h>

#include "test/e2e/eviction_fixture.h"

namespace tideline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A child in the batch pod that spins and does not heed SIGTERM; ends by itself should the test forget it.
pid_t spin_stubbornly(PodTree& tree) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGTERM, SIG_IGN);
    ::alarm(180);
    volatile unsigned turn = 0;
    for (;;)
      turn = turn + 1;
  }
  tree.own_be(pid);
  return pid;
}

TEST_F(Eviction, ACoordinatorKilledBetweenRequestAndGrantCostsOneEvictionNotTwo) {
  cluster_->set_policy("resource-threshold-config", kNodeUsage);
  PodTree tree;
  tree.spin_ls();
  tree.spin_be();
  cluster_->start_coordinator();
  const auto started = std::chrono::steady_clock::now();
  auto node = cluster_->start_node(spec("n1", tree));
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << node.output();
  // Stopped, it takes the request in and decides nothing. Not for longer than a session bears, and before the 20 s
  // after the start are over.
  std::this_thread::sleep_until(started + seconds(14));
  ASSERT_FALSE(shows(node, "asked for")) << node.output();
  cluster_->coordinator().signal(SIGSTOP);
  ASSERT_TRUE(eventually(seconds(40), [&] { return shows(node, "asked for"); })) << node.output();
  std::this_thread::sleep_for(milliseconds(300));
  cluster_->kill_coordinator();
  EXPECT_FALSE(empty(tree));
  cluster_->start_coordinator();
  ASSERT_TRUE(eventually(seconds(40), [&] { return empty(tree); })) << node.output();
  ASSERT_TRUE(eventually(seconds(20), [&] { return begun("n1") == 1; })) << all_events("n1");
  // Once more, after all that it remembers.
  cluster_->kill_coordinator();
  cluster_->start_coordinator();
  ASSERT_TRUE(cluster_->node_is_live("n1", seconds(20)));
  std::this_thread::sleep_for(seconds(7));
  EXPECT_EQ(begun("n1"), 1u) << all_events("n1");
  EXPECT_EQ(events("n1", "eviction-granted").size(), 1u) << all_events("n1");
  EXPECT_TRUE(events("n1", "no-arbiter").empty()) << all_events("n1");
}

TEST_F(Eviction, AWorkerKilledDuringGraceLeavesNoPodThatIgnoresSigtermBehind) {
  cluster_->set_policy("resource-threshold-config", kNodeUsage);
  PodTree tree;
  tree.spin_ls();
  spin_stubbornly(tree);
  cluster_->start_coordinator();
  auto node = cluster_->start_node(spec("n1", tree));
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << node.output();
  ASSERT_TRUE(eventually(seconds(60), [&] { return shows(node, "granted by the coordinator"); })) << node.output();
  const auto worker = node.children();
  ASSERT_EQ(worker.size(), 1u);
  ::kill(worker.front(), SIGKILL);
  ASSERT_TRUE(eventually(seconds(20), [&] { return shows(node, "begun by an earlier worker"); })) << node.output();
  EXPECT_FALSE(empty(tree));
  ASSERT_TRUE(eventually(seconds(60), [&] { return empty(tree); })) << node.output();
  EXPECT_TRUE(eventually(seconds(20), [&] { return all_events("n1").find("gone after") != std::string::npos; }));
  EXPECT_LE(begun("n1"), 1u) << all_events("n1");
  EXPECT_TRUE(eventually(seconds(20), [&] {
    const auto view = cluster_->ask({"node", "n1"});
    return view.is_object() && view["status"]["beWork"]["evicted"]["pods"] == 1 &&
           view["status"]["beWork"]["evicted"]["cpuMs"] > 0;
  })) << cluster_->tidectl({"node", "n1"}).output;
}

}  // namespace
}  // namespace tideline::test
