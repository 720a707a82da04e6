#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/metric.h"
#include "messages/model/report.h"

namespace tideline::model::model_test {
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

TEST(Metric, OfTheMemorySideAreWhatTheSampleSays) {
  NodeSample sample;
  sample.memory_side.available = Bytes(1000);
  sample.memory_side.be_usage = Bytes(500);
  sample.memory_side.be_tightened = Bytes(600);
  sample.memory_side.ls.memory = Pressure{0.25, 0.125};
  sample.memory_side.ls.refaults = 12;
  sample.memory_side.host.alloc_stalls = 0.5;
  sample.memory_side.rung = ReliefRung::kTighten;
  EXPECT_EQ(value_of(Metric::kMemoryAvailable, sample), 1000);
  EXPECT_EQ(value_of(Metric::kBeMemoryUsage, sample), 500);
  EXPECT_EQ(value_of(Metric::kBeMemoryLimit, sample), 600);
  EXPECT_EQ(value_of(Metric::kLsMemoryPressure, sample), 250) << "permille";
  EXPECT_EQ(value_of(Metric::kLsRefaults, sample), 12);
  EXPECT_EQ(value_of(Metric::kAllocStalls, sample), 500) << "per 1000 s";
  EXPECT_EQ(value_of(Metric::kReliefRung, sample), 2);
  sample.memory_side.rung = ReliefRung::kNone;
  EXPECT_EQ(value_of(Metric::kReliefRung, sample), 0) << "known, as the memory is";
}

TEST(Names, OfTheMemorySideAreReadAndTold) {
  EXPECT_EQ(name_of(Controller::kMemoryQos), "memory-qos");
  EXPECT_EQ(name_of(Controller::kMemoryRelief), "memory-relief");
  EXPECT_EQ(name_of(Controller::kMemoryEvict), "memory-evict");
  EXPECT_EQ(name_of(Reason::kMemoryRequest), "memory-request");
  EXPECT_EQ(name_of(Reason::kBeTightened), "be-tightened");
  EXPECT_EQ(name_of(Reason::kMemoryOverAllocated), "memory-over-allocated");
  EXPECT_EQ(name_of(ReliefRung::kEmergency), "emergency");
  using Policy = MemoryQosOverride::Policy;
  for (const auto policy : {Policy::kDefault, Policy::kNone, Policy::kAuto})
    EXPECT_EQ(memory_qos_override_from(name_of(policy)), policy);
  EXPECT_EQ(memory_qos_override_from(""), Policy::kDefault);
  EXPECT_EQ(memory_qos_override_from("Auto"), std::nullopt);
}

TEST(Knobs, OfMemoryHaveNamesOfTheirOwnAndValuesInBytes) {
  std::set<std::string_view> names;
  for (int knob = 0; knob <= static_cast<int>(Knob::kPageCacheSync); ++knob) {
    const auto name = name_of(static_cast<Knob>(knob));
    EXPECT_NE(name, "unknown") << knob;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(name_of(Knob::kSoftLimit), "soft-limit");
  EXPECT_EQ(name_of(Knob::kUsePriorityOom), "use-priority-oom");
  EXPECT_EQ(name_of(static_cast<Knob>(21)), "unknown");
  EXPECT_EQ(text_of(KnobValue(MemoryLimit{Bytes(104'857'600)})), "104857600 bytes");
  EXPECT_EQ(text_of(KnobValue(MemoryLimit{Bytes(0)})), "0 bytes");
  EXPECT_EQ(text_of(KnobValue(MemoryLimit{})), "no limit");
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

TEST(ValidateReport, RefusesMemorySignalsThatCannotBe) {
  const auto refusal = [](auto change) {
    auto report = good_report();
    report.pods.resize(1);
    report.pods[0].pod.change([](Pod& pod) { pod.uid = PodUid("a"); });
    change(report.samples[0].memory_side, report.pods[0].memory_signals);
    const auto result = validate(report);
    return result ? std::string() : result.error().message();
  };
  EXPECT_EQ(refusal([](MemorySample& memory, MemorySignals& pod) {
              memory = {.available = Bytes(0),
                        .be_usage = Bytes(ReportLimits::kMaxMemoryBytes),
                        .be_reclaimable = Bytes(1),
                        .host = {},
                        .ls = {},
                        .be = {},
                        .be_tightened = Bytes(2),
                        .rung = ReliefRung::kEmergency};
              pod.memory = Pressure{1.01, 1};
              pod.refaults = pod.scanned = 1e9;
              pod.oom_kills = 65'535;
            }),
            "");
  using testing::HasSubstr;
  EXPECT_THAT(refusal([](auto& memory, auto&) { memory.available = Bytes(-1); }),
              HasSubstr("samples.memory_side.available: -1"));
  EXPECT_THAT(refusal([](auto& memory, auto&) { memory.be_tightened = Bytes(INT64_MAX); }),
              HasSubstr("samples.memory_side.be_tightened"));
  EXPECT_THAT(refusal([](auto& memory, auto&) { memory.rung = static_cast<ReliefRung>(5); }),
              HasSubstr("samples.memory_side.rung: 5"));
  EXPECT_THAT(refusal([](auto& memory, auto&) { memory.host.alloc_stalls = std::nan(""); }),
              HasSubstr("samples.memory_side.host"));
  EXPECT_THAT(refusal([](auto& memory, auto&) { memory.ls.refaults = -0.5; }), HasSubstr("samples.memory_side.ls"));
  EXPECT_THAT(refusal([](auto& memory, auto&) { memory.be.io = Pressure{2, 0}; }), HasSubstr("samples.memory_side.be"));
  EXPECT_THAT(refusal([](auto&, auto& pod) { pod.scanned = 1e10; }), HasSubstr("pods.memory_signals"));
  EXPECT_THAT(refusal([](auto&, auto& pod) { pod.oom_kills = -1; }), HasSubstr("pods.memory_signals: -1"));
}

TEST(ValidateReport, RefusesAMemoryQosOfAPodBeyondItsBounds) {
  const auto refused = [](auto change) {
    auto report = good_report();
    report.pods.resize(1);
    report.pods[0].pod.change([&](Pod& pod) {
      pod.uid = PodUid("a");
      change(pod.memory_qos.emplace());
    });
    return !validate(report).ok();
  };
  EXPECT_FALSE(refused([](MemoryQosOverride& qos) {
    qos.min_limit_percent = qos.wmark_ratio = 100;
    qos.wmark_min_adj = -25;
    qos.wmark_scale_permill = 1;
    qos.priority = 12;
    qos.page_cache_limit_size = Bytes(0);
  }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.low_limit_percent = 101; }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.throttling_percent = -1; }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.wmark_scale_permill = 0; }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.wmark_min_adj = 51; }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.priority = 13; }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.page_cache_limit_percent = 101; }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.page_cache_limit_size = Bytes(-1); }));
  EXPECT_TRUE(refused([](MemoryQosOverride& qos) { qos.policy = static_cast<MemoryQosOverride::Policy>(3); }));
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
}  // namespace tideline::model::model_test
