#include "k8s-bridge/actor/push_book.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::bridge::push_book_test {
namespace {

using link::SessionId;
using model::NodeName;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class PushBookTest : public testing::Test {
 protected:
  std::vector<PushBook::Push> due(std::size_t most = 100) { return book_.due(now_, most); }
  std::optional<std::string> answer(std::uint64_t number, const std::string& problem) {
    return book_.answered(kNode, SessionId(1), number, problem, now_);
  }
  /// A set is on its way; its number.
  std::uint64_t push_one() {
    book_.opened(kNode, SessionId(1));
    book_.changed(kNode);
    const auto pushes = due();
    EXPECT_THAT(pushes, SizeIs(1));
    return pushes.empty() ? 0 : pushes.front().number;
  }

  const NodeName kNode{"n1"};
  PushBook book_;
  model::MonoTime now_{1'000'000'000'000};
};

TEST_F(PushBookTest, SetOfANodeWithoutASessionWaitsForOne) {
  book_.changed(kNode);
  EXPECT_THAT(due(), IsEmpty());
  EXPECT_EQ(book_.unacked(), 0u);
  book_.opened(kNode, SessionId(7));
  EXPECT_EQ(book_.unacked(), 1u);
  EXPECT_THAT(due(), ElementsAre(PushBook::Push{SessionId(7), kNode, 1}));
}

TEST_F(PushBookTest, NodeThatKubernetesDoesNotKnowIsSentNothing) {
  book_.opened(kNode, SessionId(1));
  EXPECT_THAT(due(), IsEmpty());
  EXPECT_EQ(book_.unacked(), 0u);
  book_.changed(kNode);
  EXPECT_THAT(due(), SizeIs(1));
  book_.gone(kNode);
  book_.opened(kNode, SessionId(2));
  EXPECT_THAT(due(), IsEmpty());
}

TEST_F(PushBookTest, WhatANodeHasIsNotSentAgainToItsSession) {
  const auto number = push_one();
  EXPECT_EQ(answer(number, ""), std::nullopt);
  EXPECT_EQ(book_.unacked(), 0u);
  now_ = now_ + minutes(10);
  EXPECT_THAT(due(), IsEmpty());
  book_.opened(kNode, SessionId(2));
  EXPECT_THAT(due(), SizeIs(1)) << "its next session may be of an agent that has lost it";
}

TEST_F(PushBookTest, NumbersRiseOverAllNodes) {
  const auto first = push_one();
  answer(first, "");
  book_.changed(kNode);
  book_.opened(NodeName("n2"), SessionId(2));
  book_.changed(NodeName("n2"));
  const auto pushes = due();
  ASSERT_THAT(pushes, SizeIs(2));
  EXPECT_GT(pushes[0].number, first);
  EXPECT_GT(pushes[1].number, pushes[0].number);
  EXPECT_EQ(book_.pushed(), 3u);
}

TEST_F(PushBookTest, NodeThatIsSlowGetsTheNewestWhenItIsDone) {
  const auto number = push_one();
  book_.changed(kNode);
  book_.changed(kNode);
  EXPECT_THAT(due(), IsEmpty());
  answer(number, "");
  EXPECT_THAT(due(), SizeIs(1));
}

TEST_F(PushBookTest, FailedSetIsSentAgainLessAndLessOften) {
  auto number = push_one();
  for (const auto wait : {seconds(1), seconds(2), seconds(4), seconds(8)}) {
    answer(number, "no room");
    now_ = now_ + (wait - milliseconds(1));
    EXPECT_THAT(due(), IsEmpty()) << wait.count();
    now_ = now_ + milliseconds(1);
    const auto pushes = due();
    ASSERT_THAT(pushes, SizeIs(1)) << wait.count();
    number = pushes[0].number;
  }
  for (int i = 0; i < 40; ++i) {
    answer(number, "no room");
    now_ = now_ + minutes(5);
    const auto pushes = due();
    ASSERT_THAT(pushes, SizeIs(1));
    number = pushes[0].number;
  }
  answer(number, "");
  book_.changed(kNode);
  number = due().at(0).number;
  answer(number, "no room");
  now_ = now_ + seconds(1);
  EXPECT_THAT(due(), SizeIs(1)) << "from the first wait again";
}

TEST_F(PushBookTest, ProblemIsToldWhenItIsAnother) {
  auto number = push_one();
  EXPECT_EQ(answer(number, "no room"), "no room");
  now_ = now_ + minutes(1);
  number = due().at(0).number;
  EXPECT_EQ(answer(number, "no room"), std::nullopt);
  now_ = now_ + minutes(1);
  number = due().at(0).number;
  EXPECT_EQ(answer(number, "too old"), "too old");
}

TEST_F(PushBookTest, SetWithoutAnAnswerHasFailed) {
  const auto number = push_one();
  now_ = now_ + seconds(60);
  EXPECT_THAT(due(), IsEmpty());
  now_ = now_ + seconds(1);
  const auto pushes = due();
  ASSERT_THAT(pushes, SizeIs(1));
  answer(number, "");
  EXPECT_EQ(book_.unacked(), 1u) << "an answer to the one given up says nothing of this one";
  answer(pushes[0].number, "");
  EXPECT_EQ(book_.unacked(), 0u);
}

TEST_F(PushBookTest, AnswerOfASessionBeforeSaysNothing) {
  const auto number = push_one();
  book_.opened(kNode, SessionId(2));
  answer(number, "");
  EXPECT_THAT(due(), SizeIs(1));
  book_.closed(kNode, SessionId(1));
  EXPECT_EQ(book_.unacked(), 1u) << "that was the one before";
  book_.closed(kNode, SessionId(2));
  EXPECT_EQ(book_.unacked(), 0u);
}

TEST_F(PushBookTest, ManyAreGivenInSlices) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    book_.opened(NodeName("n" + std::to_string(i)), SessionId(i));
    book_.changed(NodeName("n" + std::to_string(i)));
  }
  EXPECT_THAT(due(2), SizeIs(2));
  EXPECT_THAT(due(2), SizeIs(2));
  EXPECT_THAT(due(2), SizeIs(1));
  EXPECT_THAT(due(2), IsEmpty());
}

TEST(PushBook, SoManyAreOnTheirWayAndTheNextWhenOneIsAnswered) {
  PushOptions options;
  options.most_on_the_way = 2;
  PushBook book(options);
  const model::MonoTime now{1'000'000'000};
  for (const char* name : {"a", "b", "c", "d"}) {
    book.changed(model::NodeName(name));
    book.opened(model::NodeName(name), link::SessionId(static_cast<std::uint64_t>(*name)));
  }
  const auto first = book.due(now, 10);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_THAT(book.due(now, 10), IsEmpty());
  book.answered(first[0].node, first[0].session, first[0].number, "", now);
  EXPECT_THAT(book.due(now, 10), SizeIs(1));
  book.closed(first[1].node, first[1].session);
  EXPECT_THAT(book.due(now, 10), SizeIs(1)) << "who is gone makes room";
  EXPECT_THAT(book.due(now + options.answer_within, 10), SizeIs(0)) << "what has failed waits";
  EXPECT_THAT(book.due(now + options.answer_within + std::chrono::seconds(1), 10), SizeIs(2));
}

}  // namespace
}  // namespace tideline::bridge::push_book_test
