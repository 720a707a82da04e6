#include "coordinator/planner_program/fine_run.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::planner_program {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::int64_t kBegin = 1'372'636'800;  // 2013-07-01T00:00:00Z

/// Of an hour from there on, in steps of 5 min; "" is none.
std::string refusal_of(const std::vector<planner::FineWindow>& windows) {
  planner::Dataset frame;
  frame.begin_s = kBegin;
  frame.step_s = 300;
  frame.steps = 12;
  FineCommand fine;
  fine.windows = windows;
  const auto good = check_windows(fine, frame);
  return good ? std::string() : good.error().message();
}

TEST(FineWindows, HoldTheBeginOfAStep) {
  EXPECT_EQ(refusal_of({}), "");
  EXPECT_EQ(refusal_of({{kBegin, kBegin + 1}}), "");
  EXPECT_EQ(refusal_of({{kBegin - 600, kBegin + 1}}), "");
  EXPECT_EQ(refusal_of({{kBegin + 1, kBegin + 301}}), "");
  EXPECT_EQ(refusal_of({{kBegin + 3'300, kBegin + 9'000}}), "") << "the last one";
  EXPECT_NE(refusal_of({{kBegin - 600, kBegin}}), "");
  EXPECT_NE(refusal_of({{kBegin + 1, kBegin + 300}}), "");
  EXPECT_NE(refusal_of({{kBegin + 3'301, kBegin + 9'000}}), "");
}

TEST(FineWindows, OfSeveralTheOneWithoutAStepIsNamedWithTheData) {
  EXPECT_THAT(refusal_of({{kBegin, kBegin + 600}, {kBegin + 86'400, kBegin + 90'000}}),
              AllOf(HasSubstr("--fine-window 2013-07-02T00:00:00Z/2013-07-02T01:00:00Z"),
                    HasSubstr("steps of 5 min from 2013-07-01T00:00:00Z to 2013-07-01T01:00:00Z")));
}

}  // namespace
}  // namespace tideline::planner_program
