#include "storage/rocks/series_care.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "storage/columns/printable.h"
#include "storage/rocks/damage.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/pending_reports.h"
#include "storage/rocks/table_writer.h"
#include "storage/series/stay.h"
#include "storage/series/table_bytes.h"
#include "storage/store/limits.h"

namespace tideline::rocks {
namespace {

constexpr std::size_t kMaxPutTables = 4096;
constexpr std::size_t kMaxInfoTextBytes = 1024;
/// Times of rows are before: the year 9999.
constexpr std::int64_t kRowsEnd = 253'402'300'800;

using TierLimits = std::array<std::int64_t, series::kTiers.size()>;

model::Error bad_put(const model::NodeName& node, const series::Table& table, std::string_view what) {
  return model::invalid(fmt::format("table {} of {} of node {}: {}", series::name_of(table.tier),
                                    columns::printable(table.subject.name), columns::printable(node.str()), what));
}

model::Result<void> check_put_table(const model::NodeName& node, const series::Table& table) {
  const bool is_node = table.subject.kind == series::SubjectKind::kNode;
  if (is_node != table.subject.name.empty() || table.subject.name.size() > kMaxSubjectBytes) {
    return bad_put(node, table, fmt::format("a name of {} bytes", table.subject.name.size()));
  }
  std::int64_t before = -1;
  for (const std::int64_t time : table.times) {
    if (time <= before || time >= kRowsEnd || time % series::step_s(table.tier) != 0) {
      return bad_put(node, table, fmt::format("a row at {} s", time));
    }
    before = time;
  }
  const auto has_all = [&table](const auto& columns) {
    return std::all_of(columns.begin(), columns.end(),
                       [&](const auto& column) { return column.cells.size() == table.times.size(); });
  };
  if (!has_all(table.fields) || !has_all(table.sketches)) return bad_put(node, table, "rows without a cell");
  // What could not be read back must not be there.
  for (const series::FieldColumn& column : table.fields) {
    const auto number = static_cast<unsigned>(column.field);
    if (number == 0 || number > series::kLastField) return bad_put(node, table, fmt::format("a field {}", number));
    for (const series::Summary& cell : column.cells) {
      if (cell.count == 0 || cell.min <= cell.max) continue;
      return bad_put(node, table,
                     fmt::format("{}: least {} above most {}", series::name_of(column.field), cell.min, cell.max));
    }
  }
  return {};
}

model::Result<void> check_put_info(const model::NodeName& node, const series::PodInfo& info) {
  const auto bad = [&](std::string_view what) {
    return model::invalid(
        fmt::format("pod {} of node {}: {}", columns::printable(info.uid.str()), columns::printable(node.str()), what));
  };
  if (info.uid.empty() || info.uid.str().size() > kMaxSubjectBytes) return bad("its uid has no or too many bytes");
  if (info.first_s < 0 || info.first_s > info.last_s || info.last_s >= kRowsEnd) return bad("it was never seen");
  if (std::max({info.name_space.size(), info.name.size(), info.workload.size()}) > kMaxInfoTextBytes) {
    return bad("a name is too long");
  }
  if (info.qos > model::QosClass::kSystem) return bad("its QoS class is none");
  return {};
}

/// Whether reports that are not folded yet may be of the block.
model::Result<bool> awaits_reports(PendingReports& pending, std::int64_t block_s, std::int64_t length_s) {
  const auto first = pending.first_from(block_s * 1000);
  if (!first) return first.error();
  return *first && **first < (block_s + length_s) * 1000 + pending.longest_window_ms();
}

/// Blocks of each tier that begin before these go.
struct BlockLimits {
  explicit BlockLimits(const series::DropSeriesBefore& before) {
    for (std::size_t i = 0; i < series::kTiers.size(); ++i) {
      const std::int64_t tier_ms = before.tiers[i].ms;
      lasting[i] = begin_of(tier_ms, series::kTiers[i]);
      passing[i] = begin_of(std::max(tier_ms, before.passing[i].ms), series::kTiers[i]);
    }
  }
  std::int64_t of(series::Tier tier, series::Stay stay) const {
    return (stay == series::Stay::kPassing ? passing : lasting)[series::place_of(tier)];
  }

