// A store that is only read, beside the one who has it open.

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::read_only_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr RocksOptions kSeries{.series = true};

std::unique_ptr<RocksStore> open_reader(const std::string& directory) {
  auto opened = RocksStore::open_read_only(directory);
  EXPECT_TRUE(opened.ok()) << opened.error().message();
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::vector<store::IncomingReport> some_reports(std::uint64_t first_seq, std::int64_t hour) {
  std::vector<store::IncomingReport> reports;
  for (std::int64_t i = 0; i < 6; ++i)
    reports.push_back(exact_report("n", 7, first_seq++, kMidnight + hour * kHourMs + 5'000 + i * 600'000));
  return reports;
}

TEST(ReadOnly, ShowsWhatIsThereBesideTheOneWhoWrites) {
  const test::TempDir dir;
  const auto writer = open_store(dir.str(), kSeries);
  auto reports = some_reports(1, 0);
  append_all(*writer, reports);
  fold_all(*writer, {kMidnight + 2 * kHourMs});
  const auto late = exact_report("n", 7, 7, kMidnight + 1'000'000);
  append_all(*writer, {late});
  reports.push_back(late);
  ASSERT_TRUE(writer->put_setting("epoch", "4").ok());
  const auto reader = open_reader(dir.str());
  ASSERT_NE(reader, nullptr);
  EXPECT_THAT(reader->nodes(), ElementsAre(NodeName("n")));
  EXPECT_EQ(reader->acked_through(NodeName("n"), Incarnation(7)), Seq(7));
  EXPECT_EQ(*reader->setting("epoch"), "4");
  EXPECT_THAT(reader->reports(NodeName("n"), {0}, kForever, 0)->rows, SizeIs(7));
  EXPECT_TRUE(same(read_tables(*reader, "n"), tables_of(reports)));
  EXPECT_EQ(*reader->pods(NodeName("n"), {0}, kForever), *writer->pods(NodeName("n"), {0}, kForever));
  const auto state = *reader->series_state();
  EXPECT_EQ(state.late, 1u);
  EXPECT_EQ(state.nodes, 1u);
  EXPECT_EQ(state.folded_until, (WallTime{kMidnight + kHourMs}));
  EXPECT_EQ(state.tiers[0].tables, writer->series_state()->tiers[0].tables);
  EXPECT_THAT(verify_all(*reader), IsEmpty());

  append_all(*writer, some_reports(8, 1));
  fold_all(*writer, {kMidnight + 9 * kHourMs});
  EXPECT_TRUE(same(read_tables(*reader, "n"), tables_of(reports))) << "it is as it was then";
  const auto later = open_reader(dir.str());
  EXPECT_EQ(later->acked_through(NodeName("n"), Incarnation(7)), Seq(13));
  EXPECT_EQ(count_reports(*later, "n", series::Tier::kMinute), 13);
}

TEST(ReadOnly, HowFarNodesAreFoldedIsKnownWithoutAFold) {
  const test::TempDir dir;
  const auto writer = open_store(dir.str(), kSeries);
  append_all(*writer, some_reports(1, 3));
  EXPECT_EQ(open_reader(dir.str())->series_state()->folded_until, (WallTime{kMidnight + 3 * kHourMs}));
}

TEST(ReadOnly, TakesNoWrite) {
  const test::TempDir dir;
  append_all(*open_store(dir.str(), kSeries), some_reports(1, 0));
  const auto reader = open_reader(dir.str());
  const auto refused = [](const auto& result) {
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kUnsupported);
    EXPECT_THAT(result.error().message(), HasSubstr("reading alone"));
  };
  const std::vector<store::CoordinatorEvent> events{{NodeName("n"), model::Event{}}};
  const std::vector<model::AccountAt> accounts(1);
  refused(reader->append(some_reports(7, 1)));
  refused(reader->append_events(events));
  refused(reader->append_accounts(accounts));
  refused(reader->put_setting("epoch", "5"));
  refused(reader->drop_before(kForever));
  refused(reader->fold_slice(kForever, NodeName(), 1));
  refused(reader->drop_series({}, NodeName(), 1));
  refused(reader->put_tables(NodeName("n"), {}, {}));
  refused(reader->backup(dir.str() + "/backups", [](std::uint64_t) { return true; }));
  EXPECT_FALSE(fs::exists(dir.str() + "/backups"));
  EXPECT_EQ(reader->acked_through(NodeName("n"), Incarnation(7)), Seq(6));
}

