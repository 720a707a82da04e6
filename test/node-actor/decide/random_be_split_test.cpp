// Hosts with BE pods outside the besteffort root over many rounds: fast rounds of CPU suppress on the whole, pod rounds
// that divide it, on readings of which some are missing.

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "node-actor/decide/be_split.h"
#include "test/node-actor/decide/pods.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::random_be_split_test {
namespace {

class World {
 public:
  explicit World(unsigned seed) : engine_(seed) {
    capacity_ = 1000 * (2 + upto(62));
    const auto count = 1 + upto(5);
    for (std::int64_t i = 0; i < count; ++i)
      pods_.push_back(test::pod_of("pod" + std::to_string(i), model::QosClass::kBe, model::KubeQos::kBurstable));
    policy_ = policy_of(SuppressPolicy::kCfsQuota);
    for (const auto& pod : pods_) {
      demand_[pod.uid] = upto(capacity_);
      if (chance(30)) own_[pod.uid] = MilliCpu(50 + upto(capacity_));
    }
    root_demand_ = upto(2 * capacity_);
  }

  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }
  const std::vector<model::Pod>& pods() const { return pods_; }
  const BeSplitState& state() const { return split_; }
  std::int64_t root() const { return root_.value_or(capacity_); }
  std::optional<std::int64_t> whole() const { return root_ ? std::optional(*root_ + outside_) : std::nullopt; }
  /// By their parts and quotas of their own.
  std::int64_t allowed_outside() const {
    std::int64_t sum = 0;
    for (const auto& pod : pods_)
      sum += limit_of(pod.uid);
    return sum;
  }
  std::int64_t least() const { return kKernelMinimum.value() * (static_cast<std::int64_t>(pods_.size()) + 1); }

  void change() {
    if (chance(5)) ls_ = upto(capacity_);
    if (chance(5)) root_demand_ = upto(2 * capacity_);
    for (auto& [uid, demand] : demand_) {
      if (chance(5)) demand = upto(capacity_);
    }
  }

  /// 100 ms. `see`: the readings are there.
  void fast_round(bool see) {
    now_ = now_ + 100ms;
    SuppressInput input;
    input.now = now_;
    input.node = {MilliCpu(capacity_), MilliCpu(capacity_)};
    const auto used = use();
    const auto be = std::accumulate(used.begin(), used.end(), root_use(),
                                    [](std::int64_t sum, const auto& each) { return sum + each.second; });
    if (see) {
      input.fast = model::FastSample{.at = now_,
                                     .window = 100ms,
                                     .node_cpu = MilliCpu(std::min(ls_ + be, capacity_)),
                                     .be_cpu = MilliCpu(root_use()),
                                     .be_periods = {},
                                     .be_outside_cpu = MilliCpu(be - root_use())};
    }
    input.pods = sample_;
    input.be_outside_root = outside_used_;
    input.current = root_ ? CurrentLimit::of(MilliCpu(*root_ + outside_)) : CurrentLimit::none();
    auto step = cpu_suppress(suppress_, input, policy_);
    suppress_ = std::move(step.state);
    if (step.decision.action == Action::kLimit) {
      set_root(step.decision.limit.value(), std::max(step.decision.limit.value() - allowance_, kKernelMinimum.value()));
    } else if (whole()) {
      const bool fresh = step.decision.terms.formula && step.decision.terms.non_be_pods_used;
      const auto root = rebalanced_root({.root = MilliCpu(*root_),
                                         .whole = MilliCpu(*whole()),
                                         .in_force = MilliCpu(in_force_),
                                         .outside = MilliCpu(allowance_),
                                         .is_due = change_is_due(suppress_, now_, now_ - root_changed_, kPace),
                                         .may_raise = fresh});
      if (root) set_root(*whole(), root->value());
    }
  }

  /// `blind`: percent of readings that are missing.
  BeSplitInput pod_input(int blind) {
    BeSplitInput input;
    input.now = now_;
    if (whole()) input.whole = MilliCpu(*whole());
    input.root = MilliCpu(root());
    if (!chance(blind)) input.root_used = MilliCpu(root_use());
    input.root_pods = 2;
    const auto used = use();
    for (const auto& pod : pods_) {
      OutsidePod outside{
          .uid = pod.uid, .qos = pod.kube_qos, .used = {}, .own_limit = {}, .containers = {}, .held = true};
      if (!chance(blind)) outside.used = MilliCpu(used.at(pod.uid));
      if (own_.contains(pod.uid)) outside.own_limit = own_.at(pod.uid);
      input.pods.push_back(std::move(outside));
    }
    return input;
  }

