// What one host's agent costs with every mechanism on: CPU and memory of supervisor and worker over
// time, with pods that live and TLS reports on; and what netdata and collectd cost on the same groups in the same run.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "test/bench/cost_host.h"
#include "test/bench/peers.h"

namespace {

using namespace tideline::bench;
using namespace tideline::test;
using std::chrono::duration;
using std::chrono::seconds;

constexpr const char* kAgentGroup = "agent";

struct Options {
  int pods = 110;
  int duration_s = 60;
  int interval_s = 0;  // 0: a tenth of the whole
  int warm_up_s = 30;
  std::string report_interval = "10s";
  std::vector<std::string> peers;
  MemorySide memory = MemorySide::kAll;
};

/// Fields of /proc/PID/stat or of the "cpu" line of /proc/stat, in seconds.
double ticks(const std::string& path, const char* after, int skip, int count) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  std::istringstream fields(text.str().substr(text.str().rfind(after) + std::string(after).size()));
  std::string skipped;
  for (int i = 0; i < skip; ++i)
    fields >> skipped;
  double sum = 0;
  for (double value = 0; count > 0 && fields >> value; --count)
    sum += value;
  return sum / static_cast<double>(sysconf(_SC_CLK_TCK));
}
double cpu_seconds(pid_t pid) {
  return ticks("/proc/" + std::to_string(pid) + "/stat", ") ", 11, 2);
}
double stolen_seconds() {
  return ticks("/proc/stat", "cpu  ", 7, 1);
}

struct Reading {
  std::chrono::steady_clock::time_point at;
  double supervisor = 0;  // CPU seconds so far, as the others
  double stolen = 0;
  std::vector<double> groups;  // the agent's, then each peer's
};

class Run {
 public:
  Run(const Options& options, CostHost& host) : options_(options), tree_(host.tree()) {
    groups_.emplace_back(kAgentGroup);
    for (const auto& name : options.peers) {
      if (const auto missing = Peer::missing(name, tree_); !missing.empty()) {
        fmt::print("skipped: {}\n", missing);
        continue;
      }
      peers_.push_back(std::make_unique<Peer>(name, tree_));
      groups_.push_back(peers_.back()->group());
      fmt::print("{}: {}, test/bench/peers/{}.conf\n", name, peers_.back()->version(), name);
    }
  }

  void measure(pid_t supervisor) {
    supervisor_ = supervisor;
    print_head();
    const auto first = read();
    auto before = first;
    std::vector<std::vector<double>> percents(groups_.size());
    const int interval_s = options_.interval_s > 0 ? options_.interval_s : std::max(1, options_.duration_s / 10);
    for (int done = 0; done < options_.duration_s;) {
      const int wait_s = std::min(interval_s, options_.duration_s - done);
      std::this_thread::sleep_for(seconds(wait_s));
      done += wait_s;
      for (const auto& peer : peers_)
        peer->check();
      const auto now = read();
      print_row(std::to_string(done), before, now);
      for (std::size_t i = 0; i < groups_.size(); ++i)
        percents[i].push_back(percent(before.groups[i], now.groups[i], before, now));
      before = now;
    }
    print_row("whole", first, before);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto [least, most] = std::minmax_element(percents[i].begin(), percents[i].end());
      fmt::print("{}: {:.2f} % of a core over the whole, {:.2f}-{:.2f} % by interval", name(i),
                 percent(first.groups[i], before.groups[i], first, before), *least, *most);
      if (i > 0) {
        fmt::print("; {:.1f} times ours", (before.groups[i] - first.groups[i]) / (before.groups[0] - first.groups[0]));
      }
      fmt::print("\n");
    }
  }

 private:
  Reading read() const {
    Reading reading{std::chrono::steady_clock::now(), cpu_seconds(supervisor_), stolen_seconds(), {}};
    for (const auto& group : groups_)
      reading.groups.push_back(group_cpu_seconds(tree_, group));
    return reading;
  }
  static double percent(double from, double to, const Reading& before, const Reading& now) {
    return (to - from) / duration<double>(now.at - before.at).count() * 100;
  }
  std::string name(std::size_t i) const { return i == 0 ? "tideline-node" : peers_[i - 1]->name(); }
  void print_head() const {
    fmt::print("{:>7} {:>10} {:>10} {:>10} {:>8}", "second", "superv. %", "worker %", "together %", "PSS MiB");
    for (const auto& peer : peers_)
      fmt::print(" {:>11} {:>8} {:>6}", peer->name() + " %", "PSS MiB", "ratio");
    fmt::print(" {:>9}\n", "stolen %");
  }
  void print_row(const std::string& label, const Reading& before, const Reading& now) const {
    const double own = percent(before.groups[0], now.groups[0], before, now);
    const double supervisor = percent(before.supervisor, now.supervisor, before, now);
    fmt::print("{:>7} {:>10.2f} {:>10.2f} {:>10.2f} {:>8.1f}", label, supervisor, std::max(0.0, own - supervisor), own,
               group_pss_mib(tree_, groups_[0]));
    for (std::size_t i = 1; i < groups_.size(); ++i) {
      const double theirs = percent(before.groups[i], now.groups[i], before, now);
      fmt::print(" {:>11.2f} {:>8.1f} {:>6.1f}", theirs, group_pss_mib(tree_, groups_[i]), own > 0 ? theirs / own : 0);
    }
    fmt::print(" {:>9.1f}\n", percent(before.stolen, now.stolen, before, now));
    std::fflush(stdout);
  }

  const Options& options_;
  ScratchCgroup& tree_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::string> groups_;
  pid_t supervisor_ = 0;
};

