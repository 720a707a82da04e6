#include "storage/rocks/folder.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "storage/rocks/damage.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"
#include "storage/rocks/table_writer.h"

namespace tideline::rocks {
namespace {

/// Steps that one slice takes of one node, which is behind where there are more: whoever stops waits for them.
constexpr int kMostSteps = 2;

/// What cells a step may take, at the worst some tens of MB: an hour of a node with 300 pods that reports every 10 s.
/// The rest of the hour is folded in steps of its own, as late.
constexpr std::size_t kMostStepCost = 128 << 10;
constexpr std::size_t kPodCost = 16;  // of one that was not there yet
constexpr std::size_t kCellCost = 4;  // of a step of the node's, which has all its metrics

/// A block is written for good with the hour behind it: the first reports of that tell of the block's end, too.
constexpr std::int64_t kSettleMs = 3'600'000;

/// Not what was written, and so not what the disk may still give another time.
bool is_corrupt(const model::Error& error) {
  return error.code() == model::ErrorCode::kMalformed;
}

model::Error not_given(const std::string& why) {
  return {model::ErrorCode::kUnavailable, why};
}

model::Error corrupt_rows(const std::string& what, const UnreadableRows& rows) {
  return {model::ErrorCode::kMalformed, fmt::format("history: {} cannot be read: {}", what, rows.why)};
}

bool is_among(const std::vector<UnreadableRows>& stretches, std::string_view key) {
  return std::any_of(stretches.begin(), stretches.end(), [key](const UnreadableRows& rows) {
    return key > rows.after && (!rows.before || key < *rows.before);
  });
}

}  // namespace

/// What one atomic step folds.
class Folder::Step {
 public:
  Step(StoreState& state, const model::NodeName& node) : writer(state, node) {}

  bool is_full() const { return cost_ + kPodCost * fold_.pods() >= kMostStepCost; }
  void add(const store::StoredReport& stored) {
    const model::Report& report = stored.report;
    constexpr std::int64_t kStepNs = 10'000'000'000;
    const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(report.window.count(), 0) / kStepNs + 1);
    cost_ += report.pods.size() + kCellCost * std::min(report.samples.size(), steps);
    fold_.add(stored);
    ++reports;
  }
  /// until_ms: the hours up to there are folded then.
  model::Result<void> finish(std::int64_t until_ms) {
    if (fold_.empty()) return {};
    return writer.merge_in(std::move(fold_).finish(), until_ms - kSettleMs);
  }
  /// What the node had before from_ms, of blocks that this ends for good.
  model::Result<void> settle(std::int64_t from_ms, std::int64_t until_ms) {
    return writer.settle(from_ms - kSettleMs, until_ms - kSettleMs);
  }

  TableWriter writer;
  std::uint64_t reports = 0;
  std::uint64_t marks_put = 0;
  std::uint64_t marks_taken = 0;
  /// Rows that were met, of the hour; nullopt: there are some that could not be counted.
  std::optional<std::uint64_t> rows = 0;

 private:
  series::Fold fold_;
  std::size_t cost_ = 0;
};

model::Result<series::FoldSlice> Folder::fold(model::WallTime now, const model::NodeName& from, std::size_t most) {
  const std::lock_guard folding(state_.folder);
  const auto due_from = [&](const model::NodeName& node, bool behind) {
    const std::shared_lock lock(state_.index_mutex);
    return behind ? state_.desk.due_behind(node, now) : state_.desk.due_from(node, now);
  };
  slice_ = {};
  std::size_t nodes = 0;
  auto node = due_from(from, false);
  for (; node && nodes < std::max<std::size_t>(most, 1); node = due_from(*node, true)) {
    const std::uint64_t before = slice_.reports + slice_.unreadable;
    const auto more = fold_node(*node, now);
    if (!more) {
      // Another node's reports may be on a part of the disk that is whole; a disk that takes nothing takes none.
      if (disk_refused_) return more.error();
      ++slice_.failed;
      if (!slice_.trouble) slice_.trouble = more.error();
    } else if (*more) {
      break;
    }
    nodes += slice_.reports + slice_.unreadable > before ? 1 : 0;
  }
  slice_.rest = std::move(node);
  return slice_;
}

model::Result<bool> Folder::fold_node(const model::NodeName& node, model::WallTime now) {
  int steps = 0;
  for (; steps < kMostSteps; ++steps) {
    const auto folded = fold_hour(node, now);
    if (!folded) return folded.error();
    if (!*folded) break;
  }
  for (; steps < kMostSteps; ++steps) {
    const auto folded = fold_late(node);
    if (!folded) return folded.error();
    if (!*folded) return false;
  }
  return true;
}

void Folder::unreadable(std::uint64_t reports, const model::Error& error) {
  slice_.unreadable += reports;
  if (!slice_.trouble) slice_.trouble = error;
}

