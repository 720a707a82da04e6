#include "node-actor/decide/cpu_pools.h"

#include <map>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::CpuSet;
using model::Pod;

void remark(CpuPools& pools, std::string text) {
  if (static_cast<int>(pools.remarks.size()) < kMostRemarks) {
    pools.remarks.push_back(std::move(text));
  } else {
    ++pools.more_remarks;
  }
}

/// Whatever is odd about the CPUs of one bound pod, in words.
void remark_on(CpuPools& pools, const Pod& pod, const NodeCpus& node, std::map<int, const Pod*>& owners) {
  const auto& uid = pod.uid.str();
  if (const CpuSet offline = pod.bound_cpus - pools.online; !pools.online.empty() && !offline.empty()) {
    remark(pools, fmt::format("pod {}: CPUs {} of {} are offline", uid, offline.text(), pod.bound_cpus.text()));
  }
  if (const CpuSet reserved = pod.bound_cpus & (node.reserved | pools.exclusive); !reserved.empty()) {
    remark(pools, fmt::format("pod {}: CPUs {} are reserved or kubelet's", uid, reserved.text()));
  }
  std::vector<int> twice;
  const Pod* other = nullptr;
  for (const int cpu : pod.bound_cpus.cpus()) {
    const auto [owner, first] = owners.try_emplace(cpu, &pod);
    if (first) continue;
    twice.push_back(cpu);
    other = owner->second;
  }
  if (other != nullptr) {
    remark(pools, fmt::format("CPUs {} are bound to pod {} and to pod {}", CpuSet(std::move(twice)).text(),
                              other->uid.str(), uid));
  }
}

}  // namespace

bool is_live(const Pod& pod) {
  return pod.phase == model::PodPhase::kRunning || pod.phase == model::PodPhase::kPending;
}

Binding binding_of(const Pod& pod) {
  if (pod.bound_cpus.empty() || !is_live(pod)) return Binding::kNone;
  switch (pod.qos) {
    case model::QosClass::kLse:
      return Binding::kLse;
    case model::QosClass::kLsr:
    case model::QosClass::kLs:
      return Binding::kLsr;
    case model::QosClass::kBe:
    case model::QosClass::kSystem:
      break;
  }
  return Binding::kNone;
}

CpuPools cpu_pools(const model::Topology& topology, const std::vector<Pod>& pods, const NodeCpus& node) {
  CpuPools pools;
  std::vector<int> ids;
  ids.reserve(topology.cpus.size());
  for (const auto& cpu : topology.cpus)
    ids.push_back(cpu.id);
  pools.online = CpuSet(std::move(ids));
  if (node.manager == KubeletCpuManager::kStatic) pools.exclusive = node.kubelet_exclusive & pools.online;

  std::map<int, const Pod*> owners;
  for (const auto& pod : pods) {
    const auto binding = binding_of(pod);
    if (binding == Binding::kNone) {
      if (!pod.bound_cpus.empty() && is_live(pod)) {
        remark(pools, fmt::format("pod {} is {}: its bound CPUs {} are ignored", pod.uid.str(), name_of(pod.qos),
                                  pod.bound_cpus.text()));
      }
      continue;
    }
    ++pools.bound_pods;
    auto& bound = binding == Binding::kLse ? pools.lse : pools.lsr;
    bound = bound | (pod.bound_cpus & pools.online);
    remark_on(pools, pod, node, owners);
  }
  pools.lsr = pools.lsr - pools.lse;
  pools.be = pools.online - pools.lse - node.reserved - pools.exclusive;
  pools.ls = pools.be - pools.lsr;
  return pools;
}

CpuSet online_bound(const CpuPools& pools, const Pod& pod) {
  return pools.online.empty() ? pod.bound_cpus : pod.bound_cpus & pools.online;
}

bool bound_too_tightly(const CpuPools& pools, const Pod& pod) {
  const int left = online_bound(pools, pod).size();
  if (left == pod.bound_cpus.size()) return false;
  return left == 0 || (pod.requests.cpu && pod.requests.cpu->value() > std::int64_t{1000} * left);
}

}  // namespace tideline::decide
