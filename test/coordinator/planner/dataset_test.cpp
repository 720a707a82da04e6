#include "coordinator/planner/dataset.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/qos.h"
#include "storage/columns/archive.h"

namespace tideline::planner::dataset_test {
namespace {

using columns::ColumnId;
using columns::kMissing;
using columns::SeriesKind;
using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kDay = 1'372'636'800;  // 2013-07-01T00:00:00Z
constexpr std::int64_t kMib = 1 << 20;

struct Row {
  std::int64_t at = 0;  // s after kDay
  std::int64_t cpu_used = 0;
  std::int64_t cpu_request = 4'000;
  std::int64_t memory_used = 512 * kMib;
  std::int64_t memory_request = 1'024 * kMib;
};

columns::Chunk chunk_of(SeriesKind kind, std::string series, const std::vector<std::int64_t>& times,
                        std::vector<columns::Column> columns) {
  columns::Chunk chunk;
  chunk.kind = kind;
  chunk.series = std::move(series);
  for (const auto time : times)
    chunk.times.push_back(kDay + time);
  chunk.columns = std::move(columns);
  return chunk;
}

columns::Chunk workload_chunk(std::string series, const std::vector<Row>& rows) {
  std::vector<std::int64_t> times;
  std::vector<columns::Column> columns{{.id = ColumnId::kCpuRequest, .step = 1, .values = {}},
                                       {.id = ColumnId::kCpuUsed, .step = 1, .values = {}},
                                       {.id = ColumnId::kMemoryRequest, .step = 1, .values = {}},
                                       {.id = ColumnId::kMemoryUsed, .step = 1, .values = {}}};
  for (const auto& row : rows) {
    times.push_back(row.at);
    columns[0].values.push_back(row.cpu_request);
    columns[1].values.push_back(row.cpu_used);
    columns[2].values.push_back(row.memory_request);
    columns[3].values.push_back(row.memory_used);
  }
  return chunk_of(SeriesKind::kWorkload, std::move(series), times, std::move(columns));
}

columns::Column column(ColumnId id, std::vector<std::int64_t> values) {
  return {.id = id, .step = 1, .values = std::move(values)};
}

std::string archive_of(const std::vector<columns::Chunk>& chunks) {
  std::string bytes;
  columns::ArchiveWriter writer([&bytes](std::string_view more) {
    bytes += more;
    return model::Result<void>();
  });
  for (const auto& chunk : chunks) {
    if (auto added = writer.add(chunk); !added) ADD_FAILURE() << added.error().message();
  }
  if (auto finished = writer.finish("{}"); !finished) ADD_FAILURE() << finished.error().message();
  return bytes;
}

model::Result<Dataset> read(const std::vector<columns::Chunk>& chunks, const DatasetRange& range = {}) {
  const std::string bytes = archive_of(chunks);
  const auto archive = columns::ArchiveReader::open(bytes);
  if (!archive) return archive.error();
  return read_dataset(*archive, range);
}

Dataset data_from(const std::vector<columns::Chunk>& chunks, const DatasetRange& range = {}) {
  auto data = read(chunks, range);
  if (!data) {
    ADD_FAILURE() << data.error().message();
    return {};
  }
  return *std::move(data);
}

std::string error_of(const std::vector<columns::Chunk>& chunks, const DatasetRange& range) {
  const auto data = read(chunks, range);
  return data ? "none" : data.error().message();
}

TEST(Dataset, StepsAreTheMostCommonDistanceAndAlignedToIt) {
  const auto data = data_from({workload_chunk("vm", {{.at = 604, .cpu_used = 100},
                                                     {.at = 904, .cpu_used = 200},
                                                     {.at = 1'204, .cpu_used = 300},
                                                     {.at = 1'265, .cpu_used = 500}})});
  EXPECT_EQ(data.step_s, 300);
  EXPECT_EQ(data.begin_s, kDay + 600);
  EXPECT_EQ(data.steps, 3u);
  EXPECT_EQ(data.time_of(2), kDay + 1'200);
  ASSERT_EQ(data.workloads.size(), 1u);
  EXPECT_EQ(data.workloads[0].name, "vm");
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(100, 200, 400)) << "the mean of two rows in one step";
  EXPECT_THAT(data.workloads[0].cpu_request, ElementsAre(4'000, 4'000, 4'000));
  EXPECT_THAT(data.workloads[0].memory_used_mib, ElementsAre(512, 512, 512));
  EXPECT_THAT(data.workloads[0].memory_request_mib, ElementsAre(1'024, 1'024, 1'024));
  EXPECT_THAT(data.notes, IsEmpty());
}

TEST(Dataset, AlignsBeforeTheEpochToo) {
  const auto data =
      data_from({workload_chunk("vm", {{.at = -kDay - 100, .cpu_used = 1}, {.at = -kDay + 200, .cpu_used = 2}})});
  EXPECT_EQ(data.begin_s, -300);
  EXPECT_EQ(data.steps, 2u);
}

TEST(Dataset, AShortGapIsFilledAndALongOneIsAbsence) {
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 100},
                                                     {.at = 300, .cpu_used = 150},
                                                     {.at = 1'500, .cpu_used = 200},
                                                     {.at = 3'000, .cpu_used = 300},
                                                     {.at = 3'300, .cpu_used = 310}})});
  ASSERT_EQ(data.workloads.size(), 1u);
  EXPECT_THAT(data.workloads[0].cpu_used,
              ElementsAre(100, 150, 150, 150, 150, 200, kAbsent, kAbsent, kAbsent, kAbsent, 300, 310));
  EXPECT_THAT(data.workloads[0].cpu_request[6], FloatEq(kAbsent)) << "it is not there";
  EXPECT_THAT(data.workloads[0].memory_used_mib[6], FloatEq(kAbsent));
  EXPECT_THAT(data.workloads[0].memory_request_mib[6], FloatEq(kAbsent));
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("3 steps without a value")));
}

TEST(Dataset, BeforeItsFirstAndAfterItsLastRowAWorkloadIsNotThere) {
  const auto data = data_from({workload_chunk("long", {{.at = 0, .cpu_used = 1},
                                                       {.at = 300, .cpu_used = 1},
                                                       {.at = 600, .cpu_used = 1},
                                                       {.at = 900, .cpu_used = 1}}),
                               workload_chunk("short", {{.at = 300, .cpu_used = 7}, {.at = 600, .cpu_used = 8}})});
  ASSERT_EQ(data.workloads.size(), 2u);
  EXPECT_THAT(data.workloads[1].cpu_used, ElementsAre(kAbsent, 7, 8, kAbsent));
}

TEST(Dataset, RequestsAreTheLastKnownOnes) {
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 1, .cpu_request = kMissing},
                                                     {.at = 300, .cpu_used = 1, .cpu_request = 2'000},
                                                     {.at = 600, .cpu_used = 1, .cpu_request = kMissing},
                                                     {.at = 900, .cpu_used = 1, .cpu_request = 3'000}})});
  EXPECT_THAT(data.workloads[0].cpu_request, ElementsAre(2'000, 2'000, 2'000, 3'000));
}

TEST(Dataset, RequestsAreKnownFromBeforeTheRange) {
  DatasetRange range;
  range.from_s = kDay + 600;
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 1, .cpu_request = 2'500},
                                                     {.at = 300, .cpu_used = 1, .cpu_request = kMissing},
                                                     {.at = 600, .cpu_used = 5, .cpu_request = kMissing}})},
                              range);
  EXPECT_EQ(data.begin_s, kDay + 600);
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(5));
  EXPECT_THAT(data.workloads[0].cpu_request, ElementsAre(2'500));
}

TEST(Dataset, TheRangeIsHalfOpen) {
  DatasetRange range;
  range.from_s = kDay + 300;
  range.until_s = kDay + 900;
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 1},
                                                     {.at = 300, .cpu_used = 2},
                                                     {.at = 600, .cpu_used = 3},
                                                     {.at = 900, .cpu_used = 4}})},
                              range);
  EXPECT_EQ(data.begin_s, kDay + 300);
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(2, 3));
}

TEST(Dataset, ALongerStepTakesMeans) {
  DatasetRange range;
  range.step_s = 600;
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 100},
                                                     {.at = 300, .cpu_used = 300},
                                                     {.at = 600, .cpu_used = 500},
                                                     {.at = 900, .cpu_used = 600}})},
                              range);
  EXPECT_EQ(data.step_s, 600);
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(200, 550));
}

