#pragma once
// The two small files beside the segments: what must never be forgotten (state), and where the queue stands (head).

#include <cstdint>
#include <optional>
#include <string>

#include "messages/model/result.h"
#include "node-actor/spool/disk.h"

namespace tideline::spool {

struct State {
  std::uint64_t incarnation = 0;
  std::string boot_id;
  bool clean = false;  // closed, with everything fsynced
  friend bool operator==(const State&, const State&) = default;
};
/// nullopt: missing or not what was written.
std::optional<State> read_state(const std::string& dir);
/// Durable when it returns. On a full disk it is written where the one before stands: a power loss meanwhile may leave
/// none that can be read.
model::Result<void> write_state(const std::string& dir, const State& state);

struct Head {
  std::uint64_t incarnation = 0;
  std::uint64_t first = 1;       // all numbers below are done with
  std::uint64_t next = 1;        // number of the next report
  std::uint64_t gap = 0;         // dropped and not yet carried by a report
  std::uint64_t known_lost = 0;  // numbers in [first, next) that are on no segment and were counted
  friend bool operator==(const Head&, const Head&) = default;
};

/// Written in place, in turn to one of two places, so that a write cut short leaves the one before.
class HeadFile {
 public:
  static model::Result<HeadFile> open(const std::string& dir);
  /// The newest sound head; nullopt if there is none.
  const std::optional<Head>& found() const { return found_; }
  model::Result<void> write(const Head& head);
  model::Result<void> sync() const { return file_.sync(); }

 private:
  explicit HeadFile(File file) : file_(std::move(file)) {}
  File file_;
  std::optional<Head> found_;
  std::uint64_t turn_ = 0;
};

}  // namespace tideline::spool
