#pragma once
// One actor for each node session: its reports go through durability before the node may forget them.

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "coordinator/actor/link_port.h"
#include "coordinator/actor/messages.h"

namespace tideline::coordinator {

/// Outlives its session until all it took is answered: what became durable must reach the live view.
class SessionActor : public caf::event_based_actor {
 public:
  SessionActor(caf::actor_config& config, caf::actor fleet, caf::actor history, LinkPortPtr link);
  caf::behavior make_behavior() override;

 private:
  void answer(const Persisted& persisted);
  void acknowledge(const link::Ticket& ticket);
  void end_when_answered();

  caf::actor fleet_;
  caf::actor history_;
  LinkPortPtr link_;
  std::size_t outstanding_ = 0;  // given to history, not answered
  /// Given to the fleet's actor last. Expired: it was taken, as the view keeps of it what it wants.
  std::weak_ptr<const link::ArrivedReport> in_fleet_;
  bool closed_ = false;
};

/// Bounds the bytes of reports that wait to be stored, of sessions that have ended too: beyond it the store makes them
/// itself, from what was read of them.
class BytesInFlight : public std::enable_shared_from_this<BytesInFlight> {
 public:
  static constexpr std::size_t kMost = std::size_t{64} << 20;
  /// Null where they would be too many.
  ReportBytes hold(std::vector<std::byte> bytes);

 private:
  std::atomic<std::size_t> held_{0};
};

/// Makes and ends session actors, hands each its own messages. `bridge`, where there is one, is told of sessions too,
/// and of nodes' answers to what it sent.
class SessionsActor : public caf::event_based_actor {
 public:
  SessionsActor(caf::actor_config& config, caf::actor fleet, caf::actor history, LinkPortPtr link,
                caf::actor bridge = {});
  caf::behavior make_behavior() override;

 private:
  template <class Message>
  void tell_bridge(const Message& message) {
    if (bridge_) send(bridge_, message);
  }

  caf::actor fleet_;
  caf::actor history_;
  caf::actor bridge_;
  LinkPortPtr link_;
  std::unordered_map<link::SessionId, caf::actor> sessions_;
  std::shared_ptr<BytesInFlight> bytes_ = std::make_shared<BytesInFlight>();
};

}  // namespace tideline::coordinator
