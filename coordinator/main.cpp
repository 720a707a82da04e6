// tideline-coordinator: history, ledger and policy of the whole fleet.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coordinator/actor/coordinator.h"
#include "coordinator/actor/policy_actor.h"
#include "coordinator/actor/policy_dir.h"
#include "coordinator/admin/container.h"
#include "coordinator/admin/server.h"
#include "coordinator/bootstrap_options.h"
#include "coordinator/history_options.h"
#include "coordinator/kubernetes_options.h"
#include "coordinator/ledger_options.h"
#include "coordinator/remote_write_options.h"
#include "coordinator/standby.h"
#include "coordinator/web/server.h"
#include "coordinator/web/switched_backend.h"
#include "k8s-bridge/actor/kubernetes_bridge.h"
#include "k8s-bridge/actor/token_reviewer.h"
#include "k8s-bridge/leader/leadership.h"
#include "messages/clock/term.h"
#include "messages/link/deny_list.h"
#include "messages/log/log.h"
#include "messages/model/quantity.h"
#include "storage/rocks/rocks_store.h"

namespace {

using tideline::model::Result;
namespace admin = tideline::admin;
namespace coordinator = tideline::coordinator;
namespace k8s_api = tideline::k8s_api;
namespace leader = tideline::leader;
namespace log = tideline::log;
namespace model = tideline::model;
namespace program = tideline::program;
namespace remote_write = tideline::remote_write;
namespace rocks = tideline::rocks;
namespace standby = tideline::standby;
namespace web = tideline::web;

constexpr int kExitFault = 1;
constexpr int kExitUsage = 2;
constexpr int kExitLeaseLost = 3;
constexpr unsigned kBrokenStopSeconds = 10;
constexpr const char* kHistory = "/history";  // below --data-dir
// Well above the time below which a node takes the end of its session for a failure, and waits longer each time.
constexpr auto kShortestSessionAge = std::chrono::seconds(10);

struct Arguments {
  coordinator::CoordinatorConfig config;
  std::string admin_listen = "127.0.0.1:7401";
  std::string admin_socket = "/run/tideline/admin.sock";
  std::string web_listen = "127.0.0.1:7402";
  bool admin_socket_given = false;
  bool no_admin_socket = false;
  bool admin_socket_in_container = false;
  std::string data_dir = "/var/lib/tideline-coordinator";
  std::string policy_source;
  program::KubernetesArguments kubernetes;
  standby::LeaseArguments lease;
  tideline::lease::ElectorOptions elector;
  program::BootstrapArguments bootstrap;
  std::optional<program::BootstrapPlan> bootstrap_plan;
  program::RemoteWriteArguments remote_write;
  std::optional<tideline::remote_write::RemoteWriteConfig> remote_write_plan;
  program::HistoryArguments history;
  program::LedgerArguments ledger;
  std::optional<tideline::ledger_recorder::RecorderConfig> ledger_plan;
  std::string commit_window = "20ms";
  std::string session_max_age = "12h";
  std::string ports_file;
  std::string log_level = "info";
};

int fail(const model::Error& error, int code = 1) {
  fmt::print(stderr, "tideline-coordinator: {}\n", error.message());
  return code;
}

bool left_out_in_container(const Arguments& arguments) {
  return !arguments.no_admin_socket && !arguments.admin_socket_in_container && admin::in_container();
}

Result<void> settle(Arguments& arguments) {
  auto source = program::settle_policy_source(arguments.policy_source, arguments.kubernetes);
  if (!source) return source.error();
  arguments.config.policy = *std::move(source);
  if (const auto kubernetes = program::settle_kubernetes(arguments.kubernetes, arguments.lease.elect); !kubernetes) {
    return kubernetes.error();
  }
  if (arguments.lease.elect) {
    auto options = standby::elector_options(arguments.lease);
    if (!options) return options.error();
    arguments.elector = *std::move(options);
  } else if (!arguments.lease.given.empty()) {
    return model::invalid(arguments.lease.given + ": want --leader-elect as well");
  }
  auto plan = program::plan_bootstrap(arguments.bootstrap, arguments.config.tls, arguments.config.denied_names_file,
                                      arguments.kubernetes.enabled);
  if (!plan) return plan.error();
  arguments.bootstrap_plan = *std::move(plan);
  if (arguments.bootstrap_plan) {
    arguments.bootstrap_plan->config.questions_a_second =
        tideline::bridge::token_questions_a_second(arguments.kubernetes.requests_a_second);
  }
  auto written = program::plan_remote_write(arguments.remote_write);
  if (!written) return written.error();
  arguments.remote_write_plan = *std::move(written);
  auto recorded = program::plan_ledger_recording(arguments.ledger);
  if (!recorded) return recorded.error();
  arguments.ledger_plan = *std::move(recorded);
  const auto history = program::settle_history(arguments.history, arguments.data_dir + kHistory, arguments.config);
  if (!history) return history.error();
  const auto window = model::parse_duration(arguments.commit_window);
  if (!window) return window.error().in("--commit-window");
  if (*window > std::chrono::seconds(1)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--commit-window {}: want at most 1s", arguments.commit_window));
  }
  if (arguments.admin_socket_given && left_out_in_container(arguments)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--admin-socket {}: this is a container, where uid 0 is not the host's root: give "
                                    "--admin-socket-in-container as well, or leave the path out",
                                    arguments.admin_socket));
  }
  const auto max_age = model::parse_duration(arguments.session_max_age);
  if (!max_age) return max_age.error().in("--session-max-age");
  if (*max_age < kShortestSessionAge) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--session-max-age {}: want at least 10s", arguments.session_max_age));
  }
  auto& session = arguments.config.session;
  session.max_age = *max_age;
  // Else short ages had no jitter.
  session.least_age = std::min(session.least_age, *max_age / 4 * 3);
  arguments.config.commit_window = *window;
  return {};
}

