#pragma once
// A host in virtual time: CPUs shared by weight among LS, BE and the system, with a quota on BE; and the part of the
// node's loop that needs no kernel, with the real sense and decide code.

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "messages/model/counters.h"
#include "messages/model/policy.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/sense/judge_protection.h"
#include "node-actor/sense/sample.h"

namespace tideline::sim {

using model::Duration;
using model::MilliCpu;

/// CPU by tier, in millicores.
struct Shares {
  double ls = 0;
  double be = 0;
  double system = 0;
};

class Host {
 public:
  explicit Host(MilliCpu capacity) : capacity_(static_cast<double>(capacity.value())) {}

  Shares demand;
  Shares weight{.ls = 1024, .be = 2, .system = 1024};
  std::optional<MilliCpu> quota;  // on the besteffort root
  /// Seconds LS waits for its own crowd per second of CPU.
  double own_delay = 0.02;

  /// Time passes; gives what each had of it.
  Shares run(Duration span) {
    const Shares got = share();
    const auto spend = static_cast<double>(span.count()) / 1000.0;  // ns of CPU per millicore
    node_cpu_ += (got.ls + got.be + got.system) * spend;
    be_cpu_ += got.be * spend;
    ls_cpu_ += got.ls * spend;
    ls_delay_ += (demand.ls - got.ls + got.ls * own_delay) * spend;
    now_ = now_ + span;
    return got;
  }

  model::MonoTime now() const { return now_; }

  model::FastCounters fast() const {
    model::FastCounters counters;
    counters.at = now_;
    counters.node_cpu = time(node_cpu_);
    counters.be_cpu = time(be_cpu_);
    counters.be_inode = be_inode_;
    return counters;
  }

  /// Two LS pods, one BE pod.
  model::HostCounters slow() const {
    model::HostCounters counters;
    counters.at = now_;
    counters.node_cpu = time(node_cpu_);
    counters.best_effort.inode = be_inode_;
    counters.best_effort.cpu = time(be_cpu_);
    counters.be_limit = quota;
    counters.be_limit_known = true;
    for (std::uint64_t i = 0; i < 2; ++i) {
      model::PodCounters pod;
      pod.uid = model::PodUid("ls-" + std::to_string(i));
      pod.group.inode = 100 + i;
      pod.group.cpu = time(ls_cpu_ / 2);
      pod.group.run_delay = time(ls_delay_ / 2);
      counters.pods.push_back(pod);
    }
    model::PodCounters pod;
    pod.uid = model::PodUid("be");
    pod.qos = model::QosClass::kBe;
    pod.below_besteffort = true;
    pod.group = counters.best_effort;
    pod.group.inode += 1'000'000;
    counters.pods.push_back(pod);
    return counters;
  }

  model::SiblingWeights weights() const {
    model::SiblingWeights weights;
    weights.best_effort = {"kubepods/besteffort", "cpu.shares", std::llround(weight.be), false, ""};
    weights.siblings = {{"kubepods/burstable", "cpu.shares", std::llround(weight.ls), false, ""}};
    return weights;
  }

  void recreate_best_effort() {
    ++be_inode_;
    be_cpu_ = 1e15;
    quota.reset();
  }
  // A counter that falls by more than any pause can make up for, so that the fall can be seen.
  void reset_best_effort_counter() { be_cpu_ -= kFall; }
  void reset_node_counter() { node_cpu_ -= kFall; }

 private:
  static Duration time(double ns) { return Duration(std::llround(ns)); }

  /// What is left goes by weight to those who want more, until all have enough or nothing is left.
  Shares share() const {
    std::array<double, 3> want = {demand.ls, demand.be, demand.system};
    if (quota) want[1] = std::min(want[1], static_cast<double>(quota->value()));
    const std::array<double, 3> weights = {weight.ls, weight.be, weight.system};
    std::array<double, 3> got{};
    std::array<bool, 3> full{};
    double left = capacity_;
    for (bool settled = false; !settled;) {
      double sum = 0;
      for (std::size_t i = 0; i < 3; ++i)
        sum += full[i] ? 0 : weights[i];
      settled = true;
      const double each = sum > 0 ? left / sum : 0;
      for (std::size_t i = 0; i < 3; ++i) {
        if (full[i] || want[i] > each * weights[i]) continue;
        full[i] = true;
        got[i] = want[i];
        left -= want[i];
        settled = false;
      }
      if (!settled) continue;
      for (std::size_t i = 0; i < 3; ++i) {
        if (!full[i]) got[i] = each * weights[i];
      }
    }
    return {.ls = got[0], .be = got[1], .system = got[2]};
  }

  static constexpr double kFall = 5e12;
  double capacity_;
  model::MonoTime now_{1'000'000'000'000};
  // ns, long after boot
  double node_cpu_ = 1e15;
  double be_cpu_ = 1e15;
  double ls_cpu_ = 1e15;
  double ls_delay_ = 1e15;
  std::uint64_t be_inode_ = 10;
};

class Agent {
 public:
  Agent(MilliCpu capacity, MilliCpu allocatable) : facts_{capacity, allocatable} {}

  std::optional<model::NodePolicy> policy;

  /// nullopt: the counters could not be read.
  decide::SuppressDecision fast_round(model::MonoTime now, const std::optional<model::FastCounters>& counters) {
    if (counters) {
      if (fast_before_) fast_ = sense::fast_sample(*fast_before_, *counters);
      fast_before_ = counters;
    }
    decide::SuppressInput input;
    input.now = now;
    input.node = facts_;
    input.fast = fast_;
    input.pods = sample_;
    if (sample_) input.be_outside_root = decide::be_outside_root(*sample_, {});
    input.protection = protection_;
    input.current = current_;
    auto step = decide::cpu_suppress(state_, input, policy);
    state_ = std::move(step.state);
    return std::move(step.decision);
  }

  void pod_round(const model::HostCounters& counters, const model::SiblingWeights& weights) {
    sample_ = host_before_ ? sense::node_sample(*host_before_, counters) : sense::first_sample(counters);
    protection_ = sense::judge_protection(weights);
    current_ = !counters.be_limit_known ? decide::CurrentLimit::unknown()
               : counters.be_limit      ? decide::CurrentLimit::of(*counters.be_limit)
                                        : decide::CurrentLimit::none();
    host_before_ = counters;
  }

  /// The only file that a decision can name is the besteffort root's quota.
  void act(const decide::SuppressDecision& decision, Host& host) {
    if (!decision.write) return;
    const bool limited = decision.action == decide::SuppressDecision::Action::kLimit;
    host.quota = limited ? std::optional(decision.limit) : std::nullopt;
    current_ = limited ? decide::CurrentLimit::of(decision.limit) : decide::CurrentLimit::none();
  }

  const decide::SuppressState& state() const { return state_; }
  const model::Protection& protection() const { return protection_; }

 private:
  decide::NodeFacts facts_;
  decide::SuppressState state_;
  decide::CurrentLimit current_;
  std::optional<model::FastCounters> fast_before_;
  std::optional<model::FastSample> fast_;
  std::optional<model::HostCounters> host_before_;
  std::optional<model::NodeSample> sample_;
  model::Protection protection_;
};

}  // namespace tideline::sim
