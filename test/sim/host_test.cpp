#include <algorithm>
#include <iterator>

#include "node-actor/decide/cpu_suppress.h"
#include "test/sim/campaign.h"
#include "test/sim/host_sim.h"

namespace tideline::sim {
namespace {

using Action = decide::SuppressDecision::Action;
using model::Reason;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kPodLoop = seconds(1);
constexpr Duration kLoops[] = {milliseconds(100), seconds(1)};

model::NodePolicy threshold_policy(model::SuppressPolicy mode, int percent) {
  model::NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = mode;
  policy.threshold.cpu_suppress_threshold_percent = percent;
  return policy;
}

/// A host and an agent that never miss a round.
struct World {
  World(std::int64_t cpus, std::int64_t reserved_percent, Duration loop_)
      : capacity(cpus * 1000),
        reserved(capacity.percent(static_cast<double>(reserved_percent))),
        loop(loop_),
        host(capacity),
        agent(capacity, capacity - reserved) {
    host.demand.be = 2.0 * static_cast<double>(capacity.value());
  }

  Shares tick() {
    const Shares got = host.run(loop);
    decision = agent.fast_round(host.now(), host.fast());
    agent.act(decision, host);
    if (host.now() >= next_pod_round) {
      agent.pod_round(host.slow(), host.weights());
      next_pod_round = host.now() + kPodLoop;
    }
    return got;
  }
  void run(Duration span) {
    for (const auto end = host.now() + span; host.now() < end;)
      tick();
  }
  double percent(double of) const { return static_cast<double>(capacity.value()) * of / 100; }
  double quota() const { return host.quota ? static_cast<double>(host.quota->value()) : percent(1000); }
  /// One write of the dead band, and rounding.
  double dead_band() const { return percent(decide::kDeadBandPercent) + 2; }
  /// What may wait for decide::kSettlePace.
  double wandering() const {
    return std::max(percent(decide::kDriftPercent), static_cast<double>(decide::kDriftLeast.value())) + 2;
  }
  /// What may wait for decide::kDriftPace.
  double drift() const {
    return std::max(percent(decide::kUrgentFallPercent), static_cast<double>(decide::kUrgentFallLeast.value())) + 2;
  }

