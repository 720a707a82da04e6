// Each memory key that is said to be active is: two values of it make a node decide two things.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/keys.h"
#include "node-actor/decide/memory_relief.h"
#include "node-actor/decide/memory_round.h"
#include "test/node-actor/decide/pods.h"

namespace tideline::policy::active_memory_keys_test {
namespace {

using model::Bytes;
using model::NodePolicy;
using namespace std::chrono_literals;

constexpr int kSeconds = 60;
constexpr std::int64_t kGib = std::int64_t{1} << 30;

Bytes gib(double count) {
  return Bytes(static_cast<std::int64_t>(count * static_cast<double>(kGib)));
}

/// An LS pod, an LSR pod, and four batch pods that ask for 40 GiB and may be evicted.
std::vector<model::Pod> pods() {
  auto web = decide::test::ls_pod("web");
  auto db = decide::test::pod_of("db", model::QosClass::kLsr, model::KubeQos::kBurstable);
  for (auto* pod : {&web, &db}) {
    pod->requests.memory = pod->containers[0].requests.memory = gib(4);
    pod->limits.memory = pod->containers[0].limits.memory = gib(8);
  }
  std::vector<model::Pod> made{web, db};
  for (const auto* uid : {"a", "b", "c", "d"}) {
    auto job = decide::test::be_pod(uid);
    job.priority = 5000;
    job.eviction.enabled = true;
    job.requests.batch_memory = job.containers[0].requests.batch_memory = gib(10);
    job.limits.batch_memory = job.containers[0].limits.batch_memory = gib(20);
    made.push_back(job);
  }
  return made;
}

/// Of 100 GiB half is used, and batch takes 0.9 more each second until all but 0.4 are.
double used_after(double seconds) {
  return std::min(50 + 0.9 * seconds, 99.6);
}

decide::ReliefInput host_after(double seconds, model::MonoTime now) {
  decide::ReliefInput input;
  input.now = now;
  input.bound =
      decide::MemoryBound{.kind = decide::MemoryBound::Kind::kHost, .capacity = gib(100), .available = Bytes(0)};
  input.bound->available = input.bound->capacity - gib(used_after(seconds));
  input.low_watermark = gib(0.1);
  input.be_usage = gib(used_after(seconds) - 30);
  input.be_reclaimable = gib(15);
  input.ls_memory_some = 0.0;
  input.alloc_stalls = 0.0;
  return input;
}

model::NodeSample sample_of(const std::vector<model::Pod>& all, double seconds, model::MonoTime now) {
  model::NodeSample made;
  made.at = now;
  made.window = 1s;
  made.node_memory = gib(used_after(seconds));
  for (const auto& pod : all) {
    model::PodUse use;
    use.uid = pod.uid;
    use.memory = pod.qos == model::QosClass::kBe ? gib((used_after(seconds) - 45) / 4) : gib(3);
    made.pods.push_back(std::move(use));
  }
  return made;
}

std::string text_of(const std::optional<Bytes>& bytes) {
  return bytes ? fmt::format("{}", bytes->value()) : "none";
}

/// All that a node does in a minute under this policy; no reasons, which would tell the policy itself.
std::vector<std::string> decisions(const NodePolicy& policy) {
  const auto all = pods();
  model::KnobSet knobs;
  for (int knob = static_cast<int>(model::Knob::kMemoryMin); knob <= static_cast<int>(model::Knob::kPageCacheSync);
       ++knob)
    knobs.knobs.push_back({static_cast<model::Knob>(knob), true, "file", ""});
  const std::string boot = "boot";
  const std::map<model::GroupRef, Bytes> none;

  decide::ReliefState relief;
  decide::MemoryRoundState side;
  std::vector<decide::EvictState::Asked> asked;
  model::MonoTime now{1'000'000'000'000};
  std::vector<std::string> lines;
  for (int second = 0; second < kSeconds; ++second) {
    decide::ReliefDecision newest;
    for (int i = 0; i < 10; ++i) {
      now = now + 100ms;
      const auto input = host_after(second + i / 10.0, now);
      auto step = decide::memory_relief(std::move(relief), input, policy);
      relief = std::move(step.state);
      newest = std::move(step.decision);
      lines.push_back(fmt::format("{}.{}: {}, reclaim {}, tighten {}, evict {}, kill {}", second, i,
                                  name_of(newest.rung), text_of(newest.reclaim), text_of(newest.tighten),
                                  newest.evict.value(), newest.emergency));
    }
    const auto sample = sample_of(all, second, now);
    auto step = decide::memory_round(std::move(side), asked,
                                     {.now = now,
                                      .pods = all,
                                      .sample = sample,
                                      .knobs = knobs,
                                      .is_v1 = false,
                                      .memory_allocatable = gib(95),
                                      .allocatable_batch_memory = gib(30),
                                      .own_limits = none,
                                      .used = none,
                                      .boot_id = boot,
                                      .relief = &newest,
                                      .work = {},
                                      .held = {}},
                                     policy);
    side = std::move(step.state);
    for (const auto& want : step.decision.wants.wants) {
      lines.push_back(fmt::format("{}: {} {} {}", second, model::text_of(want.group), name_of(want.knob),
                                  model::text_of(want.value)));
    }
    for (const auto& score : step.decision.oom_scores)
      lines.push_back(fmt::format("{}: oom_score_adj of {} {}", second, score.pod.str(), score.score));
    for (const auto& victim : step.decision.evict.victims)
      lines.push_back(fmt::format("{}: evict {}", second, victim.uid.str()));
  }
  return lines;
}

struct Row {
  std::string document;
  std::string path;
  Scalar one;
  Scalar other;
  void (*beside)(NodePolicy&);  // what the key means something with
};

Scalar number(std::int64_t value) {
  return value;
}

void nothing_else(NodePolicy&) {}
void over_commit(NodePolicy& policy) {
  policy.threshold.memory_allocatable_evict_threshold_percent = 120;
  policy.threshold.memory_allocatable_evict_lower_percent = 90;
  policy.threshold.allocatable_evict_priority_threshold = 5999;
}
void classes(NodePolicy& policy) {
  policy.qos.lsr_memory.enable = policy.qos.ls_memory.enable = policy.qos.be_memory.enable = true;
}
void priorities(NodePolicy& policy) {
  classes(policy);
  for (auto* of_class : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory})
    of_class->priority_enable = true;
}
void page_cache(NodePolicy& policy) {
  classes(policy);
  for (auto* of_class : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory})
    of_class->page_cache_limit_percent = 50;
}

