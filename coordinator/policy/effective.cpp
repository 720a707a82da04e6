#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "coordinator/policy/policy.h"

namespace tideline::policy {
namespace {

using model::NodePolicy;

const NodeEntry* first_match(const Section& section, const Labels& labels) {
  for (const NodeEntry& entry : section.nodes) {
    if (entry.selector && entry.selector->matches(labels)) return &entry;
  }
  return nullptr;
}

/// Koordinator's percent of a ratio label: trunc(100 ratio).
constexpr int kAll = 100;

std::optional<int> percent_label(const Labels& labels, const std::string& name, std::vector<std::string>* problems) {
  const auto label = labels.find(name);
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

NodePolicy effective(const ClusterPolicy& policy, const Labels& labels, std::vector<std::string>* label_problems) {
  NodePolicy node;
  for (const Section* section : {&policy.colocation, &policy.threshold, &policy.qos, &policy.burst, &policy.tideline}) {
    overlay(node, section->cluster);
    const bool cluster_enable = node.colocation.enable;
    if (const NodeEntry* entry = first_match(*section, labels)) overlay(node, entry->settings);
    if (section == &policy.colocation) node.colocation.enable = cluster_enable && node.colocation.enable;
  }
  auto& colocation = node.colocation;
  if (const auto percent = percent_label(labels, "node.koordinator.sh/cpu-reclaim-ratio", label_problems)) {
    colocation.cpu_reclaim_threshold_percent = *percent;
  }
  if (const auto percent = percent_label(labels, "node.koordinator.sh/memory-reclaim-ratio", label_problems)) {
    colocation.memory_reclaim_threshold_percent = *percent;
  }
  // Shares of capacity: nodes refuse a policy that says more than all.
  if (const auto percent = percent_label(labels, "node.koordinator.sh/mid-static-cpu-reserved-ratio", label_problems)) {
    colocation.mid_static_cpu_reserved_percent = std::min(*percent, kAll);
  }
  if (const auto percent =
          percent_label(labels, "node.koordinator.sh/mid-static-memory-reserved-ratio", label_problems)) {
    colocation.mid_static_memory_reserved_percent = std::min(*percent, kAll);
  }
  return node;
}

}  // namespace tideline::policy
