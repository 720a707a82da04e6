#pragma once
// Tables and pods' infos of one node on their way into the store, in one atomic step.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/rocks/store_state.h"
#include "storage/rocks/table_rows.h"

namespace tideline::rocks {

/// For the folder: its lock is held while there is one.
class TableWriter {
 public:
  TableWriter(StoreState& state, model::NodeName node)
      : state_(state), node_(std::move(node)), rows_(*state.database, nullptr) {}

  /// What else belongs to the step.
  rocksdb::WriteBatch& batch() { return batch_; }

  /// Merges with what is there. Blocks that end by then are compressed for good: they are not written again each hour.
  /// A table that is there and does not parse is replaced, and counted in damaged().
  model::Result<void> merge_in(series::Folded&& folded, std::int64_t settled_ms);
  /// A table of one block that is not there yet.
  model::Result<void> put(const TableKey& key, const series::Table& table);
  model::Result<void> merge_in(const series::PodInfo& info);

  const std::vector<model::Error>& damaged() const { return damaged_; }

  /// Writes all of it, under the writer's lock. folded_until_ms: the node's from then on; nullopt: as it is. On an
  /// error nothing has changed.
  model::Result<void> commit(std::optional<std::int64_t> folded_until_ms, std::string_view what);

 private:
  struct Growth {
    std::uint64_t tables = 0;
    std::int64_t bytes = 0;
  };
  /// `before`: of what it takes the place of; nullopt: nothing is there.
  model::Result<void> write(const TableKey& key, const series::Table& table, std::optional<std::uint64_t> before,
                            int level);
  void saw(std::int64_t time_s);

  StoreState& state_;
  model::NodeName node_;
  TableRows rows_;
  rocksdb::WriteBatch batch_;
  std::map<BlockKey, Growth> growth_;
  std::optional<std::int64_t> newest_s_;
  std::vector<model::Error> damaged_;
};

}  // namespace tideline::rocks
