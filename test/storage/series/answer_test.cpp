#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/series/question.h"

namespace tideline::series::answer_test {
namespace {

using model::Metric;
using model::NodeName;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Field kNodeCpu = field_of(Metric::kNodeCpu);
constexpr Field kLsDelay = field_of(Metric::kLsDelay);
constexpr std::int64_t kBegin = 20'000 * std::int64_t{86'400};  // a begin of blocks of all tiers

/// Samples with their times: what tables are made of, and what an answer is checked against.
struct Sample {
  std::int64_t time_s = 0;
  std::int64_t value = 0;
};

/// By block, as a store gives them.
std::vector<Table> tables_of(const Subject& subject, Tier tier, Field field, const std::vector<Sample>& samples) {
  std::map<std::int64_t, std::pair<Summary, Sketch>> rows;
  for (const Sample& sample : samples) {
    auto& [summary, sketch] = rows[floor_to(sample.time_s, step_s(tier))];
    summary.add(sample.value);
    sketch.add(sample.value);
  }
  Table table{.subject = subject,
              .tier = tier,
              .times = {},
              .fields = {{.field = field, .step = 1, .cells = {}}},
              .sketches = {{.field = field, .cells = {}}}};
  for (const auto& [time, cells] : rows) {
    table.times.push_back(time);
    table.fields[0].cells.push_back(cells.first);
    table.sketches[0].cells.push_back(cells.second);
  }
  return by_block(table);
}

Question minutes_of_nodes(std::int64_t steps) {
  Question question;
  question.nodes = {NodeName("n1"), NodeName("n2")};
  question.fields = {kNodeCpu};
  question.from_s = kBegin;
  question.step_s = 60;
  question.to_s = kBegin + steps * question.step_s;
  return question;
}

struct Told {
  std::string node;
  Table table;
};

std::vector<Told> told_of(const std::string& node, const Subject& subject, Tier tier, Field field,
                          const std::vector<Sample>& samples) {
  std::vector<Told> told;
  for (Table& table : tables_of(subject, tier, field, samples))
    told.push_back({.node = node, .table = std::move(table)});
  return told;
}

std::vector<Told> operator+(std::vector<Told> all, std::vector<Told> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
  return all;
}

PageRange whole_of(const Question& question) {
  return {.from_s = question.from_s, .to_s = question.to_s};
}

std::vector<AnswerSeries> answer(const Question& question, const std::vector<Told>& told,
                                 std::optional<PageRange> page = std::nullopt) {
  const auto checked = check(question);
  EXPECT_TRUE(checked) << checked.error().message();
  Answer collected(question, page.value_or(whole_of(question)));
  for (const auto& [node, table] : told) {
    const auto added = collected.add(NodeName(node), table);
    EXPECT_TRUE(added) << added.error().message();
  }
  return std::move(collected).finish();
}

/// The points of the one series that there is.
std::vector<AnswerPoint> points(const Question& question, const std::vector<Told>& told) {
  const auto series = answer(question, told);
  EXPECT_EQ(series.size(), 1U);
  return series.empty() ? std::vector<AnswerPoint>() : series[0].points;
}

AnswerPoint at(std::int64_t step, double value) {
  return {.time_s = kBegin + step * 60, .value = value};
}

TEST(Answer, MeanCountsEachRowByItsSamples) {
  Question question = minutes_of_nodes(2);
  question.tier = Tier::kTenSeconds;
  // Three samples in the first row, one in the second; and a step of one row.
  const auto told =
      told_of("n1", {}, Tier::kTenSeconds, kNodeCpu,
              {{kBegin, 100}, {kBegin + 1, 200}, {kBegin + 2, 300}, {kBegin + 10, 1000}, {kBegin + 119, 7}});
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 400), at(1, 7)));
}

TEST(Answer, LeastAndMostAreOfAllRowsOfAStep) {
  Question question = minutes_of_nodes(1);
  question.tier = Tier::kTenSeconds;
  const auto told = told_of("n1", {}, Tier::kTenSeconds, kNodeCpu,
                            {{kBegin, 500}, {kBegin + 9, 100}, {kBegin + 20, 900}, {kBegin + 50, 300}});
  question.aggregate = Aggregate::kMin;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 100)));
  question.aggregate = Aggregate::kMax;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 900)));
}

