// How long after LS begins to use a CPU is the lower BE limit in the kernel, and how long after it ends is the limit
// back? Two nodes of the same binary watch the same spikes, one with a 100 ms loop and one with a 1 s loop, each on a
// pod tree of its own; the spike is a process in the first tree's LS container. Both quota files are read every
// millisecond, and the child stamps its own first instruction. A spike begins once both limits have come back and stood
// for a while, which is read every ten milliseconds; one that had to begin from a low limit is told of. At the end the
// same process uses half of a CPU without a break, and every change of a limit is counted. No batch runs.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/decide/cpu_suppress.h"
#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace {

using namespace tideline::test;
using tideline::model::MilliCpu;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
namespace decide = tideline::decide;

std::int64_t now_ns() {
  return Clock::now().time_since_epoch().count();
}

/// A fast answer, or a limit of the fast loop that is back, later than this is told of with its limits.
constexpr double kLateMs = 150;
constexpr double kLateBackMs = 1000;
/// A spike ends when both nodes have answered, or after this.
constexpr milliseconds kLongestSpike{2200};
/// And not before this: what is over within decide::kNoiseLasts a node takes for noise when it comes again.
constexpr milliseconds kShortestSpike{400};
static_assert(kShortestSpike > decide::kNoiseLasts + milliseconds(100));
/// The next one begins once both limits are back within a quarter of the most they were and have stood so long, and up
/// to kPhase more, for no fixed phase of either loop. Sooner after a rise the spikes would be what doubles the wait for
/// the next rise.
constexpr milliseconds kStood{2200};
constexpr int kPhaseMs = 1000;
static_assert(kStood > decide::kFlapWithin);
/// Or after this: more than a rise can take.
constexpr milliseconds kLongestPause{20'000};
static_assert(kLongestPause > decide::kLongestRiseWait + kStood + milliseconds(kPhaseMs));
/// On a host that is never quite still limits drift: a change of less than this leaves a limit standing, and a fall of
/// less is not an answer. Rises that are watched, and urgent falls, are twice as large and more.
constexpr MilliCpu kLeastMove(decide::kUrgentFallLeast.value() / 2);
/// Between two spikes on a quiet host, as seen.
constexpr milliseconds kUsualRound{5500};
/// Steady load comes in slices of this, each followed by a rest of the same.
constexpr nanoseconds kSlice = milliseconds(5);
/// Until the limits have followed its beginning: more than decide::kDriftPace.
constexpr seconds kSettle{6};
static_assert(kSettle > decide::kDriftPace);

constexpr MilliCpu kNoLimit(INT64_MAX);

struct Options {
  int spikes = 200;
  unsigned seed = 1;
  int steady_s = 60;
};

/// Shared with the child that is the load.
struct Load {
  std::atomic<std::int64_t> spin_until_ns{0};  // moved to now to end a spike early
  std::atomic<std::int64_t> began_ns{0};
  std::atomic<std::int64_t> steady_until_ns{0};
};

void rest(nanoseconds how_long) {
  const timespec pause{0, how_long.count()};
  nanosleep(&pause, nullptr);
}

[[noreturn]] void load_child(Load& load) {
  std::int64_t last = 0;
  for (;;) {
    const auto begin = now_ns();
    if (begin < load.steady_until_ns.load()) {
      while (now_ns() - begin < kSlice.count()) {
      }
      rest(kSlice);
      continue;
    }
    const auto until = load.spin_until_ns.load();
    if (until == last) {
      rest(nanoseconds(500'000));
      continue;
    }
    load.began_ns = now_ns();
    while (now_ns() < load.spin_until_ns.load()) {
    }
    last = load.spin_until_ns.load();
  }
}

MilliCpu limit_of(const PodTree& tree) {
  const auto text = tree.quota();
  if (text.starts_with("-1") || text.starts_with("max")) return kNoLimit;
  char* rest_of_it = nullptr;
  const auto quota = std::strtoll(text.c_str(), &rest_of_it, 10);
  const auto period = std::strtoll(rest_of_it, nullptr, 10);
  return MilliCpu(period > 0 ? quota * 1000 / period : 0);
}

struct Watched {
  const PodTree& tree;
  const char* name;
  MilliCpu most{};
  MilliCpu last{};    // as last read between spikes
  MilliCpu before{};  // of a spike
  MilliCpu after{};
  MilliCpu back_at{};  // from here on it has come back; 0: nothing to come back from
  std::int64_t seen_ns = 0;
  std::vector<double> delays_ms = {};
  std::vector<double> recoveries_ms = {};
  int fallen = 0;         // spikes after which there was something to come back from
  std::string path = {};  // on the way back
  int changes = 0;
};

void tell_late_return(const Watched& one, int number, double took_ms) {
  fmt::print(stderr, "spike {}: the limit is back after {:.0f} ms, from {}{} millicores\n", number, took_ms,
             one.after.value(), one.path);
}

/// Whether both limits came back and then stood for `stood`, before kLongestPause was over. Notes how long after
/// `ended_ns`, the end of the last spike, which was the `number`th, each came back.
bool await_limits(std::span<Watched> watched, milliseconds stood, std::int64_t ended_ns, int number) {
  const auto deadline = Clock::now() + kLongestPause;
  auto since = Clock::now();
  bool all_stood = false;
  while (!all_stood && Clock::now() < deadline) {
    bool back = true;
    for (auto& one : watched) {
      const auto limit = limit_of(one.tree);
      const auto last = std::exchange(one.last, limit);
      if (std::max(last, limit) - std::min(last, limit) >= kLeastMove) since = Clock::now();
      const double took_ms = static_cast<double>(now_ns() - ended_ns) / 1e6;
      if (one.back_at > MilliCpu(0) && limit != last)
        one.path += fmt::format(", {} at {:.0f} ms", limit.value(), took_ms);
      if (limit != kNoLimit) one.most = std::max(one.most, limit);
      if (one.back_at > MilliCpu(0) && limit >= one.back_at) {
        one.recoveries_ms.push_back(took_ms);
        one.back_at = MilliCpu(0);
        if (&one == &watched.front() && took_ms > kLateBackMs) tell_late_return(one, number, took_ms);
      }
      back = back && one.back_at == MilliCpu(0) && limit != kNoLimit && limit >= one.most.percent(75);
    }
    all_stood = back && Clock::now() - since >= stood;
    if (!all_stood) std::this_thread::sleep_for(milliseconds(10));
  }
  for (auto& one : watched)
    one.back_at = MilliCpu(0);
  return all_stood;
}

/// One spike, and what each node made of it. Returns when it ended.
std::int64_t run_spike(Load& load, std::span<Watched> watched, int number) {
  for (auto& one : watched) {
    one.before = limit_of(one.tree);
    one.seen_ns = 0;
  }
  load.began_ns = 0;
  const auto latest = now_ns() + nanoseconds(kLongestSpike).count();
  load.spin_until_ns = latest;
  const auto waits = [](const Watched& one) { return one.seen_ns == 0; };
  while (now_ns() < latest && std::any_of(watched.begin(), watched.end(), waits)) {
    const bool began = load.began_ns.load() != 0;
    for (auto& one : watched) {
      if (!waits(one)) continue;
      const auto limit = limit_of(one.tree);
      if (!began) {
        one.before = limit;
      } else if (one.before - limit >= kLeastMove) {
        one.seen_ns = now_ns();
        one.after = limit;
      } else {
        one.before = std::max(one.before, limit);
      }
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  if (const auto least_end = load.began_ns.load() + nanoseconds(kShortestSpike).count(); least_end > now_ns()) {
    rest(nanoseconds(least_end - now_ns()));
  }
  const auto ended = now_ns();
  const auto began = load.began_ns.load();  // the child may stamp it anew once its end is moved
  load.spin_until_ns = ended;
  for (auto& one : watched) {
    if (waits(one)) {
      fmt::print(stderr, "spike {}: no answer of the {}, limit {} millicores\n", number, one.name, one.before.value());
      continue;
    }
    one.delays_ms.push_back(static_cast<double>(one.seen_ns - began) / 1e6);
    if (&one == &watched.front() && one.delays_ms.back() > kLateMs) {
      fmt::print(stderr, "spike {}: {:.0f} ms, from {} to {} millicores\n", number, one.delays_ms.back(),
                 one.before.value(), one.after.value());
    }
    const auto wanted = one.before.percent(75);
    if (one.before == kNoLimit || limit_of(one.tree) >= wanted) continue;
    one.back_at = wanted;
    one.path.clear();
    ++one.fallen;
  }
  return ended;
}

/// LS uses half of a CPU for so long, after kSettle of the same.
void hold_steady(Load& load, std::span<Watched> watched, seconds counted) {
  load.steady_until_ns = now_ns() + nanoseconds(kSettle + counted).count();
  std::this_thread::sleep_for(kSettle);
  for (auto& one : watched)
    one.last = limit_of(one.tree);
  const auto end = Clock::now() + counted;
  while (Clock::now() < end) {
    for (auto& one : watched) {
      const auto limit = limit_of(one.tree);
      if (limit != std::exchange(one.last, limit)) ++one.changes;
    }
    std::this_thread::sleep_for(milliseconds(5));
  }
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

void print(const Watched& watched, int spikes, std::string_view what, const std::vector<double>& times) {
  fmt::print("{:<14} spikes {:>4}  {} {:>4}  p50 {:>7.1f} ms  p90 {:>7.1f} ms  p99 {:>7.1f} ms  max {:>7.1f} ms\n",
             watched.name, spikes, what, times.size(), quantile(times, 0.5), quantile(times, 0.9),
             quantile(times, 0.99), quantile(times, 1.0));
}

void report(const Options& options, std::span<const Watched> watched, int low) {
  fmt::print("LS spike -> lower BE limit in the kernel (seed {})\n", options.seed);
  for (const auto& one : watched)
    print(one, options.spikes, "answered", one.delays_ms);
  for (const auto& one : watched)
    fmt::print("{:<14} unanswered {}\n", one.name, static_cast<std::size_t>(options.spikes) - one.delays_ms.size());
  fmt::print("{} of {} spikes began from a limit that was not back\n", low, options.spikes);
  fmt::print("end of an LS spike -> BE limit back at three quarters of what it was\n");
  for (const auto& one : watched)
    print(one, one.fallen, "back", one.recoveries_ms);
  if (options.steady_s == 0) return;
  fmt::print("changes of the BE limit a minute while LS uses half of a CPU, {} s\n", options.steady_s);
  for (const auto& one : watched)
    fmt::print("{:<14} {:.0f}\n", one.name, 60.0 * one.changes / options.steady_s);
}

void announce(const Options& options) {
  const auto minutes = [&](milliseconds each) {
    const auto whole = options.spikes * each + seconds(options.steady_s) + kSettle;
    return std::chrono::duration<double, std::ratio<60>>(whole).count();
  };
  fmt::print(stderr, "{} spikes and {} s of steady load: {:.1f} minutes on a quiet host, at most {:.1f}\n",
             options.spikes, options.steady_s, minutes(kUsualRound), minutes(kLongestSpike + kLongestPause));
}

int measure(const Options& options) {
  announce(options);
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
  auto* load = new (mmap(nullptr, sizeof(Load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Load;
  const pid_t child = fork();
  if (child == 0) load_child(*load);
  fast_tree.own_ls(child);

  std::mt19937 random(options.seed);
  Watched watched[] = {{fast_tree, "100 ms loop"}, {slow_tree, "1 s loop"}};
  int low = 0;
  std::int64_t ended = 0;
  for (int i = 1; i <= options.spikes; ++i) {
    if (!await_limits(watched, kStood + milliseconds(random() % kPhaseMs), ended, i - 1)) {
      ++low;
      fmt::print(stderr, "spike {}: begins from {} and {} millicores, which were {} and {}\n", i,
                 watched[0].last.value(), watched[1].last.value(), watched[0].most.value(), watched[1].most.value());
    }
    ended = run_spike(*load, watched, i);
    if (options.spikes > 20 && i % 20 == 0) fmt::print(stderr, "{} of {} spikes\n", i, options.spikes);
  }
  await_limits(watched, milliseconds(0), ended, options.spikes);
  if (options.steady_s > 0) hold_steady(*load, watched, seconds(options.steady_s));
  report(options, watched, low);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("LS spike to BE limit and back: a 100 ms loop beside a 1 s loop of the same binary, same spikes");
  app.add_option("--spikes", options.spikes, "number of spikes")->capture_default_str()->check(CLI::Range(1, 100'000));
  app.add_option("--seed", options.seed, "of the pauses between spikes")->capture_default_str();
  app.add_option("--steady", options.steady_s, "seconds of steady load at the end; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 3600));
  CLI11_PARSE(app, argc, argv);
  if (const auto missing = ScratchCgroup::missing(); !missing.empty()) {
    fmt::print("skipped: needs {}\n", missing);
    return 77;
  }
  return measure(options);
}
