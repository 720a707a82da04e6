// Somebody else writes what is ours, or so it seems; and nodes that the ledger says nothing of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/publish/publisher.h"
#include "test/k8s-bridge/publish/fake_node.h"

namespace tideline::publish {
namespace {

using model::MilliCpu;
using model::NodeName;
using model::ReclaimRule;
using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kCpu(k8s::kBatchCpu);

class ForeignTest : public testing::Test {
 protected:
  std::optional<Foreign> observe(double seconds) { return publisher_.observed(api_.node(), at(seconds)); }
  std::vector<WriteReason> run(double seconds) {
    std::vector<WriteReason> reasons;
    for (const Write& write : publisher_.due(at(seconds), 10)) {
      reasons.push_back(write.reason);
      last_ = write;
      publisher_.written(write.node, api_.patch(write.body), at(seconds));
      publisher_.observed(api_.node(), at(seconds));
    }
    return reasons;
  }
  void start(const Offer& first) {
    observe(0);
    publisher_.offer(first, at(0));
    ASSERT_THAT(run(0), ElementsAre(WriteReason::kRise));
  }
  std::optional<MilliCpu> batch_cpu() const { return api_.node().allocatable.batch_cpu; }

  Publisher publisher_;
  FakeNode api_{"n"};
  Write last_;
};

TEST_F(ForeignTest, AnswersKubeletsZeroesAfterASecond) {
  start(offering(35'000));
  for (const auto name : kResourceNames)
    api_.set(std::string(name), "0");
  const auto foreign = observe(100);
  ASSERT_TRUE(foreign);
  EXPECT_EQ(foreign->node, NodeName("n"));
  EXPECT_EQ(foreign->found.batch_cpu, MilliCpu(0));
  EXPECT_EQ(foreign->ours.batch_cpu, MilliCpu(35'000));
  EXPECT_EQ(observe(100.1), std::nullopt) << "told once";
  EXPECT_THAT(run(100.9), IsEmpty());
  EXPECT_THAT(run(101), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(batch_cpu(), MilliCpu(35'000));
}

TEST_F(ForeignTest, AnswersAtAPaceThatSlowsDown) {
  start(offering(35'000));
  std::vector<int> answered;
  for (int tenth = 1000; tenth < 1000 + 20 * 600; ++tenth) {
    if (batch_cpu() != MilliCpu(77'000)) {
      api_.set(kCpu, "77000");
      observe(tenth / 10.0);
    }
    if (!run(tenth / 10.0).empty()) answered.push_back(tenth);
  }
  ASSERT_GE(answered.size(), 9u);
  EXPECT_LE(answered.size(), 13u) << "in twenty minutes";
  EXPECT_NEAR(answered[1] - answered[0], 20, 2);
  EXPECT_NEAR(answered[2] - answered[1], 40, 2);
  EXPECT_NEAR(answered.back() - answered[answered.size() - 2], 3000, 2);
}

TEST_F(ForeignTest, BeginsAnewAtASecondAfterAQuietTime) {
  start(offering(35'000));
  for (const double when : {100.0, 110.0, 500.0}) {
    api_.set(kCpu, "1");
    EXPECT_TRUE(observe(when)) << "it is told again";
    const double after = when == 110.0 ? 4 : 1;
    EXPECT_THAT(run(when + after - 0.1), IsEmpty()) << when;
    EXPECT_THAT(run(when + after), ElementsAre(WriteReason::kForeign)) << when;
    if (when == 100.0) {
      api_.set(kCpu, "2");
      EXPECT_TRUE(observe(101.5)) << "another value";
      api_.set(kCpu, "35000");
      EXPECT_EQ(observe(101.6), std::nullopt);
      EXPECT_THAT(run(109), IsEmpty()) << "it went away by itself";
    }
  }
}

TEST_F(ForeignTest, GoesOnWithTheOtherResources) {
  start(offering(35'000));
  api_.set(kCpu, "77000");
  observe(100);
  publisher_.offer(offering(20'000, 5 * kGi), at(100.1));
  EXPECT_THAT(run(100.1), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_cpu(), MilliCpu(77'000));
  EXPECT_FALSE(json::parse(last_.body)["status"]["allocatable"].contains(kCpu)) << "it is left alone till it is time";
  EXPECT_EQ(api_.node().allocatable.batch_memory, model::Bytes(5 * kGi));
  EXPECT_THAT(run(101.2), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(batch_cpu(), MilliCpu(20'000)) << "less is wanted by now";
}

TEST_F(ForeignTest, NeverAnswersWithARiseThatWaits) {
  start(offering(35'000));
  publisher_.offer(offering(60'000), at(90));
  api_.set(kCpu, "0");
  observe(100);
  EXPECT_THAT(run(101), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(batch_cpu(), MilliCpu(35'000));
  EXPECT_THAT(run(130), IsEmpty());
  EXPECT_THAT(run(131), ElementsAre(WriteReason::kRise)) << "it held since the answer";
}

TEST_F(ForeignTest, RemovesWhatSomebodyPutWhereNothingIsOffered) {
  start(offering(35'000));
  publisher_.offer(ruled(ReclaimRule::kStale), at(10));
  ASSERT_THAT(run(10), ElementsAre(WriteReason::kWithdraw));
  api_.set(kCpu, "5000");
  EXPECT_TRUE(observe(20));
  EXPECT_EQ(publisher_.above(at(20)).nodes, 1u);
  EXPECT_THAT(run(21), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(batch_cpu(), std::nullopt);
}

TEST_F(ForeignTest, TakesTheWantedValueFromAnybody) {
  start(offering(35'000));
  publisher_.offer(offering(60'000), at(90));
  api_.set(kCpu, "60000");
  EXPECT_EQ(observe(100), std::nullopt);
  EXPECT_THAT(run(299), IsEmpty());
  EXPECT_THAT(run(300), ElementsAre(WriteReason::kRefresh)) << "of what it was before third parties";
  EXPECT_EQ(batch_cpu(), MilliCpu(60'000));
  EXPECT_THAT(run(700), IsEmpty());
}

TEST_F(ForeignTest, SeesACapacityThatIsAnother) {
  start(offering(35'000));
  api_.set_one("capacity", kCpu, "99000");
  const auto foreign = observe(100);
  ASSERT_TRUE(foreign);
  EXPECT_EQ(foreign->found.batch_cpu, MilliCpu(99'000));
  EXPECT_THAT(run(101), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(api_.node().capacity.batch_cpu, MilliCpu(35'000));
}

TEST_F(ForeignTest, TakesAnEventFromBeforeItsWriteForNobodysValue) {
  start(offering(50'000));
  publisher_.offer(offering(20'000), at(100));
  api_.heartbeat();
  const auto before = api_.node();
  const auto writes = publisher_.due(at(100), 1);
  ASSERT_THAT(writes, SizeIs(1));
  const std::string version = api_.patch(writes[0].body);
  const auto after = api_.node();
  publisher_.written(NodeName("n"), version, at(100.1));
  EXPECT_EQ(publisher_.observed(before, at(100.2)), std::nullopt) << "the watch is behind";
  EXPECT_THAT(publisher_.due(at(105), 1), IsEmpty());
  EXPECT_EQ(publisher_.observed(after, at(105)), std::nullopt);
  EXPECT_TRUE(publisher_.observed(before, at(106))) << "and now it is not: somebody put it back";
}

TEST_F(ForeignTest, KnowsItsWriteWhenTheWatchIsFasterThanTheAnswer) {
  start(offering(50'000));
  publisher_.offer(offering(20'000), at(100));
  const auto writes = publisher_.due(at(100), 1);
  const std::string version = api_.patch(writes.at(0).body);
  EXPECT_EQ(observe(100.1), std::nullopt) << "in flight";
  api_.set(kCpu, "1");
  EXPECT_EQ(observe(100.2), std::nullopt) << "it is not known which was first";
  publisher_.written(NodeName("n"), version, at(100.3));
  EXPECT_THAT(publisher_.due(at(101.2), 1), IsEmpty());
  EXPECT_THAT(run(101.4), ElementsAre(WriteReason::kForeign)) << "its own was seen before that value";
  EXPECT_EQ(batch_cpu(), MilliCpu(20'000));
}

TEST_F(ForeignTest, BelievesTheWatchOnceItCannotBeBehindAnyMore) {
  start(offering(50'000));
  publisher_.offer(offering(20'000), at(100));
  const auto writes = publisher_.due(at(100), 1);
  const std::string version = api_.patch(writes.at(0).body);
  publisher_.written(NodeName("n"), version, at(100));
  api_.set(kCpu, "77000");  // the event of the write itself is lost, as by a new list
  EXPECT_EQ(observe(101), std::nullopt);
  EXPECT_EQ(publisher_.next_due(at(101)), at(130));
  EXPECT_THAT(run(130), IsEmpty());
  EXPECT_THAT(run(131), ElementsAre(WriteReason::kForeign));
  EXPECT_EQ(batch_cpu(), MilliCpu(20'000));
}

/// A coordinator that starts: what is published is there, the agents are not back yet.
class SilentTest : public ForeignTest {
 protected:
  void restart() {
    start(offering(35'000));
    publisher_ = Publisher();
    observe(1000);
  }
  /// As accounts are that come from history.
  static Offer restored(ReclaimRule rule) {
    Offer offer = ruled(rule);
    offer.account.data_age = std::chrono::minutes(1);
    return offer;
  }
};

TEST_F(SilentTest, KeepsWhatIsPublishedTillTheLedgerSpeaks) {
  restart();
  publisher_.offer(restored(ReclaimRule::kStale), at(1000));
  EXPECT_THAT(run(1030), IsEmpty());
  EXPECT_EQ(publisher_.above(at(1030)).nodes, 0u);
  publisher_.offer(offering(34'500), at(1031));
  EXPECT_THAT(run(1032), IsEmpty());
  publisher_.offer(ruled(ReclaimRule::kStale), at(1033));
  EXPECT_THAT(run(1033), ElementsAre(WriteReason::kWithdraw)) << "now it is the ledger's word";
}

TEST_F(SilentTest, WithdrawsAfterTheGrace) {
  restart();
  publisher_.offer(restored(ReclaimRule::kStale), at(1000));
  EXPECT_EQ(publisher_.next_due(at(1000)), at(1120));
  EXPECT_THAT(run(1119), IsEmpty());
  EXPECT_THAT(run(1120), ElementsAre(WriteReason::kWithdraw));
  EXPECT_EQ(batch_cpu(), std::nullopt);
  EXPECT_FALSE(api_.object()["metadata"]["annotations"].contains("tideline.io/reclaimed"));
  EXPECT_THAT(run(2000), IsEmpty());
}

TEST_F(SilentTest, WithdrawsAfterTheGraceWhereTheLedgerKnowsNoSuchNode) {
  restart();
  EXPECT_THAT(run(1119), IsEmpty());
  EXPECT_THAT(run(1120), ElementsAre(WriteReason::kWithdraw));
}

TEST_F(SilentTest, LeavesAloneWhatItDidNotWrite) {
  api_.set(kCpu, "5000");
  observe(0);
  EXPECT_THAT(run(5000), IsEmpty());
  api_.set(kCpu, "6000");
  EXPECT_EQ(observe(5001), std::nullopt) << "nor is it ours";
  EXPECT_EQ(publisher_.next_due(at(5001)), std::nullopt);
}

TEST_F(SilentTest, TakesNoPolicyYetForSilence) {
  restart();
  Offer off = ruled(ReclaimRule::kDisabled);
  off.account.policy = model::PolicyVersion();
  publisher_.offer(off, at(1001));
  EXPECT_THAT(run(1010), IsEmpty());
  off.account.policy = model::PolicyVersion(4);
  publisher_.offer(off, at(1011));
  EXPECT_THAT(run(1011), ElementsAre(WriteReason::kWithdraw)) << "a policy that says so";
}

TEST_F(ForeignTest, AWatchThatHangsTellsNothingOfOthers) {
  start(offering(35'000));
  publisher_.offer(offering(20'000), at(100));
  const auto writes = publisher_.due(at(100), 10);
  ASSERT_THAT(writes, testing::SizeIs(1));
  publisher_.written(NodeName("n"), api_.patch(writes[0].body), at(100));
  for (int second = 101; second < 380; ++second) {
    publisher_.offer(offering(20'000), at(second));
    EXPECT_THAT(publisher_.due(at(second), 10), IsEmpty()) << second;
  }
  EXPECT_EQ(observe(380), std::nullopt) << "it goes on, and shows our own";
  EXPECT_THAT(run(380), IsEmpty());
}

}  // namespace
}  // namespace tideline::publish
