// Whole rounds of the memory side's wants over random pods, policies, kernels and readings: settled, ordered and
// written, one value after the other, into a kernel that minds floors and limits (strict_kernel.h).

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "node-actor/decide/arbiter.h"
#include "node-actor/decide/cpu_pools.h"
#include "node-actor/decide/memory_round.h"
#include "test/node-actor/decide/memory_pods.h"
#include "test/node-actor/decide/strict_kernel.h"

namespace tideline::decide::test::random_memory_rounds_test {
namespace {

using model::Bytes;
using model::KubeQos;
using model::MemoryQosOverride;
using model::Pod;
using model::QosClass;
using Level = GroupRef::Level;

class MemoryWorld {
 public:
  explicit MemoryWorld(unsigned seed) : engine_(seed), v1_(seed % 3 == 0) {
    // Stock v2, Alibaba's, stock v1, and kernels that have this and that.
    knobs_ = v1_ ? stock_v1() : stock_v2();
    if (chance(30)) knobs_ = alinux();
    if (chance(20)) {
      for (auto& knob : knobs_.knobs)
        knob = {knob.knob, chance(50), "file", "no such file"};
    }
    for (const auto qos : {KubeQos::kGuaranteed, KubeQos::kBurstable, KubeQos::kBestEffort})
      begin_group(model::root_of(qos));
    for (int i = some(5); i >= 0; --i)
      begin_pod();
    new_policy();
  }

  int written() const { return written_; }
  std::string describe() const {
    std::string text = v1_ ? "cgroup v1; " : "cgroup v2; ";
    for (const auto& pod : pods_)
      text += fmt::format("{}: {} {}; ", pod.uid.str(), name_of(pod.qos), name_of(pod.kube_qos));
    return text;
  }

  void round() {
    something_changes();
    for (auto& [group, used] : used_)
      used = std::max<std::int64_t>(kMi, used + upto(200 * kMi) - 100 * kMi);
    hold_at_limits();
    const auto wants = wants_of_a_round(false);
    ASSERT_NO_FATAL_FAILURE(check(wants));
    ASSERT_NO_FATAL_FAILURE(apply(wants));
  }

  /// Nothing of memory can be read: no BE group has more afterwards.
  void blind_round() {
    const Tree before = kernel_;
    const auto wants = wants_of_a_round(true);
    ASSERT_NO_FATAL_FAILURE(check(wants));
    ASSERT_NO_FATAL_FAILURE(apply(wants));
    for (const auto& [group, held] : kernel_) {
      ASSERT_LE(memory_width_of(held.memory_limit), memory_width_of(before.at(group).memory_limit))
          << text_of(group) << " has more without any data";
    }
  }

  /// The policy goes, and so does all that was made of it.
  void end() {
    policy_.reset();
    ASSERT_NO_FATAL_FAILURE(apply(wants_of_a_round(false)));
    for (const auto& [group, held] : kernel_)
      ASSERT_EQ(held, untouched(held)) << text_of(group) << " is not as it was";
  }

  bool chance(int percent) { return upto(99) < percent; }

 private:
  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  int some(int max) { return static_cast<int>(upto(max)); }

  static Held untouched(const Held& held) {
    Held fresh;
    fresh.cpus = held.cpus;
    for (const auto& [knob, value] : held.tuned)
      fresh.tuned.emplace(knob, untuned(knob));
    return fresh;
  }

  void begin_group(const GroupRef& group) {
    kernel_[group] = Held{};
    // The strict kernel wants a CPU in each.
    kernel_[group].cpus = CpuSet{0};
    if (group.level != Level::kRoot) used_[group] = kMi;
  }

