// Policy documents and node labels from anyone: whatever they are, the answer is a policy that nodes take or one Error
// that names its document, and what was accepted is kept so that it is read the same again.
//
// An input is records that end with 0x1e. A record's first byte says what the rest is: the JSON of a data key (kKinds),
// a ConfigMap ('m'), a name, a newline and any text ('n'), or labels of a node ('l'), one "key=value" a line.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "coordinator/policy/node_annotations.h"
#include "coordinator/policy/policy.h"
#include "messages/codec/report_bytes.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"

namespace tideline::fuzz {
namespace {

using policy::ClusterPolicy;
using policy::Labels;
using policy::NodeEntry;
using policy::Requirement;
using policy::Section;

constexpr char kEndOfRecord = '\x1e';
constexpr char kConfigMap = 'm';
constexpr char kNamed = 'n';
constexpr char kLabels = 'l';
constexpr char kAnnotations = 'a';

struct Kind {
  char letter;
  std::string_view name;
};
constexpr std::array<Kind, 10> kKinds = {{{'c', policy::kColocationKey},
                                          {'z', policy::kNormalizationKey},
                                          {'p', policy::kAmplificationKey},
                                          {'t', policy::kThresholdKey},
                                          {'q', policy::kQosKey},
                                          {'b', policy::kBurstKey},
                                          {'o', policy::kTidelineKey},
                                          {'h', policy::kHostApplicationsKey},
                                          {'s', "system-config"},
                                          {kConfigMap, "configmap.json"}}};

struct Input {
  std::vector<policy::Document> documents;
  Labels labels;
  model::NodeAnnotations annotations;
};

/// Takes what stands before the separator off the text, and the separator.
std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view taken = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

void add_record(std::string_view record, Input& input) {
  if (record.empty()) return;
  const char letter = record.front();
  record.remove_prefix(1);
  if (letter == kLabels || letter == kAnnotations) {
    auto& into = letter == kLabels ? input.labels : input.annotations;
    while (!record.empty()) {
      std::string_view line = take_until(record, '\n');
      const std::string_view key = take_until(line, '=');
      into.insert_or_assign(std::string(key), std::string(line));
    }
    return;
  }
  const auto* const kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& each) { return each.letter == letter; });
  const std::string_view name =
      letter == kNamed ? take_until(record, '\n') : (kind == kKinds.end() ? kKinds.back() : *kind).name;
  input.documents.push_back({std::string(name), std::string(record)});
}

