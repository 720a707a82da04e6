#include "node-actor/actor/tick_actor.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-actor/guard/lease.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::node::tick_actor_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;

constexpr std::chrono::seconds kPatience{20};

class TickActorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto lease = guard::Lease::take(state_.str());
    auto journal = guard::Journal::open(state_.str(), "boot");
    ASSERT_TRUE(lease.ok() && journal.ok());
    lease_ = std::make_unique<guard::Lease>(std::move(*lease));
    journal_ = std::make_unique<guard::Journal>(std::move(*journal));
    open_loop(PodsFrom::kFile);
  }
  void open_loop(PodsFrom pods_from) {
    NodeConfig config;
    config.kernel = kernel::KernelRoot::below(host_.str());
    config.state_dir = state_.str();
    config.pods_from = pods_from;
    auto loop = NodeLoop::open(config, *journal_, *lease_);
    ASSERT_TRUE(loop.ok()) << loop.error().message();
    loop_ = std::move(*loop);
  }
  void TearDown() override {
    if (tick_) end();
  }
  void spawn(model::Duration fast_interval) { spawn(fast_interval, 5 * fast_interval); }
  void spawn(model::Duration fast_interval, model::Duration pod_interval) {
    tick_ = system_.spawn<TickActor, caf::detached>(*loop_, *lease_, TickOptions{fast_interval, pod_interval},
                                                    caf::actor_cast<caf::actor>(self_), [](const model::Error&) {});
  }
  void end() {
    self_->monitor(tick_);
    caf::anon_send_exit(tick_, caf::exit_reason::user_shutdown);
    bool ended = false;
    receive_until(ended, [&](const caf::down_msg&) { ended = true; });
    if (!ended) {
      // Its loop and the actor system cannot go while it runs.
      std::fputs("the actor does not end\n", stderr);
      std::abort();
    }
    tick_ = nullptr;
  }
  bool beats_after(std::int64_t ns) {
    return test::eventually(kPatience, [&] { return lease_->last_beat().ns > ns; });
  }
  /// What the actor says to the link, which the test stands for, until it is `heard`.
  template <class Behavior>
  void hear(const bool& heard, Behavior on) {
    receive_until(heard, std::move(on));
    if (!heard) ADD_FAILURE() << "it was not heard of the actor";
  }
  /// Until `done`, or out of patience: however many samples come meanwhile.
  template <class Behavior>
  void receive_until(const bool& done, Behavior on) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    self_->receive_while([&] { return !done && std::chrono::steady_clock::now() < deadline; })(
        std::move(on), [](const SampleReady&) {}, caf::after(kPatience) >> [] {});
  }

  const FixtureTree host_{kernel::test::v1_files() + FixtureTree::Files{{"sys/devices/system/cpu/online", "0-3\n"},
                                                                        {"proc/sys/kernel/random/boot_id", "boot\n"},
                                                                        {"proc/sys/kernel/osrelease", "6.18.1\n"},
                                                                        {"proc/sys/kernel/hostname", "host\n"}}};
  const test::TempDir state_;
  std::unique_ptr<guard::Lease> lease_;
  std::unique_ptr<guard::Journal> journal_;
  std::unique_ptr<NodeLoop> loop_;
  caf::actor_system_config actor_config_;
  caf::actor_system system_{actor_config_};
  caf::scoped_actor self_{system_};
  caf::actor tick_;
};

// It writes in its first round already. A supervisor that has seen no beat would grant it a start's patience.
TEST_F(TickActorTest, TheLeaseRunsFromBeforeTheFirstRound) {
  // A file of the first round that does not end: the round stands still in it.
  const auto file = host_.path("sys/fs/cgroup/cpu/kubepods/burstable/cpu.shares");
  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  const int held_open = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(held_open, 0);

  spawn(std::chrono::milliseconds(100));
  EXPECT_TRUE(beats_after(0));

  host_.write("sys/fs/cgroup/cpu/kubepods/burstable/cpu.shares.new", "512\n");
  std::filesystem::rename(file + ".new", file);
  ::close(held_open);
  end();
}

