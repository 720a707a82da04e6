#include "admin-client/table.h"

#include <algorithm>
#include <utility>

#include "admin-client/human.h"

namespace tideline::tidectl {
namespace {

void put(std::string& line, const std::string& cell, std::size_t width, Align align) {
  const std::string padding(width - std::min(width, width_of(cell)), ' ');
  line += align == Align::kRight ? padding + cell : cell + padding;
}

void end_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

void Table::row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (auto& cell : cells)
    cell = cell.empty() ? "-" : safe_text(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = width_of(columns_[c].title);
    for (const auto& row : rows_)
      width = std::max(width, width_of(row[c]));
    widths.push_back(width);
  }
  std::string out;
  const auto emit = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line += "  ";
      put(line, cell_of(c), widths[c], columns_[c].align);
    }
    end_line(out, std::move(line));
  };
  emit([&](std::size_t c) { return columns_[c].title; });
  for (const auto& row : rows_)
    emit([&](std::size_t c) { return row[c]; });
  return out;
}

void Facts::add(std::string name, const std::string& value) {
  lines_.emplace_back(std::move(name), value.empty() ? "-" : safe_text(value));
}

std::string Facts::text() const {
  std::size_t width = 0;
  for (const auto& [name, value] : lines_)
    width = std::max(width, width_of(name));
  std::string out;
  for (const auto& [name, value] : lines_) {
    std::string line;
    put(line, name, width + 2, Align::kLeft);
    end_line(out, line + value);
  }
  return out;
}

}  // namespace tideline::tidectl
