#include "messages/model/pod_metadata.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "messages/model/metadata_json.h"
#include "messages/model/pod_resources.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"

namespace tideline::model {
namespace {

using nlohmann::json;

constexpr std::int64_t kMinInt = std::numeric_limits<int>::min();
constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();
constexpr const char* kTooMuch = "the containers' sum is more than any host has";
constexpr std::size_t kMaxLabelBytes = 63;  // of a value, in Kubernetes

using metadata::object_from;
using metadata::quantity;
using metadata::shown;
using metadata::wrong;

/// Members of a JSON object. The first one that is wrong is kept; callers read on and ask once.
class Members {
 public:
  explicit Members(const json& object) : object_(object) {}

  const json* find(std::string_view name) const {
    const auto found = object_.find(std::string(name));
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  std::optional<std::int64_t> whole(std::string_view name, std::int64_t low, std::int64_t high) {
    const json* value = find(name);
    if (value == nullptr) return std::nullopt;
    // Beyond 63 bits get<std::int64_t>() would wrap round.
    const bool is_whole = value->is_number_unsigned() ? value->get<std::uint64_t>() <= std::uint64_t{INT64_MAX}
                                                      : value->is_number_integer();
    if (!is_whole || value->get<std::int64_t>() < low || value->get<std::int64_t>() > high) {
      fail(name, *value, fmt::format("an integer in {}..{}", low, high));
      return std::nullopt;
    }
    return value->get<std::int64_t>();
  }
  /// Within the bounds of an int.
  std::optional<int> integer(std::string_view name, std::int64_t low, std::int64_t high) {
    const auto value = whole(name, low, high);
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  }
  /// Koordinator's switches that are no booleans: 0 or 1.
  std::optional<bool> bit(std::string_view name) {
    const auto value = whole(name, 0, 1);
    return value ? std::optional(*value == 1) : std::nullopt;
  }
  std::optional<bool> flag(std::string_view name) {
    const json* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_boolean()) {
      fail(name, *value, "true or false");
      return std::nullopt;
    }
    return value->get<bool>();
  }
  std::optional<std::string> text(std::string_view name, std::string_view wanted) {
    const json* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      fail(name, *value, wanted);
      return std::nullopt;
    }
    return value->get<std::string>();
  }
  void fail(std::string_view name, const json& value, std::string_view wanted) {
    if (!problem_) problem_ = wrong(fmt::format("{} is {}; want {}", name, shown(value), wanted));
  }
  template <class T>
  Result<T> result(T value) const {
    if (problem_) return *problem_;
    return value;
  }
  std::vector<std::string> besides(std::initializer_list<std::string_view> known) const {
    std::vector<std::string> unknown;
    for (const auto& [name, value] : object_.items()) {
      if (std::find(known.begin(), known.end(), name) == known.end()) unknown.push_back(name);
    }
    return unknown;
  }

