#pragma once
// Everything that was done to this host and why, on its own disk: for whoever asks there, and for the next worker,
// which tells the coordinator what no report of an earlier one does.
//
// In the state directory:
//   audit       frames (node-actor/frames), append only; the newest
//   audit.old   what `audit` was before it was full. Both together are bounded; what is older is gone
// A frame holds an event (audit_record.h), numbered one after the other, or a mark: the report of this number of this
// incarnation tells all events up to here. The mark is written before the report is stored, so a process that is killed
// in between leaves a mark that counts only if the spool has given that number away: each event is told exactly once.
// Nothing is fsynced: the page cache outlives a killed process. A torn end is cut at the next open.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "node-actor/guard/audit_record.h"

namespace tideline::guard {

struct AuditLimits {
  /// Of each of the two files: some ten thousand events.
  std::size_t file_bytes = 2U << 20;
};

/// One owner at a time (the state directory's lock sees to it); for several threads of it.
class AuditRing {
 public:
  /// Opens or makes the ring. Errors: kUnavailable with the path.
  static model::Result<AuditRing> open(const std::string& state_dir, const AuditLimits& limits = {});

  AuditRing(AuditRing&&) noexcept;
  AuditRing& operator=(AuditRing&&) noexcept;
  ~AuditRing();

  /// What open() found damaged, one sentence each. Empty in normal life.
  const std::vector<std::string>& notes() const;

  /// Returns the event's number. It is given out also when the disk refuses the event, see take_trouble(): such an
  /// event is told by this process or by none.
  std::uint64_t add(const model::Event& event);
  /// What the disk said, once each time it begins to refuse.
  std::optional<model::Error> take_trouble();

  /// The report `seq` of `incarnation` is about to be stored and tells all events up to the number `through`. Said
  /// again for the same report it takes the place of what was said before.
  void telling(model::Incarnation incarnation, model::Seq seq, std::uint64_t through);

  struct Untold {
    std::vector<AuditRecord> records;  // oldest first
    std::uint64_t lost = 0;            // at least so many were not told either, and are not there any more
  };
  /// Of what open() found, the events that no report tells. `next` is the number that the spool's next report will get.
  /// Reports of another incarnation went with the spool that held them; what they told counts as told.
  Untold take_untold(model::Incarnation incarnation, model::Seq next);

 private:
  struct Impl;
  explicit AuditRing(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What the ring holds, oldest first, also while its owner writes to it; changes nothing. kNotFound: there is no ring.
struct AuditReading {
  std::vector<AuditRecord> records;
  std::vector<std::string> notes;  // what could not be read
};
model::Result<AuditReading> read_audit(const std::string& state_dir);

}  // namespace tideline::guard
