#include "coordinator/actor/shared_answer.h"

#include <gmock/gmock.h>

namespace tideline::coordinator::shared_answer_test {
namespace {

using model::MonoTime;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr MonoTime kBegin{1'000'000'000'000};

class Shared : public testing::Test {
 protected:
  /// Whether the asker is to bring the answer.
  bool ask(model::Duration after) {
    return shared_.ask(kBegin + after, [this](const model::Result<int>& answer) {
      answers_.push_back(answer ? std::to_string(*answer) : answer.error().message());
    });
  }
  void give(const model::Result<int>& answer, model::Duration after) { shared_.give(answer, kBegin + after); }

  SharedAnswer<int> shared_{seconds(1)};
  std::vector<std::string> answers_;
};

TEST_F(Shared, AnswerIsMadeOnceForAllWhoWaitForIt) {
  EXPECT_TRUE(ask(seconds(0)));
  EXPECT_FALSE(ask(seconds(0)));
  EXPECT_FALSE(ask(seconds(60))) << "however long it takes";
  EXPECT_THAT(answers_, IsEmpty());
  give(7, seconds(61));
  EXPECT_THAT(answers_, ElementsAre("7", "7", "7"));
}

TEST_F(Shared, AnswerIsGoodForItsTimeAndNoLonger) {
  EXPECT_TRUE(ask(seconds(0)));
  give(7, seconds(3));
  EXPECT_FALSE(ask(seconds(4) - std::chrono::nanoseconds(1)));
  EXPECT_THAT(answers_, ElementsAre("7", "7"));
  EXPECT_TRUE(ask(seconds(4)));
  give(8, seconds(4));
  EXPECT_THAT(answers_, ElementsAre("7", "7", "8"));
}

TEST_F(Shared, ErrorIsToldToThoseWhoWaitAndToNobodyElse) {
  EXPECT_TRUE(ask(seconds(0)));
  EXPECT_FALSE(ask(seconds(0)));
  give(model::Error(model::ErrorCode::kInternal, "gone"), seconds(0));
  EXPECT_THAT(answers_, ElementsAre("gone", "gone"));
  EXPECT_TRUE(ask(seconds(0)));
}

TEST_F(Shared, WhoAsksFromInsideAnAnswerIsAnswered) {
  EXPECT_TRUE(shared_.ask(kBegin, [this](const model::Result<int>&) { EXPECT_FALSE(ask(seconds(0))); }));
  give(7, seconds(0));
  EXPECT_THAT(answers_, ElementsAre("7"));
}

}  // namespace
}  // namespace tideline::coordinator::shared_answer_test
