#include "k8s-bridge/measure/metric_book.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::measure {
namespace {

using model::MonoTime;
using model::NodeName;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

constexpr MonoTime kBegin{1'000'000'000'000};
constexpr model::Duration kTick = milliseconds(200);

class Book : public testing::Test {
 protected:
  void begin(MetricOptions options = {}) { book_ = MetricBook(options); }
  void nodes(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      book_.node(NodeName("node-" + std::to_string(i)), "uid-" + std::to_string(i), now_);
  }
  /// Each node reports just before it is asked.
  model::SharedNodeMetric metric_of(const NodeName& name) const {
    auto made = std::make_shared<model::NodeMetric>();
    made->node = name;
    made->arrived = now_;
    made->averaged = seconds(300);
    return made;
  }
  /// Whoever is asked for is measured, and whatever is sent is answered at once, if the API server is there.
  void run(model::Duration time) {
    for (const auto end = now_ + time; now_ < end; now_ = now_ + kTick) {
      for (const auto& name : book_.nodes_to_measure(now_, 50)) {
        ++asked_;
        book_.measured(name, interval_, is_silent_.contains(name) ? nullptr : metric_of(name));
      }
      for (auto flights = book_.due(now_); !flights.empty(); flights = book_.due(now_)) {
        for (const auto& flight : flights) {
          sent_.push_back({now_, flight});
          if (is_answering_) (void)book_.answered(flight.node, StepOutcome::kDone, true);
        }
        if (!is_answering_) break;
      }
    }
  }
  std::vector<MonoTime> written(const std::string& name) const {
    std::vector<MonoTime> times;
    for (const auto& one : sent_) {
      if (one.flight.node == NodeName(name) && one.flight.step == MetricStep::kStatus) times.push_back(one.at);
    }
    return times;
  }
  /// The most that were sent within any `span`.
  std::size_t densest(model::Duration span) const {
    std::size_t most = 0;
    for (std::size_t i = 0, first = 0; i < sent_.size(); ++i) {
      while (sent_[i].at - sent_[first].at >= span)
        ++first;
      most = std::max(most, i - first + 1);
    }
    return most;
  }
  /// n1 is measured, and its status is on its way.
  MetricBook::Flight fly(const std::string& uid = "uid") {
    book_.node(NodeName("n1"), uid, now_);
    now_ = now_ + minutes(1);
    EXPECT_THAT(book_.nodes_to_measure(now_, 50), testing::ElementsAre(NodeName("n1")));
    book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
    return next();
  }
  MetricBook::Flight next() {
    now_ = now_ + seconds(1);
    auto flights = book_.due(now_);
    EXPECT_THAT(flights, SizeIs(1));
    return flights.empty() ? MetricBook::Flight{} : flights.front();
  }
  bool answer(StepOutcome outcome, bool is_as_wanted = true) {
    return book_.answered(NodeName("n1"), outcome, is_as_wanted);
  }
  bool is_quiet() {
    now_ = now_ + seconds(1);
    return book_.due(now_).empty();
  }