TEST(Dataset, ChunksOfOneSeriesAreOneWorkload) {
  const auto data = data_from({workload_chunk("vm", {{.at = 600, .cpu_used = 3}, {.at = 900, .cpu_used = 4}}),
                               workload_chunk("b", {{.at = 0, .cpu_used = 9}, {.at = 300, .cpu_used = 9}}),
                               workload_chunk("vm", {{.at = 0, .cpu_used = 1}, {.at = 300, .cpu_used = 2}})});
  ASSERT_EQ(data.workloads.size(), 2u);
  EXPECT_EQ(data.workloads[0].name, "b") << "by name";
  EXPECT_THAT(data.workloads[1].cpu_used, ElementsAre(1, 2, 3, 4));
}

TEST(Dataset, MemoryThatIsNotKnownIsAbsentAndTheWorkloadIsThere) {
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 1, .memory_used = kMissing},
                                                     {.at = 300, .cpu_used = 2, .memory_used = 256 * kMib}})});
  EXPECT_THAT(data.workloads[0].memory_used_mib, ElementsAre(kAbsent, 256));
  EXPECT_THAT(data.workloads[0].memory_request_mib, ElementsAre(1'024, 1'024));
}

TEST(Dataset, AHostIsAWorkloadThatRequestsItsCapacity) {
  const auto data = data_from({chunk_of(
      SeriesKind::kHost, "machine", {0, 300},
      {column(ColumnId::kCpuUsed, {8'000, 9'000}), column(ColumnId::kMemoryUsed, {kMib, 2 * kMib}),
       column(ColumnId::kCpuCapacity, {96'000, 96'000}), column(ColumnId::kMemoryCapacity, {64 * kMib, 64 * kMib})})});
  ASSERT_EQ(data.workloads.size(), 1u);
  EXPECT_THAT(data.workloads[0].cpu_request, ElementsAre(96'000, 96'000));
  EXPECT_THAT(data.workloads[0].memory_request_mib, ElementsAre(64, 64));
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 host series")));
}

