#include "coordinator/admin/server.h"

#include <atomic>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "coordinator/admin/service.h"
#include "messages/clock/clock.h"
#include "messages/link/deny_list.h"
#include "messages/link/file_watch.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_thread.h"
#include "messages/link/kj_tls.h"
#include "messages/link/kj_unix.h"
#include "messages/link/pending.h"
#include "messages/log/log.h"

namespace tideline::admin {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

/// A peer without a role is told so, on any call, and then has to go.
constexpr auto kStrangerDeadline = 5 * kj::SECONDS;
/// Enough to be told, not enough to send anything of size.
constexpr link::RpcLimits kStrangerLimits{.traversal_words = 2048, .nesting = 8, .max_queued_bytes = 64 << 10};
constexpr std::size_t kMaxRefusals = 64;
/// As on the node port: whoever reaches the port must not fill the disk with log.
constexpr std::int64_t kRefusalEveryNs = 100'000'000;
constexpr auto kSweepEvery = 500 * kj::MILLISECONDS;

/// Everything that lives on the loop.
class Loop final : private kj::TaskSet::ErrorHandler {
 public:
  Loop(link::KjContext& context, const AdminServerConfig& config, AdminBackend& backend,
       std::shared_ptr<link::Gate> gate, std::atomic<std::size_t>& count)
      : config_(config),
        backend_(backend),
        timer_(context.timer),
        count_(count),
        pending_(std::make_shared<link::Pending>(context.timer, std::move(gate), config.backend_deadline)),
        operators_(link::RpcConnections::create(context, config.rpc)),
        strangers_(link::RpcConnections::create(context, kStrangerLimits)),
        tasks_(*this) {
    sweep();
  }

  Result<std::uint16_t> listen_tls(link::KjContext& context) {
    // Before they are read: a change between the two is then seen as one.
    const auto& tls = config_.tls;
    watch_.emplace(std::vector{tls.certificate, tls.key, tls.ca});
    denied_watch_.emplace(std::vector{config_.denied_names_file});
    auto denied = link::DenyList::load(config_.denied_names_file);
    if (!denied) return denied.error();
    denied_ = *std::move(denied);
    auto material = link::load(config_.tls, link::TlsUse::kServer);
    if (!material) return material.error();
    auto listener = link::TlsListener::listen(
        context, config_.listen, *material, config_.accept,
        [this](link::TlsStream stream) {
          add(kj::mv(stream.stream), link::operator_of(stream.certificate), std::move(stream.peer),
              stream.certificate.not_after);
        },
        [this](const std::string& peer, const Error& why) { report(peer, why); });
    if (!listener) return listener.error().in("admin listener " + config_.listen);
    tls_ = kj::mv(*listener);
    return tls_->port();
  }

  Result<void> listen_unix(link::KjContext& context, std::optional<std::uint32_t> group) {
    const link::UnixSocketConfig config{config_.unix_socket, group, config_.accept.max_connections};
    auto listener = link::UnixListener::listen(context, config, [this, group](link::UnixStream stream) {
      std::string peer = fmt::format("unix:{} pid {}", config_.unix_socket, stream.peer.pid);
      add(kj::mv(stream.stream), link::operator_of(stream.peer, group), std::move(peer), std::nullopt);
    });
    if (!listener) return listener.error();
    unix_ = kj::mv(*listener);
    return {};
  }

  /// Ends all there is; calls that wait end within the loop's next turns.
  void close() {
    tls_ = nullptr;
    unix_ = nullptr;
    pending_->fail_all(Error(ErrorCode::kUnavailable, "the coordinator stops"));
    operators_ = nullptr;
    strangers_ = nullptr;
    entries_.clear();
    count_ = 0;
  }

 private:
  struct Entry {
    std::shared_ptr<ConnectionState> state;
    link::RpcConnections* set;
    link::RpcConnections::Id id;
    std::optional<model::WallTime> not_after;  // of the peer's certificate; nullopt = it has none, and needs none
  };

