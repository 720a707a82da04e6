#pragma once
// What goes into the publisher and comes out of it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "k8s-bridge/translate/batch_names.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::publish {

struct Offer {
  model::Reclaimed account;                                  // of which `published` and `mid` are what is offered
  double diff_threshold = 0.1;                               // resourceDiffThreshold of the node's policy, 0..1
  model::Duration least_interval = std::chrono::minutes(5);  // updateTimeThresholdSeconds: between writes that no
                                                             // threshold asks for
  model::ScalingPolicy scaling = {};                         // of the node's policy
  friend bool operator==(const Offer&, const Offer&) = default;
};

enum class WriteReason : std::uint8_t {
  kFall,      // beyond the threshold, below what is committed there, or of the safe capacity itself
  kRise,      // beyond the threshold, and for long enough; or the first of all
  kRefresh,   // the least interval is over and a value is another
  kWithdraw,  // stale, or colocation is off
  kForeign,   // somebody else wrote the field
};
std::string_view name_of(WriteReason reason);  // "fall", "rise", "refresh", "withdraw", "foreign"

struct Write {
  model::NodeName node;
  WriteReason reason = WriteReason::kRefresh;
  std::string body;      // merge patch of nodes/NAME/status: capacity, allocatable and the annotations
  k8s::Extended values;  // what is published then; nullopt = nothing
  friend bool operator==(const Write&, const Write&) = default;
};

struct PublishOptions {
  model::Duration rise_stable = std::chrono::seconds(30);    // a rise is written once it held for so long
  model::Duration rise_interval = std::chrono::seconds(60);  // least time between two rises of one node
  model::Duration fall_interval = std::chrono::seconds(1);   // least time between any two writes of one node
  /// Somebody else's value is answered after 1, 2, 4 … s up to this, from 1 s again once it stayed away for as long.
  model::Duration foreign_max = std::chrono::minutes(5);
  /// What is on a Node that the ledger did not speak of since it was first seen stays for so long: nodes come back to a
  /// coordinator that starts within half a minute or so.
  model::Duration start_grace = std::chrono::minutes(2);
  /// The watch may be so far behind a write of ours; what it tells meanwhile is from before.
  model::Duration watch_lag = std::chrono::seconds(30);
  std::size_t max_annotation_bytes = 2048;
  /// Published beside batch's newest name.
  k8s::OlderNames older_names = {};
};

/// Somebody else wrote a field that is ours: for an event, told once for each value.
struct Foreign {
  model::NodeName node;
  k8s::Extended found;  // allocatable, or capacity where only that is another
  k8s::Extended ours;
  friend bool operator==(const Foreign&, const Foreign&) = default;
};

}  // namespace tideline::publish
