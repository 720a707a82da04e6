// Batch that takes more memory than there is, beside a service that uses its own throughout, on the real kernel.

#include <csignal>
#include <thread>

#include "test/e2e/memory_mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

class MemoryEvict : public MemoryMechanism {
 protected:
  void SetUp() override {
    MemoryMechanism::SetUp();
    if (IsSkipped()) return;
    // A limit of its own above the tree's does not stop it.
    tree_->write(PodTree::kBe, "memory.limit_in_bytes", "memory.max", std::to_string(std::int64_t{kTreeMib * 2} << 20));
    originals_ = tree_->files();
  }
  void expect_service_unharmed(Process& service) const {
    EXPECT_TRUE(service.running()) << events();
    EXPECT_EQ(tree_->oom_kills(PodTree::kLs), 0) << events();
  }
};

TEST_F(MemoryEvict, AFastAllocatorLosesTheRaceAgainstTheServiceBesideIt) {
  set_thresholds(70, 65, 5, true);
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", "160", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready")) << service.output();
  start(memory_pods());
  // From 160 MiB to a full tree in three seconds.
  auto batch =
      load(PodTree::kBe, {"grow", "--mib", std::to_string(kTreeMib * 2 - 64), "--rate", "120", "--seconds", "240"});
  ASSERT_TRUE(eventually(seconds(60), [&] { return !batch.running() || is_tightened(); })) << events() << why();
  // Whichever rung it was, it is told, and why.
  EXPECT_TRUE(events_say("rung tighten", "rung e")) << events() << why();
  expect_service_unharmed(service);
  EXPECT_LT(tree_->memory_usage("kubepods"), std::int64_t{kTreeMib} << 20);
  EXPECT_EQ(batch.output().find("ready"), std::string::npos) << "it never had it all";
  batch.signal(SIGKILL);
  batch.wait(seconds(10));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait(seconds(10)), 0) << service.output();
  stop();
}

TEST_F(MemoryEvict, AHeavyBatchPodIsEvictedAndTheReasonIsInHistory) {
  set_thresholds(70, 65, 5);
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", "160", "--seconds", "240"});
  // Nothing of it can be reclaimed, and it grows no more: nothing less helps.
  auto batch = load(PodTree::kBe, {"grow", "--mib", "240", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready") && says(batch, "ready")) << service.output() << batch.output();
  start(memory_pods());
  EXPECT_TRUE(eventually(seconds(60), [&] { return is_empty(PodTree::kBe); })) << events() << explained() << why();
  EXPECT_TRUE(events_have_one_of({"node-memory-full"})) << events();
  EXPECT_TRUE(is_explained("node-memory-full")) << explained();
  expect_service_unharmed(service);
  EXPECT_EQ(events().find("emergency-kill"), std::string::npos) << "no policy allows it; " << events();
  stop();
}

TEST_F(MemoryEvict, InDryRunItIsOnlyTold) {
  set_thresholds(70, 65, 5, true);
  cluster_->set_policy("tideline-config", R"({"clusterStrategy": {"memoryRelief": {"emergencyKill": true},
      "dryRun": {"cpuSuppress": true, "memoryQos": true, "memoryRelief": true, "memoryEvict": true}}})");
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", "160", "--seconds", "240"});
  auto batch = load(PodTree::kBe, {"grow", "--mib", "240", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready") && says(batch, "ready")) << service.output() << batch.output();
  start(memory_pods());
  EXPECT_TRUE(eventually(seconds(30), [&] {
    return cluster_->ask({"node", "n1"}).dump().find("dry run") != std::string::npos;
  })) << explained();
  // An eviction would come 20 s after the start.
  std::this_thread::sleep_for(seconds(25));
  EXPECT_EQ(changed(), "") << why();
  EXPECT_TRUE(batch.running());
  stop();
}

}  // namespace
}  // namespace tideline::test
