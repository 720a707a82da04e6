#pragma once
// Has nodes report faster while somebody watches, and no faster than the coordinator can take.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "messages/link/session.h"
#include "messages/model/units.h"

namespace tideline::coordinator {

/// Not for several threads: the fleet actor's own.
class PaceDesk {
 public:
  /// Of all nodes together while somebody watches them; so many nodes, too, may report each second because somebody
  /// watches them one by one.
  static constexpr std::size_t kReportsPerSecond = 500;

  struct Order {
    link::SessionId session;
    model::Duration interval;
    model::Duration length;
  };

  /// How often each of so many nodes may report: whole seconds, 1 s where they are few.
  static model::Duration interval_of(std::size_t nodes);

  /// All nodes are watched for `length`; gives how often each reports at least.
  model::Duration watch_all(const std::vector<link::SessionId>& sessions, model::Duration length, model::MonoTime now);
  /// The same of one, of `nodes` in all.
  model::Duration watch_one(link::SessionId session, std::size_t nodes, model::Duration length, model::MonoTime now);
  void closed(link::SessionId session) { paces_.erase(session); }

  /// What the nodes are still to be told, the first of it; what is in force is not told again.
  std::vector<Order> take_due(std::size_t most);
  bool has_due() const { return !due_.empty(); }

 private:
  enum class Urgency : std::uint8_t { kOneWaits, kManyWait };
  struct Pace {
    model::Duration interval{0};
    model::Duration length{0};
    model::MonoTime until;
    bool due = false;  // not told yet
  };
  void want(const Order& order, Urgency urgency, model::MonoTime now);

  std::unordered_map<link::SessionId, Pace> paces_;
  std::deque<link::SessionId> due_;  // and some that were told out of turn, or are closed
};

}  // namespace tideline::coordinator
