// What must hold whatever accounts, failures, lags and other writers do.
#include <deque>
#include <map>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "k8s-bridge/publish/publisher.h"
#include "k8s-bridge/publish/values.h"
#include "test/k8s-bridge/publish/fake_node.h"
#include "test/sim/campaign.h"

namespace tideline::publish {
namespace {

using model::Duration;
using model::MonoTime;
using model::NodeName;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kStep = milliseconds(250);

struct Weather {
  int move_percent = 30;  // of offers that are another than before
  int fail_percent = 0;   // of writes
  int foreign_per_hour = 0;
  int restart_per_hour = 0;
  Duration max_latency = milliseconds(900);
  Duration max_lag = seconds(2);  // of the watch
};

/// Some nodes, their API server, their ledger, and the publisher between.
class World {
 public:
  World(std::uint64_t seed, const Weather& weather) : seed_(seed), random_(seed), weather_(weather) {
    for (const char* name : {"a", "b", "c"})
      nodes_.emplace(name, Node(name));
  }

  void run(Duration for_so_long) {
    const MonoTime end = now_ + for_so_long;
    for (; now_ < end; now_ = now_ + kStep) {
      for (auto& [name, node] : nodes_) {
        make_offers(name, node);
        interfere(node);
        deliver(node);
        answer(name, node);
      }
      if (chance(weather_.restart_per_hour)) restart();
      for (const Write& write : publisher_.due(now_, 10))
        begin(write);
      for (auto& [name, node] : nodes_)
        check(name, node);
      if (testing::Test::HasFailure()) return;
    }
  }

  /// The largest number of writes of one node within any so long, from `since` on.
  std::size_t most_writes_within(Duration window, MonoTime since, std::optional<WriteReason> reason = {}) const {
    std::size_t most = 0;
    for (const auto& [name, node] : nodes_) {
      std::deque<MonoTime> times;
      for (const auto& [at, why] : node.writes) {
        if (at < since || (reason && why != *reason)) continue;
        times.push_back(at);
        while (at - times.front() >= window)
          times.pop_front();
        most = std::max(most, times.size());
      }
    }
    return most;
  }
  void restart() {
    publisher_ = Publisher();
    for (auto& [name, node] : nodes_) {
      node.in_flight.reset();
      node.events.clear();
      publisher_.observed(node.api.node(), now_);
      // What this one does is not held against what the one before did, and it keeps what is there for its grace.
      node.writes.clear();
      node.quiet_since = now_ + PublishOptions{}.start_grace + seconds(5);
      if (node.offer) publisher_.offer(*node.offer, now_);
    }
  }
  void still() { weather_ = {.move_percent = 0, .fail_percent = 0, .foreign_per_hour = 0, .restart_per_hour = 0}; }
  std::size_t writes() const {
    std::size_t sum = 0;
    for (const auto& [name, node] : nodes_)
      sum += node.writes.size();
    return sum;
  }
  MonoTime now() const { return now_; }

 private:
  struct Flight {
    Write write;
    MonoTime done;
    bool fails = false;
    bool is_applied = true;
  };
  struct Node {
    explicit Node(const std::string& name) : api(name) {}
    FakeNode api;
    std::optional<Offer> offer;
    MonoTime next_offer;
    std::deque<std::pair<MonoTime, k8s::NodeObject>> events;
    std::optional<Flight> in_flight;
    std::vector<std::pair<MonoTime, WriteReason>> writes;
    std::optional<MonoTime> too_much_since;
    MonoTime quiet_since;  // no failure, no other writer since
  };

  int draw(int most) { return static_cast<int>(random_() % static_cast<std::uint64_t>(most)); }
  bool chance(int per_hour) { return draw(4 * 3600) < per_hour; }
  Duration upto(Duration most) { return milliseconds(draw(static_cast<int>(model::to_ms(most)) + 1)); }