/// A session is a file descriptor; the usual soft limit is 1024.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// nullopt: there is no such port.
Result<void> write_ports(const std::string& path, std::uint16_t node, std::uint16_t admin_port, std::uint16_t web_port,
                         std::optional<std::uint16_t> bootstrap) {
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "we");
  const std::string text = fmt::format("{{\"node\":{},\"admin\":{},\"web\":{}{}}}\n", node, admin_port, web_port,
                                       bootstrap ? fmt::format(",\"bootstrap\":{}", *bootstrap) : "");
  const bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file == nullptr || std::fclose(file) != 0 || !written || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return model::Error(model::ErrorCode::kUnavailable, fmt::format("--ports-file {}: cannot be written", path));
  }
  return {};
}

admin::AdminServerConfig admin_config(const Arguments& arguments) {
  admin::AdminServerConfig config;
  config.listen = arguments.admin_listen;
  config.tls = arguments.config.tls;
  config.denied_names_file = arguments.config.denied_names_file;
  if (!arguments.no_admin_socket && !left_out_in_container(arguments)) config.unix_socket = arguments.admin_socket;
  config.on_refused = [](const std::string& peer, const model::Error& why, std::uint64_t suppressed) {
    log::warn("admin-refused", "{}: {}{}", peer, why.message(),
              suppressed == 0 ? "" : fmt::format(" ({} more held back)", suppressed));
  };
  return config;
}

/// Probes are answered before the store is open: a standby is alive.
Result<std::unique_ptr<web::WebServer>> start_web(const Arguments& arguments, web::WebBackend& backend) {
  if (arguments.web_listen.empty()) return std::unique_ptr<web::WebServer>();
  web::WebServerConfig config;
  config.listen = arguments.web_listen;
  auto started = web::WebServer::start(std::move(config), backend);
  if (!started) return started.error().in("--web-listen");
  return started;
}

