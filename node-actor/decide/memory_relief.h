#pragma once
// The relief ladder: what is done, in which order and how far, when memory gets short because of BE. A plain function,
// one call per fast round (100 ms).
//
//   rung        enters when                                                     what it does
//   reclaim     use >= memoryEvictThresholdPercent - margin; or time to the     BE's page cache, chunk by chunk
//               threshold < horizon; or little is free (below); or LS waits
//               for memory (PSI some > 5 % of 1 s) or the kernel's allocations
//               stall - while BE has page cache, and its going would help
//   tighten     BE grows, and use >= threshold - margin / 2 or time to the      a limit on the besteffort root: BE
//               threshold < horizon / 2; or BE is much page cache, and little   may grow to the ceiling and no further
//               is free for 1 s, or will be within 0.5 s: reclaim is too slow
//   evict       use >= threshold still when what leaves already has left and    memory_evict.h picks victims
//               reclaim is through; or, where BE is not tightened, use >=
//               threshold - margin / 2 and full within 2 s
//   emergency   use >= threshold, and available < critical or full within       the largest of the lowest priority is
//               1 s; policy-gated                                               killed
//
//   use       of the tightest bound, see memory_room.h. Under kubepods' limit it is reckoned on between two readings
//             of the page cache: what grows the host's use as well is none.
//   growth    of what cannot be reclaimed. Page cache that fills free memory is no way to the OOM killer.
//   full      capacity; of the host less the low watermark
//   critical  1 % of capacity; of the host at least the low watermark
//   little is free: under kubepods' limit, where nothing like kswapd runs, below 5 % of it, up to 7 %; of the host,
//             below 5/4 of the low watermark, up to 3/2, so that BE's page cache goes before kswapd takes everybody's.
//             What grows within the horizon is added, up to the margin. So little that reclaim cannot keep up: half of
//             that without what grows.
//
// A lower rung goes on while a higher one acts. A rung is left when its condition has not held for its cool-down. On
// the rung reclaim only what is missing to the exit (1 % below its entry) is taken. Tighten is kept besides while use
// >= threshold - margin / 2 - 1 % or BE lies at its limit, see below. Evict is left at memoryEvictLowerPercent, or when
// use was below the threshold for 10 s: in between it evicts nobody. Sizes are in bytes and absolute.
//
// The ceiling. cgroup v2: where the use comes to 1 % above the threshold, so that eviction decides there and nothing is
// past it when it does; memory.high makes BE wait. cgroup v1 kills inside BE where BE cannot reclaim, so that there it
// lies half-way between threshold and full: evictions have that much to win time in, and LS as much when they did not.
// A limit that is set or lowered there leaves kTightenHeadroom, or what BE grows in kTightenLag, above BE's use: v1
// takes no limit below what is used by the time it is written, and one that lies just above kills for a start of a
// process. Half of the page cache that BE can give counts as such room, by which the limit may lie below the use; it is
// never raised for that. Only the last eighth between threshold and full, at least critical, goes before the headroom:
// there an OOM kill inside BE is what is left to keep it from LS, until evictions have come through. Far from the
// ceiling a limit costs BE nothing, and a fast allocator then meets the kernel, not the next round. While an eighth of
// BE or more is page cache that it can give, the limit is also where reclaim ends: BE drops what is its own, at its own
// cost, where files come faster than reclaim takes them. That it is much page cache is also taken from how fast BE grew
// since the page cache was read: growth that the limit ends shows no more, and an older reading must not raise it.
//
// The hold on files. What a limit keeps back of them does not show in BE's use, and page cache that nobody needs any
// more lies at a limit just as well. So BE at its limit, of which nothing was asked for kPressProbe, is asked for a
// chunk: who presses has filled that again within a second, and stays held. Of one that has not so much is taken that
// there is room for what came in kTightenLag when it came fastest: files that come again must be seen before nothing is
// free. With the cool-down it is let go some 21 s after it stopped. Nothing is raised to find out. Where BE's page
// cache cannot be reclaimed the limit stays while BE lies at it.
//
// Missing data - no bound, or BE's use not known: no rung is entered by it. A tightened BE stays as it is for
// kBlindHold and is then given back; nothing is reclaimed, evicted or killed. Another bound than the limit was set by
// raises it when it has been the tightest for as long: it may be so only because the first one could not be read.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
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
/// What BE keeps of the page cache it had when reclaim began: reclaim of the last of it only makes it read again.
constexpr int kLeftPercent = 10;
/// A rung that is held without need costs nothing, one that is left too early flaps: use that swings about an entry
/// changes the rung twelve times a minute at most.
constexpr model::Duration kReclaimCoolDown = std::chrono::seconds(10);
constexpr model::Duration kTightenCoolDown = std::chrono::seconds(10);
constexpr model::Duration kEvictHold = std::chrono::seconds(10);
/// Between two kills: what the first one frees is seen within it, and many small pods are many kills.
constexpr model::Duration kEmergencyCoolDown = std::chrono::seconds(1);
constexpr model::Duration kBlindHold = std::chrono::seconds(10);
/// BE that lies at its limit is asked for a chunk this long after the last one: see "the hold on files".
constexpr model::Duration kPressProbe = std::chrono::seconds(10);
/// Reclaim that has not brought the use below the threshold for so long is not waited for any more.
constexpr model::Duration kReclaimPatience = std::chrono::seconds(10);
/// BE is never tightened below what it uses now less what can be reclaimed, nor below this of the bound's capacity.
constexpr int kLeastBePercent = 2;
/// A tightened limit moves by at least this of itself.
constexpr int kTightenBandPercent = 2;
/// cgroup v1, see above: what the CPUs of a large host hold of charges that are not used yet.
constexpr model::Bytes kTightenHeadroom{16LL << 20};
/// From a reading until the limit it gives is in force, and the next one is: a round, a write behind a chunk of
/// reclaim, and a round.
constexpr model::Duration kTightenLag = std::chrono::milliseconds(500);

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
  /// A limit that BE cannot reclaim below has the OOM killer run inside BE (cgroup v1) and does not make it wait.
  bool tighten_kills = false;
};

