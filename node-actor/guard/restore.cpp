#include "node-actor/guard/restore.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "node-actor/guard/bounded_write.h"
#include "node-actor/guard/cookie_record.h"
#include "node-actor/guard/idle_weight.h"
#include "node-actor/guard/oom_score_record.h"
#include "node-actor/guard/quota_room.h"
#include "node-actor/guard/restore_log.h"
#include "node-actor/guard/state_lock.h"
#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::guard {
namespace {

using Outcome = RestoreItem::Outcome;
using model::ErrorCode;

struct Absence {
  Outcome outcome = Outcome::kFailed;
  std::string why;
};

Absence other_tree(const std::string& directory, std::uint64_t device, const kernel::FileIdentity& file) {
  return {Outcome::kFailed,
          fmt::format("{} is on device {}, the record speaks of device {}: not the tree of the record", directory,
                      device, file.device)};
}

/// Why the record's group cannot be reached; nullopt: it is there. Only what its own tree says makes it kGone: a tree
/// that is not mounted, or not readable, says nothing about its groups.
std::optional<Absence> absence_of(const kernel::FileIdentity& file) {
  auto path = std::filesystem::path(file.path).parent_path();
  auto directory = kernel::open_directory(path.string());
  if (directory) {
    if (directory->device != file.device) return other_tree(path.string(), directory->device, file);
    if (directory->inode == file.inode) return std::nullopt;
    return Absence{Outcome::kGone,
                   fmt::format("the group was made again (inode {}, was {})", directory->inode, file.inode)};
  }
  const auto why = directory.error().message();
  while (!directory && directory.error().code() == ErrorCode::kNotFound && path.has_relative_path()) {
    path = path.parent_path();
    directory = kernel::open_directory(path.string());
  }
  if (!directory) return Absence{Outcome::kFailed, directory.error().message()};
  if (directory->device != file.device) return other_tree(path.string(), directory->device, file);
  return Absence{Outcome::kGone, why};
}

/// Writes, what may block in reclaim within `left`. On cgroup v2 such a value is in force before its reclaim is over,
/// so that one which was ended may be written all the same.
model::Result<void> write_restored(const kernel::FileIdentity& file, const std::string& found,
                                   const std::string& target, model::Duration& left) {
  if (!may_block(file.path, found, target)) return kernel::write_identified(file, target);
  const auto begun = kernel::monotonic_now();
  auto written = write_within(file, target, std::min(left, kMostPerWrite));
  left -= std::min(left, kernel::monotonic_now() - begun);
  if (written || written.error().code() != ErrorCode::kUnavailable) return written;
  const auto now = kernel::read_file(file.path);
  return now && same_value(file.path, *now, target) ? model::Result<void>() : written;
}

RestoreItem restore_one(Journal& journal, const JournalRecord& record, RestoreMode mode, bool ordering_verified,
                        model::Duration& left) {
  const bool to_safe_value = mode == RestoreMode::kSafeState && !ordering_verified;
  RestoreItem item{.file = record.file, .outcome = Outcome::kFailed, .found = {}, .wrote = {}, .why = {}};
  const auto end = [&](Outcome outcome, std::string why = {}) {
    item.outcome = outcome;
    item.why = std::move(why);
    return item;
  };

  if (mode == RestoreMode::kSafeState && record.restore_class == RestoreClass::kKeep) return end(Outcome::kKept);
  if (auto absence = absence_of(record.file)) return end(absence->outcome, std::move(absence->why));
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
  const auto target = kernel::writable_value(record.file.path, to_safe_value ? record.safe_value : record.original);
  const auto done = to_safe_value ? Outcome::kSafeValue : Outcome::kRestored;
  if (same_value(record.file.path, *found, target)) {
    return end(to_safe_value ? Outcome::kSafeValue : Outcome::kAlreadyOriginal);
  }

  if (const auto weight = weight_taken_by(record.file, target)) {
    journal.intend(weight->file, weight->current, weight->next);
  }
  journal.intend(record.file, *found, target);
  item.wrote = target;
  auto written = write_restored(record.file, *found, target, left);
  const bool refused = !written && written.error().code() == ErrorCode::kInvalidArgument;
  const int brought_down = to_safe_value && refused ? make_room_below(journal, record.file, target) : 0;
  if (brought_down > 0) written = kernel::write_identified(record.file, target);
  if (!written) {
    return end(written.error().code() == ErrorCode::kNotFound ? Outcome::kGone : Outcome::kFailed,
               written.error().message());
  }
  const auto now = kernel::read_file(record.file.path);
  if (!now) return end(Outcome::kFailed, now.error().message());
  if (!same_value(record.file.path, *now, target)) {
    return end(Outcome::kFailed, fmt::format("was given \"{}\" and reads \"{}\"", target, *now));
  }
  return end(done, brought_down > 0 ? fmt::format("{} quotas below it brought down first", brought_down) : "");
}

bool limits_nothing(const std::filesystem::path& quota) {
  const auto text = kernel::read_file(quota.string());
  return text && kernel::parse_number(*text).value_or(0) < 0;
}

/// The file in the same group that has to be put back before this one; "" for most. A quota before its period: our
/// quota is reckoned by our period, and by a shorter one it would let the group run many times as much. Where the quota
/// is lifted the period goes first: what it is set to is reckoned by that, and by ours would be a part of it, to which
/// all below would have to come down. Idle before the weight, which it changes.
std::string earlier_beside(const std::string& path) {
  const std::filesystem::path file(path);
  const auto name = file.filename();
  const auto beside = [&](const char* other) { return (file.parent_path() / other).string(); };
  if (name == kQuotaFile) return limits_nothing(file) ? beside(kPeriodFile) : "";
  if (name == kPeriodFile) return limits_nothing(file.parent_path() / kQuotaFile) ? "" : beside(kQuotaFile);
  if (name == "cpu.shares" || name == "cpu.weight") return beside("cpu.idle");
  return "";
}

/// A group's CPUs are put back after its parent's: what it gets may be what that has (kernel::writable_value).
void parents_first_of_cpusets(std::vector<JournalRecord>& records) {
  std::vector<std::size_t> places;
  std::vector<JournalRecord> cpusets;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!records[i].file.path.ends_with("/cpuset.cpus")) continue;
    places.push_back(i);
    cpusets.push_back(records[i]);
  }
  std::stable_sort(cpusets.begin(), cpusets.end(), [](const JournalRecord& a, const JournalRecord& b) {
    return a.file.path.size() < b.file.path.size();
  });
  for (std::size_t i = 0; i < places.size(); ++i)
    records[places[i]] = cpusets[i];
}

