// A store as a build of format 2 wrote it, byte for byte, and what this one makes of it.

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
#include "test/storage/rocks/left_out_pods.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks {
namespace {

using model::ErrorCode;
using model::Incarnation;
using model::NodeName;
using model::Seq;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RocksOptions kSeries{.series = true};

std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i)
    text += static_cast<char>((value >> (8 * i)) & 0xFFU);
  return text;
}

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
    EXPECT_EQ(fold_all(*store, {kMidnight + 2 * kHourMs + 600'000}).hours, 2u);
    EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
    EXPECT_THAT(verify_all(*store), IsEmpty());
  }
  with_family(dir.str(), "meta", [](auto& db, auto* meta) {
    std::string format;
    ASSERT_TRUE(db.Get({}, meta, "format", &format).ok());
    EXPECT_EQ(format, big_endian(3, 4));
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
  write_old(dir.str(), 4);
  const auto refused = RocksStore::open(dir.str(), kSeries);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message(), HasSubstr("has format 4, this build knows formats 1 to 3"));
  with_family(dir.str(), "meta", [](auto& db, auto* meta) {
    std::string format;
    ASSERT_TRUE(db.Get({}, meta, "format", &format).ok());
    EXPECT_EQ(format, big_endian(4, 4));
  });
}

}  // namespace
}  // namespace tideline::rocks
