#include "coordinator/prometheus/write_request.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "test/coordinator/prometheus/decoded.h"

namespace tideline::prometheus {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::SizeIs;

SeriesLabels of_node(const std::string& name) {
  return SeriesLabels(std::vector<Label>{Label{"node", name}});
}

std::string request_of(std::vector<Label> labels, std::string_view name, double value, std::int64_t ms) {
  std::string request;
  SeriesLabels(std::move(labels)).append(request, name, value, {ms});
  return request;
}

// By hand, from the encoding's description: a change here is one that no receiver would understand.
TEST(WriteRequest, IsTheBytesThatTheFormatAsksFor) {
  // A series of 40 bytes: a label of 13, one of 9, a sample of 12.
  const std::string wanted(
      "\x0a\x28"
      "\x0a\x0d\x0a\x08__name__\x12\x01u"
      "\x0a\x09\x0a\x04node\x12\x01n"
      "\x12\x0c\x09\x00\x00\x00\x00\x00\x00\xf8\x3f\x10\xac\x02",
      2 + 15 + 11 + 14);
  EXPECT_EQ(request_of({{"node", "n"}}, "u", 1.5, 300), wanted);
}

TEST(WriteRequest, LabelsAreSortedByTheirBytes) {
  const auto series = decoded_plain(
      request_of({{"zone", "z"}, {"Zone", "Z"}, {"node", "n"}, {"a", "1"}, {"_b", "2"}}, "used_cores", 1, 1));
  ASSERT_TRUE(series);
  ASSERT_THAT(*series, SizeIs(1));
  EXPECT_THAT(series->front().labels, ElementsAre(Pair("Zone", "Z"), Pair("__name__", "used_cores"), Pair("_b", "2"),
                                                  Pair("a", "1"), Pair("node", "n"), Pair("zone", "z")));
}

TEST(WriteRequest, LabelsWithoutAValueAreLeftOut) {
  const auto series = decoded_plain(request_of({{"node", "n"}, {"workload", ""}}, "u", 1, 1));
  ASSERT_TRUE(series);
  EXPECT_THAT(series->front().labels, ElementsAre(Pair("__name__", "u"), Pair("node", "n")));
}

TEST(WriteRequest, ValuesAndTimesComeBackToTheBit) {
  for (const double value : {0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t ms : std::vector<std::int64_t>{0, 127, 128, 1'700'000'000'123, -1, INT64_MAX}) {
      const auto series = decoded_plain(request_of({{"node", "n"}}, "u", value, ms));
      ASSERT_TRUE(series) << value << " " << ms;
      ASSERT_THAT(series->front().samples, SizeIs(1));
      EXPECT_EQ(series->front().samples[0].value(), value);
      EXPECT_EQ(std::signbit(series->front().samples[0].value()), std::signbit(value));
      EXPECT_EQ(series->front().samples[0].ms, ms);
    }
  }
}

TEST(WriteRequest, TheEndOfASeriesIsPrometheusOwnNan) {
  std::string request;
  of_node("n").append_stale(request, "u", {5});
  const auto series = decoded_plain(request);
  ASSERT_TRUE(series);
  EXPECT_EQ(series->front().samples, (std::vector<DecodedSample>{{0x7ff0000000000002, 5}}));
}

TEST(WriteRequest, WhatIsAppendedToOneTextIsOneRequestAndSnappyGivesItBack) {
  std::mt19937_64 random(7);
  std::string request;
  struct Made {
    std::string name;
    std::string node;
    double value;
    std::int64_t ms;
  };
  std::vector<Made> made;
  for (int i = 0; i < 500; ++i) {
    Made one{"series_" + std::to_string(i % 7), std::string(random() % 300, static_cast<char>('a' + i % 26)) + "x",
             std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 80) - 60),
             static_cast<std::int64_t>(random() >> 2)};
    of_node(one.node).append(request, one.name, one.value, {one.ms});
    made.push_back(std::move(one));
  }
  const auto block = compressed(request);
  EXPECT_LT(block.size(), request.size());
  const auto series = decoded(block);
  ASSERT_TRUE(series);
  ASSERT_EQ(series->size(), made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& one = (*series)[i];
    EXPECT_EQ(one.name(), made[i].name);
    EXPECT_EQ(one.label("node"), made[i].node);
    ASSERT_THAT(one.samples, SizeIs(1));
    EXPECT_EQ(one.samples[0].value(), made[i].value);
    EXPECT_EQ(one.samples[0].ms, made[i].ms);
  }
}

TEST(LabelValue, IsUtf8WhateverCame) {
  EXPECT_EQ(label_value("worker-1"), "worker-1");
  EXPECT_EQ(label_value("größe 鯨 🐋"), "größe 鯨 🐋");
  EXPECT_EQ(label_value("a\xff"
                        "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(label_value("\xc3"), "\xef\xbf\xbd") << "a character that is cut off";
  EXPECT_EQ(label_value("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd") << "a slash in more bytes than it needs";
  EXPECT_EQ(label_value("\xe0\x80\xaf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(label_value("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "half of a pair";
  EXPECT_EQ(label_value("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "beyond U+10FFFF";
  EXPECT_EQ(label_value("\xf5\x80\x80\x80").size(), 12u);
  EXPECT_EQ(label_value(""), "");
}

TEST(LabelValue, IsCutBetweenCharacters) {
  EXPECT_EQ(label_value(std::string(1000, 'a')), std::string(kMaxLabelValueBytes, 'a'));
  std::string whales;
  for (int i = 0; i < 100; ++i)
    whales += "鯨";
  const auto cut = label_value(whales);
  EXPECT_EQ(cut.size(), 255u);
  EXPECT_EQ(cut, whales.substr(0, 255));
  EXPECT_LE(label_value(std::string(1000, '\xff')).size(), kMaxLabelValueBytes);
}

}  // namespace
}  // namespace tideline::prometheus