  void make_offers(const std::string& name, Node& node) {
    if (now_ < node.next_offer) return;
    node.next_offer = now_ + seconds(10);
    if (!node.offer || draw(100) < weather_.move_percent) {
      node.offer = offering(draw(4) == 0 ? 0 : 1'000 * draw(65), kGi * draw(65), name);
      auto& account = node.offer->account;
      if (draw(4) == 0) account.cpu.mid = model::MilliCpu(draw(20'000));
      if (draw(4) == 0) account.cpu.committed = model::MilliCpu(draw(65'000));
      if (draw(8) == 0) account.cpu.third_party = model::MilliCpu(1'000);
      const model::ReclaimRule rules[] = {model::ReclaimRule::kDisabled, model::ReclaimRule::kStale,
                                          model::ReclaimRule::kUnknownUsage};
      if (draw(6) == 0) {
        node.offer = ruled(rules[draw(3)]);
        node.offer->account.node = NodeName(name);
      }
    }
    publisher_.offer(*node.offer, now_);
  }

  void interfere(Node& node) {
    if (chance(360)) {
      node.api.heartbeat();
      notify(node);
    }
    if (!chance(weather_.foreign_per_hour)) return;
    node.api.set("kubernetes.io/batch-cpu", std::to_string(draw(80'000)));
    notify(node);
    node.quiet_since = now_ + minutes(10);
  }

  void notify(Node& node) {
    const MonoTime after = node.events.empty() ? now_ : node.events.back().first;
    node.events.emplace_back(std::max(after, now_ + upto(weather_.max_lag)), node.api.node());
  }

  void deliver(Node& node) {
    if (node.events.empty() && now_ == MonoTime{}) notify(node);
    while (!node.events.empty() && node.events.front().first <= now_) {
      publisher_.observed(node.events.front().second, now_);
      node.events.pop_front();
    }
  }

  void begin(const Write& write) {
    Node& node = nodes_.at(write.node.str());
    ASSERT_FALSE(node.in_flight) << where() << ": two writes in flight";
    if (!node.writes.empty()) {
      ASSERT_GE((now_ - node.writes.back().first).count(), Duration(seconds(1)).count()) << where();
    }
    node.writes.emplace_back(now_, write.reason);
    Flight flight{write, now_ + upto(weather_.max_latency)};
    flight.fails = draw(100) < weather_.fail_percent;
    flight.is_applied = !flight.fails || draw(2) == 0;
    node.in_flight = std::move(flight);
  }

  void answer(const std::string& name, Node& node) {
    if (!node.in_flight || node.in_flight->done > now_) return;
    const Flight flight = *std::exchange(node.in_flight, std::nullopt);
    std::string version;
    if (flight.is_applied) {
      const std::string before = node.api.version();
      version = node.api.patch(flight.write.body);
      if (version != before) notify(node);
    }
    if (flight.fails) {
      node.quiet_since = now_ + seconds(5);
      publisher_.failed(NodeName(name), upto(seconds(3)), now_);
    } else {
      publisher_.written(NodeName(name), version, now_);
    }
  }

  void check(const std::string& name, Node& node) {
    if (!node.offer) return;
    const Values there = values_of(node.api.node().allocatable);
    const auto terms = terms_of(node.offer->account);
    bool is_too_much = false;
    for (std::size_t i = 0; i < kResources; ++i) {
      if (!there[i]) continue;
      const auto& wanted = terms[i].wanted;
      if (!wanted) {
        is_too_much = true;
      } else if (*wanted < *there[i]) {
        const auto difference = static_cast<double>(*there[i] - *wanted);
        is_too_much = is_too_much || difference > 0.1 * static_cast<double>(*there[i]) ||
                      (*wanted < terms[i].committed && terms[i].committed < *there[i]);
      }
    }
    if (!is_too_much) {
      node.too_much_since.reset();
      return;
    }
    if (!node.too_much_since) node.too_much_since = now_;
    const MonoTime since = std::max(*node.too_much_since, node.quiet_since);
    ASSERT_LE((now_ - since).count(), Duration(seconds(5)).count())
        << where() << ": too much is published on " << name << " for too long: " << node.api.object()["status"];
  }

  std::string where() const {
    return "seed " + std::to_string(seed_) + " at " + std::to_string(model::to_ms(Duration(now_.ns))) + " ms";
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  Weather weather_;
  MonoTime now_;
  Publisher publisher_;
  std::map<std::string, Node> nodes_;
};

using sim::each_seed;

TEST(RandomPublisher, NeverLeavesTooMuchPublishedForLong) {
  each_seed(20, [](std::uint64_t seed) {
    World world(seed, {});
    world.run(minutes(20));
    EXPECT_GT(world.writes(), 50u);
  });
}

TEST(RandomPublisher, NeverLeavesTooMuchPublishedForLongAfterFailures) {
  each_seed(20, [](std::uint64_t seed) {
    World world(seed, {.fail_percent = 30, .restart_per_hour = 6});
    world.run(minutes(20));
  });
}

TEST(RandomPublisher, AnswersOtherWritersAtABoundedPace) {
  each_seed(10, [](std::uint64_t seed) {
    World world(seed, {.move_percent = 0, .foreign_per_hour = 720});
    world.run(minutes(40));
    EXPECT_LE(world.most_writes_within(minutes(5), MonoTime{}, WriteReason::kForeign), 10u);
    EXPECT_LE(world.most_writes_within(minutes(40), MonoTime{}, WriteReason::kForeign), 18u);
  });
}

TEST(RandomPublisher, WritesAtMostOnceInFiveMinutesOfSteadyInput) {
  each_seed(10, [](std::uint64_t seed) {
    World world(seed, {.move_percent = 50, .fail_percent = 20, .restart_per_hour = 2});
    world.run(minutes(5));
    world.still();
    world.run(minutes(5));  // what was under way comes to rest
    const MonoTime still = world.now();
    world.run(minutes(20));
    EXPECT_LE(world.most_writes_within(minutes(5), still), 1u);
  });
}

TEST(RandomPublisher, WritesNothingAfterARestartOnSteadyInput) {
  each_seed(10, [](std::uint64_t seed) {
    World world(seed, {.move_percent = 50});
    world.run(minutes(5));
    world.still();
    world.run(minutes(20));
    world.restart();
    world.run(minutes(20));
    EXPECT_EQ(world.writes(), 0u);
  });
}

}  // namespace
}  // namespace tideline::publish