model::Result<std::optional<std::int64_t>> Folder::first_report(const model::NodeName& node, std::int64_t from_ms) {
  std::optional<std::int64_t> first;
  std::optional<model::Error> trouble;
  const DamageWalk rows(*state_.database, state_.database->report, nullptr);
  const auto walked = rows.walk(
      time_key(node, {from_ms}), node_end(node),
      [&first](std::string_view key, std::string_view) {
        if (const auto head = key_head(key)) first = head->at.ms;
        return !first;
      },
      [&](const UnreadableRows& rows_there) {
        if (!rows_there.corrupt) trouble = not_given(rows_there.why);
        return rows_there.corrupt;
      });
  if (trouble) return *trouble;
  if (!walked) return walked.error().in("looking for reports of node " + node.str());
  return first;
}

model::Result<std::optional<std::int64_t>> Folder::close_hour(const model::NodeName& node, model::WallTime now,
                                                              std::optional<PodsReader>& reader) {
  using End = std::optional<std::int64_t>;
  std::int64_t from_ms = 0;
  {
    const std::lock_guard writing(state_.writer);
    const std::unique_lock lock(state_.index_mutex);
    if (state_.desk.find(node) == nullptr) return End();  // retention forgot it meanwhile
    FoldState& state = state_.desk.of(node);
    if (!state.is_hour_due(now)) return End();
    from_ms = state.folded_until_ms;
    // What is there by now is looked for below; what comes meanwhile puts itself here.
    state.first_ms.reset();
  }
  const auto first = first_report(node, from_ms);
  const std::lock_guard writing(state_.writer);
  const std::unique_lock lock(state_.index_mutex);
  if (state_.desk.find(node) == nullptr) return End();
  FoldState& state = state_.desk.of(node);
  if (!first) {
    state.first_ms = from_ms;
    state.first_is_known = false;
    return first.error();
  }
  if (*first) state.first_ms = std::min(state.first_ms.value_or(**first), **first);
  state.first_is_known = true;
  if (!state.is_hour_due(now)) return End();
  const End end = state.next_hour_end();
  state.closed_until_ms = std::max(state.closed_until_ms, end.value_or(0));
  // Whatever comes from here on is not in the snapshot, and counted by itself.
  reader.emplace(*state_.database);
  state.came_since = 0;
  return end;
}

model::Result<bool> Folder::fold_hour(const model::NodeName& node, model::WallTime now) {
  std::optional<PodsReader> reader;
  const auto closed = close_hour(node, now, reader);
  if (!closed) return closed.error();
  if (!*closed || !reader) return false;
  const std::int64_t end_ms = **closed;
  Database& database = *state_.database;
  PodsReader& pods = *reader;
  std::int64_t begin_ms = 0;
  {
    const std::shared_lock lock(state_.index_mutex);
    if (const FoldState* state = state_.desk.find(node)) begin_ms = state->folded_until_ms;
  }
  const std::string begin = time_key(node, {begin_ms});
  const std::string end = time_key(node, {end_ms});
  std::vector<std::string> marked;      // in order
  std::vector<UnreadableRows> unknown;  // of these reports it cannot be read which have a mark
  std::optional<model::Error> trouble;
  const DamageWalk marks(database, database.late, pods.snapshot());
  auto walked = marks.walk(
      begin, end,
      [&marked](std::string_view key, std::string_view) {
        marked.emplace_back(key);
        return true;
      },
      [&](const UnreadableRows& rows) {
        if (!rows.corrupt) trouble = not_given("which reports are late: " + rows.why);
        if (rows.corrupt) {
          unreadable(0, corrupt_rows("which reports of node " + node.str() + " are late", rows));
          unknown.push_back(rows);
        }
        return rows.corrupt;
      });
  if (!walked) return walked.error();
  // A mark that another time gives would have its report folded twice.
  if (trouble) return trouble->in("history of node " + node.str());

  Step step(state_, node);
  const DamageWalk reports(database, database.report, pods.snapshot());
  walked = reports.walk(
      begin, end,
      [&](std::string_view key, std::string_view value) {
        const rocksdb::Slice bytes(key.data(), key.size());
        const bool is_marked = std::binary_search(marked.begin(), marked.end(), key);
        if (step.rows) ++*step.rows;
        if (step.is_full()) {
          if (!is_marked) step.writer.batch().Put(database.late, bytes, rocksdb::Slice());
          step.marks_put += is_marked ? 0 : 1;
          return true;
        }
        const auto stored = whole_report(key, value, pods);
        if (!stored && !is_corrupt(stored.error())) {
          trouble = stored.error();
          return false;
        }
        if (stored) {
          step.add(*stored);
        } else {
          unreadable(1, stored.error());
        }
        // No report of this hour is in a table yet, and once it is no mark of it may be left.
        if (is_marked || is_among(unknown, key)) step.writer.batch().Delete(database.late, bytes);
        step.marks_taken += is_marked ? 1 : 0;
        return true;
      },
      [&](const UnreadableRows& rows) {
        if (!rows.corrupt) trouble = not_given(rows.why);
        if (rows.corrupt) unreadable(1, corrupt_rows("reports of node " + node.str(), rows));
        step.rows.reset();
        return rows.corrupt;
      });
  if (!walked) return walked.error().in("reports of node " + node.str());
  if (trouble) return *trouble;
  if (auto finished = step.finish(end_ms); !finished) return finished.error();
  if (auto settled = step.settle(begin_ms, end_ms); !settled) return settled.error();
  for (const model::Error& error : step.writer.damaged())
    unreadable(0, error);

  const std::lock_guard writing(state_.writer);
  // Retention that does not wait for tables may have forgotten the node, and that its hour is closed.
  const FoldState* before = state_.desk.find(node);
  if (before == nullptr || before->closed_until_ms < end_ms) return false;
  // Retention that does not wait for tables may have dropped some of them.
  const auto counted = state_.keep_unfolded ? step.rows : std::nullopt;
  const TableWriter::Hour hour{.end_ms = end_ms, .reports = counted};
  if (auto written = step.writer.commit(hour, "folding an hour of node " + node.str()); !written) {
    disk_refused_ = true;
    return written.error();
  }
  const std::unique_lock lock(state_.index_mutex);
  FoldState& state = state_.desk.of(node);
  state.late = state.late + step.marks_put - std::min(state.late, step.marks_taken);
  slice_.hours += 1;
  slice_.reports += step.reports;
  return true;
}