 private:
  const json& object_;
  std::optional<Error> problem_;
};

Result<CpuBurstOverride> burst_from(Members& members) {
  CpuBurstOverride burst;
  constexpr std::string_view kWanted = "none | cpuBurstOnly | cfsQuotaBurstOnly | auto";
  if (const auto policy = members.text("policy", kWanted)) {
    burst.policy = burst_policy_from(*policy);
    if (!burst.policy) members.fail("policy", json(*policy), kWanted);
  }
  burst.cpu_burst_percent = members.integer("cpuBurstPercent", 1, 10'000);
  burst.cfs_quota_burst_percent = members.integer("cfsQuotaBurstPercent", 100, kMaxInt);
  burst.cfs_quota_burst_period_seconds = members.integer("cfsQuotaBurstPeriodSeconds", -1, kMaxInt);
  burst.share_pool_threshold_percent = members.integer("sharePoolThresholdPercent", 0, 100);
  return members.result(burst);
}

Result<CpuQosOverride> qos_from(Members& members) {
  CpuQosOverride qos;
  qos.enable = members.flag("enable").value_or(false);
  qos.group_identity = members.integer("groupIdentity", -1, 2);
  return members.result(qos);
}

Result<MemoryQosOverride> memory_qos_from(Members& members) {
  MemoryQosOverride qos;
  constexpr std::string_view kWanted = "default | none | auto";
  if (const auto policy = members.text("policy", kWanted)) {
    const auto known = memory_qos_override_from(*policy);
    if (!known) members.fail("policy", json(*policy), kWanted);
    qos.policy = known.value_or(MemoryQosOverride::Policy::kDefault);
  }
  qos.min_limit_percent = members.integer("minLimitPercent", 0, 100);
  qos.low_limit_percent = members.integer("lowLimitPercent", 0, 100);
  qos.throttling_percent = members.integer("throttlingPercent", 0, 100);
  qos.wmark_ratio = members.integer("wmarkRatio", 0, 100);
  qos.wmark_scale_permill = members.integer("wmarkScalePermill", 1, 1000);
  qos.wmark_min_adj = members.integer("wmarkMinAdj", -25, 50);
  qos.priority_enable = members.bit("priorityEnable");
  qos.priority = members.integer("priority", 0, 12);
  qos.oom_kill_group = members.bit("oomKillGroup");
  qos.page_cache_enable = members.flag("pageCacheEnable");
  qos.page_cache_limit_percent = members.integer("pageCacheLimitPercent", 0, 100);
  if (const auto size = members.whole("pageCacheLimitSize", 0, ReportLimits::kMaxMemoryBytes)) {
    qos.page_cache_limit_size = Bytes(*size);
  }
  qos.page_cache_reclaim_sync = members.flag("pageCacheReclaimSync");
  return members.result(qos);
}

Result<CpuSet> bound_cpus_from(Members& members) {
  const auto text = members.text("cpuset", "a list of CPUs");
  auto cpus = members.result(CpuSet());
  if (!cpus || !text) return cpus;
  return CpuSet::parse(*text);
}

/// Batch resources of one container, where `resources` has none yet, and what it asks of mid.
Result<void> fill_extended(const json& spec, std::string_view part, Resources& resources, MidRequests& mid) {
  const auto found = spec.find(std::string(part));
  if (found == spec.end() || found->is_null()) return {};
  if (!found->is_object()) return wrong(fmt::format("{} is {}; want an object", part, shown(*found)));
  const auto cpu = quantity(*found, "kubernetes.io/batch-cpu", parse_batch_cpu, ReportLimits::kMaxMilliCpu);
  if (!cpu) return cpu.error().in(part);
  const auto memory = quantity(*found, "kubernetes.io/batch-memory", parse_bytes, ReportLimits::kMaxMemoryBytes);
  if (!memory) return memory.error().in(part);
  const auto mid_cpu = quantity(*found, "kubernetes.io/mid-cpu", parse_batch_cpu, ReportLimits::kMaxMilliCpu);
  if (!mid_cpu) return mid_cpu.error().in(part);
  const auto mid_memory = quantity(*found, "kubernetes.io/mid-memory", parse_bytes, ReportLimits::kMaxMemoryBytes);
  if (!mid_memory) return mid_memory.error().in(part);
  if (!resources.batch_cpu) resources.batch_cpu = *cpu;
  if (!resources.batch_memory) resources.batch_memory = *memory;
  mid = {.cpu = *mid_cpu, .memory = *mid_memory};
  return {};
}

template <class Unit>
bool sum_within(const std::vector<Container>& containers, Resources Container::*part,
                std::optional<Unit> Resources::*field, std::int64_t limit) {
  std::int64_t sum = 0;
  for (const Container& container : containers)
    sum += (container.*part.*field).value_or(Unit(0)).value();
  return sum <= limit;
}

struct Extended {
  std::vector<Container> containers;
  MidRequests mid_requests;
};

/// `pod` with what the annotation adds.
Result<Extended> extended(const json& root, Extended pod) {
  const auto specs = root.find("containers");
  if (specs == root.end() || specs->is_null()) return pod;
  if (!specs->is_object()) return wrong(fmt::format("containers is {}; want an object", shown(*specs)));
  MidRequests asked;
  for (const auto& [name, spec] : specs->items()) {
    const auto container = std::find_if(pod.containers.begin(), pod.containers.end(),
                                        [&name = name](const Container& other) { return other.name == name; });
    if (container == pod.containers.end()) return wrong(fmt::format("the pod has no container {}", shown(json(name))));
    if (!spec.is_object()) return wrong(fmt::format("{} is {}; want an object", shown(json(name)), shown(spec)));
    MidRequests requests;
    MidRequests limits;  // Kubernetes: what is not asked for is as the limit
    if (auto ok = fill_extended(spec, "requests", container->requests, requests); !ok) {
      return ok.error().in(shown(json(name)));
    }
    if (auto ok = fill_extended(spec, "limits", container->limits, limits); !ok) {
      return ok.error().in(shown(json(name)));
    }
    complete(requests, limits);
    add(asked, requests);
  }
  for (const auto part : {&Container::requests, &Container::limits}) {
    if (!sum_within(pod.containers, part, &Resources::batch_cpu, ReportLimits::kMaxMilliCpu) ||
        !sum_within(pod.containers, part, &Resources::batch_memory, ReportLimits::kMaxMemoryBytes)) {
      return wrong(kTooMuch);
    }
  }
  if (asked.cpu.value_or(MilliCpu(0)).value() > ReportLimits::kMaxMilliCpu ||
      asked.memory.value_or(Bytes(0)).value() > ReportLimits::kMaxMemoryBytes) {
    return wrong(kTooMuch);
  }
  complete(pod.mid_requests, asked);
  return pod;
}

Result<int> int_from(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return wrong(fmt::format("want an integer in {}..{}", kMinInt, kMaxInt));
  }
  return value;
}

/// A list of names such as ["BECPUEvict"].
Result<std::vector<std::string>> eviction_features_from(const std::string& text) {
  const json list = json::parse(text, nullptr, false);
  const bool texts =
      list.is_array() && std::all_of(list.begin(), list.end(), [](const json& name) {
        return name.is_string() && name.get_ref<const std::string&>().size() <= ReportLimits::kMaxTextBytes;
      });
  if (!texts || list.size() > ReportLimits::kMaxEvictionFeatures) {
    return wrong(fmt::format("want a list of at most {} names", ReportLimits::kMaxEvictionFeatures));
  }
  return list.get<std::vector<std::string>>();
}

class Applier {
 public:
  explicit Applier(Pod& pod) : pod_(pod) {}

