// The CPU columns of Koordinator's behaviour matrix as one table over whole rounds: CPU suppress in the fast loop, the
// CPU side in the pod loop, under each cpuSuppressPolicy. Our answers where they differ, with what Koordinator does
// beside them.

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/cpu_round.h"
#include "test/node-actor/decide/cpu_hosts.h"
#include "test/node-actor/decide/pods.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::cpu_situations_test {
namespace {

using model::BurstPolicy;
using model::Knob;
using model::KubeQos;
using model::QosClass;

constexpr int kWarmUp = 40;
constexpr int kRounds = 6;

model::NodePolicy everything(SuppressPolicy suppress) {
  auto policy = policy_of(suppress);
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
  explicit MatrixHost(SuppressPolicy by = SuppressPolicy::kCfsQuota) : policy(everything(by)) {
    auto web = ls_pod("web");
    web.containers[0].limits.cpu = MilliCpu(2000);
    auto job = be_pod("job");
    job.priority = 5000;
    job.requests.batch_cpu = job.containers[0].requests.batch_cpu = MilliCpu(20000);
    auto other = job;
    other.uid = model::PodUid("other");
    other.containers[0].id = "other-c0";
    pods = {web, job, other};
    for (const auto knob : {Knob::kCpuQuota, Knob::kCpuBurst, Knob::kCpuWeight, Knob::kCpuIdle, Knob::kCpuset})
      knobs.knobs.push_back({knob, true, "file", ""});
  }

  std::optional<model::NodePolicy> policy;
  std::vector<model::Pod> pods;
  model::KnobSet knobs;
  model::Protection protection{true, "verified"};
  std::int64_t ls_use = 10000;
  double ls_delay = 0.01;
  std::int64_t be_use = 1000;
  bool throttled = false;
  bool seen = true;         // the host can be read
  bool root_there = true;   // the besteffort root can be read
  bool quota_known = true;  // its quota, too
  std::string unread;       // a pod without a reading

  CurrentLimit current = CurrentLimit::none();
  CpuSet be_set;  // of the besteffort root; empty: none of its own
  CpusetSide cpuset = CpusetSide::kAbsent;
  SuppressState suppress;
  SuppressState dry_suppress;
  SuppressDecision limit;
  CpuRoundState side;
  bool started = true;  // no pod round yet
  CpuRoundDecision round;
  std::size_t victims = 0;
  MonoTime now = kNow;
  std::optional<model::FastSample> fast;
  std::optional<model::NodeSample> sample;

  void restart() {
    suppress = {};
    suppress.ours = true;  // by the journal
    side = {};
    cpuset = CpusetSide::kAbsent;
    started = true;
  }

  void look() {
    const std::int64_t node = ls_use + 2000 + be_use;
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
    made.ls_cpu = MilliCpu(unread == "web" ? ls_use - 2000 : ls_use);
    if (root_there) {
      made.be_cpu = MilliCpu(be_use);
      made.be_cpus = be_set.empty() ? 32 : be_set.size();
    }
    made.ls_delay_per_cpu = ls_delay;
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

  /// In dry run the quota is what it is with CPU suppress off, and the decision what it would be.
  void fast_round(const SuppressInput& input) {
    const bool dry = policy && policy->dry_run.cpu_suppress;
    auto in_force = policy;
    if (dry) {
      auto would = cpu_suppress(dry_suppress, input, policy);
      dry_suppress = std::move(would.state);
      limit = std::move(would.decision);
      in_force->threshold.enable = false;
    }
    auto step = cpu_suppress(suppress, input, in_force);
    suppress = std::move(step.state);
    if (step.decision.action == Action::kLimit) current = CurrentLimit::of(step.decision.limit);
    if (step.decision.action == Action::kRelease && step.decision.write) current = CurrentLimit::none();
    if (!dry) limit = std::move(step.decision);
  }

  /// The besteffort root's CPUs as the settlement has them, and whether they are what CPU suppress wants.
  void hold_be_to_cpus() {
    const auto* wanted = round.settlement->find({model::root_of(KubeQos::kBestEffort), Knob::kCpuset});
    const bool written = wanted != nullptr && wanted->held_back == HeldBack::kNone;
    if (root_there) be_set = written ? std::get<CpuSet>(wanted->value) : CpuSet{};
    const auto& suppressed = round.suppressed_cpus;
    if (!policy || policy->threshold.cpu_suppress_policy != SuppressPolicy::kCpuset || !knobs.has(Knob::kCpuset)) {
      cpuset = CpusetSide::kAbsent;
    } else if (root_there && suppressed && !be_set.empty() && suppressed->contains(be_set)) {
      cpuset = CpusetSide::kInPlace;
    } else {
      cpuset = CpusetSide::kNotInPlace;
    }
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
      input.cpuset = cpuset;
      fast_round(input);
    }
    static const model::Topology topology = host_of(kWorkedTopology);
    const NodeFacts node{MilliCpu(32000), MilliCpu(31000)};
    const model::NodeSample unseen;
    const NodeCpus node_cpus;
    const std::string boot = "boot";
    const auto at_start = std::exchange(started, false) ? std::optional(be_set) : std::nullopt;
    auto step = cpu_round(std::move(side),
                          {.now = now,
                           .node = node,
                           .pods = pods,
                           .sample = sample ? *sample : unseen,
                           .knobs = knobs,
                           .topology = topology,
                           .cpus = node_cpus,
                           .suppress = limit.terms,
                           .be_limit = quota_known ? current : CurrentLimit::unknown(),
                           .be_cpus_current = at_start,
                           .boot_id = boot,
                           .hands_off = {},
                           .allocatable_batch_cpu = {},
                           .work = {}},
                          policy);
    side = std::move(step.state);
    round = std::move(step.decision);
    hold_be_to_cpus();
    // Who executes evictions tells those of a dry run and carries out none.
    if (!policy || !policy->dry_run.cpu_evict) victims += round.evict.victims.size();
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

/// What a situation comes to for BE under one cpuSuppressPolicy.
struct ForBe {
  std::optional<std::int64_t> quota;  // of the besteffort root; nullopt: none
  int cpus = 0;                       // that it is held to; 0: to none
  Reason suppress = Reason::kNone;
  bool evicts = false;
  Reason evict = Reason::kNone;  // what the satisfaction trigger says
};
ForBe limited(std::int64_t quota, Reason suppress, Reason evict) {
  return {quota, 0, suppress, evict == Reason::kBeStarved, evict};
}
ForBe on_cpus(int cpus, Reason suppress, Reason evict) {
  return {std::nullopt, cpus, suppress, evict == Reason::kBeStarved, evict};
}
ForBe at_large(Reason suppress, Reason evict) {
  return {std::nullopt, 0, suppress, evict == Reason::kBeStarved, evict};
}
ForBe nobody_goes(ForBe answer) {
  answer.evicts = false;
  return answer;
}
/// What they have while all is well. Weights alone leave BE 20 CPUs, of which it uses 8.4.
const ForBe kLimited = limited(8800, Reason::kWithinDeadBand, Reason::kBeStarved);
const ForBe kOnCpus = on_cpus(9, Reason::kSuppressedCpus, Reason::kBeStarved);
const ForBe kAtLarge = at_large(Reason::kNotPressed, Reason::kNotUsing);

struct Row {
  const char* name;
  std::function<void(MatrixHost&)> begins;
  ForBe cfs_quota;
  ForBe cpuset;
  ForBe work_conserving;
  /// Quota and burst of the LS container afterwards; nullopt: what its spec says.
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> burst;
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

const ForBe& answer_of(const Row& row, SuppressPolicy policy) {
  switch (policy) {
    case SuppressPolicy::kCfsQuota:
      return row.cfs_quota;
    case SuppressPolicy::kCpuset:
      return row.cpuset;
    case SuppressPolicy::kWorkConserving:
      break;
  }
  return row.work_conserving;
}

class CpuSituations : public testing::TestWithParam<std::tuple<SuppressPolicy, Row>> {};

TEST_P(CpuSituations, AreAnswered) {
  const auto& [policy, row] = GetParam();
  SCOPED_TRACE(testing::Message() << row.name << " under " << name_of(policy));
  MatrixHost host(policy);
  host.run(kWarmUp);
  ASSERT_EQ(host.current,
            policy == SuppressPolicy::kCfsQuota ? CurrentLimit::of(MilliCpu(8800)) : CurrentLimit::none());
  ASSERT_EQ(host.be_set.size(), policy == SuppressPolicy::kCpuset ? 9 : 0) << host.be_set.text();
  ASSERT_EQ(host.victims, 0u);
  host.throttled = true;
  host.be_use = 8400;
  row.begins(host);
  host.run(kRounds);
  const auto& wanted = answer_of(row, policy);
  EXPECT_EQ(host.current, wanted.quota ? CurrentLimit::of(MilliCpu(*wanted.quota)) : CurrentLimit::none())
      << host.current.quota.value();
  EXPECT_EQ(host.be_set.size(), wanted.cpus) << host.be_set.text();
  EXPECT_EQ(host.limit.reason, wanted.suppress) << name_of(host.limit.reason);
  EXPECT_EQ(host.of_container(Knob::kCpuQuota), row.quota);
  EXPECT_EQ(host.of_container(Knob::kCpuBurst), row.burst);
  EXPECT_EQ(host.victims > 0, wanted.evicts);
  const auto trigger = host.round.evict.of(EvictTask::kBeSatisfaction).trigger;
  EXPECT_EQ(trigger, wanted.evict) << name_of(trigger) << ": " << host.round.evict.of(EvictTask::kBeSatisfaction).why;
}

void without(MatrixHost& host, Knob knob) {
  for (auto& support : host.knobs.knobs) {
    if (support.knob == knob) support = {knob, false, "file", "no such file"};
  }
}

const Row kMatrix[] = {
    {"AllIsKnown", [](MatrixHost&) {}, kLimited, kOnCpus, kAtLarge, 5971, 5971},
    // Koordinator: skip and hold, everywhere.
    {"NoPolicyYet",
     [](MatrixHost& host) { host.policy.reset(); },
     limited(8800, Reason::kNoPolicy, Reason::kNoPolicy),
     on_cpus(9, Reason::kNoPolicy, Reason::kNoPolicy),
     at_large(Reason::kNoPolicy, Reason::kNoPolicy),
     {},
     {}},
    {"EnableFalse",
     [](MatrixHost& host) { host.policy = model::NodePolicy{}; },
     at_large(Reason::kDisabled, Reason::kDisabled),
     at_large(Reason::kDisabled, Reason::kDisabled),
     at_large(Reason::kDisabled, Reason::kDisabled),
     {},
     {}},
    // One switch of Koordinator's for suppress and eviction; burst has its own.
    {"OnlyTheThresholdsAreOff", [](MatrixHost& host) { host.policy->threshold.enable = false; },
     at_large(Reason::kDisabled, Reason::kDisabled), at_large(Reason::kDisabled, Reason::kDisabled),
     at_large(Reason::kDisabled, Reason::kDisabled), 5971, 5971},
    // Koordinator: the same, but that BE would rise by what a stale sample says no more. Work-conserving takes an unknown
    // signal for pressure, and has no formula either.
    {"HostUnreadFor6s",
     [](MatrixHost& host) { host.seen = false; },
     limited(8800, Reason::kStaleSample, Reason::kStaleSample),
     on_cpus(9, Reason::kSuppressedCpus, Reason::kStaleSample),
     at_large(Reason::kStaleSample, Reason::kStaleSample),
     {},
     2000},
    // Its use counts as the system's: the formula stays. Koordinator's limiter takes it to be at its limit.
    {"ServiceUnread", [](MatrixHost& host) { host.unread = "web"; }, kLimited, kOnCpus, kAtLarge, {}, 2000},
    // The quota grows while the last 5 s know how full the share pool is, and then stays.
    {"BatchPodUnread", [](MatrixHost& host) { host.unread = "job"; }, kLimited, kOnCpus, kAtLarge, 4147, 4147},
    {"ContainerWithoutId",
     [](MatrixHost& host) { host.pods[0].containers[0].id.clear(); },
     kLimited,
     kOnCpus,
     kAtLarge,
     {},
     {}},
    // Koordinator swallows the error. Nothing is known of BE: no limit is moved, nobody evicted.
    {"BesteffortRootGone",
     [](MatrixHost& host) {
       host.root_there = false;
       host.quota_known = false;
     },
     limited(8800, Reason::kStaleSample, Reason::kStaleSample), on_cpus(9, Reason::kStaleSample, Reason::kStaleSample),
     at_large(Reason::kNotPressed, Reason::kStaleSample), 5971, 5971},
    // The last limit that was decided stands in. What BE may have is not less than what the others leave, as far as is
    // known; a CPU set is known.
    {"QuotaFileOfTheRootMissing", [](MatrixHost& host) { host.quota_known = false; },
     limited(8800, Reason::kWithinDeadBand, Reason::kNotUsing), kOnCpus, kAtLarge, 5971, 5971},
    {"CpusetFilesMissing", [](MatrixHost& host) { without(host, Knob::kCpuset); }, kLimited, kLimited, kAtLarge, 5971,
     5971},
    {"BurstFileMissing",
     [](MatrixHost& host) { without(host, Knob::kCpuBurst); },
     kLimited,
     kOnCpus,
     kAtLarge,
     5971,
     {}},
    {"QuotaFileOfPodsMissing",
     [](MatrixHost& host) { without(host, Knob::kCpuQuota); },
     kLimited,
     kOnCpus,
     kAtLarge,
     {},
     2000},
    // Koordinator: 2000 us or 2 CPUs, too. LS that feels nothing is enough for work-conserving; the share pool is full.
    {"ServicesNeedAlmostAll",
     [](MatrixHost& host) {
       host.ls_use = 25000;
       host.be_use = 2000;
     },
     limited(20, Reason::kWithinDeadBand, Reason::kBeStarved),
     on_cpus(2, Reason::kSuppressedCpus, Reason::kBeStarved),
     kAtLarge,
     {},
     2000},
    // Only work-conserving asks what LS feels, and whether weights hold.
    {"ServicesWaitForBatch", [](MatrixHost& host) { host.ls_delay = 1; }, kLimited, kOnCpus,
     limited(8800, Reason::kPressed, Reason::kBeStarved), 5971, 5971},
    {"WeightsDoNotProtect", [](MatrixHost& host) { host.protection.verified = false; }, kLimited, kOnCpus,
     limited(8800, Reason::kUnprotected, Reason::kBeStarved), 5971, 5971},
    // Koordinator: last values stay for as long as it is gone. Here the guard has put all back; the next worker begins
    // from the spec, keeps what limits BE, and evicts nobody in its first 20 s.
    {"AgentKilledAndStartedAgain", [](MatrixHost& host) { host.restart(); }, nobody_goes(kLimited),
     nobody_goes(kOnCpus), kAtLarge, 5971, 5971},
    // Koordinator has no dry run; the nearest, a feature gate turned off, leaves the last values. What CPU suppress
    // would do begins from what BE has without it.
    {"SuppressInDryRun", [](MatrixHost& host) { host.policy->dry_run.cpu_suppress = true; },
     at_large(Reason::kThresholdFormula, Reason::kNotUsing), at_large(Reason::kThresholdFormula, Reason::kNotUsing),
     kAtLarge, 5971, 5971},
    {"BurstInDryRun",
     [](MatrixHost& host) { host.policy->dry_run.cpu_burst = true; },
     kLimited,
     kOnCpus,
     kAtLarge,
     {},
     {}},
    {"EvictInDryRun", [](MatrixHost& host) { host.policy->dry_run.cpu_evict = true; }, nobody_goes(kLimited),
     nobody_goes(kOnCpus), kAtLarge, 5971, 5971},
    {"SectionRemovedFromTheConfig",
     [](MatrixHost& host) {
       host.policy->threshold = {};
       host.policy->burst = {};
     },
     at_large(Reason::kDisabled, Reason::kDisabled),
     at_large(Reason::kDisabled, Reason::kDisabled),
     at_large(Reason::kDisabled, Reason::kDisabled),
     {},
     {}},
    {"BatchWantsLittle", [](MatrixHost& host) { host.be_use = 20; },
     limited(8800, Reason::kWithinDeadBand, Reason::kNotUsing), on_cpus(9, Reason::kSuppressedCpus, Reason::kNotUsing),
     kAtLarge, 5971, 5971},
    {"BatchFinished",
     [](MatrixHost& host) { host.pods[1].phase = host.pods[2].phase = model::PodPhase::kSucceeded; },
     limited(8800, Reason::kWithinDeadBand, Reason::kSatisfied), on_cpus(9, Reason::kSuppressedCpus, Reason::kSatisfied),
     at_large(Reason::kNotPressed, Reason::kSatisfied), 5971, 5971}};

INSTANTIATE_TEST_SUITE_P(Matrix, CpuSituations,
                         testing::Combine(testing::Values(SuppressPolicy::kCfsQuota, SuppressPolicy::kCpuset,
                                                          SuppressPolicy::kWorkConserving),
                                          testing::ValuesIn(kMatrix)),
                         [](const auto& row) {
                           return std::string(name_of(std::get<0>(row.param))) + "_" + std::get<1>(row.param).name;
                         });

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

TEST(CpuRounds, ChangingTheKindOfBesLimitGivesItNothingWhileTheHostIsUnread) {
  for (const auto to : {SuppressPolicy::kCfsQuota, SuppressPolicy::kWorkConserving}) {
    MatrixHost host(SuppressPolicy::kCpuset);
    host.run(kWarmUp);
    host.seen = false;
    host.run(3);
    host.policy->threshold.cpu_suppress_policy = to;
    host.run(5);
    EXPECT_EQ(host.be_set.size(), 9) << "there is no quota instead";
    EXPECT_EQ(host.current, CurrentLimit::none());
    host.seen = true;
    host.run(3);
    EXPECT_EQ(host.be_set.size(), 0) << host.be_set.text();
    EXPECT_EQ(host.current, to == SuppressPolicy::kCfsQuota ? CurrentLimit::of(MilliCpu(8800)) : CurrentLimit::none());
  }
}

TEST(CpuRounds, TheQuotaStaysUntilTheFormulaHasChosenCpus) {
  MatrixHost host(SuppressPolicy::kCfsQuota);
  auto bound = pod_of("bound", QosClass::kLse, KubeQos::kGuaranteed);
  bound.bound_cpus = CpuSet{0, 1};
  host.pods.push_back(std::move(bound));
  host.run(kWarmUp);
  ASSERT_EQ(host.be_set.size(), 30);
  host.seen = false;
  host.run(3);
  host.policy->threshold.cpu_suppress_policy = SuppressPolicy::kCpuset;
  host.run(3);
  EXPECT_EQ(host.cpuset, CpusetSide::kNotInPlace) << "the pool is no limit of CPU suppress";
  EXPECT_EQ(host.current.kind, CurrentLimit::Kind::kQuota);
  host.seen = true;
  host.run(3);
  EXPECT_EQ(host.cpuset, CpusetSide::kInPlace);
  EXPECT_EQ(host.current, CurrentLimit::none());
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
}  // namespace tideline::decide::test::cpu_situations_test
