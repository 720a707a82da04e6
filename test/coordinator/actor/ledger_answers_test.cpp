#include "coordinator/actor/ledger_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/actor/ledger_fixture.h"

namespace tideline::coordinator::ledger_answers_test {
namespace {

using model::AccountTerm;
using model::MilliCpu;
using model::NodeName;
using testing::HasSubstr;

class LedgerAnswers : public Ledger {
 protected:
  model::ExplainedAccount explained() const {
    return explain_reclaimed(NodeName("n"), book_, fleet_, rollout_, {now_, {1'790'000'000'000}});
  }
  static model::ExplainedTerm<MilliCpu> reclaimable(const model::ExplainedAccount& explained) {
    for (const auto& line : explained.cpu.terms) {
      if (line.term == AccountTerm::kProdReclaimable) return line;
    }
    ADD_FAILURE() << "no line of what prod will not need";
    return {};
  }
};

TEST_F(LedgerAnswers, AnExplanationRestsOnThePredictionThatTheAccountRestsOn) {
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  warm_up();
  const auto account = computed();
  const auto live = explained();
  EXPECT_EQ(live.account, account);
  EXPECT_EQ(live.account.cpu.mid, MilliCpu(3'406)) << "4000 - 1.1 * 539.46";
  EXPECT_EQ(reclaimable(live).value, MilliCpu(3'406));
  EXPECT_EQ(reclaimable(live).source, model::TermSource::kPrediction);
  EXPECT_THAT(reclaimable(live).detail, HasSubstr("histogram"));
}

TEST_F(LedgerAnswers, ARememberedNodeIsExplainedByWhatHistoryHasUntilItReports) {
  report_now("n", 1, 2'000);
  const auto kept = computed();
  fleet_ = fleet::FleetView();
  book_ = LedgerBook();
  ASSERT_TRUE(fleet_.remember(NodeName("n"), now_).ok());
  book_.remember(kept, now_, now_);
  now_ = now_ + std::chrono::minutes(3);
  const auto remembered = explained();
  EXPECT_TRUE(remembered.stored);
  EXPECT_EQ(remembered.account, accounts().at(0));
  EXPECT_EQ(remembered.account.cpu.rule, model::ReclaimRule::kStale);
  EXPECT_EQ(remembered.account.cpu.high_priority, MilliCpu(2'000));
  EXPECT_EQ(remembered.at, (model::WallTime{1'790'000'000'000}));
  EXPECT_FALSE(remembered.cpu.terms.empty());
  report_now("n", 2, 2'000);
  EXPECT_FALSE(explained().stored);
  EXPECT_EQ(explained().account.cpu.offered, MilliCpu(3'000));
}

TEST_F(LedgerAnswers, AnExplanationSaysWhyNothingIsPredicted) {
  book_.set_prediction(prediction(profile::Predictor::kRecentMax));
  report_now("n", 1, 500);
  EXPECT_EQ(reclaimable(explained()).value, std::nullopt);
  EXPECT_THAT(reclaimable(explained()).detail, HasSubstr("recentMax: no prod pod is known for long enough"));
  book_.set_prediction(prediction(std::nullopt));
  EXPECT_THAT(reclaimable(explained()).detail, HasSubstr("prediction.predictor none"));
}

TEST(KnownPart, AMissingOneIsToldOfThoseThereAre) {
  model::ClusterReport report;
  report.groupings = {{"pool", {{"p", 1, {}, {}, {}}}, 0}, {"zone", {{"", 1, {}, {}, {}}, {"a", 1, {}, {}, {}}}, 4}};
  EXPECT_TRUE(known_part(report, {"zone", "a"}).ok());
  EXPECT_TRUE(known_part(report, {"zone", ""}).ok());
  const auto missing = known_part(report, {"zone", "p"});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("zone=p in this range; of zone there are: (none), a and 4 more"));
  const auto unlabelled = known_part(report, {"type", "large"});
  ASSERT_FALSE(unlabelled.ok());
  EXPECT_THAT(unlabelled.error().message(), HasSubstr("no node has type"));
}

TEST(KnownPart, ManyAreNotAllNamed) {
  model::ClusterReport report;
  report.groupings = {{"zone", {}, 0}};
  for (int i = 0; i < 30; ++i)
    report.groupings[0].groups.push_back({std::string(1, static_cast<char>('a' + i % 26)) + "1", 1, {}, {}, {}});
  const auto missing = known_part(report, {"zone", "x"});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("t1 and 10 more"));
}

TEST_F(LedgerAnswers, APodThatIsNoLongerListedIsNamedBesideWhatItIsCharged) {
  auto made = report("n", 1, 2'000);
  made.pods[0].pod.change([](model::Pod& pod) {
    pod.name_space = "shop";
    pod.name = "web";
  });
  ASSERT_TRUE(fleet_.intake(made, {now_, {1'790'000'000'000}}).ok());
  now_ = now_ + std::chrono::seconds(10);
  made = report("n", 2, 2'000);
  made.pods.clear();
  ASSERT_TRUE(fleet_.intake(made, {now_, {1'790'000'000'000}}).ok());
  const auto live = explained();
  ASSERT_THAT(live.cpu.pods, testing::SizeIs(1));
  EXPECT_EQ(live.cpu.pods[0].name, "shop/web");
  EXPECT_EQ(live.cpu.pods[0].basis, model::ChargeBasis::kGone);
  EXPECT_EQ(live.cpu.pods[0].charged, MilliCpu(2'000));
}

}  // namespace
}  // namespace tideline::coordinator::ledger_answers_test