  void begin_pod() {
    const auto qos = static_cast<QosClass>(some(4));
    const auto kube = qos == QosClass::kBe && chance(60) ? KubeQos::kBestEffort : static_cast<KubeQos>(some(2));
    auto pod = pod_of(fmt::format("p{}", begun_++), qos, kube, some(3));
    const auto amount = [&]() -> std::optional<std::int64_t> {
      if (chance(20)) return std::nullopt;
      return chance(10) ? upto(100'000) : upto(2 * kGi);
    };
    std::vector<MemorySpec> specs(pod.containers.size());
    for (auto& spec : specs)
      spec = {amount(), amount()};
    pod = with_memory(std::move(pod), specs);
    if (chance(20)) pod.requests.memory.reset();
    if (chance(20)) pod.requests.batch_memory = Bytes(upto(kGi));
    if (chance(30)) annotate(pod);
    begin_group(model::group_of(pod));
    for (auto& container : pod.containers) {
      if (chance(10)) container.id.clear();
      if (!container.id.empty()) begin_group(model::group_of(pod, container));
    }
    pods_.push_back(std::move(pod));
  }

  void annotate(Pod& pod) {
    MemoryQosOverride own;
    own.policy = static_cast<MemoryQosOverride::Policy>(some(2));
    // Beyond what is allowed, too: who checks annotations is somebody else.
    if (chance(50)) own.min_limit_percent = some(150) - 20;
    if (chance(30)) own.low_limit_percent = some(150) - 20;
    if (chance(30)) own.throttling_percent = some(150) - 20;
    if (chance(20)) own.wmark_ratio = some(150) - 20;
    if (chance(20)) own.wmark_scale_permill = some(1200) - 50;
    if (chance(20)) own.wmark_min_adj = some(150) - 75;
    if (chance(20)) own.priority = some(20) - 4;
    if (chance(20)) own.priority_enable = chance(50);
    if (chance(20)) own.page_cache_limit_percent = some(150) - 20;
    if (chance(20)) own.page_cache_limit_size = Bytes(upto(kGi) - kMi);
    if (chance(20)) own.page_cache_enable = chance(50);
    pod.memory_qos = own;
  }

  void end_groups(const GroupRef& top) {
    const auto below = [&](const GroupRef& group) { return group.level != Level::kRoot && is_within(group, top); };
    std::erase_if(kernel_, [&](const auto& each) { return below(each.first); });
    std::erase_if(used_, [&](const auto& each) { return below(each.first); });
    std::erase_if(originals_, [&](const auto& each) { return below(each.first.group); });
  }

  void something_changes() {
    if (chance(15) && pods_.size() < 8) begin_pod();
    if (!pods_.empty() && chance(15)) {
      auto& pod = pods_[static_cast<std::size_t>(upto(std::ssize(pods_) - 1))];
      if (chance(50)) {
        // Its groups stay for now.
        pod.phase = model::PodPhase::kSucceeded;
      } else {
        end_groups(model::group_of(pod));
        const auto uid = pod.uid;
        std::erase_if(pods_, [&](const Pod& each) { return each.uid == uid; });
      }
    }
    if (chance(15)) new_policy();
  }

  void new_policy() {
    model::NodePolicy policy;
    for (auto* memory : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory}) {
      memory->enable = chance(70);
      memory->min_limit_percent = chance(70) ? some(100) : 0;
      memory->low_limit_percent = chance(50) ? some(100) : 0;
      memory->throttling_percent = chance(50) ? some(100) : 0;
      memory->priority_enable = chance(50);
      memory->priority = some(12);
      memory->oom_kill_group = chance(30);
      if (chance(30)) memory->page_cache_limit_percent = some(100);
    }
    policy.dry_run.memory_qos = chance(10);
    policy.dry_run.batch_limits = chance(10);
    policy_ = policy;
  }

  bool is_limited(const GroupRef& group) const { return kernel_.at(group).memory_limit > 0; }
  void hold_at_limits() {
    for (auto& [group, used] : used_) {
      if (is_limited(group)) used = std::min(used, kernel_.at(group).memory_limit);
    }
  }

  Wants wants_of_a_round(bool blind) {
    std::map<GroupRef, Bytes> seen;
    for (const auto& [group, used] : used_) {
      if (!blind && chance(85)) seen.emplace(group, Bytes(used));
    }
    const std::map<GroupRef, Bytes> own{};
    const std::string boot = "boot";
    std::vector<EvictState::Asked> asked;
    std::optional<Bytes> allocatable;
    if (chance(85)) allocatable = Bytes(upto(4 * kGi));
    model::NodeSample sample;
    auto step = memory_round(std::move(state_), asked,
                             {.now = model::MonoTime{1'000'000'000'000},
                              .pods = pods_,
                              .sample = sample,
                              .knobs = knobs_,
                              .is_v1 = v1_,
                              .memory_allocatable = allocatable,
                              .allocatable_batch_memory = {},
                              .own_limits = own,
                              .used = seen,
                              .boot_id = boot,
                              .relief = nullptr,
                              .work = {},
                              .held = {}},
                             policy_);
    state_ = std::move(step.state);
    for (const auto& score : step.decision.oom_scores) {
      const auto pod = std::find_if(pods_.begin(), pods_.end(), [&](const Pod& each) { return each.uid == score.pod; });
      EXPECT_TRUE(pod != pods_.end() && pod->qos == QosClass::kBe && is_live(*pod)) << score.pod.str();
    }
    EXPECT_TRUE(step.decision.evict.victims.empty()) << "nobody asked for room";
    return std::move(step.decision.wants);
  }

