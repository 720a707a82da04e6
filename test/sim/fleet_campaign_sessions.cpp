// Sessions of the campaign: how they begin, who keeps a node's place, and how the two sides come to know of an end.

#include <algorithm>
#include <utility>

#include "messages/link/limits.h"
#include "messages/link/session_claim.h"
#include "test/sim/fleet_campaign.h"

namespace tideline::sim {
namespace {

constexpr link::SessionLimits kLimits;
/// Silence that either side takes for an end, and the time until it looks.
constexpr std::int64_t kLatest = kLimits.idle_deadline.count() + kSecond;

}  // namespace

void FleetCampaign::connect_after(std::size_t index, std::int64_t delay) {
  const auto attempt = ++seats_[index]->attempts;
  queue_.after(delay, [this, index, attempt] {
    if (seats_[index]->attempts == attempt) enroll(index);
  });
}

void FleetCampaign::enroll(std::size_t index) {
  Seat& seat = *seats_[index];
  if (!seat.node || !seat.node->agent_runs() || seat.session != 0) return;
  const auto later = [&] { connect_after(index, network_.between(kSecond, 15 * kSecond)); };
  if (seat.effects.link_down || !coordinator_) return later();
  const auto incarnation = seat.node->incarnation();
  const auto old = coordinator_->session_of(seat.name);
  if (old != 0) {
    const Session& holder = sessions_.at(old);
    if (link::keeps_place(holder.incarnation, silence_of(holder), incarnation, kLimits.heartbeat)) {
      ++counts_.claims_refused;
      return later();
    }
    if (holder.incarnation != incarnation) {
      ++counts_.takeovers;
      if (is_heard(holder)) return violated(6, seat, "a second agent takes the place of one that is there");
    }
  }
  if (!pace_->admit(seat.name, arrival_at(now()).mono)) return later();
  if (old != 0) coordinator_end(old);

  seat.session = ++sessions_made_;
  seat.asking = false;
  sessions_[seat.session] = {.seat = index,
                             .incarnation = incarnation,
                             .opened = now(),
                             .cut_at = std::nullopt,
                             .outstanding = false,
                             .batch = std::nullopt};
  coordinator_->opened(seat.name, seat.session, now(), incarnation);
  known_[seat.number].newest.opened(incarnation);
  const auto through = store_.acked_through(seat.name, incarnation);
  history_.acked_through(seat.name, incarnation, through, now());
  seat.node->connected(through, model::Epoch(terms_));
  push_soon();
  exchange(seat);
}

bool FleetCampaign::is_heard(const Session& session) const {
  return !session.cut_at;
}

/// A session without a report says a heartbeat.
model::Duration FleetCampaign::silence_of(const Session& session) const {
  const auto spoke_until = session.cut_at.value_or(now());
  const auto last = spoke_until - (spoke_until - session.opened) % kLimits.heartbeat.count();
  return model::Duration(now() - last);
}

void FleetCampaign::cut(std::size_t index, bool node_notices_late, bool coordinator_notices_late) {
  const Seat& seat = *seats_[index];
  if (seat.session == 0) return;
  const auto session = seat.session;
  const auto found = sessions_.find(session);
  if (found != sessions_.end() && !found->second.cut_at) found->second.cut_at = now();
  if (node_notices_late != coordinator_notices_late) ++counts_.half_open;
  if (node_notices_late) {
    queue_.after(network_.between(kSecond, kLatest), [this, index, session] {
      if (seats_[index]->session == session) node_end(index);
    });
  } else {
    node_end(index);
  }
  queue_.after(coordinator_notices_late ? network_.between(kSecond, kLatest) : network_.between(kMs, 50 * kMs),
               [this, session] { coordinator_end(session); });
}

void FleetCampaign::node_end(std::size_t index) {
  Seat& seat = *seats_[index];
  seat.session = 0;
  seat.asking = false;
  if (!seat.node || !seat.node->agent_runs()) return;
  seat.node->disconnected();
  connect_after(index, network_.between(100 * kMs, 10 * kSecond));
}

void FleetCampaign::coordinator_end(std::uint64_t session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  const auto index = found->second.seat;
  coordinator_->closed(seats_[index]->name, session, now());
  known_[seats_[index]->number].newest.closed();
  const bool hears = is_heard(found->second);
  sessions_.erase(found);
  if (!hears) return;
  queue_.after(transit(), [this, index, session] {
    if (seats_[index]->session == session) node_end(index);
  });
}

void FleetCampaign::to_node(std::uint64_t session, EventQueue::Action action) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  Seat& seat = *seats_[found->second.seat];
  seat.to_node_at = std::max(seat.to_node_at, now() + transit());
  queue_.at(seat.to_node_at, [this, session, done = std::move(action)] {
    const auto open = sessions_.find(session);
    if (open == sessions_.end() || !is_heard(open->second)) return;
    if (seats_[open->second.seat]->session == session) done();
  });
}

void FleetCampaign::to_coordinator(Seat& seat, EventQueue::Action action) {
  if (seat.session == 0) return;
  seat.to_coordinator_at = std::max(seat.to_coordinator_at, now() + transit());
  queue_.at(seat.to_coordinator_at, [this, session = seat.session, done = std::move(action)] {
    const auto open = sessions_.find(session);
    if (open != sessions_.end() && is_heard(open->second)) done();
  });
}

}  // namespace tideline::sim
