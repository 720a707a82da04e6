#pragma once
// Rows of cells, for a terminal and for a page.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tideline::planner_view {

/// Words stand at the left of their column, numbers at its right.
enum class Kind : bool { kWords, kNumbers };

struct TableColumn {
  std::string title;  // with the unit: "offered (core-h)"
  Kind kind = Kind::kNumbers;
};

class Table {
 public:
  explicit Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}
  /// As many cells as there are columns: what is missing is "", what is more is left out.
  void row(std::vector<std::string> cells);

  const std::vector<TableColumn>& columns() const { return columns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Titles, then rows, below each other; two blanks between columns and none at a line's end. Control characters are
/// "?", an empty cell is "-".
std::string text_of_table(const Table& table);
/// <table>, escaped.
std::string html_of_table(const Table& table);

/// For a page: the five characters that mean something in HTML, and control characters as U+FFFD.
std::string escaped(std::string_view text);

}  // namespace tideline::planner_view
