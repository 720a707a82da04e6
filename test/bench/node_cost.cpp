// What one host's agent costs: CPU and memory of supervisor and worker, with pods that live and TLS reports on.

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "test/support/cluster.h"
#include "test/support/scratch_cgroup.h"

namespace {

using namespace tideline::test;
using std::chrono::seconds;

/// utime + stime of a process, in seconds.
double cpu_seconds(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream text;
  text << in.rdbuf();
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double pss_mib(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/smaps_rollup");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("Pss:")) return std::strtod(line.c_str() + 4, nullptr) / 1024;
  }
  return 0;
}

[[noreturn]] void live_quietly() {
  for (;;) {
    const timespec pause{0, 200'000'000};
    nanosleep(&pause, nullptr);
  }
}

int measure(int pods, int duration_s, const std::string& report_interval) {
  ScratchCgroup tree;
  nlohmann::json list = nlohmann::json::array();
  for (int i = 0; i < pods; ++i) {
    const bool batch = i % 3 == 2;
    const auto uid = "uid-" + std::to_string(i);
    const std::string group = (batch ? "kubepods/besteffort/pod" : "kubepods/burstable/pod") + uid + "/c";
    tree.make(group);
    const pid_t child = fork();
    if (child == 0) live_quietly();
    tree.own(child, group);
    list.push_back({{"uid", uid},
                    {"namespace", "bench"},
                    {"name", "pod-" + std::to_string(i)},
                    {"qosClass", batch ? "BE" : "LS"},
                    {"kubeQosClass", batch ? "BestEffort" : "Burstable"},
                    {"requests", nlohmann::json::object()},
                    {"containers", {{{"name", "c"}, {"id", "c"}}}}});
  }
  if (tree.v1()) tree.write("kubepods/besteffort", "cpu.shares", "2");
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65));
  cluster.start_coordinator();
  auto node = cluster.start_node({.name = "n1",
                                  .kubepods = tree.group() + "/kubepods",
                                  .pods_json = nlohmann::json{{"pods", list}}.dump(),
                                  .report_interval = report_interval});
  if (!cluster.policy_is_applied("n1", seconds(40))) {
    fmt::print(stderr, "the node did not come up\n{}\n", node.output());
    return 1;
  }
  const auto children = node.children();
  if (children.size() != 1) {
    fmt::print(stderr, "want one worker, found {}\n", children.size());
    return 1;
  }
  const pid_t worker = children.front();
  const double supervisor_before = cpu_seconds(node.pid());
  const double worker_before = cpu_seconds(worker);
  const double pss_before = pss_mib(worker);
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(seconds(duration_s));
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double supervisor = (cpu_seconds(node.pid()) - supervisor_before) / wall * 100;
  const double work = (cpu_seconds(worker) - worker_before) / wall * 100;
  fmt::print("{} pods, {} s, 100 ms fast loop, 1 s pod loop, TLS reports every {}\n", pods, duration_s,
             report_interval);
  fmt::print("{:<12} {:>9} {:>12} {:>14}\n", "", "CPU %", "PSS MiB", "PSS at begin");
  fmt::print("{:<12} {:>9.2f} {:>12.1f} {:>14}\n", "supervisor", supervisor, pss_mib(node.pid()), "");
  fmt::print("{:<12} {:>9.2f} {:>12.1f} {:>14.1f}\n", "worker", work, pss_mib(worker), pss_before);
  fmt::print("{:<12} {:>9.2f} {:>12.1f}\n", "together", supervisor + work, pss_mib(node.pid()) + pss_mib(worker));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int pods = 110;
  int duration_s = 60;
  std::string report_interval = "10s";
  CLI::App app("CPU and memory of supervisor and worker beside living pods on real cgroups");
  app.add_option("--pods", pods, "number of pods")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--seconds", duration_s, "how long to measure")->capture_default_str()->check(CLI::Range(1, 86'400));
  app.add_option("--report-interval", report_interval, "of the node")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const auto missing = ScratchCgroup::missing(); !missing.empty()) {
    fmt::print("skipped: needs {}\n", missing);
    return 77;
  }
  return measure(pods, duration_s, report_interval);
}
