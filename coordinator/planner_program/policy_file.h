#pragma once
// The policy that a question is asked of.

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/policy/selector.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

struct PolicyOptions {
  std::string file;       // "" = defaults
  policy::Labels labels;  // of the node that it is read for
};

struct ChosenPolicy {
  model::ColocationPolicy colocation;
  model::ThresholdPolicy threshold;
  std::string name;  // the file's without folder and ".json", "defaults" without one
  std::string text;  // JSON, as it was given
  std::string fact;  // a line for a report
  std::vector<std::string> notes;
};

/// Without a file colocation-config and resource-threshold-config are enabled, with Koordinator's defaults, and a note
/// says so. Errors name file, key and place.
model::Result<ChosenPolicy> choose_policy(const PolicyOptions& options);

/// `text` is of one of these: a ConfigMap ({"data": {KEY: "JSON"}}); an object of such keys with the JSON as text or as
/// it is; the JSON of one key, where `file` is called KEY.json. Read as the coordinator does (coordinator/policy): what
/// it refuses is refused.
model::Result<ChosenPolicy> policy_from(std::string_view text, const std::string& file, const policy::Labels& labels);

}  // namespace tideline::planner_program
