#pragma once
// The fast loop of one simulated node: readings in, what to do with the besteffort root's quota out; with the real
// sense and decide code, as node-actor/actor/node_loop.h runs it. All BE pods lie below that root.

#include <optional>

#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "messages/model/sample.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/hands_off.h"

namespace tideline::simulation {

class SuppressLoop {
 public:
  explicit SuppressLoop(decide::NodeFacts facts, model::Duration pod_interval = std::chrono::seconds(1))
      : facts_(facts), pod_interval_(pod_interval) {}

  /// `counters` nullopt: they could not be read. `hold`: an operator keeps the agent off the besteffort root, and
  /// nothing is to be written.
  decide::SuppressDecision round(model::MonoTime now, const std::optional<model::FastCounters>& counters,
                                 const std::optional<model::NodePolicy>& policy, const decide::Hold* hold = nullptr);
  void set_pod_interval(model::Duration interval) { pod_interval_ = interval; }
  /// One pod round; its sample.
  model::NodeSample pods_read(const model::HostCounters& counters, const model::SiblingWeights& weights);
  /// The quota that the kernel holds after a write.
  void written(decide::CurrentLimit current) { current_ = current; }
  /// The quota was put back to what it was: nothing there is ours.
  void forget();

  const decide::NodeFacts& facts() const { return facts_; }
  const decide::SuppressState& state() const { return state_; }
  const decide::SuppressTerms& terms() const { return terms_; }  // of the newest round
  const decide::CurrentLimit& current() const { return current_; }
  const model::Protection& protection() const { return protection_; }

 private:
  /// In dry run: what it would do is told, and a limit of ours goes.
  decide::SuppressStep decide_dry(const decide::SuppressInput& input, const std::optional<model::NodePolicy>& policy);

  decide::NodeFacts facts_;
  model::Duration pod_interval_;
  decide::SuppressState state_;
  decide::SuppressState dry_state_;
  decide::SuppressTerms terms_;
  decide::CurrentLimit current_;
  std::optional<model::FastCounters> fast_before_;
  std::optional<model::FastSample> fast_;
  std::optional<model::HostCounters> host_before_;
  std::optional<model::NodeSample> levels_;  // of the newest pod round, without its pods
  model::Protection protection_;
  bool held_ = false;  // in the round before
};

}  // namespace tideline::simulation
