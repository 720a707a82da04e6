#pragma once
// The rows of a damaged store in a new one.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/rocks/database.h"
#include "storage/rocks/pods_family.h"
#include "storage/rocks/row_check.h"
#include "storage/rocks/salvage.h"
#include "storage/rocks/salvage_numbers.h"
#include "storage/rocks/series_rows.h"

namespace tideline::rocks {

/// As salvage(). For one run.
class SalvageCopy {
 public:
  using Progress = std::function<bool(const SalvageProgress&)>;
  /// `to` is new.
  SalvageCopy(Database& from, Database& to, const Progress& progress);

  model::Result<Salvaged> run();

 private:
  /// An error is one of the new store's.
  using Take = model::Result<void> (SalvageCopy::*)(std::string_view key, std::string_view value);
  /// Of a node's tables, and of them and of what its pods are, the newest second.
  struct Newest {
    std::optional<std::int64_t> rows_s;
    std::optional<std::int64_t> all_s;
  };

  /// All of the family's rows, of each as `take` says.
  model::Result<void> copy(std::string_view family, Take take);
  /// Those with lower <= key < upper, without those of some files. Of a stretch that cannot be read it asks the other
  /// files.
  model::Result<void> walk_rows(const std::string& lower, const std::string& upper, Take take,
                                const std::set<std::uint64_t>& without);
  /// Of the family's files those to pass over where a block of that one is damaged.
  std::set<std::uint64_t> doubtful_files(std::uint64_t damaged) const;
  model::Result<void> take_setting(std::string_view key, std::string_view value);
  /// What parses.
  model::Result<void> take_row(std::string_view key, std::string_view value);
  model::Result<void> take_event(std::string_view key, std::string_view value);
  model::Result<void> take_report(std::string_view key, std::string_view value);
  model::Result<void> take_count(std::string_view key, std::string_view value);
  model::Result<void> take_table(std::string_view key, std::string_view value);
  model::Result<void> take_sketches(std::string_view key, std::string_view value);
  model::Result<void> take_info(std::string_view key, std::string_view value);
  model::Result<void> take_mark(std::string_view key, std::string_view value);

  model::Result<void> begin_numbers(const model::NodeName& node);
  model::Result<void> end_numbers();
  model::Result<void> put_counts();
  model::Result<void> put_folds();
  model::Result<void> put_event_counter();

  /// Whether the row at hand parses; else it is lost, and named.
  bool parses(std::string_view key, std::string_view value);
  void lose_row(std::string_view key, const std::string& what);
  /// Stretches that could not be read end with that key, or with the family ("").
  struct Gap {
    std::string after;
    std::string why;
    std::uint64_t found = 0;  // rows that other files have there
  };
  void end_gaps(std::string_view next);
  void lose_tables();
  void lose(SalvageLoss loss);
  SalvageLoss loss_between(std::string_view after, std::string_view before) const;

  SalvagedKind& kind_of(std::string_view family);
  model::Result<void> put(std::string_view key, std::string_view value);
  model::Result<void> write();
  /// Of the new store, what is written by now; nullopt: there is no such key.
  model::Result<std::optional<std::string>> made_value(rocksdb::ColumnFamilyHandle* family, std::string_view key);
  /// Asks whether to go on, now and then, or now.
  model::Result<void> go_on(bool now = false);

  Database& from_;
  Database& to_;
  const Progress& progress_;
  Salvaged result_;
  rocksdb::WriteBatch batch_;
  std::uint64_t asked_at_ = 0;  // rows that were read when it was asked last
  std::uint64_t read_ = 0;

  // Of the family at hand:
  const Family* family_ = nullptr;
  SalvagedKind* kind_ = nullptr;
  std::string last_key_;
  std::vector<Gap> gaps_;  // behind the last row that was met outside of one

  std::string why_;  // what is wrong with the row at hand
  RowCheck check_;
  std::optional<PodsReader> pods_;  // of the new store, which has them before the reports
  std::optional<std::uint64_t> event_counter_;
  std::map<model::NodeName, SeenNumbers> seen_in_events_;  // of nodes whose numbers are lost
  std::optional<model::NodeName> event_node_;
  bool event_node_is_known_ = false;
  std::optional<model::NodeName> report_node_;
  std::optional<SalvageNumbers> numbers_;  // of report_node_
  std::map<BlockKey, BlockCount> said_;    // as the old store has them
  std::map<BlockKey, BlockCount> blocks_;
  std::map<model::NodeName, Newest> newest_;
};

}  // namespace tideline::rocks
