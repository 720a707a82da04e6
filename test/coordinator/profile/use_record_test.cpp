#include "coordinator/profile/use_record.h"

#include <optional>

#include <gtest/gtest.h>

namespace tideline::profile::use_record_test {
namespace {

using model::MonoTime;

const UseRule& kRule = kUseRules.at(Resource::kCpu);

class UseRecordTest : public testing::Test {
 protected:
  void minutes(int count, std::optional<double> used, int cold_start_minutes = 3) {
    for (int i = 0; i < count; ++i) {
      if (used) record_.see(*used);
      now_ = now_ + std::chrono::minutes(1);
      record_.end_minute(kRule, cold_start_minutes, now_);
    }
  }

  UseRecord record_;
  MonoTime now_{1'000'000'000'000};
};

TEST_F(UseRecordTest, IsWarmOnceSoManyMinutesOfUseAreKnown) {
  EXPECT_FALSE(record_.known());
  minutes(2, 500);
  EXPECT_TRUE(record_.known());
  EXPECT_FALSE(record_.warm());
  minutes(5, std::nullopt);
  EXPECT_FALSE(record_.warm()) << "a minute without a use teaches nothing";
  minutes(1, 500);
  EXPECT_TRUE(record_.warm());
}

TEST_F(UseRecordTest, ALongerColdStartCountsAtTheNextMinute) {
  minutes(3, 500, 3);
  EXPECT_TRUE(record_.warm());
  minutes(1, 500, 5);
  EXPECT_FALSE(record_.warm());
}

TEST_F(UseRecordTest, IsColdWhileItsUseIsNotKnownForHalfAnHour) {
  minutes(3, 500);
  minutes(29, std::nullopt);
  EXPECT_TRUE(record_.warm());
  EXPECT_GT(record_.peak(Predictor::kHistogram), 500) << "the last prediction stays";
  minutes(1, std::nullopt);
  EXPECT_FALSE(record_.warm());
  minutes(1, 500);
  EXPECT_TRUE(record_.warm()) << "what was learnt before counts again";
}

TEST_F(UseRecordTest, AMinuteCountsOnceByTheMostInIt) {
  for (const double used : {300.0, 900.0, 100.0})
    record_.see(used);
  EXPECT_EQ(record_.peak(Predictor::kRecentMax), 0) << "the minute is not over";
  minutes(1, std::nullopt);
  EXPECT_EQ(record_.peak(Predictor::kRecentMax), 900);
  minutes(19, 100);
  // 19 of 20 minutes are 95 %.
  EXPECT_LT(record_.peak(Predictor::kHistogram), 150);
  EXPECT_EQ(record_.peak(Predictor::kRecentMax), 900);
  EXPECT_EQ(record_.most(), 900);
}

TEST_F(UseRecordTest, UseOfZeroIsAUse) {
  minutes(3, 0);
  EXPECT_TRUE(record_.warm());
  EXPECT_EQ(record_.peak(Predictor::kHistogram), 25) << "of the lowest bucket";
}

TEST_F(UseRecordTest, RecentMaxForgetsTheDayBeforeYesterday) {
  minutes(1, 900);
  record_.end_day();
  minutes(1, 200);
  EXPECT_EQ(record_.peak(Predictor::kRecentMax), 900);
  record_.end_day();
  EXPECT_EQ(record_.peak(Predictor::kRecentMax), 200);
}

TEST_F(UseRecordTest, MostIsNoLessThanAnyPeak) {
  minutes(10, 900);
  record_.end_day();
  record_.end_day();
  EXPECT_EQ(record_.peak(Predictor::kRecentMax), 0);
  EXPECT_GT(record_.most(), 900) << "the histogram remembers longer";
}

TEST_F(UseRecordTest, IsReadAsItWasWrittenAndIsColdForAMinute) {
  minutes(10, 500);
  record_.see(7'000);
  ByteWriter out;
  record_.write(kRule, now_, out);
  const auto bytes = out.take();
  ByteReader in(bytes);
  auto read = UseRecord::read(in, now_);
  ASSERT_TRUE(in.ok());
  EXPECT_FALSE(in.more());
  EXPECT_FALSE(read.warm());
  read.end_minute(kRule, 10, now_);
  EXPECT_TRUE(read.warm());
  EXPECT_EQ(read.peak(Predictor::kHistogram), record_.peak(Predictor::kHistogram));
  EXPECT_EQ(read.peak(Predictor::kRecentMax), 500) << "not of the minute that was not over";
}

}  // namespace
}  // namespace tideline::profile::use_record_test
