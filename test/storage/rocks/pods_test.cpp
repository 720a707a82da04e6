// Reports that leave out what their pods are: kept once for many, and whole again when they are read.

#include <functional>
#include <map>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/left_out_pods.h"
#include "test/storage/rocks/tamper.h"
#include "test/storage/store/make_report.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::pods_test {
namespace {

using model::NodeName;
using model::WallTime;
using store::AppendOutcome;
using store::make_report;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kList = 77;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr WallTime kEver{INT64_MAX};

/// Report `seq` of node n, an hour after the one before.
model::Report hourly(std::uint64_t seq) {
  model::Report report = make_report("n", 7, seq);
  report.wall = WallTime{store::kStart + static_cast<std::int64_t>(seq) * kHourMs};
  return report;
}

class Pods : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    auto opened = RocksStore::open(dir_.str());
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    store_ = std::move(opened).value();
  }
  AppendOutcome append(const model::Report& report, std::uint64_t list = kList) {
    const auto bytes = without_pods(report, list);
    const store::ReportView view(report, report.wall, model::Duration(0), bytes, list);
    const auto outcomes = store_->append_views({&view, 1});
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().message();
    return outcomes.value_or({AppendOutcome::kRefused}).at(0);
  }
  std::vector<model::Report> reports() {
    const auto page = store_->reports(NodeName("n"), {}, kEver, 0);
    EXPECT_TRUE(page.ok()) << page.error().message();
    std::vector<model::Report> all;
    for (const auto& row : page.value_or({}).rows)
      all.push_back(row.report);
    return all;
  }
  /// Rows of each family; the store is opened anew.
  std::map<std::string, std::size_t> rows() {
    std::map<std::string, std::size_t> counts;
    with_families([&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
      const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, family));
      for (it->SeekToFirst(); it->Valid(); it->Next())
        ++counts[family->GetName()];
    });
    return counts;
  }
  /// As another program would open it.
  void with_families(const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& visit) {
    store_.reset();
    rocks::with_families(dir_.str(), visit);
    reopen();
  }

  test::TempDir dir_;
  std::unique_ptr<RocksStore> store_;
};

TEST_F(Pods, AreKeptOnceForTheReportsOfAnHourAndComeBackInEach) {
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    ASSERT_EQ(append(make_report("n", 7, seq)), AppendOutcome::kStored);
  EXPECT_EQ(append(make_report("n", 7, 3)), AppendOutcome::kDuplicate);
  EXPECT_EQ(rows()["pods"], 1u);
  EXPECT_THAT(reports(), ElementsAre(make_report("n", 7, 1), make_report("n", 7, 2), make_report("n", 7, 3),
                                     make_report("n", 7, 4), make_report("n", 7, 5)));
  const auto read = reports();
  for (const auto& report : read)
    EXPECT_EQ(&*report.pods.at(0).pod, &*read.at(0).pods.at(0).pod) << "and are one object in what is read";
  const auto last = store_->last_report(NodeName("n"));
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ((*last)->report, make_report("n", 7, 5));
}

TEST_F(Pods, OfEachListAndNodeAreTheirOwn) {
  auto other = make_report("n", 7, 2);
  other.pods[0].pod.change([](model::Pod& pod) { pod.name = "other"; });
  append(make_report("n", 7, 1));
  append(other, kList + 1);
  append(make_report("n", 7, 3));
  auto elsewhere = make_report("m", 7, 1);
  elsewhere.pods[0].pod.change([](model::Pod& pod) { pod.name = "elsewhere"; });
  append(elsewhere);
  EXPECT_THAT(reports(), ElementsAre(make_report("n", 7, 1), other, make_report("n", 7, 3)));
  EXPECT_EQ(store_->reports(NodeName("m"), {}, kEver, 0)->rows.at(0).report, elsewhere);
  EXPECT_EQ(rows()["pods"], 3u);
}

