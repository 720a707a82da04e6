#pragma once
// A pod as the node and the ledger need it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/model/cpu_set.h"
#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/qos.h"
#include "messages/model/units.h"

namespace tideline::model {

/// The class the kubelet computes; it decides the cgroup's place in the tree.
enum class KubeQos { kGuaranteed, kBurstable, kBestEffort };
enum class PodPhase { kPending, kRunning, kSucceeded, kFailed };

std::string_view name_of(KubeQos qos);     // "Guaranteed" ...
std::string_view name_of(PodPhase phase);  // "Pending" ...
std::optional<KubeQos> kube_qos_from(std::string_view text);
std::optional<PodPhase> pod_phase_from(std::string_view text);

/// What a pod asks for. Absent = not asked for. Batch pods ask in kubernetes.io/batch-cpu and batch-memory.
struct Resources {
  std::optional<MilliCpu> cpu;
  std::optional<Bytes> memory;
  std::optional<MilliCpu> batch_cpu;
  std::optional<Bytes> batch_memory;
  friend bool operator==(const Resources&, const Resources&) = default;
};

/// What a mid pod asks of kubernetes.io/mid-cpu and mid-memory, over all its containers. Not a part of Resources, of
/// which a report holds hundreds: only the ledger wants it.
struct MidRequests {
  std::optional<MilliCpu> cpu;
  std::optional<Bytes> memory;
  friend bool operator==(const MidRequests&, const MidRequests&) = default;
};

struct Container {
  std::string name;
  std::string id;  // container id as in the cgroup's name, without a runtime prefix
  Resources requests;
  Resources limits;
  friend bool operator==(const Container&, const Container&) = default;
};

/// Annotation koordinator.sh/cpuBurst: fields of CpuBurstPolicy that this pod has its own way. Absent = the node's.
struct CpuBurstOverride {
  std::optional<BurstPolicy> policy;
  std::optional<int> cpu_burst_percent;
  std::optional<int> cfs_quota_burst_percent;
  std::optional<int> cfs_quota_burst_period_seconds;
  std::optional<int> share_pool_threshold_percent;
  friend bool operator==(const CpuBurstOverride&, const CpuBurstOverride&) = default;
};

/// Annotation koordinator.sh/cpuQOS; honoured for LS pods.
struct CpuQosOverride {
  bool enable = false;
  std::optional<int> group_identity;  // -1..2
  friend bool operator==(const CpuQosOverride&, const CpuQosOverride&) = default;
};

/// Annotation koordinator.sh/memoryQOS: fields of MemoryQosPolicy that this pod has its own way. Absent = the class's.
struct MemoryQosOverride {
  /// kNone: nothing is set for this pod. kAuto: Koordinator's built-in values of its class, whatever the policy says.
  /// kDefault: the policy's.
  enum class Policy : std::uint8_t { kDefault = 0, kNone = 1, kAuto = 2 } policy = Policy::kDefault;
  std::optional<int> min_limit_percent;
  std::optional<int> low_limit_percent;
  std::optional<int> throttling_percent;
  std::optional<int> wmark_ratio;
  std::optional<int> wmark_scale_permill;
  std::optional<int> wmark_min_adj;
  std::optional<bool> priority_enable;
  std::optional<int> priority;
  std::optional<bool> oom_kill_group;
  std::optional<bool> page_cache_enable;
  std::optional<int> page_cache_limit_percent;
  std::optional<Bytes> page_cache_limit_size;
  std::optional<bool> page_cache_reclaim_sync;
  friend bool operator==(const MemoryQosOverride&, const MemoryQosOverride&) = default;
};
std::string_view name_of(MemoryQosOverride::Policy policy);  // "default", "none", "auto"; "" is read as default
std::optional<MemoryQosOverride::Policy> memory_qos_override_from(std::string_view text);

/// Label koordinator.sh/core-sched-policy: with whom a pod shares a core under cpuPolicy coreSched.
enum class CoreSchedPolicy { kGroup, kNone, kExclusive };
std::string_view name_of(CoreSchedPolicy policy);  // "", "none", "exclusive", as in the label
std::optional<CoreSchedPolicy> core_sched_policy_from(std::string_view text);

/// Labels koordinator.sh/core-sched-group-id and core-sched-policy.
struct CoreSchedLabels {
  std::string group_id;  // "": the group of all pods that name none
  CoreSchedPolicy policy = CoreSchedPolicy::kGroup;
  friend bool operator==(const CoreSchedLabels&, const CoreSchedLabels&) = default;
};

/// What decides whether and when a pod is evicted.
struct Evictability {
  bool enabled = false;             // label koordinator.sh/eviction-enabled is "true"
  int priority = 0;                 // annotation koordinator.sh/eviction-priority; lower goes first
  std::optional<int> sub_priority;  // label koordinator.sh/priority
  bool terminating = false;         // has a deletion timestamp
  /// Annotation koordinator.sh/eviction-policy: Koordinator's names of the features that may evict it ("BECPUEvict"
  /// ...). Absent: all may; a text that does not parse is an empty list, and none may.
  std::optional<std::vector<std::string>> allowed_by;
  friend bool operator==(const Evictability&, const Evictability&) = default;
};

struct Pod {
  PodUid uid;
  std::string name_space;
  std::string name;
  QosClass qos = QosClass::kLs;  // default_qos(kube_qos) where the pod has no label
  KubeQos kube_qos = KubeQos::kBurstable;
  PodPhase phase = PodPhase::kRunning;
  std::optional<int> priority;  // spec.priority
  std::string workload;         // owner as "kind/name"; empty = none
  Resources requests;
  Resources limits;
  MidRequests mid_requests;
  std::vector<Container> containers;
  std::optional<CpuBurstOverride> cpu_burst;
  std::optional<CpuQosOverride> cpu_qos;
  std::optional<MemoryQosOverride> memory_qos{};
  /// Annotation scheduling.koordinator.sh/resource-status: the CPUs the scheduler bound this pod to; empty = not bound.
  CpuSet bound_cpus;
  Evictability eviction;
  CoreSchedLabels core_sched;
  friend bool operator==(const Pod&, const Pod&) = default;
};

/// A pod as reports tell of it again and again: never changes, and copies share it, also between threads. A default one
/// is a default Pod.
class SharedPod {
 public:
  SharedPod() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): any Pod may be told of. What is made of equal ones is not shared.
  SharedPod(Pod pod) : pod_(std::make_shared<const Pod>(std::move(pod))) {}

  const Pod& operator*() const {
    if (pod_) return *pod_;
    static const Pod kNone{};
    return kNone;
  }
  const Pod* operator->() const { return &**this; }
  /// Puts another in this one's place, as `edit` makes it of a copy. Those that share it keep what they have.
  template <class Edit>
  void change(Edit edit) {
    Pod pod = **this;
    edit(pod);
    *this = SharedPod(std::move(pod));
  }
  friend bool operator==(const SharedPod& a, const SharedPod& b) { return a.pod_ == b.pod_ || *a == *b; }

 private:
  std::shared_ptr<const Pod> pod_;
};
using SharedPods = std::vector<SharedPod>;

/// Whether a uid or a container's id can be a part of a cgroup's name: no slash, no NUL, and neither "." nor "..".
bool is_path_part(std::string_view text);

/// Koordinator's default without the label: Guaranteed -> LSR, Burstable -> LS, BestEffort -> BE.
QosClass default_qos(KubeQos qos);

}  // namespace tideline::model