  struct Sent {
    MonoTime at;
    MetricBook::Flight flight;
  };
  MetricBook book_;
  MonoTime now_ = kBegin;
  model::Duration interval_ = seconds(60);
  std::set<NodeName> is_silent_;
  bool is_answering_ = true;
  std::size_t asked_ = 0;
  std::vector<Sent> sent_;
};

TEST_F(Book, EachNodeIsWrittenOnceInItsInterval) {
  nodes(200);
  run(minutes(5));
  for (std::size_t i = 0; i < 200; ++i) {
    const auto times = written("node-" + std::to_string(i));
    ASSERT_GE(times.size(), 4u) << i;
    ASSERT_LE(times.size(), 5u) << i;
    EXPECT_LE(times.front() - kBegin, model::Duration(seconds(62))) << i;
    for (std::size_t k = 1; k < times.size(); ++k) {
      EXPECT_GE(times[k] - times[k - 1], model::Duration(seconds(58))) << i;
      EXPECT_LE(times[k] - times[k - 1], model::Duration(seconds(62))) << i;
    }
  }
}

TEST_F(Book, WritesAreSpreadEvenly) {
  nodes(600);
  run(minutes(4));
  EXPECT_EQ(book_.stretch(), 1.0);
  EXPECT_EQ(book_.nodes(), 600u);
  EXPECT_LE(densest(seconds(6)), 90u) << "600 in 60 s are 60 in 6 s";
}

TEST_F(Book, TheIntervalIsTheNodesOwn) {
  interval_ = seconds(20);
  nodes(1);
  run(minutes(5));
  EXPECT_GE(written("node-0").size(), 11u);
  interval_ = minutes(5);
  run(seconds(30));
  sent_.clear();
  run(minutes(20));
  EXPECT_THAT(written("node-0"), SizeIs(4));
}

TEST_F(Book, AnIntervalBelowThatOfReportsCountsAsThat) {
  interval_ = seconds(1);
  nodes(1);
  run(minutes(3));
  EXPECT_LE(written("node-0").size(), 18u);
  EXPECT_GE(written("node-0").size(), 11u);
}

TEST_F(Book, BeyondItsShareOfTheBudgetAllIntervalsAreStretchedAlike) {
  nodes(5'000);
  run(minutes(10));
  EXPECT_NEAR(book_.stretch(), 5'000 / 60.0 / 20, 0.01);
  sent_.clear();
  run(minutes(15));
  std::map<NodeName, std::size_t> writes;
  for (const auto& one : sent_)
    ++writes[one.flight.node];
  EXPECT_EQ(writes.size(), 5'000u) << "no node waits in vain";
  for (const auto& [name, count] : writes) {
    EXPECT_GE(count, 3u) << name.str();
    EXPECT_LE(count, 4u) << name.str() << ": 900 s are 3.6 of 250 s";
  }
  EXPECT_LE(densest(seconds(1)), 31u) << "20 a second, and half as many saved up";
  EXPECT_LE(densest(seconds(60)), 20u * 60 + 11);
}

TEST_F(Book, ABudgetForFiveThousandNodesIsUsedThoughEachRequestTakesLong) {
  begin(options_for(125 * 2.0 / 3));
  nodes(5'000);
  std::deque<std::pair<MonoTime, NodeName>> under_way;
  std::size_t written = 0;
  for (model::Duration past{0}; past < model::Duration(minutes(5)); past += milliseconds(10)) {
    now_ = kBegin + past;
    for (; !under_way.empty() && under_way.front().first <= now_; under_way.pop_front()) {
      (void)book_.answered(under_way.front().second, StepOutcome::kDone, true);
      ++written;
    }
    if (past % kTick == model::Duration(0)) {
      for (const auto& name : book_.nodes_to_measure(now_, 50))
        book_.measured(name, interval_, metric_of(name));
    }
    for (const auto& flight : book_.due(now_))
      under_way.emplace_back(now_ + milliseconds(150), flight.node);
  }
  EXPECT_NEAR(book_.stretch(), 1.0, 0.001);
  EXPECT_GE(written, 20'000u) << "25,000 would be all; by four at once there are 8,000";
}

TEST(MetricOptionsOfABudget, KeepToItWithAnswersThatTake200Milliseconds) {
  EXPECT_EQ(options_for(1).most_in_flight, 4u);
  EXPECT_EQ(options_for(20).most_in_flight, 4u);
  EXPECT_EQ(options_for(20).requests_a_second, 20.0);
  EXPECT_EQ(options_for(83.3).most_in_flight, 17u);
  EXPECT_EQ(options_for(6'000).requests_a_second, 200.0);
  EXPECT_EQ(options_for(6'000).most_in_flight, 40u);
}

TEST_F(Book, NodesThatAreNotMeasuredStretchNothing) {
  nodes(3'000);
  for (std::size_t i = 100; i < 3'000; ++i)
    is_silent_.insert(NodeName("node-" + std::to_string(i)));
  run(minutes(3));
  EXPECT_EQ(book_.stretch(), 1.0);
  EXPECT_EQ(book_.nodes(), 100u);
  EXPECT_GE(written("node-7").size(), 2u);
  EXPECT_THAT(written("node-700"), IsEmpty());
}

TEST_F(Book, WhatWasWrittenIsNotWrittenAgain) {
  (void)fly();
  (void)answer(StepOutcome::kDone);
  const auto same = std::make_shared<model::NodeMetric>(*metric_of(NodeName("n1")));
  same->arrived = kBegin + minutes(1);
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.measured(NodeName("n1"), seconds(60), same);
  EXPECT_TRUE(is_quiet()) << "no report came since";
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.measured(NodeName("n1"), seconds(60), nullptr);
  EXPECT_TRUE(is_quiet()) << "it is not live";
  EXPECT_EQ(book_.nodes(), 0u);
}

TEST_F(Book, AFailedWriteWaitsForItsTurn) {
  (void)fly();
  EXPECT_FALSE(answer(StepOutcome::kFailed));
  EXPECT_TRUE(is_quiet());
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
  EXPECT_EQ(next().step, MetricStep::kStatus);
}

TEST_F(Book, AnObjectThatIsNotThereIsMadeAndThenWritten) {
  const auto first = fly();
  EXPECT_EQ(first.step, MetricStep::kStatus);
  EXPECT_FALSE(answer(StepOutcome::kMissing));
  const auto made = next();
  EXPECT_EQ(made.step, MetricStep::kCreate);
  EXPECT_EQ(made.wanted.node_uid, "uid");
  EXPECT_EQ(made.wanted.interval, model::Duration(seconds(60)));
  EXPECT_EQ(made.wanted.averaged, model::Duration(seconds(300)));
  EXPECT_FALSE(answer(StepOutcome::kDone));
  const auto again = next();
  EXPECT_EQ(again.step, MetricStep::kStatus);
  EXPECT_EQ(again.metric, first.metric);
  EXPECT_FALSE(again.is_unchecked) << "it was just made so";
  EXPECT_FALSE(answer(StepOutcome::kDone));
  EXPECT_TRUE(is_quiet());
}

TEST_F(Book, AnObjectThatGoesAsSoonAsItIsMadeEndsTheTurn) {
  (void)fly();
  (void)answer(StepOutcome::kMissing);
  (void)next();
  (void)answer(StepOutcome::kDone);
  (void)next();
  EXPECT_FALSE(answer(StepOutcome::kMissing));
  EXPECT_TRUE(is_quiet());
}

TEST_F(Book, OneThatSomebodyElseMadeMeanwhileIsLookedAt) {
  (void)fly();
  (void)answer(StepOutcome::kMissing);
  (void)next();
  (void)answer(StepOutcome::kExists);
  const auto again = next();
  EXPECT_EQ(again.step, MetricStep::kStatus);
  EXPECT_TRUE(again.is_unchecked);
}

TEST_F(Book, AResourceThatIsNotThereIsNoNodesMatter) {
  (void)fly();
  (void)answer(StepOutcome::kMissing);
  (void)next();
  EXPECT_TRUE(answer(StepOutcome::kMissing));
  EXPECT_TRUE(is_quiet());
}

TEST_F(Book, SpecAndOwnerAreWrittenOnceForWhatIsWanted) {
  EXPECT_TRUE(fly().is_unchecked) << "of an earlier life, or another's";
  (void)answer(StepOutcome::kDone, false);
  const auto object = next();
  EXPECT_EQ(object.step, MetricStep::kObject);
  EXPECT_EQ(object.wanted.averaged, model::Duration(seconds(300)));
  (void)answer(StepOutcome::kDone);
  EXPECT_TRUE(is_quiet());
  const auto turn = [&](model::Duration interval) {
    now_ = now_ + minutes(2);
    EXPECT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
    book_.measured(NodeName("n1"), interval, metric_of(NodeName("n1")));
    return next();
  };
  EXPECT_FALSE(turn(seconds(60)).is_unchecked) << "whoever wrote another one since is not fought";
  (void)answer(StepOutcome::kDone, false);
  EXPECT_TRUE(is_quiet());
  EXPECT_TRUE(turn(seconds(30)).is_unchecked) << "the policy is another";
  (void)answer(StepOutcome::kDone, false);
  EXPECT_EQ(next().wanted.interval, model::Duration(seconds(30)));
  (void)answer(StepOutcome::kDone);
  book_.node(NodeName("n1"), "another", now_);
  EXPECT_TRUE(turn(seconds(30)).is_unchecked) << "the Node is another";
}

TEST_F(Book, SpecAndOwnerThatCouldNotBeWrittenAreWrittenInTheNextTurn) {
  const auto turn = [&] {
    now_ = now_ + minutes(2);
    EXPECT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
    book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
    return next();
  };
  (void)fly();
  (void)answer(StepOutcome::kDone, false);
  EXPECT_EQ(next().step, MetricStep::kObject);
  (void)answer(StepOutcome::kFailed);
  EXPECT_TRUE(is_quiet()) << "once a turn";
  EXPECT_TRUE(turn().is_unchecked);
  (void)answer(StepOutcome::kDone, false);
  book_.hold(now_ + seconds(1));
  EXPECT_TRUE(is_quiet()) << "what waits is dropped";
  EXPECT_TRUE(turn().is_unchecked);
  (void)answer(StepOutcome::kDone, false);
  EXPECT_EQ(next().step, MetricStep::kObject);
  (void)answer(StepOutcome::kDone);
  EXPECT_FALSE(turn().is_unchecked);
}

TEST_F(Book, AHoldPassesTurnsOverAndNothingPilesUpBehindIt) {
  nodes(600);
  run(minutes(2));
  book_.hold(now_ + minutes(10));
  book_.hold(now_ + seconds(1));
  sent_.clear();
  asked_ = 0;
  run(minutes(10));
  EXPECT_THAT(sent_, IsEmpty());
  EXPECT_EQ(asked_, 0u);
  run(minutes(2));
  EXPECT_LE(densest(seconds(6)), 90u) << "as evenly as before";
  EXPECT_GE(sent_.size(), 1'100u);
}

TEST_F(Book, AHoldDropsWhatWaits) {
  book_.node(NodeName("n1"), "uid", now_);
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
  book_.hold(now_ + seconds(5));
  now_ = now_ + seconds(5);
  EXPECT_TRUE(is_quiet());
}

TEST_F(Book, WithoutAnswersOnlySoMuchIsOnItsWayAndSoMuchWaits) {
  MetricOptions options;
  options.most_in_flight = 3;
  options.most_open = 10;
  begin(options);
  is_answering_ = false;
  nodes(500);
  run(minutes(3));
  EXPECT_THAT(sent_, SizeIs(3));
  EXPECT_EQ(asked_, 13u);
  is_answering_ = true;
  for (const auto& one : std::vector<Sent>(sent_))
    (void)book_.answered(one.flight.node, StepOutcome::kDone, true);
  sent_.clear();
  run(minutes(3));
  EXPECT_LE(densest(seconds(1)), 31u) << "what waited comes no faster";
  EXPECT_GE(sent_.size(), 1'200u);
}

TEST_F(Book, AGoneNodeIsForgottenWhereverItIs) {
  (void)fly();
  book_.gone(NodeName("n1"));
  EXPECT_FALSE(answer(StepOutcome::kMissing));
  EXPECT_TRUE(is_quiet());
  EXPECT_EQ(book_.nodes(), 0u);

  book_.node(NodeName("n1"), "uid", now_);
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.gone(NodeName("n1"));
  book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
  EXPECT_TRUE(is_quiet());
  book_.gone(NodeName("never-there"));
}

TEST_F(Book, AnotherNodeOfTheNameDoesNotTakeTheAnswerOfTheOneBefore) {
  (void)fly();
  book_.gone(NodeName("n1"));
  book_.node(NodeName("n1"), "another", now_);
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
  EXPECT_TRUE(is_quiet()) << "one at a time";
  EXPECT_FALSE(answer(StepOutcome::kMissing));
  EXPECT_TRUE(is_quiet()) << "that was of the other";
  now_ = now_ + minutes(1);
  ASSERT_THAT(book_.nodes_to_measure(now_, 50), SizeIs(1));
  book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
  EXPECT_EQ(next().wanted.node_uid, "another");
}

TEST_F(Book, AnswersToNothingChangeNothing) {
  EXPECT_FALSE(answer(StepOutcome::kDone));
  EXPECT_EQ(book_.in_flight(NodeName("n1")), nullptr);
  book_.measured(NodeName("n1"), seconds(60), metric_of(NodeName("n1")));
  EXPECT_TRUE(is_quiet());
}

}  // namespace
}  // namespace tideline::measure