  MilliCpu capacity;
  MilliCpu reserved;
  Duration loop;
  Host host;
  Agent agent;
  model::MonoTime next_pod_round{0};
  decide::SuppressDecision decision;
};

TEST(HostSim, TheLimitFollowsTheFormulaWithinATickOfAnLsStep) {
  each_seed(100, [](std::uint64_t seed) {
    Random random(seed);
    World world(random.between(2, 128), random.between(0, 10), kLoops[seed % 2]);
    const auto threshold = static_cast<int>(random.between(40, 90));
    world.agent.policy = threshold_policy(model::SuppressPolicy::kCfsQuota, threshold);
    auto& demand = world.host.demand;
    demand.system = world.percent(static_cast<double>(random.between(0, 50)) / 10);
    for (int step = 0; step < 6; ++step) {
      demand.ls = 0;
      world.run(seconds(13));  // long enough to grow back from the kernel minimum
      demand.ls = world.percent(static_cast<double>(random.between(2, 90)));
      const double floor = static_cast<double>(decide::kKernelMinimum.value());
      const double limit = world.percent(threshold);
      const double before = world.quota();
      world.tick();
      const double at_once = std::max(limit - demand.ls - demand.system, floor);
      const double waits = before - at_once < world.drift() ? world.drift() : world.dead_band();
      ASSERT_LE(world.quota(), at_once + waits) << "LS " << demand.ls << " of " << world.capacity.value();
      world.run(2 * kPodLoop + 2 * world.loop);  // a whole pod sample after the step
      const double outside = demand.ls + std::max(demand.system, static_cast<double>(world.reserved.value()));
      ASSERT_NEAR(world.quota(), std::max(limit - outside, floor), world.drift());
      world.run(decide::kSettlePace + decide::kPeriodWait);
      ASSERT_NEAR(world.quota(), std::max(limit - outside, floor), world.dead_band());
    }
  });
}

TEST(HostSim, WithVerifiedWeightsTheLimitIsBackWithinASecondOfAnLsDrop) {
  each_seed(100, [](std::uint64_t seed) {
    Random random(seed);
    World world(random.between(2, 128), random.between(0, 10), milliseconds(100));
    world.agent.policy = threshold_policy(model::SuppressPolicy::kCfsQuota, 80);
    world.host.demand.ls = world.percent(static_cast<double>(random.between(40, 90)));
    world.run(seconds(5) + milliseconds(100) * random.between(0, 9));
    world.host.demand.ls = world.percent(2);
    world.run(seconds(1));
    const double outside = std::max(world.percent(2), static_cast<double>(world.reserved.value()));
    ASSERT_GE(world.quota(), world.percent(80) - outside - world.percent(2) - world.drift());
  });
}

TEST(HostSim, WithoutThemGrowthAfterAnLsDropTakesATenthOfCapacityPerSecondAtBothLoopRates) {
  each_seed(100, [](std::uint64_t seed) {
    for (const Duration loop : kLoops) {
      Random random(seed);
      World world(random.between(2, 128), 0, loop);
      world.host.weight.be = 1024;
      world.agent.policy = threshold_policy(model::SuppressPolicy::kCfsQuota, 80);
      world.host.demand.ls = world.percent(static_cast<double>(random.between(30, 90)));
      world.run(seconds(5) + loop * random.between(0, 9));
      const double before = world.quota();
      ASSERT_LE(before, world.percent(50) + world.dead_band());
      world.host.demand.ls = 0;
      const auto drop = world.host.now();
      while (world.host.now() - drop < seconds(16)) {
        world.tick();
        const double passed = std::chrono::duration<double>(world.host.now() - drop).count();
        const double late = 1.1 + 2 * std::chrono::duration<double>(loop).count();  // pod data comes once a second
        ASSERT_LE(world.quota(), before + world.percent(10 * (passed + 1)) + 2) << passed << " s after the drop";
        ASSERT_GE(world.quota(), std::min(world.percent(80) - world.drift(),
                                          before + world.percent(10 * (passed - late)) - world.dead_band()))
            << passed << " s after the drop, loop " << loop.count() << " ns";
      }
      ASSERT_NEAR(world.quota(), world.percent(80), world.wandering());
    }
  });
}

TEST(HostSim, LsGetsWhatItAsksForByVerifiedWeightsAtOnceAndByQuotaWithinTwoTicks) {
  constexpr double kBeWeights[] = {2, 10, 50, 100, 512, 1024, 10240};
  int verified = 0;
  const bool complete = each_seed(70, [&](std::uint64_t seed) {
    Random random(seed);
    World world(random.between(2, 128), 0, kLoops[seed % 2]);
    world.agent.policy = threshold_policy(model::SuppressPolicy::kWorkConserving, 65);
    world.host.weight.be = kBeWeights[seed % std::size(kBeWeights)];
    world.host.demand.system = world.percent(3);
    world.host.demand.ls = world.percent(10);
    world.run(seconds(5));
    const bool protected_by_weight = world.agent.protection().verified;
    verified += protected_by_weight ? 1 : 0;
    for (int step = 0; step < 10; ++step) {
      world.host.demand.ls = world.percent(static_cast<double>(random.between(5, 58)));
      const int allowed = protected_by_weight ? 0 : 2;
      for (int tick = 0; tick < 40; ++tick) {
        const Shares got = world.tick();
        if (tick < allowed) continue;
        ASSERT_NEAR(got.ls, world.host.demand.ls, 1)
            << "tick " << tick << ", BE weight " << world.host.weight.be << ": " << world.agent.protection().why;
      }
      ASSERT_EQ(world.host.quota.has_value(), !protected_by_weight);
    }
  });
  if (complete) {
    EXPECT_GT(verified, 0);
  }
}

TEST(HostSim, WorkConservingKeepsTheHostBusyWhileLsIsNotPressed) {
  each_seed(50, [](std::uint64_t seed) {
    Random random(seed);
    World world(random.between(2, 128), random.between(0, 10), kLoops[seed % 2]);
    world.agent.policy = threshold_policy(model::SuppressPolicy::kWorkConserving, 65);
    world.host.demand.be = world.percent(100);
    world.host.own_delay = static_cast<double>(random.between(0, 15)) / 100;
    world.run(seconds(5));
    double used = 0;
    int ticks = 0;
    for (int step = 0; step < 10; ++step) {
      world.host.demand.ls = world.percent(static_cast<double>(random.between(0, 80)));
      world.host.demand.system = world.percent(static_cast<double>(random.between(0, 5)));
      for (int tick = 0; tick < 30; ++tick, ++ticks) {
        const Shares got = world.tick();
        used += got.ls + got.be + got.system;
      }
    }
    ASSERT_GE(used / ticks, world.percent(90));
  });
}

TEST(HostSim, LsThatWaitsThoughProtectedBringsTheQuotaWithinThreePodLoopsAndCalmLetsItGo) {
  each_seed(50, [](std::uint64_t seed) {
    Random random(seed);
    World world(random.between(2, 128), 0, kLoops[seed % 2]);
    world.agent.policy = threshold_policy(model::SuppressPolicy::kWorkConserving, 65);
    world.host.demand.ls = world.percent(static_cast<double>(random.between(10, 60)));
    world.run(seconds(10) + world.loop * random.between(0, 9));
    ASSERT_FALSE(world.host.quota) << "nothing presses LS";
    world.host.own_delay = static_cast<double>(random.between(40, 200)) / 100;
    world.run(3 * kPodLoop + world.loop);
    ASSERT_TRUE(world.host.quota);
    EXPECT_EQ(world.decision.reason, Reason::kPressed);
    EXPECT_NEAR(world.quota(), world.percent(65) - world.host.demand.ls, world.dead_band());
    world.host.own_delay = 0.02;
    world.run(3 * kPodLoop);
    ASSERT_TRUE(world.host.quota) << "quiet for too short";
    world.run(10 * kPodLoop);
    ASSERT_FALSE(world.host.quota);
  });
}

/// Chances in percent, drawn anew every few seconds.
struct Faults {
  std::int64_t missed_tick = 0;
  std::int64_t no_reading = 0;
  std::int64_t no_node_cpu = 0;
  std::int64_t no_be_cpu = 0;
  std::int64_t reset = 0;
  std::int64_t recreated = 0;
  std::int64_t missed_pod_round = 0;
  std::int64_t no_ls_cpu = 0;
  std::int64_t no_ls_delay = 0;
  std::int64_t no_quota_reading = 0;
  std::int64_t bad_weights = 0;

