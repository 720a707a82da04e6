#include "coordinator/actor/series_keeper.h"

#include <deque>
#include <optional>

#include <gmock/gmock.h>

#include "test/coordinator/actor/table_store.h"
#include "test/coordinator/actor/timed_actors.h"

namespace tideline::coordinator::series_keeper_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kStart = 1'700'000'000'000;

const model::Error kDiskFull(model::ErrorCode::kUnavailable, "history: no space left on device");

/// Does what is planned for it, then nothing, and writes down what it is asked.
class PlannedStore final : public TableStore {
 public:
  struct Call {
    std::string what;  // "fold" or "drop"
    std::string from;
    std::size_t most = 0;
    std::int64_t at_ms = 0;  // since the test's begin
  };

  explicit PlannedStore(std::function<milliseconds()> passed) : passed_(std::move(passed)) {}

  model::Result<series::FoldSlice> fold_slice(model::WallTime now, const model::NodeName& from,
                                              std::size_t most) override {
    note("fold", from, most);
    fold_now = now;
    mono_ns += slice_takes.count();
    if (folds.empty()) return series::FoldSlice{};
    auto planned = std::move(folds.front());
    folds.pop_front();
    return planned;
  }
  model::Result<series::DroppedSeries> drop_series(const series::DropSeriesBefore& before, const model::NodeName& from,
                                                   std::size_t most) override {
    note("drop", from, most);
    dropped_before = before;
    if (drops.empty()) return series::DroppedSeries{};
    auto planned = std::move(drops.front());
    drops.pop_front();
    return planned;
  }

  std::vector<std::string> order() const {
    std::vector<std::string> all;
    for (const auto& call : calls)
      all.push_back(call.what + " from \"" + call.from + "\"");
    return all;
  }
  /// Between the calls.
  std::vector<std::int64_t> waits_ms() const {
    std::vector<std::int64_t> waits;
    for (std::size_t i = 1; i < calls.size(); ++i)
      waits.push_back(calls[i].at_ms - calls[i - 1].at_ms);
    return waits;
  }

  std::deque<model::Result<series::FoldSlice>> folds;
  std::deque<model::Result<series::DroppedSeries>> drops;
  std::vector<Call> calls;
  std::optional<model::WallTime> fold_now;
  std::optional<series::DropSeriesBefore> dropped_before;
  model::Duration slice_takes{0};
  std::int64_t mono_ns = 0;

 private:
  void note(const char* what, const model::NodeName& from, std::size_t most) {
    calls.push_back({what, from.str(), most, passed_().count()});
  }
  std::function<milliseconds()> passed_;
};

class Keeper : public TimedActors {
 protected:
  SeriesKeeperOptions options() {
    SeriesKeeperOptions options;
    // Only one of the two unless a test wants both.
    options.drop_every = std::chrono::hours(1000);
    options.wall_now = [this] { return model::WallTime{kStart + passed().count()}; };
    options.mono_now = [store = store_] { return model::MonoTime{store->mono_ns}; };
    return options;
  }
  caf::actor keeper(SeriesKeeperOptions options) {
    return spawn<SeriesKeeper>(std::static_pointer_cast<series::SeriesStore>(store_), std::move(options), counts_);
  }
  static series::FoldSlice rest_at(const char* node) {
    series::FoldSlice slice;
    slice.rest = model::NodeName(node);
    return slice;
  }

  std::shared_ptr<PlannedStore> store_ = std::make_shared<PlannedStore>([this] { return passed(); });
  std::shared_ptr<HistoryCounts> counts_ = std::make_shared<HistoryCounts>();
};

