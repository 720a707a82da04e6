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

enum class Step { kIdleOff, kWeight, kIdleOn, kWiden, kBurstDown, kNarrow, kBurstUp };

struct Planned {
  Step step = Step::kNarrow;
  OrderedWrite write;
};

/// nullopt: no limit known, which is not the same as "no quota".
std::optional<std::int64_t> cpu_of(const std::optional<KnobValue>& value) {
  const auto* limit = value ? std::get_if<model::Limit>(&*value) : nullptr;
  if (limit == nullptr) return std::nullopt;
  return limit->cpu ? limit->cpu->value() : std::numeric_limits<std::int64_t>::max();
}

bool rises(const Change& change) {
  const auto before = cpu_of(change.current);
  const auto after = cpu_of(change.target);
  return before && after && *after > *before;
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
        return add(rises(change) ? Step::kWiden : Step::kNarrow, index);
      case Knob::kCpuBurst:
        return add(rises(change) ? Step::kBurstUp : Step::kBurstDown, index);
      case Knob::kCpuset:
        return plan_cpuset(index);
      case Knob::kCpuIdle:
        return add(is_number(change.target, 0) ? Step::kIdleOff : Step::kIdleOn, index);
      case Knob::kCpuWeight:
      case Knob::kBvtWarp:
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
    if (depth_a != depth_b) return a.step == Step::kNarrow ? depth_a > depth_b : depth_a < depth_b;
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
