#pragma once
// When a node's extended resources are written to its status, and what: falls at once, rises with hysteresis and a
// least interval, withdrawal where there is nothing to say; never what is already there. A plain value: every time comes
// in, nothing goes out but return values.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/ids.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::publish {

struct Offer {
  model::Reclaimed account;      // of which `published` and mid are what is offered
  double diff_threshold = 0.1;   // resourceDiffThreshold of the node's policy
  model::Duration least_interval = std::chrono::minutes(5);  // updateTimeThresholdSeconds: between writes that no
                                                             // threshold asks for
  friend bool operator==(const Offer&, const Offer&) = default;
};

enum class WriteReason : std::uint8_t {
  kFall,       // beyond the threshold, or below what is committed there
  kRise,       // beyond the threshold, and stable for long enough
  kRefresh,    // the least interval is over and the value is another
  kWithdraw,   // stale, or colocation is off
  kForeign,    // somebody else wrote the field
};
std::string_view name_of(WriteReason reason);

struct Write {
  model::NodeName node;
  WriteReason reason = WriteReason::kRefresh;
  std::string body;       // merge patch of nodes/NAME/status: capacity, allocatable and the account's annotation
  k8s::Extended values;   // what it sets; nullopt = removed
  friend bool operator==(const Write&, const Write&) = default;
};

struct PublishOptions {
  model::Duration rise_stable = std::chrono::seconds(30);     // a rise is written once it held for so long
  model::Duration rise_interval = std::chrono::seconds(60);   // least time between two rises of one node
  model::Duration fall_interval = std::chrono::seconds(1);    // least time between any two writes of one node
  /// Somebody else's value is answered after 1, 2, 4 … s up to this, from 1 s again once it stayed away for as long.
  model::Duration foreign_max = std::chrono::minutes(5);
  std::size_t max_annotation_bytes = 2048;
};

/// Somebody else wrote a field that is ours: for an event, told once for each value.
struct Foreign {
  model::NodeName node;
  k8s::Extended found;
  k8s::Extended ours;
  friend bool operator==(const Foreign&, const Foreign&) = default;
};

class Publisher {
 public:
  explicit Publisher(PublishOptions options = {}) : options_(options) {}

  /// The ledger's newest account of a node.
  void offer(const Offer& offer, model::MonoTime now);
  /// What the API server has, from the list or the watch; gives what is foreign in it. A value that a write of ours in
  /// flight sets, or one older than the last write (the watch lags), is not.
  std::optional<Foreign> observed(const k8s::NodeObject& node, model::MonoTime now);
  /// The Node object is gone.
  void forget(const model::NodeName& node);

  /// Writes that are due, falls and withdrawals first, then those that wait longest; each node has at most one in flight
  /// until written() or failed(). Of nodes without a Node object, or without an offer since start, none: a restart writes
  /// nothing that is already true, and withdraws nothing before the ledger spoke or `grace` is over (see started()).
  std::vector<Write> due(model::MonoTime now, std::size_t most);
  void written(const model::NodeName& node, const std::string& resource_version, model::MonoTime now);
  /// Tried again after `retry_in`.
  void failed(const model::NodeName& node, model::Duration retry_in, model::MonoTime now);
  /// When due() may have something again if nothing is said till then.
  std::optional<model::MonoTime> next_due(model::MonoTime now) const;

  /// Nodes whose published value is above the offer by now, and since when the worst is: for metrics.
  struct Above {
    std::size_t nodes = 0;
    model::Duration longest{0};
  };
  Above above(model::MonoTime now) const;

 private:
  struct Row;
  PublishOptions options_;
  std::map<model::NodeName, Row> rows_;
};

/// The explanation on the Node: JSON of the account's terms, its rule, age and policy version; at most `max_bytes`, zones
/// left out first.
std::string account_annotation(const model::Reclaimed& account, std::size_t max_bytes);

}  // namespace tideline::publish
