#include "k8s-bridge/publish/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/k8s-bridge/publish/fake_node.h"

namespace tideline::publish {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::NodeName;
using model::ReclaimRule;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// One node that is watched without a lag, and whose writes succeed at once.
class PublisherTest : public testing::Test {
 protected:
  void offer(const Offer& offer, double seconds) { publisher_.offer(offer, at(seconds)); }
  std::optional<Foreign> observe(double seconds) { return publisher_.observed(api_.node(), at(seconds)); }
  /// Makes what is due; -> the reasons.
  std::vector<WriteReason> run(double seconds) {
    std::vector<WriteReason> reasons;
    for (const Write& write : publisher_.due(at(seconds), 10)) {
      reasons.push_back(write.reason);
      last_ = write;
      publisher_.written(write.node, api_.patch(write.body), at(seconds));
      observe(seconds);
    }
    return reasons;
  }
  /// Runs each second of (from, to]; -> the seconds in which there was a write.
  std::vector<int> run_through(int from, int to) {
    std::vector<int> seconds;
    for (int second = from + 1; second <= to; ++second) {
      if (!run(second).empty()) seconds.push_back(second);
    }
    return seconds;
  }
  /// The node is there and published, at 0 s.
  void start(const Offer& first) {
    observe(0);
    offer(first, 0);
    ASSERT_THAT(run(0), ElementsAre(WriteReason::kRise));
  }
  std::optional<MilliCpu> batch_cpu() const { return api_.node().allocatable.batch_cpu; }
  std::optional<Bytes> batch_memory() const { return api_.node().allocatable.batch_memory; }

