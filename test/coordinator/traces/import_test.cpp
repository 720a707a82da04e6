#include "coordinator/traces/import.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/traces/imported.h"

namespace tideline::traces::import_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::string_view kMapping = R"({"series": ["vm"], "time": {"column": "t", "unit": "s"},
  "columns": {"cpuUsed": {"column": "cpu", "unit": "cores"}}})";

TEST(Import, FormatsComeBackByTheirNames) {
  std::set<std::string_view> names;
  for (const Format format : kFormats) {
    EXPECT_EQ(format_from(name_of(format)), format);
    names.insert(name_of(format));
  }
  EXPECT_EQ(names.size(), kFormats.size());
  EXPECT_EQ(name_of(Format::kBitbrains), "bitbrains");
  EXPECT_EQ(name_of(Format::kJsonLines), "json-lines");
  EXPECT_EQ(format_from("Bitbrains"), std::nullopt);
  EXPECT_EQ(format_from(""), std::nullopt);
}

TEST(Import, EachRowClassHasANameAndAMeaningOfItsOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> meanings;
  for (std::size_t i = 0; i < kRowClasses; ++i) {
    names.insert(name_of(static_cast<RowClass>(i)));
    meanings.insert(meaning_of(static_cast<RowClass>(i)));
  }
  EXPECT_EQ(names.size(), kRowClasses);
  EXPECT_EQ(meanings.size(), kRowClasses);
  EXPECT_EQ(names.count(""), 0u);
}

TEST(Import, FatesAreThoseOfTheContract) {
  EXPECT_EQ(fate_of(RowClass::kKept), Fate::kKept);
  for (const RowClass row : {RowClass::kUsedAboveRequest, RowClass::kNegativeToMissing, RowClass::kAboveRangeToMissing,
                             RowClass::kOutOfOrder})
    EXPECT_EQ(fate_of(row), Fate::kRepaired) << name_of(row);
  for (const RowClass row :
       {RowClass::kDuplicateTime, RowClass::kPoweredOff, RowClass::kNoRequest, RowClass::kFieldCount,
        RowClass::kNotANumber, RowClass::kBadTime, RowClass::kBadName, RowClass::kOverLimit, RowClass::kTooLate})
    EXPECT_EQ(fate_of(row), Fate::kRefused) << name_of(row);
}

TEST(Import, MappingIsAskedForByTheTwoFormatsThatTakeOne) {
  EXPECT_THAT(import_files(Format::kCsv, {}).problem(), HasSubstr("csv needs a mapping"));
  EXPECT_THAT(import_files(Format::kJsonLines, {}).problem(), HasSubstr("json-lines needs a mapping"));
  EXPECT_EQ(import_files(Format::kCsv, {}, {.mapping = std::string(kMapping)}).problem(), "");
}

TEST(Import, MappingIsRefusedWhereItIsOfNoUse) {
  for (const Format format : kFormats) {
    if (format == Format::kCsv || format == Format::kJsonLines) continue;
    const auto imported = import_files(format, {}, {.mapping = std::string(kMapping), .mapping_name = "pods.json"});
    EXPECT_THAT(imported.problem(), AllOf(HasSubstr("pods.json"), HasSubstr(std::string(name_of(format)))));
  }
}

TEST(Import, AssumedSizesMustBeSizes) {
  EXPECT_THAT(import_files(Format::kGoogleVms, {}, {.assumed_cpu_millicores = 0}).problem(), HasSubstr("0 millicores"));
  EXPECT_THAT(import_files(Format::kGoogleVms, {}, {.assumed_memory_bytes = -5}).problem(), HasSubstr("-5 bytes"));
  EXPECT_THAT(import_files(Format::kGoogleVms, {}, {.epoch_s = INT64_MAX}).problem(), HasSubstr("9223372036854775807"));
}

