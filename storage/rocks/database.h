#pragma once
// RocksDB itself: opening with our options and column families, and its statuses as errors with the directory's name.
// Only the .cpp files of this room include this header.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include "messages/model/result.h"
#include "storage/rocks/rocks_store.h"

namespace tideline::rocks {

/// What went wrong as one of RocksStore::open's codes. `what` is what was being done.
model::Error error_of(const rocksdb::Status& status, std::string_view what, const std::string& directory);

class Database {
 public:
  /// Opens or creates; the format is checked or, in a new or an older store, written.
  static model::Result<std::unique_ptr<Database>> open(const std::string& directory, const RocksOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* meta = nullptr;
  rocksdb::ColumnFamilyHandle* report = nullptr;
  rocksdb::ColumnFamilyHandle* pods = nullptr;
  rocksdb::ColumnFamilyHandle* event = nullptr;
  rocksdb::ColumnFamilyHandle* dedup = nullptr;
  rocksdb::ColumnFamilyHandle* account = nullptr;

  model::Error error(const rocksdb::Status& status, std::string_view what) const {
    return error_of(status, what, directory_);
  }
  /// All of the batch or nothing, on disk when it returns.
  model::Result<void> write(rocksdb::WriteBatch& batch, std::string_view what);
  /// nullopt = no such key in meta.
  model::Result<std::optional<std::string>> get_meta(std::string_view key) const;

 private:
  Database(std::string directory, rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles);
  void find_families();
  model::Result<void> check_format();
  model::Result<void> write_format();
  bool is_empty() const;

  std::string directory_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace tideline::rocks
