#pragma once
// Which eviction to post to the API server now, and what its answers mean. A plain value: every time comes in.
//
// The API server is the judge of disruption budgets and of the grace period: the pods/eviction subresource with the
// pod's uid as precondition (Kubernetes, "API-initiated Eviction"). What is refused by a budget is tried again until a
// deadline, and never got round.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "k8s-bridge/translate/event.h"
#include "k8s-bridge/translate/mirror.h"
#include "messages/model/eviction.h"
#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::evict {

struct EvictOptions {
  /// From the first answer of a budget that says no, or of an API server that says nothing, to giving up.
  model::Duration patience = std::chrono::seconds(60);
  model::Duration retry_min = std::chrono::seconds(2);  // Retry-After counts where it is longer
  model::Duration retry_max = std::chrono::seconds(10);
  /// One that its node has not asked for within this is not posted any more: it does not need it.
  model::Duration renewed_within = std::chrono::seconds(15);
  std::size_t most_in_flight = 8;
  std::size_t most_kept = 8192;
};

struct Order {
  model::NodeName node;
  model::EvictionRequest request;
};

/// What an answer of the API server is to an eviction.
struct EvictAnswer {
  enum class Kind {
    kTaken,    // 2xx
    kGone,     // 404, or 409 of the precondition: no pod of that uid any more
    kBudget,   // 429
    kRefused,  // any other 4xx, and the 500 of a pod with several budgets
    kNone,     // 5xx, no answer
  };
  Kind kind = Kind::kNone;
  std::string why = {};
  std::optional<model::Duration> retry_after = {};
};

class Evictor {
 public:
  explicit Evictor(EvictOptions options = {}) : options_(options) {}

  /// Once for each time that the node asks. kRefused kNotEvictable at once where `pods` does not know the pod by uid,
  /// name and namespace as bound to that node, or it is neither batch (koordinator.sh/qosClass BE or priority of the
  /// batch or free band) nor best effort; kEvicted at once where it is terminating already. While the mirror is not
  /// complete it waits.
  void wanted(Order order, const k8s::Mirror& pods, model::MonoTime now);

  struct Post {
    model::NodeName node;
    std::string id;
    k8s::ObjectKey pod;  // with its uid
  };
  /// To be posted now, the more urgent first; each is on its way until answered().
  std::vector<Post> due(const k8s::Mirror& pods, model::MonoTime now);
  void answered(const model::NodeName& node, const std::string& id, const EvictAnswer& answer, model::MonoTime now);

  struct Change {
    model::NodeName node;
    model::EvictionVerdict verdict;  // kUnderWay, kEvicted, kRefused
    std::optional<k8s::EventNote> event;
  };
  /// Since it was asked last. An event on the pod for what was evicted, and for what a budget or the server refused for
  /// good; its message names the trigger and what said no.
  std::vector<Change> take_changes();
  /// When due() may have something without being told anything; nullopt: not before then.
  std::optional<model::MonoTime> next_due() const;
  std::size_t open() const;

 private:
  using Key = std::pair<model::NodeName, std::string>;
  struct Row {
    Order order;
    model::MonoTime renewed;
    model::MonoTime not_before;
    std::optional<model::MonoTime> trouble_since;
    unsigned attempts = 0;
    bool in_flight = false;
  };
  EvictOptions options_;
  std::map<Key, Row> rows_;
  std::vector<Change> changes_;
};

}  // namespace tideline::evict
