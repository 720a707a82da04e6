#pragma once
// What a RocksStore has in memory, and RocksDB under it.
// Only the .cpp files of this room include this header.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "storage/rocks/database.h"
#include "storage/rocks/fold_desk.h"
#include "storage/rocks/pods_family.h"
#include "storage/rocks/series_rows.h"
#include "storage/store/node_index.h"

namespace tideline::rocks {

using Indexes = std::map<model::NodeName, store::NodeIndex, KeyOrder>;

/// Names that events are of; beyond, no node that is not there yet is taken. Some 50 MB.
inline constexpr std::size_t kMostEventNodes = 500'000;

/// Locks are taken in the order in which they stand here.
struct StoreState {
  std::unique_ptr<Database> database;
  bool keep_unfolded = false;  // RocksOptions::series
  std::mutex folder;           // held while tables are made, put or dropped
  std::mutex writer;           // held over each write, so that memory and disk change together
  mutable std::shared_mutex index_mutex;
  // Changed under both `writer` and `index_mutex`:
  Indexes indexes;                        // the dedup family: nodes with reports, kMaxNodes at most
  std::set<model::NodeName> event_nodes;  // names in the event family
  FoldDesk desk;                          // of nodes in `indexes`; of others it is on disk alone, however many went
  std::map<BlockKey, BlockCount> blocks;  // the block family
  // Of the writer alone:
  std::uint64_t event_counter = 0;
  std::optional<PodsWriter> pods;
  // Of the folder alone: infos of pods that ended before were looked for, of all nodes, and in the walk that goes on.
  std::optional<std::int64_t> infos_dropped_s;
  std::optional<std::int64_t> infos_dropping_s;
  // Under no other lock: what retention could not read, as it was named.
  std::mutex named_mutex;
  std::set<std::string> named;

  /// Fills it from the database.
  model::Result<void> load();
  /// What is remembered of the numbers of a node that is not in `indexes`, from disk; nullopt: nothing.
  model::Result<std::optional<store::NodeIndex>> resting_index(const model::NodeName& node) const;
  /// How far a node is folded, as its row has it; nullopt: it has none.
  model::Result<std::optional<FoldRow>> fold_row(const model::NodeName& node) const;
  /// Logs what retention goes on behind, once in this life.
  void name_unreadable(const std::string& why);
  /// `take` gets the rows of `fold` from that name on, by name, until it returns false. Rows that cannot be read, or do
  /// not parse, are passed over: a walk over all of the store names them.
  using TakeFold = std::function<bool(const model::NodeName& node, const FoldRow& row)>;
  model::Result<void> each_fold(const model::NodeName& from, const TakeFold& take) const;

 private:
  /// Each row of the family. Where the store is open for verification alone, what does not parse or cannot be read is
  /// passed over: a walk over all of it names that.
  using Take = std::function<model::Result<void>(std::string_view key, std::string_view value)>;
  model::Result<void> each_row(rocksdb::ColumnFamilyHandle* family, std::string_view what, const Take& take) const;
  model::Result<void> load_indexes();
  model::Result<void> load_event_nodes();
  model::Result<void> load_folds();
  model::Result<void> load_blocks();
  model::Result<void> look_for_first_reports();
};

}  // namespace tideline::rocks
