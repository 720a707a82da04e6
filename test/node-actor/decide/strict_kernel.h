#pragma once
// A kernel that holds groups in memory and refuses a write that cgroup v1 would refuse: a quota above one further up, a
// burst above the quota, CPUs that the parent lacks or a child has, a weight of an idle group. It also refuses what no
// kernel does, but would undo what is meant: floors of memory above the parent's, or above the group's own memory-high,
// and limits that leave a group nothing.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "node-actor/decide/group_tree.h"
#include "node-actor/decide/order.h"
#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test {

using model::CpuSet;
using model::GroupRef;
using model::Knob;
using model::KnobValue;

/// What a group is made with, and what it has again when it stops being idle.
constexpr std::int64_t kDefaultWeight = 1024;
/// What reads back from an idle group.
constexpr std::int64_t kIdleWeight = 3;

/// 0 = no quota.
struct Held {
  std::int64_t quota = 0;
  std::int64_t burst = 0;
  CpuSet cpus;
  std::int64_t weight = kDefaultWeight;
  bool idle = false;
  std::int64_t bvt = 0;
  std::int64_t memory_min = 0;
  std::int64_t memory_low = 0;
  std::int64_t memory_high = 0;     // 0 = none
  std::int64_t memory_limit = 0;    // 0 = none
  std::map<Knob, KnobValue> tuned;  // what has no rules
  friend bool operator==(const Held&, const Held&) = default;
};
using Tree = std::map<GroupRef, Held>;

inline std::optional<GroupRef> parent_of(const GroupRef& group) {
  const auto above = groups_above(group);
  return above.empty() ? std::nullopt : std::optional(above.front());
}

/// "" if the kernel holds such a group.
inline std::string what_is_wrong_of(const GroupRef& group, const Held& held) {
  if (held.cpus.empty()) return fmt::format("{} has no CPU", text_of(group));
  if (held.quota > 0 && held.burst > held.quota) return fmt::format("{} has more burst than quota", text_of(group));
  if (held.memory_high > 0 && held.memory_min > held.memory_high) {
    return fmt::format("{} has memory-min above memory-high", text_of(group));
  }
  return {};
}

/// "" if it holds one below the other. `nested`: as cgroup v1; v2 takes any quota and any CPUs below any.
inline std::string what_is_wrong_below(const GroupRef& group, const Held& held, const GroupRef& above,
                                       const Held& limits, bool nested) {
  if (held.memory_min > limits.memory_min || held.memory_low > limits.memory_low) {
    return fmt::format("{} has floors of memory above those of {}", text_of(group), text_of(above));
  }
  if (!nested) return {};
  if (!limits.cpus.contains(held.cpus)) return fmt::format("{} has CPUs that {} lacks", text_of(group), text_of(above));
  if (limits.quota > 0 && held.quota > limits.quota) {
    return fmt::format("{} has more than {}", text_of(group), text_of(above));
  }
  return {};
}

/// "" if the kernel holds such a tree.
inline std::string what_is_wrong(const Tree& tree, bool nested = true) {
  for (const auto& [group, held] : tree) {
    if (auto wrong = what_is_wrong_of(group, held); !wrong.empty()) return wrong;
    for (const auto& above : groups_above(group)) {
      if (auto wrong = what_is_wrong_below(group, held, above, tree.at(above), nested); !wrong.empty()) return wrong;
    }
  }
  return {};
}

/// The same of a tree in which this group alone has changed.
inline std::string what_is_wrong_around(const Tree& tree, const GroupRef& group, const Held& held, bool nested) {
  if (auto wrong = what_is_wrong_of(group, held); !wrong.empty()) return wrong;
  for (const auto& above : groups_above(group)) {
    if (auto wrong = what_is_wrong_below(group, held, above, tree.at(above), nested); !wrong.empty()) return wrong;
  }
  for (const auto& [below, its] : tree) {
    if (below == group || !is_within(below, group)) continue;
    if (auto wrong = what_is_wrong_below(below, its, group, held, nested); !wrong.empty()) return wrong;
  }
  return {};
}

/// "" where each group has at least what the groups right below it are promised together: of more, each would get a
/// part.
inline std::string what_is_wrong_with_floors(const Tree& tree) {
  std::map<GroupRef, std::pair<std::int64_t, std::int64_t>> below;
  for (const auto& [group, held] : tree) {
    const auto parent = parent_of(group);
    if (!parent) continue;
    below[*parent].first += held.memory_min;
    below[*parent].second += held.memory_low;
  }
  for (const auto& [group, floors] : below) {
    const auto& held = tree.at(group);
    if (floors.first <= held.memory_min && floors.second <= held.memory_low) continue;
    return fmt::format("{} has floors {} and {}, those below it {} and {}", text_of(group), held.memory_min,
                       held.memory_low, floors.first, floors.second);
  }
  return {};
}

