#include "storage/history_program/run.h"

#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "messages/model/json_text.h"
#include "storage/history_program/commands.h"

namespace tideline::history_program {
namespace {

constexpr std::size_t kMostErrorBytes = 4'000;

model::Result<ExitCode> run_chosen(const Options& options, Session& session) {
  switch (options.command) {
    case Command::kState:
      return run_state(options, session);
    case Command::kVerify:
      return run_verify(options, session);
    case Command::kBackup:
      return run_backup(options, session);
    case Command::kBackups:
      return run_backups(options, session);
    case Command::kRestore:
      return run_restore(options, session);
    case Command::kSalvage:
      return run_salvage(options, session);
    case Command::kExport:
      return run_export(options, session);
    case Command::kImport:
      return run_import(options, session);
    case Command::kVersion:
      break;
  }
  if (auto printed = print("tideline-history " TIDELINE_VERSION "\n"); !printed) return printed.error();
  return kDone;
}

}  // namespace

int run(const Options& options, const std::atomic<bool>& stop) {
  StatusLine status;
  Session session{stop, status};
  const auto code = run_chosen(options, session);
  status.clear();
  if (code) return *code;
  const std::string why = model::printable(code.error().message(), kMostErrorBytes);
  std::fputs(fmt::format("tideline-history: {}\n", why).c_str(), stderr);
  return kFailed;
}

}  // namespace tideline::history_program
