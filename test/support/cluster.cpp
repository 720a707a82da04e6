#include "test/support/cluster.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include "test/support/free_port.h"

namespace tideline::test {

namespace fs = std::filesystem;

std::string threshold_config(const std::string& policy, int threshold, bool enable) {
  return nlohmann::json{
      {"clusterStrategy",
       {{"enable", enable}, {"cpuSuppressThresholdPercent", threshold}, {"cpuSuppressPolicy", policy}}}}
      .dump();
}

Cluster::Cluster() {
  fs::create_directories(dir_.path() / "tls");
  fs::create_directories(dir_.path() / "policy");
  authority_ = std::make_unique<CertAuthority>(dir_.str() + "/tls", "ca");
  admin_ = authority_->person("admin", "test");
  server_ = authority_->coordinator();
  policy_source_ = "dir:" + dir_.str() + "/policy";
  set_policy("colocation-config", R"({"enable": true, "metricAggregateDurationSeconds": 60})");
}

Cluster::~Cluster() = default;

void Cluster::set_policy(const std::string& key, const std::string& json) const {
  const auto file = dir_.write("policy/." + key, json);
  fs::rename(file, dir_.path() / "policy" / (key + ".json"));
}

std::vector<std::string> Cluster::coordinator_arguments(const std::vector<std::string>& more) const {
  const auto address = [](int port) { return "127.0.0.1:" + std::to_string(port); };
  std::vector<std::string> argv{program("tideline-coordinator"),
                                "--listen",
                                address(node_port_),
                                "--admin-listen",
                                address(admin_port_),
                                "--web-listen",
                                address(web_port_),
                                "--no-admin-socket",
                                "--ports-file",
                                ports_file(),
                                "--tls-cert",
                                server_.certificate,
                                "--tls-key",
                                server_.key,
                                "--tls-ca",
                                server_.ca,
                                "--data-dir",
                                data_dir(),
                                "--policy-source",
                                policy_source_};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

void Cluster::start_coordinator(const std::vector<std::string>& more) {
  const std::string ports = ports_file();
  fs::remove(ports);
  coordinator_ = std::make_unique<Process>(
      coordinator_arguments(more),
      Process::Options{.environment = environment_, .output_file = dir_.str() + "/coordinator.log"});
  const bool up = eventually(std::chrono::seconds(20), [&] { return fs::exists(ports) || !coordinator_->running(); });
  if (!up || !fs::exists(ports)) throw std::runtime_error("coordinator did not come up:\n" + coordinator_->output());
  const auto found = nlohmann::json::parse(dir_.read("ports.json"));
  node_port_ = found.at("node").get<int>();
  admin_port_ = found.at("admin").get<int>();
  web_port_ = found.at("web").get<int>();
}

void Cluster::kill_coordinator() {
  coordinator_->signal(SIGKILL);
  coordinator_->wait(std::chrono::seconds(10));
}

int Cluster::stop_coordinator() {
  coordinator_->signal(SIGTERM);
  return coordinator_->wait(std::chrono::seconds(20)).value_or(-1);
}

std::vector<std::string> Cluster::node_arguments(const Node& node) const {
  const auto certificate = authority_->node(node.name);
  std::vector<std::string> arguments = node.wrap;
  for (const std::string& argument :
       {program("tideline-node"), std::string("run"), std::string("--node-name"), node.name,
        std::string("--coordinator"), node_address(), std::string("--tls-cert"), certificate.certificate,
        std::string("--tls-key"), certificate.key, std::string("--tls-ca"), certificate.ca, std::string("--state-dir"),
        node_dir(node.name), std::string("--kubepods"), node.kubepods, std::string("--report-interval"),
        node.report_interval}) {
    arguments.push_back(argument);
  }
  if (node.pods_from_coordinator) {
    arguments.insert(arguments.end(), {"--pods-from", "coordinator"});
  } else {
    arguments.insert(arguments.end(), {"--pods-file", dir_.write(node.name + ".pods.json", node.pods_json)});
  }
  // Tests do not wait for a fleet's patience.
  arguments.insert(arguments.end(), {"--reconnect", "1s"});
  if (!node.kernel_root.empty()) {
    arguments.insert(arguments.end(), {"--kernel-root", node.kernel_root});
  }
  arguments.insert(arguments.end(), node.extra.begin(), node.extra.end());
  return arguments;
}

Process Cluster::start_node(const Node& node) const {
  return {node_arguments(node),
          Process::Options{.environment = {}, .output_file = dir_.str() + "/" + node.name + ".log"}};
}

Finished Cluster::tidectl(std::vector<std::string> arguments) const {
  std::vector<std::string> argv{program("tidectl"),
                                "--address",
                                "127.0.0.1:" + std::to_string(admin_port_),
                                "--server-name",
                                "coordinator.tideline",
                                "--cert",
                                admin_.certificate,
                                "--key",
                                admin_.key,
                                "--ca",
                                admin_.ca};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(std::move(argv));
}

nlohmann::json Cluster::ask(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "--json");
  const auto finished = tidectl(std::move(arguments));
  return finished.exit == 0 ? nlohmann::json::parse(finished.output, nullptr, false) : nlohmann::json();
}

bool Cluster::node_is_live(const std::string& name, std::chrono::milliseconds patience) const {
  return eventually(patience, [&] {
    const auto node = ask({"node", name});
    return node.is_object() && node.value("liveness", "") == "live";
  });
}

bool Cluster::policy_is_applied(const std::string& name, std::chrono::milliseconds patience) const {
  return eventually(patience, [&] {
    const auto status = ask({"policy", "status"});
    if (!status.is_object()) return false;
    for (const auto& node : status["nodes"]) {
      if (node["name"] == name) return node["policyApplied"] == status["state"]["version"];
    }
    return false;
  });
}

}  // namespace tideline::test
