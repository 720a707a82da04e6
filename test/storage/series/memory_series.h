#pragma once
// A SeriesStore in memory, of what is put into it: for archives and questions. Nothing is folded in it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/series/series_store.h"

namespace tideline::series {

class MemorySeries final : public SeriesStore {
 public:
  /// As put_tables() was called.
  struct Call {
    model::NodeName node;
    std::size_t tables = 0;
    std::size_t pods = 0;
  };

  model::Result<FoldSlice> fold_slice(model::WallTime /*now*/, const model::NodeName& /*from*/,
                                      std::size_t /*most*/) override {
    return FoldSlice();
  }
  model::Result<DroppedSeries> drop_series(const DropSeriesBefore& /*before*/, const model::NodeName& /*from*/,
                                           std::size_t /*most*/) override {
    return DroppedSeries();
  }

  model::Result<void> read(const ReadRange& range, const std::vector<Subject>* only,
                           const Visit& visit) const override {
    if (range.node == damaged) return model::Error(model::ErrorCode::kMalformed, "table of " + range.node.str());
    const auto node = nodes_.find(range.node);
    if (node == nodes_.end()) return {};
    for (const auto& [place, table] : node->second.tables) {
      const Subject& subject = table.subject;
      if (table.tier != range.tier) continue;
      if (only != nullptr && std::find(only->begin(), only->end(), subject) == only->end()) continue;
      Table part = slice(table, first_second(range.from), first_second(range.to));
      if (!part.empty() && !visit(std::move(part))) break;
    }
    return {};
  }

  model::Result<std::vector<PodInfo>> pods(const model::NodeName& node, model::WallTime from,
                                           model::WallTime to) const override {
    std::vector<PodInfo> found;
    const auto of = nodes_.find(node);
    if (of == nodes_.end()) return found;
    for (const auto& [uid, info] : of->second.pods) {
      if (info.last_s >= first_second(from) && info.first_s < first_second(to)) found.push_back(info);
    }
    return found;
  }

  std::vector<model::NodeName> series_nodes() const override {
    std::vector<model::NodeName> names;
    for (const auto& [name, node] : nodes_)
      names.push_back(name);
    return names;
  }
  model::Result<SeriesState> series_state() const override { return SeriesState(); }

  model::Result<PutOutcome> put_tables(const model::NodeName& node, std::vector<Table> tables,
                                       std::vector<PodInfo> pods) override {
    if (tables.size() > 4096) return model::invalid("more than 4096 tables");
    if (puts_left && (*puts_left)-- == 0) return model::Error(model::ErrorCode::kUnavailable, "disk full");
    calls.push_back({.node = node, .tables = tables.size(), .pods = pods.size()});
    PutOutcome outcome;
    Node& into = nodes_[node];
    for (Table& table : tables) {
      const std::int64_t block = floor_to(table.times.front(), block_s(table.tier));
      const auto [at, made] = into.tables.try_emplace(Place(table.tier, block, table.subject), std::move(table));
      ++(made ? outcome.put : outcome.there);
    }
    for (PodInfo& pod : pods) {
      const auto [at, made] = into.pods.try_emplace(pod.uid, pod);
      if (!made) at->second = merge(at->second, pod);
    }
    return outcome;
  }

  /// A node whose tables cannot be read.
  model::NodeName damaged;
  /// So many puts go well.
  std::optional<std::size_t> puts_left;
  std::vector<Call> calls;

 private:
  using Place = std::tuple<Tier, std::int64_t, Subject>;  // in the order in which tables are read
  struct Node {
    std::map<Place, Table> tables;
    std::map<model::PodUid, PodInfo> pods;
  };

  /// At or after it, not before the epoch.
  static std::int64_t first_second(model::WallTime time) { return time.ms / 1000 + (time.ms % 1000 > 0 ? 1 : 0); }

  std::map<model::NodeName, Node> nodes_;
};

}  // namespace tideline::series
