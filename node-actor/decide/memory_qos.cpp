#include "node-actor/decide/memory_qos.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node-actor/decide/cpu_pools.h"

namespace tideline::decide {
namespace {

using model::Bytes;
using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KubeQos;
using model::MemoryLimit;
using model::MemoryQosOverride;
using model::MemoryQosPolicy;
using model::Number;
using model::Pod;
using model::QosClass;
using model::Reason;
using State = FeatureState::State;

constexpr std::array kMemoryQosKnobs = {
    Knob::kMemoryMin,       Knob::kMemoryLow,        Knob::kMemoryHigh,   Knob::kSoftLimit,      Knob::kOomGroup,
    Knob::kWmarkRatio,      Knob::kWmarkScaleFactor, Knob::kWmarkMinAdj,  Knob::kMemoryPriority, Knob::kUsePriorityOom,
    Knob::kPageCacheEnable, Knob::kPageCacheSize,    Knob::kPageCacheSync};
using MemoryKnobBits = std::bitset<64>;

/// nullptr: none, as of SYSTEM pods.
const MemoryQosPolicy* memory_class_of(QosClass qos, const model::QosPolicy& policy) {
  switch (qos) {
    case QosClass::kLse:
    case QosClass::kLsr:
      return &policy.lsr_memory;
    case QosClass::kLs:
      return &policy.ls_memory;
    case QosClass::kBe:
      return &policy.be_memory;
    case QosClass::kSystem:
      return nullptr;
  }
  return nullptr;
}

/// What a pod's own fields are laid over where its class is disabled.
MemoryQosPolicy memory_qos_that_does_nothing() {
  MemoryQosPolicy policy;
  policy.wmark_ratio = 0;
  policy.wmark_scale_permill = 50;
  policy.wmark_min_adj = 0;
  return policy;
}

bool has_memory_fields(MemoryQosOverride own) {
  own.policy = {};
  return own != MemoryQosOverride{};
}

template <class To, class From>
void set_if_told(To& to, const std::optional<From>& from) {
  if (from) to = *from;
}

void lay_over(MemoryQosPolicy& policy, const MemoryQosOverride& own) {
  set_if_told(policy.min_limit_percent, own.min_limit_percent);
  set_if_told(policy.low_limit_percent, own.low_limit_percent);
  set_if_told(policy.throttling_percent, own.throttling_percent);
  set_if_told(policy.wmark_ratio, own.wmark_ratio);
  set_if_told(policy.wmark_scale_permill, own.wmark_scale_permill);
  set_if_told(policy.wmark_min_adj, own.wmark_min_adj);
  set_if_told(policy.priority_enable, own.priority_enable);
  set_if_told(policy.priority, own.priority);
  set_if_told(policy.oom_kill_group, own.oom_kill_group);
  set_if_told(policy.page_cache_enable, own.page_cache_enable);
  set_if_told(policy.page_cache_limit_percent, own.page_cache_limit_percent);
  set_if_told(policy.page_cache_limit_size, own.page_cache_limit_size);
  set_if_told(policy.page_cache_reclaim_sync, own.page_cache_reclaim_sync);
}

constexpr Bytes kMostMemory{model::ReportLimits::kMaxMemoryBytes};

Bytes memory_bounded(Bytes bytes) {
  return std::clamp(bytes, Bytes(0), kMostMemory);
}

void keep_in_range(MemoryQosPolicy& policy) {
  for (auto* percent :
       {&policy.min_limit_percent, &policy.low_limit_percent, &policy.throttling_percent, &policy.wmark_ratio})
    *percent = std::clamp(*percent, 0, 100);
  policy.wmark_scale_permill = std::clamp(policy.wmark_scale_permill, 1, 1000);
  policy.wmark_min_adj = std::clamp(policy.wmark_min_adj, -25, 50);
  policy.priority = std::clamp(policy.priority, 0, 12);
  if (policy.page_cache_limit_percent) {
    policy.page_cache_limit_percent = std::clamp(*policy.page_cache_limit_percent, 0, 100);
  }
  if (policy.page_cache_limit_size) policy.page_cache_limit_size = memory_bounded(*policy.page_cache_limit_size);
}

/// Exact, where Quantity::percent() is so below 2^53 only.
Bytes memory_share(Bytes bytes, int percent) {
  return Bytes(bytes.value() / 100 * percent + bytes.value() % 100 * percent / 100);
}

Bytes memory_sum(Bytes a, Bytes b) {
  return std::min(a + b, kMostMemory);
}

struct MemoryFloors {
  Bytes min;
  Bytes low;
};

void add_floors(MemoryFloors& sum, const MemoryFloors& floors) {
  sum.min = memory_sum(sum.min, floors.min);
  sum.low = memory_sum(sum.low, floors.low);
}

/// A low floor below the hard one means nothing.
MemoryFloors in_order(MemoryFloors floors) {
  if (floors.low > Bytes(0)) floors.low = std::max(floors.low, floors.min);
  return floors;
}

/// A value that does something, as the policy has it, and the knob it needs.
struct MemoryAsk {
  Knob knob = Knob::kMemoryMin;
  const char* key = "";
  std::int64_t value = 0;
};

std::vector<MemoryAsk> asks_of(const MemoryQosPolicy& policy) {
  std::vector<MemoryAsk> asks;
  const auto ask = [&](bool does_something, Knob knob, const char* key, std::int64_t value) {
    if (does_something) asks.push_back({knob, key, value});
  };
  ask(policy.min_limit_percent > 0, Knob::kMemoryMin, "minLimitPercent", policy.min_limit_percent);
  ask(policy.low_limit_percent > 0, Knob::kMemoryLow, "lowLimitPercent", policy.low_limit_percent);
  ask(policy.throttling_percent > 0, Knob::kMemoryHigh, "throttlingPercent", policy.throttling_percent);
  ask(policy.wmark_ratio > 0, Knob::kWmarkRatio, "wmarkRatio", policy.wmark_ratio);
  ask(policy.wmark_ratio > 0, Knob::kWmarkScaleFactor, "wmarkScalePermill", policy.wmark_scale_permill);
  ask(policy.wmark_min_adj != 0, Knob::kWmarkMinAdj, "wmarkMinAdj", policy.wmark_min_adj);
  ask(policy.priority_enable || policy.priority != 0, Knob::kMemoryPriority, "priority", policy.priority);
  ask(policy.priority_enable, Knob::kUsePriorityOom, "priorityEnable", 1);
  ask(policy.oom_kill_group, Knob::kOomGroup, "oomKillGroup", 1);
  ask(policy.page_cache_enable.has_value(), Knob::kPageCacheEnable, "pageCacheEnable",
      policy.page_cache_enable.value_or(false) ? 1 : 0);
  ask(policy.page_cache_limit_percent.has_value(), Knob::kPageCacheSize, "pageCacheLimitPercent",
      policy.page_cache_limit_percent.value_or(0));
  ask(policy.page_cache_limit_size.has_value(), Knob::kPageCacheSize, "pageCacheLimitSize",
      policy.page_cache_limit_size.value_or(Bytes(0)).value());
  ask(policy.page_cache_reclaim_sync.has_value(), Knob::kPageCacheSync, "pageCacheReclaimSync",
      policy.page_cache_reclaim_sync.value_or(false) ? 1 : 0);
  return asks;
}

/// What this kernel lacks, each of its answers once.
class MemoryLacks {
 public:
  void add(std::string what, const std::string& answer) {
    const auto same =
        std::find_if(by_answer_.begin(), by_answer_.end(), [&](const auto& entry) { return entry.first == answer; });
    if (same == by_answer_.end()) {
      by_answer_.emplace_back(answer, std::vector<std::string>{std::move(what)});
    } else {
      same->second.push_back(std::move(what));
    }
  }
  bool empty() const { return by_answer_.empty(); }
  /// "wmarkRatio 95 needs wmark-ratio, wmarkMinAdj -25 needs wmark-min-adj: no such file; …".
  std::string text() const {
    std::vector<std::string> parts;
    parts.reserve(by_answer_.size());
    for (const auto& [answer, what] : by_answer_)
      parts.push_back(fmt::format("{}: {}", fmt::join(what, ", "), answer));
    return fmt::format("{}", fmt::join(parts, "; "));
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> by_answer_;
};

class MemoryQosRound {
 public:
  MemoryQosRound(const std::vector<Pod>& pods, const model::KnobSet& knobs, const MemoryQosInput& input,
                 const model::QosPolicy& qos)
      : pods_(pods), knobs_(knobs), input_(input), qos_(qos), page_(std::max<std::int64_t>(1, input.page.value())) {
    for (const auto knob : kMemoryQosKnobs)
      has_.set(static_cast<std::size_t>(knob), knobs.has(knob));
  }

