// NodeMetric objects: what `kubectl get nodemetrics` says of a node is what tidectl says of it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>

#include "messages/model/quantity.h"
#include "test/e2e/kubernetes_world.h"
#include "test/support/http_get.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;

class NodeMetrics : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!KubeControlPlane::missing().empty() || !ScratchCgroup::missing().empty()) return;
    unfit_ = KubeControlPlane().unfit_for_custom_resources();
    if (!unfit_.empty()) return;
    world_ = std::make_unique<KubernetesWorld>(
        KubernetesExtras{.manifests = {"overlays/node-metrics/crd.yaml", "overlays/node-metrics/rbac.yaml"},
                         .options = {"--node-metrics"}});
    auto documents = KubernetesWorld::policy(60);
    auto colocation = json::parse(documents.at("colocation-config"));
    colocation["metricReportIntervalSeconds"] = 10;
    documents["colocation-config"] = colocation.dump();
    world_->configure(documents);
  }
  static void TearDownTestSuite() { world_.reset(); }
  void SetUp() override {
    TIDELINE_NEED_KUBE();
    TIDELINE_NEED_CGROUPS();
    if (!unfit_.empty()) GTEST_SKIP() << unfit_;
    ASSERT_TRUE(world_ != nullptr);
  }

  /// As `kubectl get nodemetrics n1 -o json` has it; null: it is not there.
  static json metric() {
    const auto got = world_->plane().kubectl({"get", "nodemetrics", KubernetesWorld::kNode, "-o", "json"});
    return got.exit == 0 ? json::parse(got.output, nullptr, false) : json();
  }
  /// "" where the object has none: it may be known a turn later.
  static std::string amount(const json& use, const char* resource) {
    return use.value("resources", json::object()).value(resource, "");
  }
  static std::optional<std::int64_t> cpu_milli(const json& use) {
    const auto read = model::parse_cpu(amount(use, "cpu"));
    return read ? std::optional(read->value()) : std::nullopt;
  }
  static std::optional<std::int64_t> bytes(const json& use) {
    const auto read = model::parse_bytes(amount(use, "memory"));
    return read ? std::optional(read->value()) : std::nullopt;
  }
  /// What was written is some seconds older than what is asked, and both are averages over minutes.
  static bool is_near(std::optional<std::int64_t> written, const json& told, std::int64_t slack) {
    if (!written || !told.is_number()) return false;
    const auto apart = std::abs(*written - told.get<std::int64_t>());
    return apart <= std::max(slack, told.get<std::int64_t>() / 10);
  }
  static json pod_in(const json& pods, const std::string& name) {
    for (const auto& pod : pods) {
      if (pod.at("name") == name) return pod;
    }
    return {};
  }

  static inline std::unique_ptr<KubernetesWorld> world_;
  static inline std::string unfit_;  // why this API server cannot have them
};

