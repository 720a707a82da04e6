#include "k8s-bridge/actor/push_book.h"

#include <algorithm>
#include <utility>

namespace tideline::bridge {

void PushBook::look(const model::NodeName& node, const Row& row) {
  if (row.session && row.known && (row.wanted || row.on_its_way != 0)) {
    open_.insert(node);
  } else {
    open_.erase(node);
  }
}

void PushBook::opened(const model::NodeName& node, link::SessionId session) {
  Row& row = rows_[node];
  land(row);
  row.session = session;
  row.wanted = true;
  row.not_before = {};
  row.failures = 0;
  row.problem.clear();
  look(node, row);
}

void PushBook::closed(const model::NodeName& node, link::SessionId session) {
  const auto found = rows_.find(node);
  if (found == rows_.end() || found->second.session != session) return;
  land(found->second);
  found->second.session.reset();
  open_.erase(node);
  if (!found->second.known) rows_.erase(found);
}

void PushBook::changed(const model::NodeName& node) {
  Row& row = rows_[node];
  row.known = row.wanted = true;
  look(node, row);
}

void PushBook::gone(const model::NodeName& node) {
  const auto found = rows_.find(node);
  if (found == rows_.end()) return;
  found->second.known = false;
  open_.erase(node);
  if (!found->second.session) rows_.erase(found);
}

void PushBook::land(Row& row) {
  if (row.on_its_way != 0) --on_the_way_;
  row.on_its_way = 0;
}

void PushBook::failed(Row& row, model::MonoTime now) {
  land(row);
  row.wanted = true;
  const model::Duration wait = options_.backoff_min * (std::int64_t{1} << std::min(row.failures, 20U));
  row.not_before = now + std::min(wait, options_.backoff_max);
  ++row.failures;
}

std::vector<PushBook::Push> PushBook::due(model::MonoTime now, std::size_t most) {
  std::vector<Push> pushes;
  for (const auto& node : open_) {
    if (pushes.size() == most) break;
    Row& row = rows_.at(node);
    if (row.on_its_way != 0 && now - row.sent >= options_.answer_within) failed(row, now);
    if (row.on_its_way != 0 || !row.wanted || now < row.not_before) continue;
    // Those after it may have waited for an answer for too long.
    if (on_the_way_ >= options_.most_on_the_way) continue;
    ++on_the_way_;
    row.wanted = false;
    row.on_its_way = ++last_number_;
    row.sent = now;
    pushes.push_back({*row.session, node, row.on_its_way});
  }
  return pushes;
}

std::optional<std::string> PushBook::answered(const model::NodeName& node, link::SessionId session,
                                              std::uint64_t number, const std::string& problem, model::MonoTime now) {
  const auto found = rows_.find(node);
  if (found == rows_.end()) return std::nullopt;
  Row& row = found->second;
  if (row.session != session || row.on_its_way != number || number == 0) return std::nullopt;
  const bool is_new = !problem.empty() && problem != row.problem;
  row.problem = problem;
  if (problem.empty()) {
    land(row);
    row.failures = 0;
    row.not_before = {};
  } else {
    failed(row, now);
  }
  look(node, row);
  return is_new ? std::optional(problem) : std::nullopt;
}

}  // namespace tideline::bridge
