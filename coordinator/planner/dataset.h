#pragma once
// A trace or a piece of history in memory, on one grid of time: what the planner's world is made of.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/archive.h"

namespace tideline::planner {

/// Not there at that step, or not known.
inline constexpr float kAbsent = -1.0F;

/// One workload on the grid, CPU in millicores and memory in MiB: floats have 24 bits, which is 0.00001 %.
struct Workload {
  std::string name;
  std::vector<float> cpu_used;  // kAbsent: it is not there then; one a step, all four alike
  std::vector<float> cpu_request;
  std::vector<float> memory_used_mib;  // kAbsent: not known
  std::vector<float> memory_request_mib;
};

/// Batch work as it was recorded: `instances` of so much each, that were begun together.
struct BatchTask {
  std::int64_t begin_s = 0;  // since the epoch
  std::int64_t end_s = 0;
  std::uint32_t instances = 1;
  float cpu_millicores = 0;
  float memory_mib = 0;
};

struct Dataset {
  std::int64_t begin_s = 0;  // since the epoch: of step 0
  std::int64_t step_s = 300;
  std::size_t steps = 0;
  std::vector<Workload> workloads;  // by name
  std::vector<BatchTask> tasks;     // by begin
  std::vector<std::string> notes;   // what was made of the data on the way, a sentence each
  std::int64_t time_of(std::size_t step) const { return begin_s + static_cast<std::int64_t>(step) * step_s; }
};

struct DatasetRange {
  std::int64_t from_s = std::numeric_limits<std::int64_t>::min();
  std::int64_t until_s = std::numeric_limits<std::int64_t>::max();
  std::int64_t step_s = 0;  // 0: the archive's own most common one
};

/// A row's use counts for the step that it ends in, the mean where there are several; requests are the last known ones.
/// A gap of up to three steps is filled with the value before it, and said in a note; a longer one is absence. Host
/// series are taken as one workload each that requests its capacity, and said in a note. kInvalidArgument where
/// nothing lies in the range.
model::Result<Dataset> read_dataset(const columns::ArchiveReader& archive, const DatasetRange& range);

}  // namespace tideline::planner
