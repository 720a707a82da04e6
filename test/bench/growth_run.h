#pragma once
// A store of history under simulated nodes and a virtual clock, folded and kept at the coordinator's own cadence.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "storage/series/series_store.h"

namespace tideline::bench {

inline constexpr double kGrowthDayMs = 86'400'000;
inline constexpr std::int64_t kGrowthHourMs = 3'600'000;
inline constexpr double kGrowthMiB = 1 << 20;
/// Reports of the last stretch, as agents send them.
inline constexpr std::int64_t kFineSeconds = 10;
inline constexpr std::size_t kFineSamples = 10;

/// For how long what is kept.
struct GrowthKept {
  model::Duration reports{0};
  std::array<model::Duration, series::kTiers.size()> tiers{};
  std::array<model::Duration, series::kTiers.size()> pods{};
};

struct GrowthOptions {
  std::size_t nodes = 20;
  std::size_t pods = 30;
  double days = 14;
  double fine_hours = 0;
  std::int64_t report_s = 60;
  std::int64_t sample_s = 10;
  std::int64_t fold_s = 30;
  std::int64_t keep_s = 600;
  std::size_t commit_reports = 512;
  int rows = 12;
  std::uint64_t seed = 1;
  GrowthKept kept;
};

/// Of one thread, of all threads, and of the clock on the wall.
struct GrowthSpent {
  double thread_s = 0;
  double process_s = 0;
  double wall_s = 0;
};

struct GrowthRow {
  double day = 0;
  std::uint64_t reports = 0;
  double disk_mib = 0;
  double reports_mib = 0;
  std::array<double, series::kTiers.size()> tier_mib{};
  std::array<double, series::kTiers.size()> pods_mib{};  // of it the tables of pods and jobs
  std::uint64_t tables = 0;
  double fold_ms = 0;  // CPU a node and hour, since the row before
  double lag_h = 0;    // at most, since the row before
};

struct GrowthResult {
  double days = 0;  // of virtual time
  std::int64_t folded_ms = 0;
  double most_lag_h = 0;
  std::uint64_t hours = 0;  // of nodes, that were folded
  std::uint64_t late = 0;
  std::uint64_t verified_rows = 0;
  GrowthSpent fold;
  GrowthSpent keep;
  GrowthSpent verify;
  series::SeriesState state;  // at the end
  std::vector<GrowthRow> rows;
  std::vector<std::string> faults;  // what may not be; empty = nothing
};

/// Makes the store, and verifies all of it at the end. `tell` gets each row as it comes.
model::Result<GrowthResult> run_growth(const GrowthOptions& options, const std::string& directory,
                                       const std::function<void(const GrowthRow& row)>& tell);

}  // namespace tideline::bench
