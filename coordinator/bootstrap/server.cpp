#include "coordinator/bootstrap/server.h"

#include <map>
#include <string>
#include <utility>

#include "coordinator/bootstrap/desk.h"
#include "coordinator/bootstrap/visit.h"
#include "messages/link/kj_accept.h"
#include "messages/link/kj_thread.h"
#include "messages/link/pending.h"
#include "messages/log/log.h"

namespace tideline::bootstrap {
namespace {

using model::Result;

kj::Duration to_kj(model::Duration duration) {
  return duration.count() * kj::NANOSECONDS;
}

/// Of an address as address_of_peer() gives it.
std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

/// Everything that lives on the loop.
class Loop final : private kj::TaskSet::ErrorHandler {
 public:
  Loop(link::KjContext& context, const BootstrapConfig& config, std::unique_ptr<Desk> desk, int fd)
      : config_(config),
        timer_(context.timer),
        desk_(std::move(desk)),
        tasks_(*this),
        loop_(context, fd, "bootstrap " + config.listen,
              [this](kj::Own<kj::AsyncIoStream> raw) { receive(kj::mv(raw)); }) {
    follow_files();
  }

 private:
  void receive(kj::Own<kj::AsyncIoStream> raw) {
    const int fd = link::fd_of(*raw);
    // Those who gave up in the backlog would take the time of those who still wait.
    if (link::peer_has_left(fd)) return;
    const std::string peer = link::address_of_peer(fd);
    const std::string host = host_of(peer);
    // Whoever waits in the kernel's backlog is served when it is about to give up.
    if (visits_ >= config_.max_connections) {
      desk_->too_many(fmt::format("{} connections are open, the limit", visits_), peer);
      return;
    }
    // Else one pod could hold all places, by connections that say nothing.
    const auto others = visits_from_.find(host);
    if (others != visits_from_.end() && others->second >= config_.max_connections_per_host) {
      desk_->too_many(fmt::format("{} connections of that host are open, the limit", others->second), peer);
      return;
    }
    ++visits_from_[host];
    ++visits_;
    auto visit = kj::heap<Visit>(timer_, headers_, *desk_, to_kj(config_.request_deadline), peer);
    auto served = kj::evalNow([&]() { return visit->serve(kj::mv(raw)); });
    tasks_.add(served.attach(kj::mv(visit))
                   .then([this, host]() { leave(host); }, [this, host](kj::Exception&&) { leave(host); }));
  }

  void leave(const std::string& host) {
    const auto from = visits_from_.find(host);
    if (--from->second == 0) visits_from_.erase(from);
    --visits_;
  }

  void follow_files() {
    tasks_.add(timer_.afterDelay(to_kj(config_.reload_every)).then([this]() {
      desk_->follow_files();
      follow_files();
    }));
  }

  void taskFailed(kj::Exception&& exception) override {
    log::error("bootstrap-task-failed", "{}", exception.getDescription().cStr());
  }

  const BootstrapConfig& config_;
  kj::Timer& timer_;
  const HeaderTable headers_;
  const std::unique_ptr<Desk> desk_;
  std::size_t visits_ = 0;
  std::map<std::string, std::size_t> visits_from_;  // by host, never 0
  kj::TaskSet tasks_;
  link::AcceptLoop loop_;
};

}  // namespace

class BootstrapServer::Impl {
 public:
  explicit Impl(BootstrapConfig config)
      : config_(std::move(config)), thread_("tl-bootstrap"), gate_(std::make_shared<link::Gate>(thread_)) {}
  ~Impl() { stop(); }

  Result<void> start(BootstrapBackend& backend) {
    return thread_.call([this, &backend](link::KjContext& context) -> Result<void> {
      auto desk = Desk::open(context, config_, backend, gate_);
      if (!desk) return desk.error();
      const auto socket = link::bind_to(config_.listen);
      if (!socket) return socket.error();
      port_ = socket->port;
      loop_ = std::make_unique<Loop>(context, config_, *std::move(desk), socket->fd);
      return {};
    });
  }

  void stop() {
    gate_->shut();
    thread_.stop([this](link::KjContext&) { loop_.reset(); });
  }

  std::uint16_t port() const { return port_; }
  BootstrapCounts counts() const { return config_.counters->get(); }

 private:
  const BootstrapConfig config_;
  std::uint16_t port_ = 0;
  link::KjThread thread_;
  std::shared_ptr<link::Gate> gate_;
  std::unique_ptr<Loop> loop_;
};

BootstrapServer::BootstrapServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BootstrapServer::~BootstrapServer() = default;

Result<std::unique_ptr<BootstrapServer>> BootstrapServer::start(BootstrapConfig config, BootstrapBackend& backend) {
  if (config.validity <= model::kZeroDuration || config.validity > BootstrapConfig::kLongestValidity) {
    return model::invalid("bootstrap port: certificates are valid for up to 24 hours");
  }
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto started = impl->start(backend); !started) return started.error().in("bootstrap port");
  return std::unique_ptr<BootstrapServer>(new BootstrapServer(std::move(impl)));
}

std::uint16_t BootstrapServer::port() const {
  return impl_->port();
}

BootstrapCounts BootstrapServer::counts() const {
  return impl_->counts();
}

void BootstrapServer::stop() {
  impl_->stop();
}

}  // namespace tideline::bootstrap
