// The bytes of tables' keys and values. A change here breaks every store there is.

#include "storage/rocks/series_rows.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/row_check.h"
#include "storage/series/pieces.h"
#include "storage/series/table_bytes.h"

namespace tideline::rocks::series_rows_test {
namespace {

using model::NodeName;
using model::PodUid;
using series::Stay;
using series::SubjectKind;
using series::Tier;
using testing::HasSubstr;

constexpr std::int64_t kBlock = 1'700'006'400;

TableKey pod_key() {
  return {.tier = Tier::kMinute,
          .block_s = kBlock,
          .node = NodeName("ab"),
          .subject = {.kind = SubjectKind::kPod, .name = "p1"}};
}

series::Table table() {
  series::Table table;
  table.subject = pod_key().subject;
  table.tier = Tier::kMinute;
  table.times = {kBlock, kBlock + 60};
  series::FieldColumn column{.field = series::Field::kPodCpu, .step = 1, .cells = {}};
  column.cells.resize(2);
  column.cells[0].add(5, 10);
  column.cells[1].add(7, 10);
  table.fields.push_back(std::move(column));
  return table;
}

model::Result<std::string> table_value(const series::Table& of, int level) {
  return columns::encode_chunk(series::chunk_of(of), level);
}

series::PodInfo info() {
  return {.uid = PodUid("p1"),
          .name_space = "shop",
          .name = "web",
          .workload = "d/w",
          .qos = model::QosClass::kBe,
          .first_s = 258,
          .last_s = 259};
}

TEST(SeriesGolden, Keys) {
  EXPECT_EQ(hex_of(table_key(pod_key())),
            "12"
            "0000000065540a00"
            "026162"
            "01"
            "7031")
      << "a pod's, 16 behind the tier's number";
  auto node = pod_key();
  node.subject = {};
  EXPECT_EQ(hex_of(table_key(node)), "020000000065540a0002616200");
  auto job = pod_key();
  job.subject = {.kind = SubjectKind::kWorkload, .name = "a/Job/b"};
  EXPECT_EQ(hex_of(table_key(job)), "120000000065540a0002616202612f4a6f622f62");
  job.subject.name = "a/Set/b";
  EXPECT_EQ(hex_of(table_key(job)), "020000000065540a0002616202612f5365742f62");
  EXPECT_EQ(hex_of(block_key({Tier::kQuarterHour, kBlock})), "030000000065540a00");
  EXPECT_EQ(hex_of(block_key({Tier::kQuarterHour, kBlock, Stay::kPassing})), "130000000065540a00");
  EXPECT_EQ(hex_of(info_key(NodeName("ab"), PodUid("p1"))), "0261627031");
}

TEST(SeriesGolden, Values) {
  EXPECT_EQ(hex_of(info_value(info())),
            "03"
            "0000000000000102"
            "0000000000000103"
            "000473686f70"
            "0003776562"
            "0003642f77");
  EXPECT_EQ(hex_of(fold_value({.folded_until_ms = 258, .newest_s = 3})), "00000000000001020000000000000003");
  EXPECT_EQ(hex_of(fold_value({.folded_until_ms = 0, .newest_s = std::nullopt})), "0000000000000000ffffffffffffffff");
  EXPECT_EQ(hex_of(block_value({.tables = 1, .bytes = 258})), "00000000000000010000000000000102");
}

TEST(SeriesRows, ReadBack) {
  const auto key = stored_table_key(table_key(pod_key()));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->tier, Tier::kMinute);
  EXPECT_EQ(key->block_s, kBlock);
  EXPECT_EQ(key->node, NodeName("ab"));
  EXPECT_EQ(key->subject, pod_key().subject);
  EXPECT_EQ(block_head(table_key(pod_key())), (BlockKey{Tier::kMinute, kBlock, Stay::kPassing}));
  auto node = pod_key();
  node.subject = {};
  EXPECT_EQ(block_head(table_key(node)), (BlockKey{Tier::kMinute, kBlock, Stay::kLasting}));
  EXPECT_EQ(*stored_info(info_key(NodeName("ab"), PodUid("p1")), info_value(info())), info());
  for (const FoldRow& row : {FoldRow{.folded_until_ms = 258, .newest_s = 3}, FoldRow{}})
    EXPECT_EQ(stored_fold(fold_value(row)), row);
  EXPECT_EQ(stored_block(block_value({.tables = 4, .bytes = 5})), (BlockCount{.tables = 4, .bytes = 5}));
  const auto value = table_value(table(), 3);
  ASSERT_TRUE(value.ok());
  const auto read = stored_table(pod_key(), *value, "");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(*read == table());
}

TEST(SeriesRows, KeysSortByTierBlockNodeAndSubject) {
  const auto key = [](Tier tier, std::int64_t block, const std::string& node, SubjectKind kind,
                      const std::string& name) {
    return table_key({.tier = tier, .block_s = block, .node = NodeName(node), .subject = {.kind = kind, .name = name}});
  };
  const std::vector<std::string> sorted{key(Tier::kTenSeconds, 255, "b", SubjectKind::kNode, ""),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kNode, ""),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kWorkload, "a"),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kWorkload, "\xff"),
                                        key(Tier::kTenSeconds, 256, "b", SubjectKind::kNode, ""),
                                        key(Tier::kTenSeconds, 256, "aa", SubjectKind::kNode, ""),
                                        key(Tier::kMinute, 0, "a", SubjectKind::kNode, ""),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kPod, "x"),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kPod, "xy"),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kPod, "\xff"),
                                        key(Tier::kTenSeconds, 256, "a", SubjectKind::kWorkload, "a/Job/b"),
                                        key(Tier::kMinute, 0, "a", SubjectKind::kPod, "x")};
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
  for (const Stay stay : series::kStays) {
    SCOPED_TRACE(static_cast<int>(stay));
    const std::size_t first = stay == Stay::kLasting ? 1 : 7;
    const std::size_t last = stay == Stay::kLasting ? 3 : 10;
    const std::string begin = node_block_begin({Tier::kTenSeconds, 256, stay}, NodeName("a"));
    const std::string end = node_block_end({Tier::kTenSeconds, 256, stay}, NodeName("a"));
    for (std::size_t i = 0; i < sorted.size(); ++i)
      EXPECT_EQ(begin <= sorted[i] && sorted[i] < end, i >= first && i <= last) << i;
  }
  EXPECT_LT(sorted[5], tier_end(Tier::kTenSeconds, Stay::kLasting));
  EXPECT_GE(sorted[6], tier_end(Tier::kTenSeconds, Stay::kLasting));
  EXPECT_LT(sorted[10], tier_end(Tier::kTenSeconds, Stay::kPassing));
  EXPECT_GE(sorted[11], tier_end(Tier::kTenSeconds, Stay::kPassing));
  EXPECT_LT(info_key(NodeName("a"), PodUid(std::string(253, '\xff'))), infos_end(NodeName("a")));
  EXPECT_LT(infos_end(NodeName("a")), node_prefix(NodeName("b")));
}