TEST(Answer, QuantileIsThatOfTheMergedSketches) {
  Question question = minutes_of_nodes(2);
  question.step_s = 120;
  question.to_s = kBegin + 120;
  question.aggregate = Aggregate::kQuantile;
  // 90 small samples in one minute, 10 large ones in the next: no quantile of either minute is that of both.
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < 90; ++i)
    samples.push_back({kBegin + i % 60, 10});
  for (std::int64_t i = 0; i < 10; ++i)
    samples.push_back({kBegin + 60 + i, 50});
  const auto told = told_of("n1", {}, Tier::kMinute, kNodeCpu, samples);
  question.quantile = 0.9;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 10)));
  question.quantile = 0.91;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 50)));
  question.quantile = 0;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 10)));
}

TEST(Answer, StepsOfWhichNothingIsKnownAreLeftOut) {
  Question question = minutes_of_nodes(5);
  const auto told = told_of("n1", {}, Tier::kMinute, kNodeCpu, {{kBegin + 60, 5}, {kBegin + 240, 0}});
  EXPECT_THAT(points(question, told), ElementsAre(at(1, 5), at(4, 0)));
  question.fields = {kLsDelay};
  EXPECT_THAT(points(question, told), IsEmpty());
  // A row without anything of the field is no value.
  Table table = told[0].table;
  table.fields[0].cells[0] = {};
  question.fields = {kNodeCpu};
  EXPECT_THAT(points(question, {{.node = "n1", .table = table}}), ElementsAre(at(4, 0)));
}

TEST(Answer, ValuesAreInTheFieldsUnit) {
  Question question = minutes_of_nodes(1);
  question.fields = {kLsDelay};
  const auto told = told_of("n1", {}, Tier::kMinute, kLsDelay, {{kBegin, 15}, {kBegin + 1, 16}});
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 1.55)));
  question.aggregate = Aggregate::kMax;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 1.6)));
  question.aggregate = Aggregate::kQuantile;
  question.quantile = 1;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 1.6)));
}

TEST(Answer, ReportsAreCountedAndNotAveraged) {
  Question question = minutes_of_nodes(2);
  question.fields = {Field::kReportsLost};
  const std::int64_t scale = scale_of(Field::kReportsLost);
  const auto told = told_of("n1", {}, Tier::kMinute, Field::kReportsLost,
                            {{kBegin, 0}, {kBegin + 10, 7 * scale}, {kBegin + 20, 0}, {kBegin + 70, 2 * scale}}) +
                    told_of("n2", {}, Tier::kMinute, Field::kReportsLost, {{kBegin, scale}});
  question.across = Across::kSum;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 8), at(1, 2)));
  question.across = Across::kAll;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 8), at(1, 2)));
  question.across = Across::kMean;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 4), at(1, 2)));
  question.aggregate = Aggregate::kMax;
  question.across = Across::kSum;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 8), at(1, 2)));
}

TEST(Answer, FewLostReportsOutOfAFileAreWhatTheyWere) {
  Question question = minutes_of_nodes(60);
  question.step_s = 3'600;
  question.fields = {Field::kReportsLost};
  question.across = Across::kSum;
  // One before the first of six reports of each minute. What their rounded mean adds up to is not 1, and over an hour
  // not 60.
  const std::int64_t scale = scale_of(Field::kReportsLost);
  std::vector<Sample> samples;
  for (std::int64_t report = 0; report < 360; ++report)
    samples.push_back({kBegin + 10 * report, report % 6 == 0 ? scale : 0});
  auto told = told_of("n1", {}, Tier::kMinute, Field::kReportsLost, samples);
  for (Told& one : told) {
    for (Summary& cell : one.table.fields[0].cells)
      cell.sum = cell.mean() * static_cast<std::int64_t>(cell.count);
  }
  EXPECT_EQ(told[0].table.fields[0].cells[0].sum, 1'002) << "as it comes out of a chunk";
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 60)));
  question.aggregate = Aggregate::kMax;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 1)));
  // Two nodes, all samples together.
  question.aggregate = Aggregate::kMean;
  question.across = Across::kAll;
  auto both = told;
  for (Told& one : told)
    both.push_back({.node = "n2", .table = std::move(one.table)});
  EXPECT_THAT(points(question, both), ElementsAre(at(0, 120)));
}

