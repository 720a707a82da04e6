// The relief ladder over random hosts in virtual time: services are never met by the OOM killer while BE has memory to
// give, and what is decided keeps to its bounds whatever is read.

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/relief_host.h"

namespace tideline::decide::test::random_relief_test {
namespace {

using model::Bytes;
using model::ReliefRung;

class RandomMib {
 public:
  explicit RandomMib(unsigned seed) : engine_(seed) {}
  double within(double least, double most) { return std::uniform_real_distribution<double>(least, most)(engine_); }
  int upto(int most) { return std::uniform_int_distribution<int>(0, most)(engine_); }
  bool chance(int percent) { return upto(99) < percent; }

 private:
  std::mt19937 engine_;
};

/// Services alone always fit, and take what they may within minutes; BE takes all there is.
ReliefHost random_host(RandomMib& random) {
  ReliefHost host;
  host.v1 = random.chance(50);
  host.total = random.within(2048, 32768);
  host.system = host.total * random.within(0.02, 0.1);
  host.low_watermark = host.total * 0.004;
  host.limit.reset();
  if (random.chance(60)) host.limit = host.total * random.within(0.1, 0.85);
  const double whole = host.limit.value_or(host.total - host.system);
  host.ls = whole * random.within(0.1, 0.4);
  host.ls_most = host.ls + whole * random.within(0, 0.3);
  host.ls_grows = whole * random.within(0, 0.01);
  const int pods = 1 + random.upto(15);
  for (int i = 0; i < pods; ++i) {
    ReliefPod pod{.uid = std::to_string(i), .priority = 5000 + 100 * random.upto(3)};
    pod.anon = whole * random.within(0, 0.2) / pods;
    pod.cache = whole * random.within(0, 0.2) / pods;
    if (random.chance(50)) pod.grows = whole * random.within(0, 0.02) / pods;
    if (random.chance(20)) pod.grows = whole * random.within(0, 0.4) / pods;
    if (random.chance(30)) pod.streams = whole * random.within(0, 0.2) / pods;
    pod.most = whole * random.within(0.02, 1);
    host.pods.push_back(pod);
  }
  host.policy = relief_policy(60 + random.upto(20));
  host.policy.relief.margin_percent = 2 + random.upto(8);
  host.policy.relief.horizon_seconds = 2 + random.upto(8);
  host.policy.relief.emergency_kill = random.chance(50);
  return host;
}

class RandomRelief : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    RandomMib random(GetParam());
    host_ = random_host(random);
    for (int round = 0; round < 900; ++round) {
      host_.blind = random.chance(2);
      host_.round();
    }
  }
  ReliefHost host_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomRelief, testing::Range(1u, 41u));

TEST_P(RandomRelief, NoOomKillerAtABoundWhileBeHasMemoryToGive) {
  EXPECT_EQ(host_.oom_at_bound, 0);
  if (!host_.v1) {
    EXPECT_EQ(host_.ooms_in_be, 0);
  }
}

TEST_P(RandomRelief, WhatIsDecidedKeepsToItsBounds) {
  std::optional<Bytes> before;
  for (std::size_t i = 0; i < host_.decisions.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& decision = host_.decisions[i];
    const auto& input = host_.inputs[i];
    if (!input.bound) {
      ASSERT_EQ(decision.tighten, before) << "a missing round";
      ASSERT_EQ(decision.reclaim, std::nullopt);
      ASSERT_EQ(decision.evict, Bytes(0));
      ASSERT_FALSE(decision.emergency);
      continue;
    }
    const auto& bound = *decision.terms.bound;
    const int threshold = host_.policy.threshold.memory_evict_threshold_percent;
    if (decision.reclaim) {
      ASSERT_FALSE(input.reclaim_busy);
      ASSERT_GE(*decision.reclaim, kLeastChunk);
      ASSERT_LE(*decision.reclaim, kMostChunk);
      ASSERT_LE(*decision.reclaim, *input.be_reclaimable);
      ASSERT_GT(decision.terms.wanted, Bytes(0));
    }
    if (decision.tighten) {
      ASSERT_GE(decision.tighten->value(), bound.capacity.value() * kLeastBePercent / 100);
      const bool is_lowered = !before || *decision.tighten < *before;
      const auto reclaimable = input.be_reclaimable->value();
      if (is_lowered) {
        ASSERT_GE(decision.tighten->value(), input.be_usage->value() - reclaimable);
      }
      // But for the last of the room.
      if (is_lowered && input.tighten_kills && bound.available.value() > bound.capacity.value() / 10) {
        ASSERT_GE(decision.tighten->value() + reclaimable, (*input.be_usage + kTightenHeadroom).value());
      }
    }
    if (decision.evict > Bytes(0)) {
      ASSERT_GE(bound.used_percent(), threshold - host_.policy.relief.margin_percent / 2 - 1);
      ASSERT_LE(decision.evict.value(),
                bound.used().value() + bound.capacity.value() / 10 - bound.level(decision.terms.lower_percent).value());
      ASSERT_EQ(decision.rung == ReliefRung::kEvict || decision.rung == ReliefRung::kEmergency, true);
    }
    if (decision.emergency) {
      ASSERT_TRUE(host_.policy.relief.emergency_kill);
      ASSERT_GE(bound.used_percent(), threshold);
    }
    ASSERT_FALSE(decision.why.empty());
    before = decision.tighten;
  }
}

TEST_P(RandomRelief, RungsDoNotFlap) {
  // Each cool-down is 10 s, and what is evicted or killed is a change of its own.
  const auto gone = static_cast<int>(host_.evicted.size()) + host_.kills + host_.ooms_in_be;
  EXPECT_LE(host_.most_changes_a_minute(), 24 + 2 * gone);
}

TEST_P(RandomRelief, TheSameInputsGiveTheSameDecisions) {
  ReliefState state;
  for (std::size_t i = 0; i < host_.inputs.size(); ++i) {
    auto step = memory_relief(std::move(state), host_.inputs[i], host_.policy);
    state = std::move(step.state);
    ASSERT_EQ(step.decision, host_.decisions[i]) << "round " << i;
  }
  EXPECT_EQ(state, host_.state);
}

TEST_P(RandomRelief, WithoutNeedNothingIsDone) {
  RandomMib random(GetParam());
  auto host = random_host(random);
  const double whole = host.limit.value_or(host.total - host.system);
  host.ls = whole * 0.1;
  host.ls_grows = 0;
  for (auto& pod : host.pods) {
    pod.anon = whole * 0.1 / static_cast<double>(host.pods.size());
    pod.cache = pod.grows = pod.streams = 0;
  }
  host.run(10s);
  EXPECT_TRUE(host.rungs.empty());
}

}  // namespace
}  // namespace tideline::decide::test::random_relief_test
