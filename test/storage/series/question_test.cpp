#include "storage/series/question.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/report.h"

namespace tideline::series::question_test {
namespace {

using model::Metric;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr Field kNodeCpu = field_of(Metric::kNodeCpu);
constexpr Field kNodeMemory = field_of(Metric::kNodeMemory);
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kBegin = 20'000 * kDay;

std::vector<model::NodeName> nodes_named(std::size_t count) {
  std::vector<model::NodeName> nodes;
  for (std::size_t i = 0; i < count; ++i)
    nodes.emplace_back(fmt::format("n{:06}", i));
  return nodes;
}

Question of_nodes() {
  Question question;
  question.nodes = nodes_named(2);
  question.fields = {kNodeCpu};
  question.from_s = kBegin;
  question.to_s = kBegin + kDay;
  return question;
}

Question of_pods() {
  Question question = of_nodes();
  question.kind = SubjectKind::kPod;
  question.fields = {Field::kPodCpu};
  return question;
}

Question of_workloads() {
  Question question = of_pods();
  question.kind = SubjectKind::kWorkload;
  question.subject = "shop/Deployment/web";
  return question;
}

TEST(Question, OfEachKindIsTakenWithItsFields) {
  EXPECT_TRUE(check(of_nodes()));
  EXPECT_TRUE(check(of_pods()));
  EXPECT_TRUE(check(of_workloads()));
  Question question = of_nodes();
  question.fields = {Field::kReports, Field::kReportsLost, Field::kCpuCapacity, Field::kMemoryCapacity,
                     field_of(Metric::kReliefRung)};
  EXPECT_TRUE(check(question));
  question = of_workloads();
  question.fields = {Field::kPods, Field::kQos, Field::kPodCpuRequest};
  EXPECT_TRUE(check(question));
  question = of_pods();
  question.subject = "uid-1";
  question.fields = {Field::kQos};
  EXPECT_TRUE(check(question));
}

TEST(Question, MayAskNoNodeAtAll) {
  Question question = of_nodes();
  question.nodes.clear();
  EXPECT_TRUE(check(question));
}

TEST(Question, ThatBreaksARuleIsRefusedWithFieldAndValue) {
  const auto refused = [](Question question, const std::function<void(Question&)>& spoil, const std::string& why) {
    ASSERT_TRUE(check(question));
    spoil(question);
    const auto checked = check(question);
    ASSERT_FALSE(checked) << why;
    EXPECT_EQ(checked.error().code(), model::ErrorCode::kInvalidArgument);
    EXPECT_THAT(checked.error().message(), AllOf(StartsWith("question: "), HasSubstr(why), Not(HasSubstr("\n"))));
  };
  refused(
      of_nodes(), [](Question& q) { q.kind = static_cast<SubjectKind>(3); }, "kind: 3");
  refused(
      of_nodes(), [](Question& q) { q.tier = static_cast<Tier>(0); }, "tier: 0");
  refused(
      of_nodes(), [](Question& q) { q.tier = static_cast<Tier>(4); }, "tier: 4");
  refused(
      of_nodes(), [](Question& q) { q.aggregate = static_cast<Aggregate>(4); }, "aggregate: 4");
  refused(
      of_nodes(), [](Question& q) { q.across = static_cast<Across>(6); }, "across: 6");

  refused(
      of_nodes(), [](Question& q) { q.nodes = {model::NodeName()}; }, "nodes: a name has 0 bytes");
  refused(
      of_nodes(), [](Question& q) { q.nodes = {model::NodeName(std::string(254, 'a'))}; }, "has 254 bytes");
  refused(
      of_nodes(),
      [](Question& q) {
        q.nodes = {model::NodeName("b"), model::NodeName("a")};
      },
      "nodes: a stands after b");
  refused(
      of_nodes(),
      [](Question& q) {
        q.nodes = {model::NodeName("a\n"), model::NodeName("a\n")};
      },
      "nodes: a? stands after a?");
  refused(
      of_nodes(), [](Question& q) { q.nodes = nodes_named(QuestionLimits::kMaxNodes + 1); }, "nodes: 50001");
  refused(
      of_nodes(), [](Question& q) { q.subject = "uid-1"; }, "subject: uid-1");
  refused(
      of_pods(), [](Question& q) { q.subject = std::string(3000, 'x'); }, "subject: its name has 3000 bytes");
  refused(
      of_workloads(), [](Question& q) { q.subject = "web"; }, "subject: web: a workload's name is");

  refused(
      of_nodes(), [](Question& q) { q.fields.clear(); }, "fields: 0 are asked");
  refused(
      of_nodes(), [](Question& q) { q.fields.assign(17, kNodeCpu); }, "fields: 17 are asked");
  refused(
      of_nodes(),
      [](Question& q) {
        q.fields = {kNodeCpu, kNodeMemory, kNodeCpu};
      },
      "fields: node.cpu comes twice");
  refused(
      of_nodes(), [](Question& q) { q.fields = {Field::kPodCpu}; }, "fields: pod.cpu is none of nodes, which have");
  refused(
      of_pods(), [](Question& q) { q.fields = {kNodeCpu}; }, "fields: node.cpu is none of pods, which have pod.cpu");
  refused(
      of_pods(), [](Question& q) { q.fields = {Field::kPods}; }, "fields: workload.pods is none of pods");
  refused(
      of_workloads(), [](Question& q) { q.fields = {Field::kReports}; }, "fields: reports is none of workloads");
  refused(
      of_nodes(), [](Question& q) { q.fields = {static_cast<Field>(500)}; }, "fields: field-500 is none of nodes");
  refused(
      of_nodes(), [](Question& q) { q.fields = {Field{}}; }, "fields: field-0 is none of nodes");

  refused(
      of_nodes(), [](Question& q) { q.step_s = 0; }, "step: 0 s");
  refused(
      of_nodes(), [](Question& q) { q.step_s = -60; }, "step: -60 s");
  refused(
      of_nodes(), [](Question& q) { q.step_s = 90; }, "step: 90 s is no multiple of the 60 s of the tier 1m");
  refused(
      of_nodes(), [](Question& q) { q.from_s += 30; }, "from: 1728000030 s is no multiple of the step, 60 s");
  refused(
      of_nodes(), [](Question& q) { q.to_s -= 1; }, "to: 1728086399 s is no multiple");
  refused(
      of_nodes(), [](Question& q) { q.to_s = q.from_s; }, "from: 1728000000 s is not before to, 1728000000 s");
  refused(
      of_nodes(), [](Question& q) { q.from_s = q.to_s + 60; }, "is not before to");
  refused(
      of_nodes(), [](Question& q) { q.to_s = std::numeric_limits<std::int64_t>::max(); }, "beyond the year 9999");
  refused(
      of_nodes(), [](Question& q) { q.from_s = std::numeric_limits<std::int64_t>::min(); }, "beyond the year 9999");
  refused(
      of_nodes(), [](Question& q) { q.to_s = q.from_s + 200'001 * 60; }, "into 200001 steps, more than 200000");
}

TEST(Question, MayHaveAsManyStepsAsThereCanBe) {
  Question question = of_nodes();
  question.to_s = question.from_s + 200'000 * question.step_s;
  EXPECT_TRUE(check(question));
}

TEST(Question, OfMoreSeriesThanAnAnswerHoldsIsRefusedBeforeAnythingIsRead) {
  Question question = of_nodes();
  question.nodes = nodes_named(QuestionLimits::kMaxSeries / 2);
  question.fields = {kNodeCpu, kNodeMemory};
  EXPECT_TRUE(check(question));
  question.nodes = nodes_named(QuestionLimits::kMaxSeries / 2 + 1);
  const auto checked = check(question);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message(), HasSubstr("5001 with 2 fields each are 10002 series, more than 10000"));
  question.across = Across::kSum;
  EXPECT_TRUE(check(question));
}

TEST(Question, QuantilesAreAskedOfWhatHasThem) {
  Question question = of_nodes();
  question.aggregate = Aggregate::kQuantile;
  EXPECT_TRUE(check(question));
  for (const double beyond : {-0.01, 1.01, std::nan(""), std::numeric_limits<double>::infinity()}) {
    question.quantile = beyond;
    EXPECT_FALSE(check(question)) << beyond;
    // It is none of theirs.
    question.aggregate = Aggregate::kMean;
    EXPECT_TRUE(check(question)) << beyond;
    question.aggregate = Aggregate::kQuantile;
  }
  question.quantile = 1;
  question.fields = {kNodeCpu, Field::kCpuCapacity};
  auto checked = check(question);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message(), AllOf(HasSubstr("no quantiles are kept of node.cpu.capacity, but of"),
                                               HasSubstr("ls.delay"), Not(HasSubstr("pod.cpu"))));

  question.fields = {kNodeCpu};
  question.tier = Tier::kTenSeconds;
  checked = check(question);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message(),
              HasSubstr("no quantiles of node.cpu are kept in the tier 10s, but in 1m and 15m"));

