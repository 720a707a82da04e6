#include "node-actor/decide/asides.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tideline::decide {
namespace {

void add_asides_of(const Settled& settled, std::vector<Aside>& found) {
  const KnobRef knob{settled.group, settled.knob};
  const auto add = [&](AsideKey::Kind kind, model::Controller controller, const model::KnobValue& value,
                       model::Reason reason) {
    const AsideKey key{knob, kind, controller};
    const auto is_there = [&](const Aside& each) { return each.key == key; };
    // Best first: the others of one mechanism would give way to its first.
    if (std::any_of(found.begin(), found.end(), is_there)) return;
    found.push_back({key, value, reason});
  };
  if (settled.held_back == HeldBack::kDryRun) {
    add(AsideKey::Kind::kDryRun, settled.controller, settled.value, settled.reason);
    return;
  }
  bool dry_run = false;
  for (const auto& [want, cause] : settled.overruled) {
    if (cause == Overruled::Cause::kOutranked) {
      add(AsideKey::Kind::kOverruled, want.controller, want.value, want.reason);
    } else if (!std::exchange(dry_run, true)) {
      add(AsideKey::Kind::kDryRun, want.controller, want.value, want.reason);
    }
  }
}

}  // namespace

std::vector<Aside> asides(const Settlement& settlement) {
  std::vector<Aside> all;
  for (const auto& settled : settlement.settled) {
    const bool nothing = settled.overruled.empty() && settled.held_back != HeldBack::kDryRun;
    if (nothing || settled.held_back == HeldBack::kHandsOff) continue;
    std::vector<Aside> found;
    add_asides_of(settled, found);
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

AsideStep aside_news(AsideState& state, const std::vector<Aside>& all, model::MonoTime now) {
  AsideStep step;
  const auto later = [&](model::MonoTime at) { step.next = std::min(step.next.value_or(at), at); };
  const auto is_due = [&](model::MonoTime told) {
    const auto due = told + AsidePace::kAtMostEvery;
    if (now < due) {
      later(due);
      return false;
    }
    if (step.news.size() < AsidePace::kMostARound) return true;
    later(now);
    return false;
  };
  std::map<AsideKey, const Aside*> wanted;
  for (const auto& aside : all)
    wanted.emplace(aside.key, &aside);
  for (auto told = state.told.begin(); told != state.told.end();) {
    if (wanted.contains(told->first) || !is_due(told->second.at)) {
      ++told;
      continue;
    }
    step.news.push_back({told->first, std::nullopt, model::Reason::kNone});
    told = state.told.erase(told);
  }
  for (const auto& [key, aside] : wanted) {
    const auto told = state.told.find(key);
    if (told == state.told.end()) {
      if (state.told.size() >= AsidePace::kMostKeys) continue;
      if (step.news.size() >= AsidePace::kMostARound) {
        later(now);
        continue;
      }
    } else if (told->second.value == aside->value || !is_due(told->second.at)) {
      continue;
    }
    state.told.insert_or_assign(key, AsideState::Told{aside->value, now});
    step.news.push_back({key, aside->value, aside->reason});
  }
  return step;
}

}  // namespace tideline::decide
