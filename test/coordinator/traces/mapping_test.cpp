#include "coordinator/traces/mapping.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/traces/json_line.h"

namespace tideline::traces::mapping_test {
namespace {

using columns::ColumnId;
using columns::SeriesKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kWhole = R"({
  "series": ["namespace", "pod"],
  "time": {"column": "timestamp", "unit": "ms"},
  "kind": "workload",
  "columns": {
    "memoryUsed": {"column": "mem", "unit": "percent", "of": "memoryRequest"},
    "cpuUsed": {"column": "cpu", "unit": "mhz", "of": 2500},
    "cpuRequest": {"constant": "500m"},
    "memoryRequest": {"column": "asked", "unit": "GiB"}
  }
})";

std::string problem_of(std::string_view text) {
  const auto mapping = parse_mapping(text, "pods.json");
  return mapping.ok() ? "" : mapping.error().message();
}

/// A mapping with these columns, each part on a line of its own: columns begin on line 4.
std::string with_columns(const std::string& columns, const std::string& kind = "workload") {
  return "{\"series\": [\"vm\"],\n\"time\": {\"column\": \"t\", \"unit\": \"s\"},\n\"kind\": \"" + kind +
         "\",\n\"columns\": {" + columns + "}}";
}

TEST(Mapping, SaysWhatIsReadAndHow) {
  const auto mapping = parse_mapping(kWhole, "pods.json");
  ASSERT_TRUE(mapping.ok()) << mapping.error().message();
  EXPECT_EQ(mapping->kind, SeriesKind::kWorkload);
  EXPECT_EQ(mapping->time_unit, TimeUnit::kMilliseconds);
  const auto source = [&](std::size_t number) { return mapping->sources[number]; };
  ASSERT_EQ(mapping->series.size(), 2u);
  EXPECT_EQ(source(mapping->series[0]), "namespace");
  EXPECT_EQ(source(mapping->series[1]), "pod");
  EXPECT_EQ(source(mapping->time), "timestamp");
  ASSERT_EQ(mapping->values.size(), 4u);
  EXPECT_EQ(mapping->values[0].id, ColumnId::kCpuRequest);
  EXPECT_EQ(mapping->values[0].reading, Reading::kConstant);
  EXPECT_EQ(mapping->values[0].constant, 500);
  EXPECT_EQ(mapping->values[1].id, ColumnId::kCpuUsed);
  EXPECT_EQ(mapping->values[1].reading, Reading::kScaled);
  EXPECT_DOUBLE_EQ(mapping->values[1].scale, 0.4) << "2500 MHz are 1000 millicores";
  EXPECT_EQ(source(mapping->values[1].source), "cpu");
  EXPECT_EQ(mapping->values[2].id, ColumnId::kMemoryRequest);
  EXPECT_DOUBLE_EQ(mapping->values[2].scale, 1073741824.0);
  EXPECT_EQ(mapping->values[3].id, ColumnId::kMemoryUsed);
  EXPECT_EQ(mapping->values[3].reading, Reading::kPercent);
  EXPECT_EQ(mapping->values[3].of, ColumnId::kMemoryRequest);
}

TEST(Mapping, KindIsAWorkloadUnlessItSaysOtherwise) {
  const auto mapping = parse_mapping(R"({"series": ["vm"], "time": {"column": "t", "unit": "s"},
      "columns": {"cpuUsed": {"column": "c", "unit": "cores"}}})",
                                     "m");
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping->kind, SeriesKind::kWorkload);
}

TEST(Mapping, ColumnMayBeReadTwice) {
  const auto mapping = parse_mapping(with_columns(R"("cpuUsed": {"column": "t", "unit": "cores"})"), "m");
  ASSERT_TRUE(mapping.ok());
  EXPECT_THAT(mapping->sources, ElementsAre("vm", "t"));
}

