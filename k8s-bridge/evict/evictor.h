#pragma once
// Which eviction to post to the API server now, and what its answers mean. A plain value: every time comes in.
//
// The API server is the judge of disruption budgets and of the grace period: the pods/eviction subresource with the
// pod's uid as precondition (Kubernetes, "API-initiated Eviction"). What is refused by a budget is tried again until a
// deadline, and never got round.

#include <chrono>
#include <cstddef>
#include <deque>
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
  /// For the first lists of Nodes and pods; from then on the API server counts as one that says nothing.
  model::Duration lists_may_take = std::chrono::seconds(10);
  /// One that its node has not asked for within this is not posted any more: it does not need it.
  model::Duration renewed_within = std::chrono::seconds(15);
  /// Of the client's places: some are left for what is as urgent.
  std::size_t most_in_flight = 3;
  /// Beyond it no more are taken; their nodes ask again. As many ends are remembered.
  std::size_t most_kept = 8192;
  /// An end is told again for so long to whoever asks again, for word of it may be on its way to him still.
  model::Duration ends_remembered = std::chrono::seconds(30);
};

struct Order {
  model::NodeName node;
  model::EvictionRequest request;
  /// It was granted long before, and may have been carried out by an earlier process.
  bool again = false;
};

/// What an answer of the API server is to an eviction.
struct EvictAnswer {
  enum class Kind {
    kTaken,    // 2xx
    kGone,     // 404 of the pod, or 409 of the precondition: no pod of that uid any more
    kBudget,   // 429 of a disruption budget
    kRefused,  // any other 4xx, and the 500 of a pod with several budgets
    kNone,     // it is busy (429), does not know who asks (401) or in which version, 5xx, no answer
  };
  Kind kind = Kind::kNone;
  std::string why = {};
  std::optional<model::Duration> retry_after = {};
  friend bool operator==(const EvictAnswer&, const EvictAnswer&) = default;
};

/// Why Kubernetes' pod may not be evicted as batch; "": it may. It may where its QoS class is BE and its priority not
/// of prod's band, or where its priority is of the batch or free band; unless its priority is the system's, or its
/// eviction-policy lets nobody evict it.
std::string why_not_evictable(const model::Pod& pod);

class Evictor {
 public:
  explicit Evictor(EvictOptions options = {}) : options_(options) {}

  /// Once for each time that the node asks. kRefused kNotEvictable at once where `pods` does not know the pod by uid,
  /// name and namespace as bound to that node, or it is no batch pod (why_not_evictable()); kEvicted at once where it
  /// is terminating already or has ended, and where nobody knows its uid and the order is one that comes again. While
  /// the mirror is not complete it waits, as for a silent API server after lists_may_take. Of a known id only the first
  /// order counts: nobody gets another pod evicted under it. Of one that is through its end is told again, for
  /// ends_remembered.
  void wanted(Order order, const k8s::Mirror& pods, model::MonoTime now);

  /// It is not to be evicted any more, until it is wanted again: not posted, or not again. What is on its way may be
  /// taken; that is told as ever.
  void withdrawn(const model::NodeName& node, const std::string& id);

  struct Post {
    model::NodeName node;
    std::string id;
    k8s::ObjectKey pod;  // with its uid
  };
  /// To be posted now, the more urgent first; each is on its way until answered(). What the mirror says is looked at
  /// again for each: one whose pod went meanwhile is kEvicted. One whose `patience` is over, and whose pod did not go,
  /// is given up: kRefused, kDisruptionBudget or kApiSilent.
  std::vector<Post> due(const k8s::Mirror& pods, model::MonoTime now);
  /// kUnderWay with what is in the way, until `patience` is over: from then on due() has the word.
  void answered(const model::NodeName& node, const std::string& id, const EvictAnswer& answer, model::MonoTime now);

  struct Change {
    model::NodeName node;
    model::EvictionVerdict verdict;  // kUnderWay, kEvicted, kRefused
    std::string subject;             // model::pod_subject()
    std::optional<k8s::EventNote> event;
    bool repeated = false;  // the same end was told before
  };
  /// Since it was asked last. An event on the pod for what was evicted, and for what a budget or the server refused for
  /// good; its message names the trigger and what said no.
  std::vector<Change> take_changes() { return std::exchange(changes_, {}); }
  /// When due() may have something without being told anything; nullopt: not before then.
  std::optional<model::MonoTime> next_due() const;
  std::size_t open() const { return rows_.size(); }

 private:
  using Key = std::pair<model::NodeName, std::string>;
  struct Row {
    Order order;
    model::MonoTime since;
    model::MonoTime renewed;
    model::MonoTime not_before;
    std::optional<model::MonoTime> trouble_since = {};
    EvictAnswer trouble = {};  // the newest
    unsigned attempts = 0;
    bool in_flight = false;
    bool withdrawn = false;      // while it was in flight
    bool was_evictable = false;  // as the mirror had it once
    k8s::ObjectKey pod = {};     // likewise
  };
  using Rows = std::map<Key, Row>;

  /// Whether it ended without being posted.
  bool settle(Rows::iterator row, const k8s::Mirror& pods, model::MonoTime now);
  void trouble(Rows::iterator row, const EvictAnswer& answer, model::MonoTime now);
  void give_up(Rows::iterator row, model::MonoTime now);
  bool is_over(const Row& row, model::MonoTime now) const;
  bool is_lapsed(const Row& row, model::MonoTime now) const;
  void forget_ends(model::MonoTime now);
  /// `reason_of_event` nullptr: none is written.
  void finish(Rows::iterator row, model::EvictionVerdict::Answer answer, model::Reason reason, const std::string& why,
              const char* reason_of_event, model::MonoTime now);

  EvictOptions options_;
  Rows rows_;
  std::map<Key, Change> ends_;
  std::deque<std::pair<model::MonoTime, Key>> ends_until_;  // each key of ends_ once
  std::vector<Change> changes_;
};

}  // namespace tideline::evict
