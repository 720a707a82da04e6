#pragma once
// What the coordinator wants of one node, typed. Field names follow the ConfigMap keys of Koordinator /
// ack-koordinator.

#include <optional>
#include <string_view>
#include <vector>

#include "messages/model/host_application.h"
#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::model {

/// resource-threshold-config cpuSuppressPolicy. kWorkConserving is Tideline's own.
enum class SuppressPolicy { kCpuset, kCfsQuota, kWorkConserving };
std::string_view name_of(SuppressPolicy policy);  // "cpuset", "cfsQuota", "workConserving"
std::optional<SuppressPolicy> suppress_policy_from(std::string_view text);

/// resource-threshold-config cpuEvictPolicy: what BE's CPU satisfaction is measured against.
enum class CpuEvictPolicy { kRealLimit, kAllocatable };
std::string_view name_of(CpuEvictPolicy policy);  // "evictByRealLimit", "evictByAllocatable"
std::optional<CpuEvictPolicy> cpu_evict_policy_from(std::string_view text);

/// resource-threshold-config, the fields that act on CPU. Percentages 0..100 unless said.
struct ThresholdPolicy {
  bool enable = false;
  int cpu_suppress_threshold_percent = 65;
  std::optional<int> cpu_suppress_min_percent;
  SuppressPolicy cpu_suppress_policy = SuppressPolicy::kCpuset;
  std::optional<int> cpu_evict_be_satisfaction_lower_percent;  // acts in (0,60]
  std::optional<int> cpu_evict_be_satisfaction_upper_percent;  // acts in (0,100) and >= lower
  int cpu_evict_be_usage_threshold_percent = 90;
  std::optional<int> cpu_evict_time_window_seconds;  // >= 1
  CpuEvictPolicy cpu_evict_policy = CpuEvictPolicy::kRealLimit;
  std::optional<int> cpu_evict_threshold_percent;
  std::optional<int> cpu_evict_lower_percent;                     // absent: threshold - 2
  std::optional<int> cpu_allocatable_evict_threshold_percent;     // >= 0, may exceed 100; acts with the lower one only
  std::optional<int> cpu_allocatable_evict_lower_percent;         // >= 0, may exceed 100
  std::optional<int> evict_enabled_priority_threshold;            // pods of at most this spec.priority
  std::optional<int> allocatable_evict_priority_threshold;        // 0..7999
  int memory_evict_threshold_percent = 70;                        // of memory used; 0: no eviction by use
  std::optional<int> memory_evict_lower_percent;                  // absent: threshold - 2
  std::optional<int> memory_allocatable_evict_threshold_percent;  // >= 0, may exceed 100; acts with the lower one only
  std::optional<int> memory_allocatable_evict_lower_percent;      // >= 0, may exceed 100
  friend bool operator==(const ThresholdPolicy&, const ThresholdPolicy&) = default;
};

/// colocation-config {cpu,memory}CalculatePolicy: what pods of prod and mid are charged. CPU takes no kRequest.
enum class CalculatePolicy : std::uint8_t { kUsage = 0, kRequest = 1, kMaxUsageRequest = 2 };
std::string_view name_of(CalculatePolicy policy);  // "usage", "request", "maxUsageRequest"
std::optional<CalculatePolicy> calculate_policy_from(std::string_view text);

/// colocation-config midReclaimMode: what prod is predicted not to need, or a fixed share.
enum class MidReclaimMode : std::uint8_t { kPredicted = 0, kStatic = 1 };
std::string_view name_of(MidReclaimMode mode);  // "", "static"
std::optional<MidReclaimMode> mid_reclaim_mode_from(std::string_view text);

/// cpu-burst-config policy.
enum class BurstPolicy { kNone, kCpuBurstOnly, kCfsQuotaBurstOnly, kAuto };
std::string_view name_of(BurstPolicy policy);  // "none", "cpuBurstOnly", "cfsQuotaBurstOnly", "auto"
std::optional<BurstPolicy> burst_policy_from(std::string_view text);

/// cpu-burst-config.
struct CpuBurstPolicy {
  BurstPolicy policy = BurstPolicy::kNone;
  int cpu_burst_percent = 1000;             // of the limit, 1..10000
  int cfs_quota_burst_percent = 300;        // of the limit, >= 100
  int cfs_quota_burst_period_seconds = -1;  // -1: no limit
  int share_pool_threshold_percent = 50;    // 0..100
  friend bool operator==(const CpuBurstPolicy&, const CpuBurstPolicy&) = default;
};

/// resource-qos-config policies.cpuPolicy: the mechanism behind cpuQOS.
enum class CpuQosMechanism { kGroupIdentity, kCoreSched };
std::string_view name_of(CpuQosMechanism mechanism);  // "groupIdentity", "coreSched"
std::optional<CpuQosMechanism> cpu_qos_mechanism_from(std::string_view text);

/// resource-qos-config cpuQOS of one class.
struct CpuQosPolicy {
  bool enable = false;
  int group_identity = 0;  // -1..2
  int sched_idle = 0;      // 0/1
  bool core_expeller = false;
  friend bool operator==(const CpuQosPolicy&, const CpuQosPolicy&) = default;
};

