#include "coordinator/actor/tier_history.h"

#include <cstdint>
#include <limits>

#include <gmock/gmock.h>

#include "coordinator/actor/history_actor.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/coordinator/actor/table_store.h"
#include "test/coordinator/actor/tiered_store.h"

namespace tideline::coordinator::tier_history_test {
namespace {

using model::Metric;
using series::Tier;
using std::chrono::hours;
using testing::IsEmpty;
using testing::SizeIs;

const model::NodeName kNode("n1");
constexpr std::int64_t kNow = 1'700'006'400;  // s; a multiple of two days
constexpr std::int64_t kHour = 3'600;
constexpr std::int64_t kDay = 24 * kHour;

/// What a point is made of.
constexpr double kReport = 1'000;
constexpr double kTenSeconds = 10;
constexpr double kMinute = 60;
constexpr double kQuarter = 900;

class TierHistory : public testing::Test {
 protected:
  TierHistory() {
    kept_.reports = hours(6);
    kept_.tiers = {hours(3 * 24), hours(35 * 24), hours(400 * 24)};
  }

  /// A report each ten seconds, each with one sample at its end.
  void reports(std::int64_t from_s, std::int64_t to_s) {
    std::vector<store::IncomingReport> rows;
    for (std::int64_t end = from_s + 10; end <= to_s; end += 10) {
      model::Report report = *arrived("n1", ++seq_)->report;
      report.wall = {end * 1000};
      rows.push_back({std::move(report), {end * 1000}, model::Duration(0)});
      if (rows.size() < 1'000 && end + 10 <= to_s) continue;
      ASSERT_TRUE(store_.append(rows).ok());
      rows.clear();
    }
  }
  void table(Tier tier, std::int64_t from_s, std::int64_t to_s) {
    const auto value = static_cast<std::int64_t>(series::step_s(tier));
    tables_.put("n1", table_of({}, tier, series::field_of(Metric::kNodeCpu), from_s, to_s, value));
  }
  admin::Series read(std::int64_t from_ms, std::int64_t to_ms, std::size_t most = 20'000, bool with_tables = true) {
    const admin::HistoryQuery query{kNode, {Metric::kNodeCpu}, {from_ms}, {to_ms}, most};
    auto answer = read_metrics(store_, with_tables ? &tables_ : nullptr, kept_, query, {kNow * 1000});
    if (!answer) ADD_FAILURE() << answer.error().message();
    return answer && answer->size() == 1 ? answer->front() : admin::Series{};
  }
  /// Of the points in order: what each stretch of equal ones is made of, and when it begins, in s before now.
  static std::vector<std::pair<double, std::int64_t>> stretches(const admin::Series& series) {
    std::vector<std::pair<double, std::int64_t>> found;
    const admin::Point* before = nullptr;
    for (const auto& point : series.points) {
      if (before != nullptr) {
        EXPECT_LT(before->at, point.at);
      }
      if (before == nullptr || before->value != point.value) found.emplace_back(point.value, kNow - point.at.ms / 1000);
      before = &point;
    }
    return found;
  }
  using Stretches = std::vector<std::pair<double, std::int64_t>>;

  store::MemoryStore store_;
  TableStore tables_;
  HistoryRetention kept_;
  std::uint64_t seq_ = 0;
};

TEST_F(TierHistory, EachAgeIsToldByTheFinestThatReachesBackToIt) {
  // Both of retention's kinds are late: what is about to be dropped is there still.
  reports(kNow - 7 * kHour, kNow);
  table(Tier::kTenSeconds, kNow - 4 * kDay, kNow);
  table(Tier::kMinute, kNow - 36 * kDay, kNow);
  table(Tier::kQuarterHour, kNow - 60 * kDay, kNow);
  const auto all = read((kNow - 50 * kDay) * 1000, kNow * 1000, 100'000);
  EXPECT_FALSE(all.truncated);
  EXPECT_EQ(stretches(all),
            (Stretches{{kQuarter, 50 * kDay}, {kMinute, 35 * kDay}, {kTenSeconds, 3 * kDay}, {kReport, 6 * kHour}}));
  EXPECT_THAT(all.points, SizeIs(15 * 96 + 32 * 1'440 + 66 * 360 + 6 * 360));
}

TEST_F(TierHistory, WhatATierDoesNotHaveComesFromTheCoarserOne) {
  // Kept longer only since yesterday.
  table(Tier::kTenSeconds, kNow - kDay, kNow);
  table(Tier::kMinute, kNow - 10 * kDay, kNow);
  const auto two_days = read((kNow - 2 * kDay) * 1000, kNow * 1000);
  EXPECT_EQ(stretches(two_days), (Stretches{{kMinute, 2 * kDay}, {kTenSeconds, kDay}}));
  const auto few = read((kNow - kDay - 30) * 1000, kNow * 1000);
  EXPECT_EQ(stretches(few), (Stretches{{kTenSeconds, kDay}})) << "half a minute is not asked for anew";
}

TEST_F(TierHistory, ReportsThatNothingWasDroppedOfAreToldFromTheirFirstSample) {
  reports(kNow - 325, kNow - 5);
  // As the store folds what is not folded yet on the way.
  table(Tier::kTenSeconds, kNow - 330, kNow);
  table(Tier::kMinute, kNow - 360, kNow);
  table(Tier::kQuarterHour, kNow - 900, kNow);
  const auto hour = read((kNow - kHour) * 1000, kNow * 1000);
  EXPECT_EQ(stretches(hour), (Stretches{{kReport, 315}}));
}

TEST_F(TierHistory, AReportThatCameLateDoesNotHideTheTablesOfItsTime) {
  reports(kNow - 20 * kHour, kNow - 20 * kHour + 10);
  reports(kNow - 7 * kHour, kNow);
  table(Tier::kTenSeconds, kNow - kDay, kNow);
  const auto day = read((kNow - kDay) * 1000, kNow * 1000);
  EXPECT_EQ(stretches(day), (Stretches{{kTenSeconds, kDay}, {kReport, 6 * kHour}}));
}

TEST_F(TierHistory, WithoutTablesReportsAreAllThereIs) {
  reports(kNow - 8 * kHour, kNow - 8 * kHour + 100);
  const auto all = read(0, kNow * 1000, 20'000, false);
  EXPECT_EQ(stretches(all), (Stretches{{kReport, 8 * kHour - 10}}));
  EXPECT_THAT(all.points, SizeIs(10));
}

TEST_F(TierHistory, TheOldestComeFirstUpToTheBoundOfPoints) {
  reports(kNow - 7 * kHour, kNow);
  table(Tier::kTenSeconds, kNow - kDay, kNow);
  const std::int64_t from = (kNow - 6 * kHour - 50) * 1000;
  for (const std::size_t most : {3u, 5u, 6u}) {
    const auto cut = read(from, kNow * 1000, most);
    EXPECT_THAT(cut.points, SizeIs(most));
    EXPECT_TRUE(cut.truncated);
    EXPECT_EQ(cut.points.front().at.ms, from);
  }
  const auto rest = read(from, from + 60'000, 6);
  EXPECT_THAT(rest.points, SizeIs(6)) << "five of the tier, one of a report";
  EXPECT_FALSE(rest.truncated);
}

TEST_F(TierHistory, ACutDoesNotFallBetweenTwoSamplesOfOneMillisecond) {
  std::vector<store::IncomingReport> rows;
  for (const std::int64_t ms : {1'000, 2'000, 2'000, 3'000}) {
    model::Report report = *arrived("n1", ++seq_)->report;
    report.wall = {ms};
    rows.push_back({std::move(report), {ms}, model::Duration(0)});
  }
  ASSERT_TRUE(store_.append(rows).ok());
  const auto times = [](const admin::Series& series) {
    std::vector<std::int64_t> all;
    for (const auto& point : series.points)
      all.push_back(point.at.ms);
    return all;
  };
  // As a client asks for the whole, page by page.
  for (const std::size_t most : {2u, 3u, 4u}) {
    std::vector<std::int64_t> all;
    for (bool more = true; more;) {
      const auto page = read(all.empty() ? 0 : all.back() + 1, 10'000, most, false);
      more = page.truncated;
      ASSERT_FALSE(page.points.empty());
      for (const std::int64_t ms : times(page))
        all.push_back(ms);
    }
    EXPECT_THAT(all, testing::ElementsAre(1'000, 2'000, 2'000, 3'000)) << most;
  }
  EXPECT_THAT(times(read(2'000, 10'000, 1, false)), testing::ElementsAre(2'000)) << "or nobody would come on";
}

TEST_F(TierHistory, ARangeWithoutEndsIsOneOfAllThereIs) {
  reports(kNow - 100, kNow);
  table(Tier::kQuarterHour, kNow - 10 * kDay, kNow - kDay);
  const auto all = read(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(stretches(all), (Stretches{{kQuarter, 10 * kDay}, {kReport, 90}}));
  const auto none = read(std::numeric_limits<std::int64_t>::min(), -1);
  EXPECT_THAT(none.points, IsEmpty());
}

TEST_F(TierHistory, AMetricIsInItsUnitAndOthersAreNotMixedUp) {
  auto wide = table_of({}, Tier::kMinute, series::field_of(Metric::kNodeCpu), kNow - kDay, kNow - kDay + 60, 60);
  auto pressure = table_of({}, Tier::kMinute, series::field_of(Metric::kCpuPressure), kNow - kDay, kNow - kDay + 60,
                           5 * series::scale_of(series::field_of(Metric::kCpuPressure)));
  pressure.fields[0].cells[0].add(7 * series::scale_of(series::field_of(Metric::kCpuPressure)));
  tables_.put("n1", series::merge(wide, pressure));
  const admin::HistoryQuery query{kNode, {Metric::kCpuPressure, Metric::kLsCpu}, {0}, {kNow * 1000}, 10};
  const auto answer = read_metrics(store_, &tables_, kept_, query, {kNow * 1000});
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  ASSERT_THAT(*answer, SizeIs(2));
  ASSERT_THAT((*answer)[0].points, SizeIs(1));
  EXPECT_EQ((*answer)[0].points[0].value, 6) << "the mean, in permille";
  EXPECT_THAT((*answer)[1].points, IsEmpty());
}

class TierReader : public Actors {};

TEST_F(TierReader, ANodeOfWhichOnlyTablesAreLeftIsKnown) {
  const auto store = std::make_shared<TieredStore>();
  store->put("gone", table_of({}, Tier::kMinute, series::field_of(Metric::kNodeCpu), kNow, kNow + 60, 1));
  const auto reader = spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(store));
  const auto asked = [&](const char* node) {
    return ask<std::vector<admin::Series>>(reader, [&](admin::Reply<std::vector<admin::Series>> reply) {
      return AskHistory{{model::NodeName(node), {Metric::kNodeCpu}, {0}, {1000}, 10}, std::move(reply)};
    });
  };
  EXPECT_EQ(asked("nobody").error().code(), model::ErrorCode::kNotFound);
  // Its reports cannot be read in this store: the node was not the reason.
  EXPECT_EQ(asked("gone").error().code(), BrokenStore::broken().code());
}

}  // namespace
}  // namespace tideline::coordinator::tier_history_test
