#include "coordinator/actor/hands_off_desk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "storage/store/limits.h"

namespace tideline::coordinator {

using model::Controller;

static_assert(fleet::kMaxHandsOffTextBytes <= store::kMaxSettingValueBytes, "a book must fit a setting");

void HandsOffDesk::begin(const model::NodeName& node, const model::HandsOff& hands_off, const fleet::Arrival& now,
                         admin::Reply<void> reply) {
  if (is_being_kept(node, hands_off.group, hands_off.release, reply)) return;
  const auto before = book_.find(node, hands_off.group, hands_off.release, now.mono);
  if (auto begun = book_.begin(node, hands_off, now); !begun) {
    reply(begun);
    return;
  }
  propose({node, hands_off, before, model::begun(hands_off, now.wall, Controller::kCoordinator), std::move(reply)},
          now);
}

void HandsOffDesk::end(const model::NodeName& node, const std::string& group, bool release, const std::string& who,
                       const fleet::Arrival& now, admin::Reply<void> reply) {
  if (is_being_kept(node, group, release, reply)) return;
  const auto ended = book_.end(node, group, release, now.mono);
  if (!ended) {
    reply(ended.error());
    return;
  }
  auto event =
      model::over(ended->hands_off, now.wall, Controller::kCoordinator, (release ? "resumed by " : "ended by ") + who);
  propose({node, ended->hands_off, *ended, std::move(event), std::move(reply)}, now);
}

bool HandsOffDesk::is_being_kept(const model::NodeName& node, const std::string& group, bool release,
                                 const admin::Reply<void>& reply) const {
  // Of two, one that is taken back would take the other along, or bring back what never was in force.
  const bool is_one = std::any_of(changes_.begin(), changes_.end(), [&](const auto& each) {
    const Change& change = each.second;
    return change.node == node && change.subject.group == group && change.subject.release == release;
  });
  if (!is_one) return false;
  reply(model::Error(model::ErrorCode::kOverloaded,
                     fmt::format("an order about {} of node \"{}\" is being kept; try again",
                                 release ? "the whole tree" : "cgroup \"" + group + "\"", node.str())));
  return true;
}

void HandsOffDesk::propose(Change change, const fleet::Arrival& now) {
  changes_.emplace(++last_change_, std::move(change));
  out_.keep(book_.to_text(now), last_change_);
}

void HandsOffDesk::kept(std::uint64_t number, const model::Result<void>& outcome, const fleet::Arrival& now) {
  const auto found = changes_.find(number);
  if (found == changes_.end()) return;
  const Change change = std::move(found->second);
  changes_.erase(found);
  if (outcome) {
    out_.note(change.node, change.event);
    push(change.node, now.mono);
    change.reply({});
    return;
  }
  (void)book_.end(change.node, change.subject.group, change.subject.release, now.mono).ok();
  if (change.before) (void)book_.begin(change.node, change.before->hands_off, now).ok();
  push(change.node, now.mono);
  // Whatever was handed out to be kept since has it.
  out_.keep(book_.to_text(now), 0);
  change.reply(outcome.error().in("the order could not be kept, and is not in force"));
}

void HandsOffDesk::opened(const model::NodeName& node, const fleet::Arrival& now) {
  push(node, now.mono);
}

void HandsOffDesk::push(const model::NodeName& node, model::MonoTime now) {
  model::HandsOffOrder order{.number = ++last_number_, .epoch = epoch_, .entries = {}};
  for (auto& row : book_.rows(node, now))
    order.entries.push_back(std::move(row.hands_off));
  told_[node] = {.number = order.number, .obeyed = false, .problem = {}};
  out_.push(node, std::move(order));
}

void HandsOffDesk::answered(const model::NodeName& node, std::uint64_t number, const std::string& problem) {
  const auto told = told_.find(node);
  if (told == told_.end() || told->second.number != number) return;
  told->second.obeyed = problem.empty();
  told->second.problem = problem;
}

void HandsOffDesk::expire(const fleet::Arrival& now) {
  const auto expired = book_.expire(now.mono);
  if (expired.empty()) return;
  for (const auto& row : expired)
    out_.note(row.node, model::over(row.hands_off, now.wall, Controller::kCoordinator, "expired"));
  out_.keep(book_.to_text(now), 0);
}

void HandsOffDesk::forget(const model::NodeName& node, const fleet::Arrival& now) {
  told_.erase(node);
  if (book_.forget(node)) out_.keep(book_.to_text(now), 0);
}

std::vector<admin::HandsOffRow> HandsOffDesk::rows(const model::NodeName& node, model::MonoTime now) const {
  std::vector<admin::HandsOffRow> all;
  for (auto& row : book_.rows(node, now)) {
    const auto told = told_.find(row.node);
    const bool known = told != told_.end();
    all.push_back({row.node, std::move(row.hands_off), known && told->second.obeyed,
                   known ? told->second.problem : std::string()});
  }
  return all;
}

}  // namespace tideline::coordinator
