#pragma once
// Tables as they are stored: the rows of the families series, sketch and info.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/snapshot.h>

#include "storage/rocks/database.h"
#include "storage/rocks/series_rows.h"

namespace tideline::rocks {

class TableRows {
 public:
  /// What is read is of the snapshot, which must outlive this; nullptr: as it is.
  TableRows(Database& database, const rocksdb::Snapshot* snapshot) : database_(database), snapshot_(snapshot) {}

  struct Stored {
    series::Table table;
    std::uint64_t bytes = 0;  // of both values
  };
  /// nullopt: it is not there. kMalformed names the table.
  model::Result<std::optional<Stored>> get(const TableKey& key) const;
  model::Result<bool> has(const TableKey& key) const;
  /// Both values of a table, as they lie there.
  struct Raw {
    bool is_there = false;
    std::string chunk;
    std::string sketches;                       // "" = none
    std::optional<model::Error> damage;         // kMalformed: it is there, and cannot be read
    std::optional<model::Error> sketch_damage;  // likewise: what there may be of sketches beside it
  };
  /// One for each of the keys; an error where the disk gives none.
  model::Result<std::vector<Raw>> raw(const std::vector<TableKey>& keys) const;
  /// Begin of the first block with block_s <= begin < end_s of which the node has a table; nullopt: none. block_s: a
  /// begin of a block.
  model::Result<std::optional<std::int64_t>> next_block(series::Tier tier, const model::NodeName& node,
                                                        std::int64_t block_s, std::int64_t end_s) const;
  /// The node's tables of a block, by subject. false from `visit` ends the walk.
  using Visit = std::function<bool(series::Table&&)>;
  model::Result<void> walk(series::Tier tier, std::int64_t block_s, const model::NodeName& node,
                           const Visit& visit) const;

  /// nullopt: it is not there. kMalformed names node and pod.
  model::Result<std::optional<series::PodInfo>> info(const model::NodeName& node, const model::PodUid& uid) const;
  /// All of the node, by uid.
  model::Result<void> infos(const model::NodeName& node, const std::function<void(series::PodInfo&&)>& visit) const;

 private:
  /// Begin of the first block from there on in which the node has a table that stays so long.
  model::Result<std::optional<std::int64_t>> next_block_of(const BlockKey& from, const model::NodeName& node,
                                                           std::int64_t end_s) const;
  /// nullopt: there is no such key.
  model::Result<std::optional<std::string>> value(rocksdb::ColumnFamilyHandle* family, const std::string& key,
                                                  const std::string& what) const;

  Database& database_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace tideline::rocks
