#pragma once
// What a report's numbers become in a fold: whole, within bounds, each in its place.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "messages/model/metric.h"
#include "messages/model/units.h"
#include "storage/series/field.h"
#include "storage/series/tier.h"

namespace tideline::series {

/// Fields of one kind of subject by place, ascending, and those of them that have sketches, by theirs.
struct SlotPlan {
  std::vector<Field> fields;
  std::vector<Field> sketched;
  Tier sketched_from = Tier::kMinute;  // the finest tier that has them
};

inline constexpr std::size_t kNoPlace = std::numeric_limits<std::size_t>::max();

/// What a field is kept with a part of.
enum class PrecisionOf { kNothing, kCpu, kMemory };

struct MetricSlot {
  model::Metric metric{};
  std::int64_t scale = 1;
  std::int64_t most = 0;
  PrecisionOf precision = PrecisionOf::kNothing;
  std::size_t sketch = kNoPlace;
};

/// Metrics have the places of their order here, the other fields follow.
struct NodePlan {
  SlotPlan slots;
  std::vector<MetricSlot> metrics;
  std::size_t reports = 0;
  std::size_t reports_lost = 0;
  std::size_t cpu_capacity = 0;
  std::size_t memory_capacity = 0;
};
const NodePlan& node_plan();

/// Places of the fields of pods and workloads.
enum PodPlace : std::size_t {
  kCpuPlace,
  kMemoryPlace,
  kThrottledPlace,
  kDelayPlace,
  kCpuRequestPlace,
  kMemoryRequestPlace,
  kPodsPlace,
  kQosPlace
};
inline constexpr std::size_t kCpuSketch = 0;
inline constexpr std::size_t kMemorySketch = 1;
const SlotPlan& pod_plan();

/// Largest whole number of the field, as ReportLimits have it.
std::int64_t most_of(Field field);
/// A value in the field's unit, times its scale, to the nearest of 0 to most; nullopt where it is no number.
std::optional<std::int64_t> whole_of(double value, std::int64_t scale, std::int64_t most);

/// 1/parts of a capacity, at least 1, also where it is not known.
std::int64_t precision_of(std::int64_t capacity, std::int64_t parts);
inline constexpr std::int64_t kNodeParts = 2048;
inline constexpr std::int64_t kPodParts = 8192;

/// Whole seconds since the epoch, of the years that a report can tell of.
std::int64_t second_of(model::WallTime time);

}  // namespace tideline::series
