#include "node-actor/decide/arbiter.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "node-actor/decide/group_tree.h"

namespace tideline::decide {
namespace {

using model::Controller;
using model::Knob;
using model::Reason;

struct Row {
  Knob knob;
  Controller controller;
  std::optional<Reason> reason;  // nullopt: any
  int rank;
};
/// The header's table; the first row that fits a want is its own.
constexpr Row kPrecedence[] = {
    {Knob::kCpuQuota, Controller::kCpuset, {}, 0},
    {Knob::kCpuQuota, Controller::kCpuBurst, {}, 1},
    {Knob::kCpuQuota, Controller::kCpuSuppress, {}, 2},
    {Knob::kCpuQuota, Controller::kBatchLimits, {}, 2},
    {Knob::kCpuBurst, Controller::kCpuBurst, {}, 0},
    {Knob::kCpuWeight, Controller::kCpuQos, Reason::kPodOverride, 0},
    {Knob::kCpuWeight, Controller::kCpuQos, {}, 1},
    {Knob::kCpuWeight, Controller::kBatchLimits, {}, 2},
    {Knob::kCpuIdle, Controller::kCpuQos, Reason::kPodOverride, 0},
    {Knob::kCpuIdle, Controller::kCpuQos, {}, 1},
    {Knob::kBvtWarp, Controller::kCpuQos, Reason::kPodOverride, 0},
    {Knob::kBvtWarp, Controller::kCpuQos, {}, 1},
    {Knob::kCpuset, Controller::kCpuset, Reason::kBoundCpus, 0},
    {Knob::kCpuset, Controller::kCpuset, Reason::kSuppressedCpus, 1},
    {Knob::kCpuset, Controller::kCpuSuppress, {}, 1},
    {Knob::kCpuset, Controller::kCpuset, {}, 2},
    {Knob::kMemoryLimit, Controller::kBatchLimits, {}, 0},
    {Knob::kMemoryMin, Controller::kMemoryQos, {}, 0},
    {Knob::kMemoryLow, Controller::kMemoryQos, {}, 0},
    {Knob::kMemoryHigh, Controller::kMemoryQos, {}, 0},
    {Knob::kSoftLimit, Controller::kMemoryQos, {}, 0},
    {Knob::kOomGroup, Controller::kMemoryQos, {}, 0},
    {Knob::kWmarkRatio, Controller::kMemoryQos, {}, 0},
    {Knob::kWmarkScaleFactor, Controller::kMemoryQos, {}, 0},
    {Knob::kWmarkMinAdj, Controller::kMemoryQos, {}, 0},
    {Knob::kMemoryPriority, Controller::kMemoryQos, {}, 0},
    {Knob::kUsePriorityOom, Controller::kMemoryQos, {}, 0},
    {Knob::kPageCacheEnable, Controller::kMemoryQos, {}, 0},
    {Knob::kPageCacheSize, Controller::kMemoryQos, {}, 0},
    {Knob::kPageCacheSync, Controller::kMemoryQos, {}, 0},
};
constexpr int kUnlisted = 100;

int rank_of(const Want& want) {
  const auto row = std::find_if(std::begin(kPrecedence), std::end(kPrecedence), [&](const Row& candidate) {
    return candidate.knob == want.knob && candidate.controller == want.controller &&
           (!candidate.reason || *candidate.reason == want.reason);
  });
  return row == std::end(kPrecedence) ? kUnlisted : row->rank;
}

/// Of two values of one knob the tighter has less of it; only orders values of one type.
std::int64_t amount_of(const model::KnobValue& value) {
  if (const auto* limit = std::get_if<model::Limit>(&value)) {
    return limit->cpu ? limit->cpu->value() : std::numeric_limits<std::int64_t>::max();
  }
  if (const auto* memory = std::get_if<model::MemoryLimit>(&value)) {
    return memory->bytes ? memory->bytes->value() : std::numeric_limits<std::int64_t>::max();
  }
  if (const auto* number = std::get_if<model::Number>(&value)) return number->value;
  return std::get<model::CpuSet>(value).size();
}

/// After the largest limit there is.
bool is_unlimited(const model::KnobValue& value) {
  const auto* limit = std::get_if<model::Limit>(&value);
  const auto* memory = std::get_if<model::MemoryLimit>(&value);
  return (limit != nullptr && !limit->cpu) || (memory != nullptr && !memory->bytes);
}

bool is_takable(const Want& want) {
  const auto* limit = std::get_if<model::Limit>(&want.value);
  const auto* number = std::get_if<model::Number>(&want.value);
  const auto* cpus = std::get_if<model::CpuSet>(&want.value);
  const auto* memory = std::get_if<model::MemoryLimit>(&want.value);
  const auto in_range = [&](std::int64_t least, std::int64_t most) {
    return number && number->value >= least && number->value <= most;
  };
  const auto at_least = [&](model::Bytes least) { return memory && memory->bytes && *memory->bytes >= least; };
  const bool is_no_limit = memory && !memory->bytes;
  switch (want.knob) {
    case Knob::kCpuQuota:
      return limit && (!limit->cpu || limit->cpu->value() > 0);
    case Knob::kCpuBurst:
      return limit && limit->cpu && limit->cpu->value() >= 0;
    case Knob::kCpuWeight:
      return in_range(2, 262144);
    case Knob::kCpuIdle:
      return in_range(0, 1);
    case Knob::kBvtWarp:
      return in_range(-1, 2);
    case Knob::kCpuset:
      return cpus && !cpus->empty();
    case Knob::kCoreSched:
      return false;
    case Knob::kMemoryMin:
    case Knob::kMemoryLow:
    case Knob::kPageCacheSize:
      return at_least(model::Bytes(0));
    case Knob::kMemoryHigh:
    case Knob::kMemoryLimit:
      return is_no_limit || at_least(kLeastMemoryLimit);
    case Knob::kSoftLimit:
      return is_no_limit || at_least(model::Bytes(0));
    case Knob::kOomGroup:
    case Knob::kUsePriorityOom:
    case Knob::kPageCacheEnable:
    case Knob::kPageCacheSync:
      return in_range(0, 1);
    case Knob::kWmarkRatio:
      return in_range(0, 100);
    case Knob::kWmarkScaleFactor:
      return in_range(1, 1000);
    case Knob::kWmarkMinAdj:
      return in_range(-25, 50);
    case Knob::kMemoryPriority:
      return in_range(0, 12);
  }
  return false;
}

bool is_dry(Controller controller, const model::DryRun& dry_run) {
  switch (controller) {
    case Controller::kCpuSuppress:
      return dry_run.cpu_suppress;
    case Controller::kCpuBurst:
      return dry_run.cpu_burst;
    case Controller::kCpuQos:
      return dry_run.cpu_qos;
    case Controller::kCpuset:
      return dry_run.cpuset;
    case Controller::kBatchLimits:
      return dry_run.batch_limits;
    case Controller::kCpuEvict:
      return dry_run.cpu_evict;
    case Controller::kMemoryQos:
      return dry_run.memory_qos;
    case Controller::kMemoryRelief:
      return dry_run.memory_relief;
    case Controller::kMemoryEvict:
      return dry_run.memory_evict;
    case Controller::kNone:
    case Controller::kGuard:
    case Controller::kCoordinator:
    case Controller::kBeWork:
      return false;
  }
  return false;
}

struct Ranked {
  const Want* want = nullptr;
  int rank = kUnlisted;
};

bool is_same_knob(const Ranked& a, const Ranked& b) {
  return a.want->knob == b.want->knob && a.want->group == b.want->group;
}

bool comes_first(const Ranked& a, const Ranked& b) {
  const auto groups = a.want->group <=> b.want->group;
  if (groups != std::strong_ordering::equal) return groups == std::strong_ordering::less;
  const auto key = [](const Ranked& ranked) {
    const auto& want = *ranked.want;
    return std::tuple(want.knob, ranked.rank, amount_of(want.value), is_unlimited(want.value), want.controller,
                      want.reason);
  };
  const auto key_a = key(a);
  const auto key_b = key(b);
  if (key_a != key_b) return key_a < key_b;
  const auto* cpus_a = std::get_if<model::CpuSet>(&a.want->value);
  const auto* cpus_b = std::get_if<model::CpuSet>(&b.want->value);
  return cpus_a && cpus_b && cpus_a->cpus() < cpus_b->cpus();
}

/// Of the wants of one knob, best first.
Settled settle_one(const Ranked* first, const Ranked* last, const model::DryRun& dry_run) {
  const auto dry = [&](const Ranked& ranked) { return is_dry(ranked.want->controller, dry_run); };
  const auto* live = std::find_if_not(first, last, dry);
  const auto* winner = live == last ? first : live;
  const auto& want = *winner->want;
  Settled settled{want.group, want.knob, want.value, want.controller, want.reason, {}, HeldBack::kNone, {}};
  if (live == last) settled.held_back = HeldBack::kDryRun;
  for (const auto* other = first; other != last; ++other) {
    if (other == winner) continue;
    settled.overruled.push_back(
        {*other->want, other < winner ? Overruled::Cause::kDryRun : Overruled::Cause::kOutranked});
  }
  return settled;
}

bool is_to_be_idle(const model::GroupRef& group, const Settlement& settlement) {
  const auto* idle = settlement.find({group, Knob::kCpuIdle});
  return idle != nullptr && idle->held_back == HeldBack::kNone && idle->value == model::KnobValue(model::Number{1});
}

void hold_weights_of_idle_groups(Settlement& settlement) {
  for (auto& weight : settlement.settled) {
    if (weight.knob != Knob::kCpuWeight || weight.held_back != HeldBack::kNone) continue;
    if (is_to_be_idle(weight.group, settlement)) weight.held_back = HeldBack::kIdle;
  }
}

const HandsOff* hands_off_of(const model::GroupRef& group, const std::vector<HandsOff>& in_force) {
  const auto entry = std::find_if(in_force.begin(), in_force.end(),
                                  [&](const HandsOff& candidate) { return is_within(group, candidate.group); });
  return entry == in_force.end() ? nullptr : &*entry;
}

}  // namespace

std::string_view name_of(Overruled::Cause cause) {
  switch (cause) {
    case Overruled::Cause::kOutranked:
      return "outranked";
    case Overruled::Cause::kDryRun:
      return "dry-run";
  }
  return "unknown";
}

std::string_view name_of(HeldBack held_back) {
  switch (held_back) {
    case HeldBack::kNone:
      return "none";
    case HeldBack::kDryRun:
      return "dry-run";
    case HeldBack::kHandsOff:
      return "hands-off";
    case HeldBack::kIdle:
      return "idle";
  }
  return "unknown";
}

const Settled* Settlement::find(const KnobRef& knob) const {
  const auto before = [](const Settled& entry, const KnobRef& wanted) {
    const auto groups = entry.group <=> wanted.group;
    return groups == std::strong_ordering::equal ? entry.knob < wanted.knob : groups == std::strong_ordering::less;
  };
  const auto entry = std::lower_bound(settled.begin(), settled.end(), knob, before);
  if (entry == settled.end() || entry->group != knob.group || entry->knob != knob.knob) return nullptr;
  return &*entry;
}

Settlement settle(const std::vector<Want>& wants, const model::DryRun& dry_run, const std::vector<HandsOff>& hands_off,
                  model::MonoTime now) {
  Settlement settlement;
  std::copy_if(hands_off.begin(), hands_off.end(), std::back_inserter(settlement.hands_off),
               [&](const HandsOff& entry) { return now < entry.expires; });
  std::vector<Ranked> ranked;
  ranked.reserve(wants.size());
  for (const auto& want : wants) {
    if (is_takable(want)) {
      ranked.push_back({&want, rank_of(want)});
    } else {
      settlement.refused.push_back(want);
    }
  }
  std::sort(ranked.begin(), ranked.end(), comes_first);

  const Ranked* const end = ranked.data() + ranked.size();
  for (const Ranked* first = ranked.data(); first != end;) {
    const auto* last = std::find_if_not(first, end, [&](const Ranked& other) { return is_same_knob(*first, other); });
    auto settled = settle_one(first, last, dry_run);
    if (const auto* entry = hands_off_of(settled.group, settlement.hands_off)) {
      settled.held_back = HeldBack::kHandsOff;
      settled.held_by = fmt::format("{}: {}", entry->who, entry->reason);
    }
    settlement.settled.push_back(std::move(settled));
    first = last;
  }
  hold_weights_of_idle_groups(settlement);
  return settlement;
}

std::shared_ptr<const Settlement> settle_again(LastSettlement& last, std::vector<Want> wants,
                                               const model::DryRun& dry_run, const std::vector<HandsOff>& hands_off,
                                               model::MonoTime now) {
  const auto in_force =
      std::count_if(hands_off.begin(), hands_off.end(), [&](const HandsOff& entry) { return now < entry.expires; });
  const bool same = last.settlement != nullptr && last.dry_run == dry_run && last.hands_off == hands_off &&
                    in_force == std::ssize(last.settlement->hands_off) && last.wants == wants;
  if (same) return last.settlement;
  auto settlement = std::make_shared<const Settlement>(settle(wants, dry_run, hands_off, now));
  last = {std::move(wants), dry_run, hands_off, std::move(settlement)};
  return last.settlement;
}

std::vector<KnobRef> unwanted(const std::vector<KnobRef>& owned, const Settlement& settlement) {
  std::vector<KnobRef> result;
  for (const auto& knob : owned) {
    if (hands_off_of(knob.group, settlement.hands_off) != nullptr) continue;
    if (knob.knob == Knob::kCpuWeight && is_to_be_idle(knob.group, settlement)) continue;
    const auto* settled = settlement.find(knob);
    if (settled == nullptr || settled->held_back == HeldBack::kDryRun) result.push_back(knob);
  }
  return result;
}

}  // namespace tideline::decide
