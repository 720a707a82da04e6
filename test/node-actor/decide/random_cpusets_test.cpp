#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/asymmetric_host.h"
#include "test/node-actor/decide/cpuset_hosts.h"

namespace tideline::decide::test::random_cpusets_test {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int upto(int max) { return std::uniform_int_distribution<int>(0, max)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }
  /// Of 0..most, each with that probability.
  CpuSet some(int most, int percent) {
    std::vector<int> chosen;
    for (int cpu = 0; cpu <= most; ++cpu) {
      if (chance(percent)) chosen.push_back(cpu);
    }
    return CpuSet(std::move(chosen));
  }

 private:
  std::mt19937 engine_;
};

Topology random_host(Random& random) {
  static const std::vector<Topology> hosts = [] {
    std::vector<Topology> all;
    for (const auto* description : kHosts)
      all.push_back(host_of(description));
    all.push_back(asymmetric_host());
    return all;
  }();
  auto host = hosts[static_cast<std::size_t>(random.upto(static_cast<int>(hosts.size()) - 1))];
  if (random.chance(50)) host = without(host, random.some(400, random.upto(60)));
  return host;
}

std::vector<model::Pod> random_pods(Random& random, int most_cpu) {
  std::vector<model::Pod> pods;
  const int count = random.upto(12);
  for (int i = 0; i < count; ++i) {
    const auto qos = static_cast<QosClass>(random.upto(4));
    const int first = random.upto(most_cpu);
    const CpuSet bound =
        random.chance(40) ? CpuSet::parse(std::to_string(first) + "-" + std::to_string(first + random.upto(8))).value()
                          : CpuSet{};
    auto pod = pod_of(std::to_string(i), qos, bound, static_cast<model::KubeQos>(random.upto(2)));
    if (random.chance(10)) pod.kube_qos = static_cast<model::KubeQos>(random.upto(2));
    pod.phase = random.chance(85) ? model::PodPhase::kRunning : static_cast<model::PodPhase>(random.upto(3));
    if (random.chance(50)) pod.requests.cpu = MilliCpu(random.upto(8000));
    if (random.chance(20)) pod.containers.push_back({.name = "more", .id = "", .requests = {}, .limits = {}});
    pods.push_back(std::move(pod));
  }
  return pods;
}

CpusetInput random_input(Random& random, const Topology& host, MonoTime now) {
  auto input = worked_cpusets();
  input.now = now;
  const int capacity = 1000 * static_cast<int>(host.cpus.size());
  input.terms.capacity = MilliCpu(capacity);
  input.terms.formula = MilliCpu(random.upto(2 * capacity) - capacity);
  input.terms.steady_formula = random.chance(50) ? input.terms.formula : MilliCpu(random.upto(capacity));
  if (random.chance(30)) input.terms.floor = MilliCpu(random.upto(capacity));
  if (random.chance(20)) input.terms.formula.reset();
  if (random.chance(20)) input.terms.non_be_pods_used.reset();
  if (random.chance(30)) input.node.reserved = random.some(3, 50);
  if (random.chance(20)) {
    input.node.manager = KubeletCpuManager::kStatic;
    input.node.kubelet_exclusive = random.some(40, 20);
  }
  if (random.chance(30)) input.be_current = random.some(400, 30);
  if (random.chance(10)) input.be_current.reset();
  return input;
}

std::optional<model::NodePolicy> random_policy(Random& random) {
  if (random.chance(5)) return std::nullopt;
  auto policy = policy_of(random.chance(70) ? SuppressPolicy::kCpuset : static_cast<SuppressPolicy>(random.upto(2)));
  policy.threshold.enable = random.chance(90);
  return policy;
}

const CpuSet& set_of(const Want& want) {
  return std::get<CpuSet>(want.value);
}

class RandomCpusets : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomCpusets, testing::Range(1u, 21u));

/// What must hold of every decision.
void check(const CpusetDecision& decision, const std::vector<model::Pod>& pods) {
  const auto& pools = decision.pools;
  std::set<std::pair<GroupRef, Knob>> seen;
  std::optional<CpuSet> root;
  std::map<model::PodUid, CpuSet> pod_sets;
  for (const auto& want : decision.wants.wants) {
    ASSERT_TRUE(seen.emplace(want.group, want.knob).second) << "two wants for " << model::text_of(want.group);
    ASSERT_NE(want.reason, Reason::kNone);
    if (want.knob != Knob::kCpuset) continue;
    ASSERT_FALSE(set_of(want).empty()) << model::text_of(want.group);
    ASSERT_TRUE(pools.online.contains(set_of(want)) || pools.online.empty());
    if (want.group.level == GroupRef::Level::kRoot) root = set_of(want);
    if (want.group.level == GroupRef::Level::kPod) pod_sets[want.group.pod] = set_of(want);
  }
  for (const auto& want : decision.wants.wants) {
    if (want.knob != Knob::kCpuset || want.group.level == GroupRef::Level::kRoot) continue;
    const auto pod = pod_sets.find(want.group.pod);
    ASSERT_TRUE(pod == pod_sets.end() || pod->second.contains(set_of(want))) << "child in parent";
    const bool below_root = root && want.group.qos == model::KubeQos::kBestEffort;
    ASSERT_TRUE(!below_root || root->contains(set_of(want))) << "pod in root";
  }
  if (decision.be && decision.be->reason != Reason::kNoCpusLeft && !pools.online.empty()) {
    ASSERT_TRUE(pools.be.contains(decision.be->cpus)) << "never LSE's, reserved or kubelet's CPUs";
    ASSERT_EQ(decision.be->cpus & pools.lse, CpuSet{});
  }
  for (const auto& pod : pods) {
    const auto want = want_for(decision, group_of(pod, pod.containers[0]));
    ASSERT_FALSE(want && pod.qos == QosClass::kSystem);
    if (!want || want->reason != Reason::kBoundCpus) continue;
    ASSERT_TRUE(pod.bound_cpus.contains(set_of(*want)));
    const bool some_offline = !pools.online.empty() && !pools.online.contains(pod.bound_cpus);
    if (pod.requests.cpu && some_offline) {
      ASSERT_GE(1000 * set_of(*want).size(), pod.requests.cpu->value()) << "not tighter than its spec";
    }
  }
}

