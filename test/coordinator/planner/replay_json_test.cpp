#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner/compare.h"
#include "coordinator/planner/replay_fields.h"

namespace tideline::planner::replay_json_test {
namespace {

using model::ErrorCode;
using nlohmann::json;
using testing::HasSubstr;

constexpr std::int64_t kSavedBegin = 1'372'636'800;  // 2013-07-01

class RandomReplays {
 public:
  explicit RandomReplays(std::uint64_t seed) : random_(seed) {}

  SavedReplay replay() {
    SavedReplay saved;
    saved.name = text();
    saved.policy = R"({"cpuReclaimThresholdPercent": 65})";
    saved.data = text();
    for (auto i = random_() % 3; i > 0; --i)
      saved.notes.push_back(text());
    ReplayResult& result = saved.result;
    result.hosts = 1 + random_() % 4;
    result.begin_s = kSavedBegin;
    result.end_s = kSavedBegin + static_cast<std::int64_t>(random_() % 1'000'000);
    result.step_s = 300;
    result.totals = totals();
    for (auto i = random_() % 3; i > 0; --i)
      result.days.push_back(totals());
    for (std::size_t i = 0; i < result.hosts; ++i)
      result.by_host.push_back(totals());
    for (auto i = random_() % 4; i > 0; --i)
      result.course.push_back(point());
    for (auto i = random_() % 5; i > 0; --i)
      result.events.push_back(event(result.hosts));
    result.events_left_out = random_();
    result.completion_p50_s = number();
    result.completion_p90_s = number();
    result.completion_p99_s = number();
    return saved;
  }

  /// Any finite double at all: its bits are drawn.
  double number() {
    while (true) {
      const auto value = std::bit_cast<double>(random_());
      if (std::isfinite(value)) return random_() % 4 == 0 ? static_cast<double>(random_() % 100) : value;
    }
  }

