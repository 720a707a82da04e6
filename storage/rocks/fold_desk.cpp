#include "storage/rocks/fold_desk.h"

#include <algorithm>

#include "storage/series/fold_time.h"

namespace tideline::rocks {

std::optional<std::int64_t> FoldState::next_hour_end() const {
  if (!first_ms || *first_ms > INT64_MAX - 2 * kFoldHourMs) return std::nullopt;
  return *first_ms / kFoldHourMs * kFoldHourMs + kFoldHourMs;
}

bool FoldState::is_hour_due(model::WallTime now) const {
  const auto end = next_hour_end();
  return end && *end <= now.ms - lag_ms;
}

void FoldState::arrived(std::int64_t at_ms, bool is_late) {
  late += is_late ? 1 : 0;
  if (is_late && at_ms >= folded_until_ms && at_ms < closed_until_ms) ++came_since;
  for (CountedReports& hour : counted)
    hour.reports += at_ms >= hour.begin_ms && at_ms < hour.end_ms ? 1 : 0;
  if (at_ms < folded_until_ms) return;
  if (!first_ms) first_is_known = true;
  if (!first_ms || at_ms < *first_ms) first_ms = at_ms;
}

void FoldState::folded(std::int64_t end_ms, std::optional<std::uint64_t> reports) {
  if (reports && end_ms > folded_until_ms) {
    if (counted.size() == kMostCounted) counted.erase(counted.begin());
    counted.push_back({.begin_ms = folded_until_ms, .end_ms = end_ms, .reports = *reports + came_since});
  } else {
    // What is behind a stretch of which nothing is known is not in order.
    counted.clear();
  }
  came_since = 0;
  folded_until_ms = end_ms;
  // Of those behind it the next fold has a look.
  first_ms = end_ms;
  first_is_known = false;
}

std::optional<CountedReports> FoldState::whole_hours(std::int64_t first_report_ms, std::int64_t until_ms,
                                                     std::uint64_t most) const {
  std::optional<CountedReports> whole;
  for (const CountedReports& hour : counted) {
    if (hour.end_ms <= first_report_ms) continue;
    // What came before it is not counted.
    if (!whole && hour.begin_ms > first_report_ms) break;
    const std::uint64_t reports = (whole ? whole->reports : 0) + hour.reports;
    if (hour.end_ms > until_ms || reports > most) break;
    whole =
        CountedReports{.begin_ms = whole ? whole->begin_ms : hour.begin_ms, .end_ms = hour.end_ms, .reports = reports};
  }
  return whole;
}

void FoldState::forget_counts(std::int64_t before_ms) {
  std::erase_if(counted, [before_ms](const CountedReports& hour) { return hour.begin_ms < before_ms; });
}

FoldState& FoldDesk::of(const model::NodeName& node) {
  const auto [there, is_new] = states_.try_emplace(node);
  if (is_new) there->second.lag_ms = model::to_ms(series::fold_lag(node));
  return there->second;
}

const FoldState* FoldDesk::find(const model::NodeName& node) const {
  const auto found = states_.find(node);
  return found == states_.end() ? nullptr : &found->second;
}

std::int64_t FoldDesk::closed_until_ms(const model::NodeName& node) const {
  const FoldState* state = find(node);
  return state == nullptr ? 0 : std::max(state->folded_until_ms, state->closed_until_ms);
}

std::optional<model::NodeName> FoldDesk::due_from(const model::NodeName& node, model::WallTime now) const {
  return first_due(states_.lower_bound(node), states_.end(), now);
}

std::optional<model::NodeName> FoldDesk::due_behind(const model::NodeName& node, model::WallTime now) const {
  return first_due(states_.upper_bound(node), states_.end(), now);
}

std::optional<model::NodeName> FoldDesk::first_due(States::const_iterator begin, States::const_iterator end,
                                                   model::WallTime now) {
  const auto found = std::find_if(begin, end, [now](const auto& entry) { return entry.second.is_due(now); });
  return found == end ? std::nullopt : std::optional(found->first);
}

}  // namespace tideline::rocks
