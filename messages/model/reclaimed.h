#pragma once
// What batch and mid may use on a node, with every term that led there.

#include <optional>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/units.h"
#include "messages/model/zone.h"

namespace tideline::model {

/// What made the number. Values travel and are stored: never renumber.
enum class ReclaimRule : std::uint8_t {
  kUsage = 0,            // batch: prod and mid are charged what they use
  kThresholdCap = 1,     // cut by batch{CPU,Memory}ThresholdPercent, or mid{CPU,Memory}ThresholdPercent
  kDisabled = 2,         // colocation is off for this node
  kStale = 3,            // node data older than degradeTimeMinutes, or none: withdrawn
  kUnknownUsage = 4,     // the node's usage is not known: nothing is offered
  kDeficit = 5,          // charged already exceeds the safe capacity
  kRequest = 6,          // batch: prod and mid are charged what they request
  kMaxUsageRequest = 7,  // batch: prod and mid are charged the larger of both
  kPredicted = 8,        // mid: what prod is predicted not to need, and a share of what is not allocated
  kStatic = 9,           // mid: a fixed share
  kSafeCapacity = 10,    // mid: cut to what the charges leave
  kBadAnnotation = 11,   // an annotation that takes from the offer cannot be read: nothing is offered
};
std::string_view name_of(ReclaimRule rule);

/// What pods of a tier requested beyond what their tier has in whole (mid, offered): a sum over nodes, as what one node
/// has left is of no use on another.
template <class Unit>
struct Shortfall {
  Unit mid{};
  Unit batch{};
  friend bool operator==(const Shortfall&, const Shortfall&) = default;
};

/// One resource's account. Of what the charges leave, room = capacity - margin - system - high_priority, mid is served
/// first: offered = max(0, room - mid_offered, capped) less what third parties have of it. In batch-cpu, of which a CPU
/// here may be worth more than one (ScalingPolicy::cpu_normalization), are committed, third_party, origin and
/// published; all else is in CPUs of this host, and of memory both are the same.
template <class Unit>
struct ReclaimTerms {
  Unit capacity{};
  Unit margin{};         // capacity * (100 - reclaimThresholdPercent) / 100
  Unit system{};         // max(system used, node reserved); node reserved alone under the request policy
  Unit high_priority{};  // charged for pods and host applications that are not batch or free: prod and mid
  Unit offered{};        // batch's whole, what its pods requested included
  Unit deficit{};        // how far the charges exceed capacity - margin
  ReclaimRule rule = ReclaimRule::kUsage;
  Unit committed{};      // requested by batch and free pods in batch-cpu, batch-memory
  Unit mid_charged{};    // of high_priority, for mid pods: at least what they requested
  Unit mid_committed{};  // requested by mid pods
  Unit mid{};            // mid's whole, what its pods requested included
  Unit mid_offered{};    // of it, for sale now: no other tier is offered it
  ReclaimRule mid_rule = ReclaimRule::kPredicted;
  // What the account is seen against. Of use, the averages that it rests on.
  Unit requested{};               // allocated: requested by prod pods
  std::optional<Unit> used = {};  // by the whole node; nullopt = not known
  Unit prod_used{};               // of it by prod pods,
  Unit mid_used{};                // by mid pods,
  Unit batch_used{};              // by batch and free pods: of those that are measured
  Unit reservation{};             // of system, by annotation node.koordinator.sh/reservation; 0 = none
  Unit third_party{};             // of batch's whole, what other schedulers gave away
  Unit origin{};                  // batch's whole before them: node.koordinator.sh/originExtendedAllocatable
  // Host applications, which count with the pods of their tier in what stands above.
  Unit host_charged{};  // of high_priority
  Unit host_used{};     // of all tiers
  Unit published{};     // of origin, what is left of third parties: what nodes and schedulers are told
  // Of a sum over nodes. nullopt: of one node, whose other terms say it; or summed by a build that did not add it up.
  std::optional<Shortfall<Unit>> shortfall = {};
  friend bool operator==(const ReclaimTerms&, const ReclaimTerms&) = default;
};

struct Reclaimed {
  NodeName node;
  ReclaimTerms<MilliCpu> cpu;
  ReclaimTerms<Bytes> memory;
  PolicyVersion policy;
  std::optional<Duration> data_age;  // receiver's monotonic age of the report it rests on
  std::vector<ZoneAccount> zones;    // by id; of a node with several NUMA nodes that are known
  friend bool operator==(const Reclaimed&, const Reclaimed&) = default;
};

/// An account as it was at an instant of the coordinator's clock; node "" is the cluster's own, "label=value" a part's.
struct AccountAt {
  WallTime at;
  Reclaimed account;
  friend bool operator==(const AccountAt&, const AccountAt&) = default;
};

/// The same account a time later: its data is as much older.
inline Reclaimed aged(Reclaimed account, Duration by) {
  if (account.data_age && by > Duration(0)) *account.data_age += by;
  return account;
}

}  // namespace tideline::model
