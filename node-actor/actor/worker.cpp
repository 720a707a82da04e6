#include "node-actor/actor/worker.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>

#include <caf/all.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "node-actor/actor/hands_off_file.h"
#include "node-actor/actor/kubelet_cpus.h"
#include "node-actor/actor/link_actor.h"
#include "node-actor/actor/objects_file.h"
#include "node-actor/actor/pods_actor.h"
#include "node-actor/actor/policy_file.h"
#include "node-actor/actor/tick_actor.h"
#include "node-actor/enrol/enroller.h"
#include "node-actor/guard/audit_ring.h"
#include "node-actor/guard/restore.h"
#include "node-actor/guard/restore_log.h"
#include "node-actor/kernel/pod_reader.h"
#include "node-actor/kernel/protection.h"
#include "node-actor/sense/judge_protection.h"

namespace tideline::node {
namespace {

constexpr int kExitFenced = 3;
constexpr int kExitOrphaned = 4;
constexpr int kExitJournal = 5;

caf::actor_system_config& quiet_scheduler(caf::actor_system_config& config) {
  // Work stealing, the default, burns ~0.8 % of a core when idle.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{1});
  return config;
}

/// The actors and the link, started in order and ended in order.
class Running {
 public:
  Running(const NodeConfig& config, NodeLoop& loop, guard::Lease& lease, std::shared_ptr<spool::Spool> spool,
          model::Epoch seen_epoch, const SeenObjects& seen_objects, std::shared_ptr<guard::AuditRing> audit) {
    LinkOptions options{config.name, loop.boot_id(), config.state_dir, config.report_interval, seen_epoch};
    options.audit = std::move(audit);
    options.pods_from = config.pods_from;
    options.seen_objects = seen_objects;
    link_ = system_.spawn<LinkActor>(std::move(options), std::move(spool), port_);
    tick_ = system_.spawn<TickActor, caf::detached>(loop, lease, TickOptions{config.fast_interval, config.pod_interval},
                                                    link_, [this](const model::Error& why) {
                                                      log::error("fenced", "{}", why.message());
                                                      fenced_ = true;
                                                      ::kill(::getpid(), SIGTERM);
                                                    });
    caf::anon_send(link_, tick_);
    if (config.pods_from == PodsFrom::kFile) pods_ = system_.spawn<PodsActor>(config.pods_file, tick_);
    bridge_.attach(link_);
  }

