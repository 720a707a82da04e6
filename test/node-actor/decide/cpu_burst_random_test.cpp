#include <limits>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/burst_host.h"

namespace tideline::decide::test::cpu_burst_random_test {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }
  template <class T>
  std::optional<T> maybe(int percent, T value) {
    return chance(percent) ? std::optional(value) : std::nullopt;
  }

 private:
  std::mt19937 engine_;
};

std::optional<MilliCpu> random_limit(Random& random) {
  if (random.chance(20)) return std::nullopt;
  if (random.chance(5)) return MilliCpu(random.chance(50) ? -5 : 1 + random.upto(9));
  if (random.chance(3)) return MilliCpu(std::numeric_limits<std::int64_t>::max());
  return MilliCpu(10 + random.upto(8000));
}

Pod random_pod(Random& random, int number) {
  Pod pod = pod_of("pod-" + std::to_string(number), {});
  if (random.chance(20)) pod.qos = static_cast<model::QosClass>(random.upto(4));
  if (random.chance(10)) pod.phase = static_cast<model::PodPhase>(random.upto(3));
  if (random.chance(5)) pod.bound_cpus = {0, 1};
  pod.requests.cpu = MilliCpu(random.upto(4000));
  if (random.chance(15)) pod.limits.cpu = random_limit(random);
  const auto count = random.upto(3);
  for (int i = 0; i <= count; ++i) {
    auto container = container_of(pod.uid.str() + "-" + std::to_string(i), {});
    container.limits.cpu = random_limit(random);
    if (random.chance(5)) container.id.clear();
    pod.containers.push_back(std::move(container));
  }
  if (random.chance(20)) {
    pod.cpu_burst = model::CpuBurstOverride{
        .policy = static_cast<BurstPolicy>(random.upto(3)),
        .cpu_burst_percent = static_cast<int>(random.upto(20000)) - 10,
        .cfs_quota_burst_percent = random.maybe(50, 100 + static_cast<int>(random.upto(900))),
        .cfs_quota_burst_period_seconds = random.maybe(50, static_cast<int>(random.upto(30)) - 2),
        .share_pool_threshold_percent = random.maybe(50, static_cast<int>(random.upto(110)))};
  }
  return pod;
}

model::NodePolicy random_policy(Random& random) {
  auto policy = burst_policy(static_cast<BurstPolicy>(random.upto(3)), 90 + static_cast<int>(random.upto(500)),
                             static_cast<int>(random.upto(60)) - 1);
  policy.burst.cpu_burst_percent = 1 + static_cast<int>(random.upto(2000));
  policy.burst.share_pool_threshold_percent = static_cast<int>(random.upto(100));
  return policy;
}

model::NodeSample random_sample(Random& random, const BurstHost& host) {
  auto sample = host.throttled(random.upto(40000));
  for (auto& pod : sample.pods) {
    if (random.chance(5)) pod.cpu.reset();
    for (auto& container : pod.containers) {
      container.throttled_ratio = random.maybe(90, random.chance(50) ? 0.0 : 0.7);
      container.cpu = random.maybe(90, MilliCpu(random.upto(20000)));
    }
    if (random.chance(3)) pod.containers.clear();
  }
  if (random.chance(5)) sample.node_cpu.reset();
  if (random.chance(5)) sample.pods.clear();
  return sample;
}

/// The spec's quota of a container; nullopt: none.
std::optional<std::int64_t> spec_of(const model::Container& container) {
  const auto limit = container.limits.cpu;
  if (!limit || limit->value() <= 0 || limit->value() > model::ReportLimits::kMaxMilliCpu) return std::nullopt;
  return std::max<std::int64_t>(10, limit->value());
}

