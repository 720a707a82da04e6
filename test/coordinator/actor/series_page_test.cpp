#include "coordinator/actor/series_page.h"

#include <cstddef>
#include <map>

#include <gmock/gmock.h>

#include "test/coordinator/actor/table_store.h"

namespace tideline::coordinator::series_page_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kFrom = 1'700'006'400;  // a multiple of two days
const series::Subject kNodeItself{};

/// Reading a node takes its time: at its end, and before each table.
class SlowTables final : public TableStore {
 public:
  model::Result<void> read(const series::ReadRange& range, const std::vector<series::Subject>* only,
                           const Visit& visit) const override {
    ++reads;
    const auto done = TableStore::read(range, only, [&](series::Table&& table) {
      ++shown;
      mono_ns += (per_row * static_cast<std::int64_t>(table.times.size())).count();
      return visit(std::move(table));
    });
    mono_ns += (each + per_step * ((range.to.ms - range.from.ms) / 60'000)).count();
    return done;
  }
  PageReading::Clock clock() const {
    return [this] { return model::MonoTime{mono_ns}; };
  }
  model::Duration each{0};
  model::Duration per_step{0};
  model::Duration per_row{0};
  mutable std::size_t reads = 0;
  mutable std::size_t shown = 0;
  mutable std::int64_t mono_ns = 0;
};

class Page : public testing::Test {
 protected:
  /// Of `nodes` nodes, "n10" and on, their CPU each minute for an hour.
  admin::SeriesQuery query(std::size_t nodes) {
    admin::SeriesQuery asked;
    auto& question = asked.question;
    for (std::size_t i = 0; i < nodes; ++i) {
      const std::string name = "n" + std::to_string(10 + i);
      tables_.put(name, table_of(kNodeItself, series::Tier::kMinute, series::Field{1}, kFrom, kFrom + 3'600,
                                 static_cast<std::int64_t>(100 + i)));
      question.nodes.emplace_back(name);
    }
    question.fields = {series::Field{1}};
    question.from_s = kFrom;
    question.to_s = kFrom + 3'600;
    question.step_s = 60;
    asked.page_from_s = kFrom;
    EXPECT_TRUE(series::check(question).ok()) << series::check(question).error().message();
    return asked;
  }
  /// Its turns, and the answer.
  struct Done {
    std::size_t turns = 0;
    model::Result<admin::SeriesPage> page = model::Error(model::ErrorCode::kInternal, "none");
  };
  Done read(const admin::SeriesQuery& asked, const PageBounds& bounds = {}, PageReading::GivesUp gives_up = {}) {
    PageReading reading(asked, bounds, tables_.clock(), std::move(gives_up));
    for (Done done;;) {
      ++done.turns;
      auto page = reading.read_on(tables_);
      if (!page) continue;
      done.page = *std::move(page);
      return done;
    }
  }

  SlowTables tables_;
};

TEST_F(Page, GivesOthersTheirTurnBetweenNodes) {
  tables_.each = milliseconds(60);
  const auto done = read(query(5), {.turn = milliseconds(100), .attempt = seconds(10), .whole = seconds(25)});
  ASSERT_TRUE(done.page.ok()) << done.page.error().message();
  EXPECT_EQ(done.turns, 3u) << "two nodes a turn";
  ASSERT_THAT(done.page->answer, SizeIs(5));
  EXPECT_EQ(done.page->answer[4].node, "n14");
  EXPECT_THAT(done.page->answer[4].points, SizeIs(60));
  EXPECT_EQ(done.page->answer[4].points[59], (series::AnswerPoint{kFrom + 59 * 60, 104}));
  EXPECT_FALSE(done.page->next_s);
}

TEST_F(Page, OneThatTakesTooLongIsBegunAnewWithFewerStepsAndNoPointIsLost) {
  const auto asked = query(8);
  const auto whole = read(asked);
  ASSERT_TRUE(whole.page.ok());
  // 60 steps of 8 nodes take 48 s.
  tables_.per_step = milliseconds(100);
  const PageBounds bounds{.turn = milliseconds(100), .attempt = seconds(4), .whole = seconds(25)};
  std::map<std::string, std::vector<series::AnswerPoint>> together;
  auto next = asked;
  std::size_t pages = 0;
  for (; pages < 60; ++pages) {
    const auto done = read(next, bounds);
    ASSERT_TRUE(done.page.ok()) << done.page.error().message();
    for (const auto& one : done.page->answer) {
      auto& points = together[one.node];
      points.insert(points.end(), one.points.begin(), one.points.end());
    }
    if (!done.page->next_s) break;
    ASSERT_GT(*done.page->next_s, next.page_from_s);
    next.page_from_s = *done.page->next_s;
  }
  EXPECT_GT(pages, 5u);
  ASSERT_LT(pages, 60u);
  for (const auto& one : whole.page->answer)
    EXPECT_EQ(together[one.node], one.points) << one.node;
}

TEST_F(Page, OneThatCannotBeShortenedAnyMoreIsGivenUpInTime) {
  tables_.each = seconds(3);
  auto asked = query(20);
  asked.question.to_s = kFrom + 60;
  const auto done = read(asked);
  ASSERT_FALSE(done.page.ok());
  EXPECT_EQ(done.page.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(done.page.error().message(), HasSubstr("9 of 20 nodes"));
}

TEST_F(Page, TheLastNodeThatIsLateIsNoReasonToBeginAnew) {
  tables_.each = seconds(30);
  const auto done = read(query(1));
  ASSERT_TRUE(done.page.ok()) << done.page.error().message();
  EXPECT_EQ(tables_.reads, 1u);
}

/// One node's ten pods, each with an hour of minutes; the sum over them is 55 in each.
class PageOfPods : public Page {
 protected:
  admin::SeriesQuery query_of_pods() {
    auto asked = query(1);
    for (std::int64_t i = 1; i <= 10; ++i) {
      tables_.put("n10", table_of({series::SubjectKind::kPod, "pod-" + std::to_string(i)}, series::Tier::kMinute,
                                  series::Field::kPodCpu, kFrom, kFrom + 3'600, i));
    }
    asked.question.kind = series::SubjectKind::kPod;
    asked.question.fields = {series::Field::kPodCpu};
    asked.question.across = series::Across::kSum;
    EXPECT_TRUE(series::check(asked.question).ok());
    return asked;
  }
};

TEST_F(PageOfPods, ANodeThatTakesTooLongIsLeftInItsMiddleAndNothingOfItCountsTwice) {
  tables_.per_row = milliseconds(10);
  const auto done = read(query_of_pods());
  ASSERT_TRUE(done.page.ok()) << done.page.error().message();
  EXPECT_EQ(done.turns, 2u);
  // The node's own table and six pods of 60 rows, then all eleven of 15.
  EXPECT_EQ(tables_.mono_ns, model::Duration(milliseconds(7 * 600 + 11 * 150)).count());
  ASSERT_THAT(done.page->answer, SizeIs(1));
  ASSERT_THAT(done.page->answer[0].points, SizeIs(15));
  for (const auto& point : done.page->answer[0].points)
    EXPECT_EQ(point.value, 55) << point.time_s;
  EXPECT_EQ(done.page->next_s, kFrom + 15 * 60);
}

TEST_F(PageOfPods, OneStepOfANodeIsGivenUpInItsMiddle) {
  tables_.per_row = milliseconds(100);
  auto asked = query_of_pods();
  asked.question.step_s = 3'600;
  const auto done = read(asked);
  ASSERT_FALSE(done.page.ok());
  EXPECT_EQ(done.page.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_EQ(tables_.shown, 5u) << "of 6 s each";
}

TEST_F(PageOfPods, WhoStopsWaitsForNoMoreThanATable) {
  const auto asked = query_of_pods();
  const auto done = read(asked, {}, [this] { return tables_.shown >= 2; });
  ASSERT_FALSE(done.page.ok());
  EXPECT_EQ(done.page.error().code(), model::ErrorCode::kUnavailable);
  EXPECT_EQ(tables_.shown, 2u);
  const auto none = read(asked, {}, [] { return true; });
  EXPECT_FALSE(none.page.ok());
  EXPECT_EQ(tables_.reads, 1u) << "of the first one";
}

TEST_F(Page, OnlyThoseOfTheAskedKindCount) {
  auto asked = query(1);
  const auto pod = [](const char* uid) { return series::Subject{series::SubjectKind::kPod, uid}; };
  for (const auto* uid : {"a", "b"}) {
    tables_.put("n10", table_of(pod(uid), series::Tier::kMinute, series::Field::kPodCpu, kFrom, kFrom + 120, uid[0]));
  }
  tables_.put("n10", table_of({series::SubjectKind::kWorkload, "shop/Deployment/web"}, series::Tier::kMinute,
                              series::Field::kPodCpu, kFrom, kFrom + 120, 7));
  asked.question.kind = series::SubjectKind::kPod;
  asked.question.fields = {series::Field::kPodCpu};
  asked.question.to_s = kFrom + 120;
  const auto all = read(asked);
  ASSERT_TRUE(all.page.ok()) << all.page.error().message();
  ASSERT_THAT(all.page->answer, SizeIs(2));
  EXPECT_EQ(all.page->answer[0].subject, "a");
  asked.question.subject = "b";
  const auto one = read(asked);
  ASSERT_TRUE(one.page.ok());
  ASSERT_THAT(one.page->answer, SizeIs(1));
  EXPECT_THAT(one.page->answer[0].points,
              ElementsAre(series::AnswerPoint{kFrom, 'b'}, series::AnswerPoint{kFrom + 60, 'b'}));
}

}  // namespace
}  // namespace tideline::coordinator::series_page_test
