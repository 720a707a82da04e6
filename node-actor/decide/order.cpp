#include "node-actor/decide/order.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "node-actor/decide/group_tree.h"

namespace tideline::decide {
namespace {

using model::CpuSet;
using model::GroupRef;
using model::Knob;
using model::KnobValue;

enum class Step { kSwitchOff, kWeight, kSwitchOn, kWiden, kFloorDown, kFloorUp, kBurstDown, kNarrow, kBurstUp };

struct Planned {
  Step step = Step::kNarrow;
  OrderedWrite write;
};

/// nullopt: no limit known, which is not the same as "no limit".
std::optional<std::int64_t> bound_of(const std::optional<KnobValue>& value) {
  constexpr auto kUnlimited = std::numeric_limits<std::int64_t>::max();
  if (!value) return std::nullopt;
  if (const auto* cpu = std::get_if<model::Limit>(&*value)) return cpu->cpu ? cpu->cpu->value() : kUnlimited;
  if (const auto* memory = std::get_if<model::MemoryLimit>(&*value)) {
    return memory->bytes ? memory->bytes->value() : kUnlimited;
  }
  return std::nullopt;
}

bool rises(const Change& change) {
  const auto before = bound_of(change.current);
  const auto after = bound_of(change.target);
  return before && after && *after > *before;
}

bool is_children_first(Step step) {
  return step == Step::kNarrow || step == Step::kFloorDown;
}

bool is_number(const std::optional<KnobValue>& value, std::int64_t wanted) {
  return value == KnobValue(model::Number{wanted});
}

class Planner {
 public:
  Planner(const std::vector<Change>& changes, const IsSame& same) : changes_(changes) {
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const auto& change = changes[i];
      if (same(change)) continue;
      changed_.push_back(i);
      if (change.knob == Knob::kCpuset) {
        for (auto& group : groups_above(change.group))
          above_cpusets_.insert(std::move(group));
      }
      if (change.knob == Knob::kCpuIdle && is_number(change.target, 0)) leaving_idle_.insert(change.group);
    }
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const bool weight_is_lost = changes[i].knob == Knob::kCpuWeight && leaving_idle_.contains(changes[i].group);
      if (weight_is_lost && same(changes[i])) changed_.push_back(i);
    }
  }

  std::vector<OrderedWrite> plan() {
    for (const auto change : changed_)
      plan(change);
    std::sort(planned_.begin(), planned_.end(), [this](const Planned& a, const Planned& b) { return before(a, b); });
    std::vector<OrderedWrite> writes;
    writes.reserve(planned_.size());
    for (auto& planned : planned_)
      writes.push_back(std::move(planned.write));
    return writes;
  }

 private:
  void plan(std::size_t index) {
    const auto& change = changes_[index];
    switch (change.knob) {
      case Knob::kCpuQuota:
      case Knob::kMemoryHigh:
      case Knob::kMemoryLimit:
        return add(rises(change) ? Step::kWiden : Step::kNarrow, index);
      case Knob::kMemoryMin:
      case Knob::kMemoryLow:
        return add(rises(change) ? Step::kFloorUp : Step::kFloorDown, index);
      case Knob::kCpuBurst:
        return add(rises(change) ? Step::kBurstUp : Step::kBurstDown, index);
      case Knob::kCpuset:
        return plan_cpuset(index);
      case Knob::kCpuIdle:
      case Knob::kPageCacheEnable:
        return add(is_number(change.target, 0) ? Step::kSwitchOff : Step::kSwitchOn, index);
      case Knob::kCpuWeight:
      case Knob::kBvtWarp:
      case Knob::kSoftLimit:
      case Knob::kOomGroup:
      case Knob::kWmarkRatio:
      case Knob::kWmarkScaleFactor:
      case Knob::kWmarkMinAdj:
      case Knob::kMemoryPriority:
      case Knob::kUsePriorityOom:
      case Knob::kPageCacheSize:
      case Knob::kPageCacheSync:
        return add(Step::kWeight, index);
      case Knob::kCoreSched:
        return;
    }
  }

  void plan_cpuset(std::size_t index) {
    const auto& change = changes_[index];
    const auto* before = change.current ? std::get_if<CpuSet>(&*change.current) : nullptr;
    const auto* after = std::get_if<CpuSet>(&change.target);
    // No set of its own is all that the parent has.
    if (after != nullptr && after->empty()) return add(Step::kWiden, index);
    if (before == nullptr || after == nullptr || before->contains(*after)) return add(Step::kNarrow, index);
    if (after->contains(*before)) return add(Step::kWiden, index);
    if (above_cpusets_.contains(change.group)) planned_.push_back({Step::kWiden, {index, *before | *after}});
    add(Step::kNarrow, index);
  }

  void add(Step step, std::size_t index) { planned_.push_back({step, {index, changes_[index].target}}); }

  bool before(const Planned& a, const Planned& b) const {
    if (a.step != b.step) return a.step < b.step;
    const auto& change_a = changes_[a.write.change];
    const auto& change_b = changes_[b.write.change];
    const int depth_a = depth_of(change_a.group);
    const int depth_b = depth_of(change_b.group);
    if (depth_a != depth_b) return is_children_first(a.step) ? depth_a > depth_b : depth_a < depth_b;
    const auto groups = change_a.group <=> change_b.group;
    if (groups != std::strong_ordering::equal) return groups == std::strong_ordering::less;
    return change_a.knob < change_b.knob;
  }

  const std::vector<Change>& changes_;
  std::vector<std::size_t> changed_;
  std::set<GroupRef> above_cpusets_;
  std::set<GroupRef> leaving_idle_;
  std::vector<Planned> planned_;
};

}  // namespace

bool is_equal(const Change& change) {
  return change.current && *change.current == change.target;
}

std::vector<OrderedWrite> order(const std::vector<Change>& changes, const IsSame& same) {
  return Planner(changes, same).plan();
}

}  // namespace tideline::decide