  ~Running() {
    if (client_) client_->stop();
    // The link hears of the control loop's last events before it ends itself.
    if (tick_) end_control();
    for (auto* actor : {&pods_, &link_}) {
      if (!*actor) continue;
      caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
      *actor = nullptr;
    }
    bridge_.attach(nullptr);
    system_.await_all_actors_done();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  model::Result<void> connect(link::NodeClientConfig config) {
    auto client = link::NodeClient::start(std::move(config), bridge_);
    if (!client) return client.error();
    client_ = std::move(*client);
    port_->client = client_.get();
    return {};
  }
  bool fenced() const { return fenced_; }
  /// The control loop has ended when this returns; link and spool go on.
  void end_control() {
    caf::scoped_actor self{system_};
    caf::anon_send_exit(tick_, caf::exit_reason::user_shutdown);
    self->wait_for(tick_);
    tick_ = nullptr;
  }

 private:
  caf::actor_system_config actor_config_;
  caf::actor_system system_{quiet_scheduler(actor_config_)};
  std::shared_ptr<ClientPort> port_ = std::make_shared<ClientPort>();
  LinkBridge bridge_;
  caf::actor link_, tick_, pods_;
  std::unique_ptr<link::NodeClient> client_;
  std::atomic<bool> fenced_{false};
};

/// The pods that the loop begins with: of the file, or the last that the coordinator told, and of which set those are.
SeenObjects begin_with_pods(const NodeConfig& config, NodeLoop& loop) {
  if (config.pods_from == PodsFrom::kFile) {
    // Of another life of this node: what the coordinator told then says nothing of what runs when it is asked again.
    ::unlink(objects_path(config.state_dir).c_str());
    if (auto file = read_pods_file(config.pods_file)) loop.set_pods(std::move(file->pods));
    return {};
  }
  const auto kept = load_objects(config.state_dir);
  if (!kept) log::error("objects-file", "{}; as if none were kept", kept.error().message());
  if (!kept || !*kept) return {};
  const auto& objects = **kept;
  log::info("objects-kept", "set {} epoch {} from disk: {} pods", objects.number, objects.epoch.value(),
            objects.pods.size());
  loop.set_objects(objects);
  return {objects.epoch, objects.number};
}

/// BE-labelled pods beside LS, of the pods as they are on disk. kNotFound: the coordinator told none yet.
model::Result<std::vector<std::string>> known_be_beside_ls(const NodeConfig& config) {
  if (config.pods_from == PodsFrom::kFile) {
    const auto file = read_pods_file(config.pods_file);
    return file ? sense::be_beside_ls(file->pods) : std::vector<std::string>();
  }
  const auto kept = load_objects(config.state_dir);
  if (!kept) return kept.error();
  if (!*kept) return model::Error(model::ErrorCode::kNotFound, "no list of pods yet");
  return sense::be_beside_ls((*kept)->pods);
}

enrol::EnrolConfig enrol_config(const NodeConfig& config, const Bootstrap& bootstrap) {
  enrol::EnrolConfig made;
  made.address = bootstrap.address;
  made.server_name = config.server_name;
  made.server_ca = bootstrap.ca_file;
  made.token_file = bootstrap.token_file;
  made.files = config.tls;
  made.node = config.name;
  return made;
}

/// Null where nobody is asked for a certificate.
model::Result<std::unique_ptr<enrol::Enroller>> start_enroller(const NodeConfig& config) {
  if (!config.bootstrap) return std::unique_ptr<enrol::Enroller>();
  return enrol::Enroller::start(enrol_config(config, *config.bootstrap));
}

model::Result<void> own_files(const NodeConfig& config) {
  const auto tls = link::load(config.tls, link::TlsUse::kClient);
  if (!tls) return tls.error();
  if (const auto own = link::speaks_for(*tls, config.name); !own) return own.error().in(config.tls.certificate);
  return {};
}

/// What `check` finds of the TLS files, and of where they come from.
std::vector<CheckFinding> check_tls(const NodeConfig& config) {
  const auto own = own_files(config);
  std::vector<CheckFinding> findings;
  if (own) {
    findings.push_back(
        {true, fmt::format("TLS files: {} {} {}", config.tls.certificate, config.tls.key, config.tls.ca)});
  } else {
    const char* what = config.bootstrap ? "TLS files: none to use yet: " : "TLS files: ";
    findings.push_back({config.bootstrap.has_value(), what + own.error().message()});
  }
  if (!config.bootstrap) return findings;
  const auto& bootstrap = *config.bootstrap;
  const auto ready = enrol::check_ready(enrol_config(config, bootstrap));
  findings.push_back(
      {ready.ok(), ready ? fmt::format("certificate from {}: token {}, coordinator known by {}", bootstrap.address,
                                       bootstrap.token_file, bootstrap.ca_file)
                         : fmt::format("certificate from {}: {}", bootstrap.address, ready.error().message())});
  return findings;
}

/// What `check` finds of the pods.
std::vector<CheckFinding> check_pods(const NodeConfig& config) {
  if (config.pods_from == PodsFrom::kFile) {
    const auto file = read_pods_file(config.pods_file);
    if (!file) return {{false, file.error().message()}};
    std::vector<CheckFinding> findings{
        {true, fmt::format("pods file {}: {} pods", config.pods_file, file->pods.size())}};
    for (const auto& problem : file->problems)
      findings.push_back({false, fmt::format("pods file {}: {}", config.pods_file, text_of(problem))});
    return findings;
  }
  const auto kept = load_objects(config.state_dir);
  if (!kept) return {{false, "pods from the coordinator: " + kept.error().message()}};
  if (!*kept) {
    return {{true, fmt::format("pods from the coordinator: none are kept in {} yet, and no report is made until it "
                               "tells them",
                               objects_path(config.state_dir))}};
  }
  return {{true, fmt::format("pods from the coordinator: {} are kept in {}, set {} of epoch {}", (*kept)->pods.size(),
                             objects_path(config.state_dir), (*kept)->number, (*kept)->epoch.value())}};
}

/// Waits for a signal to stop, looking after the supervisor each second, and until `go_on`, asked as often, says no.
/// True: the supervisor is gone.
bool wait_for_end(const guard::WorkerTicket& ticket, const std::function<bool()>& go_on) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  for (;;) {
    const timespec second{1, 0};
    if (sigtimedwait(&signals, nullptr, &second) > 0) return !guard::supervisor_alive(ticket);
    if (!guard::supervisor_alive(ticket)) return true;
    if (!go_on()) return false;
  }
}

/// nullptr: the disk refuses it. A node that cannot write its disk must still obey.
std::shared_ptr<guard::AuditRing> open_audit(const std::string& state_dir) {
  auto opened = guard::AuditRing::open(state_dir);
  if (!opened) {
    log::error("audit", "{}; what no report tells is lost with this worker", opened.error().message());
    return nullptr;
  }
  for (const auto& note : opened->notes())
    log::warn("audit", "{}", note);
  return std::make_shared<guard::AuditRing>(std::move(*opened));
}

/// A host of which nothing can be journaled is looked at and told of, and not written.
model::Result<guard::Journal> open_journal(const std::string& state_dir, bool& only_watches) {
  auto journal = guard::Journal::open(state_dir);
  only_watches = !journal && journal.error().code() == model::ErrorCode::kUnavailable;
  if (!only_watches) return journal;
  log::error("journal-unwritable",
             "{}; no original can be made durable, so nothing is written on this host until it can: it is watched, and "
             "batch stays in the safe state",
             journal.error().message());
  return guard::Journal::open_to_read(state_dir, journal.error());
}

/// A node that cannot write its disk must still obey, and report.
std::shared_ptr<spool::Spool> open_spool(const NodeConfig& config, const std::string& boot_id) {
  const auto dir = config.state_dir + "/spool";
  auto opened = spool::Spool::open(dir, config.spool, boot_id);
  if (!opened) {
    log::error("spool-in-memory", "{}; reports are held in memory, and those that wait are lost with this worker",
               opened.error().message());
    opened = spool::Spool::without_disk(dir, config.spool, boot_id, opened.error());
  }
  for (const auto& note : opened->notes())
    log::warn("spool", "{}", note);
  return std::make_shared<spool::Spool>(std::move(*opened));
}

}  // namespace

model::Result<int> run_worker(const NodeConfig& asked, const guard::WorkerTicket& ticket) {
  auto config = asked;
  if (config.slow_writer.empty()) config.slow_writer = {"/proc/self/exe", "slow-writer"};
  if (!guard::follow_supervisor(ticket)) {
    return model::Error(model::ErrorCode::kFenced, "the supervisor is gone before the worker began");
  }
  if (const auto raised = kernel::raise_file_limit(); !raised) log::warn("file-limit", "{}", raised.error().message());
  auto lease = guard::Lease::join(config.state_dir, ticket.epoch);
  if (!lease) return lease.error();
  bool only_watches = false;
  auto journal = open_journal(config.state_dir, only_watches);
  if (!journal) return journal.error();
  const auto audit = open_audit(config.state_dir);
  auto loop = NodeLoop::open(config, *journal, *lease, audit.get());
  if (!loop) return loop.error();
  auto spool = open_spool(config, (*loop)->boot_id());
  if (audit) (*loop)->tell(audit->take_untold(spool->incarnation(), spool->next_seq()));

  auto policy = load_policy(config.state_dir);
  if (!policy) {
    log::error("policy-file", "{}; waiting for the coordinator's", policy.error().message());
  } else if (*policy) {
    log::info("policy-kept", "version {} epoch {} from disk", (*policy)->version.value(), (*policy)->epoch.value());
    (*loop)->set_policy(*policy);
  }
  auto holds = load_hands_off(config.state_dir, (*loop)->boot_id(), clock::mono_now(), clock::wall_now());
  if (!holds) {
    log::error("hands-off-file", "{}; what an operator asked for is not known until the coordinator tells it",
               holds.error().message());
  } else if (const auto held = (*loop)->set_hands_off(std::move(*holds)); !held) {
    if (held.error().code() == model::ErrorCode::kFenced) return held.error();
    log::error("hands-off", "{}", held.error().message());
  }
  const auto seen_objects = begin_with_pods(config, **loop);
  const model::Epoch of_policy = policy && *policy ? (*policy)->epoch : model::Epoch(0);
  const model::Epoch seen = std::max(of_policy, seen_objects.epoch);

  link::NodeClientConfig client;
  client.coordinators = config.coordinators;
  client.server_name = config.server_name;
  client.tls = config.tls;
  client.node = config.name;
  client.incarnation = spool->incarnation();
  client.agent_version = TIDELINE_VERSION;
  client.reconnect_spread = config.reconnect_spread;
  auto enroller = start_enroller(config);
  if (!enroller) return enroller.error();

  bool orphaned = false;
  bool fenced = false;
  bool has_journal = false;
  {
    Running running(config, **loop, *lease, spool, seen, seen_objects, audit);
    spool.reset();
    // The host is controlled, and reports are kept, while there is no certificate to connect with.
    model::Result<void> connected;
    bool is_linked = false;
    const auto link_once = [&]() {
      if (is_linked || (*enroller && !(*enroller)->wait(model::kZeroDuration))) return true;
      is_linked = true;
      connected = running.connect(std::move(client));
      return connected.ok();
    };
    if (!link_once()) return connected.error();
    log::info("worker-running", "node {} pid {} epoch {}", config.name.str(), ::getpid(), ticket.epoch);
    orphaned = wait_for_end(ticket, [&] {
      // The next worker controls: what this one has made up its mind about rests on a journal that was not to be had.
      has_journal = only_watches && guard::Journal::open(config.state_dir).ok();
      return link_once() && !has_journal;
    });
    if (!connected) return connected.error();
    fenced = running.fenced();
    if (orphaned) {
      // Before link and spool are ended, which may wait for the disk.
      running.end_control();
      if (!(*loop)->end_writes()) {
        log::error("supervisor-lost", "a write of memory is stuck in the kernel and may end later");
      }
      const auto report = guard::restore(*journal, guard::RestoreMode::kSafeState, ordering_verified(config));
      if (audit) guard::log_restores(*audit, report, model::Reason::kSafeState);
      log::error("supervisor-lost", "the host is in its safe state");
      for (const auto& item : report.items)
        log::error("supervisor-lost", "{}", guard::line_of(item));
    }
  }
  if (orphaned) return kExitOrphaned;
  if (has_journal) {
    log::info("journal-writable", "{} takes a journal again: a new worker controls this host", config.state_dir);
    return kExitJournal;
  }
  return fenced ? kExitFenced : 0;
}

bool ordering_verified(const NodeConfig& config) {
  const auto tree = kernel::CgroupTree::discover(config.kernel, config.tree);
  if (!tree) return false;
  const auto beside_ls = known_be_beside_ls(config);
  return beside_ls && sense::judge_protection(kernel::read_sibling_weights(*tree), *beside_ls).verified;
}

model::Result<void> check_identity(const NodeConfig& config) {
  if (!config.bootstrap) return own_files(config);
  return enrol::check_config(enrol_config(config, *config.bootstrap));
}

std::vector<CheckFinding> check(const NodeConfig& config) {
  auto findings = check_tls(config);
  const auto add = [&](bool ok, std::string what) { findings.push_back({ok, std::move(what)}); };
  for (auto& finding : check_pods(config))
    findings.push_back(std::move(finding));
  const auto tree = kernel::CgroupTree::discover(config.kernel, config.tree);
  if (!tree) {
    add(false, "cgroup tree: " + tree.error().message());
    return findings;
  }
  add(true, fmt::format("cgroup tree: {} {}, pods below {}", kernel::name_of(tree->version()),
                        kernel::name_of(tree->driver()), tree->kubepods()));
  const auto capabilities = tree->capabilities();
  add(capabilities.quota && capabilities.quota_writable, fmt::format("quota on {}: {}", tree->best_effort(),
                                                                     !capabilities.quota            ? "missing"
                                                                     : !capabilities.quota_writable ? "not writable"
                                                                                                    : "writable"));
  for (const auto& knob : capabilities.missing)
    add(true, "this kernel has no " + knob);
  KubeletCpuFile kubelet(config.kubelet);
  kubelet.look();
  add(kubelet.cpus().has_value(), kubelet.text());
  const auto beside_ls = known_be_beside_ls(config);
  const auto protection = beside_ls ? sense::judge_protection(kernel::read_sibling_weights(*tree), *beside_ls)
                                    : model::Protection{.verified = false, .why = beside_ls.error().message()};
  add(true, fmt::format("{}: {}", protection.verified ? "protected" : "unprotected", protection.why));
  return findings;
}

}  // namespace tideline::node
