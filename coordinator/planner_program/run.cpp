#include "coordinator/planner_program/run.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/cpu_time.h"
#include "coordinator/planner_program/threads.h"
#include "messages/model/json_text.h"

namespace tideline::planner_program {
namespace {

constexpr std::size_t kMostErrorBytes = 4'000;

model::Result<void> run_command(const Options& options, Session& session) {
  switch (options.command) {
    case Command::kImport:
      return run_import(options, session);
    case Command::kScan:
      return run_scan(options, session);
    case Command::kPredictors:
      return run_predictors(options, session);
    case Command::kReplay:
      return run_replay(options, session);
    case Command::kFit:
      return run_fit(options, session);
    case Command::kMerge:
      return run_merge(options, session);
    case Command::kCompare:
      return run_compare(options, session);
    case Command::kSweep:
      return run_sweep(options, session);
    case Command::kCapacity:
      return run_capacity(options, session);
    case Command::kExplain:
      return run_explain(options, session);
    case Command::kVerifyLedger:
      return run_verify_ledger(options, session);
    case Command::kVersion:
      break;
  }
  return print("tideline-planner " TIDELINE_VERSION "\n");
}

/// On standard error, as no two runs take the same.
void print_stats(std::chrono::steady_clock::time_point begun, const Simulated& simulated) {
  struct rusage used {};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begun;
  auto lines = fmt::format("tideline-planner: {:.2f} s, {:.2f} s of CPU time, {:.1f} MiB of memory at most\n",
                           wall.count(), process_cpu_s(), static_cast<double>(used.ru_maxrss) / 1'024);
  if (simulated.cpu_s > 0) {
    lines += fmt::format("tideline-planner: tick by tick {:.0f} host-seconds in {:.2f} s of CPU time, {:.0f} in each\n",
                         simulated.host_s, simulated.cpu_s, simulated.host_s / simulated.cpu_s);
  }
  std::fwrite(lines.data(), 1, lines.size(), stderr);
}

}  // namespace

std::vector<std::string> inputs_of(const Options& options) {
  auto inputs = options.files;
  const bool are_recordings =
      options.command == Command::kFit || (options.command == Command::kImport && options.trace.recording);
  if (are_recordings) {
    for (const auto& file : options.files)
      inputs.push_back(file + ".1");
  }
  for (const auto* file : {&options.policy.file, &options.batch.tasks, &options.against, &options.fine.model_file,
                           &options.trace.mapping_file}) {
    if (!file->empty()) inputs.push_back(*file);
  }
  if (!options.against.empty()) inputs.push_back(options.against + ".1");
  return inputs;
}

int run(const Options& options, const std::atomic<bool>& stop) {
  const auto begun = std::chrono::steady_clock::now();
  Meter meter;
  Session session{stop, meter, parallel_on(options.threads)};
  auto taken = inputs_of(options);
  if (!options.trace.archive.empty()) taken.push_back(options.trace.archive);
  auto done = check_outputs(options.output, taken);
  for (const auto* file : {&options.output.json_file, &options.output.html_file, &options.output.report_file}) {
    if (!file->empty()) taken.push_back(*file);
  }
  if (done) done = check_outputs({.json_file = options.part_file}, taken);
  if (done) done = run_command(options, session);
  meter.clear();
  if (options.stats) print_stats(begun, session.simulated);
  if (done) return kDone;
  const auto line = fmt::format("tideline-planner: {}\n", model::printable(done.error().message(), kMostErrorBytes));
  std::fwrite(line.data(), 1, line.size(), stderr);
  return kFailed;
}

}  // namespace tideline::planner_program
