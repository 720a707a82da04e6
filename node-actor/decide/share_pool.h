#pragma once
// How full the share pool is: the CPUs that LS pods share, without what LSE and LSR pods reserve. It says whether there
// is room for an LS container to run above its limit.
//
// Koordinator (koordlet cpuburst):
//   total = node's CPUs - requests of the LSE and LSR pods
//   used  = node's use - use of the LSE, LSR and BE pods
//   load  = mean of used over 5 s / total; 1 if total <= 0
//   overload: load >= T; cooling: 0.9 T <= load < T; idle: below      (T = sharePoolThresholdPercent / 100)

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"
#include "node-actor/decide/pod_uses.h"

namespace tideline::decide {

/// Readings this much older than the newest no longer count.
constexpr model::Duration kPoolWindow = std::chrono::seconds(5);
/// And no more of them than this are kept, however short the loop.
constexpr std::size_t kPoolReadings = 64;
/// Nearly busy begins at this share of the threshold.
constexpr double kPoolCooling = 0.9;

enum class PoolState { kUnknown, kIdle, kCooling, kOverload };
std::string_view name_of(PoolState state);  // "unknown", "idle", "cooling", "overload"

struct PoolReading {
  model::MonoTime at;
  model::MilliCpu used;
  /// Every running LSE, LSR and BE pod was read. Otherwise `used` holds what they use, and is too high.
  bool complete = true;
  friend bool operator==(const PoolReading&, const PoolReading&) = default;
};

/// nullopt without node use.
std::optional<PoolReading> pool_reading(const model::NodeSample& sample, const PodUses& uses,
                                        std::span<const model::Pod> pods);
/// Adds `reading` to a history that is kept oldest first, and drops what no longer counts.
void remember(std::vector<PoolReading>& history, const PoolReading& reading);

/// May be negative or zero: LSE and LSR pods request all there is.
model::MilliCpu pool_total(model::MilliCpu capacity, std::span<const model::Pod> pods);

struct PoolLoad {
  model::MilliCpu total;
  std::optional<model::MilliCpu> used;  // mean; nullopt: no reading
  bool at_most = false;                 // no reading was complete: the use is no more than that
  friend bool operator==(const PoolLoad&, const PoolLoad&) = default;
};
/// Of the complete readings if there are any, else of all.
PoolLoad pool_load(const std::vector<PoolReading>& history, model::MilliCpu total);

/// A load known only as "at most" can be idle and is otherwise unknown: a reading that is missing calls nothing busy.
PoolState judge_pool(const PoolLoad& load, int threshold_percent);

}  // namespace tideline::decide
