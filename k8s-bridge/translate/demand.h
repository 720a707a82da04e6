#pragma once
// What a pod asks for, out of its containers, as Kubernetes counts it.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "k8s-bridge/translate/batch_names.h"
#include "k8s-bridge/translate/fields.h"
#include "messages/model/pod.h"

namespace tideline::k8s {

/// Of batch by each of its names; nullopt: the name is not there, or cannot be read.
struct BatchByName {
  std::array<std::optional<model::MilliCpu>, kBatchNames> cpu = {};
  std::array<std::optional<model::Bytes>, kBatchNames> memory = {};
  friend bool operator==(const BatchByName&, const BatchByName&) = default;
};

/// `resources` of a container or a pod, or overhead, of which limits are none.
struct Asked {
  model::Resources requests;
  model::Resources limits;
  model::MidRequests mid;
  BatchByName batch = {};  // requests
  friend bool operator==(const Asked&, const Asked&) = default;
};

/// An object with `requests` and `limits`, completed. A limit of 0 CPUs or bytes is none.
Asked asked_in(const Fields& resources, Problems& problems);
/// One ResourceList. Of batch the older names are taken where the new one is not there.
void read_resource_list(const nlohmann::json* list, std::string_view path, model::Resources& resources,
                        model::MidRequests& mid, Problems& problems);

/// Of one ResourceList. What is wrong with it read_resource_list() says.
BatchByName batch_by_name_in(const nlohmann::json* list);

/// kSidecar: an init container that goes on running beside the main ones.
enum class Role : std::uint8_t { kInit, kSidecar, kMain };

struct Part {
  Role role = Role::kMain;
  model::Container container;
  model::MidRequests mid;
  BatchByName batch = {};  // requests
};

/// Kubernetes' own default, which the API server has filled in as a rule: what is not asked for is as the limit.
void complete_requests(model::Resources& requests, const model::Resources& limits);

/// Fills the pod's own requests and limits. Requests: the main containers and sidecars together, or an init container
/// and the sidecars begun before it, whichever is more; and the overhead. Limits likewise, where each container has
/// one: one without makes the pod unlimited. What the pod itself asks for (`of_pod`) takes the place of its containers'
/// sum. Init containers and sidecars come in the order of their start. A sum above what any host has is a problem, and
/// counts as that much.
void set_demand(const std::vector<Part>& parts, const Asked& of_pod, const Asked& overhead, Problems& problems,
                model::Pod& pod);
/// The same of mid-cpu and mid-memory.
model::MidRequests mid_demand_of(const std::vector<Part>& parts, const Asked& of_pod, const Asked& overhead,
                                 Problems& problems);
/// The same of batch by each name, whichever of them set_demand() takes: what its container lists say, no annotation.
BatchRequests batch_requests_of(const std::vector<Part>& parts, const Asked& of_pod, const Asked& overhead);

/// As kubelet computes it.
model::KubeQos kube_qos_of(const std::vector<Part>& parts, const Asked& of_pod);

}  // namespace tideline::k8s
