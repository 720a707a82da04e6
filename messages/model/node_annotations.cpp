#include "messages/model/node_annotations.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "messages/model/host_application.h"
#include "messages/model/metadata_json.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"

namespace tideline::model {
namespace {

using metadata::object_from;
using metadata::quantity;
using metadata::shown;
using metadata::wrong;
using nlohmann::json;

constexpr std::string_view kNothingOffered = "; until it can be read nothing is offered there";

const json* member(const json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<void> only(const json& object, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return wrong(fmt::format("{} is not known; known are {}", shown(json(name)), fmt::join(known, ", ")));
  }
  return {};
}

Result<std::string> text(const json& object, std::string_view name) {
  const json* value = member(object, name);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return wrong(fmt::format("{} is {}; want text", name, shown(*value)));
  return value->get<std::string>();
}

/// The resources of either annotation; null where there are none.
Result<const json*> resources_of(const json& object) {
  const json* resources = member(object, "resources");
  if (resources == nullptr || resources->is_object()) return resources;
  return wrong(fmt::format("resources is {}; want an object", shown(*resources)));
}

struct Amounts {
  MilliCpu cpu;
  Bytes memory;
};

Result<Amounts> amounts_of(const json& object, std::string_view cpu_name, Result<MilliCpu> (*parse)(std::string_view),
                           std::string_view memory_name) {
  const auto resources = resources_of(object);
  if (!resources) return resources.error();
  if (*resources == nullptr) return Amounts{};
  const auto cpu = quantity(**resources, cpu_name, parse, ReportLimits::kMaxMilliCpu);
  if (!cpu) return cpu.error().in("resources");
  const auto memory = quantity(**resources, memory_name, parse_bytes, ReportLimits::kMaxMemoryBytes);
  if (!memory) return memory.error().in("resources");
  return Amounts{cpu->value_or(MilliCpu(0)), memory->value_or(Bytes(0))};
}

/// `apply_policy`: as it stands there.
Result<NodeReservation> reservation_from(const std::string& value, std::string& apply_policy) {
  const auto root = object_from(value);
  if (!root) return root.error();
  if (auto ok = only(*root, {"resources", "reservedCPUs", "applyPolicy"}); !ok) return ok.error();
  const auto amounts = amounts_of(*root, "cpu", parse_cpu, "memory");
  if (!amounts) return amounts.error();
  NodeReservation reservation{amounts->cpu, amounts->memory, {}};
  const auto list = text(*root, "reservedCPUs");
  if (!list) return list.error();
  auto cpus = CpuSet::parse(*list);
  if (!cpus) return cpus.error().in("reservedCPUs");
  if (!cpus->empty()) reservation.cpu = MilliCpu(std::int64_t{1000} * cpus->size());
  reservation.cpus = *std::move(cpus);
  auto policy = text(*root, "applyPolicy");
  if (!policy) return policy.error();
  apply_policy = *std::move(policy);
  return reservation;
}

/// Nothing of an allocation that is not of batch.
Result<Amounts> batch_of(const json& allocation) {
  if (!allocation.is_object()) return wrong(fmt::format("{}; want an object", shown(allocation)));
  if (auto ok = only(allocation, {"name", "priority", "resources"}); !ok) return ok.error();
  if (const auto name = text(allocation, "name"); !name) return name.error();
  const auto priority = text(allocation, "priority");
  if (!priority) return priority.error();
  if (!priority->empty() && !tier_from_priority_class(*priority)) {
    return wrong(
        fmt::format("priority is {}; want koord-prod, koord-mid, koord-batch or koord-free", shown(json(*priority))));
  }
  if (*priority != priority_class_of(Tier::kBatch)) return Amounts{};
  return amounts_of(allocation, "kubernetes.io/batch-cpu", parse_batch_cpu, "kubernetes.io/batch-memory");
}

Result<ThirdPartyBatch> third_party_from(const std::string& value) {
  const auto root = object_from(value);
  if (!root) return root.error();
  if (auto ok = only(*root, {"allocations"}); !ok) return ok.error();
  ThirdPartyBatch sum;
  const json* allocations = member(*root, "allocations");
  if (allocations == nullptr) return sum;
  if (!allocations->is_array()) return wrong(fmt::format("allocations is {}; want a list", shown(*allocations)));
  for (std::size_t i = 0; i < allocations->size(); ++i) {
    const auto one = batch_of((*allocations)[i]);
    if (!one) return one.error().in(fmt::format("allocations[{}]", i));
    sum.cpu += one->cpu;
    sum.memory += one->memory;
    if (sum.cpu.value() > ReportLimits::kMaxMilliCpu || sum.memory.value() > ReportLimits::kMaxMemoryBytes) {
      return wrong("the allocations' sum is more than any host has");
    }
  }
  return sum;
}

/// Empty where they are not exclusive.
Result<CpuSet> system_cpus_from(const std::string& value) {
  const auto root = object_from(value);
  if (!root) return root.error();
  if (auto ok = only(*root, {"cpuset", "cpusetExclusive"}); !ok) return ok.error();
  const auto list = text(*root, "cpuset");
  if (!list) return list.error();
  auto cpus = CpuSet::parse(*list);
  if (!cpus) return cpus.error().in("cpuset");
  const json* exclusive = member(*root, "cpusetExclusive");
  if (exclusive == nullptr) return cpus;
  if (!exclusive->is_boolean()) {
    return wrong(fmt::format("cpusetExclusive is {}; want true or false", shown(*exclusive)));
  }
  return exclusive->get<bool>() ? *std::move(cpus) : CpuSet();
}

class Claims {
 public:
  explicit Claims(const NodeAnnotations& annotations) : annotations_(annotations) {}

