#include "k8s-bridge/actor/event_desk.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/actor/told_once.h"

namespace tideline::bridge::event_desk_test {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

k8s::EventNote note_of(const std::string& message) {
  k8s::EventNote note;
  note.kind = "ConfigMap";
  note.object = {"kube-system", "ack-slo-config", "uid", "1"};
  note.reason = "ColocationCfgUnmarshalFailed";
  note.message = message;
  return note;
}

constexpr model::MonoTime kBegin{1'000'000'000'000};

TEST(EventBook, SameEventIsWrittenOnceForAWhile) {
  EventBook book;
  EXPECT_TRUE(book.admit(note_of("a"), kBegin));
  EXPECT_FALSE(book.admit(note_of("a"), kBegin + minutes(9)));
  EXPECT_TRUE(book.admit(note_of("b"), kBegin));
  EXPECT_TRUE(book.admit(note_of("a"), kBegin + minutes(10)));
  book.forget(note_of("a"));
  EXPECT_TRUE(book.admit(note_of("a"), kBegin + minutes(11)));
}

TEST(EventBook, RemembersABoundedNumber) {
  EventBook book;
  for (std::size_t i = 0; i < EventBook::kMostKept; ++i)
    ASSERT_TRUE(book.admit(note_of(std::to_string(i)), kBegin)) << i;
  EXPECT_FALSE(book.admit(note_of("one more"), kBegin + minutes(1)));
  EXPECT_TRUE(book.admit(note_of("one more"), kBegin + minutes(10)));
}

TEST(ToldOnce, KnowsTheNewestTexts) {
  ToldOnce told(2);
  EXPECT_TRUE(told.admit("a"));
  EXPECT_FALSE(told.admit("a"));
  EXPECT_TRUE(told.admit("b"));
  EXPECT_TRUE(told.admit("c"));
  EXPECT_FALSE(told.admit("b"));
  EXPECT_TRUE(told.admit("a")) << "the oldest was let go";
}

class Events : public testing::Test {
 protected:
  struct Sent {
    EventToWrite event;
    k8s_api::Request request;
  };
  EventDesk::Out out() {
    EventDesk::Out out;
    out.send = [this](const EventToWrite& event, k8s_api::Request request) {
      sent_.push_back({event, std::move(request)});
    };
    out.later = [this](const EventToWrite& event) { later_.push_back(event); };
    return out;
  }
  void write(const std::string& message) { desk_.write(note_of(message), now_, wall_); }
  void answer(unsigned status) {
    k8s_api::Answer answer;
    answer.status = status;
    desk_.answered(sent_.back().event, answer, now_);
  }
  std::vector<Sent> sent_;
  std::vector<EventToWrite> later_;
  EventDesk desk_{out()};
  model::MonoTime now_ = kBegin;
  model::WallTime wall_{1'790'000'000'000};
};

TEST_F(Events, IsAPostIntoTheNamespaceOfItsObject) {
  write("bad");
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].request.method, k8s_api::Method::kPost);
  EXPECT_EQ(sent_[0].request.path, "/api/v1/namespaces/kube-system/events");
  EXPECT_EQ(sent_[0].request.priority, k8s_api::Priority::kLow);
  EXPECT_THAT(sent_[0].request.body, HasSubstr("\"message\":\"bad\""));
  answer(201);
  write("bad");
  EXPECT_THAT(sent_, SizeIs(1));
  EXPECT_THAT(later_, IsEmpty());
}

TEST_F(Events, IsTriedAFewTimesWhereThatMayHelp) {
  write("bad");
  for (unsigned attempt = 1; attempt < EventDesk::kAttempts; ++attempt) {
    answer(503);
    ASSERT_THAT(later_, SizeIs(attempt));
    desk_.again(later_.back(), wall_);
    ASSERT_THAT(sent_, SizeIs(attempt + 1));
  }
  answer(503);
  EXPECT_THAT(later_, SizeIs(EventDesk::kAttempts - 1));
  write("bad");
  EXPECT_THAT(sent_, SizeIs(EventDesk::kAttempts + 1)) << "what was never written is written when it comes again";
}

TEST_F(Events, IsNotTriedAgainWhereTheAnswerStands) {
  for (const unsigned status : {400U, 403U, 404U, 422U}) {
    write("bad " + std::to_string(status));
    answer(status);
  }
  EXPECT_THAT(later_, IsEmpty());
}

}  // namespace
}  // namespace tideline::bridge::event_desk_test
