#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "messages/codec/parts.h"

namespace tideline::codec {
namespace {

using model::Result;

void write_cpu_qos(const model::CpuQosPolicy& policy, schema::CpuQosPolicy::Builder out) {
  out.setEnable(policy.enable);
  out.setGroupIdentity(policy.group_identity);
  out.setSchedIdle(policy.sched_idle);
  out.setCoreExpeller(policy.core_expeller ? schema::Switch::ON : schema::Switch::OFF);
}

/// `defaults`: the class's own, for what an older sender does not say.
model::CpuQosPolicy read_cpu_qos(Problems& problems, std::string_view field, schema::CpuQosPolicy::Reader in,
                                 const model::CpuQosPolicy& defaults) {
  enum class Switch : std::uint8_t { kUnset, kOff, kOn };
  const auto expeller = problems.enumerator(field, in.getCoreExpeller(), Switch::kOn);
  return {.enable = in.getEnable(),
          .group_identity = in.getGroupIdentity(),
          .sched_idle = in.getSchedIdle(),
          .core_expeller = expeller == Switch::kUnset ? defaults.core_expeller : expeller == Switch::kOn};
}

schema::Switch switch_of(const std::optional<bool>& value) {
  if (!value) return schema::Switch::UNSET;
  return *value ? schema::Switch::ON : schema::Switch::OFF;
}

std::optional<bool> read_switch(Problems& problems, std::string_view field, schema::Switch in) {
  enum class Switch : std::uint8_t { kUnset, kOff, kOn };
  const auto value = problems.enumerator(field, in, Switch::kOn);
  return value == Switch::kUnset ? std::nullopt : std::optional(value == Switch::kOn);
}

void write_memory_class(const model::MemoryQosPolicy& policy, schema::MemoryQosPolicy::Builder out) {
  out.setEnable(policy.enable);
  out.setMinLimitPercent(policy.min_limit_percent);
  out.setLowLimitPercent(policy.low_limit_percent);
  out.setThrottlingPercent(policy.throttling_percent);
  out.setWmarkRatio(policy.wmark_ratio);
  out.setWmarkScalePermill(policy.wmark_scale_permill);
  out.setWmarkMinAdj(policy.wmark_min_adj);
  out.setPriorityEnable(policy.priority_enable);
  out.setPriority(policy.priority);
  out.setOomKillGroup(policy.oom_kill_group);
  out.setPageCacheEnable(switch_of(policy.page_cache_enable));
  write(widened(policy.page_cache_limit_percent), out.initPageCacheLimitPercent());
  write_unit(policy.page_cache_limit_size, out.initPageCacheLimitSize());
  out.setPageCacheReclaimSync(switch_of(policy.page_cache_reclaim_sync));
}

/// `name`: of the class.
model::MemoryQosPolicy read_memory_class(Problems& problems, std::string_view name,
                                         schema::MemoryQosPolicy::Reader in) {
  const auto field = [&](std::string_view key) { return fmt::format("{}.memoryQOS.{}", name, key); };
  return {
      .enable = in.getEnable(),
      .min_limit_percent = in.getMinLimitPercent(),
      .low_limit_percent = in.getLowLimitPercent(),
      .throttling_percent = in.getThrottlingPercent(),
      .wmark_ratio = in.getWmarkRatio(),
      .wmark_scale_permill = in.getWmarkScalePermill(),
      .wmark_min_adj = in.getWmarkMinAdj(),
      .priority_enable = in.getPriorityEnable(),
      .priority = in.getPriority(),
      .oom_kill_group = in.getOomKillGroup(),
      .page_cache_enable = read_switch(problems, field("pageCacheEnable"), in.getPageCacheEnable()),
      .page_cache_limit_percent = problems.integer(field("pageCacheLimitPercent"), read(in.getPageCacheLimitPercent())),
      .page_cache_limit_size = read_unit<model::Bytes>(in.getPageCacheLimitSize()),
      .page_cache_reclaim_sync = read_switch(problems, field("pageCacheReclaimSync"), in.getPageCacheReclaimSync())};
}

void write_relief(const model::MemoryReliefPolicy& relief, schema::MemoryReliefPolicy::Builder out) {
  out.setReclaim(relief.reclaim);
  out.setTighten(relief.tighten);
  out.setEmergencyKill(relief.emergency_kill);
  out.setMarginPercent(relief.margin_percent);
  out.setHorizonSeconds(relief.horizon_seconds);
}

model::MemoryReliefPolicy read_relief(schema::MemoryReliefPolicy::Reader in) {
  return {.reclaim = in.getReclaim(),
          .tighten = in.getTighten(),
          .emergency_kill = in.getEmergencyKill(),
          .margin_percent = in.getMarginPercent(),
          .horizon_seconds = in.getHorizonSeconds()};
}

void write_threshold(const model::ThresholdPolicy& policy, schema::ThresholdPolicy::Builder out) {
  out.setEnable(policy.enable);
  out.setCpuSuppressThresholdPercent(policy.cpu_suppress_threshold_percent);
  write(widened(policy.cpu_suppress_min_percent), out.initCpuSuppressMinPercent());
  out.setCpuSuppressPolicy(static_cast<schema::SuppressPolicy>(policy.cpu_suppress_policy));
  write(widened(policy.cpu_evict_be_satisfaction_lower_percent), out.initCpuEvictBeSatisfactionLowerPercent());
  write(widened(policy.cpu_evict_be_satisfaction_upper_percent), out.initCpuEvictBeSatisfactionUpperPercent());
  out.setCpuEvictBeUsageThresholdPercent(policy.cpu_evict_be_usage_threshold_percent);
  write(widened(policy.cpu_evict_time_window_seconds), out.initCpuEvictTimeWindowSeconds());
  out.setCpuEvictPolicy(static_cast<schema::CpuEvictPolicy>(policy.cpu_evict_policy));
  write(widened(policy.cpu_evict_threshold_percent), out.initCpuEvictThresholdPercent());
  write(widened(policy.cpu_evict_lower_percent), out.initCpuEvictLowerPercent());
  write(widened(policy.cpu_allocatable_evict_threshold_percent), out.initCpuAllocatableEvictThresholdPercent());
  write(widened(policy.cpu_allocatable_evict_lower_percent), out.initCpuAllocatableEvictLowerPercent());
  write(widened(policy.evict_enabled_priority_threshold), out.initEvictEnabledPriorityThreshold());
  write(widened(policy.allocatable_evict_priority_threshold), out.initAllocatableEvictPriorityThreshold());
  out.setMemoryEvictThresholdPercent(policy.memory_evict_threshold_percent);
  write(widened(policy.memory_evict_lower_percent), out.initMemoryEvictLowerPercent());
  write(widened(policy.memory_allocatable_evict_threshold_percent), out.initMemoryAllocatableEvictThresholdPercent());
  write(widened(policy.memory_allocatable_evict_lower_percent), out.initMemoryAllocatableEvictLowerPercent());
}

model::ThresholdPolicy read_threshold(Problems& problems, schema::ThresholdPolicy::Reader in) {
  const auto optional = [&](std::string_view field, schema::OptInt::Reader value) {
    return problems.integer(fmt::format("threshold.{}", field), read(value));
  };
  return {
      .enable = in.getEnable(),
      .cpu_suppress_threshold_percent = in.getCpuSuppressThresholdPercent(),
      .cpu_suppress_min_percent = optional("cpuSuppressMinPercent", in.getCpuSuppressMinPercent()),
      .cpu_suppress_policy = problems.enumerator("threshold.cpuSuppressPolicy", in.getCpuSuppressPolicy(),
                                                 model::SuppressPolicy::kWorkConserving),
      .cpu_evict_be_satisfaction_lower_percent =
          optional("cpuEvictBeSatisfactionLowerPercent", in.getCpuEvictBeSatisfactionLowerPercent()),
      .cpu_evict_be_satisfaction_upper_percent =
          optional("cpuEvictBeSatisfactionUpperPercent", in.getCpuEvictBeSatisfactionUpperPercent()),
      .cpu_evict_be_usage_threshold_percent = in.getCpuEvictBeUsageThresholdPercent(),
      .cpu_evict_time_window_seconds = optional("cpuEvictTimeWindowSeconds", in.getCpuEvictTimeWindowSeconds()),
      .cpu_evict_policy =
          problems.enumerator("threshold.cpuEvictPolicy", in.getCpuEvictPolicy(), model::CpuEvictPolicy::kAllocatable),
      .cpu_evict_threshold_percent = optional("cpuEvictThresholdPercent", in.getCpuEvictThresholdPercent()),
      .cpu_evict_lower_percent = optional("cpuEvictLowerPercent", in.getCpuEvictLowerPercent()),
      .cpu_allocatable_evict_threshold_percent =
          optional("cpuAllocatableEvictThresholdPercent", in.getCpuAllocatableEvictThresholdPercent()),
      .cpu_allocatable_evict_lower_percent =
          optional("cpuAllocatableEvictLowerPercent", in.getCpuAllocatableEvictLowerPercent()),
      .evict_enabled_priority_threshold =
          optional("evictEnabledPriorityThreshold", in.getEvictEnabledPriorityThreshold()),
      .allocatable_evict_priority_threshold =
          optional("allocatableEvictPriorityThreshold", in.getAllocatableEvictPriorityThreshold()),
      .memory_evict_threshold_percent = in.getMemoryEvictThresholdPercent(),
      .memory_evict_lower_percent = optional("memoryEvictLowerPercent", in.getMemoryEvictLowerPercent()),
      .memory_allocatable_evict_threshold_percent =
          optional("memoryAllocatableEvictThresholdPercent", in.getMemoryAllocatableEvictThresholdPercent()),
      .memory_allocatable_evict_lower_percent =
          optional("memoryAllocatableEvictLowerPercent", in.getMemoryAllocatableEvictLowerPercent()),
  };
}

void write_burst(const model::CpuBurstPolicy& policy, schema::CpuBurstPolicy::Builder out) {
  out.setPolicy(static_cast<schema::BurstPolicy>(policy.policy));
  out.setCpuBurstPercent(policy.cpu_burst_percent);
  out.setCfsQuotaBurstPercent(policy.cfs_quota_burst_percent);
  out.setCfsQuotaBurstPeriodSeconds(policy.cfs_quota_burst_period_seconds);
  out.setSharePoolThresholdPercent(policy.share_pool_threshold_percent);
}

model::CpuBurstPolicy read_burst(Problems& problems, schema::CpuBurstPolicy::Reader in) {
  return {.policy = problems.enumerator("burst.policy", in.getPolicy(), model::BurstPolicy::kAuto),
          .cpu_burst_percent = in.getCpuBurstPercent(),
          .cfs_quota_burst_percent = in.getCfsQuotaBurstPercent(),
          .cfs_quota_burst_period_seconds = in.getCfsQuotaBurstPeriodSeconds(),
          .share_pool_threshold_percent = in.getSharePoolThresholdPercent()};
}

void write_dry_run(const model::DryRun& dry_run, schema::DryRun::Builder out) {
  out.setCpuSuppress(dry_run.cpu_suppress);
  out.setCpuBurst(dry_run.cpu_burst);
  out.setCpuQos(dry_run.cpu_qos);
  out.setCpuset(dry_run.cpuset);
  out.setBatchLimits(dry_run.batch_limits);
  out.setCpuEvict(dry_run.cpu_evict);
  out.setMemoryQos(dry_run.memory_qos);
  out.setMemoryRelief(dry_run.memory_relief);
  out.setMemoryEvict(dry_run.memory_evict);
}

model::DryRun read_dry_run(schema::DryRun::Reader in) {
  return {.cpu_suppress = in.getCpuSuppress(),
          .cpu_burst = in.getCpuBurst(),
          .cpu_qos = in.getCpuQos(),
          .cpuset = in.getCpuset(),
          .batch_limits = in.getBatchLimits(),
          .cpu_evict = in.getCpuEvict(),
          .memory_qos = in.getMemoryQos(),
          .memory_relief = in.getMemoryRelief(),
          .memory_evict = in.getMemoryEvict()};
}

void write_applications(const std::vector<model::HostApplication>& applications, schema::NodePolicy::Builder out) {
  if (applications.empty()) return;
  auto list = out.initHostApplications(static_cast<unsigned>(applications.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setName(ptr(applications[i].name));
    list[i].setTier(static_cast<schema::Tier>(applications[i].tier));
    list[i].setQos(static_cast<schema::QosClass>(applications[i].qos));
    list[i].setBase(static_cast<schema::CgroupBase>(applications[i].base));
    list[i].setPath(ptr(applications[i].path));
  }
}

std::vector<model::HostApplication> read_applications(Problems& problems,
                                                      capnp::List<schema::HostApplication>::Reader in) {
  constexpr std::string_view kField = "hostApplications";
  std::vector<model::HostApplication> applications;
  if (!problems.bounded(kField, in, model::HostApplicationLimits::kMaxApplications)) return applications;
  for (const auto one : in) {
    applications.push_back(
        {.name = str(one.getName()),
         .tier = problems.enumerator("hostApplications.tier", one.getTier(), model::Tier::kFree),
         .qos = problems.enumerator("hostApplications.qos", one.getQos(), model::QosClass::kSystem),
         .base = problems.enumerator("hostApplications.base", one.getBase(), model::CgroupBase::kKubepodsBesteffort),
         .path = str(one.getPath())});
  }
  if (const auto valid = model::validate(applications); !valid) problems.add(kField, valid.error().message());
  return applications;
}

void write_scaling(const model::ScalingPolicy& scaling, schema::ScalingPolicy::Builder out) {
  out.setCpuNormalization(static_cast<std::uint32_t>(scaling.cpu_normalization.hundredths()));
  out.setCpuAmplification(static_cast<std::uint32_t>(scaling.cpu_amplification.hundredths()));
  out.setMemoryAmplification(static_cast<std::uint32_t>(scaling.memory_amplification.hundredths()));
}

model::ScalingPolicy read_scaling(schema::ScalingPolicy::Reader in) {
  return {.cpu_normalization = model::Ratio(in.getCpuNormalization()),
          .cpu_amplification = model::Ratio(in.getCpuAmplification()),
          .memory_amplification = model::Ratio(in.getMemoryAmplification())};
}

class Ranges {
 public:
  explicit Ranges(Problems& problems) : problems_(problems) {}
  void operator()(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) const {
    if (value < low || value > high) problems_.add(field, fmt::format("{} is outside {}..{}", value, low, high));
  }
  void operator()(std::string_view field, const std::optional<int>& value, std::int64_t low, std::int64_t high) const {
    if (value) (*this)(field, std::int64_t{*value}, low, high);
  }

 private:
  Problems& problems_;
};

constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();
constexpr std::int64_t kMaxCacheBytes = std::int64_t{1} << 53;  // as far as JSON's numbers are whole ones

void check_threshold(const Ranges& range, const model::ThresholdPolicy& policy) {
  range("threshold.cpuSuppressThresholdPercent", policy.cpu_suppress_threshold_percent, 0, 100);
  range("threshold.cpuSuppressMinPercent", policy.cpu_suppress_min_percent, 0, 100);
  range("threshold.cpuEvictBeSatisfactionLowerPercent", policy.cpu_evict_be_satisfaction_lower_percent, 0, 100);
  range("threshold.cpuEvictBeSatisfactionUpperPercent", policy.cpu_evict_be_satisfaction_upper_percent, 0, 100);
  range("threshold.cpuEvictBeUsageThresholdPercent", policy.cpu_evict_be_usage_threshold_percent, 0, 100);
  range("threshold.cpuEvictTimeWindowSeconds", policy.cpu_evict_time_window_seconds, 1, kMaxInt);
  range("threshold.cpuEvictThresholdPercent", policy.cpu_evict_threshold_percent, 0, 100);
  range("threshold.cpuEvictLowerPercent", policy.cpu_evict_lower_percent, 0, 100);
  range("threshold.cpuAllocatableEvictThresholdPercent", policy.cpu_allocatable_evict_threshold_percent, 0, kMaxInt);
  range("threshold.cpuAllocatableEvictLowerPercent", policy.cpu_allocatable_evict_lower_percent, 0, kMaxInt);
  range("threshold.allocatableEvictPriorityThreshold", policy.allocatable_evict_priority_threshold, 0, 7999);
  range("threshold.memoryEvictThresholdPercent", policy.memory_evict_threshold_percent, 0, 100);
  range("threshold.memoryEvictLowerPercent", policy.memory_evict_lower_percent, 0, 100);
  range("threshold.memoryAllocatableEvictThresholdPercent", policy.memory_allocatable_evict_threshold_percent, 0,
        kMaxInt);
  range("threshold.memoryAllocatableEvictLowerPercent", policy.memory_allocatable_evict_lower_percent, 0, kMaxInt);
}

void check_burst(const Ranges& range, const model::CpuBurstPolicy& policy) {
  range("burst.cpuBurstPercent", policy.cpu_burst_percent, 1, 10'000);
  range("burst.cfsQuotaBurstPercent", policy.cfs_quota_burst_percent, 100, kMaxInt);
  range("burst.cfsQuotaBurstPeriodSeconds", policy.cfs_quota_burst_period_seconds, -1, kMaxInt);
  range("burst.sharePoolThresholdPercent", policy.share_pool_threshold_percent, 0, 100);
}

void check_memory_qos(const Ranges& range, std::string_view name, const model::MemoryQosPolicy& qos) {
  const auto check = [&](std::string_view key, const auto& value, std::int64_t low, std::int64_t high) {
    range(fmt::format("{}.memoryQOS.{}", name, key), value, low, high);
  };
  check("minLimitPercent", qos.min_limit_percent, 0, 100);
  check("lowLimitPercent", qos.low_limit_percent, 0, 100);
  check("throttlingPercent", qos.throttling_percent, 0, 100);
  check("wmarkRatio", qos.wmark_ratio, 0, 100);
  check("wmarkScalePermill", qos.wmark_scale_permill, 1, 1000);
  check("wmarkMinAdj", qos.wmark_min_adj, -25, 50);
  check("priority", qos.priority, 0, 12);
  check("pageCacheLimitPercent", qos.page_cache_limit_percent, 0, 100);
  if (qos.page_cache_limit_size) check("pageCacheLimitSize", qos.page_cache_limit_size->value(), 0, kMaxCacheBytes);
}

void check_policy(Problems& problems, const model::NodePolicy& policy) {
  const Ranges range(problems);
  const auto& colocation = policy.colocation;
  range("colocation.cpuReclaimThresholdPercent", colocation.cpu_reclaim_threshold_percent, 0, kMaxInt);
  range("colocation.memoryReclaimThresholdPercent", colocation.memory_reclaim_threshold_percent, 0, kMaxInt);
  range("colocation.degradeTimeMinutes", colocation.degrade_time_minutes, 1, kMaxInt);
  range("colocation.metricAggregateDurationSeconds", colocation.metric_aggregate_duration_seconds, 1, kMaxInt);
  range("colocation.metricReportIntervalSeconds", colocation.metric_report_interval_seconds, 1, kMaxInt);
  if (!(colocation.resource_diff_threshold > 0 && colocation.resource_diff_threshold <= 1)) {
    problems.add("colocation.resourceDiffThreshold",
                 fmt::format("{} is outside (0,1]", colocation.resource_diff_threshold));
  }
  range("colocation.batchCpuThresholdPercent", colocation.batch_cpu_threshold_percent, 0, kMaxInt);
  range("colocation.batchMemoryThresholdPercent", colocation.batch_memory_threshold_percent, 0, kMaxInt);
  range("colocation.midCpuThresholdPercent", colocation.mid_cpu_threshold_percent, 0, 100);
  range("colocation.midMemoryThresholdPercent", colocation.mid_memory_threshold_percent, 0, 100);
  range("colocation.midUnallocatedPercent", colocation.mid_unallocated_percent, 0, 100);
  range("colocation.midStaticCpuReservedPercent", colocation.mid_static_cpu_reserved_percent, 0, 100);
  range("colocation.midStaticMemoryReservedPercent", colocation.mid_static_memory_reserved_percent, 0, 100);
  range("colocation.updateTimeThresholdSeconds", colocation.update_time_threshold_seconds, 1, kMaxInt);
  range("scaling.cpuNormalization", policy.scaling.cpu_normalization.hundredths(), 100, 500);
  range("scaling.cpuAmplification", policy.scaling.cpu_amplification.hundredths(), 100, 50'000);
  range("scaling.memoryAmplification", policy.scaling.memory_amplification.hundredths(), 100, 10'000);
  check_threshold(range, policy.threshold);
  check_burst(range, policy.burst);
  check_memory_qos(range, "lsr", policy.qos.lsr_memory);
  check_memory_qos(range, "ls", policy.qos.ls_memory);
  check_memory_qos(range, "be", policy.qos.be_memory);
  range("relief.marginPercent", policy.relief.margin_percent, 0, 50);
  range("relief.horizonSeconds", policy.relief.horizon_seconds, 1, 60);
  struct Named {
    std::string_view name;
    const model::CpuQosPolicy& qos;
  };
  for (const auto& [name, qos] :
       {Named{"lsr", policy.qos.lsr}, Named{"ls", policy.qos.ls}, Named{"be", policy.qos.be}}) {
    range(fmt::format("{}.groupIdentity", name), qos.group_identity, -1, 2);
    range(fmt::format("{}.schedIdle", name), qos.sched_idle, 0, 1);
  }
}

// Numbers of enums are the same on both sides: a value added on one must be added on the other.
static_assert(static_cast<int>(schema::CalculatePolicy::MAX_USAGE_REQUEST) ==
              static_cast<int>(model::CalculatePolicy::kMaxUsageRequest));
static_assert(static_cast<int>(schema::MidReclaimMode::STATIC) == static_cast<int>(model::MidReclaimMode::kStatic));
static_assert(static_cast<int>(schema::CpuEvictPolicy::ALLOCATABLE) ==
              static_cast<int>(model::CpuEvictPolicy::kAllocatable));
static_assert(static_cast<int>(schema::CpuQosMechanism::CORE_SCHED) ==
              static_cast<int>(model::CpuQosMechanism::kCoreSched));
static_assert(static_cast<int>(schema::CgroupBase::KUBEPODS_BESTEFFORT) ==
              static_cast<int>(model::CgroupBase::kKubepodsBesteffort));
static_assert(static_cast<int>(schema::Tier::FREE) == static_cast<int>(model::Tier::kFree));
static_assert(static_cast<int>(schema::SuppressPolicy::WORK_CONSERVING) ==
              static_cast<int>(model::SuppressPolicy::kWorkConserving));

}  // namespace

void write(const model::NodePolicy& policy, schema::NodePolicy::Builder out) {
  out.setVersion(policy.version.value());
  out.setEpoch(policy.epoch.value());
  auto colocation = out.initColocation();
  colocation.setEnable(policy.colocation.enable);
  colocation.setCpuReclaimThresholdPercent(policy.colocation.cpu_reclaim_threshold_percent);
  colocation.setMemoryReclaimThresholdPercent(policy.colocation.memory_reclaim_threshold_percent);
  colocation.setDegradeTimeMinutes(policy.colocation.degrade_time_minutes);
  colocation.setMetricAggregateDurationSeconds(policy.colocation.metric_aggregate_duration_seconds);
  colocation.setMetricReportIntervalSeconds(policy.colocation.metric_report_interval_seconds);
  colocation.setResourceDiffThreshold(policy.colocation.resource_diff_threshold);
  write(widened(policy.colocation.batch_cpu_threshold_percent), colocation.initBatchCpuThresholdPercent());
  write(widened(policy.colocation.batch_memory_threshold_percent), colocation.initBatchMemoryThresholdPercent());
  colocation.setCpuCalculatePolicy(static_cast<schema::CalculatePolicy>(policy.colocation.cpu_calculate_policy));
  colocation.setMemoryCalculatePolicy(static_cast<schema::CalculatePolicy>(policy.colocation.memory_calculate_policy));
  colocation.setMidReclaimMode(static_cast<schema::MidReclaimMode>(policy.colocation.mid_reclaim_mode));
  colocation.setMidCpuThresholdPercent(policy.colocation.mid_cpu_threshold_percent);
  colocation.setMidMemoryThresholdPercent(policy.colocation.mid_memory_threshold_percent);
  colocation.setMidUnallocatedPercent(policy.colocation.mid_unallocated_percent);
  colocation.setMidStaticCpuReservedPercent(policy.colocation.mid_static_cpu_reserved_percent);
  colocation.setMidStaticMemoryReservedPercent(policy.colocation.mid_static_memory_reserved_percent);
  colocation.setUpdateTimeThresholdSeconds(policy.colocation.update_time_threshold_seconds);
  write_threshold(policy.threshold, out.initThreshold());
  write_cpu_qos(policy.qos.lsr, out.initLsr());
  write_cpu_qos(policy.qos.ls, out.initLs());
  write_cpu_qos(policy.qos.be, out.initBe());
  out.setCpuPolicy(static_cast<schema::CpuQosMechanism>(policy.qos.cpu_policy));
  write_burst(policy.burst, out.initBurst());
  write_dry_run(policy.dry_run, out.initDryRun());
  write_applications(policy.host_applications, out);
  if (policy.scaling != model::ScalingPolicy()) write_scaling(policy.scaling, out.initScaling());
  const model::NodePolicy defaults;
  if (policy.qos.lsr_memory != defaults.qos.lsr_memory) write_memory_class(policy.qos.lsr_memory, out.initLsrMemory());
  if (policy.qos.ls_memory != defaults.qos.ls_memory) write_memory_class(policy.qos.ls_memory, out.initLsMemory());
  if (policy.qos.be_memory != defaults.qos.be_memory) write_memory_class(policy.qos.be_memory, out.initBeMemory());
  if (policy.relief != defaults.relief) write_relief(policy.relief, out.initRelief());
}

Result<model::NodePolicy> read(schema::NodePolicy::Reader in) {
  Problems problems;
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(in.getVersion());
  policy.epoch = model::Epoch(in.getEpoch());
  const auto colocation = in.getColocation();
  constexpr auto kLastCalculate = model::CalculatePolicy::kMaxUsageRequest;
  policy.colocation = {
      .enable = colocation.getEnable(),
      .cpu_reclaim_threshold_percent = colocation.getCpuReclaimThresholdPercent(),
      .memory_reclaim_threshold_percent = colocation.getMemoryReclaimThresholdPercent(),
      .degrade_time_minutes = colocation.getDegradeTimeMinutes(),
      .metric_aggregate_duration_seconds = colocation.getMetricAggregateDurationSeconds(),
      .metric_report_interval_seconds = colocation.getMetricReportIntervalSeconds(),
      .resource_diff_threshold = colocation.getResourceDiffThreshold(),
      .batch_cpu_threshold_percent =
          problems.integer("colocation.batchCpuThresholdPercent", read(colocation.getBatchCpuThresholdPercent())),
      .batch_memory_threshold_percent =
          problems.integer("colocation.batchMemoryThresholdPercent", read(colocation.getBatchMemoryThresholdPercent())),
      .cpu_calculate_policy =
          problems.enumerator("colocation.cpuCalculatePolicy", colocation.getCpuCalculatePolicy(), kLastCalculate),
      .memory_calculate_policy = problems.enumerator("colocation.memoryCalculatePolicy",
                                                     colocation.getMemoryCalculatePolicy(), kLastCalculate),
      .mid_reclaim_mode = problems.enumerator("colocation.midReclaimMode", colocation.getMidReclaimMode(),
                                              model::MidReclaimMode::kStatic),
      .mid_cpu_threshold_percent = colocation.getMidCpuThresholdPercent(),
      .mid_memory_threshold_percent = colocation.getMidMemoryThresholdPercent(),
      .mid_unallocated_percent = colocation.getMidUnallocatedPercent(),
      .mid_static_cpu_reserved_percent = colocation.getMidStaticCpuReservedPercent(),
      .mid_static_memory_reserved_percent = colocation.getMidStaticMemoryReservedPercent(),
      .update_time_threshold_seconds = colocation.getUpdateTimeThresholdSeconds(),
  };
  policy.threshold = read_threshold(problems, in.getThreshold());
  const model::QosPolicy defaults;
  policy.qos = {
      .cpu_policy = problems.enumerator("cpuPolicy", in.getCpuPolicy(), model::CpuQosMechanism::kCoreSched),
      .lsr = read_cpu_qos(problems, "lsr.coreExpeller", in.getLsr(), defaults.lsr),
      .ls = read_cpu_qos(problems, "ls.coreExpeller", in.getLs(), defaults.ls),
      .be = read_cpu_qos(problems, "be.coreExpeller", in.getBe(), defaults.be),
      .lsr_memory = in.hasLsrMemory() ? read_memory_class(problems, "lsr", in.getLsrMemory()) : defaults.lsr_memory,
      .ls_memory = in.hasLsMemory() ? read_memory_class(problems, "ls", in.getLsMemory()) : defaults.ls_memory,
      .be_memory = in.hasBeMemory() ? read_memory_class(problems, "be", in.getBeMemory()) : defaults.be_memory,
  };
  policy.relief = read_relief(in.getRelief());
  policy.burst = read_burst(problems, in.getBurst());
  policy.dry_run = read_dry_run(in.getDryRun());
  policy.host_applications = read_applications(problems, in.getHostApplications());
  policy.scaling = read_scaling(in.getScaling());
  check_policy(problems, policy);
  return problems.result(std::move(policy));
}

}  // namespace tideline::codec
