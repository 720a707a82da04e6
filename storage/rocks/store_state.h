#pragma once
// What a RocksStore has in memory, and RocksDB under it.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string_view>

#include "storage/rocks/database.h"
#include "storage/rocks/fold_desk.h"
#include "storage/rocks/pods_family.h"
#include "storage/rocks/series_rows.h"
#include "storage/store/node_index.h"

namespace tideline::rocks {

using Indexes = std::map<model::NodeName, store::NodeIndex, KeyOrder>;

/// Locks are taken in the order in which they stand here.
struct StoreState {
  std::unique_ptr<Database> database;
  bool keep_unfolded = false;  // RocksOptions::series
  std::mutex folder;           // held while tables are made, put or dropped
  std::mutex writer;           // held over each write, so that memory and disk change together
  mutable std::shared_mutex index_mutex;
  // Changed under both `writer` and `index_mutex`:
  Indexes indexes;                        // the dedup family
  Indexes forgotten;                      // the forgotten family
  std::set<model::NodeName> event_nodes;  // names in the event family
  FoldDesk desk;
  std::map<BlockKey, BlockCount> blocks;  // the block family
  // Of the writer alone:
  std::uint64_t event_counter = 0;
  std::optional<PodsWriter> pods;
  // Of the folder alone: infos of pods that ended before were looked for, of all nodes, and in the walk that goes on.
  std::optional<std::int64_t> infos_dropped_s;
  std::optional<std::int64_t> infos_dropping_s;

  /// Fills it from the database.
  model::Result<void> load();
  /// What is remembered of the node's numbers; nullptr: nothing.
  const store::NodeIndex* index_of(const model::NodeName& node) const;

 private:
  /// Each row of the family. Where the store is open for verification alone, what does not parse or cannot be read is
  /// passed over: a walk over all of it names that.
  using Take = std::function<model::Result<void>(std::string_view key, std::string_view value)>;
  model::Result<void> each_row(rocksdb::ColumnFamilyHandle* family, std::string_view what, const Take& take) const;
  model::Result<void> load_indexes(rocksdb::ColumnFamilyHandle* family, Indexes& into);
  model::Result<void> load_event_nodes();
  model::Result<void> load_folds();
  model::Result<void> load_blocks();
  model::Result<void> look_for_first_reports();
};

}  // namespace tideline::rocks
