#pragma once
// Reports that are not acked yet, on disk: a bounded FIFO of opaque bytes that survives a killed process. What does not
// fit is dropped oldest first and counted, and the count travels with the next report.
//
// On disk, in one directory:
//   state              incarnation, boot id, whether the last close was clean: one line with a CRC, replaced by rename,
//                      fsynced
//   head               two places written in turn: first seq still held, next seq, gap not yet reported
//   seg-<first seq>    frames (node-actor/frames), append only; a torn tail is cut at the next open
// Frames and head are not fsynced while running: the page cache outlives the process. After a power loss (unclean, and
// another boot) numbers may be lost and could be given out again for other bytes; such a start therefore takes a new
// incarnation, and the reports that did survive are dropped as a counted gap.
//
// What a full disk does not take is held in memory, within the same limits, until it does: each append tries again.
//   * Where the numbers are still on disk (the head is written where it stands, which needs no room), the incarnation
//     goes on, and a process that is killed leaves a gap that the next one counts.
//   * Where nothing can be written (without_disk()) the incarnation is a random one that no disk knows: no other life
//     has its numbers. The one that was on disk is left for good where its state can be removed, as its numbers may
//     have been forgotten when it came back. What a killed process held is then gone, and nobody can count it.
//   * A disk that took reports before and then takes not even the head is none of these: append() refuses.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::spool {

struct SpoolLimits {
  std::size_t max_bytes = 64U << 20;  // of segment files; likewise of what is in memory
  std::size_t max_reports = 10'000;   // not acked
  /// A segment is closed before it would grow beyond this (one larger report has a segment of its own). Whole segments
  /// are dropped when max_bytes is reached; at most max_bytes / 4 is used.
  std::size_t segment_bytes = 1U << 20;
};

struct SpooledReport {
  model::Seq seq;
  std::uint64_t gap_reports = 0;  // reports dropped just before this one
  std::string bytes;
};

/// One owner at a time (the state directory's lock sees to it); not for several threads. Destruction is a clean close.
class Spool {
 public:
  /// Opens or makes the spool in `dir`. A new incarnation is drawn and made durable, before this returns, when there is
  /// no readable state or head, or after a power loss. `boot_id` is /proc/sys/kernel/random/boot_id; empty counts as
  /// another boot each time. Errors: kUnavailable (directory or disk), with the path.
  static model::Result<Spool> open(const std::string& dir, const SpoolLimits& limits, const std::string& boot_id);
  /// After open() failed, for `why`: all in memory, under a new incarnation, until the disk takes it. Then what an
  /// incarnation before had left there is dropped as a counted gap.
  static Spool without_disk(const std::string& dir, const SpoolLimits& limits, const std::string& boot_id,
                            model::Error why);

  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) noexcept;
  ~Spool();

  model::Incarnation incarnation() const;
  bool is_new_incarnation() const;  // drawn by this open
  /// What open() found and dropped or repaired, and later trouble with the disk that cost nothing yet, one sentence
  /// each; the last 100. Empty in normal life.
  const std::vector<std::string>& notes() const;

  /// The number the next append must carry: encode the report with it.
  model::Seq next_seq() const;
  /// Reports dropped since the last append, which the next report must carry as gap_reports. Not lost if that append
  /// never comes. A report that was sent and not yet acked when it was dropped counts too.
  std::uint64_t pending_gap() const;
  /// Stores a report. `seq` must be next_seq() and `gap` pending_gap() as they were encoded into the bytes:
  /// kInvalidArgument otherwise. Drops the oldest until the limits hold; those count for the report after this one.
  /// kOverloaded: larger than max_bytes by itself. kUnavailable: the disk refused report and number alike. After an
  /// error neither number nor gap is used up.
  model::Result<void> append(model::Seq seq, std::uint64_t gap, const std::string& bytes);

  /// Up to `max` reports not acked with seq >= from, oldest first. One whose bytes are rotten is dropped and counted.
  model::Result<std::vector<SpooledReport>> peek(model::Seq from, std::size_t max);

  /// Removes one report. Unknown or already acked numbers are ignored. An ack out of order is forgotten by a closed or
  /// killed process, and that report offered again: the receiver knows it by (incarnation, seq).
  void ack(model::Seq seq);
  /// Removes one report that nobody will ever take. It is counted as gap, with the gap it carried, as soon as all
  /// before it have gone; a process that ends earlier offers it again. Unknown or already acked numbers are ignored.
  void drop(model::Seq seq);
  /// Counts a report that could not be made or stored: one more for the gap.
  void count_lost();
  /// Removes all reports up to and including `seq`.
  void ack_through(model::Seq seq);
  /// What is in memory goes to disk, as far as that takes it. Errors: refusal().
  model::Result<void> try_disk();
  /// What the disk said when it was last asked; nullopt: it takes reports.
  const std::optional<model::Error>& refusal() const;
  /// Of the reports held those that the disk has not taken.
  std::size_t in_memory() const;
  /// Ends as the spool of a killed process does: without a clean close. It must not be used after this.
  void abandon();

  std::size_t pending() const;     // reports held and not acked
  std::size_t disk_bytes() const;  // of segment files
  std::uint64_t dropped() const;   // reports dropped since open, those found lost by it included

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::spool
