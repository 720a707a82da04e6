#pragma once
// May this node evict this pod now? Fleet-wide and per-workload rate over the last minute, operators' holds, dry run,
// the coordinator's term; what was granted is remembered by id. A plain value: every time comes in.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/fleet/arrival.h"
#include "messages/model/action.h"
#include "messages/model/eviction.h"
#include "messages/model/hands_off.h"
#include "messages/model/result.h"

namespace tideline::fleet {

/// The text of all that is remembered, so that a store's setting can hold it.
inline constexpr std::size_t kMaxEvictionTextBytes = 1 << 20;

/// What binds the evictions of one node beside the rates.
struct EvictionStanding {
  bool dry_run = false;                // tideline-config dryRun.cpuEvict, as that node has it
  std::vector<model::HandsOff> holds;  // and releases
  bool memory_dry_run = false;         // likewise dryRun.memoryEvict
};

/// Whether evictions for this trigger are in dry run there.
bool is_dry_run(const EvictionStanding& standing, model::Reason trigger);
/// A pod of that cgroup must not be evicted there for that trigger, whatever was granted.
bool is_barred(const EvictionStanding& standing, const std::string& group, model::Reason trigger);

struct Arbitration {
  model::EvictionAnswer answer;
  /// Of kCoordinator about the node: each grant and refusal, and each deferral once for its reason.
  std::vector<model::Event> events;
  /// Ids granted for the first time: to be durable before the answer goes out.
  std::vector<std::string> granted;
};

class EvictionArbiter {
 public:
  static constexpr model::Duration kWindow = std::chrono::minutes(1);
  /// A grant is remembered for this long, or until there is no room, and always for kWindow. A node asks again within
  /// seconds when the answer was lost.
  static constexpr model::Duration kMemory = std::chrono::minutes(10);
  /// One that waits keeps its place in the order for this long after it was to ask again.
  static constexpr model::Duration kPatience = std::chrono::seconds(15);
  static constexpr std::size_t kMaxWaiting = 4096;
  /// Of names, ids and kGrantBytes for each that is remembered; six times of it, were every byte escaped, fits
  /// kMaxEvictionTextBytes.
  static constexpr std::size_t kMaxBytes = 160 << 10;
  static constexpr std::size_t kGrantBytes = 16;

  explicit EvictionArbiter(model::Epoch epoch) : epoch_(epoch) {}

  /// What to_text() gave, in an earlier process perhaps: ages are then told by the wall clock, and none is negative.
  /// kMalformed for anything else.
  static model::Result<EvictionArbiter> from_text(model::Epoch epoch, const std::string& text, const Arrival& now);
  std::string to_text(const Arrival& now) const;

  /// `ask` is validated. In this order: refused when the node has seen a later coordinator (kOldEpoch), in dry run
  /// (kDryRun), where a hold covers the pod's cgroup or lies in it (kHandsOff), and where the id was granted for
  /// another pod (kNotEvictable); deferred when the fleet's rate is 0 (kFleetRate), also what was granted before;
  /// granted when it was before (kEvictionGranted); deferred when its workload (kWorkloadRate) or the fleet
  /// (kFleetRate) has used up the last minute, or there is no room to remember it (kEvictionBooksFull); else granted.
  /// Of those that wait for the fleet's rate first go those whose node has had less than its share of the last minute
  /// (node_share()), then the more urgent, then those that wait longest: one node may have all of the rate while no
  /// other waits, and no longer.
  Arbitration decide(const model::NodeName& node, const model::EvictionAsk& ask, const EvictionStanding& standing,
                     const model::EvictionRates& rates, const Arrival& now);
  /// Grants of a minute that no other node has to stand back for.
  static std::size_t node_share(const model::EvictionRates& rates);
  /// The grant evicted nobody, and will not: it stays known, and is not counted in any rate.
  void evicted_nobody(const model::NodeName& node, const std::string& id);
  /// A grant that could not be made durable was never given.
  void take_back(const model::NodeName& node, const std::vector<std::string>& ids);

  model::Epoch epoch() const { return epoch_; }
  std::size_t remembered() const { return grants_.size(); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  using Key = std::pair<model::NodeName, std::string>;
  struct Grant {
    Key key;
    std::string workload;  // "namespace kind/name"; "" = not known
    model::MonoTime at;
    model::PodUid uid = {};  // "": any; kept by a coordinator that did not keep it
    bool counts = true;      // see evicted_nobody()
  };
  static std::size_t bytes_of(const Grant& grant);
  struct Waiting {
    model::EvictionUrgency urgency = model::EvictionUrgency::kBatch;
    model::MonoTime since;
    model::MonoTime until;
    model::Reason told = model::Reason::kNone;
    bool granted = false;  // before: it takes nobody's place
  };
  void expire(model::MonoTime now);
  bool make_room(std::size_t bytes, model::MonoTime now);
  const Grant* find(const Key& key) const;
  using NodeCounts = std::map<model::NodeName, std::size_t>;
  /// How many of those that wait for the fleet's rate go before it. `of_node`: grants of the last minute.
  std::size_t ahead_of(const Key& key, const Waiting& own, const NodeCounts& of_node, std::size_t share) const;
  model::EvictionVerdict judge(const Key& key, const model::EvictionRequest& request, const EvictionStanding& standing,
                               const model::EvictionRates& rates, const Arrival& now);

  model::Epoch epoch_;
  std::deque<Grant> grants_;  // oldest first
  std::size_t bytes_ = 0;
  std::map<Key, Waiting> waiting_;
};

}  // namespace tideline::fleet
