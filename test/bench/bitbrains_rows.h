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

/// How moments become reports.
struct Pace {
  std::int64_t seconds_apart = kMomentSeconds;  // moments, in the store
  std::int64_t moments_of_report = 1;
  std::int64_t report_s() const { return seconds_apart * moments_of_report; }
};

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

/// The same samples as of so many times as many VMs, over that part of the time: "vm-17" becomes "vm-17.0", "vm-17.1"
/// and so on. Moments that do not make a whole part are left out.
VmTrace abreast(const VmTrace& trace, std::int64_t parts);

/// What a VM has in the moments of one report.
struct VmWindow {
  std::int64_t number = 0;  // moment / moments_of_report
  std::vector<VmRow> rows;  // one at least
};
/// The window of its row `at`, which is moved behind it; nullopt: there is none.
std::optional<VmWindow> take_window(const Vm& vm, std::size_t& at, std::int64_t moments_of_report);

/// Where the CSV is on this machine: TIDELINE_TRACES, else beside TIDELINE_SOURCE.
std::string bitbrains_csv();

/// VMs as pods on hosts of `of_host` each. A report of a host has what its VMs have of one moment, and nothing else; of
/// several what an agent makes of them (node-actor/sense/window.h): min, mean and max of what each VM used, what it
/// asked for at last, and what all of them together used in each.
class VmHosts {
 public:
  VmHosts(const VmTrace& trace, std::size_t of_host, std::int64_t begin_s, Columns columns, Pace pace);
  std::size_t size() const { return hosts_.size(); }
  /// The host's next report for which one of its VMs has a row; nullopt: there is none. Ends at its last moment's end.
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

  /// The pod of the host's VM as of this row.
  const model::SharedPod& pod_of(Host& host, std::size_t vm, const VmRow& row) const;

  std::int64_t begin_s_;
  Columns columns_;
  Pace pace_;
  std::vector<Host> hosts_;
};

}  // namespace tideline::bench