TEST(Dataset, WhatIsNotToldIsTakenFromWhatIs) {
  const auto data =
      data_from({chunk_of(SeriesKind::kWorkload, "asks", {0, 300}, {column(ColumnId::kCpuRequest, {2'000, 2'500})}),
                 chunk_of(SeriesKind::kWorkload, "uses", {0, 300}, {column(ColumnId::kCpuUsed, {700, 300})})});
  ASSERT_EQ(data.workloads.size(), 2u);
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(2'000, 2'500));
  EXPECT_THAT(data.workloads[1].cpu_request, ElementsAre(700, 700)) << "the most that it used";
  EXPECT_THAT(data.workloads[1].memory_used_mib, ElementsAre(kAbsent, kAbsent));
  EXPECT_THAT(data.workloads[1].memory_request_mib, ElementsAre(0, 0));
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 series tell no use"), HasSubstr("1 series tell no request")));
}

TEST(Dataset, BatchAndEmptySeriesAreNoServices) {
  constexpr auto kBe = static_cast<std::int64_t>(model::QosClass::kBe);
  constexpr auto kLs = static_cast<std::int64_t>(model::QosClass::kLs);
  const auto data = data_from(
      {chunk_of(SeriesKind::kWorkload, "be", {0, 300},
                {column(ColumnId::kCpuUsed, {1, 2}), column(ColumnId::kQos, {kBe, kBe})}),
       chunk_of(SeriesKind::kWorkload, "ls", {0, 300},
                {column(ColumnId::kCpuRequest, {9, 9}), column(ColumnId::kCpuUsed, {3, 4}),
                 column(ColumnId::kQos, {kLs, kLs})}),
       chunk_of(SeriesKind::kWorkload, "nothing", {0, 300}, {column(ColumnId::kCpuUsed, {kMissing, kMissing})})});
  ASSERT_EQ(data.workloads.size(), 1u);
  EXPECT_EQ(data.workloads[0].name, "ls");
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 series are of QoS BE"), HasSubstr("1 series have neither")));
}

TEST(Dataset, WhatNoHostHasIsNotKnown) {
  const auto data = data_from({workload_chunk(
      "vm", {{.at = 0, .cpu_used = 5}, {.at = 300, .cpu_used = std::int64_t{1} << 52}, {.at = 600, .cpu_used = 7}})});
  EXPECT_THAT(data.workloads[0].cpu_used, ElementsAre(5, 5, 7)) << "a gap of one step";
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 steps"), HasSubstr("1 values are beyond")));
}

columns::Chunk task_chunk(const std::vector<std::int64_t>& begins, std::vector<columns::Column> columns) {
  return chunk_of(SeriesKind::kTasks, "batch", begins, std::move(columns));
}