/// resource-qos-config memoryQOS of one class. Absent: the file is not touched.
struct MemoryQosPolicy {
  bool enable = false;
  int min_limit_percent = 0;     // 0..100, of the request: memory.min
  int low_limit_percent = 0;     // 0..100: memory.low
  int throttling_percent = 0;    // 0..100: where memory.high lies between request and limit; 0: none
  int wmark_ratio = 95;          // 0..100
  int wmark_scale_permill = 20;  // 1..1000
  int wmark_min_adj = 0;         // -25..50
  bool priority_enable = false;
  int priority = 0;  // 0..12
  bool oom_kill_group = false;
  std::optional<bool> page_cache_enable{};
  std::optional<int> page_cache_limit_percent{};  // 0..100, of the memory limit
  std::optional<Bytes> page_cache_limit_size{};
  std::optional<bool> page_cache_reclaim_sync{};
  friend bool operator==(const MemoryQosPolicy&, const MemoryQosPolicy&) = default;
};

/// tideline-config memoryRelief, Tideline's own: what goes before an eviction for memory, and after it. Acts while
/// resource-threshold-config is enabled and memoryEvictThresholdPercent is not 0.
struct MemoryReliefPolicy {
  bool reclaim = true;          // BE's page cache is taken back
  bool tighten = true;          // BE may not grow
  bool emergency_kill = false;  // a BE pod is killed at once where the OOM killer is about to run
  int margin_percent = 5;       // 0..50, of capacity: reclaim begins so much below memoryEvictThresholdPercent
  int horizon_seconds = 5;      // 1..60: growth that would fill the host within it acts like a threshold
  friend bool operator==(const MemoryReliefPolicy&, const MemoryReliefPolicy&) = default;
};

struct QosPolicy {
  CpuQosMechanism cpu_policy = CpuQosMechanism::kGroupIdentity;
  CpuQosPolicy lsr{.enable = false, .group_identity = 2, .sched_idle = 0, .core_expeller = true};  // also LSE
  CpuQosPolicy ls{.enable = false, .group_identity = 2, .sched_idle = 0, .core_expeller = true};
  CpuQosPolicy be{.enable = false, .group_identity = -1, .sched_idle = 0, .core_expeller = false};
  MemoryQosPolicy lsr_memory{.wmark_min_adj = -25};  // also LSE
  MemoryQosPolicy ls_memory{.wmark_min_adj = -25};
  MemoryQosPolicy be_memory{.wmark_min_adj = 50};
  friend bool operator==(const QosPolicy&, const QosPolicy&) = default;
};

/// colocation-config, effective for one node: how reclaimed capacity is computed.
struct ColocationPolicy {
  bool enable = false;
  int cpu_reclaim_threshold_percent = 60;             // >= 0, may exceed 100
  int memory_reclaim_threshold_percent = 65;          // >= 0
  int degrade_time_minutes = 15;                      // >= 1
  int metric_aggregate_duration_seconds = 300;        // >= 1
  int metric_report_interval_seconds = 60;            // >= 1
  double resource_diff_threshold = 0.1;               // (0,1]
  std::optional<int> batch_cpu_threshold_percent;     // >= 0
  std::optional<int> batch_memory_threshold_percent;  // >= 0
  CalculatePolicy cpu_calculate_policy = CalculatePolicy::kUsage;
  CalculatePolicy memory_calculate_policy = CalculatePolicy::kUsage;
  MidReclaimMode mid_reclaim_mode = MidReclaimMode::kPredicted;
  int mid_cpu_threshold_percent = 100;         // 0..100
  int mid_memory_threshold_percent = 100;      // 0..100
  int mid_unallocated_percent = 0;             // 0..100
  int mid_static_cpu_reserved_percent = 0;     // 0..100
  int mid_static_memory_reserved_percent = 0;  // 0..100
  int update_time_threshold_seconds = 300;     // >= 1
  friend bool operator==(const ColocationPolicy&, const ColocationPolicy&) = default;
};

/// What cpu-normalization-config and resource-amplification-config come to on this node: Koordinator's node
/// annotations.
struct ScalingPolicy {
  /// One CPU here is worth so many in batch-cpu: what is published is multiplied by it, and quotas of batch-cpu are
  /// divided. 1..5.
  Ratio cpu_normalization;
  /// Allocatable that schedulers are to see over what there is; of CPU the configured ratio times the normalisation.
  /// 1: not amplified. Accounts are of what there is.
  Ratio cpu_amplification;
  Ratio memory_amplification;
  friend bool operator==(const ScalingPolicy&, const ScalingPolicy&) = default;
};

/// Mechanisms that decide, explain and report and write nothing. Tideline's own key: tideline-config dryRun.
struct DryRun {
  bool cpu_suppress = false;
  bool cpu_burst = false;
  bool cpu_qos = false;
  bool cpuset = false;
  bool batch_limits = false;
  bool cpu_evict = false;
  bool memory_qos = false;  // also oom_score_adj
  bool memory_relief = false;
  bool memory_evict = false;
  friend bool operator==(const DryRun&, const DryRun&) = default;
};

/// The effective policy of one node.
struct NodePolicy {
  PolicyVersion version;
  Epoch epoch;
  ColocationPolicy colocation;
  ThresholdPolicy threshold;
  QosPolicy qos;
  CpuBurstPolicy burst;
  MemoryReliefPolicy relief;
  DryRun dry_run;
  std::vector<HostApplication> host_applications;  // host-application-config; names and groups are unique
  ScalingPolicy scaling;
  friend bool operator==(const NodePolicy&, const NodePolicy&) = default;
};

}  // namespace tideline::model