  Wants run() {
    for (const auto& pod : pods_) {
      if (is_live(pod)) apply(pod);
    }
    protect_roots();
    if (input_.is_v1 && qos_.be_memory.enable) want_soft(model::root_of(KubeQos::kBestEffort));
    tell("memoryQOS.lsrClass", qos_.lsr_memory, {QosClass::kLse, QosClass::kLsr});
    tell("memoryQOS.lsClass", qos_.ls_memory, {QosClass::kLs});
    tell("memoryQOS.beClass", qos_.be_memory, {QosClass::kBe});
    tell_annotations();
    return std::move(wants_);
  }

 private:
  static std::size_t at(QosClass qos) { return static_cast<std::size_t>(qos); }
  static std::size_t at(KubeQos qos) { return static_cast<std::size_t>(qos); }
  bool has(Knob knob) const { return has_.test(static_cast<std::size_t>(knob)); }

  void want(const GroupRef& group, Knob knob, model::KnobValue value, Reason reason) {
    if (has(knob)) wants_.wants.push_back({group, knob, std::move(value), model::Controller::kMemoryQos, reason});
  }

  Bytes whole_pages(Bytes bytes) const { return Bytes(bytes.value() - bytes.value() % page_); }

  static Bytes requested(const model::Resources& requests, bool is_batch) {
    return memory_bounded((is_batch ? requests.batch_memory : requests.memory).value_or(Bytes(0)));
  }
  static std::optional<Bytes> limited(const model::Resources& limits, bool is_batch) {
    const auto& limit = is_batch ? limits.batch_memory : limits.memory;
    // As for the kubelet, a limit of nothing is none.
    if (!limit || *limit <= Bytes(0)) return std::nullopt;
    return memory_bounded(*limit);
  }

