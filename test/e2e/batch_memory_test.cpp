// Memory limits of batch pods by their batch-memory, on the real kernel.

#include <csignal>

#include "test/e2e/memory_mechanism.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

class BatchMemory : public MemoryMechanism {
 protected:
  static constexpr std::int64_t kMib = std::int64_t{1} << 20;
  bool is_limited_to(const char* group, std::int64_t mib) const {
    return has_bytes(group, "memory.limit_in_bytes", "memory.max", mib * kMib);
  }
  std::string limit(const char* group) const { return tree_->read(group, "memory.limit_in_bytes", "memory.max"); }
};

TEST_F(BatchMemory, PodAndContainerMayHaveWhatTheyAskForUntilThePodIsGone) {
  start(memory_pods(128));
  // Wider and narrower: neither may be in the other's way.
  for (const int mib : {128, 192, 96}) {
    change_pods(memory_pods(mib));
    for (const char* group : {PodTree::kBePod, PodTree::kBe})
      EXPECT_TRUE(eventually(seconds(20), [&] { return is_limited_to(group, mib); }))
          << group << " " << limit(group) << why();
  }
  change_pods(R"({"pods": []})");
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().empty(); })) << changed() << why();
}

TEST_F(BatchMemory, ALimitBelowWhatIsInUseKillsNobodyAndComesInForceLater) {
  auto batch = load(PodTree::kBe, {"grow", "--mib", "96", "--seconds", "240"});
  ASSERT_TRUE(says(batch, "ready")) << batch.output();
  start(memory_pods(64));
  // Held where it is, in steps of 16 MiB: it may have grown before the first round.
  EXPECT_TRUE(eventually(seconds(20), [&] { return changed().find("besteffort/podbe-uid") != std::string::npos; }))
      << why();
  EXPECT_FALSE(is_limited_to(PodTree::kBe, 64)) << limit(PodTree::kBe);
  EXPECT_TRUE(eventually(seconds(20), [&] {
    return cluster_->ask({"node", "n1"}).dump().find("held where they are, above-limit: 1 (test/job)") !=
           std::string::npos;
  })) << explained();
  EXPECT_TRUE(batch.running());
  EXPECT_EQ(tree_->oom_kills(PodTree::kBe), 0);
  batch.signal(SIGTERM);
  batch.wait(seconds(5));
  for (const char* group : {PodTree::kBePod, PodTree::kBe})
    EXPECT_TRUE(eventually(seconds(20), [&] { return is_limited_to(group, 64); }))
        << group << " " << limit(group) << why();
  stop();
}

}  // namespace
}  // namespace tideline::test
