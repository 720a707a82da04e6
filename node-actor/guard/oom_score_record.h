#pragma once
// Which processes' oom_score_adj this agent changed, and what it was. A process is no cgroup file: it has no place in
// the journal, so each change is on disk before it is made.
//
// Safe state: the scores stay, they only order whom the OOM killer picks. Stop, release and uninstall put back those of
// processes that are the same ones still (pid and start time) and hold our value still.

#include <cstdint>
#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::guard {

struct KnownScore {
  int pid = 0;
  std::uint64_t start = 0;  // field 22 of /proc/<pid>/stat
  int original = 0;
  int ours = 0;
  std::string pod;  // uid
  friend bool operator==(const KnownScore&, const KnownScore&) = default;
};

class OomScoreRecord {
 public:
  /// `<state_dir>/oom-scores`. One of another boot is none. One that cannot be read is none, and problem() says so.
  static OomScoreRecord open(const std::string& state_dir, const std::string& boot_id);
  const std::vector<KnownScore>& known() const { return known_; }
  const std::string& problem() const { return problem_; }
  /// Durable when it returns. Errors: kUnavailable, and what was known stays.
  model::Result<void> replace(std::vector<KnownScore> known);

 private:
  std::string path_;
  std::string boot_id_;
  std::string problem_;
  std::vector<KnownScore> known_;
};

/// Whether the process still holds our value. kNotFound: it is gone, or another one has its pid.
model::Result<bool> is_ours(const KnownScore& known, const std::string& proc);
/// Puts its original back. False: it is gone or holds another value than ours, and was left alone.
model::Result<bool> restore_score(const KnownScore& known, const std::string& proc);
/// For when `given` were put back: those that have a score of ours without being on record, as they were born since
/// their parents got it. They get what their parents did. How many; the first refusal is the error.
model::Result<std::size_t> restore_born_since(const std::vector<KnownScore>& given, const std::string& proc);
/// Both for all below `proc`; the record is empty then, or has those that were refused, of which the first is the
/// error. How many were put back. Nobody else may be giving any.
model::Result<std::size_t> restore_scores(OomScoreRecord& record, const std::string& proc);

}  // namespace tideline::guard