  question = of_pods();
  question.aggregate = Aggregate::kQuantile;
  checked = check(question);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message(), HasSubstr("no quantiles of pod.cpu are kept in the tier 1m, but in 15m"));
  question.tier = Tier::kQuarterHour;
  question.step_s = 900;
  EXPECT_TRUE(check(question));
}

TEST(TierFor, IsTheCoarsestThatDividesTheStep) {
  const std::vector<Field> fields{kNodeCpu, Field::kReports};
  const auto tier = [&fields](std::int64_t step) { return tier_for(step, Aggregate::kMean, fields); };
  EXPECT_EQ(tier(10), Tier::kTenSeconds);
  EXPECT_EQ(tier(50), Tier::kTenSeconds);
  EXPECT_EQ(tier(60), Tier::kMinute);
  EXPECT_EQ(tier(840), Tier::kMinute);
  EXPECT_EQ(tier(900), Tier::kQuarterHour);
  EXPECT_EQ(tier(kDay), Tier::kQuarterHour);
  for (const std::int64_t none : {std::int64_t{0}, std::int64_t{-900}, std::int64_t{5}, std::int64_t{65}})
    EXPECT_EQ(tier(none), std::nullopt) << none;
}

TEST(TierFor, QuantilesNeedsATierThatHasThemOfAllFields) {
  const auto tier = [](std::int64_t step, const std::vector<Field>& fields) {
    return tier_for(step, Aggregate::kQuantile, fields);
  };
  EXPECT_EQ(tier(10, {kNodeCpu}), std::nullopt);
  EXPECT_EQ(tier(60, {kNodeCpu}), Tier::kMinute);
  EXPECT_EQ(tier(900, {kNodeCpu}), Tier::kQuarterHour);
  EXPECT_EQ(tier(60, {Field::kPodCpu}), std::nullopt);
  EXPECT_EQ(tier(1800, {Field::kPodCpu, Field::kPodMemory}), Tier::kQuarterHour);
  EXPECT_EQ(tier(900, {kNodeCpu, Field::kReports}), std::nullopt);
  EXPECT_EQ(tier(900, {Field::kPodDelay}), std::nullopt);
}

