#include "coordinator/fleet/zone_book.h"

#include <algorithm>
#include <cmath>

namespace tideline::fleet {
namespace {

template <class Unit>
std::optional<Unit> rounded(const UsageAverage& average, std::int64_t slot) {
  const auto value = average.at(slot);
  if (!value) return std::nullopt;
  return Unit(std::llround(*value));
}

template <class Unit>
void add(UsageAverage& average, std::int64_t slot, const std::optional<Unit>& value, model::Duration window) {
  if (value) average.add(slot, static_cast<double>(value->value()), window);
}

/// What is not best-effort's: all of it, where that is not told apart.
template <class Unit>
std::optional<Unit> others(const std::optional<Unit>& used, const std::optional<Unit>& best_effort) {
  if (!used) return std::nullopt;
  return std::max(*used - best_effort.value_or(Unit{0}), Unit{0});
}

}  // namespace

void ZoneBook::take(const model::Report& report, std::int64_t slot) {
  if (report.zones.empty()) {
    if (report.status.zones < 2) rows_.clear();
    return;
  }
  const bool same = std::equal(rows_.begin(), rows_.end(), report.zones.begin(), report.zones.end(),
                               [](const Row& row, const model::ZoneUse& zone) { return row.id == zone.id; });
  if (!same) rows_ = std::vector<Row>(report.zones.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    const auto& zone = report.zones[i];
    row.id = zone.id;
    row.cpu_capacity = zone.cpu_capacity;
    row.memory_capacity = zone.memory_capacity;
    auto cpu = others(zone.cpu_used, zone.be_cpu);
    if (cpu) *cpu += zone.cpu_bound_idle;
    add(row.cpu_others, slot, cpu, report.window);
    add(row.memory_others, slot, others(zone.memory_used, zone.be_memory), report.window);
    add(row.cpu_be, slot, zone.be_cpu, report.window);
    add(row.memory_be, slot, zone.be_memory, report.window);
  }
}

std::vector<ZoneUsage> ZoneBook::at(std::int64_t slot) const {
  std::vector<ZoneUsage> usages;
  usages.reserve(rows_.size());
  for (const Row& row : rows_) {
    usages.push_back({.id = row.id,
                      .cpu_capacity = row.cpu_capacity,
                      .memory_capacity = row.memory_capacity,
                      .cpu_others = rounded<model::MilliCpu>(row.cpu_others, slot),
                      .memory_others = rounded<model::Bytes>(row.memory_others, slot),
                      .cpu_be = rounded<model::MilliCpu>(row.cpu_be, slot),
                      .memory_be = rounded<model::Bytes>(row.memory_be, slot)});
  }
  return usages;
}

}  // namespace tideline::fleet
