#pragma once
// Putting kernel files back.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/journal.h"
#include "node-actor/kernel/core_sched.h"

namespace tideline::guard {

enum class RestoreMode {
  kAllOriginals,  // every original, whatever its class: stop, next start, release
  kSafeState,     // the declared safe state: class restore only; originals if ordering is verified, else safe values
};

struct RestoreItem {
  enum class Outcome {
    kRestored,         // original written
    kAlreadyOriginal,  // nothing to do
    kSafeValue,        // safe value written (or already there)
    kKept,             // class keep, in safe state
    kGone,             // in the record's own tree, the file or cgroup is no longer there or was made again
    kDrifted,          // somebody else's value: left alone
    kFailed,           // refused, or its tree is not mounted here; the record stays in the journal
  };
  kernel::FileIdentity file;
  Outcome outcome = Outcome::kFailed;
  std::string found;  // what the file held
  std::string wrote;  // what it was given, if anything
  std::string why;    // for kGone, kDrifted and kFailed
};
/// One line for log and terminal, without newline.
std::string line_of(const RestoreItem& item);
std::string_view name_of(RestoreItem::Outcome outcome);  // "restored", "already-original" ...

struct RestoreReport {
  /// In the order they were put back: latest write first, but a quota before its period (behind it where the quota is
  /// lifted) and idle before the weight.
  std::vector<RestoreItem> items;
  std::vector<std::string> notes;  // corrupt journal lines and the like
  std::size_t cookie_threads = 0;  // whose core-sched cookie was taken away
  std::string cookies_left;        // why some still have one; "": none has
  std::size_t oom_scores = 0;      // processes whose oom_score_adj was put back
  std::string oom_scores_left;     // why some still have ours; "": none has
  /// No item failed, and no cookie or oom score is left.
  bool complete() const;
  /// One line a file, for log and terminal; "" without items.
  std::string text() const;
};

/// What all writes of one restore that may block in reclaim take together, at most (bounded_write.h). A worker that
/// restores must not miss its lease by it.
constexpr model::Duration kReclaimBudget = std::chrono::milliseconds(500);

/// The journal, to put back what is in it; where the disk refuses more, to read alone, which its notes tell
/// (Journal::open_to_read).
model::Result<Journal> journal_to_restore(const std::string& state_dir, const std::string& boot_id);

/// Puts the journal's files into the state of `mode`. Nobody else may be writing them: the caller holds the state
/// directory's lock, and the worker is dead, is fenced, or is the caller. Forgets nothing: see settle(). Never hangs.
RestoreReport restore(Journal& journal, RestoreMode mode, bool ordering_verified);

/// After restore(kAllOriginals), once nobody can write any more: the journal forgets what was put back and keeps what
/// failed. Trouble in doing so is added to the report's notes.
void settle(Journal& journal, RestoreReport& report);

/// Beside restore(kAllOriginals), once nobody can give cookies any more: takes those of the state directory's record
/// from all threads of the host.
void release_cookies(const std::string& state_dir, const std::string& boot_id, kernel::CookieKernel& kernel,
                     const std::string& proc, RestoreReport& report);
/// Likewise the oom scores that are on record.
void release_scores(const std::string& state_dir, const std::string& boot_id, const std::string& proc,
                    RestoreReport& report);

/// For `tideline-node release` and uninstall: takes the lock, restores all originals, takes all
/// cookies away, puts oom scores back, leaves the journal empty. kOverloaded when an agent is alive on `state_dir`: the
/// message says which pids and what to do.
model::Result<RestoreReport> restore_all(const std::string& state_dir, const std::string& boot_id = {},
                                         kernel::CookieKernel& cookies = kernel::this_kernel(),
                                         const std::string& proc = "/proc");

}  // namespace tideline::guard
