#include "k8s-bridge/api/line_splitter.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

namespace tideline::k8s_api::line_splitter_test {
namespace {

using Outcome = LineSplitter::Outcome;
using testing::ElementsAre;

class LineSplitterTest : public testing::Test {
 protected:
  Outcome push(std::string_view bytes) {
    return splitter_.push(bytes, [this](std::string_view line) {
      lines_.emplace_back(line);
      return line != "stop";
    });
  }
  LineSplitter splitter_{10};
  std::vector<std::string> lines_;
};

TEST_F(LineSplitterTest, PutsPiecesTogether) {
  EXPECT_EQ(push("on"), Outcome::kMore);
  EXPECT_TRUE(splitter_.has_rest());
  EXPECT_EQ(push("e\ntwo\n\n\nth"), Outcome::kMore);
  EXPECT_EQ(push("ree"), Outcome::kMore);
  EXPECT_EQ(push("\n"), Outcome::kMore);
  EXPECT_FALSE(splitter_.has_rest());
  EXPECT_EQ(push(""), Outcome::kMore);
  EXPECT_THAT(lines_, ElementsAre("one", "two", "three"));
}

TEST_F(LineSplitterTest, StopsWhereItIsTold) {
  EXPECT_EQ(push("a\nstop\nb\n"), Outcome::kStopped);
  EXPECT_THAT(lines_, ElementsAre("a", "stop"));
}

TEST_F(LineSplitterTest, RefusesALineBeyondTheBoundInOnePieceOrMany) {
  EXPECT_EQ(push("0123456789\n"), Outcome::kMore);
  EXPECT_EQ(LineSplitter(10).push("01234567890\n", [](std::string_view) { return true; }), Outcome::kTooLong);
  EXPECT_EQ(push("01234567890"), Outcome::kTooLong);
  LineSplitter other(10);
  const auto take = [](std::string_view) { return true; };
  EXPECT_EQ(other.push("012345", take), Outcome::kMore);
  EXPECT_EQ(other.push("6789", take), Outcome::kMore);
  EXPECT_EQ(other.push("x\n", take), Outcome::kTooLong);
}

TEST_F(LineSplitterTest, ReadsTheSameHoweverItIsCut) {
  const std::string text = "alpha\nb\n\ngamma delt\nepsilon\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineSplitter splitter(20);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += size) {
      splitter.push(std::string_view(text).substr(at, size), [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
      });
    }
    EXPECT_THAT(lines, ElementsAre("alpha", "b", "gamma delt", "epsilon")) << size;
  }
}

}  // namespace
}  // namespace tideline::k8s_api::line_splitter_test