struct ReliefTerms {
  std::optional<MemoryBound> bound;  // as reckoned on, see above
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
  model::Bytes wanted;           // of BE's page cache, to come below the reclaim rung's exit, or to let BE go
  model::Bytes pending_release;  // as given: taken off ReliefDecision::evict
  friend bool operator==(const ReliefTerms&, const ReliefTerms&) = default;
};

struct ReliefState {
  MemoryTrend trend;                                  // of what cannot be reclaimed
  model::ReliefRung rung = model::ReliefRung::kNone;  // the highest one that acts
  std::optional<model::MonoTime> reclaim_until;       // each rung's condition held last, and its cool-down
  std::optional<model::MonoTime> tighten_until;
  std::optional<model::Bytes> tightened;
  std::optional<model::MonoTime> evict_since;
  std::optional<model::MonoTime> killed_at;
  std::optional<model::MonoTime> last_known;  // of the last round with a bound and BE's use

  MemoryTrend be_trend;  // of BE's use
  /// The bound in the last round.
  struct Followed {
    MemoryBound read;
    model::Bytes used;   // as reckoned on from the last reading of the page cache
    model::Bytes fixed;  // what growth is seen of: moves by what is no page cache
    friend bool operator==(const Followed&, const Followed&) = default;
  };
  std::optional<Followed> followed;
  /// BE's page cache: as read last, and what was asked of it since, as readings come less often than rounds.
  struct Cache {
    std::optional<model::Bytes> read;
    model::MonoTime read_at;
    model::Bytes asked;
    std::optional<model::MonoTime> asked_at;
    std::optional<model::MonoTime> called_at;  // when reclaim was wanted last
    model::Bytes most;                         // while it is
    std::optional<model::MonoTime> came_at;    // when it last grew faster than reclaim surely takes it
    friend bool operator==(const Cache&, const Cache&) = default;
  };
  Cache cache;
  std::optional<model::MonoTime> short_since;   // so little is free that reclaim cannot keep up
  std::optional<model::MonoTime> tightened_at;  // when it was set first
  std::optional<model::MonoTime> bound_since;   // since when the same bound has been the tightest
  std::optional<model::MonoTime> over_since;    // use >= threshold
  std::optional<model::MonoTime> evict_until;   // the rung is held
  model::Bytes burst;                           // page cache that came in kTightenLag, when fastest, while tightened
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
  friend bool operator==(const ReliefDecision&, const ReliefDecision&) = default;
};
struct ReliefStep {
  ReliefState state;
  ReliefDecision decision;
};

/// `policy` nullopt, or a threshold that is off: nothing is done, and all is given back. In dry run the decision is
/// told as it would be, the caller acts on none of it, and evictions, which may act, do not wait for reclaim.
ReliefStep memory_relief(ReliefState state, const ReliefInput& input, const std::optional<model::NodePolicy>& policy);

/// Why relief does nothing at all; "": it acts.
std::string_view relief_off_because(const std::optional<model::NodePolicy>& policy);

/// Features "memoryRelief.reclaim", ".tighten", ".emergencyKill": what each does or why not.
std::vector<model::FeatureState> relief_features(const ReliefDecision& decision, const ReliefInput& input,
                                                 const std::optional<model::NodePolicy>& policy);

struct PodMemory {
  const model::Pod* pod = nullptr;
  std::optional<model::Bytes> used;  // anon, which is what its end frees at once
};
/// Pods that use less than this part of what the largest one does are not killed: that costs a pod and saves nobody.
constexpr int kLeastOfLargest = 16;
/// Lowest priority, then the largest use, then by uid; of running QoS BE pods with a known use that are not leaving and
/// not held, and use at least 1 / kLeastOfLargest of what the largest of them does. nullptr: none.
const model::Pod* emergency_victim(const std::vector<PodMemory>& pods, const std::vector<model::PodUid>& held,
                                   const std::vector<model::PodUid>& leaving);

}  // namespace tideline::decide
