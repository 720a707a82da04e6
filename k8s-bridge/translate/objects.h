#pragma once
// Kubernetes objects as JSON -> the few fields that Tideline reads of them. The JSON is anyone's who may write to the API
// server: wrong types are errors or problems, never exceptions; texts are bounded as in reports.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/pod_metadata.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::k8s {

/// Names of extended resources. alibabacloud.com/reclaimed-* and koordinator.sh/batch-* are read as batch-* of pods.
inline constexpr std::string_view kBatchCpu = "kubernetes.io/batch-cpu";  // millicores
inline constexpr std::string_view kBatchMemory = "kubernetes.io/batch-memory";
inline constexpr std::string_view kMidCpu = "kubernetes.io/mid-cpu";  // millicores
inline constexpr std::string_view kMidMemory = "kubernetes.io/mid-memory";
/// Annotation that Tideline writes: why the node's extended resources are what they are, JSON of bounded size.
inline constexpr std::string_view kAccountAnnotation = "tideline.io/reclaimed";

struct ObjectKey {
  std::string name_space;  // "" for Nodes
  std::string name;
  std::string uid;
  std::string resource_version;
  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
};

/// The four extended resources as status has them; nullopt = absent or unreadable.
struct Extended {
  std::optional<model::MilliCpu> batch_cpu;
  std::optional<model::Bytes> batch_memory;
  std::optional<model::MilliCpu> mid_cpu;
  std::optional<model::Bytes> mid_memory;
  friend bool operator==(const Extended&, const Extended&) = default;
};

struct NodeObject {
  ObjectKey key;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;  // those that Tideline reads or writes, see objects.cpp
  std::optional<model::MilliCpu> cpu_capacity, cpu_allocatable;
  std::optional<model::Bytes> memory_capacity, memory_allocatable;
  Extended capacity;
  Extended allocatable;
  std::vector<std::string> problems;  // for people, bounded in count: what could not be used
  friend bool operator==(const NodeObject&, const NodeObject&) = default;
};

struct PodObject {
  ObjectKey key;
  model::NodeName node;  // spec.nodeName; empty = not bound
  model::Pod pod;
  std::vector<model::MetadataProblem> problems;
  friend bool operator==(const PodObject&, const PodObject&) = default;
};

struct ConfigMapObject {
  ObjectKey key;
  std::map<std::string, std::string> data;
  friend bool operator==(const ConfigMapObject&, const ConfigMapObject&) = default;
};

/// kMalformed, naming the field, where metadata.name or uid is missing or too long. What else cannot be used is a problem.
model::Result<NodeObject> node_from(const nlohmann::json& object);
/// Requests and limits over containers as Kubernetes counts them for a pod: init containers' largest against the sum,
/// restartable init containers (sidecars) with the sum, overhead. QoS class from status.qosClass, else computed. Label
/// koordinator.sh/qosClass, else alibabacloud.com/qos (aliyun's older spelling: values LSE…BE and guaranteed, burstable,
/// best-effort as documented there). Phase Unknown counts as Running. Container ids from status.containerStatuses without
/// the runtime's prefix. Workload: the controller among ownerReferences as "Kind/name", a ReplicaSet's of a Deployment
/// (name less the pod-template-hash label) as "Deployment/name", a CronJob's Job likewise left as the Job.
model::Result<PodObject> pod_from(const nlohmann::json& object);
model::Result<ConfigMapObject> config_map_from(const nlohmann::json& object);

}  // namespace tideline::k8s
