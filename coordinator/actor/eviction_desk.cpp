#include "coordinator/actor/eviction_desk.h"

#include <utility>

#include "storage/store/limits.h"

namespace tideline::coordinator {

static_assert(fleet::kMaxEvictionTextBytes <= store::kMaxSettingValueBytes, "what is remembered must fit a setting");

void EvictionDesk::asked(const link::ArrivedEvictionAsk& ask, const fleet::EvictionStanding& standing,
                         const fleet::Arrival& now) {
  const auto last = last_ask_.find(ask.node);
  if (last != last_ask_.end() && now.mono - last->second < kShortestGap) {
    out_.refuse(ask.ticket, model::Error(model::ErrorCode::kOverloaded, "asked a moment ago; ask once a second"));
    return;
  }
  last_ask_[ask.node] = now.mono;
  Change change{ask.ticket, ask.node, arbiter_.decide(ask.node, ask.ask, standing, rates_, now)};
  if (change.arbitration.granted.empty()) {
    finish(std::move(change));
    return;
  }
  const auto number = ++last_change_;
  changes_.emplace(number, std::move(change));
  out_.keep(arbiter_.to_text(now), number);
}

void EvictionDesk::kept(std::uint64_t number, const model::Result<void>& outcome) {
  auto node = changes_.extract(number);
  if (node.empty()) return;
  Change change = std::move(node.mapped());
  if (outcome) {
    finish(std::move(change));
    return;
  }
  arbiter_.take_back(change.node, change.arbitration.granted);
  out_.refuse(change.ticket, model::Error(model::ErrorCode::kUnavailable,
                                          "the grant could not be kept: " + outcome.error().message()));
}

void EvictionDesk::finish(Change change) {
  out_.note(change.node, std::move(change.arbitration.events));
  out_.answer(change.ticket, std::move(change.arbitration.answer));
}

}  // namespace tideline::coordinator
