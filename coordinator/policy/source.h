#pragma once
// Which part of the policy gives a node the value of a key.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/policy/policy.h"

namespace tideline::policy {

/// Of each of kSections the entry that applies to a node; nullopt: the cluster strategy alone.
using Winners = std::array<std::optional<std::size_t>, kSections.size()>;

/// For people: "default"; "clusterStrategy", of colocation-config "top level"; entry_text() of the entry that applies;
/// "label node.koordinator.sh/cpu-reclaim-ratio"; "annotation node.koordinator.sh/colocation-strategy". `winners` are
/// of the node's labels.
std::string source_of(const ClusterPolicy& policy, const NodeFacts& node, const Winners& winners, const KeySpec& key);

/// `nodeStrategies[2] "db"`, of colocation-config nodeConfigs; without a name only the place. A name is cut at
/// Limits::kMaxShownBytes.
std::string entry_text(std::string_view document, const Section& section, std::size_t index);

}  // namespace tideline::policy
