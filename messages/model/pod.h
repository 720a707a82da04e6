#pragma once
// A pod as the node and the ledger need it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::model {

/// Label koordinator.sh/qosClass.
enum class QosClass { kLse, kLsr, kLs, kBe, kSystem };
/// The class the kubelet computes; it decides the cgroup's place in the tree.
enum class KubeQos { kGuaranteed, kBurstable, kBestEffort };
/// Band of spec.priority: prod 9000-9999, mid 7000-7999, batch 5000-5999, free 3000-3999.
enum class Tier { kProd, kMid, kBatch, kFree };
enum class PodPhase { kPending, kRunning, kSucceeded, kFailed };

std::string_view name_of(QosClass qos);    // "LSE" ...
std::string_view name_of(KubeQos qos);     // "Guaranteed" ...
std::string_view name_of(Tier tier);       // "prod" ...
std::string_view name_of(PodPhase phase);  // "Pending" ...
std::optional<QosClass> qos_class_from(std::string_view text);
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

struct Container {
  std::string name;
  std::string id;  // container id as in the cgroup's name, without a runtime prefix
  friend bool operator==(const Container&, const Container&) = default;
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
  std::vector<Container> containers;
  friend bool operator==(const Pod&, const Pod&) = default;
};

/// Koordinator's default without the label: Guaranteed -> LSR, Burstable -> LS, BestEffort -> BE.
QosClass default_qos(KubeQos qos);
/// Tier by spec.priority's band, else by QoS (BE -> batch, all others -> prod).
Tier tier_of(std::optional<int> priority, QosClass qos);

}  // namespace tideline::model