  std::optional<BeSplit> pod_round(int blind) {
    const auto input = pod_input(blind);
    model::NodeSample sample;
    sample.at = now_;
    sample.window = 1s;
    const auto used = use();
    std::int64_t outside = 0;
    for (const auto& each : used)
      outside += each.second;
    outside_used_ = MilliCpu(outside);
    sample.node_cpu = MilliCpu(std::min(ls_ + outside + root_use(), capacity_));
    sample.be_cpu = input.root_used;
    if (!chance(blind)) sample.ls_cpu = MilliCpu(std::min(ls_, capacity_));
    sample_ = sample;
    auto step = be_split(split_, input);
    split_ = std::move(step.state);
    allowance_ = step.split ? step.split->outside.value() : 0;
    in_force_ = step.split ? step.split->in_force.value() : 0;
    return step.split;
  }

 private:
  std::int64_t limit_of(const model::PodUid& uid) const {
    const auto part = split_.parts.find(uid);
    const auto own = own_.find(uid);
    const auto most = own == own_.end() ? capacity_ : own->second.value();
    return part == split_.parts.end() ? most : std::min(most, part->second.limit.value());
  }
  std::int64_t root_use() const { return std::min(root_demand_, root()); }
  std::map<model::PodUid, std::int64_t> use() const {
    std::map<model::PodUid, std::int64_t> used;
    for (const auto& [uid, demand] : demand_)
      used[uid] = std::min(demand, limit_of(uid));
    return used;
  }
  void set_root(std::int64_t whole, std::int64_t root) {
    root_ = root;
    outside_ = whole - root;
    root_changed_ = now_;
  }

  std::mt19937 engine_;
  std::int64_t capacity_ = 0;
  std::vector<model::Pod> pods_;
  model::NodePolicy policy_;
  std::map<model::PodUid, std::int64_t> demand_;
  std::map<model::PodUid, MilliCpu> own_;
  std::int64_t root_demand_ = 0;
  std::int64_t ls_ = 0;
  MonoTime now_ = kNow;
  MonoTime root_changed_ = kNow;
  std::optional<std::int64_t> root_;
  std::int64_t outside_ = 0;
  std::int64_t allowance_ = 0;
  std::int64_t in_force_ = 0;
  std::optional<MilliCpu> outside_used_ = MilliCpu(0);
  std::optional<model::NodeSample> sample_;
  SuppressState suppress_;
  BeSplitState split_;
};

class RandomBeSplit : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomBeSplit, testing::Range(1u, 41u));

TEST_P(RandomBeSplit, AfterEachPodRoundAllOfBeMayUseNoMoreThanTheWhole) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  for (int second = 0; second < 200; ++second) {
    world.change();
    for (int i = 0; i < 10; ++i)
      world.fast_round(!world.chance(10));
    const auto whole = world.whole();
    const auto split = world.pod_round(second % 3 == 0 ? 20 : 0);
    if (!split) continue;
    for (const auto& part : split->pods)
      ASSERT_GE(part.limit, kKernelMinimum);
    ASSERT_GE(split->root, kKernelMinimum);
    // The root falls to its part in the next fast round.
    ASSERT_LE(std::min(world.root(), split->root.value()) + world.allowed_outside(), std::max(*whole, world.least()))
        << "second " << second;
  }
}

TEST_P(RandomBeSplit, MissingReadingsRaiseNoPart) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  for (int second = 0; second < 100; ++second) {
    world.change();
    for (int i = 0; i < 10; ++i)
      world.fast_round(true);
    const auto before = world.state();
    auto blind = world.pod_input(0);
    for (auto& pod : blind.pods)
      pod.used.reset();
    for (const bool root_too : {false, true}) {
      if (root_too) blind.root_used.reset();
      const auto after = be_split(before, blind).state;
      for (const auto& [uid, part] : after.parts) {
        if (before.parts.contains(uid)) {
          ASSERT_LE(part.limit, before.parts.at(uid).limit);
        }
      }
    }
    world.pod_round(0);
  }
}

TEST_P(RandomBeSplit, ASteadyHostIsAtRest) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  const auto run = [&](int seconds) {
    for (int second = 0; second < seconds; ++second) {
      for (int i = 0; i < 10; ++i)
        world.fast_round(true);
      world.pod_round(0);
    }
  };
  run(90);
  const auto parts = world.state();
  const auto root = world.root();
  run(30);
  EXPECT_EQ(world.state(), parts);
  EXPECT_EQ(world.root(), root);
}

TEST_P(RandomBeSplit, TheOrderOfThePodsMeansNothing) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  for (int second = 0; second < 50; ++second) {
    world.change();
    for (int i = 0; i < 10; ++i)
      world.fast_round(true);
    auto input = world.pod_input(10);
    const auto straight = be_split(world.state(), input);
    std::reverse(input.pods.begin(), input.pods.end());
    ASSERT_EQ(be_split(world.state(), input).state, straight.state);
    world.pod_round(0);
  }
}

}  // namespace
}  // namespace tideline::decide::test::random_be_split_test
