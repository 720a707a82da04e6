#pragma once
// The command line, parsed and checked.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/forecast/forecast.h"
#include "coordinator/planner/capacity.h"
#include "coordinator/planner/capacity_part.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/fine_choice.h"
#include "coordinator/planner/host_slice.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/sweep.h"
#include "coordinator/planner/world.h"
#include "coordinator/planner_program/output.h"
#include "coordinator/planner_program/policy_file.h"
#include "coordinator/traces/import.h"

namespace tideline::planner_program {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

enum class Command : std::uint8_t {
  kImport,
  kScan,
  kPredictors,
  kReplay,
  kFit,
  kMerge,
  kCompare,
  kSweep,
  kCapacity,
  kExplain,
  kVerifyLedger,
  kVersion
};

struct ImportCommand {
  bool recording = false;  // of a node, which is no trace; else:
  traces::Format format = traces::Format::kBitbrains;
  traces::ImportOptions options;  // without the mapping, which is in a file
  std::string mapping_file;
  std::string archive;  // that is written
  bool overwrite = false;
};

/// Where workloads are. kUsual: where they were, as far as the data says.
enum class Placement : std::uint8_t { kUsual, kRecorded, kPacked };

/// Batch work of replays.
struct BatchOptions {
  std::string tasks;      // the archive that it is in; "" = as much as is offered
  bool recorded = false;  // the data's own, when it was
  double cpu_millicores = 1'000;
  double memory_mib = 2'048;
  std::int64_t runtime_s = 3'600;
  bool repeat = false;
};

struct PredictionOptions {
  forecast::Resource resource = forecast::Resource::kCpu;
  std::int64_t window_s = 86'400;
  std::optional<std::int64_t> score_from_s;  // nullopt: the second half of the data
  std::optional<std::int64_t> score_until_s;
  std::vector<forecast::ForecastSpec> forecasts;
};

struct SweepCommand {
  planner::SweepKnob knob = planner::SweepKnob::kReclaimThreshold;
  std::vector<double> values;  // of a policy's knob
  double accepted_risk = 0.01;
};

/// Which steps of a replay are looked into tick by tick.
struct FineCommand {
  bool wanted = false;
  std::vector<planner::FineWindow> windows;
  std::size_t worst = 0;   // the fullest host-steps
  std::string model_file;  // a demand model; "" = the usual one
  std::uint64_t seed = 1;
};

struct ExplainCommand {
  std::string host;  // "node-0007", or its number
  std::int64_t at_s = 0;
};

struct Options {
  Command command = Command::kVersion;
  std::string command_line;        // for reports: without what changes nothing in them
  std::vector<std::string> files;  // an archive or a store, traces, parts, saved replays, or recordings
  OutputOptions output;
  std::size_t threads = 1;
  planner::DatasetRange range;
  planner::PackOptions pack;
  Placement placement = Placement::kUsual;
  planner::Shard shard;          // all hosts
  std::string part_file;         // of the shard; "" = none, and the answer
  std::string resume_directory;  // "" = nothing is kept
  bool stats = false;
  PolicyOptions policy;
  std::int64_t horizon_s = 3'600;
  ImportCommand trace;
  BatchOptions batch;
  PredictionOptions prediction;
  SweepCommand sweep;
  FineCommand fine;
  std::int64_t fit_window_s = 300;
  int margin = planner::kUsualMargin;  // of a shard of capacity
  planner::CapacityOptions capacity;   // without `pack`, `recorded`, `parallel` and `kept`
  ExplainCommand explain;
  std::string name;     // of a replay; "" = its policy's
  std::string against;  // a recording; "" = none
  bool by_host = false;
};

/// Nothing to run: print and leave.
struct Leave {
  int exit_code = kDone;
  std::string out = {};  // for stdout
  std::string err = {};  // for stderr
};

std::variant<Options, Leave> parse_options(int argc, const char* const* argv);

}  // namespace tideline::planner_program
