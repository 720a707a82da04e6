#include "coordinator/planner/event_log.h"

#include <algorithm>

namespace tideline::planner {

void EventLog::stands(ReplayEventKind kind, std::int64_t begin_s, std::int64_t end_s, double cores) {
  Last& last = last_[static_cast<std::size_t>(kind)];
  const bool goes_on = last.any && last.end_s == begin_s;
  last.end_s = end_s;
  if (!goes_on) {
    last.any = true;
    last.place = events_.size();
    if (events_.size() >= kMaxEvents) {
      ++left_out_;
      return;
    }
    events_.push_back({.kind = kind, .host = host_, .begin_s = begin_s, .end_s = end_s, .cores = cores});
    return;
  }
  if (last.place >= kMaxEvents) return;
  auto& event = events_[last.place];
  event.end_s = end_s;
  event.cores = kind == ReplayEventKind::kEviction ? event.cores + cores : std::max(event.cores, cores);
}

}  // namespace tideline::planner