inline KnobValue limit_of(std::int64_t quota) {
  return quota > 0 ? cpu(quota) : no_limit();
}

inline KnobValue memory_limit_of(std::int64_t bytes) {
  return bytes > 0 ? memory_value(bytes) : no_memory_limit();
}

/// As a group is made.
inline KnobValue untuned(Knob knob) {
  if (knob == Knob::kSoftLimit) return no_memory_limit();
  return knob == Knob::kPageCacheSize ? memory_value(0) : number(0);
}

inline KnobValue value_of(const Held& held, Knob knob) {
  switch (knob) {
    case Knob::kCpuQuota:
      return limit_of(held.quota);
    case Knob::kCpuBurst:
      return cpu(held.burst);
    case Knob::kCpuWeight:
      return number(held.idle ? kIdleWeight : held.weight);
    case Knob::kCpuIdle:
      return number(held.idle ? 1 : 0);
    case Knob::kBvtWarp:
      return number(held.bvt);
    case Knob::kCpuset:
      return held.cpus;
    case Knob::kMemoryMin:
      return memory_value(held.memory_min);
    case Knob::kMemoryLow:
      return memory_value(held.memory_low);
    case Knob::kMemoryHigh:
      return memory_limit_of(held.memory_high);
    case Knob::kMemoryLimit:
      return memory_limit_of(held.memory_limit);
    default:
      break;
  }
  const auto tuned = held.tuned.find(knob);
  return tuned == held.tuned.end() ? untuned(knob) : tuned->second;
}

/// "No limit" is 0.
inline std::int64_t memory_bytes_of(const KnobValue& value) {
  return std::get<model::MemoryLimit>(value).bytes.value_or(model::Bytes(0)).value();
}

/// Without a look at what the kernel says to it.
inline void put(Held& held, Knob knob, const KnobValue& value) {
  switch (knob) {
    case Knob::kCpuQuota:
      held.quota = std::get<model::Limit>(value).cpu.value_or(model::MilliCpu(0)).value();
      break;
    case Knob::kCpuBurst:
      held.burst = std::get<model::Limit>(value).cpu.value().value();
      break;
    case Knob::kCpuWeight:
      held.weight = std::get<model::Number>(value).value;
      break;
    case Knob::kCpuIdle: {
      const bool idle = std::get<model::Number>(value).value == 1;
      if (idle != held.idle) held.weight = kDefaultWeight;
      held.idle = idle;
      break;
    }
    case Knob::kBvtWarp:
      held.bvt = std::get<model::Number>(value).value;
      break;
    case Knob::kCpuset:
      held.cpus = std::get<CpuSet>(value);
      break;
    case Knob::kMemoryMin:
      held.memory_min = memory_bytes_of(value);
      break;
    case Knob::kMemoryLow:
      held.memory_low = memory_bytes_of(value);
      break;
    case Knob::kMemoryHigh:
      held.memory_high = memory_bytes_of(value);
      break;
    case Knob::kMemoryLimit:
      held.memory_limit = memory_bytes_of(value);
      break;
    default:
      held.tuned.insert_or_assign(knob, value);
      break;
  }
}

/// What the kernel says to a write; "" and the tree changed if it takes it.
inline std::string write(Tree& tree, const Change& change, const KnobValue& value, bool nested = true) {
  const auto group = tree.find(change.group);
  if (group == tree.end()) return fmt::format("{} is not there", text_of(change.group));
  if (change.knob == Knob::kCpuWeight && group->second.idle) {
    return fmt::format("{} is idle and takes no weight", text_of(change.group));
  }
  if (change.knob == Knob::kCpuQuota && value == cpu(0)) {
    return fmt::format("{} would be stopped", text_of(change.group));
  }
  if ((change.knob == Knob::kMemoryHigh || change.knob == Knob::kMemoryLimit) && value == memory_value(0)) {
    return fmt::format("{} would be left no memory", text_of(change.group));
  }
  const Held before = group->second;
  put(group->second, change.knob, value);
  auto wrong = what_is_wrong_around(tree, group->first, group->second, nested);
  if (!wrong.empty()) group->second = before;
  return wrong;
}

inline std::int64_t width_of(std::int64_t quota) {
  return quota > 0 ? quota : 100'000'000;
}
inline std::int64_t memory_width_of(std::int64_t limit) {
  return limit > 0 ? limit : INT64_MAX;
}

}  // namespace tideline::decide::test
