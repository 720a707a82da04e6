#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::koordinator_cases_test {
namespace {

struct WorkedCase {
  const char* name;
  std::int64_t node, ls, be;
  std::optional<int> min_percent;
  CurrentLimit current;
  Action action;
  std::int64_t limit;
  Reason rule;
};

class KoordinatorCases : public testing::TestWithParam<WorkedCase> {};

TEST_P(KoordinatorCases, GiveKoordinatorsAnswer) {
  const auto& row = GetParam();
  auto input = worked_host(row.current);
  input.fast->node_cpu = input.pods->node_cpu = MilliCpu(row.node);
  input.fast->be_cpu = input.pods->be_cpu = MilliCpu(row.be);
  input.pods->ls_cpu = MilliCpu(row.ls);
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota, row.min_percent));
  EXPECT_EQ(decision.action, row.action);
  EXPECT_EQ(decision.limit, MilliCpu(row.limit));
  EXPECT_EQ(decision.rule, row.rule);
  EXPECT_EQ(decision.reason, row.rule) << "cfsQuota: the rule is the reason";
  EXPECT_EQ(decision.write, row.action == Action::kLimit);
}

// 880 000 us of a 100 ms period = 8800 millicores.
INSTANTIATE_TEST_SUITE_P(Worked, KoordinatorCases,
                         testing::Values(WorkedCase{"FirstLimitJumps",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    8800,
                                                    Reason::kThresholdFormula},
                                         WorkedCase{"RiseIsTenPercentOfCapacity",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(4000)),
                                                    Action::kLimit,
                                                    7200,
                                                    Reason::kGrowthCapped},
                                         WorkedCase{"SecondStepArrives",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(7200)),
                                                    Action::kLimit,
                                                    8800,
                                                    Reason::kThresholdFormula},
                                         WorkedCase{"JustInsideDeadBandBelow",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(8481)),
                                                    Action::kHold,
                                                    0,
                                                    Reason::kWithinDeadBand},
                                         WorkedCase{"JustInsideDeadBandAbove",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(9119)),
                                                    Action::kHold,
                                                    0,
                                                    Reason::kWithinDeadBand},
                                         WorkedCase{"EdgeOfDeadBandIsWritten",
                                                    24000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(9120)),
                                                    Action::kLimit,
                                                    8800,
                                                    Reason::kThresholdFormula},
                                         WorkedCase{"ShrinksAtOnce",
                                                    34000,
                                                    20000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(30000)),
                                                    Action::kLimit,
                                                    20,
                                                    Reason::kKernelMinimum},
                                         WorkedCase{"LsOverThresholdLeavesTheKernelMinimum",
                                                    39000,
                                                    25000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    20,
                                                    Reason::kKernelMinimum},
                                         WorkedCase{"KernelMinimumIgnoresDeadBand",
                                                    39000,
                                                    25000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(200)),
                                                    Action::kLimit,
                                                    20,
                                                    Reason::kKernelMinimum},
                                         WorkedCase{"KernelMinimumIsWrittenOnce",
                                                    39000,
                                                    25000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::of(MilliCpu(20)),
                                                    Action::kHold,
                                                    0,
                                                    Reason::kWithinDeadBand},
                                         WorkedCase{"MinPercentIsTheFloor", 39000, 25000, 12000, 5,
                                                    CurrentLimit::none(), Action::kLimit, 1600,
                                                    Reason::kMinPercentFloor},
                                         WorkedCase{"MinPercentZeroIsTheKernelMinimum", 39000, 25000, 12000, 0,
                                                    CurrentLimit::none(), Action::kLimit, 20, Reason::kKernelMinimum},
                                         // node - BE - LS is 0.2, less than the reserved core: 20.8 - 10 - 1.
                                         WorkedCase{"ReservedCountsWhereSystemUsesLess",
                                                    22200,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    9800,
                                                    Reason::kThresholdFormula},
                                         // BE's reading runs ahead of the node's: system is 0 then, not negative.
                                         WorkedCase{"SystemIsNeverNegative",
                                                    20000,
                                                    10000,
                                                    12000,
                                                    {},
                                                    CurrentLimit::none(),
                                                    Action::kLimit,
                                                    9800,
                                                    Reason::kThresholdFormula}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace tideline::decide::test::koordinator_cases_test
