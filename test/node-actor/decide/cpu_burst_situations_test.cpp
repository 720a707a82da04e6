// The burst column of Koordinator's behaviour matrix, and what data that is missing does.

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/burst_host.h"

namespace tideline::decide::test::cpu_burst_situations_test {
namespace {

const auto kBoth = burst_policy(BurstPolicy::kAuto);

struct Situation {
  const char* name;
  /// One round on a host whose container is at 3456 and is still throttled.
  std::function<BurstDecision(BurstHost&)> round;
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> burst;
  std::optional<Reason> reason;  // of the quota in the terms; nullopt: no terms
};

void PrintTo(const Situation& situation, std::ostream* out) {
  *out << situation.name;
}

BurstDecision with(BurstHost& host, const std::function<void(model::NodeSample&)>& change) {
  auto sample = host.throttled();
  change(sample);
  return host.next(kBoth, sample);
}

class BurstSituations : public testing::TestWithParam<Situation> {};

TEST_P(BurstSituations, AreAnswered) {
  BurstHost host;
  for (int i = 0; i < 3; ++i)
    host.next(kBoth, host.throttled());
  const auto decision = GetParam().round(host);
  EXPECT_EQ(quota_of(decision, "c"), GetParam().quota);
  EXPECT_EQ(quota_of(decision, "web"), GetParam().quota);
  EXPECT_EQ(burst_of(decision, "c"), GetParam().burst);
  ASSERT_EQ(decision.containers.empty(), !GetParam().reason);
  if (GetParam().reason) {
    EXPECT_EQ(decision.containers[0].quota_reason, *GetParam().reason);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Matrix, BurstSituations,
    testing::Values(
        Situation{"Idle", [](BurstHost& h) { return h.next(kBoth, h.throttled()); }, 4147, 4147, Reason::kThrottled},
        Situation{"IdleNotThrottled", [](BurstHost& h) { return h.next(kBoth, h.quiet()); }, 3456, 3456,
                  Reason::kNotThrottled},
        Situation{"NoPolicyYet", [](BurstHost& h) { return h.next(std::nullopt, h.throttled()); }, {}, {}, {}},
        Situation{"PolicyNone", [](BurstHost& h) { return h.next(model::NodePolicy{}, h.throttled()); }, {}, {}, {}},
        Situation{"SampleOlderThanTwoSeconds", [](BurstHost& h) { return h.silence(kBoth, 2001ms); }, 3456, 3456,
                  Reason::kStaleSample},
        Situation{"NoSampleAtAll",
                  [](BurstHost& h) {
                    h.sample.reset();
                    return h.silence(kBoth);
                  },
                  3456, 3456, Reason::kStaleSample},
        Situation{"NodeUseMissing", [](BurstHost& h) { return with(h, [](auto& sample) { sample.node_cpu.reset(); }); },
                  3456, 3456, Reason::kStaleSample},
        Situation{"PodReadingMissing", [](BurstHost& h) { return with(h, [](auto& sample) { sample.pods.clear(); }); },
                  3456, 3456, Reason::kStaleSample},
        Situation{"ThrottlingMissing",
                  [](BurstHost& h) {
                    return with(h, [](auto& sample) { sample.pods[0].containers[0].throttled_ratio.reset(); });
                  },
                  3456, 3456, Reason::kStaleSample},
        Situation{"UnlimitedAllowanceNeedsNoUse",
                  [](BurstHost& h) { return with(h, [](auto& sample) { sample.pods[0].containers[0].cpu.reset(); }); },
                  4147, 4147, Reason::kThrottled},
        Situation{"ContainerWithoutId",
                  [](BurstHost& h) {
                    h.pods[0].containers[0].id.clear();
                    return h.next(kBoth, h.throttled());
                  },
                  {},
                  {},
                  Reason::kSpecQuota},
        Situation{"BurstKnobMissing",
                  [](BurstHost& h) {
                    h.knobs.knobs.pop_back();
                    return h.next(kBoth, h.throttled());
                  },
                  4147,
                  {},
                  Reason::kThrottled},
        Situation{"Cooling",
                  [](BurstHost& h) {
                    h.state.pool.clear();
                    return h.next(kBoth, h.throttled(14400));
                  },
                  3456, 3456, Reason::kSharePoolCooling},
        Situation{"Overload",
                  [](BurstHost& h) {
                    h.state.pool.clear();
                    return h.next(kBoth, h.throttled(16000));
                  },
                  2764, 2764, Reason::kSharePoolBusy},
        Situation{"OverloadOnlyForALsrPodThatWasNotRead",
                  [](BurstHost& h) {
                    h.state.pool.clear();
                    auto sample = h.throttled(16000);
                    h.pods.push_back(pod_of("lsr", {}, model::QosClass::kLsr));
                    return h.next(kBoth, sample);
                  },
                  3456, 3456, Reason::kStaleSample}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CpuBurstBlind, AScaledQuotaIsHeldForAMinuteAndThenIsTheSpecs) {
  BurstHost host;
  for (int i = 0; i < 10; ++i)
    host.next(kBoth, host.throttled());
  for (int second = 1; second <= 62; ++second) {  // the first two of them the sample is not old enough
    ASSERT_EQ(quota_of(host.silence(kBoth), "c"), 6000) << second << " s";
  }
  const auto decision = host.silence(kBoth);
  EXPECT_EQ(quota_of(decision, "c"), 2000);
  EXPECT_EQ(quota_of(decision, "web"), 2000);
  EXPECT_EQ(burst_of(decision, "c"), 2000) << "with the quota";
  EXPECT_EQ(decision.containers.at(0).quota_reason, Reason::kStaleSample);
  EXPECT_EQ(decision.containers.at(0).blind_for, std::optional<model::Duration>(60s));
  EXPECT_EQ(quota_of(host.next(kBoth, host.throttled()), "c"), 2400) << "and rises again once it sees";
}

TEST(CpuBurstBlind, AGlimpseStartsTheMinuteAgain) {
  BurstHost host;
  for (int i = 0; i < 10; ++i)
    host.next(kBoth, host.throttled());
  for (int second = 0; second < 50; ++second)
    host.silence(kBoth);
  host.next(kBoth, host.quiet());
  for (int second = 0; second < 50; ++second)
    ASSERT_EQ(quota_of(host.silence(kBoth), "c"), 6000);
}

TEST(CpuBurstBlind, AnAllowanceThatCannotBeMeteredEndsToo) {
  BurstHost host;
  const auto limited = burst_policy(BurstPolicy::kAuto, 300, 3600);
  BurstDecision decision;
  for (int second = 0; second < 60; ++second) {
    auto sample = host.throttled();
    sample.pods[0].containers[0].cpu.reset();
    decision = host.next(limited, sample);
  }
  EXPECT_EQ(quota_of(decision, "c"), 6000) << "unknown use counts as the limit's: nothing is spent";
  auto sample = host.throttled();
  sample.pods[0].containers[0].cpu.reset();
  EXPECT_EQ(quota_of(host.next(limited, sample), "c"), 2000);
}

TEST(CpuBurstBlind, ALongLoopIsNotStale) {
  BurstHost host;
  host.interval = 10s;
  host.next(kBoth, host.throttled());
  EXPECT_EQ(quota_of(host.next(kBoth, host.throttled()), "c"), 2880);
  EXPECT_EQ(host.silence(kBoth, 20s).containers.at(0).quota_reason, Reason::kThrottled);
  EXPECT_EQ(host.silence(kBoth, 1s).containers.at(0).quota_reason, Reason::kStaleSample);
}

}  // namespace
}  // namespace tideline::decide::test::cpu_burst_situations_test
