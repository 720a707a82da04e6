// tideline-node: the agent of one host. `run` is the supervisor, which starts this program again as `worker`.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"
#include "node-actor/actor/audit_out.h"
#include "node-actor/actor/worker.h"
#include "node-actor/enrol/enroller.h"
#include "node-actor/guard/audit_ring.h"
#include "node-actor/guard/restore.h"
#include "node-actor/guard/slow_writer.h"
#include "node-actor/guard/supervisor.h"

namespace {

using tideline::model::Result;
namespace enrol = tideline::enrol;
namespace guard = tideline::guard;
namespace log = tideline::log;
namespace model = tideline::model;
namespace node = tideline::node;

constexpr int kExitUsage = 2;
/// The supervisor does not start a worker again that ended with it (sysexits.h EX_CONFIG).
constexpr int kExitConfig = 78;

/// What the command line holds before it is checked.
struct Arguments {
  node::NodeConfig config;
  std::string node_name;
  std::string kernel_root;
  std::string kubelet_dir;
  std::string driver;
  std::string pods_from = "file";
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::string reserved_cpu = "0";
  std::string reserved_memory = "0";
  std::string reserved_cpus;
  std::string fast_interval = "100ms";
  std::string pod_interval = "1s";
  std::string report_interval = "10s";
  std::string quota_period = "auto";
  std::string lease = "2s";
  node::Bootstrap bootstrap;
  std::string reconnect_spread = "20s";
  std::string record_max = "64Mi";
  std::string log_level = "info";
  model::Duration lease_duration{0};
};

Result<model::Duration> bounded(std::string_view flag, const std::string& text, model::Duration low,
                                model::Duration high) {
  const auto parsed = model::parse_duration(text);
  if (!parsed) return parsed.error().in(flag);
  if (*parsed < low || *parsed > high) {
    using std::chrono::milliseconds;
    return model::Error(
        model::ErrorCode::kInvalidArgument,
        fmt::format("{} {}: want {} ms to {} ms", flag, text, std::chrono::duration_cast<milliseconds>(low).count(),
                    std::chrono::duration_cast<milliseconds>(high).count()));
  }
  return *parsed;
}

Result<void> settle_intervals(Arguments& arguments) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  auto& config = arguments.config;
  const auto fast = bounded("--fast-interval", arguments.fast_interval, milliseconds(20), seconds(1));
  if (!fast) return fast.error();
  const auto pods = bounded("--pod-interval", arguments.pod_interval, *fast, seconds(10));
  if (!pods) return pods.error();
  const auto report = bounded("--report-interval", arguments.report_interval, seconds(1), seconds(300));
  if (!report) return report.error();
  if (*report / *pods > static_cast<std::int64_t>(model::ReportLimits::kMaxSamples)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--report-interval {} of --pod-interval {}: {} samples a report, limit {}",
                                    arguments.report_interval, arguments.pod_interval, *report / *pods,
                                    model::ReportLimits::kMaxSamples));
  }
  const auto lease =
      bounded("--lease", arguments.lease, std::max<model::Duration>(*fast * 4, milliseconds(200)), seconds(60));
  if (!lease) return lease.error();
  const auto spread = bounded("--reconnect", arguments.reconnect_spread, milliseconds(100), seconds(600));
  if (!spread) return spread.error();
  if (arguments.quota_period != "auto") {
    const auto period = bounded("--quota-period", arguments.quota_period, milliseconds(10), seconds(1));
    if (!period) return period.error();
    config.quota_period = *period;
  }
  config.reconnect_spread = *spread;
  config.fast_interval = *fast;
  config.pod_interval = *pods;
  config.report_interval = *report;
  arguments.lease_duration = *lease;
  return {};
}