TEST(ReadOnly, WhatIsDamagedIsOpenedForVerificationAlone) {
  const test::TempDir dir;
  append_all(*open_store(dir.str(), kSeries), some_reports(1, 0));
  with_family(dir.str(), kDedupFamily, [](auto& db, auto* family) { ASSERT_TRUE(db.Put({}, family, "n", "x").ok()); });
  const auto whole = RocksStore::open_read_only(dir.str());
  ASSERT_FALSE(whole.ok());
  EXPECT_THAT(whole.error().message(), AllOf(HasSubstr(dir.str()), HasSubstr("node n")));
  auto opened = RocksStore::open_read_only(dir.str(), ReadOnly::kForVerify);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const auto reader = std::move(opened).value();
  EXPECT_FALSE(verify_all(*reader).empty());
  const auto refused = [](const auto& result) {
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kUnsupported);
    EXPECT_THAT(result.error().message(), HasSubstr("verification alone"));
  };
  const NodeName node("n");
  refused(reader->read({node, series::Tier::kMinute, {0}, kForever}, nullptr, [](series::Table&&) { return true; }));
  refused(reader->pods(node, {0}, kForever));
  refused(reader->series_state());
  refused(reader->reports(node, {0}, kForever, 0));
  refused(reader->last_report(node));
  refused(reader->events(node, {0}, kForever, 0));
  refused(reader->accounts(node, {0}, kForever, 0));
  refused(reader->last_account(node, kForever));
}

TEST(ReadOnly, LeavesNothingBehind) {
  const test::TempDir dir;
  append_all(*open_store(dir.str(), kSeries), some_reports(1, 0));
  const auto listing = [&] {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(dir.path()))
      files.push_back(entry.path().filename().string() + " " + std::to_string(fs::file_size(entry.path())));
    std::sort(files.begin(), files.end());
    return files;
  };
  const auto before = listing();
  EXPECT_EQ(count_reports(*open_reader(dir.str()), "n", series::Tier::kMinute), 6);
  EXPECT_EQ(listing(), before);
}

TEST(ReadOnly, NamesWhatIsNoStoreOfThisFormat) {
  const test::TempDir dir;
  const auto missing = RocksStore::open_read_only(dir.str() + "/none");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("/none"));
  EXPECT_FALSE(fs::exists(dir.str() + "/none"));
  open_store(dir.str());
  for (const auto& [format, words] : std::vector<std::pair<std::uint32_t, std::string>>{
           {kFormat - 1, "has format 3"}, {kFormat + 1, "has format 5"}}) {
    with_family(dir.str(), kMetaFamily, [&, format = format](auto& db, auto* meta) {
      ASSERT_TRUE(db.Put({}, meta, "format", encode_u32(format)).ok());
    });
    const auto other = RocksStore::open_read_only(dir.str());
    ASSERT_FALSE(other.ok());
    EXPECT_EQ(other.error().code(), ErrorCode::kUnsupported);
    EXPECT_THAT(other.error().message(), AllOf(HasSubstr(dir.str()), HasSubstr(words)));
  }
}

TEST(ReadOnly, AStoreOfWhichRowsAreBeingMovedIsRefused) {
  const test::TempDir dir;
  append_all(*open_store(dir.str(), kSeries), some_reports(1, 0));
  with_family(dir.str(), kMetaFamily, [&](auto& db, auto* meta) {
    ASSERT_TRUE(db.Put({}, meta, std::string(kUpgradeKey), encode_u32(3)).ok());
  });
  for (const auto how : {ReadOnly::kWhole, ReadOnly::kForVerify}) {
    const auto reader = RocksStore::open_read_only(dir.str(), how);
    ASSERT_FALSE(reader.ok());
    EXPECT_EQ(reader.error().code(), ErrorCode::kUnsupported);
    EXPECT_THAT(reader.error().message(), AllOf(HasSubstr(dir.str()), HasSubstr("is being made format 4")));
  }
  // Whoever writes does that, and it is as any other.
  EXPECT_THAT(verify_all(*open_store(dir.str(), kSeries)), IsEmpty());
  EXPECT_NE(open_reader(dir.str()), nullptr);
}

TEST(ReadOnly, IsWholeAtAnyMomentOfAnOtherwiseBusyStore) {
  const test::TempDir dir;
  constexpr RocksOptions kBusy{
      .block_cache_bytes = 1 << 20, .write_buffer_bytes = 256 << 10, .background_threads = 2, .series = true};
  const auto writer = open_store(dir.str(), kBusy);
  // So far it is ahead of its readers at most: an open that finds other files at each of a hundred tries gives up.
  constexpr std::uint64_t kMostAhead = 600;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> acked{0};
  std::atomic<std::uint64_t> most{kMostAhead};
  std::thread writing([&] {
    for (std::uint64_t seq = 1; !done; ++seq) {
      while (seq > most && !done)
        std::this_thread::yield();
      append_all(*writer, {exact_report("n", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 30'000)});
      acked = seq;
      if (seq % 120 == 0) {
        const auto slice = writer->fold_slice({kMidnight + static_cast<std::int64_t>(seq) * 30'000}, NodeName(), 1);
        EXPECT_TRUE(slice.ok()) << slice.error().message();
      }
    }
  });
  for (int round = 0; round < 8; ++round) {
    const std::uint64_t before = acked;
    most = before + kMostAhead;
    const auto reader = open_reader(dir.str());
    if (reader == nullptr) break;
    const auto there = reader->acked_through(NodeName("n"), Incarnation(7)).value();
    EXPECT_GE(there, before);
    for (const auto tier : series::kTiers)
      EXPECT_EQ(count_reports(*reader, "n", tier), static_cast<std::int64_t>(there));
    while (acked < before + 200)
      std::this_thread::yield();
  }
  done = true;
  writing.join();
}

}  // namespace
}  // namespace tideline::rocks::read_only_test
