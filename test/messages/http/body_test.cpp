// Bodies with a bound, and promises with a deadline.

#include "messages/http/body.h"

#include <chrono>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <kj/async-io.h>
#include <kj/async.h>
#include <kj/timer.h>

#include "messages/http/kj_time.h"

namespace tideline::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class OnALoop : public testing::Test {
 public:
  ~OnALoop() noexcept override = default;  // KJ's may throw, and GoogleTest's may not

 protected:
  /// Each given whole once it is read from, then the end.
  kj::Own<kj::AsyncInputStream> body_of(const std::string& text, bool announced) {
    kj::Maybe<std::uint64_t> length = nullptr;
    if (announced) length = std::uint64_t{text.size()};
    auto pipe = kj::newOneWayPipe(length);
    auto out = kj::mv(pipe.out);
    auto held = kj::heap<std::string>(text);
    auto writing = text.empty() ? kj::Promise<void>(kj::READY_NOW) : out->write(held->data(), held->size());
    written_ = writing.attach(kj::mv(out), kj::mv(held)).eagerlyEvaluate([](kj::Exception&&) {});
    return kj::mv(pipe.in);
  }

  kj::EventLoop loop_;
  kj::WaitScope scope_{loop_};
  kj::TimerImpl timer_{kj::origin<kj::TimePoint>()};
  kj::Promise<void> written_ = kj::READY_NOW;
};

TEST_F(OnALoop, ABodyIsReadWholeOrNotAtAll) {
  for (const bool announced : {true, false}) {
    SCOPED_TRACE(announced);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}}) {
      const std::string text(size, 'x');
      EXPECT_EQ(read_body(body_of(text, announced), size).wait(scope_), std::optional(text)) << size;
      if (size != 0) {
        EXPECT_FALSE(read_body(body_of(text, announced), size - 1).wait(scope_)) << size;
      }
    }
  }
}

TEST_F(OnALoop, OfALongBodyTheBeginIsRead) {
  const std::string text = std::string(20'000, 'a') + std::string(20'000, 'b');
  for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{16 * 1024}, std::size_t{30'000},
                                 std::size_t{40'000}, std::size_t{40'001}}) {
    EXPECT_EQ(read_begin(body_of(text, false), most).wait(scope_), text.substr(0, most)) << most;
  }
}

TEST_F(OnALoop, WhatDoesNotComeInTimeIsNamedWithTheWholeOfItsTime) {
  auto paf = kj::newPromiseAndFulfiller<int>();
  auto late = within(timer_, milliseconds(300), kj::mv(paf.promise), milliseconds(500), "no page");
  timer_.advanceTo(timer_.now() + 299 * kj::MILLISECONDS);
  EXPECT_FALSE(late.poll(scope_));
  timer_.advanceTo(timer_.now() + 1 * kj::MILLISECONDS);
  ASSERT_TRUE(late.poll(scope_));
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions([&]() { late.wait(scope_); })) {
    const auto error = link::error_from(*exception);
    EXPECT_EQ(error.code(), model::ErrorCode::kUnavailable);
    EXPECT_THAT(error.message(), HasSubstr("no page within 500 ms"));
  } else {
    ADD_FAILURE() << "it came";
  }
}

TEST_F(OnALoop, WhatComesInTimeIsGiven) {
  EXPECT_EQ(within(timer_, milliseconds(1), kj::Promise<int>(7), "nothing").wait(scope_), 7);
  EXPECT_EQ(to_kj(milliseconds(-5)), 0 * kj::NANOSECONDS);
  timer_.advanceTo(timer_.now() + 3 * kj::MICROSECONDS);
  EXPECT_EQ(now_of(timer_).ns, 3'000);
}

}  // namespace
}  // namespace tideline::http
