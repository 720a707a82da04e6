#pragma once
// Who may use which CPUs: CPUs bound to LSE and LSR pods, the pool LS shares, and what BE may be put on. Koordinator's
// rule (node annotations cpu-shared-pools and be-cpu-shared-pools): LS keeps off the CPUs of every bound pod, BE keeps
// off those of LSE pods only, so that LSR's idle time is lent.

#include <string>
#include <vector>

#include "messages/model/cpu_set.h"
#include "messages/model/pod.h"
#include "messages/model/topology.h"

namespace tideline::decide {

/// kubelet's --cpu-manager-policy. kStatic: kubelet writes cpuset.cpus of containers itself, of Guaranteed pods with
/// whole CPUs exclusive ones, and rewrites what it finds different.
enum class KubeletCpuManager { kNone, kStatic };

/// What is known of a node's CPUs beyond topology and pods.
struct NodeCpus {
  model::CpuSet reserved = {};  // node annotation reservation's reservedCPUs, and the cpuset of an exclusive system QoS
  KubeletCpuManager manager = KubeletCpuManager::kNone;
  model::CpuSet kubelet_exclusive = {};  // given to single containers by kubelet; read with kStatic only
  friend bool operator==(const NodeCpus&, const NodeCpus&) = default;
};

enum class Binding { kNone, kLse, kLsr };
/// LSE pods with bound CPUs are kLse, LSR and LS pods with bound CPUs kLsr. BE and SYSTEM pods are never bound: taking
/// CPUs from LS for BE on the word of one annotation is not safe, and SYSTEM pods are left alone. Pods that ended hold
/// nothing.
Binding binding_of(const model::Pod& pod);
/// The pod may have processes: Pending or Running.
bool is_live(const model::Pod& pod);

/// Of sets of online CPUs, except that all are empty where the topology is: then nothing may be taken.
struct CpuPools {
  model::CpuSet online;
  model::CpuSet lse;        // bound to LSE pods
  model::CpuSet lsr;        // bound to LSR pods and not to LSE pods
  model::CpuSet exclusive;  // kubelet's
  model::CpuSet ls;         // online - lse - lsr - reserved - exclusive
  model::CpuSet be;         // online - lse - reserved - exclusive
  int bound_pods = 0;
  /// What is wrong with the input, for people: CPUs bound twice, offline, reserved, or bound by a pod that must not. At
  /// most kMostRemarks, the rest is counted.
  std::vector<std::string> remarks;
  int more_remarks = 0;
  /// LSR's CPUs that BE may use.
  model::CpuSet lent() const { return be & lsr; }
  friend bool operator==(const CpuPools&, const CpuPools&) = default;
};
constexpr int kMostRemarks = 4;

CpuPools cpu_pools(const model::Topology& topology, const std::vector<model::Pod>& pods, const NodeCpus& node);

/// The bound CPUs of a pod that are online; all of them where the topology is empty, for then nothing is known of them.
model::CpuSet online_bound(const CpuPools& pools, const model::Pod& pod);
/// CPUs of the pod went offline, and the rest is less than it requests: bound to the rest alone it would be tighter
/// than its spec.
bool bound_too_tightly(const CpuPools& pools, const model::Pod& pod);

}  // namespace tideline::decide
