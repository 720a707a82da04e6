#include "test/e2e/kubernetes_world.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include "messages/model/quantity.h"
#include "test/support/sanitized.h"

namespace tideline::test {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr const char* kConfigMaps = "/api/v1/namespaces/kube-system/configmaps";
constexpr const char* kPods = "/api/v1/namespaces/default/pods";
constexpr const char* kContainer = "main";  // its name, and its id

std::string manifest(const std::string& file) {
  const char* source = std::getenv("TIDELINE_SOURCE");
  return std::string(source == nullptr ? "." : source) + "/deploy/kubernetes/" + file;
}

/// Manifests that say what the coordinator may do.
constexpr const char* kRights[] = {"base/coordinator/rbac.yaml"};

void apply_manifest(const KubeControlPlane& plane, const std::string& file) {
  const auto applied = plane.kubectl({"apply", "-f", manifest(file)});
  if (applied.exit != 0) throw std::runtime_error(applied.output);
}

/// "24123456Ki", as kubelet says it.
std::string host_memory() {
  std::ifstream in("/proc/meminfo");
  std::string name;
  std::string kib;
  while (in >> name >> kib) {
    if (name == "MemTotal:") return kib + "Ki";
    in.ignore(256, '\n');
  }
  throw std::runtime_error("/proc/meminfo has no MemTotal");
}

std::optional<std::int64_t> amount(const json& list, const std::string& resource) {
  if (!list.is_object() || !list.contains(resource)) return std::nullopt;
  const auto read = model::parse_bytes(list.at(resource).get<std::string>());
  if (!read) throw std::runtime_error(resource + ": " + read.error().message());
  return read->value();
}

std::string text_of(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "none";
}

}  // namespace

