#pragma once
// Reports that are not acked yet, on disk: a bounded FIFO of opaque bytes that survives a killed process. What does not
// fit is dropped oldest first and counted, and the count travels with the next report.
//
// On disk, in one directory:
//   state              incarnation, boot id, next seq: one CRC'd line, replaced by rename and fsynced
//   seg-<first seq>    frames {length, seq, gap, CRC32C} + bytes, append only; a torn tail is cut at the next open
// Frames are not fsynced: the page cache outlives the process. After a power loss (another boot id than the state's,
// and no clean close) frames and numbers may be lost, and a number could be given to other bytes; therefore such a
// start takes a new incarnation and the reports that did survive are dropped as a counted gap.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::spool {

struct SpoolLimits {
  std::size_t max_bytes = 64u << 20;  // of frames, headers included
  std::size_t max_reports = 10'000;
  std::size_t segment_bytes = 1u << 20;  // a segment is closed beyond this; must be << max_bytes
};

struct SpooledReport {
  model::Seq seq;
  std::uint64_t gap_reports = 0;  // reports dropped just before this one
  std::string bytes;
};

/// One owner at a time; not for several threads. A destroyed Spool is a clean close.
class Spool {
 public:
  /// Opens or makes the spool in `dir`. A new incarnation is drawn and fsynced, before this returns, when there is no
  /// state, when it is unreadable, or after a power loss. `boot_id` is /proc/sys/kernel/random/boot_id. `notes` of the
  /// result say what was found wrong. Errors: kUnavailable (directory or disk), with the path.
  static model::Result<Spool> open(const std::string& dir, const SpoolLimits& limits, const std::string& boot_id);

  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) noexcept;
  ~Spool();

  model::Incarnation incarnation() const;
  bool is_new_incarnation() const;  // drawn by this open
  /// What open() found and dropped or repaired, one sentence each; empty after a normal open.
  const std::vector<std::string>& notes() const;

  /// The number the next append must carry: encode the report with it.
  model::Seq next_seq() const;
  /// Reports dropped since the last append, which the next report must carry as gap_reports. Kept with the report that
  /// append() stores: it is not lost if that append never comes.
  std::uint64_t pending_gap() const;
  /// Stores a report. `seq` must be next_seq() and `gap` pending_gap() at the time of encoding (both are in the bytes):
  /// kInvalidArgument otherwise. Drops the oldest until it fits, after the gap was taken: they count for the next one.
  /// kOverloaded: larger than max_bytes by itself. kUnavailable: the disk refused; the number is not used up.
  model::Result<void> append(model::Seq seq, std::uint64_t gap, const std::string& bytes);

  /// Up to `max` stored reports with seq >= from, oldest first. A frame that no longer reads is dropped and counted.
  model::Result<std::vector<SpooledReport>> peek(model::Seq from, std::size_t max);

  /// Removes one report. Unknown or already acked numbers are ignored. Whole segments go from disk once all is acked.
  void ack(model::Seq seq);
  /// Removes all reports up to and including `seq`.
  void ack_through(model::Seq seq);

  std::size_t pending() const;        // reports held
  std::size_t pending_bytes() const;  // of frames, headers included
  std::uint64_t dropped() const;      // reports dropped since open

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::spool
