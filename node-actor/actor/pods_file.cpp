#include "node-actor/actor/pods_file.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/codec/report_bytes.h"
#include "messages/model/quantity.h"
#include "messages/model/report.h"

namespace tideline::node {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

constexpr std::size_t kMaxShownBytes = 64;

/// A value for an error text: dump() recurses, and a file must not choose how deep.
std::string shown(const json& value) {
  if (value.is_structured()) return value.type_name();
  auto text = value.dump();
  return text.size() <= kMaxShownBytes ? text : fmt::format("{} of {} bytes", value.type_name(), text.size());
}

/// Reads fields of one JSON object; remembers the first problem with its path, so that callers read on and check once.
class Fields {
 public:
  Fields(const json& object, std::string path, std::optional<Error>& problem)
      : object_(object), path_(std::move(path)), problem_(problem) {
    if (!object.is_object()) fail("", fmt::format("want an object, got {}", object.type_name()));
  }

  /// Every key must be one of these.
  void only(std::initializer_list<std::string_view> known) {
    if (!object_.is_object()) return;
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        fail(key, fmt::format("unknown field; known are {}", fmt::join(known, ", ")));
      }
    }
  }

  const json* find(std::string_view key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(std::string(key));
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  std::string text(std::string_view key, bool required) {
    const json* value = find(key);
    if (value == nullptr) {
      if (required) fail(key, "missing");
      return {};
    }
    if (!value->is_string()) {
      fail(key, fmt::format("want text, got {}", shown(*value)));
      return {};
    }
    auto result = value->get<std::string>();
    if (required && result.empty()) fail(key, "empty");
    if (result.size() > 253) fail(key, fmt::format("{} bytes, limit 253", result.size()));
    return result;
  }

  std::optional<int> integer(std::string_view key) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    // Beyond 63 bits get<std::int64_t>() would wrap round.
    const bool fits = value->is_number_unsigned()
                          ? value->get<std::uint64_t>() <= INT32_MAX
                          : value->is_number_integer() && value->get<std::int64_t>() >= INT32_MIN;
    if (!fits) {
      fail(key, fmt::format("want a 32-bit integer, got {}", shown(*value)));
      return std::nullopt;
    }
    return value->get<int>();
  }

  template <class T>
  std::optional<T> choice(std::string_view key, std::optional<T> (*parse)(std::string_view), std::string_view wanted) {
    const std::string value = text(key, false);
    if (value.empty()) return std::nullopt;
    const auto parsed = parse(value);
    if (!parsed) fail(key, fmt::format("\"{}\" is none of {}", value, wanted));
    return parsed;
  }

  template <class T>
  std::optional<T> quantity(std::string_view key, Result<T> (*parse)(std::string_view), std::int64_t limit) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    const std::string text = value->is_string() ? value->get<std::string>() : shown(*value);
    if ((!value->is_string() && !value->is_number()) || text.size() > kMaxShownBytes) {
      fail(key, fmt::format("want a quantity, got {}", shown(*value)));
      return std::nullopt;
    }
    const auto parsed = parse(text);
    if (!parsed) {
      fail(key, parsed.error().message());
      return std::nullopt;
    }
    if (parsed->value() > limit) {
      fail(key, fmt::format("\"{}\" is {}, limit {}", text, parsed->value(), limit));
      return std::nullopt;
    }
    return *parsed;
  }

  void fail(std::string_view key, const std::string& what) {
    if (problem_) return;
    problem_ = Error(ErrorCode::kInvalidArgument,
                     key.empty() ? fmt::format("{}: {}", path_, what) : fmt::format("{}.{}: {}", path_, key, what));
  }

  std::string path(std::string_view key) const { return fmt::format("{}.{}", path_, key); }
  std::optional<Error>& problem() { return problem_; }

 private:
  const json& object_;
  std::string path_;
  std::optional<Error>& problem_;
};

Result<model::MilliCpu> parse_batch_cpu(std::string_view text) {
  // kubernetes.io/batch-cpu counts millicores, so "500" is 0.5 CPU.
  const auto milli = model::parse_bytes(text);
  if (!milli) return milli.error();
  return model::MilliCpu(milli->value());
}

model::Resources parse_resources(Fields& pod, std::string_view key) {
  model::Resources resources;
  const json* value = pod.find(key);
  if (value == nullptr) return resources;
  Fields fields(*value, pod.path(key), pod.problem());
  fields.only({"cpu", "memory", "kubernetes.io/batch-cpu", "kubernetes.io/batch-memory"});
  using Limits = model::ReportLimits;
  resources.cpu = fields.quantity("cpu", model::parse_cpu, Limits::kMaxMilliCpu);
  resources.memory = fields.quantity("memory", model::parse_bytes, Limits::kMaxMemoryBytes);
  resources.batch_cpu = fields.quantity("kubernetes.io/batch-cpu", parse_batch_cpu, Limits::kMaxMilliCpu);
  resources.batch_memory = fields.quantity("kubernetes.io/batch-memory", model::parse_bytes, Limits::kMaxMemoryBytes);
  return resources;
}

