#pragma once
// Koordinator's ConfigMap JSON (slo-controller-config / ack-slo-config) -> checked, typed policy -> one node's policy.
//
// Accepted input, each a Document: one data key's bare JSON in a document named after the key ("colocation-config" or
// "…/colocation-config.json"), or a whole ConfigMap object, {"data": {"colocation-config": "<json string>", ...}},
// under any name. A key may come once over all documents. A document that is absent leaves its section at the defaults.
// tideline-config, Tideline's own, is read beside Koordinator's keys. JSON null counts as absent. Keys are spelt as
// Koordinator spells them, case included.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/policy/keys.h"
#include "coordinator/policy/limits.h"
#include "coordinator/policy/selector.h"
#include "messages/model/node_annotations.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::policy {

struct Document {
  std::string name;  // file name or data key; tells which key the text is for, and appears in errors
  std::string text;
  friend bool operator==(const Document&, const Document&) = default;
};

/// Something accepted but not acted on. Never an error, never silent: callers show it.
struct Notice {
  std::string document;  // name of the input, e.g. "/etc/tideline/policy/resource-threshold-config.json"
  std::string path;      // "$.clusterStrategy.lsClass.blkioQOS.enable"; of several places the first
  std::string why;
  friend bool operator==(const Notice&, const Notice&) = default;
};

struct Setting {
  const KeySpec* key = nullptr;  // into key_table()
  Scalar value;
  friend bool operator==(const Setting&, const Setting&) = default;
};

/// An entry of nodeConfigs / nodeStrategies. Without a selector (absent or null) it matches no node.
struct NodeEntry {
  std::string name;
  std::optional<Selector> selector;
  std::vector<Setting> settings;
  friend bool operator==(const NodeEntry&, const NodeEntry&) = default;
};

struct Section {
  std::vector<Setting> cluster;
  std::vector<NodeEntry> nodes;
  friend bool operator==(const Section&, const Section&) = default;
};

/// The whole policy: the settings the model has fields for. What is not acted on is (also) in `notices`.
struct ClusterPolicy {
  Section colocation;
  Section threshold;
  Section qos;
  Section burst;
  Section host_applications;
  Section tideline;
  Section normalization;
  Section amplification;
  std::vector<Notice> notices;
  /// Data key -> JSON text as it came, in the order of key names: what `policy get` shows, and a change of which makes
  /// a new version.
  std::vector<Document> documents;
  friend bool operator==(const ClusterPolicy&, const ClusterPolicy&) = default;
};

/// The sections by data key, in the order in which they are laid over one another.
inline constexpr std::array<std::pair<std::string_view, Section ClusterPolicy::*>, 8> kSections = {
    {{kColocationKey, &ClusterPolicy::colocation},
     {kThresholdKey, &ClusterPolicy::threshold},
     {kQosKey, &ClusterPolicy::qos},
     {kBurstKey, &ClusterPolicy::burst},
     {kHostApplicationsKey, &ClusterPolicy::host_applications},
     {kTidelineKey, &ClusterPolicy::tideline},
     {kNormalizationKey, &ClusterPolicy::normalization},
     {kAmplificationKey, &ClusterPolicy::amplification}}};

/// All or nothing, cross-field rules (cross_check.h) included. The error names document, JSON path (or line, column and
/// byte), value and allowed range, and says that nothing of the input is applied: the caller keeps the policy it has.
/// Codes: kMalformed (no JSON), kInvalidArgument (JSON, but not a policy), kOverloaded (beyond Limits).
model::Result<ClusterPolicy> parse(const std::vector<Document>& documents);

/// What a node's policy depends on beside the documents.
struct NodeFacts {
  Labels labels;
  model::NodeAnnotations annotations;
  model::CpuKind cpu{};
  friend auto operator<=>(const NodeFacts&, const NodeFacts&) = default;
};
NodeFacts facts_of(const model::NodeStatus& status);

/// Built-in defaults, then the cluster strategy, then the first entry whose selector matches, then for colocation the
/// node's annotation node.koordinator.sh/colocation-strategy (node_annotations.h; one that cannot be read is ignored)
/// and its labels node.koordinator.sh/{cpu,memory}-reclaim-ratio and mid-static-{cpu,memory}-reserved-ratio (ratio >=
/// 0, percent = trunc(100 ratio), the latter at most 100; a bad value is ignored and described in `label_problems` if
/// given). Colocation is on only where both cluster and merged `enable`
/// are. Of host applications an entry that matches has all; the cluster's list is then not looked at. Ratios come from
/// the strategies that apply and the node's CPU: normalization_of(), scaling_of(). version and epoch are 0: the caller
/// stamps them.
model::NodePolicy effective_on(const ClusterPolicy& policy, const NodeFacts& node,
                               std::vector<std::string>* label_problems = nullptr);
/// What gives the node its normalisation.
Normalization normalization_on(const ClusterPolicy& policy, const NodeFacts& node);
/// Of a node without annotations, of whose CPU nothing is known.
model::NodePolicy effective(const ClusterPolicy& policy, const Labels& labels,
                            std::vector<std::string>* label_problems = nullptr);

/// What the policy says for the whole fleet, over the defaults.
FleetPolicy fleet_policy(const ClusterPolicy& policy);

/// Lays the settings over the policy, one after the other; those of the whole fleet say nothing to a node.
void overlay(model::NodePolicy& policy, const std::vector<Setting>& settings);

/// The name of the entry effective() takes for these labels, "" for the cluster strategy alone.
std::string_view matching_entry(const Section& section, const Labels& labels);

/// The node label that effective() takes this key's value from, "" if there is none or it is bad.
std::string_view overriding_label(const KeySpec& key, const Labels& labels);
/// Whether effective() looks at this label beside those that selectors name.
bool is_ratio_label(std::string_view label);

}  // namespace tideline::policy
