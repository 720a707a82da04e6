#pragma once
// Words as they stand on the command line, before they are checked, and the check. "" is a word that was not given and
// has no default that all commands share.

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner_program/options.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// Of import, beside those of traces.
inline constexpr std::string_view kRecordingFormat = "recording";

struct RawOptions {
  std::string archive;
  std::string json;  // "true": printed
  std::string threads;
  std::string from;
  std::string until;
  std::string step;
  std::string hosts = "0";
  std::string host_cpu = "64";
  std::string host_memory = "256Gi";
  std::string system_cpu = "1";
  std::string system_memory = "4Gi";
  std::string fill = "100";
  std::string memory_fill = "100";
  std::string seed = "1";
  std::string placement;
  std::string shard;
  std::string node_labels;
  std::string horizon;
  std::string format;
  std::string epoch = "1970-01-01T00:00:00Z";
  std::string assumed_cpu = "16";
  std::string assumed_memory = "64Gi";
  std::string batch_cpu = "1";
  std::string batch_memory = "2Gi";
  std::string batch_runtime = "1h";
  std::string resource;
  std::string window;
  std::string fit_until;
  std::string score_from;
  std::string score_until;
  std::string forecasts;
  std::string knob;
  std::string values;
  std::string risk = "0.01";
  std::string safe_percent = "90";
  std::string growth = "0";
  std::string spare = "1";
  std::string resamples = "200";
  std::string at;
  std::vector<std::string> fine_windows;
  std::string fine_worst;
  std::string fine_seed;
  std::string fit_window = "5m";
  std::string margin;
};

/// Puts what `raw` says into `options`, whose command is known. kInvalidArgument names the option.
model::Result<void> check_options(const RawOptions& raw, Options& options);

}  // namespace tideline::planner_program
