#include "storage/rocks/fold_desk.h"

#include <algorithm>

#include "storage/series/series_store.h"

namespace tideline::rocks {
namespace {

constexpr std::int64_t kFoldHourMs = 3'600'000;

}  // namespace

std::optional<std::int64_t> FoldState::next_hour_end() const {
  if (!first_ms || *first_ms > INT64_MAX - 2 * kFoldHourMs) return std::nullopt;
  return *first_ms / kFoldHourMs * kFoldHourMs + kFoldHourMs;
}

bool FoldState::is_hour_due(model::WallTime now) const {
  const auto end = next_hour_end();
  return end && *end <= now.ms - model::to_ms(series::kFoldLag);
}

void FoldState::arrived(std::int64_t at_ms, bool is_late) {
  late += is_late ? 1 : 0;
  if (at_ms < folded_until_ms) return;
  if (!first_ms) first_is_known = true;
  if (!first_ms || at_ms < *first_ms) first_ms = at_ms;
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
