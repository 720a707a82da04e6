#pragma once
// What stood on one host, and from when to when.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "coordinator/planner/replay.h"

namespace tideline::planner {

/// Steps are told in their order, and the kinds of one step in theirs: so the events are by begin and kind.
class EventLog {
 public:
  explicit EventLog(std::uint32_t host) : host_(host) {}
  /// It stands in [begin_s, end_s). Of a stretch counts the most `cores`, of evictions their sum.
  void stands(ReplayEventKind kind, std::int64_t begin_s, std::int64_t end_s, double cores);
  /// The first kMaxEvents.
  const std::vector<ReplayEvent>& events() const { return events_; }
  std::uint64_t left_out() const { return left_out_; }

 private:
  static constexpr std::size_t kKinds = static_cast<std::size_t>(ReplayEventKind::kAtRisk) + 1;
  struct Last {
    bool any = false;
    std::int64_t end_s = 0;
    std::size_t place = 0;  // kMaxEvents: it is left out
  };

  std::uint32_t host_;
  std::vector<ReplayEvent> events_;
  std::uint64_t left_out_ = 0;
  std::array<Last, kKinds> last_{};
};

}  // namespace tideline::planner
