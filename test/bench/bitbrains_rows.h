#pragma once
// Bitbrains' VMs (coordinator/traces/bitbrains.h) as whole numbers on one grid of moments, the same for every store
// that is measured with them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::bench {

struct VmRow {
  std::int64_t moment = 0;       // of kMomentSeconds each, from the trace's begin
  std::int64_t cpu_request = 0;  // millicores
  std::int64_t cpu_used = 0;
  std::int64_t memory_request = 0;  // bytes
  std::int64_t memory_used = 0;
  friend bool operator==(const VmRow&, const VmRow&) = default;
};
inline constexpr std::int64_t kMomentSeconds = 300;

/// Which of a row are samples.
enum class Columns { kAll, kUsed, kAllocated };
constexpr std::uint64_t values_of_row(Columns columns) {
  return columns == Columns::kAll ? 4 : 2;
}

struct Vm {
  std::string name;         // "vm-17"
  std::vector<VmRow> rows;  // by moment, each once: the last where a moment has two
};

struct VmTrace {
  std::vector<Vm> vms;
  std::int64_t moments = 0;
  std::uint64_t rows = 0;
  std::uint64_t twice = 0;  // rows of the file that another of the same moment took the place of
};

/// Of the set's CSV of 14 days; the first `vms` and `moments` of it, 0: all. Errors name file and line.
model::Result<VmTrace> read_vms(const std::string& path, std::size_t vms, std::int64_t moments);

/// Where the CSV is on this machine: TIDELINE_TRACES, else beside TIDELINE_SOURCE.
std::string bitbrains_csv();

/// VMs as pods on hosts of `of_host` each. A report of a host has what its VMs have of one moment, and nothing else.
class VmHosts {
 public:
  VmHosts(const VmTrace& trace, std::size_t of_host, std::int64_t begin_s, Columns columns);
  std::size_t size() const { return hosts_.size(); }
  /// The host's next moment in which one of its VMs has a row; nullopt: there is none. Ends at the moment's end.
  std::optional<model::Report> next(std::size_t host);
  /// Whose pods they are, in the trace's order.
  const std::vector<const Vm*>& vms(std::size_t host) const { return hosts_.at(host).vms; }

 private:
  struct Host {
    std::vector<const Vm*> vms;
    std::vector<std::size_t> at;  // of each its next row
    std::vector<model::SharedPod> pods;
    std::int64_t cpu = 0;
    std::int64_t memory = 0;
  };

  std::int64_t begin_s_;
  Columns columns_;
  std::vector<Host> hosts_;
};

}  // namespace tideline::bench
