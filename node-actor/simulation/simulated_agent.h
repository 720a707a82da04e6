#pragma once
// The agent of one simulated host: the real sense and decide code, combined as node-actor/actor combines it, with the
// knobs of a simulated kernel in place of kernel files. One object is one life of the agent's process.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/eviction.h"
#include "messages/model/hands_off.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/topology.h"
#include "node-actor/decide/be_work.h"
#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/simulation/simulated_evictions.h"
#include "node-actor/simulation/simulated_host.h"
#include "node-actor/simulation/suppress_loop.h"

namespace tideline::simulation {

struct AgentOptions {
  std::string boot_id;
  std::string agent_version;
  std::map<std::string, std::string> labels;
  model::Duration pod_interval = std::chrono::seconds(1);
  /// Older words of the ledger on allocatable batch-cpu count as none.
  model::Duration batch_max_age = std::chrono::minutes(2);
  model::NodeAnnotations annotations = {};
};

class SimulatedAgent {
 public:
  /// A start: what an earlier agent left in `host` is put back first. `host` must outlive it.
  SimulatedAgent(SimulatedHost& host, AgentOptions options, model::WallTime wall);
  SimulatedAgent(const SimulatedAgent&) = delete;
  SimulatedAgent& operator=(const SimulatedAgent&) = delete;

  void set_policy(const std::optional<model::NodePolicy>& policy) { policy_ = policy; }
  /// What AgentOptions::pod_interval began with.
  void set_pod_interval(model::Duration interval);
  /// What an operator keeps the agent off, from now. A release among them that was not there before puts all back.
  void set_hands_off(std::vector<decide::Hold> holds, model::WallTime wall);
  void set_batch_allocatable(std::optional<model::MilliCpu> cpu, model::MonoTime as_of);
  void evictions_answered(const model::EvictionAnswer& answer) { evictions_.answered(answer); }
  /// What the last pod round wants to ask the coordinator for.
  std::vector<model::EvictionRequest> take_eviction_requests() { return evictions_.take_requests(); }

  void fast_round(model::WallTime wall);
  model::NodeSample pod_round(model::WallTime wall);
  /// Pods whose eviction is through since the last call: they run no more, and are still listed by the host.
  std::vector<model::PodUid> take_evicted() { return std::exchange(evicted_, {}); }

  model::NodeStatus status() const;
  /// Oldest first, bounded by ReportLimits::kMaxEvents.
  std::vector<model::Event> take_events() { return std::exchange(events_, {}); }
  /// Changes of the host's knobs in this life.
  std::uint64_t writes() const { return writes_; }
  const decide::CurrentLimit& be_limit() const { return suppress_.current(); }

 private:
  /// False: somebody keeps us off, or the kernel refused.
  bool perform(const decide::KnobRef& knob, const model::KnobValue& value, model::Controller controller,
               model::Reason reason);
  void apply(const decide::Settlement& settlement);
  void put_all_back(model::Reason reason);
  void drop_ended_holds();
  std::vector<decide::HandsOff> held_groups() const;
  std::vector<decide::PodWork> watch_work(const model::HostCounters& counters);
  void evict(const decide::EvictDecision& decision);
  void note(model::Event event);
  void note(model::Controller controller, model::Reason reason, std::string subject, std::string before,
            std::string after);

  SimulatedHost& host_;
  AgentOptions options_;
  model::NodeStatus status_;
  model::WallTime wall_;  // of the round
  SuppressLoop suppress_;
  std::optional<model::NodePolicy> policy_;
  std::vector<decide::Hold> holds_;
  std::optional<model::MilliCpu> batch_allocatable_;
  model::MonoTime batch_as_of_;
  model::Topology topology_;  // none is simulated: no CPU is handed out
  decide::NodeCpus cpus_;
  decide::CpuRoundState round_state_;
  std::shared_ptr<const decide::Settlement> applied_;
  std::map<decide::KnobRef, model::Controller> owned_;
  SimulatedEvictions evictions_;
  decide::BeWorkState work_;
  std::vector<model::PodUid> evicted_;
  std::vector<model::FeatureState> suppress_features_;
  std::vector<model::FeatureState> features_;
  std::vector<model::Event> events_;
  std::uint64_t writes_ = 0;
};

}  // namespace tideline::simulation
