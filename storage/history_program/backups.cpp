#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storage/history_program/commands.h"
#include "storage/history_program/place.h"
#include "storage/history_program/text.h"
#include "storage/rocks/backup.h"
#include "storage/rocks/rocks_store.h"

namespace tideline::history_program {
namespace {

using model::Result;
using nlohmann::ordered_json;
using rocks::RocksStore;
using series::BackupInfo;

/// False once a signal came.
std::function<bool(std::uint64_t)> copy_progress(std::string_view what, Session& session) {
  return [&session, word = std::string(what)](std::uint64_t bytes) {
    session.status.show(fmt::format("{}: {} copied", word, size_text(bytes)));
    return !session.stop;
  };
}

std::string backup_text(const BackupInfo& backup) {
  return fmt::format("backup {} of {}: {} in {} files", backup.id, time_text(backup.at_s), size_text(backup.bytes),
                     backup.files);
}

ordered_json backup_json(const BackupInfo& backup) {
  return {{"id", backup.id}, {"wallMs", backup.at_s * 1000}, {"bytes", backup.bytes}, {"files", backup.files}};
}

/// By one that only reads, where that can; else by one that opens it for good.
Result<BackupInfo> make_backup(const std::string& place, const Options& options, Session& session) {
  const bool held = RocksStore::is_held(place);
  const auto progress = copy_progress("backup", session);
  {
    // A store of an older format is refused here, and not brought to a newer one on the way.
    const auto reader = RocksStore::open_read_only(place);
    if (!reader) return reader.error();
    auto made = (*reader)->backup(options.to, progress);
    if (made || made.error().code() != model::ErrorCode::kUnsupported) return made;
  }
  if (held) {
    return model::Error(model::ErrorCode::kUnavailable,
                        fmt::format("{}: a process has it open, and who only reads makes no backup: \"tidectl history "
                                    "backup\" has the coordinator make one",
                                    name_text(place)));
  }
  const auto store = RocksStore::open(place);
  if (!store) return store.error();
  return (*store)->backup(options.to, progress);
}

std::string backup_list(const std::vector<BackupInfo>& backups) {
  if (backups.empty()) return "no backups\n";
  std::vector<std::vector<std::string>> rows = {{"ID", "MADE", "SIZE", "FILES"}};
  for (const BackupInfo& backup : backups) {
    rows.push_back({fmt::format("{}", backup.id), time_text(backup.at_s), size_text(backup.bytes),
                    fmt::format("{}", backup.files)});
  }
  return columns_text(rows);
}

}  // namespace

Result<ExitCode> run_backup(const Options& options, Session& session) {
  const auto place = find_store(options.directory);
  if (!place) return place.error();
  if (auto outside = check_outside(options.to, *place); !outside) return outside.error().in("--to");
  if (auto on = session.go_on(); !on) return on.error().in("backup");
  const auto backup = make_backup(*place, options, session);
  session.status.clear();
  if (!backup) return backup.error();
  ordered_json json = backup_json(*backup);
  json["directory"] = options.to;
  const auto printed =
      options.json ? print_json(json) : print(fmt::format("{}, in {}\n", backup_text(*backup), name_text(options.to)));
  if (!printed) return printed.error();
  return kDone;
}

Result<ExitCode> run_backups(const Options& options, Session& session) {
  // Nothing is made of a directory that is none of backups.
  if (auto there = rocks::list_backups(options.directory); !there) return there.error();
  if (options.verify) {
    session.status.show(fmt::format("verify: backup {}", *options.verify));
    const auto whole = rocks::verify_backup(options.directory, *options.verify);
    session.status.clear();
    if (!whole) return whole.error();
  }
  std::optional<std::size_t> dropped;
  if (options.keep) {
    const auto done = rocks::drop_backups(options.directory, *options.keep);
    if (!done) return done.error();
    dropped = *done;
  }
  const auto backups = rocks::list_backups(options.directory);
  if (!backups) return backups.error();
  if (options.json) {
    auto list = ordered_json::array();
    for (const BackupInfo& backup : *backups)
      list.push_back(backup_json(backup));
    const auto printed = print_json({{"backups", std::move(list)},
                                     {"verified", options.verify ? ordered_json(*options.verify) : ordered_json()},
                                     {"dropped", dropped ? ordered_json(*dropped) : ordered_json()}});
    if (!printed) return printed.error();
    return kDone;
  }
  std::string text = backup_list(*backups);
  if (options.verify) text += fmt::format("backup {} is whole\n", *options.verify);
  if (dropped) text += fmt::format("{} were dropped\n", *dropped);
  if (auto printed = print(text); !printed) return printed.error();
  return kDone;
}

Result<ExitCode> run_restore(const Options& options, Session& session) {
  const std::string place = new_store(options.to);
  if (auto unheld = check_free(place, "stop it, and move its history away, or restore to another place"); !unheld) {
    return unheld.error();
  }
  if (auto outside = check_outside(place, options.directory); !outside) return outside.error().in("--to");
  if (auto on = session.go_on(); !on) return on.error().in("restore");
  auto parents = MadeParents::of(place);
  if (!parents) return parents.error();
  const auto restored = rocks::restore_backup(options.directory, options.id, place, copy_progress("restore", session));
  session.status.clear();
  if (!restored) return restored.error();
  parents->keep();
  ordered_json json = backup_json(*restored);
  json["store"] = place;
  const auto printed =
      options.json ? print_json(json) : print(fmt::format("{} is {}\n", name_text(place), backup_text(*restored)));
  if (!printed) return printed.error();
  return kDone;
}

}  // namespace tideline::history_program
