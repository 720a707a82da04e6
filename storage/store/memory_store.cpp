#include "storage/store/memory_store.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "storage/store/checks.h"
#include "storage/store/node_index.h"

namespace tideline::store {
namespace {

/// at, incarnation, seq: the order of RocksStore's report keys.
using ReportKey = std::tuple<std::int64_t, std::uint64_t, std::uint64_t>;
/// at, source (0 node, 1 coordinator), incarnation, seq or counter, index in the report: as RocksStore's event keys.
using EventKey = std::tuple<std::int64_t, int, std::uint64_t, std::uint64_t, std::uint32_t>;

struct NodeRows {
  NodeIndex index;
  std::map<ReportKey, StoredReport> reports;
};

template <class Map>
auto first_at(Map& map, model::WallTime time) {
  typename std::remove_const_t<Map>::key_type key{};
  std::get<0>(key) = time.ms;
  return map.lower_bound(key);
}

/// Rows that one slice may still drop.
struct Budget {
  std::size_t rows = 0;
  bool short_of = false;  // there was more to drop than that
};

/// Erases up to `end`; how many.
template <class Map>
std::uint64_t erase_until(Map& map, typename Map::iterator end, Budget& budget) {
  std::uint64_t count = 0;
  auto it = map.begin();
  for (; it != end && budget.rows > 0; --budget.rows, ++count)
    it = map.erase(it);
  if (it != end) budget.short_of = true;
  return count;
}

}  // namespace

struct MemoryStore::State {
  mutable std::mutex mutex;
  std::map<model::NodeName, NodeRows> nodes;
  std::map<model::NodeName, std::map<EventKey, StoredEvent>> events;
  std::map<model::NodeName, std::map<std::int64_t, model::AccountAt>> accounts;  // by time
  std::map<std::string, std::string, std::less<>> settings;
  std::uint64_t event_counter = 0;

  /// The first node from this name on of which there is anything; nullopt = none.
  std::optional<model::NodeName> first_from(const model::NodeName& name) const {
    std::optional<model::NodeName> first;
    const auto look = [&](const auto& rows) {
      const auto found = rows.lower_bound(name);
      if (found != rows.end() && (!first || found->first < *first)) first = found->first;
    };
    look(nodes);
    look(events);
    look(accounts);
    return first;
  }
  Dropped drop(const model::NodeName& name, const DropBefore& before, Budget& budget);
};

Dropped MemoryStore::State::drop(const model::NodeName& name, const DropBefore& before, Budget& budget) {
  Dropped dropped;
  const auto node = nodes.find(name);
  if (node != nodes.end()) {
    auto& reports = node->second.reports;
    dropped.reports = erase_until(reports, first_at(reports, before.reports), budget);
  }
  if (const auto found = events.find(name); found != events.end()) {
    dropped.events = erase_until(found->second, first_at(found->second, before.events), budget);
    if (found->second.empty()) events.erase(found);
  }
  if (const auto found = accounts.find(name); found != accounts.end()) {
    dropped.accounts = erase_until(found->second, found->second.lower_bound(before.accounts.ms), budget);
    if (found->second.empty()) accounts.erase(found);
  }
  if (node != nodes.end() && node->second.reports.empty() && !events.contains(name) &&
      node->second.index.last_received < before.first()) {
    nodes.erase(node);
    dropped.nodes = 1;
  }
  return dropped;
}

MemoryStore::MemoryStore() : state_(std::make_unique<State>()) {}
MemoryStore::~MemoryStore() = default;

model::Result<std::vector<AppendOutcome>> MemoryStore::append_views(std::span<const ReportView> reports) {
  if (auto bounded = check_append_size(reports.size(), kMaxAppendReports, "reports"); !bounded) return bounded.error();
  const std::lock_guard lock(state_->mutex);
  std::vector<AppendOutcome> outcomes;
  outcomes.reserve(reports.size());
  for (const ReportView& incoming : reports) {
    const model::Report& report = incoming.report;
    const bool known = state_->nodes.contains(report.node);
    if (!storable(report) || (!known && state_->nodes.size() >= kMaxNodes)) {
      outcomes.push_back(AppendOutcome::kRefused);
      continue;
    }
    NodeRows& node = state_->nodes[report.node];
    outcomes.push_back(node.index.admit(incoming));
    if (outcomes.back() != AppendOutcome::kStored) continue;
    const model::WallTime at = corrected_wall(report.wall, incoming.clock_offset, incoming.received);
    node.reports[{at.ms, report.incarnation.value(), report.seq.value()}] = {report, incoming.received,
                                                                             incoming.clock_offset, at};
    auto& events = state_->events[report.node];
    std::uint32_t index = 0;
    for (const model::Event& event : report.events) {
      const model::WallTime event_at = corrected_wall(event.at, incoming.clock_offset, incoming.received);
      events[{event_at.ms, 0, report.incarnation.value(), report.seq.value(), index++}] = {event_at, event};
    }
  }
  return outcomes;
}

model::Result<void> MemoryStore::append_events(std::span<const CoordinatorEvent> events) {
  if (auto checked = check_events(events); !checked) return checked;
  const std::lock_guard lock(state_->mutex);
  for (const CoordinatorEvent& event : events) {
    state_->events[event.node][{event.event.at.ms, 1, 0, state_->event_counter++, 0}] = {event.event.at, event.event};
  }
  return {};
}

model::Result<void> MemoryStore::append_accounts(std::span<const model::AccountAt> accounts) {
  if (auto checked = check_accounts(accounts); !checked) return checked;
  const std::lock_guard lock(state_->mutex);
  for (const model::AccountAt& entry : accounts) {
    model::AccountAt kept = entry;
    // As RocksStore's bytes have it.
    if (auto& age = kept.account.data_age) age = std::chrono::milliseconds(model::to_ms(*age));
    state_->accounts[entry.account.node].insert_or_assign(entry.at.ms, std::move(kept));
  }
  return {};
}

model::Result<DroppedSlice> MemoryStore::drop_slice(const DropBefore& before, const model::NodeName& from,
                                                    std::size_t most) {
  const std::lock_guard lock(state_->mutex);
  DroppedSlice slice;
  Budget budget{.rows = std::max<std::size_t>(most, 1), .short_of = false};
  auto node = state_->first_from(from);
  for (std::size_t looks = budget.rows; node && looks > 0; --looks) {
    slice.dropped += state_->drop(*node, before, budget);
    if (budget.short_of) break;
    // No name lies between one and itself with a 0 behind it.
    node = state_->first_from(model::NodeName(node->str() + '\0'));
  }
  slice.rest = std::move(node);
  return slice;
}

model::Result<void> MemoryStore::put_setting(std::string_view key, std::string_view value) {
  if (auto checked = check_setting(key, value); !checked) return checked;
  const std::lock_guard lock(state_->mutex);
  state_->settings.insert_or_assign(std::string(key), std::string(value));
  return {};
}

model::Result<std::optional<std::string>> MemoryStore::setting(std::string_view key) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->settings.find(key);
  if (found == state_->settings.end()) return std::optional<std::string>();
  return std::optional(found->second);
}

