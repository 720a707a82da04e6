#pragma once
// Walks over a family's rows.
// Only the .cpp files of this room include this header.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <rocksdb/iterator.h>

#include "storage/rocks/database.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/pods_family.h"

namespace tideline::rocks {

inline std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

/// Behind every key of every family: none begins like this, and none is as long.
inline const std::string& keys_end() {
  static const std::string end(store::kMaxSettingKeyBytes + 4 * store::kMaxNodeNameBytes, '\xff');
  return end;
}

/// An iterator over lower <= key < upper, and the bounds that it points to.
class BoundedRows {
 public:
  BoundedRows(Database& database, rocksdb::ColumnFamilyHandle* family, std::string lower, std::string upper,
              const rocksdb::Snapshot* snapshot, bool fill_cache = true)
      : lower_(std::move(lower)), upper_(std::move(upper)), lower_slice_(lower_), upper_slice_(upper_) {
    rocksdb::ReadOptions bounded;
    bounded.snapshot = snapshot;
    bounded.iterate_lower_bound = &lower_slice_;
    bounded.iterate_upper_bound = &upper_slice_;
    bounded.fill_cache = fill_cache;
    it_.reset(database.db().NewIterator(bounded, family));
  }
  BoundedRows(const BoundedRows&) = delete;
  BoundedRows& operator=(const BoundedRows&) = delete;

  rocksdb::Iterator& operator*() { return *it_; }
  rocksdb::Iterator* operator->() { return it_.get(); }

 private:
  std::string lower_;
  std::string upper_;
  rocksdb::Slice lower_slice_;
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

/// `visit` gets key and value of each row with lower <= key < upper, and may end the walk with false or an error.
template <class Visit>
model::Result<void> walk_keys(Database& database, rocksdb::ColumnFamilyHandle* family, std::string lower,
                              std::string upper, const Visit& visit, const rocksdb::Snapshot* snapshot,
                              std::string_view what) {
  if (lower >= upper) return {};
  BoundedRows rows(database, family, std::move(lower), std::move(upper), snapshot);
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const model::Result<bool> more = visit(view(rows->key()), view(rows->value()));
    if (!more) return more.error();
    if (!*more) return {};
  }
  if (!rows->status().ok()) return database.error(rows->status(), what);
  return {};
}

/// The same of a node's rows with from <= <at> < to, in a family whose keys begin with these.
template <class Visit>
model::Result<void> walk(Database& database, rocksdb::ColumnFamilyHandle* family, const model::NodeName& node,
                         model::WallTime from, model::WallTime to, const Visit& visit,
                         const rocksdb::Snapshot* snapshot = nullptr) {
  if (node.str().size() > store::kMaxNodeNameBytes || from >= to) return {};
  return walk_keys(database, family, time_key(node, from), time_key(node, to), visit, snapshot,
                   "reading node " + node.str());
}

/// A row of `report` with its pods.
inline model::Result<store::StoredReport> whole_report(std::string_view key, std::string_view value, PodsReader& pods) {
  bool has_asked = false;
  auto stored = stored_report(key, value, [&](const model::NodeName& node, model::WallTime at, std::uint64_t list) {
    has_asked = true;
    return pods.find(node, at, list);
  });
  // That of a report before says nothing of this one.
  if (!stored && has_asked && pods.trouble()) return *pods.trouble();
  return stored;
}

}  // namespace tideline::rocks
