#pragma once
// Hosts and pods for the cpuset tests. In hwloc's synthetic hosts the SMT siblings are neighbours: 0 and 1, 2 and 3 ...

#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "messages/model/pod.h"
#include "node-actor/decide/cpu_pick.h"
#include "node-actor/decide/cpu_pools.h"
#include "node-actor/kernel/topology.h"

namespace tideline::decide::test {

using model::CpuSet;
using model::Topology;

inline constexpr const char* kTinyHost = "Package:1 [NUMANode] L3:1 Core:2 PU:1";
/// Koordinator's worked host: 32 CPUs, 2 NUMA nodes of 8 cores.
inline constexpr const char* kWorkedTopology = "Package:2 [NUMANode] L3:1 Core:8 PU:2";
inline constexpr const char* kHost104 = "Package:2 [NUMANode] L3:1 Core:26 PU:2";
/// 384 CPUs in 24 cache domains.
inline constexpr const char* kLargeHost = "Package:2 [NUMANode] L3:12 Core:8 PU:2";
inline constexpr const char* kNoSmtHost = "Package:1 [NUMANode] L3:2 Core:4 PU:1";
inline constexpr const char* kHosts[] = {kTinyHost, kWorkedTopology, kHost104, kLargeHost, kNoSmtHost};

inline Topology host_of(const char* description) {
  auto found = kernel::topology_from_synthetic(description);
  EXPECT_TRUE(found.ok()) << found.error().message();
  return found.ok() ? *found : Topology{};
}

inline Topology without(Topology topology, const CpuSet& offline) {
  std::erase_if(topology.cpus, [&](const Topology::Cpu& cpu) { return offline.contains(cpu.id); });
  return topology;
}

inline CpuSet cpus(const std::string& text) {
  auto parsed = CpuSet::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : CpuSet{};
}

inline CpuSet all_of(const Topology& topology) {
  std::vector<int> ids;
  for (const auto& cpu : topology.cpus)
    ids.push_back(cpu.id);
  return CpuSet(ids);
}

/// Number of different values of `member` among the CPUs of `set`.
inline int spread(const Topology& topology, const CpuSet& set, int Topology::Cpu::*member) {
  std::set<int> values;
  for (const auto& cpu : topology.cpus) {
    if (set.contains(cpu.id)) values.insert(cpu.*member);
  }
  return static_cast<int>(values.size());
}

/// CPUs that are in one set and not in both.
inline int changed(const CpuSet& a, const CpuSet& b) {
  return (a - b).size() + (b - a).size();
}

inline model::Pod pod_of(const std::string& uid, model::QosClass qos, const CpuSet& bound = {},
                         model::KubeQos kube_qos = model::KubeQos::kBurstable) {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.qos = qos;
  pod.kube_qos = qos == model::QosClass::kBe ? model::KubeQos::kBestEffort : kube_qos;
  pod.bound_cpus = bound;
  pod.containers.push_back({.name = "main", .id = uid + "-c", .requests = {}, .limits = {}});
  return pod;
}

}  // namespace tideline::decide::test
