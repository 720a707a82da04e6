#include "storage/rocks/layout.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/codec/report_bytes.h"

namespace tideline::rocks::layout_test {
namespace {

using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;

const FindPods kNoPods = [](const NodeName&, WallTime, std::uint64_t) { return nullptr; };

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

model::Report report() {
  model::Report report;
  report.node = NodeName("ab");
  report.incarnation = Incarnation(0x0102030405060708);
  report.seq = Seq(9);
  return report;
}

model::Event event() {
  return {.at = WallTime{258},
          .controller = model::Controller::kCpuSuppress,
          .reason = model::Reason::kPressed,
          .subject = "s",
          .old_value = "",
          .new_value = "xy"};
}

store::NodeIndex index() {
  store::NodeIndex index;
  index.longest_window = model::Duration(10);
  index.last_received = WallTime{11};
  index.incarnations.push_back({Incarnation(1), *store::RangeSet::from_ranges({{3, 4}, {7, 7}}), 2});
  return index;
}

// The bytes of format 4. A change here breaks every store there is.

TEST(Golden, Keys) {
  EXPECT_EQ(hex(report_key(report(), WallTime{1'700'000'000'000})),
            "026162"
            "0000018bcfe56800"
            "0102030405060708"
            "0000000000000009");
  EXPECT_EQ(hex(report_event_key(report(), 5, WallTime{258})),
            "026162"
            "0000000000000102"
            "00"
            "0102030405060708"
            "0000000000000009"
            "00000005");
  EXPECT_EQ(hex(coordinator_event_key(NodeName(""), 7, WallTime{258})),
            "00"
            "0000000000000102"
            "01"
            "0000000000000000"
            "0000000000000007"
            "00000000");
  EXPECT_EQ(setting_key("epoch"), "setting/epoch");
  EXPECT_EQ(hex(pods_key(NodeName("ab"), WallTime{258}, 7)),
            "026162"
            "0000000000000102"
            "0000000000000007");
  EXPECT_EQ(hex(encode_u32(kFormat)), "00000004");
  EXPECT_EQ(hex(time_key(NodeName("ab"), WallTime{258})), "0261620000000000000102") << "an account's";
}

TEST(Golden, Values) {
  store::IncomingReport incoming;
  incoming.received = WallTime{258};
  incoming.clock_offset = model::Duration(-1);
  EXPECT_EQ(hex(report_value(incoming, "R")), "0000000000000102ffffffffffffffff52");
  EXPECT_EQ(hex(event_value(event())),
            "0000000000000102"
            "01"
            "0008"
            "000173"
            "0000"
            "00027879");
  EXPECT_EQ(hex(index_value(index())),
            "000000000000000a"
            "000000000000000b"
            "0001"
            "00000000000000010000000000000002"
            "0002"
            "00000000000000030000000000000004"
            "00000000000000070000000000000007");
}

TEST(Layout, ValuesReadBack) {
  const std::string key = report_event_key(report(), 5, WallTime{258});
  const auto stored = stored_event(key, event_value(event()));
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->at, WallTime{258});
  EXPECT_EQ(stored->event, event());
  const auto read = stored_index(index_value(index()));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, index());
}

model::Reclaimed account() {
  model::Reclaimed account;
  account.node = NodeName("ab");
  account.cpu.capacity = model::MilliCpu(258);
  account.memory.used = model::Bytes(-1);
  account.policy = model::PolicyVersion(7);
  account.data_age = std::chrono::milliseconds(3);
  return account;
}

