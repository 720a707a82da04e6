#pragma once
// What a bench counts, and its lines on stdout: one a stretch of time, and one for the whole.

#include <cstddef>
#include <cstdint>
#include <string>

#include "messages/model/ids.h"
#include "messages/model/units.h"
#include "node-actor/fleet/latency.h"

namespace tideline::rehearsal {

class BenchRows {
 public:
  explicit BenchRows(bool json) : json_(json) {}
  void start(model::MonoTime now);

  void connected(model::MonoTime at);
  void disconnected(bool was_up);
  void made();
  void missed();
  void acked();
  void refused();
  void latency(model::Duration value);
  void policy(model::PolicyVersion version, model::MonoTime at);

  void print(model::MonoTime now, std::size_t sessions);
  /// `open`: reports that have no answer.
  void print_whole(model::MonoTime now, std::size_t sessions, std::size_t open);

 private:
  struct Counts {
    std::size_t connected = 0;
    std::size_t lost = 0;    // sessions that were up
    std::size_t failed = 0;  // attempts that came to nothing
    std::size_t made = 0;
    std::size_t acked = 0;
    std::size_t refused = 0;
    std::size_t missed = 0;  // a report was due while the one before had no answer
    std::size_t policies = 0;
    Latencies latencies;
  };
  void line(const char* kind, model::MonoTime now, std::size_t sessions, const Counts& counts, std::size_t open);

  bool json_;
  bool headed_ = false;
  model::MonoTime begin_;
  Counts row_;
  Counts whole_;
  model::MonoTime last_connected_;
  model::PolicyVersion version_;
  model::MonoTime version_first_;
  model::MonoTime version_last_;
};

}  // namespace tideline::rehearsal
