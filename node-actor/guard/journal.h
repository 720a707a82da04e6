#pragma once
// What the agent changed and what was there before, on disk, so that it can be put back exactly.
//
// In the state directory:
//   lock      flock'd by supervisor and worker for as long as one of them lives; text: their pids, for people
//   journal   one JSON line with a CRC per record, fsynced before the file it speaks of is first written
//   written   mapped: per record the last two values we wrote or were about to write (as hashes), so that a foreign
//   value
//             is told from ours. Not fsynced: the page cache outlives a killed process, and nothing outlives a boot
//   lease     mapped: epoch and heart beat (lease.h)
//
// A record is keyed by boot id, device and inode of the cgroup and path of the file. After a reboot, or for a cgroup
// that was removed and made again, it is never applied.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

/// What becomes of a file when nobody controls it any more (by its name: restore_class.h). kRestore: put back (quotas,
/// cpusets, burst, memory.high). kKeep: left in force until a full restore (weights, idle, batch memory limits,
/// memory.low/min, resctrl).
enum class RestoreClass { kRestore, kKeep };

struct JournalRecord {
  std::uint32_t slot = 0;  // place in `written`
  std::string boot_id;
  kernel::FileIdentity file;
  std::string original;    // what the file held before our first write
  std::string safe_value;  // for kRestore: what to write where kernel ordering is not verified; "" of a cpuset: none
  RestoreClass restore_class = RestoreClass::kRestore;
  friend bool operator==(const JournalRecord&, const JournalRecord&) = default;
};

/// One record as a line without newline, and back. kMalformed: with what is wrong (to a line: text that is not UTF-8).
model::Result<std::string> journal_line(const JournalRecord& record);
model::Result<JournalRecord> parse_journal_line(const std::string& line);

/// What is known of a value found in a file.
enum class Ownership { kOriginal, kOurs, kForeign };

constexpr std::uint32_t kMaxRecords = 65536;

/// Not for several threads. Worker and supervisor never write one journal at the same time: the supervisor only
/// touches it when no worker lives.
class Journal {
 public:
  /// Opens or makes the journal in `state_dir`. Lines that do not parse are skipped and named in notes(); a torn last
  /// line is cut. `boot_id` empty: read from /proc. Errors: kUnavailable with the path.
  /// kInternal when the boot id cannot be read: nothing could then be keyed.
  static model::Result<Journal> open(const std::string& state_dir, const std::string& boot_id = {});

  /// Where open() fails, as on a full disk or one that may only be read, for `why`: what is there, to put it back.
  /// Changes nothing in `state_dir`; the first note is `why`. record() and compact() are refused with
  /// kPermissionDenied, so that a gate lets no file be written. What is intended is forgotten with this process. No
  /// journal at all: no records. Errors as open()'s.
  static model::Result<Journal> open_to_read(const std::string& state_dir, const model::Error& why,
                                             const std::string& boot_id = {});

  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;
  ~Journal();

  /// Records of this boot, in order of the first write.
  const std::vector<JournalRecord>& records() const;
  const std::vector<std::string>& notes() const;
  const std::string& boot_id() const;
  std::optional<JournalRecord> find(const kernel::FileIdentity& file) const;

  /// Records the original before the first write; the line is on disk when this returns. For a file already recorded
  /// the original stays what it was; a changed safe value or class is recorded anew. kMalformed: the original is not
  /// text. kOverloaded: kMaxRecords reached. kUnavailable: the disk refused. kPermissionDenied: opened to read.
  model::Result<void> record(const kernel::FileIdentity& file, const std::string& original,
                             const std::string& safe_value, RestoreClass restore_class);

  /// To be called before each write of a recorded file: `current` is what it holds, `next` what will be written.
  void intend(const kernel::FileIdentity& file, const std::string& current, const std::string& next);
  /// Whose value `current` is. Unrecorded file: kForeign. Without anything known of our own writes (`written` was
  /// lost), and for an empty text (a write cut off between truncation and bytes, on a simulated tree), kOurs: putting
  /// back the original is then the lesser wrong.
  Ownership ownership(const kernel::FileIdentity& file, const std::string& current) const;

  /// Forgets the records of groups that are gone or were made again, and rewrites a file of many more lines than
  /// records, when either is worth it: pods come and go. To be called now and then; looks at every recorded group.
  model::Result<void> forget_gone();

  /// Forgets all records but those of the files in `keep` (which could not be put back), atomically. Errors:
  /// kUnavailable; nothing is forgotten, or it is, and may not outlive a crash of the host. kPermissionDenied: opened
  /// to read.
  model::Result<void> compact(const std::vector<kernel::FileIdentity>& keep);

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// /proc/sys/kernel/random/boot_id without newline; empty if it cannot be read.
std::string read_boot_id();

/// Whether two texts are one value to the kernel: equal but for white space; cpusets as sets; any negative
/// cpu.cfs_quota_us as none; cpu.shares within the kernel's bounds; memory in bytes rounded to pages, and
/// v1's two spellings of none.
bool same_value(const std::string& path, const std::string& a, const std::string& b);

}  // namespace tideline::guard
