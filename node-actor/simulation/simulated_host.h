#pragma once
// A host in virtual time: CPUs shared by weight among LS pods, BE pods and the system, quotas, memory, and the counters
// that a kernel keeps of them. It has two knobs, cpu.max and cpu.weight; each pod has at most one container.
//
// Memory is what pods hold, all of it anonymous: there is no page cache, nothing is reclaimed, nobody waits for memory
// and nobody is killed. What a kernel would count of that is not known.
//
// All LS pods share as one group of the burstable root's weight, wherever they lie; within a tier pods share by their
// own weights. What a quota keeps from a pod is throttled, what others keep from it is run delay.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/arbiter.h"
#include "node-actor/simulation/divide.h"

namespace tideline::simulation {

/// What a pod would use and holds now.
struct PodDemand {
  double cpu_milli = 0;  // were it alone
  model::Bytes memory;
};

struct HostDemand {
  double system_milli = 0;
  model::Bytes system_memory;
  std::vector<PodDemand> pods;  // in the order of the host's pods
  /// Seconds LS waits for its own crowd per second of CPU.
  double ls_own_delay = 0.02;
};

/// CPU by tier, in millicores.
struct CpuByTier {
  double ls = 0;
  double be = 0;
  double system = 0;
};

class SimulatedHost {
 public:
  /// Boots at `now`, without pods.
  SimulatedHost(model::MilliCpu cpu, model::Bytes memory, model::MonoTime now);

  /// Pods that stay keep their groups; one that comes gets a new one, with quota and weight as kubelet gives them. The
  /// demand starts at nothing.
  void set_pods(const std::vector<model::Pod>& pods);
  const std::vector<model::Pod>& pods() const { return pods_; }
  /// From now on; a pod that `demand` does not reach wants nothing.
  void want(HostDemand demand);
  /// Time passes; gives what each tier had of it.
  CpuByTier run(model::Duration span);

  model::MonoTime now() const { return now_; }
  model::MilliCpu cpu() const { return cpu_; }
  model::Bytes memory() const { return memory_; }
  model::FastCounters fast() const;
  model::HostCounters slow(model::WallTime wall) const;
  model::SiblingWeights weights() const;

  /// As probing would find them.
  static const model::KnobSet& knobs();
  /// The value, or what it was before anybody wrote; nullopt: no such group or knob.
  std::optional<model::KnobValue> read(const decide::KnobRef& knob) const;
  std::optional<model::KnobValue> original(const decide::KnobRef& knob) const;
  /// False: no such group or knob, or a value that the kernel refuses.
  bool write(const decide::KnobRef& knob, const model::KnobValue& value);
  struct Restored {
    decide::KnobRef knob;
    model::KnobValue before;
    model::KnobValue after;
  };
  /// Puts back every original; gives what was another.
  std::vector<Restored> restore();

 private:
  struct Knobs {
    model::Limit quota;
    model::Number shares;
    friend bool operator==(const Knobs&, const Knobs&) = default;
  };
  struct Group {
    Knobs now;
    Knobs original;
  };
  struct PodState {
    std::uint64_t inode = 0;
    Group pod;
    Group container;
    // ns
    double cpu = 0;
    double waited = 0;
    // enforcement periods
    double periods = 0;
    double throttled = 0;
  };
  /// The least quota on the pod, in millicores; nullopt: none.
  static std::optional<double> cap_of(const PodState& state);
  const Group* find(const model::GroupRef& group) const;
  Group* find(const model::GroupRef& group);
  model::GroupCounters counters_of(std::size_t index) const;
  /// Runs the pods of one tier on `cpu_milli`.
  void spend(bool best_effort, const std::vector<std::size_t>& pods, const std::vector<Claim>& claims, double cpu_milli,
             model::Duration span);

  model::MilliCpu cpu_;
  model::Bytes memory_;
  model::MonoTime now_;
  HostDemand demand_;
  std::vector<model::Pod> pods_;
  std::vector<PodState> states_;  // of pods_
  std::array<Group, 3> roots_;    // by model::KubeQos
  std::uint64_t next_inode_ = 100;
  // ns
  double node_cpu_ = 0;
  double be_cpu_ = 0;
  double pods_cpu_ = 0;
  double stalled_ = 0;
};

}  // namespace tideline::simulation
