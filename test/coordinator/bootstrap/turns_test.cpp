// Whose turn it is, in virtual time.

#include "coordinator/bootstrap/turns.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <kj/async.h>
#include <kj/exception.h>
#include <kj/timer.h>

namespace tideline::bootstrap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TurnLimits at_once(std::size_t count) {
  return {count, 10, seconds(15)};
}

/// No fixture: what KJ's destructors may throw is more than those of tests may.
class World {
 public:
  /// Of one who waits.
  struct Comer {
    bool is_answered = false;
    bool is_turned_away = false;  // no turn in time
    bool is_dropped = false;      // had left
    bool has_left = false;
    Turns::Place place;
    kj::Promise<void> promise{kj::READY_NOW};
  };

  explicit World(const TurnLimits& limits) : turns_(timer_, limits) {}

  Comer& come() {
    auto& comer = *comers_.emplace_back(std::make_unique<Comer>());
    comer.promise = turns_.take([&comer]() { return comer.has_left; })
                        .then(
                            [&comer](Turns::Place place) {
                              comer.is_answered = true;
                              comer.is_turned_away = place == nullptr;
                              comer.place = std::move(place);
                            },
                            [&comer](kj::Exception&&) { comer.is_answered = comer.is_dropped = true; })
                        .eagerlyEvaluate(nullptr);
    scope_.poll();
    return comer;
  }
  void pass(model::Duration time) {
    timer_.advanceTo(timer_.now() + time.count() * kj::NANOSECONDS);
    scope_.poll();
  }
  static bool asks(const Comer& comer) { return comer.place != nullptr; }
  void done(Comer& comer) {
    comer.place.reset();
    scope_.poll();
  }

 private:
  kj::EventLoop loop_;
  kj::WaitScope scope_{loop_};
  kj::TimerImpl timer_{kj::origin<kj::TimePoint>()};
  Turns turns_;
  std::vector<std::unique_ptr<Comer>> comers_;
};

TEST(BootstrapTurns, TheFirstGoesAtOnceAndTheNextAtThePace) {
  World world(at_once(2));
  auto& first = world.come();
  EXPECT_TRUE(World::asks(first));
  auto& second = world.come();
  world.pass(milliseconds(99));
  EXPECT_FALSE(World::asks(second));
  world.pass(milliseconds(1));
  EXPECT_TRUE(World::asks(second));
}

TEST(BootstrapTurns, APaceThatWasNotUsedIsNotSavedUp) {
  World world(at_once(10));
  world.pass(seconds(60));
  auto& first = world.come();
  auto& second = world.come();
  EXPECT_TRUE(World::asks(first));
  EXPECT_FALSE(World::asks(second));
}

TEST(BootstrapTurns, NoMoreAskAtOnceThanMayAndTheFirstThatCameIsNext) {
  World world(at_once(2));
  auto& first = world.come();
  auto& second = world.come();
  auto& third = world.come();
  auto& fourth = world.come();
  world.pass(milliseconds(100));
  world.pass(seconds(5));
  EXPECT_TRUE(World::asks(first) && World::asks(second));
  EXPECT_FALSE(World::asks(third) || World::asks(fourth));
  world.done(second);
  EXPECT_TRUE(World::asks(third));
  world.done(first);
  EXPECT_FALSE(World::asks(fourth)) << "not so soon after the third";
  world.pass(milliseconds(100));
  EXPECT_TRUE(World::asks(fourth));
}

TEST(BootstrapTurns, WhoseTurnDoesNotComeInTimeIsTurnedAwayAndTakesNone) {
  World world(at_once(1));
  auto& first = world.come();
  auto& late = world.come();
  world.pass(seconds(14));
  auto& third = world.come();
  EXPECT_FALSE(late.is_answered);
  world.pass(seconds(1));
  EXPECT_TRUE(late.is_turned_away);
  world.done(first);
  EXPECT_TRUE(World::asks(third));
}

TEST(BootstrapTurns, WhoLeftTakesNoTurn) {
  World world(at_once(1));
  auto& first = world.come();
  auto& left = world.come();
  auto& dropped = world.come();
  auto& last = world.come();
  left.has_left = true;
  dropped.promise = kj::READY_NOW;
  world.pass(seconds(1));
  world.done(first);
  EXPECT_TRUE(left.is_dropped);
  EXPECT_FALSE(dropped.is_answered);
  EXPECT_TRUE(World::asks(last)) << "the pace is not spent on those who are not there";
}

}  // namespace
}  // namespace tideline::bootstrap
