#include "coordinator/actor/pace_desk.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tideline::coordinator {
namespace {

using model::Duration;
using model::MonoTime;

constexpr Duration kFastest = std::chrono::seconds(1);
/// So many reports come at least of what is asked for: an interval may be longer than the next picture is away.
constexpr int kLeastReports = 3;

}  // namespace

Duration PaceDesk::interval_of(std::size_t nodes) {
  const auto seconds = static_cast<std::int64_t>((nodes + kReportsPerSecond - 1) / kReportsPerSecond);
  return std::max(kFastest, Duration(std::chrono::seconds(seconds)));
}

Duration PaceDesk::watch_all(const std::vector<link::SessionId>& sessions, Duration length, MonoTime now) {
  const Duration interval = interval_of(sessions.size());
  for (const auto session : sessions)
    want({session, interval, std::max(length, interval * kLeastReports)}, Urgency::kManyWait, now);
  return interval;
}

Duration PaceDesk::watch_one(link::SessionId session, std::size_t nodes, Duration length, MonoTime now) {
  Duration interval = interval_of(nodes);
  if (interval > kFastest) {
    const auto fast = std::count_if(paces_.begin(), paces_.end(), [&](const auto& entry) {
      return entry.first != session && entry.second.interval <= kFastest && now < entry.second.until;
    });
    if (static_cast<std::size_t>(fast) < kReportsPerSecond) interval = kFastest;
  }
  want({session, interval, std::max(length, interval * kLeastReports)}, Urgency::kOneWaits, now);
  return interval;
}

void PaceDesk::want(const Order& order, Urgency urgency, MonoTime now) {
  Pace& pace = paces_[order.session];
  if (now < pace.until) {
    // Somebody watches it more closely. Who wants less asks again after that.
    if (pace.interval < order.interval) return;
    // Those who watch ask anew for each picture, and for longer than until the next.
    if (pace.interval == order.interval && pace.until - now >= order.length / 2) return;
  }
  const bool waits = std::exchange(pace, {order.interval, order.length, now + order.length, true}).due;
  if (urgency == Urgency::kOneWaits) {
    due_.push_front(order.session);
  } else if (!waits) {
    due_.push_back(order.session);
  }
}

std::vector<PaceDesk::Order> PaceDesk::take_due(std::size_t most) {
  std::vector<Order> taken;
  while (taken.size() < most && !due_.empty()) {
    const auto found = paces_.find(due_.front());
    due_.pop_front();
    if (found == paces_.end() || !std::exchange(found->second.due, false)) continue;
    taken.push_back({found->first, found->second.interval, found->second.length});
  }
  return taken;
}

}  // namespace tideline::coordinator