TEST(TierFor, GivesWhatCheckTakes) {
  for (const Field field : all_fields()) {
    for (const auto aggregate : {Aggregate::kMean, Aggregate::kMin, Aggregate::kMax, Aggregate::kQuantile}) {
      for (const std::int64_t step : {10, 60, 300, 900, 3600, 86'400}) {
        const auto tier = tier_for(step, aggregate, {field});
        if (!tier) continue;
        Question question = field == Field::kPods || field == Field::kPodCpu ? of_workloads() : of_nodes();
        if (field >= Field::kPodCpu && field <= Field::kQos) question.kind = SubjectKind::kWorkload;
        question.fields = {field};
        question.tier = *tier;
        question.step_s = step;
        question.aggregate = aggregate;
        const auto checked = check(question);
        EXPECT_TRUE(checked) << checked.error().message();
      }
    }
  }
}

std::vector<PageRange> pages_of(const Question& question) {
  std::vector<PageRange> pages;
  for (std::int64_t from = question.from_s; from < question.to_s; from = pages.back().to_s) {
    pages.push_back(page_of(question, from));
    if (pages.back().to_s <= from) break;
  }
  return pages;
}

std::size_t blocks_of(const Question& question, const PageRange& page) {
  const std::int64_t block = block_s(question.tier);
  return static_cast<std::size_t>(1 + (floor_to(page.to_s - 1, block) - floor_to(page.from_s, block)) / block);
}

Question any_question(std::mt19937_64& random) {
  Question question = of_nodes();
  question.nodes = nodes_named(std::vector<std::size_t>{0, 1, 3, 150, 900, 10'000}[random() % 6]);
  question.kind = static_cast<SubjectKind>(random() % 3);
  question.fields = question.kind == SubjectKind::kNode ? std::vector{kNodeCpu, kNodeMemory}
                                                        : std::vector{Field::kPodCpu, Field::kPodMemory};
  question.fields.resize(1 + random() % 2);
  if (question.kind != SubjectKind::kNode && random() % 2 == 0) question.subject = "a/b/c";
  question.tier = kTiers[random() % kTiers.size()];
  question.aggregate = static_cast<Aggregate>(random() % 4);
  question.across = static_cast<Across>(random() % 6);
  const auto times = std::vector<std::int64_t>{1, 2, 7, 60, 96, 1000}[random() % 6];
  question.step_s = step_s(question.tier) * times;
  const auto steps = static_cast<std::int64_t>(1 + random() % (random() % 2 == 0 ? 20 : 100'000));
  question.from_s = floor_to(kBegin + static_cast<std::int64_t>(random() % 10'000'000), question.step_s);
  question.to_s = question.from_s + steps * question.step_s;
  return question;
}

TEST(PageOf, PagesTogetherAreTheRangeInWholeSteps) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Question question = any_question(random);
    // As many pages as there may be steps are walked.
    if (question.to_s - question.from_s > 2000 * question.step_s) {
      question.to_s = question.from_s + 2000 * question.step_s;
    }
    std::int64_t at = question.from_s;
    for (const PageRange& page : pages_of(question)) {
      ASSERT_EQ(page.from_s, at);
      ASSERT_GT(page.to_s, page.from_s) << "a step at least";
      ASSERT_EQ((page.to_s - page.from_s) % question.step_s, 0);
      at = page.to_s;
    }
    ASSERT_EQ(at, question.to_s);
  }
}

TEST(PageOf, IsNeitherLargerThanTheBoundsNorSmallerThanTheyAllow) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Question question = any_question(random);
    const PageRange page = page_of(question, question.from_s);
    const auto steps = static_cast<std::size_t>((page.to_s - page.from_s) / question.step_s);
    const std::size_t nodes = std::max<std::size_t>(1, question.nodes.size());
    const auto allowed = [&](std::int64_t to) {
      const PageRange longer{.from_s = page.from_s, .to_s = to};
      const auto its_steps = static_cast<std::size_t>((to - page.from_s) / question.step_s);
      const std::size_t blocks = blocks_of(question, longer);
      // Of one block there is no less to read.
      if (blocks > 1 && blocks * nodes > QuestionLimits::kMaxPageTables) return false;
      if (question.kind != SubjectKind::kNode) return true;
      const std::size_t series = question.across == Across::kEach ? nodes * question.fields.size() : 1;
      return its_steps * std::min(series, QuestionLimits::kMaxSeries) <= QuestionLimits::kMaxPagePoints;
    };
    if (steps > 1) {
      EXPECT_TRUE(allowed(page.to_s));
    }
    // What is combined within blocks holds nothing besides its points.
    const bool is_plain = is_within_blocks(question) && question.kind == SubjectKind::kNode &&
                          question.aggregate != Aggregate::kQuantile && question.fields.size() == 1;
    if (is_plain && page.to_s < question.to_s) {
      EXPECT_FALSE(allowed(page.to_s + question.step_s));
    }
  }
}

TEST(PageOf, ALargeFleetIsSummedUpABlockAtATime) {
  Question question = of_pods();
  question.nodes = nodes_named(10'000);
  question.across = Across::kSum;
  const PageRange page = page_of(question, question.from_s + 60);
  EXPECT_EQ(page.from_s, question.from_s + 60);
  EXPECT_EQ(page.to_s, question.from_s + block_s(Tier::kMinute)) << "each of its tables is read once";
}

TEST(PageOf, PodsOneByOneAreAsManyAsANodeMayHave) {
  Question question = of_pods();
  question.nodes = nodes_named(1);
  const PageRange page = page_of(question, question.from_s);
  EXPECT_LE(static_cast<std::size_t>((page.to_s - page.from_s) / 60) * model::ReportLimits::kMaxPods,
            QuestionLimits::kMaxPagePoints);
  question.subject = "uid-1";
  EXPECT_GT(page_of(question, question.from_s).to_s, page.to_s);
}

TEST(PageOf, QuantilesOfAllTogetherHoldTheirSketches) {
  Question question = of_nodes();
  question.nodes = nodes_named(1);
  question.to_s = question.from_s + 190'000 * 60;
  question.across = Across::kAll;
  const PageRange plain = page_of(question, question.from_s);
  question.aggregate = Aggregate::kQuantile;
  const PageRange sketched = page_of(question, question.from_s);
  EXPECT_EQ(plain.to_s - plain.from_s, 50'000 * 60);
  EXPECT_LT(sketched.to_s - sketched.from_s, 5'000 * 60);
}

TEST(PageOf, TakesAnyTimeToBeginAt) {
  const Question question = of_nodes();
  EXPECT_EQ(page_of(question, 0).from_s, question.from_s);
  EXPECT_EQ(page_of(question, std::numeric_limits<std::int64_t>::min()).from_s, question.from_s);
  EXPECT_EQ(page_of(question, question.from_s + 61).from_s, question.from_s + 60);
  for (const std::int64_t end : {question.to_s, question.to_s + 1, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(page_of(question, end).from_s, question.to_s);
    EXPECT_EQ(page_of(question, end).to_s, question.to_s);
  }
}

}  // namespace
}  // namespace tideline::series::question_test
