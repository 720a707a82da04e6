#pragma once
// Columns for people. Pure.

#include <string>
#include <vector>

namespace tideline::tidectl {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

/// Cells are made harmless for a terminal (safe_text) as they come in; columns grow with their widest cell.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as columns; "" is shown as "-".
  void row(std::vector<std::string> cells);
  std::size_t rows() const { return rows_.size(); }
  /// Title line, then the rows; two blanks between columns, none at a line's end.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "name    value" lines with the values in one column.
class Facts {
 public:
  void add(std::string name, const std::string& value);
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace tideline::tidectl
