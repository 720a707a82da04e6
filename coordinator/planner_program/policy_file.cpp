#include "coordinator/planner_program/policy_file.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner_program/scene.h"
#include "coordinator/policy/json_text.h"
#include "coordinator/policy/policy.h"
#include "storage/files/files.h"

namespace tideline::planner_program {
namespace {

using model::Result;

constexpr std::string_view kDefaultName = "defaults";
constexpr std::string_view kDefaultPolicy =
    R"({"colocation-config":{"enable":true},"resource-threshold-config":{"clusterStrategy":{"enable":true}}})";

bool is_data_key(std::string_view key) {
  const auto& others = policy::known_other_documents();
  return std::any_of(policy::kSections.begin(), policy::kSections.end(),
                     [&](const auto& section) { return section.first == key; }) ||
         std::find(others.begin(), others.end(), key) != others.end();
}

bool has_data_keys(const nlohmann::json& root) {
  if (!root.is_object()) return false;
  for (const auto& [key, value] : root.items()) {
    if (is_data_key(key)) return true;
  }
  return false;
}

/// An object whose members are data keys is taken apart; all else is for policy::parse() as it is.
Result<std::vector<policy::Document>> documents_of(std::string_view text, const std::string& file) {
  const auto root = policy::parse_json(text);
  if (!root) return root.error().in(file);
  std::vector<policy::Document> documents;
  if (!has_data_keys(*root)) {
    documents.push_back({file, std::string(text)});
    return documents;
  }
  for (const auto& [key, value] : root->items()) {
    if (value.is_null()) continue;
    if (value.is_string()) {
      documents.push_back({key, value.get<std::string>()});
    } else if (value.is_object()) {
      documents.push_back({key, value.dump()});
    } else {
      return model::invalid(fmt::format("{}: $[\"{}\"] is {}; want an object, or text that holds one", file,
                                        model::printable(key, policy::Limits::kMaxShownBytes), policy::shown(value)));
    }
  }
  return documents;
}

std::string on_or_off(bool enabled) {
  return enabled ? "on" : "off";
}

std::string fact_of(const ChosenPolicy& chosen, const std::string& file, const policy::Labels& labels) {
  std::string node;
  for (const auto& [key, value] : labels)
    node += fmt::format("{}{}={}", node.empty() ? ", of a node with " : ",", key, value);
  return fmt::format(
      "policy: {}{}: colocation {}, cpuReclaimThresholdPercent {}, memoryReclaimThresholdPercent {}; limit of batch "
      "{}, cpuSuppressThresholdPercent {}",
      file, node, on_or_off(chosen.colocation.enable), chosen.colocation.cpu_reclaim_threshold_percent,
      chosen.colocation.memory_reclaim_threshold_percent, on_or_off(chosen.threshold.enable),
      chosen.threshold.cpu_suppress_threshold_percent);
}

}  // namespace

Result<ChosenPolicy> policy_from(std::string_view text, const std::string& file, const policy::Labels& labels) {
  const auto documents = documents_of(text, file);
  if (!documents) return documents.error();
  const auto cluster = policy::parse(*documents);
  if (!cluster) {
    // What is taken apart has only its key in the error.
    const bool named = documents->size() == 1 && documents->front().name == file;
    return named ? cluster.error() : cluster.error().in(file);
  }
  ChosenPolicy chosen;
  const auto node = policy::effective(*cluster, labels, &chosen.notes);
  chosen.colocation = node.colocation;
  chosen.threshold = node.threshold;
  chosen.name = stem_of(file);
  chosen.text = std::string(text);
  chosen.fact = fact_of(chosen, file, labels);
  for (const auto& notice : cluster->notices)
    chosen.notes.push_back(fmt::format("policy {}: {}: {}", notice.document, notice.path, notice.why));
  if (!chosen.colocation.enable) {
    chosen.notes.emplace_back("The policy has colocation off (colocation-config enable): nothing is offered to batch.");
  }
  if (!chosen.threshold.enable) {
    chosen.notes.emplace_back("The policy has the limit of batch off (resource-threshold-config enable).");
  }
  return chosen;
}

Result<ChosenPolicy> choose_policy(const PolicyOptions& options) {
  if (options.file.empty()) {
    auto chosen = policy_from(kDefaultPolicy, std::string(kDefaultName), options.labels);
    if (!chosen) return chosen;
    chosen->notes.emplace_back(
        "Without --policy colocation-config and resource-threshold-config are enabled, with Koordinator's defaults.");
    return chosen;
  }
  const auto file = files::MappedFile::open(options.file);
  if (!file) return file.error();
  return policy_from(file->bytes(), options.file, options.labels);
}

}  // namespace tideline::planner_program