TEST_F(NodeMetrics, SayWhatTidectlSays) {
  const auto service = world_->run_pod("metric-service", "LS");
  const auto job = world_->run_pod("metric-job", "BE");
  ASSERT_TRUE(eventually(seconds(10), [&] { return world_->is_seen(service) && world_->is_seen(job); }))
      << world_->logs();
  const auto load = world_->cgroups().spin(service.group);
  const auto agrees = [&] {
    const auto found = metric();
    const auto told = world_->cluster().ask({"pods", "--node", KubernetesWorld::kNode});
    const auto account = world_->cluster().ask({"explain", "reclaimed", KubernetesWorld::kNode});
    if (!found.is_object() || !found.contains("status") || !told.is_object() || !account.is_object()) return false;
    const auto& status = found.at("status");
    const auto ours = pod_in(status.value("podsMetric", json::array()), service.name);
    const auto theirs = pod_in(told.value("pods", json::array()), service.name);
    if (!ours.is_object() || !theirs.is_object()) return false;
    if (!pod_in(status.value("podsMetric", json::array()), job.name).is_object()) return false;
    const auto node = status.value(json::json_pointer("/nodeMetric/nodeUsage"), json::object());
    const auto terms = account.value("account", json::object());
    const auto cpu = cpu_milli(ours.value("podUsage", json::object()));
    return cpu > 100 && is_near(cpu, theirs.value("cpuAverageMilli", json()), 100) &&
           is_near(cpu_milli(node), terms.value(json::json_pointer("/cpuMilli/used"), json()), 200) &&
           is_near(bytes(node), terms.value(json::json_pointer("/memoryBytes/used"), json()), 64 << 20);
  };
  const bool agreed = eventually(seconds(120), agrees);
  world_->cgroups().kill(load);
  ASSERT_TRUE(agreed) << metric().dump(2) << world_->logs();

  const auto found = metric();
  ASSERT_TRUE(found.is_object());
  const auto& status = found.at("status");
  const auto pod = pod_in(status.at("podsMetric"), service.name);
  const auto batch = pod_in(status.at("podsMetric"), job.name);
  ASSERT_TRUE(pod.is_object() && batch.is_object()) << status.dump(2);
  EXPECT_EQ(pod.at("namespace"), "default");
  EXPECT_EQ(pod.at("priority"), "koord-prod");
  EXPECT_EQ(pod.at("qos"), "LS");
  EXPECT_EQ(batch.at("priority"), "koord-batch");
  EXPECT_TRUE(status.at("nodeMetric").contains("systemUsage"));

  const auto& owner = found.at("metadata").at("ownerReferences").at(0);
  EXPECT_EQ(owner.at("kind"), "Node");
  EXPECT_EQ(owner.at("uid"), world_->node().at("metadata").at("uid"));
  EXPECT_TRUE(eventually(seconds(90), [] {
    const auto now = metric();
    return now.is_object() && now.value(json::json_pointer("/spec/metricCollectPolicy/reportIntervalSeconds"), 0) == 10;
  })) << "the policy's, once it is in force";
  const auto table = world_->plane().kubectl({"get", "nodemetrics"});
  EXPECT_THAT(table.output, HasSubstr("CPU"));
  EXPECT_THAT(table.output, HasSubstr("UPDATED"));
  EXPECT_THAT(http_get(world_->cluster().web_port(), "/metrics"),
              HasSubstr("\ntideline_kubernetes_node_metrics_nodes 1\n"));
  for (const auto& one : {service, job})
    world_->delete_pod(one);
}

TEST_F(NodeMetrics, OneThatSomebodyDeletesIsMadeAnew) {
  ASSERT_TRUE(eventually(seconds(120), [] { return metric().is_object(); })) << world_->logs();
  const auto before = metric().at("metadata").at("uid").get<std::string>();
  const auto deleted = world_->plane().kubectl({"delete", "nodemetric", KubernetesWorld::kNode});
  ASSERT_EQ(deleted.exit, 0) << deleted.output;
  EXPECT_TRUE(eventually(seconds(90), [&] {
    const auto found = metric();
    return found.is_object() && found.at("metadata").at("uid") != before && found.contains("status") &&
           found.at("status").contains("updateTime");
  })) << world_->logs();
}

TEST_F(NodeMetrics, ANodeWhoseAgentIsGoneKeepsItsTimeOfUpdate) {
  ASSERT_TRUE(eventually(seconds(120), [] {
    const auto found = metric();
    return found.is_object() && found.contains("status");
  })) << world_->logs();
  world_->stop_agent();
  std::this_thread::sleep_for(seconds(15));
  const auto kept = metric().at("status").at("updateTime");
  std::this_thread::sleep_for(seconds(25));
  EXPECT_EQ(metric().at("status").at("updateTime"), kept);
  world_->start_agent();
  EXPECT_TRUE(eventually(seconds(120), [&] {
    const auto now = metric();
    return now.is_object() && now.at("status").at("updateTime") != kept;
  })) << world_->logs();
}

}  // namespace
}  // namespace tideline::test