Input input_of(std::string_view text) {
  Input input;
  while (!text.empty())
    add_record(take_until(text, kEndOfRecord), input);
  return input;
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void check_refusal(const model::Error& error, const std::vector<policy::Document>& documents) {
  const std::string& message = error.message();
  std::size_t name_bytes = 0;
  bool names_it = documents.size() > policy::Limits::kMaxDocuments;
  bool plain_names = true;
  for (const auto& document : documents) {
    name_bytes += document.name.size();
    names_it = names_it || document.name.size() > policy::Limits::kMaxNameBytes ||
               message.find(document.name) != std::string::npos;
    plain_names = plain_names && is_printable(document.name);
  }
  require(names_it, "a refusal names its document");
  require(message.ends_with("the policy in force stays"), "a refusal says that nothing is applied");
  require(message.size() <= 2048 + 4 * name_bytes, "a refusal does not repeat the document");
  require(!plain_names || is_printable(message), "a refusal holds no control characters");
}

void check_kept(const ClusterPolicy& policy, const std::vector<policy::Document>& documents) {
  std::size_t given = 0;
  for (const auto& document : documents)
    given += document.text.size();
  std::size_t kept = 0;
  for (const auto& document : policy.documents)
    kept += document.text.size();
  require(kept <= given, "no more is kept than was given");
  require(policy.notices.size() <= 4 * policy::key_table().size(), "there are only so many notices");
  require(std::all_of(policy.notices.begin(), policy.notices.end(),
                      [](const auto& notice) { return notice.path.size() + notice.why.size() <= 1024; }),
          "a notice is short");

  auto again = policy::parse(policy.documents);
  require(again.ok(), "what is kept is accepted again");
  require(again->notices.size() == policy.notices.size(), "what is kept has the same notices");
  for (std::size_t i = 0; i < policy.notices.size(); ++i) {
    require(again->notices[i].path == policy.notices[i].path && again->notices[i].why == policy.notices[i].why,
            "what is kept has the same notices");
  }
  // Their documents are named as the input names them.
  again->notices = policy.notices;
  require(*again == policy, "what is kept is read the same again");
}

bool in_order(const std::optional<int>& low, const std::optional<int>& high, int gap) {
  return !low || !high || std::int64_t{*low} + gap <= *high;
}

void check_claims(const model::NodeAnnotations& annotations) {
  const auto claims = model::read_claims(annotations);
  require(claims.reservation.cpu.value() >= 0 && claims.reservation.cpu.value() <= model::ReportLimits::kMaxMilliCpu,
          "no more is reserved than any host has");
  require(claims.third_party.memory.value() >= 0 &&
              claims.third_party.memory.value() <= model::ReportLimits::kMaxMemoryBytes,
          "no more is given away than any host has");
  const auto problems = policy::annotation_problems(annotations);
  require(problems.size() >= claims.unreadable.size(), "what cannot be read is told");
  require(std::all_of(problems.begin(), problems.end(), [](const auto& problem) { return problem.size() <= 1024; }),
          "an annotation's problem is short");
}

void check_node(const ClusterPolicy& policy, const Labels& labels, const model::NodeAnnotations& annotations = {}) {
  std::vector<std::string> problems;
  const auto node = policy::effective_on(policy, {labels, annotations, {"m", true, true}}, &problems);
  require(problems.size() <= 5, "at most one problem for each label that is read");
  require(std::all_of(problems.begin(), problems.end(), [](const auto& problem) { return problem.size() <= 256; }),
          "a label's problem is short");
  const auto taken = codec::policy_from_bytes(codec::to_bytes(node));
  require(taken.ok() && *taken == node, "a node takes what it is sent");
  const auto& threshold = node.threshold;
  require(
      in_order(threshold.cpu_evict_be_satisfaction_lower_percent, threshold.cpu_evict_be_satisfaction_upper_percent, 0),
      "satisfaction's lower bound is at most the upper one");
  require(in_order(threshold.cpu_evict_lower_percent, threshold.cpu_evict_threshold_percent, 1),
          "eviction stops below where it begins");
  require(in_order(threshold.cpu_allocatable_evict_lower_percent, threshold.cpu_allocatable_evict_threshold_percent, 1),
          "eviction for over-commit stops below where it begins");
}

/// Labels that the entry's selector may match.
Labels labels_for(const NodeEntry& entry) {
  if (!entry.selector) return {};
  Labels labels = entry.selector->match_labels;
  for (const Requirement& requirement : entry.selector->match_expressions) {
    if (requirement.op == Requirement::Operator::kIn) labels[requirement.key] = requirement.values.front();
    if (requirement.op == Requirement::Operator::kExists) labels.emplace(requirement.key, "");
  }
  return labels;
}

void check_nodes(const ClusterPolicy& policy, const Input& input) {
  constexpr std::size_t kMostEntries = 8;
  check_node(policy, {});
  check_node(policy, input.labels);
  if (model::check_annotations(input.annotations)) {
    check_claims(input.annotations);
    check_node(policy, input.labels, input.annotations);
  }
  for (const auto& [document, member] : policy::kSections) {
    const Section& section = policy.*member;
    for (std::size_t i = 0; i < std::min(section.nodes.size(), kMostEntries); ++i)
      check_node(policy, labels_for(section.nodes[i]));
  }
}

struct Record {
  char letter;
  std::string_view text;
};
constexpr std::array<Record, 13> kSound = {{
    {'z', R"({"enable": true, "defaultRatio": 1.1, "ratioModel": {"m": {"baseRatio": 1.5,
        "hyperThreadTurboEnabledRatio": 4.999}}, "nodeConfigs": [{"name": "n", "nodeSelector": {},
        "ratioModel": {"m": {"hyperThreadTurboEnabledRatio": 5}}}]})"},
    {'p', R"({"enable": true, "resourceAmplificationRatio": {"cpu": 1.5, "memory": 100},
        "nodeConfigs": [{"nodeSelector": {}, "resourceAmplificationRatio": {"cpu": 100}}]})"},
    {kAnnotations, R"(node.koordinator.sh/reservation={"resources":{"cpu":"2","memory":"4Gi"},"reservedCPUs":"0-1"}
node.koordinator.sh/thirdPartyAllocations={"allocations":[{"name":"yarn","priority":"koord-batch",)"
                   R"("resources":{"kubernetes.io/batch-cpu":"4000","kubernetes.io/batch-memory":"8Gi"}}]}
node.koordinator.sh/colocation-strategy={"enable":false,"cpuReclaimThresholdPercent":70})"},
    {'t', R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 65, "cpuSuppressPolicy": "cfsQuota"},
        "nodeStrategies": [{"name": "a", "nodeSelector": {"matchLabels": {"x": "y"},
        "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}, "cpuSuppressMinPercent": 3}]})"},
    {'c', R"({"enable": true, "cpuReclaimThresholdPercent": 60, "resourceDiffThreshold": 0.1,
        "extensions": {"a": [1, 2]}, "batchCPUThresholdPercent": 2147483647,
        "nodeConfigs": [{"name": "b", "nodeSelector": {}, "degradeTimeMinutes": 5}]})"},
    {kConfigMap, R"({"kind": "ConfigMap",
        "data": {"colocation-config": "{\"enable\": true}", "system-config": "{}"}})"},
    {'q', R"({"clusterStrategy": {"beClass": {"cpuQOS": {"enable": true, "groupIdentity": -1},
        "blkioQOS": {"blocks": [{}]}}}})"},
    {'b', R"({"clusterStrategy": {"policy": "auto", "cpuBurstPercent": 1000, "cfsQuotaBurstPeriodSeconds": -1},
        "nodeStrategies": [{"nodeSelector": {}, "sharePoolThresholdPercent": 50}]})"},
    {'t', R"({"clusterStrategy": {"cpuEvictBESatisfactionLowerPercent": 30, "cpuEvictBESatisfactionUpperPercent": 50},
        "nodeStrategies": [{"nodeSelector": {}, "cpuEvictThresholdPercent": 90, "cpuEvictLowerPercent": 80},
        {"nodeSelector": {"matchExpressions": [{"key": "k", "operator": "Exists"}]},
        "cpuAllocatableEvictThresholdPercent": 150, "cpuAllocatableEvictLowerPercent": 120}]})"},
    {'o', R"({"clusterStrategy": {"dryRun": {"cpuEvict": true}, "eviction": {"maxPerMinute": 0},
        "prediction": {"predictor": "none", "coldStartMinutes": 1}},
        "nodeStrategies": [{"nodeSelector": {"matchLabels": {"x": "y"}}, "dryRun": {"cpuset": true}}]})"},
    {'h', R"({"applications": [{"name": "a", "priority": "koord-prod", "qos": "LS", "strategy": {},
        "cgroupPath": {"base": "Kubepods", "parentDir": "/x/", "relativePath": "y/z"}}, {"name": "b"}],
        "nodeConfigs": [{"nodeSelector": {"matchLabels": {"x": "y"}}, "applications": [{"name": "c", "qos": "BE"}]},
        {"nodeSelector": {}}]})"},
    {kNamed, "/etc/tideline/policy/cpu-burst-config.json\n{\"clusterStrategy\": {\"policy\": \"none\"}}"},
    {kLabels, "node.koordinator.sh/cpu-reclaim-ratio=0.85\nnode.koordinator.sh/mid-static-cpu-reserved-ratio=2"},
}};

