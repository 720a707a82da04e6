#pragma once
// The pods of a host without Kubernetes: a JSON file that a person or a tool writes. Documented in docs/pods-file.md.

#include <string>
#include <string_view>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/result.h"

namespace tideline::node {

/// Text of a pods file -> pods. Unknown fields, wrong types, duplicate uids, bad quantities and values that no report
/// may carry are errors that name the pod and the field; so are more pods than fit a report. `source` names the file in
/// them.
model::Result<std::vector<model::Pod>> parse_pods_file(std::string_view text, std::string_view source);

}  // namespace tideline::node