  MemoryFloors floors_of(Bytes request, const MemoryQosPolicy& policy) const {
    return in_order({whole_pages(memory_share(request, policy.min_limit_percent)),
                     whole_pages(memory_share(request, policy.low_limit_percent))});
  }

  void apply(const Pod& pod) {
    const auto policy = effective_memory_qos(pod, qos_);
    if (!policy) return;
    const bool is_batch = pod.qos == QosClass::kBe;
    const auto reason = pod.memory_qos ? Reason::kPodOverride : Reason::kQosClass;
    MemoryFloors together;
    for (const auto& container : pod.containers) {
      const auto request = requested(container.requests, is_batch);
      const auto floors = floors_of(request, *policy);
      add_floors(together, floors);
      if (container.id.empty()) continue;
      const auto group = model::group_of(pod, container);
      want_floors(group, floors);
      want_high(pod, group, request, limited(container.limits, is_batch), floors.min, policy->throttling_percent);
      want_marks(group, *policy, reason);
    }
    const auto group = model::group_of(pod);
    auto floors = floors_of(requested(pod.requests, is_batch), *policy);
    floors = in_order({std::max(floors.min, together.min), std::max(floors.low, together.low)});
    want_floors(group, floors);
    want_marks(group, *policy, reason);
    want_page_cache(group, limit_of_pod(pod, is_batch), *policy, reason);
    add_floors(roots_[at(pod.kube_qos)], floors);
    if (is_batch && qos_.be_memory.enable && input_.is_v1 && pod.kube_qos != KubeQos::kBestEffort) want_soft(group);
    if (pod.memory_qos) {
      ++annotated_;
      for (const auto& ask : asks_of(*policy)) {
        if (!has(ask.knob)) lacking_.insert(ask.knob);
      }
    } else {
      ++by_class_[at(pod.qos)];
    }
  }

  /// nullopt: none, as soon as a container has none.
  static std::optional<Bytes> limit_of_pod(const Pod& pod, bool is_batch) {
    if (const auto own = limited(pod.limits, is_batch)) return own;
    if (pod.containers.empty()) return std::nullopt;
    Bytes sum;
    for (const auto& container : pod.containers) {
      const auto limit = limited(container.limits, is_batch);
      if (!limit) return std::nullopt;
      sum = memory_sum(sum, *limit);
    }
    return sum;
  }

