// The memory side in the node's loop.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "test/node-actor/actor/node_loop_host.h"

namespace tideline::node::node_loop_memory_test {
namespace {

using model::Bytes;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const std::string kBatch = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";
const std::string kBatchPod = kBatch + "kubepods-besteffort-podb.slice/";

/// With a batch pod that uses 100 MiB, a tenth of it page cache.
FixtureTree::Files with_batch_pod() {
  return kernel::test::v2_files() +
         FixtureTree::Files{{kBatch + "memory.max", "max\n"},
                            {kBatch + "memory.high", "max\n"},
                            {kBatch + "memory.reclaim", ""},
                            {kBatchPod + "cpu.stat", "usage_usec 1\nuser_usec 1\nsystem_usec 0\n"},
                            {kBatchPod + "memory.max", "max\n"},
                            {kBatchPod + "memory.current", "104857600\n"},
                            {kBatchPod + "memory.stat",
                             "anon 94371840\nshmem 0\nslab_reclaimable 0\ninactive_anon 94371840\nactive_anon 0\n"
                             "inactive_file 10485760\nactive_file 0\nunevictable 0\n"}};
}

model::Pod batch_pod(std::optional<Bytes> limit) {
  auto pod = kernel::test::pod_of("b", model::KubeQos::kBestEffort);
  pod.phase = model::PodPhase::kRunning;
  pod.name_space = "jobs";
  pod.name = "train";
  pod.limits.batch_memory = limit;
  return pod;
}

class NodeLoopMemoryTest : public NodeLoopTest {
 protected:
  void act_on(const model::NodePolicy& policy) { loop_->set_policy(policy); }
  static model::NodePolicy on() {
    model::NodePolicy policy;
    policy.threshold.enable = true;
    policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
    return policy;
  }
};

TEST_F(NodeLoopMemoryTest, StatusHasEveryFeatureOfIt) {
  host(with_batch_pod());
  const std::vector<std::string> all = {"memoryQOS.lsrClass",   "memoryQOS.lsClass",          "memoryQOS.beClass",
                                        "batchMemory",          "memoryRelief.reclaim",       "memoryRelief.tighten",
                                        "memoryEvict.beUsage",  "memoryRelief.emergencyKill", "memoryEvict.allocatable",
                                        "memoryEvict.nodeUsage"};
  for (const auto& name : all)
    EXPECT_EQ(feature(name).state, FeatureState::State::kInactive) << name << " before the first round";
  EXPECT_THAT(feature("memoryEvict.beUsage").why, HasSubstr("no policy yet"));
  loop_->set_pods({batch_pod({})});
  act_on(on());
  ASSERT_TRUE(rounds().ok());
  for (const auto& name : all) {
    const auto features = loop_->status().features;
    const auto is_it = [&](const FeatureState& each) { return each.feature == name; };
    EXPECT_EQ(std::count_if(features.begin(), features.end(), is_it), 1) << name;
  }
  EXPECT_EQ(feature("memoryRelief.reclaim").state, FeatureState::State::kActive);
  EXPECT_EQ(feature("memoryRelief.emergencyKill").state, FeatureState::State::kInactive);
  auto dry = on();
  dry.dry_run.memory_relief = dry.dry_run.memory_evict = true;
  act_on(dry);
  ASSERT_TRUE(rounds().ok());
  EXPECT_THAT(feature("memoryRelief.reclaim").why, testing::StartsWith("dry run"));
  EXPECT_THAT(feature("memoryEvict.beUsage").why, testing::StartsWith("dry run"));
}

TEST_F(NodeLoopMemoryTest, ReportsSayWhatIsAvailableOfTheTighterBound) {
  host(with_batch_pod());
  act_on(on());
  loop_->set_pods({batch_pod({})});
  ASSERT_TRUE(loop_->fast_round().ok());
  EXPECT_EQ(loop_->pod_round().memory_side.available, Bytes(600 * 1024)) << "the host's";
  tree_->write("sys/fs/cgroup/kubepods.slice/memory.current", "700000\n");
  EXPECT_EQ(loop_->pod_round().memory_side.available, Bytes(819200 - 700000 + 5600 / 2 + 35))
      << "kubepods' limit, half of its page cache and slab";
}

TEST_F(NodeLoopMemoryTest, BatchMemoryIsHeldSettledWithTheOthersAndGivenBack) {
  host(with_batch_pod());
  act_on(on());
  loop_->set_pods({batch_pod(Bytes(256 << 20))});
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kBatchPod + "memory.max"), "268435456");
  EXPECT_THAT(reasons(), Contains(Reason::kBatchMemoryLimit));
  EXPECT_EQ(feature("batchMemory").state, FeatureState::State::kActive);
  loop_->set_pods({batch_pod({})});
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kBatchPod + "memory.max"), "max");
}

