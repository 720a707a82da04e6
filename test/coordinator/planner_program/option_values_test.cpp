#include "coordinator/planner_program/option_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::planner_program {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

template <class T>
std::string refusal(const model::Result<T>& result) {
  return result ? "taken" : result.error().message();
}

TEST(OptionValues, NumbersLieWithinTheirBounds) {
  EXPECT_EQ(number_value("--risk", "0.01", 0, 1).value_or(-1), 0.01);
  EXPECT_EQ(number_value("--risk", "1", 0, 1).value_or(-1), 1);
  for (const char* text : {"", "2", "-0.1", "nan", "inf", "0.1x", " 0.1", "1e400"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(refusal(number_value("--risk", text, 0, 1)), AllOf(HasSubstr("--risk "), HasSubstr("from 0 to 1")));
  }
  EXPECT_EQ(count_value("--threads", "5", 1, 256).value_or(0), 5u);
  for (const char* text : {"", "0", "257", "-1", "1.5", "99999999999999999999999"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(refusal(count_value("--threads", text, 1, 256)), HasSubstr("a whole number from 1 to 256"));
  }
}

TEST(OptionValues, DurationsAreWholeSeconds) {
  EXPECT_EQ(seconds_value("--step", "5m").value_or(0), 300);
  EXPECT_EQ(seconds_value("--step", "7d").value_or(0), 604'800);
  EXPECT_EQ(refusal(seconds_value("--step", "1500ms")), "--step 1500ms: want whole seconds");
  EXPECT_THAT(refusal(seconds_value("--step", "300")), AllOf(HasSubstr("--step: "), HasSubstr("300")));
  EXPECT_THAT(refusal(seconds_value("--step", "0s")), HasSubstr("--step: "));
}

TEST(OptionValues, TimesAreRfc3339OrDays) {
  constexpr std::int64_t kJuly = 1'372'636'800;
  EXPECT_EQ(time_value("--from", "2013-07-01").value_or(0), kJuly);
  EXPECT_EQ(time_value("--from", "2013-07-01T01:00:00+01:00").value_or(0), kJuly);
  EXPECT_EQ(time_value("--from", "2013-07-01T00:00:00.900Z").value_or(0), kJuly);
  EXPECT_EQ(time_value("--from", "1969-12-31T23:59:59.5Z").value_or(0), -1);
  for (const char* text : {"", "1372636800", "2013-02-30", "2013-7-1", "yesterday", "now"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(refusal(time_value("--from", text)), AllOf(HasSubstr("--from "), HasSubstr("RFC 3339")));
  }
}

TEST(OptionValues, SizesAreQuantities) {
  EXPECT_EQ(cpu_value("--host-cpu", "64").value_or(0), 64'000);
  EXPECT_EQ(cpu_value("--host-cpu", "500m").value_or(0), 500);
  EXPECT_EQ(memory_value("--host-memory", "256Gi").value_or(0), std::int64_t{256} << 30);
  EXPECT_EQ(refusal(cpu_value("--host-cpu", "0")), "--host-cpu 0: want more than 0");
  EXPECT_EQ(cpu_value("--system-cpu", "0", true).value_or(7), 0);
  EXPECT_EQ(memory_value("--system-memory", "0", true).value_or(7), 0);
  EXPECT_THAT(refusal(memory_value("--host-memory", "a lot")), HasSubstr("--host-memory: "));
}

TEST(OptionValues, LabelsArePairs) {
  const auto labels = labels_value("--node-labels", "pool=web,zone=");
  ASSERT_TRUE(labels) << labels.error().message();
  EXPECT_THAT(*labels, ElementsAre(Pair("pool", "web"), Pair("zone", "")));
  EXPECT_EQ(refusal(labels_value("--node-labels", "pool")), "--node-labels pool: want key=value");
  EXPECT_EQ(refusal(labels_value("--node-labels", "a=b,")), "--node-labels : want key=value");
  EXPECT_EQ(refusal(labels_value("--node-labels", "a=b,a=c")), "--node-labels a=c: want each key once");
}

TEST(OptionValues, ForecastsAreSplitOutsideOfBrackets) {
  const auto specs = forecasts_value("--forecasts", "nsigma:5,max(nsigma:5,rc:99),nsigma:5,limit");
  ASSERT_TRUE(specs) << specs.error().message();
  std::vector<std::string> texts;
  for (const auto& spec : *specs)
    texts.push_back(spec.text);
  EXPECT_THAT(texts, ElementsAre("nsigma:5", "max(nsigma:5,rc:99)", "limit"));
  EXPECT_THAT(refusal(forecasts_value("--forecasts", "nsigma:5,guess")),
              AllOf(HasSubstr("--forecasts: "), HasSubstr("guess")));
  EXPECT_THAT(refusal(forecasts_value("--forecasts", "")), HasSubstr("--forecasts: "));
}

TEST(OptionValues, WhatIsMistypedIsGuessed) {
  EXPECT_EQ(wanted_words("memry", {"cpu", "memory"}), "; did you mean \"memory\"?; want one of cpu, memory");
  EXPECT_EQ(wanted_words("disk-bandwidth", {"cpu", "memory"}), "; want one of cpu, memory");
}

TEST(OptionValues, ShardsAreNumberedFromOne) {
  const auto third = shard_value("--shard", "3/8");
  ASSERT_TRUE(third) << third.error().message();
  EXPECT_EQ(*third, (planner::Shard{.number = 3, .count = 8}));
  EXPECT_TRUE(shard_value("--shard", "100000/100000"));
  for (const char* text : {"", "/", "3", "3/", "/8", "0/8", "9/8", "-1/8", "3/8/9", "1/100001", "a/b", "3/8 "}) {
    const auto none = shard_value("--shard", text);
    EXPECT_FALSE(none) << text;
    if (none) continue;
    EXPECT_THAT(none.error().message(), testing::HasSubstr("--shard")) << text;
  }
}

}  // namespace
}  // namespace tideline::planner_program
