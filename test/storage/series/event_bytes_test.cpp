#include "storage/series/event_bytes.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/report.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"
#include "test/messages/codec/golden_hex.h"

namespace tideline::series::event_bytes_test {
namespace {

using model::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGoldenEvents =
#include "test/storage/series/golden_events.inc"
    ;

std::string golden_bytes() {
  std::string bytes;
  for (const std::byte byte : codec::unhex(kGoldenEvents))
    bytes.push_back(static_cast<char>(byte));
  return bytes;
}

model::Event event_at(std::int64_t ms, model::Reason reason, std::string subject) {
  return {.at = {ms},
          .controller = model::Controller::kCpuEvict,
          .reason = reason,
          .subject = std::move(subject),
          .old_value = "",
          .new_value = ""};
}

std::vector<model::Event> golden_events() {
  constexpr std::int64_t kBegin = 1'700'000'000'123;
  return {{.at = {kBegin},
           .controller = model::Controller::kCpuEvict,
           .reason = model::Reason::kBeStarved,
           .subject = "batch/sort-1",
           .old_value = "",
           .new_value = "f\xC3\xBCr dienste"},
          {.at = {kBegin},
           .controller = static_cast<model::Controller>(200),
           .reason = static_cast<model::Reason>(60'000),
           .subject = "cpu.max",
           .old_value = "max 100000",
           .new_value = "50000 100000"},
          {.at = {kBegin + 2'000},
           .controller = model::Controller::kCoordinator,
           .reason = model::Reason::kGap,
           .subject = "n1",
           .old_value = "",
           .new_value = "5 reports dropped before 17 of incarnation 7"}};
}

TEST(GoldenEvents, AreReadAsEver) {
  const auto events = decode_events(golden_bytes(), 3);
  ASSERT_TRUE(events) << events.error().message();
  EXPECT_EQ(*events, golden_events());
}

// A frame's bytes are zstd's; all around them is ours.
TEST(GoldenEvents, AreWrittenAsEver) {
  const std::string content = event_content(golden_events());
  const std::string bytes = golden_bytes();
  ASSERT_LT(content.size(), bytes.size());
  EXPECT_EQ(bytes.substr(bytes.size() - content.size()), content) << "kept archives have these, in a raw block";
  EXPECT_EQ(wrapped_events("frame"), std::string("TDE\x01") + "frame");
}

TEST(EventBytes, OfAnyEventsGiveThemBack) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<model::Event> events(1 + random() % 200);
    std::int64_t at = 0;
    const auto text = [&random] {
      std::string bytes(random() % 4 == 0 ? random() % (model::ReportLimits::kMaxTextBytes + 1) : random() % 20, '\0');
      for (char& c : bytes)
        c = static_cast<char>(random());
      return bytes;
    };
    for (model::Event& event : events) {
      if (random() % 2 == 0) at += static_cast<std::int64_t>(random() % (std::uint64_t{1} << 40));
      event.at.ms = at;
      event.controller = static_cast<model::Controller>(random());
      event.reason = static_cast<model::Reason>(random());
      event.subject = text();
      event.old_value = text();
      event.new_value = text();
    }
    const auto bytes = encode_events(events);
    ASSERT_TRUE(bytes) << bytes.error().message();
    const auto read = decode_events(*bytes, events.size());
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_EQ(*read, events);
    EXPECT_FALSE(decode_events(*bytes, events.size() + 1)) << "as many as the index says, or none";
    for (const std::size_t cut : {bytes->size() - 1, bytes->size() / 2, std::size_t{3}})
      EXPECT_FALSE(decode_events(std::string_view(*bytes).substr(0, cut), events.size()));
  }
}

TEST(EventBytes, WhatIsBeyondABoundIsNotWritten) {
  const auto refused = [](const std::vector<model::Event>& events, const std::string& why) {
    const auto bytes = encode_events(events);
    ASSERT_FALSE(bytes) << why;
    EXPECT_EQ(bytes.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(bytes.error().message(), AllOf(StartsWith("events: "), HasSubstr(why)));
  };
  const auto reason = model::Reason::kDrift;
  refused({}, "0 of them");
  refused(std::vector<model::Event>(kMaxArchivedEvents + 1, event_at(5, reason, "")), "4097 of them");
  refused({event_at(5, reason, ""), event_at(4, reason, "")}, "one at 4 ms after one at 5 ms");
  refused({event_at(-1, reason, "")}, "one at -1 ms");
  refused({event_at((std::int64_t{1} << 53) + 1, reason, "")}, "after one at 0 ms");
  refused({event_at(5, reason, std::string(1'025, 's'))}, "1025 bytes of text");
  EXPECT_TRUE(encode_events(std::vector<model::Event>(kMaxArchivedEvents, event_at(5, reason, ""))));
}

/// Behind a sound frame.
std::string bytes_of_content(std::string_view content) {
  return wrapped_events(columns::compress(content, 1).value_or(""));
}

TEST(EventBytes, ThatAreOthersAreRefused) {
  const auto refused = [](const std::string& bytes, std::uint64_t rows, ErrorCode code, const std::string& why) {
    const auto events = decode_events(bytes, rows);
    ASSERT_FALSE(events) << why;
    EXPECT_EQ(events.error().code(), code) << events.error().message();
    EXPECT_THAT(events.error().message(), AllOf(StartsWith("events: "), HasSubstr(why)));
  };
  const std::string sound = golden_bytes();
  refused("", 1, ErrorCode::kMalformed, "0 bytes that do not begin");
  refused("TDC\x01 and more", 1, ErrorCode::kMalformed, "do not begin");
  std::string newer = sound;
  newer[3] = 2;
  refused(newer, 3, ErrorCode::kUnsupported, "version 2, this build reads up to 1");
  newer[3] = 0;
  refused(newer, 3, ErrorCode::kMalformed, "version 0");
  refused(sound, 0, ErrorCode::kMalformed, "0 of them");
  refused(sound, kMaxArchivedEvents + 1, ErrorCode::kMalformed, "not 1 to 4096");
  refused(sound, 2, ErrorCode::kMalformed, "3 of them, and the index says 2");
  refused(wrapped_events("no frame"), 1, ErrorCode::kMalformed, "zstd frame");
  const std::string content = event_content(golden_events());
  refused(bytes_of_content(content + "x"), 3, ErrorCode::kMalformed, "1 bytes follow the last one");
  refused(bytes_of_content(std::string_view(content).substr(0, content.size() - 1)), 3, ErrorCode::kMalformed,
          "number 3 of 3: it is cut");
  std::string many;
  columns::put_varint(many, 4'000);
  refused(bytes_of_content(many + "some"), 4'000, ErrorCode::kMalformed, "cannot hold");
  std::string late;
  columns::put_varint(late, 1);
  columns::put_varint(late, (std::uint64_t{1} << 53) + 1);
  refused(bytes_of_content(late + std::string(5, '\0')), 1, ErrorCode::kMalformed, "beyond its bound");
  std::string wide;
  columns::put_varint(wide, 1);
  columns::put_varint(wide, 5);
  columns::put_varint(wide, 256);
  refused(bytes_of_content(wide + std::string(4, '\0')), 1, ErrorCode::kMalformed, "beyond its bound");
}

}  // namespace
}  // namespace tideline::series::event_bytes_test