TEST(SeriesRows, DamagedTablesAreErrorsThatNameNodeTierBlockAndSubject) {
  const auto value = table_value(table(), 3);
  ASSERT_TRUE(value.ok());
  const auto names_all =
      testing::AllOf(HasSubstr("node ab"), HasSubstr("1m"), HasSubstr("2023-11-15T00:00:00Z"), HasSubstr("pod p1"));
  for (std::size_t size = 0; size < value->size(); ++size) {
    const auto read = stored_table(pod_key(), value->substr(0, size), "");
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(read.error().message(), names_all);
  }
  EXPECT_THAT(stored_table(pod_key(), *value, "garbage").error().message(), names_all);
  auto other = pod_key();
  other.subject.name = "p2";
  EXPECT_THAT(stored_table(other, *value, "").error().message(), HasSubstr("p1"));
  other = pod_key();
  other.block_s += 6 * 3'600;
  EXPECT_THAT(stored_table(other, *value, "").error().message(), HasSubstr("another block"));
}

TEST(SeriesRows, AKeyThatLiesAmongTheOthersIsNone) {
  std::string misplaced = table_key(pod_key());
  misplaced.front() = 2;
  EXPECT_FALSE(stored_table_key(misplaced));
  const auto key = misplaced_table_key(misplaced);
  ASSERT_TRUE(key);
  EXPECT_EQ(table_key(*key), table_key(pod_key()));
  EXPECT_FALSE(misplaced_table_key(table_key(pod_key()))) << "it lies where it should";
  auto node = pod_key();
  node.subject = {};
  EXPECT_FALSE(misplaced_table_key(table_key(node)));
  std::string passing = table_key(node);
  passing.front() = 18;
  EXPECT_FALSE(stored_table_key(passing));
  EXPECT_FALSE(misplaced_table_key(passing)) << "no format has it there";
}

