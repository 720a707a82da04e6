#pragma once
// Rows of many series on their way into chunks: sorted by time, each time once, with what lies between them counted.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coordinator/traces/import.h"
#include "coordinator/traces/step_count.h"
#include "messages/model/result.h"
#include "storage/columns/chunk.h"

namespace tideline::traces {

inline constexpr std::size_t kMaxCells = 6;
/// A row's values, in the order of BookShape::ids; what is beyond them is not read.
using Cells = std::array<std::int64_t, kMaxCells>;

/// A column that the trace does not have: each series asks for the most that it used.
struct AsUsed {
  columns::ColumnId request{};  // or capacity
  columns::ColumnId used{};
};

struct BookShape {
  columns::SeriesKind kind{};
  std::vector<columns::ColumnId> ids;  // ascending, 1 to kMaxCells
  /// By series: one is complete when the next begins. Where one returns, the trace is not, and is held from there on.
  bool sorted = false;
  std::vector<AsUsed> as_used = {};
  std::size_t max_series = ImportLimits::kMaxSeries;
  std::size_t max_held_rows = ImportLimits::kMaxHeldRows;
};

class SeriesBook {
 public:
  SeriesBook(BookShape shape, Importer::Sink sink);
  SeriesBook(const SeriesBook&) = delete;
  SeriesBook& operator=(const SeriesBook&) = delete;

  /// name: is_name(); time: within kMaxTime; cells: each kMissing or 0 to 2^53. What became of the row: kKept,
  /// kOutOfOrder, kDuplicateTime, kOverLimit or kTooLate; of kTasks, where a time may come twice and no order is
  /// promised, kKept or kOverLimit. An error is the sink's.
  model::Result<RowClass> add(std::string_view name, std::int64_t time, const Cells& cells);

  /// Puts out what is left, and adds to `report` what it says of series and times.
  model::Result<void> finish(ImportReport& report);

 private:
  struct Series {
    std::string name;
    // Of the rows in memory: ascending but for kTasks, and the columns' cells row by row.
    std::vector<std::int64_t> times;
    std::vector<std::int64_t> cells;
    /// Rows that came after a later one, all before times.back().
    std::map<std::int64_t, Cells> late;
    std::optional<std::int64_t> last_out;  // time of its last row that is in the archive
  };

  std::optional<std::size_t> place_of(std::string_view name);
  void append(Series& series, std::int64_t time, const Cells& cells) const;
  RowClass put_in(Series& series, std::int64_t time, const Cells& cells) const;
  model::Result<void> put_out();
  model::Result<void> put_out(Series& series);
  void sort(Series& series) const;
  void sort_tasks(Series& series) const;
  void count(const Series& series);
  void request_as_used(Series& series) const;
  std::size_t cell_of(columns::ColumnId id) const;
  columns::Chunk chunk_of(const Series& series, std::size_t begin, std::size_t end) const;

  BookShape shape_;
  Importer::Sink sink_;
  std::deque<Series> series_;  // in the order of their first rows; they do not move
  std::unordered_map<std::string_view, std::size_t> places_;
  std::size_t current_;               // of the last row
  std::vector<std::size_t> holding_;  // series with rows in memory
  std::size_t held_rows_ = 0;
  StepCount steps_;
  std::optional<std::int64_t> first_;
  std::optional<std::int64_t> last_;
};

}  // namespace tideline::traces
