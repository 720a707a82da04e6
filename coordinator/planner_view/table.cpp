#include "coordinator/planner_view/table.h"

#include <algorithm>
#include <utility>

#include "coordinator/planner_view/figures.h"
#include "messages/model/json_text.h"

namespace tideline::planner_view {
namespace {

constexpr std::size_t kMaxCellBytes = 400;

std::string shown_cell(const std::string& cell) {
  return cell.empty() ? "-" : model::printable(cell, kMaxCellBytes);
}

void append_line(std::string& out, const std::vector<std::string>& cells, const std::vector<TableColumn>& columns,
                 const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::string blanks(widths[c] - width_of(cells[c]), ' ');
    if (c > 0) line += "  ";
    line += columns[c].kind == Kind::kNumbers ? blanks + cells[c] : cells[c] + blanks;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

void Table::row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string text_of_table(const Table& table) {
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& column : table.columns())
    lines.front().push_back(model::printable(column.title, kMaxCellBytes));
  for (const auto& row : table.rows()) {
    auto& line = lines.emplace_back();
    for (const auto& cell : row)
      line.push_back(shown_cell(cell));
  }
  std::vector<std::size_t> widths(table.columns().size());
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < widths.size(); ++c)
      widths[c] = std::max(widths[c], width_of(line[c]));
  }
  std::string out;
  for (const auto& line : lines)
    append_line(out, line, table.columns(), widths);
  return out;
}

std::string html_of_table(const Table& table) {
  const auto opening = [&](std::string_view tag, std::size_t column, std::string_view scope) {
    const bool number = table.columns()[column].kind == Kind::kNumbers;
    return "<" + std::string(tag) + std::string(scope) + (number ? " class=\"n\">" : ">");
  };
  std::string out = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (std::size_t c = 0; c < table.columns().size(); ++c)
    out += opening("th", c, " scope=\"col\"") + escaped(table.columns()[c].title) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows()) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool names_row = c == 0 && table.columns()[0].kind == Kind::kWords;
      out += names_row ? opening("th", c, " scope=\"row\"") : opening("td", c, "");
      out += row[c].empty() ? "–" : escaped(row[c]);
      out += names_row ? "</th>" : "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\n':
      case '\t':
        out += c;
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace tideline::planner_view
