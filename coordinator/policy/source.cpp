#include "coordinator/policy/source.h"

#include <algorithm>

#include <fmt/format.h>

#include "coordinator/policy/json_text.h"
#include "coordinator/policy/node_annotations.h"
#include "coordinator/policy/reader.h"

namespace tideline::policy {
namespace {

const Setting* setting_of(const std::vector<Setting>& settings, const KeySpec& key) {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) { return setting.key == &key; });
  return found == settings.end() ? nullptr : &*found;
}

bool is_result(const KeySpec& key) {
  const auto& results = result_table();
  return std::any_of(results.begin(), results.end(), [&](const KeySpec& result) { return &result == &key; });
}

/// A result is of all keys of its document.
bool has(const std::vector<Setting>& settings, const KeySpec& key) {
  return is_result(key) ? !settings.empty() : setting_of(settings, key) != nullptr;
}

/// Whether the section says anything to a node that these entries apply to.
bool is_configured(const Section& section, const Winners& winners) {
  const auto* found = std::find_if(kSections.begin(), kSections.end(),
                                   [&](const auto& each) { return each.first == kAmplificationKey; });
  const auto winner = winners[static_cast<std::size_t>(found - kSections.begin())];
  return !section.cluster.empty() || (winner && !section.nodes[*winner].settings.empty());
}

}  // namespace

std::string entry_text(std::string_view document, const Section& section, std::size_t index) {
  const Shape* shape = shape_of(document);
  std::string place = fmt::format("{}[{}]", shape ? shape->nodes : "entries", index);
  const std::string& name = section.nodes[index].name;
  if (name.empty()) return place;
  // One byte more than is shown tells shown() that there is more; a name may have a megabyte.
  return fmt::format("{} {}", place, shown(nlohmann::json(name.substr(0, Limits::kMaxShownBytes + 1))));
}

std::string source_of(const ClusterPolicy& policy, const NodeFacts& node, const Winners& winners, const KeySpec& key) {
  if (const auto label = overriding_label(key, node.labels); !label.empty()) return fmt::format("label {}", label);
  // The CPU's is times the normalisation, which may be all there is to it.
  if (key.path == "resource-amplification-ratio.cpu" && !is_configured(policy.amplification, winners)) {
    return source_of(policy, node, winners, result_table().front());
  }
  const auto* named = std::find_if(kSections.begin(), kSections.end(),
                                   [&](const auto& section) { return section.first == key.document; });
  if (named == kSections.end()) return "default";
  const Section& section = policy.*named->second;
  const Setting* of_cluster = setting_of(section.cluster, key);
  // Colocation is on where both say so: off in the cluster, an entry has no say.
  const bool off_in_cluster = key.document == kColocationKey && key.path == "enable" &&
                              (of_cluster == nullptr || !std::get<bool>(of_cluster->value));
  if (key.document == kColocationKey && !off_in_cluster &&
      setting_of(annotated_settings(node.annotations), key) != nullptr) {
    return fmt::format("annotation {}", model::kColocationStrategyAnnotation);
  }
  const auto winner = winners[static_cast<std::size_t>(named - kSections.begin())];
  if (winner && !off_in_cluster && has(section.nodes[*winner].settings, key)) {
    return entry_text(key.document, section, *winner);
  }
  if (!has(section.cluster, key)) return "default";
  const Shape* shape = shape_of(key.document);
  return shape == nullptr || shape->cluster.empty() ? "top level" : std::string(shape->cluster);
}

}  // namespace tideline::policy
