#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/qos.h"
#include "test/coordinator/traces/imported.h"

namespace tideline::traces::alibaba_test {
namespace {

using columns::ColumnId;
using columns::kMissing;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

TEST(Alibaba2018, PercentagesAreOfTheMachinesSize) {
  const auto imported = import_files(
      Format::kAlibaba2018Machines,
      {{"machine_meta.csv", "m_1,0,219,17,96,100,USING\nm_1,1000,219,17,48,50,USING\nm_2,0,1,1,96,100,USING\n"},
       {"machine_usage.csv", "m_1,10,50,25,,,43.04,33.08,5\nm_1,1000,50,25,,,43.04,33.08,5\n"}},
      {.assumed_memory_bytes = 512 * kGiB, .epoch_s = 1'500'000'000});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u) << "a machine that nothing is told of is no series";
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, columns::SeriesKind::kHost);
  EXPECT_EQ(chunk.series, "m_1");
  EXPECT_EQ(chunk.times, (Values{1'500'000'010, 1'500'001'000}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuCapacity), (Values{96'000, 48'000}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed), (Values{48'000, 24'000}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryCapacity), (Values{512 * kGiB, 256 * kGiB}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryUsed), (Values{128 * kGiB, 64 * kGiB}));
  EXPECT_EQ(imported.rows(RowClass::kKept), 5u);
  EXPECT_THAT(imported.notes(), AllOf(HasSubstr("100 is taken as 512 GiB"), HasSubstr("1500000000 s")));
}

TEST(Alibaba2018, AbnormalValuesAreNotKnown) {
  const auto imported = import_files(Format::kAlibaba2018Machines, {{"machine_usage.csv",
                                                                     "m_1,10,-1,25,,,1,1,5\n"
                                                                     "m_1,20,50,101,,,1,1,5\n"
                                                                     "m_1,30,,30,,,1,1,5\n"
                                                                     "m_1,40,,,,,1,1,5\n"
                                                                     "m_1,50,30,30,,,1,1,101\n"}});
  ASSERT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kAboveRangeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 2u) << "what is not read may be abnormal";
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 1u) << "nothing is there";
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed), (Values{kMissing, 8'000, kMissing, 4'800}));
}

