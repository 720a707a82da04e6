#include <algorithm>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::test::random_evictions_test {
namespace {

using model::MilliCpu;
using model::Pod;
using model::Reason;

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

Pod random_pod(Random& random, int number) {
  auto pod = batch_pod(std::to_string(number), random.upto(8000));
  pod.qos = static_cast<model::QosClass>(random.chance(60) ? 3 : random.upto(4));
  pod.kube_qos = static_cast<model::KubeQos>(random.chance(70) ? 2 : random.upto(2));
  pod.phase = static_cast<model::PodPhase>(random.chance(70) ? 1 : random.upto(3));
  pod.priority = random.maybe(80, 9999);
  if (random.chance(40)) pod.requests.cpu = MilliCpu(random.upto(4000));
  if (random.chance(20)) pod.requests.batch_cpu.reset();
  pod.eviction.enabled = random.chance(80);
  pod.eviction.priority = static_cast<int>(random.upto(4)) - 2;
  pod.eviction.sub_priority = random.maybe(50, 9999);
  pod.eviction.terminating = random.chance(10);
  if (random.chance(10)) pod.eviction.allowed_by = {{"BECPUEvict"}};
  return pod;
}

EvictHost random_host(Random& random) {
  EvictHost host;
  const auto capacity = 1000 * (1 + random.upto(127));
  host.node = {MilliCpu(capacity), MilliCpu(capacity - random.upto(capacity / 5))};
  host.pods.clear();
  host.uses.clear();
  for (int i = 0; i < random.upto(30); ++i) {
    host.pods.push_back(random_pod(random, i));
    if (random.chance(90)) host.uses.push_back(EvictHost::use(std::to_string(i), random.upto(3000)));
  }
  host.be_cpu = MilliCpu(random.upto(capacity / 4));
  host.node_cpu = MilliCpu(host.be_cpu->value() + random.upto(capacity));
  host.be_limit = MilliCpu(20 + random.upto(host.be_cpu->value() + 100));
  host.allocatable_batch_cpu = MilliCpu(1 + random.upto(capacity));
  auto& threshold = host.policy->threshold;
  threshold.cpu_evict_be_satisfaction_lower_percent = random.maybe(90, 70);
  threshold.cpu_evict_be_satisfaction_upper_percent = random.maybe(90, 110);
  threshold.cpu_evict_be_usage_threshold_percent = static_cast<int>(random.upto(100));
  threshold.cpu_evict_policy = static_cast<model::CpuEvictPolicy>(random.upto(1));
  threshold.cpu_evict_threshold_percent = random.maybe(80, 100);
  threshold.cpu_evict_lower_percent = random.maybe(50, 60);
  threshold.cpu_allocatable_evict_threshold_percent = random.maybe(80, 150);
  threshold.cpu_allocatable_evict_lower_percent = random.maybe(90, 100);
  threshold.evict_enabled_priority_threshold = random.maybe(90, 9999);
  threshold.allocatable_evict_priority_threshold = random.maybe(90, 8100);
  return host;
}

class RandomEvictions : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomEvictions, testing::Range(1u, 21u));

TEST_P(RandomEvictions, OnlyThoseWhoMayGoDoAndNoMoreThanNeeded) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  int evicted = 0;
  for (int i = 0; i < 1000; ++i) {
    auto host = random_host(random);
    const auto decision = host.round();
    const auto& threshold = host.policy->threshold;
    std::map<model::PodUid, int> seen;
    std::array<EvictAmount, kEvictTasks> released{};
    std::array<EvictAmount, kEvictTasks> last{};
    for (const auto& victim : decision.victims) {
      ++evicted;
      const auto pod = std::find_if(host.pods.begin(), host.pods.end(),
                                    [&](const Pod& candidate) { return candidate.uid == victim.uid; });
      ASSERT_NE(pod, host.pods.end());
      ASSERT_EQ(++seen[victim.uid], 1) << "picked twice";
      ASSERT_EQ(pod->qos, model::QosClass::kBe);
      ASSERT_EQ(pod->phase, model::PodPhase::kRunning);
      ASSERT_FALSE(pod->eviction.terminating);
      if (victim.task != EvictTask::kBeSatisfaction) {
        ASSERT_TRUE(pod->eviction.enabled);
        ASSERT_TRUE(victim.used);
        const auto bound = victim.task == EvictTask::kNodeUsage ? threshold.evict_enabled_priority_threshold
                                                                : threshold.allocatable_evict_priority_threshold;
        ASSERT_LE(eviction_priority_value(*pod), bound.value());
      }
      ASSERT_GT(victim.releases, EvictAmount());
      const auto task = static_cast<std::size_t>(victim.task);
      released[task] += victim.releases;
      last[task] = victim.releases;
    }
    for (const auto task : kAllEvictTasks) {
      const auto& outcome = decision.of(task);
      const auto index = static_cast<std::size_t>(task);
      ASSERT_EQ(outcome.released, released[index]);
      if (released[index] == EvictAmount()) continue;
      ASSERT_LT(outcome.credited + released[index] - last[index], outcome.target) << "the last one was not needed";
    }
  }
  EXPECT_GT(evicted, 100) << "the hosts are too calm to show anything";
}

TEST_P(RandomEvictions, AbsenceOfDataNeverEvicts) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 1000; ++i) {
    const auto whole = random_host(random);
    auto lacking = whole;
    switch (random.upto(6)) {
      case 0:
        lacking.node_cpu.reset();
        break;
      case 1:
        lacking.be_cpu.reset();
        break;
      case 2:
        lacking.be_limit.reset();
        break;
      case 3:
        lacking.allocatable_batch_cpu.reset();
        break;
      case 4:
        lacking.node = {};
        break;
      case 5:
        lacking.policy.reset();
        break;
      default:
        lacking.uses.clear();
        break;
    }
    auto complete = whole;
    const auto before = complete.round();
    const auto after = lacking.round();
    for (const auto task : kAllEvictTasks) {
      if (before.of(task).target > MilliCpu(0)) continue;
      ASSERT_EQ(after.of(task).target, MilliCpu(0)) << "round " << i << ": " << after.of(task).why;
    }
  }
}

TEST_P(RandomEvictions, TheSameStateAndInputGiveTheSameAnswer) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 200; ++i) {
    auto host = random_host(random);
    auto shuffled = host;
    std::reverse(shuffled.pods.begin(), shuffled.pods.end());
    const auto once = host.round();
    ASSERT_EQ(once.victims, shuffled.round().victims) << "the order of the pods does not matter";
  }
}

TEST_P(RandomEvictions, NobodyIsPickedAgainWithinTwoMinutes) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 20; ++i) {
    auto host = random_host(random);
    std::map<model::PodUid, model::MonoTime> picked;
    std::optional<model::MonoTime> last_round;
    for (int second = 0; second < 300; ++second) {
      host.be_cpu = MilliCpu(random.upto(host.node.capacity.value() / 4));
      const auto decision = host.next();
      if (!decision.victims.empty()) {
        if (last_round) {
          ASSERT_GE(host.now - *last_round, 20s);
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
}

}  // namespace
}  // namespace tideline::decide::test::random_evictions_test