 private:
  ReplayTotals totals() {
    ReplayTotals drawn;
    const auto draw = [this](const char*, const char*, const char*, auto& value) {
      if constexpr (std::is_floating_point_v<std::remove_reference_t<decltype(value)>>) {
        value = number();
      } else {
        value = random_();
      }
    };
    totals_fields(draw, drawn);
    return drawn;
  }
  ReplayPoint point() {
    return {.time_s = kSavedBegin,
            .capacity = number(),
            .requested = number(),
            .used = number(),
            .offered = number(),
            .batch_used = number(),
            .violations = static_cast<std::uint32_t>(random_()),
            .evictions = static_cast<std::uint32_t>(random_()),
            .at_risk = static_cast<std::uint32_t>(random_())};
  }
  ReplayEvent event(std::size_t hosts) {
    const auto begin_s = kSavedBegin + static_cast<std::int64_t>(random_() % 10'000);
    return {.kind = kReplayEventKinds[random_() % kReplayEventKinds.size()],
            .host = static_cast<std::uint32_t>(random_() % hosts),
            .begin_s = begin_s,
            .end_s = begin_s + static_cast<std::int64_t>(random_() % 10'000),
            .cores = number()};
  }
  std::string text() {
    const std::vector<std::string> texts = {"", "bitbrains", "a \"quoted\"\n\tline\\", "größe", std::string("\0x", 2)};
    return texts[random_() % texts.size()];
  }

  std::mt19937_64 random_;
};

void expect_same_bits(double a, double b) {
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a), std::bit_cast<std::uint64_t>(b)) << a << " and " << b;
}

std::vector<std::uint64_t> bits_of(const ReplayTotals& totals) {
  std::vector<std::uint64_t> list;
  const auto put = [&list](const char*, const char*, const char*, const auto& value) {
    list.push_back(std::bit_cast<std::uint64_t>(value));
  };
  totals_fields(put, totals);
  return list;
}

/// One with something in each of its lists.
SavedReplay full_replay() {
  RandomReplays replays(11);
  SavedReplay saved = replays.replay();
  saved.name = "a";
  saved.data = "bitbrains, 2013-07-01 to 2013-07-15";
  saved.notes = {"12 gaps were filled"};
  ReplayResult& result = saved.result;
  result.hosts = 2;
  result.days = {result.totals};
  result.by_host = {result.totals, result.totals};
  result.course.assign(1, ReplayPoint{.time_s = kSavedBegin, .capacity = 64, .used = 12.5});
  result.events.assign(1, ReplayEvent{.kind = ReplayEventKind::kViolation,
                                      .host = 1,
                                      .begin_s = kSavedBegin,
                                      .end_s = kSavedBegin + 2'100,
                                      .cores = 3.25});
  return saved;
}

std::string refusal_of(const std::string& text, ErrorCode code = ErrorCode::kMalformed) {
  const auto read = replay_from_json(text);
  if (read) {
    ADD_FAILURE() << "accepted: " << text.substr(0, 200);
    return "";
  }
  EXPECT_EQ(read.error().code(), code) << read.error().message();
  return read.error().message();
}

/// What is refused of a good document with this change.
std::string refusal_with(const std::string& pointer, const json& value, ErrorCode code = ErrorCode::kMalformed) {
  json root = json::parse(to_json(full_replay(), true));
  root[json::json_pointer(pointer)] = value;
  return refusal_of(root.dump(), code);
}

/// "/events/0/kind" as "$.events[0].kind".
std::string place_of(const std::string& pointer) {
  std::string place = "$";
  for (std::size_t at = 0; at < pointer.size();) {
    const auto end = std::min(pointer.find('/', at + 1), pointer.size());
    const std::string part = pointer.substr(at + 1, end - at - 1);
    const bool index = part.find_first_not_of("0123456789") == std::string::npos;
    place += index ? "[" + part + "]" : "." + part;
    at = end;
  }
  return place;
}

TEST(ReplayJson, EveryTotalIsInTheFile) {
  std::size_t bytes = 0;
  const auto count = [&bytes](const char*, const char*, const char*, const auto& value) { bytes += sizeof(value); };
  const ReplayTotals totals{};
  totals_fields(count, totals);
  EXPECT_EQ(bytes, sizeof(ReplayTotals));
}

TEST(ReplayJson, ComesBackByteForByteAndBitForBit) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RandomReplays replays(seed);
  for (int round = 0; round < 200; ++round) {
    const SavedReplay saved = replays.replay();
    const std::string text = to_json(saved, true);
    const auto read = replay_from_json(text);
    ASSERT_TRUE(read) << read.error().message() << "\n" << text;
    EXPECT_EQ(to_json(*read, true), text);
    EXPECT_EQ(read->name, saved.name);
    EXPECT_EQ(read->policy, saved.policy);
    EXPECT_EQ(read->data, saved.data);
    EXPECT_EQ(read->notes, saved.notes);
    const ReplayResult& a = saved.result;
    const ReplayResult& b = read->result;
    EXPECT_EQ(b.hosts, a.hosts);
    EXPECT_EQ(b.begin_s, a.begin_s);
    EXPECT_EQ(b.end_s, a.end_s);
    EXPECT_EQ(b.step_s, a.step_s);
    EXPECT_EQ(bits_of(b.totals), bits_of(a.totals));
    ASSERT_EQ(b.days.size(), a.days.size());
    for (std::size_t i = 0; i < a.days.size(); ++i)
      EXPECT_EQ(bits_of(b.days[i]), bits_of(a.days[i]));
    ASSERT_EQ(b.by_host.size(), a.by_host.size());
    for (std::size_t i = 0; i < a.by_host.size(); ++i)
      EXPECT_EQ(bits_of(b.by_host[i]), bits_of(a.by_host[i]));
    ASSERT_EQ(b.course.size(), a.course.size());
    for (std::size_t i = 0; i < a.course.size(); ++i) {
      EXPECT_EQ(b.course[i].time_s, a.course[i].time_s);
      expect_same_bits(b.course[i].capacity, a.course[i].capacity);
      expect_same_bits(b.course[i].requested, a.course[i].requested);
      expect_same_bits(b.course[i].used, a.course[i].used);
      expect_same_bits(b.course[i].offered, a.course[i].offered);
      expect_same_bits(b.course[i].batch_used, a.course[i].batch_used);
      EXPECT_EQ(b.course[i].violations, a.course[i].violations);
      EXPECT_EQ(b.course[i].evictions, a.course[i].evictions);
      EXPECT_EQ(b.course[i].at_risk, a.course[i].at_risk);
    }
    EXPECT_EQ(b.events, a.events);
    EXPECT_EQ(b.events_left_out, a.events_left_out);
    expect_same_bits(b.completion_p50_s, a.completion_p50_s);
    expect_same_bits(b.completion_p90_s, a.completion_p90_s);
    expect_same_bits(b.completion_p99_s, a.completion_p99_s);
  }
}

TEST(ReplayJson, AnEmptyReplayComesBack) {
  const std::string text = to_json({}, true);
  const auto read = replay_from_json(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read, true), text);
}