TEST_F(Keeper, FoldsEachHalfMinuteInSlicesUntilNothingIsDue) {
  auto first = rest_at("b");
  first.hours = 2;
  first.reports = 720;
  series::FoldSlice second;
  second.hours = 1;
  second.late = 3;
  second.reports = 363;
  store_->folds = {first, second};
  auto wanted = options();
  wanted.fold_slice = 7;
  keeper(wanted);
  pass(seconds(29));
  EXPECT_THAT(store_->calls, IsEmpty());
  pass(seconds(2));
  EXPECT_THAT(store_->order(), ElementsAre("fold from \"\"", "fold from \"b\""));
  EXPECT_EQ(store_->calls[0].most, 7u);
  EXPECT_EQ(store_->fold_now, model::WallTime{kStart + 30'000}) << "of the round's begin";
  EXPECT_EQ(counts_->folded_hours, 3u);
  EXPECT_EQ(counts_->folded_late, 3u);
  EXPECT_EQ(counts_->folded_reports, 1083u);
  EXPECT_EQ(counts_->fold_failures, 0u);
  EXPECT_EQ(counts_->problems.text(), "");
  pass(seconds(28));
  EXPECT_EQ(store_->calls.size(), 2u);
  pass(seconds(2));
  EXPECT_EQ(store_->order().back(), "fold from \"\"") << "a new round";
}

TEST_F(Keeper, RestsAfterASliceForTwiceWhatItTook) {
  store_->slice_takes = milliseconds(1'500);
  store_->folds = {rest_at("b"), rest_at("c")};
  keeper(options());
  pass(seconds(40));
  EXPECT_THAT(store_->waits_ms(), ElementsAre(3'000, 3'000));
  EXPECT_EQ(counts_->fold_ns, 4'500'000'000);
}

TEST_F(Keeper, RestsNoLongerThanItMustWhileANodeHasHoursToCatchUpWith) {
  store_->slice_takes = milliseconds(1'500);
  auto behind = rest_at("b");
  behind.hours = 2;
  auto in_time = rest_at("c");
  in_time.hours = 1;
  store_->folds = {behind, in_time};
  keeper(options());
  pass(seconds(40));
  EXPECT_THAT(store_->waits_ms(), ElementsAre(100, 3'000));
}

TEST_F(Keeper, AFailureIsKeptCountedAndTriedAgainLessAndLessOften) {
  auto wanted = options();
  wanted.retry = seconds(1);
  wanted.longest_retry = seconds(3);
  store_->folds = {rest_at("b"), kDiskFull, kDiskFull, kDiskFull, kDiskFull};
  keeper(wanted);
  pass(milliseconds(30'200));
  EXPECT_EQ(counts_->fold_failures, 1u);
  EXPECT_EQ(counts_->problems.text(), "fold: history: no space left on device");
  pass(seconds(12));
  EXPECT_THAT(store_->waits_ms(), ElementsAre(100, 1'000, 2'000, 3'000, 3'000));
  EXPECT_EQ(store_->order()[2], "fold from \"\"") << "from the begin";
  EXPECT_EQ(counts_->fold_failures, 4u);
  EXPECT_EQ(counts_->problems.text(), "") << "the last one went well";
  store_->folds = {kDiskFull};
  pass(seconds(31));
  EXPECT_EQ(counts_->fold_failures, 5u);
  EXPECT_EQ(store_->waits_ms().back(), 1'000) << "the wait begins anew";
}

TEST_F(Keeper, ADamagedNodeIsToldAndHoldsUpNoOther) {
  auto damaged = rest_at("b");
  damaged.failed = 1;
  damaged.trouble = kDiskFull;
  series::FoldSlice good;
  good.hours = 1;
  good.reports = 360;
  store_->folds = {damaged, good};
  auto wanted = options();
  wanted.retry = seconds(5);
  keeper(wanted);
  pass(seconds(31));
  EXPECT_EQ(counts_->folded_hours, 1u) << "of the one behind it";
  EXPECT_EQ(counts_->fold_failures, 1u);
  EXPECT_THAT(counts_->problems.text(), HasSubstr("no space left"));
  pass(seconds(5));
  EXPECT_EQ(store_->calls.size(), 3u);
  EXPECT_EQ(counts_->problems.text(), "");
}

TEST_F(Keeper, WhatIsUnreadableIsCountedAndNotTriedAgainAtOnce) {
  series::FoldSlice slice;
  slice.hours = 1;
  slice.reports = 359;
  slice.unreadable = 1;
  slice.trouble = model::Error(model::ErrorCode::kMalformed, "report of node n1 does not parse");
  store_->folds = {slice};
  keeper(options());
  pass(seconds(31));
  EXPECT_EQ(counts_->unreadable_reports, 1u);
  EXPECT_EQ(counts_->fold_failures, 0u);
  EXPECT_THAT(counts_->problems.text(), HasSubstr("does not parse"));
  pass(seconds(28));
  EXPECT_EQ(store_->calls.size(), 1u);
}

TEST_F(Keeper, DropsEachTierAtItsOwnAgeInSlices) {
  auto wanted = options();
  wanted.fold_every = std::chrono::hours(1000);
  wanted.drop_every = minutes(10);
  wanted.drop_slice = 3;
  wanted.kept.tiers = {seconds(100), seconds(200), seconds(300)};
  wanted.kept.pods = {seconds(10), seconds(20), seconds(30)};
  series::DroppedSeries first;
  first.tables = 40;
  first.rest = model::NodeName("m");
  series::DroppedSeries second;
  second.tables = 2;
  store_->drops = {first, second};
  keeper(wanted);
  pass(minutes(10) + seconds(1));
  EXPECT_THAT(store_->order(), ElementsAre("drop from \"\"", "drop from \"m\""));
  EXPECT_EQ(store_->calls[0].most, 3u);
  ASSERT_TRUE(store_->dropped_before);
  const std::int64_t now = kStart + 600'000;
  EXPECT_THAT(store_->dropped_before->tiers, ElementsAre(model::WallTime{now - 100'000}, model::WallTime{now - 200'000},
                                                         model::WallTime{now - 300'000}));
  EXPECT_THAT(store_->dropped_before->passing,
              ElementsAre(model::WallTime{now - 10'000}, model::WallTime{now - 20'000}, model::WallTime{now - 30'000}));
  EXPECT_EQ(counts_->tables_dropped, 42u);
}

TEST_F(Keeper, ATierThatCannotBeDroppedDoesNotKeepOthersFromBeingFolded) {
  auto wanted = options();
  wanted.drop_every = seconds(30);
  wanted.retry = seconds(100);
  store_->drops = {kDiskFull};
  series::FoldSlice good;
  good.hours = 1;
  store_->folds = {rest_at("b"), good};
  keeper(wanted);
  pass(seconds(31));
  EXPECT_EQ(counts_->folded_hours, 1u);
  EXPECT_EQ(counts_->retention_failures, 1u);
  EXPECT_EQ(counts_->problems.text(), "retention of tiers: history: no space left on device");
  pass(seconds(100));
  EXPECT_EQ(counts_->problems.text(), "");
}

TEST_F(Keeper, ATickInARoundBeginsNoSecondOne) {
  store_->folds = {rest_at("b")};
  const auto one = keeper(options());
  tell(one, FoldTick{});
  tell(one, FoldTick{});
  EXPECT_EQ(store_->calls.size(), 1u);
  pass(milliseconds(200));
  EXPECT_THAT(store_->order(), ElementsAre("fold from \"\"", "fold from \"b\""));
}

TEST_F(Keeper, StopsAfterTheSliceThatIsUnderWay) {
  store_->folds = {rest_at("b")};
  const auto one = keeper(options());
  tell(one, FoldTick{});
  caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  pass(minutes(5));
  EXPECT_EQ(store_->calls.size(), 1u);
}

}  // namespace
}  // namespace tideline::coordinator::series_keeper_test
