#include "coordinator/traces/mapped_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "coordinator/traces/fields.h"
#include "messages/model/qos.h"
#include "messages/model/rfc3339.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;
using columns::kMissing;
using columns::SeriesKind;

/// What is used, and what that should not exceed.
struct UsePair {
  SeriesKind kind{};
  ColumnId used{};
  ColumnId size{};
  std::string_view used_key;
  std::string_view size_key;
};
constexpr std::array<UsePair, 4> kUsePairs{{
    {SeriesKind::kWorkload, ColumnId::kCpuUsed, ColumnId::kCpuRequest, "cpuUsed", "cpuRequest"},
    {SeriesKind::kWorkload, ColumnId::kMemoryUsed, ColumnId::kMemoryRequest, "memoryUsed", "memoryRequest"},
    {SeriesKind::kHost, ColumnId::kCpuUsed, ColumnId::kCpuCapacity, "cpuUsed", "cpuCapacity"},
    {SeriesKind::kHost, ColumnId::kMemoryUsed, ColumnId::kMemoryCapacity, "memoryUsed", "memoryCapacity"},
}};

bool is_mapped(const Mapping& mapping, ColumnId id) {
  return std::any_of(mapping.values.begin(), mapping.values.end(),
                     [id](const MappedColumn& value) { return value.id == id; });
}

std::vector<AsUsed> sizes_as_used(const Mapping& mapping) {
  std::vector<AsUsed> rules;
  for (const UsePair& pair : kUsePairs) {
    if (pair.kind != mapping.kind || !is_mapped(mapping, pair.used) || is_mapped(mapping, pair.size)) continue;
    rules.push_back({.request = pair.size, .used = pair.used});
  }
  return rules;
}

std::vector<ColumnId> ids_of(const Mapping& mapping, const std::vector<AsUsed>& as_used) {
  std::vector<ColumnId> ids;
  for (const MappedColumn& value : mapping.values)
    ids.push_back(value.id);
  for (const AsUsed& rule : as_used)
    ids.push_back(rule.request);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string_view key_in_pairs(ColumnId id) {
  for (const UsePair& pair : kUsePairs) {
    if (pair.used == id) return pair.used_key;
    if (pair.size == id) return pair.size_key;
  }
  return "";
}

/// Prometheus writes NaN where it knows nothing.
bool is_unknown(std::string_view text) {
  text = trimmed(text);
  return text.empty() || text == "NaN" || text == "nan";
}

std::optional<std::int64_t> mapped_time(std::string_view text, TimeUnit unit) {
  if (unit == TimeUnit::kRfc3339) {
    const auto time = model::parse_rfc3339(trimmed(text));
    return time ? time_from(static_cast<double>(time->ms) / 1000, 0) : std::nullopt;
  }
  const auto number = number_from(text);
  if (!number) return std::nullopt;
  return time_from(unit == TimeUnit::kMilliseconds ? *number / 1000 : *number, 0);
}

Amount mapped_amount(const MappedColumn& column, std::string_view text) {
  switch (column.reading) {
    case Reading::kConstant:
      return {.value = column.constant};
    case Reading::kTime: {
      const auto time = mapped_time(text, column.unit);
      if (!time || *time < 0) return {.row = RowClass::kBadTime};
      return {.value = *time};
    }
    case Reading::kQos: {
      const auto qos = model::qos_class_from(trimmed(text));
      if (!qos) return {.row = RowClass::kNegativeToMissing};
      return {.value = static_cast<std::int64_t>(*qos)};
    }
    default:
      return amount_of(text, column.scale);
  }
}

}  // namespace

MappedRows::MappedRows(Mapping mapping, Importer::Sink sink)
    : mapping_(std::move(mapping)),
      as_used_(sizes_as_used(mapping_)),
      ids_(ids_of(mapping_, as_used_)),
      book_({.kind = mapping_.kind, .ids = ids_, .as_used = as_used_}, std::move(sink)) {}