Bytes bytes_of(const Record& record) {
  Bytes bytes;
  bytes.reserve(record.text.size() + 2);
  bytes.push_back(static_cast<std::uint8_t>(record.letter));
  bytes.insert(bytes.end(), record.text.begin(), record.text.end());
  bytes.push_back(static_cast<std::uint8_t>(kEndOfRecord));
  return bytes;
}

/// All keys of a document that have a default, with it.
std::string all_defaults(std::string_view document) {
  nlohmann::json root = nlohmann::json::object();
  for (const policy::KeySpec& key : policy::key_table()) {
    if (key.document != document || key.default_text == "unset") continue;
    const bool at_top = document == policy::kColocationKey || document == policy::kHostApplicationsKey ||
                        document == policy::kNormalizationKey || document == policy::kAmplificationKey;
    std::string pointer = at_top ? "/" : "/clusterStrategy/";
    for (const char c : key.path)
      pointer += c == '.' ? '/' : c;
    root[nlohmann::json::json_pointer(pointer)] = nlohmann::json::parse(key.default_text);
  }
  return root.dump();
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  std::vector<Bytes> sound;
  for (const Kind& kind : kKinds) {
    if (kind.letter != kConfigMap) sound.push_back(bytes_of({kind.letter, all_defaults(kind.name)}));
  }
  for (const Record& one : kSound)
    sound.push_back(bytes_of(one));
  // Several records, which may give one document twice.
  const std::size_t single = sound.size();
  for (int i = 0; i < 12; ++i) {
    Bytes several;
    for (auto left = 2 + random() % 3; left > 0; --left) {
      const Bytes& one = sound[random() % single];
      several.insert(several.end(), one.begin(), one.end());
    }
    sound.push_back(std::move(several));
  }
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  damage_text(bytes, random);
}

/// Two bytes of JSON may be a value of sixteen, in a list with twice the room it needs; the text is read twice here.
/// The rest is for notices, each of which tells its document's name.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{16} << 20) + 128 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  namespace policy = tideline::policy;
  const fuzz::Input input = fuzz::input_of({reinterpret_cast<const char*>(data), size});
  const auto parsed = policy::parse(input.documents);
  if (!parsed) {
    fuzz::check_refusal(parsed.error(), input.documents);
    return 0;
  }
  if (!input.documents.empty()) ++fuzz::accepted;
  fuzz::check_kept(*parsed, input.documents);
  fuzz::check_nodes(*parsed, input);
  const auto [rates, prediction] = policy::fleet_policy(*parsed);
  fuzz::require(rates.per_minute >= 0 && rates.per_minute <= 600 && rates.per_minute_per_workload >= 0 &&
                    rates.per_minute_per_workload <= 600,
                "the fleet's rates are within their range");
  fuzz::require(prediction.safety_margin_percent >= 0 && prediction.safety_margin_percent <= 100 &&
                    prediction.cold_start_minutes >= 1 && prediction.cold_start_minutes <= 10'080,
                "the fleet's predictions are within their range");
  return 0;
}
