#include "node-actor/actor/pods_file.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/pod_resources.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"
#include "messages/model/rfc3339.h"
#include "node-actor/actor/json_fields.h"
#include "node-actor/actor/pods_room.h"

namespace tideline::node {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

model::Resources parse_resources(JsonFields& of, std::string_view key, model::MidRequests& mid) {
  model::Resources resources;
  const json* value = of.find(key);
  if (value == nullptr) return resources;
  JsonFields fields(*value, of.path(key), of.problem());
  fields.only({"cpu", "memory", "kubernetes.io/batch-cpu", "kubernetes.io/batch-memory", "kubernetes.io/mid-cpu",
               "kubernetes.io/mid-memory"});
  using Limits = model::ReportLimits;
  resources.cpu = fields.quantity("cpu", model::parse_cpu, Limits::kMaxMilliCpu);
  resources.memory = fields.quantity("memory", model::parse_bytes, Limits::kMaxMemoryBytes);
  resources.batch_cpu = fields.quantity("kubernetes.io/batch-cpu", model::parse_batch_cpu, Limits::kMaxMilliCpu);
  resources.batch_memory = fields.quantity("kubernetes.io/batch-memory", model::parse_bytes, Limits::kMaxMemoryBytes);
  mid.cpu = fields.quantity("kubernetes.io/mid-cpu", model::parse_batch_cpu, Limits::kMaxMilliCpu);
  mid.memory = fields.quantity("kubernetes.io/mid-memory", model::parse_bytes, Limits::kMaxMemoryBytes);
  return resources;
}

void check_path_part(JsonFields& fields, std::string_view key, const std::string& value) {
  if (!model::is_path_part(value)) fields.fail(key, fmt::format("\"{}\" cannot be part of a cgroup's name", value));
}

std::vector<model::Container> parse_containers(JsonFields& pod, model::MidRequests& mid_requests) {
  std::vector<model::Container> parsed;
  const json* containers = pod.find("containers");
  if (containers == nullptr) return parsed;
  if (!containers->is_array()) {
    pod.fail("containers", "want a list");
    return parsed;
  }
  if (containers->size() > model::ReportLimits::kMaxContainers) {
    pod.fail("containers",
             fmt::format("{} containers, limit {}", containers->size(), model::ReportLimits::kMaxContainers));
    return parsed;
  }
  for (std::size_t i = 0; i < containers->size(); ++i) {
    JsonFields container((*containers)[i], pod.path(fmt::format("containers[{}]", i)), pod.problem());
    container.only({"name", "id", "requests", "limits"});
    model::MidRequests asked;
    model::MidRequests limit;  // Kubernetes: what is not asked for is as the limit
    parsed.push_back({.name = container.text("name", true),
                      .id = container.text("id", true),
                      .requests = parse_resources(container, "requests", asked),
                      .limits = parse_resources(container, "limits", limit)});
    model::complete(asked, limit);
    model::add(mid_requests, asked);
    check_path_part(container, "id", parsed.back().id);
  }
  return parsed;
}

/// `labels` or `annotations`. A value that is no text is a problem of that key alone.
std::map<std::string, std::string, std::less<>> parse_texts(JsonFields& pod, std::string_view key,
                                                            std::vector<model::MetadataProblem>& problems) {
  std::map<std::string, std::string, std::less<>> texts;
  const json* object = pod.find(key);
  if (object == nullptr) return texts;
  if (!object->is_object()) {
    pod.fail(key, fmt::format("want an object of texts, got {}", object->type_name()));
    return texts;
  }
  for (const auto& [name, value] : object->items()) {
    if (value.is_string()) {
      texts.emplace(name, value.get<std::string>());
    } else if (problems.size() < PodsFile::kMaxProblems) {
      problems.push_back(
          model::metadata_problem(name, value.type_name(), "want text, as in Kubernetes; it is ignored"));
    }
  }
  return texts;
}

/// Somebody ends the pod, whenever that is to be done.
bool is_terminating(JsonFields& pod) {
  constexpr std::string_view kField = "deletionTimestamp";
  if (pod.find(kField) == nullptr) return false;
  const auto text = pod.text(kField, true);
  if (!model::parse_rfc3339(text)) {
    pod.fail(kField, fmt::format("\"{}\" is no time as in RFC 3339, such as 2026-11-30T12:00:00Z", text));
  }
  return true;
}

void check_sums(JsonFields& fields, std::string_view key, const model::Resources& sums, const model::MidRequests& mid) {
  using Limits = model::ReportLimits;
  for (const auto& cpu : {sums.cpu, sums.batch_cpu, mid.cpu}) {
    if (cpu && cpu->value() > Limits::kMaxMilliCpu) {
      fields.fail(key,
                  fmt::format("the containers' sum is {} millicores, limit {}", cpu->value(), Limits::kMaxMilliCpu));
    }
  }
  for (const auto& memory : {sums.memory, sums.batch_memory, mid.memory}) {
    if (memory && memory->value() > Limits::kMaxMemoryBytes) {
      fields.fail(key,
                  fmt::format("the containers' sum is {} bytes, limit {}", memory->value(), Limits::kMaxMemoryBytes));
    }
  }
}

model::Pod parse_pod(const json& entry, const std::string& path, std::optional<Error>& problem, PodsFile& file) {
  JsonFields fields(entry, path, problem);
  fields.only({"uid", "namespace", "name", "qosClass", "kubeQosClass", "priority", "phase", "workload",
               "deletionTimestamp", "requests", "limits", "containers", "labels", "annotations"});
  model::Pod pod;
  pod.uid = model::PodUid(fields.text("uid", true));
  check_path_part(fields, "uid", pod.uid.str());
  pod.name_space = fields.text("namespace", true);
  pod.name = fields.text("name", true);
  if (fields.find("kubeQosClass") == nullptr) fields.fail("kubeQosClass", "missing");
  pod.kube_qos = fields.choice("kubeQosClass", model::kube_qos_from, "Guaranteed, Burstable, BestEffort")
                     .value_or(model::KubeQos::kBurstable);
  const auto qos = fields.choice("qosClass", model::qos_class_from, "LSE, LSR, LS, BE, SYSTEM");
  pod.qos = qos.value_or(model::default_qos(pod.kube_qos));
  pod.phase = fields.choice("phase", model::pod_phase_from, "Pending, Running, Succeeded, Failed")
                  .value_or(model::PodPhase::kRunning);
  pod.priority = fields.integer("priority");
  pod.workload = fields.text("workload", false);
  pod.eviction.terminating = is_terminating(fields);
  model::MidRequests mid_limits;
  model::MidRequests of_containers;
  pod.requests = parse_resources(fields, "requests", pod.mid_requests);
  pod.limits = parse_resources(fields, "limits", mid_limits);
  pod.containers = parse_containers(fields, of_containers);
  model::complete(pod.mid_requests, mid_limits);
  model::complete(pod.mid_requests, of_containers);

  std::vector<model::MetadataProblem> problems;
  model::PodMetadata metadata;
  metadata.labels = parse_texts(fields, "labels", problems);
  metadata.annotations = parse_texts(fields, "annotations", problems);
  for (auto& bad : model::apply_metadata(metadata, pod))
    problems.push_back(std::move(bad));
  if (qos && pod.qos != *qos) {
    fields.fail("qosClass", fmt::format("\"{}\", and the label {} says \"{}\"", model::name_of(*qos),
                                        model::kQosClassLabel, model::name_of(pod.qos)));
  }
  for (auto& bad : problems) {
    if (file.problems.size() == PodsFile::kMaxProblems) break;
    file.problems.push_back({fmt::format("{}/{}", pod.name_space, pod.name), std::move(bad)});
  }
  model::complete_resources(pod);
  check_sums(fields, "requests", pod.requests, pod.mid_requests);
  check_sums(fields, "limits", pod.limits, {});
  return pod;
}

}  // namespace

