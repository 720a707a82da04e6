// Lines of a trace, whatever they are: each of them is counted, what an archive is given is by its rules, and an error
// is short.
//
// An input's first byte says the format: 'a' is the first of traces::kFormats. Of those with a mapping the mapping
// follows, up to a byte 0x1E. The rest are lines of one file.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/traces/fields.h"
#include "coordinator/traces/import.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

using traces::Format;

constexpr char kEndOfMapping = '\x1e';
constexpr std::int64_t kMaxValue = std::int64_t{1} << 53;

bool takes_mapping(Format format) {
  return format == Format::kCsv || format == Format::kJsonLines;
}

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 2048, "a refusal does not repeat what it refuses");
  require(std::none_of(error.message().begin(), error.message().end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
          "a refusal holds no control characters");
}

void check_column(const columns::Column& column, std::size_t rows) {
  require(column.step >= 1, "a step is at least 1");
  require(column.values.size() == rows, "a column has a value a row");
  require(
      std::all_of(column.values.begin(), column.values.end(),
                  [](std::int64_t value) { return value == columns::kMissing || (value >= 0 && value <= kMaxValue); }),
      "a value is in its range, or missing");
}

void check_chunk(const columns::Chunk& chunk) {
  require(traces::is_name(chunk.series), "a series has a name");
  require(chunk.rows() >= 1 && chunk.rows() <= columns::ChunkLimits::kMaxRows, "a chunk has rows, and not too many");
  const bool tasks = chunk.kind == columns::SeriesKind::kTasks;
  for (std::size_t row = 1; row < chunk.rows(); ++row) {
    const std::int64_t before = chunk.times[row - 1];
    require(tasks ? chunk.times[row] >= before : chunk.times[row] > before, "rows are sorted by time");
  }
  for (std::size_t i = 0; i < chunk.columns.size(); ++i) {
    require(i == 0 || chunk.columns[i - 1].id < chunk.columns[i].id, "columns are sorted, and each is there once");
    check_column(chunk.columns[i], chunk.rows());
  }
}

void check_report(const traces::ImportReport& report, std::uint64_t given, std::uint64_t rows, Format format) {
  require(report.lines() == given || report.lines() + 1 == given, "each line is counted, but for a header");
  std::uint64_t taken = 0;
  for (std::size_t i = 0; i < traces::kRowClasses; ++i) {
    const auto row = static_cast<traces::RowClass>(i);
    if (traces::fate_of(row) != traces::Fate::kRefused) taken += report.rows[i];
    require(report.examples[i].size() <= 160, "an example is short");
    require(report.examples[i].empty() == (report.rows[i] == 0 || row == traces::RowClass::kKept),
            "there is an example of each class but that of rows that are kept");
  }
  // A line of PlanetLab is a day; one that says a machine's size is in no row of its own.
  if (format == Format::kPlanetLab) {
    require(rows == taken * 288, "the archive has what the report says");
  } else if (format == Format::kAlibaba2018Machines) {
    require(rows <= taken, "the archive has no more than the report says");
  } else {
    require(rows == taken, "the archive has what the report says");
  }
  if (taken > 0) ++accepted;
}

std::string with_letter(Format format, std::string_view text) {
  std::string input(1, static_cast<char>('a' + static_cast<int>(format)));
  input += text;
  return input;
}