std::optional<milliseconds> time_until(const std::function<bool()>& is_true, milliseconds usual) {
  const auto begin = std::chrono::steady_clock::now();
  if (!eventually(usual, is_true)) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

milliseconds promised(milliseconds time) {
  return time * (kSanitized ? 5 : 1);
}

KubernetesWorld::KubernetesWorld(KubernetesExtras extras) : options_(std::move(extras.options)) {
  for (const char* file : {"base/coordinator/namespace.yaml", "overlays/priority-classes/priority-classes.yaml"})
    apply_manifest(plane_, file);
  for (const auto& file : extras.manifests)
    apply_manifest(plane_, file);
  give_rights();
  renew_token();
  if (extras.through_gate) gate_ = std::make_unique<TcpGate>(plane_.port());
  kubeconfig_ = plane_.token_file_kubeconfig("coordinator", token_file(), gate_ ? gate_->port() : 0);
  const json capacity = {
      {"cpu", std::to_string(std::thread::hardware_concurrency())}, {"memory", host_memory()}, {"pods", "110"}};
  const json host = {{"apiVersion", "v1"},
                     {"kind", "Node"},
                     {"metadata", {{"name", kNode}, {"labels", {{"kubernetes.io/os", "linux"}}}}},
                     {"status", {{"capacity", capacity}, {"allocatable", capacity}}}};
  if (!plane_.post("/api/v1/nodes", host).is_object()) throw std::runtime_error("no Node could be made");

  for (const auto& [group, shares, weight] :
       {std::tuple{"kubepods/besteffort", "2", "1"}, std::tuple{"kubepods/burstable", "1024", "39"}}) {
    cgroups_.make(group);
    cgroups_.write(group, cgroups_.v1() ? "cpu.shares" : "cpu.weight", cgroups_.v1() ? shares : weight);
  }
  cluster_.set_policy_source("kubernetes");
  configure(policy(65));
  start_coordinator();
  start_agent();
  if (!cluster_.node_is_live(kNode, seconds(30))) throw std::runtime_error(logs());
  first_offer_ = time_until([&] { return published().batch_cpu.has_value(); }, seconds(60));
  if (!in_force(65, seconds(30))) throw std::runtime_error(logs());
}

KubernetesWorld::~KubernetesWorld() {
  if (agent_) stop_agent();
}

void KubernetesWorld::take_rights() const {
  const auto taken = plane_.kubectl({"delete", "clusterrolebindings,rolebindings", "--all-namespaces", "--selector",
                                     "app.kubernetes.io/part-of=tideline"});
  if (taken.exit != 0) throw std::runtime_error(taken.output);
}

void KubernetesWorld::give_rights() const {
  for (const char* file : kRights)
    apply_manifest(plane_, file);
}

void KubernetesWorld::start_coordinator() {
  std::vector<std::string> options{"--kubeconfig", kubeconfig_};
  options.insert(options.end(), options_.begin(), options_.end());
  cluster_.start_coordinator(options);
}

void KubernetesWorld::start_agent() {
  // The longest part of the way of a pod into a report is otherwise the agent's own pace.
  agent_ = std::make_unique<Process>(cluster_.start_node({.name = kNode,
                                                          .kubepods = cgroups_.group() + "/kubepods",
                                                          .pods_from_coordinator = true,
                                                          .extra = {"--pod-interval", "200ms"}}));
}

int KubernetesWorld::stop_agent() {
  agent_->signal(SIGTERM);
  return agent_->wait(patience(seconds(20))).value_or(-1);
}

std::string KubernetesWorld::logs() const {
  return cluster_.dir().read("coordinator.log") + agent_->output();
}

KubernetesWorld::Documents KubernetesWorld::policy(int threshold, double worth) {
  const json colocation = {{"enable", true},
                           {"cpuReclaimThresholdPercent", 300},
                           {"memoryReclaimThresholdPercent", 95},
                           {"resourceDiffThreshold", worth}};
  return {{"colocation-config", colocation.dump()},
          {"resource-threshold-config", threshold_config("cfsQuota", threshold)}};
}

void KubernetesWorld::configure(const Documents& documents) const {
  const json map = {{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"metadata", {{"name", "ack-slo-config"}, {"namespace", "kube-system"}}},
                    {"data", documents}};
  if (plane_.put(std::string(kConfigMaps) + "/ack-slo-config", map).is_object()) return;
  if (!plane_.post(kConfigMaps, map).is_object()) throw std::runtime_error("no ConfigMap could be made");
}

bool KubernetesWorld::in_force(int threshold, milliseconds usual) const {
  return eventually(usual, [&] {
    const auto wanted = cluster_.ask({"policy", "get", "--node", kNode});
    if (!wanted.is_object() || wanted["effective"]["threshold"]["cpuSuppressThresholdPercent"] != threshold)
      return false;
    const auto status = cluster_.ask({"policy", "status"});
    if (!status.is_object()) return false;
    for (const auto& entry : status["nodes"]) {
      if (entry["name"] == kNode) return entry["policyContentApplied"] == wanted["content"];
    }
    return false;
  });
}

void KubernetesWorld::settle(const Documents& documents, int threshold) const {
  configure(documents);
  ASSERT_TRUE(in_force(threshold, seconds(60))) << logs();
}

KubernetesWorld::Pod KubernetesWorld::run_pod(const std::string& name, const std::string& qos_class) {
  const bool batch = qos_class == "BE";
  json container = {{"name", kContainer}, {"image", "none"}};
  if (batch) {
    const json ask = {{"kubernetes.io/batch-cpu", "500"}, {"kubernetes.io/batch-memory", "64Mi"}};
    container["resources"] = {{"requests", ask}, {"limits", ask}};
  } else {
    container["resources"] = {{"requests", {{"cpu", "100m"}, {"memory", "64Mi"}}}};
  }
  const json pod = {{"apiVersion", "v1"},
                    {"kind", "Pod"},
                    {"metadata", {{"name", name}, {"labels", {{"koordinator.sh/qosClass", qos_class}}}}},
                    {"spec",
                     {{"nodeName", kNode},
                      {"priorityClassName", batch ? "koord-batch" : "koord-prod"},
                      {"containers", json::array({container})}}}};
  json made;
  // The server's own list of priority classes may be a moment behind.
  const bool is_made = eventually(seconds(10), [&] {
    made = plane_.post(kPods, pod);
    return made.is_object();
  });
  if (!is_made) throw std::runtime_error("no pod " + name + " could be made: " + plane_.log());
  const auto groups =
      groups_of(name, made["metadata"]["uid"].get<std::string>(), made["status"]["qosClass"].get<std::string>());
  const json running = {{"name", kContainer},
                        {"image", "none"},
                        {"imageID", "none"},
                        {"containerID", std::string("containerd://") + kContainer},
                        {"ready", true},
                        {"restartCount", 0},
                        {"state", {{"running", json::object()}}}};
  made["status"]["phase"] = "Running";
  made["status"]["containerStatuses"] = json::array({running});
  // Of a pod that is not ready no disruption budget is asked where as many as it wants are well.
  made["status"]["conditions"] = json::array({{{"type", "Ready"}, {"status", "True"}}});
  if (!plane_.put(std::string(kPods) + "/" + name + "/status", made).is_object()) {
    throw std::runtime_error("pod " + name + " could not be said to run");
  }
  return groups;
}

KubernetesWorld::Pod KubernetesWorld::groups_of(const std::string& name, const std::string& uid,
                                                const std::string& qos) {
  const std::string parent = qos == "BestEffort" ? "kubepods/besteffort/pod" : "kubepods/burstable/pod";
  const Pod pod{.name = name, .uid = uid, .group = parent + uid + "/" + kContainer};
  cgroups_.make(pod.group);
  if (qos == "BestEffort") {
    cgroups_.write(parent + uid, cgroups_.v1() ? "cpu.shares" : "cpu.weight", cgroups_.v1() ? "2" : "1");
  }
  return pod;
}

void KubernetesWorld::delete_pod(const Pod& pod) {
  const auto deleted = plane_.kubectl({"delete", "pod", pod.name, "--grace-period=0", "--force", "--wait=false"});
  if (deleted.exit != 0) throw std::runtime_error(deleted.output);
  cgroups_.remove(pod.group);
  cgroups_.remove(pod.group.substr(0, pod.group.rfind('/')));
}

bool KubernetesWorld::is_seen(const Pod& pod) const {
  const auto pods = cluster_.ask({"pods", "--node", kNode});
  if (!pods.is_object()) return false;
  for (const auto& seen : pods["pods"]) {
    if (seen["uid"] == pod.uid) return true;
  }
  return false;
}

KubernetesWorld::Amounts KubernetesWorld::published() const {
  json found;
  // One question that is not answered says nothing.
  eventually(seconds(10), [&] {
    found = node();
    return found.is_object();
  });
  if (!found.is_object()) throw std::runtime_error("the Node cannot be read");
  const auto status = found.value("status", json::object());
  const auto of = [&](const char* list) -> Amounts {
    const auto amounts = status.value(list, json::object());
    return {.batch_cpu = amount(amounts, "kubernetes.io/batch-cpu"),
            .batch_memory = amount(amounts, "kubernetes.io/batch-memory")};
  };
  EXPECT_EQ(of("capacity"), of("allocatable")) << status.dump();
  return of("allocatable");
}

KubernetesWorld::Amounts KubernetesWorld::accounted() const {
  const auto reclaimed = cluster_.ask({"explain", "reclaimed", kNode});
  if (!reclaimed.is_object()) return {};
  const auto& account = reclaimed["account"];
  return {.batch_cpu = account["cpuMilli"]["published"].get<std::int64_t>(),
          .batch_memory = account["memoryBytes"]["published"].get<std::int64_t>()};
}

std::string KubernetesWorld::text(const Amounts& amounts) {
  return "batch-cpu " + text_of(amounts.batch_cpu) + ", batch-memory " + text_of(amounts.batch_memory);
}

}  // namespace tideline::test
