#include "storage/series/fold_time.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tideline::series::fold_time_test {
namespace {

TEST(FoldTime, OfOneNameIsAlwaysTheSame) {
  // CRC-32 of "n" is 0x7808A3D2.
  static_assert(model::crc32("n") == 0x7808A3D2U);
  EXPECT_EQ(model::to_ms(fold_lag(model::NodeName("n"))), 600'000 + 0x7808A3D2 % 3'000'000);
}

TEST(FoldTime, NodesAreDueAllOverTheHour) {
  constexpr std::size_t kNodes = 5'000;
  constexpr int kParts = 10;
  std::array<std::size_t, kParts> nodes{};
  for (std::size_t i = 0; i < kNodes; ++i) {
    const auto lag = fold_lag(model::NodeName(fmt::format("node-{:04}", i)));
    ASSERT_GE(lag, kFoldLag);
    ASSERT_LT(lag, kFoldLag + kFoldSpread);
    ++nodes[static_cast<std::size_t>((lag - kFoldLag) / (kFoldSpread / kParts))];
  }
  // Names that count up, as fleets have them, are spread as well as any.
  for (const std::size_t part : nodes) {
    EXPECT_GT(part, kNodes / kParts * 7 / 10);
    EXPECT_LT(part, kNodes / kParts * 13 / 10);
  }
}

}  // namespace
}  // namespace tideline::series::fold_time_test
