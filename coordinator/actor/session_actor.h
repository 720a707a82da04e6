#pragma once
// One actor for each node session: its reports go through durability before the node may forget them.

#include <unordered_map>

#include "coordinator/actor/link_port.h"
#include "coordinator/actor/messages.h"

namespace tideline::coordinator {

/// Outlives its session until all it took is answered: what became durable must reach the live view.
class SessionActor : public caf::event_based_actor {
 public:
  SessionActor(caf::actor_config& config, link::SessionInfo session, caf::actor fleet, LinkPortPtr link);
  caf::behavior make_behavior() override;

 private:
  void answer(const Persisted& persisted);
  void end_when_answered();

  link::SessionInfo session_;
  caf::actor fleet_;
  LinkPortPtr link_;
  std::size_t outstanding_ = 0;  // given to history, not answered
  bool closed_ = false;
};

/// Makes and ends session actors, hands each its own messages.
class SessionsActor : public caf::event_based_actor {
 public:
  SessionsActor(caf::actor_config& config, caf::actor fleet, LinkPortPtr link);
  caf::behavior make_behavior() override;

 private:
  caf::actor fleet_;
  LinkPortPtr link_;
  std::unordered_map<link::SessionId, caf::actor> sessions_;
};

}  // namespace tideline::coordinator
