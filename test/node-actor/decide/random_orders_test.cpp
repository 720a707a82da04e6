// Random trees, what they hold and what they are to hold; a kernel as strict as any refuses what cgroup v1 would. What
// whole rounds decide is in random_rounds_test.cpp.

#include <algorithm>
#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "node-actor/decide/group_tree.h"
#include "node-actor/decide/order.h"
#include "test/node-actor/decide/pods.h"
#include "test/node-actor/decide/strict_kernel.h"

namespace tideline::decide::test::random_orders_test {
namespace {

using model::KubeQos;

class World {
 public:
  explicit World(unsigned seed) : engine_(seed) {}

  std::int64_t upto(std::int64_t max) { return std::uniform_int_distribution<std::int64_t>(0, max)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }
  std::mt19937& engine() { return engine_; }

  /// Groups from the top down.
  std::vector<GroupRef> groups() {
    std::vector<GroupRef> groups = {model::root_of(KubeQos::kGuaranteed), model::root_of(KubeQos::kBurstable),
                                    model::root_of(KubeQos::kBestEffort)};
    const auto pods = upto(5);
    for (int i = 0; i < pods; ++i) {
      const auto pod =
          pod_of(fmt::format("p{}", i), model::QosClass::kLs, static_cast<KubeQos>(upto(2)), static_cast<int>(upto(3)));
      groups.push_back(model::group_of(pod));
      for (const auto& container : pod.containers)
        groups.push_back(model::group_of(pod, container));
    }
    return groups;
  }

