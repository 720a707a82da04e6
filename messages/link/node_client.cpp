#include "messages/link/node_client.h"

#include <algorithm>

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

class ClientLoop {
 public:
  KjThread thread{"tideline-link"};
};

std::shared_ptr<ClientLoop> make_client_loop() {
  return std::make_shared<ClientLoop>();
}

class NodeClient::Impl {
 public:
  Impl(NodeClientConfig config, NodeClientEvents& events, std::shared_ptr<ClientLoop> shared)
      : config_(std::move(config)),
        events_(events),
        own_(!shared),
        loop_(own_ ? make_client_loop() : std::move(shared)) {
    loop_->thread.post([this, slot = slot_](KjContext& context) {
      slot->core = std::make_unique<ClientCore>(context, config_, events_, state_);
      slot->core->start();
    });
  }

  void stop() {
    if (own_) {
      loop_->thread.stop([this](KjContext&) { slot_->core.reset(); });
    } else {
      // The loop lives on: tasks that come later find no core.
      static_cast<void>(loop_->thread.call([slot = slot_](KjContext&) -> model::Result<void> {
        slot->core.reset();
        return {};
      }));
    }
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
    const std::uint64_t pods = list_of(report.pods);
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
    post([generation, seq = report.seq, own = *std::move(bytes), pods](ClientCore& core) {
      core.send_report(generation, seq, own, pods);
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
    post([generation, ask](ClientCore& core) { core.ask_evictions(generation, ask); });
    return {};
  }

  void answer_policy(model::PolicyVersion version, std::string problem) {
    post([version, text = std::move(problem)](ClientCore& core) { core.answer_policy(version, text); });
  }

  void answer_hands_off(std::uint64_t number, std::string problem) {
    post([number, text = std::move(problem)](ClientCore& core) { core.answer_hands_off(number, text); });
  }

  void answer_objects(std::uint64_t number, std::string problem) {
    post([number, text = std::move(problem)](ClientCore& core) { core.answer_objects(number, text); });
  }

 private:
  /// The number of the list of pods; 0 = there is none.
  std::uint64_t list_of(const std::vector<model::PodSummary>& pods) {
    if (pods.empty()) return 0;
    const std::lock_guard lock(pods_mutex_);
    const auto same = [](const model::SharedPod& pod, const model::PodSummary& summary) { return pod == summary.pod; };
    if (!std::equal(pods_.begin(), pods_.end(), pods.begin(), pods.end(), same)) {
      pods_.clear();
      for (const auto& summary : pods)
        pods_.push_back(summary.pod);
      ++list_;
    }
    return list_;
  }

  struct Slot {
    std::unique_ptr<ClientCore> core;  // made, used and destroyed on the loop
  };

  template <class Task>
  void post(Task task) {
    loop_->thread.post([slot = slot_, task = std::move(task)](KjContext&) mutable {
      if (slot->core) task(*slot->core);
    });
  }

  const NodeClientConfig config_;
  NodeClientEvents& events_;
  ClientState state_;
  std::mutex pods_mutex_;
  model::SharedPods pods_;  // of the last report
  std::uint64_t list_ = 0;  // their number
  const std::shared_ptr<Slot> slot_ = std::make_shared<Slot>();
  const bool own_;
  const std::shared_ptr<ClientLoop> loop_;
};

NodeClient::NodeClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

NodeClient::~NodeClient() {
  stop();
}

model::Result<std::unique_ptr<NodeClient>> NodeClient::start(NodeClientConfig config, NodeClientEvents& events,
                                                             std::shared_ptr<ClientLoop> loop) {
  if (auto good = check(config); !good) return good.error().in("node link");
  auto impl = std::make_unique<Impl>(std::move(config), events, std::move(loop));
  return std::unique_ptr<NodeClient>(new NodeClient(std::move(impl)));
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

void NodeClient::answer_objects(std::uint64_t number, std::string problem) {
  impl_->answer_objects(number, std::move(problem));
}

void NodeClient::stop() {
  impl_->stop();
}

}  // namespace tideline::link