/// A uid and a container id become names of cgroup directories.
void check_path_part(Fields& fields, std::string_view key, const std::string& value) {
  if (value.find('/') != std::string::npos || value == "." || value == ".." || value.find('\0') != std::string::npos) {
    fields.fail(key, fmt::format("\"{}\" cannot be part of a cgroup's name", value));
  }
}

model::Pod parse_pod(const json& entry, const std::string& path, std::optional<Error>& problem) {
  Fields fields(entry, path, problem);
  fields.only({"uid", "namespace", "name", "qosClass", "kubeQosClass", "priority", "phase", "workload", "requests",
               "limits", "containers"});
  model::Pod pod;
  pod.uid = model::PodUid(fields.text("uid", true));
  check_path_part(fields, "uid", pod.uid.str());
  pod.name_space = fields.text("namespace", true);
  pod.name = fields.text("name", true);
  if (fields.find("kubeQosClass") == nullptr) fields.fail("kubeQosClass", "missing");
  pod.kube_qos = fields.choice("kubeQosClass", model::kube_qos_from, "Guaranteed, Burstable, BestEffort")
                     .value_or(model::KubeQos::kBurstable);
  pod.qos = fields.choice("qosClass", model::qos_class_from, "LSE, LSR, LS, BE, SYSTEM")
                .value_or(model::default_qos(pod.kube_qos));
  pod.phase = fields.choice("phase", model::pod_phase_from, "Pending, Running, Succeeded, Failed")
                  .value_or(model::PodPhase::kRunning);
  pod.priority = fields.integer("priority");
  pod.workload = fields.text("workload", false);
  pod.requests = parse_resources(fields, "requests");
  pod.limits = parse_resources(fields, "limits");
  const json* containers = fields.find("containers");
  if (containers != nullptr && !containers->is_array()) fields.fail("containers", "want a list");
  if (containers != nullptr && containers->size() > model::ReportLimits::kMaxContainers) {
    fields.fail("containers",
                fmt::format("{} containers, limit {}", containers->size(), model::ReportLimits::kMaxContainers));
  } else if (containers != nullptr && containers->is_array()) {
    for (std::size_t i = 0; i < containers->size(); ++i) {
      Fields container((*containers)[i], fmt::format("{}.containers[{}]", path, i), problem);
      container.only({"name", "id"});
      model::Container parsed{container.text("name", true), container.text("id", true)};
      check_path_part(container, "id", parsed.id);
      pod.containers.push_back(std::move(parsed));
    }
  }
  return pod;
}

/// Whether the pods leave room in a report for all else; a report that does not fit is lost.
Result<void> check_room(const std::vector<model::Pod>& pods) {
  model::Report report;
  report.node = model::NodeName("n");
  report.seq = model::Seq(1);
  report.pods.reserve(pods.size());
  for (const auto& pod : pods)
    report.pods.push_back({.pod = pod, .cpu_milli = {}, .memory_bytes = {}, .throttled_ratio = {}, .run_delay = {}});
  const auto bytes = codec::to_bytes(report);
  if (!bytes) return bytes.error();
  if (bytes->size() <= model::ReportLimits::kMaxPodsWireBytes) return {};
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("its {} pods take {} bytes of a report, limit {}: list fewer pods or containers",
                           pods.size(), bytes->size(), model::ReportLimits::kMaxPodsWireBytes));
}

}  // namespace

Result<std::vector<model::Pod>> parse_pods_file(std::string_view text, std::string_view source) {
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& problem) {
    return Error(ErrorCode::kMalformed, fmt::format("{}: not JSON: {}", source, problem.what()));
  }
  std::optional<Error> problem;
  Fields top(document, std::string(source), problem);
  top.only({"pods"});
  const json* list = top.find("pods");
  if (list == nullptr || !list->is_array()) {
    top.fail("pods", "want a list of pods");
    return *problem;
  }
  if (list->size() > model::ReportLimits::kMaxPods) {
    top.fail("pods", fmt::format("{} pods, limit {}", list->size(), model::ReportLimits::kMaxPods));
  }
  std::vector<model::Pod> pods;
  std::set<model::PodUid> seen;
  for (std::size_t i = 0; i < list->size() && !problem; ++i) {
    pods.push_back(parse_pod((*list)[i], fmt::format("{}: pods[{}]", source, i), problem));
    if (!seen.insert(pods.back().uid).second) {
      top.fail(fmt::format("pods[{}].uid", i), fmt::format("\"{}\" appears twice", pods.back().uid.str()));
    }
  }
  if (problem) return *problem;
  if (const auto room = check_room(pods); !room) return room.error().in(source);
  return pods;
}

}  // namespace tideline::node