TEST(Import, NothingGivenIsNothingFound) {
  for (const Format format : kFormats) {
    ImportOptions options;
    if (format == Format::kCsv || format == Format::kJsonLines) options.mapping = kMapping;
    const auto imported = import_files(format, {}, options);
    EXPECT_EQ(imported.problem(), "") << name_of(format);
    EXPECT_EQ(imported.report.lines(), 0u);
    EXPECT_EQ(imported.report.series, 0u);
    EXPECT_TRUE(imported.chunks.empty());
  }
}

TEST(Import, ErrorOfTheSinkEndsIt) {
  const auto refuse = [](const columns::Chunk&) -> model::Result<void> {
    return model::Error(model::ErrorCode::kUnavailable, "disk full");
  };
  auto importer = make_importer(Format::kPlanetLab, {}, refuse);
  ASSERT_TRUE(importer.ok());
  std::string row = "vm-a";
  for (int i = 0; i < 288; ++i)
    row += ",1";
  const auto outcome = feed(**importer, {{"day.csv", row + "\n"}});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().message(), "disk full");
}

TEST(Import, ExamplesNameFileAndLineAndAreShort) {
  const std::string long_field(400, 'x');
  const auto imported = import_files(Format::kGoogleVms, {{"vms.csv",
                                                           "vm_id,step,cpu_util_percent,mem_util_percent\n"
                                                           "a,0,1,1\n"
                                                           "a,1\n"
                                                           "a,2\n"
                                                           "a,3," +
                                                               long_field + "\t\xff,1\n"}});
  EXPECT_EQ(imported.report.examples[static_cast<std::size_t>(RowClass::kFieldCount)], "vms.csv:3: a,1");
  const std::string& cut = imported.report.examples[static_cast<std::size_t>(RowClass::kNotANumber)];
  EXPECT_EQ(cut.size(), 160u);
  EXPECT_EQ(cut.rfind("vms.csv:5: a,3,xxx", 0), 0u);
  EXPECT_EQ(imported.report.examples[static_cast<std::size_t>(RowClass::kKept)], "");
}

TEST(Import, BytesThatAreNoTextAreNotShown) {
  const auto imported = import_files(Format::kGoogleVms, {{"vms.csv",
                                                           "vm_id,step,cpu_util_percent,mem_util_percent\n"
                                                           "\xff\x1b[2J,0,1,1\n"}});
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.report.examples[static_cast<std::size_t>(RowClass::kBadName)], "vms.csv:2: ??[2J,0,1,1");
}

TEST(Import, LineThatMayHaveBeenCutIsRefused) {
  const std::string header = "vm_id,step,cpu_util_percent,mem_util_percent\n";
  const auto imported = import_files(
      Format::kGoogleVms, {{"vms.csv", header + "a,0,1,1" + std::string(ImportLimits::kMaxLine, ' ') + "\na,1,1,1\n"}});
  EXPECT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.rows(RowClass::kOverLimit), 1u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
}

TEST(Import, LineEndsAndMarksOfOtherSystemsAreNoPartOfIt) {
  const auto imported =
      import_files(Format::kGoogleVms, {{"vms.csv",
                                         "\xEF\xBB\xBFvm_id,step,cpu_util_percent,mem_util_percent\r\n"
                                         "a,0,1,1\r\n"}});
  EXPECT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
}

TEST(Import, SecondFinishAddsNothing) {
  std::size_t chunks = 0;
  auto importer = make_importer(Format::kGoogleVms, {}, [&chunks](const columns::Chunk&) -> model::Result<void> {
    ++chunks;
    return {};
  });
  ASSERT_TRUE(importer.ok());
  ASSERT_TRUE(feed(**importer, {{"v.csv", "vm_id,step,cpu_util_percent,mem_util_percent\na,0,1,1\n"}}).ok());
  const auto notes = (*importer)->report().notes.size();
  ASSERT_TRUE((*importer)->finish().ok());
  EXPECT_EQ(chunks, 1u);
  EXPECT_EQ((*importer)->report().notes.size(), notes);
  EXPECT_EQ((*importer)->report().series, 1u);
}

}  // namespace
}  // namespace tideline::traces::import_test
