#pragma once
// The rows of one series on the grid of a dataset: means of use, the last known requests, gaps.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "storage/columns/chunk.h"

namespace tideline::planner {

/// Half open, s since the epoch, within the years 1 to 9999.
struct DatasetSpan {
  std::int64_t from = 0;
  std::int64_t until = 0;
  bool has(std::int64_t time) const { return time >= from && time < until; }
};

struct DatasetGrid {
  std::int64_t begin_s = 0;
  std::int64_t step_s = 300;
  std::size_t steps = 0;
};

/// How often something had to be made of the data.
struct FoldCounts {
  std::uint64_t filled = 0;           // steps of a gap in what is known of CPU
  std::uint64_t beyond = 0;           // values above what any host has
  std::uint64_t hosts = 0;            // series of kHost
  std::uint64_t without_use = 0;      // series that say what they request alone
  std::uint64_t without_request = 0;  // series that do not say it
  std::uint64_t batch = 0;            // series of QoS BE
  std::uint64_t empty = 0;            // series that say neither
};

/// A gap of up to as many steps is filled.
inline constexpr std::size_t kMaxFilledGap = 3;

/// Takes one series after another, and uses its memory again.
class SeriesFold {
 public:
  /// Rows of `span` count, and lie on the grid; requests are also known from those before it.
  SeriesFold(const DatasetGrid& grid, const DatasetSpan& span);
  void add(const columns::Chunk& chunk);
  /// What was added since the last one. nullopt: nothing that is a service's, and counted as what it is.
  std::optional<Workload> take(std::string name, FoldCounts& counts);

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
