#include "messages/model/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::model::quantity_test {
namespace {

TEST(Quantity, ReadsCpuAsKubernetesWritesIt) {
  EXPECT_EQ(parse_cpu("2").value(), MilliCpu(2000));
  EXPECT_EQ(parse_cpu("500m").value(), MilliCpu(500));
  EXPECT_EQ(parse_cpu("0.1").value(), MilliCpu(100));
  EXPECT_EQ(parse_cpu("100u").value(), MilliCpu(1)) << "rounded up";
  EXPECT_EQ(parse_cpu("35k").value(), MilliCpu(35'000'000));
}

TEST(Quantity, ReadsBytesInBothSuffixFamilies) {
  EXPECT_EQ(parse_bytes("256Mi").value(), Bytes(256LL << 20));
  EXPECT_EQ(parse_bytes("1G").value(), Bytes(1'000'000'000));
  EXPECT_EQ(parse_bytes("1e3").value(), Bytes(1000));
  EXPECT_EQ(parse_bytes("0").value(), Bytes(0));
}

TEST(Quantity, RefusesAndQuotesWhatIsNotOne) {
  for (const auto* text : {"", "m", "-1", "1 Gi", "1gi", "nan", "inf", "0x10", "1Gi ", "9999999E"}) {
    const auto bytes = parse_bytes(text);
    ASSERT_FALSE(bytes.ok()) << text;
    EXPECT_THAT(bytes.error().message(), testing::HasSubstr(std::string("\"") + text + "\""));
  }
}

TEST(ParseDuration, WantsANumberAndAUnit) {
  EXPECT_EQ(parse_duration("100ms").value(), std::chrono::milliseconds(100));
  EXPECT_EQ(parse_duration("1.5s").value(), std::chrono::milliseconds(1500));
  EXPECT_EQ(parse_duration("14d").value(), std::chrono::hours(14 * 24));
  for (const auto* text : {"", "10", "s", "0s", "-1s", "1 s", "1w", "1e9d", "nans"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
}

TEST(Quantity, BatchCpuCountsMillicores) {
  EXPECT_EQ(parse_batch_cpu("2000")->value(), 2000);
  EXPECT_EQ(parse_batch_cpu("2k")->value(), 2000);
  EXPECT_FALSE(parse_batch_cpu("-1").ok());
}

}  // namespace
}  // namespace tideline::model::quantity_test
