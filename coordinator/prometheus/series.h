#pragma once
// The series that reports give to Prometheus. Base units, the unit last in the name (prometheus.io, "Metric and label
// naming"). Names are in operators' queries and never change.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "messages/model/report.h"

namespace tideline::prometheus {

enum class SeriesOf : std::uint8_t { kNode, kPod };

struct SeriesInfo {
  std::string_view name;
  SeriesOf of = SeriesOf::kNode;
};

/// Nodes' first. A series is spoken of by its place here.
std::span<const SeriesInfo> all_series();
inline constexpr std::size_t kMaxSeries = 64;

/// One value a report: of what is used or waited for the mean over the samples that know it, as history's mean over the
/// same samples; of limits, rungs and the node's status the newest. nullopt: not known, or there is no such limit.
/// `place` must be a node's series.
std::optional<double> node_value(std::size_t place, const model::Report& report);
/// The mean over the report's window. `place` must be a pod's series.
std::optional<double> pod_value(std::size_t place, const model::PodSummary& pod);

}  // namespace tideline::prometheus
