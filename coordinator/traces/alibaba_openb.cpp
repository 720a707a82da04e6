#include "coordinator/traces/alibaba_openb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/fields.h"
#include "coordinator/traces/line_importer.h"
#include "coordinator/traces/named_fields.h"
#include "coordinator/traces/series_book.h"
#include "messages/model/qos.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;

constexpr std::string_view kPodSeries = "pods";
constexpr std::array<std::string_view, 3> kNodeColumns{"sn", "cpu_milli", "memory_mib"};
enum PodField : std::size_t { kPodName, kPodCpu, kPodMemory, kPodQos, kPodCreated, kPodDeleted, kPodScheduled };
constexpr std::array<std::string_view, 7> kPodColumns{"name",          "cpu_milli",     "memory_mib",    "qos",
                                                      "creation_time", "deletion_time", "scheduled_time"};
constexpr double kBytesOfMib = 1 << 20;

/// Of the class that Kubernetes gives it where a pod has none of Koordinator's.
std::optional<model::QosClass> class_of_pod(std::string_view text) {
  if (text == "Guaranteed") return model::QosClass::kLsr;
  if (text == "Burstable") return model::QosClass::kLs;
  if (text == "BestEffort") return model::QosClass::kBe;
  return model::qos_class_from(text);
}

class AlibabaOpenb final : public LineImporter {
 public:
  AlibabaOpenb(const ImportOptions& options, Importer::Sink sink)
      : nodes_({.kind = columns::SeriesKind::kHost, .ids = {ColumnId::kCpuCapacity, ColumnId::kMemoryCapacity}}, sink),
        pods_({.kind = columns::SeriesKind::kTasks,
               .ids = {ColumnId::kCpuRequest, ColumnId::kMemoryRequest, ColumnId::kTaskEnd, ColumnId::kQos}},
              std::move(sink)),
        epoch_s_(options.epoch_s) {}

 protected:
  model::Result<bool> is_header(std::string_view text) override {
    const auto& names = fields_.split(text);
    are_nodes_ =
        std::any_of(names.begin(), names.end(), [](std::string_view name) { return trimmed(name) == kNodeColumns[0]; });
    auto named = are_nodes_ ? fields_.name(place(), kNodeColumns) : fields_.name(place(), kPodColumns);
    if (!named) return named.error();
    return true;
  }

  model::Result<RowClass> row(std::string_view text) override {
    if (!fields_.row(text)) return RowClass::kFieldCount;
    // The first three of both files are a name, CPU and memory.
    if (!is_name(field(kPodName))) return RowClass::kBadName;
    if (field(kPodCpu).empty() || field(kPodMemory).empty()) return RowClass::kNoRequest;
    const Amount cpu = amount_of(field(kPodCpu), 1);
    const Amount memory = amount_of(field(kPodMemory), kBytesOfMib);
    const RowClass became = worse(cpu.row, memory.row);
    if (fate_of(became) == Fate::kRefused) return became;
    const auto added = are_nodes_ ? nodes_.add(field(kPodName), epoch_s_, {cpu.value, memory.value})
                                  : add_pod(cpu.value, memory.value);
    if (!added) return added.error();
    return worse(became, *added);
  }

  model::Result<void> end(ImportReport& report) override {
    if (auto ended = nodes_.finish(report); !ended) return ended;
    if (auto ended = pods_.finish(report); !ended) return ended;
    report.notes.emplace_back("There is no use, only what pods ask for; GPUs are left out.");
    report.notes.push_back(
        fmt::format("Times count from the trace's begin, taken as {} s since the epoch; the list of nodes has none and "
                    "is of then.",
                    epoch_s_));
    if (never_scheduled_ > 0) {
      report.notes.push_back(
          fmt::format("{} pods were never scheduled; they begin when they were created.", never_scheduled_));
    }
    report.notes.emplace_back(
        "Its pods are a sample: those of one time are far below what its nodes can hold. Take them as a set of "
        "requests.");
    return {};
  }

 private:
  std::string_view field(std::size_t which) const { return trimmed(fields_[which]); }

  std::optional<std::int64_t> time_of(std::size_t which) const {
    const auto seconds = number_from(field(which));
    return seconds ? time_from(*seconds, epoch_s_) : std::nullopt;
  }

  model::Result<RowClass> add_pod(std::int64_t millicores, std::int64_t bytes) {
    const bool scheduled = !field(kPodScheduled).empty();
    const auto begin = time_of(scheduled ? kPodScheduled : kPodCreated);
    if (!begin) return RowClass::kBadTime;
    std::int64_t end_s = columns::kMissing;
    if (!field(kPodDeleted).empty()) {
      const auto deleted = time_of(kPodDeleted);
      if (!deleted || *deleted < *begin || *deleted < 0) return RowClass::kBadTime;
      end_s = *deleted;
    }
    const auto qos = class_of_pod(field(kPodQos));
    const std::int64_t qos_number = qos ? static_cast<std::int64_t>(*qos) : columns::kMissing;
    const auto added = pods_.add(kPodSeries, *begin, {millicores, bytes, end_s, qos_number});
    if (!added) return added.error();
    if (fate_of(*added) == Fate::kRefused) return *added;
    if (!scheduled) ++never_scheduled_;
    return qos || field(kPodQos).empty() ? *added : worse(*added, RowClass::kNegativeToMissing);
  }

  SeriesBook nodes_;
  SeriesBook pods_;
  std::int64_t epoch_s_;
  bool are_nodes_ = false;
  NamedFields fields_;  // kNodeColumns or kPodColumns
  std::uint64_t never_scheduled_ = 0;
};

}  // namespace

std::unique_ptr<Importer> make_alibaba_openb(const ImportOptions& options, Importer::Sink sink) {
  return std::make_unique<AlibabaOpenb>(options, std::move(sink));
}

}  // namespace tideline::traces