  static Faults draw(Random& random) {
    const auto chance = [&] {
      constexpr std::int64_t kChances[] = {0, 0, 0, 5, 30, 100};
      return kChances[random.between(0, std::size(kChances) - 1)];
    };
    if (random.percent(30)) return {};
    Faults faults{chance(), chance(), chance(), chance(), chance(), chance(),
                  chance(), chance(), chance(), chance(), chance()};
    faults.reset = std::min<std::int64_t>(faults.reset, 5);
    faults.recreated = std::min<std::int64_t>(faults.recreated, 5);
    return faults;
  }
};

/// What one reading really held, as the injector of the faults knows it.
struct Truth {
  model::MonoTime at;
  bool node = false;
  bool best_effort = false;
  bool ls = false;
  bool delay = false;
  int node_life = 0;  // counters of another life share nothing
  int be_life = 0;

  /// Whether a rate of node and BE follows from two readings.
  static bool rates(const Truth& before, const Truth& now) {
    return before.node && now.node && before.best_effort && now.best_effort && before.node_life == now.node_life &&
           before.be_life == now.be_life && now.at - before.at <= seconds(20);
  }
};

class FaultyWorld {
 public:
  explicit FaultyWorld(std::uint64_t seed)
      : random_(seed),
        capacity_(random_.between(2, 128) * 1000),
        loop_(kLoops[seed % 2]),
        host_(capacity_),
        agent_(capacity_, capacity_.percent(95)) {
    host_.demand.be = 2.0 * static_cast<double>(capacity_.value());
    draw_policy();
    draw_demand();
  }

  void run(int ticks) {
    for (int i = 0; i < ticks && !testing::Test::HasFatalFailure(); ++i) {
      if (random_.percent(3)) faults_ = Faults::draw(random_);
      if (random_.percent(1)) draw_policy();
      if (random_.percent(5)) draw_demand();
      tick();
    }
  }

