#include "coordinator/planner_program/run.h"

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "coordinator/planner_program/commands.h"
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
    case Command::kCompare:
      return run_compare(options, session);
    case Command::kSweep:
      return run_sweep(options, session);
    case Command::kCapacity:
      return run_capacity(options, session);
    case Command::kExplain:
      return run_explain(options, session);
    case Command::kVersion:
      break;
  }
  return print("tideline-planner " TIDELINE_VERSION "\n");
}

std::vector<std::string> inputs_of(const Options& options) {
  auto inputs = options.files;
  for (const auto* file :
       {&options.policy.file, &options.batch.tasks, &options.trace.mapping_file, &options.trace.archive}) {
    if (!file->empty()) inputs.push_back(*file);
  }
  return inputs;
}

}  // namespace

int run(const Options& options, const std::atomic<bool>& stop) {
  Meter meter;
  Session session{stop, meter, parallel_on(options.threads)};
  auto done = check_outputs(options.output, inputs_of(options));
  if (done) done = run_command(options, session);
  meter.clear();
  if (done) return kDone;
  const auto line = fmt::format("tideline-planner: {}\n", model::printable(done.error().message(), kMostErrorBytes));
  std::fwrite(line.data(), 1, line.size(), stderr);
  return kFailed;
}

}  // namespace tideline::planner_program
