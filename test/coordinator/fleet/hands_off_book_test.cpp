#include "coordinator/fleet/hands_off_book.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::fleet::hands_off_book_test {
namespace {

using model::Duration;
using model::ErrorCode;
using model::HandsOff;
using model::NodeName;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const NodeName kNode("n1");
constexpr const char* kGroup = "kubepods/besteffort";

Arrival after(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return {model::MonoTime{1'000'000'000} + duration, {1'700'000'000'000 + ms}};
}
HandsOff order(Duration remaining = hours(2), const std::string& group = kGroup) {
  return {group, remaining, false, "ann", "tuning"};
}
HandsOff release() {
  return {"", std::nullopt, true, "ann", "debugging"};
}

TEST(HandsOffBook, CountsDownAndExpiresOnTheMonotonicClock) {
  HandsOffBook book;
  ASSERT_TRUE(book.begin(kNode, order(), after({})).ok());
  EXPECT_EQ(book.rows(kNode, after(hours(1)).mono).at(0).hands_off.remaining, Duration(hours(1)));
  EXPECT_THAT(book.expire(after(hours(2) - Duration(1)).mono), IsEmpty());
  const auto expired = book.expire(after(hours(2)).mono);
  ASSERT_THAT(expired, SizeIs(1));
  EXPECT_EQ(expired[0].hands_off.group, kGroup);
  EXPECT_EQ(book.size(), 0u);
}

TEST(HandsOffBook, AnotherOrderForTheSameGroupReplacesTheFirst) {
  HandsOffBook book;
  ASSERT_TRUE(book.begin(kNode, order(), after({})).ok());
  auto longer = order(hours(5));
  longer.who = "bob";
  ASSERT_TRUE(book.begin(kNode, longer, after({})).ok());
  ASSERT_THAT(book.rows(kNode, after({}).mono), SizeIs(1));
  EXPECT_EQ(book.rows(kNode, after({}).mono)[0].hands_off, longer);
}

TEST(HandsOffBook, EndsWhatIsThereAndNamesWhatIsNot) {
  HandsOffBook book;
  ASSERT_TRUE(book.begin(kNode, order(), after({})).ok());
  ASSERT_TRUE(book.begin(kNode, release(), after({})).ok());
  const auto missing = book.end(kNode, "kubepods", false, after({}).mono);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("\"kubepods\""));
  EXPECT_TRUE(book.end(kNode, kGroup, false, after({}).mono).ok());
  EXPECT_THAT(book.expire(after(hours(24 * 365)).mono), IsEmpty()) << "a release lasts until it is ended";
  EXPECT_TRUE(book.end(kNode, "", true, after({}).mono).ok());
  EXPECT_FALSE(book.end(kNode, "", true, after({}).mono).ok());
}

TEST(HandsOffBook, ComesBackAfterARestartWithWhatIsLeftByTheWallClock) {
  HandsOffBook book;
  ASSERT_TRUE(book.begin(kNode, order(), after({})).ok());
  ASSERT_TRUE(book.begin(kNode, release(), after({})).ok());
  const auto text = book.to_text(after({}));
  // The monotonic clock of another boot says nothing; the wall clock went on by half an hour.
  Arrival later = after(minutes(30));
  later.mono = {5};
  auto back = HandsOffBook::from_text(text, later);
  ASSERT_TRUE(back.ok()) << back.error().message();
  auto rows = back->rows(kNode, later.mono);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_FALSE(rows[0].hands_off.remaining);
  EXPECT_EQ(rows[1].hands_off.remaining, Duration(minutes(90)));
  EXPECT_EQ(rows[1].hands_off.who, "ann");
  EXPECT_EQ(rows[1].hands_off.reason, "tuning");

  Arrival back_in_time = after(-hours(1000));
  back = HandsOffBook::from_text(text, back_in_time);
  EXPECT_EQ(back->rows(kNode, back_in_time.mono)[1].hands_off.remaining, Duration(hours(2)))
      << "never more than was left";
  back = HandsOffBook::from_text(text, after(hours(100)));
  EXPECT_THAT(back->expire(after(hours(100)).mono), SizeIs(1));
}

TEST(HandsOffBook, RefusesWhatIsInvalidAndTooMany) {
  HandsOffBook book;
  EXPECT_EQ(book.begin(kNode, order(hours(1), "../x"), after({})).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(book.begin(kNode, order(Duration(0)), after({})).error().code(), ErrorCode::kInvalidArgument);
  for (std::size_t i = 0; i < model::HandsOffLimits::kMaxPerNode; ++i)
    ASSERT_TRUE(book.begin(kNode, order(hours(1), "g" + std::to_string(i)), after({})).ok());
  EXPECT_EQ(book.begin(kNode, order(hours(1), "one-more"), after({})).error().code(), ErrorCode::kOverloaded);
  EXPECT_TRUE(book.begin(kNode, order(hours(2), "g0"), after({})).ok()) << "a replacement needs no room";
  EXPECT_TRUE(book.begin(NodeName("n2"), order(), after({})).ok());
}

TEST(HandsOffBook, DamageIsAnErrorAndNeverACrash) {
  HandsOffBook book;
  ASSERT_TRUE(book.begin(kNode, order(), after({})).ok());
  const auto good = book.to_text(after({}));
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_EQ(HandsOffBook::from_text(good.substr(0, length), after({})).error().code(), ErrorCode::kMalformed);
  const unsigned seed = 4711;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    auto text = good;
    text[random() % text.size()] = static_cast<char>(random());
    (void)HandsOffBook::from_text(text, after({})).ok();
  }
}

}  // namespace
}  // namespace tideline::fleet::hands_off_book_test
