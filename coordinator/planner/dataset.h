#pragma once
// A trace or a piece of history in memory, on one grid of time: what the planner's world is made of.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "coordinator/planner/data_counts.h"
#include "messages/model/result.h"
#include "storage/columns/archive.h"

namespace tideline::planner {

/// Not there at that step, or not known.
inline constexpr float kAbsent = -1.0F;
inline constexpr std::uint32_t kNoHost = std::numeric_limits<std::uint32_t>::max();

/// One workload on the grid, CPU in millicores and memory in MiB: floats have 24 bits, which is 0.00001 %.
struct Workload {
  std::string name;
  std::vector<float> cpu_used;  // kAbsent: it is not there then; one a step from `first` on, all four alike
  std::vector<float> cpu_request;
  std::vector<float> memory_used_mib;  // kAbsent: not known
  std::vector<float> memory_request_mib;
  std::size_t first = 0;         // step; before the first and behind the last value it is not there
  std::uint32_t host = kNoHost;  // number in Dataset::hosts of the one that it was on, where that is known

  /// One of the four at a step of the data.
  float at(const std::vector<float>& column, std::size_t step) const {
    const std::size_t row = step - first;
    return step >= first && row < column.size() ? column[row] : kAbsent;
  }
  bool is_there(std::size_t step) const { return at(cpu_used, step) >= 0; }
};

/// A host as history has it, a value a step of the data; kAbsent: nothing is known of it then.
struct RecordedHost {
  std::string name;
  std::vector<float> cpu_capacity;  // millicores
  std::vector<float> memory_capacity_mib;
  /// What the host used and its pods did not, within 0 and the capacity; of memory kAbsent also where its use is not
  /// known.
  std::vector<float> cpu_system;
  std::vector<float> memory_system_mib;
  /// Its capacity is nowhere told of: it is the most that was used.
  bool is_cpu_assumed = false;
  bool is_memory_assumed = false;
  bool is_there(std::size_t step) const { return cpu_capacity[step] >= 0; }
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
  std::vector<Workload> workloads;  // by name; of history by host, then by name
  std::vector<BatchTask> tasks;     // by begin
  DataCounts counts;                // what was made of the data on the way
  std::vector<std::string> notes;   // a sentence for each of it
  /// Of exports of history, by name; else none.
  std::vector<RecordedHost> hosts;
  std::size_t first_host = 0;  // number of hosts.front() among all that the archive tells of in the range
  std::size_t all_hosts = 0;   // those, and their series of pods
  std::size_t all_pods = 0;
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
/// nothing lies in the range. An export of history is read as HistoryArchive says (history_archive.h).
model::Result<Dataset> read_dataset(const columns::ArchiveReader& archive, const DatasetRange& range);

}  // namespace tideline::planner