TEST(Answer, EachSubjectHasASeriesOfEachFieldAlsoAnEmptyOne) {
  Question question = minutes_of_nodes(2);
  question.kind = SubjectKind::kPod;
  question.fields = {Field::kPodMemory, Field::kPodCpu};
  const auto told =
      told_of("n2", {SubjectKind::kPod, "a"}, Tier::kMinute, Field::kPodCpu, {{kBegin, 5}}) +
      told_of("n1", {SubjectKind::kPod, "b"}, Tier::kMinute, Field::kPodCpu, {{kBegin + 60, 6}}) +
      // Known of outside the page alone.
      told_of("n1", {SubjectKind::kPod, "a"}, Tier::kMinute, Field::kPodMemory, {{kBegin + 120, 7}, {kBegin - 60, 7}});
  const auto series = answer(question, told);
  ASSERT_EQ(series.size(), 6U);
  const auto is = [&](std::size_t place, Field field, const std::string& node, const std::string& subject,
                      const std::vector<AnswerPoint>& wanted) {
    const AnswerSeries one{.field = field, .node = node, .subject = subject, .points = wanted};
    EXPECT_EQ(series[place], one) << place;
  };
  is(0, Field::kPodCpu, "n1", "a", {});
  is(1, Field::kPodCpu, "n1", "b", {at(1, 6)});
  is(2, Field::kPodCpu, "n2", "a", {at(0, 5)});
  is(3, Field::kPodMemory, "n1", "a", {});
  is(4, Field::kPodMemory, "n1", "b", {});
  is(5, Field::kPodMemory, "n2", "a", {});
}

TEST(Answer, AStepIsOfTheSubjectsThatAreKnownInIt) {
  Question question = minutes_of_nodes(3);
  // The second node comes a step late, the first goes a step early.
  const auto told = told_of("n1", {}, Tier::kMinute, kNodeCpu, {{kBegin, 100}, {kBegin + 60, 200}}) +
                    told_of("n2", {}, Tier::kMinute, kNodeCpu, {{kBegin + 60, 400}, {kBegin + 120, 50}});
  const auto across = [&](Across how) {
    question.across = how;
    return points(question, told);
  };
  EXPECT_THAT(across(Across::kSum), ElementsAre(at(0, 100), at(1, 600), at(2, 50)));
  EXPECT_THAT(across(Across::kMean), ElementsAre(at(0, 100), at(1, 300), at(2, 50)));
  EXPECT_THAT(across(Across::kMin), ElementsAre(at(0, 100), at(1, 200), at(2, 50)));
  EXPECT_THAT(across(Across::kMax), ElementsAre(at(0, 100), at(1, 400), at(2, 50)));
}

TEST(Answer, AllTogetherCountsSamplesAndAMeanOfMeansDoesNot) {
  Question question = minutes_of_nodes(1);
  const auto told = told_of("n1", {}, Tier::kMinute, kNodeCpu, {{kBegin, 0}, {kBegin + 1, 0}, {kBegin + 2, 0}}) +
                    told_of("n2", {}, Tier::kMinute, kNodeCpu, {{kBegin, 40}});
  question.across = Across::kMean;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 20)));
  question.across = Across::kAll;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 10)));
  question.aggregate = Aggregate::kQuantile;
  question.quantile = 0.75;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 0)));
  question.across = Across::kMax;
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 40)));
}

TEST(Answer, AWorkloadIsSummedUpOverItsNodes) {
  Question question = minutes_of_nodes(2);
  question.kind = SubjectKind::kWorkload;
  question.subject = "shop/Deployment/web";
  question.fields = {Field::kPods};
  question.across = Across::kSum;
  const Subject web{SubjectKind::kWorkload, "shop/Deployment/web"};
  const Subject other{SubjectKind::kWorkload, "shop/Deployment/db"};
  const Subject pod{SubjectKind::kPod, "shop/Deployment/web"};
  const auto told = told_of("n1", web, Tier::kMinute, Field::kPods, {{kBegin, 2}, {kBegin + 30, 2}, {kBegin + 60, 1}}) +
                    told_of("n2", web, Tier::kMinute, Field::kPods, {{kBegin, 3}}) +
                    told_of("n2", other, Tier::kMinute, Field::kPods, {{kBegin, 9}}) +
                    told_of("n2", pod, Tier::kMinute, Field::kPods, {{kBegin, 9}});
  EXPECT_THAT(points(question, told), ElementsAre(at(0, 5), at(1, 1)));
  question.across = Across::kEach;
  EXPECT_EQ(answer(question, told).size(), 2U);
}

