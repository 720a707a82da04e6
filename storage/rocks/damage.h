#pragma once
// Walks that go on behind blocks which cannot be read.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

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

/// Number of the first .sst file that RocksDB's words name.
std::optional<std::uint64_t> file_number_of(const std::string& why);

class DamageWalk {
 public:
  /// `without`: numbers of files whose rows it passes over, as if they were not there. Deletions of ranges in them
  /// count all the same.
  DamageWalk(Database& database, rocksdb::ColumnFamilyHandle* family, const rocksdb::Snapshot* snapshot,
             std::set<std::uint64_t> without = {})
      : database_(database), family_(family), snapshot_(snapshot), without_(std::move(without)) {}

  /// false ends the walk.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  using Damage = std::function<bool(const UnreadableRows& rows)>;
  /// Rows with lower <= key < upper, in order. An error only where it is none of bytes that cannot be read.
  model::Result<void> walk(const std::string& lower, const std::string& upper, const Visit& visit,
                           const Damage& damage) const;
  /// Behind `bad`, from which nothing can be read, the first key from which rows can be read again, but for what lies
  /// between two damaged blocks that are near each other. nullopt: there is none before `upper`.
  std::optional<std::string> next_readable(const std::string& bad, const std::string& upper) const;

 private:
  std::unique_ptr<rocksdb::Iterator> rows_before(const rocksdb::Slice& upper) const;
  bool readable_from(const std::string& key, const rocksdb::Slice& upper) const;

  Database& database_;
  rocksdb::ColumnFamilyHandle* family_;
  const rocksdb::Snapshot* snapshot_;
  std::set<std::uint64_t> without_;
};

}  // namespace tideline::rocks