std::string text_of(const PodProblem& problem) {
  const auto& [key, value, why] = problem.problem;
  return fmt::format("pod {}: {} is '{}': {}", problem.pod, key, value, why);
}

Result<PodsFile> parse_pods_file(std::string_view text, std::string_view source) {
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& problem) {
    return Error(ErrorCode::kMalformed, fmt::format("{}: not JSON: {}", source, problem.what()));
  }
  std::optional<Error> problem;
  JsonFields top(document, std::string(source), problem);
  top.only({"pods"});
  const json* list = top.find("pods");
  if (list == nullptr || !list->is_array()) {
    top.fail("pods", "want a list of pods");
    return *problem;
  }
  if (list->size() > model::ReportLimits::kMaxPods) {
    top.fail("pods", fmt::format("{} pods, limit {}", list->size(), model::ReportLimits::kMaxPods));
  }
  PodsFile file;
  auto& pods = file.pods;
  std::set<model::PodUid> seen;
  for (std::size_t i = 0; i < list->size() && !problem; ++i) {
    pods.push_back(parse_pod((*list)[i], fmt::format("{}: pods[{}]", source, i), problem, file));
    if (!seen.insert(pods.back().uid).second) {
      top.fail(fmt::format("pods[{}].uid", i), fmt::format("\"{}\" appears twice", pods.back().uid.str()));
    }
  }
  if (problem) return *problem;
  if (const auto room = check_pods_room(pods); !room) return room.error().in(source);
  return file;
}

}  // namespace tideline::node
