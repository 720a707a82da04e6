#include "test/e2e/memory_mechanism.h"

#include <algorithm>

namespace tideline::test {

using std::chrono::seconds;

void MemoryMechanism::SetUp() {
  Mechanism::SetUp();
  if (IsSkipped()) return;
  tree_->bound_memory(kTreeMib);
  originals_ = tree_->files();
}

std::string MemoryMechanism::memory_pods(int batch_mib) {
  const std::string ask = R"({"kubernetes.io/batch-memory": ")" + std::to_string(batch_mib) + R"(Mi"})";
  return R"({"pods": [
    {"uid": "ls-uid", "namespace": "test", "name": "web", "qosClass": "LS", "kubeQosClass": "Burstable", "priority": 9000,
     "containers": [{"name": "web", "id": "web", "requests": {"memory": "64Mi"}, "limits": {"memory": "512Mi"}}]},
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort", "priority": 5000,
     "labels": {"koordinator.sh/eviction-enabled": "true"},
     "containers": [{"name": "job", "id": "job")" +
         (batch_mib > 0 ? R"(, "requests": )" + ask + R"(, "limits": )" + ask : "") + R"(}]}
  ]})";
}

void MemoryMechanism::set_thresholds(int percent, int lower, int margin, bool emergency_kill) const {
  // CPU is not what is to be short here.
  cluster_->set_policy("resource-threshold-config", nlohmann::json{{"clusterStrategy",
                                                                    {{"enable", true},
                                                                     {"cpuSuppressPolicy", "cfsQuota"},
                                                                     {"cpuSuppressThresholdPercent", 100},
                                                                     {"memoryEvictThresholdPercent", percent},
                                                                     {"memoryEvictLowerPercent", lower}}}}
                                                        .dump());
  cluster_->set_policy(
      "tideline-config",
      nlohmann::json{
          {"clusterStrategy", {{"memoryRelief", {{"marginPercent", margin}, {"emergencyKill", emergency_kill}}}}}}
          .dump());
}

void MemoryMechanism::set_memory_qos(bool enable) const {
  const nlohmann::json service{
      {"enable", enable}, {"minLimitPercent", 50}, {"lowLimitPercent", 75}, {"throttlingPercent", 50}};
  cluster_->set_policy(
      "resource-qos-config",
      nlohmann::json{{"clusterStrategy",
                      {{"lsClass", {{"memoryQOS", service}}}, {"beClass", {{"memoryQOS", {{"enable", enable}}}}}}}}
          .dump());
}

Process MemoryMechanism::load(const char* group, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("memory_load"));
  arguments.push_back("--enter");
  const auto files = tree_->process_files(group);
  arguments.insert(arguments.end(), files.begin(), files.end());
  const auto output = cluster_->dir().str() + "/load-" + std::to_string(++loads_);
  return {std::move(arguments), Process::Options{.environment = {}, .output_file = output}};
}

bool MemoryMechanism::says(const Process& load, const std::string& word) {
  // A load may have hundreds of megabytes to write to a disk that other tests use.
  return eventually(seconds(120), [&] { return load.output().find(word) != std::string::npos; });
}

std::string MemoryMechanism::events() const {
  return cluster_->tidectl({"events", "--node", "n1", "--from", "-10m"}).output;
}

bool MemoryMechanism::events_have_one_of(const std::vector<std::string>& reasons) const {
  return eventually(seconds(20), [&] {
    const auto all = cluster_->ask({"events", "--node", "n1", "--from", "-10m"});
    if (!all.is_object()) return false;
    return std::any_of(all["events"].begin(), all["events"].end(), [&](const auto& event) {
      return std::find(reasons.begin(), reasons.end(), event.value("reason", "")) != reasons.end();
    });
  });
}

bool MemoryMechanism::is_explained(const std::string& reason) const {
  return eventually(seconds(20), [&] { return explained().find(reason) != std::string::npos; });
}

std::optional<double> MemoryMechanism::newest(const std::string& metric) const {
  const auto answer = cluster_->ask({"history", "--node", "n1", "--metric", metric, "--from", "-1m"});
  if (!answer.is_object() || answer["series"].empty() || answer["series"][0]["points"].empty()) return std::nullopt;
  return answer["series"][0]["points"].back()[1].get<double>();
}

}  // namespace tideline::test
