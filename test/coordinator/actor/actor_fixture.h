#pragma once
// Actors on a system of their own, and a probe that stands where their neighbours would.

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include <caf/all.hpp>
#include <gtest/gtest.h>

#include "coordinator/actor/messages.h"
#include "messages/clock/clock.h"

namespace tideline::coordinator {

inline constexpr auto kPatience = std::chrono::seconds(60);

class Actors : public testing::Test {
 protected:
  void TearDown() override {
    for (auto& actor : spawned_)
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    spawned_.clear();
  }

  template <class Actor, class... Args>
  caf::actor spawn(Args&&... args) {
    spawned_.push_back(system_.spawn<Actor>(std::forward<Args>(args)...));
    return spawned_.back();
  }
  caf::actor probe() { return caf::actor_cast<caf::actor>(self_); }

  /// The probe's next message of this type; nullopt after kPatience.
  template <class Message>
  std::optional<Message> next() {
    std::optional<Message> got;
    self_->receive([&](const Message& message) { got.emplace(message); }, caf::after(kPatience) >> [] {});
    return got;
  }

  /// Sends a question made from a reply and waits for the answer.
  template <class Answer, class Make>
  model::Result<Answer> ask(const caf::actor& whom, Make make) {
    auto promise = std::make_shared<std::promise<model::Result<Answer>>>();
    auto answer = promise->get_future();
    caf::anon_send(whom, make([promise](model::Result<Answer> result) { promise->set_value(std::move(result)); }));
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return model::Error(model::ErrorCode::kInternal, "no answer");
    }
    return answer.get();
  }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
  std::vector<caf::actor> spawned_;
};

inline std::shared_ptr<const link::ArrivedReport> arrived(const std::string& node, std::uint64_t seq,
                                                          std::uint64_t session = 1) {
  auto one = std::make_shared<link::ArrivedReport>();
  one->ticket = {link::SessionId(session), model::Seq(seq), 0};
  one->mono = clock::mono_now();
  one->wall = clock::wall_now();
  model::Report report;
  report.node = model::NodeName(node);
  report.incarnation = model::Incarnation(7);
  report.seq = model::Seq(seq);
  report.mono = one->mono;
  report.wall = one->wall;
  report.window = std::chrono::seconds(10);
  report.status.boot_id = "boot";
  report.status.cpu_capacity = model::MilliCpu(4000);
  report.status.cpu_allocatable = model::MilliCpu(3500);
  report.status.memory_capacity = model::Bytes(8 << 20);
  report.status.memory_allocatable = model::Bytes(7 << 20);
  model::NodeSample sample;
  sample.at = report.mono;
  sample.wall = report.wall;
  sample.window = std::chrono::seconds(1);
  sample.node_cpu = model::MilliCpu(1000);
  sample.system_cpu = model::MilliCpu(200);
  sample.node_memory = model::Bytes(1 << 20);
  report.samples = {sample};
  one->report = std::make_shared<const model::Report>(std::move(report));
  return one;
}

inline link::SessionInfo session_of(const std::string& node, std::uint64_t id) {
  link::SessionInfo session;
  session.id = link::SessionId(id);
  session.hello.node = model::NodeName(node);
  session.hello.incarnation = model::Incarnation(7);
  return session;
}

}  // namespace tideline::coordinator