model::Result<bool> Folder::fold_late(const model::NodeName& node) {
  std::int64_t until_ms = 0;
  std::uint64_t counted = 0;
  {
    const std::shared_lock lock(state_.index_mutex);
    const FoldState* state = state_.desk.find(node);
    if (state == nullptr || state->late == 0) return false;
    until_ms = state->folded_until_ms;
    counted = state->late;
  }
  Database& database = *state_.database;
  PodsReader pods(database);
  rocksdb::ReadOptions options;
  options.snapshot = pods.snapshot();
  Step step(state_, node);
  std::optional<model::Error> trouble;
  bool is_more = false;
  bool is_damaged = false;
  const DamageWalk marks(database, database.late, pods.snapshot());
  const auto walked = marks.walk(
      time_key(node, {0}), time_key(node, {until_ms}),
      [&](std::string_view key, std::string_view) {
        is_more = step.is_full();
        if (is_more) return false;
        const rocksdb::Slice bytes(key.data(), key.size());
        std::string value;
        const auto got = database.db().Get(options, database.report, bytes, &value);
        if (!got.ok() && !got.IsNotFound() && !got.IsCorruption()) {
          trouble = database.error(got, "reading a late report of node " + node.str());
          return false;
        }
        if (got.IsCorruption()) unreadable(1, database.error(got, "reading a late report of node " + node.str()));
        if (got.ok()) {
          const auto stored = whole_report(key, value, pods);
          if (!stored && !is_corrupt(stored.error())) {
            trouble = stored.error();
            return false;
          }
          if (stored) {
            step.add(*stored);
          } else {
            unreadable(1, stored.error());
          }
        }
        step.writer.batch().Delete(database.late, bytes);
        ++step.marks_taken;
        return true;
      },
      [&](const UnreadableRows& rows) {
        if (!rows.corrupt) trouble = not_given(rows.why);
        if (rows.corrupt) unreadable(1, corrupt_rows("which reports of node " + node.str() + " are late", rows));
        is_damaged = true;
        return rows.corrupt;
      });
  if (!walked) return walked.error().in("late reports of node " + node.str());
  if (trouble) return *trouble;
  if (step.marks_taken == 0) {
    if (!is_damaged) return false;
    // Those that were counted cannot be read: nothing is due until another comes.
    const std::lock_guard writing(state_.writer);
    const std::unique_lock lock(state_.index_mutex);
    if (state_.desk.find(node) == nullptr) return false;
    FoldState& state = state_.desk.of(node);
    state.late -= std::min(state.late, counted);
    return false;
  }
  if (auto finished = step.finish(until_ms); !finished) return finished.error();
  for (const model::Error& error : step.writer.damaged())
    unreadable(0, error);

  const std::lock_guard writing(state_.writer);
  const FoldState* before = state_.desk.find(node);
  if (before == nullptr || before->folded_until_ms < until_ms) return false;  // likewise
  if (auto written = step.writer.commit(std::nullopt, "folding late reports of node " + node.str()); !written) {
    disk_refused_ = true;
    return written.error();
  }
  const std::unique_lock lock(state_.index_mutex);
  FoldState& state = state_.desk.of(node);
  state.late -= std::min(state.late, step.marks_taken);
  slice_.late += step.reports;
  slice_.reports += step.reports;
  return is_more;
}

}  // namespace tideline::rocks