  void add(kj::Own<kj::AsyncIoStream> stream, Result<link::Operator> identity, std::string peer,
           std::optional<model::WallTime> not_after) {
    if (identity && not_after && denied_.denies(*identity)) identity = denial();
    if (!identity) report(peer, identity.error());
    const std::uint64_t key = ++last_key_;
    link::RpcConnections& set = identity ? *operators_ : *strangers_;
    auto state =
        std::make_shared<ConnectionState>(ConnectionState{std::move(identity), std::move(peer), timer_.now(), 0, 0});
    ServiceHooks hooks{
        [this, key]() { return clogged(key); },
        [this, state = state.get(), key](const Error& why) { refused(key, *state, why); },
        [&timer = timer_]() { return timer.now(); },
        config_.max_calls_per_connection,
        config_.rpc.max_queued_bytes,
        config_.backup_deadline,
    };
    schema::Admin::Client bootstrap = kj::heap<AdminService>(backend_, pending_, state, std::move(hooks));
    entries_.emplace(key, Entry{std::move(state), &set, 0, not_after});
    const auto id = set.add(kj::mv(stream), kj::mv(bootstrap), [this, key](const std::string&) {
      entries_.erase(key);
      count_ = entries_.size();
    });
    if (const auto entry = entries_.find(key); entry != entries_.end()) entry->second.id = id;
    count_ = entries_.size();
  }

  bool clogged(std::uint64_t key) {
    const auto entry = entries_.find(key);
    return entry == entries_.end() || entry->second.set->drop_if_clogged(entry->second.id);
  }

  void refused(std::uint64_t key, const ConnectionState& state, const Error& why) {
    // A stranger was reported when it came.
    if (state.identity) report(state.peer, why);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    if (state.refusals >= kMaxRefusals) entry->second.set->close(entry->second.id, "too many refused calls");
  }

  void report(const std::string& peer, const Error& why) {
    if (!config_.on_refused) return;
    if (const auto held = refusal_rate_.admit(clock::mono_now().ns)) config_.on_refused(peer, why, *held);
  }

  void sweep() {
    tasks_.add(timer_.afterDelay(kSweepEvery).then([this]() {
      const auto idle = config_.idle_deadline.count() * kj::NANOSECONDS;
      const auto wall = clock::wall_now();
      for (const auto& [key, entry] : entries_) {
        const auto silent = timer_.now() - entry.state->last_call;
        if (entry.not_after && *entry.not_after < wall) {
          entry.set->close(entry.id, "its certificate has expired");
        } else if (entry.state->outstanding == 0 && silent > (entry.state->identity ? idle : kStrangerDeadline)) {
          entry.set->close(entry.id, "idle");
        }
      }
      if (tls_.get() != nullptr) {
        follow_files();
        follow_denied_names();
      }
      sweep();
    }));
  }

  Error denial() const {
    return {ErrorCode::kPermissionDenied, "this name is among the denied names in " + config_.denied_names_file};
  }

  void follow_denied_names() {
    if (!denied_watch_->changed()) return;
    auto denied = link::DenyList::load(config_.denied_names_file);
    if (!denied) {
      if (denied_problem_ == denied.error().message()) return;
      denied_problem_ = denied.error().message();
      if (config_.on_refused) config_.on_refused(config_.listen, denied.error().in("the list of before stays"), 0);
      return;
    }
    denied_watch_->taken();
    denied_problem_.clear();
    denied_ = *std::move(denied);
    for (const auto& [key, entry] : entries_) {
      // A Unix socket's peer has no certificate, and nothing to be denied by.
      const auto& identity = entry.state->identity;
      if (entry.not_after && identity && denied_.denies(*identity)) entry.set->close(entry.id, denial().message());
    }
  }

