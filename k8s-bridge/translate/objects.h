#pragma once
// Kubernetes objects as JSON -> the few fields that Tideline reads of them. The JSON is anyone's who may write to the
// API server: wrong types are errors or problems, never exceptions; texts are bounded as in reports.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "k8s-bridge/translate/batch_names.h"
#include "messages/model/ids.h"
#include "messages/model/node_annotations.h"
#include "messages/model/pod.h"
#include "messages/model/pod_metadata.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::k8s {

/// Names of extended resources.
inline constexpr std::string_view kBatchCpu = "kubernetes.io/batch-cpu";  // millicores
inline constexpr std::string_view kBatchMemory = "kubernetes.io/batch-memory";
inline constexpr std::string_view kMidCpu = "kubernetes.io/mid-cpu";  // millicores
inline constexpr std::string_view kMidMemory = "kubernetes.io/mid-memory";
/// Older names of batch's, in the same units, read of pods where the ones above are not there, and written to Nodes
/// where that is asked for: Koordinator's, and ack-slo-manager's.
inline constexpr std::string_view kOlderBatchCpu = "koordinator.sh/batch-cpu";
inline constexpr std::string_view kOlderBatchMemory = "koordinator.sh/batch-memory";
inline constexpr std::string_view kReclaimedCpu = "alibabacloud.com/reclaimed-cpu";
inline constexpr std::string_view kReclaimedMemory = "alibabacloud.com/reclaimed-memory";

/// Label of a pod, beside model::kPodLabels: a PriorityClass of Koordinator's, which wins over spec.priority.
inline constexpr std::string_view kPriorityClassLabel = "koordinator.sh/priority-class";
/// Older spellings, read where the newer key is not there: values are the newer's.
inline constexpr std::string_view kOlderQosLabel = "alibabacloud.com/qos";
inline constexpr std::string_view kOlderQosAnnotation = "alibabacloud.com/qosClass";
inline constexpr std::string_view kOlderCpuBurstAnnotation = "alibabacloud.com/cpuBurst";
inline constexpr std::string_view kOlderMemoryQosAnnotation = "alibabacloud.com/memoryQOS";
/// Label that a Deployment's ReplicaSet puts on its pods; its own name ends with the value.
inline constexpr std::string_view kTemplateHashLabel = "pod-template-hash";

/// Annotation that Tideline writes: why the node's extended resources are what they are, JSON of bounded size.
inline constexpr std::string_view kAccountAnnotation = "tideline.io/reclaimed";
/// Annotations that Tideline writes as Koordinator's manager does. Batch before third parties have their part of it;
inline constexpr std::string_view kOriginAnnotation = "node.koordinator.sh/originExtendedAllocatable";
/// what a CPU of the node is worth; and how much more than there is schedulers are to see of each resource.
inline constexpr std::string_view kNormalizationAnnotation = "node.koordinator.sh/cpu-normalization-ratio";
inline constexpr std::string_view kAmplificationAnnotation = "node.koordinator.sh/resource-amplification-ratio";
/// Annotation of Koordinator's webhook, which multiplies allocatable by the ratio before: what kubelet said of it.
inline constexpr std::string_view kRawAllocatableAnnotation = "node.koordinator.sh/raw-allocatable";
/// Annotations of a Node that nodes are told.
inline constexpr std::array kNodeAnnotations{model::kReservationAnnotation, model::kThirdPartyAnnotation,
                                             model::kColocationStrategyAnnotation, model::kSystemQosAnnotation};

struct ObjectKey {
  std::string name_space;  // "" for Nodes
  std::string name;
  std::string uid;
  std::string resource_version;
  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
};

/// The extended resources as status has them; nullopt = absent or unreadable.
struct Extended {
  std::optional<model::MilliCpu> batch_cpu = {};
  std::optional<model::Bytes> batch_memory = {};
  std::optional<model::MilliCpu> mid_cpu = {};
  std::optional<model::Bytes> mid_memory = {};
  std::optional<model::MilliCpu> older_batch_cpu = {};  // kOlderBatchCpu
  std::optional<model::Bytes> older_batch_memory = {};
  std::optional<model::MilliCpu> reclaimed_cpu = {};  // kReclaimedCpu
  std::optional<model::Bytes> reclaimed_memory = {};
  friend bool operator==(const Extended&, const Extended&) = default;
};

struct NodeObject {
  ObjectKey key;
  std::map<std::string, std::string> labels;
  /// kNodeAnnotations, together within AnnotationLimits, and those that Tideline writes. One that is too long is cut:
  /// that it is there must be known, and JSON that is cut is JSON to nobody.
  std::map<std::string, std::string> annotations;
  /// Allocatable as kubelet says it: by kRawAllocatableAnnotation where that is less than the status has.
  std::optional<model::MilliCpu> cpu_capacity, cpu_allocatable;
  std::optional<model::Bytes> memory_capacity, memory_allocatable;
  Extended capacity;
  Extended allocatable;
  std::vector<std::string> problems;  // for people, bounded in count: what could not be used
  friend bool operator==(const NodeObject&, const NodeObject&) = default;
};

struct PodObject {
  ObjectKey key;
  model::NodeName node;                          // spec.nodeName; empty = not bound
  model::Pod pod;                                // as validate(Report) wants it
  std::vector<model::MetadataProblem> problems;  // bounded in count; a key may be a path: "spec.containers[0].name"
  model::WallTime created = {};                  // metadata.creationTimestamp; 0 = not known
  BatchRequests batch_requests = {};             // as the scheduler counts them: each name by itself
  friend bool operator==(const PodObject&, const PodObject&) = default;
};

struct ConfigMapObject {
  ObjectKey key;
  std::map<std::string, std::string> data;
  friend bool operator==(const ConfigMapObject&, const ConfigMapObject&) = default;
};

/// kMalformed, naming the field, where metadata.name or uid is missing or too long. What else cannot be used is a
/// problem. Labels beyond 256, in their order, and those longer than Kubernetes lets them be are left out.
model::Result<NodeObject> node_from(const nlohmann::json& object);
/// kMalformed likewise, also for the namespace and for a uid that cannot be part of a cgroup's name.
/// Requests and limits over containers as Kubernetes counts them for a pod (demand.h): init containers' largest against
/// the sum, restartable init containers (sidecars) with the sum, overhead. Listed are main containers and sidecars;
/// those beyond ReportLimits::kMaxContainers only count in the sums, and of more than 1024 nothing is known. QoS class
/// from status.qosClass, else computed. Label koordinator.sh/qosClass, else alibabacloud.com/qos, else annotation
/// alibabacloud.com/qosClass. Label koordinator.sh/priority-class: where spec.priority is not of its band, the class's
/// default value takes its place (9500, 7500, 5500, 3500). Phase Unknown counts as Running. Container ids from
/// status.containerStatuses without the runtime's prefix. Workload: the controller among ownerReferences as
/// "Kind/name", a ReplicaSet's of a Deployment (name less the pod-template-hash label) as "Deployment/name", a
/// CronJob's Job likewise left as the Job.
model::Result<PodObject> pod_from(const nlohmann::json& object);
/// kMalformed where `data` is no object of texts, kOverloaded where it is more than etcd takes. binaryData is not read.
model::Result<ConfigMapObject> config_map_from(const nlohmann::json& object);

}  // namespace tideline::k8s
