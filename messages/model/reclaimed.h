#pragma once
// What batch may use on a node, with every term that led there.

#include <optional>
#include <string_view>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::model {

enum class ReclaimRule : std::uint8_t {
  kUsage = 0,         // capacity - margin - system - used by high priority
  kThresholdCap = 1,  // cut by batch{Cpu,Memory}ThresholdPercent
  kDisabled = 2,      // colocation is off for this node
  kStale = 3,         // node data older than degradeTimeMinutes, or none: withdrawn
  kUnknownUsage = 4,  // the node's usage is not known: nothing is offered
  kDeficit = 5,       // charged already exceeds the safe capacity
};
std::string_view name_of(ReclaimRule rule);

/// One resource's account. offered = max(0, capacity - margin - system - high_priority), then capped.
template <class Unit>
struct ReclaimTerms {
  Unit capacity{};
  Unit margin{};         // capacity * (100 - reclaimThresholdPercent) / 100
  Unit system{};         // max(system used, node reserved)
  Unit high_priority{};  // charged for pods that are not batch or free
  Unit offered{};
  Unit deficit{};  // how far the charges exceed capacity - margin
  ReclaimRule rule = ReclaimRule::kUsage;
  friend bool operator==(const ReclaimTerms&, const ReclaimTerms&) = default;
};

struct Reclaimed {
  NodeName node;
  ReclaimTerms<MilliCpu> cpu;
  ReclaimTerms<Bytes> memory;
  PolicyVersion policy;
  std::optional<Duration> data_age;  // receiver's monotonic age of the report it rests on
  friend bool operator==(const Reclaimed&, const Reclaimed&) = default;
};

}  // namespace tideline::model
