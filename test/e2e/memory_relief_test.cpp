// The rungs of relief below an eviction, and what is told of memory, on the real kernel.

#include <csignal>
#include <filesystem>
#include <thread>

#include "test/e2e/memory_mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;
using MemoryRelief = MemoryMechanism;

/// Where there is no disk, as in the guest of test/vm, names that the kernel remembers stand for a page cache.
std::vector<std::string> cache_heavy(const TempDir& directory) {
  if (!directory.is_on_disk()) return {"names", "--mib", "64", "--seconds", "240"};
  return {"stream", "--directory", directory.str(), "--mib", "480", "--file-mib", "32", "--seconds", "240"};
}

TEST_F(MemoryRelief, WhatBatchCanGiveBackIsTakenAndNobodyIsEvicted) {
  const bool has_disk = cluster_->dir().is_on_disk();
  if (tree_->v1() && !has_disk) GTEST_SKIP() << "needs a disk below " << cluster_->dir().str();
  // Half of what can be reclaimed counts as used: 245 and half of 64 MiB are above 50 % of the tree, as 128 and half of
  // the rest are.
  set_thresholds(75, 70, 25);
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", has_disk ? "128" : "245", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready")) << service.output();
  auto batch = load(PodTree::kBe, cache_heavy(cluster_->dir()));
  ASSERT_TRUE(says(batch, "ready")) << batch.output();
  const auto before = tree_->memory_usage(kBeRoot);
  start(memory_pods());
  if (has_disk) {
    EXPECT_TRUE(events_have_one_of({"reclaimed"})) << events() << explained() << why();
  } else {
    // The kernel may free names only after it has said that it could not.
    EXPECT_TRUE(eventually(seconds(20), [&] { return tree_->memory_usage(kBeRoot) < before * 3 / 4; }))
        << before << " " << tree_->memory_usage(kBeRoot) << why();
  }
  // An eviction would come 20 s after the start.
  std::this_thread::sleep_for(seconds(25));
  EXPECT_TRUE(batch.running()) << events();
  EXPECT_TRUE(service.running());
  EXPECT_EQ(tree_->oom_kills(PodTree::kBe), 0) << events();
  EXPECT_EQ(events().find("eviction-granted"), std::string::npos) << events();
  stop();
}

TEST_F(MemoryRelief, ASlowLeakOfBatchIsHeldBeforeTheTreeIsFull) {
  set_thresholds(70, 65, 5);
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", "200", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready")) << service.output();
  start(memory_pods());
  auto batch = load(PodTree::kBe, {"grow", "--mib", "400", "--rate", "15", "--seconds", "240"});
  EXPECT_TRUE(eventually(seconds(40), [&] { return is_tightened(); })) << be_limit() << events() << why();
  EXPECT_TRUE(is_explained("be-tightened")) << explained();
  EXPECT_TRUE(events_say("rung tighten", "rung evict")) << events() << explained();
  EXPECT_TRUE(service.running()) << "a leak of batch is not the service's";
  EXPECT_EQ(tree_->oom_kills(PodTree::kLs), 0);
  batch.signal(SIGKILL);
  batch.wait(seconds(10));
  EXPECT_TRUE(eventually(seconds(40), [&] { return !is_tightened(); })) << "room again: " << be_limit() << why();
  stop();
}

TEST_F(MemoryRelief, ADeadWorkerLeavesBatchWithoutTheLimitOfRelief) {
  set_thresholds(70, 65, 5);
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", "200", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready")) << service.output();
  start(memory_pods());
  auto batch = load(PodTree::kBe, {"grow", "--mib", "400", "--rate", "15", "--seconds", "240"});
  ASSERT_TRUE(eventually(seconds(40), [&] { return is_tightened(); })) << be_limit() << events() << why();
  batch.signal(SIGKILL);
  batch.wait(seconds(10));
  // Without policy and coordinator the next worker does nothing, so that the guard's work is seen.
  std::filesystem::remove(cluster_->node_dir("n1") + "/policy");
  cluster_->kill_coordinator();
  const auto children = node_->children();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children.front(), SIGKILL);
  EXPECT_TRUE(eventually(seconds(5), [&] { return !is_tightened(); })) << be_limit() << why();
}

using MemorySignals = MemoryMechanism;

TEST_F(MemorySignals, RoomUseAndPressureAreReportedAndReliefIsExplained) {
  set_thresholds(90, 85, 5);
  auto service = load(PodTree::kLs, {"touch", "--anon-mib", "48", "--seconds", "240"});
  auto batch = load(PodTree::kBe, {"grow", "--mib", "64", "--seconds", "240"});
  ASSERT_TRUE(says(service, "ready") && says(batch, "ready")) << service.output() << batch.output();
  start(memory_pods());
  constexpr double kMib = 1 << 20;
  EXPECT_TRUE(eventually(seconds(20), [&] { return newest("be.memory.usage").value_or(0) >= 64 * kMib; })) << why();
  const auto available = newest("memory.available");
  ASSERT_TRUE(available.has_value());
  EXPECT_LE(*available, (kTreeMib - 112) * kMib) << "what the limit of kubepods leaves, not the host's";
  EXPECT_EQ(newest("memory.relief"), 0);
  // PSI of a group of its own is cgroup v2's.
  EXPECT_EQ(newest("ls.pressure.memory").has_value(), !tree_->v1());
  EXPECT_TRUE(newest("memory.alloc_stalls").has_value());
  const auto node = cluster_->ask({"node", "n1"}).dump();
  for (const char* feature : {"memoryRelief.reclaim", "memoryRelief.tighten", "memoryEvict.beUsage"})
    EXPECT_NE(node.find(feature), std::string::npos) << feature << " " << node;
  stop();
}

}  // namespace
}  // namespace tideline::test
