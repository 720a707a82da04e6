#include "storage/series/fold_cells.h"

#include <algorithm>
#include <utility>

namespace tideline::series {
namespace {

template <class Cell>
Cell& cell_at(std::vector<Cell>& cells, std::size_t row) {
  if (cells.size() <= row) cells.resize(row + 1);
  return cells[row];
}

}  // namespace

std::size_t StepRows::row_of(std::int64_t time_s) {
  if (!times_.empty() && times_.back() == time_s) return times_.size() - 1;
  if (!times_.empty() && time_s < times_.back() && ascending_) {
    const auto there = std::lower_bound(times_.begin(), times_.end(), time_s);
    if (*there == time_s) return static_cast<std::size_t>(there - times_.begin());
    ascending_ = false;
  }
  times_.push_back(time_s);
  return times_.size() - 1;
}

SubjectCells::SubjectCells(const SlotPlan& plan)
    : sketch_step_s_(step_s(plan.sketched_from)), slots_(plan.fields.size()), sketches_(plan.sketched.size()) {}

void SubjectCells::at(std::int64_t second) {
  second_ = second;
  row_ = kNoPlace;
  sketch_row_ = kNoPlace;
}

void SubjectCells::add(std::size_t place, std::int64_t step, const Summary& seen) {
  if (row_ == kNoPlace) row_ = rows_.row_of(floor_to(second_, step_s(kTiers.front())));
  Slot& slot = slots_[place];
  slot.step = std::min(slot.step, step);
  Summary& cell = cell_at(slot.cells, row_);
  // Mostly the first of its step: of pods nearly always.
  if (cell.count == 0) {
    cell = seen;
  } else {
    cell.merge(seen);
  }
}

void SubjectCells::sketch(std::size_t place, std::int64_t value, std::uint64_t times) {
  if (sketch_row_ == kNoPlace) sketch_row_ = sketch_rows_.row_of(floor_to(second_, sketch_step_s_));
  cell_at(sketches_[place], sketch_row_).add(value, times);
}

std::array<Table, kTiers.size()> SubjectCells::finish(Subject subject, const SlotPlan& plan) && {
  std::array<Table, kTiers.size()> tables;
  tables.front() = take_finest(std::move(subject), plan);
  for (std::size_t i = 1; i < kTiers.size(); ++i) {
    tables[i] = coarser(tables[i - 1], kTiers[i]);
    if (kTiers[i] == plan.sketched_from) put_sketches(tables[i], plan);
  }
  return tables;
}

Table SubjectCells::take_finest(Subject subject, const SlotPlan& plan) {
  const auto& times = rows_.times();
  Table table{.subject = std::move(subject), .tier = kTiers.front(), .times = times, .fields = {}, .sketches = {}};
  std::vector<std::size_t> row_of;  // which row of the table each of ours is, where they are not the same
  if (!rows_.ascending()) {
    std::sort(table.times.begin(), table.times.end());
    table.times.erase(std::unique(table.times.begin(), table.times.end()), table.times.end());
    for (const std::int64_t time : times) {
      const auto there = std::lower_bound(table.times.begin(), table.times.end(), time);
      row_of.push_back(static_cast<std::size_t>(there - table.times.begin()));
    }
  }
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    Slot& slot = slots_[place];
    if (slot.cells.empty()) continue;
    FieldColumn column{.field = plan.fields[place], .step = slot.step, .cells = {}};
    if (rows_.ascending()) {
      column.cells = std::move(slot.cells);
      column.cells.resize(table.times.size());
    } else {
      column.cells.resize(table.times.size());
      for (std::size_t row = 0; row < slot.cells.size(); ++row)
        column.cells[row_of[row]].merge(slot.cells[row]);
      slot.cells = {};
    }
    table.fields.push_back(std::move(column));
  }
  return table;
}

void SubjectCells::put_sketches(Table& table, const SlotPlan& plan) {
  for (std::size_t place = 0; place < sketches_.size(); ++place) {
    if (sketches_[place].empty()) continue;
    SketchColumn column{.field = plan.sketched[place], .cells = std::vector<Sketch>(table.times.size())};
    for (std::size_t row = 0; row < sketches_[place].size(); ++row) {
      const auto there = std::lower_bound(table.times.begin(), table.times.end(), sketch_rows_.times()[row]);
      column.cells[static_cast<std::size_t>(there - table.times.begin())].merge(sketches_[place][row]);
    }
    sketches_[place] = {};
    table.sketches.push_back(std::move(column));
  }
}

}  // namespace tideline::series
