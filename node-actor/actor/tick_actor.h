#pragma once
// The host's pulse: fast round at each tick, pod round when one is due, a beat for the supervisor after both.

#include <functional>

#include "node-actor/actor/messages.h"
#include "node-actor/actor/node_loop.h"
#include "node-actor/guard/lease.h"

namespace tideline::node {

struct TickOptions {
  model::Duration fast_interval;
  model::Duration pod_interval;
};

/// Messages set what is wanted; only the tick acts. Spawn it detached: a late tick is a late reaction.
class TickActor : public caf::event_based_actor {
 public:
  /// `fatal` is called once when the worker must stop (fenced). Loop and lease must outlive the actor.
  TickActor(caf::actor_config& config, NodeLoop& loop, guard::Lease& lease, TickOptions options, caf::actor link,
            std::function<void(model::Error)> fatal);
  caf::behavior make_behavior() override;
  /// What the last rounds noted goes to the link. Link and tick know each other: without letting go neither would end,
  /// nor the thread.
  void on_exit() override;

 private:
  /// Rounds one after the other until somebody else has something to say, then a message to itself for the next.
  void run_rounds();
  /// False: the worker must stop.
  bool tick();

  NodeLoop& loop_;
  guard::Lease& lease_;
  TickOptions options_;
  caf::actor link_;
  std::function<void(model::Error)> fatal_;
  std::shared_ptr<const std::vector<model::Pod>> pods_;  // null: the loop awaits them
  model::MonoTime next_tick_;
  model::MonoTime next_pod_round_;
};

}  // namespace tideline::node
