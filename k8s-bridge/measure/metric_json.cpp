#include "k8s-bridge/measure/metric_json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/event.h"
#include "messages/model/host_application.h"
#include "messages/model/json_text.h"

namespace tideline::measure {
namespace {

using nlohmann::json;

constexpr const char* kApiVersion = "slo.koordinator.sh/v1alpha1";
constexpr const char* kMemoryPolicy = "usageWithoutPageCache";
constexpr std::array kDurations{"5m0s", "10m0s", "30m0s"};
/// As the client reads its answers.
constexpr model::JsonLimits kAnswerLimits{.max_bytes = std::size_t{4} << 20, .max_depth = 64};

std::int64_t seconds_of(model::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// As metav1.Duration is written: "5m0s".
std::string duration_text(model::Duration duration) {
  const auto seconds = seconds_of(duration);
  if (seconds >= 3600) return fmt::format("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60);
  return seconds >= 60 ? fmt::format("{}m{}s", seconds / 60, seconds % 60) : fmt::format("{}s", seconds);
}

json owners_of(const Wanted& wanted) {
  return json::array({{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", wanted.node.str()}, {"uid", wanted.node_uid}}});
}

json spec_of(const Wanted& wanted) {
  return {{"metricCollectPolicy",
           {{"aggregateDurationSeconds", seconds_of(wanted.averaged)},
            {"reportIntervalSeconds", seconds_of(wanted.interval)},
            {"nodeAggregatePolicy", {{"durations", kDurations}}},
            {"nodeMemoryCollectPolicy", kMemoryPolicy}}}};
}

/// Names are the reporter's.
std::string text_of(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

json use_json(const model::MetricUse& use) {
  json resources = json::object();
  if (use.cpu) resources["cpu"] = fmt::format("{}m", use.cpu->value());
  if (use.memory) resources["memory"] = std::to_string(use.memory->value());
  return {{"resources", std::move(resources)}};
}

/// For a merge patch of an object: what is not known is taken away. In lists, which are replaced whole, it is left out.
json use_patch(const model::MetricUse& use) {
  json patch = use_json(use);
  json& resources = patch["resources"];
  if (!use.cpu) resources["cpu"] = json();
  if (!use.memory) resources["memory"] = json();
  patch["devices"] = json();
  return patch;
}

bool is_known(const model::MetricUse& use) {
  return use.cpu || use.memory;
}

json spreads_json(const std::vector<model::MetricSpread>& spreads) {
  json list = json::array();
  for (const auto& spread : spreads) {
    list.push_back({{"duration", duration_text(spread.span)},
                    {"usage",
                     {{"avg", use_json(spread.average)},
                      {"p50", use_json(spread.p50)},
                      {"p90", use_json(spread.p90)},
                      {"p95", use_json(spread.p95)},
                      {"p99", use_json(spread.p99)}}}});
  }
  return list;
}

json pod_json(const model::PodMetric& pod) {
  return {{"namespace", pod.name_space},
          {"name", pod.name},
          {"priority", std::string(model::priority_class_of(pod.tier))},
          {"qos", std::string(model::name_of(pod.qos))},
          {"podUsage", use_json(pod.use)}};
}

json application_json(const model::ApplicationMetric& application) {
  return {{"name", application.name},
          {"priority", std::string(model::priority_class_of(application.tier))},
          {"qos", std::string(model::name_of(application.qos))},
          {"usage", use_json(application.use)}};
}

std::tuple<std::int64_t, std::int64_t> weight_of(const model::PodMetric& pod) {
  return {pod.use.cpu.value_or(model::MilliCpu(0)).value(), pod.use.memory.value_or(model::Bytes(0)).value()};
}

/// Indices into `pods`, of those that use most first.
std::vector<std::size_t> by_use(const std::vector<model::PodMetric>& pods) {
  std::vector<std::size_t> order(pods.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return weight_of(pods[a]) > weight_of(pods[b]); });
  return order;
}

/// The member, where it is of that type.
const json* member(const json* object, const char* name, json::value_t type) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found != object->end() && found->type() == type ? &*found : nullptr;
}

bool is_number(const json* policy, const char* name, std::int64_t wanted) {
  const json* number = member(policy, name, json::value_t::number_unsigned);
  return number != nullptr && number->get<std::uint64_t>() == static_cast<std::uint64_t>(wanted);
}

bool is_text(const json* object, const char* name, const std::string& wanted) {
  const json* text = member(object, name, json::value_t::string);
  return text != nullptr && text->get_ref<const std::string&>() == wanted;
}

}  // namespace

std::string object_path(const model::NodeName& node) {
  return fmt::format("{}/{}", kNodeMetricsPath, node.str());
}

std::string status_path(const model::NodeName& node) {
  return object_path(node) + "/status";
}

std::string object_body(const Wanted& wanted) {
  json object = {{"apiVersion", kApiVersion},
                 {"kind", "NodeMetric"},
                 {"metadata",
                  {{"name", wanted.node.str()},
                   {"labels", {{"app.kubernetes.io/part-of", "tideline"}}},
                   {"ownerReferences", owners_of(wanted)}}},
                 {"spec", spec_of(wanted)}};
  return text_of(object);
}

std::string object_patch(const Wanted& wanted) {
  json patch = {{"metadata", {{"ownerReferences", owners_of(wanted)}}}, {"spec", spec_of(wanted)}};
  return text_of(patch);
}

bool is_as_wanted(std::string_view object, const Wanted& wanted) {
  const auto read = model::parse_json(object, kAnswerLimits);
  if (!read || !read->is_object()) return true;
  const json* policy =
      member(member(&*read, "spec", json::value_t::object), "metricCollectPolicy", json::value_t::object);
  if (!is_number(policy, "reportIntervalSeconds", seconds_of(wanted.interval)) ||
      !is_number(policy, "aggregateDurationSeconds", seconds_of(wanted.averaged))) {
    return false;
  }
  const json* owners =
      member(member(&*read, "metadata", json::value_t::object), "ownerReferences", json::value_t::array);
  return owners != nullptr && std::any_of(owners->begin(), owners->end(), [&](const json& owner) {
           return is_text(&owner, "kind", "Node") && is_text(&owner, "uid", wanted.node_uid);
         });
}

StatusPatch status_patch(const model::NodeMetric& metric, std::size_t max_bytes) {
  json node = {{"nodeUsage", use_patch(metric.use)},
               {"aggregatedNodeUsages", spreads_json(metric.spreads)},
               {"systemUsage", is_known(metric.system) ? use_patch(metric.system) : json()},
               // What another writer may have left there would pass for ours.
               {"aggregatedSystemUsages", json()},
               {"numaUsages", json()}};
  json applications = json::array();
  for (const auto& application : metric.applications)
    applications.push_back(application_json(application));
  json predicted;
  if (is_known(metric.prod_reclaimable)) predicted["resource"] = use_patch(metric.prod_reclaimable);
  json status = {{"updateTime", k8s::time_text(metric.at)},
                 {"nodeMetric", std::move(node)},
                 {"hostApplicationMetric", std::move(applications)},
                 {"prodReclaimableMetric", std::move(predicted)},
                 {"prodPeakMetric", json()},
                 {"podsMetric", json::array()}};
  json patch = {{"status", std::move(status)}};

  std::size_t bytes = text_of(patch).size();
  StatusPatch made;
  std::vector<const model::PodMetric*> chosen;
  for (const std::size_t index : by_use(metric.pods)) {
    const auto& pod = metric.pods[index];
    const std::size_t more = text_of(pod_json(pod)).size() + 1;
    if (bytes + more > max_bytes) {
      ++made.pods_left_out;
      continue;
    }
    bytes += more;
    chosen.push_back(&pod);
  }
  std::sort(chosen.begin(), chosen.end(), [](const model::PodMetric* a, const model::PodMetric* b) {
    return std::tie(a->name_space, a->name) < std::tie(b->name_space, b->name);
  });
  json& pods = patch["status"]["podsMetric"];
  for (const auto* pod : chosen)
    pods.push_back(pod_json(*pod));
  made.body = text_of(patch);
  return made;
}

}  // namespace tideline::measure