  void follow_files() {
    if (!watch_->changed()) {
      reload_problem_.clear();
      return;
    }
    auto material = link::load(config_.tls, link::TlsUse::kServer);
    auto reloaded = material ? tls_->reload(*material) : Result<void>(material.error());
    if (reloaded) {
      watch_->taken();
      reload_problem_.clear();
    } else if (auto problem = reloaded.error().message(); problem != reload_problem_) {
      reload_problem_ = std::move(problem);
      // Past the rate limit: a stranger's noise must not hide it.
      if (config_.on_refused) {
        config_.on_refused(config_.listen, reloaded.error().in("changed TLS files are not taken, the old ones stay"),
                           0);
      }
    }
  }

  void taskFailed(kj::Exception&& exception) override { report("admin server", link::error_from(exception)); }

  const AdminServerConfig& config_;
  AdminBackend& backend_;
  kj::Timer& timer_;
  std::atomic<std::size_t>& count_;
  std::uint64_t last_key_ = 0;
  log::RateLimit refusal_rate_{kRefusalEveryNs};
  std::map<std::uint64_t, Entry> entries_;
  std::shared_ptr<link::Pending> pending_;
  kj::Own<link::RpcConnections> operators_;
  kj::Own<link::RpcConnections> strangers_;
  std::optional<link::FileWatch> watch_;
  std::optional<link::FileWatch> denied_watch_;
  link::DenyList denied_;
  std::string denied_problem_;  // told
  std::string reload_problem_;  // told; the files are tried again every sweep
  kj::Own<link::TlsListener> tls_;
  kj::Own<link::UnixListener> unix_;
  kj::TaskSet tasks_;
};

}  // namespace

class AdminServer::Impl {
 public:
  explicit Impl(AdminServerConfig config)
      : config_(std::move(config)), thread_("tl-admin"), gate_(std::make_shared<link::Gate>(thread_)) {}
  ~Impl() { stop(); }

  Result<void> start(AdminBackend& backend) {
    const auto group = link::group_id(config_.unix_group);
    if (!config_.unix_socket.empty() && !group) {
      unix_note_ = fmt::format("no group {} here: the admin socket {} is for root only", config_.unix_group,
                               config_.unix_socket);
    }
    return thread_.call([this, &backend, group](link::KjContext& context) -> Result<void> {
      loop_ = std::make_unique<Loop>(context, config_, backend, gate_, connections_);
      if (!config_.listen.empty()) {
        auto port = loop_->listen_tls(context);
        if (!port) return port.error();
        port_ = *port;
      }
      if (!config_.unix_socket.empty()) return loop_->listen_unix(context, group);
      return {};
    });
  }

  void stop() {
    gate_->shut();
    const auto closed = thread_.call([this](link::KjContext&) -> Result<void> {
      if (loop_) loop_->close();
      return {};
    });
    // An error says that the thread was stopped before.
    if (!closed) return;
    thread_.stop([this](link::KjContext&) { loop_.reset(); });
  }

  std::uint16_t port() const { return port_; }
  const std::string& unix_note() const { return unix_note_; }
  std::size_t connections() const { return connections_; }

 private:
  const AdminServerConfig config_;
  std::uint16_t port_ = 0;
  std::string unix_note_;
  std::atomic<std::size_t> connections_{0};
  link::KjThread thread_;
  std::shared_ptr<link::Gate> gate_;
  std::unique_ptr<Loop> loop_;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::start(AdminServerConfig config, AdminBackend& backend) {
  if (config.listen.empty() && config.unix_socket.empty()) {
    return Error(ErrorCode::kInvalidArgument, "the admin API has neither an address nor a Unix socket to listen on");
  }
  auto impl = std::make_unique<Impl>(std::move(config));
  auto started = impl->start(backend);
  if (!started) return started.error();
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

std::uint16_t AdminServer::port() const {
  return impl_->port();
}
const std::string& AdminServer::unix_note() const {
  return impl_->unix_note();
}
std::size_t AdminServer::connections() const {
  return impl_->connections();
}
void AdminServer::stop() {
  impl_->stop();
}

}  // namespace tideline::admin