TEST_F(NodeLoopMemoryTest, ALimitBelowTheUseWaits) {
  host(with_batch_pod());
  // Without page cache: a limit that takes some of it back is a helper's to write.
  tree_->write(kBatchPod + "memory.current", "94371840\n");
  tree_->write(kBatchPod + "memory.stat",
               "inactive_anon 94371840\nactive_anon 0\ninactive_file 0\nactive_file 0\n"
               "anon 94371840\nshmem 0\nslab_reclaimable 0\nunevictable 0\n");
  act_on(on());
  loop_->set_pods({batch_pod(Bytes(64 << 20))});
  ASSERT_TRUE(rounds().ok());
  const auto held = tree_->read(kBatchPod + "memory.max");
  EXPECT_THAT(held, Not(HasSubstr("max")));
  EXPECT_GT(std::stoll(held), 90 << 20) << "held where it is";
  EXPECT_THAT(reasons(), Contains(Reason::kAboveLimit));
}

TEST_F(NodeLoopMemoryTest, AHandsOffOnThePodLeavesItsLimitAlone) {
  host(with_batch_pod());
  act_on(on());
  loop_->set_pods({batch_pod(Bytes(256 << 20))});
  model::HandsOff order;
  order.group = "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podb.slice";
  order.who = "ann";
  order.reason = "debugging";
  ASSERT_TRUE(loop_->set_hands_off(decide::holds_of({order}, model::MonoTime{}, {})).ok());
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kBatchPod + "memory.max"), "max\n");
}

TEST_F(NodeLoopMemoryTest, AHandsOffOnAllPodsLeavesNoFeatureActive) {
  host(with_batch_pod());
  auto policy = on();
  policy.relief.emergency_kill = true;
  act_on(policy);
  loop_->set_pods({batch_pod({})});
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(feature("memoryEvict.beUsage").state, FeatureState::State::kActive) << feature("memoryEvict.beUsage").why;
  model::HandsOff order;
  order.group = "kubepods.slice";
  order.who = "ann";
  order.reason = "debugging";
  ASSERT_TRUE(loop_->set_hands_off(decide::holds_of({order}, model::MonoTime{}, {})).ok());
  ASSERT_TRUE(rounds().ok());
  for (const auto* name :
       {"memoryRelief.reclaim", "memoryRelief.tighten", "memoryRelief.emergencyKill", "memoryEvict.beUsage"}) {
    EXPECT_EQ(feature(name).state, FeatureState::State::kInactive) << name;
    EXPECT_THAT(feature(name).why, HasSubstr("ann: debugging")) << name;
  }
}

TEST_F(NodeLoopMemoryTest, TheTextOfAFeatureIsCutBetweenCharacters) {
  host(with_batch_pod());
  act_on(on());
  loop_->set_pods({batch_pod({})});
  ASSERT_TRUE(rounds().ok());
  const std::string letter = "\xc3\xa4";
  for (const auto* who : {"ann", "anna"}) {
    model::HandsOff order;
    order.group = "kubepods.slice";
    order.who = who;
    for (std::size_t i = 0; i < model::ReportLimits::kMaxTextBytes; ++i)
      order.reason += letter;
    ASSERT_TRUE(loop_->set_hands_off(decide::holds_of({order}, model::MonoTime{}, {})).ok());
    const auto why = feature("memoryRelief.reclaim").why;
    EXPECT_LE(why.size(), model::ReportLimits::kMaxTextBytes);
    EXPECT_THAT(why, testing::EndsWith(letter + " ...")) << who;
  }
}

TEST_F(NodeLoopMemoryTest, AReleasePutsItsLimitsBackAndTheNextWorkerInheritsThem) {
  host(with_batch_pod());
  act_on(on());
  loop_->set_pods({batch_pod(Bytes(256 << 20))});
  ASSERT_TRUE(rounds().ok());
  start();
  loop_->set_pods({batch_pod({})});
  act_on(on());
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kBatchPod + "memory.max"), "max") << "what an earlier worker left and nobody wants";
  loop_->set_pods({batch_pod(Bytes(256 << 20))});
  ASSERT_TRUE(rounds().ok());
  model::HandsOff all;
  all.release = true;
  all.who = "ann";
  ASSERT_TRUE(loop_->set_hands_off(decide::holds_of({all}, model::MonoTime{}, {})).ok());
  EXPECT_EQ(tree_->read(kBatchPod + "memory.max"), "max");
  ASSERT_TRUE(rounds().ok());
  EXPECT_EQ(tree_->read(kBatchPod + "memory.max"), "max");
}