  int raises = 0;
  int releases = 0;
  int blind = 0;  // rounds without the data a raise needs

 private:
  void draw_demand() {
    const auto share = [&](std::int64_t most) {
      return static_cast<double>(capacity_.value() * random_.between(3, most)) / 100;
    };
    host_.demand.ls = share(80);
    host_.demand.system = share(10);
    host_.own_delay = random_.percent(20) ? 1.0 : 0.02;
  }

  void draw_policy() {
    constexpr model::SuppressPolicy kModes[] = {model::SuppressPolicy::kCpuset, model::SuppressPolicy::kCfsQuota,
                                                model::SuppressPolicy::kWorkConserving};
    auto policy = threshold_policy(kModes[random_.between(0, 2)], static_cast<int>(random_.between(0, 100)));
    policy.threshold.enable = !random_.percent(20);
    if (random_.percent(50)) policy.threshold.cpu_suppress_min_percent = static_cast<int>(random_.between(0, 20));
    agent_.policy = policy;
  }

  void break_counters() {
    if (random_.percent(faults_.reset)) {
      host_.reset_best_effort_counter();
      ++be_life_;
    }
    if (random_.percent(faults_.reset)) {
      host_.reset_node_counter();
      ++node_life_;
    }
    if (random_.percent(faults_.recreated)) {
      host_.recreate_best_effort();
      ++be_life_;
    }
  }

  Truth truth() const {
    Truth truth;
    truth.at = host_.now();
    truth.node = truth.best_effort = truth.ls = truth.delay = true;
    truth.node_life = node_life_;
    truth.be_life = be_life_;
    return truth;
  }

  std::optional<model::FastCounters> read_fast() {
    if (random_.percent(faults_.no_reading)) return std::nullopt;
    auto counters = host_.fast();
    Truth now = truth();
    if (random_.percent(faults_.no_node_cpu)) {
      counters.node_cpu.reset();
      now.node = false;
    }
    if (random_.percent(faults_.no_be_cpu)) {
      counters.be_cpu.reset();
      now.best_effort = false;
    }
    if (fast_before_) {
      fast_good_ = Truth::rates(*fast_before_, now);
      fast_window_ = now.at - fast_before_->at;
      fast_at_ = now.at;
    }
    fast_before_ = now;
    return counters;
  }

  void read_pods() {
    auto counters = host_.slow();
    auto weights = host_.weights();
    Truth now = truth();
    if (random_.percent(faults_.no_node_cpu)) {
      counters.node_cpu.reset();
      now.node = false;
    }
    if (random_.percent(faults_.no_be_cpu)) {
      counters.best_effort.cpu.reset();
      now.best_effort = false;
    }
    if (random_.percent(faults_.no_ls_cpu)) {
      counters.pods[1].group.cpu.reset();
      now.ls = false;
    }
    if (random_.percent(faults_.no_ls_delay)) {
      counters.pods[0].group.run_delay.reset();
      now.delay = false;
    }
    if (random_.percent(faults_.no_quota_reading)) {
      counters.be_limit.reset();
      counters.be_limit_known = false;
    }
    protected_ = true;
    if (random_.percent(faults_.bad_weights)) {
      protected_ = false;
      switch (random_.between(0, 2)) {
        case 0:
          weights.error = "kubepods: no such directory";
          break;
        case 1:
          weights.best_effort.weight.reset();
          weights.best_effort.error = "kubepods/besteffort/cpu.shares: \"many\" is no number";
          break;
        default:
          weights.best_effort.weight = 1024;
      }
    }
    if (pods_before_) {
      const bool in_time = now.at - pods_before_->at <= seconds(20);
      pod_rates_good_ = Truth::rates(*pods_before_, now);
      ls_good_ = pods_before_->ls && now.ls && in_time;
      delay_good_ = ls_good_ && pods_before_->delay && now.delay;
    }
    pods_before_ = now;
    agent_.pod_round(counters, weights);
  }

