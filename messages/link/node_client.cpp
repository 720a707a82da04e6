#include "messages/link/node_client.h"

#include <fmt/format.h>

#include "messages/codec/report_bytes.h"
#include "messages/link/client_core.h"
#include "messages/link/kj_thread.h"

namespace tideline::link {
namespace {

using model::Error;
using model::ErrorCode;

model::Result<void> check(const NodeClientConfig& config) {
  const auto invalid = [](std::string text) { return Error(ErrorCode::kInvalidArgument, std::move(text)); };
  if (config.coordinators.empty()) return invalid("no coordinator address is configured");
  if (config.server_name.empty() || config.server_name.find('*') != std::string::npos) {
    return invalid(
        fmt::format("server name '{}': want the DNS name in the coordinator's certificate", config.server_name));
  }
  if (config.window == 0) return invalid("window 0: want at least one report in flight");
  return check_configured(config.tls);
}

}  // namespace

class NodeClient::Impl {
 public:
  Impl(NodeClientConfig config, NodeClientEvents& events)
      : config_(std::move(config)), events_(events), thread_("tideline-link") {
    thread_.post([this](KjContext& context) {
      core_ = std::make_unique<ClientCore>(context, config_, events_, state_);
      core_->start();
    });
  }

  void stop() {
    thread_.stop([this](KjContext&) { core_.reset(); });
    const std::lock_guard lock(state_.mutex);
    state_.connected = false;
  }

  bool connected() {
    const std::lock_guard lock(state_.mutex);
    return state_.connected;
  }

  model::Result<void> send_report(const model::Report& report) {
    auto bytes = codec::to_bytes(report);
    if (!bytes) return bytes.error();
    std::uint64_t generation = 0;
    {
      const std::lock_guard lock(state_.mutex);
      if (!state_.connected) return Error(ErrorCode::kUnavailable, "no session with a coordinator");
      if (state_.in_flight >= config_.window) {
        return Error(ErrorCode::kOverloaded, fmt::format("{} reports are in flight", state_.in_flight));
      }
      ++state_.in_flight;
      generation = state_.generation;
    }
    thread_.post([this, generation, seq = report.seq, own = *std::move(bytes)](KjContext&) {
      core_->send_report(generation, seq, own);
    });
    return {};
  }

  model::Result<void> ask_evictions(const model::EvictionAsk& ask) {
    if (auto valid = model::validate(ask); !valid) return valid.error().in("eviction ask");
    std::uint64_t generation = 0;
    {
      const std::lock_guard lock(state_.mutex);
      if (!state_.connected) return Error(ErrorCode::kUnavailable, "no session with a coordinator");
      if (state_.asking) return Error(ErrorCode::kOverloaded, "an eviction ask is open");
      state_.asking = true;
      generation = state_.generation;
    }
    thread_.post([this, generation, ask](KjContext&) { core_->ask_evictions(generation, ask); });
    return {};
  }

  void answer_policy(model::PolicyVersion version, std::string problem) {
    thread_.post([this, version, text = std::move(problem)](KjContext&) { core_->answer_policy(version, text); });
  }

  void answer_hands_off(std::uint64_t number, std::string problem) {
    thread_.post([this, number, text = std::move(problem)](KjContext&) { core_->answer_hands_off(number, text); });
  }

 private:
  const NodeClientConfig config_;
  NodeClientEvents& events_;
  ClientState state_;
  std::unique_ptr<ClientCore> core_;  // made, used and destroyed on the thread
  KjThread thread_;
};

NodeClient::NodeClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

NodeClient::~NodeClient() {
  stop();
}

model::Result<std::unique_ptr<NodeClient>> NodeClient::start(NodeClientConfig config, NodeClientEvents& events) {
  if (auto good = check(config); !good) return good.error().in("node link");
  return std::unique_ptr<NodeClient>(new NodeClient(std::make_unique<Impl>(std::move(config), events)));
}

bool NodeClient::connected() const {
  return impl_->connected();
}

model::Result<void> NodeClient::send_report(const model::Report& report) {
  return impl_->send_report(report);
}

model::Result<void> NodeClient::ask_evictions(const model::EvictionAsk& ask) {
  return impl_->ask_evictions(ask);
}

void NodeClient::answer_policy(model::PolicyVersion version, std::string problem) {
  impl_->answer_policy(version, std::move(problem));
}

void NodeClient::answer_hands_off(std::uint64_t number, std::string problem) {
  impl_->answer_hands_off(number, std::move(problem));
}

void NodeClient::stop() {
  impl_->stop();
}

}  // namespace tideline::link
