#pragma once
// The command line, parsed and checked.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/model/units.h"
#include "storage/series/tier.h"

namespace tideline::history_program {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

enum class Command : std::uint8_t {
  kState,
  kVerify,
  kBackup,
  kBackups,
  kRestore,
  kSalvage,
  kExport,
  kImport,
  kVersion
};

struct Options {
  Command command = Command::kVersion;
  bool json = false;
  std::string directory;  // of the store or the coordinator's data, or of backups; of an import: into which
  std::string to;         // of a backup: the directory of backups; of others: where the store is made
  std::string file;       // the archive
  bool overwrite = false;
  std::optional<std::uint32_t> id;      // of the backup to restore; nullopt = the newest
  std::optional<std::uint32_t> verify;  // backup to read and check
  std::optional<std::size_t> keep;      // so many of the newest backups
  // Of an export.
  model::WallTime from;
  model::WallTime until;
  std::vector<std::string> nodes;  // empty = all
  series::Tier tier = series::Tier::kMinute;
  bool pods = true;
  bool quantiles = true;
  bool events = true;
};

/// Nothing to run: print and leave.
struct Leave {
  int exit_code = kDone;
  std::string out = {};  // for stdout
  std::string err = {};  // for stderr
};

/// Relative times are counted from `now`.
std::variant<Options, Leave> parse_options(int argc, const char* const* argv, model::WallTime now);

}  // namespace tideline::history_program
