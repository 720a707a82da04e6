// Tables that grow hour by hour: in pieces until their block is over, and in one from then on.

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/rocks_store.h"
#include "storage/rocks/series_rows.h"
#include "storage/series/pieces.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::growing_test {
namespace {

using model::NodeName;
using model::WallTime;
using series::Tier;
using store::IncomingReport;
using testing::IsEmpty;

constexpr RocksOptions kSeries{.series = true};

/// When each node's hour of that number is due, and none behind it.
WallTime due(std::int64_t hour) {
  return {kMidnight + (hour + 2) * kHourMs};
}

class Growing : public testing::Test {
 protected:
  /// Reports of hours [from, to), each folded once it is due.
  void grow(std::int64_t from, std::int64_t to) {
    const auto store = open_store(dir_.str(), kSeries);
    for (std::int64_t hour = from; hour < to; ++hour) {
      std::vector<IncomingReport> reports;
      for (std::int64_t ms = 5'000; ms < kHourMs; ms += 600'000)
        reports.push_back(exact_report("n", 7, ++seq_, kMidnight + hour * kHourMs + ms));
      append_all(*store, reports);
      EXPECT_EQ(fold_all(*store, due(hour)).hours, 1u);
      reports_.insert(reports_.end(), reports.begin(), reports.end());
    }
    EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports_)));
    EXPECT_THAT(verify_all(*store), IsEmpty());
  }
  /// Of each table of the block, by key.
  std::map<std::string, std::size_t> pieces_of_block(Tier tier, std::int64_t block_ms) {
    std::map<std::string, std::size_t> pieces;
    with_family(dir_.str(), kSeriesFamily, [&](auto& db, auto* family) {
      const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, family));
      for (it->SeekToFirst(); it->Valid(); it->Next()) {
        const auto key = stored_table_key(it->key().ToString());
        ASSERT_TRUE(key);
        if (key->tier != tier || key->block_s != block_ms / 1000) continue;
        const std::string value = it->value().ToString();
        pieces[name_of(*key)] = series::pieces_of(value)->size();
      }
    });
    return pieces;
  }
  static std::size_t most_of(const std::map<std::string, std::size_t>& pieces) {
    std::size_t most = 0;
    for (const auto& [name, count] : pieces)
      most = std::max(most, count);
    return most;
  }

  test::TempDir dir_;
  std::vector<IncomingReport> reports_;
  std::uint64_t seq_ = 0;
};

TEST_F(Growing, AnHourIsAPieceMore) {
  grow(0, 4);
  const auto minutes = pieces_of_block(Tier::kMinute, kMidnight);
  EXPECT_EQ(minutes.size(), 7u) << "the node, its workload, uid-1 and the four that are another each hour";
  EXPECT_EQ(most_of(minutes), 4u);
  EXPECT_EQ(most_of(pieces_of_block(Tier::kQuarterHour, kMidnight)), 4u);
}

TEST_F(Growing, ABlockThatIsOverIsInOnePieceAlsoOfPodsThatAreGone) {
  grow(0, 6);
  // One pod was there in the first hour and in the last. With what the first reports of the next hour tell of it, the
  // block is whole.
  EXPECT_GT(most_of(pieces_of_block(Tier::kMinute, kMidnight)), 1u);
  grow(6, 7);
  const auto minutes = pieces_of_block(Tier::kMinute, kMidnight);
  EXPECT_EQ(minutes.size(), 8u);
  EXPECT_EQ(most_of(minutes), 1u);
  EXPECT_GT(most_of(pieces_of_block(Tier::kQuarterHour, kMidnight)), 1u) << "that goes on for two days";
  grow(7, 49);
  EXPECT_EQ(most_of(pieces_of_block(Tier::kQuarterHour, kMidnight)), 1u);
  for (std::int64_t block = 0; block < 8; ++block)
    EXPECT_EQ(most_of(pieces_of_block(Tier::kMinute, kMidnight + block * 6 * kHourMs)), 1u) << block;
}

TEST_F(Growing, PiecesAreFew) {
  for (std::int64_t hour = 0; hour < 30; ++hour) {
    grow(hour, hour + 1);
    EXPECT_LE(most_of(pieces_of_block(Tier::kQuarterHour, kMidnight)), 8u) << hour;
    EXPECT_LE(most_of(pieces_of_block(Tier::kTenSeconds, kMidnight + hour * kHourMs)), 8u) << hour;
  }
}

