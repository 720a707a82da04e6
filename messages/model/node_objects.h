#pragma once
// What Kubernetes has of one node and the pods bound to it, as the coordinator tells the node: pods are watched once
// for the whole cluster, and no node asks the API server.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/node_annotations.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::model {

/// Replaces the set before it whole.
struct NodeObjects {
  std::uint64_t number = 0;                   // rises with each change within a coordinator's term; 0 = none yet
  Epoch epoch;                                // the coordinator's term
  std::map<std::string, std::string> labels;  // of the Node
  NodeAnnotations annotations;                // of the Node, those that Tideline reads, within AnnotationLimits
  std::optional<MilliCpu> cpu_allocatable;    // of the Node; absent: what holds goes on
  std::optional<Bytes> memory_allocatable;
  std::vector<Pod> pods;  // bound to the node, ended ones too; at most ReportLimits::kMaxPods
  friend bool operator==(const NodeObjects&, const NodeObjects&) = default;
};

/// Semantic check of a set from outside, by the bounds of a report: each pod as validate(Report) judges it, no uid
/// twice, labels and annotations within their limits. Uids and container ids become parts of paths, so each must be
/// one. The error names pod and field.
Result<void> validate(const NodeObjects& objects);

}  // namespace tideline::model
