#include "storage/series/field.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace tideline::series {
namespace {

struct OwnField {
  Field field;
  std::string_view name;
  std::string_view unit;
};

/// Fields that are no metric of model's: of nodes, then of pods and workloads.
constexpr std::array kOwnFields{
    OwnField{Field::kReports, "reports", "reports"},
    OwnField{Field::kReportsLost, "reports.lost", "reports"},
    OwnField{Field::kCpuCapacity, "node.cpu.capacity", "millicores"},
    OwnField{Field::kMemoryCapacity, "node.memory.capacity", "bytes"},
    OwnField{Field::kPodCpu, "pod.cpu", "millicores"},
    OwnField{Field::kPodMemory, "pod.memory", "bytes"},
    OwnField{Field::kPodThrottled, "pod.throttled", "permille"},
    OwnField{Field::kPodDelay, "pod.delay", "ms/s"},
    OwnField{Field::kPodCpuRequest, "pod.cpu.request", "millicores"},
    OwnField{Field::kPodMemoryRequest, "pod.memory.request", "bytes"},
    OwnField{Field::kPods, "workload.pods", "pods"},
    OwnField{Field::kQos, "pod.qos", "class"},
};

const OwnField* own_field(Field field) {
  const auto found =
      std::find_if(kOwnFields.begin(), kOwnFields.end(), [field](const OwnField& own) { return own.field == field; });
  return found == kOwnFields.end() ? nullptr : &*found;
}

}  // namespace

std::optional<model::Metric> metric_of(Field field) {
  const auto metric = static_cast<model::Metric>(field);
  const auto& all = model::all_metrics();
  if (std::find(all.begin(), all.end(), metric) == all.end()) return std::nullopt;
  return metric;
}

std::string name_of(Field field) {
  if (const OwnField* own = own_field(field)) return std::string(own->name);
  if (const auto metric = metric_of(field)) return std::string(model::name_of(*metric));
  return fmt::format("field-{}", static_cast<unsigned>(field));
}

std::optional<Field> field_from(std::string_view name) {
  if (const auto metric = model::metric_from(name)) return field_of(*metric);
  for (const OwnField& own : kOwnFields) {
    if (own.name == name) return own.field;
  }
  return std::nullopt;
}

std::string_view unit_of(Field field) {
  if (const OwnField* own = own_field(field)) return own->unit;
  if (const auto metric = metric_of(field)) return model::unit_of(*metric);
  return "unknown";
}

const std::vector<Field>& all_fields() {
  static const std::vector<Field> fields = [] {
    std::vector<Field> result;
    for (const model::Metric metric : model::all_metrics())
      result.push_back(field_of(metric));
    for (const OwnField& own : kOwnFields)
      result.push_back(own.field);
    return result;
  }();
  return fields;
}

std::int64_t scale_of(Field field) {
  if (field == Field::kReportsLost) return 1000;
  constexpr std::array<std::string_view, 5> kTenths{"permille", "ms/cpu-s", "ms/s", "per-1000s", "pages/s"};
  return std::find(kTenths.begin(), kTenths.end(), unit_of(field)) == kTenths.end() ? 1 : 10;
}

bool has_sketch(Field field) {
  constexpr std::array kSketched{field_of(model::Metric::kNodeCpu),
                                 field_of(model::Metric::kLsCpu),
                                 field_of(model::Metric::kBeCpu),
                                 field_of(model::Metric::kLsDelay),
                                 field_of(model::Metric::kNodeMemory),
                                 field_of(model::Metric::kLsMemoryPressure),
                                 Field::kPodCpu,
                                 Field::kPodMemory};
  return std::find(kSketched.begin(), kSketched.end(), field) != kSketched.end();
}

}  // namespace tideline::series
