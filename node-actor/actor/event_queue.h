#pragma once
// Events on their way into reports, bounded. What does not fit goes from the old end, for the newest say how things
// are, and one event in its place tells how many there were.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/report.h"

namespace tideline::node {

struct NotedEvent : model::Event {
  std::uint64_t number = 0;  // in the audit ring; 0: it is in none
  std::uint64_t lost = 0;    // > 0: stands for so many that are told by their number alone, up to `number`
};

/// Told in place of `count` events, the last of them at `at`.
model::Event events_lost(std::uint64_t count, model::WallTime at);

class EventQueue {
 public:
  static constexpr std::size_t kMaxEvents = 8 * model::ReportLimits::kMaxEvents;

  /// Texts beyond ReportLimits::kMaxTextBytes are cut: one must not cost a report. False: an old one had to go.
  bool add(NotedEvent event);
  bool empty() const { return events_.empty(); }
  std::size_t size() const { return events_.size(); }

  /// All of them, oldest first, and leaves none.
  std::vector<NotedEvent> take();
  /// The oldest, as many as one report takes beside its samples and pods.
  struct Front {
    std::vector<model::Event> events;
    std::uint64_t through = 0;  // number of the last; 0: it has none
  };
  Front front() const;
  /// The oldest `count` are told.
  void pop(std::size_t count);
  /// The oldest `count` cannot be told.
  void lose(std::size_t count);

 private:
  void merge_oldest();

  std::deque<NotedEvent> events_;
};

}  // namespace tideline::node
