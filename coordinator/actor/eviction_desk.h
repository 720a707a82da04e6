#pragma once
// Takes nodes' asks for evictions in, has what is granted kept, and only then answers. Of asks through the Kubernetes
// API what is granted goes to whoever evicts there, and the answer says how far that is.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/admin/backend.h"
#include "coordinator/fleet/api_evictions.h"
#include "coordinator/fleet/eviction_arbiter.h"
#include "messages/link/session.h"
#include "messages/model/policy.h"

namespace tideline::coordinator {

inline constexpr std::string_view kEvictionsSetting = "evictions";

/// Of a node, by its policy (nullopt: none was loaded) and what of it is to be left alone.
fleet::EvictionStanding eviction_standing(const std::optional<model::NodePolicy>& policy,
                                          std::vector<admin::HandsOffRow> held);

/// Not for several threads: the fleet actor's own.
class EvictionDesk {
 public:
  struct Out {
    /// Makes the text durable and answers with kept(change, ...); change 0 needs no answer.
    std::function<void(std::string text, std::uint64_t change)> keep;
    std::function<void(const model::NodeName&, std::vector<model::Event>)> note;
    std::function<void(link::EvictionTicket, model::EvictionAnswer)> answer;
    std::function<void(link::EvictionTicket, model::Error)> refuse;
    /// Granted, durable and to be evicted through the Kubernetes API, each time that its node asks; what becomes of it
    /// comes to changed(). `again`: see EvictThroughApi. Empty: there is no Kubernetes.
    std::function<void(const model::NodeName&, const model::EvictionRequest&, bool again)> evict = {};
    /// One that evict() was called for is not to be carried out any more. There where evict is.
    std::function<void(const model::NodeName&, const std::string& id)> withdraw = {};
  };
  /// A node that asks more often is told so, and not answered: each ask may leave events behind.
  static constexpr model::Duration kShortestGap = std::chrono::milliseconds(500);

  EvictionDesk(fleet::EvictionArbiter arbiter, Out out) : arbiter_(std::move(arbiter)), out_(std::move(out)) {}

  void set_rates(const model::EvictionRates& rates) { rates_ = rates; }
  void asked(const link::ArrivedEvictionAsk& ask, const fleet::EvictionStanding& standing, const fleet::Arrival& now);
  /// A grant that could not be kept is taken back, and the node gets no answer: it asks again.
  void kept(std::uint64_t change, const model::Result<void>& outcome);
  /// How far an eviction through the API is; its end is noted. One that evicted nobody uses up no rate.
  void changed(const model::NodeName& node, model::EvictionVerdict verdict, const fleet::Arrival& now);
  using StandingOf = std::function<fleet::EvictionStanding(const model::NodeName&)>;
  /// To be called when policy, rates or holds are others: what must not be carried out any more is withdrawn, before
  /// its node asks again and is told.
  void look_again(const StandingOf& standing_of);
  void forget(const model::NodeName& node);

 private:
  struct Change {
    link::EvictionTicket ticket;
    model::NodeName node;
    fleet::Arbitration arbitration;
    std::vector<model::EvictionRequest> through_api;
    fleet::Arrival at;
  };
  void finish(Change change);
  /// Of a grant that is being kept what must not be evicted any more.
  void hold_back(Change& change, const fleet::EvictionStanding& standing) const;
  /// Whoever grants what nobody carries out uses up the fleet's rate for nothing.
  void refuse_without_kubernetes(const link::ArrivedEvictionAsk& ask, const fleet::Arrival& now);

  fleet::EvictionArbiter arbiter_;
  fleet::ApiEvictions api_;
  Out out_;
  model::EvictionRates rates_;
  std::map<model::NodeName, model::MonoTime> last_ask_;
  std::map<std::uint64_t, Change> changes_;  // not durable yet
  std::uint64_t last_change_ = 0;
};

}  // namespace tideline::coordinator
