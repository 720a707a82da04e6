#include "coordinator/actor/fleet_memory.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "messages/log/log.h"

namespace tideline::coordinator {
namespace {

/// Whatever a wall clock showed: ages must stay far from where 64 bits of ns end.
constexpr std::int64_t kOldestMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;

model::MonoTime mono_of(model::WallTime then, const fleet::Arrival& now) {
  if (then >= now.wall) return now.mono;
  const auto age_ms = std::min(now.wall.ms - std::max<std::int64_t>(then.ms, 0), kOldestMs);
  return now.mono + -std::chrono::milliseconds(age_ms);
}

}  // namespace

std::vector<RememberedNode> remembered_fleet(const store::HistoryStore& store, const fleet::Arrival& now,
                                             std::size_t most, model::Duration heard_within) {
  std::vector<RememberedNode> nodes;
  for (const auto& name : store.nodes()) {
    const auto received = store.last_received(name);
    if (!received) continue;
    const auto heard = mono_of(*received, now);
    if (now.mono - heard <= heard_within) nodes.push_back({name, heard});
  }
  if (nodes.size() > most) {
    log::warn("fleet-memory", "history has {} nodes, and {} are held: those that reported last", nodes.size(), most);
    std::stable_sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a.heard > b.heard; });
    nodes.resize(most);
  }
  std::size_t unread = 0;
  std::string why;
  for (auto& node : nodes) {
    auto last = store.last_account(node.name, {INT64_MAX});
    if (!last) {
      if (unread++ == 0) why = last.error().message();
      continue;
    }
    if (!*last) continue;
    node.kept_at = mono_of((*last)->at, now);
    node.account = std::move((*last)->account);
  }
  if (unread > 0) log::warn("fleet-memory", "accounts of {} nodes cannot be read: {}", unread, why);
  return nodes;
}

}  // namespace tideline::coordinator
