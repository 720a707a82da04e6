#include "node-actor/fleet/trace_files.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::rehearsal::trace_files_test {
namespace {

namespace fs = std::filesystem;
using model::MilliCpu;
using testing::HasSubstr;

constexpr const char* kHeader = "time_s,host,cpu_millicores\n";

std::string with_header(const char* rows) {
  return fmt::format("{}{}", kHeader, rows);
}

std::string refusal(const std::vector<std::string>& paths) {
  const auto trace = read_trace(paths, MilliCpu(32'000));
  return trace ? "taken" : trace.error().message();
}

TEST(TraceFiles, SeveralFilesAndADirectoryAreOneTrace) {
  const test::TempDir dir;
  const auto first = dir.write("first.csv", with_header("0,a,1\n"));
  dir.write("more/10.csv", with_header("0,ten,1\n"));
  dir.write("more/2.csv", with_header("0,two,1\n"));
  dir.write("more/notes.txt", "no trace");
  const auto trace = read_trace({first, dir.str() + "/more"}, MilliCpu(32'000));
  ASSERT_TRUE(trace) << trace.error().message();
  ASSERT_EQ(trace->hosts.size(), 3u);
  EXPECT_EQ(trace->hosts[1].name, "two") << "by number";
  EXPECT_EQ(trace->hosts[2].name, "ten");
}

TEST(TraceFiles, WhatIsWrongIsNamedWithFileAndLine) {
  const test::TempDir dir;
  EXPECT_THAT(refusal({dir.str() + "/none.csv"}), HasSubstr(dir.str() + "/none.csv: No such file"));
  EXPECT_THAT(refusal({dir.write("bad.csv", with_header("0,a,1\n1,a,b\n"))}),
              HasSubstr("bad.csv:3: cpu_millicores 'b'"));
  EXPECT_THAT(refusal({dir.write("head.csv", "what\n")}), HasSubstr("head.csv:1: column 'what'"));
  EXPECT_THAT(refusal({dir.write("empty.csv", "")}), HasSubstr("empty.csv: it is empty"));
  EXPECT_THAT(refusal({dir.write("long.csv", fmt::format("{}{}\n", kHeader, std::string(100'000, 'x')))}),
              HasSubstr("long.csv:2: a line of more than 65536 bytes"));
  fs::create_directory(dir.path() / "nothing");
  EXPECT_THAT(refusal({dir.str() + "/nothing"}), HasSubstr("it has no .csv files"));
}

// TIDELINE_TRACES: a directory with dev-bitbrains-rnd-2013-07/raw/<machine>.csv.gz of GWA-T-12.
TEST(TraceFiles, TheBitbrainsTraceAsItWasPublishedIsRead) {
  const char* traces = std::getenv("TIDELINE_TRACES");
  const fs::path raw = fs::path(traces == nullptr ? "" : traces) / "dev-bitbrains-rnd-2013-07" / "raw";
  std::error_code ignored;
  if (traces == nullptr || !fs::is_directory(raw, ignored)) {
    GTEST_SKIP() << "no Bitbrains trace: TIDELINE_TRACES names no directory that has dev-bitbrains-rnd-2013-07/raw";
  }
  const test::TempDir dir;
  for (const auto& entry : fs::directory_iterator(raw)) {
    const auto unpacked = test::run({"gzip", "-dc", entry.path().string()});
    ASSERT_EQ(unpacked.exit, 0) << unpacked.output;
    dir.write(entry.path().stem().string(), unpacked.output);
  }
  const auto trace = read_trace({dir.str()}, MilliCpu(16'000));
  ASSERT_TRUE(trace) << trace.error().message();
  std::size_t machines = 0;
  for (const auto& host : trace->hosts) {
    MilliCpu sum;
    for (const auto& pod : host.pods) {
      sum += pod.request;
      EXPECT_GT(pod.request, MilliCpu(0)) << pod.name;
      EXPECT_FALSE(pod.points.empty()) << pod.name;
    }
    machines += host.pods.size();
    EXPECT_TRUE(host.pods.size() == 1 || sum <= MilliCpu(16'000)) << host.name;
  }
  EXPECT_EQ(machines, static_cast<std::size_t>(std::distance(fs::directory_iterator(raw), fs::directory_iterator())));
  EXPECT_GT(trace->length_ms, std::int64_t{20} * 24 * 3'600'000) << "a month";
}

}  // namespace
}  // namespace tideline::rehearsal::trace_files_test