TEST(ReplayJson, HostsOneByOneOnlyWhereAskedFor) {
  const std::string text = to_json(full_replay(), false);
  EXPECT_EQ(text.find("byHost"), std::string::npos);
  const auto read = replay_from_json(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(read->result.by_host.empty());
  EXPECT_EQ(to_json(*read, true), text) << "there is nothing to say of them";
}

TEST(ReplayJson, BytesThatAreNoUtf8AreReplaced) {
  SavedReplay saved = full_replay();
  saved.name = "a\xff";
  const std::string text = to_json(saved, true);
  const auto read = replay_from_json(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->name, "a\xEF\xBF\xBD");
  EXPECT_EQ(to_json(*read, true), text);
}

TEST(ReplayJson, WhatIsNotFiniteIsNeitherWrittenNorRead) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    SavedReplay saved = full_replay();
    saved.result.totals.used_core_h = bad;
    const std::string text = to_json(saved, true);
    EXPECT_EQ(text.find("nan"), std::string::npos);
    EXPECT_EQ(text.find("inf"), std::string::npos);
    EXPECT_THAT(refusal_of(text), HasSubstr("$.totals.usedCoreH is null; want a number"));
  }
  const std::string text = to_json(full_replay(), true);
  const std::string was = "\"cores\":3.25";
  const auto at = text.find(was);
  ASSERT_NE(at, std::string::npos);
  for (const char* spelling : {"NaN", "Infinity", "1e999"}) {
    std::string changed = text;
    changed.replace(at, was.size(), std::string("\"cores\":") + spelling);
    EXPECT_THAT(refusal_of(changed), HasSubstr("not JSON"));
  }
}

TEST(ReplayJson, WholeNumbersAreGoodForNumbers) {
  json root = json::parse(to_json(full_replay(), true));
  root["totals"]["usedCoreH"] = 7;
  const auto read = replay_from_json(root.dump());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->result.totals.used_core_h, 7);
}

// Each leaf in turn is something that it must not be, each key in turn is not there, and each object has one more.
TEST(ReplayJson, NamesThePlaceOfWhateverIsWrong) {
  const json good = json::parse(to_json(full_replay(), true));
  const json flat = good.flatten();
  std::size_t leaves = 0;
  for (const auto& [pointer, value] : flat.items()) {
    const json::json_pointer at(pointer);
    SCOPED_TRACE(pointer);
    json nothing = good;
    nothing[at] = nullptr;
    EXPECT_THAT(refusal_of(nothing.dump()), HasSubstr(place_of(pointer) + " is null"));
    json list = good;
    list[at] = json::array({1});
    EXPECT_THAT(refusal_of(list.dump()), HasSubstr(place_of(pointer) + " is a list"));
    json other = good;
    other[at] = value.is_string() ? json(7) : json("7");
    EXPECT_THAT(refusal_of(other.dump()), HasSubstr(place_of(pointer) + " is "));
    ++leaves;
    if (!good[at.parent_pointer()].is_object()) continue;
    json missing = good;
    missing[at.parent_pointer()].erase(at.back());
    EXPECT_THAT(refusal_of(missing.dump()), HasSubstr(place_of(pointer) + " is missing"));
    json more = good;
    more[at.parent_pointer()]["colour"] = "blue";
    EXPECT_THAT(refusal_of(more.dump()),
                HasSubstr(place_of(at.parent_pointer().to_string()) + ".colour is not a key of version 1"));
  }
  EXPECT_GT(leaves, 80u);
}

TEST(ReplayJson, RefusesOtherSchemasAndLaterVersions) {
  EXPECT_THAT(refusal_with("/schema", "history"), HasSubstr("$.schema is \"history\""));
  EXPECT_THAT(refusal_with("/version", 0), HasSubstr("$.version is 0"));
  EXPECT_THAT(refusal_with("/version", 2, ErrorCode::kUnsupported), HasSubstr("$.version is 2"));
  EXPECT_THAT(refusal_of(R"({"schema":"tideline-replay","version":2,"anything":[]})", ErrorCode::kUnsupported),
              HasSubstr("up to 1"));
  EXPECT_THAT(refusal_of("[]"), HasSubstr("$ is a list; want an object"));
  EXPECT_THAT(refusal_of("{}"), HasSubstr("$.schema is missing"));
  EXPECT_THAT(refusal_of(""), HasSubstr("not JSON"));
}

