#include "node-actor/guard/restore.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "node-actor/guard/restore_log.h"
#include "node-actor/guard/state_lock.h"
#include "node-actor/kernel/fd.h"

namespace tideline::guard {
namespace {

using Outcome = RestoreItem::Outcome;
using model::ErrorCode;

/// Empty: the group is still the one of the record.
std::string why_gone(const kernel::FileIdentity& file) {
  const auto directory = kernel::open_directory(std::filesystem::path(file.path).parent_path().string());
  if (!directory) return directory.error().message();
  if (directory->device != file.device || directory->inode != file.inode) {
    return fmt::format("the group was made again (inode {}, was {})", directory->inode, file.inode);
  }
  return {};
}

RestoreItem restore_one(Journal& journal, const JournalRecord& record, RestoreMode mode, bool ordering_verified) {
  const bool to_safe_value = mode == RestoreMode::kSafeState && !ordering_verified;
  RestoreItem item{.file = record.file, .outcome = Outcome::kFailed, .found = {}, .wrote = {}, .why = {}};
  const auto end = [&](Outcome outcome, std::string why = {}) {
    item.outcome = outcome;
    item.why = std::move(why);
    return item;
  };

  if (mode == RestoreMode::kSafeState && record.restore_class == RestoreClass::kKeep) return end(Outcome::kKept);
  if (auto gone = why_gone(record.file); !gone.empty()) return end(Outcome::kGone, std::move(gone));
  const auto found = kernel::read_file(record.file.path);
  if (!found) {
    return end(found.error().code() == ErrorCode::kNotFound ? Outcome::kGone : Outcome::kFailed,
               found.error().message());
  }
  item.found = *found;
  const auto ownership = journal.ownership(record.file, *found);
  if (ownership == Ownership::kForeign) {
    return end(Outcome::kDrifted, fmt::format("holds \"{}\", which this agent did not write; its original was \"{}\"",
                                              *found, record.original));
  }
  const auto& target = to_safe_value ? record.safe_value : record.original;
  const auto done = to_safe_value ? Outcome::kSafeValue : Outcome::kRestored;
  if (same_value(record.file.path, *found, target)) {
    return end(to_safe_value ? Outcome::kSafeValue : Outcome::kAlreadyOriginal);
  }

  journal.intend(record.file, *found, target);
  item.wrote = target;
  if (auto written = kernel::write_identified(record.file, target); !written) {
    return end(written.error().code() == ErrorCode::kNotFound ? Outcome::kGone : Outcome::kFailed,
               written.error().message());
  }
  const auto now = kernel::read_file(record.file.path);
  if (!now) return end(Outcome::kFailed, now.error().message());
  if (!same_value(record.file.path, *now, target)) {
    return end(Outcome::kFailed, fmt::format("was given \"{}\" and reads \"{}\"", target, *now));
  }
  return end(done);
}

}  // namespace

std::string_view name_of(RestoreItem::Outcome outcome) {
  switch (outcome) {
    case Outcome::kRestored:
      return "restored";
    case Outcome::kAlreadyOriginal:
      return "already-original";
    case Outcome::kSafeValue:
      return "safe-value";
    case Outcome::kKept:
      return "kept";
    case Outcome::kGone:
      return "gone";
    case Outcome::kDrifted:
      return "drifted";
    case Outcome::kFailed:
      return "failed";
  }
  return "unknown";
}

bool RestoreReport::complete() const {
  return std::none_of(items.begin(), items.end(),
                      [](const RestoreItem& item) { return item.outcome == Outcome::kFailed; });
}

std::string RestoreReport::text() const {
  std::string text;
  for (const auto& item : items) {
    text += fmt::format("{} {}", name_of(item.outcome), item.file.path);
    if (!item.wrote.empty()) text += fmt::format(": \"{}\" -> \"{}\"", item.found, item.wrote);
    if (!item.why.empty()) text += ": " + item.why;
    text += '\n';
  }
  return text;
}

RestoreReport restore(Journal& journal, RestoreMode mode, bool ordering_verified) {
  RestoreReport report;
  report.notes = journal.notes();
  const auto records = journal.records();
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    report.items.push_back(restore_one(journal, *record, mode, ordering_verified));
  }
  // A value may be refused only because a parent or child still holds its own (cpu.cfs_quota_us, cpuset.cpus): once
  // more, when all others are done.
  for (std::size_t i = 0; i < report.items.size(); ++i) {
    if (report.items[i].outcome != Outcome::kFailed) continue;
    report.items[i] = restore_one(journal, records[records.size() - 1 - i], mode, ordering_verified);
  }
  return report;
}

void settle(Journal& journal, RestoreReport& report) {
  std::vector<kernel::FileIdentity> failed;
  for (const auto& item : report.items) {
    if (item.outcome == Outcome::kFailed) failed.push_back(item.file);
  }
  if (auto compacted = journal.compact(failed); !compacted) {
    report.notes.push_back("the journal could not be emptied: " + compacted.error().message());
  }
}

model::Result<RestoreReport> restore_all(const std::string& state_dir, const std::string& boot_id) {
  // An orphaned worker restores by itself as soon as it learns that its supervisor is dead: one lease is enough.
  const auto lock = StateLock::take(state_dir, std::chrono::seconds(2));
  if (!lock) return lock.error();
  auto journal = Journal::open(state_dir, boot_id);
  if (!journal) return journal.error();
  auto report = restore(*journal, RestoreMode::kAllOriginals, false);
  log_restores(state_dir, report, model::Reason::kRelease);
  settle(*journal, report);
  return report;
}

}  // namespace tideline::guard
