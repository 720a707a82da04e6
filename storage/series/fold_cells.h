#pragma once
// One subject's cells while reports are added to them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "storage/series/fold_fields.h"
#include "storage/series/table.h"

namespace tideline::series {

/// Steps in the order in which they came. Each once while they ascend, which is what reports of one node nearly always
/// do; one that comes late may be there again.
class StepRows {
 public:
  std::size_t row_of(std::int64_t time_s);
  const std::vector<std::int64_t>& times() const { return times_; }
  bool ascending() const { return ascending_; }

 private:
  std::vector<std::int64_t> times_;
  bool ascending_ = true;
};

/// Summaries by steps of the finest tier, of which the others are made at the end, and sketches by those of the finest
/// tier that has them.
class SubjectCells {
 public:
  explicit SubjectCells(const SlotPlan& plan);

  /// What is added from now on was seen at that second. Without anything there is no row.
  void at(std::int64_t second);
  /// place: in plan.fields. step: the precision that this may be kept with; the finest of all is.
  void add(std::size_t place, std::int64_t step, const Summary& seen);
  /// place: in plan.sketched.
  void sketch(std::size_t place, std::int64_t value, std::uint64_t times);

  bool empty() const { return rows_.times().empty(); }
  /// By kTiers, of the same plan.
  std::array<Table, kTiers.size()> finish(Subject subject, const SlotPlan& plan) &&;

 private:
  struct Slot {
    std::int64_t step = std::numeric_limits<std::int64_t>::max();
    std::vector<Summary> cells;  // up to the last row that has it
  };
  Table take_finest(Subject subject, const SlotPlan& plan);
  void put_sketches(Table& table, const SlotPlan& plan);

  StepRows rows_;
  StepRows sketch_rows_;
  std::int64_t sketch_step_s_;
  std::int64_t second_ = 0;
  std::size_t row_ = kNoPlace;  // of that second, once something is there
  std::size_t sketch_row_ = kNoPlace;
  std::vector<Slot> slots_;
  std::vector<std::vector<Sketch>> sketches_;
};

}  // namespace tideline::series
