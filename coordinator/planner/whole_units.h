#pragma once
// From the grid's floats to the units of the live code. What is absent, negative or no number is none; what no host has
// is cut to the largest that a report may hold.

#include <cmath>
#include <cstdint>

#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::planner {

inline constexpr double kBytesOfMib = 1'048'576;

/// Rounded to the nearest, within 0..most.
inline std::int64_t whole_within(double value, std::int64_t most) {
  if (!(value > 0)) return 0;
  if (value >= static_cast<double>(most)) return most;
  return std::llround(value);
}

inline model::MilliCpu whole_millicores(double millicores) {
  return model::MilliCpu(whole_within(millicores, model::ReportLimits::kMaxMilliCpu));
}

inline model::Bytes whole_bytes(double mib) {
  return model::Bytes(whole_within(mib * kBytesOfMib, model::ReportLimits::kMaxMemoryBytes));
}

inline double cores_of(model::MilliCpu cpu) {
  return static_cast<double>(cpu.value()) / 1000;
}

}  // namespace tideline::planner