TEST(ReplayJson, RefusesWhatDoesNotFitTogether) {
  EXPECT_THAT(refusal_with("/events/0/host", 2), HasSubstr("$.events[0].host is 2; there are 2 hosts"));
  EXPECT_THAT(refusal_with("/events/0/host", -1), HasSubstr("$.events[0].host is -1"));
  EXPECT_THAT(refusal_with("/events/0/host", 4'294'967'296), HasSubstr("$.events[0].host is 4294967296"));
  EXPECT_THAT(refusal_with("/events/0/endS", kSavedBegin - 1), HasSubstr("before beginS"));
  EXPECT_THAT(refusal_with("/events/0/kind", "fire"), HasSubstr("$.events[0].kind is \"fire\""));
  EXPECT_THAT(refusal_with("/endS", kSavedBegin - 1), HasSubstr("$.endS"));
  EXPECT_THAT(refusal_with("/beginS", std::int64_t{1} << 60), HasSubstr("$.beginS"));
  EXPECT_THAT(refusal_with("/beginS", ~std::uint64_t{0}), HasSubstr("$.beginS is 18446744073709551615"));
  EXPECT_THAT(refusal_with("/stepS", -300), HasSubstr("$.stepS is -300"));
  EXPECT_THAT(refusal_with("/hosts", 3), HasSubstr("$.byHost has 2 entries; there are 3 hosts"));
  EXPECT_THAT(refusal_with("/hosts", 1'000'000'000'000), HasSubstr("$.hosts is 1000000000000"));
  EXPECT_THAT(refusal_with("/totals/violations", -1), HasSubstr("$.totals.violations is -1"));
  EXPECT_THAT(refusal_with("/totals/violations", 1.5), HasSubstr("$.totals.violations is 1.5"));
}

TEST(ReplayJson, RefusesAKeyThatComesTwice) {
  std::string text = to_json(full_replay(), true);
  EXPECT_THAT(refusal_of(text.insert(1, R"("name":"b",)")), HasSubstr("comes twice"));
}

TEST(ReplayJson, ListsAreBounded) {
  const json zeros = json::array_t(kMaxPoints + 1, json(0));
  EXPECT_THAT(refusal_with("/course", zeros), HasSubstr("$.course has 2001 entries; at most 2000"));
  const json many = json::array_t(kMaxEvents + 1, json(0));
  EXPECT_THAT(refusal_with("/events", many), HasSubstr("$.events has 100001 entries; at most 100000"));
  const std::string deep = std::string(1'000, '[');
  EXPECT_FALSE(replay_from_json(deep));
  refusal_of(std::string((std::size_t{64} << 20) + 1, ' '), ErrorCode::kOverloaded);
}

TEST(ReplayJson, NothingThatIsCutOffIsTaken) {
  const std::string text = to_json(full_replay(), true);
  for (std::size_t size = 0; size + 2 < text.size(); size += 7)
    EXPECT_FALSE(replay_from_json(text.substr(0, size))) << size;
  EXPECT_TRUE(replay_from_json(text.substr(0, text.size() - 1))) << "only the line's end is missing";
}

TEST(ReplayJson, DamageIsRefusedOrComesBackTheSame) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const std::string good = to_json(full_replay(), true);
  for (int round = 0; round < 1'500; ++round) {
    std::string text = good;
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    const auto read = replay_from_json(text);
    if (!read) {
      EXPECT_FALSE(read.error().message().empty());
      continue;
    }
    const std::string again = to_json(*read, true);
    const auto twice = replay_from_json(again);
    ASSERT_TRUE(twice) << twice.error().message();
    EXPECT_EQ(to_json(*twice, true), again);
  }
}

TEST(ReplayJson, HostsThatWereRecordedHaveTheirNames) {
  auto saved = full_replay();
  EXPECT_EQ(to_json(saved, false).find("hostNames"), std::string::npos);
  saved.result.host_names = {"worker-a", "worker-b"};
  const auto text = to_json(saved, false);
  const auto read = replay_from_json(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->result.host_names, saved.result.host_names);
  EXPECT_EQ(to_json(*read, false), text);
  auto changed = text;
  changed.replace(changed.find("\"worker-a\","), 11, "");
  EXPECT_THAT(refusal_of(changed), HasSubstr("$.hostNames has 1 entries; there are 2 hosts"));
}

}  // namespace
}  // namespace tideline::planner::replay_json_test