TEST_F(NodeLoopMemoryTest, SomebodyElsesLimitThatReclaimMovesTenTimesASecondIsToldOnce) {
  const std::string kubepods = "sys/fs/cgroup/memory/kubepods/";
  const std::string limit = kubepods + "besteffort/memory.limit_in_bytes";
  host(kernel::test::v1_files() +
       FixtureTree::Files{{kubepods + "memory.limit_in_bytes", "9223372036854771712\n"},
                          {kubepods + "besteffort/memory.usage_in_bytes", "4194304000\n"},
                          {kubepods + "besteffort/memory.stat",
                           "total_rss 0\ntotal_shmem 0\ntotal_inactive_anon 0\ntotal_active_anon 0\n"
                           "total_inactive_file 3145728000\ntotal_active_file 0\ntotal_unevictable 0\n"},
                          {"proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 1000 kB\nMemAvailable: 8388608 kB\n"}});
  act_on(on());
  loop_->set_pods({});
  ASSERT_TRUE(rounds().ok());
  const auto is_limit = [](const guard::JournalRecord& each) {
    return each.file.path.ends_with("besteffort/memory.limit_in_bytes");
  };
  ASSERT_TRUE(std::any_of(journal_->records().begin(), journal_->records().end(), is_limit)) << "it reclaims";
  loop_->take_events();
  tree_->write(limit, "5368709120\n");
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(loop_->fast_round().ok());
  const auto all = reasons();
  EXPECT_EQ(std::count(all.begin(), all.end(), Reason::kDrift), 1);
}

TEST_F(NodeLoopMemoryTest, WhoeverHadNothingWhenMemoryWasReadLastGoesInTheFirstRoundInWhichItIsFull) {
  const auto stat_with = [](const std::string& anon) {
    return "anon " + anon + "\nshmem 0\nslab_reclaimable 0\ninactive_anon " + anon +
           "\nactive_anon 0\ninactive_file 0\nactive_file 0\nunevictable 0\n";
  };
  host(with_batch_pod());
  tree_->write(kBatchPod + "memory.stat", stat_with("0"));
  act_on(on());
  loop_->set_pods({batch_pod({})});
  ASSERT_TRUE(rounds().ok());
  EXPECT_TRUE(loop_->take_eviction_requests().empty());
  tree_->write(kBatchPod + "memory.stat", stat_with("94371840"));
  tree_->write("proc/meminfo", "MemTotal:       1000000 kB\nMemFree:         100 kB\nMemAvailable:    100000 kB\n");
  ASSERT_TRUE(loop_->fast_round().ok());
  loop_->pod_round();
  const auto asked = loop_->take_eviction_requests();
  ASSERT_EQ(asked.size(), 1u) << feature("memoryEvict.beUsage").why;
  EXPECT_EQ(asked[0].uid, model::PodUid("b"));
}

TEST_F(NodeLoopMemoryTest, AnEvictionForMemoryIsAskedForAndKeptInDryRun) {
  host(with_batch_pod());
  auto policy = on();
  act_on(policy);
  loop_->set_pods({batch_pod({})});
  tree_->write("proc/meminfo", "MemTotal:       1000000 kB\nMemFree:         100 kB\nMemAvailable:    100000 kB\n");
  ASSERT_TRUE(loop_->fast_round().ok());
  loop_->pod_round();
  const auto asked = loop_->take_eviction_requests();
  ASSERT_EQ(asked.size(), 1u) << feature("memoryEvict.beUsage").why;
  EXPECT_EQ(asked[0].reason, Reason::kNodeMemoryFull);
  EXPECT_EQ(asked[0].uid, model::PodUid("b"));
  start();
  policy.dry_run.memory_evict = true;
  act_on(policy);
  loop_->set_pods({batch_pod({})});
  loop_->take_events();
  ASSERT_TRUE(rounds().ok());
  EXPECT_TRUE(loop_->take_eviction_requests().empty());
  EXPECT_THAT(told(), Contains(HasSubstr("would be evicted: node-memory-full")));
}

}  // namespace
}  // namespace tideline::node::node_loop_memory_test
