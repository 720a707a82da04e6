// Annotations as Koordinator's manager writes them: batch before third parties, and the two ratios.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-bridge/publish/publisher.h"
#include "k8s-bridge/publish/values.h"
#include "test/k8s-bridge/publish/fake_node.h"

namespace tideline::publish {
namespace {

using model::MilliCpu;
using model::Ratio;
using model::ReclaimRule;
using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kOrigin = "node.koordinator.sh/originExtendedAllocatable";
constexpr const char* kNormalization = "node.koordinator.sh/cpu-normalization-ratio";
constexpr const char* kAmplification = "node.koordinator.sh/resource-amplification-ratio";

Offer scaled(int normalization, int cpu, int memory) {
  Offer offer = offering(35'000);
  offer.scaling = {.cpu_normalization = Ratio(normalization),
                   .cpu_amplification = Ratio(cpu),
                   .memory_amplification = Ratio(memory)};
  return offer;
}

TEST(Notes, HaveKoordinatorsFormats) {
  struct Row {
    Offer offer;
    std::string normalization;
    std::string amplification;
  };
  for (const auto& row : {Row{scaled(100, 100, 100), "", ""}, Row{scaled(120, 120, 100), "1.20", R"({"cpu":1.20})"},
                          Row{scaled(100, 100, 105), "", R"({"memory":1.05})"},
                          Row{scaled(500, 1000, 200), "5.00", R"({"cpu":10.00,"memory":2.00})"}}) {
    const Notes notes = notes_of(row.offer);
    EXPECT_EQ(notes.normalization, row.normalization);
    EXPECT_EQ(notes.amplification, row.amplification);
    EXPECT_EQ(notes.origin, R"({"resources":{"kubernetes.io/batch-cpu":"35000",)"
                            R"("kubernetes.io/batch-memory":"21474836480"}})");
  }
}

TEST(Notes, OfANodeThatIsStaleAreItsRatiosAlone) {
  Offer stale = scaled(120, 120, 100);
  stale.account.cpu.rule = stale.account.memory.rule = ReclaimRule::kStale;
  EXPECT_EQ(notes_of(stale), (Notes{.origin = "", .normalization = "1.20", .amplification = R"({"cpu":1.20})"}));
}

TEST(Notes, OfANodeThatIsOffAreNone) {
  Offer off = scaled(120, 120, 100);
  off.account.cpu.rule = off.account.memory.rule = ReclaimRule::kDisabled;
  EXPECT_EQ(notes_of(off), Notes{});
}

class NotesOnANode : public testing::Test {
 protected:
  void offer(const Offer& offer, double seconds) { publisher_.offer(offer, at(seconds)); }
  std::vector<WriteReason> run(double seconds) {
    std::vector<WriteReason> reasons;
    for (const Write& write : publisher_.due(at(seconds), 10)) {
      reasons.push_back(write.reason);
      publisher_.written(write.node, api_.patch(write.body), at(seconds));
      publisher_.observed(api_.node(), at(seconds));
    }
    return reasons;
  }
  void start(const Offer& first) {
    publisher_.observed(api_.node(), at(0));
    offer(first, 0);
    ASSERT_THAT(run(0), ElementsAre(WriteReason::kRise));
  }
  /// "" = it is not there.
  std::string note(const char* key) const {
    const auto& annotations = api_.object()["metadata"]["annotations"];
    return annotations.contains(key) ? annotations[key].get<std::string>() : std::string();
  }

  Publisher publisher_;
  FakeNode api_{"n"};
};

TEST_F(NotesOnANode, AreWrittenWithTheFirstOffer) {
  start(scaled(120, 180, 105));
  EXPECT_EQ(note(kNormalization), "1.20");
  EXPECT_EQ(note(kAmplification), R"({"cpu":1.80,"memory":1.05})");
  EXPECT_NE(note(kOrigin), "");
  EXPECT_THAT(run(900), IsEmpty());
}

TEST_F(NotesOnANode, SayWhatBatchIsBeforeThirdParties) {
  Offer shared = offering(35'000);
  shared.account.cpu.third_party = MilliCpu(5'000);
  shared.account.cpu.origin = MilliCpu(40'000);
  start(shared);
  EXPECT_EQ(json::parse(note(kOrigin)), json::parse(R"({"resources": {"kubernetes.io/batch-cpu": "40000",
                                                       "kubernetes.io/batch-memory": "21474836480"}})"));
  EXPECT_THAT(run(900), IsEmpty());
  offer(offering(35'000), 1000);
  EXPECT_THAT(run(1000), ElementsAre(WriteReason::kRefresh)) << "the numbers are the same, but not their story";
  EXPECT_EQ(json::parse(note(kOrigin))["resources"]["kubernetes.io/batch-cpu"], "35000");
}

TEST_F(NotesOnANode, FollowAPolicyThatIsAnotherWithTheNextWrite) {
  start(offering(35'000));
  EXPECT_EQ(note(kAmplification), "");
  offer(scaled(100, 150, 100), 100);
  EXPECT_THAT(run(299), IsEmpty());
  EXPECT_THAT(run(300), ElementsAre(WriteReason::kRefresh));
  EXPECT_EQ(note(kAmplification), R"({"cpu":1.50})");
  offer(offering(35'000), 700);
  EXPECT_THAT(run(700), ElementsAre(WriteReason::kRefresh));
  EXPECT_EQ(note(kAmplification), "") << "it is switched off";
  EXPECT_THAT(run(1700), IsEmpty());
}

TEST_F(NotesOnANode, GoWithAFallOfTheRatio) {
  start(scaled(150, 150, 100));
  offer(offering(23'000), 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kFall));
  EXPECT_EQ(note(kNormalization), "");
  EXPECT_EQ(note(kAmplification), "");
}

TEST_F(NotesOnANode, AreAllRemovedWhereColocationIsOff) {
  start(scaled(120, 120, 100));
  offer(ruled(ReclaimRule::kDisabled), 100);
  EXPECT_THAT(run(100), ElementsAre(WriteReason::kWithdraw));
  for (const char* key : {kOrigin, kNormalization, kAmplification})
    EXPECT_EQ(note(key), "") << key;
  EXPECT_THAT(run(900), IsEmpty());
}

TEST_F(NotesOnANode, OfSomebodyElseArePutRightAtTheLeastInterval) {
  start(scaled(120, 120, 100));
  api_.patch(R"({"metadata": {"annotations": {"node.koordinator.sh/cpu-normalization-ratio": "4.00"}}})");
  publisher_.observed(api_.node(), at(100));
  EXPECT_THAT(run(299), IsEmpty());
  EXPECT_THAT(run(300), ElementsAre(WriteReason::kRefresh));
  EXPECT_EQ(note(kNormalization), "1.20");
}

TEST_F(NotesOnANode, AreNotWrittenAnewAfterARestart) {
  start(scaled(120, 180, 105));
  publisher_ = Publisher();
  publisher_.observed(api_.node(), at(1000));
  offer(scaled(120, 180, 105), 1001);
  EXPECT_THAT(run(2000), IsEmpty());
}

}  // namespace
}  // namespace tideline::publish