  void label(std::string_view key, const std::string& value) {
    if (key == kQosClassLabel) {
      const auto qos = qos_class_from(value);
      take(key, value, qos ? Result<QosClass>(*qos) : wrong("want LSE, LSR, LS, BE or SYSTEM"), pod_.qos);
    } else if (key == kSubPriorityLabel) {
      const auto number = int_from(value);
      take(key, value, number ? Result<std::optional<int>>(*number) : number.error(), pod_.eviction.sub_priority);
    } else if (key == kEvictionEnabledLabel) {
      const bool known = value == "true" || value == "false";
      take(key, value, known ? Result<bool>(value == "true") : wrong("want true or false"), pod_.eviction.enabled);
    } else if (key == kCoreSchedGroupLabel) {
      const bool fits = value.size() <= kMaxLabelBytes;
      take(key, value, fits ? Result<std::string>(value) : wrong("want at most 63 bytes"), pod_.core_sched.group_id);
    } else if (key == kCoreSchedPolicyLabel) {
      const auto policy = core_sched_policy_from(value);
      take(key, value, policy ? Result<CoreSchedPolicy>(*policy) : wrong("want none, exclusive or nothing"),
           pod_.core_sched.policy);
    }
  }

  void annotation(std::string_view key, const std::string& value) {
    if (key == kEvictionPriorityAnnotation) {
      take(key, value, int_from(value), pod_.eviction.priority);
    } else if (key == kEvictionPolicyAnnotation) {
      auto features = eviction_features_from(value);
      pod_.eviction.allowed_by.emplace();
      if (features) {
        pod_.eviction.allowed_by = *std::move(features);
      } else {
        problems_.push_back(
            metadata_problem(key, value, features.error().message() + "; no feature may evict this pod"));
      }
    } else if (key == kCpuBurstAnnotation) {
      take_object(key, value, burst_from, pod_.cpu_burst,
                  {"policy", "cpuBurstPercent", "cfsQuotaBurstPercent", "cfsQuotaBurstPeriodSeconds",
                   "sharePoolThresholdPercent"});
    } else if (key == kCpuQosAnnotation) {
      take_object(key, value, qos_from, pod_.cpu_qos, {"enable", "groupIdentity"});
    } else if (key == kMemoryQosAnnotation) {
      take_object(key, value, memory_qos_from, pod_.memory_qos,
                  {"policy", "minLimitPercent", "lowLimitPercent", "throttlingPercent", "wmarkRatio",
                   "wmarkScalePermill", "wmarkMinAdj", "priorityEnable", "priority", "oomKillGroup", "pageCacheEnable",
                   "pageCacheLimitPercent", "pageCacheLimitSize", "pageCacheReclaimSync"});
    } else if (key == kResourceStatusAnnotation) {
      take_object(key, value, bound_cpus_from, pod_.bound_cpus, {});
    } else if (key == kExtendedResourceAnnotation) {
      const auto root = object_from(value);
      Extended spec{pod_.containers, pod_.mid_requests};
      take(key, value, root ? extended(*root, spec) : root.error(), spec);
      pod_.containers = std::move(spec.containers);
      pod_.mid_requests = spec.mid_requests;
    }
  }

