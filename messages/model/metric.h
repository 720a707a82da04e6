#pragma once
// The series that history answers for. Values are stored: never renumber.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "messages/model/report.h"

namespace tideline::model {

enum class Metric : std::uint16_t {
  kNodeCpu = 1,            // node.cpu          millicores
  kLsCpu = 2,              // ls.cpu            millicores
  kBeCpu = 3,              // be.cpu            millicores
  kSystemCpu = 4,          // system.cpu        millicores
  kBeLimit = 5,            // be.limit          millicores, absent = no quota
  kNodeMemory = 6,         // node.memory       bytes
  kLsMemory = 7,           // ls.memory         bytes
  kBeMemory = 8,           // be.memory         bytes
  kLsDelay = 9,            // ls.delay          ms waited per second of LS CPU
  kCpuPressure = 10,       // pressure.cpu      permille of time, "some"
  kMemoryPressure = 11,    // pressure.memory   permille of time, "some"
  kIoPressure = 12,        // pressure.io       permille of time, "some"
  kMemoryAvailable = 13,   // memory.available      bytes, of the tightest bound
  kBeMemoryUsage = 14,     // be.memory.usage       bytes, with page cache
  kBeMemoryLimit = 15,     // be.memory.limit       bytes, absent = relief holds BE to none
  kLsMemoryPressure = 16,  // ls.pressure.memory    permille of time, "some", of the worst pod
  kAllocStalls = 17,       // memory.alloc_stalls   per 1000 s
  kLsRefaults = 18,        // ls.refaults           pages per second
  kReliefRung = 19,        // memory.relief         0 none .. 4 emergency; not known where memory.available is not
};

std::string_view name_of(Metric metric);
std::string_view unit_of(Metric metric);
std::optional<Metric> metric_from(std::string_view name);
const std::vector<Metric>& all_metrics();

/// The metric's value in a sample; nullopt = not known.
std::optional<double> value_of(Metric metric, const NodeSample& sample);

}  // namespace tideline::model
