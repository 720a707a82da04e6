#pragma once
// Reads tables: those that are stored, merged with what is not folded yet, all of one snapshot.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "storage/rocks/pending_reports.h"
#include "storage/rocks/table_rows.h"
#include "storage/series/series_store.h"

namespace tideline::rocks {

/// For one call.
class SeriesReader {
 public:
  SeriesReader(Database& database, const model::NodeName& node)
      : node_(node), pending_(database, node), rows_(database, pending_.snapshot()) {}

  model::Result<void> read(const series::ReadRange& range, const std::vector<series::Subject>* only,
                           const series::SeriesStore::Visit& visit);
  model::Result<std::vector<series::PodInfo>> pods(model::WallTime from, model::WallTime to);

 private:
  using Tables = std::map<series::Subject, series::Table>;
  /// What is asked of one block.
  struct Part {
    series::Tier tier = series::Tier::kTenSeconds;
    std::int64_t block_s = 0;
    std::int64_t from_s = 0;
    std::int64_t to_s = 0;
  };
  /// Begin of the first block from block_s on in which there may be something; nullopt: none before end_s.
  model::Result<std::optional<std::int64_t>> next_block(series::Tier tier, std::int64_t block_s, std::int64_t end_s);
  model::Result<Tables> fold_pending(const Part& part);
  /// False: `visit` wants no more.
  model::Result<bool> read_block(const Part& part, const std::vector<series::Subject>* only,
                                 const series::SeriesStore::Visit& visit);
  model::Result<bool> read_some(const Part& part, const std::vector<series::Subject>& only, Tables& pending,
                                const series::SeriesStore::Visit& visit);
  model::Result<bool> read_all(const Part& part, Tables& pending, const series::SeriesStore::Visit& visit);

  model::NodeName node_;
  PendingReports pending_;
  TableRows rows_;
};

}  // namespace tideline::rocks