TEST(Answer, WhatIsNotAskedForIsPassedOver) {
  const Question question = minutes_of_nodes(1);
  const auto told = told_of("n1", {SubjectKind::kPod, "a"}, Tier::kMinute, kNodeCpu, {{kBegin, 5}});
  EXPECT_THAT(answer(question, told), IsEmpty());
  EXPECT_THAT(answer(question, {}), IsEmpty());
}

TEST(Answer, OfSubjectsCombinedIsASeriesAlsoWhereNothingIsKnown) {
  Question question = minutes_of_nodes(1);
  question.across = Across::kSum;
  const AnswerSeries empty{.field = kNodeCpu, .node = "", .subject = "", .points = {}};
  EXPECT_THAT(answer(question, {}), ElementsAre(empty));
}

TEST(Answer, ATableOfAnotherTierIsRefused) {
  const Question question = minutes_of_nodes(1);
  Answer collected(question, whole_of(question));
  const auto added = collected.add(NodeName("n1"), tables_of({}, Tier::kTenSeconds, kNodeCpu, {{kBegin, 1}})[0]);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(added.error().message(), HasSubstr("node n1 is of the tier 10s, and 1m is asked"));
}

TEST(Answer, StepsAcrossBlocksHaveTheRowsOfAllTheirTables) {
  // Blocks of six hours: the step of 7 minutes that holds the edge, and one that holds three blocks whole.
  const std::int64_t edge = kBegin + block_s(Tier::kMinute);
  for (const std::int64_t step : {std::int64_t{420}, 4 * block_s(Tier::kMinute)}) {
    Question question = minutes_of_nodes(1);
    question.step_s = step;
    question.from_s = floor_to(edge, step);
    question.to_s = question.from_s + step;
    const std::vector<Sample> first{{edge - 60, 100}, {edge - 59, 100}, {edge, 400}};
    const std::vector<Sample> second{{edge, 10}};
    const auto told =
        told_of("n1", {}, Tier::kMinute, kNodeCpu, first) + told_of("n2", {}, Tier::kMinute, kNodeCpu, second);
    ASSERT_EQ(told.size(), 3U) << "of n1 a table a block";
    for (const auto& [across, value] : {std::pair(Across::kSum, 210.0), std::pair(Across::kMean, 105.0),
                                        std::pair(Across::kMax, 200.0), std::pair(Across::kAll, 152.5)}) {
      question.across = across;
      EXPECT_THAT(points(question, told), ElementsAre(AnswerPoint{.time_s = question.from_s, .value = value}))
          << step << " s, across " << static_cast<int>(across);
    }
    question.across = Across::kEach;
    const auto each = answer(question, told);
    ASSERT_EQ(each.size(), 2U);
    EXPECT_THAT(each[0].points, ElementsAre(AnswerPoint{.time_s = question.from_s, .value = 200}));
  }
}

TEST(Answer, SumsBeyondAllWholeNumbersStayTrue) {
  Question question = minutes_of_nodes(1);
  question.fields = {Field::kMemoryCapacity};
  question.across = Across::kAll;
  Summary cell;
  cell.add(std::int64_t{1} << 50, 1000);
  const Table table{.subject = {},
                    .tier = Tier::kMinute,
                    .times = {kBegin},
                    .fields = {{.field = Field::kMemoryCapacity, .step = 1, .cells = {cell}}},
                    .sketches = {}};
  std::vector<Told> told;
  for (int i = 0; i < 100; ++i)
    told.push_back({.node = fmt::format("n{}", i), .table = table});
  EXPECT_THAT(points(question, told), ElementsAre(at(0, std::ldexp(1.0, 50))));
}

