#pragma once
// A simulated host of 32 CPUs with generated pods, and the agent on it, in virtual time.

#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "node-actor/simulation/generated_pod.h"
#include "node-actor/simulation/simulated_agent.h"
#include "node-actor/simulation/simulated_host.h"

namespace tideline::simulation::test {

constexpr model::MonoTime kStart{1'000'000'000'000};
constexpr model::WallTime kWall{1'790'000'000'000};

inline decide::KnobRef best_effort_quota() {
  return {model::root_of(model::KubeQos::kBestEffort), model::Knob::kCpuQuota};
}

inline model::NodePolicy policy_of(model::SuppressPolicy mode, int percent) {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(static_cast<std::uint64_t>(percent));
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = mode;
  policy.threshold.cpu_suppress_threshold_percent = percent;
  return policy;
}

struct World {
  /// `services_milli` and `batch_milli`: what all of them want together.
  explicit World(double services_milli = 8000, double batch_milli = 30'000)
      : services(services_milli), batch(batch_milli), host(shape.cpu, shape.memory, kStart) {
    std::vector<model::Pod> pods;
    for (std::size_t i = 0; i < shape.pods; ++i)
      pods.push_back(generated_pod(model::NodeName("sim-1"), i, static_cast<std::uint32_t>(1000 + i), shape));
    host.set_pods(pods);
    start();
  }

  void start() { agent.emplace(host, AgentOptions{.boot_id = "boot", .agent_version = "test", .labels = {}}, wall); }

  /// Seconds, or what else a round takes, each with one of both loops.
  void run(int rounds, model::Duration round = std::chrono::seconds(1)) {
    for (int i = 0; i < rounds; ++i) {
      HostDemand demand;
      demand.system_milli = 640;
      for (const auto& pod : host.pods())
        demand.pods.push_back({pod.qos == model::QosClass::kBe ? batch / 10 : services / 20, model::Bytes(1 << 20)});
      host.want(demand);
      got = host.run(round);
      wall.ms += model::to_ms(round);
      agent->fast_round(wall);
      sample = agent->pod_round(wall);
    }
  }

  std::optional<model::MilliCpu> limit() const { return std::get<model::Limit>(*host.read(best_effort_quota())).cpu; }
  std::vector<std::string> events_of(std::string_view part) {
    std::vector<std::string> found;
    for (const auto& event : agent->take_events()) {
      if (event.subject.find(part) == std::string::npos) continue;
      found.push_back(fmt::format("{} {}: {} -> {}", event.subject, model::name_of(event.reason), event.old_value,
                                  event.new_value));
    }
    return found;
  }
  std::string feature(std::string_view name) const {
    for (const auto& feature : agent->status().features) {
      if (feature.feature == name) return fmt::format("{}: {}", model::name_of(feature.state), feature.why);
    }
    return "not told";
  }

  HostShape shape;
  double services;
  double batch;
  model::WallTime wall = kWall;
  SimulatedHost host;
  std::optional<SimulatedAgent> agent;
  CpuByTier got;
  model::NodeSample sample;
};

}  // namespace tideline::simulation::test