void check(const Pod& pod, const model::NodePolicy& policy, const WantedMilli& wants) {
  const auto burst_of_pod = effective_burst(policy.burst, pod.cpu_burst);
  const auto find = [&](const std::string& name, Knob knob) -> std::optional<std::int64_t> {
    const auto found = wants.find({name, knob});
    return found == wants.end() ? std::nullopt : std::optional(found->second);
  };
  std::int64_t sum = 0;
  std::int64_t spec_sum = 0;
  std::int64_t limit_sum = 0;
  std::int64_t highest = 0;
  bool all_limited = true;
  bool any_quota = false;
  for (const auto& container : pod.containers) {
    const auto spec = spec_of(container);
    const auto quota = find(container.id, Knob::kCpuQuota);
    const auto burst = find(container.id, Knob::kCpuBurst);
    if (!spec) {
      all_limited = false;
      ASSERT_FALSE(quota || burst) << "nothing is wanted where there is no limit";
      continue;
    }
    const auto has = quota.value_or(*spec);
    ASSERT_GE(has, *spec);
    ASSERT_LE(has, *spec * burst_of_pod.cfs_quota_burst_percent / 100);
    if (burst) {
      ASSERT_GE(*burst, 0);
      ASSERT_LE(*burst, has);
    }
    any_quota = any_quota || quota;
    sum += has;
    spec_sum += *spec;
    limit_sum += container.limits.cpu->value();
    highest = std::max(highest, has);
  }
  const auto quota = find(pod.uid.str(), Knob::kCpuQuota);
  const auto burst = find(pod.uid.str(), Knob::kCpuBurst);
  if (!all_limited) {
    ASSERT_FALSE(quota || burst);
    return;
  }
  ASSERT_EQ(quota.has_value(), any_quota) << "a container never rises alone";
  const auto own = spec_of({.name = {}, .id = {}, .requests = {}, .limits = pod.limits});
  const auto pod_spec = own && *own < limit_sum ? *own : std::max(own.value_or(0), spec_sum);
  if (quota) {
    ASSERT_GE(*quota, highest);
    ASSERT_EQ(*quota, pod_spec + sum - spec_sum);
  }
  if (burst) {
    ASSERT_LE(*burst, quota.value_or(pod_spec));
  }
}

class RandomBursts : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomBursts, testing::Range(1u, 21u));

TEST_P(RandomBursts, QuotaIsAtLeastTheSpecsBurstWithinItAndThePodHoldsItsContainers) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  BurstHost host;
  host.pods.clear();
  auto policy = random_policy(random);
  int number = 0;
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    while (host.pods.size() < 8 || random.chance(10))
      host.pods.push_back(random_pod(random, ++number));
    if (random.chance(10))
      host.pods.erase(host.pods.begin() + random.upto(static_cast<std::int64_t>(host.pods.size()) - 1));
    auto& pod = host.pods[static_cast<std::size_t>(random.upto(static_cast<std::int64_t>(host.pods.size()) - 1))];
    if (random.chance(10)) pod.containers.front().id = fmt::format("{}-r{}", pod.uid.str(), round);
    if (random.chance(5)) pod.containers.front().limits.cpu = random_limit(random);
    if (random.chance(3)) policy = random_policy(random);
    host.knobs = all_knobs();
    if (random.chance(5)) host.knobs.knobs.pop_back();
    if (random.chance(5)) host.knobs.knobs.erase(host.knobs.knobs.begin());
    host.interval = std::chrono::milliseconds(100 + random.upto(2000));

    const auto given = random.chance(97) ? std::optional(policy) : std::nullopt;
    const auto decision = random.chance(80) ? host.next(given, random_sample(random, host))
                                            : host.silence(given, std::chrono::seconds(random.upto(40)));
    const auto wants = wanted(decision);
    ASSERT_EQ(wants.size(), decision.wants.wants.size()) << "one want for each knob of a group";
    for (const auto& one : host.pods) {
      check(one, policy, wants);
      if (HasFatalFailure()) FAIL() << one.uid.str();
    }
    ASSERT_LE(host.state.pods.size(), host.pods.size());
    for (const auto& [uid, containers] : host.state.pods)
      ASSERT_LE(containers.size(), 4u) << uid.str();
    ASSERT_LE(host.state.pool.size(), kPoolReadings);
    ASSERT_GE(decision.wants.features.size(), 1u);
  }
}

TEST_P(RandomBursts, MissingDataNeverLowersAQuotaWithinTheMinuteAndNeverRaisesOne) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  BurstHost host;
  host.pods.clear();
  for (int i = 0; i < 20; ++i)
    host.pods.push_back(random_pod(random, i));
  const auto policy = burst_policy(BurstPolicy::kCfsQuotaBurstOnly);
  for (int i = 0; i < 1 + random.upto(6); ++i)
    host.next(policy, host.throttled());
  const auto before = wanted(host.silence(policy));
  ASSERT_FALSE(before.empty());
  for (int second = 0; second < 50; ++second) {
    auto sample = host.throttled();
    sample.node_cpu.reset();
    ASSERT_EQ(wanted(random.chance(50) ? host.silence(policy) : host.next(policy, sample)), before);
  }
}

TEST_P(RandomBursts, EqualInputsGiveEqualDecisions) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  BurstHost one;
  for (int i = 0; i < 20; ++i)
    one.pods.push_back(random_pod(random, i));
  BurstHost other = one;
  for (int round = 0; round < 50; ++round) {
    const auto policy = random_policy(random);
    const auto sample = random_sample(random, one);
    const auto a = one.next(policy, sample);
    const auto b = other.next(policy, sample);
    ASSERT_EQ(a.wants, b.wants);
    ASSERT_EQ(a.containers, b.containers);
    ASSERT_EQ(one.state, other.state);
  }
}

}  // namespace
}  // namespace tideline::decide::test::cpu_burst_random_test