  void check(const Wants& wants) const {
    const auto settlement = settle(wants.wants, {}, {}, model::MonoTime{});
    for (const auto& refused : settlement.refused)
      FAIL() << "no kernel takes " << text_of(refused.group) << " " << name_of(refused.knob) << " "
             << text_of(refused.value);
    for (const auto& settled : settlement.settled) {
      ASSERT_TRUE(knobs_.has(settled.knob)) << name_of(settled.knob);
      ASSERT_TRUE(settled.overruled.empty()) << "two wants of " << name_of(settled.knob);
      if (settled.group.level == Level::kRoot) continue;
      const auto pod =
          std::find_if(pods_.begin(), pods_.end(), [&](const Pod& each) { return each.uid == settled.group.pod; });
      ASSERT_TRUE(pod != pods_.end() && is_live(*pod)) << text_of(settled.group) << " has ended";
      ASSERT_NE(pod->qos, QosClass::kSystem);
      if (settled.knob == Knob::kMemoryLimit) {
        ASSERT_EQ(pod->qos, QosClass::kBe);
      }
      if (settled.knob == Knob::kMemoryHigh) {
        const auto floor = wanted_bytes(wants, settled.group, Knob::kMemoryMin);
        ASSERT_GE(memory_bytes_of(settled.value), floor.value_or(0)) << text_of(settled.group);
      }
    }
  }

  void apply(const Wants& wants) {
    const auto dry_run = policy_ ? policy_->dry_run : model::DryRun{};
    const auto settlement = settle(wants.wants, dry_run, {}, model::MonoTime{});
    std::vector<Change> changes;
    const auto add = [&](const KnobRef& knob, const KnobValue& value) {
      const auto group = kernel_.find(knob.group);
      if (group != kernel_.end()) changes.push_back({knob.group, knob.knob, value, value_of(group->second, knob.knob)});
    };
    for (const auto& settled : settlement.settled) {
      if (settled.held_back == HeldBack::kNone) add({settled.group, settled.knob}, settled.value);
    }
    std::vector<KnobRef> owned;
    for (const auto& [knob, original] : originals_)
      owned.push_back(knob);
    const auto leaving = unwanted(owned, settlement);
    for (const auto& knob : leaving)
      add(knob, originals_.at(knob));
    const Tree before = kernel_;
    for (const auto& planned : order(changes)) {
      const auto& change = changes[planned.change];
      const auto was = value_of(kernel_.at(change.group), change.knob);
      ASSERT_EQ(write(kernel_, change, planned.value, false), "")
          << text_of(change.group) << " " << name_of(change.knob) << " from " << text_of(was) << " to "
          << text_of(planned.value);
      ASSERT_EQ(what_is_wrong_with_floors(kernel_), "") << "after " << text_of(change.group);
      originals_.try_emplace(KnobRef{change.group, change.knob}, was);
      ++written_;
      if (change.knob != Knob::kMemoryLimit || !is_limited(change.group)) continue;
      ASSERT_GE(kernel_.at(change.group).memory_limit, used_.at(change.group))
          << text_of(change.group) << " would be killed";
    }
    for (const auto& change : changes)
      ASSERT_EQ(value_of(kernel_.at(change.group), change.knob), change.target) << text_of(change.group);
    for (const auto& knob : leaving)
      originals_.erase(knob);
  }

  std::mt19937 engine_;
  bool v1_;
  model::KnobSet knobs_;
  std::vector<Pod> pods_;
  int begun_ = 0;
  std::optional<model::NodePolicy> policy_;
  Tree kernel_;
  std::map<GroupRef, std::int64_t> used_;
  std::map<KnobRef, KnobValue> originals_;
  MemoryRoundState state_;
  int written_ = 0;
};

class RandomMemoryRounds : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomMemoryRounds, testing::Range(1u, 31u));

TEST_P(RandomMemoryRounds, HoldFloorsAndLimitsWriteByWriteAndLeaveNothingBehind) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  MemoryWorld world(GetParam());
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round << ": " << world.describe());
    ASSERT_NO_FATAL_FAILURE(world.round());
    if (world.chance(15)) {
      ASSERT_NO_FATAL_FAILURE(world.blind_round());
    }
  }
  ASSERT_NO_FATAL_FAILURE(world.end());
  EXPECT_GT(world.written(), 0);
}

}  // namespace
}  // namespace tideline::decide::test::random_memory_rounds_test