TEST(Mapping, TasksHaveColumnsOfTheirOwn) {
  const std::string columns = R"("cpuRequest": {"column": "c", "unit": "cores"},
      "taskEnd": {"column": "e", "unit": "rfc3339"}, "taskInstances": {"constant": 3}, "qos": {"constant": "BE"})";
  const auto mapping = parse_mapping(with_columns(columns, "tasks"), "m");
  ASSERT_TRUE(mapping.ok()) << mapping.error().message();
  ASSERT_EQ(mapping->values.size(), 4u);
  EXPECT_EQ(mapping->values[1].id, ColumnId::kTaskEnd);
  EXPECT_EQ(mapping->values[1].reading, Reading::kTime);
  EXPECT_EQ(mapping->values[1].unit, TimeUnit::kRfc3339);
  EXPECT_EQ(mapping->values[2].constant, 3);
  EXPECT_EQ(mapping->values[3].constant, 3) << "BE is model::QosClass 3";
}

struct Wrong {
  std::string text;
  std::string says;
};

TEST(Mapping, WhatIsWrongIsNamedWithItsLineAndWhatIsPossible) {
  const std::vector<Wrong> wrong{
      {"", "pods.json: not JSON"},
      {"{\n\"series\": ]", "line 2, column 11"},
      {R"({"series": ["a"], "series": ["b"]})", "\"series\" comes twice"},
      {"[]", "pods.json:1: $ is []; want an object"},
      {"{}", "pods.json:1: $ has no \"series\""},
      {"{\"time\": 1,\n\"colums\": {}}",
       "pods.json:2: $.colums is not a key here; want series | time | kind | columns"},
      {R"({"series": []})", "$.series is []; want a list of 1 to 8 columns"},
      {R"({"series": ["a", 7]})", "$.series is 7; want a column's name"},
      {R"({"series": ["a"]})", "has no \"time\""},
      {R"({"series": ["a"], "time": "t"})", "$.time is \"t\"; want an object with column and unit"},
      {R"({"series": ["a"], "time": {"unit": "s"}})", "$.time has no \"column\""},
      {R"({"series": ["a"], "time": {"column": "t"}})", "$.time has no \"unit\"; want s | ms | rfc3339"},
      {"{\"series\": [\"a\"],\n\"time\": {\"column\": \"t\",\n\"unit\": \"us\"}}",
       "pods.json:3: $.time.unit is \"us\"; want s | ms | rfc3339"},
      {R"({"series": ["a"], "time": {"column": "t", "unit": "s", "zone": "UTC"}})", "$.time.zone is not a key here"},
      {R"({"series": ["a"], "time": {"column": "t", "unit": "s"}})",
       "has no \"columns\"; they are cpuRequest | cpuUsed | memoryRequest | memoryUsed"},
      {R"({"series": ["a"], "time": {"column": "t", "unit": "s"}, "kind": "pods"})",
       "$.kind is \"pods\"; want workload | host | tasks"},
      {with_columns(""), "pods.json:4: $.columns is {}; want an object with cpuRequest"},
      {with_columns("\n\"cpu\": {}"),
       "pods.json:5: $.columns.cpu is not a column of this kind; want cpuRequest | cpuUsed"},
      {with_columns(R"("cpuCapacity": {"constant": "2"})"), "$.columns.cpuCapacity is not a column of this kind"},
      {with_columns(R"("cpuRequest": {"constant": "2"})", "host"), "want cpuUsed | memoryUsed | cpuCapacity"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "cores"})", "tasks"),
       "want cpuRequest | memoryRequest | taskEnd"},
      {with_columns(R"("cpuUsed": "c")"), "$.columns.cpuUsed is \"c\"; want an object"},
      {with_columns(R"("cpuUsed": {"unit": "cores"})"), "$.columns.cpuUsed has no \"column\""},
      {with_columns(R"("cpuUsed": {"column": "", "unit": "cores"})"), "$.columns.cpuUsed.column is \"\""},
      {with_columns(R"("cpuUsed": {"column": "c"})"), "has no \"unit\"; want cores | millicores | mhz | percent"},
      {with_columns("\n\"cpuUsed\": {\"column\": \"c\",\n\"unit\": \"core\"}"),
       "pods.json:6: $.columns.cpuUsed.unit is \"core\"; want cores | millicores | mhz | percent"},
      {with_columns(R"("memoryUsed": {"column": "c", "unit": "MB"})"), "want bytes | KiB | MiB | GiB | percent"},
      {with_columns(R"("memoryUsed": {"column": "c", "unit": "mhz", "of": 2000})"), "want bytes | KiB | MiB | GiB"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "cores", "of": "2"})"), "$.columns.cpuUsed.of is of no use"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "cores", "scale": 2})"),
       "$.columns.cpuUsed.scale is not a key here; want column | unit | of | constant"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "mhz"})"), "MHz of a core"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "mhz", "of": 0})"), "$.columns.cpuUsed.of is 0"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "percent"})"), "has no \"of\""},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "percent", "of": "0"})"), "$.columns.cpuUsed.of is \"0\""},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "percent", "of": "cpuUsed"})"), "another column"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "percent", "of": "memoryRequest"})"), "same resource"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "percent", "of": "cpuRequest"})"),
       "$.columns.cpuUsed.of is cpuRequest, which is not mapped"},
      {with_columns(R"("cpuUsed": {"column": "c", "unit": "percent", "of": "cpuRequest"},
                       "cpuRequest": {"column": "d", "unit": "percent", "of": "2"})"),
       "which is in percent itself"},
      {with_columns(R"("cpuRequest": {"constant": "2"})"), "$.columns reads nothing of the trace"},
      {with_columns(R"("cpuRequest": {"constant": 2}, "cpuUsed": {"column": "c", "unit": "cores"})"),
       "$.columns.cpuRequest.constant is 2; want a quantity"},
      {with_columns(R"("cpuRequest": {"constant": "-2"}, "cpuUsed": {"column": "c", "unit": "cores"})"),
       "want a quantity"},
      {with_columns(R"("cpuRequest": {"constant": "2", "unit": "cores"})"),
       "$.columns.cpuRequest.unit is not a key here; want constant"},
      {with_columns(R"("taskEnd": {"constant": "2"})", "tasks"), "$.columns.taskEnd.constant is \"2\"; want a column"},
      {with_columns(R"("taskInstances": {"constant": 0})", "tasks"), "want a whole number from 1"},
      {with_columns(R"("taskInstances": {"column": "n", "unit": "cores"})", "tasks"), "$.columns.taskInstances.unit"},
      {with_columns(R"("qos": {"constant": "best"})", "tasks"), "want LSE | LSR | LS | BE | SYSTEM"},
  };
  for (const Wrong& one : wrong) {
    SCOPED_TRACE(one.text);
    const std::string problem = problem_of(one.text);
    EXPECT_THAT(problem, HasSubstr(one.says));
    EXPECT_EQ(problem.rfind("pods.json:", 0), 0u);
    EXPECT_LE(problem.size(), 600u);
  }
}

