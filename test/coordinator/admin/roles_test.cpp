#include "coordinator/admin/roles.h"

#include <string>
#include <vector>

#include <capnp/schema.h>
#include <gmock/gmock.h>

#include "messages/schema/admin.capnp.h"

namespace tideline::admin {
namespace {

TEST(Roles, EveryMethodOfTheSchemaHasExactlyOneRule) {
  std::vector<std::string> ruled;
  for (const MethodRule& rule : method_rules())
    ruled.emplace_back(rule.method);
  std::vector<std::string> methods;
  for (const auto method : capnp::Schema::from<schema::Admin>().getMethods())
    methods.emplace_back(method.getProto().getName().cStr());
  EXPECT_EQ(ruled, methods);
}

TEST(Roles, AMethodWithoutARuleIsForNobody) {
  const auto permitted = permit("shutdown", {link::Role::kAdmin, "root"});
  ASSERT_FALSE(permitted.ok());
  EXPECT_EQ(permitted.error().code(), model::ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace tideline::admin
