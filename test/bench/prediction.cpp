// What predictions cost the coordinator at the size of a fleet: CPU a report, memory and kept bytes a node, and the
// time in which all of it is written and read back. No network, no store: NodeProfile and ProfileBook by themselves.

#include <cmath>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "coordinator/profile/profile_book.h"

namespace {

using namespace tideline;
using profile::ProfileBook;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr model::WallTime kWall{1'790'000'000'000};

std::int64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE));
}

struct Node {
  model::NodeName name;
  model::SharedPods pods;
  std::vector<double> levels_milli;
};

class Fleet {
 public:
  Fleet(int nodes, int pods) {
    for (int n = 0; n < nodes; ++n) {
      Node node;
      node.name = model::NodeName(fmt::format("node-{:05}", n));
      for (int p = 0; p < pods; ++p) {
        model::Pod pod;
        pod.uid = model::PodUid(fmt::format("{:08x}-0000-4000-8000-{:012x}", n, p));
        pod.requests.cpu = model::MilliCpu(2'000);
        pod.requests.memory = model::Bytes(std::int64_t{2} << 30);
        node.pods.emplace_back(std::move(pod));
        node.levels_milli.push_back(100 * std::exp(3 * uniform()));
      }
      nodes_.push_back(std::move(node));
    }
    report_.status.cpu_allocatable = model::MilliCpu(64'000);
    report_.status.memory_allocatable = model::Bytes(std::int64_t{256} << 30);
    report_.pods.resize(static_cast<std::size_t>(pods));
  }

  const std::vector<Node>& nodes() const { return nodes_; }
  /// CPU use between half and twice a pod's level, memory within a tenth of it.
  const model::Report& report(const Node& node) {
    report_.node = node.name;
    for (std::size_t i = 0; i < report_.pods.size(); ++i) {
      auto& pod = report_.pods[i];
      pod.pod = node.pods[i];
      const auto milli = static_cast<std::int64_t>(node.levels_milli[i] * std::exp2(2 * uniform() - 1));
      const auto bytes = static_cast<std::int64_t>(node.levels_milli[i] * (1 << 20) * (1 + uniform() / 10));
      pod.cpu_milli = model::Spread{milli, milli, milli};
      pod.memory_bytes = model::Spread{bytes, bytes, bytes};
    }
    return report_;
  }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) / 9007199254740992.0; }

  std::mt19937_64 random_{1};
  std::vector<Node> nodes_;
  model::Report report_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What predictions cost: CPU a report, memory and kept bytes a node.");
  int nodes = 10'000;
  int pods = 30;
  int minutes = 60;
  app.add_option("--nodes", nodes, "simulated nodes")->check(CLI::Range(1, 20'000));
  app.add_option("--pods", pods, "prod pods of each")->check(CLI::Range(1, 256));
  app.add_option("--minutes", minutes, "of reports, one each 10 s; pods are warm after half of them")
      ->check(CLI::Range(2, 10'000));
  CLI11_PARSE(app, argc, argv);

  Fleet fleet(nodes, pods);
  const double before = resident_bytes();
  ProfileBook book;
  profile::PredictionPolicy policy;
  policy.cold_start_minutes = minutes / 2;
  book.set_policy(policy);
  std::int64_t spent_ns = 0;
  std::int64_t reports = 0;
  model::MonoTime now{kSecond};
  for (int step = 0; step < minutes * 6; ++step, now = now + std::chrono::seconds(10)) {
    for (const auto& node : fleet.nodes()) {
      const auto& report = fleet.report(node);
      const auto begin = cpu_ns();
      book.take(report, now);
      spent_ns += cpu_ns() - begin;
      ++reports;
    }
  }
  const double memory = resident_bytes() - before;

  std::vector<std::string> kept;
  double kept_bytes = 0;
  const auto write_begin = cpu_ns();
  for (std::size_t slice = 0; slice < ProfileBook::kSlices; ++slice) {
    kept.push_back(book.write(slice, now, kWall).bytes);
    kept_bytes += static_cast<double>(kept.back().size());
  }
  const auto write_ns = cpu_ns() - write_begin;
  ProfileBook later;
  const auto read_begin = cpu_ns();
  for (const auto& bytes : kept) {
    if (const auto read = later.read(bytes, now, kWall); !read) {
      fmt::print(stderr, "{}\n", read.error().message());
      return 1;
    }
  }
  const auto read_ns = cpu_ns() - read_begin;
  const auto all = book.summary([](const model::NodeName&) { return true; });
  if (later.size() != book.size() || all.warm_pods == 0) {
    fmt::print(stderr, "{} of {} nodes came back, {} pods are warm\n", later.size(), book.size(), all.warm_pods);
    return 1;
  }

  fmt::print("nodes   pods  minutes  us/report  KiB/node  kept KiB/node  write ms  read ms\n");
  fmt::print("-----  -----  -------  ---------  --------  -------------  --------  -------\n");
  fmt::print("{:5}  {:5}  {:7}  {:9.2f}  {:8.1f}  {:13.1f}  {:8.0f}  {:7.0f}\n", nodes, pods, minutes,
             static_cast<double>(spent_ns) / 1e3 / static_cast<double>(reports), memory / 1024 / nodes,
             kept_bytes / 1024 / nodes, static_cast<double>(write_ns) / 1e6, static_cast<double>(read_ns) / 1e6);
  return 0;
}
