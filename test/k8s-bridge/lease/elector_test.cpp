#include "k8s-bridge/lease/elector.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "test/k8s-bridge/lease/fake_lease.h"

namespace tideline::lease::elector_test {
namespace {

using model::BootTime;
using model::Duration;
using model::WallTime;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr WallTime kWall{1'796'040'000'000};
constexpr Duration kStep = milliseconds(100);

ElectorOptions options_of(const std::string& identity) {
  ElectorOptions options;
  options.identity = identity;
  return options;
}

Record held_by(const std::string& holder, std::int64_t duration_seconds = 15) {
  Record record;
  record.holder = holder;
  record.duration_seconds = duration_seconds;
  record.acquire_time = record.renew_time = "2026-11-30T12:00:00.000000Z";
  record.transitions = 3;
  return record;
}

class ElectorTest : public testing::Test {
 protected:
  /// Asks and is answered until nothing is due.
  void turn(Elector& elector) {
    for (int calls = 0; calls < 10; ++calls) {
      const auto call = elector.due(now_, kWall);
      if (!call) return;
      elector.answered(server_.serve(*call), now_, 0);
    }
    FAIL() << "it asks without end";
  }
  /// Time goes by, with the server at hand.
  void pass(Duration time, const std::vector<Elector*>& electors) {
    for (const auto end = now_ + time; now_ < end; now_ = now_ + kStep) {
      for (auto* elector : electors)
        turn(*elector);
    }
  }
  static bool leads(const Elector& elector) { return elector.leads_until().has_value(); }
  /// One that leads since now.
  Elector leader(const std::string& identity) {
    server_.put_record(held_by(""));
    Elector elector(options_of(identity));
    turn(elector);
    EXPECT_TRUE(leads(elector));
    return elector;
  }