TEST(Mapping, BoundsAreKept) {
  EXPECT_THAT(problem_of(std::string(MappingLimits::kMaxBytes + 1, ' ')), HasSubstr("at most"));
  std::string parts;
  for (int i = 0; i < 9; ++i)
    parts += (i == 0 ? "\"p" : ", \"p") + std::to_string(i) + "\"";
  EXPECT_THAT(problem_of("{\"series\": [" + parts + "]}"), HasSubstr("1 to 8 columns"));
  const std::string long_name(300, 'x');
  EXPECT_THAT(problem_of("{\"series\": [\"" + long_name + "\"]}"), HasSubstr("want a column's name"));
  EXPECT_LE(problem_of("{\"" + long_name + "\": 1}").size(), 300u);
}

TEST(JsonLine, KeysAreFoundWhereTheyStand) {
  constexpr std::string_view kText = R"({
  "b": {"c": ["a",
    {"a": 1}]},
  "text": "\"a\": {}",
  "a": {
    "b": 1,
    "c" :
      {"b": 2}
  }
})";
  const auto line = [&](const std::vector<std::string_view>& path) { return line_of_key(kText, path); };
  EXPECT_EQ(line({}), 1u);
  EXPECT_EQ(line({"b"}), 2u);
  EXPECT_EQ(line({"b", "c"}), 2u);
  EXPECT_EQ(line({"text"}), 4u);
  EXPECT_EQ(line({"a"}), 5u);
  EXPECT_EQ(line({"a", "b"}), 6u);
  EXPECT_EQ(line({"a", "c", "b"}), 8u);
  EXPECT_EQ(line({"a", "x"}), 5u) << "the last that is there";
  EXPECT_EQ(line({"b", "x"}), 2u);
  EXPECT_EQ(line({"x"}), 1u);
}

}  // namespace
}  // namespace tideline::traces::mapping_test
