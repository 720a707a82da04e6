#include "coordinator/actor/session_actor.h"

#include <utility>

#include "messages/log/log.h"

namespace tideline::coordinator {
namespace {

constexpr auto kLookAgain = std::chrono::milliseconds(50);

}  // namespace

SessionActor::SessionActor(caf::actor_config& config, caf::actor fleet, caf::actor history, LinkPortPtr link)
    : caf::event_based_actor(config), fleet_(std::move(fleet)), history_(std::move(history)), link_(std::move(link)) {}

caf::behavior SessionActor::make_behavior() {
  return {
      [this](const ReportIn& report) {
        ++outstanding_;
        send(history_, Persist{report.arrived, caf::actor_cast<caf::actor>(this), report.bytes});
      },
      [this](const Persisted& persisted) {
        --outstanding_;
        answer(persisted);
        end_when_answered();
      },
      [this](const AckWhenTaken& late) {
        if (!in_fleet_.expired()) {
          delayed_send(this, kLookAgain, late);
          return;
        }
        --outstanding_;
        acknowledge(late.ticket);
        end_when_answered();
      },
      [this](const Closed&) {
        closed_ = true;
        end_when_answered();
      },
  };
}

void SessionActor::end_when_answered() {
  if (closed_ && outstanding_ == 0) quit();
}

void SessionActor::answer(const Persisted& persisted) {
  const auto& ticket = persisted.arrived->ticket;
  if (!persisted.outcome) {
    link_->with([&](link::NodeServer& server) { server.refuse(ticket, persisted.outcome.error()); });
    return;
  }
  switch (*persisted.outcome) {
    case store::AppendOutcome::kStored: {
      const bool is_behind = !in_fleet_.expired();
      send(fleet_, Durable{persisted.arrived});
      in_fleet_ = persisted.arrived;
      if (is_behind) {
        // A mailbox has no bound: a second report there is the last until the fleet's actor has seen to both.
        ++outstanding_;
        delayed_send(this, kLookAgain, AckWhenTaken{ticket});
        return;
      }
      acknowledge(ticket);
      return;
    }
    case store::AppendOutcome::kDuplicate:
      acknowledge(ticket);
      return;
    case store::AppendOutcome::kRefused:
      link_->with([&](link::NodeServer& server) {
        // For good: kept by its node it would stand in front of the others for ever.
        server.refuse(ticket, model::Error(model::ErrorCode::kInvalidArgument,
                                           "history does not take it: invalid, one node too many, or a sequence "
                                           "number it has let go"));
      });
      return;
  }
}

void SessionActor::acknowledge(const link::Ticket& ticket) {
  link_->with([&](link::NodeServer& server) { server.acknowledge({ticket}); });
}

ReportBytes BytesInFlight::hold(std::vector<std::byte> bytes) {
  const std::size_t size = bytes.size();
  if (held_ + size > kMost) return nullptr;
  held_ += size;
  return {new std::vector<std::byte>(std::move(bytes)),
          [self = shared_from_this(), size](const std::vector<std::byte>* gone) {
            delete gone;
            self->held_ -= size;
          }};
}

SessionsActor::SessionsActor(caf::actor_config& config, caf::actor fleet, caf::actor history, LinkPortPtr link,
                             caf::actor bridge)
    : caf::event_based_actor(config),
      fleet_(std::move(fleet)),
      history_(std::move(history)),
      bridge_(std::move(bridge)),
      link_(std::move(link)) {}

caf::behavior SessionsActor::make_behavior() {
  set_down_handler([this](const caf::down_msg& down) {
    // Its node would wait for ever for the answers that it owed.
    if (down.reason && down.reason != caf::exit_reason::normal) quit(down.reason);
  });
  return {
      [this](const Enrolled& enrolled) {
        const auto& session = enrolled.session;
        log::info("node-connected", "{} from {} session {} agent {}", session.hello.node.str(), session.peer,
                  session.id.value(), session.hello.agent_version);
        sessions_[session.id] = spawn<SessionActor, caf::monitored>(fleet_, history_, link_);
        // Before any report of it is given to anyone: the fleet's actor must hear of a session before its reports.
        send(fleet_, enrolled);
        tell_bridge(enrolled);
      },
      [this](Arrived& arrived) {
        for (link::ArrivedReport& report : arrived.reports) {
          const auto found = sessions_.find(report.ticket.session);
          if (found == sessions_.end()) continue;
          // Each by itself: one that waits must not keep the others.
          auto bytes = bytes_->hold(std::exchange(report.bytes, {}));
          send(found->second,
               ReportIn{std::make_shared<const link::ArrivedReport>(std::move(report)), std::move(bytes)});
        }
      },
      [this](const PolicyAnswered& answered) { send(fleet_, answered); },
      [this](const HandsOffAnswered& answered) { send(fleet_, answered); },
      [this](const EvictionAsked& asked) { send(fleet_, asked); },
      [this](const ObjectsAnswered& answered) { tell_bridge(answered); },
      [this](const Closed& closed) {
        log::info("node-disconnected", "{} session {}: {}", closed.node.str(), closed.session.value(), closed.why);
        const auto found = sessions_.find(closed.session);
        if (found != sessions_.end()) {
          send(found->second, closed);
          sessions_.erase(found);
        }
        send(fleet_, closed);
        tell_bridge(closed);
      },
  };
}

}  // namespace tideline::coordinator
