#pragma once
// The relief ladder: what is done, in which order and how far, when memory gets short because of BE. A plain function,
// one call per fast round (100 ms).
//
//   rung        enters when (used is the tightest bound's, see memory_room.h)          what it does
//   reclaim     used >= memoryEvictThresholdPercent - margin, or time to that          BE's page cache, chunk by chunk
//               threshold < horizon, or LS waits for memory (PSI some > 5 % of 1 s),
//               or the kernel's allocations stall while BE has cache
//   tighten     used >= threshold - margin/2, or time to the threshold < horizon/2,    BE may not grow: a limit on the
//               and BE grows                                                           besteffort root
//   evict       used >= threshold, or it will be full within 2 s... and what reclaim   memory_evict.h picks victims
//               can still free is less than what is missing
//   emergency   available < max(low watermark, 1 % of capacity), or full within 1 s,   the largest of the lowest
//               above the threshold, policy-gated                                      priority is killed
//
// A lower rung goes on while a higher one acts. A rung is left when its condition has not held for its cool-down:
// reclaim 2 s, tighten 10 s, evict at memoryEvictLowerPercent, emergency 4 s between two kills. Sizes are in bytes and
// absolute. "Full" is capacity less the low watermark.
//
// Missing data: no rung is entered by it. A tightened BE stays as it is for kBlindHold and is then given back; nothing
// is reclaimed, evicted or killed.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"
#include "node-actor/decide/memory_room.h"

namespace tideline::decide {

/// One reclaim asks for no more: it holds a CPU for some 20..60 ms, and stays killable.
constexpr model::Bytes kMostChunk{64LL << 20};
constexpr model::Bytes kLeastChunk{4LL << 20};
/// What BE keeps of its page cache: reclaim of the last of it only makes it read again.
constexpr int kLeftPercent = 10;
constexpr model::Duration kReclaimCoolDown = std::chrono::seconds(2);
constexpr model::Duration kTightenCoolDown = std::chrono::seconds(10);
constexpr model::Duration kEmergencyCoolDown = std::chrono::seconds(4);
constexpr model::Duration kBlindHold = std::chrono::seconds(10);
/// BE is never tightened below what it uses now less what can be reclaimed, nor below this of the bound's capacity.
constexpr int kLeastBePercent = 2;
/// A tightened limit moves by at least this of itself.
constexpr int kTightenBandPercent = 2;

struct ReliefInput {
  model::MonoTime now;
  std::optional<MemoryBound> bound;  // tightest, of this round; nullopt: not known
  std::optional<model::Bytes> low_watermark;
  std::optional<model::Bytes> be_usage;        // with page cache
  std::optional<model::Bytes> be_reclaimable;  // as last read
  /// Of the newest pod round; LS' worst memory pressure and the host's allocation stalls per second.
  std::optional<double> ls_memory_some;
  std::optional<double> alloc_stalls;
  /// A reclaim is still under way, or the kernel has no way to it.
  bool reclaim_busy = false;
  bool can_reclaim = true;
  bool can_tighten = true;
  model::Bytes pending_release;  // memory of BE pods that leave already
};

struct ReliefTerms {
  std::optional<MemoryBound> bound;
  std::optional<double> growth_per_second;
  std::optional<model::Duration> to_threshold;
  std::optional<model::Duration> to_full;
  std::optional<model::Bytes> be_usage;
  std::optional<model::Bytes> be_reclaimable;
  std::optional<double> ls_memory_some;
  std::optional<double> alloc_stalls;
  int threshold_percent = 0;
  int lower_percent = 0;
  int reclaim_percent = 0;
  model::Bytes wanted;  // to come below the reclaim rung's exit; 0: nothing
  friend bool operator==(const ReliefTerms&, const ReliefTerms&) = default;
};

struct ReliefState {
  MemoryTrend trend;
  model::ReliefRung rung = model::ReliefRung::kNone;  // the highest one that acts
  std::optional<model::MonoTime> reclaim_until;   // each rung's condition held last, and its cool-down
  std::optional<model::MonoTime> tighten_until;
  std::optional<model::Bytes> tightened;
  std::optional<model::MonoTime> evict_since;
  std::optional<model::MonoTime> killed_at;
  std::optional<model::MonoTime> last_known;  // of the last round with a bound
  friend bool operator==(const ReliefState&, const ReliefState&) = default;
};

struct ReliefDecision {
  model::ReliefRung rung = model::ReliefRung::kNone;
  model::Reason reason = model::Reason::kNone;  // why that rung and not the one above or below
  std::optional<model::Bytes> reclaim;          // to ask of the besteffort root now
  /// Limit that the besteffort root is to have; nullopt: none of ours.
  std::optional<model::Bytes> tighten;
  /// Memory that evictions are to release now, pending ones taken off; 0: none. memory_evict.h acts on it.
  model::Bytes evict;
  bool emergency = false;  // a pod is to be killed now, see emergency_victim()
  std::string why;         // for people
  ReliefTerms terms;
};
struct ReliefStep {
  ReliefState state;
  ReliefDecision decision;
};

/// `policy` nullopt, a threshold that is off, or relief in dry run (the decision is told and the caller acts on none of
/// it).
ReliefStep memory_relief(ReliefState state, const ReliefInput& input, const std::optional<model::NodePolicy>& policy);

/// Features "memoryRelief.reclaim", ".tighten", ".emergencyKill": what each does or why not.
std::vector<model::FeatureState> relief_features(const ReliefDecision& decision, const ReliefInput& input,
                                                 const std::optional<model::NodePolicy>& policy);

struct PodMemory {
  const model::Pod* pod = nullptr;
  std::optional<model::Bytes> used;  // anon, which is what its end frees at once
};
/// Lowest priority, then the largest use, then by uid; of running QoS BE pods with a known use that are not leaving and
/// not held. nullptr: none.
const model::Pod* emergency_victim(const std::vector<PodMemory>& pods, const std::vector<model::PodUid>& held,
                                   const std::vector<model::PodUid>& leaving);

}  // namespace tideline::decide