/// Null where there is no election.
Result<std::unique_ptr<leader::Leadership>> start_leadership(const Arguments& arguments, standby::Notice& notice) {
  if (!arguments.lease.elect) return std::unique_ptr<leader::Leadership>();
  auto client = program::client_config(arguments.kubernetes);
  if (!client) return client.error().in("--leader-elect");
  return standby::start(*std::move(client), arguments.elector, notice, [] { ::_exit(kExitLeaseLost); });
}

/// What of its files would keep this process from leading; "" = nothing.
std::string files_problem(const Arguments& arguments) {
  const auto tls = tideline::link::load(arguments.config.tls, tideline::link::TlsUse::kServer);
  if (!tls) return "TLS files: " + tls.error().message();
  const auto denied = tideline::link::DenyList::load(arguments.config.denied_names_file);
  if (!denied) return "denied names: " + denied.error().message();
  if (!arguments.bootstrap_plan) return {};
  const auto good = tideline::bootstrap::check(arguments.bootstrap_plan->config);
  return good ? std::string() : "bootstrap port: " + good.error().message();
}

/// Whichever way the coordinator ends, the answers that the web server gives are its own.
struct StoppedBefore {
  web::WebServer* server;
  ~StoppedBefore() {
    if (server != nullptr) server->stop();
  }
};

/// What leads, from the store to its ports; until a signal.
int lead(const Arguments& arguments, const tideline::clock::TermPtr& term, web::SwitchedBackend& shown,
         web::WebServer* probes) {
  shown.not_ready("starting: history is being opened");
  if (const auto made = program::make_backup_directory(arguments.config.backup_directory); !made) {
    return fail(made.error());
  }
  rocks::RocksOptions options;
  options.series = true;
  auto opened = rocks::RocksStore::open(arguments.data_dir + kHistory, options);
  if (!opened) return fail(opened.error());
  std::shared_ptr<tideline::store::HistoryStore> store = std::move(*opened);
  std::atomic<bool> broken{false};
  auto config = arguments.config;
  config.term = term;
  auto kubernetes = program::start_bridge(arguments.kubernetes, term);
  if (!kubernetes) return fail(kubernetes.error());
  const auto& plan = arguments.bootstrap_plan;
  std::shared_ptr<tideline::bootstrap::BootstrapBackend> reviewer;
  if (plan) {
    config.bootstrap = plan->config.counters;
    reviewer = (*kubernetes)->token_reviewer(plan->audience, plan->account);
  }
  config.bridge = *std::move(kubernetes);
  // Outlives the coordinator, which offers to it until it has ended.
  const auto writer = program::start_remote_write(arguments.remote_write_plan, shown);
  if (!writer) return fail(writer.error());
  if (*writer != nullptr) {
    config.on_stored = [to = *writer](const model::Report& report, model::WallTime at) { to->offer(report, at); };
  }
  // Likewise.
  const auto recorder = program::start_ledger_recording(arguments.ledger_plan, shown);
  if (!recorder) return fail(recorder.error());
  config.ledger_witness = *recorder;
  config.on_actor_ended = [&broken] {
    broken = true;
    ::kill(::getpid(), SIGTERM);
  };
  auto running = coordinator::Coordinator::start(std::move(config), store);
  if (!running) return fail(running.error());
  const StoppedBefore stopped{probes};
  shown.show((*running)->web_backend());
  auto server = admin::AdminServer::start(admin_config(arguments), (*running)->backend());
  if (!server) return fail(server.error());
  const std::uint16_t web_port = probes != nullptr ? probes->port() : std::uint16_t{0};
  std::unique_ptr<program::BootstrapPort> bootstrap;
  if (plan) {
    auto started = program::BootstrapPort::start(*plan, std::move(reviewer));
    if (!started) return fail(started.error());
    bootstrap = *std::move(started);
    log::info("bootstrap-port", "certificates for agents on port {}, for {} by tokens for {}", bootstrap->port(),
              arguments.bootstrap.service_account, plan->audience);
  }
  if (left_out_in_container(arguments)) {
    log::info("admin-socket",
              "left out: this is a container, where uid 0 is not the host's root "
              "(--admin-socket-in-container makes it all the same)");
  }
  if (!(*server)->unix_note().empty()) log::info("admin-socket", "{}", (*server)->unix_note());
  if (!arguments.ports_file.empty()) {
    const auto bootstrap_port = bootstrap ? std::optional(bootstrap->port()) : std::nullopt;
    if (const auto wrote =
            write_ports(arguments.ports_file, (*running)->node_port(), (*server)->port(), web_port, bootstrap_port);
        !wrote) {
      return fail(wrote.error());
    }
  }
  log::info("coordinator-running", "nodes on port {}, admin on port {}, web on port {}, epoch {}",
            (*running)->node_port(), (*server)->port(), web_port, (*running)->epoch().value());

  const int signal = standby::stop_signal(std::nullopt);
  if (broken) {
    log::error("coordinator-stopping", "a part of it ended by itself");
    // What is broken may hang the stop as well; the signal's default ends the process.
    ::alarm(kBrokenStopSeconds);
  } else {
    log::info("coordinator-stopping", "signal {}", signal);
  }
  if (bootstrap) bootstrap->stop();
  if (probes != nullptr) probes->stop();
  (*server)->stop();
  running->reset();
  if (*writer != nullptr) (*writer)->stop();
  if (*recorder != nullptr) (*recorder)->stop();
  server->reset();
  std::error_code ignored;
  if (!arguments.ports_file.empty()) std::filesystem::remove(arguments.ports_file, ignored);
  return broken ? kExitFault : 0;
}