/// Latest first, but for those that wait for another.
std::vector<JournalRecord> in_order(std::vector<JournalRecord> records) {
  std::reverse(records.begin(), records.end());
  for (auto record = records.begin(); record != records.end(); ++record) {
    const auto earlier = earlier_beside(record->file.path);
    if (earlier.empty()) continue;
    const auto later =
        std::find_if(record, records.end(), [&](const JournalRecord& other) { return other.file.path == earlier; });
    if (later != records.end()) std::rotate(record, later, later + 1);
  }
  parents_first_of_cpusets(records);
  return records;
}

/// Whether the one to be put back first could not be: then this one must stay, too. A limit does not wait for its
/// period.
bool must_wait(const std::vector<RestoreItem>& items, const std::string& earlier) {
  return !earlier.empty() && !earlier.ends_with(kPeriodFile) &&
         std::any_of(items.begin(), items.end(), [&](const RestoreItem& item) {
           return item.file.path == earlier && item.outcome == Outcome::kFailed;
         });
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
  return cookies_left.empty() && oom_scores_left.empty() &&
         std::none_of(items.begin(), items.end(),
                      [](const RestoreItem& item) { return item.outcome == Outcome::kFailed; });
}

std::string line_of(const RestoreItem& item) {
  std::string line = fmt::format("{} {}", name_of(item.outcome), item.file.path);
  if (!item.wrote.empty()) line += fmt::format(": \"{}\" -> \"{}\"", item.found, item.wrote);
  if (!item.why.empty()) line += ": " + item.why;
  return line;
}

