#pragma once
// What a mapping makes of the texts of a row.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/import.h"
#include "coordinator/traces/mapping.h"
#include "coordinator/traces/series_book.h"
#include "messages/model/result.h"

namespace tideline::traces {

class MappedRows {
 public:
  MappedRows(Mapping mapping, Importer::Sink sink);

  const std::vector<std::string>& sources() const { return mapping_.sources; }

  /// texts: one for each of sources(), empty where the row does not have it. An error is the sink's.
  model::Result<RowClass> put(const std::vector<std::string_view>& texts);

  model::Result<void> finish(ImportReport& report);

 private:
  bool read_name(const std::vector<std::string_view>& texts);
  RowClass read_values(const std::vector<std::string_view>& texts, std::int64_t time);
  RowClass read_percentages(const std::vector<std::string_view>& texts);
  /// Of tasks; `became` where nothing is wrong.
  RowClass check_task(std::int64_t begin, RowClass became) const;
  bool uses_more_than_it_has() const;
  std::size_t cell_of(columns::ColumnId id) const;
  std::int64_t known_cell(columns::ColumnId id) const;

  Mapping mapping_;
  std::vector<AsUsed> as_used_;
  std::vector<columns::ColumnId> ids_;
  SeriesBook book_;
  // Of the row that is being read.
  std::string name_;
  Cells cells_{};
};

}  // namespace tideline::traces
