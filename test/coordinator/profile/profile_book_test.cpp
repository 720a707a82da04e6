#include "coordinator/profile/profile_book.h"

#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/crc32.h"

namespace tideline::profile::profile_book_test {
namespace {

using model::MilliCpu;
using model::MonoTime;
using model::NodeName;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

constexpr MonoTime kBegin{1'000'000'000'000'000};
constexpr model::WallTime kWall{1'790'000'000'000};

model::Report report(const std::string& node, std::size_t pods, std::size_t uid_bytes = 36) {
  model::Report made;
  made.node = NodeName(node);
  made.status.cpu_allocatable = MilliCpu(100'000);
  made.status.memory_allocatable = model::Bytes(std::int64_t{1} << 40);
  for (std::size_t i = 0; i < pods; ++i) {
    model::Pod pod;
    pod.uid = model::PodUid(fmt::format("{:0>{}}", i, uid_bytes));
    pod.requests.cpu = MilliCpu(2'000);
    pod.requests.memory = model::Bytes(1 << 30);
    auto& summary = made.pods.emplace_back();
    summary.pod = std::move(pod);
    summary.cpu_milli = model::Spread{500, 500, 500};
    summary.memory_bytes = model::Spread{1 << 28, 1 << 28, 1 << 28};
  }
  return made;
}

class ProfileBookTest : public testing::Test {
 protected:
  ProfileBookTest() { book_.set_policy(policy(Predictor::kHistogram)); }

  static PredictionPolicy policy(std::optional<Predictor> used) {
    PredictionPolicy made;
    made.used = used;
    made.cold_start_minutes = 3;
    return made;
  }
  void warm_up(const model::Report& of) {
    for (int i = 0; i < 4; ++i)
      book_.take(of, now_ + minutes(i));
  }
  /// Of the slice that the node is in.
  std::string written(const std::string& node) {
    return book_.write(ProfileBook::slice_of(NodeName(node)), now_, kWall).bytes;
  }

  MonoTime now_ = kBegin;
  ProfileBook book_;
};

TEST_F(ProfileBookTest, AnswersByThePolicysPredictor) {
  warm_up(report("n", 1));
  EXPECT_EQ(book_.reclaimable(NodeName("n")).cpu, MilliCpu(1'406));
  book_.set_policy(policy(Predictor::kRecentMax));
  EXPECT_EQ(book_.reclaimable(NodeName("n")).cpu, MilliCpu(1'450));
  book_.set_policy(policy(std::nullopt));
  EXPECT_EQ(book_.reclaimable(NodeName("n")), Reclaimable{});
  EXPECT_EQ(book_.reclaimable(NodeName("nobody")), Reclaimable{});
}

TEST_F(ProfileBookTest, SumsUpTheNodesThatAreAskedFor) {
  warm_up(report("a", 1));
  warm_up(report("b", 3));
  book_.take(report("cold", 2), now_);
  const auto all = book_.summary([](const NodeName&) { return true; });
  EXPECT_EQ(all.warm_pods, 4u);
  EXPECT_EQ(all.cold_pods, 2u);
  EXPECT_NEAR(all.saved.at(Predictor::kRecentMax).at(Resource::kCpu), 4 * 1'450, 1);
  const auto one = book_.summary([](const NodeName& name) { return name == NodeName("a"); });
  EXPECT_EQ(one.warm_pods, 1u);
  EXPECT_NEAR(one.saved.at(Predictor::kRecentMax).at(Resource::kCpu), 1'450, 1);
  book_.forget(NodeName("b"));
  EXPECT_EQ(book_.summary([](const NodeName&) { return true; }).warm_pods, 1u);
}

TEST_F(ProfileBookTest, ScoresOutliveTheirNodes) {
  warm_up(report("n", 1));
  book_.take(report("n", 1), now_ + minutes(4));
  book_.forget(NodeName("n"));
  const auto none = book_.summary([](const NodeName&) { return false; });
  EXPECT_EQ(none.scores.at(Predictor::kHistogram).at(Resource::kCpu).checks, 1u);
}

TEST_F(ProfileBookTest, EachNodeIsInOneSliceWhichIsTheSameInEveryProcess) {
  std::set<std::size_t> slices;
  for (int i = 0; i < 5'000; ++i)
    slices.insert(ProfileBook::slice_of(NodeName(fmt::format("node-{}", i))));
  EXPECT_EQ(slices.size(), ProfileBook::kSlices);
  EXPECT_EQ(ProfileBook::slice_of(NodeName("123456789")), 0xCBF43926U % ProfileBook::kSlices);
}

TEST_F(ProfileBookTest, GoesOnWithWhatWasReadAtTheFirstReport) {
  warm_up(report("n", 2));
  now_ = now_ + minutes(4);
  const auto bytes = written("n");
  ProfileBook later;
  later.set_policy(policy(Predictor::kHistogram));
  const MonoTime booted{5'000'000'000};
  ASSERT_TRUE(later.read(bytes, booted, {kWall.ms + 600'000}).ok());
  EXPECT_EQ(later.size(), 1u);
  EXPECT_EQ(later.reclaimable(NodeName("n")), Reclaimable{});
  later.take(report("n", 2), booted);
  EXPECT_EQ(later.reclaimable(NodeName("n")), book_.reclaimable(NodeName("n")));
  EXPECT_NE(later.reclaimable(NodeName("n")).cpu, std::nullopt);
}

TEST_F(ProfileBookTest, KeepsANodeThatDidNotComeBackYet) {
  warm_up(report("n", 1));
  const auto bytes = written("n");
  ProfileBook later;
  ASSERT_TRUE(later.read(bytes, kBegin, kWall).ok());
  const auto slice = ProfileBook::slice_of(NodeName("n"));
  EXPECT_FALSE(later.write(slice, kBegin + hours(23), kWall).bytes.empty());
  EXPECT_TRUE(later.write(slice, kBegin + hours(25), kWall).bytes.empty()) << "silent for a day";
  EXPECT_EQ(later.size(), 0u);
}

TEST_F(ProfileBookTest, ForgetsWhatIsOlderThanADayByTheWallClock) {
  warm_up(report("n", 1));
  const auto bytes = written("n");
  ProfileBook later;
  ASSERT_TRUE(later.read(bytes, kBegin, {kWall.ms + 86'400'000 + 1'000}).ok());
  EXPECT_EQ(later.size(), 0u);
  ASSERT_TRUE(later.read(bytes, kBegin, {kWall.ms - 86'400'000}).ok());
  EXPECT_EQ(later.size(), 1u) << "a clock that was put back makes nothing older";
}

TEST_F(ProfileBookTest, WhatIsKnownAlreadyStays) {
  warm_up(report("n", 1));
  const auto bytes = written("n");
  book_.take(report("n", 5), now_ + minutes(5));
  ASSERT_TRUE(book_.read(bytes, now_, kWall).ok());
  EXPECT_EQ(book_.node(NodeName("n"))->pods(), 5u);
}

// Else one node that lies would cost all nodes of its slice what was learnt of them.
TEST_F(ProfileBookTest, TheMostThatAReportMayTellIsReadBack) {
  constexpr std::int64_t kMostCpu = model::ReportLimits::kMaxMilliCpu;
  constexpr std::int64_t kMostMemory = model::ReportLimits::kMaxMemoryBytes;
  auto most = report("n", model::ReportLimits::kMaxPods);
  for (auto& pod : most.pods) {
    pod.cpu_milli = model::Spread{kMostCpu, kMostCpu, kMostCpu};
    pod.memory_bytes = model::Spread{kMostMemory, kMostMemory, kMostMemory};
  }
  warm_up(most);
  ProfileBook later;
  const auto read = later.read(written("n"), now_, kWall);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(later.size(), 1u);
}

TEST_F(ProfileBookTest, AnEmptySliceIsNoBytes) {
  EXPECT_EQ(book_.write(7, now_, kWall).bytes, "");
  EXPECT_TRUE(book_.read("", now_, kWall).ok());
}

TEST_F(ProfileBookTest, BytesThatAreNotWhatWasWrittenAreRefusedAndNothingIsTaken) {
  warm_up(report("n", 3));
  const auto bytes = written("n");
  ProfileBook later;
  for (std::size_t size = 1; size < bytes.size(); ++size)
    EXPECT_FALSE(later.read(bytes.substr(0, size), now_, kWall).ok()) << size;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    const auto read = later.read(flipped, now_, kWall);
    ASSERT_FALSE(read.ok()) << i;
    EXPECT_EQ(read.error().code(), model::ErrorCode::kMalformed);
  }
  EXPECT_EQ(later.size(), 0u);
}

// Somebody who makes the checksum fit.
TEST_F(ProfileBookTest, BytesWithARightChecksumAreBoundedAllTheSame) {
  const auto signed_bytes = [](std::string payload) {
    const auto crc = model::crc32(payload);
    for (const int shift : {24, 16, 8, 0})
      payload.push_back(static_cast<char>((crc >> shift) & 0xff));
    return payload;
  };
  const auto why = [&](const std::string& payload) {
    ProfileBook later;
    const auto read = later.read(signed_bytes(payload), now_, kWall);
    return read ? "" : read.error().message();
  };
  EXPECT_THAT(why(ByteWriter().number(2).number(0).take()), HasSubstr("version 2, want 1"));
  EXPECT_EQ(why(ByteWriter().number(1).number(0).take()), "");
  EXPECT_THAT(why(ByteWriter().number(1).number(UINT64_MAX).take()), HasSubstr("out of bounds"));
  warm_up(report("n", 3));
  const auto bytes = written("n");
  const auto payload = bytes.substr(0, bytes.size() - 4);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      auto flipped = payload;
      flipped[i] = static_cast<char>(flipped[i] ^ flip);
      ProfileBook later;
      later.set_policy(policy(Predictor::kHistogram));
      // Read or refused: neither ends the process, and what is read works.
      if (!later.read(signed_bytes(flipped), now_, kWall)) continue;
      later.take(report("n", 3), now_ + minutes(1));
      (void)later.write(ProfileBook::slice_of(NodeName("n")), now_ + minutes(1), kWall);
    }
  }
}

TEST_F(ProfileBookTest, ASliceEndsAtItsBoundAndSaysHowManyItLeftOut) {
  const auto slice = ProfileBook::slice_of(NodeName("n"));
  std::size_t nodes = 0;
  for (int i = 0; nodes < 20; ++i) {
    const auto name = fmt::format("n{}", i);
    if (ProfileBook::slice_of(NodeName(name)) != slice) continue;
    book_.take(report(name, NodeProfile::kMaxPods, 253), now_);
    ++nodes;
  }
  const auto written = book_.write(slice, now_, kWall);
  EXPECT_LE(written.bytes.size(), ProfileBook::kMaxSliceBytes);
  EXPECT_GT(written.left_out, 0u);
  ProfileBook later;
  ASSERT_TRUE(later.read(written.bytes, now_, kWall).ok());
  EXPECT_EQ(later.size(), nodes - written.left_out);
}

}  // namespace
}  // namespace tideline::profile::profile_book_test
