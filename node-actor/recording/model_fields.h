#pragma once
// The fields of the model's structs, see values.h.

#include "messages/model/action.h"
#include "messages/model/counters.h"
#include "messages/model/host_application.h"
#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "messages/model/topology.h"
#include "node-actor/recording/values.h"

namespace tideline::recording {

// What the kernel counted.

template <class V>
void fields(V& v, Of<V, model::StallTotals> stall) {
  v("some_ns", stall.some);
  v("full_ns", stall.full);
}

template <class V>
void fields(V& v, Of<V, model::MemoryCounters> memory) {
  v("stat_at_ns", memory.stat_at);
  v("usage", memory.usage);
  v("limit", memory.limit);
  v("anon", memory.anon);
  v("reclaimable", memory.reclaimable);
  v("memory_stall", memory.memory_stall);
  v("io_stall", memory.io_stall);
  v("refaults", memory.refaults);
  v("scanned", memory.scanned);
  v("oom_kills", memory.oom_kills);
}

template <class V>
void fields(V& v, Of<V, model::HostMemoryCounters> memory) {
  v("total", memory.total);
  v("available", memory.available);
  v("free", memory.free);
  v("low_watermark", memory.low_watermark);
  v("alloc_stalls", memory.alloc_stalls);
  v("direct_scanned", memory.direct_scanned);
}

template <class V>
void fields(V& v, Of<V, model::FastMemoryCounters> memory) {
  v("at_ns", memory.at);
  v("host", memory.host);
  v("kubepods", memory.kubepods);
  v("best_effort", memory.best_effort);
  v("be_inode", memory.be_inode);
}

template <class V>
void fields(V& v, Of<V, model::GroupCounters> group) {
  v("inode", group.inode);
  v("cpu_ns", group.cpu);
  v("nr_periods", group.nr_periods);
  v("nr_throttled", group.nr_throttled);
  v("memory_bytes", group.memory);
  v("memory_side", group.memory_side);
  v("cpu_stall", group.cpu_stall);
  v("run_delay_ns", group.run_delay);
}

template <class V>
void fields(V& v, Of<V, model::ContainerCounters> container) {
  v("id", container.id);
  v("group", container.group);
}

template <class V>
void fields(V& v, Of<V, model::PodCounters> pod) {
  v("uid", pod.uid);
  v("qos", pod.qos);
  v("below_besteffort", pod.below_besteffort);
  v("group", pod.group);
  v("containers", pod.containers);
}

template <class V>
void fields(V& v, Of<V, model::GroupCpu> group) {
  v("inode", group.inode);
  v("cpu_ns", group.cpu);
}

template <class V>
void fields(V& v, Of<V, model::FastCounters> counters) {
  v("at_ns", counters.at);
  v("node_cpu_ns", counters.node_cpu);
  v("be_cpu_ns", counters.be_cpu);
  v("be_periods", counters.be_periods);
  v("be_inode", counters.be_inode);
  v("pods", counters.pods);
  v("be_outside", counters.be_outside);
}

template <class V>
void fields(V& v, Of<V, model::ApplicationCounters> application) {
  v("name", application.name);
  v("tier", application.tier);
  v("qos", application.qos);
  v("where", application.where);
  v("below_besteffort", application.below_besteffort);
  v("holds_pods", application.holds_pods);
  v("failed", application.failed);
  v("group", application.group);
}

template <class V>
void fields(V& v, Of<V, model::HostCounters> host) {
  v("at_ns", host.at);
  v("wall_ms", host.wall);
  v("node_cpu_ns", host.node_cpu);
  v("memory_total", host.memory_total);
  v("memory_available", host.memory_available);
  v("memory_host", host.memory_host);
  v("kubepods_memory", host.kubepods_memory);
  v("cpu_stall", host.cpu_stall);
  v("memory_stall", host.memory_stall);
  v("io_stall", host.io_stall);
  v("best_effort", host.best_effort);
  v("be_limit", host.be_limit);
  v("be_limit_known", host.be_limit_known);
  v("be_cpus", host.be_cpus);
  v("pods", host.pods);
  v("applications", host.applications);
}

// Samples: CPU in millicores, memory in bytes.

template <class V>
void fields(V& v, Of<V, model::FastSample> sample) {
  v("at_ns", sample.at);
  v("window_ns", sample.window);
  v("node_cpu", sample.node_cpu);
  v("be_cpu", sample.be_cpu);
  v("be_periods", sample.be_periods);
  v("be_outside_cpu", sample.be_outside_cpu);
  v("pods_cpu", sample.pods_cpu);
}

template <class V>
void fields(V& v, Of<V, model::ContainerUse> use) {
  v("id", use.id);
  v("cpu", use.cpu);
  v("throttled_ratio", use.throttled_ratio);
}

template <class V>
void fields(V& v, Of<V, model::Pressure> pressure) {
  v("some", pressure.some);
  v("full", pressure.full);
}

template <class V>
void fields(V& v, Of<V, model::MemorySignals> signals) {
  v("memory", signals.memory);
  v("io", signals.io);
  v("refaults", signals.refaults);
  v("scanned", signals.scanned);
  v("alloc_stalls", signals.alloc_stalls);
  v("oom_kills", signals.oom_kills);
}

template <class V>
void fields(V& v, Of<V, model::PodUse> use) {
  v("uid", use.uid);
  v("cpu", use.cpu);
  v("memory", use.memory);
  v("throttled_ratio", use.throttled_ratio);
  v("run_delay", use.run_delay);
  v("containers", use.containers);
  v("memory_usage", use.memory_usage);
  v("memory_signals", use.memory_signals);
}

template <class V>
void fields(V& v, Of<V, model::ApplicationUse> use) {
  v("name", use.name);
  v("tier", use.tier);
  v("qos", use.qos);
  v("group", use.group);
  v("state", use.state);
  v("cpu", use.cpu);
  v("memory", use.memory);
}

template <class V>
void fields(V& v, Of<V, model::MemorySample> memory) {
  v("available", memory.available);
  v("be_usage", memory.be_usage);
  v("be_reclaimable", memory.be_reclaimable);
  v("host", memory.host);
  v("ls", memory.ls);
  v("be", memory.be);
  v("be_tightened", memory.be_tightened);
  v("rung", memory.rung);
}

/// All but the single pods and applications, and the memory side.
template <class V>
void host_fields(V& v, Of<V, model::NodeSample> sample) {
  v("at_ns", sample.at);
  v("wall_ms", sample.wall);
  v("window_ns", sample.window);
  v("node_cpu", sample.node_cpu);
  v("ls_cpu", sample.ls_cpu);
  v("be_cpu", sample.be_cpu);
  v("system_cpu", sample.system_cpu);
  v("node_memory", sample.node_memory);
  v("ls_memory", sample.ls_memory);
  v("be_memory", sample.be_memory);
  v("cpu_pressure", sample.cpu_pressure);
  v("memory_pressure", sample.memory_pressure);
  v("io_pressure", sample.io_pressure);
  v("ls_delay_per_cpu", sample.ls_delay_per_cpu);
  v("be_limit", sample.be_limit);
  v("be_cpus", sample.be_cpus);
  v("app_cpu", sample.app_cpu);
  v("app_cpu_in_be", sample.app_cpu_in_be);
}

template <class V>
void fields(V& v, Of<V, model::NodeSample> sample) {
  host_fields<V>(v, sample);
  v("pods", sample.pods);
  v("applications", sample.applications);
  v("memory_side", sample.memory_side);
}

template <class V>
void fields(V& v, Of<V, model::Protection> protection) {
  v("verified", protection.verified);
  v("why", protection.why);
}

// Pods.

template <class V>
void fields(V& v, Of<V, model::Resources> resources) {
  v("cpu", resources.cpu);
  v("memory", resources.memory);
  v("batch_cpu", resources.batch_cpu);
  v("batch_memory", resources.batch_memory);
}

template <class V>
void fields(V& v, Of<V, model::MidRequests> requests) {
  v("cpu", requests.cpu);
  v("memory", requests.memory);
}

template <class V>
void fields(V& v, Of<V, model::Container> container) {
  v("name", container.name);
  v("id", container.id);
  v("requests", container.requests);
  v("limits", container.limits);
}

template <class V>
void fields(V& v, Of<V, model::CpuBurstOverride> burst) {
  v("policy", burst.policy);
  v("cpuBurstPercent", burst.cpu_burst_percent);
  v("cfsQuotaBurstPercent", burst.cfs_quota_burst_percent);
  v("cfsQuotaBurstPeriodSeconds", burst.cfs_quota_burst_period_seconds);
  v("sharePoolThresholdPercent", burst.share_pool_threshold_percent);
}

template <class V>
void fields(V& v, Of<V, model::CpuQosOverride> qos) {
  v("enable", qos.enable);
  v("groupIdentity", qos.group_identity);
}

template <class V>
void fields(V& v, Of<V, model::MemoryQosOverride> qos) {
  v("policy", qos.policy);
  v("minLimitPercent", qos.min_limit_percent);
  v("lowLimitPercent", qos.low_limit_percent);
  v("throttlingPercent", qos.throttling_percent);
  v("wmarkRatio", qos.wmark_ratio);
  v("wmarkScalePermill", qos.wmark_scale_permill);
  v("wmarkMinAdj", qos.wmark_min_adj);
  v("priorityEnable", qos.priority_enable);
  v("priority", qos.priority);
  v("oomKillGroup", qos.oom_kill_group);
  v("pageCacheEnable", qos.page_cache_enable);
  v("pageCacheLimitPercent", qos.page_cache_limit_percent);
  v("pageCacheLimitSize", qos.page_cache_limit_size);
  v("pageCacheReclaimSync", qos.page_cache_reclaim_sync);
}

template <class V>
void fields(V& v, Of<V, model::Evictability> eviction) {
  v("enabled", eviction.enabled);
  v("priority", eviction.priority);
  v("sub_priority", eviction.sub_priority);
  v("terminating", eviction.terminating);
  v("allowed_by", eviction.allowed_by);
}

template <class V>
void fields(V& v, Of<V, model::CoreSchedLabels> labels) {
  v("group_id", labels.group_id);
  v("policy", labels.policy);
}

template <class V>
void fields(V& v, Of<V, model::Pod> pod) {
  v("uid", pod.uid);
  v("namespace", pod.name_space);
  v("name", pod.name);
  v("qos", pod.qos);
  v("kube_qos", pod.kube_qos);
  v("phase", pod.phase);
  v("priority", pod.priority);
  v("workload", pod.workload);
  v("requests", pod.requests);
  v("limits", pod.limits);
  v("mid_requests", pod.mid_requests);
  v("containers", pod.containers);
  v("cpu_burst", pod.cpu_burst);
  v("cpu_qos", pod.cpu_qos);
  v("memory_qos", pod.memory_qos);
  v("bound_cpus", pod.bound_cpus);
  v("eviction", pod.eviction);
  v("core_sched", pod.core_sched);
}

// Policy, by the keys of its documents.

template <class V>
void fields(V& v, Of<V, model::ThresholdPolicy> threshold) {
  v("enable", threshold.enable);
  v("cpuSuppressThresholdPercent", threshold.cpu_suppress_threshold_percent);
  v("cpuSuppressMinPercent", threshold.cpu_suppress_min_percent);
  v("cpuSuppressPolicy", threshold.cpu_suppress_policy);
  v("cpuEvictBESatisfactionLowerPercent", threshold.cpu_evict_be_satisfaction_lower_percent);
  v("cpuEvictBESatisfactionUpperPercent", threshold.cpu_evict_be_satisfaction_upper_percent);
  v("cpuEvictBEUsageThresholdPercent", threshold.cpu_evict_be_usage_threshold_percent);
  v("cpuEvictTimeWindowSeconds", threshold.cpu_evict_time_window_seconds);
  v("cpuEvictPolicy", threshold.cpu_evict_policy);
  v("cpuEvictThresholdPercent", threshold.cpu_evict_threshold_percent);
  v("cpuEvictLowerPercent", threshold.cpu_evict_lower_percent);
  v("cpuAllocatableEvictThresholdPercent", threshold.cpu_allocatable_evict_threshold_percent);
  v("cpuAllocatableEvictLowerPercent", threshold.cpu_allocatable_evict_lower_percent);
  v("evictEnabledPriorityThreshold", threshold.evict_enabled_priority_threshold);
  v("allocatableEvictPriorityThreshold", threshold.allocatable_evict_priority_threshold);
  v("memoryEvictThresholdPercent", threshold.memory_evict_threshold_percent);
  v("memoryEvictLowerPercent", threshold.memory_evict_lower_percent);
  v("memoryAllocatableEvictThresholdPercent", threshold.memory_allocatable_evict_threshold_percent);
  v("memoryAllocatableEvictLowerPercent", threshold.memory_allocatable_evict_lower_percent);
}

template <class V>
void fields(V& v, Of<V, model::CpuBurstPolicy> burst) {
  v("policy", burst.policy);
  v("cpuBurstPercent", burst.cpu_burst_percent);
  v("cfsQuotaBurstPercent", burst.cfs_quota_burst_percent);
  v("cfsQuotaBurstPeriodSeconds", burst.cfs_quota_burst_period_seconds);
  v("sharePoolThresholdPercent", burst.share_pool_threshold_percent);
}

template <class V>
void fields(V& v, Of<V, model::CpuQosPolicy> qos) {
  v("enable", qos.enable);
  v("groupIdentity", qos.group_identity);
  v("schedIdle", qos.sched_idle);
  v("coreExpeller", qos.core_expeller);
}

template <class V>
void fields(V& v, Of<V, model::MemoryQosPolicy> qos) {
  v("enable", qos.enable);
  v("minLimitPercent", qos.min_limit_percent);
  v("lowLimitPercent", qos.low_limit_percent);
  v("throttlingPercent", qos.throttling_percent);
  v("wmarkRatio", qos.wmark_ratio);
  v("wmarkScalePermill", qos.wmark_scale_permill);
  v("wmarkMinAdj", qos.wmark_min_adj);
  v("priorityEnable", qos.priority_enable);
  v("priority", qos.priority);
  v("oomKillGroup", qos.oom_kill_group);
  v("pageCacheEnable", qos.page_cache_enable);
  v("pageCacheLimitPercent", qos.page_cache_limit_percent);
  v("pageCacheLimitSize", qos.page_cache_limit_size);
  v("pageCacheReclaimSync", qos.page_cache_reclaim_sync);
}

template <class V>
void fields(V& v, Of<V, model::MemoryReliefPolicy> relief) {
  v("reclaim", relief.reclaim);
  v("tighten", relief.tighten);
  v("emergencyKill", relief.emergency_kill);
  v("marginPercent", relief.margin_percent);
  v("horizonSeconds", relief.horizon_seconds);
}

template <class V>
void fields(V& v, Of<V, model::QosPolicy> qos) {
  v("cpuPolicy", qos.cpu_policy);
  v("lsrClass", qos.lsr);
  v("lsClass", qos.ls);
  v("beClass", qos.be);
  v("lsrClassMemory", qos.lsr_memory);
  v("lsClassMemory", qos.ls_memory);
  v("beClassMemory", qos.be_memory);
}

template <class V>
void fields(V& v, Of<V, model::ColocationPolicy> colocation) {
  v("enable", colocation.enable);
  v("cpuReclaimThresholdPercent", colocation.cpu_reclaim_threshold_percent);
  v("memoryReclaimThresholdPercent", colocation.memory_reclaim_threshold_percent);
  v("degradeTimeMinutes", colocation.degrade_time_minutes);
  v("metricAggregateDurationSeconds", colocation.metric_aggregate_duration_seconds);
  v("metricReportIntervalSeconds", colocation.metric_report_interval_seconds);
  v("resourceDiffThreshold", colocation.resource_diff_threshold);
  v("batchCPUThresholdPercent", colocation.batch_cpu_threshold_percent);
  v("batchMemoryThresholdPercent", colocation.batch_memory_threshold_percent);
  v("cpuCalculatePolicy", colocation.cpu_calculate_policy);
  v("memoryCalculatePolicy", colocation.memory_calculate_policy);
  v("midReclaimMode", colocation.mid_reclaim_mode);
  v("midCPUThresholdPercent", colocation.mid_cpu_threshold_percent);
  v("midMemoryThresholdPercent", colocation.mid_memory_threshold_percent);
  v("midUnallocatedPercent", colocation.mid_unallocated_percent);
  v("midStaticCPUReservedPercent", colocation.mid_static_cpu_reserved_percent);
  v("midStaticMemoryReservedPercent", colocation.mid_static_memory_reserved_percent);
  v("updateTimeThresholdSeconds", colocation.update_time_threshold_seconds);
}

template <class V>
void fields(V& v, Of<V, model::DryRun> dry_run) {
  v("cpuSuppress", dry_run.cpu_suppress);
  v("cpuBurst", dry_run.cpu_burst);
  v("cpuQos", dry_run.cpu_qos);
  v("cpuset", dry_run.cpuset);
  v("batchLimits", dry_run.batch_limits);
  v("cpuEvict", dry_run.cpu_evict);
  v("memoryQos", dry_run.memory_qos);
  v("memoryRelief", dry_run.memory_relief);
  v("memoryEvict", dry_run.memory_evict);
}

template <class V>
void fields(V& v, Of<V, model::HostApplication> application) {
  v("name", application.name);
  v("tier", application.tier);
  v("qos", application.qos);
  v("base", application.base);
  v("path", application.path);
}

template <class V>
void fields(V& v, Of<V, model::ScalingPolicy> scaling) {
  v("cpuNormalizationRatio", scaling.cpu_normalization);
  v("cpuAmplificationRatio", scaling.cpu_amplification);
  v("memoryAmplificationRatio", scaling.memory_amplification);
}

template <class V>
void fields(V& v, Of<V, model::NodePolicy> policy) {
  v("version", policy.version);
  v("epoch", policy.epoch);
  v("colocation", policy.colocation);
  v("threshold", policy.threshold);
  v("qos", policy.qos);
  v("burst", policy.burst);
  v("memoryRelief", policy.relief);
  v("dryRun", policy.dry_run);
  v("hostApplications", policy.host_applications);
  v("scaling", policy.scaling);
}

// The host.

template <class V>
void fields(V& v, Of<V, model::KnobSupport> support) {
  v("knob", support.knob);
  v("supported", support.supported);
  v("file", support.file);
  v("why", support.why);
}

template <class V>
void fields(V& v, Of<V, model::KnobSet> set) {
  v("knobs", set.knobs);
}

template <class V>
void fields(V& v, Of<V, model::Topology::Cpu> cpu) {
  v("id", cpu.id);
  v("core", cpu.core);
  v("l3", cpu.l3);
  v("numa", cpu.numa);
  v("package", cpu.package);
}

template <class V>
void fields(V& v, Of<V, model::Topology> topology) {
  v("cpus", topology.cpus);
  v("cores", topology.cores);
  v("l3_domains", topology.l3_domains);
  v("numa_nodes", topology.numa_nodes);
  v("packages", topology.packages);
}

template <class V>
void fields(V& v, Of<V, model::GroupRef> group) {
  v("level", group.level);
  v("qos", group.qos);
  v("pod", group.pod);
  v("container", group.container_id);
}

template <class V>
void fields(V& v, Of<V, model::FeatureState> feature) {
  v("feature", feature.feature);
  v("state", feature.state);
  v("why", feature.why);
}

template <class V>
void fields(V& v, Of<V, model::KernelWrite> write) {
  v("group", write.group);
  v("file", write.file);
  v("new", write.value);
  v("controller", write.controller);
  v("reason", write.reason);
}

}  // namespace tideline::recording
