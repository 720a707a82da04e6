#pragma once
// What importers have in common: where a line is from, and what became of it.

#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/traces/import.h"
#include "messages/model/result.h"

namespace tideline::traces {

class LineImporter : public Importer {
 public:
  model::Result<void> begin_file(std::string_view name) final;
  model::Result<void> line(std::string_view text) final;
  model::Result<void> finish() final;
  const ImportReport& report() const final { return report_; }

 protected:
  /// Of a file's first line: whether it says what the columns are, and is no row. An error is for one that says other
  /// columns than are needed.
  virtual model::Result<bool> is_header(std::string_view text) = 0;
  /// What became of a row, of less than ImportLimits::kMaxLine bytes. An error is the sink's.
  virtual model::Result<RowClass> row(std::string_view text) = 0;
  /// Puts out what is left, and notes what was assumed.
  virtual model::Result<void> end(ImportReport& report) = 0;

  const std::string& file() const { return file_; }
  /// "file:line" of the line that is being read, for errors.
  std::string place() const;

 private:
  void count(RowClass row, std::string_view text);

  std::string file_;
  std::uint64_t line_ = 0;
  bool finished_ = false;
  ImportReport report_;
};

}  // namespace tideline::traces