TEST_F(TickActorTest, IsAnsweringBetweenRoundsAndGoesOnWithThem) {
  // The longer one is the actor clock's, not a sleep of the actor's own.
  for (const auto interval : {std::chrono::milliseconds(20), std::chrono::milliseconds(200)}) {
    spawn(interval);
    ASSERT_TRUE(beats_after(lease_->last_beat().ns));
    for (const auto version : {std::uint64_t{7}, std::uint64_t{8}}) {
      model::NodePolicy policy;
      policy.version = model::PolicyVersion(version);
      caf::anon_send(tick_, PolicyWanted{policy});
      bool heard = false;
      hear(heard, [&](const PolicyInForce& in_force) {
        EXPECT_EQ(in_force.version, policy.version);
        heard = true;
      });
      EXPECT_TRUE(heard);
      EXPECT_TRUE(beats_after(lease_->last_beat().ns)) << "no round after a message";
    }
    end();
  }
}

TEST_F(TickActorTest, WhoIsSentManyMessagesGoesOnWithItsRounds) {
  spawn(std::chrono::milliseconds(20));
  ASSERT_TRUE(beats_after(0));
  for (std::uint64_t number = 1; number <= 100; ++number)
    caf::anon_send(tick_, HandsOffWanted{number, {}});
  std::uint64_t last = 0;
  bool heard = false;
  hear(heard, [&](const HandsOffInForce& in_force) {
    EXPECT_EQ(in_force.number, ++last) << "in the order they were sent";
    heard = last == 100;
  });
  EXPECT_TRUE(heard);
  EXPECT_TRUE(beats_after(lease_->last_beat().ns));
  end();
}

TEST_F(TickActorTest, SamplesHaveNoPodsBeforeTheCoordinatorToldThemAndItsFromThenOn) {
  open_loop(PodsFrom::kCoordinator);
  spawn(std::chrono::milliseconds(20));
  const auto sample = [&]() {
    std::shared_ptr<const std::vector<model::Pod>> pods;
    self_->receive([&](const SampleReady& ready) { pods = ready.pods; },
                   caf::after(kPatience) >> [] { ADD_FAILURE() << "no sample"; });
    return pods;
  };
  EXPECT_EQ(sample(), nullptr);
  auto objects = std::make_shared<model::NodeObjects>();
  objects->number = 5;
  objects->labels = {{"pool", "web"}};
  objects->pods = {kernel::test::pod_of("a")};
  for (const bool changed : {true, false}) {
    caf::anon_send(tick_, ObjectsWanted{objects});
    bool heard = false;
    hear(heard, [&](const ObjectsInForce& in_force) {
      EXPECT_EQ(in_force.number, 5u);
      EXPECT_EQ(in_force.changed, changed);
      heard = true;
    });
    EXPECT_TRUE(heard);
  }
  const auto pods = sample();
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(*pods, objects->pods);
  end();
}

TEST_F(TickActorTest, WhatWasNotedAfterTheLastPodRoundGoesToTheLink) {
  spawn(std::chrono::milliseconds(20), std::chrono::minutes(10));
  // The second beat of these is of a round that was begun after the first: the one pod round is over.
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(beats_after(lease_->last_beat().ns));
  const model::HandsOff order{"kubepods/besteffort", std::nullopt, false, "ann", "tuning"};
  caf::anon_send(tick_, HandsOffWanted{1, decide::holds_of({order}, model::MonoTime{}, model::WallTime{})});
  end();
  std::vector<NotedEvent> left;
  self_->receive_while([&] { return left.empty(); })([&](const EventsLeft& message) { left = message.events; },
                                                     [](const SampleReady&) {}, [](const HandsOffInForce&) {},
                                                     caf::after(kPatience) >> [&] { left.emplace_back(); });
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].reason, model::Reason::kHandsOff);
}

}  // namespace
}  // namespace tideline::node::tick_actor_test
