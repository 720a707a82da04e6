#pragma once
// What retention drops of one family, node by node.
// Only the .cpp files of this room include this header.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include "storage/rocks/database.h"
#include "storage/rocks/layout.h"

namespace tideline::rocks {

/// A walk over a family whose keys begin with <node> <at>, in the order of keys. It goes on behind rows that are not
/// what was written, as if they were not there.
class OldRows {
 public:
  /// Begins at the first row of `from` or of a node behind it.
  OldRows(Database& database, rocksdb::ColumnFamilyHandle* family, const model::NodeName& from);

  /// The node that is next; nullopt: there is none, or status() is an error.
  const std::optional<model::NodeName>& node() const { return node_; }
  model::Result<void> status() const;
  /// What it went on behind, in RocksDB's words; the first few.
  const std::vector<std::string>& passed() const { return passed_; }

  /// Of the node's rows the oldest; nullopt: it has none, or is not the next.
  std::optional<model::WallTime> oldest(const model::NodeName& node);

  struct Left {
    std::uint64_t dropped = 0;
    std::optional<model::WallTime> oldest;  // of what the node has left; nullopt = nothing

    bool done_until(model::WallTime time) const { return !oldest || *oldest >= time; }
  };
  /// Has `batch` delete the node's rows before `time`, the oldest first and at most `most`, which is less by as many
  /// afterwards. Goes on to the next node. Nothing, where this node is not the next.
  Left drop(rocksdb::WriteBatch& batch, const model::NodeName& node, model::WallTime time, std::size_t& most);
  /// Has `batch` delete the node's rows before `time`, however many, without a look at them, and stands at the first
  /// that is left, or at the next node. Nothing, where this node is not the next.
  void drop_before(rocksdb::WriteBatch& batch, const model::NodeName& node, model::WallTime time);
  /// The same of all of them, without a walk over what may be large. Whether there were any.
  bool drop_all(rocksdb::WriteBatch& batch, const model::NodeName& node, model::WallTime time);

 private:
  /// Of the row it stands at; nullopt behind the last.
  std::optional<KeyHead> head();
  void go_behind(const model::NodeName& node);
  void seek(const std::string& key);
  void next();
  /// Where it stands at none as rows behind that key are not what was written, to the first that can be read.
  void pass_damage(const std::string& bad);

  Database& database_;
  rocksdb::ColumnFamilyHandle* family_;
  std::unique_ptr<rocksdb::Iterator> it_;
  std::optional<model::NodeName> node_;
  bool malformed_ = false;
  std::string last_;  // key of the row that it left last
  std::vector<std::string> passed_;
};

}  // namespace tideline::rocks
