#pragma once
// A node of Kubernetes as Tideline meets it: a real API server, a coordinator that watches it with the rights of
// deploy/kubernetes, and an agent on cgroups of its own. What users and kubelet do is done by kubectl.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/support/cluster.h"
#include "test/support/kube.h"
#include "test/support/rights.h"
#include "test/support/scratch_cgroup.h"
#include "test/support/tcp_gate.h"

namespace tideline::test {

/// What a test has beside the base.
struct KubernetesExtras {
  std::vector<std::string> manifests = {};  // below deploy/kubernetes
  std::vector<std::string> options = {};    // of the coordinator
  bool through_gate = false;                // the coordinator comes to the API server by gate()
};

class KubernetesWorld {
 public:
  static constexpr const char* kNode = "n1";

  /// Everything runs, and policy(65) is in force.
  explicit KubernetesWorld(KubernetesExtras extras = {});
  ~KubernetesWorld();
  KubernetesWorld(const KubernetesWorld&) = delete;
  KubernetesWorld& operator=(const KubernetesWorld&) = delete;

  KubeControlPlane& plane() { return plane_; }
  Cluster& cluster() { return cluster_; }
  ScratchCgroup& cgroups() { return cgroups_; }
  /// Where extras said through_gate.
  TcpGate& gate() { return *gate_; }

  /// Who the coordinator is to the API server.
  static Account account() { return {"tideline-system", "tideline-coordinator"}; }
  const std::string& kubeconfig() const { return kubeconfig_; }
  std::string token_file() const { return cluster_.dir().str() + "/coordinator.token"; }
  /// Another token into that file. The one before stays good.
  void renew_token() { bound_to_ = plane_.write_token(account().name_space, account().name, token_file()); }
  /// The one in that file is nobody's from now on, or some seconds later.
  void revoke_token() const { plane_.revoke_token(account().name_space, bound_to_); }
  void take_rights() const;
  void give_rights() const;

  /// How long after the agent's first report its Node had batch resources for the first time; nullopt: it did not.
  std::optional<std::chrono::milliseconds> first_offer() const { return first_offer_; }

  void start_coordinator();
  void start_agent();
  /// SIGTERM, and its exit code.
  int stop_agent();
  /// What both programs logged, for messages.
  std::string logs() const;

  using Documents = std::map<std::string, std::string>;
  /// Colocation so that this host, however busy, has something to offer; suppress by quota from `threshold` percent on;
  /// and a change of the offer by the share `worth` is worth writing.
  static Documents policy(int threshold, double worth = 0.1);
  /// Replaces the data of the ConfigMap kube-system/ack-slo-config.
  void configure(const Documents& documents) const;
  /// Waits until the agent applies a policy with that threshold.
  bool in_force(int threshold, std::chrono::milliseconds usual) const;
  /// Both, for tests that begin.
  void settle(const Documents& documents, int threshold) const;

  struct Pod {
    std::string name;
    std::string uid;
    std::string group;  // of its container, below cgroups()
  };
  /// A pod of that QoS class, LS or BE: made bound to the node, given its groups as kubelet would, and running.
  Pod run_pod(const std::string& name, const std::string& qos_class);
  /// Its container must be empty.
  void delete_pod(const Pod& pod);
  /// Whether `tidectl pods --node` has it.
  bool is_seen(const Pod& pod) const;

  nlohmann::json node() const { return plane_.get(std::string("/api/v1/nodes/") + kNode); }
  std::string node_version() const { return node().at("metadata").at("resourceVersion").get<std::string>(); }
  /// Amounts that the Node's status has; fails the test where capacity and allocatable do not say the same.
  struct Amounts {
    std::optional<std::int64_t> batch_cpu;  // millicores
    std::optional<std::int64_t> batch_memory;
    friend bool operator==(const Amounts&, const Amounts&) = default;
  };
  Amounts published() const;
  /// What the coordinator's account of the node says is to be published.
  Amounts accounted() const;
  static std::string text(const Amounts& amounts);

 private:
  Pod groups_of(const std::string& name, const std::string& uid, const std::string& qos);

  KubeControlPlane plane_;
  std::unique_ptr<TcpGate> gate_;
  Cluster cluster_;
  ScratchCgroup cgroups_;
  std::string bound_to_;  // what the coordinator's token ends with
  std::string kubeconfig_;
  std::vector<std::string> options_;
  std::unique_ptr<Process> agent_;
  std::optional<std::chrono::milliseconds> first_offer_;
};

/// How long it takes until it is true; nullopt if it is not within `usual`, or what patience makes of that.
std::optional<std::chrono::milliseconds> time_until(const std::function<bool()>& is_true,
                                                    std::chrono::milliseconds usual = std::chrono::seconds(30));
/// A time that is promised, or what it may be under a sanitizer.
std::chrono::milliseconds promised(std::chrono::milliseconds time);

}  // namespace tideline::test
