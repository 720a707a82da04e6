// The CPU columns of Koordinator's behaviour matrix as one table over whole rounds: CPU suppress in the fast loop, the
// CPU side in the pod loop. Our answers where they differ, with what Koordinator does beside them.

#include <functional>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/cpu_round.h"
#include "test/node-actor/decide/pods.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test {
namespace {

using model::BurstPolicy;
using model::Knob;
using model::KubeQos;
using model::QosClass;

constexpr int kWarmUp = 40;
constexpr int kRounds = 6;

model::NodePolicy everything() {
  auto policy = policy_of(SuppressPolicy::kCfsQuota);
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  policy.threshold.cpu_evict_be_satisfaction_upper_percent = 50;
  policy.threshold.cpu_evict_time_window_seconds = 5;
  policy.burst.policy = BurstPolicy::kAuto;
  return policy;
}

/// Koordinator's worked host (32 CPUs, LS pods use 10, BE 8.4, 2 outside of pods: the formula gives 8.8) in virtual
/// time. An LS container of 2 CPUs is throttled from the first round of the situation on; BE asks for 40 CPUs and
/// begins to want them there.
struct MatrixHost {
  MatrixHost() {
    auto web = ls_pod("web");
    web.containers[0].limits.cpu = MilliCpu(2000);
    auto job = batch_pod("job");
    job.priority = 5000;
    job.requests.batch_cpu = job.containers[0].requests.batch_cpu = MilliCpu(20000);
    auto other = job;
    other.uid = model::PodUid("other");
    other.containers[0].id = "other-c0";
    pods = {web, job, other};
    for (const auto knob : {Knob::kCpuQuota, Knob::kCpuBurst, Knob::kCpuWeight, Knob::kCpuIdle})
      knobs.knobs.push_back({knob, true, "file", ""});
  }

  std::optional<model::NodePolicy> policy = everything();
  std::vector<model::Pod> pods;
  model::KnobSet knobs;
  model::Protection protection{true, "verified"};
  std::int64_t be_use = 1000;
  bool throttled = false;
  bool seen = true;         // the host can be read
  bool root_there = true;   // the besteffort root can be read
  bool quota_known = true;  // its quota, too
  std::string unread;       // a pod without a reading

  CurrentLimit current = CurrentLimit::none();
  SuppressState suppress;
  SuppressDecision limit;
  CpuRoundState side;
  CpuRoundDecision round;
  std::size_t victims = 0;
  MonoTime now = kNow;
  std::optional<model::FastSample> fast;
  std::optional<model::NodeSample> sample;

  void restart() {
    suppress = {};
    suppress.ours = true;  // by the journal
    side = {};
  }

  void look() {
    const std::int64_t node = 12000 + be_use;
    fast.reset();
    if (seen) {
      fast = model::FastSample{now, 100ms, MilliCpu(node), {}, {}, {}};
      if (root_there) fast->be_cpu = MilliCpu(be_use);
    }
    if (!seen) return;
    model::NodeSample made;
    made.at = now;
    made.window = 1s;
    made.node_cpu = MilliCpu(node);
    made.ls_cpu = MilliCpu(unread == "web" ? 8000 : 10000);
    if (root_there) made.be_cpu = MilliCpu(be_use);
    made.ls_delay_per_cpu = 0.01;
    for (const auto& pod : pods) {
      if (pod.uid.str() == unread) continue;
      model::PodUse use;
      use.uid = pod.uid;
      use.cpu = MilliCpu(pod.qos == QosClass::kBe ? be_use / 2 : 2000);
      if (pod.qos == QosClass::kLs)
        use.containers.push_back({pod.containers[0].id, MilliCpu(2000), throttled ? 0.4 : 0.0});
      made.pods.push_back(std::move(use));
    }
    sample = std::move(made);
  }

