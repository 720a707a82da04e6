// Traces in percent of sizes that are not told: Google's VMs and PlanetLab.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/traces/imported.h"

namespace tideline::traces::percentages_test {
namespace {

using columns::ColumnId;
using columns::kMissing;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
const std::string kVmHeader = "vm_id,step,cpu_util_percent,mem_util_percent\n";

/// A line of PlanetLab with that value throughout, and `first` at its begin.
std::string day_of(const std::string& name, const std::string& first, const std::string& rest) {
  std::string line = name + "," + first;
  for (int i = 1; i < 288; ++i)
    line += "," + rest;
  return line + "\n";
}

TEST(GoogleVms, PercentagesAreOfAssumedSizes) {
  const auto imported =
      import_files(Format::kGoogleVms, {{"gcd.csv", kVmHeader + "vm_1,0,25,50\nvm_1,1,100,6.25\n"}},
                   {.assumed_cpu_millicores = 8'000, .assumed_memory_bytes = 32 * kGiB, .epoch_s = 900});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, columns::SeriesKind::kWorkload);
  EXPECT_EQ(chunk.times, (Values{1200, 1500})) << "a row's time is the end of its step";
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest), (Values{8'000, 8'000}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed), (Values{2'000, 8'000}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryRequest), (Values{32 * kGiB, 32 * kGiB}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryUsed), (Values{16 * kGiB, 2 * kGiB}));
  EXPECT_EQ(imported.report.step_s, 300);
  EXPECT_THAT(imported.notes(), AllOf(HasSubstr("8 cores and 32 GiB"), HasSubstr("900 s")));
}

TEST(GoogleVms, DirtIsCounted) {
  const auto imported = import_files(Format::kGoogleVms, {{"gcd.csv", kVmHeader + "a,0,101,50\n"
                                                                                  "a,1,-3,50\n"
                                                                                  "a,1,3,50\n"
                                                                                  "a,1.5,3,50\n"
                                                                                  "a,-1,3,50\n"
                                                                                  "a,1e30,3,50\n"
                                                                                  "a,2,,\n"
                                                                                  "a,3,,4\n"
                                                                                  "a,4,4\n"
                                                                                  ",5,4,4\n"
                                                                                  "a,6,4,x\n"}});
  EXPECT_EQ(imported.rows(RowClass::kAboveRangeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 3u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 2u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.report.lines(), 11u);
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed), (Values{}));
  EXPECT_EQ(imported.chunks[0].times, (Values{300, 600, 1200}));
}

TEST(GoogleVms, MissingColumnEndsTheImport) {
  const auto imported = import_files(Format::kGoogleVms, {{"x.csv", "vm_id,step,cpu_util_percent\na,0,1\n"}});
  EXPECT_THAT(imported.problem(), AllOf(HasSubstr("x.csv:1"), HasSubstr("\"mem_util_percent\"")));
}

TEST(PlanetLab, LineIsAVmsDay) {
  const auto imported = import_files(Format::kPlanetLab, {{"20110303.csv", day_of("vm-a", "50", "10")}},
                                     {.assumed_cpu_millicores = 4'000, .epoch_s = 1'000'000});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  ASSERT_EQ(chunk.rows(), 288u);
  EXPECT_EQ(chunk.times.front(), 1'000'300);
  EXPECT_EQ(chunk.times.back(), 1'086'400);
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed)[0], 2'000);
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed)[287], 400);
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest)[5], 4'000);
  EXPECT_TRUE(values_of(chunk, ColumnId::kMemoryUsed).empty());
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
  EXPECT_EQ(imported.report.step_s, 300);
}

TEST(PlanetLab, FilesAreDaysOneAfterTheOther) {
  const auto imported = import_files(
      Format::kPlanetLab, {{"20110303.csv", day_of("vm-a", "50", "10")}, {"20110420.csv", day_of("vm-a", "20", "10")}});
  ASSERT_EQ(imported.chunks.size(), 1u) << "no other series came between";
  EXPECT_EQ(imported.chunks[0].rows(), 576u);
  EXPECT_EQ(imported.chunks[0].times[288], 86'700);
  EXPECT_EQ(imported.report.gaps, 0u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 2u);
}

TEST(PlanetLab, DirtIsCountedByLines) {
  const std::string lines = day_of("vm-a", "101", "10") + day_of("vm-b", "-1", "10") + day_of("vm-c", "x", "10") +
                            day_of("vm-d", "", "10") + "vm-e,1,2,3\n" + day_of("", "1", "10") +
                            day_of("vm-a", "1", "10");
  const auto imported = import_files(Format::kPlanetLab, {{"d.csv", lines}});
  EXPECT_EQ(imported.rows(RowClass::kAboveRangeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 2u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.rows(RowClass::kTooLate), 1u) << "its day is in the archive already";
  EXPECT_EQ(imported.report.lines(), 7u);
  ASSERT_EQ(imported.chunks.size(), 2u);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed)[0], kMissing);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed)[1], 1'600);
}

}  // namespace
}  // namespace tideline::traces::percentages_test