std::vector<Row> rows() {
  const auto of = [](std::string_view document) { return std::string(document); };
  std::vector<Row> table = {
      {of(kThresholdKey), "memoryEvictThresholdPercent", number(70), number(85), nothing_else},
      {of(kThresholdKey), "memoryEvictLowerPercent", number(68), number(60), nothing_else},
      {of(kThresholdKey), "memoryAllocatableEvictThresholdPercent", number(100), number(200), over_commit},
      {of(kThresholdKey), "memoryAllocatableEvictLowerPercent", number(110), number(50), over_commit},
      {of(kTidelineKey), "memoryRelief.reclaim", true, false, nothing_else},
      {of(kTidelineKey), "memoryRelief.tighten", true, false, nothing_else},
      {of(kTidelineKey), "memoryRelief.emergencyKill", true, false, nothing_else},
      {of(kTidelineKey), "memoryRelief.marginPercent", number(5), number(15), nothing_else},
      {of(kTidelineKey), "memoryRelief.horizonSeconds", number(5), number(30), nothing_else},
  };
  for (const std::string name : {"lsrClass", "lsClass", "beClass"}) {
    const auto add = [&](const char* key, Scalar one, Scalar other, void (*beside)(NodePolicy&)) {
      auto path = fmt::format("{}.memoryQOS.{}", name, key);
      table.push_back({of(kQosKey), std::move(path), std::move(one), std::move(other), beside});
    };
    add("enable", true, false, nothing_else);
    add("minLimitPercent", number(50), number(10), classes);
    add("lowLimitPercent", number(50), number(10), classes);
    add("throttlingPercent", number(50), number(10), classes);
    add("wmarkRatio", number(95), number(50), classes);
    add("wmarkScalePermill", number(20), number(50), classes);
    add("wmarkMinAdj", number(-25), number(10), classes);
    add("priorityEnable", number(0), number(1), classes);
    add("priority", number(1), number(12), priorities);
    add("oomKillGroup", number(0), number(1), classes);
    add("pageCacheEnable", true, false, classes);
    add("pageCacheLimitPercent", number(10), number(20), classes);
    add("pageCacheLimitSize", number(kGib), number(2 * kGib), classes);
    add("pageCacheReclaimSync", true, false, page_cache);
  }
  return table;
}

std::string name_of_key(std::string_view document, std::string_view path) {
  return fmt::format("{}: {}", document, path);
}

NodePolicy with(const Row& row, const Scalar& value) {
  NodePolicy policy;
  policy.threshold.enable = true;
  row.beside(policy);
  const auto& keys = key_table();
  const auto spec = std::find_if(keys.begin(), keys.end(), [&](const KeySpec& each) {
    return each.document == row.document && each.path == row.path;
  });
  EXPECT_TRUE(spec != keys.end() && spec->apply != nullptr) << name_of_key(row.document, row.path);
  if (spec != keys.end() && spec->apply != nullptr) spec->apply(policy, value);
  return policy;
}

TEST(ActiveMemoryKeys, EachHasARowHere) {
  std::set<std::string> active;
  for (const auto& key : key_table()) {
    const bool of_memory = (key.document == kThresholdKey && key.path.starts_with("memory")) ||
                           (key.document == kQosKey && key.path.find(".memoryQOS.") != std::string_view::npos) ||
                           (key.document == kTidelineKey && key.path.starts_with("memoryRelief."));
    if (of_memory && key.status == KeyStatus::kActive) active.insert(name_of_key(key.document, key.path));
  }
  std::set<std::string> told;
  for (const auto& row : rows())
    told.insert(name_of_key(row.document, row.path));
  EXPECT_EQ(told, active);
}

TEST(ActiveMemoryKeys, EachChangesWhatANodeDecides) {
  for (const auto& row : rows()) {
    const auto one = decisions(with(row, row.one));
    EXPECT_TRUE(one != decisions(with(row, row.other)))
        << name_of_key(row.document, row.path) << ": nothing acts on it";
    EXPECT_TRUE(one == decisions(with(row, row.one))) << "the same policy decides the same";
  }
}

TEST(ActiveMemoryKeys, SwitchesThatAreNumbersAreReadAsTheyWerePut) {
  NodePolicy policy;
  for (const auto& key : key_table()) {
    const bool is_switch = key.document == kQosKey && key.apply != nullptr &&
                           (key.path.ends_with(".priorityEnable") || key.path.ends_with(".oomKillGroup"));
    if (!is_switch) continue;
    EXPECT_EQ(key.read(policy), number(0)) << key.path;
    key.apply(policy, number(1));
    EXPECT_EQ(key.read(policy), number(1)) << key.path;
  }
  EXPECT_TRUE(policy.qos.lsr_memory.priority_enable && policy.qos.ls_memory.priority_enable);
  EXPECT_TRUE(policy.qos.be_memory.priority_enable && policy.qos.be_memory.oom_kill_group);
}

}  // namespace
}  // namespace tideline::policy::active_memory_keys_test