std::vector<model::NodeName> MemoryStore::nodes() const {
  const std::lock_guard lock(state_->mutex);
  std::set<model::NodeName> names;
  for (const auto& [name, node] : state_->nodes)
    names.insert(name);
  for (const auto& [name, events] : state_->events) {
    if (!name.empty() && !events.empty()) names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::optional<model::WallTime> MemoryStore::last_received(const model::NodeName& node) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->nodes.find(node);
  return found == state_->nodes.end() ? std::nullopt : std::optional(found->second.index.last_received);
}

model::Seq MemoryStore::acked_through(const model::NodeName& node, model::Incarnation incarnation) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->nodes.find(node);
  const RangeSet* seqs = found == state_->nodes.end() ? nullptr : found->second.index.seqs(incarnation);
  return model::Seq(seqs ? seqs->prefix_end() : 0);
}

bool MemoryStore::has(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->nodes.find(node);
  const RangeSet* seqs = found == state_->nodes.end() ? nullptr : found->second.index.seqs(incarnation);
  return seqs && seqs->contains(seq.value());
}

model::Result<Page<StoredEvent>> MemoryStore::events(const model::NodeName& node, model::WallTime from,
                                                     model::WallTime to, std::size_t limit) const {
  const std::lock_guard lock(state_->mutex);
  Page<StoredEvent> page;
  const auto found = state_->events.find(node);
  if (found == state_->events.end()) return page;
  limit = page_limit(limit, kMaxEventRows);
  for (auto it = first_at(found->second, from); it != found->second.end() && it->second.at < to; ++it) {
    page.truncated = page.rows.size() == limit;
    if (page.truncated) break;
    page.rows.push_back(it->second);
  }
  return page;
}

model::Result<Page<model::AccountAt>> MemoryStore::accounts(const model::NodeName& node, model::WallTime from,
                                                            model::WallTime to, std::size_t limit) const {
  const std::lock_guard lock(state_->mutex);
  Page<model::AccountAt> page;
  const auto found = state_->accounts.find(node);
  if (found == state_->accounts.end()) return page;
  limit = page_limit(limit, kMaxAccountRows);
  for (auto it = found->second.lower_bound(from.ms); it != found->second.end() && it->first < to.ms; ++it) {
    page.truncated = page.rows.size() == limit;
    if (page.truncated) break;
    page.rows.push_back(it->second);
  }
  return page;
}

model::Result<std::optional<model::AccountAt>> MemoryStore::last_account(const model::NodeName& node,
                                                                         model::WallTime at) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->accounts.find(node);
  if (found == state_->accounts.end()) return std::optional<model::AccountAt>();
  const auto behind = found->second.upper_bound(at.ms);
  if (behind == found->second.begin()) return std::optional<model::AccountAt>();
  return std::optional(std::prev(behind)->second);
}

model::Result<std::optional<StoredReport>> MemoryStore::last_report(const model::NodeName& node) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->nodes.find(node);
  if (found == state_->nodes.end() || found->second.reports.empty()) return std::optional<StoredReport>();
  return std::optional(found->second.reports.rbegin()->second);
}

model::Result<void> MemoryStore::walk_reports(const model::NodeName& node, model::WallTime from, model::WallTime to,
                                              const ReportVisitor& visit) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->nodes.find(node);
  if (found == state_->nodes.end()) return {};
  const auto& reports = found->second.reports;
  for (auto it = first_at(reports, from); it != reports.end() && it->second.at < to; ++it) {
    if (!visit(StoredReport(it->second))) break;
  }
  return {};
}

model::Duration MemoryStore::longest_window(const model::NodeName& node) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->nodes.find(node);
  return found == state_->nodes.end() ? model::Duration{0} : found->second.index.longest_window;
}

}  // namespace tideline::store
