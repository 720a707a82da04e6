#include "coordinator/admin/roles.h"

#include <algorithm>

#include <fmt/format.h>

namespace tideline::admin {

const std::vector<MethodRule>& method_rules() {
  using link::Role;
  static const std::vector<MethodRule> rules = {
      {"nodes", Role::kViewer},
      {"node", Role::kViewer},
      {"pods", Role::kViewer},
      {"reclaimed", Role::kViewer},
      {"history", Role::kViewer},
      {"events", Role::kViewer},
      {"policyGet", Role::kViewer},
      {"policyApply", Role::kOperator},
      {"policyStatus", Role::kViewer},
      {"watch", Role::kViewer},
      {"whoami", Role::kViewer},
      {"explain", Role::kViewer},
      {"handsOffBegin", Role::kOperator},
      {"handsOffList", Role::kViewer},
      {"handsOffEnd", Role::kOperator},
      {"release", Role::kOperator},
      {"resume", Role::kOperator},
      {"policyCheck", Role::kViewer},
      {"explainReclaimed", Role::kViewer},
      {"cluster", Role::kViewer},
      {"historyQuery", Role::kViewer},
      {"historyPods", Role::kViewer},
      {"historyState", Role::kViewer},
      {"historyVerify", Role::kOperator},
      {"historyBackup", Role::kAdmin},
  };
  return rules;
}

model::Result<void> permit(std::string_view method, const link::Operator& caller) {
  const auto& rules = method_rules();
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const MethodRule& r) { return r.method == method; });
  if (rule == rules.end()) {
    return model::Error(model::ErrorCode::kPermissionDenied,
                        fmt::format("{} has no rule in the role table, so nobody may call it", method));
  }
  if (caller.role >= rule->least) return {};
  return model::Error(model::ErrorCode::kPermissionDenied,
                      fmt::format("{} needs the role {}; {} has the role {}", method, link::name_of(rule->least),
                                  caller.name, link::name_of(caller.role)));
}

}  // namespace tideline::admin
