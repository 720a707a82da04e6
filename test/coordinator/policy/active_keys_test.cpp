// Each key of the CPU documents that is said to be active is: two values of it make a node decide two things.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/keys.h"
#include "node-actor/decide/cpu_round.h"
#include "test/node-actor/decide/pods.h"

namespace tideline::policy::active_keys_test {
namespace {

using decide::CurrentLimit;
using model::MilliCpu;
using model::NodePolicy;
using namespace std::chrono_literals;

constexpr int kSeconds = 32;
/// From here on BE uses nearly all that it may have; evictions may begin 20 s after a start.
constexpr int kBusyFrom = 25;

/// 32 CPUs in two sockets.
model::Topology sockets() {
  model::Topology made;
  for (int cpu = 0; cpu < 32; ++cpu)
    made.cpus.push_back({.id = cpu, .core = cpu / 2, .l3 = cpu / 16, .numa = cpu / 16, .package = cpu / 16});
  made.cores = 16;
  made.l3_domains = made.numa_nodes = made.packages = 2;
  return made;
}

/// A throttled LS pod, an LSR pod, and four batch pods that ask for 40 CPUs and may be evicted.
std::vector<model::Pod> pods() {
  auto web = decide::test::ls_pod("web");
  web.containers[0].limits.cpu = MilliCpu(2000);
  auto db = decide::test::pod_of("db", model::QosClass::kLsr, model::KubeQos::kBurstable);
  db.requests.cpu = MilliCpu(2000);
  std::vector<model::Pod> made{web, db};
  for (const auto* uid : {"a", "b", "c", "d"}) {
    auto job = decide::test::be_pod(uid);
    job.priority = 5000;
    job.eviction.enabled = true;
    job.requests.batch_cpu = job.containers[0].requests.batch_cpu = MilliCpu(10000);
    made.push_back(job);
  }
  return made;
}

/// Services use 10 CPUs, 2 are used outside of pods: the formula leaves 8.8 to BE at a threshold of 65 %.
model::NodeSample sample_of(const std::vector<model::Pod>& all, model::MonoTime now, std::int64_t be_use) {
  model::NodeSample made;
  made.at = now;
  made.window = 1s;
  made.node_cpu = MilliCpu(12000 + be_use);
  made.ls_cpu = MilliCpu(10000);
  made.be_cpu = MilliCpu(be_use);
  made.ls_delay_per_cpu = 0.01;
  for (const auto& pod : all) {
    model::PodUse use;
    use.uid = pod.uid;
    use.cpu = MilliCpu(pod.qos == model::QosClass::kBe ? be_use / 4 : 1000);
    if (pod.qos == model::QosClass::kLs) use.containers.push_back({pod.containers[0].id, MilliCpu(2000), 0.4});
    made.pods.push_back(std::move(use));
  }
  return made;
}

/// All that a node does in half a minute under this policy; no reasons, which would tell the policy itself.
std::vector<std::string> decisions(const NodePolicy& policy) {
  const auto all = pods();
  model::KnobSet knobs;
  for (int knob = 0; knob <= static_cast<int>(model::Knob::kCoreSched); ++knob)
    knobs.knobs.push_back({static_cast<model::Knob>(knob), true, "file", ""});
  const auto topology = sockets();
  const decide::NodeFacts node{MilliCpu(32000), MilliCpu(31000)};
  const decide::NodeCpus cpus;
  const std::string boot = "boot";
  const std::vector<decide::HandsOff> hands_off;

  decide::SuppressState suppress;
  decide::CpuRoundState side;
  CurrentLimit current = CurrentLimit::none();
  model::MonoTime now{1'000'000'000'000};
  std::vector<std::string> lines;
  for (int second = 0; second < kSeconds; ++second) {
    const std::int64_t be_use = second < kBusyFrom ? 1000 : 8400;
    decide::SuppressTerms terms;
    for (int i = 0; i < 10; ++i) {
      now = now + 100ms;
      decide::SuppressInput input;
      input.now = now;
      input.node = node;
      input.fast = model::FastSample{now, 100ms, MilliCpu(12000 + be_use), MilliCpu(be_use), {}, {}};
      input.pods = sample_of(all, now, be_use);
      input.be_outside_root = MilliCpu(0);
      input.protection = {true, "verified"};
      input.current = current;
      auto step = decide::cpu_suppress(suppress, input, policy);
      suppress = std::move(step.state);
      terms = step.decision.terms;
      using Action = decide::SuppressDecision::Action;
      if (step.decision.action == Action::kLimit) current = CurrentLimit::of(step.decision.limit);
      if (step.decision.action == Action::kRelease && step.decision.write) current = CurrentLimit::none();
    }
    lines.push_back(fmt::format("{}: limit {} {}", second, static_cast<int>(current.kind), current.quota.value()));
    const auto sample = sample_of(all, now, be_use);
    auto step = decide::cpu_round(std::move(side),
                                  {.now = now,
                                   .node = node,
                                   .pods = all,
                                   .sample = sample,
                                   .knobs = knobs,
                                   .topology = topology,
                                   .cpus = cpus,
                                   .suppress = terms,
                                   .be_limit = current,
                                   .be_cpus_current = model::CpuSet{},
                                   .boot_id = boot,
                                   .hands_off = hands_off,
                                   .allocatable_batch_cpu = MilliCpu(30000),
                                   .work = {}},
                                  policy);
    side = std::move(step.state);
    for (const auto& settled : step.decision.settlement->settled) {
      lines.push_back(fmt::format("{}: {} {} {} {}", second, model::text_of(settled.group), name_of(settled.knob),
                                  model::text_of(settled.value), name_of(settled.held_back)));
    }
    for (const auto& victim : step.decision.evict.victims)
      lines.push_back(fmt::format("{}: evict {}", second, victim.uid.str()));
    for (const auto& cookie : step.decision.cookies) {
      lines.push_back(fmt::format("{}: cookie of {}: {}", second, model::text_of(cookie.pod),
                                  cookie.group ? decide::text_of(*cookie.group) : "none"));
    }
  }
  return lines;
}

struct Row {
  std::string_view document;
  std::string_view path;
  Scalar one;
  Scalar other;
  void (*beside)(NodePolicy&);  // what the key means something with
};

Scalar number(std::int64_t value) {
  return value;
}
Scalar text(const char* value) {
  return std::string(value);
}

void nothing_else(NodePolicy&) {}
void satisfaction(NodePolicy& policy) {
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  policy.threshold.cpu_evict_be_satisfaction_upper_percent = 50;
}
void node_usage(NodePolicy& policy) {
  policy.threshold.cpu_evict_threshold_percent = 62;
  policy.threshold.evict_enabled_priority_threshold = 5999;
}
void over_commit(NodePolicy& policy) {
  policy.threshold.cpu_allocatable_evict_threshold_percent = 120;
  policy.threshold.cpu_allocatable_evict_lower_percent = 90;
  policy.threshold.allocatable_evict_priority_threshold = 5999;
}
void cpu_qos(NodePolicy& policy) {
  policy.qos.lsr.enable = policy.qos.ls.enable = policy.qos.be.enable = true;
}
void cookies(NodePolicy& policy) {
  cpu_qos(policy);
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
}
void burst(NodePolicy& policy) {
  policy.burst.policy = model::BurstPolicy::kAuto;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {kThresholdKey, "enable", true, false, nothing_else},
      {kThresholdKey, "cpuSuppressThresholdPercent", number(65), number(80), nothing_else},
      {kThresholdKey, "cpuSuppressMinPercent", number(10), number(60), nothing_else},
      {kThresholdKey, "cpuSuppressPolicy", text("cfsQuota"), text("cpuset"), nothing_else},
      {kThresholdKey, "cpuEvictBESatisfactionLowerPercent", number(10), number(30), satisfaction},
      {kThresholdKey, "cpuEvictBESatisfactionUpperPercent", number(40), number(60), satisfaction},
      {kThresholdKey, "cpuEvictBEUsageThresholdPercent", number(90), number(100), satisfaction},
      {kThresholdKey, "cpuEvictTimeWindowSeconds", number(1), number(60), satisfaction},
      {kThresholdKey, "cpuEvictPolicy", text("evictByRealLimit"), text("evictByAllocatable"), satisfaction},
      {kThresholdKey, "cpuEvictThresholdPercent", number(30), number(90), node_usage},
      {kThresholdKey, "cpuEvictLowerPercent", number(60), number(50), node_usage},
      {kThresholdKey, "cpuAllocatableEvictThresholdPercent", number(100), number(200), over_commit},
      {kThresholdKey, "cpuAllocatableEvictLowerPercent", number(110), number(50), over_commit},
      {kThresholdKey, "evictEnabledPriorityThreshold", number(5999), number(4000), node_usage},
      {kThresholdKey, "allocatableEvictPriorityThreshold", number(5999), number(4000), over_commit},
      {kQosKey, "policies.cpuPolicy", text("groupIdentity"), text("coreSched"), cpu_qos},
      {kQosKey, "lsrClass.cpuQOS.enable", true, false, nothing_else},
      {kQosKey, "lsrClass.cpuQOS.groupIdentity", number(2), number(1), cpu_qos},
      {kQosKey, "lsrClass.cpuQOS.coreExpeller", true, false, cookies},
      {kQosKey, "lsClass.cpuQOS.enable", true, false, nothing_else},
      {kQosKey, "lsClass.cpuQOS.groupIdentity", number(2), number(1), cpu_qos},
      {kQosKey, "lsClass.cpuQOS.coreExpeller", true, false, cookies},
      {kQosKey, "beClass.cpuQOS.enable", true, false, nothing_else},
      {kQosKey, "beClass.cpuQOS.groupIdentity", number(-1), number(0), cpu_qos},
      {kQosKey, "beClass.cpuQOS.schedIdle", number(0), number(1), cpu_qos},
      {kQosKey, "beClass.cpuQOS.coreExpeller", true, false, cookies},
      {kBurstKey, "policy", text("none"), text("auto"), nothing_else},
      {kBurstKey, "cpuBurstPercent", number(50), number(100), burst},
      {kBurstKey, "cfsQuotaBurstPercent", number(150), number(300), burst},
      {kBurstKey, "cfsQuotaBurstPeriodSeconds", number(-1), number(0), burst},
      {kBurstKey, "sharePoolThresholdPercent", number(50), number(10), burst},
  };
  return table;
}

std::string name_of_key(std::string_view document, std::string_view path) {
  return fmt::format("{}: {}", document, path);
}

NodePolicy with(const Row& row, const Scalar& value) {
  NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  row.beside(policy);
  const auto& keys = key_table();
  const auto spec = std::find_if(keys.begin(), keys.end(), [&](const KeySpec& each) {
    return each.document == row.document && each.path == row.path;
  });
  EXPECT_TRUE(spec != keys.end() && spec->apply != nullptr) << name_of_key(row.document, row.path);
  if (spec != keys.end() && spec->apply != nullptr) spec->apply(policy, value);
  return policy;
}

TEST(ActiveKeys, EachOfTheCpuDocumentsHasARowHere) {
  std::set<std::string> active;
  for (const auto& key : key_table()) {
    // Those of memory are active_memory_keys_test's.
    const bool of_memory = key.path.starts_with("memory") || key.path.find(".memoryQOS.") != std::string_view::npos;
    const bool of_cpu = key.document == kThresholdKey || key.document == kQosKey || key.document == kBurstKey;
    if (of_cpu && !of_memory && key.status == KeyStatus::kActive) active.insert(name_of_key(key.document, key.path));
  }
  std::set<std::string> told;
  for (const auto& row : rows())
    told.insert(name_of_key(row.document, row.path));
  EXPECT_EQ(told, active);
}

TEST(ActiveKeys, EachChangesWhatANodeDecides) {
  for (const auto& row : rows()) {
    const auto one = decisions(with(row, row.one));
    EXPECT_TRUE(one != decisions(with(row, row.other)))
        << name_of_key(row.document, row.path) << ": nothing acts on it";
    EXPECT_TRUE(one == decisions(with(row, row.one))) << "the same policy decides the same";
  }
}

}  // namespace
}  // namespace tideline::policy::active_keys_test
