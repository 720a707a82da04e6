#include "node-actor/decide/hands_off.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::Controller;

/// Leaves room in HandsOffLimits::kMaxTextBytes for what follows.
constexpr std::size_t kMaxNames = 160;

bool same_order(const Hold& a, const Hold& b) {
  return a.what.group == b.what.group && a.what.release == b.what.release && a.what.who == b.what.who &&
         a.what.reason == b.what.reason;
}

bool contains(const std::vector<Hold>& holds, const Hold& wanted) {
  return std::any_of(holds.begin(), holds.end(), [&](const Hold& hold) { return same_order(hold, wanted); });
}

/// Lasts longer: a release longest of all.
bool outlasts(const Hold& a, const Hold& b) {
  if (a.what.release != b.what.release) return a.what.release;
  if (!a.until || !b.until) return !a.until && b.until;
  return *a.until > *b.until;
}

std::string instant(model::WallTime at) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(at.ms)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::vector<Hold> holds_of(const std::vector<model::HandsOff>& ordered, model::MonoTime now, model::WallTime wall) {
  std::vector<Hold> holds;
  for (const auto& what : ordered) {
    Hold hold{what, std::nullopt, {}};
    if (what.remaining) {
      hold.until = now + *what.remaining;
      hold.until_wall.ms = wall.ms + model::to_ms(*what.remaining);
    }
    holds.push_back(std::move(hold));
  }
  return holds;
}

Hold own_hold(const model::Pod& own, std::string_view group, std::string_view best_effort) {
  const bool below = own.kube_qos == model::KubeQos::kBestEffort;
  std::string reason = fmt::format("the agent runs in pod {}/{}", own.name_space, own.name).substr(0, kMaxNames);
  if (below) reason += ", which is BestEffort: give it requests, so that it does not throttle itself";
  return {{std::string(below ? best_effort : group), std::nullopt, false, "tideline-node", std::move(reason)},
          std::nullopt,
          {}};
}

bool is_over(const Hold& hold, model::MonoTime now) {
  return hold.until && *hold.until <= now;
}

const Hold* covering(const std::vector<Hold>& holds, std::string_view group, model::MonoTime now) {
  const Hold* longest = nullptr;
  for (const auto& hold : holds) {
    if (is_over(hold, now) || !model::covers(hold.what.group, group)) continue;
    if (longest == nullptr || outlasts(hold, *longest)) longest = &hold;
  }
  return longest;
}

std::string why(const Hold& hold) {
  if (!hold.until) return model::text_of(hold.what);
  return fmt::format("hands off until {} by {}: {}", instant(hold.until_wall), hold.what.who, hold.what.reason);
}

std::vector<model::Event> changes(const std::vector<Hold>& before, const std::vector<Hold>& after,
                                  model::WallTime wall) {
  std::vector<model::Event> events;
  for (const auto& hold : before) {
    if (!contains(after, hold)) events.push_back(model::over(hold.what, wall, Controller::kGuard, "ended"));
  }
  for (const auto& hold : after) {
    if (!contains(before, hold)) events.push_back(model::begun(hold.what, wall, Controller::kGuard));
  }
  return events;
}

}  // namespace tideline::decide
