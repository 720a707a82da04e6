#pragma once
// What the coordinator wants of one node, typed. Field names follow the ConfigMap keys of Koordinator /
// ack-koordinator.

#include <optional>
#include <string_view>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::model {

/// resource-threshold-config cpuSuppressPolicy. kWorkConserving is Tideline's own.
enum class SuppressPolicy { kCpuset, kCfsQuota, kWorkConserving };
std::string_view name_of(SuppressPolicy policy);  // "cpuset", "cfsQuota", "workConserving"
std::optional<SuppressPolicy> suppress_policy_from(std::string_view text);

/// resource-threshold-config, the fields that act on CPU suppress. Percentages 0..100.
struct ThresholdPolicy {
  bool enable = false;
  int cpu_suppress_threshold_percent = 65;
  std::optional<int> cpu_suppress_min_percent;
  SuppressPolicy cpu_suppress_policy = SuppressPolicy::kCpuset;
  friend bool operator==(const ThresholdPolicy&, const ThresholdPolicy&) = default;
};

/// resource-qos-config cpuQOS of one class, as far as nodes act on it today.
struct CpuQosPolicy {
  bool enable = false;
  int group_identity = 0;  // -1..2
  int sched_idle = 0;      // 0/1
  friend bool operator==(const CpuQosPolicy&, const CpuQosPolicy&) = default;
};

struct QosPolicy {
  CpuQosPolicy lsr{.enable = false, .group_identity = 2, .sched_idle = 0};
  CpuQosPolicy ls{.enable = false, .group_identity = 2, .sched_idle = 0};
  CpuQosPolicy be{.enable = false, .group_identity = -1, .sched_idle = 0};
  friend bool operator==(const QosPolicy&, const QosPolicy&) = default;
};

/// colocation-config, effective for one node: how reclaimed capacity is computed.
struct ColocationPolicy {
  bool enable = false;
  int cpu_reclaim_threshold_percent = 60;     // >= 0, may exceed 100
  int memory_reclaim_threshold_percent = 65;  // >= 0
  int degrade_time_minutes = 15;              // >= 1
  int metric_aggregate_duration_seconds = 300;
  int metric_report_interval_seconds = 60;
  double resource_diff_threshold = 0.1;  // (0,1]
  std::optional<int> batch_cpu_threshold_percent;
  std::optional<int> batch_memory_threshold_percent;
  friend bool operator==(const ColocationPolicy&, const ColocationPolicy&) = default;
};

/// The effective policy of one node.
struct NodePolicy {
  PolicyVersion version;
  Epoch epoch;
  ColocationPolicy colocation;
  ThresholdPolicy threshold;
  QosPolicy qos;
  friend bool operator==(const NodePolicy&, const NodePolicy&) = default;
};

}  // namespace tideline::model