  NodeClaims read() && {
    if (const auto* value = find(kReservationAnnotation)) {
      std::string apply_policy;
      take(kReservationAnnotation, *value, reservation_from(*value, apply_policy), claims_.reservation);
      if (!apply_policy.empty() && apply_policy != "Default" && apply_policy != "ReservedCPUsOnly") {
        claims_.problems.push_back(
            metadata_problem(kReservationAnnotation, *value,
                             fmt::format("applyPolicy is {}; want Default or ReservedCPUsOnly; the rest holds",
                                         shown(json(apply_policy)))));
      }
    }
    if (const auto* value = find(kThirdPartyAnnotation)) {
      take(kThirdPartyAnnotation, *value, third_party_from(*value), claims_.third_party);
    }
    if (const auto* value = find(kSystemQosAnnotation)) {
      auto cpus = system_cpus_from(*value);
      if (cpus) {
        claims_.system_cpus = *std::move(cpus);
      } else {
        claims_.problems.push_back(metadata_problem(kSystemQosAnnotation, *value,
                                                    cpus.error().message() + "; no CPU is kept for SYSTEM pods by it"));
      }
    }
    return std::move(claims_);
  }

 private:
  const std::string* find(std::string_view key) const {
    const auto found = annotations_.find(std::string(key));
    return found == annotations_.end() ? nullptr : &found->second;
  }
  template <class T>
  void take(std::string_view key, const std::string& value, Result<T> read, T& into) {
    if (read) {
      into = *std::move(read);
      return;
    }
    claims_.unreadable.push_back(metadata_problem(key, value, read.error().message() + std::string(kNothingOffered)));
  }

  const NodeAnnotations& annotations_;
  NodeClaims claims_;
};

}  // namespace

Result<void> check_annotations(const NodeAnnotations& annotations) {
  using Limits = AnnotationLimits;
  const auto too_much = [](std::string what) { return Error(ErrorCode::kOverloaded, std::move(what)); };
  if (annotations.size() > Limits::kMaxCount) {
    return too_much(fmt::format("{} annotations, limit {}", annotations.size(), Limits::kMaxCount));
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : annotations) {
    const auto shown_key = key.substr(0, MetadataProblem::kMaxShownBytes);
    if (key.empty()) return wrong("an annotation's key is empty");
    if (key.size() > Limits::kMaxKeyBytes) {
      return too_much(
          fmt::format("annotation {}...: a key of {} bytes, limit {}", shown_key, key.size(), Limits::kMaxKeyBytes));
    }
    if (value.size() > Limits::kMaxValueBytes) {
      return too_much(
          fmt::format("annotation {}: {} bytes, limit {}", shown_key, value.size(), Limits::kMaxValueBytes));
    }
    bytes += key.size() + value.size();
  }
  if (bytes > Limits::kMaxBytes) {
    return too_much(fmt::format("{} bytes of annotations, limit {}", bytes, Limits::kMaxBytes));
  }
  return {};
}

NodeClaims read_claims(const NodeAnnotations& annotations) {
  if (annotations.empty()) return {};
  return Claims(annotations).read();
}

std::string text_of(const MetadataProblem& problem) {
  return fmt::format("annotation {} is \"{}\": {}", problem.key, problem.value, problem.why);
}

}  // namespace tideline::model
