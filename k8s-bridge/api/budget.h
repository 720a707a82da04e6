#pragma once
// Who of those that want to send may send now: a bucket of tokens, a number of places, three priorities. A plain value
// without a clock.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

#include "k8s-bridge/api/client.h"
#include "messages/model/units.h"

namespace tideline::k8s_api {

struct BudgetLimits {
  double requests_a_second = 30;
  double burst = 60;
  std::size_t max_in_flight = 8;
  std::size_t kept_for_high = 1;  // of those places
  std::size_t max_waiting = 10'000;
};

class Budget {
 public:
  using Id = std::uint64_t;

  /// requests_a_second > 0, burst >= 1.
  Budget(const BudgetLimits& limits, model::MonoTime now) : limits_(limits), tokens_(limits.burst), filled_(now) {}

  /// `id` is above all before it. False: as many wait as may.
  bool enqueue(Id id, Priority priority);
  /// It waits no longer. Unknown ones are ignored.
  void withdraw(Id id);
  /// Who goes now, of the highest priority the one that waits longest. It has a place until done().
  std::optional<Id> take(model::MonoTime now);
  void done();
  /// Until then only kHigh goes. A hold does not end one that lasts longer.
  void hold(model::MonoTime until);
  /// The next instant at which take() gives someone that it does not give now; nullopt: none before a done().
  std::optional<model::MonoTime> next(model::MonoTime now);

  std::size_t waiting() const;

 private:
  void fill(model::MonoTime now);
  bool has_place(Priority priority) const;

  BudgetLimits limits_;
  double tokens_;
  model::MonoTime filled_;
  model::MonoTime held_until_;
  std::size_t in_flight_ = 0;
  std::array<std::set<Id>, 3> queues_;  // by Priority
};

}  // namespace tideline::k8s_api
