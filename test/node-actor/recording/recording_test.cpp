#include "node-actor/recording/recording.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/recording/decide_fields.h"
#include "node-actor/recording/memory_fields.h"

namespace tideline::recording::recording_test {
namespace {

using model::CpuSet;
using model::MilliCpu;
using testing::HasSubstr;

template <class T>
T back(const T& value) {
  std::optional<model::Error> problem;
  const Json object = {{"value", Writer::json_of(value)}};
  const auto again = Json::parse(text_of(object));
  Reader v(again, "test", problem);
  T read{};
  v("value", read);
  EXPECT_FALSE(problem) << problem->message();
  return read;
}

model::Pod pod() {
  model::Pod pod;
  pod.uid = model::PodUid("uid-1");
  pod.name_space = "shop";
  pod.name = "web \"0\"";
  pod.qos = model::QosClass::kLsr;
  pod.kube_qos = model::KubeQos::kGuaranteed;
  pod.phase = model::PodPhase::kPending;
  pod.priority = -7;
  pod.workload = "ReplicaSet/web";
  pod.requests.cpu = MilliCpu(500);
  pod.requests.memory = model::Bytes(1 << 30);
  pod.mid_requests.cpu = MilliCpu(700);
  pod.mid_requests.memory = model::Bytes(1 << 20);
  pod.containers = {{.name = "c", .id = "id", .requests = {}, .limits = pod.requests}};
  pod.cpu_burst = {.policy = model::BurstPolicy::kCfsQuotaBurstOnly,
                   .cpu_burst_percent = 10,
                   .cfs_quota_burst_percent = {},
                   .cfs_quota_burst_period_seconds = -1,
                   .share_pool_threshold_percent = 0};
  pod.cpu_qos = {.enable = true, .group_identity = -1};
  auto& memory = pod.memory_qos.emplace();
  memory.policy = model::MemoryQosOverride::Policy::kNone;
  memory.min_limit_percent = 1;
  memory.low_limit_percent = 2;
  memory.throttling_percent = 3;
  memory.wmark_ratio = 4;
  memory.wmark_scale_permill = 5;
  memory.wmark_min_adj = -6;
  memory.priority_enable = true;
  memory.priority = 7;
  memory.oom_kill_group = false;
  memory.page_cache_enable = true;
  memory.page_cache_limit_percent = 8;
  memory.page_cache_limit_size = model::Bytes(9);
  memory.page_cache_reclaim_sync = false;
  pod.bound_cpus = CpuSet{0, 1, 5};
  pod.eviction = {.enabled = true, .priority = 3, .sub_priority = 4, .terminating = true, .allowed_by = {{"CPUEvict"}}};
  pod.core_sched = {.group_id = "web", .policy = model::CoreSchedPolicy::kExclusive};
  return pod;
}

/// Every field differs from its default.
model::NodePolicy policy() {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(UINT64_MAX);
  policy.epoch = model::Epoch(2);
  policy.colocation = {true,
                       1,
                       2,
                       3,
                       4,
                       5,
                       0.25,
                       6,
                       7,
                       model::CalculatePolicy::kMaxUsageRequest,
                       model::CalculatePolicy::kRequest,
                       model::MidReclaimMode::kStatic,
                       8,
                       9,
                       10,
                       11,
                       12,
                       13};
  policy.threshold = {.enable = true,
                      .cpu_suppress_threshold_percent = 1,
                      .cpu_suppress_min_percent = 2,
                      .cpu_suppress_policy = model::SuppressPolicy::kWorkConserving,
                      .cpu_evict_be_satisfaction_lower_percent = 3,
                      .cpu_evict_be_satisfaction_upper_percent = 4,
                      .cpu_evict_be_usage_threshold_percent = 5,
                      .cpu_evict_time_window_seconds = 6,
                      .cpu_evict_policy = model::CpuEvictPolicy::kAllocatable,
                      .cpu_evict_threshold_percent = 7,
                      .cpu_evict_lower_percent = 8,
                      .cpu_allocatable_evict_threshold_percent = 9,
                      .cpu_allocatable_evict_lower_percent = 10,
                      .evict_enabled_priority_threshold = 11,
                      .allocatable_evict_priority_threshold = 12,
                      .memory_evict_threshold_percent = 13,
                      .memory_evict_lower_percent = 14,
                      .memory_allocatable_evict_threshold_percent = 15,
                      .memory_allocatable_evict_lower_percent = 16};
  policy.qos = {model::CpuQosMechanism::kCoreSched, {true, 1, 1, false}, {true, 0, 1, false}, {true, 1, 1, true}};
  policy.burst = {model::BurstPolicy::kAuto, 1, 100, 3, 4};
  const model::MemoryQosPolicy memory{true, 1, 2, 3, 4, 5, 6, true, 7, true, false, 8, model::Bytes(9), true};
  policy.qos.lsr_memory = policy.qos.ls_memory = policy.qos.be_memory = memory;
  policy.qos.ls_memory.wmark_min_adj = 7;
  policy.qos.be_memory.wmark_min_adj = 8;
  policy.relief = {false, false, true, 1, 2};
  policy.dry_run = {true, true, true, true, true, true, true, true, true};
  return policy;
}

TEST(Recording, WhatIsWrittenComesBack) {
  EXPECT_EQ(back(pod()), pod());
  EXPECT_EQ(back(model::Pod{}), model::Pod{});
  EXPECT_EQ(back(policy()), policy());
  EXPECT_EQ(back(std::optional<model::NodePolicy>()), std::nullopt);
  const model::Topology topology{{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}}, 2, 3, 4, 5};
  EXPECT_EQ(back(topology), topology);
  const model::KnobSet knobs{{{model::Knob::kCoreSched, false, "f", "why"}, {model::Knob::kCpuQuota, true, "", ""}}};
  EXPECT_EQ(back(knobs), knobs);
  const decide::NodeCpus cpus{CpuSet{1}, decide::KubeletCpuManager::kStatic, CpuSet{2, 3}};
  EXPECT_EQ(back(cpus), cpus);
  for (const auto& limit :
       {decide::CurrentLimit::unknown(), decide::CurrentLimit::none(), decide::CurrentLimit::of(MilliCpu(20))}) {
    EXPECT_EQ(back(limit), limit);
  }
  const decide::HandsOff hands_off{model::root_of(model::KubeQos::kBurstable), {INT64_MAX}, "ann", "moving"};
  EXPECT_EQ(back(hands_off), hands_off);
  for (const auto kind : {decide::PressureVerdict::Kind::kUnknown, decide::PressureVerdict::Kind::kHold})
    EXPECT_EQ(back(decide::PressureVerdict{kind, 0.1, {}, 0.3}), (decide::PressureVerdict{kind, 0.1, {}, 0.3}));
}

TEST(Recording, CountersComeBack) {
  model::HostCounters host;
  host.at = {(std::int64_t{1} << 60) - 1};
  host.wall = {-1};
  host.node_cpu = model::Duration(1);
  host.cpu_stall = model::StallTotals{model::Duration(2), model::Duration(3)};
  host.best_effort.inode = UINT64_MAX;
  host.be_limit = MilliCpu(4);
  host.be_limit_known = true;
  host.be_cpus = 5;
  host.pods.push_back({.uid = model::PodUid("p"),
                       .qos = model::QosClass::kBe,
                       .below_besteffort = true,
                       .group = {},
                       .containers = {}});
  host.pods[0].containers.push_back({.id = "c", .group = {}});
  host.pods[0].containers[0].group.nr_throttled = 6;
  EXPECT_EQ(back(host), host);
}

TEST(Recording, NumbersComeBackExactly) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::uniform_real_distribution<double>(0, 1)(random) * static_cast<double>(random());
    ASSERT_EQ(back(decide::BurstLimiter{value, -value}), (decide::BurstLimiter{value, -value})) << "seed 11";
  }
}

