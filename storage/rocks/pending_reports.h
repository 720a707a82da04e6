#pragma once
// A node's reports of which no table has been made yet.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <rocksdb/snapshot.h>

#include "storage/rocks/database.h"
#include "storage/rocks/pods_family.h"
#include "storage/store/history_store.h"

namespace tideline::rocks {

/// All of one snapshot, which it makes: what is folded there, and what is not.
class PendingReports {
 public:
  PendingReports(Database& database, model::NodeName node)
      : database_(database), node_(std::move(node)), pods_(database) {}

  /// Once, before the others. kMalformed names the node.
  model::Result<void> begin();
  const rocksdb::Snapshot* snapshot() { return pods_.snapshot(); }
  std::int64_t folded_until_ms() const { return folded_until_ms_; }
  /// The longest window that a report of the node may have, whole ms, rounded up.
  std::int64_t longest_window_ms() const { return longest_window_ms_; }

  /// Corrected time of the first from then on; nullopt: there is none.
  model::Result<std::optional<std::int64_t>> first_from(std::int64_t at_ms);
  /// Those with from <= corrected time < to. false from `visit` ends the walk. One that does not parse is an error.
  using Visit = std::function<bool(store::StoredReport&&)>;
  model::Result<void> walk(std::int64_t from_ms, std::int64_t to_ms, const Visit& visit);

 private:
  Database& database_;
  model::NodeName node_;
  PodsReader pods_;
  std::int64_t folded_until_ms_ = 0;
  std::int64_t longest_window_ms_ = 0;
};

}  // namespace tideline::rocks