  Publisher publisher_;
  FakeNode api_{"n"};
  Write last_;
};

TEST_F(PublisherTest, WritesTheFirstOfferAtOnce) {
  EXPECT_THAT(run(0), IsEmpty());
  observe(0);
  EXPECT_THAT(run(0), IsEmpty()) << "no offer yet";
  Offer first = offering(35'000);
  first.account.cpu.mid = MilliCpu(7'000);
  offer(first, 1);
  EXPECT_THAT(run(1), ElementsAre(WriteReason::kRise));
  const json body = json::parse(last_.body);
  const json resources = {{"kubernetes.io/batch-cpu", "35000"},
                          {"kubernetes.io/batch-memory", "21474836480"},
                          {"kubernetes.io/mid-cpu", "7000"},
                          {"kubernetes.io/mid-memory", "0"}};
  EXPECT_EQ(body["status"], (json{{"capacity", resources}, {"allocatable", resources}}));
  EXPECT_EQ(body["metadata"]["uid"], "u1") << "so that it is no other Node's";
  EXPECT_THAT(body["metadata"]["annotations"], SizeIs(2)) << "and batch before third parties";
  EXPECT_EQ(json::parse(body["metadata"]["annotations"]["tideline.io/reclaimed"].get<std::string>())["policy"], 3);
  EXPECT_EQ(last_.values, (k8s::Extended{MilliCpu(35'000), Bytes(20 * kGi), MilliCpu(7'000), Bytes(0)}));
  EXPECT_THAT(run_through(1, 900), IsEmpty()) << "it is true";
}

TEST_F(PublisherTest, WritesNothingForANodeWithoutAnObject) {
  offer(offering(35'000), 0);
  EXPECT_THAT(run_through(0, 400), IsEmpty());
  EXPECT_EQ(publisher_.next_due(at(400)), std::nullopt);
  observe(401);
  EXPECT_THAT(run(401), SizeIs(1));
}

TEST_F(PublisherTest, WritesNothingThatIsTrueAfterARestart) {
  start(offering(35'000));
  publisher_ = Publisher();
  observe(10);
  offer(offering(35'000), 11);
  EXPECT_THAT(run_through(10, 2000), IsEmpty()) << "35k is 35000";
}

TEST_F(PublisherTest, WritesAFallBeyondTheThresholdAtOnce) {
  start(offering(35'000));
  offer(offering(31'000), 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_cpu(), MilliCpu(31'000));
  offer(offering(0), 200);
  EXPECT_THAT(run(200), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_cpu(), MilliCpu(0)) << "nothing is offered, and that is a number";
}

TEST_F(PublisherTest, LeavesASmallFallToTheLeastInterval) {
  start(offering(35'000));
  offer(offering(32'000), 100);
  EXPECT_THAT(run_through(100, 299), IsEmpty());
  EXPECT_THAT(run(300), ElementsAre(WriteReason::kRefresh));
  EXPECT_EQ(batch_cpu(), MilliCpu(32'000));
}

TEST_F(PublisherTest, WritesASmallFallAtOnceWhereSchedulersWouldAddToWhatIsTooMuch) {
  Offer first = offering(35'000);
  first.account.cpu.committed = MilliCpu(33'000);
  start(first);
  first.account.cpu.published = MilliCpu(34'000);
  offer(first, 50);
  EXPECT_THAT(run(50), IsEmpty()) << "what is committed has its room";
  first.account.cpu.published = MilliCpu(32'000);
  offer(first, 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kFall));
  first.account.cpu.published = MilliCpu(31'000);
  offer(first, 150);
  EXPECT_THAT(run(150), IsEmpty()) << "nothing can be added: more is committed than published";
}

TEST_F(PublisherTest, WritesASmallFallAtOnceWhereTheSafeCapacityShrank) {
  start(offering(35'000));
  Offer less = offering(34'000);
  less.account.cpu.margin = MilliCpu(36'000);
  offer(less, 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kFall));
  less.account.cpu.published = MilliCpu(33'500);
  offer(less, 110);
  EXPECT_THAT(run(110), IsEmpty()) << "it is what it was at the last write";
}

TEST_F(PublisherTest, JudgesEachResourceByItself) {
  start(offering(35'000, 20 * kGi));
  offer(offering(35'000, 10 * kGi), 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_memory(), Bytes(10 * kGi));
  offer(offering(60'000, 5 * kGi), 200);
  EXPECT_THAT(run(200), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_cpu(), MilliCpu(35'000)) << "a rise does not ride along";
  EXPECT_THAT(run_through(200, 229), IsEmpty());
  EXPECT_THAT(run(230), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(batch_cpu(), MilliCpu(60'000));
}

TEST_F(PublisherTest, TakesSmallDifferencesAlong) {
  start(offering(35'000, 20 * kGi));
  offer(offering(36'000, 10 * kGi), 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_cpu(), MilliCpu(36'000));
}

TEST_F(PublisherTest, WritesARiseOnceItHeld) {
  start(offering(35'000));
  offer(offering(60'000), 100);
  EXPECT_THAT(run_through(100, 120), IsEmpty());
  offer(offering(36'000), 120);  // a break
  offer(offering(50'000), 121);
  EXPECT_THAT(run_through(121, 150), IsEmpty());
  EXPECT_THAT(run(151), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(batch_cpu(), MilliCpu(50'000));
  offer(offering(70'000), 152);
  EXPECT_THAT(run_through(152, 210), IsEmpty()) << "rises keep a distance";
  EXPECT_THAT(run(211), ElementsAre(WriteReason::kRise));
}

TEST_F(PublisherTest, WritesASmallRiseAtTheLeastInterval) {
  start(offering(35'000));
  offer(offering(38'000), 100);
  EXPECT_THAT(run_through(100, 299), IsEmpty());
  EXPECT_THAT(run(300), ElementsAre(WriteReason::kRefresh));
  EXPECT_EQ(batch_cpu(), MilliCpu(38'000));
}

TEST_F(PublisherTest, RefreshesAtMostOnceInTheLeastIntervalWhateverTheNoise) {
  start(offering(35'000));
  for (int second = 10; second < 3600; second += 10) {
    offer(offering(34'700 + 100 * (second / 10 % 7)), second);
    run(second);
  }
  EXPECT_LE(api_.writes(), 1 + 3600 / 300);
}

TEST_F(PublisherTest, GoesByThePolicysThresholdAndInterval) {
  Offer first = offering(35'000);
  first.diff_threshold = 0.5;
  first.least_interval = std::chrono::seconds(60);
  start(first);
  first.account.cpu.published = MilliCpu(20'000);
  offer(first, 10);
  EXPECT_THAT(run_through(10, 59), IsEmpty());
  EXPECT_THAT(run(60), ElementsAre(WriteReason::kRefresh));
}

TEST_F(PublisherTest, WithdrawsOrPublishesNothingByTheRule) {
  const std::pair<ReclaimRule, bool> cases[] = {
      {ReclaimRule::kDisabled, true},       {ReclaimRule::kStale, true},    {ReclaimRule::kUnknownUsage, false},
      {ReclaimRule::kBadAnnotation, false}, {ReclaimRule::kDeficit, false}, {ReclaimRule::kUsage, false},
  };
  for (const auto& [rule, is_withdrawn] : cases) {
    publisher_ = Publisher();
    api_ = FakeNode("n");
    start(offering(35'000));
    offer(ruled(rule), 100);
    EXPECT_THAT(run(100), ElementsAre(is_withdrawn ? WriteReason::kWithdraw : WriteReason::kFall)) << name_of(rule);
    const auto& allocatable = api_.object()["status"]["allocatable"];
    EXPECT_EQ(allocatable.contains("kubernetes.io/batch-cpu"), !is_withdrawn) << name_of(rule);
    EXPECT_EQ(allocatable.contains("kubernetes.io/mid-memory"), !is_withdrawn) << name_of(rule);
    EXPECT_EQ(api_.object()["status"]["capacity"], allocatable);
    EXPECT_EQ(batch_cpu().value_or(MilliCpu(0)), MilliCpu(0));
    EXPECT_EQ(api_.object()["metadata"]["annotations"].contains("tideline.io/reclaimed"),
              rule != ReclaimRule::kDisabled)
        << "why nothing is there, unless Tideline is off";
    EXPECT_THAT(run_through(100, 1000), IsEmpty());
  }
}

TEST_F(PublisherTest, ComesBackFromAWithdrawalAsARise) {
  start(offering(35'000));
  offer(ruled(ReclaimRule::kStale), 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kWithdraw));
  offer(offering(35'000), 200);
  EXPECT_THAT(run_through(200, 229), IsEmpty());
  EXPECT_THAT(run(230), ElementsAre(WriteReason::kRise));
}

TEST_F(PublisherTest, PublishesAtFirstWhatIsKnownAndTheRestOnceItIs) {
  observe(0);
  Offer half = offering(35'000, 0);
  half.account.memory.rule = half.account.memory.mid_rule = ReclaimRule::kUnknownUsage;
  offer(half, 0);
  EXPECT_THAT(run(0), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(batch_cpu(), MilliCpu(35'000));
  EXPECT_EQ(batch_memory(), std::nullopt) << "or it would rise from 0 later";
  offer(offering(35'000), 10);
  EXPECT_THAT(run(10), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(batch_memory(), Bytes(20 * kGi));
}

TEST_F(PublisherTest, PublishesThatNothingIsKnownAfterAWhile) {
  observe(0);
  offer(ruled(ReclaimRule::kUnknownUsage), 0);
  EXPECT_THAT(run_through(0, 29), IsEmpty());
  EXPECT_THAT(run(30), SizeIs(1));
  EXPECT_EQ(batch_cpu(), MilliCpu(0));
  offer(offering(35'000), 40);
  EXPECT_THAT(run_through(40, 69), IsEmpty());
  EXPECT_THAT(run(70), ElementsAre(WriteReason::kRise));
}

TEST_F(PublisherTest, HasOneWriteInFlightAndKeepsTheirDistance) {
  start(offering(50'000));
  offer(offering(40'000), 100);
  ASSERT_THAT(publisher_.due(at(100), 10), SizeIs(1));
  offer(offering(10'000), 100.2);
  EXPECT_THAT(publisher_.due(at(105), 10), IsEmpty()) << "the one before is not answered";
  EXPECT_EQ(publisher_.next_due(at(105)), std::nullopt);
  publisher_.written(NodeName("n"), "7", at(105));
  const auto writes = publisher_.due(at(105), 10);
  ASSERT_THAT(writes, SizeIs(1));
  EXPECT_EQ(writes[0].values.batch_cpu, MilliCpu(10'000));
  publisher_.written(NodeName("n"), "8", at(105.1));
  offer(offering(0), 105.2);
  EXPECT_THAT(publisher_.due(at(105.9), 10), IsEmpty());
  EXPECT_EQ(publisher_.next_due(at(105.9)), at(106));
  EXPECT_THAT(publisher_.due(at(106), 10), SizeIs(1));
}

TEST_F(PublisherTest, MakesAFailedWriteAgainWithWhatHoldsByThen) {
  start(offering(50'000));
  offer(offering(40'000), 100);
  ASSERT_THAT(publisher_.due(at(100), 10), SizeIs(1));
  publisher_.failed(NodeName("n"), std::chrono::seconds(20), at(101));
  offer(offering(30'000), 110);
  EXPECT_THAT(publisher_.due(at(120.9), 10), IsEmpty());
  EXPECT_EQ(publisher_.next_due(at(110)), at(121));
  EXPECT_THAT(run(121), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(batch_cpu(), MilliCpu(30'000));
}

TEST_F(PublisherTest, WritesAgainWhatMayHaveBeenDoneThoughItIsNotWantedAnyMore) {
  start(offering(30'000));
  offer(offering(60'000), 100);
  ASSERT_THAT(publisher_.due(at(130), 10), SizeIs(1));
  publisher_.failed(NodeName("n"), std::chrono::seconds(1), at(131));  // and it was done, which is not told yet
  offer(offering(30'000), 131);
  EXPECT_THAT(run(132), SizeIs(1));
  EXPECT_EQ(last_.values.batch_cpu, MilliCpu(30'000));
  EXPECT_THAT(run_through(132, 1000), IsEmpty());
}

TEST_F(PublisherTest, TakesAWriteThatFailedAndWasDoneForItsOwn) {
  start(offering(50'000));
  offer(offering(40'000), 100);
  const auto writes = publisher_.due(at(100), 10);
  api_.patch(writes.at(0).body);
  publisher_.failed(NodeName("n"), std::chrono::seconds(5), at(101));
  EXPECT_EQ(observe(102), std::nullopt);
  EXPECT_THAT(run(106), ElementsAre(WriteReason::kFall)) << "once more, to be sure";
  EXPECT_EQ(api_.writes(), 3) << "and only the age of what it rests on is another";
  EXPECT_THAT(run_through(106, 1000), IsEmpty());
}

TEST_F(PublisherTest, WritesFallsFirstAndThenWhatWaitsLongest) {
  std::map<std::string, FakeNode> nodes;
  for (const char* name : {"fall", "late", "early", "withdraw"})
    nodes.emplace(name, FakeNode(name, "u"));
  for (const auto& [name, node] : nodes) {
    publisher_.observed(node.node(), at(0));
    publisher_.offer(offering(50'000, 20 * kGi, name), at(0));
  }
  for (const auto& write : publisher_.due(at(0), 10)) {
    publisher_.written(write.node, nodes.at(write.node.str()).patch(write.body), at(0));
    publisher_.observed(nodes.at(write.node.str()).node(), at(0));
  }
  publisher_.offer(offering(70'000, 20 * kGi, "early"), at(100));
  publisher_.offer(offering(70'000, 20 * kGi, "late"), at(110));
  publisher_.offer(offering(10'000, 20 * kGi, "fall"), at(200));
  Offer off = ruled(ReclaimRule::kDisabled);
  off.account.node = NodeName("withdraw");
  publisher_.offer(off, at(200));
  std::vector<std::string> order;
  for (int i = 0; i < 4; ++i) {
    for (const auto& write : publisher_.due(at(200), 1))
      order.push_back(write.node.str());
  }
  EXPECT_THAT(order, ElementsAre("fall", "withdraw", "early", "late"));
}

TEST_F(PublisherTest, TellsWhereTooMuchIsPublishedAndSinceWhen) {
  start(offering(50'000));
  EXPECT_EQ(publisher_.above(at(10)).nodes, 0u);
  offer(offering(48'000), 20);
  EXPECT_EQ(publisher_.above(at(20)).nodes, 0u) << "a difference that waits for the least interval";
  offer(offering(10'000), 30);
  EXPECT_EQ(publisher_.above(at(33)).nodes, 1u);
  EXPECT_EQ(publisher_.above(at(33)).longest, model::Duration(std::chrono::seconds(3)));
  ASSERT_THAT(publisher_.due(at(33), 1), SizeIs(1));
  offer(offering(8'000), 34);
  EXPECT_EQ(publisher_.above(at(35)).longest, model::Duration(std::chrono::seconds(5))) << "it is not done yet";
  publisher_.written(NodeName("n"), "7", at(36));
  EXPECT_EQ(publisher_.above(at(36)).nodes, 1u) << "10000 is still too much";
  EXPECT_THAT(publisher_.due(at(36), 1), SizeIs(1));
  publisher_.written(NodeName("n"), "8", at(37));
  EXPECT_EQ(publisher_.above(at(37)).nodes, 0u);
}

TEST_F(PublisherTest, ForgetsANodeThatIsGone) {
  start(offering(35'000));
  publisher_.forget(NodeName("n"));
  publisher_.forget(NodeName("other"));
  offer(offering(5'000), 10);
  EXPECT_THAT(run_through(10, 400), IsEmpty());
  api_ = FakeNode("n", "u2");
  observe(401);
  EXPECT_THAT(run(401), ElementsAre(WriteReason::kRise)) << "another Node, and nothing is published there";
}

TEST_F(PublisherTest, PublishesAtOnceOnANodeThatWasMadeAnew) {
  start(offering(35'000));
  offer(offering(20'000), 100);
  const auto old = publisher_.due(at(100), 1);
  ASSERT_THAT(old, SizeIs(1));
  api_ = FakeNode("n", "u2");
  EXPECT_EQ(observe(100.1), std::nullopt);
  EXPECT_THAT(publisher_.due(at(110), 1), IsEmpty()) << "the old Node's write is under way";
  EXPECT_EQ(api_.patch(old[0].body), "") << "and is refused";
  publisher_.failed(NodeName("n"), std::chrono::seconds(60), at(111));
  EXPECT_THAT(run(111), ElementsAre(WriteReason::kRise));
  EXPECT_EQ(batch_cpu(), MilliCpu(20'000));
}

}  // namespace
}  // namespace tideline::publish
