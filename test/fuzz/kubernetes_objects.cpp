// Nodes, Pods and ConfigMaps as anyone may write them who may write to the API server: whatever they are, the answer is
// an Error, or an object within the bounds of a report whose problems are told within bounds, too. And what an API
// server answers about a token: nobody is taken for an agent whose names could be more than names.
//
// An input is a letter, 'p', 'n', 'c' or 'm', and the JSON of a Pod, a Node, a ConfigMap or a NodeMetric; 'r' and a
// list of the server's resources, 'e' and its answer to an eviction, 't' and a TokenReview, or 'a' and an agent's pod.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "k8s-bridge/evict/evict_answer.h"
#include "k8s-bridge/measure/metric_json.h"
#include "k8s-bridge/translate/api_resources.h"
#include "k8s-bridge/translate/fields.h"
#include "k8s-bridge/translate/mirror.h"
#include "k8s-bridge/translate/objects.h"
#include "k8s-bridge/translate/token_review.h"
#include "messages/model/json_text.h"
#include "messages/model/node_annotations.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"
#include "test/k8s-bridge/translate/samples.h"
#include "test/k8s-bridge/translate/token_samples.h"

namespace tideline::fuzz {
namespace {

using nlohmann::json;

/// As the client reads a watch.
constexpr model::JsonLimits kLimits{.max_bytes = 3 << 20, .max_depth = 64};

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 1024, "a refusal does not repeat the object");
  require(is_one_line(error.message()), "a refusal is one line");
}

/// Whether it was taken.
bool look_at_pod(const json& object) {
  const auto pod = k8s::pod_from(object);
  if (!pod) {
    check_refusal(pod.error());
    return false;
  }
  require(k8s::report_problem({pod->pod}).empty(), "a report holds the pod");
  require(pod->problems.size() <= k8s::Problems::kMost, "there are only so many problems");
  for (const auto& problem : pod->problems) {
    const std::string line = problem.key + problem.value + problem.why;
    require(line.size() <= 640 && is_one_line(line), "a problem is short and one line");
  }
  require(k8s::wire_bytes(pod->pod) <= std::size_t{256} << 10, "a pod takes a part of a report");

  k8s::Mirror mirror;
  mirror.take(*k8s::node_from(k8s::node_one()));
  mirror.take(*pod);
  mirror.end_nodes();
  mirror.end_pods();
  const auto changed = mirror.changed();
  require(changed.size() <= 1 && mirror.pods() == (pod->node.empty() ? 0U : 1U), "a pod is on one node, or not kept");
  mirror.take(*k8s::pod_from(object));
  require(mirror.changed().empty(), "the same again changes nothing");
  mirror.pod_gone(pod->key.uid);
  require(mirror.pods() == 0, "it goes by its uid");
  return true;
}

bool look_at_node(const json& object) {
  const auto node = k8s::node_from(object);
  if (!node) {
    check_refusal(node.error());
    return false;
  }
  require(node->labels.size() <= 256, "labels are within the bound of a report");
  require(node->problems.size() <= k8s::Problems::kMost &&
              std::all_of(node->problems.begin(), node->problems.end(),
                          [](const std::string& line) { return line.size() <= 640 && is_one_line(line); }),
          "problems are few, short and one line each");
  k8s::Mirror mirror;
  mirror.take(*node);
  const auto told = mirror.objects(model::NodeName(node->key.name));
  require(model::check_annotations(told.annotations).ok(), "annotations are within their bounds");
  const auto claims = model::read_claims(told.annotations);
  require(claims.reservation.cpu.value() >= 0, "nothing less than nothing is reserved");
  return true;
}

bool look_at_config_map(const json& object) {
  const auto map = k8s::config_map_from(object);
  if (!map) {
    check_refusal(map.error());
    return false;
  }
  std::size_t bytes = 0;
  for (const auto& [key, text] : map->data)
    bytes += key.size() + text.size();
  require(bytes <= std::size_t{3} << 19, "no more is kept than etcd holds");
  return true;
}

bool look_at_resources(const json& object) {
  const auto version = k8s::eviction_version(object);
  if (!version) {
    check_refusal(version.error());
    return false;
  }
  require(*version == "policy/v1" || *version == "policy/v1beta1", "only these can be written");
  return true;
}

/// As any status may have it, also where it is no JSON.
void look_at_answer(std::string_view body) {
  for (const unsigned status : {201U, 400U, 403U, 404U, 409U, 429U, 500U}) {
    const auto answer = evict::evict_answer(status, body, std::nullopt);
    require(answer.why.size() <= 400 && is_one_line(answer.why), "a reason is short and one line");
    require((answer.kind == evict::EvictAnswer::Kind::kTaken) == (status == 201), "only what was taken is evicted");
    if (evict::is_unknown_version(status, body)) {
      require(answer.kind == evict::EvictAnswer::Kind::kNone, "another version is tried");
    }
  }
}

