#pragma once
// The simulated host and agent of node-actor/simulation as campaigns want them: two LS pods and one BE pod, demand and
// weight by tier, a quota that the test may set itself, and counters that fall or begin anew.

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "node-actor/simulation/simulated_host.h"
#include "node-actor/simulation/suppress_loop.h"

namespace tideline::sim {

using model::Duration;
using model::MilliCpu;
using Shares = simulation::CpuByTier;

class Host {
 public:
  explicit Host(MilliCpu capacity) : host_(capacity, model::Bytes(std::int64_t{64} << 30), {1'000'000'000'000}) {
    const auto pod = [](const std::string& uid, model::QosClass qos, model::KubeQos kube_qos) {
      model::Pod made;
      made.uid = model::PodUid(uid);
      made.qos = qos;
      made.kube_qos = kube_qos;
      return made;
    };
    host_.set_pods({pod("ls-0", model::QosClass::kLs, model::KubeQos::kBurstable),
                    pod("ls-1", model::QosClass::kLs, model::KubeQos::kBurstable),
                    pod("be", model::QosClass::kBe, model::KubeQos::kBestEffort)});
  }

  Shares demand;
  /// In cpu.shares; the system has as much as LS by default.
  struct {
    double ls = 1024;
    double be = 2;
  } weight;
  std::optional<MilliCpu> quota;  // on the besteffort root
  /// Seconds LS waits for its own crowd per second of CPU.
  double own_delay = 0.02;

  /// Time passes; gives what each had of it.
  Shares run(Duration span) {
    set_knobs();
    simulation::HostDemand wanted;
    wanted.system_milli = demand.system;
    wanted.ls_own_delay = own_delay;
    wanted.pods = {{demand.ls / 2, {}}, {demand.ls / 2, {}}, {demand.be, {}}};
    host_.want(std::move(wanted));
    return host_.run(span);
  }

  model::MonoTime now() const { return host_.now(); }

  model::FastCounters fast() const {
    auto counters = host_.fast();
    *counters.node_cpu += node_shift_;
    *counters.be_cpu += be_shift_;
    counters.be_inode += be_lives_;
    return counters;
  }

  model::HostCounters slow() {
    set_knobs();
    auto counters = host_.slow({});
    *counters.node_cpu += node_shift_;
    *counters.best_effort.cpu += be_shift_;
    counters.best_effort.inode += be_lives_;
    counters.pods.back().group = counters.best_effort;
    counters.pods.back().group.inode += 1'000'000;
    return counters;
  }

  model::SiblingWeights weights() {
    set_knobs();
    return host_.weights();
  }

  void recreate_best_effort() {
    ++be_lives_;
    quota.reset();
  }
  // A counter that falls by more than any pause can make up for, so that the fall can be seen.
  void reset_best_effort_counter() { be_shift_ -= kFall; }
  void reset_node_counter() { node_shift_ -= kFall; }

 private:
  void set_knobs() {
    const auto best_effort = model::root_of(model::KubeQos::kBestEffort);
    host_.write({best_effort, model::Knob::kCpuQuota}, model::Limit{quota});
    host_.write({best_effort, model::Knob::kCpuWeight}, model::Number{std::llround(weight.be)});
    host_.write({model::root_of(model::KubeQos::kBurstable), model::Knob::kCpuWeight},
                model::Number{std::llround(weight.ls)});
  }

  static constexpr Duration kFall = std::chrono::seconds(5000);
  simulation::SimulatedHost host_;
  Duration node_shift_ = std::chrono::hours(300);  // long after boot
  Duration be_shift_ = std::chrono::hours(300);
  std::uint64_t be_lives_ = 0;
};

/// The fast loop of a node, whose readings the test may spoil on their way.
class Agent {
 public:
  Agent(MilliCpu capacity, MilliCpu allocatable) : loop_({capacity, allocatable}) {}

  std::optional<model::NodePolicy> policy;

  /// nullopt: the counters could not be read.
  decide::SuppressDecision fast_round(model::MonoTime now, const std::optional<model::FastCounters>& counters) {
    return loop_.round(now, counters, policy);
  }

  void pod_round(const model::HostCounters& counters, const model::SiblingWeights& weights) {
    loop_.pods_read(counters, weights);
  }

  /// The only file that a decision can name is the besteffort root's quota.
  void act(const decide::SuppressDecision& decision, Host& host) {
    if (!decision.write) return;
    const bool limited = decision.action == decide::SuppressDecision::Action::kLimit;
    host.quota = limited ? std::optional(decision.limit) : std::nullopt;
    loop_.written(limited ? decide::CurrentLimit::of(decision.limit) : decide::CurrentLimit::none());
  }

  const decide::SuppressState& state() const { return loop_.state(); }
  const model::Protection& protection() const { return loop_.protection(); }

 private:
  simulation::SuppressLoop loop_;
};

}  // namespace tideline::sim
