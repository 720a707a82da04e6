#include "node-actor/kernel/zone_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "messages/model/cpu_set.h"
#include "node-actor/kernel/clock.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/parse_zones.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {
namespace {

using model::Bytes;
using model::Duration;

constexpr std::int64_t kMaxTicks = std::int64_t{1} << 40;

Duration of_ticks(std::int64_t ticks) {
  static const std::int64_t us_per_tick = 1'000'000 / ::sysconf(_SC_CLK_TCK);
  return std::chrono::microseconds(std::min(ticks, kMaxTicks) * us_per_tick);
}

/// Koordinator's: what is neither free nor page cache nor slab that can be had back.
std::optional<Bytes> used_of(std::string_view meminfo, Bytes total) {
  Bytes left = total;
  for (const auto* key : {"MemFree", "Active(file)", "Inactive(file)", "SReclaimable"}) {
    const auto part = parse_node_meminfo(meminfo, key);
    if (!part) return std::nullopt;
    left -= std::min(*part, left);
  }
  return left;
}

/// anon + unevictable by NUMA node, of all groups below, in bytes.
std::optional<std::map<int, Bytes>> memory_by_node(std::string_view numa_stat, bool v1) {
  // v1 tells pages, and of groups below only under other names.
  static const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  constexpr std::array<std::string_view, 2> kKeysV1 = {"hierarchical_anon", "hierarchical_unevictable"};
  constexpr std::array<std::string_view, 2> kKeysV2 = {"anon", "unevictable"};
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 50;
  std::map<int, Bytes> sums;
  for (const auto key : v1 ? kKeysV1 : kKeysV2) {
    const auto parts = parse_numa_stat(numa_stat, key);
    if (!parts) return std::nullopt;
    for (const auto& [node, amount] : *parts) {
      const auto unit = v1 ? page : 1;
      sums[node] += Bytes(std::min(amount, kMostBytes / unit) * unit);
    }
  }
  return sums;
}

}  // namespace

ZoneReader::ZoneReader(const CgroupTree& tree, const model::Topology& topology)
    : v1_memory_(!tree.is_unified("memory.numa_stat")), stat_(tree.root().proc + "/stat") {
  std::map<int, std::vector<int>> by_id;
  for (const auto& cpu : topology.cpus)
    by_id[cpu.numa].push_back(cpu.id);
  const std::string nodes = tree.root().sys + "/devices/system/node/";
  if (!by_id.empty()) look_for_memory(nodes + "has_memory", by_id);
  if (by_id.size() > model::ZoneLimits::kMaxZones) {
    incomplete_.emplace_back(model::ErrorCode::kUnsupported,
                             fmt::format("{}: {} NUMA nodes, more than {}: none is told of", nodes, by_id.size(),
                                         model::ZoneLimits::kMaxZones));
  }
  for (auto& [id, cpus] : by_id)
    zones_.push_back({id, std::move(cpus), KeptFile(fmt::format("{}node{}/meminfo", nodes, id))});
  if (const auto path = tree.path(tree.best_effort(), "cpuacct.usage_percpu");
      path && tree.version() == CgroupVersion::kV1) {
    percpu_ = KeptFile(*path);
  }
  if (const auto path = tree.path(tree.best_effort(), "memory.numa_stat")) numa_stat_ = KeptFile(*path);
  // A line of a CPU holds ten numbers; the first line and the start of the one behind them stand beside them.
  constexpr std::size_t kLineBytes = 256;
  // usage_percpu tells of CPUs that could be plugged in, too.
  constexpr std::size_t kLeastBytes = 16 * 1024;
  text_.resize(std::max((topology.cpus.size() + 8) * kLineBytes, kLeastBytes));
}

void ZoneReader::look_for_memory(const std::string& path, std::map<int, std::vector<int>>& by_id) {
  const auto text = read_file(path);
  if (!text) {
    if (text.error().code() != model::ErrorCode::kNotFound) incomplete_.push_back(text.error());
    return;
  }
  const auto ids = model::CpuSet::parse(trimmed(*text));
  if (!ids) {
    incomplete_.push_back(malformed(path, *text));
    return;
  }
  for (const int id : ids->cpus()) {
    if (id <= model::ZoneLimits::kMaxId) by_id.try_emplace(id);
  }
}

model::ZoneReading ZoneReader::read(std::vector<model::Error>& errors) {
  model::ZoneReading reading;
  reading.at = monotonic_now();
  errors.insert(errors.end(), incomplete_.begin(), incomplete_.end());
  if (count() < 2 || count() > model::ZoneLimits::kMaxZones) return reading;
  reading.zones.reserve(zones_.size());
  for (auto& zone : zones_) {
    auto& counters = reading.zones.emplace_back();
    counters.id = zone.id;
    for (const int cpu : zone.cpus)
      counters.cpus.push_back({cpu, std::nullopt});
    const auto text = zone.meminfo.read(buffer_.data(), buffer_.size());
    if (!text) {
      errors.push_back(text.error());
      continue;
    }
    counters.memory_total = parse_node_meminfo(*text, "MemTotal");
    if (counters.memory_total) counters.memory_used = used_of(*text, *counters.memory_total);
    if (!counters.memory_used) errors.push_back(malformed(zone.meminfo.path(), *text));
  }
  read_cpus(reading, errors);
  read_best_effort(reading, errors);
  return reading;
}

void ZoneReader::read_cpus(model::ZoneReading& reading, Errors& errors) {
  const auto text = stat_.read_start(text_.data(), text_.size());
  reading.at = monotonic_now();
  if (!text) {
    errors.push_back(text.error());
    return;
  }
  const auto cpus = parse_stat_cpus(*text);
  if (!cpus) {
    errors.push_back(malformed(stat_.path(), *text));
    return;
  }
  const std::map<int, std::int64_t> ticks(cpus->begin(), cpus->end());
  for (auto& zone : reading.zones) {
    for (auto& cpu : zone.cpus) {
      if (const auto found = ticks.find(cpu.id); found != ticks.end()) cpu.used = of_ticks(found->second);
    }
  }
}

void ZoneReader::read_best_effort(model::ZoneReading& reading, Errors& errors) {
  if (percpu_) {
    const auto text = percpu_->read(text_.data(), text_.size());
    const auto cpus = text ? parse_usage_percpu(*text) : std::nullopt;
    if (!text && text.error().code() != model::ErrorCode::kNotFound) errors.push_back(text.error());
    if (text && !cpus) errors.push_back(malformed(percpu_->path(), *text));
    for (auto& zone : reading.zones) {
      if (!cpus) break;
      Duration sum{0};
      bool whole = true;
      for (const auto& cpu : zone.cpus) {
        const auto index = static_cast<std::size_t>(cpu.id);
        // Each is at least 0; a sum that does not fit is of no counters.
        whole = whole && index < cpus->size() && (*cpus)[index] <= Duration::max() - sum;
        if (whole) sum += (*cpus)[index];
      }
      if (whole) zone.be_cpu = sum;
    }
  }
  if (!numa_stat_) return;
  const auto by_node =
      take(*numa_stat_, buffer_, errors, [this](std::string_view text) { return memory_by_node(text, v1_memory_); });
  if (!by_node) return;
  for (auto& zone : reading.zones) {
    if (const auto found = by_node->find(zone.id); found != by_node->end()) zone.be_memory = found->second;
  }
}

}  // namespace tideline::kernel
