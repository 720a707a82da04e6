#pragma once
// Carries out what cpu_evict picked on a simulated host: with the coordinator's leave, or alone where it is away
// (decide/eviction_requests.h). A simulated pod always ends in time when it is asked to.

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/eviction.h"
#include "messages/model/pod.h"
#include "messages/model/reason.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_evict.h"
#include "node-actor/decide/eviction_requests.h"

namespace tideline::simulation {

class SimulatedEvictions {
 public:
  using Tell = std::function<void(model::Reason, std::string subject, std::string before, std::string after)>;
  /// From the request to end until the end.
  static constexpr model::Duration kTakes = std::chrono::seconds(2);

  explicit SimulatedEvictions(Tell tell) : tell_(std::move(tell)) {}

  /// Once in each pod round, before round(): gives those whose time is over. `state` credits what leaves.
  std::vector<decide::EvictVictim> step(decide::EvictState& state, model::MonoTime now);

  struct Round {
    model::MonoTime now;
    const decide::EvictDecision& decision;  // of this round
    const std::vector<model::Pod>& pods;
    std::span<const model::PodUid> held;  // those of decision and waiting() that an operator keeps us off
    bool dry_run = false;                 // victims are told of and left alone
  };
  void round(decide::EvictState& state, const Round& round);
  /// What the coordinator said; acted on in the next round.
  void answered(const model::EvictionAnswer& answer);
  /// What the last round wants to ask the coordinator for.
  std::vector<model::EvictionRequest> take_requests() { return std::exchange(requests_, {}); }

  std::vector<model::PodUid> waiting() const;
  std::vector<model::PodUid> leaving() const;

 private:
  struct Leaving {
    decide::EvictVictim victim;
    model::Reason told = model::Reason::kNone;
    model::MonoTime since;
  };
  void begin(decide::EvictState& state, const decide::RequestsDecision::Go& go, model::MonoTime now);
  void drop(decide::EvictState& state, const decide::RequestsDecision::Dropped& dropped);
  void ask(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods);

  Tell tell_;
  decide::EvictionRequests asked_;
  std::vector<model::EvictionVerdict> verdicts_;
  std::vector<model::EvictionRequest> requests_;
  std::vector<Leaving> leaving_;
};

}  // namespace tideline::simulation
