#pragma once
// What a spool is made of: spool_open.cpp begins one and takes the disk, spool.cpp is its use.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "node-actor/frames/frames.h"
#include "node-actor/spool/disk.h"
#include "node-actor/spool/marks.h"
#include "node-actor/spool/spool.h"

namespace tideline::spool {

struct Spool::Impl {
  struct Segment {
    std::uint64_t first = 0;  // no report in it has a lower number
    File file;
    std::size_t bytes = 0;
  };
  struct Entry {
    std::uint64_t seq = 0;
    std::uint64_t gap = 0;
    std::uint64_t segment = 0;  // its `first`
    std::size_t offset = 0;
    std::size_t bytes = 0;
    enum class Fate { kHeld, kAcked, kDropped } fate = Fate::kHeld;
    std::string frame = {};  // of one in memory, whose fate is kHeld; "" = it is in the segment
    bool in_memory() const { return !frame.empty(); }
  };
  using Fate = Entry::Fate;

  std::string dir;
  SpoolLimits limits;
  State state;
  std::optional<HeadFile> head_file;
  bool new_incarnation = false;
  std::deque<Segment> segments;  // oldest first; the last one is appended to
  std::vector<File> doomed;      // segments to be removed after the next head
  std::deque<Entry> entries;     // ascending seq; acked and dropped ones stay while an older one is held
  std::size_t in_memory = 0;     // so many of them, the last ones: segments hold ascending numbers only
  std::size_t memory_bytes = 0;
  std::uint64_t memory_gap = 0;         // that those carry
  bool on_disk = true;                  // the incarnation is, and with it each number that was given out
  std::optional<model::Error> refusal;  // of the disk, when it was last asked
  std::size_t unacked = 0;              // of fate kHeld
  std::size_t bytes = 0;
  std::uint64_t next = 1;
  std::uint64_t gap = 0;
  std::uint64_t dropped = 0;
  std::vector<std::string> notes;

  void set_limits(const SpoolLimits& asked);
  model::Result<void> load(const std::string& boot_id);
  model::Result<void> load_segments(std::vector<frames::ScannedFrame>& frames, std::vector<std::uint64_t>& owners);
  void adopt(const Head& head, const std::vector<frames::ScannedFrame>& frames,
             const std::vector<std::uint64_t>& owners);
  void start_incarnation(const std::string& why, const std::optional<Head>& head,
                         const std::vector<frames::ScannedFrame>& frames);
  /// What another incarnation left on disk goes. Returns how many reports, which are counted as gap.
  std::uint64_t drop_left(const std::optional<Head>& head, const std::vector<frames::ScannedFrame>& frames);
  /// Makes the disk this incarnation's, with the head before the state, as load() does. After an error it is not.
  model::Result<void> attach();
  model::Result<void> take_over();
  /// Into the newest segment, or a new one.
  model::Result<void> write_frame(Entry& entry, const std::string& frame);
  /// What is in memory goes to disk, oldest first, as far as that takes it.
  model::Result<void> flush();
  /// The report is on disk, acked or lost.
  void forget_memory_of(Entry& entry);

  model::Result<void> add_segment(std::uint64_t first);
  void doom_oldest_segment();
  void pop_front();
  void drop(Entry& entry);
  void settle();
  void enforce_limits();
  Head head() const;
  /// Writes the head, and only then removes what it no longer speaks of: killed in between, nothing is counted twice.
  /// Without a head on disk nothing is removed. Nothing to do while the incarnation is not on disk.
  model::Result<void> commit();
  void note(std::string text);
  void trouble(const model::Error& error);
  const Segment* segment_of(const Entry& entry) const;
  Entry* find_held(model::Seq seq);
  /// After the fate of an entry changed.
  void done_with(Entry& entry);
  void close();
};

}  // namespace tideline::spool
