#include "coordinator/ledger/recording.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/ledger/account_text.h"
#include "test/messages/codec/golden_hex.h"

namespace tideline::ledger {
namespace {

using model::Bytes;
using model::ErrorCode;
using model::MilliCpu;
using model::NodeName;
using testing::HasSubstr;

const std::string kGoldenRecording =
#include "test/coordinator/ledger/golden_recording.inc"
    ;

std::string golden() {
  std::string bytes;
  for (const std::byte byte : codec::unhex(kGoldenRecording))
    bytes.push_back(static_cast<char>(byte));
  return bytes;
}

/// All records of a file that is whole.
std::vector<Record> records_in(std::string_view file) {
  std::vector<Record> records;
  auto reader = RecordReader::open(file);
  EXPECT_TRUE(reader) << reader.error().message();
  while (reader) {
    auto record = reader->next();
    EXPECT_TRUE(record) << record.error().message();
    if (!record || !*record) break;
    records.push_back(**std::move(record));
  }
  EXPECT_FALSE(reader && reader->torn());
  return records;
}

template <class Unit>
model::ReclaimTerms<Unit> terms_of(std::int64_t unit) {
  std::int64_t number = 0;
  const auto next = [&] { return Unit(unit * ++number); };
  model::ReclaimTerms<Unit> terms;
  for (auto* amount :
       {&terms.capacity,    &terms.margin,      &terms.system,      &terms.high_priority, &terms.offered,
        &terms.deficit,     &terms.committed,   &terms.mid_charged, &terms.mid_committed, &terms.mid,
        &terms.mid_offered, &terms.requested,   &terms.prod_used,   &terms.mid_used,      &terms.batch_used,
        &terms.reservation, &terms.third_party, &terms.origin,      &terms.host_charged,  &terms.host_used,
        &terms.published})
    *amount = next();
  terms.rule = model::ReclaimRule::kUsage;
  terms.mid_rule = model::ReclaimRule::kSafeCapacity;
  return terms;
}

model::Reclaimed golden_account() {
  model::Reclaimed account;
  account.node = NodeName("n1");
  account.policy = model::PolicyVersion(7);
  account.data_age = std::chrono::milliseconds(1'500);
  account.cpu = terms_of<MilliCpu>(10);
  account.memory = terms_of<Bytes>(1'048'576);
  model::ZoneAccount zone;
  zone.id = 1;
  zone.cpu = {MilliCpu(16'000), MilliCpu(1), std::nullopt, MilliCpu(5), MilliCpu(7)};
  zone.memory = {Bytes(64), Bytes(2), Bytes(3), std::nullopt, Bytes(4)};
  account.zones = {zone};
  return account;
}

std::vector<Record> golden_records() {
  constexpr model::MonoTime kMono{5'000'000'000'123};
  constexpr model::WallTime kWall{1'790'000'000'456};
  std::vector<Record> records{
      {RecordKind::kBegin, kMono, kWall,
       body_of(BeginTold{model::Epoch(1'790'000'000), 1, 1, 0, std::chrono::seconds(300)})},
      {RecordKind::kPolicy, kMono, kWall,
       body_of(PolicyTold{model::PolicyVersion(7), {{"colocation-config", "{\"enable\": true}"}}})},
      {RecordKind::kOpened, kMono, kWall, body_of(NodeTold{NodeName("n1"), model::Incarnation(UINT64_MAX)})},
      {RecordKind::kReport, kMono, kWall, std::string("a report\0in its writer's bytes", 30)},
      {RecordKind::kAccount, kMono, kWall, body_of(golden_account(), {MilliCpu(800), std::nullopt})},
      {RecordKind::kClosed, kMono, kWall, body_of(NodeTold{NodeName("n1"), {}})},
      {RecordKind::kForgotten, kMono, kWall, body_of(NodeTold{NodeName("n1"), {}})}};
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].mono.ns += static_cast<std::int64_t>(i);
    records[i].wall.ms += static_cast<std::int64_t>(i);
  }
  return records;
}

TEST(GoldenRecording, IsWrittenAsEver) {
  std::string bytes = recording_head();
  for (const Record& record : golden_records())
    bytes += bytes_of(record);
  std::vector<std::byte> plain;
  for (const char c : bytes)
    plain.push_back(static_cast<std::byte>(c));
  EXPECT_EQ(codec::hex(plain), codec::hex(codec::unhex(kGoldenRecording))) << "kept recordings have these";
}

TEST(GoldenRecording, IsReadAsEver) {
  const std::string bytes = golden();
  const auto records = records_in(bytes);
  EXPECT_EQ(records, golden_records());
  ASSERT_EQ(records.size(), 7U);
  const auto begin = begin_from(records[0].body);
  ASSERT_TRUE(begin) << begin.error().message();
  EXPECT_EQ(*begin, (BeginTold{model::Epoch(1'790'000'000), 1, 1, 0, std::chrono::seconds(300)}));
  const auto policy = policy_from(records[1].body);
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_EQ(*policy, (PolicyTold{model::PolicyVersion(7), {{"colocation-config", "{\"enable\": true}"}}}));
  const auto opened = node_from(records[2].body);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(*opened, (NodeTold{NodeName("n1"), model::Incarnation(UINT64_MAX)}));
  const auto account = account_from(records[4].body);
  ASSERT_TRUE(account) << account.error().message();
  EXPECT_EQ(account->node, NodeName("n1"));
  EXPECT_EQ(account->predicted, (profile::Reclaimable{MilliCpu(800), std::nullopt}));
  EXPECT_EQ(text_of(account->account), text_of(account_json(golden_account())));
}

TEST(Recording, OfAnyRecordsGivesThemBack) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<Record> records(random() % 20);
    std::string file = recording_head();
    for (Record& record : records) {
      record.kind = static_cast<RecordKind>(random());
      record.mono.ns = static_cast<std::int64_t>(random());
      record.wall.ms = static_cast<std::int64_t>(random());
      record.body.resize(random() % 4 == 0 ? random() % 100'000 : random() % 50);
      for (char& c : record.body)
        c = static_cast<char>(random());
      file += bytes_of(record);
    }
    ASSERT_EQ(records_in(file), records);
  }
}

TEST(Recording, CutAnywhereIsTornThere) {
  const std::string sound = golden();
  for (std::size_t cut = kRecordingHeadBytes; cut < sound.size(); ++cut) {
    const auto file = std::string_view(sound).substr(0, cut);
    auto reader = RecordReader::open(file);
    ASSERT_TRUE(reader) << cut;
    std::string read = recording_head();
    for (;;) {
      const auto record = reader->next();
      ASSERT_TRUE(record) << cut << ": " << record.error().message();
      if (!*record) break;
      read += bytes_of(**record);
    }
    EXPECT_EQ(reader->torn(), read.size() < cut) << cut;
    EXPECT_EQ(read, file.substr(0, read.size()));
    const auto again = reader->next();
    EXPECT_TRUE(again && !*again) << "and there is no more of it";
  }
}

TEST(Recording, AFlippedBitIsNeverTakenForARecord) {
  const std::string sound = golden();
  const auto records = golden_records();
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    std::string file = sound;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    auto reader = RecordReader::open(file);
    if (bit / 8 < kRecordingHeadBytes) {
      ASSERT_FALSE(reader) << "bit " << bit;
      continue;
    }
    ASSERT_TRUE(reader) << "bit " << bit;
    std::size_t count = 0;
    for (;; ++count) {
      const auto record = reader->next();
      if (!record) {
        EXPECT_EQ(record.error().code(), ErrorCode::kMalformed);
        EXPECT_THAT(record.error().message(), HasSubstr("record at offset "));
        break;
      }
      if (!*record) {
        ASSERT_TRUE(reader->torn()) << "bit " << bit;
        break;
      }
      ASSERT_LT(count, records.size());
      ASSERT_EQ(**record, records[count]) << "bit " << bit;
    }
    ASSERT_LT(count, records.size()) << "bit " << bit;
  }
}

TEST(Recording, OfANewerVersionIsRefusedByName) {
  const auto open = [](std::uint32_t version) {
    // What a head is, by the format.
    std::string head = "TDLEDGER";
    const auto put = [&head](std::uint32_t number) {
      for (int shift = 0; shift < 32; shift += 8)
        head.push_back(static_cast<char>((number >> shift) & 0xFFU));
    };
    put(version);
    std::uint32_t crc = ~0U;
    for (const char c : head) {
      crc ^= static_cast<std::uint8_t>(c);
      for (int bit = 0; bit < 8; ++bit)
        crc = (crc & 1U) != 0 ? 0xEDB88320U ^ (crc >> 1U) : crc >> 1U;
    }
    put(~crc);
    const auto reader = RecordReader::open(head);
    return reader ? std::string() : reader.error().message();
  };
  EXPECT_EQ(open(1), "");
  EXPECT_THAT(open(2), HasSubstr("version 2, this build reads up to 1"));
  EXPECT_THAT(open(0), HasSubstr("version 0"));
  EXPECT_FALSE(RecordReader::open("TDL"));
  EXPECT_FALSE(RecordReader::open(std::string(100, 'x')));
}

TEST(RecordBodies, ThatAreOthersAreRefusedByTheirPlace) {
  const auto why = [](const auto& told) { return told ? std::string("taken") : told.error().message(); };
  EXPECT_THAT(why(begin_from("")), HasSubstr("begin: "));
  EXPECT_THAT(why(begin_from(R"({"epoch":1,"stretch":0,"piece":1,"lost":0,"aggregateNs":5})")), HasSubstr("stretch"));
  EXPECT_THAT(why(begin_from(R"({"epoch":1,"stretch":1,"piece":0,"lost":0,"aggregateNs":5})")), HasSubstr("piece"));
  EXPECT_THAT(why(begin_from(R"({"epoch":1,"stretch":1,"piece":1,"lost":-1,"aggregateNs":5})")), HasSubstr("lost"));
  EXPECT_THAT(why(begin_from(R"({"epoch":1,"stretch":1,"piece":1,"lost":0,"aggregateNs":0})")),
              HasSubstr("aggregateNs"));
  EXPECT_THAT(why(begin_from(R"({"epoch":1,"stretch":1,"piece":1,"lost":0,"aggregateNs":86400000000001})")),
              HasSubstr("aggregateNs"));
  EXPECT_EQ(why(begin_from(R"({"epoch":1,"stretch":1,"piece":1,"lost":0,"aggregateNs":5,"newer":[]})")), "taken");
  EXPECT_THAT(why(policy_from(R"({"version":1,"documents":{}})")), HasSubstr("documents"));
  EXPECT_THAT(why(policy_from(R"({"version":1,"documents":[{"name":"a"}]})")), HasSubstr("documents: one has no name"));
  EXPECT_THAT(why(policy_from(R"({"version":1,"documents":[5]})")), HasSubstr("documents: one has no name"));
  EXPECT_THAT(why(node_from(R"({"node":"","incarnation":1})")), HasSubstr("node: node: no name"));
  EXPECT_THAT(why(node_from("{\"node\":\"" + std::string(254, 'n') + "\",\"incarnation\":1}")), HasSubstr("no name"));
  EXPECT_THAT(why(account_from(R"({"node":"n","predictedCpu":1.5,"predictedMemory":null,"account":{}})")),
              HasSubstr("predictedCpu: no whole number"));
  EXPECT_THAT(why(account_from(R"({"node":"n","predictedCpu":1,"predictedMemory":18446744073709551615,"account":{}})")),
              HasSubstr("predictedMemory: no whole number"));
  EXPECT_THAT(why(account_from(R"({"node":"n","predictedCpu":1,"predictedMemory":2,"account":[]})")),
              HasSubstr("account: account"));
}

}  // namespace
}  // namespace tideline::ledger
