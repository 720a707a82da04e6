// Every public trace that lies beside the source: rows add up to what its README says, and units are right as far as
// figures are known from elsewhere.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "test/coordinator/traces/imported.h"

namespace tideline::traces::shared_traces_test {
namespace {

using columns::ColumnId;

/// "" where there are none.
std::string shared_traces() {
  if (const char* traces = std::getenv("TIDELINE_TRACES")) return traces;
  const char* source = std::getenv("TIDELINE_SOURCE");
  return source == nullptr ? "" : std::string(source) + "/../shared/traces";
}

struct Sums {
  std::uint64_t rows = 0;
  std::map<ColumnId, double> of;  // of known values
  std::map<ColumnId, std::uint64_t> values;
  std::size_t chunks = 0;
};

struct Whole {
  model::Result<void> outcome;
  Sums sums;
  ImportReport report;
};

Sums& operator+=(Sums& sums, const columns::Chunk& chunk) {
  sums.rows += chunk.rows();
  ++sums.chunks;
  for (const columns::Column& column : chunk.columns) {
    double sum = 0;
    std::uint64_t count = 0;
    for (const std::int64_t value : column.values) {
      if (value == columns::kMissing) continue;
      sum += static_cast<double>(value);
      ++count;
    }
    sums.of[column.id] += sum;
    sums.values[column.id] += count;
  }
  return sums;
}

model::Result<void> feed_gz(Importer& importer, const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  if (auto begun = importer.begin_file(name.substr(0, name.size() - 3)); !begun) return begun;
  const std::string command = "gzip -dc '" + path + "'";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return model::Error(model::ErrorCode::kUnavailable, command);
  model::Result<void> outcome;
  char* buffer = nullptr;
  std::size_t room = 0;
  ssize_t size = 0;
  while (outcome.ok() && (size = ::getline(&buffer, &room, pipe)) > 0) {
    std::string_view line(buffer, static_cast<std::size_t>(size));
    if (line.ends_with('\n')) line.remove_suffix(1);
    outcome = importer.line(line);
  }
  std::free(buffer);
  const int status = ::pclose(pipe);
  if (outcome.ok() && status != 0) return model::Error(model::ErrorCode::kMalformed, command);
  return outcome;
}

Whole import_shared(Format format, const std::vector<std::string>& paths, const ImportOptions& options = {}) {
  Whole whole;
  auto importer = make_importer(format, options, [&whole](const columns::Chunk& chunk) -> model::Result<void> {
    whole.sums += chunk;
    return {};
  });
  if (!importer) {
    whole.outcome = importer.error();
    return whole;
  }
  for (const std::string& path : paths) {
    whole.outcome = feed_gz(**importer, shared_traces() + "/" + path);
    if (!whole.outcome.ok()) return whole;
  }
  whole.outcome = (*importer)->finish();
  whole.report = (*importer)->report();
  return whole;
}

std::uint64_t count_of(const Whole& whole, RowClass row) {
  return whole.report.rows[static_cast<std::size_t>(row)];
}

std::uint64_t refused_by(const ImportReport& report) {
  return report.lines() - taken_by(report);
}

/// What is missing of a set, by one of its files; "" where it is there.
std::string missing(const std::string& path) {
  if (shared_traces().empty()) return "neither TIDELINE_TRACES nor TIDELINE_SOURCE is set: no public traces";
  const std::string whole = shared_traces() + "/" + path;
  return std::filesystem::exists(whole) ? "" : "there is no " + whole;
}

TEST(SharedTraces, BitbrainsJuly) {
  if (const auto what = missing("dev-bitbrains-rnd-2013-07/vm_usage_14d.csv.gz"); !what.empty()) GTEST_SKIP() << what;
  const auto whole = import_shared(Format::kBitbrains, {"dev-bitbrains-rnd-2013-07/vm_usage_14d.csv.gz"});
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  EXPECT_EQ(whole.report.lines(), 1'762'193u);
  EXPECT_LE(whole.report.series, 435u);
  EXPECT_GE(whole.report.series, 350u);
  EXPECT_EQ(whole.sums.rows, taken_by(whole.report));
  EXPECT_EQ(whole.report.step_s, 300);
  EXPECT_GE(whole.report.first, 1'372'636'800);
  EXPECT_LT(whole.report.last, 1'373'846'400);
  // What its README says is in it, and what is not.
  EXPECT_GT(count_of(whole, RowClass::kDuplicateTime), 1'000u);
  EXPECT_GT(count_of(whole, RowClass::kPoweredOff), 20'000u);
  EXPECT_GT(count_of(whole, RowClass::kUsedAboveRequest), 20'000u);
  EXPECT_LT(count_of(whole, RowClass::kUsedAboveRequest), 100'000u);
  for (const RowClass row : {RowClass::kFieldCount, RowClass::kNotANumber, RowClass::kBadTime, RowClass::kBadName,
                             RowClass::kOverLimit, RowClass::kTooLate})
    EXPECT_EQ(count_of(whole, row), 0u) << name_of(row);
  // Of what is allocated 9.94 % of CPU and 5.2 % of memory is used.
  auto of = whole.sums.of;
  EXPECT_NEAR(of[ColumnId::kCpuUsed] / of[ColumnId::kCpuRequest], 0.0994, 0.01);
  EXPECT_NEAR(of[ColumnId::kMemoryUsed] / of[ColumnId::kMemoryRequest], 0.052, 0.01);
}

TEST(SharedTraces, BitbrainsFilesOfOneVmEach) {
  if (const auto what = missing("dev-bitbrains-rnd-2013-07/raw/1.csv.gz"); !what.empty()) GTEST_SKIP() << what;
  std::vector<std::string> paths;
  for (int vm = 1; vm <= 20; ++vm)
    paths.push_back("dev-bitbrains-rnd-2013-07/raw/" + std::to_string(vm) + ".csv.gz");
  const auto whole = import_shared(Format::kBitbrains, paths);
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  EXPECT_LE(whole.report.series, 20u);
  EXPECT_GE(whole.report.series, 15u);
  EXPECT_EQ(whole.sums.rows, taken_by(whole.report));
  EXPECT_EQ(whole.report.step_s, 300);
  EXPECT_GT(whole.report.first, 1'370'000'000) << "the stamps are seconds, whatever the header says";
  EXPECT_LT(whole.report.last, 1'380'000'000);
  EXPECT_GT(count_of(whole, RowClass::kDuplicateTime), 0u);
  EXPECT_EQ(count_of(whole, RowClass::kFieldCount) + count_of(whole, RowClass::kNotANumber) +
                count_of(whole, RowClass::kBadTime) + count_of(whole, RowClass::kBadName),
            0u);
}

TEST(SharedTraces, AlibabaMachinesOf2018) {
  if (const auto what = missing("dev-alibaba-v2018-machines/machine_usage.csv.gz"); !what.empty()) GTEST_SKIP() << what;
  const auto whole = import_shared(Format::kAlibaba2018Machines, {"dev-alibaba-v2018-machines/machine_meta.csv.gz",
                                                                  "dev-alibaba-v2018-machines/machine_usage.csv.gz"});
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  constexpr std::uint64_t kMeta = 17'592;
  constexpr std::uint64_t kUsage = 100'002;
  EXPECT_EQ(whole.report.lines(), kMeta + kUsage);
  EXPECT_EQ(whole.report.series, 16u);
  EXPECT_EQ(whole.sums.rows, kUsage) << "its CPU and memory have no dirt";
  EXPECT_EQ(taken_by(whole.report) + refused_by(whole.report), kMeta + kUsage);
  auto of = whole.sums.of;
  EXPECT_DOUBLE_EQ(of[ColumnId::kCpuCapacity], 96'000.0 * static_cast<double>(kUsage));
  EXPECT_LT(of[ColumnId::kCpuUsed], of[ColumnId::kCpuCapacity]);
  EXPECT_GE(whole.report.first, 0);
  EXPECT_LE(whole.report.last, 691'200);
}

TEST(SharedTraces, AlibabaBatchOf2017) {
  if (const auto what = missing("dev-alibaba-v2017-batch/batch_task.csv.gz"); !what.empty()) GTEST_SKIP() << what;
  const auto whole = import_shared(Format::kAlibaba2017Batch, {"dev-alibaba-v2017-batch/batch_task.csv.gz"});
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  EXPECT_EQ(whole.report.lines(), 80'553u);
  EXPECT_EQ(count_of(whole, RowClass::kNoRequest), 8'847u + 170u);
  EXPECT_EQ(count_of(whole, RowClass::kBadTime), 82u + 117u) << "end before begin, and before 1970";
  EXPECT_EQ(count_of(whole, RowClass::kKept), 71'337u);
  EXPECT_EQ(whole.sums.rows, taken_by(whole.report));
  // From a begin that is late enough nothing ends before 1970.
  const auto later =
      import_shared(Format::kAlibaba2017Batch, {"dev-alibaba-v2017-batch/batch_task.csv.gz"}, {.epoch_s = 86'400});
  EXPECT_EQ(count_of(later, RowClass::kBadTime), 82u);
  EXPECT_EQ(later.report.first, 86'400 - 1078);
}

TEST(SharedTraces, AlibabaOpenb) {
  const auto what = missing("dev-alibaba-openb-2023/openb_pod_list_default.csv.gz");
  if (!what.empty()) GTEST_SKIP() << what;
  const auto whole = import_shared(Format::kAlibabaOpenb, {"dev-alibaba-openb-2023/openb_node_list_all_node.csv.gz",
                                                           "dev-alibaba-openb-2023/openb_pod_list_default.csv.gz"});
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  EXPECT_EQ(whole.report.lines(), 1'523u + 8'152u);
  EXPECT_EQ(count_of(whole, RowClass::kKept), 1'523u + 8'152u);
  EXPECT_EQ(whole.sums.rows, 1'523u + 8'152u);
  EXPECT_EQ(whole.report.series, 1'523u + 1u);
  // "68 % of CPU capacity"
  auto of = whole.sums.of;
  EXPECT_NEAR(of[ColumnId::kCpuRequest] / of[ColumnId::kCpuCapacity], 0.68, 0.01);
}

TEST(SharedTraces, GoogleVms) {
  if (const auto what = missing("extra-google-gcd-vms/gcd_vms.csv.gz"); !what.empty()) GTEST_SKIP() << what;
  const auto whole = import_shared(Format::kGoogleVms, {"extra-google-gcd-vms/gcd_vms.csv.gz"});
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  EXPECT_EQ(whole.report.lines(), 1'600u * 288u);
  EXPECT_EQ(whole.report.series, 1'600u);
  EXPECT_EQ(count_of(whole, RowClass::kAboveRangeToMissing), 613u);
  EXPECT_EQ(count_of(whole, RowClass::kKept), 1'600u * 288u - 613u);
  EXPECT_EQ(whole.sums.rows, 1'600u * 288u);
  EXPECT_EQ(whole.report.step_s, 300);
  EXPECT_EQ(whole.report.gaps, 0u);
}

TEST(SharedTraces, PlanetLab) {
  if (const auto what = missing("extra-planetlab-2011/20110303.csv.gz"); !what.empty()) GTEST_SKIP() << what;
  const auto whole = import_shared(Format::kPlanetLab,
                                   {"extra-planetlab-2011/20110303.csv.gz", "extra-planetlab-2011/20110420.csv.gz"});
  ASSERT_TRUE(whole.outcome.ok()) << whole.outcome.error().message();
  EXPECT_EQ(whole.report.lines(), 1'052u + 1'033u);
  EXPECT_EQ(count_of(whole, RowClass::kKept), 1'052u + 1'033u);
  EXPECT_EQ(whole.sums.rows, (1'052u + 1'033u) * 288u);
  EXPECT_EQ(whole.report.step_s, 300);
  EXPECT_EQ(whole.report.first, 300);
  EXPECT_EQ(whole.report.last, 2 * 86'400);
}

}  // namespace
}  // namespace tideline::traces::shared_traces_test