std::string repeated(std::string_view head, std::string_view value, std::size_t times) {
  std::string text(head);
  for (std::size_t i = 0; i < times; ++i)
    text += value;
  return text + "\n";
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& /*random*/) {
  const std::string mapping =
      R"({"series": ["ns", "pod"], "time": {"column": "t", "unit": "s"}, "columns": {)"
      R"("cpuUsed": {"column": "cpu", "unit": "percent", "of": "cpuRequest"},)"
      R"("cpuRequest": {"column": "asked", "unit": "cores"}, "memoryUsed": {"column": "mem", "unit": "MiB"}}})"
      "\x1e";
  const std::string tasks =
      R"({"series": ["q"], "time": {"column": "t", "unit": "rfc3339"}, "kind": "tasks", "columns": {)"
      R"("cpuRequest": {"column": "cpu", "unit": "mhz", "of": 2000}, "taskEnd": {"column": "e", "unit": "ms"},)"
      R"("taskInstances": {"column": "n"}, "qos": {"constant": "BE"}}})"
      "\x1e";
  const std::vector<std::string> texts{
      with_letter(Format::kBitbrains,
                  "vm_id,timestamp_s,cpu_cores,cpu_cap_mhz,cpu_used_mhz,mem_cap_kb,mem_used_kb\n"
                  "1,1372637004,2,5852,29.3,8218624,106254\n1,1372637304,2,5852,5900,8218624,100662\n"
                  "1,1372637604,0,0,0,0,0\n2,1372637004,1,2926,1,4194304,100\n"),
      with_letter(Format::kBitbrains,
                  "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\t"
                  "Memory capacity provisioned [KB];\tMemory usage [KB]\n"
                  "1372629804;\t2;\t5851.9989;\t87.7799835;\t8218624.0;\t1034592.8\n"
                  "1372630104000;\t2;\t5851.9989;\t29.25;\t8218624.0;\t458575.4\n"),
      with_letter(Format::kAlibaba2018Machines, "m_1,0,219,17,96,100,USING\nm_1,148984,219,17,96,100,USING\n"),
      with_letter(Format::kAlibaba2018Machines,
                  "m_1932,386640,41,92,,,43.04,33.08,5\nm_1932,386670,43,101,,,43.04,33.08,5\n"
                  "m_1933,386640,-1,92,,,43.05,33.08,3\n"),
      with_letter(Format::kAlibaba2017Batch,
                  "6459,6524,3,4,15740,Terminated,50,0.007956928\n6036,6046,4,7,393,Waiting,,\n"),
      with_letter(Format::kAlibabaOpenb,
                  "sn,cpu_milli,memory_mib,gpu,model\nn-0,32000,262144,0,\nn-1,96000,393216,8,G2\n"),
      with_letter(Format::kAlibabaOpenb,
                  "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,"
                  "scheduled_time\np-0,12000,16384,1,1000,,LS,Running,0,12537496,0\np-1,6000,12288,1,460,,BE,"
                  "Pending,427061,12902960,\n"),
      with_letter(Format::kGoogleVms,
                  "vm_id,step,cpu_util_percent,mem_util_percent\nvm_1,0,6.763,5.103\nvm_1,1,7.288,5.139\n"),
      with_letter(Format::kPlanetLab, repeated("vm-a", ",24", 288) + repeated("vm-b", ",9", 288)),
      with_letter(Format::kCsv, mapping + "ns,pod,t,cpu,asked,mem\nshop,\"web-0\",1764000000,50,0.5,128\n"
                                          "shop,web-0,1764000060,120,0.5,\nshop,web-1,1764000000,,0.5,1\n"),
      with_letter(Format::kJsonLines,
                  mapping + R"({"ns":"shop","pod":"web-0","t":1764000000,"cpu":"50","asked":0.5,"mem":128})"
                            "\n"
                            R"({"ns":"shop","pod":"web-0","t":1764000060,"cpu":50,"asked":null})"
                            "\n"),
      with_letter(Format::kCsv, tasks + "q,t,e,cpu,n\na,2026-01-01T00:00:00Z,1767225700000,4000,3\n"),
  };
  std::vector<Bytes> sound;
  sound.reserve(texts.size());
  for (const std::string& text : texts)
    sound.emplace_back(text.begin(), text.end());
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs; two bytes of a header or a line
/// are a field of sixteen. A line of some bytes may be a series with a chunk of its own, and one of PlanetLab 288 rows.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{16} << 20) + 256 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  namespace traces = tideline::traces;
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t letter = *data >= 'a' ? *data - std::size_t{'a'} : *data;
  const traces::Format format = traces::kFormats[letter % traces::kFormats.size()];
  text.remove_prefix(1);
  traces::ImportOptions options;
  options.epoch_s = 100'000;
  if (fuzz::takes_mapping(format)) {
    const auto end = std::min(text.find(fuzz::kEndOfMapping), text.size());
    options.mapping = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::uint64_t rows = 0;
  auto importer = traces::make_importer(
      format, options, [&rows](const tideline::columns::Chunk& chunk) -> tideline::model::Result<void> {
        fuzz::check_chunk(chunk);
        rows += chunk.rows();
        return {};
      });
  if (!importer) {
    fuzz::check_refusal(importer.error());
    return 0;
  }
  traces::Importer& lines = **importer;
  std::uint64_t given = 0;
  auto outcome = lines.begin_file("input");
  while (outcome.ok() && !text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    outcome = lines.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++given;
  }
  if (outcome.ok()) outcome = lines.finish();
  if (!outcome.ok()) {
    fuzz::check_refusal(outcome.error());
    return 0;
  }
  fuzz::check_report(lines.report(), given, rows, format);
  return 0;
}
