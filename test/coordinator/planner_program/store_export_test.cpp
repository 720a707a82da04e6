#include "coordinator/planner_program/store_export.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner_program/threads.h"
#include "storage/rocks/rocks_store.h"
#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using series::Field;
using testing::HasSubstr;

constexpr std::int64_t kBegin = 1'372'636'800;  // 2013-07-01T00:00:00Z
constexpr std::int64_t kRows = 30;

series::FieldColumn column(Field field, std::int64_t value) {
  series::Summary cell;
  cell.add(value, 6);
  return {.field = field, .step = 1, .cells = std::vector<series::Summary>(static_cast<std::size_t>(kRows), cell)};
}

/// Half an hour of one subject, a row a minute.
series::Table minutes(series::Subject subject, std::vector<series::FieldColumn> fields) {
  series::Table table;
  table.subject = std::move(subject);
  table.tier = series::Tier::kMinute;
  for (std::int64_t row = 0; row < kRows; ++row)
    table.times.push_back(kBegin + 60 * row);
  table.fields = std::move(fields);
  return table;
}

void fill_store(const std::string& directory) {
  const auto store = rocks::RocksStore::open(directory, {.series = true});
  ASSERT_TRUE(store) << store.error().message();
  constexpr std::int64_t kGib = std::int64_t{1} << 30;
  const auto host = minutes({series::SubjectKind::kNode, ""},
                            {column(series::field_of(model::Metric::kNodeCpu), 3'000),
                             column(series::field_of(model::Metric::kNodeMemory), 8 * kGib),
                             column(Field::kCpuCapacity, 16'000), column(Field::kMemoryCapacity, 64 * kGib)});
  const auto pod = minutes({series::SubjectKind::kPod, "uid-1"},
                           {column(Field::kPodCpu, 1'000), column(Field::kPodMemory, kGib),
                            column(Field::kPodCpuRequest, 4'000), column(Field::kPodMemoryRequest, 2 * kGib),
                            column(Field::kQos, static_cast<std::int64_t>(model::QosClass::kLs))});
  series::PodInfo info;
  info.uid = model::PodUid("uid-1");
  info.name_space = "shop";
  info.name = "web-1";
  info.first_s = kBegin;
  info.last_s = kBegin + 60 * kRows;
  const auto put = (*store)->put_tables(model::NodeName("alpha"), {host, pod}, {info});
  ASSERT_TRUE(put) << put.error().message();
  EXPECT_EQ(put->put, 2u);
}

class StoreExport : public testing::Test {
 protected:
  model::Result<OpenArchive> exported(const std::string& directory, planner::DatasetRange& range) {
    return export_of_store(directory, range, session_);
  }

  test::TempDir dir_;
  std::atomic<bool> stop_{false};
  Meter meter_;
  Session session_{stop_, meter_, parallel_on(1)};
};

TEST_F(StoreExport, IsOfWhatAStoreHasOfTheRange) {
  std::filesystem::create_directory(dir_.path() / "history");
  fill_store(dir_.str() + "/history");
  planner::DatasetRange range;
  const auto archive = exported(dir_.str(), range);
  ASSERT_TRUE(archive) << archive.error().message();
  EXPECT_EQ(range.step_s, 300) << "unless it is told";
  const auto data = planner::read_dataset(archive->reader, range);
  ASSERT_TRUE(data) << data.error().message();
  EXPECT_EQ(data->begin_s, kBegin);
  EXPECT_EQ(data->steps, 6u);
  ASSERT_EQ(data->hosts.size(), 1u);
  EXPECT_EQ(data->hosts[0].name, "alpha");
  EXPECT_EQ(data->hosts[0].cpu_capacity.front(), 16'000);
  EXPECT_EQ(data->hosts[0].cpu_system.front(), 2'000);
  ASSERT_EQ(data->workloads.size(), 1u);
  EXPECT_EQ(data->workloads[0].name, "alpha/pod/uid-1");
  EXPECT_EQ(data->workloads[0].cpu_request.front(), 4'000);
}

TEST_F(StoreExport, TakesTheStoreItselfAndARangeOfIt) {
  fill_store(dir_.str());
  planner::DatasetRange range{.from_s = kBegin + 600, .until_s = kBegin + 1'200, .step_s = 60};
  const auto archive = exported(dir_.str(), range);
  ASSERT_TRUE(archive) << archive.error().message();
  const auto data = planner::read_dataset(archive->reader, range);
  ASSERT_TRUE(data) << data.error().message();
  EXPECT_EQ(data->begin_s, kBegin + 600);
  EXPECT_EQ(data->steps, 10u);
}

TEST_F(StoreExport, NamesADirectoryThatIsNoStoreAndAStepThatIsNone) {
  planner::DatasetRange range;
  const auto none = exported(dir_.str(), range);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("neither it nor " + dir_.str() + "/history is a store"));
  fill_store(dir_.str());
  range.step_s = 15;
  const auto odd = exported(dir_.str(), range);
  ASSERT_FALSE(odd);
  EXPECT_THAT(odd.error().message(), HasSubstr("15 s is no multiple of the 10 s"));
}

TEST_F(StoreExport, EndsWhenItIsTold) {
  fill_store(dir_.str());
  stop_ = true;
  planner::DatasetRange range;
  const auto stopped = exported(dir_.str(), range);
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().message(), HasSubstr("stopped by a signal"));
}

}  // namespace
}  // namespace tideline::planner_program
