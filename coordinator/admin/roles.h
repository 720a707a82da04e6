#pragma once
// The one table of who may call what.

#include <optional>
#include <string_view>
#include <vector>

#include "messages/link/identity.h"
#include "messages/model/result.h"

namespace tideline::admin {

struct MethodRule {
  std::string_view method;  // as admin.capnp spells it
  link::Role least = link::Role::kAdmin;
};

/// One rule per method of schema::Admin, in ordinal order.
const std::vector<MethodRule>& method_rules();

/// kPermissionDenied, naming caller, role, method and needed role. A method without a rule is refused for everybody.
model::Result<void> permit(std::string_view method, const link::Operator& caller);

}  // namespace tideline::admin
