// CSV and JSON lines by a mapping.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/qos.h"
#include "test/coordinator/traces/imported.h"

namespace tideline::traces::mapped_test {
namespace {

using columns::ColumnId;
using columns::kMissing;
using columns::SeriesKind;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kMiB = 1 << 20;

const std::string kPods = R"({
  "series": ["namespace", "pod"],
  "time": {"column": "timestamp", "unit": "s"},
  "columns": {
    "cpuUsed": {"column": "cpu", "unit": "cores"},
    "cpuRequest": {"column": "cpu_asked", "unit": "millicores"},
    "memoryUsed": {"column": "mem", "unit": "MiB"},
    "memoryRequest": {"constant": "1Gi"}
  }
})";

Imported csv(const std::string& text, const std::string& mapping = kPods) {
  return import_files(Format::kCsv, {{"pods.csv", text}}, {.mapping = mapping, .mapping_name = "pods.json"});
}

Imported json_lines(const std::string& text, const std::string& mapping = kPods) {
  return import_files(Format::kJsonLines, {{"pods.jsonl", text}}, {.mapping = mapping, .mapping_name = "pods.json"});
}

TEST(MappedCsv, ColumnsAreReadInTheirUnits) {
  const auto imported =
      csv("pod,namespace,timestamp,cpu,cpu_asked,mem,node\n"
          "web-0,shop,1764000000,0.25,500,128.5,n1\n"
          "\"web-0\",\"shop\",\"1764000060\",\"0.5\",500,,n1\n"
          "web-1,shop,1764000000,0.1,250,64,n1\n");
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 2u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, SeriesKind::kWorkload);
  EXPECT_EQ(chunk.series, "shop/web-0");
  EXPECT_EQ(chunk.times, (Values{1764000000, 1764000060}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed), (Values{250, 500}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuRequest), (Values{500, 500}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryUsed), (Values{128 * kMiB + kMiB / 2, kMissing}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryRequest), (Values{1024 * kMiB, 1024 * kMiB}));
  EXPECT_EQ(imported.chunks[1].series, "shop/web-1");
  EXPECT_EQ(imported.rows(RowClass::kKept), 3u);
  EXPECT_EQ(imported.report.step_s, 60);
}

TEST(MappedJsonLines, NumbersMayBeNumbersOrTexts) {
  const auto imported = json_lines(
      R"({"namespace": "shop", "pod": "web-0", "timestamp": 1764000000, "cpu": 0.25, "cpu_asked": "500", "mem": 128.5})"
      "\n"
      R"({"pod": "web-0", "namespace": "shop", "timestamp": "1764000060.2", "cpu": "0.5", "cpu_asked": 500, "x": [1]})"
      "\n"
      R"({"pod": "web-0", "namespace": "shop", "timestamp": 1764000120, "cpu": null, "mem": "NaN", "cpu_asked": 500})"
      "\n");
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.series, "shop/web-0");
  EXPECT_EQ(chunk.times, (Values{1764000000, 1764000060, 1764000120}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed), (Values{250, 500, kMissing}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryUsed), (Values{128 * kMiB + kMiB / 2, kMissing, kMissing}));
  EXPECT_EQ(imported.rows(RowClass::kKept), 3u);
}

TEST(Mapped, CsvAndJsonLinesOfTheSameRowsAreTheSame) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::string as_csv = "namespace,pod,timestamp,cpu,cpu_asked,mem\n";
    std::string as_json;
    for (int i = 0; i < 40; ++i) {
      const std::string pod = "p" + std::to_string(random() % 3);
      const std::string time = std::to_string(1764000000 + 60 * (random() % 30));
      const std::string cpu = std::to_string(static_cast<double>(random() % 3000) / 1000 - 0.1);
      const std::string asked = std::to_string(random() % 3000);
      const std::string mem = random() % 5 == 0 ? "" : std::to_string(random() % 2000);
      as_csv += "shop," + pod + "," + time + "," + cpu + "," + asked + "," + mem + "\n";
      as_json += R"({"namespace":"shop","pod":")" + pod + R"(","timestamp":)" + time + R"(,"cpu":")" + cpu +
                 R"(","cpu_asked":)" + asked + (mem.empty() ? std::string() : ",\"mem\":" + mem) + "}\n";
    }
    const auto one = csv(as_csv);
    const auto other = json_lines(as_json);
    EXPECT_EQ(one.chunks, other.chunks);
    EXPECT_EQ(one.report.rows, other.report.rows);
    EXPECT_EQ(one.report.lines(), 40u);
  }
}