  /// A state the kernel holds; now and then a group keeps what it has in `before`, where that fits.
  Tree state(const std::vector<GroupRef>& groups, const Tree* before = nullptr) {
    Tree tree;
    for (const auto& group : groups) {
      const auto parent = parent_of(group);
      const CpuSet all{0, 1, 2, 3, 4, 5, 6, 7};
      const auto& cpus = parent ? tree.at(*parent).cpus : all;
      std::int64_t most = 10'000;
      bool limited = false;
      for (const auto& above : groups_above(group)) {
        const auto limit = tree.at(above).quota;
        limited = limited || limit > 0;
        if (limit > 0) most = std::min(most, limit);
      }
      Held held;
      held.quota = chance(40) ? 0 : 1 + upto(most - 1);
      held.cpus = part_of(cpus);
      held.weight = 2 + upto(2);
      held.idle = chance(30);
      if (before != nullptr) {
        const auto& old = before->at(group);
        if (chance(40) && (!limited || old.quota <= most)) held.quota = old.quota;
        if (chance(40) && cpus.contains(old.cpus)) held.cpus = old.cpus;
        if (chance(40)) held.idle = old.idle;
        if (chance(40)) held.weight = old.weight;
      }
      held.burst = upto(held.quota > 0 ? held.quota : 10'000);
      if (held.idle) held.weight = 1024;
      held.memory_limit = chance(40) ? 0 : 1 + upto(10'000);
      tree[group] = held;
    }
    give_floors(groups, tree, before);
    return tree;
  }

 private:
  /// From the bottom up: what is above has at least what those below it have together.
  void give_floors(const std::vector<GroupRef>& groups, Tree& tree, const Tree* before) {
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
      auto& held = tree.at(*group);
      const Held* old = before != nullptr && chance(40) ? &before->at(*group) : nullptr;
      const auto min = old != nullptr ? old->memory_min : upto(100);
      const auto low = old != nullptr ? old->memory_low : upto(100);
      held.memory_min = std::max(held.memory_min, chance(50) ? 0 : min);
      held.memory_low = std::max(held.memory_low, chance(50) ? 0 : low);
      held.memory_high = chance(40) ? 0 : 1 + held.memory_min + upto(100);
      const auto parent = parent_of(*group);
      if (!parent) continue;
      tree.at(*parent).memory_min += held.memory_min;
      tree.at(*parent).memory_low += held.memory_low;
    }
  }

  CpuSet part_of(const CpuSet& cpus) {
    std::vector<int> some;
    for (const int cpu : cpus.cpus()) {
      if (chance(60)) some.push_back(cpu);
    }
    if (some.empty()) some.push_back(cpus.cpus()[static_cast<std::size_t>(upto(cpus.size() - 1))]);
    return CpuSet(some);
  }

  std::mt19937 engine_;
};

std::vector<Change> changes_between(World& world, const Tree& before, const Tree& after) {
  std::vector<Change> changes;
  for (const auto& [group, held] : before) {
    for (const auto knob : {Knob::kCpuQuota, Knob::kCpuBurst, Knob::kCpuWeight, Knob::kCpuIdle, Knob::kCpuset,
                            Knob::kMemoryMin, Knob::kMemoryLow, Knob::kMemoryHigh, Knob::kMemoryLimit}) {
      if (knob == Knob::kCpuWeight && after.at(group).idle) continue;  // as the arbiter holds it
      changes.push_back({group, knob, value_of(after.at(group), knob), value_of(held, knob)});
    }
  }
  std::shuffle(changes.begin(), changes.end(), world.engine());
  return changes;
}

class RandomOrders : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomOrders, testing::Range(1u, 21u));

TEST_P(RandomOrders, TheKernelTakesEveryWriteAndEachIsSafeAsTheLast) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  for (int round = 0; round < 200; ++round) {
    const auto groups = world.groups();
    const auto before = world.state(groups);
    const auto after = world.state(groups, &before);
    ASSERT_EQ(what_is_wrong(before) + what_is_wrong(after), "") << "the test's own states";
    const auto changes = changes_between(world, before, after);
    Tree kernel = before;
    std::map<std::pair<GroupRef, Knob>, int> writes;
    for (const auto& planned : order(changes)) {
      const auto& change = changes[planned.change];
      ASSERT_EQ(write(kernel, change, planned.value), "") << "round " << round << ": " << text_of(change.group) << " "
                                                          << name_of(change.knob) << " " << text_of(planned.value);
      ++writes[{change.group, change.knob}];
      ASSERT_EQ(what_is_wrong_with_floors(kernel), "") << "round " << round;
      for (const auto& group : groups) {
        const auto& now = kernel.at(group);
        const auto& old = before.at(group);
        const auto& target = after.at(group);
        ASSERT_GE(width_of(now.quota), std::min(width_of(old.quota), width_of(target.quota)));
        ASSERT_LE(width_of(now.quota), std::max(width_of(old.quota), width_of(target.quota)));
        ASSERT_GE(now.burst, std::min(old.burst, target.burst));
        ASSERT_TRUE(now.cpus.contains(old.cpus) || now.cpus.contains(target.cpus)) << text_of(group);
        ASSERT_TRUE((old.cpus | target.cpus).contains(now.cpus)) << text_of(group);
        ASSERT_GE(now.memory_min, std::min(old.memory_min, target.memory_min)) << text_of(group);
        ASSERT_GE(now.memory_low, std::min(old.memory_low, target.memory_low)) << text_of(group);
      }
    }
    for (const auto& [knob, count] : writes)
      ASSERT_LE(count, knob.second == Knob::kCpuset ? 2 : 1) << text_of(knob.first) << " " << name_of(knob.second);
    ASSERT_EQ(kernel, after) << "round " << round;
    ASSERT_TRUE(order(changes_between(world, after, after)).empty());
  }
}

TEST_P(RandomOrders, ContainersThatCannotBeReadAreWrittenWhereNothingIsRefused) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  for (int round = 0; round < 200; ++round) {
    const auto groups = world.groups();
    const auto before = world.state(groups);
    const auto after = world.state(groups, &before);
    auto changes = changes_between(world, before, after);
    for (auto& change : changes) {
      const bool of_container = change.group.level == GroupRef::Level::kContainer;
      const bool alone = change.knob == Knob::kCpuQuota || change.knob == Knob::kCpuset;
      if (of_container && alone && world.chance(30)) change.current.reset();
    }
    // A burst above the quota that is really there is the one thing the order cannot know.
    std::erase_if(changes, [&](const Change& change) { return change.knob == Knob::kCpuBurst; });
    Tree start = before;
    Tree end = after;
    for (auto* tree : {&start, &end}) {
      for (auto& [group, held] : *tree)
        held.burst = 0;
    }
    Tree kernel = start;
    for (const auto& planned : order(changes)) {
      const auto& change = changes[planned.change];
      ASSERT_EQ(write(kernel, change, planned.value), "")
          << "round " << round << ": " << text_of(change.group) << " " << name_of(change.knob);
    }
    ASSERT_EQ(kernel, end) << "round " << round;
  }
}

TEST_P(RandomOrders, TheOrderOfTheChangesMeansNothing) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  World world(GetParam());
  const auto groups = world.groups();
  const auto before = world.state(groups);
  auto changes = changes_between(world, before, world.state(groups));
  const auto flat = [&] {
    std::vector<std::string> texts;
    for (const auto& planned : order(changes)) {
      const auto& change = changes[planned.change];
      texts.push_back(fmt::format("{} {} {}", text_of(change.group), name_of(change.knob), text_of(planned.value)));
    }
    return texts;
  };
  const auto once = flat();
  std::shuffle(changes.begin(), changes.end(), world.engine());
  EXPECT_EQ(flat(), once);
}

}  // namespace
}  // namespace tideline::decide::test::random_orders_test
