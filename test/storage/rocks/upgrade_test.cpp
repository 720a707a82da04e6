// Stores as builds of formats 1 to 3 wrote them, byte for byte, and what this one makes of them.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "messages/codec/report_bytes.h"
#include "messages/model/crc32.h"
#include "storage/rocks/rocks_store.h"
#include "storage/series/stay.h"
#include "test/storage/rocks/format_three.h"
#include "test/storage/rocks/left_out_pods.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::upgrade_test {
namespace {

using model::ErrorCode;
using model::Incarnation;
using model::NodeName;
using model::Seq;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RocksOptions kSeries{.series = true};

std::string u64(std::int64_t value) {
  return big_endian(static_cast<std::uint64_t>(value), 8);
}

std::string named(const std::string& node) {
  return big_endian(node.size(), 1) + node;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The families of format 2, and what lies in them, written with RocksDB alone.
class FormatTwo {
 public:
  explicit FormatTwo(const std::string& directory) {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "meta", "report", "pods", "event", "dedup", "account"})
      families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    const auto opened = rocksdb::DB::Open(options, directory, families, &handles_, &db_);
    if (!opened.ok()) throw std::runtime_error(opened.ToString());
  }
  ~FormatTwo() {
    for (auto* handle : handles_)
      db_->DestroyColumnFamilyHandle(handle);
    delete db_;
  }
  FormatTwo(const FormatTwo&) = delete;
  FormatTwo& operator=(const FormatTwo&) = delete;

  void put(const std::string& family, const std::string& key, const std::string& value) {
    for (auto* handle : handles_) {
      if (handle->GetName() != family) continue;
      rocksdb::WriteOptions durable;
      durable.sync = true;
      ASSERT_TRUE(db_->Put(durable, handle, key, value).ok());
    }
  }
  void put_format(std::uint32_t format) { put("meta", "format", big_endian(format, 4)); }
  /// list 0: with its pods.
  void put_report(const store::IncomingReport& incoming, std::uint64_t list) {
    const model::Report& report = incoming.report;
    const std::string node = named(report.node.str());
    const std::string key =
        node + u64(report.wall.ms) + big_endian(report.incarnation.value(), 8) + big_endian(report.seq.value(), 8);
    const auto whole = codec::to_bytes(report);
    ASSERT_TRUE(whole.ok());
    const auto bytes = list == 0 ? *whole : without_pods(report, list);
    put("report", key, u64(incoming.received.ms) + u64(incoming.clock_offset.count()) + text_of(bytes));
    if (list == 0) return;
    // The end of the node's hour, which begins crc32(name) ms mod 1 h behind the full one.
    const auto phase = static_cast<std::int64_t>(model::crc32(report.node.str()) % 3'600'000);
    const std::int64_t until = (report.wall.ms - phase + kHourMs) / kHourMs * kHourMs + phase;
    model::Report pods;
    pods.node = report.node;
    pods.incarnation = report.incarnation;
    pods.seq = report.seq;
    for (const auto& summary : report.pods)
      pods.pods.emplace_back().pod = summary.pod;
    const auto pods_bytes = codec::to_bytes(pods);
    ASSERT_TRUE(pods_bytes.ok());
    put("pods", node + u64(until) + big_endian(list, 8), text_of(*pods_bytes));
  }
  /// Numbers 1 to `last` of one incarnation.
  void put_numbers(const std::string& node, std::uint64_t incarnation, std::uint64_t last, std::int64_t received_ms) {
    put("dedup", node,
        u64(10'000'000'000) + u64(received_ms) + big_endian(1, 2) + big_endian(incarnation, 8) + big_endian(0, 8) +
            big_endian(1, 2) + big_endian(1, 8) + big_endian(last, 8));
  }

 private:
  rocksdb::DB* db_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

/// Three hours of reports of node n, every other of which leaves its pods out, a setting, an event and an account.
std::vector<store::IncomingReport> write_old(const std::string& directory, std::uint32_t format) {
  std::vector<store::IncomingReport> reports;
  FormatTwo old(directory);
  old.put_format(format);
  for (std::uint64_t seq = 1; seq <= 18; ++seq) {
    reports.push_back(exact_report("n", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 600'000 - 1'000));
    // What a report leaves out is that of its hour and list.
    old.put_report(reports.back(), seq % 2 == 0 || format < 2 ? 0 : 70 + seq);
  }
  old.put_numbers("n", 7, 18, reports.back().received.ms);
  old.put("meta", "setting/epoch", "4");
  old.put("meta", "event-counter", big_endian(1, 8));
  const std::string event_key =
      named("n") + u64(kMidnight) + big_endian(1, 1) + big_endian(0, 8) + big_endian(0, 8) + big_endian(0, 4);
  old.put("event", event_key,
          u64(kMidnight) + big_endian(1, 1) + big_endian(8, 2) + big_endian(1, 2) + "s" + big_endian(0, 2) +
              big_endian(0, 2));
  model::Reclaimed account;
  account.node = NodeName("n");
  account.policy = model::PolicyVersion(3);
  old.put("account", named("n") + u64(kMidnight), text_of(codec::to_bytes(account)));
  return reports;
}

TEST(Upgrade, AStoreOfFormatTwoIsTakenOverWithAllThatIsInItAndFolded) {
  const test::TempDir dir;
  const auto reports = write_old(dir.str(), 2);
  {
    const auto store = open_store(dir.str(), kSeries);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->acked_through(NodeName("n"), Incarnation(7)), Seq(18));
    EXPECT_EQ(store->reports(NodeName("n"), {0}, kForever, 0)->rows.size(), 18u);
    EXPECT_EQ(*store->setting("epoch"), "4");
    EXPECT_EQ(store->events(NodeName("n"), {0}, kForever, 0)->rows.at(0).event.subject, "s");
    EXPECT_EQ((*store->last_account(NodeName("n"), kForever))->account.policy, model::PolicyVersion(3));
    EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports))) << "nothing is folded yet";
    EXPECT_EQ(store->drop_before(kForever)->reports, 0u) << "and so nothing is dropped";
    EXPECT_THAT(*store->append(reports), testing::Each(store::AppendOutcome::kDuplicate));
    EXPECT_EQ(fold_all(*store, {kMidnight + 3 * kHourMs}).hours, 2u);
    EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
    EXPECT_THAT(verify_all(*store), IsEmpty());
  }
  with_family(dir.str(), "meta", [](auto& db, auto* meta) {
    std::string format;
    ASSERT_TRUE(db.Get({}, meta, "format", &format).ok());
    EXPECT_EQ(format, big_endian(4, 4));
  });
  const auto store = open_store(dir.str(), kSeries);
  EXPECT_EQ(fold_all(*store, {kMidnight + 9 * kHourMs}).hours, 1u);
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
}