TEST(MappedCsv, DirtIsCounted) {
  const auto imported =
      csv("namespace,pod,timestamp,cpu,cpu_asked,mem\n"
          "shop,a,1000,0.9,500,1\n"           // more than it asked for
          "shop,a,940,0.1,500,1\n"            // late
          "shop,a,1000,0.1,500,1\n"           // again
          "shop,a,1060,-0.1,500,1\n"          // below zero
          "shop,a,1120,0.1,500\n"             // too short
          "shop,\"a,1180,0.1,500,1\n"         // a quote that is not closed
          "shop,,1240,0.1,500,1\n"            // no name
          "shop,a,2025-01-01,0.1,500,1\n"     // no time of that unit
          "shop,a,1764000000000,0.1,500,1\n"  // milliseconds are no seconds
          "shop,a,1300,0.1x,500,1\n"          // no number
          "shop,a,1360,,,\n"                  // nothing at all
          "shop,a,1420,0.1,500,2048\n");      // more memory than it asked for
  ASSERT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.report.lines(), 12u);
  EXPECT_EQ(imported.rows(RowClass::kUsedAboveRequest), 2u);
  EXPECT_EQ(imported.rows(RowClass::kOutOfOrder), 1u);
  EXPECT_EQ(imported.rows(RowClass::kDuplicateTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 2u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 2u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 2u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 0u);
}

TEST(MappedJsonLines, DirtIsCounted) {
  const auto imported = json_lines(
      "not json\n"
      "[1, 2]\n"
      "\n"
      R"({"namespace": "shop", "pod": "a", "timestamp": 1000, "cpu": {"v": 1}})"
      "\n"
      R"({"namespace": "shop", "pod": ["a"], "timestamp": 1000, "cpu": 1})"
      "\n"
      R"({"namespace": "shop", "timestamp": 1000, "cpu": 1})"
      "\n"
      R"({"namespace": "shop", "pod": "a", "cpu": 1})"
      "\n"
      R"({"namespace": "shop", "pod": "a", "timestamp": true, "cpu": 1})"
      "\n"
      R"({"namespace": "shop", "pod": "a", "timestamp": 1000})"
      "\n"
      R"({"namespace": "shop", "pod": 7, "timestamp": 1000, "cpu": 1})"
      "\n");
  ASSERT_EQ(imported.problem(), "");
  EXPECT_EQ(imported.rows(RowClass::kFieldCount), 3u);
  EXPECT_EQ(imported.rows(RowClass::kNotANumber), 2u);
  EXPECT_EQ(imported.rows(RowClass::kBadName), 2u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 2u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(imported.chunks[0].series, "shop/7");
}

TEST(MappedCsv, MissingColumnEndsTheImport) {
  const auto imported = csv("namespace,pod,timestamp,cpu,mem\n");
  EXPECT_EQ(imported.problem(),
            "pods.csv:1: no column \"cpu_asked\"; the header has namespace, pod, timestamp, cpu, mem");
  EXPECT_THAT(csv("\"namespace,pod\n").problem(), HasSubstr("a quote of the header is not closed"));
}

TEST(Mapped, RequestThatIsNotMappedIsTheMostUsedAndNoted) {
  const std::string mapping = R"({"series": ["vm"], "time": {"column": "t", "unit": "s"},
    "columns": {"cpuUsed": {"column": "cpu", "unit": "millicores"}}})";
  const auto imported = csv("vm,t,cpu\na,0,100\na,60,700\na,120,300\n", mapping);
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kCpuRequest), (Values{700, 700, 700}));
  EXPECT_TRUE(values_of(imported.chunks[0], ColumnId::kMemoryRequest).empty());
  EXPECT_THAT(imported.notes(), HasSubstr("No cpuRequest is mapped"));
}

TEST(Mapped, PercentagesAreOfAnotherColumnOrOfAQuantity) {
  const std::string mapping = R"({"series": ["host"], "time": {"column": "t", "unit": "ms"}, "kind": "host",
    "columns": {"cpuUsed": {"column": "cpu", "unit": "percent", "of": "cpuCapacity"},
                "cpuCapacity": {"column": "mhz", "unit": "mhz", "of": 2000},
                "memoryUsed": {"column": "mem", "unit": "percent", "of": "8Gi"}}})";
  const auto imported = csv("host,t,cpu,mhz,mem\nh,1764000000499,50,8000,25\nh,1764000060000,50,,75\n", mapping);
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, SeriesKind::kHost);
  EXPECT_EQ(chunk.times, (Values{1764000000, 1764000060}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuCapacity), (Values{4'000, kMissing}));
  EXPECT_EQ(values_of(chunk, ColumnId::kCpuUsed), (Values{2'000, kMissing})) << "of what is not known nothing is known";
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryUsed), (Values{2048 * kMiB, 6144 * kMiB}));
  EXPECT_EQ(values_of(chunk, ColumnId::kMemoryCapacity), (Values{6144 * kMiB, 6144 * kMiB}));
  EXPECT_THAT(imported.notes(), HasSubstr("No memoryCapacity is mapped"));
}

TEST(Mapped, TimesOfRfc3339AreRead) {
  const std::string mapping = R"({"series": ["vm"], "time": {"column": "t", "unit": "rfc3339"},
    "columns": {"memoryUsed": {"column": "m", "unit": "KiB"}}})";
  const auto imported =
      csv("vm,t,m\n"
          "a,2013-07-01T00:03:24Z,3\n"
          "a,2013-07-01 02:08:24+02:00,4\n"
          "a,2013-13-01T00:00:00Z,4\n",
          mapping);
  ASSERT_EQ(imported.chunks.size(), 1u);
  EXPECT_EQ(imported.chunks[0].times, (Values{1372637004, 1372637304}));
  EXPECT_EQ(values_of(imported.chunks[0], ColumnId::kMemoryUsed), (Values{3072, 4096}));
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 1u);
}

