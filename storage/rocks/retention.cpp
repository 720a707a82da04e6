#include "storage/rocks/retention.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/old_rows.h"
#include "storage/rocks/row_walk.h"

namespace tideline::rocks {
namespace {

/// One slice: its nodes, what becomes of them, and the batch that does it.
class DropWalk {
 public:
  DropWalk(StoreState& state, const store::DropBefore& before, const model::NodeName& from, std::size_t rows)
      : state_(state),
        before_(before),
        reports_(*state.database, state.database->report, from),
        pods_(*state.database, state.database->pods, from),
        events_(*state.database, state.database->event, from),
        accounts_(*state.database, state.database->account, from),
        late_(*state.database, state.database->late, from),
        index_(state.indexes.lower_bound(from)),
        all_(rows),
        most_(rows) {}

  std::optional<model::NodeName> next() const {
    std::optional<model::NodeName> first;
    const auto look = [&](const model::NodeName& node) {
      if (!first || KeyOrder()(node, *first)) first = node;
    };
    for (const auto* rows : {&reports_, &pods_, &events_, &accounts_, &late_}) {
      if (rows->node()) look(*rows->node());
    }
    if (index_ != state_.indexes.end()) look(index_->first);
    return first;
  }

  /// Whether nothing of the node is left to drop.
  bool drop(const model::NodeName& node) {
    const model::WallTime time = reports_until(node);
    dropped_.reports += drop_whole_hours(node, time);
    if (awaits_room(node, time)) return false;
    const auto of_reports = reports_.drop(batch_, node, time, most_);
    if (of_reports.dropped > 0) uncounted_.emplace_back(node, of_reports.oldest.value_or(time).ms);
    // With the reports that leave them out: those that are left must find theirs.
    const auto pods_time = std::min(time, of_reports.oldest.value_or(time));
    if (pods_.drop_all(batch_, node, pods_time)) state_.pods->forget(node);
    auto all = std::numeric_limits<std::size_t>::max();
    if (late_.drop(batch_, node, pods_time, all).dropped > 0) without_marks_.push_back(node);
    const auto of_events = events_.drop(batch_, node, before_.events, most_);
    const auto of_accounts = accounts_.drop(batch_, node, before_.accounts, most_);
    dropped_.reports += of_reports.dropped;
    dropped_.events += of_events.dropped;
    dropped_.accounts += of_accounts.dropped;
    const bool is_done =
        of_reports.done_until(time) && of_events.done_until(before_.events) && of_accounts.done_until(before_.accounts);
    if (!is_done) return false;
    if (!of_events.oldest) without_events_.push_back(node);
    if (index_ == state_.indexes.end() || index_->first != node) return true;
    if (is_over(of_reports, of_events)) forget();
    ++index_;
    return true;
  }

  model::Result<void> status() const {
    for (const auto* rows : {&reports_, &pods_, &events_, &accounts_, &late_}) {
      if (auto fine = rows->status(); !fine) return fine;
    }
    return {};
  }
  /// What it went on behind.
  void name_damage() {
    for (const auto* rows : {&reports_, &pods_, &events_, &accounts_, &late_}) {
      for (const std::string& why : rows->passed())
        state_.name_unreadable(why);
    }
  }

  model::Result<store::Dropped> finish() {
    dropped_.nodes = forgotten_.size();
    if (batch_.Count() != 0) {
      if (auto written = state_.database->write(batch_, "dropping old history"); !written) return written.error();
    }
    std::vector<std::pair<model::NodeName, std::uint64_t>> marks;
    for (const auto& node : without_marks_)
      marks.emplace_back(node, count_marks(node));
    const std::unique_lock lock(state_.index_mutex);
    for (const auto& [node, count] : marks)
      state_.desk.of(node).late = count;
    for (const auto& [node, before_ms] : uncounted_) {
      if (state_.desk.find(node) != nullptr) state_.desk.of(node).forget_counts(before_ms);
    }
    for (const auto& gone : forgotten_) {
      // Of one with tables the rest is on disk.
      state_.desk.forget(gone);
      state_.indexes.erase(gone);
      state_.pods->forget(gone);
    }
    for (const auto& gone : without_events_)
      state_.event_nodes.erase(gone);
    return dropped_;
  }

 private:
  /// Reports of which tables are still to be made stay.
  model::WallTime reports_until(const model::NodeName& node) {
    if (!state_.keep_unfolded) return before_.reports;
    const FoldState* fold = state_.desk.find(node);
    const model::WallTime folded{fold == nullptr ? 0 : fold->folded_until_ms};
    const auto late = late_.oldest(node);
    return std::min({before_.reports, folded, late.value_or(folded)});
  }

