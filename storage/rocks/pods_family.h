#pragma once
// What pods are, once for all reports of an hour that leave it out: the rows of the pods family.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>

#include "storage/rocks/database.h"
#include "storage/store/history_store.h"

namespace tideline::rocks {

/// For the store's one writer.
class PodsWriter {
 public:
  explicit PodsWriter(Database& database) : database_(database) {}

  /// A new batch, whatever became of the one before.
  void begin() { changed_.clear(); }
  /// Sees to it that what the report leaves out is in the store once `batch` is. Errors as codec::to_bytes.
  model::Result<void> put(rocksdb::WriteBatch& batch, const store::ReportView& incoming);
  /// The batch is written.
  void written();
  /// Any of the node's rows may be gone from now on; what is still wanted is written once more.
  void forget(const model::NodeName& node) { rows_.erase(node); }

 private:
  struct Row {
    model::WallTime until;
    std::uint64_t list = 0;
    friend bool operator==(const Row&, const Row&) = default;
  };
  /// Of one node, those that are known to be there, the newest last. Reports come of this hour, and backfilled ones of
  /// another; a row that is forgotten here is written once more.
  using Rows = std::vector<Row>;

  Database& database_;
  std::map<model::NodeName, Rows> rows_;
  std::map<model::NodeName, Rows> changed_;  // as they will be once the batch is written
};

/// For one walk over a node's reports, which come in order and are read from the same snapshot: retention drops both.
class PodsReader {
 public:
  explicit PodsReader(Database& database) : database_(database), snapshot_(&database.db()) {}
  const rocksdb::Snapshot* snapshot() { return snapshot_.snapshot(); }
  /// Null: there is none, or it cannot be read, which is trouble().
  const model::SharedPods* find(const model::NodeName& node, model::WallTime at, std::uint64_t list);
  const std::optional<model::Error>& trouble() const { return trouble_; }

 private:
  Database& database_;
  rocksdb::ManagedSnapshot snapshot_;
  std::string key_;
  std::optional<model::SharedPods> found_;  // of key_
  std::optional<model::Error> trouble_;
};

}  // namespace tideline::rocks