TEST(Alibaba2018, MachineWithoutMetaIsAsAssumed) {
  const auto imported =
      import_files(Format::kAlibaba2018Machines,
                   {{"machine_meta.csv", "m_2,0,1,1,96,100,USING\n"}, {"machine_usage.csv", "m_1,10,50,25,,,1,1,5\n"}},
                   {.assumed_cpu_millicores = 64'000});
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuCapacity), Values{64'000});
  EXPECT_THAT(imported.notes(),
              HasSubstr("1 rows are of machines without a size, which is taken as 64 cores and 64 GiB"));
}

TEST(Alibaba2018, SizesMustComeBeforeUse) {
  const auto imported = import_files(Format::kAlibaba2018Machines, {{"machine_usage.csv", "m_1,10,50,25,,,1,1,5\n"},
                                                                    {"machine_meta.csv", "m_1,0,1,1,96,100,USING\n"}});
  EXPECT_THAT(imported.problem(), AllOf(HasSubstr("machine_meta.csv:1"), HasSubstr("before machine_usage.csv")));
}

TEST(Alibaba2018, UnsortedMachinesAreSortedIn) {
  const auto imported = import_files(Format::kAlibaba2018Machines, {{"machine_usage.csv",
                                                                     "m_1,10,1,1,,,1,1,5\n"
                                                                     "m_2,10,1,1,,,1,1,5\n"
                                                                     "m_1,5,1,1,,,1,1,5\n"
                                                                     "m_1,20,1,1,,,1,1,5\n"
                                                                     "m_1,20,2,2,,,1,1,5\n"}});
  ASSERT_EQ(imported.chunks.size(), 2u);
  EXPECT_EQ(imported.chunks[0].times, (Values{5, 10, 20}));
  EXPECT_EQ(imported.rows(RowClass::kOutOfOrder), 1u);
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
}

TEST(Alibaba2018, DirtInBothFilesIsCounted) {
  const auto imported = import_files(Format::kAlibaba2018Machines, {{"machine_meta.csv",
                                                                     "m_1,0,1,1,96,100\n"
                                                                     "m_1,0,1,1,,100,USING\n"
                                                                     "m_1,0,1,1,0,100,USING\n"
                                                                     "m_1,x,1,1,96,100,USING\n"
                                                                     ",0,1,1,96,100,USING\n"
                                                                     "m_1,9,1,1,96,100,USING\n"
                                                                     "m_1,9,1,1,96,100,USING\n"
                                                                     "m_1,5,1,1,96,100,USING\n"},
                                                                    {"machine_usage.csv", "m_1,10,50\n"}});
  ASSERT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.report.lines(), 9u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 2u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 2u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kOutOfOrder), 1u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
}

const std::string kTaskHeader =
    "task_create_time, task_end_time, job_id, task_id,number_of_instances, status, "
    "number_of_cpus_requested_per_instance_in_the_task,normalized_memory_requested_per_instance_in_the_task\r\n";

TEST(Alibaba2017Batch, TaskHasBeginEndAndWhatEachInstanceWants) {
  const auto imported = import_files(Format::kAlibaba2017Batch,
                                     {{"batch_task.csv", kTaskHeader + "6459,6524,3,4,15740,Terminated,50,0.25\r\n"
                                                                       "-100,6533,3,5,1,Terminated,100,0.5\r\n"}},
                                     {.assumed_memory_bytes = 256 * kGiB, .epoch_s = 1000});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, columns::SeriesKind::kTasks);
  EXPECT_EQ(chunk.times, (Values{900, 7459}));
  EXPECT_EQ(values_of(chunk, ColumnId::kTaskEnd), (Values{7533, 7524}));
  EXPECT_EQ(values_of(chunk, ColumnId::kTaskInstances), (Values{1, 15740}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest), (Values{1000, 500}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryRequest), (Values{128 * kGiB, 64 * kGiB}));
  EXPECT_EQ(imported.report.step_s, 0);
  EXPECT_EQ(imported.rows(RowClass::kKept), 2u) << "a list of tasks is in no order";
  EXPECT_THAT(imported.notes(), AllOf(HasSubstr("inferred"), HasSubstr("256 GiB")));
}

TEST(Alibaba2017Batch, HeaderIsNotNeeded) {
  const auto imported =
      import_files(Format::kAlibaba2017Batch, {{"batch_task.csv", "6459,6524,3,4,15740,Terminated,50,0.25\n"}});
  EXPECT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
}

TEST(Alibaba2017Batch, OtherHeaderEndsTheImport) {
  const auto imported = import_files(Format::kAlibaba2017Batch, {{"x.csv", "vm_id,a,b,c,d,e,f,g\n"}});
  EXPECT_THAT(imported.problem(), AllOf(HasSubstr("x.csv:1"), HasSubstr("\"task_create_time\"")));
}

TEST(Alibaba2017Batch, TasksThatSayNothingOfUseAreRefused) {
  const auto imported = import_files(Format::kAlibaba2017Batch, {{"batch_task.csv",
                                                                  "6036,6046,4,7,393,Waiting,,\n"
                                                                  "6036,6046,4,7,393,Running,50,\n"
                                                                  "6036,6000,4,7,393,Running,50,0.1\n"
                                                                  "-20,-10,4,7,393,Terminated,50,0.1\n"
                                                                  "6036,6046,4,7,,Terminated,50,0.1\n"
                                                                  "6036,6036,4,7,1,Terminated,50,0.1\n"
                                                                  "6036,6046,4,7,393\n"}});
  EXPECT_EQ(imported.rows(RowClass::kNoRequest), 2u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 2u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 1u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 1u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
  EXPECT_EQ(imported.report.lines(), 7u);
}

const std::string kNodeHeader = "sn,cpu_milli,memory_mib,gpu,model\n";
const std::string kPodHeader =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

TEST(AlibabaOpenb, NodesAreHostsOfOneTime) {
  const auto imported = import_files(
      Format::kAlibabaOpenb, {{"nodes.csv", kNodeHeader + "n-0,32000,262144,0,\nn-1,96000,393216,8,G2\nn-0,1,1,0,\n"}},
      {.epoch_s = 5000});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 2u);
  EXPECT_EQ(imported.chunks[0].kind, columns::SeriesKind::kHost);
  EXPECT_EQ(imported.chunks[0].series, "n-0");
  EXPECT_EQ(imported.chunks[0].times, Values{5000});
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuCapacity), Values{32'000});
  EXPECT_EQ(values_of(imported.chunks[1], ColumnId::kMemoryCapacity), Values{384 * kGiB});
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
}