  BootTime now_{1'000'000'000'000};
  FakeLease server_;
};

TEST_F(ElectorTest, ALeaseThatNobodyHasIsTakenAtOnce) {
  server_.put_record(held_by(""));
  Elector elector(options_of("a"));
  EXPECT_EQ(elector.standing().phase, Phase::kStandby);
  EXPECT_EQ(elector.next_due(), BootTime{}) << "it begins at once";
  turn(elector);
  EXPECT_EQ(elector.leads_until(), now_ + seconds(10));
  const auto record = server_.record();
  EXPECT_EQ(record.holder, "a");
  EXPECT_EQ(record.duration_seconds, 15);
  EXPECT_EQ(record.acquire_time, "2026-11-30T12:00:00.000000Z");
  EXPECT_EQ(record.renew_time, record.acquire_time);
  EXPECT_EQ(record.transitions, 4);
  EXPECT_EQ(elector.standing(), (Standing{Phase::kLeading, "a", "", 4}));
}

TEST_F(ElectorTest, ALeaseThatIsNotThereIsMadeWhenItWasMissingForItsDuration) {
  Elector elector(options_of("a"));
  pass(seconds(14), {&elector});
  EXPECT_FALSE(server_.is_there()) << "somebody may have deleted a leader's";
  EXPECT_EQ(elector.standing().problem, "404 Not Found");
  pass(seconds(2), {&elector});
  ASSERT_TRUE(server_.is_there());
  EXPECT_TRUE(leads(elector));
  EXPECT_EQ(server_.record().transitions, 0);
  EXPECT_EQ(server_.record().acquire_time, server_.record().renew_time);
}

TEST_F(ElectorTest, OneThatWasStoppedLooksAgainBeforeItMakesALease) {
  Elector elector(options_of("a"));
  turn(elector);
  now_ = now_ + minutes(5);
  turn(elector);
  EXPECT_FALSE(server_.is_there()) << "another may have made it meanwhile, and lost it again";
  pass(seconds(16), {&elector});
  EXPECT_TRUE(leads(elector));
}

TEST_F(ElectorTest, AHeldLeaseIsTakenWhenItsRecordStoodStillForItsDurationByOnesOwnClock) {
  auto record = held_by("other");
  // Its wall clock says that the Lease has been over for years, or will begin in years: no matter.
  for (const char* renewed : {"1999-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z", "no time"}) {
    record.renew_time = renewed;
    server_.put_record(record);
    Elector elector(options_of("a"));
    const auto begin = now_;
    while (!leads(elector) && now_ < begin + minutes(1)) {
      turn(elector);
      now_ = now_ + kStep;
    }
    EXPECT_GE(now_ - begin, seconds(15)) << renewed;
    EXPECT_LE(now_ - begin, seconds(15) + 2 * kStep) << renewed;
    EXPECT_EQ(server_.record().holder, "a");
  }
}

TEST_F(ElectorTest, ALeaseThatIsRenewedIsNeverTaken) {
  Elector elector(options_of("a"));
  auto record = held_by("other");
  for (int renewal = 0; renewal < 30; ++renewal) {
    record.renew_time = "renewal " + std::to_string(renewal);
    server_.put_record(record);
    pass(seconds(14), {&elector});
    ASSERT_FALSE(leads(elector)) << renewal;
  }
  EXPECT_EQ(elector.standing(), (Standing{Phase::kStandby, "other", "", 3}));
}

TEST_F(ElectorTest, WhoLabelsTheLeaseRenewsNothing) {
  server_.put_record(held_by("other"));
  Elector elector(options_of("a"));
  for (int label = 0; label < 8; ++label) {
    server_.label(std::to_string(label));
    pass(seconds(2), {&elector});
  }
  EXPECT_TRUE(leads(elector));
  EXPECT_EQ(server_.object().at("metadata").at("labels").at("touched"), "7");
}

TEST_F(ElectorTest, TheHoldersDurationCountsWhereItIsLonger) {
  server_.put_record(held_by("other", 60));
  Elector elector(options_of("a"));
  pass(seconds(59), {&elector});
  EXPECT_FALSE(leads(elector));
  pass(seconds(2), {&elector});
  EXPECT_TRUE(leads(elector));

  server_.put_record(held_by("other", 1));
  Elector another(options_of("b"));
  pass(seconds(14), {&another});
  EXPECT_FALSE(leads(another)) << "its own one is longer";
}

TEST_F(ElectorTest, ALeaderRenewsEachRetryPeriodAndKeepsWhatTheRecordSaysOfItsBeginning) {
  auto elector = leader("a");
  const auto before = server_.record();
  const auto begin = now_;
  int renewals = 0;
  for (auto version = server_.object().at("metadata").at("resourceVersion"); now_ < begin + seconds(20);) {
    turn(elector);
    const auto newer = server_.object().at("metadata").at("resourceVersion");
    if (newer != version) ++renewals;
    version = newer;
    now_ = now_ + kStep;
  }
  EXPECT_EQ(renewals, 9);
  EXPECT_EQ(server_.record().acquire_time, before.acquire_time);
  EXPECT_EQ(server_.record().transitions, before.transitions);
  EXPECT_NE(server_.record().renew_time, before.renew_time) << "though the wall clock stands still";
}

TEST_F(ElectorTest, ATermReckonsFromWhenTheRenewalWasSent) {
  auto elector = leader("a");
  now_ = now_ + seconds(2);
  const auto sent = now_;
  const auto call = elector.due(now_, kWall);
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(elector.due(now_, kWall), std::nullopt) << "one at a time";
  now_ = now_ + seconds(4);
  elector.answered(server_.serve(*call), now_, 0);
  EXPECT_EQ(elector.leads_until(), sent + seconds(10));
  EXPECT_EQ(elector.next_due(), now_) << "the next one is due already";
}

TEST_F(ElectorTest, WhoHearsTooLateThatItHasTheLeaseDoesNotLeadByThat) {
  server_.put_record(held_by(""));
  Elector elector(options_of("a"));
  elector.answered(server_.serve(*elector.due(now_, kWall)), now_, 0);
  const auto call = elector.due(now_, kWall);
  ASSERT_TRUE(call && call->kind == Call::Kind::kUpdate);
  now_ = now_ + seconds(10);
  elector.answered(server_.serve(*call), now_, 0);
  EXPECT_FALSE(leads(elector));
  turn(elector);
  EXPECT_EQ(elector.leads_until(), now_ + seconds(10));
}

TEST_F(ElectorTest, ALeaderWhoseRenewalsAreNotAnsweredIsLostAtTheDeadlineAndForGood) {
  auto elector = leader("a");
  const auto until = *elector.leads_until();
  for (; now_ < until; now_ = now_ + kStep) {
    if (elector.due(now_, kWall)) elector.answered(no_answer("no connection"), now_, 0);
    ASSERT_TRUE(leads(elector));
  }
  EXPECT_EQ(elector.due(until, kWall), std::nullopt);
  EXPECT_FALSE(leads(elector));
  EXPECT_EQ(elector.standing().phase, Phase::kLost);
  EXPECT_THAT(elector.standing().problem, testing::AllOf(HasSubstr("10000 ms"), HasSubstr("no connection")));
  EXPECT_EQ(elector.next_due(), std::nullopt);
  pass(minutes(1), {&elector});
  EXPECT_FALSE(leads(elector));
}

TEST_F(ElectorTest, AnAnswerAfterTheDeadlineDoesNotReviveALeader) {
  auto elector = leader("a");
  now_ = now_ + seconds(2);
  const auto call = elector.due(now_, kWall);
  ASSERT_TRUE(call.has_value());
  const auto answer = server_.serve(*call);
  EXPECT_EQ(elector.next_due(), elector.leads_until()) << "also while an answer is waited for";
  now_ = *elector.leads_until();
  elector.answered(answer, now_, 0);
  EXPECT_EQ(elector.standing().phase, Phase::kLost);
}

TEST_F(ElectorTest, ALeaderIsAskedAgainSoonAfterAFailure) {
  auto elector = leader("a");
  now_ = now_ + seconds(2);
  ASSERT_TRUE(elector.due(now_, kWall).has_value());
  elector.answered(answer_of(500, "", "500: etcdserver: leader changed"), now_, 1);
  EXPECT_EQ(elector.next_due(), now_ + milliseconds(500));
  EXPECT_EQ(elector.standing().problem, "500: etcdserver: leader changed");
  now_ = now_ + milliseconds(500);
  turn(elector);
  EXPECT_EQ(elector.leads_until(), now_ + seconds(10));
  EXPECT_EQ(elector.standing().problem, "");
}

TEST_F(ElectorTest, ALeaderThatSeesAnotherHolderIsLost) {
  auto elector = leader("a");
  server_.put_record(held_by("b"));
  now_ = now_ + seconds(2);
  turn(elector);
  EXPECT_TRUE(leads(elector)) << "a conflict may be of somebody who labels it";
  now_ = now_ + seconds(1);
  turn(elector);
  EXPECT_FALSE(leads(elector));
  EXPECT_EQ(elector.standing().phase, Phase::kLost);
  EXPECT_THAT(elector.standing().problem, HasSubstr("held by b"));
}

TEST_F(ElectorTest, AConflictOfALeaderWithSomebodyWhoLabelsIsNoLoss) {
  auto elector = leader("a");
  for (int label = 0; label < 20; ++label) {
    server_.label(std::to_string(label));
    pass(seconds(3), {&elector});
    ASSERT_TRUE(leads(elector)) << label;
  }
  EXPECT_EQ(server_.object().at("metadata").at("labels").at("touched"), "19");
}

TEST_F(ElectorTest, WhatWasTakenWithoutAnAnswerIsFoundAndRenewedBeforeItLeads) {
  server_.put_record(held_by(""));
  Elector elector(options_of("a"));
  elector.answered(server_.serve(*elector.due(now_, kWall)), now_, 0);
  const auto call = elector.due(now_, kWall);
  ASSERT_TRUE(call.has_value());
  static_cast<void>(server_.serve(*call));
  elector.answered(no_answer("lost"), now_, 0);
  EXPECT_FALSE(leads(elector));
  EXPECT_EQ(server_.record().holder, "a");
  now_ = now_ + seconds(3);
  turn(elector);
  EXPECT_EQ(elector.leads_until(), now_ + seconds(10));
  EXPECT_EQ(server_.record().transitions, 4) << "it is counted once";
}

TEST_F(ElectorTest, OfTwoThatWriteAtOnceOneIsRefused) {
  server_.put_record(held_by(""));
  Elector a(options_of("a"));
  Elector b(options_of("b"));
  for (auto* elector : {&a, &b})
    elector->answered(server_.serve(*elector->due(now_, kWall)), now_, 0);
  const auto from_a = a.due(now_, kWall);
  const auto from_b = b.due(now_, kWall);
  b.answered(server_.serve(*from_b), now_, 0);
  a.answered(server_.serve(*from_a), now_, 0);
  EXPECT_TRUE(leads(b));
  EXPECT_FALSE(leads(a));
  pass(minutes(1), {&a, &b});
  EXPECT_TRUE(leads(b));
  EXPECT_FALSE(leads(a));
}

TEST_F(ElectorTest, ALeaseThatIsGivenBackIsTakenWithinTheRetryPeriod) {
  auto a = leader("a");
  Elector b(options_of("b"));
  pass(seconds(5), {&a, &b});
  a.release(now_);
  EXPECT_FALSE(leads(a)) << "before it asks";
  turn(a);
  EXPECT_EQ(a.standing().phase, Phase::kReleased);
  EXPECT_EQ(server_.record().holder, "");
  EXPECT_EQ(server_.record().duration_seconds, 1);
  EXPECT_EQ(server_.record().transitions, 4);
  pass(seconds(3), {&a, &b});
  EXPECT_TRUE(leads(b));
  EXPECT_EQ(server_.record().transitions, 5);
  EXPECT_FALSE(leads(a));
}

TEST_F(ElectorTest, ALeaseIsGivenBackThoughAnswersAreLost) {
  auto elector = leader("a");
  now_ = now_ + seconds(2);
  // A renewal is on its way, and will be done.
  const auto renewal = elector.due(now_, kWall);
  ASSERT_TRUE(renewal.has_value());
  elector.release(now_);
  EXPECT_EQ(elector.due(now_, kWall), std::nullopt);
  static_cast<void>(server_.serve(*renewal));
  elector.answered(no_answer("lost"), now_, 0);
  pass(seconds(2), {&elector});
  EXPECT_EQ(elector.standing().phase, Phase::kReleased);
  EXPECT_EQ(server_.record().holder, "");
}

TEST_F(ElectorTest, AStandbyThatMayHaveGotItGivesItBackAndAnotherAsksNothing) {
  server_.put_record(held_by(""));
  Elector elector(options_of("a"));
  elector.answered(server_.serve(*elector.due(now_, kWall)), now_, 0);
  const auto call = elector.due(now_, kWall);
  elector.release(now_);
  elector.answered(server_.serve(*call), now_, 0);
  EXPECT_FALSE(leads(elector));
  turn(elector);
  EXPECT_EQ(elector.standing().phase, Phase::kReleased);
  EXPECT_EQ(server_.record().holder, "");

  server_.put_record(held_by("other"));
  Elector another(options_of("b"));
  turn(another);
  another.release(now_);
  EXPECT_EQ(another.standing().phase, Phase::kReleased);
  EXPECT_EQ(another.due(now_, kWall), std::nullopt);
}

TEST_F(ElectorTest, ADeletedLeaseIsMadeAgainByItsLeaderWhileCandidatesWait) {
  auto a = leader("a");
  Elector b(options_of("b"));
  pass(seconds(5), {&a, &b});
  server_.remove();
  pass(seconds(20), {&b, &a});
  EXPECT_TRUE(leads(a));
  EXPECT_FALSE(leads(b));
  EXPECT_EQ(server_.record().holder, "a");
}

TEST_F(ElectorTest, ALookIsLaterByChanceAndAtOnceWhereTheLeaseExpires) {
  server_.put_record(held_by("other"));
  Elector elector(options_of("a"));
  elector.answered(server_.serve(*elector.due(now_, kWall)), now_, 0.5);
  EXPECT_EQ(elector.next_due(), now_ + milliseconds(2500));
  const auto expires = now_ + seconds(15);
  now_ = now_ + seconds(14);
  elector.answered(server_.serve(*elector.due(now_, kWall)), now_, 1);
  EXPECT_EQ(elector.next_due(), expires);
}

TEST_F(ElectorTest, AServerThatRefusesAlwaysIsNotAskedWithoutEnd) {
  auto elector = leader("a");
  int calls = 0;
  for (const auto end = now_ + minutes(1); now_ < end; now_ = now_ + milliseconds(1)) {
    if (!elector.due(now_, kWall)) continue;
    ++calls;
    elector.answered(answer_of(409, "{}", "409 Conflict"), now_, 0);
  }
  EXPECT_LE(calls, 25);
  EXPECT_EQ(elector.standing().phase, Phase::kLost);
}

TEST_F(ElectorTest, AnAnswerThatCannotBeReadIsNone) {
  server_.put_record(held_by(""));
  Elector elector(options_of("a"));
  ASSERT_TRUE(elector.due(now_, kWall).has_value());
  elector.answered(answer_of(200, R"({"kind": "Lease"})", "200 OK"), now_, 0);
  EXPECT_THAT(elector.standing().problem, HasSubstr("cannot be read"));
  now_ = now_ + seconds(3);
  turn(elector);
  EXPECT_TRUE(leads(elector));
}

TEST(ElectorOptionsTest, DeadlinesKeepTheirProportions) {
  const auto usual = with_duration(options_of("a"), seconds(15));
  ASSERT_TRUE(usual.ok());
  EXPECT_EQ(usual->renew_deadline, seconds(10));
  EXPECT_EQ(usual->retry, seconds(2));
  for (const Duration wrong : {Duration(seconds(4)), Duration(minutes(11)), Duration(milliseconds(15'500))})
    EXPECT_FALSE(with_duration(options_of("a"), wrong).ok());
  for (const Duration right : {Duration(seconds(5)), Duration(minutes(10))}) {
    const auto options = with_duration(options_of("a"), right);
    ASSERT_TRUE(options.ok());
    EXPECT_LT(options->renew_deadline, options->duration);
    EXPECT_LT(options->retry * 3, options->renew_deadline);
  }
}

}  // namespace
}  // namespace tideline::lease::elector_test