TEST(Answer, OfTooManySeriesIsRefusedByNumber) {
  Question question = minutes_of_nodes(1);
  question.kind = SubjectKind::kPod;
  question.fields = {Field::kPodCpu, Field::kPodMemory};
  Answer collected(question, whole_of(question));
  Table table = tables_of({SubjectKind::kPod, ""}, Tier::kMinute, Field::kPodCpu, {{kBegin, 1}})[0];
  for (std::size_t pod = 0; pod < QuestionLimits::kMaxSeries / 2; ++pod) {
    table.subject.name = fmt::format("uid-{}", pod);
    ASSERT_TRUE(collected.add(NodeName("n1"), table)) << pod;
  }
  table.times[0] += block_s(Tier::kMinute);
  ASSERT_TRUE(collected.add(NodeName("n1"), table)) << "more of the last one is no more series";
  table.subject.name = "one more";
  const auto added = collected.add(NodeName("n1"), table);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(added.error().message(), HasSubstr("more than 10000 series"));
}

TEST(Answer, CombinesMoreSubjectsThanItMayHaveSeries) {
  Question question = minutes_of_nodes(1);
  question.across = Across::kSum;
  const Table table = tables_of({}, Tier::kMinute, kNodeCpu, {{kBegin, 3}})[0];
  Answer collected(question, whole_of(question));
  for (std::size_t node = 0; node < 3 * QuestionLimits::kMaxSeries; ++node)
    ASSERT_TRUE(collected.add(NodeName(fmt::format("n{}", node)), table));
  const auto series = std::move(collected).finish();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_THAT(series[0].points, ElementsAre(at(0, 9.0 * static_cast<double>(QuestionLimits::kMaxSeries))));
}

TEST(Answer, HoldsNoMoreThanItsBound) {
  // Steps across blocks, whose sketches are held until all tables have come; each has a thousand bins and more.
  Question question = minutes_of_nodes(1);
  question.step_s = 4 * block_s(Tier::kMinute);
  question.to_s = question.from_s + question.step_s;
  question.aggregate = Aggregate::kQuantile;
  question.across = Across::kMax;
  std::vector<Sample> samples;
  for (std::uint16_t bucket = 0; bucket < 1500; ++bucket)
    samples.push_back({kBegin, Sketch::low_of(bucket)});
  const Table table = tables_of({}, Tier::kMinute, kNodeCpu, samples)[0];
  Answer collected(question, whole_of(question));
  const std::size_t enough = QuestionLimits::kMaxHeldBytes / (1500 * sizeof(Sketch::Bin));
  std::size_t taken = 0;
  auto added = collected.add(NodeName("n0"), table);
  for (; added && taken < 2 * enough; ++taken)
    added = collected.add(NodeName(fmt::format("n{}", taken + 1)), table);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(added.error().message(), HasSubstr("more than 128 MiB"));
  EXPECT_GT(taken, enough / 2);
}

// Below, any fleet is asked anything, and answered from its samples as well.

struct Fleet {
  std::map<std::pair<std::string, std::string>, std::vector<Sample>> subjects;  // node and name
};

Fleet any_fleet(std::mt19937_64& random, SubjectKind kind, std::int64_t from, std::int64_t to) {
  Fleet fleet;
  const std::size_t count = 1 + random() % 6;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string node = fmt::format("n{}", random() % 4);
    const std::string name = kind == SubjectKind::kNode ? "" : fmt::format("s/x/{}", random() % 3);
    auto& samples = fleet.subjects[{node, name}];
    const auto spread = static_cast<std::uint64_t>(to - from);
    // Some come late and go early, and some have few samples.
    const auto begin = from + static_cast<std::int64_t>(random() % spread);
    const auto length = 1 + random() % static_cast<std::uint64_t>(to - begin);
    for (std::uint64_t number = 1 + random() % 200; number > 0; --number) {
      const auto time = begin + static_cast<std::int64_t>(random() % length);
      samples.push_back({time, static_cast<std::int64_t>(random() % 5000)});
    }
  }
  return fleet;
}

double aggregate_of(const std::vector<std::int64_t>& values, const Question& question) {
  double sum = 0;
  Sketch sketch;
  for (const std::int64_t value : values) {
    sum += static_cast<double>(value);
    sketch.add(value);
  }
  switch (question.aggregate) {
    case Aggregate::kMin:
      return static_cast<double>(*std::min_element(values.begin(), values.end()));
    case Aggregate::kMax:
      return static_cast<double>(*std::max_element(values.begin(), values.end()));
    case Aggregate::kQuantile:
      return static_cast<double>(sketch.quantile(question.quantile));
    case Aggregate::kMean:
      break;
  }
  return sum / static_cast<double>(values.size());
}

