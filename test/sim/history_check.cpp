#include "test/sim/history_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "test/sim/coordinator_sim.h"

namespace tideline::sim {
namespace {

std::string text_of(const ReportId& id) {
  return fmt::format("report {} of incarnation {}", id.second, id.first);
}

}  // namespace

/// Its lane is the sender's at the time of sending, and no part of it.
std::uint64_t HistoryCheck::fingerprint_of(const model::Report& report) {
  std::uint64_t mixed = 1469598103934665603U;
  for (const std::uint64_t value :
       {static_cast<std::uint64_t>(report.mono.ns), static_cast<std::uint64_t>(report.wall.ms),
        static_cast<std::uint64_t>(report.window.count()), report.gap_reports,
        static_cast<std::uint64_t>(report.samples.size()), static_cast<std::uint64_t>(report.pods.size()),
        static_cast<std::uint64_t>(report.events.size()), report.status.policy_applied.value()})
    mixed = (mixed ^ value) * 1099511628211U;
  return mixed;
}

void HistoryCheck::made(const model::Report& report, const std::shared_ptr<Lineage>& lineage) {
  const auto [incarnation, seq] = id_of(report);
  Life& life = nodes_[report.node][incarnation];
  life.lineage = lineage;
  life.highest = std::max(life.highest, seq);
  life.open[seq] = {.fingerprint = fingerprint_of(report), .acked_at = -1, .seen = false};
  ++made_;
}

void HistoryCheck::acked(const model::NodeName& node, const ReportId& id, std::int64_t now) {
  auto& open = nodes_[node][id.first].open;
  const auto found = open.find(id.second);
  if (found != open.end() && found->second.acked_at < 0) found->second.acked_at = now;
}

void HistoryCheck::acked_through(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq,
                                 std::int64_t now) {
  for (auto& [number, made] : nodes_[node][incarnation.value()].open) {
    if (number > seq.value()) break;
    if (made.acked_at < 0) made.acked_at = now;
  }
}

std::optional<std::string> HistoryCheck::see(Lives& lives, const model::Report& report) {
  const auto id = id_of(report);
  const auto life = lives.find(id.first);
  if (life == lives.end()) return text_of(id) + " is in history and of no agent";
  const auto found = life->second.open.find(id.second);
  if (found == life->second.open.end()) {
    return text_of(id) +
           (id.second <= life->second.highest ? " is in history twice" : " is in history and was not made");
  }
  if (found->second.seen) return text_of(id) + " is in history twice";
  if (found->second.fingerprint != fingerprint_of(report)) return text_of(id) + " is in history as another one";
  found->second.seen = true;
  life->second.lineage->counted += report.gap_reports;
  ++verified_;
  return std::nullopt;
}

std::optional<std::string> HistoryCheck::verify(const store::HistoryStore& store, const model::NodeName& node,
                                                std::int64_t until) {
  const model::WallTime end = arrival_at(until).wall;
  const auto page = store.reports(node, {0}, end, 0);
  if (!page) return page.error().message();
  if (page->truncated) return "history has more of it than one page";
  Lives& lives = nodes_[node];
  for (const auto& row : page->rows) {
    if (auto wrong = see(lives, row.report)) return wrong;
  }
  for (auto& [incarnation, life] : lives) {
    for (const auto& [seq, made] : life.open) {
      // What was acked arrived before, and is not dated later than that.
      if (made.acked_at < 0 || made.acked_at > until || made.seen) continue;
      return text_of({incarnation, seq}) + " was acked and is not in history";
    }
    std::erase_if(life.open, [](const auto& entry) { return entry.second.seen && entry.second.acked_at >= 0; });
  }
  return std::nullopt;
}

std::vector<HistoryCheck::Missing> HistoryCheck::missing(const model::NodeName& node) const {
  std::vector<Missing> missing;
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return missing;
  for (const auto& [incarnation, life] : found->second) {
    for (const auto& [seq, made] : life.open) {
      if (!made.seen && made.acked_at < 0) missing.push_back({{incarnation, seq}, life.lineage});
    }
  }
  return missing;
}

std::size_t HistoryCheck::size() const {
  std::size_t size = 0;
  for (const auto& [node, lives] : nodes_) {
    for (const auto& [incarnation, life] : lives)
      size += life.open.size();
  }
  return size;
}

}  // namespace tideline::sim
