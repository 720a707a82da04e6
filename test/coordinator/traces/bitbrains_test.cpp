#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/traces/imported.h"

namespace tideline::traces::bitbrains_test {
namespace {

using columns::ColumnId;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kOneFileHeader = "vm_id,timestamp_s,cpu_cores,cpu_cap_mhz,cpu_used_mhz,mem_cap_kb,mem_used_kb\n";
const std::string kFileEachHeader =
    "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\tCPU usage [%];\t"
    "Memory capacity provisioned [KB];\tMemory usage [KB];\tDisk read throughput [KB/s];\t"
    "Disk write throughput [KB/s];\tNetwork received throughput [KB/s];\tNetwork transmitted throughput [KB/s]\n";

Imported one_file(const std::string& rows) {
  return import_files(Format::kBitbrains, {{"vm_usage_14d.csv", kOneFileHeader + rows}});
}

TEST(Bitbrains, UnitsAreThoseOfTheArchive) {
  const auto imported = one_file("7,1372637004,2,4000,1000,2048,1024\n");
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, columns::SeriesKind::kWorkload);
  EXPECT_EQ(chunk.series, "7");
  EXPECT_EQ(chunk.times, Values{1372637004});
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest), Values{2000});
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed), Values{500}) << "a quarter of two cores";
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryRequest), Values{2048 * 1024});
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryUsed), Values{1024 * 1024});
  EXPECT_EQ(step_of(chunk, ColumnId::kCpuUsed), 4);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
}

TEST(Bitbrains, DirtIsCountedByWhatBecomesOfIt) {
  const auto imported = one_file(
      "1,1000,2,4000,1000,2048,1024\n"
      "1,1300,2,4000,4200,2048,1024\n"  // more CPU than it has
      "1,1300,2,4000,9,2048,9\n"        // again
      "1,1600,0,0,0,0,0\n"              // off
      "1,1900,2,4000,40,2048,4096\n"    // more memory than it has
      "1,2500,4,8000,1000,2048,1024\n"  // resized
      "1,2200,2,4000,1000,2048,1024\n"  // late
      "1,2800,2,4000,-1,2048,1024\n"    // below zero
      "1,3100,2,4000,1,2048\n"          // too short
      "1,3400,2,4000,x,2048,1024\n"     // no number
      "1,soon,2,4000,1,2048,1024\n"     // no time
      "\xff,3700,2,4000,1,2048,1024\n"  // no name
      "1,4000,2,4000,inf,2048,1024\n"   // no number either
      "1,4300,0,0,5,2048,1024\n");      // CPU of no cores
  ASSERT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.report.lines(), 14u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 2u);
  EXPECT_EQ(imported.rows(RowClass::kUsedAboveRequest), 2u);
  EXPECT_EQ(imported.rows(RowClass::kOutOfOrder), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 2u);
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kPoweredOff), 1u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 2u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.times, (Values{1000, 1300, 1900, 2200, 2500, 2800, 4300}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest), (Values{2000, 2000, 2000, 2000, 4000, 2000, 0}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed),
            (Values{500, 2100, 20, 500, 500, columns::kMissing, columns::kMissing}));
  EXPECT_EQ(imported.report.step_s, 300);
  EXPECT_EQ(imported.report.gaps, 2u) << "where it was off, and where its rows were refused";
  EXPECT_EQ(imported.report.first, 1000);
  EXPECT_EQ(imported.report.last, 4300);
}

TEST(Bitbrains, VmWithMemoryAndNoCpuIsNotOff) {
  const auto imported = one_file("1,1000,0,0,0,2048,1024\n");
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed), Values{0});
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kMemoryUsed), Values{1024 * 1024});
}

TEST(Bitbrains, VmThatIsAlwaysOffIsNoSeries) {
  const auto imported = one_file("1,1000,0,0,0,0,0\n1,1300,0,0,0,0,0\n");
  EXPECT_EQ(imported.rows(RowClass::kPoweredOff), 2u);
  EXPECT_EQ(imported.report.series, 0u);
  EXPECT_TRUE(imported.chunks.empty());
}

