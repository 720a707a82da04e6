#include "storage/series/fold.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/table_bytes.h"
#include "test/storage/series/reports.h"

namespace tideline::series::fold_test {
namespace {

using model::Metric;

const Subject kNode{.kind = SubjectKind::kNode, .name = ""};
const Subject kWeb{.kind = SubjectKind::kWorkload, .name = "shop/Deployment/web"};

Subject pod(const std::string& uid) {
  return {.kind = SubjectKind::kPod, .name = uid};
}

/// Seconds after kSamplesBegin.
std::vector<std::int64_t> times_of(const Table* table) {
  std::vector<std::int64_t> times;
  if (table == nullptr) return times;
  for (const std::int64_t time : table->times)
    times.push_back(time - kSamplesBegin);
  return times;
}

/// Of the field in the finest tier; empty where there is none.
std::vector<Summary> cells_of(const Folded& folded, const Subject& subject, Field field) {
  const FieldColumn* column = field_in(table_in(folded, Tier::kTenSeconds, subject), field);
  return column == nullptr ? std::vector<Summary>() : column->cells;
}

std::int64_t step_of(const Folded& folded, const Subject& subject, Field field) {
  const FieldColumn* column = field_in(table_in(folded, Tier::kTenSeconds, subject), field);
  return column == nullptr ? 0 : column->step;
}

Summary same(std::int64_t value, std::uint64_t times) {
  return {.count = times, .min = value, .max = value, .sum = value * static_cast<std::int64_t>(times)};
}

void expect_equal(const Folded& a, const Folded& b) {
  for (const Tier tier : kTiers) {
    const auto& mine = a.tiers[place_of(tier)];
    const auto& its = b.tiers[place_of(tier)];
    ASSERT_EQ(mine.size(), its.size()) << name_of(tier);
    for (std::size_t i = 0; i < mine.size(); ++i)
      ASSERT_TRUE(mine[i] == its[i]) << name_of(tier) << ": " << mine[i].subject.name;
  }
  ASSERT_TRUE(a.pods == b.pods);
}

TEST(Fold, NothingGivesNothing) {
  Fold fold;
  EXPECT_TRUE(fold.empty());
  const Folded folded = std::move(fold).finish();
  for (const auto& tables : folded.tiers)
    EXPECT_TRUE(tables.empty());
  EXPECT_TRUE(folded.pods.empty());
}

TEST(Fold, ASampleBelongsToTheStepThatItIsIn) {
  auto stored = report_at(20'000);
  add_sample(stored, 10'000).node_cpu = model::MilliCpu(100);
  add_sample(stored, 1'000).node_cpu = model::MilliCpu(300);
  add_sample(stored, 0).node_cpu = model::MilliCpu(900);
  const Folded folded = fold_of({stored});
  EXPECT_EQ(times_of(table_in(folded, Tier::kTenSeconds, kNode)), (std::vector<std::int64_t>{10, 20}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kNodeCpu)),
            (std::vector<Summary>{{.count = 2, .min = 100, .max = 300, .sum = 400}, same(900, 1)}));
  // What is not known is not 0.
  EXPECT_EQ(field_in(table_in(folded, Tier::kTenSeconds, kNode), field_of(Metric::kLsCpu)), nullptr);
}

TEST(Fold, SharesAndRatesAreInTenths) {
  auto stored = report_at(5'000);
  auto& sample = add_sample(stored, 0);
  sample.cpu_pressure = model::Pressure{.some = 0.12346, .full = 0};
  sample.ls_delay_per_cpu = 0.0125;
  sample.memory_side.ls.refaults = 3.26;
  sample.memory_side.available = model::Bytes(1);
  sample.memory_side.rung = model::ReliefRung::kTighten;
  const Folded folded = fold_of({stored});
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kCpuPressure)), (std::vector<Summary>{same(1235, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kLsDelay)), (std::vector<Summary>{same(125, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kLsRefaults)), (std::vector<Summary>{same(33, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kReliefRung)), (std::vector<Summary>{same(2, 1)}));
}

TEST(Fold, APodsSummaryBelongsToTheMiddleOfItsWindow) {
  auto ten = report_at(20'000);
  add_pod(ten, pod_named("a")).cpu_milli = model::Spread{.min = 1, .mean = 5, .max = 9};
  auto minute = report_at(100'000, 60);
  add_pod(minute, pod_named("a")).cpu_milli = model::Spread{.min = 2, .mean = 2, .max = 2};
  auto moment = report_at(100'500);
  moment.report.window = std::chrono::milliseconds(400);
  add_pod(moment, pod_named("a")).cpu_milli = model::Spread{.min = 7, .mean = 7, .max = 7};
  const Folded folded = fold_of({ten, minute, moment});
  EXPECT_EQ(times_of(table_in(folded, Tier::kTenSeconds, pod("a"))), (std::vector<std::int64_t>{10, 70, 100}));
  EXPECT_EQ(cells_of(folded, pod("a"), Field::kPodCpu),
            (std::vector<Summary>{{.count = 10, .min = 1, .max = 9, .sum = 50}, same(2, 60), same(7, 1)}));
  // Its class is known wherever it is.
  EXPECT_EQ(cells_of(folded, pod("a"), Field::kQos), (std::vector<Summary>{same(2, 10), same(2, 60), same(2, 1)}));
}

TEST(Fold, AWorkloadIsTheSumOfItsPods) {
  auto stored = report_at(10'000);
  // The first by uid is not the first in the report.
  auto& second = add_pod(stored, pod_named("b", "Deployment/web"));
  second.cpu_milli = model::Spread{.min = 1, .mean = 100, .max = 300};
  second.throttled_ratio = 0.5;
  model::Pod one = pod_named("a", "Deployment/web");
  one.qos = model::QosClass::kLsr;
  one.requests.cpu = model::MilliCpu(2'000);
  auto& first = add_pod(stored, one);
  first.cpu_milli = model::Spread{.min = 1, .mean = 50, .max = 60};
  first.memory_bytes = model::Spread{.min = 7, .mean = 7, .max = 7};
  first.throttled_ratio = 0.25;
  first.run_delay = 0.002;
  add_pod(stored, pod_named("c")).cpu_milli = model::Spread{.min = 9, .mean = 9, .max = 9};
  const Folded folded = fold_of({stored});
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodCpu), (std::vector<Summary>{same(150, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodMemory), (std::vector<Summary>{same(7, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodThrottled), (std::vector<Summary>{same(5'000, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodDelay), (std::vector<Summary>{same(20, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodCpuRequest), (std::vector<Summary>{same(2'000, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodMemoryRequest), std::vector<Summary>());
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPods), (std::vector<Summary>{same(2, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kQos), (std::vector<Summary>{same(1, 10)}));
  EXPECT_EQ(cells_of(folded, pod("a"), Field::kPods), std::vector<Summary>());
  // Nodes, pods by uid, workloads.
  std::vector<Subject> subjects;
  for (const Table& table : folded.tiers[0])
    subjects.push_back(table.subject);
  EXPECT_EQ(subjects, (std::vector<Subject>{kNode, pod("a"), pod("b"), pod("c"), kWeb}));
}

TEST(Fold, APodBelongsToTheWorkloadThatItIsOfThen) {
  auto before = report_at(10'000);
  add_pod(before, pod_named("a", "Deployment/web")).cpu_milli = model::Spread{.min = 1, .mean = 1, .max = 1};
  auto after = report_at(20'000);
  add_pod(after, pod_named("a", "Job/one")).cpu_milli = model::Spread{.min = 2, .mean = 2, .max = 2};
  const Folded folded = fold_of({before, after});
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodCpu), (std::vector<Summary>{same(1, 10)}));
  EXPECT_EQ(cells_of(folded, {.kind = SubjectKind::kWorkload, .name = "shop/Job/one"}, Field::kPodCpu),
            (std::vector<Summary>{same(2, 10)}));
  EXPECT_EQ(cells_of(folded, pod("a"), Field::kPodCpu), (std::vector<Summary>{same(1, 10), same(2, 10)}));
  ASSERT_EQ(folded.pods.size(), 1U);
  EXPECT_EQ(folded.pods.front().workload, "Job/one");
}

TEST(Fold, RequestsAreThoseOfThePodsTier) {
  auto stored = report_at(10'000);
  model::Pod all = pod_named("prod");
  all.requests.cpu = model::MilliCpu(1);
  all.requests.batch_cpu = model::MilliCpu(2);
  all.mid_requests.cpu = model::MilliCpu(3);
  all.requests.memory = model::Bytes(10);
  all.requests.batch_memory = model::Bytes(20);
  all.mid_requests.memory = model::Bytes(30);
  add_pod(stored, all);
  all.uid = model::PodUid("batch");
  all.priority = 5'500;
  add_pod(stored, all);
  all.uid = model::PodUid("mid");
  all.priority = 7'500;
  add_pod(stored, all);
  const Folded folded = fold_of({stored});
  const auto asked = [&folded](const std::string& uid) {
    return std::pair(cells_of(folded, pod(uid), Field::kPodCpuRequest).at(0).mean(),
                     cells_of(folded, pod(uid), Field::kPodMemoryRequest).at(0).mean());
  };
  EXPECT_EQ(asked("prod"), std::pair(std::int64_t{1}, std::int64_t{10}));
  EXPECT_EQ(asked("batch"), std::pair(std::int64_t{2}, std::int64_t{20}));
  EXPECT_EQ(asked("mid"), std::pair(std::int64_t{3}, std::int64_t{30}));
}

TEST(Fold, EndedPodsCountForWhatTheyStillUsed) {
  auto stored = report_at(10'000);
  model::Pod ended = pod_named("used", "Deployment/web");
  ended.phase = model::PodPhase::kSucceeded;
  ended.requests.cpu = model::MilliCpu(500);
  add_pod(stored, ended).cpu_milli = model::Spread{.min = 4, .mean = 4, .max = 4};
  ended.uid = model::PodUid("idle");
  add_pod(stored, ended);
  const Folded folded = fold_of({stored});
  EXPECT_EQ(cells_of(folded, pod("used"), Field::kPodCpu), (std::vector<Summary>{same(4, 10)}));
  EXPECT_EQ(cells_of(folded, pod("used"), Field::kPodCpuRequest), std::vector<Summary>());
  EXPECT_EQ(table_in(folded, Tier::kTenSeconds, pod("idle")), nullptr);
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPods), (std::vector<Summary>{same(0, 10)}));
  EXPECT_EQ(folded.pods.size(), 2U) << "both were there";
}

TEST(Fold, PrecisionFollowsTheCapacity) {
  auto stored = report_at(10'000);
  add_sample(stored, 0).node_cpu = model::MilliCpu(1);
  stored.report.samples.back().node_memory = model::Bytes(1);
  stored.report.samples.back().cpu_pressure = model::Pressure{};
  auto& summary = add_pod(stored, pod_named("a", "Deployment/web"));
  summary.cpu_milli = model::Spread{};
  summary.memory_bytes = model::Spread{};
  Folded folded = fold_of({stored});
  EXPECT_EQ(step_of(folded, kNode, field_of(Metric::kNodeCpu)), kCores32 / 2048);
  EXPECT_EQ(step_of(folded, kNode, field_of(Metric::kNodeMemory)), kGib64 / 2048);
  EXPECT_EQ(step_of(folded, kNode, field_of(Metric::kCpuPressure)), 1);
  EXPECT_EQ(step_of(folded, kNode, Field::kMemoryCapacity), 1);
  EXPECT_EQ(step_of(folded, pod("a"), Field::kPodCpu), kCores32 / 8192);
  EXPECT_EQ(step_of(folded, kWeb, Field::kPodMemory), kGib64 / 8192);
  // The finest of all that was told, and 1 where nothing was.
  auto smaller = stored;
  smaller.report.status.cpu_capacity = model::MilliCpu(4'096);
  folded = fold_of({stored, smaller, stored});
  EXPECT_EQ(step_of(folded, kNode, field_of(Metric::kNodeCpu)), 2);
  smaller.report.status.cpu_capacity = model::MilliCpu(0);
  folded = fold_of({stored, smaller});
  EXPECT_EQ(step_of(folded, kNode, field_of(Metric::kNodeCpu)), 1);
  EXPECT_EQ(step_of(folded, pod("a"), Field::kPodCpu), 1);
}

TEST(Fold, CapacitiesAreKnownWithEachSample) {
  auto stored = report_at(15'000);
  add_sample(stored, 10'000);
  add_sample(stored, 9'000);
  add_sample(stored, 0);
  Folded folded = fold_of({stored});
  EXPECT_EQ(cells_of(folded, kNode, Field::kCpuCapacity), (std::vector<Summary>{same(kCores32, 2), same(kCores32, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, Field::kMemoryCapacity), (std::vector<Summary>{same(kGib64, 2), same(kGib64, 1)}));
  folded = fold_of({report_at(15'000)});
  EXPECT_EQ(cells_of(folded, kNode, Field::kCpuCapacity), (std::vector<Summary>{same(kCores32, 1)}));
  auto untold = report_at(15'000);
  untold.report.status = {};
  folded = fold_of({untold});
  EXPECT_EQ(cells_of(folded, kNode, Field::kCpuCapacity), std::vector<Summary>());
}

TEST(Fold, ReportsAndTheirGapsAreCounted) {
  auto first = report_at(9'000);
  first.report.gap_reports = 4;
  const Folded folded = fold_of({first, report_at(9'500), report_at(10'000)});
  EXPECT_EQ(cells_of(folded, kNode, Field::kReports), (std::vector<Summary>{same(1, 2), same(1, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, Field::kReportsLost),
            (std::vector<Summary>{{.count = 2, .min = 0, .max = 4'000, .sum = 4'000}, same(0, 1)}));
}

TEST(Fold, ARowIsOfAStepOfWhichSomethingIsKnown) {
  auto stored = report_at(15'000);
  stored.report.status = {};
  add_sample(stored, 7'000);
  add_sample(stored, 0).node_cpu = model::MilliCpu(5);
  const Folded folded = fold_of({stored});
  EXPECT_EQ(times_of(table_in(folded, Tier::kTenSeconds, kNode)), (std::vector<std::int64_t>{10}));
}

TEST(Fold, NumbersBeyondTheirLimitsAreCut) {
  auto stored = report_at(10'000);
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  stored.report.gap_reports = std::numeric_limits<std::uint64_t>::max();
  stored.report.status.cpu_capacity = model::MilliCpu(kHuge);
  auto& sample = add_sample(stored, 0);
  sample.node_cpu = model::MilliCpu(kHuge);
  sample.ls_cpu = model::MilliCpu(-5);
  sample.node_memory = model::Bytes(kHuge);
  sample.cpu_pressure = model::Pressure{.some = std::numeric_limits<double>::infinity(), .full = 0};
  sample.ls_delay_per_cpu = std::numeric_limits<double>::quiet_NaN();
  for (const char* uid : {"a", "b"}) {
    auto& summary = add_pod(stored, pod_named(uid, "Deployment/web"));
    summary.cpu_milli = model::Spread{.min = -7, .mean = kHuge, .max = 3};
    summary.memory_bytes = model::Spread{.min = kHuge, .mean = kHuge, .max = kHuge};
    summary.run_delay = 1e300;
  }
  const Folded folded = fold_of({stored});
  using Limits = model::ReportLimits;
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kNodeCpu)), (std::vector<Summary>{same(Limits::kMaxMilliCpu, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kLsCpu)), (std::vector<Summary>{same(0, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kNodeMemory)),
            (std::vector<Summary>{same(Limits::kMaxMemoryBytes, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kCpuPressure)), (std::vector<Summary>{same(15'000, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, field_of(Metric::kLsDelay)), std::vector<Summary>());
  EXPECT_EQ(cells_of(folded, kNode, Field::kCpuCapacity), (std::vector<Summary>{same(Limits::kMaxMilliCpu, 1)}));
  EXPECT_EQ(cells_of(folded, kNode, Field::kReportsLost), (std::vector<Summary>{same(kMostValue, 1)}));
  EXPECT_EQ(cells_of(folded, pod("a"), Field::kPodCpu),
            (std::vector<Summary>{{.count = 10, .min = 0, .max = 3, .sum = 30}}));
  EXPECT_EQ(cells_of(folded, pod("a"), Field::kPodDelay), (std::vector<Summary>{same(kMostValue, 10)}));
  EXPECT_EQ(cells_of(folded, kWeb, Field::kPodMemory), (std::vector<Summary>{same(2 * Limits::kMaxMemoryBytes, 10)}));
}

TEST(Fold, SketchesHoldSamplesOfTheNodeAndMeansOfPods) {
  std::vector<store::StoredReport> reports;
  for (std::int64_t i = 1; i <= 12; ++i) {
    reports.push_back(report_at(10'000 * i - 1));
    add_sample(reports.back(), 1'000).node_cpu = model::MilliCpu(10 * i);
    add_sample(reports.back(), 0).node_cpu = model::MilliCpu(10 * i + 1);
    add_pod(reports.back(), pod_named("a")).cpu_milli = model::Spread{.min = 0, .mean = i, .max = 60};
  }
  const Folded folded = fold_of(reports);
  const auto sketch_of = [&folded](Tier tier, const Subject& subject) {
    const Table* table = table_in(folded, tier, subject);
    return table == nullptr || table->sketches.empty() ? std::vector<Sketch>() : table->sketches.front().cells;
  };
  EXPECT_TRUE(sketch_of(Tier::kTenSeconds, kNode).empty());
  EXPECT_TRUE(sketch_of(Tier::kTenSeconds, pod("a")).empty());
  EXPECT_TRUE(sketch_of(Tier::kMinute, pod("a")).empty());
  std::vector<Sketch> minutes(2);
  Sketch means;
  for (std::int64_t i = 1; i <= 12; ++i) {
    minutes[i <= 6 ? 0 : 1].add(10 * i);
    minutes[i <= 6 ? 0 : 1].add(10 * i + 1);
    means.add(i, 10);
  }
  EXPECT_EQ(sketch_of(Tier::kMinute, kNode), minutes);
  minutes[0].merge(minutes[1]);
  EXPECT_EQ(sketch_of(Tier::kQuarterHour, kNode), std::vector<Sketch>{minutes[0]});
  EXPECT_EQ(sketch_of(Tier::kQuarterHour, pod("a")), std::vector<Sketch>{means});
}

/// Of half an hour, from a quarter of an hour before kSamplesBegin on: of two blocks of each tier.
std::vector<store::StoredReport> any_reports(std::mt19937_64& random) {
  std::vector<store::StoredReport> reports;
  for (std::int64_t end = -900'000; end < 900'000; end += 20'000 + upto(20'000, random))
    reports.push_back(any_report(end, random));
  return reports;
}

TEST(Fold, CoarserTiersHoldAllOfTheFinest) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Folded folded = fold_of(any_reports(random));
    for (const Table& fine : folded.tiers[0]) {
      for (const Tier tier : {Tier::kMinute, Tier::kQuarterHour}) {
        const Table* table = table_in(folded, tier, fine.subject);
        ASSERT_NE(table, nullptr);
        Table numbers = *table;
        numbers.sketches.clear();
        ASSERT_TRUE(numbers == coarser(fine, tier)) << name_of(tier) << ": " << fine.subject.name;
      }
    }
    ASSERT_EQ(folded.tiers[1].size(), folded.tiers[0].size());
    ASSERT_EQ(folded.tiers[2].size(), folded.tiers[0].size());
  }
}

TEST(Fold, ASketchHoldsAsManyAsItsSummary) {
  std::mt19937_64 random(1);
  const Folded folded = fold_of(any_reports(random));
  std::size_t sketches = 0;
  for (const auto& tables : folded.tiers) {
    for (const Table& table : tables) {
      for (const SketchColumn& column : table.sketches) {
        const FieldColumn* field = field_in(&table, column.field);
        ASSERT_NE(field, nullptr);
        for (std::size_t row = 0; row < table.times.size(); ++row)
          ASSERT_EQ(column.cells[row].count(), field->cells[row].count);
        ++sketches;
      }
    }
  }
  EXPECT_GT(sketches, 10U);
}

TEST(Fold, TheOrderOfReportsMakesNoDifference) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<store::StoredReport> reports = any_reports(random);
    const Folded folded = fold_of(reports);
    std::shuffle(reports.begin(), reports.end(), random);
    ASSERT_NO_FATAL_FAILURE(expect_equal(fold_of(reports), folded));
  }
}

TEST(Fold, DividedReportsMergeToTheSame) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::vector<store::StoredReport> reports = any_reports(random);
    std::vector<std::vector<store::StoredReport>> parts(1 + random() % 5);
    for (const auto& report : reports)
      parts[random() % parts.size()].push_back(report);
    Folded all;
    for (const auto& part : parts)
      all = merged(all, fold_of(part));
    ASSERT_NO_FATAL_FAILURE(expect_equal(all, fold_of(reports)));
  }
}

TEST(Fold, FewLostReportsAreKept) {
  std::vector<store::StoredReport> reports;
  for (std::int64_t number = 0; number < 90; ++number)
    reports.push_back(report_at(10'000 * number));
  reports[7].report.gap_reports = 1;
  const Folded folded = fold_of(reports);
  for (const Tier tier : kTiers) {
    const Table* table = table_in(folded, tier, kNode);
    ASSERT_NE(table, nullptr);
    const auto back = table_of(chunk_of(*table), kNode, tier);
    ASSERT_TRUE(back) << back.error().message();
    const FieldColumn* lost = field_in(&*back, Field::kReportsLost);
    ASSERT_NE(lost, nullptr);
    std::int64_t sum = 0;
    for (const Summary& cell : lost->cells)
      sum += cell.sum;
    // Of thousandths: a tenth of one at the most is lost or won by the rounding of means.
    EXPECT_NEAR(static_cast<double>(sum), 1'000, 100) << name_of(tier);
  }
}

/// What is kept of it on disk, block by block; and that it can be.
Folded kept_of(const Folded& folded) {
  Folded back;
  back.pods = folded.pods;
  for (std::size_t tier = 0; tier < kTiers.size(); ++tier) {
    for (const Table& table : folded.tiers[tier]) {
      Table whole;
      for (const Table& block : by_block(table)) {
        const auto bytes = columns::encode_chunk(chunk_of(block));
        EXPECT_TRUE(bytes) << bytes.error().message();
        const auto chunk = columns::decode_chunk(*bytes);
        EXPECT_TRUE(chunk) << chunk.error().message();
        auto read = table_of(*chunk, table.subject, table.tier);
        EXPECT_TRUE(read) << read.error().message();
        const auto sketches = encode_sketches(block.sketches);
        EXPECT_TRUE(sketches) << sketches.error().message();
        auto read_sketches = decode_sketches(*sketches, block.times.size());
        EXPECT_TRUE(read_sketches) << read_sketches.error().message();
        EXPECT_TRUE(*read_sketches == block.sketches);
        read->sketches = *std::move(read_sketches);
        whole = merge(whole, *read);
      }
      back.tiers[tier].push_back(std::move(whole));
    }
  }
  return back;
}

TEST(Fold, KeptInBetweenAMeanIsOffByHalfAStepAndOne) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::vector<store::StoredReport> reports = any_reports(random);
    const auto half = reports.begin() + static_cast<std::ptrdiff_t>(reports.size() / 2);
    const Folded whole = fold_of(reports);
    const Folded first = fold_of({reports.begin(), half});
    const Folded second = fold_of({half, reports.end()});
    const Folded pieces = merged(kept_of(first), kept_of(second));
    ASSERT_TRUE(pieces.pods == whole.pods);
    for (std::size_t tier = 0; tier < kTiers.size(); ++tier) {
      ASSERT_EQ(pieces.tiers[tier].size(), whole.tiers[tier].size());
      for (std::size_t i = 0; i < whole.tiers[tier].size(); ++i) {
        const Table& exact = whole.tiers[tier][i];
        const Table& near = pieces.tiers[tier][i];
        ASSERT_EQ(near.subject, exact.subject);
        ASSERT_EQ(near.times, exact.times);
        ASSERT_TRUE(near.sketches == exact.sketches);
        ASSERT_EQ(near.fields.size(), exact.fields.size());
        for (std::size_t f = 0; f < exact.fields.size(); ++f) {
          ASSERT_EQ(near.fields[f].field, exact.fields[f].field);
          const Field field = exact.fields[f].field;
          const std::int64_t one_step = step_of(first, exact.subject, field);
          const std::int64_t bound = std::max(one_step, step_of(second, exact.subject, field)) / 2 + 1;
          for (std::size_t row = 0; row < exact.times.size(); ++row) {
            const Summary& a = exact.fields[f].cells[row];
            const Summary& b = near.fields[f].cells[row];
            ASSERT_EQ(a.count, b.count);
            ASSERT_LE(std::abs(a.mean() - b.mean()), bound);
            ASSERT_LE(std::abs(a.min - b.min), bound);
            ASSERT_LE(std::abs(a.max - b.max), bound);
          }
        }
      }
    }
  }
}

TEST(Fold, InfoIsOfTheLatestReportWithTheWholeSpan) {
  auto early = report_at(10'000);
  add_pod(early, pod_named("a", "Deployment/web"));
  auto late = report_at(70'000);
  model::Pod changed = pod_named("a", "Deployment/web");
  changed.qos = model::QosClass::kBe;
  add_pod(late, changed);
  add_pod(late, pod_named("b"));
  PodInfo a{.uid = model::PodUid("a"),
            .name_space = "shop",
            .name = "pod-a",
            .workload = "Deployment/web",
            .qos = model::QosClass::kBe,
            .first_s = kSamplesBegin + 10,
            .last_s = kSamplesBegin + 70};
  const PodInfo b{.uid = model::PodUid("b"),
                  .name_space = "shop",
                  .name = "pod-b",
                  .workload = "",
                  .qos = model::QosClass::kLs,
                  .first_s = kSamplesBegin + 70,
                  .last_s = kSamplesBegin + 70};
  EXPECT_TRUE(fold_of({early, late}).pods == (std::vector<PodInfo>{a, b}));
  EXPECT_TRUE(fold_of({late, early}).pods == (std::vector<PodInfo>{a, b}));
}

TEST(Fold, TimesOfAnotherCenturyAreCut) {
  auto stored = report_at(0);
  stored.at = {std::numeric_limits<std::int64_t>::max()};
  add_sample(stored, 0);
  add_pod(stored, pod_named("a"));
  auto before = report_at(0);
  before.at = {std::numeric_limits<std::int64_t>::min()};
  const Folded folded = fold_of({stored, before});
  const Table* table = table_in(folded, Tier::kTenSeconds, kNode);
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->times, (std::vector<std::int64_t>{0, 253'402'300'790}));
}

}  // namespace
}  // namespace tideline::series::fold_test
