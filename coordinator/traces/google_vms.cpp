#include "coordinator/traces/google_vms.h"

#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/fields.h"
#include "coordinator/traces/line_importer.h"
#include "coordinator/traces/named_fields.h"
#include "coordinator/traces/series_book.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;

constexpr std::array<std::string_view, 4> kVmColumns{"vm_id", "step", "cpu_util_percent", "mem_util_percent"};
constexpr double kVmStepS = 300;

class GoogleVms final : public LineImporter {
 public:
  GoogleVms(const ImportOptions& options, Importer::Sink sink)
      : book_({.kind = columns::SeriesKind::kWorkload,
               .ids = {ColumnId::kCpuRequest, ColumnId::kCpuUsed, ColumnId::kMemoryRequest, ColumnId::kMemoryUsed},
               .sorted = true},
              std::move(sink)),
        epoch_s_(options.epoch_s),
        millicores_(options.assumed_cpu_millicores),
        bytes_(options.assumed_memory_bytes) {}

 protected:
  model::Result<bool> is_header(std::string_view text) override {
    fields_.split(text);
    if (auto named = fields_.name(place(), kVmColumns); !named) return named.error();
    return true;
  }

  model::Result<RowClass> row(std::string_view text) override {
    if (!fields_.row(text)) return RowClass::kFieldCount;
    const std::string_view vm = trimmed(fields_[0]);
    if (!is_name(vm)) return RowClass::kBadName;
    const auto step = number_from(fields_[1]);
    if (!step || *step < 0 || std::floor(*step) != *step) return RowClass::kBadTime;
    // A row's time is the end of what it is the mean of.
    const auto time = time_from((*step + 1) * kVmStepS, epoch_s_);
    if (!time) return RowClass::kBadTime;
    if (trimmed(fields_[2]).empty() && trimmed(fields_[3]).empty()) return RowClass::kNotANumber;
    const Amount cpu = percent_of(fields_[2], millicores_);
    const Amount memory = percent_of(fields_[3], bytes_);
    const RowClass became = worse(cpu.row, memory.row);
    if (fate_of(became) == Fate::kRefused) return became;
    const auto added = book_.add(vm, *time, {millicores_, cpu.value, bytes_, memory.value});
    if (!added) return added.error();
    return worse(became, *added);
  }

  model::Result<void> end(ImportReport& report) override {
    if (auto ended = book_.finish(report); !ended) return ended;
    report.notes.push_back(
        fmt::format("Percentages are of sizes that are not told: each VM is taken to ask for {} and {}.",
                    cores_text(millicores_), gib_text(bytes_)));
    report.notes.push_back(fmt::format("Step 0 begins at {} s since the epoch, and a step is 300 s.", epoch_s_));
    return {};
  }

 private:
  SeriesBook book_;
  std::int64_t epoch_s_;
  std::int64_t millicores_;
  std::int64_t bytes_;
  NamedFields fields_;  // kVmColumns
};

}  // namespace

std::unique_ptr<Importer> make_google_vms(const ImportOptions& options, Importer::Sink sink) {
  return std::make_unique<GoogleVms>(options, std::move(sink));
}

}  // namespace tideline::traces