TEST_F(Growing, ABlockIsMadeOneAlsoWhereItsNodeWasSilentAtItsEnd) {
  grow(0, 4);
  EXPECT_EQ(most_of(pieces_of_block(Tier::kMinute, kMidnight)), 4u);
  grow(9, 10);
  EXPECT_EQ(most_of(pieces_of_block(Tier::kMinute, kMidnight)), 1u);
}

TEST_F(Growing, WhatComesLateIsAddedToABlockHoweverItLies) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (std::int64_t hour = 0; hour < 15; ++hour) {
    grow(hour, hour + 1);
    const auto store = open_store(dir_.str(), kSeries);
    std::vector<IncomingReport> late;
    for (auto i = random() % 4; i > 0; --i) {
      const auto back = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>((hour + 1) * kHourMs));
      late.push_back(exact_report("n", 7, ++seq_, kMidnight + back));
    }
    if (late.empty()) continue;
    append_all(*store, late);
    EXPECT_EQ(fold_all(*store, due(hour)).late, late.size());
    reports_.insert(reports_.end(), late.begin(), late.end());
    ASSERT_TRUE(same(read_tables(*store, "n"), tables_of(reports_))) << hour;
    ASSERT_THAT(verify_all(*store), IsEmpty());
  }
}

TEST_F(Growing, APieceThatIsDamagedIsNamedAndItsTableReplaced) {
  grow(0, 2);
  const TableKey key{
      .tier = Tier::kMinute, .block_s = kMidnight / 1000, .node = NodeName("n"), .subject = series::Subject{}};
  with_family(dir_.str(), kSeriesFamily, [&](auto& db, auto* family) {
    std::string value;
    ASSERT_TRUE(db.Get({}, family, table_key(key), &value).ok());
    ASSERT_EQ(series::pieces_of(value)->size(), 2u);
    value[value.size() / 4] = static_cast<char>(value[value.size() / 4] ^ 0x10);
    ASSERT_TRUE(db.Put({}, family, table_key(key), value).ok());
  });
  const auto store = open_store(dir_.str(), kSeries);
  EXPECT_FALSE(verify_all(*store).empty());
  append_all(*store, {exact_report("n", 7, ++seq_, kMidnight + 2 * kHourMs + 60'000)});
  const auto folded = fold_all(*store, due(2));
  ASSERT_TRUE(folded.trouble);
  EXPECT_THAT(folded.trouble->message(), testing::HasSubstr("node n, 1m of 2023-11-15T00:00:00Z, the node itself"));
  EXPECT_EQ(count_reports(*store, "n", Tier::kMinute), 1) << "those of before are lost";
  EXPECT_EQ(count_reports(*store, "n", Tier::kQuarterHour), 13);
  EXPECT_THAT(verify_all(*store), IsEmpty());
}

TEST_F(Growing, WhereSketchesAloneAreDamagedTheRestOfTheirTableStays) {
  grow(0, 2);
  const TableKey key{
      .tier = Tier::kMinute, .block_s = kMidnight / 1000, .node = NodeName("n"), .subject = series::Subject{}};
  with_family(dir_.str(), kSketchFamily, [&](auto& db, auto* family) {
    std::string value;
    ASSERT_TRUE(db.Get({}, family, table_key(key), &value).ok());
    value.back() = static_cast<char>(value.back() ^ 0x10);
    ASSERT_TRUE(db.Put({}, family, table_key(key), value).ok());
  });
  const auto store = open_store(dir_.str(), kSeries);
  EXPECT_FALSE(verify_all(*store).empty());
  append_all(*store, {exact_report("n", 7, ++seq_, kMidnight + 2 * kHourMs + 60'000)});
  const auto folded = fold_all(*store, due(2));
  ASSERT_TRUE(folded.trouble);
  EXPECT_THAT(folded.trouble->message(), testing::HasSubstr("node n, 1m of 2023-11-15T00:00:00Z, the node itself"));
  EXPECT_EQ(count_reports(*store, "n", Tier::kMinute), 13);
  EXPECT_THAT(verify_all(*store), IsEmpty());
}

}  // namespace
}  // namespace tideline::rocks::growing_test