  TierLimits lasting{};
  TierLimits passing{};

 private:
  static std::int64_t begin_of(std::int64_t until_ms, series::Tier tier) {
    return series::floor_to(std::max<std::int64_t>(until_ms, 0) / 1000, series::block_s(tier));
  }
};

}  // namespace

model::Result<series::SeriesStore::PutOutcome> put_tables(StoreState& state, const model::NodeName& node,
                                                          std::vector<series::Table> tables,
                                                          std::vector<series::PodInfo> pods) {
  if (node.empty() || node.str().size() > store::kMaxNodeNameBytes) {
    return model::invalid(fmt::format("tables of a node whose name has {} bytes, want 1..{}", node.str().size(),
                                      store::kMaxNodeNameBytes));
  }
  if (tables.size() > kMaxPutTables) {
    return model::invalid(fmt::format("{} tables at once, limit {}", tables.size(), kMaxPutTables));
  }
  for (const series::Table& table : tables) {
    if (auto checked = check_put_table(node, table); !checked) return checked.error();
  }
  for (const series::PodInfo& info : pods) {
    if (auto checked = check_put_info(node, info); !checked) return checked.error();
  }

  const std::lock_guard folding(state.folder);
  TableWriter writer(state, node);
  PendingReports pending(*state.database, node);
  if (auto begun = pending.begin(); !begun) return begun.error();
  const TableRows rows(*state.database, nullptr);
  series::SeriesStore::PutOutcome outcome;
  std::set<std::string> taken;
  for (const series::Table& table : tables) {
    for (const series::Table& block : series::by_block(table)) {
      const std::int64_t length_s = series::block_s(table.tier);
      const TableKey key{.tier = table.tier,
                         .block_s = series::floor_to(block.times.front(), length_s),
                         .node = node,
                         .subject = table.subject};
      auto is_there = rows.has(key);
      if (is_there && !*is_there) is_there = awaits_reports(pending, key.block_s, length_s);
      if (!is_there) return is_there.error();
      if (*is_there || !taken.insert(table_key(key)).second) {
        ++outcome.there;
        continue;
      }
      if (auto put = writer.put(key, block); !put) return put.error();
      ++outcome.put;
    }
  }
  std::map<model::PodUid, series::PodInfo> infos;
  for (series::PodInfo& info : pods) {
    const auto [there, is_new] = infos.try_emplace(info.uid, info);
    if (!is_new) there->second = series::merge(there->second, info);
  }
  for (const auto& [uid, info] : infos) {
    if (auto merged = writer.merge_in(info); !merged) return merged.error();
  }
  if (writer.batch().Count() == 0) return outcome;
  const std::lock_guard writing(state.writer);
  if (auto written = writer.commit(std::nullopt, "putting tables of node " + node.str()); !written) {
    return written.error();
  }
  return outcome;
}

namespace {

/// One slice of dropping.
class SeriesDrop {
 public:
  SeriesDrop(StoreState& state, const series::DropSeriesBefore& before)
      : state_(state),
        limits_(before),
        rows_ended_s_(*std::min_element(limits_.lasting.begin(), limits_.lasting.end())),
        pods_ended_s_(*std::min_element(limits_.passing.begin(), limits_.passing.end())) {}

