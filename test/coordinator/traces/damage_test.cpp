// Whatever lines are given, an import counts each of them, and makes chunks that an archive takes.

#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "test/coordinator/traces/imported.h"

namespace tideline::traces::damage_test {
namespace {

struct Sound {
  Format format{};
  std::string file;
  std::string header;  // "": none
  std::vector<std::string> lines;
  std::string mapping;
};

std::string day_line(const std::string& name) {
  std::string line = name;
  for (int i = 0; i < 288; ++i)
    line += "," + std::to_string(i % 101);
  return line;
}

const std::string kMapping = R"({"series": ["vm"], "time": {"column": "t", "unit": "s"},
  "columns": {"cpuUsed": {"column": "cpu", "unit": "percent", "of": "cpuRequest"},
              "cpuRequest": {"column": "asked", "unit": "cores"}, "memoryUsed": {"column": "mem", "unit": "GiB"}}})";
const std::string kTaskMapping = R"({"series": ["vm"], "time": {"column": "t", "unit": "ms"}, "kind": "tasks",
  "columns": {"cpuRequest": {"column": "cpu", "unit": "cores"}, "taskEnd": {"column": "end", "unit": "s"},
              "taskInstances": {"column": "n"}, "qos": {"column": "class"}}})";

std::vector<Sound> sound_traces() {
  std::vector<Sound> traces{
      {Format::kBitbrains,
       "all.csv",
       "vm_id,timestamp_s,cpu_cores,cpu_cap_mhz,cpu_used_mhz,mem_cap_kb,mem_used_kb",
       {},
       ""},
      {Format::kBitbrains,
       "1.csv",
       "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\t"
       "Memory capacity provisioned [KB];\tMemory usage [KB]",
       {},
       ""},
      {Format::kAlibaba2018Machines, "machine_usage.csv", "", {}, ""},
      {Format::kAlibaba2018Machines, "machine_meta.csv", "", {}, ""},
      {Format::kAlibaba2017Batch,
       "batch_task.csv",
       "task_create_time,task_end_time,job_id,task_id,number_of_instances,status,"
       "number_of_cpus_requested_per_instance_in_the_task,normalized_memory_requested_per_instance_in_the_task",
       {},
       ""},
      {Format::kAlibabaOpenb, "nodes.csv", "sn,cpu_milli,memory_mib,gpu,model", {}, ""},
      {Format::kAlibabaOpenb,
       "pods.csv",
       "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time",
       {},
       ""},
      {Format::kGoogleVms, "gcd.csv", "vm_id,step,cpu_util_percent,mem_util_percent", {}, ""},
      {Format::kPlanetLab, "20110303.csv", "", {}, ""},
      {Format::kCsv, "m.csv", "vm,t,cpu,asked,mem", {}, kMapping},
      {Format::kJsonLines, "m.jsonl", "", {}, kMapping},
      {Format::kCsv, "tasks.csv", "vm,t,end,cpu,n,class", {}, kTaskMapping},
  };
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    const std::string vm = std::to_string(i / 4);
    traces[0].lines.push_back(vm + "," + std::to_string(1372637004 + 300 * i) + ",2,5852,29.3,8218624,106254");
    traces[1].lines.push_back(std::to_string(1372637004 + 300 * i) + ";\t2;\t5852;\t29.3;\t8218624.0;\t106254.4");
    traces[2].lines.push_back("m_" + vm + "," + std::to_string(10 * i) + ",41,92,,,43.04,33.08,5");
    traces[3].lines.push_back("m_" + n + ",0,219,17,96,100,USING");
    traces[4].lines.push_back(std::to_string(6000 + i) + ",6524,3,4,15740,Terminated,50,0.0079");
    traces[5].lines.push_back("openb-node-" + n + ",32000,262144,0,");
    traces[6].lines.push_back("openb-pod-" + n + ",6000,12288,1,460,,LS,Running,42,1290,43");
    traces[7].lines.push_back("vm_" + vm + "," + n + ",6.763,5.103");
    traces[8].lines.push_back(day_line("vm-" + n));
    traces[9].lines.push_back("vm" + vm + "," + std::to_string(60 * i) + ",50,2,1.5");
    traces[10].lines.push_back(R"({"vm":"vm)" + vm + R"(","t":)" + std::to_string(60 * i) +
                               R"(,"cpu":"50","asked":2})");
    traces[11].lines.push_back("q" + vm + "," + std::to_string(60'000 * i) + ",5000,2,3,BE");
  }
  return traces;
}

constexpr std::array<std::string_view, 20> kPieces{",",
                                                   ";",
                                                   "\t",
                                                   "\"",
                                                   "-",
                                                   "1e9",
                                                   "1e308",
                                                   "nan",
                                                   "inf",
                                                   "0",
                                                   "\xff",
                                                   "\xC3",
                                                   "{",
                                                   "}",
                                                   "null",
                                                   "99999999999999999999",
                                                   "-9223372036854775808",
                                                   " ",
                                                   "\r",
                                                   "m_1"};

void damage(std::vector<std::string>& lines, std::mt19937_64& random) {
  std::string& line = lines[random() % lines.size()];
  const std::size_t at = line.empty() ? 0 : random() % line.size();
  switch (random() % 8) {
    case 0:
      line.insert(at, kPieces[random() % kPieces.size()]);
      break;
    case 1:
      line.erase(at, random() % 6);
      break;
    case 2:
      line.resize(at);
      break;
    case 3:
      if (!line.empty()) line[at] = static_cast<char>(random() % 256);
      break;
    case 4:
      lines.push_back(lines[random() % lines.size()]);
      break;
    case 5:
      std::swap(lines[random() % lines.size()], lines[random() % lines.size()]);
      break;
    default:
      for (std::size_t i = at; i < line.size(); ++i) {
        if (line[i] < '0' || line[i] > '9') continue;
        line[i] = static_cast<char>('0' + random() % 10);
        break;
      }
      break;
  }
}

/// Lines one by one, so that a line may hold anything, its own ends too.
Imported import_lines(const Sound& trace, const std::vector<std::string>& lines) {
  Imported imported;
  ImportOptions options;
  options.epoch_s = 100'000;
  options.mapping = trace.mapping;
  auto importer = make_importer(trace.format, options, [&imported](columns::Chunk chunk) -> model::Result<void> {
    imported.chunks.push_back(std::move(chunk));
    return {};
  });
  if (!importer) {
    imported.outcome = importer.error();
    return imported;
  }
  const auto all = [&]() -> model::Result<void> {
    if (auto begun = (*importer)->begin_file(trace.file); !begun) return begun;
    if (!trace.header.empty()) {
      if (auto taken = (*importer)->line(trace.header); !taken) return taken;
    }
    for (const std::string& line : lines) {
      if (auto taken = (*importer)->line(line); !taken) return taken;
    }
    return (*importer)->finish();
  };
  imported.outcome = all();
  imported.report = (*importer)->report();
  return imported;
}

TEST(Damage, SoundTracesAreKeptWhole) {
  for (const Sound& trace : sound_traces()) {
    SCOPED_TRACE(trace.file);
    const auto imported = import_lines(trace, trace.lines);
    EXPECT_EQ(imported.problem(), "");
    EXPECT_EQ(imported.rows(RowClass::kKept), trace.lines.size());
  }
}

TEST(Damage, EachLineIsCountedAndChunksAreSound) {
  const auto traces = sound_traces();
  for (std::size_t number = 0; number < traces.size(); ++number) {
    const Sound& trace = traces[number];
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      SCOPED_TRACE(trace.file + " seed " + std::to_string(seed));
      std::mt19937_64 random(seed * 100 + number);
      std::vector<std::string> lines = trace.lines;
      for (auto steps = 1 + random() % 12; steps > 0; --steps)
        damage(lines, random);
      // Headers stay whole: a wrong one ends an import.
      const auto imported = import_lines(trace, lines);
      ASSERT_EQ(imported.problem(), "");
      ASSERT_EQ(imported.report.lines(), lines.size());
      std::uint64_t rows = 0;
      for (const columns::Chunk& chunk : imported.chunks) {
        const auto bytes = columns::encode_chunk(chunk, 1);
        ASSERT_TRUE(bytes.ok()) << bytes.error().message();
        rows += chunk.rows();
      }
      const std::uint64_t taken = taken_by(imported.report);
      if (trace.format == Format::kPlanetLab) {
        EXPECT_EQ(rows, taken * 288);
      } else if (trace.file == "machine_meta.csv") {
        EXPECT_EQ(rows, 0u);
      } else {
        EXPECT_EQ(rows, taken);
      }
      for (std::size_t i = 0; i < kRowClasses; ++i) {
        const bool told = !imported.report.examples[i].empty();
        EXPECT_EQ(told, i != static_cast<std::size_t>(RowClass::kKept) && imported.report.rows[i] > 0);
        EXPECT_LE(imported.report.examples[i].size(), 160u);
      }
    }
  }
}

TEST(Damage, SameLinesGiveTheSameChunks) {
  for (const Sound& trace : sound_traces()) {
    SCOPED_TRACE(trace.file);
    std::mt19937_64 random(5);
    std::vector<std::string> lines = trace.lines;
    for (int i = 0; i < 6; ++i)
      damage(lines, random);
    EXPECT_EQ(import_lines(trace, lines).chunks, import_lines(trace, lines).chunks);
  }
}

}  // namespace
}  // namespace tideline::traces::damage_test
