#include "coordinator/actor/link_events.h"

#include "messages/log/log.h"

namespace tideline::coordinator {

void LinkEvents::on_enrolled(const link::SessionInfo& session) {
  caf::anon_send(sessions_, Enrolled{session});
}

void LinkEvents::on_reports(std::vector<link::ArrivedReport> reports) {
  caf::anon_send(sessions_, Arrived{std::move(reports)});
}

void LinkEvents::on_policy_ack(link::SessionId session, const model::NodeName& node, model::PolicyVersion pushed,
                               const std::string& problem) {
  caf::anon_send(sessions_, PolicyAnswered{session, node, pushed, problem});
}

void LinkEvents::on_hands_off_ack(link::SessionId session, const model::NodeName& node, std::uint64_t number,
                                  const std::string& problem) {
  caf::anon_send(sessions_, HandsOffAnswered{session, node, number, problem});
}

void LinkEvents::on_objects_ack(link::SessionId session, const model::NodeName& node, std::uint64_t number,
                                const std::string& problem) {
  caf::anon_send(sessions_, ObjectsAnswered{session, node, number, problem});
}

void LinkEvents::on_eviction_ask(link::ArrivedEvictionAsk ask) {
  caf::anon_send(sessions_, EvictionAsked{std::move(ask)});
}

void LinkEvents::on_closed(link::SessionId session, const model::NodeName& node, const std::string& why) {
  caf::anon_send(sessions_, Closed{session, node, why});
}

void LinkEvents::on_peer_refused(const std::string& peer, const model::Error& why, std::uint64_t suppressed) {
  log::warn("peer-refused", "{}: {}{}", peer, why.message(),
            suppressed == 0 ? "" : fmt::format(" ({} more held back)", suppressed));
}

}  // namespace tideline::coordinator
