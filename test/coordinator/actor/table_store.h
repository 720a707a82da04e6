#pragma once
// Tables that a test puts in, in memory.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/series/series_store.h"

namespace tideline::coordinator {

class TableStore : public series::SeriesStore {
 public:
  void put(const std::string& node, series::Table table) { tables_[model::NodeName(node)].push_back(std::move(table)); }
  void put(const std::string& node, series::PodInfo pod) { pods_[model::NodeName(node)].push_back(std::move(pod)); }

  /// Nothing is ever due.
  model::Result<series::FoldSlice> fold_slice(model::WallTime, const model::NodeName&, std::size_t) override {
    return series::FoldSlice{};
  }
  model::Result<series::DroppedSeries> drop_series(const series::DropSeriesBefore&, const model::NodeName&,
                                                   std::size_t) override {
    return series::DroppedSeries{};
  }
  model::Result<void> read(const series::ReadRange& range, const std::vector<series::Subject>* only,
                           const Visit& visit) const override {
    const auto found = tables_.find(range.node);
    if (found == tables_.end()) return {};
    for (const auto& table : found->second) {
      const bool asked = only == nullptr || std::find(only->begin(), only->end(), table.subject) != only->end();
      if (!asked || table.tier != range.tier) continue;
      // Begins of steps are whole seconds.
      const auto part = series::slice(table, (range.from.ms + 999) / 1000, (range.to.ms + 999) / 1000);
      for (auto& block : series::by_block(part)) {
        if (!visit(std::move(block))) return {};
      }
    }
    return {};
  }
  model::Result<std::vector<series::PodInfo>> pods(const model::NodeName& node, model::WallTime from,
                                                   model::WallTime to) const override {
    std::vector<series::PodInfo> there;
    const auto found = pods_.find(node);
    if (found == pods_.end()) return there;
    for (const auto& pod : found->second) {
      if (pod.first_s * 1000 < to.ms && pod.last_s * 1000 >= from.ms) there.push_back(pod);
    }
    return there;
  }
  std::vector<model::NodeName> series_nodes() const override {
    std::vector<model::NodeName> names;
    for (const auto& [name, tables] : tables_)
      names.push_back(name);
    return names;
  }
  model::Result<series::SeriesState> series_state() const override {
    series::SeriesState state;
    state.nodes = tables_.size();
    return state;
  }
  model::Result<PutOutcome> put_tables(const model::NodeName&, std::vector<series::Table>,
                                       std::vector<series::PodInfo>) override {
    return model::Error(model::ErrorCode::kUnsupported, "put() does");
  }

 private:
  std::map<model::NodeName, std::vector<series::Table>> tables_;
  std::map<model::NodeName, std::vector<series::PodInfo>> pods_;
};

/// Rows of every step of the tier in [from_s, to_s), each with one sample of `value` in its one field.
inline series::Table table_of(series::Subject subject, series::Tier tier, series::Field field, std::int64_t from_s,
                              std::int64_t to_s, std::int64_t value) {
  series::Table table;
  table.subject = std::move(subject);
  table.tier = tier;
  series::FieldColumn column;
  column.field = field;
  for (std::int64_t time = from_s; time < to_s; time += series::step_s(tier)) {
    table.times.push_back(time);
    series::Summary cell;
    cell.add(value);
    column.cells.push_back(cell);
  }
  table.fields.push_back(std::move(column));
  return table;
}

}  // namespace tideline::coordinator
