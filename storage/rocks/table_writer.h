#pragma once
// Tables and pods' infos of one node on their way into the store, in one atomic step.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/columns/chunk_writer.h"
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

  /// Merges with what is there. A table grows by pieces (series/pieces.h), some of which are made one at times; of a
  /// block of 1m or 15m that ends by `settled_ms` it is written whole, for good. One that is there and is not what was
  /// written is replaced, or only its sketches where these alone are damaged, and counted in damaged().
  model::Result<void> merge_in(series::Folded&& folded, std::int64_t settled_ms);
  /// Makes one of what is left in pieces of the block which after_ms is in, where that ends by settled_ms: of pods that
  /// are gone nothing comes any more with which they would be. After merge_in().
  model::Result<void> settle(std::int64_t after_ms, std::int64_t settled_ms);
  /// A table of one block that is not there yet.
  model::Result<void> put(const TableKey& key, const series::Table& table);
  model::Result<void> merge_in(const series::PodInfo& info);

  const std::vector<model::Error>& damaged() const { return damaged_; }

  /// An hour of the node that the step folds.
  struct Hour {
    std::int64_t end_ms = 0;               // the node is folded until then
    std::optional<std::uint64_t> reports;  // that are there; nullopt: not all of them could be read
  };
  /// Writes all of it, under the writer's lock. nullopt: the node is folded as far as before. On an error nothing has
  /// changed.
  model::Result<void> commit(const std::optional<Hour>& hour, std::string_view what);

 private:
  struct Growth {
    std::uint64_t tables = 0;
    std::int64_t bytes = 0;
  };
  /// A block of a subject.
  struct Part {
    TableKey key;
    series::Table table;
  };
  /// Both values of a table.
  struct Packed {
    std::string chunk;
    std::string sketches;  // "" = none
  };
  model::Result<void> merge_parts(std::vector<Part>& parts, std::int64_t settled_ms);
  model::Result<void> merge_part(Part& part, const TableRows::Raw& there, bool is_settled);
  model::Result<void> settle_block(const BlockKey& block);
  /// Makes one of each; as many as are read at once.
  model::Result<void> settle_tables(const std::vector<TableKey>& keys);
  model::Result<Packed> packed(const TableKey& key, const series::Table& table, int level);
  /// nullopt: what is there is to be merged with the table instead. kMalformed: it is not what was written.
  model::Result<std::optional<Packed>> with_piece(const Part& part, const TableRows::Raw& there);
  /// `there`: what it takes the place of.
  void put_values(const TableKey& key, const Packed& values, const TableRows::Raw& there);
  void saw(std::int64_t time_s);

  StoreState& state_;
  model::NodeName node_;
  TableRows rows_;
  columns::ChunkWriter chunks_;
  rocksdb::WriteBatch batch_;
  std::map<BlockKey, Growth> growth_;
  std::set<std::string> settled_;  // keys of tables that this step has written for good
  std::optional<std::int64_t> newest_s_;
  std::vector<model::Error> damaged_;
};

}  // namespace tideline::rocks
