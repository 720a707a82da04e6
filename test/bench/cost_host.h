#pragma once
// A host on which every mechanism of the CPU side has something to do, and memory QoS and relief are on: pods on real
// cgroups, with the policy for them.

#include <string>

#include <nlohmann/json.hpp>

#include "test/support/cluster.h"
#include "test/support/scratch_cgroup.h"

namespace tideline::bench {

/// What of the memory side is on: nothing, relief with eviction by use, or memory QoS as well.
enum class MemorySide { kOff, kRelief, kAll };

class CostHost {
 public:
  /// `pods` groups below kubepods with a container and a living process each. Of three pods one is BE and asks for
  /// batch-cpu, the others are services with a CPU limit; one service in twenty is bound to CPUs, and up to two work in
  /// bursts above what their limit allows.
  explicit CostHost(int pods);

  test::ScratchCgroup& tree() { return tree_; }
  std::string kubepods() const { return tree_.group() + "/kubepods"; }
  std::string pods_json() const { return nlohmann::json{{"pods", pods_}}.dump(); }

  /// Suppress, burst, QoS with schedIdle, and thresholds of every eviction that needs no Kubernetes.
  static void set_policy(const test::Cluster& cluster, MemorySide memory);

 private:
  struct Limits {
    std::string cpu;
    int quota_us = 0;
  };
  void add(int number);
  void confine(const std::string& group, int quota_us);

  test::ScratchCgroup tree_;
  nlohmann::json pods_ = nlohmann::json::array();
  int bursty_ = 0;
};

}  // namespace tideline::bench
