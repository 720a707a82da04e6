// tideline-coordinator: history, ledger and policy of the whole fleet.

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>

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
#include "coordinator/web/server.h"
#include "messages/link/deny_list.h"
#include "messages/log/log.h"
#include "messages/model/quantity.h"
#include "storage/rocks/rocks_store.h"

namespace {

using tideline::model::Result;
namespace admin = tideline::admin;
namespace coordinator = tideline::coordinator;
namespace log = tideline::log;
namespace model = tideline::model;
namespace policy = tideline::policy;
namespace rocks = tideline::rocks;
namespace web = tideline::web;

constexpr int kExitFault = 1;
constexpr int kExitUsage = 2;
constexpr unsigned kBrokenStopSeconds = 10;
constexpr std::string_view kDirSource = "dir:";
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
  std::string retention = "14d";
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
  if (!arguments.policy_source.starts_with(kDirSource) || arguments.policy_source.size() == kDirSource.size()) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--policy-source {}: want dir:PATH", arguments.policy_source));
  }
  arguments.config.policy_dir = arguments.policy_source.substr(kDirSource.size());
  const auto retention = model::parse_duration(arguments.retention);
  if (!retention) return retention.error().in("--retention");
  if (*retention < std::chrono::minutes(1)) {
    return model::Error(model::ErrorCode::kInvalidArgument,
                        fmt::format("--retention {}: want at least 1m", arguments.retention));
  }
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
  arguments.config.retention = *retention;
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

Result<void> write_ports(const std::string& path, std::uint16_t node, std::uint16_t admin_port,
                         std::uint16_t web_port) {
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "we");
  const std::string text = fmt::format("{{\"node\":{},\"admin\":{},\"web\":{}}}\n", node, admin_port, web_port);
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

int run(const Arguments& arguments) {
  std::error_code problem;
  std::filesystem::create_directories(arguments.data_dir, problem);
  if (problem) {
    return fail(
        {model::ErrorCode::kUnavailable, fmt::format("--data-dir {}: {}", arguments.data_dir, problem.message())});
  }
  auto opened = rocks::RocksStore::open(arguments.data_dir + "/history");
  if (!opened) return fail(opened.error());
  std::shared_ptr<tideline::store::HistoryStore> store = std::move(*opened);
  std::atomic<bool> broken{false};
  auto config = arguments.config;
  config.on_actor_ended = [&broken] {
    broken = true;
    ::kill(::getpid(), SIGTERM);
  };
  auto running = coordinator::Coordinator::start(std::move(config), store);
  if (!running) return fail(running.error());
  auto server = admin::AdminServer::start(admin_config(arguments), (*running)->backend());
  if (!server) return fail(server.error());
  std::unique_ptr<web::WebServer> probes;
  if (!arguments.web_listen.empty()) {
    web::WebServerConfig web;
    web.listen = arguments.web_listen;
    auto started = web::WebServer::start(std::move(web), (*running)->web_backend());
    if (!started) return fail(started.error().in("--web-listen"));
    probes = *std::move(started);
  }
  const std::uint16_t web_port = probes ? probes->port() : std::uint16_t{0};
  if (left_out_in_container(arguments)) {
    log::info("admin-socket",
              "left out: this is a container, where uid 0 is not the host's root "
              "(--admin-socket-in-container makes it all the same)");
  }
  if (!(*server)->unix_note().empty()) log::info("admin-socket", "{}", (*server)->unix_note());
  if (!arguments.ports_file.empty()) {
    if (const auto wrote = write_ports(arguments.ports_file, (*running)->node_port(), (*server)->port(), web_port);
        !wrote) {
      return fail(wrote.error());
    }
  }
  log::info("coordinator-running", "nodes on port {}, admin on port {}, web on port {}, epoch {}",
            (*running)->node_port(), (*server)->port(), web_port, (*running)->epoch().value());

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  if (broken) {
    log::error("coordinator-stopping", "a part of it ended by itself");
    // What is broken may hang the stop as well; the signal's default ends the process.
    ::alarm(kBrokenStopSeconds);
  } else {
    log::info("coordinator-stopping", "signal {}", signal);
  }
  if (probes) probes->stop();
  (*server)->stop();
  running->reset();
  server->reset();
  if (!arguments.ports_file.empty()) std::filesystem::remove(arguments.ports_file, problem);
  return broken ? kExitFault : 0;
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
  const auto documents = coordinator::read_policy_dir(arguments.config.policy_dir);
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
  app.set_config("--config", "", "file with these options as `name=value` lines");
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
                 "dir:PATH with ConfigMap-shaped JSON files, watched for change")
      ->required();
  app.add_option("--retention", arguments.retention, "age at which history is dropped, e.g. 14d")
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
  auto* checked = app.add_subcommand("check", "check TLS files and policy files, then exit");
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
