#include "node-actor/sense/memory_signals.h"

#include <cstdint>
#include <optional>

#include "node-actor/sense/growth.h"

namespace tideline::sense {

using model::Duration;
using model::MemorySignals;
using model::Pressure;

namespace {

std::optional<double> per_second(const std::optional<std::int64_t>& grown, Duration window) {
  if (!grown) return std::nullopt;
  return static_cast<double>(*grown) / in_seconds(window);
}

void take_worse(std::optional<Pressure>& worst, const std::optional<Pressure>& one) {
  if (one && (!worst || one->some > worst->some)) worst = one;
}

}  // namespace

MemorySignals group_signals(const model::GroupCounters& before, const model::GroupCounters& now, Duration window,
                            Duration max_stat_window) {
  MemorySignals signals;
  if (before.inode == 0 || before.inode != now.inode) return signals;
  const auto& was = before.memory_side;
  const auto& is = now.memory_side;
  signals.memory = pressure(was.memory_stall, is.memory_stall, window);
  signals.io = pressure(was.io_stall, is.io_stall, window);
  const Duration stat_window = is.stat_at - was.stat_at;
  if (stat_window <= model::kZeroDuration || stat_window > max_stat_window) return signals;
  signals.refaults = per_second(growth(was.refaults, is.refaults), stat_window);
  signals.scanned = per_second(growth(was.scanned, is.scanned), stat_window);
  signals.oom_kills = growth(was.oom_kills, is.oom_kills);
  return signals;
}

MemorySignals host_signals(const model::HostCounters& before, const model::HostCounters& now, Duration window) {
  MemorySignals signals;
  signals.memory = pressure(before.memory_stall, now.memory_stall, window);
  signals.io = pressure(before.io_stall, now.io_stall, window);
  signals.scanned = per_second(growth(before.memory_host.direct_scanned, now.memory_host.direct_scanned), window);
  signals.alloc_stalls = per_second(growth(before.memory_host.alloc_stalls, now.memory_host.alloc_stalls), window);
  return signals;
}

MemorySignals no_signals() {
  MemorySignals signals;
  signals.refaults = 0;
  signals.scanned = 0;
  signals.oom_kills = 0;
  return signals;
}

void add_signals(MemorySignals& all, const MemorySignals& one) {
  take_worse(all.memory, one.memory);
  take_worse(all.io, one.io);
  add(all.refaults, one.refaults);
  add(all.scanned, one.scanned);
  add(all.oom_kills, one.oom_kills);
}

}  // namespace tideline::sense
