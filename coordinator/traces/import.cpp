#include "coordinator/traces/import.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "coordinator/traces/alibaba_2017_batch.h"
#include "coordinator/traces/alibaba_2018.h"
#include "coordinator/traces/alibaba_openb.h"
#include "coordinator/traces/bitbrains.h"
#include "coordinator/traces/fields.h"
#include "coordinator/traces/google_vms.h"
#include "coordinator/traces/mapped.h"
#include "coordinator/traces/mapping.h"
#include "coordinator/traces/planetlab.h"

namespace tideline::traces {
namespace {

constexpr std::array<std::string_view, kFormats.size()> kFormatNames{
    "bitbrains", "alibaba-2018", "alibaba-2017-batch", "alibaba-openb", "google-vms", "planetlab", "csv", "json-lines"};

struct RowText {
  RowClass row{};
  Fate fate{};
  std::string_view name;
  std::string_view meaning;
};
constexpr std::array<RowText, kRowClasses> kRowTexts{{
    {RowClass::kKept, Fate::kKept, "kept", "as it was"},
    {RowClass::kUsedAboveRequest, Fate::kRepaired, "used-above-request",
     "more is used than was asked for; it is in the archive as measured"},
    {RowClass::kNegativeToMissing, Fate::kRepaired, "negative-to-missing",
     "a value is below zero, or one that its trace excludes; it is taken as not known"},
    {RowClass::kAboveRangeToMissing, Fate::kRepaired, "above-range-to-missing",
     "a percentage is above 100; it is taken as not known"},
    {RowClass::kOutOfOrder, Fate::kRepaired, "out-of-order",
     "it comes after a later row of its series; it is sorted in"},
    {RowClass::kDuplicateTime, Fate::kRefused, "duplicate-time",
     "its series has a row for that time; the first one is kept"},
    {RowClass::kPoweredOff, Fate::kRefused, "powered-off",
     "nothing is allocated and nothing is used; its series has a gap there"},
    {RowClass::kNoRequest, Fate::kRefused, "no-request", "a task that does not say what it asks for"},
    {RowClass::kFieldCount, Fate::kRefused, "field-count", "it has too few or too many fields, or is no JSON object"},
    {RowClass::kNotANumber, Fate::kRefused, "not-a-number",
     "a field that must be a number is none or is beyond 2^53, or no value is there at all"},
    {RowClass::kBadTime, Fate::kRefused, "bad-time", "its time is none, or it ends before it begins"},
    {RowClass::kBadName, Fate::kRefused, "bad-name",
     "its series' name is empty, longer than 253 bytes, or no plain text in UTF-8"},
    {RowClass::kOverLimit, Fate::kRefused, "over-limit", "there are too many series, or the line is too long"},
    {RowClass::kTooLate, Fate::kRefused, "too-late",
     "its series is in the archive up to a later time: the trace is not sorted"},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kRowTexts.size(); ++i) {
    if (static_cast<std::size_t>(kRowTexts[i].row) != i) return false;
  }
  return true;
}
static_assert(is_in_order());

const RowText& text_of(RowClass row) {
  return kRowTexts[std::min(static_cast<std::size_t>(row), kRowTexts.size() - 1)];
}

constexpr std::int64_t kMaxAssumedMillicores = 1'000'000'000;
constexpr std::int64_t kMaxAssumedBytes = std::int64_t{1} << 50;

model::Result<void> check_options(const ImportOptions& options) {
  if (options.assumed_cpu_millicores < 1 || options.assumed_cpu_millicores > kMaxAssumedMillicores) {
    return model::invalid(fmt::format("the assumed CPU is {} millicores; want 1 to {}", options.assumed_cpu_millicores,
                                      kMaxAssumedMillicores));
  }
  if (options.assumed_memory_bytes < 1 || options.assumed_memory_bytes > kMaxAssumedBytes) {
    return model::invalid(
        fmt::format("the assumed memory is {} bytes; want 1 to {}", options.assumed_memory_bytes, kMaxAssumedBytes));
  }
  if (options.epoch_s < -kMaxTime || options.epoch_s > kMaxTime) {
    return model::invalid(
        fmt::format("the trace's begin is {} s; want {} to {}", options.epoch_s, -kMaxTime, kMaxTime));
  }
  return {};
}

model::Result<std::unique_ptr<Importer>> make_mapped(Format format, const ImportOptions& options, Importer::Sink sink) {
  if (options.mapping.empty()) {
    return model::invalid(
        fmt::format("{} needs a mapping, which says what its columns are and in which units", name_of(format)));
  }
  auto mapping = parse_mapping(options.mapping, options.mapping_name);
  if (!mapping) return mapping.error();
  if (format == Format::kCsv) return make_mapped_csv(*std::move(mapping), std::move(sink));
  return make_mapped_json_lines(*std::move(mapping), std::move(sink));
}

}  // namespace

std::string_view name_of(Format format) {
  return kFormatNames[std::min(static_cast<std::size_t>(format), kFormatNames.size() - 1)];
}

std::optional<Format> format_from(std::string_view text) {
  for (const Format format : kFormats) {
    if (name_of(format) == text) return format;
  }
  return std::nullopt;
}

std::string_view name_of(RowClass row) {
  return text_of(row).name;
}

std::string_view meaning_of(RowClass row) {
  return text_of(row).meaning;
}

Fate fate_of(RowClass row) {
  return text_of(row).fate;
}

std::uint64_t ImportReport::lines() const {
  return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0});
}

model::Result<std::unique_ptr<Importer>> make_importer(Format format, const ImportOptions& options,
                                                       Importer::Sink sink) {
  if (auto good = check_options(options); !good) return good.error();
  if (format == Format::kCsv || format == Format::kJsonLines) return make_mapped(format, options, std::move(sink));
  if (!options.mapping.empty()) {
    return model::invalid(fmt::format("{} is of no use to {}, which has columns of its own; {} and {} take a mapping",
                                      readable(options.mapping_name, 120), name_of(format), name_of(Format::kCsv),
                                      name_of(Format::kJsonLines)));
  }
  switch (format) {
    case Format::kAlibaba2018Machines:
      return make_alibaba_2018(options, std::move(sink));
    case Format::kAlibaba2017Batch:
      return make_alibaba_2017_batch(options, std::move(sink));
    case Format::kAlibabaOpenb:
      return make_alibaba_openb(options, std::move(sink));
    case Format::kGoogleVms:
      return make_google_vms(options, std::move(sink));
    case Format::kPlanetLab:
      return make_planetlab(options, std::move(sink));
    default:
      return make_bitbrains(std::move(sink));
  }
}

}  // namespace tideline::traces
