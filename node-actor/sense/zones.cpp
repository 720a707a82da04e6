#include "node-actor/sense/zones.h"

#include <algorithm>
#include <optional>

#include "node-actor/sense/growth.h"

namespace tideline::sense {
namespace {

using model::Duration;
using model::MilliCpu;
using model::ZoneCounters;

constexpr MilliCpu kWholeCpu{1000};

/// nullopt where the CPU time of one is not known.
void take_cpus(const ZoneCounters& before, const ZoneCounters& now, const model::CpuSet& exclusive, Duration window,
               model::ZoneUse& use) {
  if (before.cpus.size() != now.cpus.size()) return;
  MilliCpu used{0};
  MilliCpu bound_idle{0};
  for (std::size_t i = 0; i < now.cpus.size(); ++i) {
    if (before.cpus[i].id != now.cpus[i].id) return;
    const auto grown = growth(before.cpus[i].used, now.cpus[i].used);
    if (!grown) return;
    const auto one = std::min(model::cpu_rate(*grown, window), kWholeCpu);
    used += one;
    if (exclusive.contains(now.cpus[i].id)) bound_idle += kWholeCpu - one;
  }
  use.cpu_used = used;
  use.cpu_bound_idle = bound_idle;
  if (const auto grown = growth(before.be_cpu, now.be_cpu)) {
    use.be_cpu = std::min(model::cpu_rate(*grown, window), used);
  }
}

}  // namespace

std::vector<model::ZoneUse> zone_uses(const model::ZoneReading& before, const model::ZoneReading& now,
                                      const model::CpuSet& exclusive, Duration max_window) {
  const Duration window = now.at - before.at;
  const bool paired = window > model::kZeroDuration && window <= max_window;
  std::vector<model::ZoneUse> uses;
  uses.reserve(now.zones.size());
  for (const auto& zone : now.zones) {
    auto& use = uses.emplace_back();
    use.id = zone.id;
    use.cpu_capacity = MilliCpu(static_cast<std::int64_t>(zone.cpus.size()) * kWholeCpu.value());
    use.memory_capacity = zone.memory_total.value_or(model::Bytes(0));
    use.memory_used = zone.memory_used;
    use.be_memory = zone.be_memory;
    const auto was = std::find_if(before.zones.begin(), before.zones.end(),
                                  [&](const ZoneCounters& other) { return other.id == zone.id; });
    if (paired && was != before.zones.end()) take_cpus(*was, zone, exclusive, window, use);
  }
  return uses;
}

bool has_services_below_besteffort(const std::vector<model::ApplicationCounters>& applications) {
  return std::any_of(applications.begin(), applications.end(), [](const model::ApplicationCounters& application) {
    const bool runs = application.group.inode != 0 || application.failed;
    return runs && application.below_besteffort && application.qos != model::QosClass::kBe;
  });
}

void forget_best_effort(std::vector<model::ZoneUse>& zones) {
  for (auto& zone : zones) {
    zone.be_cpu.reset();
    zone.be_memory.reset();
  }
}

}  // namespace tideline::sense
