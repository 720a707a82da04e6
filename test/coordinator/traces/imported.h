#pragma once
// An import in memory.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/traces/import.h"
#include "messages/model/result.h"
#include "storage/columns/chunk.h"

namespace tideline::traces {

struct TraceFile {
  std::string name;
  std::string text;
};

struct Imported {
  model::Result<void> outcome;
  std::vector<columns::Chunk> chunks;
  ImportReport report;

  std::uint64_t rows(RowClass row) const { return report.rows[static_cast<std::size_t>(row)]; }
  std::string problem() const { return outcome.ok() ? "" : outcome.error().message(); }
  std::string notes() const {
    std::string all;
    for (const std::string& note : report.notes)
      all += note + "\n";
    return all;
  }
};

inline model::Result<void> feed(Importer& importer, const std::vector<TraceFile>& files) {
  for (const TraceFile& file : files) {
    if (auto begun = importer.begin_file(file.name); !begun) return begun;
    std::string_view left = file.text;
    while (!left.empty()) {
      const auto end = left.find('\n');
      if (auto taken = importer.line(left.substr(0, end)); !taken) return taken;
      left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    }
  }
  return importer.finish();
}

inline Imported import_files(Format format, const std::vector<TraceFile>& files, const ImportOptions& options = {}) {
  Imported imported;
  auto importer = make_importer(format, options, [&imported](columns::Chunk chunk) -> model::Result<void> {
    imported.chunks.push_back(std::move(chunk));
    return {};
  });
  if (!importer) {
    imported.outcome = importer.error();
    return imported;
  }
  imported.outcome = feed(**importer, files);
  imported.report = (*importer)->report();
  return imported;
}

using Values = std::vector<std::int64_t>;

/// Empty where the chunk has no such column.
inline Values values_of(const columns::Chunk& chunk, columns::ColumnId id) {
  for (const columns::Column& column : chunk.columns) {
    if (column.id == id) return column.values;
  }
  return {};
}

inline std::int64_t step_of(const columns::Chunk& chunk, columns::ColumnId id) {
  for (const columns::Column& column : chunk.columns) {
    if (column.id == id) return column.step;
  }
  return 0;
}

/// Rows that are in the archive by what the report says.
inline std::uint64_t taken_by(const ImportReport& report) {
  std::uint64_t taken = 0;
  for (std::size_t i = 0; i < kRowClasses; ++i) {
    if (fate_of(static_cast<RowClass>(i)) != Fate::kRefused) taken += report.rows[i];
  }
  return taken;
}

}  // namespace tideline::traces
