#pragma once
// Walks that go on behind blocks which cannot be read.
// Only the .cpp files of this room include this header.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/iterator.h>

#include "storage/rocks/database.h"

namespace tideline::rocks {

/// Rows that cannot be read: those behind the key `after` and before the key `before`.
struct UnreadableRows {
  std::string after;                  // the last row that was read, or where the walk began
  std::optional<std::string> before;  // nullopt: nothing can be read up to the end of the walk
  bool corrupt = false;  // they are not what was written; else the disk did not give them, which it may another time
  std::string why;       // RocksDB's words, with file and offset where it knows them
};

class DamageWalk {
 public:
  DamageWalk(Database& database, rocksdb::ColumnFamilyHandle* family, const rocksdb::Snapshot* snapshot)
      : database_(database), family_(family), snapshot_(snapshot) {}

  /// false ends the walk.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  using Damage = std::function<bool(const UnreadableRows& rows)>;
  /// Rows with lower <= key < upper, in order. An error only where it is none of bytes that cannot be read.
  model::Result<void> walk(const std::string& lower, const std::string& upper, const Visit& visit,
                           const Damage& damage) const;

 private:
  std::unique_ptr<rocksdb::Iterator> rows_before(const rocksdb::Slice& upper) const;
  bool readable_from(const std::string& key, const rocksdb::Slice& upper) const;
  /// Behind `bad`, the first key from which rows can be read again, but for what lies between two damaged blocks that
  /// are near each other.
  std::optional<std::string> next_readable(const std::string& bad, const std::string& upper) const;

  Database& database_;
  rocksdb::ColumnFamilyHandle* family_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace tideline::rocks