TEST_F(Pods, AreThereForEachHourAfterRestartsAndInAnyOrder) {
  append(hourly(3));
  reopen();
  append(hourly(4));
  for (const std::uint64_t seq : {1, 9, 2, 8, 6, 5, 7})  // more hours than are remembered
    ASSERT_EQ(append(hourly(seq)), AppendOutcome::kStored);
  reopen();
  const auto all = reports();
  ASSERT_EQ(all.size(), 9u);
  for (std::uint64_t seq = 1; seq <= 9; ++seq)
    EXPECT_EQ(all[seq - 1], hourly(seq));
}

TEST_F(Pods, OfAnHourThatIsOverGoWithItsReportsAndTheRestStaysWhole) {
  for (std::uint64_t seq = 1; seq <= 4; ++seq)
    append(hourly(seq));
  ASSERT_EQ(store_->drop_before(WallTime{hourly(3).wall.ms})->reports, 2u);
  EXPECT_THAT(reports(), ElementsAre(hourly(3), hourly(4)));
  auto late = hourly(6);
  late.wall = hourly(2).wall;
  ASSERT_EQ(append(late), AppendOutcome::kStored) << "backfilled into an hour that was dropped";
  EXPECT_THAT(reports(), ElementsAre(late, hourly(3), hourly(4)));
  EXPECT_EQ(rows()["pods"], 3u);
  ASSERT_TRUE(store_->drop_before(kEver).ok());
  EXPECT_EQ(rows()["pods"], 0u);
}

TEST_F(Pods, StayForWhatASliceOfRetentionLeaves) {
  for (std::uint64_t seq = 1; seq <= 4; ++seq)
    append(hourly(seq));
  auto beside = hourly(2);
  beside.seq = model::Seq(20);
  beside.wall.ms += 1000;
  append(beside);
  std::size_t left = 5;
  std::optional<NodeName> from = NodeName();
  for (int slices = 0; from; ++slices) {
    ASSERT_LT(slices, 20);
    const auto slice = store_->drop_slice(hourly(4).wall, *from, 1);
    ASSERT_TRUE(slice.ok()) << slice.error().message();
    left -= slice->dropped.reports;
    ASSERT_EQ(reports().size(), left);
    from = slice->rest;
  }
  EXPECT_THAT(reports(), ElementsAre(hourly(4)));
  EXPECT_EQ(rows()["pods"], 1u);
}

TEST_F(Pods, ThatAreGoneAreAnErrorThatNamesTheReport) {
  append(make_report("n", 7, 1));
  with_families([](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    if (family->GetName() != kPodsFamily) return;
    const std::string from;
    ASSERT_TRUE(db.DeleteRange({}, family, from, std::string(100, '\xff')).ok());
  });
  const auto page = store_->reports(NodeName("n"), {}, kEver, 0);
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code(), model::ErrorCode::kMalformed);
  EXPECT_THAT(page.error().message(), HasSubstr("node n, incarnation 7, report 1"));
}

TEST_F(Pods, AStoreOfFormat1IsTakenOverWithAllThatIsInIt) {
  const auto report = make_report("n", 7, 1);
  const store::IncomingReport incoming = store::arrive(report);
  ASSERT_TRUE(store_->append({&incoming, 1}).ok());
  with_families([](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    if (family->GetName() == kMetaFamily) {
      ASSERT_TRUE(db.Put({}, family, std::string(kFormatKey), encode_u32(1)).ok());
    }
    if (family->GetName() == kPodsFamily) {
      ASSERT_TRUE(db.DropColumnFamily(family).ok());
    }
  });
  append(make_report("n", 7, 2));
  EXPECT_THAT(reports(), ElementsAre(report, make_report("n", 7, 2)));
  std::string format;
  with_families([&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    if (family->GetName() == kMetaFamily) {
      ASSERT_TRUE(db.Get({}, family, std::string(kFormatKey), &format).ok());
    }
  });
  EXPECT_EQ(format, encode_u32(kFormat));
}

}  // namespace
}  // namespace tideline::rocks::pods_test