TEST_P(RandomCpusets, EveryDecisionKeepsTheRules) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 20; ++i) {
    CpusetState state;
    MonoTime now = kNow;
    auto host = random_host(random);
    auto pods = random_pods(random, 40);
    auto policy = random_policy(random);
    for (int round = 0; round < 10; ++round) {
      if (random.chance(20)) host = random_host(random);
      if (random.chance(20)) pods = random_pods(random, 40);
      if (random.chance(10)) policy = random_policy(random);
      now = now + std::chrono::milliseconds(20 + random.upto(2000));
      const auto input = random_input(random, host, now);
      const auto step = cpuset_control(state, host, pods, input, policy);
      SCOPED_TRACE(testing::Message() << "host " << i << " round " << round);
      ASSERT_NO_FATAL_FAILURE(check(step.decision, pods));
      const bool confines =
          policy && policy->threshold.enable && policy->threshold.cpu_suppress_policy == SuppressPolicy::kCpuset;
      if (confines && input.terms.formula && !step.decision.pools.be.empty()) {
        ASSERT_TRUE(step.decision.be && !step.decision.be->cpus.empty()) << "a CPU may be taken: BE has one";
      }
      const bool fresh = input.terms.formula && input.terms.non_be_pods_used;
      if (confines && !fresh && state.be && step.decision.be) {
        ASSERT_LE(step.decision.be->cpus.size(), state.be->size()) << "missing data gives BE nothing";
      }
      ASSERT_EQ(cpuset_control(state, host, pods, input, policy).decision.wants, step.decision.wants);
      state = step.state;
    }
  }
}

TEST_P(RandomCpusets, AChangeOfTheCountChangesNoMoreCpusThanThat) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  for (int i = 0; i < 20; ++i) {
    const auto host = random_host(random);
    const PickRequest base{.allowed = random.some(400, 20 + random.upto(80)),
                           .previous = {},
                           .bound = random.some(400, random.upto(20)),
                           .beside = {},
                           .count = 0};
    CpuSet chosen;
    for (int step = 0; step < 12; ++step) {
      auto request = base;
      request.previous = chosen;
      request.count = random.upto(static_cast<int>(host.cpus.size()));
      const auto next = pick_cpus(host, request);
      const auto allowed = base.allowed & all_of(host);
      ASSERT_EQ(next.size(), std::min(request.count, allowed.size()));
      ASSERT_TRUE(allowed.contains(next));
      ASSERT_EQ(changed(chosen, next), std::abs(next.size() - chosen.size())) << chosen.text() << " -> " << next.text();
      const auto siblings = siblings_of(host, base.bound);
      const bool resorted = !(next & siblings).empty();
      ASSERT_TRUE(!resorted || next.contains(allowed - siblings)) << "siblings of bound CPUs last";
      chosen = next;
    }
  }
}

TEST_P(RandomCpusets, OnAnUnchangingHostOnlyTheCountMovesBe) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  Random random(GetParam());
  const auto host = random_host(random);
  const auto pods = random_pods(random, 40);
  CpusetState state;
  auto input = random_input(random, host, kNow);
  const auto policy = policy_of(SuppressPolicy::kCpuset);
  for (int round = 0; round < 40; ++round) {
    input.now = input.now + 1s;
    input.terms.formula = MilliCpu(random.upto(1000 * static_cast<int>(host.cpus.size())));
    input.terms.steady_formula = input.terms.formula;
    input.terms.non_be_pods_used = MilliCpu(0);
    const auto step = cpuset_control(state, host, pods, input, policy);
    if (round > 0 && state.be && !step.decision.pools.be.empty()) {
      ASSERT_EQ(changed(*state.be, step.decision.be->cpus), std::abs(step.decision.be->cpus.size() - state.be->size()))
          << "round " << round;
      ASSERT_LE(step.decision.be->cpus.size() - state.be->size(), static_cast<int>(host.cpus.size() + 9) / 10);
    }
    state = step.state;
  }
}

}  // namespace
}  // namespace tideline::decide::test::random_cpusets_test