  void second() {
    for (int i = 0; i < 10; ++i) {
      now = now + 100ms;
      look();
      SuppressInput input;
      input.now = now;
      input.node = {MilliCpu(32000), MilliCpu(31000)};
      input.fast = fast;
      input.pods = sample;
      input.be_outside_root = MilliCpu(0);
      input.protection = protection;
      input.current = quota_known ? current : CurrentLimit::unknown();
      auto step = cpu_suppress(suppress, input, policy);
      suppress = std::move(step.state);
      limit = std::move(step.decision);
      if (limit.action == Action::kLimit) current = CurrentLimit::of(limit.limit);
      if (limit.action == Action::kRelease && limit.write) current = CurrentLimit::none();
    }
    const NodeFacts node{MilliCpu(32000), MilliCpu(31000)};
    const model::NodeSample unseen;
    const model::Topology topology;
    const NodeCpus cpus;
    const std::string boot = "boot";
    auto step = cpu_round(std::move(side),
                          {.now = now,
                           .node = node,
                           .pods = pods,
                           .sample = sample ? *sample : unseen,
                           .knobs = knobs,
                           .topology = topology,
                           .cpus = cpus,
                           .suppress = limit.terms,
                           .be_limit = quota_known ? current : CurrentLimit::unknown(),
                           .be_cpus_current = {},
                           .boot_id = boot,
                           .hands_off = {},
                           .allocatable_batch_cpu = {},
                           .work = {}},
                          policy);
    side = std::move(step.state);
    round = std::move(step.decision);
    victims += round.evict.victims.size();
  }
  void run(int seconds) {
    for (int i = 0; i < seconds; ++i)
      second();
  }
  /// What is written into the LS container; nullopt: nothing.
  std::optional<std::int64_t> of_container(Knob knob) const {
    const auto* settled = round.settlement->find({model::group_of(pods[0], pods[0].containers[0]), knob});
    if (settled == nullptr || settled->held_back != HeldBack::kNone) return std::nullopt;
    return std::get<model::Limit>(settled->value).cpu.value().value();
  }
  FeatureState feature(const std::string& name) const {
    for (const auto* from : {&limit.features, &round.features}) {
      for (const auto& feature : *from) {
        if (feature.feature == name) return feature;
      }
    }
    return {"not listed", FeatureState::State::kInactive, ""};
  }
};

struct Row {
  const char* name;
  std::function<void(MatrixHost&)> begins;
  /// Quota of the besteffort root afterwards (nullopt: none), and CPU suppress's reason.
  std::optional<std::int64_t> be_quota;
  Reason suppress;
  /// Quota and burst of the LS container afterwards; nullopt: what its spec says.
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> burst;
  bool evicts;
  Reason evict;  // what the satisfaction trigger says
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

class CpuSituations : public testing::TestWithParam<Row> {};

TEST_P(CpuSituations, AreAnswered) {
  MatrixHost host;
  host.run(kWarmUp);
  ASSERT_EQ(host.current, CurrentLimit::of(MilliCpu(8800)));
  ASSERT_EQ(host.victims, 0u);
  host.throttled = true;
  host.be_use = 8400;
  GetParam().begins(host);
  host.run(kRounds);
  const auto& row = GetParam();
  EXPECT_EQ(host.current, row.be_quota ? CurrentLimit::of(MilliCpu(*row.be_quota)) : CurrentLimit::none());
  EXPECT_EQ(host.limit.reason, row.suppress) << name_of(host.limit.reason);
  EXPECT_EQ(host.of_container(Knob::kCpuQuota), row.quota);
  EXPECT_EQ(host.of_container(Knob::kCpuBurst), row.burst);
  EXPECT_EQ(host.victims > 0, row.evicts);
  const auto trigger = host.round.evict.of(EvictTask::kBeSatisfaction).trigger;
  EXPECT_EQ(trigger, row.evict) << name_of(trigger) << ": " << host.round.evict.of(EvictTask::kBeSatisfaction).why;
}

void without(MatrixHost& host, Knob knob) {
  for (auto& support : host.knobs.knobs) {
    if (support.knob == knob) support = {knob, false, "file", "no such file"};
  }
}

INSTANTIATE_TEST_SUITE_P(
    Matrix, CpuSituations,
    testing::Values(
        Row{"AllIsKnown", [](MatrixHost&) {}, 8800, Reason::kWithinDeadBand, 5971, 5971, true, Reason::kBeStarved},
        // Koordinator: skip and hold, everywhere.
        Row{"NoPolicyYet",
            [](MatrixHost& host) { host.policy.reset(); },
            8800,
            Reason::kNoPolicy,
            {},
            {},
            false,
            Reason::kNoPolicy},
        Row{"EnableFalse",
            [](MatrixHost& host) { host.policy = model::NodePolicy{}; },
            {},
            Reason::kDisabled,
            {},
            {},
            false,
            Reason::kDisabled},
        // One switch of Koordinator's for suppress and eviction; burst has its own.
        Row{"OnlyTheThresholdsAreOff",
            [](MatrixHost& host) { host.policy->threshold.enable = false; },
            {},
            Reason::kDisabled,
            5971,
            5971,
            false,
            Reason::kDisabled},
        // Koordinator: the same, but that BE would rise by what a stale sample says no more.
        Row{"HostUnreadFor6s",
            [](MatrixHost& host) { host.seen = false; },
            8800,
            Reason::kStaleSample,
            {},
            2000,
            false,
            Reason::kStaleSample},
        // Its use counts as the system's: the formula stays. Koordinator's limiter takes it to be at its limit.
        Row{"ServiceUnread",
            [](MatrixHost& host) { host.unread = "web"; },
            8800,
            Reason::kWithinDeadBand,
            {},
            2000,
            true,
            Reason::kBeStarved},
        // The quota grows while the last 5 s know how full the share pool is, and then stays.
        Row{"BatchPodUnread", [](MatrixHost& host) { host.unread = "job"; }, 8800, Reason::kWithinDeadBand, 4147, 4147,
            true, Reason::kBeStarved},
        Row{"ContainerWithoutId",
            [](MatrixHost& host) { host.pods[0].containers[0].id.clear(); },
            8800,
            Reason::kWithinDeadBand,
            {},
            {},
            true,
            Reason::kBeStarved},
        // Koordinator swallows the error. Nothing is known of BE: no limit is moved, nobody evicted.
        Row{"BesteffortRootGone",
            [](MatrixHost& host) {
              host.root_there = false;
              host.quota_known = false;
            },
            8800, Reason::kStaleSample, 5971, 5971, false, Reason::kStaleSample},
        Row{"BurstFileMissing",
            [](MatrixHost& host) { without(host, Knob::kCpuBurst); },
            8800,
            Reason::kWithinDeadBand,
            5971,
            {},
            true,
            Reason::kBeStarved},
        Row{"QuotaFileOfPodsMissing",
            [](MatrixHost& host) { without(host, Knob::kCpuQuota); },
            8800,
            Reason::kWithinDeadBand,
            {},
            2000,
            true,
            Reason::kBeStarved},
        // Koordinator: last values stay for as long as it is gone. Here the guard has put all back; the next worker
        // begins from the spec, keeps what limits BE, and evicts nobody in its first 20 s.
        Row{"AgentKilledAndStartedAgain", [](MatrixHost& host) { host.restart(); }, 8800, Reason::kWithinDeadBand, 5971,
            5971, false, Reason::kBeStarved},
        // Koordinator has no such thing; the nearest, a feature gate turned off, leaves the last values.
        Row{"BurstInDryRun",
            [](MatrixHost& host) { host.policy->dry_run.cpu_burst = true; },
            8800,
            Reason::kWithinDeadBand,
            {},
            {},
            true,
            Reason::kBeStarved},
        Row{"SectionRemovedFromTheConfig",
            [](MatrixHost& host) {
              host.policy->threshold = {};
              host.policy->burst = {};
            },
            {},
            Reason::kDisabled,
            {},
            {},
            false,
            Reason::kDisabled},
        Row{"BatchWantsLittle", [](MatrixHost& host) { host.be_use = 20; }, 8800, Reason::kWithinDeadBand, 5971, 5971,
            false, Reason::kNotUsing},
        Row{"BatchFinished",
            [](MatrixHost& host) { host.pods[1].phase = host.pods[2].phase = model::PodPhase::kSucceeded; }, 8800,
            Reason::kWithinDeadBand, 5971, 5971, false, Reason::kSatisfied}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CpuRounds, BatchHasItsQuotaInCpusOfThisHost) {
  MatrixHost host;
  host.pods[1].containers[0].limits.batch_cpu = MilliCpu(4000);
  const auto quota = [&]() -> std::optional<MilliCpu> {
    host.second();
    const auto* settled =
        host.round.settlement->find({model::group_of(host.pods[1], host.pods[1].containers[0]), Knob::kCpuQuota});
    return settled == nullptr ? std::nullopt : std::get<model::Limit>(settled->value).cpu;
  };
  EXPECT_EQ(quota(), MilliCpu(4000));
  host.policy->scaling.cpu_normalization = model::Ratio(200);
  EXPECT_EQ(quota(), MilliCpu(2000));
}

TEST(CpuRounds, WhatAnyOfThemAskedForIsInTheFeatureList) {
  MatrixHost host;
  host.run(3);
  for (const auto* name : {"cpuSuppress", "cpuSuppress.cfsQuota", "cpuBurst.kernel", "cpuEvict.beSatisfaction",
                           "cpuset", "batchLimits", "cpuQOS.beClass"}) {
    EXPECT_EQ(host.feature(name).feature, name);
  }
}

}  // namespace
}  // namespace tideline::decide::test
