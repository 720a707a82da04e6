#include "coordinator/traces/alibaba_2018.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
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

constexpr std::size_t kMetaFields = 7;
constexpr std::size_t kUsageFields = 9;
/// mem_size is normalised so that a whole machine has this.
constexpr double kWholeMemory = 100;
constexpr std::size_t kMaxSizesOfMachine = 4096;

class MachineSizes {
 public:
  struct Size {
    std::int64_t from = 0;
    std::int64_t millicores = 0;
    std::int64_t bytes = 0;
  };

  RowClass add(std::string_view machine, const Size& size) {
    if (held_ >= ImportLimits::kMaxHeldRows) return RowClass::kOverLimit;
    auto known = sizes_.find(machine);
    if (known == sizes_.end()) {
      if (sizes_.size() >= ImportLimits::kMaxSeries) return RowClass::kOverLimit;
      known = sizes_.emplace(machine, std::vector<Size>{}).first;
    }
    std::vector<Size>& sizes = known->second;
    const auto after = std::upper_bound(sizes.begin(), sizes.end(), size.from,
                                        [](std::int64_t time, const Size& each) { return time < each.from; });
    if (after != sizes.begin() && std::prev(after)->from == size.from) return RowClass::kDuplicateTime;
    if (sizes.size() >= kMaxSizesOfMachine) return RowClass::kOverLimit;
    const bool is_last = after == sizes.end();
    sizes.insert(after, size);
    ++held_;
    return is_last ? RowClass::kKept : RowClass::kOutOfOrder;
  }

  /// At that time; before its first one that. nullptr: there is none.
  const Size* find(std::string_view machine, std::int64_t time) const {
    const auto known = sizes_.find(machine);
    if (known == sizes_.end()) return nullptr;
    const std::vector<Size>& sizes = known->second;
    const auto after = std::upper_bound(sizes.begin(), sizes.end(), time,
                                        [](std::int64_t at, const Size& each) { return at < each.from; });
    return after == sizes.begin() ? &sizes.front() : &*std::prev(after);
  }

  std::size_t machines() const { return sizes_.size(); }

 private:
  std::map<std::string, std::vector<Size>, std::less<>> sizes_;
  std::size_t held_ = 0;  // of all machines
};

class Alibaba2018 final : public LineImporter {
 public:
  Alibaba2018(const ImportOptions& options, Importer::Sink sink)
      : book_({.kind = columns::SeriesKind::kHost,
               .ids = {ColumnId::kCpuUsed, ColumnId::kMemoryUsed, ColumnId::kCpuCapacity, ColumnId::kMemoryCapacity}},
              std::move(sink)),
        epoch_s_(options.epoch_s),
        assumed_{.millicores = options.assumed_cpu_millicores, .bytes = options.assumed_memory_bytes} {}

 protected:
  /// They have none. A file of another name is told by its first line.
  model::Result<bool> is_header(std::string_view text) override {
    split_fields(text, ',', fields_);
    is_meta_ =
        file().starts_with("machine_meta") || (!file().starts_with("machine_usage") && fields_.size() == kMetaFields);
    if (is_meta_ && has_usage_) {
      return model::invalid(fmt::format(
          "{}: sizes of machines after their use; give machine_meta.csv before machine_usage.csv", place()));
    }
    return false;
  }

  model::Result<RowClass> row(std::string_view text) override {
    split_fields(text, ',', fields_);
    if (fields_.size() != (is_meta_ ? kMetaFields : kUsageFields)) return RowClass::kFieldCount;
    const std::string_view machine = trimmed(fields_[0]);
    if (!is_name(machine)) return RowClass::kBadName;
    const auto seconds = number_from(fields_[1]);
    const auto time = seconds ? time_from(*seconds, epoch_s_) : std::nullopt;
    if (!time) return RowClass::kBadTime;
    return is_meta_ ? meta(machine, *time) : usage(machine, *time);
  }

  model::Result<void> end(ImportReport& report) override {
    if (auto ended = book_.finish(report); !ended) return ended;
    if (sizes_.machines() > 0) {
      report.notes.push_back(fmt::format(
          "machine_meta.csv gives the sizes of {} machines, and its lines are counted as rows; memory is normalised "
          "there: 100 is taken as {}.",
          sizes_.machines(), gib_text(assumed_.bytes)));
    }
    if (rows_of_assumed_ > 0) {
      report.notes.push_back(fmt::format("{} rows are of machines without a size, which is taken as {} and {}.",
                                         rows_of_assumed_, cores_text(assumed_.millicores), gib_text(assumed_.bytes)));
    }
    report.notes.push_back(fmt::format("Times count from the trace's begin, taken as {} s since the epoch.", epoch_s_));
    report.notes.emplace_back("There are no requests: what runs on a machine is seen as a whole.");
    return {};
  }

 private:
  model::Result<RowClass> meta(std::string_view machine, std::int64_t time) {
    const Amount millicores = amount_of(fields_[4], 1000);
    const Amount bytes = amount_of(fields_[5], static_cast<double>(assumed_.bytes) / kWholeMemory);
    // A machine of no size says nothing of what percentages are of.
    if (millicores.value <= 0 || bytes.value <= 0) return RowClass::kNotANumber;
    return sizes_.add(machine, {.from = time, .millicores = millicores.value, .bytes = bytes.value});
  }

  model::Result<RowClass> usage(std::string_view machine, std::int64_t time) {
    has_usage_ = true;
    if (trimmed(fields_[2]).empty() && trimmed(fields_[3]).empty()) return RowClass::kNotANumber;
    const MachineSizes::Size* known = sizes_.find(machine, time);
    const MachineSizes::Size& size = known == nullptr ? assumed_ : *known;
    const Amount cpu = percent_of(fields_[2], size.millicores);
    const Amount memory = percent_of(fields_[3], size.bytes);
    const RowClass became = worse(cpu.row, memory.row);
    if (fate_of(became) == Fate::kRefused) return became;
    const auto added = book_.add(machine, time, {cpu.value, memory.value, size.millicores, size.bytes});
    if (!added) return added.error();
    if (known == nullptr && fate_of(*added) != Fate::kRefused) ++rows_of_assumed_;
    return worse(became, *added);
  }

  SeriesBook book_;
  std::int64_t epoch_s_;
  MachineSizes::Size assumed_;
  MachineSizes sizes_;
  std::vector<std::string_view> fields_;
  bool is_meta_ = false;
  bool has_usage_ = false;
  std::uint64_t rows_of_assumed_ = 0;
};

}  // namespace

std::unique_ptr<Importer> make_alibaba_2018(const ImportOptions& options, Importer::Sink sink) {
  return std::make_unique<Alibaba2018>(options, std::move(sink));
}

}  // namespace tideline::traces