model::Result<RowClass> MappedRows::put(const std::vector<std::string_view>& texts) {
  if (!read_name(texts)) return RowClass::kBadName;
  const auto time = mapped_time(texts[mapping_.time], mapping_.time_unit);
  if (!time) return RowClass::kBadTime;
  const RowClass became = read_values(texts, *time);
  if (fate_of(became) == Fate::kRefused) return became;
  const auto added = book_.add(name_, *time, cells_);
  if (!added) return added.error();
  return worse(became, *added);
}

model::Result<void> MappedRows::finish(ImportReport& report) {
  if (auto ended = book_.finish(report); !ended) return ended;
  for (const AsUsed& rule : as_used_) {
    report.notes.push_back(fmt::format("No {} is mapped: for each series it is the largest {} that it has.",
                                       key_in_pairs(rule.request), key_in_pairs(rule.used)));
  }
  return {};
}

bool MappedRows::read_name(const std::vector<std::string_view>& texts) {
  name_.clear();
  for (const std::size_t source : mapping_.series) {
    const std::string_view part = trimmed(texts[source]);
    if (part.empty() || part.size() > columns::ChunkLimits::kMaxName) return false;
    if (!name_.empty()) name_ += '/';
    name_ += part;
  }
  return is_name(name_);
}

RowClass MappedRows::read_values(const std::vector<std::string_view>& texts, std::int64_t time) {
  cells_.fill(kMissing);
  RowClass became = RowClass::kKept;
  bool known = false;
  for (const MappedColumn& column : mapping_.values) {
    const bool constant = column.reading == Reading::kConstant;
    if (!constant && is_unknown(texts[column.source])) continue;
    known = known || !constant;
    if (column.reading == Reading::kPercent) continue;
    const Amount amount = mapped_amount(column, constant ? std::string_view() : texts[column.source]);
    became = worse(became, amount.row);
    cells_[cell_of(column.id)] = amount.value;
  }
  if (!known) return RowClass::kNotANumber;
  became = worse(became, read_percentages(texts));
  if (mapping_.kind == SeriesKind::kTasks) return check_task(time, became);
  return uses_more_than_it_has() ? worse(became, RowClass::kUsedAboveRequest) : became;
}

RowClass MappedRows::read_percentages(const std::vector<std::string_view>& texts) {
  RowClass became = RowClass::kKept;
  for (const MappedColumn& column : mapping_.values) {
    if (column.reading != Reading::kPercent || is_unknown(texts[column.source])) continue;
    const std::int64_t whole = known_cell(column.of);
    // Of what is not known no percentage is, but it must be a number all the same.
    const Amount amount = amount_of(texts[column.source], whole == kMissing ? 0 : static_cast<double>(whole) / 100);
    became = worse(became, amount.row);
    if (whole != kMissing) cells_[cell_of(column.id)] = amount.value;
  }
  return became;
}

RowClass MappedRows::check_task(std::int64_t begin, RowClass became) const {
  if (fate_of(became) == Fate::kRefused) return became;
  if (known_cell(ColumnId::kCpuRequest) == kMissing && known_cell(ColumnId::kMemoryRequest) == kMissing) {
    return RowClass::kNoRequest;
  }
  const std::int64_t end = known_cell(ColumnId::kTaskEnd);
  return end != kMissing && end < begin ? RowClass::kBadTime : became;
}

bool MappedRows::uses_more_than_it_has() const {
  return std::any_of(kUsePairs.begin(), kUsePairs.end(), [this](const UsePair& pair) {
    if (pair.kind != mapping_.kind) return false;
    const std::int64_t size = known_cell(pair.size);
    return size != kMissing && known_cell(pair.used) > size;
  });
}

std::size_t MappedRows::cell_of(ColumnId id) const {
  return static_cast<std::size_t>(std::find(ids_.begin(), ids_.end(), id) - ids_.begin());
}

std::int64_t MappedRows::known_cell(ColumnId id) const {
  const std::size_t cell = cell_of(id);
  return cell < ids_.size() ? cells_[cell] : kMissing;
}

}  // namespace tideline::traces
