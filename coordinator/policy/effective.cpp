#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

#include <fmt/format.h>

#include "coordinator/policy/node_annotations.h"
#include "coordinator/policy/policy.h"

namespace tideline::policy {
namespace {

using model::ColocationPolicy;
using model::NodePolicy;

constexpr int kAll = 100;

/// A node's own word for one key of colocation-config.
struct RatioLabel {
  std::string_view label;
  std::string_view key;
  int ColocationPolicy::*field;
  int most;  // percent
};
// Shares of capacity are cut: nodes refuse a policy that says more than all.
constexpr std::array<RatioLabel, 4> kRatioLabels = {
    {{"node.koordinator.sh/cpu-reclaim-ratio", "cpuReclaimThresholdPercent",
      &ColocationPolicy::cpu_reclaim_threshold_percent, INT_MAX},
     {"node.koordinator.sh/memory-reclaim-ratio", "memoryReclaimThresholdPercent",
      &ColocationPolicy::memory_reclaim_threshold_percent, INT_MAX},
     {"node.koordinator.sh/mid-static-cpu-reserved-ratio", "midStaticCPUReservedPercent",
      &ColocationPolicy::mid_static_cpu_reserved_percent, kAll},
     {"node.koordinator.sh/mid-static-memory-reserved-ratio", "midStaticMemoryReservedPercent",
      &ColocationPolicy::mid_static_memory_reserved_percent, kAll}}};

const NodeEntry* first_match(const Section& section, const Labels& labels) {
  for (const NodeEntry& entry : section.nodes) {
    if (entry.selector && entry.selector->matches(labels)) return &entry;
  }
  return nullptr;
}

/// Koordinator's percent of a ratio label: trunc(100 ratio).
std::optional<int> percent_label(const Labels& labels, std::string_view name, std::vector<std::string>* problems) {
  const auto label = labels.find(std::string(name));
  if (label == labels.end()) return std::nullopt;
  const std::string& text = label->second;
  double ratio = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ratio);
  constexpr double kMaxRatio = 1e6;
  if (error != std::errc() || end != text.data() + text.size() || !(ratio >= 0) || ratio > kMaxRatio) {
    if (problems) {
      problems->push_back(
          fmt::format("label {} is \"{}\"; want a ratio >= 0; it is ignored", name, text.substr(0, 64)));
    }
    return std::nullopt;
  }
  return static_cast<int>(ratio * 100);
}

void overlay(ScalingStrategy& strategy, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    if (setting.key->apply_scaling) setting.key->apply_scaling(strategy, setting.value);
  }
}

ScalingStrategy strategy_for(const ClusterPolicy& policy, const Labels& labels) {
  ScalingStrategy strategy;
  for (const Section* section : {&policy.normalization, &policy.amplification}) {
    overlay(strategy, section->cluster);
    if (const NodeEntry* entry = first_match(*section, labels)) overlay(strategy, entry->settings);
  }
  return strategy;
}

}  // namespace

void overlay(NodePolicy& policy, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    if (setting.key->apply) setting.key->apply(policy, setting.value);
  }
}

FleetPolicy fleet_policy(const ClusterPolicy& policy) {
  FleetPolicy fleet;
  for (const Setting& setting : policy.tideline.cluster) {
    if (setting.key->apply_fleet) setting.key->apply_fleet(fleet, setting.value);
  }
  return fleet;
}

std::string_view matching_entry(const Section& section, const Labels& labels) {
  const NodeEntry* entry = first_match(section, labels);
  return entry ? std::string_view(entry->name) : std::string_view();
}

std::string_view overriding_label(const KeySpec& key, const Labels& labels) {
  if (key.document == kNormalizationKey) return normalization_label(labels) ? kNormalizationLabel : std::string_view();
  if (key.document != kColocationKey) return {};
  for (const RatioLabel& ratio : kRatioLabels) {
    if (ratio.key == key.path && percent_label(labels, ratio.label, nullptr)) return ratio.label;
  }
  return {};
}

bool is_ratio_label(std::string_view label) {
  return label == kNormalizationLabel || std::any_of(kRatioLabels.begin(), kRatioLabels.end(),
                                                     [&](const RatioLabel& ratio) { return ratio.label == label; });
}

NodeFacts facts_of(const model::NodeStatus& status) {
  return {status.labels, status.annotations, status.cpu};
}

Normalization normalization_on(const ClusterPolicy& policy, const NodeFacts& node) {
  return normalization_of(strategy_for(policy, node.labels), node.labels, node.cpu);
}

NodePolicy effective_on(const ClusterPolicy& policy, const NodeFacts& of, std::vector<std::string>* label_problems) {
  NodePolicy node;
  for (const auto& [document, member] : kSections) {
    const Section& section = policy.*member;
    overlay(node, section.cluster);
    const bool cluster_enable = node.colocation.enable;
    if (const NodeEntry* entry = first_match(section, of.labels)) overlay(node, entry->settings);
    if (document != kColocationKey) continue;
    overlay(node, annotated_settings(of.annotations));
    node.colocation.enable = cluster_enable && node.colocation.enable;
  }
  for (const RatioLabel& ratio : kRatioLabels) {
    if (const auto percent = percent_label(of.labels, ratio.label, label_problems)) {
      node.colocation.*ratio.field = std::min(*percent, ratio.most);
    }
  }
  const auto strategy = strategy_for(policy, of.labels);
  node.scaling = scaling_of(strategy, normalization_of(strategy, of.labels, of.cpu, label_problems).ratio);
  return node;
}

NodePolicy effective(const ClusterPolicy& policy, const Labels& labels, std::vector<std::string>* label_problems) {
  return effective_on(policy, {labels, {}, {}}, label_problems);
}

}  // namespace tideline::policy
