#pragma once
// Nodes with one batch pod each that may be evicted, and their coordinator, as real programs.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {

inline std::string eviction_pods(const std::string& phase = "Running", const std::string& batch_request = "1000") {
  return R"({"pods": [
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort",
     "priority": 5000, "workload": "Job/job", "phase": ")" +
         phase + R"(", "labels": {"koordinator.sh/eviction-enabled": "true"},
     "containers": [{"name": "job", "id": "job", "requests": {"kubernetes.io/batch-cpu": )" +
         batch_request + R"(}}]}]})";
}

/// Evicts whenever the host is half busy, which our own spinning makes it.
inline constexpr const char* kNodeUsage = R"({"clusterStrategy": {"enable": true, "cpuSuppressPolicy": "cfsQuota",
    "cpuSuppressThresholdPercent": 100, "cpuEvictThresholdPercent": 40, "cpuEvictLowerPercent": 1,
    "evictEnabledPriorityThreshold": 5999}})";

class Eviction : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    cluster_ = std::make_unique<Cluster>();
  }
  Cluster::Node spec(const std::string& name, const PodTree& tree, const std::string& pods = eviction_pods()) {
    return {.name = name, .kubepods = tree.kubepods(), .pods_json = pods};
  }
  static bool empty(const PodTree& tree) { return tree.read(PodTree::kBe, "cgroup.procs", "cgroup.procs").empty(); }
  std::vector<nlohmann::json> events(const std::string& node, const std::string& reason = "") const {
    std::vector<nlohmann::json> found;
    const auto all = cluster_->ask({"events", "--node", node, "--from", "-10m"});
    if (!all.is_object()) return found;
    for (const auto& event : all["events"]) {
      if (reason.empty() || event.value("reason", "") == reason) found.push_back(event);
    }
    return found;
  }
  /// Events of evictions that began.
  std::size_t begun(const std::string& node) const {
    const auto all = events(node);
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& event) {
      return event.dump().find("asked to end") != std::string::npos;
    }));
  }
  static bool shows(const Process& node, const std::string& text) {
    return node.output().find(text) != std::string::npos;
  }
  std::string all_events(const std::string& node) const {
    return cluster_->tidectl({"events", "--node", node, "--from", "-10m"}).output;
  }

  std::unique_ptr<Cluster> cluster_;
};

}  // namespace tideline::test
