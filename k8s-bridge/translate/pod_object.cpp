#include <utility>

#include "k8s-bridge/translate/containers.h"
#include "k8s-bridge/translate/demand.h"
#include "k8s-bridge/translate/fields.h"
#include "k8s-bridge/translate/objects.h"
#include "k8s-bridge/translate/pod_keys.h"
#include "k8s-bridge/translate/workload.h"
#include "messages/model/json_text.h"
#include "messages/model/report.h"
#include "messages/model/rfc3339.h"

namespace tideline::k8s {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

model::PodPhase phase_of(const Fields& status, Problems& problems) {
  if (status.find("phase") == nullptr) return model::PodPhase::kPending;
  const auto text = status.text("phase", kMaxNameBytes);
  if (!text || *text == "Unknown") return model::PodPhase::kRunning;
  if (text->empty()) return model::PodPhase::kPending;
  if (const auto phase = model::pod_phase_from(*text)) return *phase;
  problems.add(status.path("phase"), *text,
               "want Pending, Running, Succeeded, Failed or Unknown; it counts as Running");
  return model::PodPhase::kRunning;
}

model::KubeQos kube_qos_in(const Fields& status, model::KubeQos computed, Problems& problems) {
  const auto text = status.text("qosClass", kMaxNameBytes);
  if (!text || text->empty()) return computed;
  if (const auto known = model::kube_qos_from(*text)) return *known;
  problems.add(
      status.path("qosClass"), *text,
      fmt::format("want Guaranteed, Burstable or BestEffort; it is {} by its containers", model::name_of(computed)));
  return computed;
}

model::WallTime created_at(const Fields& metadata) {
  const auto text = metadata.text("creationTimestamp", kMaxNameBytes);
  if (!text) return {};
  return model::parse_rfc3339(*text).value_or(model::WallTime{});
}

/// Main containers, then sidecars, as many as a report takes.
std::vector<model::Container> listed(std::vector<Part> parts, Problems& problems) {
  constexpr std::size_t kMost = model::ReportLimits::kMaxContainers;
  std::vector<model::Container> containers;
  std::size_t left_out = 0;
  for (const Role role : {Role::kMain, Role::kSidecar}) {
    for (Part& part : parts) {
      if (part.role != role) continue;
      if (containers.size() < kMost) {
        containers.push_back(std::move(part.container));
      } else {
        ++left_out;
      }
    }
  }
  if (left_out > 0) {
    problems.add("spec.containers", fmt::format("{} containers", kMost + left_out),
                 fmt::format("limit {}: the others count in the pod's sums alone", kMost));
  }
  // There are tens of thousands of pods, and each keeps its list.
  containers.shrink_to_fit();
  return containers;
}

/// Labels and annotations, which look at the containers and may add to what they ask for in batch resources.
void apply_keys_to(std::vector<Part>& parts, const Fields& metadata, Problems& problems, model::Pod& pod) {
  for (const Part& part : parts) {
    if (part.role != Role::kInit) pod.containers.push_back(part.container);
  }
  apply_keys(metadata, problems, pod);
  auto container = pod.containers.begin();
  for (Part& part : parts) {
    if (part.role == Role::kInit) continue;
    part.container = std::move(*container++);
    complete_requests(part.container.requests, part.container.limits);
  }
  pod.containers.clear();
}

}  // namespace

Result<PodObject> pod_from(const json& object) {
  auto key = key_from(object, true);
  if (!key) return key.error();
  if (!model::is_path_part(key->uid)) {
    return Error(ErrorCode::kMalformed, fmt::format("metadata.uid is \"{}\", which cannot be part of a cgroup's name",
                                                    model::printable(key->uid, kMaxNameBytes)))
        .in(model::printable(fmt::format("{}/{}", key->name_space, key->name), 2 * kMaxNameBytes));
  }
  PodObject out;
  out.key = *std::move(key);
  Problems problems;
  const Fields top(&object, "", problems);
  const Fields metadata = top.fields("metadata");
  const Fields spec = top.fields("spec");
  const Fields status = top.fields("status");

  auto parts = parts_of(spec, status, problems);
  const Asked of_pod = asked_in(spec.fields("resources"), problems);
  Asked overhead;
  const json* over = spec.object("overhead");
  read_resource_list(over, spec.path("overhead"), overhead.requests, overhead.mid, problems);
  overhead.batch = batch_by_name_in(over);

  model::Pod& pod = out.pod;
  pod.uid = model::PodUid(out.key.uid);
  // A static pod's cgroup has the name that kubelet gave it; the object is a mirror with another.
  const auto own = metadata.fields("annotations").text("kubernetes.io/config.mirror", kMaxNameBytes);
  if (own && !own->empty() && model::is_path_part(*own)) pod.uid = model::PodUid(*own);
  pod.name_space = out.key.name_space;
  pod.name = out.key.name;
  pod.kube_qos = kube_qos_in(status, kube_qos_of(parts, of_pod), problems);
  pod.qos = model::default_qos(pod.kube_qos);
  pod.phase = phase_of(status, problems);
  pod.priority = spec.integer("priority");
  pod.workload = workload_of(metadata, problems);
  pod.eviction.terminating = metadata.text("deletionTimestamp", kMaxNameBytes).has_value();
  pod.mid_requests = mid_demand_of(parts, of_pod, overhead, problems);
  out.batch_requests = batch_requests_of(parts, of_pod, overhead);
  apply_keys_to(parts, metadata, problems, pod);
  set_demand(parts, of_pod, overhead, problems, pod);
  pod.containers = listed(std::move(parts), problems);

  out.node = model::NodeName(spec.text("nodeName", kMaxNameBytes).value_or(""));
  out.created = created_at(metadata);
  out.problems = std::move(problems).take();
  return out;
}

}  // namespace tideline::k8s
