#pragma once
// Where evictions through the Kubernetes API stand: from the grant of the arbiter to the answer of the API server. A
// plain value: every time comes in.

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/fleet/arrival.h"
#include "messages/model/action.h"
#include "messages/model/eviction.h"
#include "messages/model/ids.h"
#include "messages/model/reason.h"
#include "messages/model/units.h"

namespace tideline::fleet {

class ApiEvictions {
 public:
  /// One of which nobody asked or told for so long is forgotten.
  static constexpr model::Duration kMemory = std::chrono::minutes(10);
  /// Beyond it the one that was asked for least recently is forgotten: a node that asks for it again has it carried
  /// out again, and the API server takes an eviction twice as it takes it once.
  static constexpr std::size_t kMaxKept = 8192;
  /// What a node is told while nothing is known yet.
  static constexpr model::Duration kAskAgain = std::chrono::seconds(1);

  /// The verdict for a granted request: kUnderWay (kApiEviction) the first time, then what changed() told last.
  /// One that was refused stays so for its id: what is picked anew has another. Another pod's under a known id is
  /// kRefused kNotEvictable, and changes nothing. `granted_before`: by an earlier ask.
  model::EvictionVerdict ask(const model::NodeName& node, const model::EvictionRequest& request, bool granted_before,
                             model::MonoTime now);
  /// What became of one: kUnderWay, kEvicted or kRefused. The event about its pod, where this is its end. Of one that
  /// is not known, or is through, and with any other answer: no effect.
  std::optional<model::Event> changed(const model::NodeName& node, model::EvictionVerdict verdict, const Arrival& now);
  /// Whether it is still to be told to whoever carries it out: known, for that pod, and neither evicted nor refused.
  bool is_open(const model::NodeName& node, const model::EvictionRequest& request) const;
  /// Whether it was granted before it was known here: an earlier coordinator may have had it carried out, or this one
  /// when it knew of it still.
  bool is_again(const model::NodeName& node, const std::string& id) const;
  struct Open {
    model::NodeName node;
    std::string id;
    std::string group;  // the pod's
    model::Reason trigger = model::Reason::kNone;
  };
  /// All that are open, by node.
  std::vector<Open> open() const;
  void forget(const model::NodeName& node);
  std::size_t size() const { return rows_.size(); }

 private:
  using Key = std::pair<model::NodeName, std::string>;
  struct Row {
    model::PodUid uid;
    model::EvictionVerdict verdict;
    model::Event end;  // as it will be, but for its reason, time and text
    model::MonoTime touched;
    bool again = false;
    std::string group = {};
    model::Reason trigger = model::Reason::kNone;
  };
  void expire(model::MonoTime now);

  std::map<Key, Row> rows_;
};

}  // namespace tideline::fleet
