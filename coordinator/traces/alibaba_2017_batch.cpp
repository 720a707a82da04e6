#include "coordinator/traces/alibaba_2017_batch.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/fields.h"
#include "coordinator/traces/header.h"
#include "coordinator/traces/line_importer.h"
#include "coordinator/traces/series_book.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;

constexpr std::string_view kTaskSeries = "batch_task";
constexpr std::size_t kTaskFields = 8;
/// Those that are read, as the copies with a header have them.
constexpr std::array<std::string_view, 5> kTaskColumns{"task_create_time", "task_end_time", "number_of_instances",
                                                       "number_of_cpus_requested_per_instance_in_the_task",
                                                       "normalized_memory_requested_per_instance_in_the_task"};
/// Of 100, which is one core in later traces of this cluster.
constexpr double kMillicoresOfUnit = 10;

class Alibaba2017Batch final : public LineImporter {
 public:
  Alibaba2017Batch(const ImportOptions& options, Importer::Sink sink)
      : book_({.kind = columns::SeriesKind::kTasks,
               .ids = {ColumnId::kCpuRequest, ColumnId::kMemoryRequest, ColumnId::kTaskEnd, ColumnId::kTaskInstances}},
              std::move(sink)),
        epoch_s_(options.epoch_s),
        assumed_memory_(options.assumed_memory_bytes) {}

 protected:
  /// The trace itself has none, copies of it have: a first field without any digit is one.
  model::Result<bool> is_header(std::string_view text) override {
    split_fields(text, ',', fields_);
    places_ = {0, 1, 4, 6, 7};
    const std::string_view first = trimmed(fields_[0]);
    if (first.empty() || std::any_of(first.begin(), first.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      return false;
    }
    auto places = find_columns(place(), fields_, kTaskColumns);
    if (!places) return places.error();
    // Rows are split at kTaskFields.
    if (fields_.size() != kTaskFields) {
      return model::invalid(fmt::format("{}: {} columns; want {}", place(), fields_.size(), kTaskFields));
    }
    places_ = *std::move(places);
    return true;
  }

  model::Result<RowClass> row(std::string_view text) override {
    split_fields(text, ',', fields_);
    if (fields_.size() != kTaskFields) return RowClass::kFieldCount;
    if (trimmed(field(3)).empty() || trimmed(field(4)).empty()) return RowClass::kNoRequest;
    const auto begin = time_of(field(0));
    const auto end = time_of(field(1));
    // A column holds nothing below zero: a task must end after 1970.
    if (!begin || !end || *end < *begin || *end < 0) return RowClass::kBadTime;
    const std::array<Amount, 3> amounts{amount_of(field(3), kMillicoresOfUnit),
                                        amount_of(field(4), static_cast<double>(assumed_memory_)),
                                        amount_of(field(2), 1)};
    RowClass became = RowClass::kKept;
    for (const Amount& amount : amounts)
      became = worse(became, amount.row);
    if (fate_of(became) == Fate::kRefused) return became;
    const auto added = book_.add(kTaskSeries, *begin, {amounts[0].value, amounts[1].value, *end, amounts[2].value});
    if (!added) return added.error();
    return worse(became, *added);
  }

  model::Result<void> end(ImportReport& report) override {
    if (auto ended = book_.finish(report); !ended) return ended;
    report.notes.emplace_back("100 of CPU is taken as one core: inferred from later traces of the same cluster.");
    report.notes.push_back(
        fmt::format("Memory is normalised to a size that is not told: 1 is taken as {}.", gib_text(assumed_memory_)));
    report.notes.emplace_back("A task's end is its last change; one that still ran or failed ends there too.");
    report.notes.push_back(fmt::format(
        "Times count from the trace's begin, taken as {} s since the epoch; some lie before it, and a task that ends "
        "before 1970 by that is a bad time.",
        epoch_s_));
    return {};
  }

 private:
  std::string_view field(std::size_t which) const { return fields_[places_[which]]; }

  std::optional<std::int64_t> time_of(std::string_view text) const {
    const auto seconds = number_from(text);
    return seconds ? time_from(*seconds, epoch_s_) : std::nullopt;
  }

  SeriesBook book_;
  std::int64_t epoch_s_;
  std::int64_t assumed_memory_;
  std::vector<std::size_t> places_;  // of kTaskColumns
  std::vector<std::string_view> fields_;
};

}  // namespace

std::unique_ptr<Importer> make_alibaba_2017_batch(const ImportOptions& options, Importer::Sink sink) {
  return std::make_unique<Alibaba2017Batch>(options, std::move(sink));
}

}  // namespace tideline::traces
