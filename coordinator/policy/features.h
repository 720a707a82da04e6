#pragma once
// What a policy asks of a node's kernel, feature by feature as nodes name them (docs/operations.md), and what a node
// lacks for it. The node's own controllers decide; a test holds this against them.

#include <string>
#include <string_view>
#include <vector>

#include "messages/model/policy.h"
#include "messages/model/report.h"

namespace tideline::policy {

/// Asked for, and not done there, wholly or in part.
struct Lack {
  std::string feature;  // "cpuBurst.kernel"
  std::string why;      // "cpu-burst: ..." as the node told it; "; " between several
  friend bool operator==(const Lack&, const Lack&) = default;
};

/// By the knobs that the node probed and by its protection. A node that told no knobs lacks none as far as is known.
std::vector<Lack> lacks(const model::NodePolicy& policy, const model::NodeStatus& status);

/// What the node would lack under `then` while it acts on `now`: the same, and what it says by itself is unsupported,
/// unless `now` alone explains it.
std::vector<Lack> lacks_after(const model::NodePolicy& now, const model::NodePolicy& then,
                              const model::NodeStatus& status);

/// Whether the policy asks for features of this name; the others are asked for by pods.
bool is_of_policy(std::string_view feature);

}  // namespace tideline::policy