TEST(AlibabaOpenb, PodsAreTasksOfTheirClass) {
  const auto imported =
      import_files(Format::kAlibabaOpenb, {{"pods.csv", kPodHeader + "p-0,12000,16384,1,1000,,LS,Running,0,1253,7\n"
                                                                     "p-1,6000,12288,1,460,,BE,Running,50,129,50\n"
                                                                     "p-2,6000,1024,0,0,,Burstable,Pending,10,129,\n"
                                                                     "p-3,6000,1024,0,0,,Guaranteed,Running,20,,30\n"
                                                                     "p-4,6000,1024,0,0,,Odd,Running,60,90,60\n"}});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  const auto number = [](model::QosClass qos) { return static_cast<std::int64_t>(qos); };
  EXPECT_EQ(chunk.kind, columns::SeriesKind::kTasks);
  EXPECT_EQ(chunk.times, (Values{7, 10, 30, 50, 60})) << "scheduled, or created";
  EXPECT_EQ(values_of(chunk, ColumnId::kTaskEnd), (Values{1253, 129, kMissing, 129, 90}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest), (Values{12'000, 6'000, 6'000, 6'000, 6'000}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryRequest), (Values{16 * kGiB, kGiB, kGiB, 12 * kGiB, kGiB}));
  EXPECT_EQ(values_of(chunk, ColumnId::kQos),
            (Values{number(model::QosClass::kLs), number(model::QosClass::kLs), number(model::QosClass::kLsr),
                    number(model::QosClass::kBe), kMissing}));
  EXPECT_EQ(imported.rows(RowClass::kKept), 4u);
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 1u) << "a class that is none";
  EXPECT_THAT(imported.notes(), HasSubstr("1 pods were never scheduled"));
}

TEST(AlibabaOpenb, NodesAndPodsMakeOneArchive) {
  const auto imported =
      import_files(Format::kAlibabaOpenb, {{"nodes.csv", kNodeHeader + "n-0,32000,262144,0,\n"},
                                           {"pods.csv", kPodHeader + "p-0,12000,16384,1,1000,,LS,Running,0,1253,7\n"}});
  EXPECT_EQ(imported.report.series, 2u);
  EXPECT_EQ(imported.report.first, 0);
  EXPECT_EQ(imported.report.last, 7);
}

TEST(AlibabaOpenb, PodsThatEndBeforeTheyBeginOrWantNothingAreRefused) {
  const auto imported =
      import_files(Format::kAlibabaOpenb, {{"pods.csv", kPodHeader + "p-0,12000,16384,1,1000,,LS,Running,0,5,7\n"
                                                                     "p-1,,16384,1,1000,,LS,Running,0,5,1\n"
                                                                     "p-2,1,1,1,1000,,LS,Running,,5,\n"
                                                                     ",1,1,1,1000,,LS,Running,0,5,0\n"
                                                                     "p-3,x,1,1,1000,,LS,Running,0,5,0\n"
                                                                     "p-4,1,1\n"}});
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 2u);
  EXPECT_EQ(imported.rows(RowClass::kNoRequest), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 1u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 1u);
  EXPECT_EQ(imported.report.lines(), 6u);
}

TEST(AlibabaOpenb, OtherHeaderEndsTheImport) {
  const auto imported = import_files(Format::kAlibabaOpenb, {{"x.csv", "name,cpu_milli\n"}});
  EXPECT_THAT(imported.problem(), AllOf(HasSubstr("x.csv:1"), HasSubstr("\"memory_mib\"")));
}

}  // namespace
}  // namespace tideline::traces::alibaba_test