Result<void> settle_pair(const char* option, const std::string& text, std::size_t most_bytes,
                         std::map<std::string, std::string>& into) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return model::invalid(fmt::format("{} {}: want key=value", option, text));
  }
  if (text.size() > most_bytes) {
    return model::invalid(
        fmt::format("{} {}...: {} bytes, limit {}", option, text.substr(0, equals), text.size(), most_bytes));
  }
  into[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

/// What cannot be read is refused: the coordinator would offer nothing of this host.
Result<void> settle_annotations(Arguments& arguments) {
  auto& annotations = arguments.config.annotations;
  for (const auto& annotation : arguments.annotations) {
    const auto good = settle_pair("--annotation", annotation, model::AnnotationLimits::kMaxBytes, annotations);
    if (!good) return good;
  }
  if (const auto bounded = model::check_annotations(annotations); !bounded) return bounded.error().in("--annotation");
  const auto claims = model::read_claims(annotations);
  for (const auto* problems : {&claims.unreadable, &claims.problems}) {
    if (!problems->empty()) return model::invalid(model::text_of(problems->front())).in("--annotation");
  }
  return {};
}

Result<void> settle_labels(Arguments& arguments) {
  for (const auto& label : arguments.labels) {
    const auto good = settle_pair("--label", label, model::ReportLimits::kMaxTextBytes, arguments.config.labels);
    if (!good) return good;
  }
  const auto count = arguments.config.labels.size();
  if (count > model::ReportLimits::kMaxLabels) {
    return model::invalid(fmt::format("--label: {} labels, limit {}", count, model::ReportLimits::kMaxLabels));
  }
  return {};
}

/// What the coordinator tells has no second source.
Result<void> settle_pods_source(Arguments& arguments) {
  auto& config = arguments.config;
  if (arguments.pods_from == "file") {
    if (config.pods_file.empty()) return model::invalid("--pods-file is required, or --pods-from coordinator");
    return {};
  }
  if (arguments.pods_from != "coordinator") {
    return model::invalid(fmt::format("--pods-from {}: want file or coordinator", arguments.pods_from));
  }
  config.pods_from = node::PodsFrom::kCoordinator;
  const auto refuse = [](const char* option, const char* what) {
    return model::invalid(
        fmt::format("{} beside --pods-from coordinator: the coordinator tells the node's {}", option, what));
  };
  if (!config.pods_file.empty()) return refuse("--pods-file", "pods");
  if (!arguments.labels.empty()) return refuse("--label", "labels");
  if (!arguments.annotations.empty()) return refuse("--annotation", "annotations");
  return {};
}

/// Where the node's certificate is asked for, if anywhere.
Result<void> settle_bootstrap(Arguments& arguments) {
  auto& bootstrap = arguments.bootstrap;
  if (bootstrap.address.empty()) {
    const auto refuse = [](const char* option, const std::string& value) {
      return model::invalid(
          fmt::format("{} {}: nobody is asked for a certificate: give --bootstrap HOST:PORT as well", option, value));
    };
    if (!bootstrap.ca_file.empty()) return refuse("--bootstrap-ca", bootstrap.ca_file);
    if (!bootstrap.token_file.empty()) return refuse("--bootstrap-token", bootstrap.token_file);
    return {};
  }
  if (bootstrap.token_file.empty()) bootstrap.token_file = enrol::kDefaultTokenFile;
  if (bootstrap.ca_file.empty()) {
    return model::invalid(fmt::format(
        "--bootstrap {}: --bootstrap-ca is missing; the token is shown to nobody who is not known", bootstrap.address));
  }
  arguments.config.bootstrap = bootstrap;
  return {};
}

/// After the kernel root. A simulated host has a kubelet only where one is named.
Result<void> settle_kubelet(Arguments& arguments) {
  auto& kubelet = arguments.config.kubelet;
  const bool named = !arguments.kubelet_dir.empty();
  if (named && !arguments.kubelet_dir.starts_with('/')) {
    return model::invalid(fmt::format("--kubelet-dir {}: want an absolute path", arguments.kubelet_dir));
  }
  if (named) kubelet.path = arguments.kubelet_dir;
  kubelet.path = arguments.kernel_root + kubelet.path;
  kubelet.required = named || (!arguments.kernel_root.empty() && !arguments.config.simulated);
  return {};
}

/// Checks and completes the configuration from the command line.
Result<void> settle(Arguments& arguments) {
  auto& config = arguments.config;
  if (arguments.node_name.empty()) {
    char name[256] = {};
    if (::gethostname(name, sizeof(name) - 1) != 0) {
      return model::Error(model::ErrorCode::kInvalidArgument, "--node-name is not given and the host has no name");
    }
    arguments.node_name = name;
  }
  config.name = model::NodeName(arguments.node_name);
  if (!arguments.kernel_root.empty()) {
    config.kernel = tideline::kernel::KernelRoot::below(arguments.kernel_root);
    std::error_code unreadable;
    config.simulated = !std::filesystem::exists(arguments.kernel_root + "/proc/self/stat", unreadable);
  }
  if (const auto kubelet = settle_kubelet(arguments); !kubelet) return kubelet;
  if (!arguments.driver.empty()) {
    config.tree.driver = tideline::kernel::cgroup_driver_from(arguments.driver);
    if (!config.tree.driver) {
      return model::Error(model::ErrorCode::kInvalidArgument,
                          fmt::format("--cgroup-driver {}: want cgroupfs or systemd", arguments.driver));
    }
  }
  const auto cpu = model::parse_cpu(arguments.reserved_cpu);
  if (!cpu) return cpu.error().in("--reserved-cpu");
  config.cpu_reserved = *cpu;
  const auto memory = model::parse_bytes(arguments.reserved_memory);
  if (!memory) return memory.error().in("--reserved-memory");
  config.memory_reserved = *memory;
  auto cpus = model::CpuSet::parse(arguments.reserved_cpus);
  if (!cpus) return cpus.error().in("--reserved-cpus");
  config.cpus_reserved = std::move(*cpus);
  const auto record = model::parse_bytes(arguments.record_max);
  if (!record) return record.error().in("--record-max");
  if (*record < model::Bytes(1 << 20)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--record-max {}: want at least 1Mi", arguments.record_max));
  }
  config.record_max_bytes = static_cast<std::size_t>(record->value());
  if (const auto intervals = settle_intervals(arguments); !intervals) return intervals;
  if (const auto source = settle_pods_source(arguments); !source) return source;
  if (const auto bootstrap = settle_bootstrap(arguments); !bootstrap) return bootstrap;
  if (const auto annotations = settle_annotations(arguments); !annotations) return annotations;
  return settle_labels(arguments);
}

void add_host_options(CLI::App& app, Arguments& arguments) {
  auto& config = arguments.config;
  app.add_option("--kubepods", config.tree.kubepods,
                 "group that holds all pods, relative to the cgroup root (default: kubepods.slice or kubepods)");
  app.add_option("--cgroup-driver", arguments.driver, "cgroupfs or systemd (default: from the name of --kubepods)");
  app.add_option("--kernel-root", arguments.kernel_root,
                 "directory below which sys, proc and kubelet's directory of the host lie, e.g. /host (default: /)");
  app.add_option(
      "--kubelet-dir", arguments.kubelet_dir,
      "kubelet's --root-dir on the host, where its CPU manager's state is (default: /var/lib/kubelet, and no "
      "kubelet where that is not there; below --kernel-root it must be there)");
}

void add_agent_options(CLI::App& app, Arguments& arguments) {
  auto& config = arguments.config;
  app.add_option("--node-name", arguments.node_name, "this node's name, as in its certificate (default: host name)");
  app.add_option("--coordinator", config.coordinators, "address of a coordinator, host:port; may be repeated")
      ->required();
  app.add_option("--server-name", config.server_name, "DNS name the coordinator's certificate must carry")
      ->capture_default_str();
  app.add_option("--tls-cert", config.tls.certificate, "PEM file: certificate with DNS SAN <node>.node.tideline");
  app.add_option("--tls-key", config.tls.key, "PEM file: its private key");
  app.add_option("--tls-ca", config.tls.ca, "PEM file: authorities whose coordinators are trusted");
  app.add_option("--bootstrap", arguments.bootstrap.address,
                 "address of a coordinator's bootstrap port, host:port: certificate, key and authorities are asked for "
                 "there, written to --tls-cert, --tls-key and --tls-ca, files of one directory, and renewed");
  app.add_option("--bootstrap-token", arguments.bootstrap.token_file,
                 std::string("file with the service-account token that says which node this is (default: ") +
                     enrol::kDefaultTokenFile + ")");
  app.add_option("--bootstrap-ca", arguments.bootstrap.ca_file,
                 "PEM file: authorities by which the coordinator is known there; required with --bootstrap");
  app.add_option("--state-dir", config.state_dir,
                 "journal, spool, audit ring, last policy and pods; on the host, not in a container")
      ->capture_default_str();
  app.add_option("--pods-from", arguments.pods_from,
                 "file, or coordinator: that tells the node's pods, labels, annotations and allocatable, as Kubernetes "
                 "has them")
      ->capture_default_str();
  app.add_option("--pods-file", config.pods_file,
                 "JSON file with the pods of this host (docs/pods-file.md); required with --pods-from file");
  app.add_option("--label", arguments.labels, "node label key=value, for policies that select nodes; may be repeated");
  app.add_option(
      "--annotation", arguments.annotations,
      "node annotation key=value: what is reserved, given away by other schedulers, or another strategy; may "
      "be repeated");
  app.add_option("--reserved-cpu", arguments.reserved_cpu,
                 "CPU kept for the system, e.g. 500m; where the coordinator tells what is allocatable, that counts")
      ->capture_default_str();
  app.add_option("--reserved-memory", arguments.reserved_memory, "memory kept for the system, e.g. 1Gi; likewise")
      ->capture_default_str();
  app.add_option("--reserved-cpus", arguments.reserved_cpus,
                 "CPUs kept for the system, e.g. 0-1: neither batch nor the pool of services is put on them");
  app.add_option("--fast-interval", arguments.fast_interval, "control loop, 20ms to 1s")->capture_default_str();
  app.add_option("--pod-interval", arguments.pod_interval, "pod readings, up to 10s")->capture_default_str();
  app.add_option("--report-interval", arguments.report_interval, "reports to the coordinator, 1s to 300s")
      ->capture_default_str();
  app.add_option("--quota-period", arguments.quota_period,
                 "period of the quota on the besteffort root, 10ms to 1s, or auto: 1s from Linux 6.18 on, else 100ms")
      ->capture_default_str();
  app.add_option("--reconnect", arguments.reconnect_spread,
                 "after a lost coordinator each node waits a random part of this, so that not all come back at once")
      ->capture_default_str();
  app.add_option("--lease", arguments.lease, "silence after which a hung worker is killed and the host put right")
      ->capture_default_str();
  app.add_option("--record", config.record_file, "record inputs, decisions and writes to this file, for replay");
  app.add_option("--record-max", arguments.record_max, "bytes that recording may use")->capture_default_str();
  app.add_option("--log-level", arguments.log_level, "debug, info, warn, error or off")->capture_default_str();
  add_host_options(app, arguments);
}

int fail(const model::Error& error, int code = 1) {
  fmt::print(stderr, "tideline-node: {}\n", error.message());
  return code;
}

int supervise(const Arguments& arguments, int argc, char** argv) {
  guard::SupervisorConfig config;
  config.state_dir = arguments.config.state_dir;
  config.worker_argv = {"/proc/self/exe"};
  bool replaced = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool is_command = !replaced && argument == "run";
    config.worker_argv.push_back(is_command ? "worker" : argument);
    replaced = replaced || is_command;
  }
  config.lease = arguments.lease_duration;
  config.ordering_verified = [&] { return node::ordering_verified(arguments.config); };
  config.log = [](bool bad, const std::string& text) {
    log::write(bad ? log::Level::kError : log::Level::kInfo, "supervisor", text);
  };
  const auto code = guard::run_supervisor(config);
  return code ? *code : fail(code.error());
}

