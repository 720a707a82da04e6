#pragma once
// Which core scheduling cookies this agent made. A cookie is no kernel file: it has no place in the journal, no
// original but "none", and cannot be told from another's by looking. So each one is on disk before the first thread has
// it, and whoever puts the host right takes those from all threads that have one.
//
// Safe state: cookies stay. They only order who runs beside whom, and a thread waits for a core at most as long as
// others run on it. Stop, release and uninstall take them away; the next start does not, for its worker takes them
// over.

#include <string>
#include <vector>

#include "messages/model/result.h"
#include "node-actor/kernel/core_sched.h"

namespace tideline::guard {

struct KnownCookie {
  kernel::Cookie cookie = 0;
  std::string group;  // of the caller; "": nobody's any more, to be taken away
  friend bool operator==(const KnownCookie&, const KnownCookie&) = default;
};

class CookieRecord {
 public:
  /// `<state_dir>/cookies`. One of another boot is none. One that cannot be read is none either, and problem() says so.
  static CookieRecord open(const std::string& state_dir, const std::string& boot_id);

  const std::vector<KnownCookie>& known() const { return known_; }
  const std::string& problem() const { return problem_; }
  /// Durable when it returns. Errors: kUnavailable, and what was known stays.
  model::Result<void> replace(std::vector<KnownCookie> known);

 private:
  std::string path_;
  std::string boot_id_;
  std::string problem_;
  std::vector<KnownCookie> known_;
};

/// Takes all cookies of the record from all threads below `proc`; the record is empty then, or as it was if some are
/// left. A kernel without core scheduling has none to take. Nobody else may be giving any.
model::Result<kernel::Clearing> clear_cookies(CookieRecord& record, kernel::CookieKernel& kernel,
                                              const std::string& proc);

}  // namespace tideline::guard