  /// Hours that a fold has counted go as a whole, and without a look at each report.
  std::uint64_t drop_whole_hours(const model::NodeName& node, model::WallTime time) {
    const auto hours = whole_hours(node, time, most_);
    if (!hours) return 0;
    reports_.drop_before(batch_, node, {hours->end_ms});
    uncounted_.emplace_back(node, hours->end_ms);
    most_ -= static_cast<std::size_t>(hours->reports);
    return hours->reports;
  }
  /// Whether a slice of its own could drop another such hour, and this one cannot.
  bool awaits_room(const model::NodeName& node, model::WallTime time) {
    return most_ < all_ && !whole_hours(node, time, most_) && whole_hours(node, time, all_);
  }
  std::optional<CountedReports> whole_hours(const model::NodeName& node, model::WallTime time, std::size_t most) {
    const auto oldest = reports_.oldest(node);
    const FoldState* fold = state_.desk.find(node);
    return oldest && fold != nullptr ? fold->whole_hours(oldest->ms, time.ms, most) : std::nullopt;
  }

  /// Whether the node that it stands at is no more among those that report: of one with tables as soon as none of its
  /// reports is left, whatever events there are. Names that come and go would be too many else.
  bool is_over(const OldRows::Left& reports, const OldRows::Left& events) const {
    const auto& [node, index] = *index_;
    if (reports.oldest) return false;
    const FoldState* fold = state_.desk.find(node);
    if (fold != nullptr && fold->newest_s) return fold->late == 0 && index.last_received < before_.reports;
    return !events.oldest && index.last_received < before_.first();
  }

  /// Nothing is left of the node that it stands at, but for tables. What they are made of must not be taken again.
  void forget() {
    const auto& [node, index] = *index_;
    forgotten_.push_back(node);
    batch_.Delete(state_.database->dedup, node.str());
    const FoldState* fold = state_.desk.find(node);
    if (fold != nullptr && fold->newest_s) {
      batch_.Put(state_.database->forgotten, node.str(), index_value(index));
    } else if (fold != nullptr) {
      batch_.Delete(state_.database->fold, node.str());
    }
  }

  std::uint64_t count_marks(const model::NodeName& node) {
    std::uint64_t count = 0;
    const auto one = [&count](std::string_view, std::string_view) -> model::Result<bool> {
      ++count;
      return true;
    };
    // Where the disk gives none of them, the next fold finds that there are none, or what is wrong.
    const auto walked = walk_keys(*state_.database, state_.database->late, node_prefix(node), node_end(node), one,
                                  nullptr, "counting late reports");
    return walked ? count : std::max<std::uint64_t>(count, 1);
  }

  StoreState& state_;
  store::DropBefore before_;
  OldRows reports_;
  OldRows pods_;
  OldRows events_;
  OldRows accounts_;
  OldRows late_;
  Indexes::const_iterator index_;
  std::size_t all_;   // rows that a slice may drop
  std::size_t most_;  // rows that may still be dropped
  store::Dropped dropped_;
  std::vector<model::NodeName> forgotten_;
  std::vector<model::NodeName> without_events_;
  std::vector<model::NodeName> without_marks_;
  std::vector<std::pair<model::NodeName, std::int64_t>> uncounted_;  // counts of hours from before are no more
  rocksdb::WriteBatch batch_;
};

}  // namespace

model::Result<store::DroppedSlice> drop_slice(StoreState& state, const store::DropBefore& before,
                                              const model::NodeName& from, std::size_t most) {
  const std::lock_guard writing(state.writer);
  const std::size_t rows = std::max<std::size_t>(most, 1);
  DropWalk walk_of_nodes(state, before, from, rows);
  store::DroppedSlice slice;
  auto node = walk_of_nodes.next();
  for (std::size_t looks = rows; node && looks > 0; --looks) {
    if (!walk_of_nodes.drop(*node)) break;
    node = walk_of_nodes.next();
  }
  walk_of_nodes.name_damage();
  if (auto fine = walk_of_nodes.status(); !fine) return fine.error();
  const auto dropped = walk_of_nodes.finish();
  if (!dropped) return dropped.error();
  slice.dropped = *dropped;
  slice.rest = std::move(node);
  return slice;
}

}  // namespace tideline::rocks
