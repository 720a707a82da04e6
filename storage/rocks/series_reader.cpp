#include "storage/rocks/series_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "storage/store/limits.h"

namespace tideline::rocks {
namespace {

constexpr std::int64_t kPieceMs = 3'600'000;
/// Reports that are folded at once, of whatever size: their cells take some tens of MB at the worst.
constexpr std::size_t kPieceReports = 1'000;
constexpr std::size_t kPiecePods = 100'000;

/// The first second that begins at or after the time.
std::int64_t second_from(model::WallTime time) {
  const std::int64_t ms = std::max<std::int64_t>(time.ms, 0);
  return ms / 1000 + (ms % 1000 > 0 ? 1 : 0);
}

/// No time of a table is beyond: of the year 9999.
constexpr std::int64_t kTablesEnd = 253'402'300'800;

/// Those rows of the table that the part asks for; false from `visit` ends the walk.
bool show(series::Table&& table, std::int64_t from_s, std::int64_t to_s, const series::SeriesStore::Visit& visit) {
  if (table.empty()) return true;
  if (table.times.front() < from_s || table.times.back() >= to_s) table = series::slice(table, from_s, to_s);
  return table.empty() || visit(std::move(table));
}

/// Reports on their way into tables, some at a time.
class PieceFold {
 public:
  bool is_full() const { return reports_ >= kPieceReports || pods_ >= kPiecePods; }
  bool is_empty() const { return reports_ == 0; }
  void add(const store::StoredReport& stored) {
    fold_.add(stored);
    ++reports_;
    pods_ += stored.report.pods.size();
  }
  /// All since the last time.
  series::Folded take() {
    series::Folded folded = std::move(fold_).finish();
    fold_ = series::Fold();
    reports_ = 0;
    pods_ = 0;
    fit_names(folded);
    return folded;
  }