TEST(Mapped, TasksAreRead) {
  const std::string mapping = R"({"series": ["queue"], "time": {"column": "begin", "unit": "s"}, "kind": "tasks",
    "columns": {"cpuRequest": {"column": "cpu", "unit": "cores"}, "taskEnd": {"column": "end", "unit": "s"},
                "taskInstances": {"column": "n"}, "qos": {"column": "class"}}})";
  const auto imported =
      csv("queue,begin,end,cpu,n,class\n"
          "q,100,200,2,5,BE\n"
          "q,50,60,1,1,LS\n"
          "q,100,150,1,1,gold\n"
          "q,100,90,1,1,BE\n"
          "q,100,190,,1,BE\n"
          "q,100,,1,1,BE\n",
          mapping);
  ASSERT_EQ(imported.problem(), "");
  ASSERT_EQ(imported.chunks.size(), 1u);
  const auto& chunk = imported.chunks[0];
  EXPECT_EQ(chunk.kind, SeriesKind::kTasks);
  EXPECT_EQ(chunk.times, (Values{50, 100, 100, 100}));
  EXPECT_EQ(values_of(chunk, ColumnId::kTaskEnd), (Values{60, 200, 150, kMissing}));
  EXPECT_EQ(values_of(chunk, ColumnId::kTaskInstances), (Values{1, 5, 1, 1}));
  EXPECT_EQ(values_of(chunk, ColumnId::kQos), (Values{2, 3, kMissing, 3}));
  EXPECT_EQ(imported.rows(RowClass::kNegativeToMissing), 1u);
  EXPECT_EQ(imported.rows(RowClass::kBadTime), 1u);
  EXPECT_EQ(imported.rows(RowClass::kNoRequest), 1u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 3u);
}

TEST(Mapped, NamesAreBoundedWhateverTheyAreMadeOf) {
  const std::string half(130, 'x');
  const auto imported = csv("namespace,pod,timestamp,cpu,cpu_asked,mem\n" + half + "," + half + ",1000,1,1,1\n" + half +
                            ",y,1000,0.001,1,1\n");
  EXPECT_EQ(imported.rows(RowClass::kBadName), 1u);
  EXPECT_EQ(imported.rows(RowClass::kKept), 1u);
}

/// What stands in docs/traces.md between ```<fence> and ```.
std::vector<std::string> blocks_of_the_docs(const std::string& fence) {
  const char* source = std::getenv("TIDELINE_SOURCE");
  if (source == nullptr) return {};
  std::ifstream file(std::string(source) + "/docs/traces.md");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> blocks;
  const std::string opening = "\n```" + fence + "\n";
  for (auto at = text.find(opening); at != std::string::npos; at = text.find(opening, at)) {
    at += opening.size();
    const auto end = text.find("```", at);
    blocks.push_back(text.substr(at, end - at));
  }
  return blocks;
}

TEST(Mapped, ExampleOfTheDocumentationIsTaken) {
  if (std::getenv("TIDELINE_SOURCE") == nullptr) GTEST_SKIP() << "TIDELINE_SOURCE is not set: no docs to read";
  const auto mappings = blocks_of_the_docs("json mapping");
  const auto csv_rows = blocks_of_the_docs("csv pods.csv");
  const auto json_rows = blocks_of_the_docs("json pods.jsonl");
  ASSERT_EQ(mappings.size(), 1u);
  ASSERT_EQ(csv_rows.size(), 1u);
  ASSERT_EQ(json_rows.size(), 1u);
  const auto one = csv(csv_rows[0], mappings[0]);
  const auto other = json_lines(json_rows[0], mappings[0]);
  EXPECT_EQ(one.problem(), "");
  EXPECT_EQ(other.problem(), "");
  EXPECT_GT(one.report.lines(), 0u);
  EXPECT_EQ(one.rows(RowClass::kKept), one.report.lines());
  EXPECT_EQ(one.chunks, other.chunks) << "the two exports are of the same rows";
}

}  // namespace
}  // namespace tideline::traces::mapped_test
