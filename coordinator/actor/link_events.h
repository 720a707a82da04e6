#pragma once
// Carries what happens on the link's thread to the sessions actor.

#include "coordinator/actor/messages.h"
#include "messages/link/node_server.h"

namespace tideline::coordinator {

class LinkEvents final : public link::NodeServerEvents {
 public:
  explicit LinkEvents(caf::actor sessions) : sessions_(std::move(sessions)) {}

  void on_enrolled(const link::SessionInfo& session) override;
  void on_reports(std::vector<link::ArrivedReport> reports) override;
  void on_policy_ack(link::SessionId session, const model::NodeName& node, model::PolicyVersion pushed,
                     const std::string& problem) override;
  void on_hands_off_ack(link::SessionId session, const model::NodeName& node, std::uint64_t number,
                        const std::string& problem) override;
  void on_objects_ack(link::SessionId session, const model::NodeName& node, std::uint64_t number,
                      const std::string& problem) override;
  void on_eviction_ask(link::ArrivedEvictionAsk ask) override;
  void on_closed(link::SessionId session, const model::NodeName& node, const std::string& why) override;
  void on_peer_refused(const std::string& peer, const model::Error& why, std::uint64_t suppressed) override;

 private:
  caf::actor sessions_;
};

}  // namespace tideline::coordinator
