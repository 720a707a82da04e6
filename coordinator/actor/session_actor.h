#pragma once
// One actor for each node session: its reports go through durability before the node may forget them.

#include <unordered_map>

#include "coordinator/actor/link_port.h"
#include "coordinator/actor/messages.h"

namespace tideline::coordinator {

class SessionActor : public caf::event_based_actor {
 public:
  SessionActor(caf::actor_config& config, link::SessionInfo session, caf::actor fleet, LinkPortPtr link);
  caf::behavior make_behavior() override;

 private:
  void answer(const Persisted& persisted);

  link::SessionInfo session_;
  caf::actor fleet_;
  LinkPortPtr link_;
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
