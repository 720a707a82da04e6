#include "coordinator/traces/planetlab.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/fields.h"
#include "coordinator/traces/line_importer.h"
#include "coordinator/traces/series_book.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;

constexpr std::size_t kStepsOfDay = 288;
constexpr std::int64_t kDayStepS = 300;
constexpr std::int64_t kDayS = 86'400;

class PlanetLab final : public LineImporter {
 public:
  PlanetLab(const ImportOptions& options, Importer::Sink sink)
      : book_({.kind = columns::SeriesKind::kWorkload,
               .ids = {ColumnId::kCpuRequest, ColumnId::kCpuUsed},
               .sorted = true},
              std::move(sink)),
        epoch_s_(options.epoch_s),
        millicores_(options.assumed_cpu_millicores) {}

 protected:
  model::Result<bool> is_header(std::string_view /*text*/) override {
    ++days_;
    return false;
  }

  model::Result<RowClass> row(std::string_view text) override {
    split_fields(text, ',', fields_);
    if (fields_.size() != kStepsOfDay + 1) return RowClass::kFieldCount;
    const std::string_view vm = trimmed(fields_[0]);
    if (!is_name(vm)) return RowClass::kBadName;
    RowClass became = RowClass::kKept;
    std::array<std::int64_t, kStepsOfDay> used{};
    for (std::size_t i = 0; i < kStepsOfDay; ++i) {
      const std::string_view field = fields_[i + 1];
      if (trimmed(field).empty()) return RowClass::kNotANumber;
      const Amount amount = percent_of(field, millicores_);
      became = worse(became, amount.row);
      used[i] = amount.value;
    }
    if (fate_of(became) == Fate::kRefused) return became;
    const std::int64_t day = epoch_s_ + (days_ - 1) * kDayS;
    if (day + kDayS > kMaxTime) return RowClass::kBadTime;
    for (std::size_t i = 0; i < kStepsOfDay; ++i) {
      // A row's time is the end of what it is the mean of.
      const std::int64_t time = day + static_cast<std::int64_t>(i + 1) * kDayStepS;
      const auto added = book_.add(vm, time, {millicores_, used[i]});
      if (!added) return added.error();
      if (fate_of(*added) == Fate::kRefused) return *added;
      became = worse(became, *added);
    }
    return became;
  }

  model::Result<void> end(ImportReport& report) override {
    if (auto ended = book_.finish(report); !ended) return ended;
    report.notes.push_back(fmt::format(
        "Percentages are of sizes that are not told: each VM is taken to ask for {}. There is no memory, and a line is "
        "288 rows.",
        cores_text(millicores_)));
    report.notes.push_back(fmt::format(
        "The first file's day begins at {} s since the epoch; each file is the day after the one before it.",
        epoch_s_));
    return {};
  }

 private:
  SeriesBook book_;
  std::int64_t epoch_s_;
  std::int64_t millicores_;
  std::int64_t days_ = 0;  // files that had a line
  std::vector<std::string_view> fields_;
};

}  // namespace

std::unique_ptr<Importer> make_planetlab(const ImportOptions& options, Importer::Sink sink) {
  return std::make_unique<PlanetLab>(options, std::move(sink));
}

}  // namespace tideline::traces