TEST(Recording, WhatARoundRemembersComesBack) {
  decide::CpuRoundState state;
  state.burst.pool = {{{1}, MilliCpu(2), false}};
  state.burst.last_sample = model::MonoTime{3};
  for (const auto* uid : {"b", "a"}) {
    decide::ContainerBurst burst;
    burst.id = "c";
    burst.quota_milli = 1.0 / 3;
    burst.rose = true;
    burst.limiter = decide::BurstLimiter{4, 5};
    burst.last_step = model::MonoTime{6};
    burst.reason = model::Reason::kBurstTokensSpent;
    state.burst.pods[model::PodUid(uid)] = {burst};
  }
  state.cpuset.be = CpuSet{1, 2};
  state.cpuset.count.least_asked = 7;
  state.evict.window.configure(std::chrono::seconds(60), model::CpuEvictPolicy::kAllocatable);
  state.evict.window.add(
      {{1'000'000'000}, std::chrono::seconds(1), MilliCpu(8), MilliCpu(9), MilliCpu(10), MilliCpu(11)},
      std::chrono::seconds(2));
  state.evict.quiet_until = model::MonoTime{12};
  state.evict.asked = {{model::PodUid("p"), {13}, true}};
  state.evict.since[2] = model::MonoTime{14};
  state.split.parts[model::PodUid("q")] = {MilliCpu(15), {16}};
  state.split.root = MilliCpu(17);
  const auto read = back(state);
  EXPECT_EQ(read.burst, state.burst);
  EXPECT_EQ(read.cpuset, state.cpuset);
  EXPECT_EQ(read.split, state.split);
  EXPECT_EQ(Writer::json_of(read), Writer::json_of(state));
  EXPECT_EQ(read.evict.window.node({1'000'000'000}).use, MilliCpu(8));
  EXPECT_EQ(read.evict.since, state.evict.since);
}

TEST(Recording, WhatReliefRemembersComesBack) {
  decide::ReliefState state;
  const decide::MemoryBound bound{.kind = decide::MemoryBound::Kind::kKubepods,
                                  .capacity = model::Bytes(100),
                                  .available = model::Bytes(7),
                                  .free = model::Bytes(3),
                                  .cache_at = model::MonoTime{1},
                                  .host_used = model::Bytes(90)};
  state.trend.add({{1}, bound});
  state.trend.add({{2}, bound});
  state.be_trend.add({{3}, bound});
  state.rung = model::ReliefRung::kTighten;
  state.reclaim_until = state.tighten_until = state.evict_since = model::MonoTime{4};
  state.killed_at = state.last_known = state.short_since = state.tightened_at = model::MonoTime{5};
  state.bound_since = state.over_since = state.evict_until = model::MonoTime{6};
  state.tightened = model::Bytes(8);
  state.followed = decide::ReliefState::Followed{bound, model::Bytes(9), model::Bytes(10)};
  state.cache = {model::Bytes(11),   {12}, model::Bytes(13), model::MonoTime{14}, model::MonoTime{16}, model::Bytes(15),
                 model::MonoTime{17}};
  state.burst = model::Bytes(18);
  EXPECT_EQ(back(state), state);
  EXPECT_EQ(back(decide::ReliefState{}), decide::ReliefState{});
}

TEST(Recording, WhatTheMemorySidesRoundRemembersAndRestsOnComesBack) {
  decide::MemoryRoundState state;
  const auto group = model::root_of(model::KubeQos::kBurstable);
  state.batch.stepping = {{group, model::Bytes(1)}};
  state.evict.quiet_until = model::MonoTime{2};
  state.evict.since[3] = model::MonoTime{3};
  state.evict.leaving = {model::PodUid("p")};
  const auto read = back(state);
  EXPECT_EQ(read.batch, state.batch);
  EXPECT_EQ(Writer::json_of(read), Writer::json_of(state));
  decide::ReliefDecision decision;
  decision.rung = model::ReliefRung::kEvict;
  decision.reason = model::Reason::kMemoryGrowth;
  decision.reclaim = model::Bytes(4);
  decision.evict = model::Bytes(5);
  decision.why = "so";
  decision.terms.growth_per_second = 1.0 / 3;
  decision.terms.to_full = model::Duration(6);
  EXPECT_EQ(back(decision), decision);
  const decide::Want want{group, model::Knob::kMemoryHigh, model::MemoryLimit{model::Bytes(7)},
                          model::Controller::kMemoryQos, model::Reason::kMemoryThrottle};
  EXPECT_EQ(back(want), want);
  EXPECT_EQ(back(model::KnobValue(model::MemoryLimit{})), model::KnobValue(model::MemoryLimit{}));
}

TEST(Recording, ASampleHoldsForTheRoundsThatRestOnIt) {
  Reading reading;
  ASSERT_TRUE(reading.line(R"({"type": "sample", "sample": {"at_ns": 5}})").ok());
  ASSERT_TRUE(reading.line(R"({"type": "others", "others": {"wants": [], "features": []}})").ok());
  const auto first = reading.line(R"({"type": "memory", "decision": {"wants": {"wants": []}}})");
  const auto second = reading.line(R"({"type": "memory", "decision": {"wants": "same"}})");
  const auto cpu = reading.line(R"({"type": "cpu"})");
  ASSERT_TRUE(first.ok() && second.ok() && cpu.ok());
  EXPECT_EQ(std::get<MemoryRound>(**second).sample.at.ns, 5);
  EXPECT_EQ(std::get<MemoryRound>(**second).decision, std::get<MemoryRound>(**first).decision);
  EXPECT_EQ(std::get<CpuRound>(**cpu).sample.at.ns, 5);
  EXPECT_TRUE(std::get<CpuRound>(**cpu).others);
  const auto older = reading.line(R"({"type": "cpu", "sample": {"at_ns": 6}})");
  ASSERT_TRUE(older.ok());
  EXPECT_EQ(std::get<CpuRound>(**older).sample.at.ns, 6) << "as it was before the memory side";
}

TEST(Recording, AnOlderRecordingsMissingFieldsKeepTheirDefaults) {
  Reading reading;
  const auto read = reading.line(R"({"type": "suppress", "input": {"now_ns": 5}})");
  ASSERT_TRUE(read.ok() && *read) << read.error().message();
  const auto& round = std::get<SuppressRound>(**read);
  EXPECT_EQ(round.input.now.ns, 5);
  EXPECT_EQ(round.input.pod_interval, std::chrono::seconds(1));
}

TEST(Recording, WhatHoldsStaysUntilItIsSaidAnew) {
  Reading reading;
  ASSERT_TRUE(reading.line(R"({"type": "pods", "pods": [{"uid": "p"}]})").ok());
  ASSERT_TRUE(reading.line(R"({"type": "policy", "policy": {"threshold": {"enable": true}}})").ok());
  const auto first = reading.line(R"({"type": "cpu", "decision": {"settlement": {"settled": []}}})");
  const auto second = reading.line(R"({"type": "cpu", "decision": {"settlement": "same"}})");
  ASSERT_TRUE(first.ok() && second.ok());
  const auto& round = std::get<CpuRound>(**second);
  EXPECT_EQ(round.pods.size(), 1u);
  EXPECT_TRUE(round.policy && round.policy->threshold.enable);
  EXPECT_EQ(round.decision, std::get<CpuRound>(**first).decision);
  const auto off = reading.line(R"({"type": "suppress", "off": true})");
  EXPECT_FALSE(std::get<SuppressRound>(**off).policy->threshold.enable);
}

TEST(Recording, WhatIsNoLineOfOneIsNamed) {
  Reading reading;
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {"{}", "without type"},
      {R"({"type": 1})", "without type"},
      {R"({"type": "other"})", "of type other"},
      {R"({"type": "pods", "pods": 1})", "pods.pods: want a list, got 1"},
      {R"({"type": "pods", "pods": [{"qos": "XS"}]})", "pods.pods.qos: want a known name"},
      {R"({"type": "pods", "pods": [{"qos": "unknown"}]})", "want a known name"},
      {R"({"type": "pods", "pods": [{"priority": 3000000000}]})", "want a whole number that fits"},
      {R"({"type": "pods", "pods": [{"bound_cpus": "3-1"}]})", "want a list of CPUs"},
      {R"({"type": "node", "is_v1": 1})", "want true or false"},
      {R"({"type": "node", "topology": []})", "want an object"},
      {R"({"type": "cpu", "state": {"evict": {"since_ns": [1]}}})", "want a list of 4"},
      {R"({"type": "cpu", "be_limit": true})", "want a whole number"},
      {R"({"type": "suppress", "state": {"pressure": {"over": 1.5}}})", "want a whole number"},
      {R"({"type": "policy", "policy": {"scaling": {"cpuNormalizationRatio": 0}}})",
       "cpuNormalizationRatio: want 1 to 100000000 hundredths, got 0"},
      {R"({"type": "policy", "policy": {"scaling": {"cpuAmplificationRatio": -1}}})", "hundredths, got -1"},
      {R"({"type": "policy", "policy": {"scaling": {"memoryAmplificationRatio": 100000001}}})",
       "hundredths, got 100000001"},
      {R"({"type": "host", "counters": {"best_effort": {"inode": -1}}})", "want a whole number"},
      {R"({"type": "cpu", "now_ns": 9223372036854775807})", "now_ns: want a time of less than 36 years"},
      {R"({"type": "relief", "input": {"now_ns": -1152921504606846976}})", "less than 36 years"},
      {R"({"type": "node", "pod_interval_ns": 1152921504606846976})", "less than 36 years"}};
  for (const auto& [line, why] : bad) {
    const auto read = reading.line(line);
    ASSERT_FALSE(read.ok()) << line;
    EXPECT_THAT(read.error().message(), HasSubstr(why)) << line;
  }
}

TEST(Recording, NoBytesMakeItFail) {
  std::mt19937 random(5);
  const std::string line =
      R"({"type":"cpu","now_ns":1,"sample":{"pods":[{"uid":"p","containers":[]}]},"suppress":{"current":"none"},)"
      R"("be_limit":20,"work":[],"state":{"burst":{"pods":[]}},"decision":{"settlement":"same"}})";
  for (int i = 0; i < 3000; ++i) {
    auto broken = line;
    for (int n = 0; n < 3; ++n)
      broken[random() % broken.size()] = static_cast<char>(random());
    Reading reading;
    const auto read = reading.line(broken);
    if (!read.ok() || !*read) continue;
    if (const auto* round = std::get_if<CpuRound>(&**read)) {
      Memory memory;
      replay(memory, *round);
    }
  }
}

}  // namespace
}  // namespace tideline::recording::recording_test
