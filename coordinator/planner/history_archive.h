#pragma once
// An export of history (storage/series/export.h): which series is whose, by the index alone, and the data of some of
// its hosts at a time.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/dataset_grid.h"
#include "coordinator/planner/host_slice.h"
#include "messages/model/result.h"
#include "storage/columns/archive.h"

namespace tideline::planner {

class HistoryArchive {
 public:
  /// `archive` must outlive it. Without a step in the range the step is the archive's tier; kInvalidArgument for one
  /// that is no multiple of that, and where no host has a row in the range. kMalformed, kUnsupported: `about` is not as
  /// export.h has it, or of a later version.
  static model::Result<HistoryArchive> open(const columns::ArchiveReader& archive, const DatasetRange& range);

  /// That have a row in the range, by name.
  std::size_t hosts() const { return hosts_.size(); }
  const std::string& host_name(std::size_t host) const { return hosts_[host].name; }
  /// Host slices of `all`, one after another, of at most so many values of a column, or of one host. At least one.
  std::vector<HostSlice> stretches(const HostSlice& all, std::size_t cells) const;

  /// Of those hosts alone. The grid is the same for all. A row tells of the step that ends at its time, and counts for
  /// the step of the grid that it lies in.
  ///  * A host's series is a host: its capacity, and what it used beyond its pods, which is the system. Where no row
  ///    tells of the capacity it is assumed to be the most that was used, and that is said.
  ///  * Pods are workloads, on the host they were on; those of QoS BE are tasks, from their first step to their last,
  ///    of one instance that asks for the most that it requested, or used where it requested nothing.
  ///  * Series of workloads would count pods twice, and are passed over; without any pod they are taken in their place.
  /// kOverloaded: more values than memory is meant to hold.
  model::Result<Dataset> read(const HostSlice& hosts) const;

 private:
  /// One series: of entries_, [first, last).
  struct Run {
    std::size_t first = 0;
    std::size_t last = 0;
  };
  struct Host {
    std::string name;
    Run own;
    std::vector<Run> pods;  // by name
  };

  explicit HistoryArchive(const columns::ArchiveReader& archive) : archive_(&archive) {}
  std::vector<Run> runs_in_range(std::int64_t& first_s, std::int64_t& last_s);
  void assign(const std::vector<Run>& runs);
  const std::string& series_of(const Run& run) const { return entries_[run.first]->series; }
  DatasetGrid grid_of(const Run& run) const;
  std::size_t cells_of(std::size_t host) const;
  model::Result<void> read_host(std::size_t host, Dataset& data) const;

  const columns::ArchiveReader* archive_;
  DatasetSpan span_;
  DatasetGrid grid_;
  std::vector<const columns::ChunkEntry*> entries_;  // that lie in the range, by series and time
  std::vector<Host> hosts_;                          // by name
  std::size_t pods_ = 0;
  bool owners_ = false;  // workloads stand for pods
  DataCounts counts_;    // what the index alone says
};

}  // namespace tideline::planner