std::string RestoreReport::text() const {
  std::string text;
  for (const auto& item : items)
    text += line_of(item) + '\n';
  if (cookie_threads > 0) text += fmt::format("restored {} threads: no core-sched cookie\n", cookie_threads);
  if (!cookies_left.empty()) text += fmt::format("failed core-sched cookies: {}\n", cookies_left);
  if (oom_scores > 0) text += fmt::format("restored {} processes: their own oom_score_adj\n", oom_scores);
  if (!oom_scores_left.empty()) text += fmt::format("failed oom_score_adj: {}\n", oom_scores_left);
  return text;
}

model::Result<Journal> journal_to_restore(const std::string& state_dir, const std::string& boot_id) {
  auto journal = Journal::open(state_dir, boot_id);
  if (journal || journal.error().code() != ErrorCode::kUnavailable) return journal;
  return Journal::open_to_read(state_dir, journal.error(), boot_id);
}

RestoreReport restore(Journal& journal, RestoreMode mode, bool ordering_verified) {
  RestoreReport report;
  report.notes = journal.notes();
  const auto records = in_order(journal.records());
  for (const auto& record : records)
    report.items.push_back({.file = record.file, .outcome = Outcome::kFailed, .found = {}, .wrote = {}, .why = {}});
  // A value may be refused only because a parent or child, or the burst beside a quota, still holds its own: as long as
  // others are done meanwhile, once more.
  model::Duration left = kReclaimBudget;
  std::vector<bool> reclaimed(records.size());
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto& item = report.items[i];
      if (item.outcome != Outcome::kFailed) continue;
      if (const auto earlier = earlier_beside(item.file.path); must_wait(report.items, earlier)) {
        item.why = fmt::format("kept as it is, because {} could not be put back", earlier);
        continue;
      }
      // Its safe value may be another one since a parent's was written.
      const auto record = journal.find(item.file).value_or(records[i]);
      // What reclaimed in vain is not tried again: it would take as long once more.
      if (reclaimed[i]) continue;
      const auto had = left;
      item = restore_one(journal, record, mode, ordering_verified, left);
      reclaimed[i] = left != had;
      progress = progress || item.outcome != Outcome::kFailed;
    }
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

void release_cookies(const std::string& state_dir, const std::string& boot_id, kernel::CookieKernel& kernel,
                     const std::string& proc, RestoreReport& report) {
  auto record = CookieRecord::open(state_dir, boot_id.empty() ? read_boot_id() : boot_id);
  if (!record.problem().empty()) report.notes.push_back(record.problem());
  const auto done = clear_cookies(record, kernel, proc);
  if (!done) {
    report.cookies_left = done.error().message();
    return;
  }
  report.cookie_threads = done->threads;
  if (done->refused) {
    report.cookies_left = done->refused->message();
  } else if (done->left > 0) {
    report.cookies_left = fmt::format("{} threads still have one", done->left);
  }
}

void release_scores(const std::string& state_dir, const std::string& boot_id, const std::string& proc,
                    RestoreReport& report) {
  auto record = OomScoreRecord::open(state_dir, boot_id.empty() ? read_boot_id() : boot_id);
  if (!record.problem().empty()) report.notes.push_back(record.problem());
  const auto known = record.known().size();
  const auto done = restore_scores(record, proc);
  if (done) {
    report.oom_scores = *done;
  } else {
    report.oom_scores_left =
        fmt::format("{} of {} processes: {}", record.known().size(), known, done.error().message());
  }
}

model::Result<RestoreReport> restore_all(const std::string& state_dir, const std::string& boot_id,
                                         kernel::CookieKernel& cookies, const std::string& proc) {
  // An orphaned worker restores by itself as soon as it learns that its supervisor is dead: one lease is enough.
  const auto lock = StateLock::take(state_dir, std::chrono::seconds(2));
  if (!lock) return lock.error();
  auto journal = journal_to_restore(state_dir, boot_id);
  if (!journal) return journal.error();
  auto report = restore(*journal, RestoreMode::kAllOriginals, false);
  release_cookies(state_dir, boot_id, cookies, proc, report);
  release_scores(state_dir, boot_id, proc, report);
  log_restores(state_dir, report, model::Reason::kRelease);
  settle(*journal, report);
  return report;
}

}  // namespace tideline::guard
