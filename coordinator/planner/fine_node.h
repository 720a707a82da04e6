#pragma once
// One node in virtual time: the live sense and decide code of the fast loop and of the pod loop, over the counters of a
// kernel that shares CPU as it is told to. Services and system have what they want as far as the host has it; batch has
// what these leave, up to its limit: kernel ordering counts as verified. A limit holds exactly, from the moment that it
// is written, and writing it costs nobody anything.

#include <chrono>
#include <cstdint>
#include <optional>

#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "messages/model/units.h"
#include "node-actor/decide/be_cpu_count.h"
#include "node-actor/decide/cpu_suppress.h"

namespace tideline::planner {

class FineNode {
 public:
  /// The node's usual paces.
  static constexpr model::Duration kFastRound = std::chrono::milliseconds(100);
  static constexpr std::uint64_t kFastRoundsAPodRound = 10;

  /// It boots without a limit on batch. `pod_phase`: in which of the fast rounds pods are read, below
  /// kFastRoundsAPodRound.
  FineNode(const model::ThresholdPolicy& policy, model::MilliCpu capacity, std::uint64_t pod_phase);

  /// Wanted, in millicores, >= 0.
  struct Demand {
    double services = 0;
    double system = 0;
    double batch = 0;
  };
  /// A fast round's time goes by, then the loops look at what was used. What batch used of it.
  double round(const Demand& demand);

  /// What batch is held to; nullopt: nothing but what others leave.
  std::optional<model::MilliCpu> limit() const;
  /// Changes of it.
  std::uint64_t writes() const { return writes_; }
  /// The policy leaves batch to kernel ordering now, and wants no limit.
  bool is_by_weights() const { return terms_.by_weights; }
  std::uint64_t rounds() const { return rounds_; }

 private:
  void look();
  void look_at_pods();
  void move_cpus();

  double capacity_;
  std::uint64_t pod_phase_;
  std::uint64_t rounds_ = 0;
  std::optional<model::NodePolicy> policy_;
  decide::SuppressInput input_;
  decide::SuppressState state_;
  decide::SuppressTerms terms_;  // of the newest round
  decide::BeCpuCountState count_;
  int cpus_;     // of the host
  int be_cpus_;  // that batch may run on
  std::optional<model::FastCounters> fast_before_;
  std::optional<model::HostCounters> host_before_;
  std::uint64_t writes_ = 0;
  // ns
  double node_used_ = 0;
  double be_used_ = 0;
  double services_used_ = 0;
  double services_waited_ = 0;
};

}  // namespace tideline::planner
