#pragma once
// What a bench or a rehearsal counts, and its lines on stdout: one a stretch of time, one a fault that begins or ends,
// and one for the whole.

#include <cstddef>
#include <cstdint>
#include <string>

#include "messages/model/ids.h"
#include "messages/model/units.h"
#include "node-actor/fleet/latency.h"

namespace tideline::rehearsal {

/// The simulated hosts at one moment.
struct HostFigures {
  std::size_t down = 0;      // without power, or without an agent
  std::size_t limited = 0;   // with a quota on all of batch
  model::MilliCpu be_limit;  // sum of those quotas
  model::MilliCpu be_used;   // by batch, on all hosts
  model::MilliCpu ls_used;   // by services
  std::size_t spooled = 0;   // reports that are not acked
  std::size_t gaps = 0;      // reports that were dropped, ever
  std::size_t duplicates = 0;
};

class FleetRows {
 public:
  explicit FleetRows(bool json) : json_(json) {}
  void start(model::MonoTime now);

  void connected(model::MonoTime at);
  void disconnected(bool was_up);
  void made();
  void missed();
  void acked();
  void refused();
  void latency(model::Duration value);
  void policy(model::PolicyVersion version, model::MonoTime at);
  void writes(std::size_t count);
  void late();

  /// `hosts`: nullptr where none are simulated.
  void print(model::MonoTime now, std::size_t sessions, const HostFigures* hosts = nullptr);
  /// `open`: reports that have no answer.
  void print_whole(model::MonoTime now, std::size_t sessions, std::size_t open, const HostFigures* hosts = nullptr);
  /// `event`: as in the log. `nodes`: of how many.
  void print_fault(model::MonoTime now, const char* event, const std::string& fault, std::size_t nodes);

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
    std::size_t writes = 0;  // of simulated kernel files
    std::size_t late = 0;    // rounds of hosts that began a whole loop too late
    Latencies latencies;
  };
  struct Line {
    const char* kind;
    model::MonoTime now;
    std::size_t sessions;
    std::size_t open;
    const HostFigures* hosts;
  };
  void print(const Line& line, const Counts& counts);
  void print_json(const Line& line, const Counts& counts) const;
  void print_sessions(const Line& line, const Counts& counts);
  void print_hosts(const Line& line, const Counts& counts);

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