  void tick() {
    host_.run(random_.percent(1) ? loop_ * random_.between(1, 300) : loop_);
    break_counters();
    if (random_.percent(faults_.missed_tick)) return;
    const auto counters = read_fast();
    const auto decision = agent_.fast_round(host_.now(), counters);
    check(decision);
    if (testing::Test::HasFatalFailure()) return;
    agent_.act(decision, host_);
    if (!agent_.policy->threshold.enable) {
      ASSERT_FALSE(host_.quota) << "switched off, and our quota is still there";
    }
    if (host_.now() >= next_pod_round_ && !random_.percent(faults_.missed_pod_round)) {
      read_pods();
      next_pod_round_ = host_.now() + kPodLoop;
    }
  }

  void check(const decide::SuppressDecision& decision) {
    const auto age = [&](model::MonoTime at) { return host_.now() - at; };
    const bool fast =
        fast_good_ && age(fast_at_) <= std::clamp<Duration>(2 * fast_window_, milliseconds(500), seconds(2));
    const bool pods_fresh = pods_before_ && age(pods_before_->at) <= seconds(2);
    const bool may_raise = pods_fresh && ls_good_ && (fast || pod_rates_good_);
    const bool may_release = pods_fresh && ls_good_ && delay_good_ && protected_;
    blind += may_raise ? 0 : 1;
    if (!decision.write) return;
    if (decision.action == Action::kLimit) {
      ASSERT_GE(decision.limit, decide::kKernelMinimum);
      ASSERT_LE(decision.limit, capacity_);
      if (!host_.quota || decision.limit <= *host_.quota) return;
      ++raises;
      ASSERT_TRUE(may_raise) << "raised from " << host_.quota->value() << " to " << decision.limit.value()
                             << " on missing or stale data: fast " << fast << ", pods " << pods_fresh << ", LS "
                             << ls_good_ << ", pod rates " << pod_rates_good_ << "; believed quota "
                             << decision.terms.current.quota.value() << ", kind "
                             << static_cast<int>(decision.terms.current.kind);
      const auto most = protected_ ? capacity_ : capacity_.percent(10) + MilliCpu(1);
      ASSERT_LE(decision.limit - *host_.quota, most);
    } else {
      ASSERT_EQ(decision.action, Action::kRelease);
      if (!agent_.policy->threshold.enable || !host_.quota) return;
      ++releases;
      ASSERT_EQ(agent_.policy->threshold.cpu_suppress_policy, model::SuppressPolicy::kWorkConserving);
      ASSERT_TRUE(may_release) << "released on missing or stale data: pods " << pods_fresh << ", LS " << ls_good_
                               << ", delay " << delay_good_ << ", protected " << protected_;
    }
  }

  Random random_;
  MilliCpu capacity_;
  Duration loop_;
  Host host_;
  Agent agent_;
  Faults faults_;
  int node_life_ = 0;
  int be_life_ = 0;
  std::optional<Truth> fast_before_;
  bool fast_good_ = false;
  Duration fast_window_{0};
  model::MonoTime fast_at_;
  std::optional<Truth> pods_before_;
  bool pod_rates_good_ = false;
  bool ls_good_ = false;
  bool delay_good_ = false;
  bool protected_ = false;
  model::MonoTime next_pod_round_{0};
};

TEST(HostSim, FaultsNeverRaiseBeNorStopItAndSwitchingOffReleases) {
  int raises = 0;
  int releases = 0;
  int blind = 0;
  const bool complete = each_seed(100, [&](std::uint64_t seed) {
    FaultyWorld world(seed);
    world.run(3000);
    raises += world.raises;
    releases += world.releases;
    blind += world.blind;
  });
  if (!complete) return;
  EXPECT_GT(raises, 0);
  EXPECT_GT(releases, 0);
  EXPECT_GT(blind, 0);
}

TEST(HostSim, AQuotaOfSomebodyElseStaysWhileThePolicyIsOffOrAbsent) {
  each_seed(20, [](std::uint64_t seed) {
    World world(4, 0, kLoops[seed % 2]);
    if (seed % 4 < 2) world.agent.policy = model::NodePolicy{};
    world.host.quota = MilliCpu(700);
    world.run(seconds(5));
    ASSERT_EQ(world.host.quota, MilliCpu(700));
  });
}

}  // namespace
}  // namespace tideline::sim
