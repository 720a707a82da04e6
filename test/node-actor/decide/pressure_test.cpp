#include "node-actor/decide/pressure.h"

#include <gtest/gtest.h>

namespace tideline::decide::pressure_test {
namespace {

using namespace std::chrono_literals;
using Kind = PressureVerdict::Kind;
using model::MilliCpu;

constexpr MilliCpu kCapacity{2000};

class Pressure : public testing::Test {
 protected:
  /// One second later: LS uses `ls` millicores and waits `delay` seconds per second of them, BE uses `be`.
  PressureVerdict second(std::optional<std::int64_t> ls, std::optional<double> delay, std::int64_t be = 1000) {
    model::NodeSample sample;
    now_ = now_ + 1s;
    sample.at = now_;
    if (ls) sample.ls_cpu = MilliCpu(*ls);
    sample.ls_delay_per_cpu = delay;
    sample.be_cpu = MilliCpu(be);
    sample.node_cpu = MilliCpu(ls.value_or(0) + be);
    last_ = sample;
    return judge(sample);
  }
  PressureVerdict judge(const std::optional<model::NodeSample>& sample) {
    const auto step = judge_pressure(state_, sample, kCapacity);
    state_ = step.state;
    return step.verdict;
  }

  PressureState state_;
  std::optional<model::NodeSample> last_;
  model::MonoTime now_{1};
};

TEST_F(Pressure, OneBadSecondIsNotPressed) {
  EXPECT_EQ(second(500, 1.0).kind, Kind::kNotPressed);
  EXPECT_EQ(second(500, 0.01).kind, Kind::kNotPressed);
  EXPECT_EQ(second(500, 1.0).kind, Kind::kNotPressed) << "not consecutive";
  EXPECT_EQ(second(500, 1.0).kind, Kind::kPressed);
}

TEST_F(Pressure, TheSameSampleCountsOnce) {
  EXPECT_EQ(second(500, 1.0).kind, Kind::kNotPressed);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(judge(last_).kind, Kind::kNotPressed);
}

TEST_F(Pressure, UnknownNeitherEndsNorStartsPressure) {
  second(500, 1.0);
  EXPECT_EQ(second(500, std::nullopt).kind, Kind::kUnknown);
  EXPECT_EQ(second(500, 1.0).kind, Kind::kPressed) << "the run of two is not broken by a missing reading";
  for (int i = 0; i < 3 * kQuietSamples; ++i) {
    EXPECT_EQ(second(500, std::nullopt).kind, Kind::kUnknown);
    EXPECT_EQ(judge(std::nullopt).kind, Kind::kUnknown);
    EXPECT_EQ(second(std::nullopt, 0.0).kind, Kind::kUnknown);
  }
  EXPECT_EQ(second(500, 0.0).kind, Kind::kHold);
}

TEST_F(Pressure, ABadSecondStartsTheQuietCountAgain) {
  second(500, 1.0);
  second(500, 1.0);
  for (int i = 0; i < kQuietSamples - 1; ++i)
    EXPECT_EQ(second(500, 0.01).kind, Kind::kHold);
  EXPECT_EQ(second(500, 1.0).kind, Kind::kPressed);
  for (int i = 0; i < kQuietSamples - 1; ++i)
    EXPECT_EQ(second(500, 0.01).kind, Kind::kHold);
  EXPECT_EQ(second(500, 0.01).kind, Kind::kNotPressed);
}

TEST_F(Pressure, IdleLsIsNotPressed) {
  EXPECT_EQ(second(0, std::nullopt).kind, Kind::kNotPressed);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(second(3, 2.0).kind, Kind::kNotPressed) << "6 ms of waiting";
}

TEST_F(Pressure, StarvedLsIsPressedHoweverLittleItGets) {
  second(5, 150.0);
  EXPECT_EQ(second(5, 150.0).kind, Kind::kPressed);
}

TEST_F(Pressure, AnLsWhoseThreadsWaitForEachOtherIsJudgedAgainstItself) {
  for (int i = 0; i < 60; ++i)
    second(400, 0.5, 0);
  EXPECT_NEAR(state_.baseline, 0.5, 0.01);
  EXPECT_FALSE(state_.pressed && state_.quiet == 0);
  for (int i = 0; i < kQuietSamples; ++i)
    second(400, 0.6);
  EXPECT_EQ(second(400, 0.85).kind, Kind::kNotPressed);
  EXPECT_EQ(second(400, 0.85).kind, Kind::kNotPressed);
  second(400, 0.95);
  EXPECT_EQ(second(400, 0.95).kind, Kind::kPressed) << "what batch at equal weight adds at least";
}

TEST_F(Pressure, BaselineIsLearnedOnlyWhileBeIsIdle) {
  for (int i = 0; i < 100; ++i)
    second(400, 0.15, 1000);
  EXPECT_EQ(state_.taught, 0);
  second(400, 0.02, 40);
  EXPECT_DOUBLE_EQ(state_.baseline, 0.02);
  second(400, 0.05, 41);
  EXPECT_DOUBLE_EQ(state_.baseline, 0.02);
}

TEST_F(Pressure, AnOverloadedHostTeachesNothing) {
  for (int i = 0; i < 100; ++i)
    second(1700, 5.0, 0);
  EXPECT_EQ(state_.taught, 0);
}

TEST_F(Pressure, OneSecondOfWarmingUpTeachesNoBound) {
  second(400, 3.0, 0);
  second(400, 0.0, 0);
  EXPECT_EQ(second(400, 0.0).bound, kDelayFloor);
  for (int i = 0; i < kBaselineLeast; ++i)
    second(400, 0.1, 0);
  EXPECT_GT(second(400, 0.1).bound, kDelayFloor);
}

TEST_F(Pressure, BaselineFollowsSlowly) {
  for (int i = 0; i < kBaselineReadings; ++i)
    second(400, 0.02, 0);
  second(400, 1.0, 0);
  EXPECT_LT(state_.baseline, 0.06);
  for (int i = 0; i < 200; ++i)
    second(400, 1.0, 0);
  EXPECT_NEAR(state_.baseline, 1.0, 0.01);
}

}  // namespace
}  // namespace tideline::decide::pressure_test
