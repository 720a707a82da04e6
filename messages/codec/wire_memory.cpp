#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using Limits = model::ReportLimits;

std::optional<double> number_within(bool is_known, float value, double most) {
  if (!is_known || !std::isfinite(value) || value < 0 || static_cast<double>(value) > most) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<model::Pressure> pressure_within(bool is_known, float some, float full) {
  const auto some_share = number_within(is_known, some, Limits::kMaxStalledShare);
  const auto full_share = number_within(is_known, full, Limits::kMaxStalledShare);
  if (!some_share || !full_share) return std::nullopt;
  return model::Pressure{*some_share, *full_share};
}

std::optional<model::Bytes> bytes_within(bool is_known, std::int64_t value) {
  if (!is_known || value < 0 || value > Limits::kMaxMemoryBytes) return std::nullopt;
  return model::Bytes(value);
}

float single(double value) {
  return static_cast<float>(value);
}

std::int64_t value_or_zero(const std::optional<model::Bytes>& bytes) {
  return bytes.value_or(model::Bytes(0)).value();
}

void write_int(const std::optional<int>& value, schema::OptInt::Builder out) {
  write(widened(value), out);
}

static_assert(static_cast<int>(schema::MemoryQosTemplate::AUTO) ==
              static_cast<int>(model::MemoryQosOverride::Policy::kAuto));
static_assert(static_cast<int>(schema::MemoryQosTemplate::NONE) ==
              static_cast<int>(model::MemoryQosOverride::Policy::kNone));

}  // namespace

void write_signals(const model::MemorySignals& signals, schema::MemorySignals::Builder out) {
  const auto memory = signals.memory.value_or(model::Pressure{});
  out.setMemoryKnown(signals.memory.has_value());
  out.setMemorySome(single(memory.some));
  out.setMemoryFull(single(memory.full));
  const auto io = signals.io.value_or(model::Pressure{});
  out.setIoKnown(signals.io.has_value());
  out.setIoSome(single(io.some));
  out.setIoFull(single(io.full));
  out.setRefaultsKnown(signals.refaults.has_value());
  out.setRefaults(single(signals.refaults.value_or(0)));
  out.setScannedKnown(signals.scanned.has_value());
  out.setScanned(single(signals.scanned.value_or(0)));
  out.setAllocStallsKnown(signals.alloc_stalls.has_value());
  out.setAllocStalls(single(signals.alloc_stalls.value_or(0)));
  out.setOomKillsKnown(signals.oom_kills.has_value());
  const auto oom_kills = std::clamp<std::int64_t>(signals.oom_kills.value_or(0), 0, Limits::kMaxOomKills);
  out.setOomKills(static_cast<std::uint16_t>(oom_kills));
}

model::MemorySignals read_signals(schema::MemorySignals::Reader in) {
  model::MemorySignals signals;
  signals.memory = pressure_within(in.getMemoryKnown(), in.getMemorySome(), in.getMemoryFull());
  signals.io = pressure_within(in.getIoKnown(), in.getIoSome(), in.getIoFull());
  signals.refaults = number_within(in.getRefaultsKnown(), in.getRefaults(), Limits::kMaxMemoryRate);
  signals.scanned = number_within(in.getScannedKnown(), in.getScanned(), Limits::kMaxMemoryRate);
  signals.alloc_stalls = number_within(in.getAllocStallsKnown(), in.getAllocStalls(), Limits::kMaxMemoryRate);
  if (in.getOomKillsKnown()) signals.oom_kills = in.getOomKills();
  return signals;
}

void write_memory_side(const model::MemorySample& memory, schema::Sample::Builder sample) {
  if (memory == model::MemorySample{}) return;
  auto out = sample.initMemorySide();
  out.setAvailableKnown(memory.available.has_value());
  out.setAvailable(value_or_zero(memory.available));
  out.setBeUsageKnown(memory.be_usage.has_value());
  out.setBeUsage(value_or_zero(memory.be_usage));
  out.setBeReclaimableKnown(memory.be_reclaimable.has_value());
  out.setBeReclaimable(value_or_zero(memory.be_reclaimable));
  out.setBeTightenedKnown(memory.be_tightened.has_value());
  out.setBeTightened(value_or_zero(memory.be_tightened));
  out.setRung(static_cast<std::uint8_t>(memory.rung));
  if (memory.host != model::MemorySignals{}) write_signals(memory.host, out.initHost());
  if (memory.ls != model::MemorySignals{}) write_signals(memory.ls, out.initLs());
  if (memory.be != model::MemorySignals{}) write_signals(memory.be, out.initBe());
}

