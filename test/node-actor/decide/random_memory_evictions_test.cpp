#include <algorithm>
#include <array>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/memory_evict_host.h"

namespace tideline::decide::test::random_memory_evictions_test {
namespace {

using model::Bytes;
using model::Pod;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }
  std::optional<int> maybe(int percent, int max) {
    return chance(percent) ? std::optional(static_cast<int>(upto(max))) : std::nullopt;
  }

 private:
  std::mt19937 engine_;
};

Pod random_memory_pod(Random& random, int number) {
  auto pod = memory_pod(std::to_string(number), random.upto(8000));
  pod.qos = random.chance(60) ? model::QosClass::kBe : static_cast<model::QosClass>(random.upto(4));
  pod.kube_qos = static_cast<model::KubeQos>(random.chance(70) ? 2 : random.upto(2));
  pod.phase = random.chance(70) ? model::PodPhase::kRunning : static_cast<model::PodPhase>(random.upto(3));
  pod.priority = random.maybe(80, 9999);
  if (random.chance(40)) pod.requests.memory = Bytes(random.upto(4000));
  if (random.chance(20)) pod.requests.batch_memory.reset();
  pod.eviction.enabled = random.chance(80);
  pod.eviction.priority = static_cast<int>(random.upto(4)) - 2;
  pod.eviction.sub_priority = random.maybe(50, 9999);
  pod.eviction.terminating = random.chance(10);
  if (random.chance(10)) pod.eviction.allowed_by = {{"BEMemoryEvict"}};
  return pod;
}

MemoryHost random_memory_host(Random& random) {
  MemoryHost host;
  host.pods.clear();
  host.uses.clear();
  for (int i = 0; i < random.upto(30); ++i) {
    host.pods.push_back(random_memory_pod(random, i));
    if (random.chance(90)) host.uses[std::to_string(i)] = random.upto(5000);
  }
  host.used = Bytes(50'000 + random.upto(50'000));
  host.allocatable_batch_memory = Bytes(1 + random.upto(100'000));
  host.memory_allocatable = Bytes(1 + random.upto(100'000));
  if (random.chance(20)) host.growth = Bytes(random.upto(10'000));
  auto& threshold = host.policy->threshold;
  threshold.memory_evict_threshold_percent = static_cast<int>(random.upto(100));
  threshold.memory_evict_lower_percent = random.maybe(50, 80);
  threshold.memory_allocatable_evict_threshold_percent = random.maybe(80, 150);
  threshold.memory_allocatable_evict_lower_percent = random.maybe(90, 100);
  threshold.evict_enabled_priority_threshold = random.maybe(90, 9999);
  threshold.allocatable_evict_priority_threshold = random.maybe(90, 8100);
  return host;
}

class RandomMemoryEvictions : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomMemoryEvictions, testing::Range(1u, 21u));

TEST_P(RandomMemoryEvictions, OnlyThoseWhoMayGoDoAndNoMoreThanNeeded) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  int evicted = 0;
  for (int i = 0; i < 1000; ++i) {
    auto host = random_memory_host(random);
    const auto decision = host.round();
    const auto& threshold = host.policy->threshold;
    std::map<model::PodUid, int> seen;
    std::array<EvictAmount, kMemoryEvictTasks> released{};
    std::array<EvictAmount, kMemoryEvictTasks> last{};
    for (const auto& victim : decision.victims) {
      ++evicted;
      const auto pod = std::find_if(host.pods.begin(), host.pods.end(),
                                    [&](const Pod& candidate) { return candidate.uid == victim.uid; });
      ASSERT_NE(pod, host.pods.end());
      ASSERT_EQ(++seen[victim.uid], 1) << "picked twice";
      ASSERT_EQ(pod->qos, model::QosClass::kBe);
      ASSERT_EQ(pod->phase, model::PodPhase::kRunning);
      ASSERT_FALSE(pod->eviction.terminating);
      ASSERT_TRUE(victim.memory_used);
      if (victim.task != EvictTask::kBeMemory) {
        ASSERT_TRUE(pod->eviction.enabled);
        const auto bound = victim.task == EvictTask::kNodeMemory ? threshold.evict_enabled_priority_threshold
                                                                 : threshold.allocatable_evict_priority_threshold;
        ASSERT_LE(eviction_priority_value(*pod), bound.value());
      }
      ASSERT_GT(victim.releases, EvictAmount());
      released[place_of(victim.task)] += victim.releases;
      last[place_of(victim.task)] = victim.releases;
    }
    for (const auto task : kAllMemoryEvictTasks) {
      const auto& outcome = decision.of(task);
      const auto place = place_of(task);
      ASSERT_EQ(outcome.released, released[place]);
      if (released[place] == EvictAmount()) continue;
      ASSERT_LT(outcome.credited + released[place] - last[place], outcome.target) << "the last one was not needed";
    }
  }
  EXPECT_GT(evicted, 100) << "the hosts are too calm to show anything";
}

TEST_P(RandomMemoryEvictions, AbsenceOfDataNeverEvicts) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 1000; ++i) {
    const auto whole = random_memory_host(random);
    auto lacking = whole;
    switch (random.upto(5)) {
      case 0:
        lacking.used.reset();
        break;
      case 1:
        lacking.watched = false;
        break;
      case 2:
        lacking.allocatable_batch_memory.reset();
        break;
      case 3:
        lacking.memory_allocatable.reset();
        break;
      case 4:
        lacking.policy.reset();
        break;
      default:
        lacking.uses.clear();
        break;
    }
    auto complete = whole;
    const auto before = complete.round();
    const auto after = lacking.round();
    for (const auto task : kAllMemoryEvictTasks) {
      if (before.of(task).target > EvictAmount()) continue;
      ASSERT_EQ(after.of(task).target, EvictAmount()) << "round " << i << ": " << after.of(task).why;
    }
    if (lacking.uses.empty()) {
      ASSERT_TRUE(after.victims.empty());
    }
  }
}

TEST_P(RandomMemoryEvictions, TheOrderOfThePodsDoesNotMatter) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 200; ++i) {
    auto host = random_memory_host(random);
    auto shuffled = host;
    std::reverse(shuffled.pods.begin(), shuffled.pods.end());
    const auto once = host.round();
    ASSERT_EQ(once.victims, shuffled.round().victims);
  }
}

TEST_P(RandomMemoryEvictions, RoundsWithVictimsAreApartAndNobodyIsPickedAgainWithinTwoMinutes) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  int rounds = 0;
  for (int i = 0; i < 20; ++i) {
    auto host = random_memory_host(random);
    std::map<model::PodUid, model::MonoTime> picked;
    std::optional<model::MonoTime> last_round;
    for (int second = 0; second < 300; ++second) {
      host.used = Bytes(50'000 + random.upto(50'000));
      const auto decision = host.next();
      if (!decision.victims.empty()) {
        ++rounds;
        if (last_round) {
          ASSERT_GE(host.now - *last_round, kMemoryEvictCoolDown);
        }
        last_round = host.now;
      }
      for (const auto& victim : decision.victims) {
        const auto before = picked.find(victim.uid);
        if (before != picked.end()) {
          ASSERT_GE(host.now - before->second, 2min);
        }
        picked[victim.uid] = host.now;
      }
    }
  }
  EXPECT_GT(rounds, 5) << "the hosts are too calm to show anything";
}

}  // namespace
}  // namespace tideline::decide::test::random_memory_evictions_test
