// Two terms never hold at the same instant, whatever becomes of requests, answers, clocks and processes; and where
// nothing is in the way somebody leads.
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "k8s-bridge/lease/elector.h"
#include "test/k8s-bridge/lease/fake_lease.h"
#include "test/sim/campaign.h"

namespace tideline::lease::elector_random_test {
namespace {

using model::BootTime;
using model::Duration;
using model::WallTime;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kStep = milliseconds(50);
/// As the edge around an elector gives up.
constexpr Duration kPatience = seconds(5);
/// A candidate looks each two seconds or so: of a Lease that is deleted twice in between it cannot know.
constexpr Duration kBetweenDeletions = minutes(3);

struct Weather {
  int pauses_per_hour = 0;      // of a process, up to 40 s
  int partitions_per_hour = 0;  // of one from the server, up to 40 s
  int crashes_per_hour = 0;
  int releases_per_hour = 0;
  int deletions_per_hour = 0;
  int lost_percent = 0;  // of requests, and again of answers
  Duration max_latency = milliseconds(80);
};

/// Some candidates with clocks of their own, and the server between. All of it in steps.
class World {
 public:
  World(std::uint64_t seed, std::size_t candidates, const Weather& weather) : random_(seed), weather_(weather) {
    for (std::size_t i = 0; i < candidates; ++i) {
      candidates_.emplace_back();
      auto& candidate = candidates_.back();
      candidate.boot_offset_ns = random_.between(0, 1'000'000'000'000'000);
      candidate.wall_offset_ms = random_.between(-100'000'000'000, 100'000'000'000);
      candidate.rate_percent = random_.between(97, 103);
      start(candidate);
    }
  }

  void run(Duration time) {
    for (const auto end = now_ + time; now_ < end && !testing::Test::HasFailure(); now_ += kStep) {
      serve();
      delete_sometimes();
      for (auto& candidate : candidates_) {
        interfere(candidate);
        if (now_ >= candidate.stopped_until) act(candidate);
        check();
      }
    }
  }
  void calm() { weather_ = Weather(); }

  std::size_t holding() const {
    std::size_t count = 0;
    for (const auto& candidate : candidates_) {
      const auto until = candidate.term_until;
      if (until && clock(candidate) < *until) ++count;
    }
    return count;
  }
  int takeovers() const { return takeovers_; }

 private:
  struct Message {
    Duration arrives;
    std::size_t to = 0;
    std::uint64_t call = 0;
    Call request = {};
    Answer answer = {};
  };
  struct Candidate {
    std::int64_t boot_offset_ns = 0;
    std::int64_t wall_offset_ms = 0;
    std::int64_t rate_percent = 100;
    std::unique_ptr<Elector> elector;
    /// As its Term has it: what it was told last, which a stopped process does not take back.
    std::optional<BootTime> term_until;
    std::uint64_t open_call = 0;  // 0 = none
    Duration patience_ends{0};
    std::deque<Message> inbox;
    Duration stopped_until{0};
    Duration cut_off_until{0};
    Duration starts_at{0};
  };

  bool happens(int per_hour) { return random_.between(0, 3600 * (seconds(1) / kStep) - 1) < per_hour; }
  Duration some(Duration most) { return milliseconds(random_.between(0, model::to_ms(most))); }

  BootTime clock(const Candidate& candidate) const {
    return {candidate.boot_offset_ns + now_.count() / 100 * candidate.rate_percent};
  }
  WallTime wall(const Candidate& candidate) const {
    return {1'796'040'000'000 + candidate.wall_offset_ms + model::to_ms(now_)};
  }

  void start(Candidate& candidate) {
    ElectorOptions options;
    options.identity = "process-" + std::to_string(++processes_);
    candidate.elector = std::make_unique<Elector>(options);
    candidate.term_until.reset();
    candidate.open_call = 0;
    candidate.inbox.clear();
  }
  void end(Candidate& candidate) {
    candidate.elector.reset();
    candidate.term_until.reset();
    candidate.open_call = 0;
    candidate.starts_at = now_ + some(seconds(10));
  }

  void interfere(Candidate& candidate) {
    if (happens(weather_.pauses_per_hour)) candidate.stopped_until = now_ + some(seconds(40));
    if (happens(weather_.partitions_per_hour)) candidate.cut_off_until = now_ + some(seconds(40));
    if (happens(weather_.crashes_per_hour)) end(candidate);
  }

  void act(Candidate& candidate) {
    if (!candidate.elector) {
      if (now_ >= candidate.starts_at) start(candidate);
      return;
    }
    hear(candidate);
    if (!candidate.elector) return;
    auto& elector = *candidate.elector;
    if (candidate.term_until && happens(weather_.releases_per_hour)) {
      candidate.term_until.reset();
      elector.release(clock(candidate));
    }
    if (const auto call = elector.due(clock(candidate), wall(candidate))) send(candidate, *call);
    note(candidate);
  }

  void hear(Candidate& candidate) {
    const auto tell = [&](Answer answer) {
      candidate.open_call = 0;
      candidate.elector->answered(std::move(answer), clock(candidate),
                                  static_cast<double>(random_.between(0, 100)) / 100);
      note(candidate);
    };
    // A process that was stopped finds both when it goes on: an answer, and that it waited too long for it.
    if (candidate.open_call != 0 && now_ >= candidate.patience_ends && random_.percent(50)) tell(no_answer("late"));
    while (!candidate.inbox.empty() && candidate.inbox.front().arrives <= now_) {
      auto message = std::move(candidate.inbox.front());
      candidate.inbox.pop_front();
      if (message.call == candidate.open_call) tell(std::move(message.answer));
    }
    if (candidate.open_call != 0 && now_ >= candidate.patience_ends) tell(no_answer("late"));
  }

  /// What the edge does after each word of the elector's.
  void note(Candidate& candidate) {
    const auto until = candidate.elector->leads_until();
    if (until) {
      if (!candidate.term_until) ++takeovers_;
      candidate.term_until = until;
      return;
    }
    const auto phase = candidate.elector->standing().phase;
    if (phase == Phase::kLost || phase == Phase::kReleased) end(candidate);
  }

  void send(Candidate& candidate, const Call& call) {
    const auto number = ++calls_;
    candidate.open_call = number;
    candidate.patience_ends = now_ + kPatience;
    if (random_.percent(weather_.lost_percent)) return;
    const bool cut_off = now_ < candidate.cut_off_until;
    // What was sent into a partition may get through later all the same.
    if (cut_off && random_.percent(70)) return;
    Message message;
    message.arrives = now_ + some(weather_.max_latency) + (cut_off ? some(seconds(30)) : model::kZeroDuration);
    message.to = static_cast<std::size_t>(&candidate - candidates_.data());
    message.call = number;
    message.request = call;
    requests_.push_back(std::move(message));
  }

  void serve() {
    std::deque<Message> later;
    for (auto& message : requests_) {
      if (message.arrives > now_) {
        later.push_back(std::move(message));
        continue;
      }
      message.answer = lease_.serve(message.request);
      auto& candidate = candidates_[message.to];
      if (now_ < candidate.cut_off_until || random_.percent(weather_.lost_percent)) continue;
      message.arrives = now_ + some(weather_.max_latency);
      candidate.inbox.push_back(std::move(message));
    }
    requests_ = std::move(later);
    if (happens(60)) lease_.label(std::to_string(++labels_));
  }

  void delete_sometimes() {
    if (!happens(weather_.deletions_per_hour) || now_ - deleted_ < kBetweenDeletions) return;
    lease_.remove();
    deleted_ = now_;
  }

  void check() const {
    if (holding() <= 1) return;
    std::string all;
    for (const auto& candidate : candidates_) {
      const auto until = candidate.term_until;
      all += until ? " " + std::to_string(model::to_ms(*until - clock(candidate))) + " ms left" : " none";
    }
    ADD_FAILURE() << "more than one term holds at " << model::to_ms(now_) << " ms:" << all;
  }

  sim::Random random_;
  Weather weather_;
  FakeLease lease_;
  std::vector<Candidate> candidates_;
  std::deque<Message> requests_;
  Duration now_{0};
  Duration deleted_{0};
  std::uint64_t processes_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t labels_ = 0;
  int takeovers_ = 0;
};

using sim::each_seed;

/// After it has been calm for some time exactly one leads.
void expect_one_leads(World& world) {
  world.calm();
  world.run(minutes(2));
  EXPECT_EQ(world.holding(), 1U);
}

TEST(ElectorWorld, OfCandidatesInPeaceOneLeadsAndStays) {
  each_seed(5, [](std::uint64_t seed) {
    World world(seed, 3, {});
    world.run(minutes(10));
    EXPECT_EQ(world.holding(), 1U);
    EXPECT_EQ(world.takeovers(), 1);
  });
}

TEST(ElectorWorld, TwoTermsNeverHoldAtOnceWhateverFails) {
  int takeovers = 0;
  const bool enough = each_seed(20, [&](std::uint64_t seed) {
    Weather weather;
    weather.pauses_per_hour = 60;
    weather.partitions_per_hour = 60;
    weather.crashes_per_hour = 10;
    weather.releases_per_hour = 20;
    weather.deletions_per_hour = 10;
    weather.lost_percent = 10;
    weather.max_latency = milliseconds(1500);
    World world(seed, seed % 2 == 0 ? 2 : 3, weather);
    world.run(minutes(20));
    expect_one_leads(world);
    takeovers += world.takeovers();
  });
  if (enough) {
    EXPECT_GE(takeovers, 100) << "else it shows little";
  }
}

TEST(ElectorWorld, TwoTermsNeverHoldAtOnceWhereAnswersAreVeryLate) {
  each_seed(10, [](std::uint64_t seed) {
    Weather weather;
    weather.pauses_per_hour = 120;
    weather.max_latency = seconds(7);
    World world(seed, 2, weather);
    world.run(minutes(20));
    expect_one_leads(world);
  });
}

TEST(ElectorWorld, TwoTermsNeverHoldAtOnceWhereProcessesComeAndGo) {
  each_seed(10, [](std::uint64_t seed) {
    Weather weather;
    weather.crashes_per_hour = 200;
    weather.releases_per_hour = 200;
    weather.lost_percent = 30;
    World world(seed, 3, weather);
    world.run(minutes(20));
    expect_one_leads(world);
  });
}

}  // namespace
}  // namespace tideline::lease::elector_random_test
