#include "coordinator/actor/ledger_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/actor/ledger_fixture.h"

namespace tideline::coordinator {
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

TEST_F(LedgerAnswers, AnExplanationSaysWhyNothingIsPredicted) {
  book_.set_prediction(prediction(profile::Predictor::kRecentMax));
  report_now("n", 1, 500);
  EXPECT_EQ(reclaimable(explained()).value, std::nullopt);
  EXPECT_THAT(reclaimable(explained()).detail, HasSubstr("recentMax: no prod pod is known for long enough"));
  book_.set_prediction(prediction(std::nullopt));
  EXPECT_THAT(reclaimable(explained()).detail, HasSubstr("prediction.predictor none"));
}

TEST_F(LedgerAnswers, APodThatIsNoLongerListedIsNamedBesideWhatItIsCharged) {
  auto made = report("n", 1, 2'000);
  made.pods[0].pod.name_space = "shop";
  made.pods[0].pod.name = "web";
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
}  // namespace tideline::coordinator
