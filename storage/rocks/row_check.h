#pragma once
// One row at a time: whether it parses, and whether what it needs is there.
// Only the .cpp files of this room include this header.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "storage/rocks/database.h"
#include "storage/rocks/pods_family.h"
#include "storage/rocks/series_rows.h"
#include "storage/store/node_index.h"

namespace tideline::rocks {

/// "report, node n1, 2026-12-01T10:00:00Z, incarnation 7, report 12"; a key that is none of its family's in hex.
std::string place_of(std::string_view family, std::string_view key);

/// "report, rows behind node n1, 2026-12-01T10:00:00Z, incarnation 7, report 12 and before ..., file 000012.sst", of
/// rows between two keys that cannot be read. "" for `after`: the first of all; for `before`: the last. `why`:
/// RocksDB's words, which may name the file.
std::string place_of_gap(std::string_view family, std::string_view after, std::string_view before,
                         const std::string& why);

std::string hex_of(std::string_view bytes);
std::optional<std::string> bytes_of_hex(std::string_view hex);

/// For the rows of one slice, in order.
class RowCheck {
 public:
  /// `found`: what is wrong with the row at hand.
  RowCheck(Database& database, std::function<void(const std::string& what)> found)
      : database_(database), pods_(database), found_(std::move(found)) {}
  /// What is read of other families is of this snapshot, as the rows should be.
  const rocksdb::Snapshot* snapshot() { return pods_.snapshot(); }

  void check(std::string_view family, std::string_view key, std::string_view value);

 private:
  void check_meta(std::string_view key, std::string_view value);
  void check_report(std::string_view key, std::string_view value);
  void check_pods(std::string_view key, std::string_view value);
  void check_event(std::string_view key, std::string_view value);
  void check_table(std::string_view key, std::string_view value);
  void check_sketch(std::string_view key, std::string_view value);
  void check_late(std::string_view key, std::string_view value);
  void check_name(std::string_view key);
  /// Whether the report's number is remembered, so that it is not taken again.
  void check_number(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq);
  /// nullopt: it is not there, or cannot be read, which is found() then.
  std::optional<std::string> value_of(rocksdb::ColumnFamilyHandle* family, std::string_view key);
  bool is_dropped_by_now(std::string_view table_key);

  Database& database_;
  PodsReader pods_;
  std::function<void(const std::string& what)> found_;
  std::optional<model::NodeName> index_node_;  // whose index_ is
  std::optional<store::NodeIndex> index_;
};

}  // namespace tideline::rocks