TEST(Layout, AnAccountIsWhatTheCodecMakesOfIt) {
  const auto bytes = codec::to_bytes(account());
  EXPECT_EQ(account_value(account()), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const auto stored = stored_account(time_key(NodeName("ab"), WallTime{258}), account_value(account()));
  ASSERT_TRUE(stored.ok()) << stored.error().message();
  EXPECT_EQ(*stored, (model::AccountAt{{258}, account()}));
}

TEST(Layout, DamagedAccountsAreErrorsThatNameTheNode) {
  const std::string key = time_key(NodeName("ab"), WallTime{258});
  const std::string whole = account_value(account());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto stored = stored_account(key, whole.substr(0, size));
    ASSERT_FALSE(stored.ok()) << size;
    EXPECT_EQ(stored.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(stored.error().message(), testing::HasSubstr("node ab"));
  }
  const auto another = stored_account(time_key(NodeName("cd"), WallTime{258}), whole);
  ASSERT_FALSE(another.ok());
  EXPECT_THAT(another.error().message(), testing::HasSubstr("node ab instead"));
  EXPECT_FALSE(stored_account("x", whole).ok());
  EXPECT_FALSE(stored_account(key + "x", whole).ok());
}

TEST(Layout, KeysSortByNodeThenTime) {
  const auto key = [](const std::string& node, std::int64_t at) {
    model::Report at_node = report();
    at_node.node = NodeName(node);
    return report_key(at_node, WallTime{at});
  };
  EXPECT_LT(key("a", 255), key("a", 256));
  EXPECT_LT(key("a", INT64_MAX), node_end(NodeName("a")));
  EXPECT_LT(node_end(NodeName("a")), node_prefix(NodeName("b")));
  EXPECT_GE(key("a", 5), time_key(NodeName("a"), WallTime{5}));
  EXPECT_LT(key("a", 5), time_key(NodeName("a"), WallTime{6}));
  EXPECT_EQ(time_key(NodeName("a"), WallTime{-5}), time_key(NodeName("a"), WallTime{0}));
}

TEST(Layout, PodsAreOfTheNodesOwnHours) {
  constexpr std::int64_t kHourMs = 3'600'000;
  const NodeName node("ab");
  const std::int64_t phase = pods_until(node, WallTime{0}).ms;
  EXPECT_GT(phase, 0);
  EXPECT_LE(phase, kHourMs);
  EXPECT_NE(phase, pods_until(NodeName("ac"), WallTime{0}).ms);
  EXPECT_EQ(pods_until(node, WallTime{-5}), WallTime{phase});
  EXPECT_EQ(pods_until(node, WallTime{phase - 1}), WallTime{phase});
  EXPECT_EQ(pods_until(node, WallTime{phase}), WallTime{phase + kHourMs});
  EXPECT_GT(pods_until(node, WallTime{INT64_MAX}).ms, INT64_MAX - 2 * kHourMs);
}

TEST(Layout, DamagedBytesAreErrorsThatNameTheNode) {
  const std::string key = report_key(report(), WallTime{5});
  for (const std::string& value : {std::string(), std::string(15, 'x'), std::string(16, 'x'), std::string(400, 'x')}) {
    const auto stored = stored_report(key, value, kNoPods);
    ASSERT_FALSE(stored.ok());
    EXPECT_EQ(stored.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(stored.error().message(), testing::HasSubstr("node ab"));
  }
  EXPECT_FALSE(stored_report("x", "", kNoPods).ok());
  EXPECT_FALSE(stored_report(key + "x", "", kNoPods).ok());
}

TEST(Layout, AnyCutOrFlippedValueIsReadOrRefusedButNeverTrusted) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string whole_index = index_value(index());
  const std::string whole_event = event_value(event());
  const std::string key = report_event_key(report(), 5, WallTime{258});
  for (std::size_t size = 0; size < whole_index.size(); ++size)
    EXPECT_FALSE(stored_index(whole_index.substr(0, size)).ok()) << size;
  for (std::size_t size = 0; size < whole_event.size(); ++size)
    EXPECT_FALSE(stored_event(key, whole_event.substr(0, size)).ok()) << size;
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes = whole_index;
    for (int flips = 0; flips < 3; ++flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    const auto read = stored_index(bytes);
    if (!read) continue;
    EXPECT_LE(read->incarnations.size(), store::kMaxIncarnations);
    EXPECT_EQ(index_value(*read), bytes);
  }
}

TEST(Layout, KeysOfEventsSayWhoseTheyAre) {
  const auto of_report = stored_event_key(report_event_key(report(), 5, WallTime{258}));
  ASSERT_TRUE(of_report);
  EXPECT_EQ(of_report->node, report().node);
  EXPECT_EQ(of_report->at, (WallTime{258}));
  EXPECT_TRUE(of_report->of_report);
  EXPECT_EQ(of_report->incarnation, report().incarnation);
  EXPECT_EQ(of_report->number, report().seq.value());
  const std::string key = coordinator_event_key(NodeName(""), 7, WallTime{258});
  const auto of_coordinator = stored_event_key(key);
  ASSERT_TRUE(of_coordinator);
  EXPECT_FALSE(of_coordinator->of_report);
  EXPECT_EQ(of_coordinator->number, 7u);
  for (std::size_t size = 0; size < key.size(); ++size)
    EXPECT_FALSE(stored_event_key(key.substr(0, size))) << size;
  EXPECT_FALSE(stored_event_key(key + "x"));
}

}  // namespace
}  // namespace tideline::rocks::layout_test
