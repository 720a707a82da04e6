// tideline-loadgen: an open-loop HTTP client at a fixed rate; prints one JSON object.

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "deploy/demo/loadgen/client.h"

namespace {

using namespace tideline::loadgen;

std::chrono::nanoseconds from_seconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

std::string to_json(const LoadPlan& plan, const LoadResult& result, std::string_view scheduling) {
  return fmt::format(
      "{{\"rate_per_second\": {:.3f}, \"seconds\": {:.3f}, \"sent\": {}, \"ok\": {}, \"timeouts\": {}, \"errors\": {}, "
      "\"queued\": {}, \"p50_ms\": {:.4f}, \"p90_ms\": {:.4f}, \"p99_ms\": {:.4f}, \"p99_9_ms\": {:.4f}, "
      "\"max_ms\": {:.4f}, \"send_lag_p99_ms\": {:.4f}, \"achieved_per_second\": {:.3f}, \"cpu_seconds\": {:.4f}, "
      "\"scheduling\": \"{}\", \"first_error\": {}}}\n",
      plan.requests_per_second, std::chrono::duration<double>(plan.duration).count(), result.sent, result.ok,
      result.timeouts, result.errors, result.queued, result.latency.quantile_ms(0.5), result.latency.quantile_ms(0.9),
      result.latency.quantile_ms(0.99), result.latency.quantile_ms(0.999), result.latency.quantile_ms(1),
      result.send_lag.quantile_ms(0.99), result.achieved_per_second, result.cpu_seconds, scheduling,
      quoted(result.first_error));
}

/// From Linux 6.12 on a thread may ask to run in short slices and then, at its unchanged weight, goes before those with
/// longer ones at wake-up. Older kernels ignore the wish.
bool ask_for_short_slices() {
  // sched_setattr(2), SCHED_ATTR_SIZE_VER0: <linux/sched/types.h> cannot be included beside <sched.h>.
  struct {
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime_ns = 100'000;  // the shortest
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
  } attributes;
  static_assert(sizeof(attributes) == 48);
  return ::syscall(SYS_sched_setattr, 0, &attributes, 0U) == 0;
}

/// The client stands for one on another host and should wait for nobody here, or its own waiting is taken for the
/// service's. It goes before all ordinary threads where it may; send_lag_p99_ms tells how late it was.
std::string_view go_first() {
  sched_param first{};
  first.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_FIFO, &first) == 0) return "SCHED_FIFO";
  return ask_for_short_slices() ? "SCHED_OTHER in short slices" : "SCHED_OTHER";
}

}  // namespace

int main(int argc, char** argv) {
  LoadPlan plan;
  double warm_up = 1;
  double duration = 10;
  double timeout = 5;
  double burst_period = 1;
  CLI::App app(
      "Open-loop HTTP/1.1 client: requests have send times fixed by the rate, and each latency counts from that time "
      "to the end of the response, whether or not a connection was free.");
  app.add_option("--host", plan.host, "literal IPv4 or IPv6 address")->capture_default_str();
  app.add_option("--port", plan.port, "TCP port")->required();
  app.add_option("--path", plan.path, "request path")->capture_default_str();
  app.add_option("--rps", plan.requests_per_second, "requests a second")->required();
  app.add_option("--arrivals", plan.arrivals, "constant, poisson or bursts")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Arrivals>{
          {"constant", Arrivals::kConstant}, {"poisson", Arrivals::kPoisson}, {"bursts", Arrivals::kBursts}}));
  app.add_option("--burst-period", burst_period, "seconds from one burst to the next")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 3600.0));
  app.add_option("--burst-share", plan.bursts.share, "part of the period in which its requests come")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 1.0));
  app.add_option("--seed", plan.seed, "seed of poisson arrivals")->capture_default_str();
  app.add_option("--connections", plan.connections, "keep-alive connections")->capture_default_str();
  app.add_option("--warm-up", warm_up, "seconds sent but not counted")->capture_default_str();
  app.add_option("--seconds", duration, "seconds counted")->capture_default_str();
  app.add_option("--timeout", timeout, "seconds from the intended send time")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  plan.warm_up = from_seconds(warm_up);
  plan.duration = from_seconds(duration);
  plan.timeout = from_seconds(timeout);
  plan.bursts.period = from_seconds(burst_period);

  prctl(PR_SET_TIMERSLACK, 1UL);
  const auto scheduling = go_first();
  const auto result = run_load(plan);
  if (!result) {
    fmt::print(stderr, "tideline-loadgen: {}\n", result.error().message());
    return 1;
  }
  fmt::print("{}", to_json(plan, *result, scheduling));
  return 0;
}