TEST(Upgrade, AStoreOfFormatOneIsTakenOverToo) {
  const test::TempDir dir;
  const auto reports = write_old(dir.str(), 1);
  for (const std::string_view family : {"pods", "account"})
    with_family(dir.str(), family, [](auto& db, auto* handle) { ASSERT_TRUE(db.DropColumnFamily(handle).ok()); });
  const auto store = open_store(dir.str(), kSeries);
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
  EXPECT_EQ(fold_all(*store, {kMidnight + 9 * kHourMs}).reports, 18u);
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
}

TEST(Upgrade, OneThatWasCutShortGoesOn) {
  const test::TempDir dir;
  const auto reports = write_old(dir.str(), 2);
  // Families of the new format are made one by one, and its number is written last.
  with_family(dir.str(), "meta", [](auto& db, auto*) {
    for (const char* name : {"series", "sketch", "info"}) {
      rocksdb::ColumnFamilyHandle* made = nullptr;
      ASSERT_TRUE(db.CreateColumnFamily({}, name, &made).ok());
      db.DestroyColumnFamilyHandle(made);
    }
  });
  const auto store = open_store(dir.str(), kSeries);
  ASSERT_NE(store, nullptr);
  fold_all(*store, {kMidnight + 9 * kHourMs});
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
}

TEST(Upgrade, ANewerFormatIsRefusedByNameAndLeftAsItIs) {
  const test::TempDir dir;
  write_old(dir.str(), 5);
  const auto refused = RocksStore::open(dir.str(), kSeries);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message(), HasSubstr("has format 5, this build knows formats 1 to 4"));
  with_family(dir.str(), "meta", [](auto& db, auto* meta) {
    std::string format;
    ASSERT_TRUE(db.Get({}, meta, "format", &format).ok());
    EXPECT_EQ(format, big_endian(5, 4));
  });
}

// Format 3 had tables of pods and jobs among the others.

