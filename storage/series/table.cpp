#include "storage/series/table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "messages/model/crc32.h"
#include "storage/columns/division.h"
#include "storage/series/whole.h"

namespace tideline::series {
namespace {

constexpr std::size_t kNoRow = std::numeric_limits<std::size_t>::max();

/// A row of a merged table, as rows of the two.
struct RowPair {
  std::size_t left = kNoRow;
  std::size_t right = kNoRow;
};

std::vector<RowPair> join_rows(const std::vector<std::int64_t>& left, const std::vector<std::int64_t>& right,
                               std::vector<std::int64_t>& times) {
  std::vector<RowPair> rows;
  rows.reserve(std::max(left.size(), right.size()));
  times.reserve(rows.capacity());
  std::size_t l = 0;
  std::size_t r = 0;
  while (l < left.size() || r < right.size()) {
    const bool has_left = l < left.size() && (r == right.size() || left[l] <= right[r]);
    const bool has_right = r < right.size() && (l == left.size() || right[r] <= left[l]);
    times.push_back(has_left ? left[l] : right[r]);
    rows.push_back({.left = has_left ? l++ : kNoRow, .right = has_right ? r++ : kNoRow});
  }
  return rows;
}

/// Calls take(left, right) for each field of either, in order; nullptr where one has it not.
template <class Column, class Take>
void join_columns(const std::vector<Column>& left, const std::vector<Column>& right, const Take& take) {
  auto l = left.begin();
  auto r = right.begin();
  while (l != left.end() || r != right.end()) {
    const bool has_left = l != left.end() && (r == right.end() || l->field <= r->field);
    const bool has_right = r != right.end() && (l == left.end() || r->field <= l->field);
    take(has_left ? &*l++ : nullptr, has_right ? &*r++ : nullptr);
  }
}

template <class Column>
auto join_cells(const std::vector<RowPair>& rows, const Column* left, const Column* right) {
  decltype(Column::cells) cells(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (left != nullptr && rows[row].left != kNoRow) cells[row] = left->cells[rows[row].left];
    if (right != nullptr && rows[row].right != kNoRow) cells[row].merge(right->cells[rows[row].right]);
  }
  return cells;
}

bool is_known_cell(const Summary& cell) {
  return cell.count > 0;
}
bool is_known_cell(const Sketch& cell) {
  return !cell.empty();
}

/// Rows [first, last) of the cells; empty where nothing in them is known.
template <class Cell>
std::vector<Cell> cut_cells(const std::vector<Cell>& cells, std::size_t first, std::size_t last) {
  const auto begin = cells.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = cells.begin() + static_cast<std::ptrdiff_t>(last);
  if (std::none_of(begin, end, [](const Cell& cell) { return is_known_cell(cell); })) return {};
  return std::vector<Cell>(begin, end);
}

Table cut_rows(const Table& table, std::size_t first, std::size_t last) {
  Table part{.subject = table.subject, .tier = table.tier, .times = {}, .fields = {}, .sketches = {}};
  part.times.assign(table.times.begin() + static_cast<std::ptrdiff_t>(first),
                    table.times.begin() + static_cast<std::ptrdiff_t>(last));
  for (const FieldColumn& column : table.fields) {
    auto cells = cut_cells(column.cells, first, last);
    if (!cells.empty()) part.fields.push_back({.field = column.field, .step = column.step, .cells = std::move(cells)});
  }
  for (const SketchColumn& column : table.sketches) {
    auto cells = cut_cells(column.cells, first, last);
    if (!cells.empty()) part.sketches.push_back({.field = column.field, .cells = std::move(cells)});
  }
  return part;
}

template <class Cell>
std::vector<Cell> grouped_cells(const std::vector<Cell>& cells, const std::vector<std::size_t>& group_of,
                                std::size_t groups) {
  std::vector<Cell> grouped(groups);
  for (std::size_t row = 0; row < cells.size(); ++row)
    grouped[group_of[row]].merge(cells[row]);
  return grouped;
}

auto facts_of(const PodInfo& info) {
  return std::tie(info.last_s, info.name_space, info.name, info.workload, info.qos);
}

}  // namespace

std::string stored_name(std::string name) {
  if (name.size() <= kMaxSubjectBytes) return name;
  const std::uint32_t crc = model::crc32(name);
  name.resize(kMaxSubjectBytes - 9);
  return name + fmt::format("~{:08x}", crc);
}

void Summary::add(std::int64_t value, std::uint64_t times) {
  if (times == 0) return;
  const std::int64_t whole = as_whole(value);
  merge({.count = times, .min = whole, .max = whole, .sum = capped_product(whole, times)});
}

void Summary::merge(const Summary& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  count = capped_sum(count, other.count);
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  sum = capped_sum(sum, other.sum);
}

std::int64_t Summary::mean() const {
  if (count == 0) return 0;
  const auto all = static_cast<std::uint64_t>(std::max<std::int64_t>(sum, 0));
  const std::uint64_t whole = columns::quotient(all, count);
  const std::uint64_t rest = all - whole * count;
  const std::uint64_t nearest = whole + (rest >= count - rest ? 1 : 0);
  // A sum that has stopped is too small.
  return std::max(min, std::min(max, static_cast<std::int64_t>(nearest)));
}

PodInfo merge(const PodInfo& a, const PodInfo& b) {
  PodInfo both = facts_of(a) < facts_of(b) ? b : a;
  both.first_s = std::min(a.first_s, b.first_s);
  return both;
}

Table merge(const Table& a, const Table& b) {
  const Table& named = a.empty() ? b : a;
  Table both{.subject = named.subject, .tier = named.tier, .times = {}, .fields = {}, .sketches = {}};
  const auto rows = join_rows(a.times, b.times, both.times);
  join_columns(a.fields, b.fields, [&](const FieldColumn* left, const FieldColumn* right) {
    const FieldColumn& one = left != nullptr ? *left : *right;
    const std::int64_t step = left != nullptr && right != nullptr ? std::min(left->step, right->step) : one.step;
    both.fields.push_back({.field = one.field, .step = step, .cells = join_cells(rows, left, right)});
  });
  join_columns(a.sketches, b.sketches, [&](const SketchColumn* left, const SketchColumn* right) {
    const SketchColumn& one = left != nullptr ? *left : *right;
    both.sketches.push_back({.field = one.field, .cells = join_cells(rows, left, right)});
  });
  return both;
}

Table slice(const Table& table, std::int64_t from_s, std::int64_t to_s) {
  const auto first = std::lower_bound(table.times.begin(), table.times.end(), from_s);
  const auto last = std::lower_bound(first, table.times.end(), std::max(from_s, to_s));
  return cut_rows(table, static_cast<std::size_t>(first - table.times.begin()),
                  static_cast<std::size_t>(last - table.times.begin()));
}

std::vector<Table> by_block(const Table& table) {
  const std::int64_t block = block_s(table.tier);
  std::vector<Table> blocks;
  for (std::size_t first = 0; first < table.times.size();) {
    const std::int64_t begin = floor_to(table.times[first], block);
    std::size_t last = first;
    while (last < table.times.size() && floor_to(table.times[last], block) == begin)
      ++last;
    blocks.push_back(cut_rows(table, first, last));
    first = last;
  }
  return blocks;
}

std::vector<Table> by_block(Table&& table) {
  std::vector<Table> blocks;
  if (table.empty()) return blocks;
  const std::int64_t block = block_s(table.tier);
  if (floor_to(table.times.front(), block) != floor_to(table.times.back(), block)) {
    const Table& whole = table;
    return by_block(whole);
  }
  const auto has_nothing = [](const auto& column) {
    return std::none_of(column.cells.begin(), column.cells.end(), [](const auto& cell) { return is_known_cell(cell); });
  };
  std::erase_if(table.fields, has_nothing);
  std::erase_if(table.sketches, has_nothing);
  blocks.push_back(std::move(table));
  return blocks;
}

Table coarser(const Table& table, Tier tier) {
  const std::int64_t step = step_s(tier);
  if (step <= step_s(table.tier)) return table;
  Table result{.subject = table.subject, .tier = tier, .times = {}, .fields = {}, .sketches = {}};
  std::vector<std::size_t> group_of;
  group_of.reserve(table.times.size());
  for (const std::int64_t time : table.times) {
    const std::int64_t begin = floor_to(time, step);
    if (result.times.empty() || result.times.back() != begin) result.times.push_back(begin);
    group_of.push_back(result.times.size() - 1);
  }
  for (const FieldColumn& column : table.fields) {
    result.fields.push_back({.field = column.field,
                             .step = column.step,
                             .cells = grouped_cells(column.cells, group_of, result.times.size())});
  }
  for (const SketchColumn& column : table.sketches) {
    result.sketches.push_back(
        {.field = column.field, .cells = grouped_cells(column.cells, group_of, result.times.size())});
  }
  return result;
}

}  // namespace tideline::series