TEST(SeriesRows, PiecesAreReadAsWhatTheyAddUpTo) {
  const series::Table whole = table();
  const std::string first = *table_value(series::slice(whole, kBlock, kBlock + 60), 3);
  const std::string second = *table_value(series::slice(whole, kBlock + 60, kBlock + 120), 3);
  const std::string value = series::joined_pieces({first, second});
  const auto read = stored_table(pod_key(), value, "");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(*read == whole);
  EXPECT_EQ(*intact_pieces(pod_key(), value, ""), 2u);
  // Sketches are of the piece that they stand beside, or of none.
  series::SketchColumn column{.field = series::Field::kPodCpu, .cells = std::vector<series::Sketch>(1)};
  column.cells[0].add(7, 10);
  const std::string sketches = *series::encode_sketches({column});
  const auto with = stored_table(pod_key(), value, series::joined_pieces({"", sketches}));
  ASSERT_TRUE(with.ok()) << with.error().message();
  ASSERT_EQ(with->sketches.size(), 1u);
  EXPECT_TRUE(with->sketches[0].cells[0].empty());
  EXPECT_EQ(with->sketches[0].cells[1].count(), 10u);
  EXPECT_THAT(stored_table(pod_key(), value, sketches).error().message(), HasSubstr("1 pieces of sketches beside 2"));
}

TEST(SeriesRows, APieceThatIsNotWhatWasWrittenIsFoundWithoutBeingUnpacked) {
  const std::string chunk = *table_value(table(), 3);
  const std::string value = series::joined_pieces({chunk, chunk});
  ASSERT_TRUE(intact_pieces(pod_key(), value, "").ok());
  for (std::size_t at = 0; at < value.size(); ++at) {
    std::string flipped = value;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const auto found = intact_pieces(pod_key(), flipped, "");
    ASSERT_FALSE(found.ok()) << at;
    EXPECT_THAT(found.error().message(), HasSubstr("pod p1"));
  }
}

TEST(SeriesRows, AnyCutOrFlippedRowIsReadOrRefusedButNeverTrusted) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string info_bytes = info_value(info());
  const std::string key = info_key(NodeName("ab"), PodUid("p1"));
  for (std::size_t size = 0; size < info_bytes.size(); ++size)
    EXPECT_FALSE(stored_info(key, info_bytes.substr(0, size)).ok()) << size;
  for (std::size_t size = 0; size < 16; ++size) {
    EXPECT_FALSE(stored_fold(fold_value({}).substr(0, size)));
    EXPECT_FALSE(stored_block(block_value({}).substr(0, size)));
  }
  EXPECT_FALSE(stored_info("\x02"
                           "ab",
                           info_bytes)
                   .ok())
      << "no uid";
  const std::string whole_key = table_key(pod_key());
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes = info_bytes;
    std::string flipped = whole_key.substr(0, random() % (whole_key.size() + 1));
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
      if (!flipped.empty()) flipped[random() % flipped.size()] ^= static_cast<char>(1 << random() % 8);
    }
    if (const auto read = stored_info(key, bytes)) {
      EXPECT_EQ(info_value(*read), bytes);
    }
    if (const auto read = stored_table_key(flipped)) {
      EXPECT_EQ(table_key(*read), flipped);
    }
  }
}

TEST(SeriesRows, TimesAreTold) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(kBlock + 3'661), "2023-11-15T01:01:01Z");
  EXPECT_EQ(utc_text(-5), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(INT64_MAX), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace tideline::rocks::series_rows_test