TEST(Dataset, TasksAreByBeginWithTheirInstances) {
  const auto data =
      data_from({task_chunk({100, 700}, {column(ColumnId::kCpuRequest, {500, 1'000}),
                                         column(ColumnId::kMemoryRequest, {256 * kMib, kMissing}),
                                         column(ColumnId::kTaskEnd, {kDay + 160, kDay + 1'300}),
                                         column(ColumnId::kTaskInstances, {7, kMissing})}),
                 task_chunk({50}, {column(ColumnId::kCpuRequest, {100}), column(ColumnId::kTaskEnd, {kDay + 51})})});
  ASSERT_EQ(data.tasks.size(), 3u);
  EXPECT_EQ(data.tasks[0].begin_s, kDay + 50);
  EXPECT_EQ(data.tasks[1].begin_s, kDay + 100);
  EXPECT_EQ(data.tasks[1].end_s, kDay + 160);
  EXPECT_EQ(data.tasks[1].instances, 7u);
  EXPECT_EQ(data.tasks[1].cpu_millicores, 500);
  EXPECT_EQ(data.tasks[1].memory_mib, 256);
  EXPECT_EQ(data.tasks[2].instances, 1u) << "not told";
  EXPECT_EQ(data.tasks[2].memory_mib, 0) << "not told";
  EXPECT_EQ(data.begin_s, kDay) << "the grid is the tasks' own, where there is no workload";
  EXPECT_EQ(data.steps, 5u) << "up to the last end";
  EXPECT_EQ(data.step_s, 300);
}

TEST(Dataset, TasksThatAreNoneAreCountedByWhy) {
  constexpr auto kLs = static_cast<std::int64_t>(model::QosClass::kLs);
  constexpr auto kBe = static_cast<std::int64_t>(model::QosClass::kBe);
  const auto data = data_from(
      {task_chunk({0, 1, 2, 3, 4}, {column(ColumnId::kCpuRequest, {100, 100, kMissing, 100, 100}),
                                    column(ColumnId::kTaskEnd, {kMissing, kDay + 1, kDay + 9, kDay + 9, kDay + 9}),
                                    column(ColumnId::kQos, {kBe, kBe, kBe, kLs, kBe})})});
  EXPECT_EQ(data.tasks.size(), 1u);
  EXPECT_THAT(data.notes, ElementsAre(HasSubstr("1 tasks are of another QoS"), HasSubstr("2 tasks have no end"),
                                      HasSubstr("1 tasks request no CPU")));
}

TEST(Dataset, TasksBesideWorkloadsLieOnTheWorkloadsGrid) {
  const auto data =
      data_from({workload_chunk("vm", {{.at = 600, .cpu_used = 3}, {.at = 900, .cpu_used = 4}}),
                 task_chunk({0}, {column(ColumnId::kCpuRequest, {100}), column(ColumnId::kTaskEnd, {kDay + 51})})});
  EXPECT_EQ(data.begin_s, kDay + 600);
  EXPECT_EQ(data.steps, 2u);
  EXPECT_EQ(data.tasks.size(), 1u);
}

TEST(Dataset, NamesARangeWithoutData) {
  const std::vector<columns::Chunk> chunks{
      workload_chunk("vm", {{.at = 0, .cpu_used = 1}, {.at = 300, .cpu_used = 1}})};
  DatasetRange after;
  after.from_s = kDay + 301;
  EXPECT_THAT(error_of(chunks, after), HasSubstr("1372636800 to 1372637100"));
  DatasetRange empty;
  empty.from_s = empty.until_s = kDay;
  EXPECT_THAT(error_of(chunks, empty), HasSubstr("is empty"));
  EXPECT_THAT(error_of({}, {}), HasSubstr("no rows"));
}

TEST(Dataset, ARangeBetweenRowsHasNoData) {
  DatasetRange between;
  between.from_s = kDay + 1;
  between.until_s = kDay + 299;
  EXPECT_THAT(error_of({workload_chunk("vm", {{.at = 0, .cpu_used = 1}, {.at = 300, .cpu_used = 1}})}, between),
              HasSubstr("no workload and no task"));
}

TEST(Dataset, NamesAStepThatIsNone) {
  const std::vector<columns::Chunk> chunks{workload_chunk("vm", {{.at = 0, .cpu_used = 1}})};
  DatasetRange range;
  range.step_s = -5;
  EXPECT_THAT(error_of(chunks, range), HasSubstr("-5 s"));
  range.step_s = 86'401;
  EXPECT_THAT(error_of(chunks, range), HasSubstr("86401 s"));
}

TEST(Dataset, RowsFarApartTakeNoMemory) {
  const std::vector<columns::Chunk> chunks{workload_chunk(
      "vm", {{.at = 0, .cpu_used = 1}, {.at = 1, .cpu_used = 1}, {.at = 200'000'000'000, .cpu_used = 1}})};
  const auto data = read(chunks);
  ASSERT_FALSE(data);
  EXPECT_EQ(data.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(data.error().message(), HasSubstr("steps of 1 s"));
}

TEST(Dataset, TimesWithoutADateLieOutOfEveryRange) {
  const auto data = data_from({workload_chunk("vm", {{.at = 0, .cpu_used = 1}, {.at = 300, .cpu_used = 2}}),
                               workload_chunk("far", {{.at = (std::int64_t{1} << 52), .cpu_used = 1}})});
  EXPECT_EQ(data.workloads.size(), 1u);
  EXPECT_EQ(data.steps, 2u);
}

}  // namespace
}  // namespace tideline::planner::dataset_test
