// Batch pods that leave by the Eviction API of a real API server: when the host is full, and not before their
// disruption budget allows it. There is no kubelet and no controller: the tests end what the pods run, and say how many
// disruptions a budget allows.

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "test/e2e/kubernetes_world.h"
#include "test/support/metric.h"

namespace tideline::test::kubernetes_eviction_test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;
using Pod = KubernetesWorld::Pod;

constexpr const char* kPods = "/api/v1/namespaces/default/pods/";
constexpr const char* kBudgets = "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets";

/// Evicts whenever the host is half busy, which our own spinning makes it.
KubernetesWorld::Documents evicting(int threshold) {
  auto documents = KubernetesWorld::policy(threshold);
  const json strategy = {{"enable", true},
                         {"cpuSuppressPolicy", "cfsQuota"},
                         {"cpuSuppressThresholdPercent", threshold},
                         {"cpuEvictThresholdPercent", 40},
                         {"cpuEvictLowerPercent", 1},
                         {"evictEnabledPriorityThreshold", 5999}};
  documents["resource-threshold-config"] = json{{"clusterStrategy", strategy}}.dump();
  return documents;
}

class KubernetesEviction : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (KubeControlPlane::missing().empty() && ScratchCgroup::missing().empty()) {
      world_ = std::make_unique<KubernetesWorld>();
    }
  }
  static void TearDownTestSuite() { world_.reset(); }

  void SetUp() override {
    TIDELINE_NEED_KUBE();
    TIDELINE_NEED_CGROUPS();
    ASSERT_TRUE(world_ != nullptr);
  }
  /// What a test leaves is not the next one's.
  void TearDown() override {
    if (!world_) return;
    for (const auto& [pod, process] : running_) {
      world_->cgroups().kill(process);
      world_->delete_pod(pod);
    }
    running_.clear();
    if (!budget_.empty()) world_->plane().kubectl({"delete", "poddisruptionbudget", budget_});
  }

  /// A pod whose container spins.
  Pod run(const std::string& name, const std::string& qos_class, int threads) {
    const auto pod = world_->run_pod(name, qos_class);
    running_.emplace_back(pod, world_->cgroups().spin(pod.group, threads));
    return pod;
  }
  /// That takes all CPUs.
  void run_service(const std::string& name) { run(name, "LS", static_cast<int>(std::thread::hardware_concurrency())); }
  Pod run_evictable(const std::string& name) {
    const auto pod = run(name, "BE", 1);
    const auto labelled =
        world_->plane().kubectl({"label", "pod", name, "app=" + name, "koordinator.sh/eviction-enabled=true"});
    EXPECT_EQ(labelled.exit, 0) << labelled.output;
    return pod;
  }
  /// One that guards the pods labelled so.
  void make_budget(const std::string& app) {
    budget_ = app + "-budget";
    const json budget = {{"apiVersion", "policy/v1beta1"},
                         {"kind", "PodDisruptionBudget"},
                         {"metadata", {{"name", budget_}}},
                         {"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", app}}}}}}}};
    ASSERT_TRUE(world_->plane().post(kBudgets, budget).is_object()) << world_->plane().log();
  }
  /// As the controller of budgets would say it of one pod that is well.
  void allow_disruptions(int allowed) {
    const std::string path = std::string(kBudgets) + "/" + budget_;
    // Whoever evicts writes there, too.
    EXPECT_TRUE(eventually(seconds(10), [&] {
      auto budget = world_->plane().get(path);
      if (!budget.is_object()) return false;
      budget["status"] = {{"observedGeneration", budget.at("metadata").at("generation")},
                          {"disruptionsAllowed", allowed},
                          {"currentHealthy", 1},
                          {"desiredHealthy", 1 - allowed},
                          {"expectedPods", 1}};
      return world_->plane().put(path + "/status", budget).is_object();
    })) << world_->plane().log();
  }
  static json object_of(const Pod& pod) { return world_->plane().get(kPods + pod.name); }
  static bool is_terminating(const Pod& pod) {
    const auto object = object_of(pod);
    return object.is_object() && object.at("metadata").contains("deletionTimestamp");
  }
  static bool has_processes(const Pod& pod) { return !world_->cgroups().read(pod.group, "cgroup.procs").empty(); }
  static double evictions(const std::string& outcome) {
    return metric(world_->cluster().web_port(), "tideline_kubernetes_evictions_total{outcome=\"" + outcome + "\"}");
  }
  /// "Warning evictPodSuccess ..." of Kubernetes' Events of the pod, as one text.
  static std::string events_of(const Pod& pod) {
    std::string text;
    const auto events = world_->plane().get("/api/v1/namespaces/default/events");
    if (!events.is_object()) return text;
    for (const auto& event : events.at("items")) {
      if (event.at("involvedObject").value("uid", "") != pod.uid) continue;
      text += event.value("type", "") + " " + event.value("reason", "") + " " + event.value("message", "") + "\n";
    }
    return text;
  }
  /// The coordinator's history of the node.
  static std::string history() {
    return world_->cluster().tidectl({"events", "--node", KubernetesWorld::kNode, "--from", "-10m"}).output;
  }
  static bool history_has(const Pod& pod, const std::string& reason) {
    const auto all = world_->cluster().ask({"events", "--node", KubernetesWorld::kNode, "--from", "-10m"});
    if (!all.is_object()) return false;
    for (const auto& event : all["events"]) {
      if (event.value("reason", "") == reason && event.dump().find(pod.uid) != std::string::npos) return true;
    }
    return false;
  }

  static inline std::unique_ptr<KubernetesWorld> world_;
  std::vector<std::pair<Pod, pid_t>> running_;
  std::string budget_;
};

