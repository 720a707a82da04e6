// tideline-fleet: many simulated nodes against a real coordinator.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "messages/log/log.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"
#include "node-actor/fleet/bench.h"
#include "node-actor/fleet/issue_certs.h"
#include "node-actor/fleet/node_names.h"

namespace {

namespace model = tideline::model;
namespace rehearsal = tideline::rehearsal;

constexpr int kExitFault = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kMostNodes = 100'000;

std::atomic<bool> stop_wanted{false};

void ask_to_stop(int) {
  stop_wanted = true;
}

struct Texts {
  std::string interval = "10s";
  std::string spread = "20s";
  std::string length = "5m";
  std::string row = "10s";
  std::string cpu = "32";
  std::string memory = "128Gi";
  std::string log_level = "warn";
  unsigned valid_days = 30;
};

int fail(const model::Error& error, int code) {
  fmt::print(stderr, "tideline-fleet: {}\n", error.message());
  return code;
}

/// "0" is no duration for parse_duration.
model::Result<model::Duration> duration(const char* option, const std::string& text, bool zero) {
  if (zero && text == "0") return model::kZeroDuration;
  const auto parsed = model::parse_duration(text);
  if (!parsed) return parsed.error().in(option);
  return *parsed;
}

model::Result<void> settle(const Texts& texts, rehearsal::BenchConfig& config) {
  for (const auto& [option, text, target, zero] : {std::tuple("--interval", &texts.interval, &config.interval, false),
                                                   std::tuple("--spread", &texts.spread, &config.spread, true),
                                                   std::tuple("--for", &texts.length, &config.length, true),
                                                   std::tuple("--row", &texts.row, &config.row_every, false)}) {
    const auto parsed = duration(option, *text, zero);
    if (!parsed) return parsed.error();
    *target = *parsed;
  }
  const auto cpu = model::parse_cpu(texts.cpu);
  if (!cpu) return cpu.error().in("--cpu");
  const auto memory = model::parse_bytes(texts.memory);
  if (!memory) return memory.error().in("--memory");
  if (cpu->value() == 0 || cpu->value() > model::ReportLimits::kMaxMilliCpu) {
    return model::invalid(fmt::format("--cpu {}: want more than 0 and at most 10k", texts.cpu));
  }
  if (memory->value() == 0 || memory->value() > model::ReportLimits::kMaxMemoryBytes) {
    return model::invalid(fmt::format("--memory {}: want more than 0 and at most 1Pi", texts.memory));
  }
  if (config.interval < std::chrono::seconds(1) || config.interval > std::chrono::hours(1)) {
    return model::invalid(fmt::format("--interval {}: want 1s to 1h", texts.interval));
  }
  config.shape.cpu = *cpu;
  config.shape.memory = *memory;
  return rehearsal::check_prefix(config.prefix);
}

void show_progress(std::size_t done, std::size_t of) {
  fmt::print(stderr, "certificates: {} of {} nodes\n", done, of);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("tideline-fleet: many simulated nodes against a real coordinator");
  app.require_subcommand(1);
  rehearsal::BenchConfig config;
  rehearsal::CertsRequest request;
  Texts texts;

  auto* certs = app.add_subcommand("certs", "make certificates for a rehearsal: authority, coordinator, people, nodes");
  certs->add_option("--dir", request.directory, "directory for them; its authority is used again")->required();
  certs->add_option("--nodes", request.nodes, "how many nodes")
      ->required()
      ->check(CLI::Range(std::size_t{0}, kMostNodes));
  certs->add_option("--first", request.first, "number of the first node")
      ->check(CLI::Range(std::size_t{0}, kMostNodes))
      ->capture_default_str();
  certs->add_option("--prefix", request.prefix, "of the nodes' names")->capture_default_str();
  certs->add_option("--person", request.people, "role:name of a person, e.g. viewer:ann; may be repeated");
  certs->add_option("--server-name", request.coordinator, "DNS name in the coordinator's certificate")
      ->capture_default_str();
  certs->add_option("--days", texts.valid_days, "how long they are valid")
      ->check(CLI::Range(1U, 3650U))
      ->capture_default_str();
  certs->footer(
      "Files: ca.crt, ca.key, server-NAME.{crt,key}, ROLE-NAME.{crt,key}, node-NAME.{crt,key}.\n"
      "Example: tideline-fleet certs --dir tls --nodes 500 --person admin:me");

  auto* bench = app.add_subcommand(
      "bench", "sessions and generated reports over the real link; no host and no control loop is simulated");
  bench->add_option("--coordinator", config.coordinators, "host:port; may be repeated")->required();
  bench->add_option("--certs", config.certs, "directory that `tideline-fleet certs` filled")->required();
  bench->add_option("--server-name", config.server_name, "DNS name the coordinator must prove")->capture_default_str();
  bench->add_option("--nodes", config.nodes, "how many nodes")
      ->required()
      ->check(CLI::Range(std::size_t{1}, kMostNodes));
  bench->add_option("--first", config.first, "number of the first node")
      ->check(CLI::Range(std::size_t{0}, kMostNodes))
      ->capture_default_str();
  bench->add_option("--prefix", config.prefix, "of the nodes' names")->capture_default_str();
  bench->add_option("--pods", config.shape.pods, "of each node")
      ->check(CLI::Range(std::size_t{0}, model::ReportLimits::kMaxPods / 2))
      ->capture_default_str();
  bench->add_option("--samples", config.shape.samples, "in each report")
      ->check(CLI::Range(std::size_t{1}, model::ReportLimits::kMaxSamples))
      ->capture_default_str();
  bench->add_option("--cpu", texts.cpu, "of each node")->capture_default_str();
  bench->add_option("--memory", texts.memory, "of each node")->capture_default_str();
  bench->add_option("--interval", texts.interval, "of each node's reports")->capture_default_str();
  bench->add_option("--spread", texts.spread, "over which sessions are begun; 0: all at once")->capture_default_str();
  bench->add_option("--for", texts.length, "how long; 0: until SIGINT or SIGTERM")->capture_default_str();
  bench->add_option("--row", texts.row, "time between two lines")->capture_default_str();
  bench->add_option("--seed", config.seed, "of loads and jitter")->capture_default_str();
  bench->add_flag("--json", config.json, "a JSON object a line");
  bench->add_option("--log-level", texts.log_level, "debug, info, warn, error or off")->capture_default_str();
  bench->footer(
      "Columns: sessions open now; connected, lost, failed attempts, acked, refused in the time of the line;\n"
      "missed: a report was due while the one before had no answer; time from sending to the durable ack.\n"
      "Example: tideline-fleet bench --coordinator 127.0.0.1:7400 --certs tls --nodes 500 --for 2m");

  auto* version = app.add_subcommand("version", "print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : kExitUsage;
  }
  if (version->parsed()) {
    fmt::print("tideline-fleet {}\n", TIDELINE_VERSION);
    return 0;
  }
  if (auto ready = tideline::log::init("tideline-fleet", texts.log_level); !ready)
    return fail(ready.error(), kExitUsage);
  if (certs->parsed()) {
    request.valid = std::chrono::hours(24) * texts.valid_days;
    const auto done = rehearsal::issue_certs(request, show_progress);
    if (!done)
      return fail(done.error(), done.error().code() == model::ErrorCode::kInvalidArgument ? kExitUsage : kExitFault);
    fmt::print("{}: certificates of {} nodes, {} and {} people\n", request.directory, request.nodes,
               request.coordinator, request.people.size());
    return 0;
  }
  if (auto good = settle(texts, config); !good) return fail(good.error(), kExitUsage);
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  const auto done = rehearsal::run_bench(config, stop_wanted);
  return done ? 0 : fail(done.error(), kExitFault);
}