  std::vector<MetadataProblem> problems() && { return std::move(problems_); }

 private:
  template <class T, class Target>
  void take(std::string_view key, const std::string& value, Result<T> read, Target& target) {
    if (read) {
      target = *std::move(read);
    } else {
      problems_.push_back(metadata_problem(key, value, read.error().message() + "; it is ignored"));
    }
  }
  /// `known` empty: members that are not read are somebody else's.
  template <class T, class Target>
  void take_object(std::string_view key, const std::string& value, Result<T> (*read)(Members&), Target& target,
                   std::initializer_list<std::string_view> known) {
    const auto object = object_from(value);
    if (!object) {
      take(key, value, Result<T>(object.error()), target);
      return;
    }
    Members members(*object);
    take(key, value, read(members), target);
    if (known.size() == 0) return;
    if (const auto unknown = members.besides(known); !unknown.empty()) {
      problems_.push_back(metadata_problem(
          key, value,
          fmt::format("{} is not known; known are {}", shown(json(unknown.front())), fmt::join(known, ", "))));
    }
  }

  Pod& pod_;
  std::vector<MetadataProblem> problems_;
};

}  // namespace

MetadataProblem metadata_problem(std::string_view key, std::string_view value, std::string why) {
  constexpr auto kMost = MetadataProblem::kMaxShownBytes;
  std::string cut(value.substr(0, kMost));
  if (value.size() > kMost) cut += "...";
  return {std::string(key), std::move(cut), std::move(why)};
}

std::vector<MetadataProblem> apply_metadata(const PodMetadata& metadata, Pod& pod) {
  Applier applier(pod);
  for (const auto& [key, value] : metadata.labels)
    applier.label(key, value);
  for (const auto& [key, value] : metadata.annotations)
    applier.annotation(key, value);
  return std::move(applier).problems();
}

}  // namespace tideline::model
