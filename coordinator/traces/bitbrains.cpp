#include "coordinator/traces/bitbrains.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/fields.h"
#include "coordinator/traces/line_importer.h"
#include "coordinator/traces/named_fields.h"
#include "coordinator/traces/series_book.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;

enum Field : std::size_t { kStamp, kCores, kCpuMhz, kCpuUsedMhz, kMemoryKb, kMemoryUsedKb, kVm };
constexpr std::array<std::string_view, 7> kOneFile{"timestamp_s", "cpu_cores",   "cpu_cap_mhz", "cpu_used_mhz",
                                                   "mem_cap_kb",  "mem_used_kb", "vm_id"};
constexpr std::array<std::string_view, 6> kFileEach{"Timestamp [ms]",
                                                    "CPU cores",
                                                    "CPU capacity provisioned [MHZ]",
                                                    "CPU usage [MHZ]",
                                                    "Memory capacity provisioned [KB]",
                                                    "Memory usage [KB]"};

/// As seconds it is the year 5138, as milliseconds 1973: no trace is of either.
constexpr double kFirstMillisecond = 1e11;
constexpr double kBytesOfKb = 1024;

class Bitbrains final : public LineImporter {
 public:
  explicit Bitbrains(Importer::Sink sink)
      : book_({.kind = columns::SeriesKind::kWorkload,
               .ids = {ColumnId::kCpuRequest, ColumnId::kCpuUsed, ColumnId::kMemoryRequest, ColumnId::kMemoryUsed},
               .sorted = true},
              std::move(sink)) {}

 protected:
  model::Result<bool> is_header(std::string_view text) override {
    file_each_ = text.find(';') != std::string_view::npos;
    fields_ = NamedFields(file_each_ ? ';' : ',');
    fields_.split(text);
    auto named = file_each_ ? fields_.name(place(), kFileEach) : fields_.name(place(), kOneFile);
    if (!named) return named.error();
    vm_ = file().substr(0, file().ends_with(".csv") ? file().size() - 4 : file().size());
    return true;
  }

  model::Result<RowClass> row(std::string_view text) override {
    if (!fields_.row(text)) return RowClass::kFieldCount;
    const std::string_view vm = file_each_ ? std::string_view(vm_) : trimmed(fields_[kVm]);
    if (!is_name(vm)) return RowClass::kBadName;
    const auto time = time_of(fields_[kStamp]);
    if (!time) return RowClass::kBadTime;
    const auto cores = number_from(fields_[kCores]);
    const auto cpu = number_from(fields_[kCpuMhz]);
    const auto cpu_used = number_from(fields_[kCpuUsedMhz]);
    const auto memory = number_from(fields_[kMemoryKb]);
    const auto memory_used = number_from(fields_[kMemoryUsedKb]);
    if (!cores || !cpu || !cpu_used || !memory || !memory_used) return RowClass::kNotANumber;
    if ((*cores == 0 || *cpu == 0) && *cpu_used == 0 && *memory == 0 && *memory_used == 0) return RowClass::kPoweredOff;

    const std::array<Amount, 4> amounts{amount_from(*cores, 1000), cpu_used_of(*cores, *cpu, *cpu_used),
                                        amount_from(*memory, kBytesOfKb), amount_from(*memory_used, kBytesOfKb)};
    RowClass became = RowClass::kKept;
    if (*cpu_used > *cpu || *memory_used > *memory) became = RowClass::kUsedAboveRequest;
    Cells cells{};
    for (std::size_t i = 0; i < amounts.size(); ++i) {
      became = worse(became, amounts[i].row);
      cells[i] = amounts[i].value;
    }
    if (fate_of(became) == Fate::kRefused) return became;
    const auto added = book_.add(vm, *time, cells);
    if (!added) return added.error();
    return worse(became, *added);
  }

  model::Result<void> end(ImportReport& report) override {
    if (auto ended = book_.finish(report); !ended) return ended;
    report.notes.emplace_back("CPU is in cores of each VM's own speed: used MHz over MHz provisioned, of its cores.");
    report.notes.emplace_back(
        "Memory used is what the hypervisor saw touched, which is well below what a VM holds; a KB is 1024 B.");
    if (seconds_as_ms_) {
      report.notes.emplace_back("The header says \"Timestamp [ms]\"; by their size the stamps are seconds.");
    }
    if (milliseconds_) report.notes.emplace_back("Timestamps of 10^11 and more are taken as milliseconds.");
    return {};
  }

 private:
  std::optional<std::int64_t> time_of(std::string_view text) {
    const auto number = number_from(text);
    if (!number) return std::nullopt;
    const bool is_ms = *number >= kFirstMillisecond;
    const auto time = time_from(is_ms ? *number / 1000 : *number, 0);
    if (time) {
      milliseconds_ = milliseconds_ || is_ms;
      seconds_as_ms_ = seconds_as_ms_ || (file_each_ && !is_ms);
    }
    return time;
  }

  static Amount cpu_used_of(double cores, double mhz, double used_mhz) {
    if (cores > 0 && mhz > 0) return amount_from(used_mhz, cores * 1000 / mhz);
    if (used_mhz == 0) return {.value = 0};
    // Of no cores no use can be told in cores.
    return {.row = RowClass::kNegativeToMissing};
  }

  SeriesBook book_;
  bool file_each_ = false;
  std::string vm_;      // of a file each
  NamedFields fields_;  // by Field
  bool seconds_as_ms_ = false;
  bool milliseconds_ = false;
};

}  // namespace

std::unique_ptr<Importer> make_bitbrains(Importer::Sink sink) {
  return std::make_unique<Bitbrains>(std::move(sink));
}

}  // namespace tideline::traces
