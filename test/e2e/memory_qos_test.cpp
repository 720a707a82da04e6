// What memory QoS sets on the real kernel: floors for services on cgroup v2, where BE goes first on v1, and whom the
// OOM killer picks.

#include <csignal>
#include <filesystem>
#include <fstream>

#include "test/e2e/memory_mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

class MemoryQos : public MemoryMechanism {
 protected:
  static std::string score_of(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/oom_score_adj");
    std::string text;
    in >> text;
    return text;
  }
  static constexpr std::int64_t kMib = std::int64_t{1} << 20;
};

TEST_F(MemoryQos, AServiceIsProtectedAsItsKernelAllowsUntilThePolicySaysNoMore) {
  set_memory_qos(true);
  start(memory_pods());
  if (tree_->v1()) {
    EXPECT_TRUE(eventually(seconds(20), [&] { return tree_->read(kBeRoot, "memory.soft_limit_in_bytes", "") == "0"; }))
        << tree_->read(kBeRoot, "memory.soft_limit_in_bytes", "") << why();
    EXPECT_TRUE(eventually(seconds(30),
                           [&] {
                             return cluster_->ask({"node", "n1"}).dump().find("memory-min") != std::string::npos;
                           }))
        << "what this kernel has not is said: " << cluster_->ask({"node", "n1"}).dump();
  } else {
    // Of a request of 64 MiB, and half of what lies between that and the limit of 512.
    for (const char* group : {PodTree::kLsPod, PodTree::kLs}) {
      EXPECT_TRUE(eventually(seconds(20), [&] { return has_bytes(group, "", "memory.min", 32 * kMib); }))
          << group << why();
      EXPECT_TRUE(eventually(seconds(5), [&] { return has_bytes(group, "", "memory.low", 48 * kMib); }))
          << group << why();
    }
    EXPECT_TRUE(eventually(seconds(5), [&] { return has_bytes(PodTree::kLs, "", "memory.high", 288 * kMib); }))
        << tree_->read(PodTree::kLs, "", "memory.high") << why();
    for (const char* group : {"kubepods/burstable", "kubepods"})
      EXPECT_EQ(tree_->read(group, "", "memory.min"), std::to_string(32 * kMib)) << "or the pod's own does nothing";
  }
  set_memory_qos(false);
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(MemoryQos, ProcessesOfBatchAreTheFirstThatTheOomKillerTakes) {
  set_memory_qos(true);
  auto service = load(PodTree::kLs, {"grow", "--mib", "8", "--seconds", "240"});
  auto batch = load(PodTree::kBe, {"grow", "--mib", "8", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready") && says(batch, "ready")) << service.output() << batch.output();
  const auto before = score_of(batch.pid());
  ASSERT_NE(before, "1000");
  start(memory_pods());
  EXPECT_TRUE(eventually(seconds(30), [&] { return score_of(batch.pid()) == "1000"; }))
      << score_of(batch.pid()) << why();
  EXPECT_EQ(score_of(service.pid()), before);
  stop();
  EXPECT_EQ(score_of(batch.pid()), before) << "and all goes back";
}

TEST_F(MemoryQos, ADeadWorkerLeavesTheFloorsAndTakesTheHigh) {
  if (tree_->v1()) GTEST_SKIP() << "needs cgroup v2: v1 has neither memory.min nor memory.high";
  set_memory_qos(true);
  start(memory_pods());
  ASSERT_TRUE(eventually(seconds(20), [&] {
    return has_bytes(PodTree::kLs, "", "memory.min", 32 * kMib) &&
           has_bytes(PodTree::kLs, "", "memory.high", 288 * kMib);
  })) << why();
  // Another policy would be applied by the next worker at once: without any it writes nothing.
  std::filesystem::remove(cluster_->node_dir("n1") + "/policy");
  cluster_->kill_coordinator();
  const auto children = node_->children();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children.front(), SIGKILL);
  EXPECT_TRUE(eventually(seconds(5), [&] { return tree_->read(PodTree::kLs, "", "memory.high") == "max"; })) << why();
  EXPECT_TRUE(has_bytes(PodTree::kLs, "", "memory.min", 32 * kMib)) << "what only protects stays; " << why();
}

}  // namespace
}  // namespace tideline::test
