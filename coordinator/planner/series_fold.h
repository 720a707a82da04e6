#pragma once
// The rows of one series on the grid of a dataset: means of use, the last known requests, gaps.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/dataset_grid.h"
#include "storage/columns/chunk.h"

namespace tideline::planner {

/// A gap of up to as many steps is filled.
inline constexpr std::size_t kMaxFilledGap = 3;

/// Takes one series after another, and uses its memory again.
class SeriesFold {
 public:
  /// Rows of `span` count, and lie on the grid; requests are also known from those before it.
  SeriesFold(const DatasetGrid& grid, const DatasetSpan& span);
  void add(const columns::Chunk& chunk);
  /// What was added since the last one. nullopt: nothing that is a service's, and counted as what it is.
  std::optional<Workload> take(std::string name, DataCounts& counts);
  /// Likewise, whatever it is of: nullopt, and counted: it tells neither use nor request.
  struct Any {
    Workload workload;
    bool is_batch = false;
    /// Some row tells what it requests, or how much there is of it on a host; else that is the most that was used.
    bool tells_cpu = false;
    bool tells_memory = false;
  };
  std::optional<Any> take_any(std::string name, DataCounts& counts);

 private:
  struct Mean {
    double sum = 0;
    std::uint32_t rows = 0;
    void add(double value) {
      sum += value;
      ++rows;
    }
  };
  /// One resource.
  struct Side {
    std::vector<Mean> used;
    std::vector<float> asked;      // the last of each step
    float asked_before = kAbsent;  // of the rows before the span
    bool has_use = false;
    bool has_request = false;
  };
  void begin(Side& side) const;
  void clear();
  void add(Side& side, const std::vector<std::int64_t>* used, const std::vector<std::int64_t>* asked, double unit,
           std::int64_t most, const std::vector<std::int64_t>& times);
  std::optional<Workload> fold(std::uint64_t& filled);
  std::size_t at(std::int64_t time) const { return static_cast<std::size_t>((time - grid_.begin_s) / grid_.step_s); }

  DatasetGrid grid_;
  DatasetSpan span_;
  Side cpu_;
  Side memory_;
  bool is_host_ = false;
  bool is_batch_ = false;
  std::uint64_t beyond_ = 0;
};

}  // namespace tideline::planner
