#include "admin-client/query.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "admin-client/query_hold.h"
#include "messages/model/metric.h"
#include "test/admin-client/fake_connection.h"

namespace tideline::tidectl::query_test {
namespace {

using series::Field;
using series::SubjectKind;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::int64_t kFrom = 1'772'352'000;  // 2026-03-01T08:00:00Z
constexpr model::WallTime kNow{(kFrom + 3'600) * 1000};
const Field kNodeCpu = series::field_of(model::Metric::kNodeCpu);

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

class QueryTest : public testing::Test {
 protected:
  QueryTest() {
    options_.command = Command::kQuery;
    options_.query.question.fields = {kNodeCpu};
    options_.query.from.ms = kFrom * 1000;
    options_.query.to = kNow;
    options_.query.step_s = 60;
    connection_.history_of_all = {answer_series(kNodeCpu, "web-1", "", kFrom, 60, 60, 1'000),
                                  answer_series(kNodeCpu, "web-2", "", kFrom, 60, 60, 2'000)};
  }

  void ask_of_pods() {
    options_.query.question.kind = SubjectKind::kPod;
    options_.query.question.fields = {Field::kPodCpu};
    connection_.history_of_all = {answer_series(Field::kPodCpu, "web-1", "uid-1", kFrom, 60, 60, 10),
                                  answer_series(Field::kPodCpu, "web-1", "uid-9", kFrom, 60, 60, 20)};
    connection_.pods_of["web-1"] = {pod_info("uid-1", "nginx-0"), pod_info("uid-2", "other")};
  }

  Ran run() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Ran ran;
    ran.code = run_query(options_, terminal_, kNow, connection_);
    ran.out = testing::internal::GetCapturedStdout();
    ran.err = testing::internal::GetCapturedStderr();
    return ran;
  }

  Options options_;
  Terminal terminal_;
  FakeConnection connection_;
};

TEST_F(QueryTest, PutsPagesTogether) {
  options_.json = true;
  connection_.page_steps = 7;
  const auto ran = run();
  ASSERT_EQ(ran.code, kOk) << ran.err;
  EXPECT_EQ(connection_.questions.size(), 9u);
  const auto all = nlohmann::json::parse(ran.out);
  ASSERT_EQ(all["series"].size(), 2u);
  EXPECT_EQ(all["series"][1]["node"], "web-2");
  ASSERT_EQ(all["series"][1]["points"].size(), 60u);
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(all["series"][1]["points"][i][0], (kFrom + static_cast<std::int64_t>(i) * 60) * 1000);
    EXPECT_EQ(all["series"][1]["points"][i][1], 2'000.0 + static_cast<double>(i));
  }
  EXPECT_EQ(all["tier"], "1m");
  EXPECT_EQ(all["stepMs"], 60'000);
  EXPECT_EQ(all["fromWallMs"], kFrom * 1000);
}

TEST_F(QueryTest, SaysWhatRetentionTookOfTheRange) {
  connection_.kept_from_s = kFrom + 600;
  EXPECT_EQ(run().err,
            "tidectl: what is older than 2026-03-01T08:10:00Z is not kept in this tier, and may be missing\n");
  options_.csv = true;
  EXPECT_THAT(run().err, HasSubstr("2026-03-01T08:10:00Z"));
  options_.csv = false;
  ask_of_pods();
  EXPECT_THAT(run().err, HasSubstr("is not kept of pods and jobs in this tier"));
  options_.json = true;
  EXPECT_EQ(nlohmann::json::parse(run().out)["keptFromWallMs"], (kFrom + 600) * 1000);
  for (const std::int64_t kept : {std::int64_t{0}, kFrom - 1, kFrom + 60}) {
    connection_.kept_from_s = kept;
    EXPECT_EQ(run().err, "") << kept;
  }
}

TEST_F(QueryTest, TakesATierThatKeepsWhatIsAskedOfForLongEnough) {
  constexpr std::int64_t kDay = 86'400;
  const auto keeps = [](series::Tier tier, std::int64_t days, std::int64_t days_of_pods) {
    HistoryState::Tier kept;
    kept.tier = tier;
    kept.kept_s = days * kDay;
    kept.pods_kept_s = days_of_pods * kDay;
    return kept;
  };
  connection_.state.tiers = {keeps(series::Tier::kTenSeconds, 3, 1), keeps(series::Tier::kMinute, 35, 2),
                             keeps(series::Tier::kQuarterHour, 400, 60)};
  options_.query.step_s.reset();
  options_.query.from = {kNow.ms - 5 * kDay * 1000};
  options_.query.to = {kNow.ms - 119 * 3'600'000};
  ASSERT_EQ(run().code, kOk);
  EXPECT_EQ(connection_.questions.back().step_s, 60);
  ask_of_pods();
  ASSERT_EQ(run().code, kOk);
  EXPECT_EQ(connection_.questions.back().step_s, 900);
  // Of an older coordinator, which knows no such retention.
  for (auto& tier : connection_.state.tiers)
    tier.pods_kept_s = 0;
  ASSERT_EQ(run().code, kOk);
  EXPECT_EQ(connection_.questions.back().step_s, 60);
}

TEST_F(QueryTest, AsksPageAfterPage) {
  connection_.page_steps = 25;
  ASSERT_EQ(run().code, kOk);
  EXPECT_THAT(connection_.calls, ElementsAre("query 0", "query " + std::to_string(kFrom + 1'500),
                                             "query " + std::to_string(kFrom + 3'000)));
}

TEST_F(QueryTest, CsvGoesOutBeforeALaterPageFails) {
  options_.csv = true;
  connection_.page_steps = 30;
  connection_.problem = model::Error(model::ErrorCode::kUnavailable, "the disk is away");
  connection_.pages_before_problem = 1;
  const auto ran = run();
  EXPECT_EQ(ran.code, kUnreachable);
  EXPECT_EQ(ran.err, "tidectl: the disk is away\n");
  EXPECT_THAT(ran.out, StartsWith("time,wall_ms,field,unit,node,subject,name,value\n"
                                  "2026-03-01T08:00:00Z,1772352000000,node.cpu,millicores,web-1,,,1000\n"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1 + 2 * 30);
}

TEST_F(QueryTest, NothingIsPrintedOfAnAnswerThatFailsAtOnce) {
  connection_.problem = model::Error(model::ErrorCode::kPermissionDenied, "no");
  for (const bool csv : {false, true}) {
    options_.csv = csv;
    const auto ran = run();
    EXPECT_EQ(ran.code, kDenied);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "tidectl: permission denied: no\n");
  }
}

TEST_F(QueryTest, NamesPodsAndAsksOnceForThemAroundTheirPage) {
  ask_of_pods();
  connection_.page_steps = 20;
  options_.csv = true;
  const auto ran = run();
  ASSERT_EQ(ran.code, kOk) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr(",pod.cpu,millicores,web-1,uid-1,shop/nginx-0,10\n"),
                             HasSubstr(",pod.cpu,millicores,web-1,uid-9,,20\n")));
  const std::string pods = "pods web-1 " + std::to_string(kFrom) + " " + std::to_string(kFrom + 1'500);
  EXPECT_EQ(std::count(connection_.calls.begin(), connection_.calls.end(), pods), 1);
  EXPECT_EQ(connection_.calls.size(), 4u);
}

TEST_F(QueryTest, PodsOfANodeThatIsForgottenOrHadTooManyHaveNoNames) {
  ask_of_pods();
  connection_.pods_of.clear();
  options_.json = true;
  for (const auto code : {model::ErrorCode::kNotFound, model::ErrorCode::kOverloaded}) {
    connection_.of_other_pods = code;
    const auto ran = run();
    ASSERT_EQ(ran.code, kOk) << ran.err;
    EXPECT_TRUE(nlohmann::json::parse(ran.out)["series"][0]["pod"].is_null());
  }
  connection_.of_other_pods = model::ErrorCode::kUnavailable;
  EXPECT_EQ(run().code, kUnreachable);
}

TEST_F(QueryTest, JsonTellsOfPods) {
  ask_of_pods();
  options_.json = true;
  const auto all = nlohmann::json::parse(run().out);
  EXPECT_EQ(all["series"][0]["subject"], "uid-1");
  EXPECT_EQ(all["series"][0]["pod"]["namespace"], "shop");
  EXPECT_EQ(all["series"][0]["pod"]["name"], "nginx-0");
  EXPECT_EQ(all["series"][0]["pod"]["workload"], "Deployment/web");
  EXPECT_TRUE(all["series"][1]["pod"].is_null());
}

TEST_F(QueryTest, AsksHowLongTiersAreKeptOnlyWhereItMatters) {
  ASSERT_EQ(run().code, kOk);
  EXPECT_THAT(connection_.calls, Not(testing::Contains("state")));
  options_.query.step_s.reset();
  options_.query.from.ms = (kFrom - 5 * 86'400) * 1000;
  options_.query.to.ms = options_.query.from.ms + 3'600'000;
  connection_.state.tiers = {{series::Tier::kTenSeconds, 3 * 86'400, 0, 0, {}, {}},
                             {series::Tier::kMinute, 31 * 86'400, 0, 0, {}, {}}};
  ASSERT_EQ(run().code, kOk);
  EXPECT_THAT(connection_.calls, testing::Contains("state"));
  EXPECT_EQ(connection_.questions.back().step_s, 60);
}

TEST_F(QueryTest, DrawsOverItsOwnRange) {
  options_.plot = true;
  const auto ran = run();
  ASSERT_EQ(ran.code, kOk);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("* node.cpu web-2"), HasSubstr("o node.cpu web-1"), HasSubstr("08:00:00"),
                             HasSubstr("2026-03-01T08:00:00Z .. 2026-03-01T09:00:00Z")));
}

TEST(PagesOfAnAnswer, AreTakenWithWhatTheySpan) {
  FakeConnection connection;
  connection.page_steps = 25;
  SeriesQuestion question;
  question.from_s = kFrom;
  question.to_s = kFrom + 3'600;
  question.step_s = 60;
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;
  ASSERT_TRUE(pull_pages(connection, question, [&](const SeriesPage&, PageSpan span) -> model::Result<void> {
    spans.emplace_back(span.from_s - kFrom, span.to_s - kFrom);
    return {};
  }));
  EXPECT_THAT(spans, ElementsAre(testing::Pair(0, 1'500), testing::Pair(1'500, 3'000), testing::Pair(3'000, 3'600)));
}

TEST(HeldAnswer, HasABoundOnPoints) {
  SeriesQuestion question;
  question.fields = {kNodeCpu};
  HeldAnswer held(question);
  SeriesPage page;
  page.series = {answer_series(kNodeCpu, "a", "", kFrom, 10, 100'000, 0)};
  for (std::size_t i = 0; i < HeldAnswer::kMaxPoints / 100'000; ++i)
    ASSERT_TRUE(held.add(page));
  EXPECT_EQ(held.points(), HeldAnswer::kMaxPoints);
  const auto full = held.add(page);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(full.error().message(), AllOf(HasSubstr("1000000 points"), HasSubstr("--csv")));
}

TEST(HeldAnswer, HasABoundOnSeriesWithoutPoints) {
  SeriesQuestion question;
  question.fields = {kNodeCpu};
  HeldAnswer held(question);
  SeriesPage page;
  for (std::size_t i = 0; i <= HeldAnswer::kMaxSeries; ++i)
    page.series.push_back({kNodeCpu, "n" + std::to_string(i), "", {}});
  EXPECT_FALSE(held.add(page));
}

TEST(HeldAnswer, IsInTheOrderOfTheQuestionsFields) {
  SeriesQuestion question;
  const Field ls = series::field_of(model::Metric::kLsCpu);
  question.fields = {ls, kNodeCpu};
  HeldAnswer held(question);
  SeriesPage page;
  page.series = {{kNodeCpu, "a", "", {{0, 1}}}, {kNodeCpu, "b", "", {}}, {ls, "a", "", {{0, 3}}}};
  ASSERT_TRUE(held.add(page));
  const auto all = std::move(held).finish();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].field, ls);
  EXPECT_EQ(all[1].node, "a");
  EXPECT_EQ(all[2].node, "b");
}

TEST(PodNamesOfPages, ThoseOfEarlierPagesAreLetGoBeforeTheyAreTooMany) {
  FakeConnection connection;
  connection.pods_of["web-1"] = {pod_info("uid-0", "first"), pod_info("uid-late", "late")};
  const auto page_of = [](const std::vector<std::string>& uids) {
    SeriesPage page;
    for (const auto& uid : uids)
      page.series.push_back({Field::kPodCpu, "web-1", uid, {}});
    return page;
  };
  std::vector<std::string> many;
  for (std::size_t i = 0; i < PodNames::kMost; ++i)
    many.push_back("uid-" + std::to_string(i));
  PodNames names;
  ASSERT_TRUE(names.learn(connection, {}, page_of(many)));
  EXPECT_EQ(names.size(), PodNames::kMost);
  ASSERT_NE(names.find("web-1", "uid-0"), nullptr);
  ASSERT_TRUE(names.learn(connection, {}, page_of({"uid-0", "uid-late"})));
  EXPECT_EQ(names.size(), 2u);
  ASSERT_NE(names.find("web-1", "uid-0"), nullptr) << "it is on the newest page as well";
  ASSERT_NE(names.find("web-1", "uid-late"), nullptr);
  EXPECT_EQ(names.find("web-1", "uid-late")->name, "late");
}

}  // namespace
}  // namespace tideline::tidectl::query_test