int run(const Arguments& arguments) {
  std::error_code problem;
  std::filesystem::create_directories(arguments.data_dir, problem);
  if (problem) {
    return fail(
        {model::ErrorCode::kUnavailable, fmt::format("--data-dir {}: {}", arguments.data_dir, problem.message())});
  }
  web::SwitchedBackend shown("starting");
  const auto probes = start_web(arguments, shown);
  if (!probes) return fail(probes.error());
  standby::Notice notice(shown);
  const auto started = start_leadership(arguments, notice);
  if (!started) return fail(started.error());
  leader::Leadership* leadership = started->get();
  if (leadership == nullptr) return lead(arguments, nullptr, shown, probes->get());
  int signal = standby::wait_to_lead(
      *leadership, [&arguments] { return files_problem(arguments); }, notice);
  if (signal == 0) signal = standby::wait_for_store(arguments.data_dir + kHistory, shown);
  if (signal != 0) {
    log::info("coordinator-stopping", "signal {}; it led nothing", signal);
    leadership->release();
    return 0;
  }
  const int code = lead(arguments, leadership->term(), shown, probes->get());
  // The store is closed by now: whoever takes the Lease finds it free.
  leadership->release();
  return code;
}

int check(const Arguments& arguments) {
  bool ok = true;
  const auto say = [&](bool good, const std::string& what) {
    fmt::print("{} {}\n", good ? "ok  " : "FAIL", what);
    ok = ok && good;
  };
  const auto& tls = arguments.config.tls;
  const auto loaded = tideline::link::load(tls, tideline::link::TlsUse::kServer);
  say(loaded.ok(), loaded ? fmt::format("TLS files: {} {} {}", tls.certificate, tls.key, tls.ca)
                          : "TLS files: " + loaded.error().message());
  if (const auto& denied = arguments.config.denied_names_file; !denied.empty()) {
    const auto list = tideline::link::DenyList::load(denied);
    say(list.ok(), list ? fmt::format("denied names: {} in {}", list->size(), denied) : list.error().message());
  }
  if (arguments.kubernetes.enabled) {
    const auto started = program::start_bridge(arguments.kubernetes, nullptr);
    say(started.ok(), started ? "Kubernetes: the files of the access are good; the API server was not asked"
                              : "Kubernetes: " + started.error().message());
  }
  if (arguments.lease.elect) {
    auto client = program::client_config(arguments.kubernetes);
    const Result<std::unique_ptr<k8s_api::ApiClient>> started =
        client ? k8s_api::ApiClient::start(*std::move(client)) : client.error();
    say(started.ok(), started ? "Lease: the files of the access are good; the API server was not asked"
                              : "Lease: " + started.error().message());
  }
  if (const auto& plan = arguments.bootstrap_plan) {
    const auto good = tideline::bootstrap::check(plan->config);
    say(good.ok(),
        good ? fmt::format("bootstrap port: {} {}", plan->config.signing_certificate, plan->config.signing_key)
             : "bootstrap port: " + good.error().message());
  }
  if (const auto& plan = arguments.remote_write_plan) {
    const auto good = remote_write::check(*plan);
    say(good.ok(), good ? "remote write: its files are good; the server was not asked"
                        : "remote write: " + good.error().message());
  }
  const auto& directory = arguments.config.policy.directory;
  if (directory.empty()) return ok ? 0 : 1;
  const auto documents = coordinator::read_policy_dir(directory);
  if (!documents) {
    say(false, documents.error().message());
    return 1;
  }
  const auto parsed = coordinator::parse_rememberable(*documents);
  say(parsed.ok(), parsed ? fmt::format("policy: {} documents", documents->size()) : parsed.error().message());
  if (parsed) {
    for (const auto& notice : parsed->notices) {
      fmt::print("note {} {}: {}\n", notice.document, notice.path, notice.why);
    }
  }
  return ok ? 0 : 1;
}