 private:
  series::Fold fold_;
  std::size_t reports_ = 0;
  std::size_t pods_ = 0;
};

}  // namespace

model::Result<std::optional<std::int64_t>> SeriesReader::next_block(series::Tier tier, std::int64_t block_s,
                                                                    std::int64_t end_s) {
  const auto stored = rows_.next_block(tier, node_, block_s, end_s);
  if (!stored) return stored.error();
  auto next = *stored;
  if (next == block_s) return next;
  const auto first = pending_.first_from(block_s * 1000);
  if (!first) return first.error();
  if (!*first) return next;
  // Its samples may lie in a block before its own.
  const std::int64_t earliest_s = std::max<std::int64_t>(0, **first - pending_.longest_window_ms()) / 1000;
  const std::int64_t of_first = std::max(block_s, series::floor_to(earliest_s, series::block_s(tier)));
  if (of_first < end_s && (!next || of_first < *next)) next = of_first;
  return next;
}

model::Result<SeriesReader::Tables> SeriesReader::fold_pending(const Part& part) {
  Tables tables;
  PieceFold fold;
  const auto put_by = [&] {
    series::Folded folded = fold.take();
    for (series::Table& table : folded.tiers[series::place_of(part.tier)]) {
      series::Table rows = series::slice(table, part.from_s, part.to_s);
      if (rows.empty()) continue;
      const auto [there, is_new] = tables.try_emplace(rows.subject);
      there->second = is_new ? std::move(rows) : series::merge(there->second, rows);
    }
  };
  // Whatever is in a row ended with its report or before, and by no more than the longest window.
  const std::int64_t end_ms = (part.to_s + series::step_s(part.tier)) * 1000 + pending_.longest_window_ms();
  for (std::int64_t at_ms = part.from_s * 1000; at_ms < end_ms;) {
    const auto first = pending_.first_from(at_ms);
    if (!first) return first.error();
    if (!*first || **first >= end_ms) break;
    at_ms = std::min(end_ms, **first + kPieceMs);
    const auto walked = pending_.walk(**first, at_ms, [&](store::StoredReport&& stored) {
      fold.add(stored);
      if (fold.is_full()) put_by();
      return true;
    });
    if (!walked) return walked.error();
    if (!fold.is_empty()) put_by();
  }
  return tables;
}

model::Result<bool> SeriesReader::read_some(const Part& part, const std::vector<series::Subject>& only, Tables& pending,
                                            const series::SeriesStore::Visit& visit) {
  for (const series::Subject& subject : only) {
    const auto there = pending.find(subject);
    series::Table table;
    if (there != pending.end()) table = std::move(there->second);
    auto stored = rows_.get({.tier = part.tier, .block_s = part.block_s, .node = node_, .subject = subject});
    if (!stored) return stored.error();
    if (*stored) table = table.empty() ? std::move((*stored)->table) : series::merge((*stored)->table, table);
    if (!show(std::move(table), part.from_s, part.to_s, visit)) return false;
  }
  return true;
}

model::Result<bool> SeriesReader::read_all(const Part& part, Tables& pending, const series::SeriesStore::Visit& visit) {
  bool goes_on = true;
  auto next = pending.begin();
  const auto show_before = [&](const series::Subject* subject) {
    for (; goes_on && next != pending.end() && (subject == nullptr || next->first < *subject); ++next)
      goes_on = show(std::move(next->second), part.from_s, part.to_s, visit);
  };
  const auto walked = rows_.walk(part.tier, part.block_s, node_, [&](series::Table&& stored) {
    const series::Subject subject = stored.subject;
    show_before(&subject);
    if (!goes_on) return false;
    if (next != pending.end() && next->first == subject) {
      stored = series::merge(stored, next->second);
      ++next;
    }
    goes_on = show(std::move(stored), part.from_s, part.to_s, visit);
    return goes_on;
  });
  if (!walked) return walked.error();
  show_before(nullptr);
  return goes_on;
}

model::Result<bool> SeriesReader::read_block(const Part& part, const std::vector<series::Subject>* only,
                                             const series::SeriesStore::Visit& visit) {
  auto pending = fold_pending(part);
  if (!pending) return pending.error();
  return only != nullptr ? read_some(part, *only, *pending, visit) : read_all(part, *pending, visit);
}

model::Result<void> SeriesReader::read(const series::ReadRange& range, const std::vector<series::Subject>* only,
                                       const series::SeriesStore::Visit& visit) {
  if (node_.empty() || node_.str().size() > store::kMaxNodeNameBytes) return {};
  const std::int64_t from_s = second_from(range.from);
  const std::int64_t to_s = std::min(second_from(range.to), kTablesEnd);
  if (from_s >= to_s) return {};
  if (auto begun = pending_.begin(); !begun) return begun;
  std::vector<series::Subject> subjects;
  if (only != nullptr) {
    const std::set<series::Subject> each(only->begin(), only->end());
    subjects.assign(each.begin(), each.end());
  }
  const std::int64_t length_s = series::block_s(range.tier);
  for (std::int64_t block = series::floor_to(from_s, length_s); block < to_s; block += length_s) {
    const auto next = next_block(range.tier, block, to_s);
    if (!next) return next.error();
    if (!*next) break;
    block = **next;
    const Part part{.tier = range.tier,
                    .block_s = block,
                    .from_s = std::max(from_s, block),
                    .to_s = std::min(to_s, block + length_s)};
    const auto more = read_block(part, only != nullptr ? &subjects : nullptr, visit);
    if (!more) return more.error();
    if (!*more) break;
  }
  return {};
}

model::Result<std::vector<series::PodInfo>> SeriesReader::pods(model::WallTime from, model::WallTime to) {
  std::vector<series::PodInfo> found;
  if (node_.empty() || node_.str().size() > store::kMaxNodeNameBytes || from >= to) return found;
  if (auto begun = pending_.begin(); !begun) return begun.error();
  std::map<model::PodUid, series::PodInfo> infos;
  const auto learn = [&infos](series::PodInfo&& info) {
    const auto [there, is_new] = infos.try_emplace(info.uid, info);
    if (!is_new) there->second = series::merge(there->second, info);
  };
  PieceFold fold;
  const auto put_by = [&] {
    series::Folded folded = fold.take();
    for (series::PodInfo& info : folded.pods)
      learn(std::move(info));
  };
  auto walked = pending_.walk(std::max<std::int64_t>(from.ms, 0), to.ms, [&](store::StoredReport&& stored) {
    fold.add(stored);
    if (fold.is_full()) put_by();
    return true;
  });
  if (!walked) return walked.error();
  if (!fold.is_empty()) put_by();
  // What is stored says of a pod when it was seen first and last; of those that were seen on the way, too.
  const auto stored = rows_.infos(node_, [&](series::PodInfo&& info) {
    const bool is_within = info.last_s >= from.ms / 1000 && info.first_s < second_from(to);
    if (is_within || infos.contains(info.uid)) learn(std::move(info));
  });
  if (!stored) return stored.error();
  found.reserve(infos.size());
  for (auto& [uid, info] : infos)
    found.push_back(std::move(info));
  return found;
}

}  // namespace tideline::rocks
