#pragma once
// Loads that were recorded elsewhere, for simulated hosts to repeat. Two formats, told apart by their first line:
//
// Ours: comma-separated, a header line with these columns in any order, one row a pod and instant.
//   time_s                   seconds, from any begin; a row holds until the pod's next one
//   host                     name; a node of that name has it, the others take the hosts in turn
//   cpu_millicores           what the pod would use
//   pod                      name; absent or empty: the one pod of its class on that host
//   class                    LS (also where absent) or BE
//   memory_bytes             what it holds; absent or empty: all it requests
//   cpu_request_millicores   absent or empty: the most it would use in the whole trace
//   memory_request_bytes     absent or empty: the most it holds
// All columns after the third may be missing.
//
// GWA-T-12 (Bitbrains): one file a virtual machine, columns with ';', "Timestamp [ms]" in ms or, as the published files
// have it, seconds. A machine becomes an LS pod that requests its cores and its memory; machines are put on hosts in
// the order of the files, to the host's CPU. Powered off (capacity 0) it uses nothing; use above the capacity stays.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::simulation {

struct TraceLimits {
  static constexpr std::size_t kMaxRows = 20'000'000;
  static constexpr std::size_t kMaxHosts = 100'000;
  static constexpr std::size_t kMaxPodsOfHost = 512;
  static constexpr std::size_t kMaxNameBytes = 200;
};

/// 16 bytes: there are millions.
struct TracePoint {
  std::int64_t at_ms = 0;
  float cpu_milli = 0;
  float memory_bytes = -1;  // below 0: not told
};

struct TracePod {
  std::string name;
  model::QosClass qos = model::QosClass::kLs;  // kLs or kBe
  model::MilliCpu request;
  model::Bytes memory_request;
  std::vector<TracePoint> points;  // by time, one an instant, at least one
};

struct TraceHost {
  std::string name;
  std::vector<TracePod> pods;
};

struct Trace {
  std::vector<TraceHost> hosts;  // at least one
  std::int64_t begin_ms = 0;
  std::int64_t length_ms = 1;  // after it the trace begins again

  /// Of the node of that name and number.
  std::size_t host_of(const model::NodeName& node, std::size_t number) const;
  /// What is in force `since` its begin; nullptr: the pod is not there yet.
  const TracePoint* point(const TracePod& pod, model::Duration since) const;
};

/// Reads a trace line by line. Errors are kInvalidArgument with what is wrong in the line; the caller knows which it
/// is.
class TraceReader {
 public:
  /// Machines of a Bitbrains trace are put on hosts of this size.
  explicit TraceReader(model::MilliCpu host_cpu) : host_cpu_(host_cpu) {}

  /// A file begins. `stem`: its name without directory and ending, which names a Bitbrains machine.
  model::Result<void> begin(std::string_view header, const std::string& stem);
  /// The next line of it; an empty one is nothing.
  model::Result<void> row(std::string_view line);
  /// kInvalidArgument: there was no row.
  model::Result<Trace> take();

 private:
  enum class Column : std::uint8_t {
    kTime,
    kHost,
    kCpu,
    kPod,
    kClass,
    kMemory,
    kCpuRequest,
    kMemoryRequest,
    kCores,
    kCapacityMhz,
    kUsedMhz,
    kCapacityKb,
    kUsedKb,
    kOther
  };
  struct Fields;

  model::Result<void> columns_of(std::string_view header);
  model::Result<Fields> fields_of(std::string_view line) const;
  model::Result<void> tideline_row(const Fields& fields);
  model::Result<void> bitbrains_row(const Fields& fields);
  model::Result<TracePod*> pod_of(const std::string& host, const std::string& pod, model::QosClass qos);
  void pack_machines();

  model::MilliCpu host_cpu_;
  char separator_ = ',';
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
  std::vector<TraceHost> hosts_;
  std::map<std::string, std::size_t, std::less<>> host_index_;
  std::map<std::pair<std::size_t, std::string>, std::size_t> pod_index_;  // host and class with name
  std::vector<TracePod> machines_;
};

}  // namespace tideline::simulation