void add_options(CLI::App& app, Arguments& arguments) {
  auto& config = arguments.config;
  app.set_config("--config", "", "file with these options as `name=value` lines; a value is the rest of its line");
  // A value is the rest of its line: commas, blanks and brackets make no list of it.
  app.get_config_formatter_base()->arrayBounds('\1', '\1')->arrayDelimiter('\1');
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("--listen", config.listen, "address for nodes, host:port; port 0 = any free one")
      ->capture_default_str();
  app.add_option("--admin-listen", arguments.admin_listen, "address for tidectl, host:port")->capture_default_str();
  app.add_option("--admin-socket", arguments.admin_socket, "Unix socket for tidectl on this host")
      ->capture_default_str();
  app.add_flag("--no-admin-socket", arguments.no_admin_socket, "do not make the Unix socket");
  app.add_flag("--admin-socket-in-container", arguments.admin_socket_in_container,
               "make the Unix socket also inside a container, where uid 0 is not the host's root");
  app.add_option("--web-listen", arguments.web_listen,
                 "address for /metrics, /healthz and /readyz in plain HTTP, host:port; empty = none")
      ->capture_default_str();
  app.add_option("--tls-cert", config.tls.certificate, "PEM file: certificate for nodes and operators");
  app.add_option("--tls-key", config.tls.key, "PEM file: its private key");
  app.add_option("--tls-ca", config.tls.ca, "PEM file: authorities whose nodes and operators are trusted");
  app.add_option("--denied-names", config.denied_names_file,
                 "file with names whose certificates count no more: NODE.node.tideline or ROLE:NAME, one a line");
  app.add_option("--session-max-age", arguments.session_max_age,
                 "age at which a node's session is closed, to come again with the certificate it has then")
      ->capture_default_str();
  app.add_option("--data-dir", arguments.data_dir, "directory of the history store")->capture_default_str();
  app.add_option("--policy-source", arguments.policy_source,
                 "dir:PATH with ConfigMap-shaped JSON files, watched for change; kubernetes: the ConfigMaps of "
                 "ack-koordinator and Koordinator; kubernetes:NAMESPACE/NAME: that one")
      ->required();
  auto& kubernetes = arguments.kubernetes;
  app.add_option("--preferred-configmap", kubernetes.preferred_configmap,
                 "which of the two is in force where both are there")
      ->capture_default_str();
  app.add_flag("--kubernetes", kubernetes.enabled,
               "tell nodes their pods and publish on Nodes also where the policy comes from elsewhere");
  app.add_option("--kubeconfig", kubernetes.kubeconfig,
                 "file that says how the API server is reached; without it the pod's service account does");
  app.add_option("--kube-context", kubernetes.context, "context of that file; without it its current one");
  app.add_option("--kube-qps", kubernetes.requests_a_second, "requests to the API server a second at most")
      ->capture_default_str();
  app.add_option("--kube-burst", kubernetes.burst, "requests that may be made at once above that")
      ->capture_default_str();
  app.add_option(
      "--publish-older-names", kubernetes.older_names_text,
      "names of batch's resources to publish as well: koordinator.sh, alibabacloud.com, or both with a comma "
      "between");
  app.add_flag("--node-metrics", kubernetes.node_metrics,
               "write what nodes and their pods use to NodeMetric objects, as Koordinator does; the cluster must have "
               "the resource");
  auto& elect = arguments.lease;
  app.add_flag(
      "--leader-elect", elect.elect,
      "begin only once this process has the Lease, so that another one may stand by; both need the same store");
  app.add_option("--lease", elect.name, "that Lease, NAMESPACE/NAME")->capture_default_str();
  app.add_option("--lease-duration", elect.duration,
                 "for how long a leader that is not heard from keeps it: 5s to 10m; it ends itself after two thirds")
      ->capture_default_str();
  app.add_option(
      "--lease-identity", elect.identity,
      "name of this process in it, to which a random part is added; without it $POD_NAME or the host's name");
  auto& bootstrap = arguments.bootstrap;
  app.add_option("--bootstrap-listen", bootstrap.listen,
                 "address where agents get their certificates by their service account's token, host:port; without it "
                 "there is none");
  app.add_option("--bootstrap-signing-cert", bootstrap.signing_certificate,
                 "PEM file: certificate of the authority that signs them, then others that agents are to trust");
  app.add_option("--bootstrap-signing-key", bootstrap.signing_key, "PEM file: its private key");
  app.add_option("--bootstrap-audience", bootstrap.audience, "audience that agents' tokens must be for")
      ->capture_default_str();
  app.add_option("--bootstrap-service-account", bootstrap.service_account,
                 "service account that agents run as, NAMESPACE/NAME")
      ->capture_default_str();
  app.add_option("--bootstrap-validity", bootstrap.validity, "how long their certificates are valid, 1h to 24h")
      ->capture_default_str();
  auto& remote_write = arguments.remote_write;
  app.add_option("--remote-write-url", remote_write.url,
                 "where series go by Prometheus' remote write, http(s)://HOST:PORT/PATH; without it they go nowhere");
  app.add_option("--remote-write-series", remote_write.series,
                 "which series: names or globs of them, commas between; those of pods are tideline_pod_*")
      ->join(',')
      ->capture_default_str();
  app.add_option("--remote-write-labels", remote_write.labels,
                 "labels of nodes that their series have: KEY or KEY=NAME, commas between")
      ->join(',');
  app.add_option("--remote-write-ca", remote_write.ca,
                 "PEM file: authorities whose server is trusted; without it the system's");
  app.add_option("--remote-write-cert", remote_write.certificate, "PEM file: certificate for that server");
  app.add_option("--remote-write-key", remote_write.key, "PEM file: its private key");
  app.add_option("--remote-write-token-file", remote_write.token_file, "file with a bearer token for that server");
  app.add_option("--remote-write-basic-auth-file", remote_write.basic_auth_file,
                 "file with USER:PASSWORD for that server");
  app.add_option("--remote-write-interval", remote_write.interval,
                 "how often what is there is sent, 100ms to 5m; a full request goes at once")
      ->capture_default_str();
  app.add_option("--remote-write-queue", remote_write.queue,
                 "bytes of requests that may wait for the server, 1Mi to 16Gi; the oldest are dropped beyond")
      ->capture_default_str();
  app.add_option("--remote-write-max-age", remote_write.max_age, "no sample that is older is sent; at least 1m")
      ->capture_default_str();
  app.add_option("--retention", arguments.history.retention,
                 "for how long history keeps reports as they came (raw), the tiers 10s, 1m and 15m, what these have of "
                 "pods and jobs (10s-pods, 1m-pods, 15m-pods: at most as long as the tier), events and accounts: "
                 "KIND=DURATION, commas between, others as by default; one duration alone is that of raw, events and "
                 "accounts")
      ->join(',')
      ->capture_default_str();
  app.add_option(
      "--backup-dir", arguments.history.backup_directory,
      "directory that `tidectl history backup` writes to, an absolute path; without it there are no backups");
  app.add_option("--fold-every", arguments.history.fold_every,
                 "how often history looks for hours that are over, to make tables of their reports, 1s to 1h")
      ->capture_default_str();
  app.add_option("--drop-every", arguments.history.drop_every, "how often history looks for what is too old, 1s to 1h")
      ->capture_default_str();
  app.add_option("--record-ledger", arguments.ledger.directory,
                 "directory for a recording of what accounts rest on and of the accounts, which `tideline-planner "
                 "verify-ledger` computes anew; it has pods' names and labels; without it nothing is recorded");
  app.add_option("--record-ledger-size", arguments.ledger.size,
                 "bytes that recordings there may take, 16Mi to 1Ti; the oldest files go")
      ->capture_default_str();
  app.add_option("--commit-window", arguments.commit_window, "reports within it are made durable together")
      ->capture_default_str();
  app.add_option("--ports-file", arguments.ports_file, "write the bound ports there as JSON once both listen");
  app.add_option("--log-level", arguments.log_level, "debug, info, warn, error or off")->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Arguments arguments;
  CLI::App app("tideline-coordinator: history, reclaimed capacity and policy of the whole fleet");
  app.require_subcommand(0, 1);
  app.footer(
      "Example:\n"
      "  tideline-coordinator --policy-source dir:/etc/tideline/policy \\\n"
      "      --tls-cert /etc/tideline/coordinator.crt --tls-key /etc/tideline/coordinator.key "
      "--tls-ca /etc/tideline/ca.crt\n"
      "  tideline-coordinator check ...same options...   # says what is wrong before anything runs");
  auto* checked = app.add_subcommand(
      "check",
      "check TLS files, policy files, access to Kubernetes, the bootstrap port's authority and remote write's files, "
      "then exit");
  auto* version = app.add_subcommand("version", "print the version");
  add_options(app, arguments);
  checked->fallthrough();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // `version` needs none of the options that running needs.
    if (version->parsed()) {
      fmt::print("tideline-coordinator {}\n", TIDELINE_VERSION);
      return 0;
    }
    const int code = app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }
  if (version->parsed()) {
    fmt::print("tideline-coordinator {}\n", TIDELINE_VERSION);
    return 0;
  }
  arguments.admin_socket_given = app.count("--admin-socket") > 0;
  arguments.kubernetes.preferred_given = app.count("--preferred-configmap") > 0;
  arguments.ledger.size_given = app.count("--record-ledger-size") > 0;
  for (const char* option : {"--lease", "--lease-duration", "--lease-identity"}) {
    if (app.count(option) > 0) arguments.lease.given = option;
  }
  if (const auto settled = settle(arguments); !settled) return fail(settled.error(), kExitUsage);
  if (const auto log = log::init("tideline-coordinator", arguments.log_level); !log) {
    return fail(log.error().in("--log-level"), kExitUsage);
  }
  if (checked->parsed()) return check(arguments);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  raise_file_limit();
  return run(arguments);
}
