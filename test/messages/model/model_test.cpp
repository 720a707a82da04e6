#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/metric.h"
#include "messages/model/report.h"

namespace tideline::model {
namespace {

Report good_report() {
  Report report;
  report.node = NodeName("node-a");
  report.seq = Seq(1);
  report.wall = WallTime{1'700'000'000'000};
  NodeSample sample;
  sample.wall = report.wall;
  sample.node_cpu = MilliCpu(1500);
  report.samples = {sample};
  return report;
}

TEST(Quantity, PercentTruncatesAsKoordinatorDoes) {
  EXPECT_EQ(MilliCpu(999).percent(65), MilliCpu(649));
  EXPECT_EQ(MilliCpu(32'000).percent(60), MilliCpu(19'200));
}

TEST(CpuRate, IsMillicoresOverTheWindow) {
  EXPECT_EQ(cpu_rate(std::chrono::milliseconds(50), std::chrono::milliseconds(100)), MilliCpu(500));
  EXPECT_EQ(cpu_rate(std::chrono::milliseconds(200), std::chrono::milliseconds(100)), MilliCpu(2000));
}

TEST(Tier, FollowsThePriorityBandThenTheQos) {
  EXPECT_EQ(tier_of(9000, QosClass::kBe), Tier::kProd);
  EXPECT_EQ(tier_of(7999, QosClass::kLs), Tier::kMid);
  EXPECT_EQ(tier_of(5500, QosClass::kLs), Tier::kBatch);
  EXPECT_EQ(tier_of(3000, QosClass::kLs), Tier::kFree);
  EXPECT_EQ(tier_of(std::nullopt, QosClass::kBe), Tier::kBatch);
  EXPECT_EQ(tier_of(0, QosClass::kLs), Tier::kProd);
}

TEST(Metric, EveryNameReadsBackAndUnknownSamplesStayUnknown) {
  for (const Metric metric : all_metrics()) {
    EXPECT_EQ(metric_from(name_of(metric)), metric);
    EXPECT_EQ(value_of(metric, NodeSample{}), std::nullopt);
  }
  EXPECT_EQ(metric_from("nonsense"), std::nullopt);
}

TEST(ValidateReport, AcceptsAGoodOne) {
  EXPECT_TRUE(validate(good_report()).ok());
}

TEST(ValidateReport, NamesTheFieldAndValueItRefuses) {
  auto report = good_report();
  report.samples[0].node_cpu = MilliCpu(-5);
  const auto result = validate(report);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message(), testing::HasSubstr("samples.node_cpu: -5"));
}

TEST(ValidateReport, RefusesWhatAHostileSenderWouldTry) {
  auto no_seq = good_report();
  no_seq.seq = Seq(0);
  EXPECT_FALSE(validate(no_seq).ok());

  auto not_a_number = good_report();
  not_a_number.samples[0].ls_delay_per_cpu = std::nan("");
  EXPECT_FALSE(validate(not_a_number).ok());

  auto backwards = good_report();
  backwards.samples.push_back(backwards.samples[0]);
  backwards.samples[0].at = MonoTime{2};
  EXPECT_FALSE(validate(backwards).ok());

  auto flood = good_report();
  flood.samples.resize(ReportLimits::kMaxSamples + 1);
  EXPECT_FALSE(validate(flood).ok());

  auto long_text = good_report();
  long_text.status.kernel_release = std::string(ReportLimits::kMaxTextBytes + 1, 'x');
  EXPECT_FALSE(validate(long_text).ok());

  auto no_host = good_report();
  no_host.status.cpu_capacity = MilliCpu(INT64_MAX);
  EXPECT_FALSE(validate(no_host).ok());

  auto year_ten_thousand = good_report();
  year_ten_thousand.wall = WallTime{253'402'300'800'000};
  EXPECT_FALSE(validate(year_ten_thousand).ok());
}

TEST(ValidateReport, RefusesAPodThatComesTwice) {
  const auto named = [](const std::string& uid) {
    Pod pod;
    pod.uid = PodUid(uid);
    return pod;
  };
  auto report = good_report();
  report.pods.resize(3);
  report.pods[0].pod = named("a");
  report.pods[1].pod = named("b");
  report.pods[2].pod = named("c");
  EXPECT_TRUE(validate(report).ok());
  report.pods[2].pod = named("a");
  const auto result = validate(report);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "pods.uid: 'a' comes twice");
}

TEST(ValidateReport, LooksOnlyAtTheUseOfPodsThatAreKnown) {
  auto report = good_report();
  report.pods.resize(1);
  EXPECT_FALSE(validate(report).ok()) << "it has no uid";
  EXPECT_TRUE(validate_with_known_pods(report).ok());
  report.pods[0].cpu_milli = Spread{3, 2, 1};
  EXPECT_FALSE(validate_with_known_pods(report).ok());
}

TEST(SharedPod, IsOneObjectInAllCopiesAndChangesForNobodyElse) {
  Pod pod;
  pod.uid = PodUid("a");
  SharedPod told(pod);
  const SharedPod copy = told;
  EXPECT_EQ(&*copy, &*told);
  told.change([](Pod& changed) { changed.phase = PodPhase::kFailed; });
  EXPECT_EQ(told->phase, PodPhase::kFailed);
  EXPECT_EQ(*copy, pod);
  EXPECT_NE(told, copy);
}

TEST(SharedPod, IsEqualByValueAndADefaultOneIsADefaultPod) {
  Pod pod;
  pod.uid = PodUid("a");
  EXPECT_EQ(SharedPod(pod), SharedPod(pod));
  EXPECT_NE(&*SharedPod(pod), &*SharedPod());
  EXPECT_EQ(*SharedPod(), Pod());
  EXPECT_EQ(SharedPod(), SharedPod(Pod()));
  SharedPod told(pod);
  const SharedPod taken = std::move(told);
  EXPECT_EQ(taken->uid, PodUid("a"));
}

TEST(SharedPods, AreThoseOfTheReportInItsOrder) {
  auto report = good_report();
  report.pods.resize(2);
  report.pods[1].pod.change([](Pod& pod) { pod.uid = PodUid("b"); });
  const auto pods = shared_pods(report);
  ASSERT_EQ(pods.size(), 2U);
  EXPECT_EQ(&*pods[1], &*report.pods[1].pod);
}

// Of the sender's own: nobody else's account rests on it.
TEST(ValidateReport, TakesWhatIsAbsurdWithinItsBounds) {
  auto report = good_report();
  report.seq = Seq(UINT64_MAX);
  report.gap_reports = UINT64_MAX;
  report.mono = MonoTime{INT64_MAX};
  report.wall = WallTime{253'402'300'799'000};
  report.window = std::chrono::hours(24);
  report.status.cpu_capacity = MilliCpu(1000);
  report.samples[0].at = MonoTime{INT64_MIN};
  report.samples[0].wall = report.wall;
  report.samples[0].node_cpu = MilliCpu(ReportLimits::kMaxMilliCpu);
  report.samples[0].node_memory = Bytes(ReportLimits::kMaxMemoryBytes);
  const auto result = validate(report);
  EXPECT_TRUE(result.ok()) << result.error().message();
}

}  // namespace
}  // namespace tideline::model