double combined(const std::vector<double>& values, Across across) {
  double sum = 0;
  for (const double value : values)
    sum += value;
  if (across == Across::kMin) return *std::min_element(values.begin(), values.end());
  if (across == Across::kMax) return *std::max_element(values.begin(), values.end());
  return across == Across::kMean ? sum / static_cast<double>(values.size()) : sum;
}

using Points = std::map<std::int64_t, double>;
using Expected = std::map<std::pair<std::string, std::string>, Points>;

Expected from_samples(const Fleet& fleet, const Question& question, const PageRange& page) {
  Expected expected;
  std::map<std::int64_t, std::vector<std::int64_t>> together;
  std::map<std::int64_t, std::vector<double>> of_subjects;
  for (const auto& [subject, samples] : fleet.subjects) {
    if (!question.subject.empty() && subject.second != question.subject) continue;
    std::map<std::int64_t, std::vector<std::int64_t>> steps;
    for (const Sample& sample : samples) {
      if (sample.time_s < page.from_s || sample.time_s >= page.to_s) continue;
      const std::int64_t step = floor_to(sample.time_s, question.step_s);
      steps[step].push_back(sample.value);
      together[step].push_back(sample.value);
    }
    for (const auto& [step, values] : steps) {
      const double value = aggregate_of(values, question);
      of_subjects[step].push_back(value);
      if (question.across == Across::kEach) expected[subject][step] = value;
    }
  }
  if (question.across == Across::kEach) return expected;
  Points& points = expected[{"", ""}];
  if (question.across == Across::kAll) {
    for (const auto& [step, values] : together)
      points[step] = aggregate_of(values, question);
  } else {
    for (const auto& [step, values] : of_subjects)
      points[step] = combined(values, question.across);
  }
  return expected;
}

TEST(Answer, IsThatOfTheSamplesWhateverIsAsked) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Question question = minutes_of_nodes(1);
    question.kind = random() % 2 == 0 ? SubjectKind::kNode : SubjectKind::kWorkload;
    question.fields = {question.kind == SubjectKind::kNode ? kNodeCpu : Field::kPodCpu};
    if (question.kind == SubjectKind::kWorkload && random() % 2 == 0) question.subject = "s/x/1";
    question.tier = kTiers[random() % kTiers.size()];
    question.step_s = step_s(question.tier) * std::vector<std::int64_t>{1, 2, 6, 7, 96, 500}[random() % 6];
    question.aggregate = static_cast<Aggregate>(random() % 4);
    question.quantile = static_cast<double>(random() % 101) / 100;
    question.across = static_cast<Across>(random() % 6);
    question.from_s = floor_to(kBegin + static_cast<std::int64_t>(random() % 1'000'000), question.step_s);
    question.to_s = question.from_s + question.step_s * static_cast<std::int64_t>(1 + random() % 40);
    if (!check(question)) continue;  // no quantiles in that tier

    const std::int64_t margin = 3 * question.step_s;
    const Fleet fleet = any_fleet(random, question.kind, question.from_s - margin, question.to_s + margin);
    std::vector<Told> told;
    for (const auto& [subject, samples] : fleet.subjects) {
      const Subject whose{question.kind, subject.second};
      told = std::move(told) + told_of(subject.first, whose, question.tier, question.fields[0], samples);
    }
    std::shuffle(told.begin(), told.end(), random);

    for (std::int64_t from = question.from_s; from < question.to_s;) {
      const PageRange page = page_of(question, from);
      ASSERT_GT(page.to_s, from);
      from = page.to_s;
      Expected expected = from_samples(fleet, question, page);
      for (const AnswerSeries& series : answer(question, told, page)) {
        const Points& wanted = expected[std::pair(series.node, series.subject)];
        ASSERT_EQ(series.points.size(), wanted.size()) << series.node << " " << series.subject;
        auto point = series.points.begin();
        for (const auto& [time, value] : wanted) {
          ASSERT_EQ(point->time_s, time);
          ASSERT_NEAR(point->value, value, 1e-9 * std::max(1.0, std::abs(value))) << series.node << " at " << time;
          ++point;
        }
        expected.erase(std::pair(series.node, series.subject));
      }
      EXPECT_THAT(expected, IsEmpty()) << "all that is known is answered";
    }
  }
}

}  // namespace
}  // namespace tideline::series::answer_test
