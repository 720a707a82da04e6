#pragma once
// The bridge to Kubernetes as the coordinator has it beside its own actors; which room is behind it, it does not know.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "coordinator/actor/link_port.h"
#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::coordinator {

/// What /metrics shows of the bridge.
struct BridgeNumbers {
  struct Watch {
    std::string resource;  // "pods"
    bool is_up = false;
    model::MonoTime since;  // of being so
  };
  std::vector<Watch> watches;
  std::vector<std::pair<std::string, std::uint64_t>> requests;  // by class of answer
  std::uint64_t requests_waiting = 0;                           // for the budget
  std::uint64_t lists = 0;
  std::uint64_t relists = 0;  // for a resourceVersion that is gone
  std::size_t nodes = 0;
  std::size_t pods = 0;
  std::uint64_t left_out = 0;  // times that one of them was not kept: there are too many
  std::uint64_t sets_pushed = 0;
  std::size_t sets_unacked = 0;                               // nodes with a session that have not the newest
  std::vector<std::pair<std::string, std::uint64_t>> writes;  // to Nodes, by reason
  std::uint64_t writes_failed = 0;
  std::vector<std::pair<std::string, std::uint64_t>> evictions;  // by outcome
  std::size_t evictions_open = 0;                                // wanted, and not through
  std::size_t nodes_above = 0;                                   // whose published value is above the ledger's offer
  model::Duration longest_above{0};
  /// Writes of NodeMetric objects' status.
  struct NodeMetrics {
    std::size_t nodes = 0;  // that are measured
    std::uint64_t written = 0;
    std::uint64_t failed = 0;
    double stretch = 1;  // times its own interval that each node waits
  };
  std::optional<NodeMetrics> node_metrics = {};  // nullopt: none are written
};

/// Carries the newest numbers from the bridge to whoever asks. Thread-safe.
class BridgeBoard {
 public:
  void put(BridgeNumbers numbers) {
    const std::lock_guard lock(mutex_);
    numbers_ = std::move(numbers);
  }
  BridgeNumbers get() const {
    const std::lock_guard lock(mutex_);
    return numbers_;
  }

 private:
  mutable std::mutex mutex_;
  BridgeNumbers numbers_;
};

class Bridge {
 public:
  virtual ~Bridge() = default;
  /// Called once, before its neighbours are there: it gets BridgeBegins when they are. From then on it gets Enrolled,
  /// Closed and ObjectsAnswered from the sessions actor, AccountsComputed, EvictThroughApi and EvictNoMore from the
  /// fleet's, PolicyJudged from the policy's.
  virtual caf::actor spawn(caf::actor_system& system, model::Epoch epoch, LinkPortPtr link) = 0;
  /// Ends whatever calls the actor from outside, and lets go of it; the actor is there still. More than once is
  /// harmless.
  virtual void stop() = 0;
  virtual std::shared_ptr<const BridgeBoard> board() const = 0;
};

}  // namespace tideline::coordinator