TEST(Bitbrains, FileEachIsAVmByItsName) {
  const std::string row = "1372629804;\t2;\t5852;\t1463;\t25;\t8218624.0;\t1034592.8;\t160.8;\t21.7;\t0.2;\t1.4\n";
  const auto imported =
      import_files(Format::kBitbrains, {{"1.csv", kFileEachHeader + row}, {"10.csv", kFileEachHeader + row}});
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 2u);
  EXPECT_EQ(imported.chunks[0].series, "1");
  EXPECT_EQ(imported.chunks[1].series, "10");
  EXPECT_EQ(imported.chunks[0].times, Values{1372629804});
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed), Values{500});
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kMemoryRequest), Values{8218624LL * 1024});
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kMemoryUsed), Values{1059423027}) << "1034592.8 KB, rounded";
  EXPECT_THAT(imported.notes(), AllOf(HasSubstr("Timestamp [ms]"), HasSubstr("seconds")));
}

TEST(Bitbrains, StampsThatAreMillisecondsAreTakenAsSuch) {
  const auto imported = import_files(
      Format::kBitbrains, {{"1.csv", kFileEachHeader + "1372629804000;\t2;\t5852;\t0;\t0;\t1;\t1;\t0;\t0;\t0;\t0\n"}});
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(imported.chunks[0].times, Values{1372629804});
  EXPECT_THAT(imported.notes(), AllOf(HasSubstr("milliseconds"), Not(HasSubstr("are seconds"))));
}

TEST(Bitbrains, MissingColumnEndsTheImport) {
  const auto merged =
      import_files(Format::kBitbrains, {{"a.csv", "vm_id,timestamp_s,cpu_cores,cpu_cap_mhz\n1,2,3,4\n"}});
  EXPECT_THAT(merged.problem(), AllOf(HasSubstr("a.csv:1"), HasSubstr("\"cpu_used_mhz\"")));
  const auto raw = import_files(Format::kBitbrains, {{"b.csv", "Timestamp [ms];\tCPU cores\n1;\t2\n"}});
  EXPECT_THAT(raw.problem(), AllOf(HasSubstr("b.csv:1"), HasSubstr("\"CPU capacity provisioned [MHZ]\"")));
}

TEST(Bitbrains, FurtherColumnsAndAnotherOrderDoNotMatter) {
  const auto imported = import_files(
      Format::kBitbrains, {{"a.csv",
                            "disk,mem_used_kb,mem_cap_kb,cpu_used_mhz,cpu_cap_mhz,cpu_cores,timestamp_s,vm_id\n"
                            "9,1024,2048,1000,4000,2,1000,7\n"}});
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(imported.chunks[0].series, "7");
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuUsed), Values{500});
}

TEST(Bitbrains, VmThatReturnsGoesOnLaterOrIsRefused) {
  const auto imported = one_file(
      "1,1000,2,4000,1,1,1\n"
      "2,1000,2,4000,1,1,1\n"
      "1,1300,2,4000,1,1,1\n"
      "2,1000,2,4000,1,1,1\n"
      "2,700,2,4000,1,1,1\n"
      "1,900,2,4000,1,1,1\n");
  ASSERT_EQ(imported.chunks.size(), 3u) << "the first VM's first row went out before it came back";
  EXPECT_EQ(imported.chunks[0].times, Values{1000});
  EXPECT_EQ(imported.chunks[1].times, (Values{700, 1000}));
  EXPECT_EQ(imported.chunks[2].series, "1");
  EXPECT_EQ(imported.chunks[2].times, Values{1300});
  EXPECT_EQ(imported.rows(RowClass::kKept), 3u);
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kOutOfOrder), 1u);
  EXPECT_EQ(imported.rows(RowClass::kTooLate), 1u) << "before what is in the archive already";
  EXPECT_EQ(imported.report.series, 2u);
}

}  // namespace
}  // namespace tideline::traces::bitbrains_test
