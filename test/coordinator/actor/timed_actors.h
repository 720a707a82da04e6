#pragma once
// Actors in virtual time: they run when the test says so, and time passes when it does.

#include <chrono>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <gtest/gtest.h>

namespace tideline::coordinator {

class TimedActors : public testing::Test {
 protected:
  void TearDown() override {
    for (const auto& actor : spawned_)
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    spawned_.clear();
    scheduler().run();
  }

  template <class Actor, class... Args>
  caf::actor spawn(Args&&... args) {
    spawned_.push_back(system_.spawn<Actor>(std::forward<Args>(args)...));
    scheduler().run();
    return spawned_.back();
  }
  /// Messages, one behind the other, and all that follows from them now.
  template <class... Messages>
  void tell(const caf::actor& whom, Messages... messages) {
    (caf::anon_send(whom, std::move(messages)), ...);
    scheduler().run();
  }
  /// In steps short enough that what comes after a pause comes in its own time.
  void pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds kStep{100};
    for (; time.count() > 0; time -= kStep) {
      passed_ += kStep;
      scheduler().advance_time(kStep);
      scheduler().run();
    }
  }
  /// Since the begin of the test.
  std::chrono::milliseconds passed() const { return passed_; }

 private:
  static caf::actor_system_config& by_hand(caf::actor_system_config& config) {
    config.set("scheduler.policy", caf::atom("testing"));
    return config;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  caf::actor_system_config config_;
  caf::actor_system system_{by_hand(config_)};
  std::vector<caf::actor> spawned_;
  std::chrono::milliseconds passed_{0};
};

}  // namespace tideline::coordinator
