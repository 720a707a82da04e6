#pragma once
// For how long history keeps what.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "messages/model/units.h"
#include "storage/series/series_store.h"
#include "storage/store/history_store.h"

namespace tideline::coordinator {

/// Ages at which it is dropped, by corrected time.
struct HistoryRetention {
  model::Duration reports = std::chrono::hours(6);  // as they came
  /// By series::kTiers.
  std::array<model::Duration, series::kTiers.size()> tiers{std::chrono::hours(3 * 24), std::chrono::hours(35 * 24),
                                                           std::chrono::hours(400 * 24)};
  /// Of each of them the tables of pods and jobs (series/stay.h), which are most of a tier where they come and go; none
  /// longer than its tier.
  std::array<model::Duration, series::kTiers.size()> pods{std::chrono::hours(3 * 24), std::chrono::hours(35 * 24),
                                                          std::chrono::hours(60 * 24)};
  model::Duration events = std::chrono::hours(90 * 24);
  model::Duration accounts = std::chrono::hours(90 * 24);
  friend bool operator==(const HistoryRetention&, const HistoryRetention&) = default;
};

/// The instant that is `age` before `now`.
constexpr model::WallTime instant_before(model::WallTime now, model::Duration age) {
  return {now.ms - model::to_ms(age)};
}

/// Reports by the hour, as they are folded: so a store need not look at each of them to drop it.
inline store::DropBefore rows_before(model::WallTime now, const HistoryRetention& kept) {
  constexpr std::int64_t kHourMs = 3'600'000;
  const model::WallTime reports{series::floor_to(instant_before(now, kept.reports).ms, kHourMs)};
  return {reports, instant_before(now, kept.events), instant_before(now, kept.accounts)};
}

inline series::DropSeriesBefore tables_before(model::WallTime now, const HistoryRetention& kept) {
  series::DropSeriesBefore drop;
  for (std::size_t i = 0; i < drop.tiers.size(); ++i) {
    drop.tiers[i] = instant_before(now, kept.tiers[i]);
    drop.passing[i] = instant_before(now, kept.pods[i]);
  }
  return drop;
}

}  // namespace tideline::coordinator
