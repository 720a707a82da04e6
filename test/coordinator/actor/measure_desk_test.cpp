#include "coordinator/actor/measure_desk.h"

#include "test/coordinator/actor/ledger_fixture.h"

namespace tideline::coordinator::measure_desk_test {
namespace {

using model::MilliCpu;
using model::NodeName;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

class Measures : public Ledger {
 protected:
  /// A report with one sample a second, each of them the same.
  void report_seconds(const std::string& node, std::int64_t used_milli) {
    auto made = report(node, ++seq_, used_milli);
    const auto one = made.samples.front();
    made.samples.clear();
    for (int second = 9; second >= 0; --second) {
      auto sample = one;
      sample.at = now_ + -seconds(second);
      sample.window = seconds(1);
      sample.node_memory = model::Bytes(1 << 30);
      made.samples.push_back(sample);
    }
    ASSERT_TRUE(fleet_.intake(made, {now_, {1'790'000'000'000}}).ok());
    book_.reported(made, now_);
    desk_.reported(made);
    now_ = now_ + seconds(10);
  }
  std::vector<MeasuredNode> ask(std::vector<NodeName> nodes) {
    return *desk_.measured({std::move(nodes)}, {fleet_, rollout_, book_.profiles()}, {now_, {1'790'000'010'000}}).nodes;
  }

  MeasureDesk desk_;
  std::uint64_t seq_ = 0;
};

TEST_F(Measures, TellsOfEachNodeThatIsAskedFor) {
  rollout_.set(policy_of(R"({"enable": true, "metricReportIntervalSeconds": 30})"), model::PolicyVersion(2));
  report_seconds("a", 4'000);
  const auto told = ask({NodeName("a"), NodeName("unknown")});
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told[0].node, NodeName("a"));
  EXPECT_EQ(told[0].interval, model::Duration(seconds(30)));
  ASSERT_TRUE(told[0].metric);
  EXPECT_EQ(told[0].metric->use.cpu, MilliCpu(5'000));
  EXPECT_EQ(told[0].metric->at, model::WallTime{1'790'000'000'000});
  EXPECT_EQ(told[0].metric->prod_reclaimable, model::MetricUse{}) << "nothing is known yet";
  EXPECT_EQ(told[1].node, NodeName("unknown"));
  EXPECT_FALSE(told[1].metric);
  EXPECT_EQ(told[1].interval, model::Duration(seconds(30)));
}

TEST_F(Measures, KeepsValuesForPercentilesOnceSomebodyAsked) {
  for (int i = 0; i < 40; ++i)
    report_seconds("a", 4'000);
  EXPECT_EQ(desk_.windows(), 0u);
  EXPECT_THAT(ask({NodeName("a")})[0].metric->spreads, IsEmpty());
  for (int i = 0; i < 40; ++i)
    report_seconds("a", i < 36 ? 1'000 : 7'000);
  const auto told = ask({NodeName("a")});
  ASSERT_THAT(told[0].metric->spreads, SizeIs(2)) << "400 s are less than half of 30 min";
  const auto& five = told[0].metric->spreads[0];
  EXPECT_EQ(five.span, model::Duration(minutes(5)));
  EXPECT_EQ(five.p50.cpu, MilliCpu(2'000));
  EXPECT_EQ(five.p90.cpu, MilliCpu(8'000)) << "of 300 values 40";
  EXPECT_EQ(told[0].metric->spreads[1].span, model::Duration(minutes(10)));
  EXPECT_EQ(told[0].metric->spreads[1].p90.cpu, MilliCpu(2'000)) << "of 400 values 40: the 360th";
  EXPECT_EQ(desk_.windows(), 1u);
  desk_.forget(NodeName("a"));
  EXPECT_EQ(desk_.windows(), 0u);
}

TEST_F(Measures, TellsWhatProdIsPredictedNotToNeed) {
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  for (int i = 0; i < 6; ++i) {
    report_seconds("a", 500);
    now_ = now_ + seconds(50);
  }
  report_seconds("a", 500);
  const auto predicted = book_.profiles().reclaimable(NodeName("a"));
  ASSERT_TRUE(predicted.cpu);
  EXPECT_GT(*predicted.cpu, MilliCpu(0));
  EXPECT_EQ(ask({NodeName("a")})[0].metric->prod_reclaimable, (model::MetricUse{predicted.cpu, predicted.memory}));
}

TEST_F(Measures, AnswersOnlySoManyAtOnce) {
  const std::vector<NodeName> many(MeasureDesk::kMostAtOnce + 5, NodeName("a"));
  EXPECT_THAT(ask(many), SizeIs(MeasureDesk::kMostAtOnce));
}

}  // namespace
}  // namespace tideline::coordinator::measure_desk_test
