// How long after LS begins to use a CPU is the lower BE limit in the kernel? Two nodes of the same binary watch the
// same spikes, one with a 100 ms loop and one with a 1 s loop, each on a pod tree of its own; the spike is a process in
// the first tree's LS container. Both quota files are read every millisecond, and the child stamps its own first
// instruction.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace {

using namespace tideline::test;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::int64_t now_ns() {
  return Clock::now().time_since_epoch().count();
}

/// A fast answer later than this is told of with its limits.
constexpr double kLateMs = 150;
/// A spike ends when both nodes have answered, or after this.
constexpr milliseconds kLongestSpike{2200};

/// Shared with the spiking child.
struct Spike {
  std::atomic<std::int64_t> spin_until_ns{0};  // moved to now to end a spike early
  std::atomic<std::int64_t> began_ns{0};
};

[[noreturn]] void spike_child(Spike& spike) {
  std::int64_t last = 0;
  for (;;) {
    const auto until = spike.spin_until_ns.load();
    if (until == last) {
      const timespec pause{0, 500'000};
      nanosleep(&pause, nullptr);
      continue;
    }
    spike.began_ns = now_ns();
    while (now_ns() < spike.spin_until_ns.load()) {
    }
    last = spike.spin_until_ns.load();
  }
}

std::int64_t limit_of(const PodTree& tree) {
  const auto text = tree.quota();
  if (text.starts_with("-1") || text.starts_with("max")) return INT64_MAX;
  return std::strtoll(text.c_str(), nullptr, 10);
}

struct Watched {
  PodTree& tree;
  std::int64_t before = 0;
  std::int64_t after = 0;
  std::int64_t seen_ns = 0;
  std::vector<double> delays_ms;
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

void print(const char* name, const Watched& watched, int spikes) {
  const auto& delays = watched.delays_ms;
  fmt::print(
      "{:<14} spikes {:>4}  answered {:>4}  p50 {:>7.1f} ms  p90 {:>7.1f} ms  p99 {:>7.1f} ms  max {:>7.1f} ms\n", name,
      spikes, delays.size(), quantile(delays, 0.5), quantile(delays, 0.9), quantile(delays, 0.99),
      quantile(delays, 1.0));
}

int measure(int spikes, unsigned seed) {
  PodTree fast_tree;
  PodTree slow_tree;
  Cluster cluster;
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65));
  cluster.start_coordinator();
  auto fast = cluster.start_node({.name = "fast", .kubepods = fast_tree.kubepods(), .pods_json = PodTree::pods_json()});
  auto slow = cluster.start_node({.name = "slow",
                                  .kubepods = slow_tree.kubepods(),
                                  .pods_json = PodTree::pods_json(),
                                  .extra = {"--fast-interval", "1s", "--lease", "5s"}});
  if (!cluster.policy_is_applied("fast", milliseconds(20'000)) ||
      !cluster.policy_is_applied("slow", milliseconds(20'000))) {
    fmt::print(stderr, "the nodes did not come up\n{}\n{}\n", fast.output(), slow.output());
    return 1;
  }
  auto* spike = new (mmap(nullptr, sizeof(Spike), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Spike;
  const pid_t child = fork();
  if (child == 0) spike_child(*spike);
  fast_tree.own_ls(child);

  std::mt19937 random(seed);
  Watched watched[2] = {{fast_tree, 0, 0, 0, {}}, {slow_tree, 0, 0, 0, {}}};
  for (int i = 0; i < spikes; ++i) {
    // Long enough for the limits to have risen again, 10 % of capacity a second, and at no fixed phase of either loop:
    // below a limit that is low already a spike has less to say.
    std::this_thread::sleep_for(milliseconds(4000 + random() % 600));
    for (auto& one : watched) {
      one.before = limit_of(one.tree);
      one.seen_ns = 0;
    }
    const auto end = now_ns() + std::chrono::nanoseconds(kLongestSpike).count();
    spike->began_ns = 0;
    spike->spin_until_ns = end;
    while (now_ns() < end && (watched[0].seen_ns == 0 || watched[1].seen_ns == 0)) {
      for (auto& one : watched) {
        if (one.seen_ns != 0) continue;
        const auto limit = limit_of(one.tree);
        // A rise on the way is the recovery from the spike before.
        if (limit < one.before) {
          one.seen_ns = now_ns();
          one.after = limit;
        } else {
          one.before = limit;
        }
      }
      std::this_thread::sleep_for(milliseconds(1));
    }
    spike->spin_until_ns = now_ns();
    for (auto& one : watched) {
      if (one.seen_ns == 0) continue;
      one.delays_ms.push_back(static_cast<double>(one.seen_ns - spike->began_ns.load()) / 1e6);
      if (&one == &watched[0] && one.delays_ms.back() > kLateMs) {
        fmt::print(stderr, "spike {}: {:.0f} ms, from {} to {} us\n", i + 1, one.delays_ms.back(), one.before,
                   one.after);
      }
    }
    if (spikes > 20 && i % 20 == 19) fmt::print(stderr, "{} of {} spikes\n", i + 1, spikes);
  }
  fmt::print("LS spike -> lower BE limit in the kernel (seed {})\n", seed);
  print("100 ms loop", watched[0], spikes);
  print("1 s loop", watched[1], spikes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int spikes = 200;
  unsigned seed = 1;
  CLI::App app("LS spike to BE limit: a 100 ms loop beside a 1 s loop of the same binary, same spikes");
  app.add_option("--spikes", spikes, "number of spikes")->capture_default_str()->check(CLI::Range(1, 100'000));
  app.add_option("--seed", seed, "of the pauses between spikes")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const auto missing = ScratchCgroup::missing(); !missing.empty()) {
    fmt::print("skipped: needs {}\n", missing);
    return 77;
  }
  return measure(spikes, seed);
}