measure::Wanted wanted_metric() {
  return {model::NodeName("n1"), "uid-n1", std::chrono::seconds(60), std::chrono::seconds(300)};
}

/// The answer to a write of its status. Whether it is as wanted.
bool look_at_metric(std::string_view object) {
  return measure::is_as_wanted(object, wanted_metric());
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= k8s::kMaxNameBytes && text.find("..") != 0 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

bool look_at_review(const json& object) {
  const auto owner = k8s::token_owner(object, k8s::kTestAudience);
  if (!owner) {
    check_refusal(owner.error());
    return false;
  }
  require(object.at("status").at("authenticated") == true, "nobody is taken for one whom the server does not know");
  require(is_plain_name(owner->name_space) && is_plain_name(owner->service_account) && is_plain_name(owner->pod_name),
          "names are parts of paths");
  return true;
}

bool look_at_agent_pod(const json& object) {
  const auto node = k8s::node_of_pod(object, k8s::agent_owner());
  if (!node) {
    check_refusal(node.error());
    return false;
  }
  require(object.at("metadata").at("uid") == k8s::agent_owner().pod_uid, "it is the pod of the token");
  require(is_plain_name(node->str()), "a node's name is a name");
  return true;
}

Bytes input(char kind, const json& object, bool is_pretty) {
  const std::string text = kind + object.dump(is_pretty ? 2 : -1);
  return {text.begin(), text.end()};
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& /*random*/) {
  const json map = json::parse(R"({"metadata": {"name": "ack-slo-config", "namespace": "kube-system", "uid": "u"},
      "data": {"colocation-config": "{\"enable\": true}"}})");
  json busy = k8s::nginx_pod();
  busy["spec"]["initContainers"] = json::parse(R"([{"name": "a", "restartPolicy": "Always", "resources":
      {"limits": {"cpu": "1", "kubernetes.io/mid-cpu": "5"}}}, {"name": "b"}])");
  busy["spec"]["overhead"] = json::parse(R"({"cpu": "100m"})");
  busy["metadata"]["annotations"]["koordinator.sh/eviction-policy"] = R"(["BECPUEvict"])";
  busy["metadata"]["annotations"]["scheduling.koordinator.sh/resource-status"] = R"({"cpuset": "0-3"})";
  const json resources = json::parse(R"({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
      {"name": "pods", "kind": "Pod"},
      {"name": "pods/eviction", "kind": "Eviction", "group": "policy", "version": "v1beta1"}]})");
  const json budget = json::parse(R"({"kind": "Status", "message": "it would violate the pod's disruption budget.",
      "details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 1 healthy pods and has 1 currently"}]}})");
  const json gone = json::parse(R"({"kind": "Status", "message": "pods \"job\" not found: UID in precondition",
      "details": {"name": "job", "kind": "pods"}})");
  std::vector<Bytes> sound;
  for (const bool is_pretty : {false, true}) {
    sound.push_back(input('p', k8s::nginx_pod(), is_pretty));
    sound.push_back(input('p', k8s::ffmpeg_pod(), is_pretty));
    sound.push_back(input('p', busy, is_pretty));
    sound.push_back(input('n', k8s::node_one(), is_pretty));
    sound.push_back(input('c', map, is_pretty));
    sound.push_back(input('r', resources, is_pretty));
    sound.push_back(input('e', budget, is_pretty));
    sound.push_back(input('e', gone, is_pretty));
    sound.push_back(input('m', json::parse(measure::object_body(wanted_metric())), is_pretty));
    sound.push_back(input('t', k8s::agent_review(), is_pretty));
    sound.push_back(input('a', k8s::agent_pod(), is_pretty));
  }
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs; a container of two bytes is a
/// few hundred, of up to 1024, and a set of CPUs of a few bytes has 8192.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{4} << 20) + 128 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.front() == 'e') fuzz::look_at_answer(text.substr(1));
  const auto object = tideline::model::parse_json(text.substr(1), fuzz::kLimits);
  if (!object) {
    fuzz::require(object.error().message().size() <= 1024, "what is no JSON is told in short");
    return 0;
  }
  const bool is_taken = text.front() == 'n'   ? fuzz::look_at_node(*object)
                        : text.front() == 'c' ? fuzz::look_at_config_map(*object)
                        : text.front() == 'r' ? fuzz::look_at_resources(*object)
                        : text.front() == 'm' ? fuzz::look_at_metric(text.substr(1))
                        : text.front() == 't' ? fuzz::look_at_review(*object)
                        : text.front() == 'a' ? fuzz::look_at_agent_pod(*object)
                        : text.front() == 'e' ? true
                                              : fuzz::look_at_pod(*object);
  if (is_taken) ++fuzz::accepted;
  return 0;
}
