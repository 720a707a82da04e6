#include "test/e2e/mechanism.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace tideline::test {

using std::chrono::seconds;

void Mechanism::SetUp() {
  TIDELINE_NEED_CGROUPS();
  tree_ = std::make_unique<PodTree>();
  // As kubelet leaves them.
  for (const auto* group : {PodTree::kLsPod, PodTree::kLs})
    tree_->write(group, "cpu.cfs_quota_us", "cpu.max", tree_->v1() ? "50000" : "50000 100000");
  originals_ = tree_->files();
  cluster_ = std::make_unique<Cluster>();
}

std::string Mechanism::pods_json(const std::string& ls, int batch) {
  const auto ask = std::to_string(batch);
  const std::string resources = R"(, "requests": {"kubernetes.io/batch-cpu": )" + ask +
                                R"(}, "limits": {"kubernetes.io/batch-cpu": )" + ask + "}";
  return R"({"pods": [
    {"uid": "ls-uid", "namespace": "test", "name": "web", "kubeQosClass": "Burstable", "priority": 9000)" +
         ls + R"(,
     "containers": [{"name": "web", "id": "web", "requests": {"cpu": "500m"}, "limits": {"cpu": "500m"}}]},
    {"uid": "be-uid", "namespace": "test", "name": "job", "qosClass": "BE", "kubeQosClass": "BestEffort", "priority": 5000,
     "containers": [{"name": "job", "id": "job")" +
         (batch > 0 ? resources : "") + R"(}]}
  ]})";
}

void Mechanism::start(const std::string& pods) {
  cluster_->start_coordinator();
  node_ =
      std::make_unique<Process>(cluster_->start_node({.name = "n1", .kubepods = tree_->kubepods(), .pods_json = pods}));
  ASSERT_TRUE(cluster_->policy_is_applied("n1", seconds(20))) << why();
}

void Mechanism::change_pods(const std::string& pods) const {
  const auto fresh = cluster_->dir().write("pods.new", pods);
  std::filesystem::rename(fresh, cluster_->dir().path() / "n1.pods.json");
}

void Mechanism::stop() {
  node_->signal(SIGTERM);
  EXPECT_EQ(node_->wait(patience(seconds(15))), 0) << why();
  EXPECT_EQ(changed(), "") << why();
}

bool Mechanism::reads(const char* group, const std::string& v1_file, const std::string& v2_file,
                      const std::string& value) const {
  return tree_->read(group, v1_file, v2_file) == value;
}

long Mechanism::quota_us(const char* group) const {
  const auto text = tree_->read(group, "cpu.cfs_quota_us", "cpu.max");
  return text.starts_with("max") ? -1 : std::strtol(text.c_str(), nullptr, 10);
}

bool Mechanism::events_say(const std::string& text, const std::string& or_text) const {
  return eventually(seconds(20), [&] {
    const auto events = cluster_->ask({"events", "--node", "n1", "--from", "-10m"}).dump();
    return events.find(text) != std::string::npos || (!or_text.empty() && events.find(or_text) != std::string::npos);
  });
}

}  // namespace tideline::test
