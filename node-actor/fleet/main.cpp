// tideline-fleet: many simulated nodes against a real coordinator.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
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
#include "node-actor/fleet/run.h"

namespace {

namespace model = tideline::model;
namespace rehearsal = tideline::rehearsal;
namespace simulation = tideline::simulation;
using model::Result;

constexpr int kExitFault = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kMostNodes = 100'000;

std::atomic<bool> stop_wanted{false};

void ask_to_stop(int) {
  stop_wanted = true;
}

/// What the command line holds before it is checked.
struct Texts {
  std::string interval = "10s";
  std::string spread = "20s";
  std::string length = "5m";
  std::string row = "10s";
  std::string cpu = "32";
  std::string memory = "128Gi";
  std::string log_level = "warn";
  std::string loop = "1s";
  std::string trace_begin = "0";
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::vector<std::string> faults;
  unsigned valid_days = 30;
};

int fail(const model::Error& error, int code) {
  fmt::print(stderr, "tideline-fleet: {}\n", error.message());
  return code;
}

/// "0" is no duration for parse_duration.
Result<model::Duration> duration(const char* option, const std::string& text, bool zero) {
  if (zero && text == "0") return model::kZeroDuration;
  const auto parsed = model::parse_duration(text);
  if (!parsed) return parsed.error().in(option);
  return *parsed;
}

Result<void> settle_shape(const Texts& texts, simulation::HostShape& shape) {
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
  shape.cpu = *cpu;
  shape.memory = *memory;
  return {};
}

Result<void> settle_fleet(const Texts& texts, rehearsal::FleetConfig& config) {
  for (const auto& [option, text, target, zero] : {std::tuple("--interval", &texts.interval, &config.interval, false),
                                                   std::tuple("--spread", &texts.spread, &config.spread, true),
                                                   std::tuple("--for", &texts.length, &config.length, true),
                                                   std::tuple("--row", &texts.row, &config.row_every, false)}) {
    const auto parsed = duration(option, *text, zero);
    if (!parsed) return parsed.error();
    *target = *parsed;
  }
  if (config.interval < std::chrono::seconds(1) || config.interval > std::chrono::hours(1)) {
    return model::invalid(fmt::format("--interval {}: want 1s to 1h", texts.interval));
  }
  return rehearsal::check_prefix(config.prefix);
}

Result<void> settle_labels(const Texts& texts, std::map<std::string, std::string>& labels) {
  constexpr std::size_t kMaxLabels = 200;  // of a report, with those the fleet gives
  for (const auto& label : texts.labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return model::invalid(fmt::format("--label {}: want key=value", label));
    }
    if (label.size() > model::ReportLimits::kMaxTextBytes) {
      return model::invalid(fmt::format("--label {}...: {} bytes, limit {}", label.substr(0, 40), label.size(),
                                        model::ReportLimits::kMaxTextBytes));
    }
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (labels.size() <= kMaxLabels) return {};
  return model::invalid(fmt::format("--label: {} labels, limit {}", labels.size(), kMaxLabels));
}

Result<void> settle_annotations(const Texts& texts, model::NodeAnnotations& annotations) {
  for (const auto& annotation : texts.annotations) {
    const auto equals = annotation.find('=');
    if (equals == std::string::npos || equals == 0) {
      return model::invalid(fmt::format("--annotation {}: want key=value", annotation.substr(0, 40)));
    }
    annotations[annotation.substr(0, equals)] = annotation.substr(equals + 1);
  }
  if (const auto bounded = model::check_annotations(annotations); !bounded) return bounded.error().in("--annotation");
  return {};
}

Result<void> settle_run(const Texts& texts, rehearsal::RunConfig& config) {
  if (auto good = settle_fleet(texts, config); !good) return good;
  if (auto good = settle_shape(texts, config.shape); !good) return good;
  const auto loop = duration("--loop", texts.loop, false);
  if (!loop) return loop.error();
  if (*loop < std::chrono::milliseconds(100) || *loop > std::chrono::seconds(10)) {
    return model::invalid(fmt::format("--loop {}: want 100ms to 10s", texts.loop));
  }
  config.loop = *loop;
  const auto begin = duration("--trace-begin", texts.trace_begin, true);
  if (!begin) return begin.error();
  config.trace_begin = *begin;
  for (const auto& text : texts.faults) {
    auto fault = simulation::parse_fault(text);
    if (!fault) return fault.error().in("--fault");
    config.faults.push_back(*std::move(fault));
  }
  if (auto good = rehearsal::check_faults(config); !good) return good.error().in("--fault");
  if (auto good = settle_annotations(texts, config.annotations); !good) return good;
  return settle_labels(texts, config.labels);
}

void add_session_options(CLI::App& app, rehearsal::FleetConfig& config) {
  app.add_option("--coordinator", config.coordinators, "host:port; may be repeated")->required();
  app.add_option("--certs", config.certs, "directory that `tideline-fleet certs` filled")->required();
  app.add_option("--server-name", config.server_name, "DNS name the coordinator must prove")->capture_default_str();
  app.add_option("--nodes", config.nodes, "how many nodes")->required()->check(CLI::Range(std::size_t{1}, kMostNodes));
  app.add_option("--first", config.first, "number of the first node")
      ->check(CLI::Range(std::size_t{0}, kMostNodes))
      ->capture_default_str();
  app.add_option("--prefix", config.prefix, "of the nodes' names")->capture_default_str();
}

void add_shape_options(CLI::App& app, simulation::HostShape& shape, Texts& texts) {
  app.add_option("--pods", shape.pods, "of each node")
      ->check(CLI::Range(std::size_t{0}, model::ReportLimits::kMaxPods / 2))
      ->capture_default_str();
  app.add_option("--cpu", texts.cpu, "of each node")->capture_default_str();
  app.add_option("--memory", texts.memory, "of each node")->capture_default_str();
}

void add_pace_options(CLI::App& app, rehearsal::FleetConfig& config, Texts& texts) {
  app.add_option("--interval", texts.interval, "of each node's reports")->capture_default_str();
  app.add_option("--spread", texts.spread, "over which sessions are begun; 0: all at once")->capture_default_str();
  app.add_option("--for", texts.length, "how long; 0: until SIGINT or SIGTERM")->capture_default_str();
  app.add_option("--row", texts.row, "time between two lines")->capture_default_str();
  app.add_option("--seed", config.seed, "of loads and jitter")->capture_default_str();
  app.add_flag("--json", config.json, "a JSON object a line");
  app.add_option("--log-level", texts.log_level, "debug, info, warn, error or off")->capture_default_str();
}

CLI::App* add_certs(CLI::App& app, rehearsal::CertsRequest& request, Texts& texts) {
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
  return certs;
}

CLI::App* add_run(CLI::App& app, rehearsal::RunConfig& config, Texts& texts) {
  auto* run = app.add_subcommand(
      "run", "simulated hosts with the node's own sense and decide code, loads from a seed or a trace, and faults");
  add_session_options(*run, config);
  run->add_option("--state", config.state_dir, "directory of the nodes' spools, made where it is missing")->required();
  add_shape_options(*run, config.shape, texts);
  run->add_option("--label", texts.labels, "of all nodes, key=value, for policies that select nodes; may be repeated");
  run->add_option("--annotation", texts.annotations,
                  "of all nodes, key=value: what is reserved, given away, or another strategy; may be repeated");
  run->add_option("--loop", texts.loop, "of each agent, 100ms to 10s; pods are read each second at most")
      ->capture_default_str();
  run->add_option("--trace", config.traces, "file or directory with loads to repeat; may be repeated");
  run->add_option("--trace-begin", texts.trace_begin, "how far in the trace begins")->capture_default_str();
  run->add_option("--fault", texts.faults, "what goes wrong: KIND[:nodes=A-B][,at=30s][,for=60s]...; may be repeated");
  add_pace_options(*run, config, texts);
  run->footer(
      "Each host has CPUs shared by weight among services, batch (below the besteffort root, as kubelet has it) and\n"
      "the system, memory, and the knobs cpu.max and cpu.weight; policies that want others are told so. Services ask\n"
      "for CPU as the seed or a trace says, batch for all it may have. An evicted batch pod comes back after 1m.\n"
      "Reports wait in spools on disk, 8 MiB a node. This process killed is a power loss of all its hosts.\n"
      "\n"
      "Traces: .csv of our own (columns time_s,host,cpu_millicores and optionally pod, class, memory_bytes,\n"
      "cpu_request_millicores, memory_request_bytes) or of GWA-T-12 (Bitbrains), one file a machine. At its end a "
      "trace\n"
      "begins again.\n"
      "\n"
      "Faults: KIND[:nodes=A-B][,at=30s][,for=60s]...; of all nodes, from the begin, to the end unless said:\n"
      "  link-loss               the session is closed, and none can be begun; then back within --spread\n"
      "  flap:every=8s           the link goes and comes, half of that time each\n"
      "  crash                   the agent is killed, and started at the end: its spool and incarnation stay\n"
      "  power-loss              the host goes down, and boots at the end: a new incarnation, unsent reports are a "
      "gap\n"
      "  clock-skew:by=-30s      its wall clock is off: in reports, samples and events\n"
      "  slow-disk:delay=2s      each write takes that long: reports go out, acks, policies and hands-off count that\n"
      "                          much later\n"
      "  duplicate               a second agent with the node's name and certificate, and another incarnation\n"
      "\n"
      "Columns: sessions open now; lost, failed attempts, refused and acked in the time of the line; reports spooled\n"
      "now; p99 from sending to the ack; policies taken; agents down; hosts with a limit on batch, the sum of those\n"
      "limits, what batch and services use, in CPUs; kernel files written; rounds that this machine made too late.\n"
      "Example: tideline-fleet run --coordinator 127.0.0.1:7400 --certs tls --state state --nodes 200 --for 5m \\\n"
      "           --fault link-loss:nodes=0-49,at=1m,for=30s --fault crash:nodes=50,at=2m,for=10s");
  return run;
}

CLI::App* add_bench(CLI::App& app, rehearsal::BenchConfig& config, Texts& texts) {
  auto* bench = app.add_subcommand(
      "bench", "sessions and generated reports over the real link; no host and no control loop is simulated");
  add_session_options(*bench, config);
  add_shape_options(*bench, config.shape, texts);
  bench
      ->add_flag(
          "--pods-from-coordinator", config.pods_from_coordinator,
          "pods, labels and annotations as the coordinator has them of Kubernetes, in place of --pods; loads are "
          "generated all the same")
      ->excludes("--pods");
  bench->add_option("--samples", config.shape.samples, "in each report")
      ->check(CLI::Range(std::size_t{1}, model::ReportLimits::kMaxSamples))
      ->capture_default_str();
  add_pace_options(*bench, config, texts);
  bench->footer(
      "Columns: sessions open now; connected, lost, failed attempts, acked, refused in the time of the line;\n"
      "missed: a report was due while the one before had no answer; time from sending to the durable ack.\n"
      "Example: tideline-fleet bench --coordinator 127.0.0.1:7400 --certs tls --nodes 500 --for 2m");
  return bench;
}

void show_progress(std::size_t done, std::size_t of) {
  fmt::print(stderr, "certificates: {} of {} nodes\n", done, of);
}

int make_certs(rehearsal::CertsRequest& request, const Texts& texts) {
  request.valid = std::chrono::hours(24) * texts.valid_days;
  const auto done = rehearsal::issue_certs(request, show_progress);
  if (!done)
    return fail(done.error(), done.error().code() == model::ErrorCode::kInvalidArgument ? kExitUsage : kExitFault);
  fmt::print("{}: certificates of {} nodes, {} and {} people\n", request.directory, request.nodes, request.coordinator,
             request.people.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("tideline-fleet: many simulated nodes against a real coordinator");
  app.require_subcommand(1);
  rehearsal::RunConfig run_config;
  rehearsal::BenchConfig bench_config;
  rehearsal::CertsRequest request;
  Texts texts;
  const auto* certs = add_certs(app, request, texts);
  const auto* run = add_run(app, run_config, texts);
  add_bench(app, bench_config, texts);
  const auto* version = app.add_subcommand("version", "print the version");

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
  if (certs->parsed()) return make_certs(request, texts);
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  if (run->parsed()) {
    if (auto good = settle_run(texts, run_config); !good) return fail(good.error(), kExitUsage);
    const auto done = rehearsal::run_rehearsal(run_config, stop_wanted);
    return done ? 0 : fail(done.error(), kExitFault);
  }
  if (auto good = settle_fleet(texts, bench_config); !good) return fail(good.error(), kExitUsage);
  if (auto good = settle_shape(texts, bench_config.shape); !good) return fail(good.error(), kExitUsage);
  const auto done = rehearsal::run_bench(bench_config, stop_wanted);
  return done ? 0 : fail(done.error(), kExitFault);
}
