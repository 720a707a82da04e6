#pragma once
// Real programs on one machine: a coordinator, nodes on cgroup trees of their own, mutual TLS, tidectl.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/support/certs.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::test {

/// ConfigMap JSON of the usual experiment: colocation on, suppress by `policy` at `threshold` percent.
std::string threshold_config(const std::string& policy, int threshold, bool enable = true);

class Cluster {
 public:
  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const TempDir& dir() const { return dir_; }
  const CertAuthority& authority() const { return *authority_; }
  /// Replaces one policy document, atomically. key: "resource-threshold-config" and the like.
  void set_policy(const std::string& key, const std::string& json) const;

  /// What --policy-source says at the next start; until then the directory that set_policy() writes.
  void set_policy_source(const std::string& source) { policy_source_ = source; }

  /// NAME=value, of the coordinator at its next starts.
  void set_coordinator_environment(std::vector<std::string> variables) { environment_ = std::move(variables); }

  /// Starts the coordinator, with `more` arguments, and waits for its ports. The first start picks free ports, later
  /// ones take the same.
  void start_coordinator(const std::vector<std::string>& more = {});
  /// Program and arguments of such a start, for who starts it otherwise; its ports are in ports_file() once it is up.
  std::vector<std::string> coordinator_arguments(const std::vector<std::string>& more = {}) const;
  std::string ports_file() const { return dir_.str() + "/ports.json"; }
  Process& coordinator() { return *coordinator_; }
  void kill_coordinator();
  /// SIGTERM, and its exit code.
  int stop_coordinator();
  std::string data_dir() const { return dir_.str() + "/data"; }
  int web_port() const { return web_port_; }
  std::uint16_t node_port() const { return static_cast<std::uint16_t>(node_port_); }
  std::string node_address() const { return "127.0.0.1:" + std::to_string(node_port_); }

  struct Node {
    std::string name;
    std::string kubepods;  // group of all pods
    std::string pods_json = R"({"pods": []})";
    std::string kernel_root = {};  // a fixture tree instead of this host
    std::string report_interval = "1s";
    bool pods_from_coordinator = false;   // in place of pods_json
    std::vector<std::string> extra = {};  // more arguments
    std::vector<std::string> wrap = {};   // e.g. {"unshare", "-C", "-m", "--"}
  };
  /// Arguments of `tideline-node run` for this node; its state lies in node_dir(name).
  std::vector<std::string> node_arguments(const Node& node) const;
  Process start_node(const Node& node) const;
  std::string node_dir(const std::string& name) const { return dir_.str() + "/" + name; }

  /// tidectl as admin.
  Finished tidectl(std::vector<std::string> arguments) const;
  /// `tidectl --json ...`; null when it failed.
  nlohmann::json ask(std::vector<std::string> arguments) const;
  /// Waits until the node is live and, if asked for, runs this policy version or a later one.
  bool node_is_live(const std::string& name, std::chrono::milliseconds patience) const;
  /// Waits until the node applied the policy that is in force.
  bool policy_is_applied(const std::string& name, std::chrono::milliseconds patience) const;

 private:
  TempDir dir_;
  std::unique_ptr<CertAuthority> authority_;
  CertFiles admin_;
  CertFiles server_;
  std::string policy_source_;
  std::vector<std::string> environment_;
  std::unique_ptr<Process> coordinator_;
  int node_port_ = 0;
  int admin_port_ = 0;
  int web_port_ = 0;
};

}  // namespace tideline::test
