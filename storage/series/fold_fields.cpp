#include "storage/series/fold_fields.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "messages/model/report.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

using FoldLimits = model::ReportLimits;

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of year 9999

PrecisionOf precision_by_unit(std::string_view unit) {
  if (unit == "millicores") return PrecisionOf::kCpu;
  if (unit == "bytes") return PrecisionOf::kMemory;
  return PrecisionOf::kNothing;
}

NodePlan make_node_plan() {
  NodePlan plan;
  plan.slots.sketched_from = Tier::kMinute;
  std::vector<model::Metric> metrics = model::all_metrics();
  std::sort(metrics.begin(), metrics.end());
  for (const model::Metric metric : metrics) {
    const Field field = field_of(metric);
    MetricSlot slot{.metric = metric,
                    .scale = scale_of(field),
                    .most = most_of(field),
                    .precision = precision_by_unit(unit_of(field)),
                    .sketch = kNoPlace};
    if (has_sketch(field)) {
      slot.sketch = plan.slots.sketched.size();
      plan.slots.sketched.push_back(field);
    }
    plan.metrics.push_back(slot);
    plan.slots.fields.push_back(field);
  }
  const auto place_for = [&plan](Field field) {
    plan.slots.fields.push_back(field);
    return plan.slots.fields.size() - 1;
  };
  plan.reports = place_for(Field::kReports);
  plan.reports_lost = place_for(Field::kReportsLost);
  plan.cpu_capacity = place_for(Field::kCpuCapacity);
  plan.memory_capacity = place_for(Field::kMemoryCapacity);
  return plan;
}

}  // namespace

const NodePlan& node_plan() {
  static const NodePlan plan = make_node_plan();
  return plan;
}

const SlotPlan& pod_plan() {
  static const SlotPlan plan{.fields = {Field::kPodCpu, Field::kPodMemory, Field::kPodThrottled, Field::kPodDelay,
                                        Field::kPodCpuRequest, Field::kPodMemoryRequest, Field::kPods, Field::kQos},
                             .sketched = {Field::kPodCpu, Field::kPodMemory},
                             .sketched_from = Tier::kQuarterHour};
  return plan;
}

std::int64_t most_of(Field field) {
  const std::string_view unit = unit_of(field);
  const auto scaled = [field](double most) {
    return std::min(std::llround(most) * scale_of(field), static_cast<long long>(kMostWhole));
  };
  if (unit == "millicores") return FoldLimits::kMaxMilliCpu;
  if (unit == "bytes") return FoldLimits::kMaxMemoryBytes;
  if (unit == "permille") return scaled(FoldLimits::kMaxStalledShare * 1000);
  if (unit == "pages/s") return scaled(FoldLimits::kMaxMemoryRate);
  if (unit == "per-1000s") return scaled(FoldLimits::kMaxMemoryRate * 1000);
  return kMostWhole;
}

std::optional<std::int64_t> whole_of(double value, std::int64_t scale, std::int64_t most) {
  if (std::isnan(value)) return std::nullopt;
  const double scaled = value * static_cast<double>(scale);
  if (scaled <= 0) return 0;
  if (scaled >= static_cast<double>(most)) return most;
  return static_cast<std::int64_t>(std::floor(scaled + 0.5));
}

std::int64_t precision_of(std::int64_t capacity, std::int64_t parts) {
  return std::clamp<std::int64_t>(capacity / parts, 1, kMostWhole);
}

std::int64_t second_of(model::WallTime time) {
  return std::clamp<std::int64_t>(time.ms / 1000, 0, kLastSecond);
}

}  // namespace tideline::series
