#pragma once
// A fleet's actor, with a probe in the places of history and of the bridge.

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>

#include "coordinator/actor/fleet_actor.h"
#include "coordinator/policy/policy.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator {

class Fleet : public Actors {
 protected:
  caf::actor fleet_ = {};

  void SetUp() override {
    fleet_ = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>());
  }
  void TearDown() override {
    fleet_ = nullptr;
    Actors::TearDown();
  }
  model::Result<fleet::NodeView> node(const std::string& name) {
    return ask<fleet::NodeView>(fleet_, [&](admin::Reply<fleet::NodeView> reply) {
      return AskNode{model::NodeName(name), std::move(reply)};
    });
  }
  void connect_and_report(const std::string& name, std::uint64_t session) {
    caf::anon_send(fleet_, Enrolled{session_of(name, session)});
    caf::anon_send(fleet_, Durable{arrived(name, 1, session)});
  }
  static std::shared_ptr<const link::ArrivedReport> arrived_ago(const std::string& name, model::Duration age) {
    auto old = std::make_shared<link::ArrivedReport>(*arrived(name, 1));
    old->mono = old->mono + -age;
    return old;
  }
  void load_colocation() {
    auto parsed = policy::parse({{"colocation-config", R"({"enable": true})"}});
    ASSERT_TRUE(parsed.ok()) << parsed.error().message();
    caf::anon_send(fleet_,
                   PolicyLoaded{std::make_shared<const policy::ClusterPolicy>(*parsed), model::PolicyVersion(1)});
  }
  admin::ReclaimedReport reclaimed() {
    auto answer = ask<admin::ReclaimedReport>(fleet_, [](auto reply) { return AskReclaimed{std::move(reply)}; });
    EXPECT_TRUE(answer.ok());
    return answer ? *answer : admin::ReclaimedReport{};
  }
  model::Result<model::Duration> watch(const std::string& name) {
    return ask<model::Duration>(fleet_, [&](auto reply) {
      return AskWatch{model::NodeName(name), 10, std::move(reply)};
    });
  }
  template <class Claim>
  static bool eventually(Claim claim) {
    for (const auto until = std::chrono::steady_clock::now() + kPatience; !claim();) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  template <class T>
  void expect_unknown(const model::Result<T>& answer) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), model::ErrorCode::kNotFound);
    EXPECT_THAT(answer.error().message(), testing::HasSubstr("\"nobody\""));
  }
};

}  // namespace tideline::coordinator