  void want_floors(const GroupRef& group, const MemoryFloors& floors) {
    if (floors.min > Bytes(0)) want(group, Knob::kMemoryMin, MemoryLimit{floors.min}, Reason::kMemoryRequest);
    if (floors.low > Bytes(0)) want(group, Knob::kMemoryLow, MemoryLimit{floors.low}, Reason::kMemoryRequest);
  }

  void want_high(const Pod& pod, const GroupRef& group, Bytes request, std::optional<Bytes> limit, Bytes floor,
                 int percent) {
    if (percent == 0) return;
    const auto most = limit ? limit : input_.node_allocatable;
    if (!most) {
      if (!pod.memory_qos) ++unbounded_[at(pod.qos)];
      return;
    }
    const auto above = std::max(memory_bounded(*most) - request, Bytes(0));
    const auto high = std::max(whole_pages(request + memory_share(above, percent)), floor);
    // Of next to nothing the kernel would make nothing, and the group would stand still.
    if (high < kLeastMemoryLimit) return;
    want(group, Knob::kMemoryHigh, MemoryLimit{high}, Reason::kMemoryThrottle);
  }

  void want_marks(const GroupRef& group, const MemoryQosPolicy& policy, Reason reason) {
    if (policy.wmark_ratio > 0) {
      want(group, Knob::kWmarkRatio, Number{policy.wmark_ratio}, reason);
      want(group, Knob::kWmarkScaleFactor, Number{policy.wmark_scale_permill}, reason);
    }
    if (policy.wmark_min_adj != 0) want(group, Knob::kWmarkMinAdj, Number{policy.wmark_min_adj}, reason);
    if (policy.priority_enable || policy.priority != 0) {
      want(group, Knob::kMemoryPriority, Number{policy.priority}, reason);
    }
    if (policy.priority_enable) want(group, Knob::kUsePriorityOom, Number{1}, reason);
    if (policy.oom_kill_group) want(group, Knob::kOomGroup, Number{1}, reason);
  }

  void want_page_cache(const GroupRef& group, std::optional<Bytes> limit, const MemoryQosPolicy& policy,
                       Reason reason) {
    std::optional<Bytes> size;
    if (policy.page_cache_limit_size) {
      size = std::min(*policy.page_cache_limit_size, limit.value_or(kMostMemory));
    } else if (policy.page_cache_limit_percent && limit) {
      size = memory_share(*limit, *policy.page_cache_limit_percent);
    }
    const bool is_sized = size && *size > Bytes(0);
    if (!is_sized && !size && !policy.page_cache_enable) return;
    // A limit of nothing would drop every page at once.
    const bool enable = policy.page_cache_enable.value_or(is_sized) && (is_sized || !size);
    if (enable && is_sized) want(group, Knob::kPageCacheSize, MemoryLimit{*size}, reason);
    if (enable && policy.page_cache_reclaim_sync) {
      want(group, Knob::kPageCacheSync, Number{*policy.page_cache_reclaim_sync ? 1 : 0}, reason);
    }
    want(group, Knob::kPageCacheEnable, Number{enable ? 1 : 0}, reason);
  }

  void protect_roots() {
    auto& all = roots_[at(KubeQos::kGuaranteed)];
    for (const auto qos : {KubeQos::kBurstable, KubeQos::kBestEffort}) {
      auto& floors = roots_[at(qos)];
      floors = in_order(floors);
      want_floors(model::root_of(qos), floors);
      add_floors(all, floors);
    }
    want_floors(model::root_of(KubeQos::kGuaranteed), in_order(all));
  }

  void want_soft(const GroupRef& group) {
    want(group, Knob::kSoftLimit, MemoryLimit{kBeSoftLimit}, Reason::kReclaimFirst);
  }

