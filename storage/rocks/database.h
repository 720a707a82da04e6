#pragma once
// RocksDB itself: opening with our options and column families, and its statuses as errors with the directory's name.
// Only the .cpp files of this room include this header.

#include <memory>
#include <optional>
#include <span>
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
  /// As RocksStore::open_read_only: all its files are open from then on, so that it can be read whatever goes.
  static model::Result<std::unique_ptr<Database>> open_read_only(const std::string& directory, ReadOnly how);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  const std::string& directory() const { return directory_; }
  bool is_read_only() const { return read_only_.has_value(); }
  /// Whether it is open for verification alone, and may lack what is damaged.
  bool is_lenient() const { return read_only_ == ReadOnly::kForVerify; }
  /// kUnsupported where it was opened for reading alone.
  model::Result<void> check_writable(std::string_view what) const;
  /// kUnsupported where is_lenient().
  model::Result<void> check_readable(std::string_view what) const;

  rocksdb::ColumnFamilyHandle* meta = nullptr;
  rocksdb::ColumnFamilyHandle* report = nullptr;
  rocksdb::ColumnFamilyHandle* pods = nullptr;
  rocksdb::ColumnFamilyHandle* event = nullptr;
  rocksdb::ColumnFamilyHandle* dedup = nullptr;
  rocksdb::ColumnFamilyHandle* account = nullptr;
  rocksdb::ColumnFamilyHandle* series = nullptr;
  rocksdb::ColumnFamilyHandle* sketch = nullptr;
  rocksdb::ColumnFamilyHandle* info = nullptr;
  rocksdb::ColumnFamilyHandle* fold = nullptr;
  rocksdb::ColumnFamilyHandle* late = nullptr;
  rocksdb::ColumnFamilyHandle* block = nullptr;
  rocksdb::ColumnFamilyHandle* forgotten = nullptr;

  model::Error error(const rocksdb::Status& status, std::string_view what) const {
    return error_of(status, what, directory_);
  }
  /// All of the batch or nothing, on disk when it returns. For one thread at a time. After an error that may pass, as
  /// of a full disk, each call has RocksDB try again.
  model::Result<void> write(rocksdb::WriteBatch& batch, std::string_view what);
  /// nullopt = no such key in meta.
  model::Result<std::optional<std::string>> get_meta(std::string_view key) const;
  /// Gives files back that hold nothing but begin <= key < end, as far as there are such, at once and for good. That
  /// range must be deleted by now: older deletions may be in these files.
  void drop_files(rocksdb::ColumnFamilyHandle* family, const std::string& begin, const std::string& end);

 private:
  Database(std::string directory, rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles,
           std::optional<ReadOnly> read_only);
  static model::Result<std::unique_ptr<Database>> try_read_only(const std::string& directory, ReadOnly how);
  static model::Result<std::unique_ptr<Database>> open_as_it_is(const std::string& directory, ReadOnly how);
  void find_families();
  model::Result<void> check_format();
  model::Result<void> check_older(std::uint32_t format);
  /// That an upgrade which was begun is not in the way.
  model::Result<void> check_upgraded();
  /// upgraded_from: of what rows are to be moved still; nullopt: there are none.
  model::Result<void> write_format(std::optional<std::uint32_t> upgraded_from);
  bool is_empty() const;

  std::string directory_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  std::optional<ReadOnly> read_only_;  // nullopt: it is written, too
  bool write_failed_ = false;          // the last one
};

struct Family {
  std::string_view name;
  rocksdb::ColumnFamilyHandle* Database::*handle;
};
/// All of this format, in the order in which a store is walked as a whole.
std::span<const Family> families();

}  // namespace tideline::rocks