int work(const Arguments& arguments) {
  const auto ticket = guard::worker_ticket();
  if (!ticket) {
    return fail({model::ErrorCode::kInvalidArgument, "`worker` is started by `run`, not by hand"}, kExitUsage);
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto code = node::run_worker(arguments.config, *ticket);
  if (code) return *code;
  // A bad configuration stays bad; everything else may be better at the next try.
  return fail(code.error(), code.error().code() == model::ErrorCode::kInvalidArgument ? kExitConfig : 1);
}

int release(const std::string& state_dir) {
  std::error_code problem;
  if (!std::filesystem::exists(state_dir, problem)) {
    return fail({model::ErrorCode::kNotFound,
                 fmt::format("--state-dir {}: {}", state_dir, problem ? problem.message() : "no such directory")});
  }
  const auto report = guard::restore_all(state_dir);
  if (!report) return fail(report.error());
  const auto text = report->text();
  fmt::print("{}", text.empty() ? "nothing to restore\n" : text);
  return report->complete() ? 0 : 1;
}

struct AuditArguments {
  std::string since;
  std::string subject_part;
  bool json = false;
};

int audit(const std::string& state_dir, const AuditArguments& asked) {
  node::AuditFilter filter{.since = {}, .subject_part = asked.subject_part};
  if (!asked.since.empty()) {
    const auto since = model::parse_duration(asked.since);
    if (!since) return fail(since.error().in("--since"), kExitUsage);
    filter.since = model::WallTime{tideline::clock::wall_now().ms - model::to_ms(*since)};
  }
  const auto reading = guard::read_audit(state_dir);
  if (!reading) return fail(reading.error().in("--state-dir " + state_dir));
  for (const auto& note : reading->notes)
    fmt::print(stderr, "tideline-node: {}\n", note);
  const auto& records = reading->records;
  fmt::print("{}", asked.json ? node::audit_json(records, filter) : node::audit_text(records, filter));
  return 0;
}

int write_slowly(const std::string& state_dir, std::uint64_t epoch) {
  const int code = guard::run_slow_writer(guard::kSlowWriterSocket, state_dir, epoch);
  if (code != guard::kSlowWriterUsage) return code;
  return fail({model::ErrorCode::kInvalidArgument, "`slow-writer` is started by a worker, not by hand"}, kExitUsage);
}

int print_check(const node::NodeConfig& config) {
  bool ok = true;
  for (const auto& finding : node::check(config)) {
    fmt::print("{} {}\n", finding.ok ? "ok  " : "FAIL", finding.what);
    ok = ok && finding.ok;
  }
  return ok ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Arguments arguments;
  CLI::App app("tideline-node: owns one host's cgroups so that batch work is not felt by services");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  tideline-node run --node-name n1 --coordinator 10.0.0.5:7400 --pods-file /etc/tideline/pods.json \\\n"
      "      --tls-cert /etc/tideline/node.crt --tls-key /etc/tideline/node.key --tls-ca /etc/tideline/ca.crt\n"
      "  tideline-node run --node-name n1 --coordinator 10.0.0.5:7400 --pods-from coordinator ...TLS files...\n"
      "  tideline-node run ...same options... --bootstrap 10.0.0.5:7403 --bootstrap-ca /etc/tideline/bootstrap/ca.crt\n"
      "  tideline-node check ...same options...   # says what is wrong before anything runs\n"
      "  tideline-node release                    # puts every kernel file back as it was\n"
      "  tideline-node audit --since 2h           # what was written on this host, and why");
  auto* run = app.add_subcommand("run", "run the agent until it is told to stop");
  add_agent_options(*run, arguments);
  auto* worker = app.add_subcommand("worker", "")->group("");
  add_agent_options(*worker, arguments);
  std::string slow_state_dir;
  std::uint64_t slow_epoch = 0;
  auto* slow_writer = app.add_subcommand("slow-writer", "")->group("");
  slow_writer->add_option("state-dir", slow_state_dir)->required();
  slow_writer->add_option("epoch", slow_epoch)->required();
  auto* check = app.add_subcommand("check", "check options, TLS files, pods and cgroup tree, change nothing");
  add_agent_options(*check, arguments);
  auto* released =
      app.add_subcommand("release", "restore every kernel file that an agent changed and did not put back");
  released->add_option("--state-dir", arguments.config.state_dir, "state directory of that agent")
      ->capture_default_str();
  AuditArguments asked;
  auto* audited =
      app.add_subcommand("audit", "print what was done to this host and why, oldest first, from its own disk");
  audited->add_option("--state-dir", arguments.config.state_dir, "state directory of that agent")
      ->capture_default_str();
  audited->add_option("--since", asked.since, "only the last so long, e.g. 2h (default: all that is kept)");
  audited->add_option("--file", asked.subject_part, "only files, pods and groups whose name has this part");
  audited->add_flag("--json", asked.json, "as one JSON document");
  auto* version = app.add_subcommand("version", "print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }
  if (version->parsed()) {
    fmt::print("tideline-node {}\n", TIDELINE_VERSION);
    return 0;
  }
  if (slow_writer->parsed()) return write_slowly(slow_state_dir, slow_epoch);
  if (released->parsed()) return release(arguments.config.state_dir);
  if (audited->parsed()) return audit(arguments.config.state_dir, asked);

  if (const auto settled = settle(arguments); !settled) return fail(settled.error(), kExitUsage);
  if (const auto log = log::init("tideline-node", arguments.log_level); !log) {
    return fail(log.error().in("--log-level"), kExitUsage);
  }
  if (check->parsed()) return print_check(arguments.config);
  if (worker->parsed()) return work(arguments);
  // Refused before anything runs: a node without an identity, or a way to one, must not start.
  if (const auto identity = node::check_identity(arguments.config); !identity)
    return fail(identity.error(), kExitUsage);
  return supervise(arguments, argc, argv);
}