  void tell(const char* name, const MemoryQosPolicy& policy, std::initializer_list<QosClass> classes) {
    if (!policy.enable) {
      wants_.features.push_back({name, State::kInactive, std::string(name_of(Reason::kDisabled))});
      return;
    }
    std::vector<std::string> have;
    MemoryLacks lack;
    auto in_range = policy;
    keep_in_range(in_range);
    for (const auto& ask : asks_of(in_range)) {
      auto text = fmt::format("{} {}", ask.key, ask.value);
      if (has(ask.knob)) {
        have.push_back(std::move(text));
      } else {
        lack.add(fmt::format("{} needs {}", text, name_of(ask.knob)), knobs_.why_not(ask.knob));
      }
    }
    if (&policy == &qos_.be_memory) {
      have.emplace_back("oom_score_adj 1000");
      if (input_.is_v1 && has(Knob::kSoftLimit)) have.emplace_back("reclaimed first by soft-limit");
      if (input_.is_v1 && !has(Knob::kSoftLimit)) {
        lack.add(fmt::format("to be reclaimed first needs {}", name_of(Knob::kSoftLimit)),
                 knobs_.why_not(Knob::kSoftLimit));
      }
    }
    int pods = 0;
    int unbounded = 0;
    for (const auto qos : classes) {
      pods += by_class_[at(qos)];
      unbounded += unbounded_[at(qos)];
    }
    auto why =
        fmt::format("{}; pods: {}", have.empty() ? "nothing to apply" : fmt::format("{}", fmt::join(have, ", ")), pods);
    if (unbounded > 0) {
      why += fmt::format("; containers without a limit, and allocatable memory is not known: {}", unbounded);
    }
    if (lack.empty()) {
      wants_.features.push_back({name, State::kActive, std::move(why)});
    } else {
      wants_.features.push_back({name, State::kUnsupported, fmt::format("{}; applied: {}", lack.text(), why)});
    }
  }

  void tell_annotations() {
    if (annotated_ == 0) return;
    FeatureState feature{"memoryQOS.annotation", State::kActive,
                         fmt::format("pods with their own memoryQOS: {}", annotated_)};
    if (!lacking_.empty()) {
      MemoryLacks lack;
      for (const auto knob : lacking_)
        lack.add(std::string(name_of(knob)), knobs_.why_not(knob));
      feature.state = State::kUnsupported;
      feature.why += fmt::format("; they need {}", lack.text());
    }
    wants_.features.push_back(std::move(feature));
  }

  const std::vector<Pod>& pods_;
  const model::KnobSet& knobs_;
  const MemoryQosInput& input_;
  const model::QosPolicy& qos_;
  std::int64_t page_;
  MemoryKnobBits has_;
  std::array<MemoryFloors, 3> roots_{};
  std::array<int, 5> by_class_{};
  std::array<int, 5> unbounded_{};  // containers that would have a memory-high
  int annotated_ = 0;
  std::set<Knob> lacking_;  // for annotated pods
  Wants wants_;
};

}  // namespace

std::optional<MemoryQosPolicy> effective_memory_qos(const Pod& pod, const model::QosPolicy& policy) {
  const auto* of_class = memory_class_of(pod.qos, policy);
  if (of_class == nullptr) return std::nullopt;
  auto effective = of_class->enable ? *of_class : memory_qos_that_does_nothing();
  if (!pod.memory_qos) {
    if (!of_class->enable) return std::nullopt;
  } else {
    static const model::QosPolicy kBuiltIn{};
    switch (pod.memory_qos->policy) {
      case MemoryQosOverride::Policy::kNone:
        return std::nullopt;
      case MemoryQosOverride::Policy::kAuto:
        effective = *memory_class_of(pod.qos, kBuiltIn);
        break;
      case MemoryQosOverride::Policy::kDefault:
        if (!of_class->enable && !has_memory_fields(*pod.memory_qos)) return std::nullopt;
        break;
    }
    lay_over(effective, *pod.memory_qos);
  }
  effective.enable = true;
  keep_in_range(effective);
  return effective;
}

Wants memory_qos(const std::vector<Pod>& pods, const model::KnobSet& knobs, const MemoryQosInput& input,
                 const std::optional<model::NodePolicy>& policy) {
  if (policy) return MemoryQosRound(pods, knobs, input, policy->qos).run();
  Wants none;
  for (const auto* name : {"memoryQOS.lsrClass", "memoryQOS.lsClass", "memoryQOS.beClass"})
    none.features.push_back({name, State::kInactive, std::string(name_of(Reason::kNoPolicy))});
  return none;
}

std::vector<OomScoreWant> oom_scores(const std::vector<Pod>& pods, const std::optional<model::NodePolicy>& policy) {
  std::vector<OomScoreWant> scores;
  if (!policy || !policy->qos.be_memory.enable) return scores;
  for (const auto& pod : pods) {
    const bool is_meant = pod.qos == QosClass::kBe && is_live(pod) && effective_memory_qos(pod, policy->qos);
    if (is_meant) scores.push_back({.pod = pod.uid, .score = 1000});
  }
  return scores;
}

}  // namespace tideline::decide
