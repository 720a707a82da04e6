#pragma once
// What a column of history is of.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/metric.h"

namespace tideline::series {

/// Of a node its metrics, by model::Metric's numbers (1 to 511); of pods and workloads, and of how much is known, the
/// numbers below. They are in files and never change.
enum class Field : std::uint16_t {
  kPodCpu = 512,            // pod.cpu            millicores; of a workload the sum over its pods on the node
  kPodMemory = 513,         // pod.memory         bytes, anon + unevictable; likewise
  kPodThrottled = 514,      // pod.throttled      permille of periods; of a workload the worst pod
  kPodDelay = 515,          // pod.delay          ms waited for a CPU per second; likewise
  kPodCpuRequest = 516,     // pod.cpu.request    millicores, of batch pods batch-cpu, of mid pods mid-cpu; a sum too
  kPodMemoryRequest = 517,  // pod.memory.request bytes, in the same way
  kPods = 518,              // workload.pods      of a workload on the node
  kQos = 519,               // pod.qos            model::QosClass as a number; of a workload its first pod's by uid
  kReports = 600,           // reports            of the node, that ended in the step
  kReportsLost = 601,       // reports.lost       of the node: gap_reports of those
  kCpuCapacity = 602,       // node.cpu.capacity     millicores
  kMemoryCapacity = 603     // node.memory.capacity  bytes
};

constexpr Field field_of(model::Metric metric) {
  return static_cast<Field>(metric);
}
/// nullopt: it is no node's metric that this build knows.
std::optional<model::Metric> metric_of(Field field);

/// "node.cpu", "pod.cpu", ... ; "field-37" of one that this build does not know.
std::string name_of(Field field);
std::optional<Field> field_from(std::string_view name);
std::string_view unit_of(Field field);  // as model::unit_of
/// Fields of nodes, then those of pods and workloads, as an operator may ask for them.
const std::vector<Field>& all_fields();

/// Values are whole numbers in history: a value in unit_of(field), times this, to the nearest. 1 of CPU, bytes and
/// counts; 10 of permille, ms a second and rates; 1000 of kReportsLost, of which a mean is mostly far below 1.
std::int64_t scale_of(Field field);

/// Whether quantiles are kept of it: of nodes node.cpu, ls.cpu, be.cpu, ls.delay, node.memory and ls.pressure.memory,
/// in the tiers of 1 and 15 minutes; of pods and workloads pod.cpu and pod.memory, in that of 15 minutes.
bool has_sketch(Field field);

}  // namespace tideline::series
