#pragma once
// What a node's annotations say: node.koordinator.sh/colocation-strategy of its policy, and what is wrong with it and
// with those that the ledger reads (messages/model/node_annotations.h).

#include <string>
#include <vector>

#include "coordinator/policy/policy.h"
#include "messages/model/node_annotations.h"

namespace tideline::policy {

/// The keys of colocation-config that the annotation sets, a JSON object of them. None where it is absent or cannot be
/// read, as a whole: then the policy holds without it, as Koordinator has it.
std::vector<Setting> annotated_settings(const model::NodeAnnotations& annotations);

/// For people, one text each: what cannot be used or is not acted on, and what holds instead.
std::vector<std::string> annotation_problems(const model::NodeAnnotations& annotations);

/// Whether effective_on() gives the same for both: the ledger reads the others with each report.
bool same_strategy(const model::NodeAnnotations& a, const model::NodeAnnotations& b);
/// Of the annotations those that effective_on() looks at.
model::NodeAnnotations strategy_of(const model::NodeAnnotations& annotations);

}  // namespace tideline::policy