  /// By name. While the folder's lock is held none of these rows changes, but that it may go.
  model::Result<void> pick(const model::NodeName& from, std::size_t most) {
    if (from.empty()) state_.infos_dropping_s = pods_ended_s_;
    return state_.each_fold(from, [&](const model::NodeName& node, const FoldRow& row) {
      if (nodes_.size() == most) {
        dropped_.rest = node;
        return false;
      }
      nodes_.push_back({.name = node, .row = row});
      return true;
    });
  }
  /// Infos of pods of which no table has a row.
  model::Result<void> drop_infos() {
    const bool were_looked_for = state_.infos_dropped_s && *state_.infos_dropped_s >= pods_ended_s_;
    for (const Picked& node : nodes_) {
      // Late reports may have put infos back, and nobody looks for those of a node that is forgotten.
      if (were_looked_for && !is_over(node.row)) continue;
      const std::string what = "reading what pods of node " + node.name.str() + " were";
      std::optional<model::Error> trouble;
      const DamageWalk infos(*state_.database, state_.database->info, nullptr);
      const auto walked = infos.walk(
          node_prefix(node.name), infos_end(node.name),
          [&](std::string_view key, std::string_view value) {
            const auto info = stored_info(key, value);
            // One that does not parse is named by whoever reads it, and stays.
            if (!info || info->last_s >= pods_ended_s_) return true;
            batch_.Delete(state_.database->info, rocksdb::Slice(key.data(), key.size()));
            ++dropped_.pods;
            return true;
          },
          [&](const UnreadableRows& unreadable) {
            if (!unreadable.corrupt) trouble = model::Error(model::ErrorCode::kUnavailable, unreadable.why).in(what);
            if (unreadable.corrupt) state_.name_unreadable(what + ": " + unreadable.why);
            return unreadable.corrupt;
          });
      if (!walked) return walked.error().in(what);
      if (trouble) return *trouble;
    }
    return {};
  }
  /// All nodes' tables of blocks that are over, which lie together.
  void drop_blocks() {
    for (const auto& [key, count] : state_.blocks) {
      if (key.block_s >= limits_.of(key.tier, key.stay)) continue;
      batch_.Delete(state_.database->block, block_key(key));
      dropped_.tables += count.tables;
      blocks_.push_back(key);
      shelves_.insert({key.tier, 0, key.stay});
    }
    for (const BlockKey& shelf : shelves_) {
      for (auto* family : {state_.database->series, state_.database->sketch})
        batch_.DeleteRange(family, block_key(shelf), end_of(shelf));
    }
  }
  model::Result<series::DroppedSeries> finish() {
    const std::lock_guard writing(state_.writer);
    std::vector<model::NodeName> emptied;
    std::vector<model::NodeName> forgotten;
    for (const Picked& node : nodes_) {
      if (!is_over(node.row)) continue;
      if (state_.indexes.contains(node.name)) {
        emptied.push_back(node.name);
        batch_.Put(state_.database->fold, node.name.str(),
                   fold_value({.folded_until_ms = node.row.folded_until_ms, .newest_s = std::nullopt}));
      } else {
        forgotten.push_back(node.name);
        batch_.Delete(state_.database->fold, node.name.str());
        batch_.Delete(state_.database->forgotten, node.name.str());
      }
    }
    if (batch_.Count() > 0) {
      if (auto written = state_.database->write(batch_, "dropping old tables"); !written) return written.error();
    }
    const std::unique_lock lock(state_.index_mutex);
    for (const BlockKey& key : blocks_)
      state_.blocks.erase(key);
    for (const model::NodeName& node : emptied)
      state_.desk.of(node).newest_s.reset();
    for (const model::NodeName& node : forgotten)
      state_.desk.forget(node);
    if (state_.infos_dropping_s) state_.infos_dropping_s = std::min(*state_.infos_dropping_s, pods_ended_s_);
    if (!dropped_.rest) state_.infos_dropped_s = state_.infos_dropping_s;
    return dropped_;
  }
  /// Files that hold nothing but what is deleted by now. Not before it is: what a killed process leaves has either all
  /// of these rows or none, and where a file goes that has an older deletion of rows which lie in other files as well,
  /// the new one hides them.
  void give_files_back() {
    for (const BlockKey& shelf : shelves_) {
      for (auto* family : {state_.database->series, state_.database->sketch})
        state_.database->drop_files(family, block_key(shelf), end_of(shelf));
    }
  }

