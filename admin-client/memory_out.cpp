#include "admin-client/memory_out.h"

#include <cstdint>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "admin-client/human.h"

namespace tideline::tidectl {
namespace {

using Json = nlohmann::ordered_json;

std::string some_of(const std::optional<model::Pressure>& pressure) {
  return percent(pressure ? std::optional(pressure->some) : std::nullopt);
}

std::string rate_text(const std::optional<double>& rate) {
  return rate ? fmt::format("{:.1f}/s", *rate) : "-";
}

/// "on", "off", or "on, dry run".
std::string switch_text(bool on, bool dry_run) {
  return fmt::format("{}{}", on ? "on" : "off", dry_run ? ", dry run" : "");
}

std::string unset_or(const std::optional<int>& percent) {
  return percent ? fmt::format("{} %", *percent) : "unset";
}

std::string qos_text(const model::MemoryQosPolicy& qos) {
  std::string text =
      fmt::format("{}, minLimitPercent {}, lowLimitPercent {}, throttlingPercent {}", qos.enable ? "on" : "off",
                  qos.min_limit_percent, qos.low_limit_percent, qos.throttling_percent);
  if (qos.oom_kill_group) text += ", oomKillGroup 1";
  if (qos.priority_enable) text += fmt::format(", priority {}", qos.priority);
  return text;
}

template <class Unit>
Json number_json(const std::optional<Unit>& value) {
  return value ? Json(value->value()) : Json();
}
Json number_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}
Json number_json(const std::optional<int>& value) {
  return value ? Json(*value) : Json();
}
Json number_json(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}
Json flag_json(const std::optional<bool>& value) {
  return value ? Json(*value) : Json();
}
Json stall_json(const std::optional<model::Pressure>& value) {
  return value ? Json{{"some", value->some}, {"full", value->full}} : Json();
}

}  // namespace

void add_memory(Facts& facts, const model::MemorySample& memory) {
  if (!memory.available && !memory.be_usage) return;
  facts.add("memory available", bytes(memory.available));
  facts.add("BE memory",
            fmt::format("{} with page cache, {} of it can be reclaimed; {}", bytes(memory.be_usage),
                        bytes(memory.be_reclaimable),
                        memory.be_tightened ? "held to " + bytes(memory.be_tightened) : "not held by relief"));
  facts.add("memory relief", "rung " + std::string(model::name_of(memory.rung)));
  facts.add("memory pressure",
            fmt::format("LS {} at worst, BE {}; refaults LS {}, BE {}; allocation stalls {}", some_of(memory.ls.memory),
                        some_of(memory.be.memory), rate_text(memory.ls.refaults), rate_text(memory.be.refaults),
                        rate_text(memory.host.alloc_stalls)));
}

std::string render_memory(const model::MemorySample& memory) {
  if (!memory.available && !memory.be_usage) return {};
  Facts facts;
  add_memory(facts, memory);
  return facts.text();
}

void add_memory(Facts& facts, const model::NodePolicy& policy) {
  const auto& t = policy.threshold;
  const auto& relief = policy.relief;
  const bool by_use = t.enable && t.memory_evict_threshold_percent > 0;
  facts.add("  memory eviction", switch_text(t.enable, policy.dry_run.memory_evict));
  facts.add("    memoryEvictThresholdPercent", fmt::format("{} %", t.memory_evict_threshold_percent));
  facts.add("    memoryEvictLowerPercent", unset_or(t.memory_evict_lower_percent));
  facts.add("    memoryAllocatableEvictThresholdPercent", unset_or(t.memory_allocatable_evict_threshold_percent));
  facts.add("    memoryAllocatableEvictLowerPercent", unset_or(t.memory_allocatable_evict_lower_percent));
  facts.add("  memory relief", switch_text(by_use, policy.dry_run.memory_relief));
  facts.add("    reclaim", relief.reclaim ? "on" : "off");
  facts.add("    tighten", relief.tighten ? "on" : "off");
  facts.add("    emergencyKill", relief.emergency_kill ? "on" : "off");
  facts.add("    marginPercent", fmt::format("{} %", relief.margin_percent));
  facts.add("    horizonSeconds", fmt::format("{} s", relief.horizon_seconds));
  facts.add("  memoryQOS LSR", qos_text(policy.qos.lsr_memory) + (policy.dry_run.memory_qos ? ", dry run" : ""));
  facts.add("  memoryQOS LS", qos_text(policy.qos.ls_memory) + (policy.dry_run.memory_qos ? ", dry run" : ""));
  facts.add("  memoryQOS BE", qos_text(policy.qos.be_memory) + (policy.dry_run.memory_qos ? ", dry run" : ""));
}

Json memory_json(const model::MemorySignals& signals) {
  return {{"memoryPressure", stall_json(signals.memory)},
          {"ioPressure", stall_json(signals.io)},
          {"refaultsPerSecond", number_json(signals.refaults)},
          {"scannedPerSecond", number_json(signals.scanned)},
          {"allocStallsPerSecond", number_json(signals.alloc_stalls)},
          {"oomKills", number_json(signals.oom_kills)}};
}

Json memory_json(const model::MemorySample& memory) {
  return {{"availableBytes", number_json(memory.available)},
          {"beUsageBytes", number_json(memory.be_usage)},
          {"beReclaimableBytes", number_json(memory.be_reclaimable)},
          {"beTightenedBytes", number_json(memory.be_tightened)},
          {"reliefRung", std::string(model::name_of(memory.rung))},
          {"host", memory_json(memory.host)},
          {"ls", memory_json(memory.ls)},
          {"be", memory_json(memory.be)}};
}

Json memory_json(const model::MemoryQosPolicy& qos) {
  return {{"enable", qos.enable},
          {"minLimitPercent", qos.min_limit_percent},
          {"lowLimitPercent", qos.low_limit_percent},
          {"throttlingPercent", qos.throttling_percent},
          {"wmarkRatio", qos.wmark_ratio},
          {"wmarkScalePermill", qos.wmark_scale_permill},
          {"wmarkMinAdj", qos.wmark_min_adj},
          {"priorityEnable", qos.priority_enable ? 1 : 0},
          {"priority", qos.priority},
          {"oomKillGroup", qos.oom_kill_group ? 1 : 0},
          {"pageCacheEnable", flag_json(qos.page_cache_enable)},
          {"pageCacheLimitPercent", number_json(qos.page_cache_limit_percent)},
          {"pageCacheLimitSize", number_json(qos.page_cache_limit_size)},
          {"pageCacheReclaimSync", flag_json(qos.page_cache_reclaim_sync)}};
}

Json memory_json(const model::MemoryReliefPolicy& relief) {
  return {{"reclaim", relief.reclaim},
          {"tighten", relief.tighten},
          {"emergencyKill", relief.emergency_kill},
          {"marginPercent", relief.margin_percent},
          {"horizonSeconds", relief.horizon_seconds}};
}

}  // namespace tideline::tidectl
