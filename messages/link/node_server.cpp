#include "messages/link/node_server.h"

#include <future>
#include <utility>

#include "messages/link/kj_thread.h"
#include "messages/link/server_core.h"

namespace tideline::link {

class NodeServer::Impl {
 public:
  Impl(NodeServerConfig config, NodeServerEvents& events)
      : config_(std::move(config)), events_(events), thread_("tideline-link") {}

  model::Result<void> start() {
    const auto port = thread_.call([this](KjContext& context) -> model::Result<std::uint16_t> {
      core_ = std::make_unique<ServerCore>(context, config_, events_, counts_);
      return core_->listen();
    });
    if (!port) {
      thread_.stop([this](KjContext&) { core_.reset(); });
      return port.error();
    }
    port_ = *port;
    return {};
  }

  void stop() {
    drain();
    thread_.stop([this](KjContext&) {
      core_->end_all("the server stops");
      core_.reset();
    });
  }

  template <class F>
  void post(F f) {
    thread_.post([this, f = std::move(f)](KjContext&) mutable { f(*core_); });
  }

  std::uint16_t port() const { return port_; }
  const LinkCounts& counts() const { return counts_; }

 private:
  void drain() {
    std::promise<void> promise;
    const auto drained = promise.get_future();
    thread_.post([this, told = std::move(promise)](KjContext&) mutable {
      core_->drain([tell = std::move(told)]() mutable { tell.set_value(); });
    });
    // A loop that has ended drops the promise, which ends the wait as well.
    (void)drained.wait_for(config_.session.drain_deadline);
  }

  const NodeServerConfig config_;
  NodeServerEvents& events_;
  LinkCounts counts_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ServerCore> core_;  // made, used and destroyed on the thread
  KjThread thread_;
};

NodeServer::NodeServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

NodeServer::~NodeServer() {
  stop();
}

model::Result<std::unique_ptr<NodeServer>> NodeServer::start(NodeServerConfig config, NodeServerEvents& events) {
  if (!config.enroll) return model::Error(model::ErrorCode::kInvalidArgument, "node server: no enroll function");
  auto impl = std::make_unique<Impl>(std::move(config), events);
  if (auto started = impl->start(); !started) return started.error().in("node server");
  return std::unique_ptr<NodeServer>(new NodeServer(std::move(impl)));
}

std::uint16_t NodeServer::port() const {
  return impl_->port();
}

std::size_t NodeServer::sessions() const {
  return impl_->counts().sessions;
}

const LinkCounts& NodeServer::counts() const {
  return impl_->counts();
}

void NodeServer::acknowledge(std::vector<Ticket> tickets) {
  if (tickets.empty()) return;
  impl_->post([tickets = std::move(tickets)](ServerCore& core) { core.acknowledge(tickets); });
}

void NodeServer::refuse(Ticket ticket, model::Error why) {
  impl_->post([ticket, why = std::move(why)](ServerCore& core) { core.refuse(ticket, why); });
}

void NodeServer::push_policy(std::vector<std::pair<SessionId, model::NodePolicy>> policies) {
  if (policies.empty()) return;
  impl_->post([policies = std::move(policies)](ServerCore& core) mutable { core.push_policy(std::move(policies)); });
}

void NodeServer::push_hands_off(SessionId session, model::HandsOffOrder order) {
  impl_->post([session, order = std::move(order)](ServerCore& core) mutable {
    core.push_hands_off(session, std::move(order));
  });
}

void NodeServer::push_objects(std::vector<std::pair<SessionId, std::shared_ptr<const model::NodeObjects>>> sets) {
  if (sets.empty()) return;
  impl_->post([sets = std::move(sets)](ServerCore& core) mutable { core.push_objects(std::move(sets)); });
}

void NodeServer::answer_evictions(EvictionTicket ticket, model::EvictionAnswer answer) {
  impl_->post([ticket, answer = std::move(answer)](ServerCore& core) { core.answer_evictions(ticket, answer); });
}

void NodeServer::refuse_evictions(EvictionTicket ticket, model::Error why) {
  impl_->post([ticket, why = std::move(why)](ServerCore& core) { core.refuse_evictions(ticket, why); });
}

void NodeServer::set_batch(std::vector<std::pair<SessionId, BatchAccount>> accounts) {
  if (accounts.empty()) return;
  impl_->post([accounts = std::move(accounts)](ServerCore& core) { core.set_batch(accounts); });
}

void NodeServer::set_report_interval(SessionId session, model::Duration interval, model::Duration duration) {
  impl_->post([=](ServerCore& core) { core.set_report_interval(session, interval, duration); });
}

void NodeServer::close(SessionId session, std::string why) {
  impl_->post([session, why = std::move(why)](ServerCore& core) { core.end(session, why); });
}

void NodeServer::stop() {
  impl_->stop();
}

}  // namespace tideline::link