 private:
  struct Picked {
    model::NodeName name;
    FoldRow row;
  };
  /// No tier has a row of it, and all its infos are of pods of before.
  bool is_over(const FoldRow& row) const { return row.newest_s && *row.newest_s < rows_ended_s_; }
  std::string end_of(const BlockKey& shelf) const {
    return block_key({shelf.tier, limits_.of(shelf.tier, shelf.stay), shelf.stay});
  }

  StoreState& state_;
  BlockLimits limits_;
  std::int64_t rows_ended_s_;  // of what was seen last before then there is no row in any tier
  std::int64_t pods_ended_s_;  // of a pod
  rocksdb::WriteBatch batch_;
  series::DroppedSeries dropped_;
  std::vector<Picked> nodes_;
  std::vector<BlockKey> blocks_;
  std::set<BlockKey> shelves_;  // of the blocks: their tier and stay
};

}  // namespace

model::Result<series::DroppedSeries> drop_series(StoreState& state, const series::DropSeriesBefore& before,
                                                 const model::NodeName& from, std::size_t most) {
  const std::lock_guard folding(state.folder);
  SeriesDrop drop(state, before);
  if (auto picked = drop.pick(from, std::max<std::size_t>(most, 1)); !picked) return picked.error();
  if (auto done = drop.drop_infos(); !done) return done.error();
  drop.drop_blocks();
  auto dropped = drop.finish();
  if (dropped) drop.give_files_back();
  return dropped;
}

namespace {

void add_block(series::TierState& tier, const BlockKey& key, const BlockCount& count) {
  tier.tables += count.tables;
  tier.bytes += count.bytes;
  const model::WallTime begin{key.block_s * 1000};
  const model::WallTime end{(key.block_s + series::block_s(key.tier)) * 1000};
  tier.oldest = std::min(tier.oldest.value_or(begin), begin);
  tier.newest = std::max(tier.newest.value_or(end), end);
}

/// With rows from then on, by what is on disk; all of those that report.
std::set<model::NodeName> names_of(const StoreState& state, std::int64_t from_s) {
  std::set<model::NodeName> names;
  // What cannot be read is not listed; verify_slice() names it.
  const auto listed = state.each_fold({}, [&](const model::NodeName& node, const FoldRow& row) {
    if (row.newest_s && *row.newest_s >= from_s) names.insert(names.end(), node);
    return true;
  });
  if (!listed) names.clear();
  const std::shared_lock lock(state.index_mutex);
  for (const auto& [node, index] : state.indexes)
    names.insert(node);
  return names;
}

}  // namespace

series::SeriesState series_state(const StoreState& state) {
  series::SeriesState sum;
  sum.nodes = names_of(state, 0).size();
  const std::shared_lock lock(state.index_mutex);
  for (const auto& [key, count] : state.blocks) {
    add_block(sum.tiers[series::place_of(key.tier)], key, count);
    if (key.stay == series::Stay::kPassing) add_block(sum.passing[series::place_of(key.tier)], key, count);
  }
  std::optional<std::int64_t> least;  // of nodes that have more to fold
  std::optional<std::int64_t> most;   // of those that are folded whole
  for (const auto& [node, fold] : state.desk.states()) {
    sum.late += fold.late;
    if (!state.indexes.contains(node)) continue;
    const auto hour_end = fold.next_hour_end();
    if (!hour_end) {
      most = std::max(most.value_or(fold.folded_until_ms), fold.folded_until_ms);
    } else if (fold.first_is_known || fold.folded_until_ms > 0) {
      const std::int64_t until = std::max(*hour_end - 3'600'000, fold.folded_until_ms);
      least = std::min(least.value_or(until), until);
    }
  }
  if (least || most) sum.folded_until = model::WallTime{least ? *least : *most};
  return sum;
}

std::vector<model::NodeName> series_nodes(const StoreState& state, model::WallTime from) {
  const std::set<model::NodeName> names = names_of(state, from.ms / 1000);
  return {names.begin(), names.end()};
}

}  // namespace tideline::rocks