model::MemorySample read_memory_side(schema::MemorySample::Reader in) {
  model::MemorySample memory;
  memory.available = bytes_within(in.getAvailableKnown(), in.getAvailable());
  memory.be_usage = bytes_within(in.getBeUsageKnown(), in.getBeUsage());
  memory.be_reclaimable = bytes_within(in.getBeReclaimableKnown(), in.getBeReclaimable());
  memory.be_tightened = bytes_within(in.getBeTightenedKnown(), in.getBeTightened());
  memory.host = read_signals(in.getHost());
  memory.ls = read_signals(in.getLs());
  memory.be = read_signals(in.getBe());
  if (in.getRung() <= static_cast<std::uint8_t>(model::ReliefRung::kEmergency)) {
    memory.rung = static_cast<model::ReliefRung>(in.getRung());
  }
  return memory;
}

void write_memory_qos(const model::MemoryQosOverride& qos, schema::MemoryQosOverride::Builder out) {
  out.setPolicy(static_cast<schema::MemoryQosTemplate>(qos.policy));
  write_int(qos.min_limit_percent, out.initMinLimitPercent());
  write_int(qos.low_limit_percent, out.initLowLimitPercent());
  write_int(qos.throttling_percent, out.initThrottlingPercent());
  write_int(qos.wmark_ratio, out.initWmarkRatio());
  write_int(qos.wmark_scale_permill, out.initWmarkScalePermill());
  write_int(qos.wmark_min_adj, out.initWmarkMinAdj());
  out.setPriorityEnable(yes_no(qos.priority_enable));
  write_int(qos.priority, out.initPriority());
  out.setOomKillGroup(yes_no(qos.oom_kill_group));
  out.setPageCacheEnable(yes_no(qos.page_cache_enable));
  write_int(qos.page_cache_limit_percent, out.initPageCacheLimitPercent());
  write_unit(qos.page_cache_limit_size, out.initPageCacheLimitSize());
  out.setPageCacheReclaimSync(yes_no(qos.page_cache_reclaim_sync));
}

model::MemoryQosOverride read_memory_qos(Problems& problems, schema::MemoryQosOverride::Reader in) {
  model::MemoryQosOverride qos;
  qos.policy = problems.enumerator("memoryQos.policy", in.getPolicy(), model::MemoryQosOverride::Policy::kAuto);
  qos.min_limit_percent = problems.integer("memoryQos.minLimitPercent", read(in.getMinLimitPercent()));
  qos.low_limit_percent = problems.integer("memoryQos.lowLimitPercent", read(in.getLowLimitPercent()));
  qos.throttling_percent = problems.integer("memoryQos.throttlingPercent", read(in.getThrottlingPercent()));
  qos.wmark_ratio = problems.integer("memoryQos.wmarkRatio", read(in.getWmarkRatio()));
  qos.wmark_scale_permill = problems.integer("memoryQos.wmarkScalePermill", read(in.getWmarkScalePermill()));
  qos.wmark_min_adj = problems.integer("memoryQos.wmarkMinAdj", read(in.getWmarkMinAdj()));
  qos.priority_enable = known(in.getPriorityEnable());
  qos.priority = problems.integer("memoryQos.priority", read(in.getPriority()));
  qos.oom_kill_group = known(in.getOomKillGroup());
  qos.page_cache_enable = known(in.getPageCacheEnable());
  qos.page_cache_limit_percent =
      problems.integer("memoryQos.pageCacheLimitPercent", read(in.getPageCacheLimitPercent()));
  qos.page_cache_limit_size = read_unit<model::Bytes>(in.getPageCacheLimitSize());
  qos.page_cache_reclaim_sync = known(in.getPageCacheReclaimSync());
  return qos;
}

}  // namespace tideline::codec