TEST_F(KubernetesEviction, ABatchPodIsEvictedThroughTheApiAndItsNodeKillsNothing) {
  world_->settle(evicting(99), 99);
  run_service("busy-service");
  const auto job = run_evictable("job");
  const auto took = time_until([&] { return is_terminating(job); }, seconds(120));
  ASSERT_TRUE(took.has_value()) << history() << world_->logs();
  std::cout << "from the load to the eviction: " << took->count() << " ms\n";
  EXPECT_EQ(object_of(job).at("metadata").at("deletionGracePeriodSeconds"), 30) << "the pod's own";
  EXPECT_TRUE(has_processes(job)) << "they are kubelet's to end";
  EXPECT_TRUE(eventually(seconds(15), [&] { return events_of(job).find("evictPodSuccess") != std::string::npos; }))
      << events_of(job);
  EXPECT_THAT(events_of(job), HasSubstr("node-cpu-full"));
  EXPECT_TRUE(eventually(seconds(15), [&] { return history_has(job, "api-evicted"); })) << history();
  EXPECT_TRUE(eventually(seconds(15), [&] { return evictions("evicted") >= 1; }));
}

TEST_F(KubernetesEviction, ABudgetThatAllowsNothingKeepsThePodUntilItAllowsIt) {
  world_->settle(evicting(98), 98);
  run_service("another-busy-service");
  make_budget("guarded");
  allow_disruptions(0);
  const auto job = run_evictable("guarded");
  const double before = evictions("budget");
  ASSERT_TRUE(eventually(seconds(120), [&] { return evictions("budget") >= before + 2; }))
      << "no 429\n"
      << history() << world_->logs();
  EXPECT_FALSE(is_terminating(job));
  EXPECT_TRUE(has_processes(job)) << "nor is it ended in another way";

  allow_disruptions(1);
  const auto took = time_until([&] { return is_terminating(job); }, seconds(60));
  ASSERT_TRUE(took.has_value()) << history() << world_->logs();
  std::cout << "from the budget's leave to the eviction: " << took->count() << " ms\n";
  EXPECT_TRUE(eventually(seconds(15), [&] { return history_has(job, "api-evicted"); })) << history();
}

}  // namespace
}  // namespace tideline::test::kubernetes_eviction_test