/// What of the policy is in force, and what is not and why: a figure without a mechanism is not of it.
void print_features(const Cluster& cluster) {
  const auto node = cluster.ask({"node", "n1"});
  std::vector<std::string> active;
  std::vector<std::string> others;
  for (const auto& feature :
       node.value("status", nlohmann::json::object()).value("features", nlohmann::json::array())) {
    const auto name = feature.value("feature", "");
    if (feature.value("state", "") == "active") {
      active.push_back(name);
    } else {
      others.push_back(fmt::format("{} ({}: {})", name, feature.value("state", ""), feature.value("why", "")));
    }
  }
  fmt::print("active: {}\nnot active: {}\n", fmt::join(active, ", "),
             others.empty() ? "none" : fmt::format("{}", fmt::join(others, "; ")));
}

/// By whom, and whether it is the limit on batch itself: where that falls below quotas of batch's pods, cgroup v1 has
/// all of those written, too.
std::string kind_of(const nlohmann::json& event) {
  const auto controller = event.value("controller", "");
  const auto subject = event.value("subject", "");
  const bool is_limit = subject.ends_with("/besteffort/cpu.cfs_quota_us") || subject.ends_with("/besteffort/cpu.max");
  if (controller != "cpu-suppress") return controller;
  return is_limit ? "limit on batch" : "cpu-suppress of pods";
}

/// What was written while it was measured, by mechanism: each write costs, and a limit written often is none.
void print_writes(const Cluster& cluster, int duration_s, const std::string& report_interval) {
  // The last seconds are in no report yet.
  const auto answer = cluster.ask({"events", "--node", "n1", "--from", fmt::format("-{}s", duration_s)});
  std::map<std::string, int> writes;
  for (const auto& event : answer.value("events", nlohmann::json::array())) {
    if (event.value("newValue", "") != event.value("oldValue", "")) ++writes[kind_of(event)];
  }
  std::vector<std::string> by_minute;
  for (const auto& [controller, count] : writes)
    by_minute.push_back(fmt::format("{} {:.1f}", controller, count * 60.0 / duration_s));
  fmt::print("changes a minute, but for the last {}: {}\n", report_interval,
             by_minute.empty() ? "none" : fmt::format("{}", fmt::join(by_minute, ", ")));
}

int measure(const Options& options) {
  CostHost host(options.pods);
  host.tree().make(kAgentGroup);
  Cluster cluster;
  CostHost::set_policy(cluster, options.memory);
  cluster.start_coordinator();
  auto node = cluster.start_node({.name = "n1",
                                  .kubepods = host.kubepods(),
                                  .pods_json = host.pods_json(),
                                  .report_interval = options.report_interval,
                                  .wrap = enter(host.tree(), kAgentGroup)});
  if (!cluster.policy_is_applied("n1", seconds(60))) {
    fmt::print(stderr, "the node did not come up\n{}\n", node.output());
    return 1;
  }
  fmt::print("{} pods, {} s, 100 ms fast loop, 1 s pod loop, TLS reports every {}\n", options.pods, options.duration_s,
             options.report_interval);
  Run run(options, host);
  // Every file is written once, each first write waits for the disk, and the bursting services settle.
  std::this_thread::sleep_for(seconds(options.warm_up_s));
  run.measure(node.pid());
  print_features(cluster);
  print_writes(cluster, options.duration_s, options.report_interval);
  if (node.running() && node.children().size() == 1) return 0;
  fmt::print(stderr, "the worker did not live through it\n{}\n", node.output());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("CPU and memory of supervisor and worker beside living pods on real cgroups, every mechanism on");
  app.add_option("--pods", options.pods, "number of pods")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.duration_s, "how long to measure")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  app.add_option("--interval", options.interval_s, "seconds of one row; default: a tenth of the whole")
      ->check(CLI::Range(1, 3600));
  app.add_option("--warm-up", options.warm_up_s, "seconds before it")->capture_default_str()->check(CLI::Range(0, 600));
  app.add_option("--report-interval", options.report_interval, "of the node")->capture_default_str();
  app.add_option("--peers", options.peers, "netdata and collectd, of those that are installed, beside it")
      ->delimiter(',');
  app.add_option("--memory", options.memory, "what of the memory side is on: off, relief, all")
      ->transform(CLI::CheckedTransformer(std::map<std::string, MemorySide>{
          {"off", MemorySide::kOff}, {"relief", MemorySide::kRelief}, {"all", MemorySide::kAll}}))
      ->default_str("all");
  CLI11_PARSE(app, argc, argv);
  if (const auto missing = ScratchCgroup::missing(); !missing.empty()) {
    fmt::print("skipped: needs {}\n", missing);
    return 77;
  }
  return measure(options);
}
