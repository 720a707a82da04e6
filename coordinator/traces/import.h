#pragma once
// Public traces, and whatever a user brings, as chunks. An importer is strict about units and tolerant of the dirt that
// it names: each line is kept, repaired or refused, and counted by why.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/chunk.h"

namespace tideline::traces {

enum class Format : std::uint8_t {
  kBitbrains,            // GWA-T-12: a file a VM, fields by ";\t"; or all of them in one CSV with a header
  kAlibaba2018Machines,  // machine_usage.csv, with machine_meta.csv before it for capacities
  kAlibaba2017Batch,     // batch_task.csv: tasks
  kAlibabaOpenb,         // cluster-trace-gpu-v2023: node list, pod list; requests only
  kGoogleVms,            // vm_id,step,cpu_util_percent,mem_util_percent
  kPlanetLab,            // a line a VM: its name, then CPU % every 300 s
  kCsv,                  // any CSV with a header, by a mapping
  kJsonLines             // an object a line, by a mapping
};
inline constexpr std::array kFormats{Format::kBitbrains,
                                     Format::kAlibaba2018Machines,
                                     Format::kAlibaba2017Batch,
                                     Format::kAlibabaOpenb,
                                     Format::kGoogleVms,
                                     Format::kPlanetLab,
                                     Format::kCsv,
                                     Format::kJsonLines};
std::string_view name_of(Format format);  // "bitbrains", "alibaba-2018", "alibaba-2017-batch", "alibaba-openb", ...
std::optional<Format> format_from(std::string_view text);

/// What became of a line's row. All but kKept have a text for the report.
enum class RowClass : std::uint8_t {
  kKept,
  // repaired: the row is in the archive, changed as its name says
  kUsedAboveRequest,     // kept as measured: hypervisors let a VM burst; counted, as a planner must know
  kNegativeToMissing,    // a value below zero, or marked as abnormal by its trace, is not known
  kAboveRangeToMissing,  // a percentage above 100 where its trace's document excludes it
  kOutOfOrder,           // its time lies before an earlier line's of the same series: sorted in
  // refused: the row is not in the archive
  kDuplicateTime,  // a second row of a series for one time: the first is kept
  kPoweredOff,     // nothing is allocated and nothing is used: the series has a gap here
  kNoRequest,      // a task that says not what it wants
  kFieldCount,     // too few or too many fields, or no JSON object
  kNotANumber,     // or one beyond 2^53; or there is no value at all
  kBadTime,
  kBadName,    // empty, too long, or with bytes that are no UTF-8
  kOverLimit,  // beyond a bound: of series, or a line's bytes
  kTooLate     // its time lies before rows of its series that are in the archive already
};
inline constexpr std::size_t kRowClasses = 14;
std::string_view name_of(RowClass row);     // "kept", "used-above-request" ...
std::string_view meaning_of(RowClass row);  // a sentence's worth, for the report
enum class Fate : std::uint8_t { kKept, kRepaired, kRefused };
Fate fate_of(RowClass row);

struct ImportReport {
  std::array<std::uint64_t, kRowClasses> rows{};
  /// Of each class but kKept the first, as "file:line: text", cut to 160 bytes.
  std::array<std::string, kRowClasses> examples;
  std::uint64_t series = 0;
  std::uint64_t gaps = 0;   // stretches of more than one and a half steps without a row, within a series
  std::int64_t step_s = 0;  // the most common distance of two rows; 0 for tasks
  std::int64_t first = 0;   // of all rows
  std::int64_t last = 0;
  std::vector<std::string> notes;  // what the trace does not have and was assumed, a sentence each
  /// All that were given, but for headers.
  std::uint64_t lines() const;
};

struct ImportOptions {
  /// What percentages are of where a trace has no sizes.
  std::int64_t assumed_cpu_millicores = 16'000;
  std::int64_t assumed_memory_bytes = std::int64_t{64} << 30;
  /// For traces whose times count from their own begin: what that is, s since the epoch.
  std::int64_t epoch_s = 0;
  /// kCsv and kJsonLines: a mapping (mapping.h); nothing else takes one.
  std::string mapping = {};
  std::string mapping_name = "mapping";  // in errors
};

struct ImportLimits {
  /// A line of that many bytes or more is refused: its reader may have cut it.
  static constexpr std::size_t kMaxLine = 1 << 20;
  static constexpr std::size_t kMaxSeries = 1'000'000;
  static constexpr std::size_t kMaxHeldRows = 1 << 22;
};

/// Lines go in file by file; chunks come out, each series' whole as soon as it is known to be complete, at the latest
/// in finish(). Memory is bounded by the longest series where a trace is sorted by series, else by the trace, and
/// always by kMaxHeldRows: with that many in memory all go out, and a series that goes on has a further chunk.
class Importer {
 public:
  using Sink = std::function<model::Result<void>(columns::Chunk chunk)>;
  virtual ~Importer() = default;
  /// `name`: its last path component without .gz. An error is for the whole import: a header that names other columns,
  /// with the one that is missing.
  virtual model::Result<void> begin_file(std::string_view name) = 0;
  /// Without its end of line. Errors are the sink's, or that of a header; a bad row is counted and is none.
  virtual model::Result<void> line(std::string_view text) = 0;
  virtual model::Result<void> finish() = 0;
  virtual const ImportReport& report() const = 0;
};

/// kInvalidArgument for a mapping that is missing, of no use to the format, or wrong; it names line and key.
model::Result<std::unique_ptr<Importer>> make_importer(Format format, const ImportOptions& options,
                                                       Importer::Sink sink);

}  // namespace tideline::traces