/// Two days of two nodes, of one of which the pods are a job's, as a store of format 3; and what it has.
std::map<std::string, Tables> write_format_three(const std::string& directory, series::SeriesState& state) {
  std::map<std::string, Tables> tables;
  {
    const auto store = open_store(directory, kSeries);
    std::uint64_t seq = 0;
    for (const std::string& node : std::vector<std::string>{"j", "n"}) {
      std::vector<store::IncomingReport> reports;
      for (std::int64_t hour = 0; hour < 50; ++hour) {
        reports.push_back(exact_report(node, 7, ++seq, kMidnight + hour * kHourMs + 60'000));
        if (node == "n") continue;
        for (auto& summary : reports.back().report.pods)
          summary.pod.change([](model::Pod& pod) { pod.workload = "Job/etl"; });
      }
      append_all(*store, reports);
      fold_all(*store, {kMidnight + 49 * kHourMs});
      tables[node] = tables_of(reports);
    }
    state = *store->series_state();
  }
  make_format_three(directory);
  return tables;
}

void expect_as_it_was(const RocksStore& store, const std::map<std::string, Tables>& tables,
                      const series::SeriesState& state) {
  for (const auto& [node, wanted] : tables)
    EXPECT_TRUE(same(read_tables(store, node), wanted)) << node;
  const auto now = *store.series_state();
  for (std::size_t tier = 0; tier < series::kTiers.size(); ++tier) {
    SCOPED_TRACE(tier);
    EXPECT_EQ(now.tiers[tier].tables, state.tiers[tier].tables);
    EXPECT_EQ(now.tiers[tier].bytes, state.tiers[tier].bytes);
    EXPECT_EQ(now.passing[tier].tables, state.passing[tier].tables);
    EXPECT_EQ(now.passing[tier].bytes, state.passing[tier].bytes);
    EXPECT_GT(now.passing[tier].tables, 0u);
    EXPECT_LT(now.passing[tier].tables, now.tiers[tier].tables);
  }
  EXPECT_THAT(verify_all(store), IsEmpty());
}

TEST(Upgrade, TablesOfPodsAndJobsOfFormatThreeAreMovedApart) {
  const test::TempDir dir;
  series::SeriesState state;
  const auto tables = write_format_three(dir.str(), state);
  const auto reader = RocksStore::open_read_only(dir.str());
  ASSERT_FALSE(reader.ok());
  EXPECT_THAT(reader.error().message(), HasSubstr("has format 3"));
  expect_as_it_was(*open_store(dir.str(), kSeries), tables, state);
  const auto store = open_store(dir.str(), kSeries);
  expect_as_it_was(*store, tables, state);
  // And they go by themselves.
  const model::WallTime until{kMidnight + 48 * kHourMs};
  std::optional<NodeName> from = NodeName();
  while (from)
    from = store->drop_series({.tiers = {}, .passing = {until, until, until}}, *from, 5)->rest;
  for (const auto& [node, whole] : tables) {
    for (const auto& [id, table] : read_tables(*store, node)) {
      const bool is_old = id.block_s < until.ms / 1000;
      EXPECT_FALSE(is_old && series::stay_of(id.subject) == series::Stay::kPassing) << text_of(id);
    }
  }
  EXPECT_TRUE(RocksStore::open_read_only(dir.str()).ok());
}

TEST(Upgrade, OneThatWasKilledWhileItMovedTablesGoesOn) {
  const test::TempDir dir;
  series::SeriesState state;
  const auto tables = write_format_three(dir.str(), state);
  // As it lies when the number is written and some rows were moved: here those of one block, with its counts.
  const auto block = big_endian(static_cast<std::uint64_t>(kMidnight / 1000), 8);
  std::uint64_t moved = 0;
  std::uint64_t bytes = 0;
  with_families(dir.str(), [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    const std::string name = family->GetName();
    if (name == "meta") {
      ASSERT_TRUE(db.Put({}, family, "format", big_endian(4, 4)).ok());
      ASSERT_TRUE(db.Put({}, family, "upgrading-from", big_endian(3, 4)).ok());
    }
    if (name != "series" && name != "sketch") return;
    const std::string begin = big_endian(1, 1) + block + named("n") + big_endian(1, 1);
    std::map<std::string, std::string> rows;
    const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, family));
    for (it->Seek(begin); it->Valid() && it->key().starts_with(begin); it->Next())
      rows.emplace(it->key().ToString(), it->value().ToString());
    for (const auto& [key, value] : rows) {
      moved += name == "series" ? 1 : 0;
      bytes += value.size();
      ASSERT_TRUE(db.Put({}, family, big_endian(17, 1) + key.substr(1), value).ok());
      ASSERT_TRUE(db.Delete({}, family, key).ok());
    }
  });
  ASSERT_GT(moved, 0u);
  with_family(dir.str(), "block", [&](auto& db, auto* family) {
    std::string count;
    ASSERT_TRUE(db.Get({}, family, big_endian(1, 1) + block, &count).ok());
    const std::string left = big_endian(number_in(count, 0) - moved, 8) + big_endian(number_in(count, 8) - bytes, 8);
    ASSERT_TRUE(db.Put({}, family, big_endian(1, 1) + block, left).ok());
    ASSERT_TRUE(db.Put({}, family, big_endian(17, 1) + block, big_endian(moved, 8) + big_endian(bytes, 8)).ok());
  });
  EXPECT_FALSE(RocksStore::open_read_only(dir.str()).ok());
  expect_as_it_was(*open_store(dir.str(), kSeries), tables, state);
}

}  // namespace
}  // namespace tideline::rocks::upgrade_test
