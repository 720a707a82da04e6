#include "storage/series/pieces.h"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::series::pieces_test {
namespace {

using model::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string_view> taken(std::string_view value) {
  auto pieces = pieces_of(value);
  EXPECT_TRUE(pieces.ok()) << pieces.error().message();
  return pieces ? std::move(pieces).value() : std::vector<std::string_view>();
}

TEST(Pieces, TheBytes) {
  const auto length = [](char bytes) { return std::string(1, bytes) + std::string(3, '\0'); };
  EXPECT_EQ(joined_pieces({"ab", "", "c"}), "TDP\x01" + length(2) + "ab" + length(0) + length(1) + "c");
}

TEST(Pieces, OneIsItselfAndNothingMore) {
  EXPECT_EQ(joined_pieces({"TDC and more"}), "TDC and more");
  EXPECT_THAT(taken("TDC and more"), ElementsAre("TDC and more"));
  EXPECT_THAT(taken(""), ElementsAre(""));
  EXPECT_FALSE(is_in_pieces("TDC and more"));
  EXPECT_FALSE(is_in_pieces("TD"));
  EXPECT_TRUE(is_in_pieces(joined_pieces({"a", "b"})));
}

TEST(Pieces, ComeBackAsTheyWere) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> pieces(2 + random() % (kMaxPieces - 1));
    for (std::string& piece : pieces)
      piece.assign(random() % 300, static_cast<char>(random()));
    const std::vector<std::string_view> views(pieces.begin(), pieces.end());
    const std::string value = joined_pieces(views);
    ASSERT_EQ(taken(value), views);
  }
}

TEST(Pieces, WhatIsCutShortIsRefused) {
  const std::string value = joined_pieces({"first", "second"});
  // A cut behind a whole piece leaves a value of fewer; whose they are says what is around it.
  constexpr std::size_t kBehindTheFirst = 4 + 4 + 5;
  for (std::size_t size = 3; size < value.size(); ++size) {
    if (size == kBehindTheFirst) continue;
    const auto pieces = pieces_of(std::string_view(value).substr(0, size));
    ASSERT_FALSE(pieces.ok()) << size;
    EXPECT_EQ(pieces.error().code(), ErrorCode::kMalformed);
  }
}

TEST(Pieces, OfALaterVersionAreRefusedByName) {
  std::string value = joined_pieces({"first", "second"});
  value[3] = 2;
  const auto later = pieces_of(value);
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(later.error().message(), HasSubstr("version 2, this build reads up to 1"));
  value[3] = 0;
  EXPECT_EQ(pieces_of(value).error().code(), ErrorCode::kMalformed);
}

TEST(Pieces, MoreThanAReaderTakesAreRefused) {
  std::string value("TDP\x01");
  for (std::size_t i = 0; i < kMaxPieces; ++i)
    value.append(4, '\0');
  EXPECT_EQ(taken(value).size(), kMaxPieces);
  value.append(4, '\0');
  EXPECT_EQ(pieces_of(value).error().code(), ErrorCode::kMalformed);
  // A length that reaches beyond all there is takes no memory.
  EXPECT_FALSE(pieces_of("TDP\x01\xff\xff\xff\xff").ok());
}

}  // namespace
}  // namespace tideline::series::pieces_test
