#include "messages/link/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::link {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

Certificate client(std::vector<std::string> dns_names) {
  Certificate certificate;
  certificate.dns_names = std::move(dns_names);
  certificate.serial = "2A";
  certificate.for_client = true;
  return certificate;
}

Certificate person(const std::string& common_name) {
  Certificate certificate = client({});
  certificate.common_name = common_name;
  return certificate;
}

TEST(NodeIdentity, IsTheLabelBeforeTheNodeDomain) {
  EXPECT_EQ(node_of(client({"n1.node.tideline"}))->str(), "n1");
  EXPECT_EQ(node_of(client({"worker-3.rack2.node.tideline"}))->str(), "worker-3.rack2");
  EXPECT_EQ(node_of(client({"n1.example.com", "n1.node.tideline"}))->str(), "n1");
}

TEST(NodeIdentity, RefusesWildcardsWhereverTheyStand) {
  for (const auto& names : std::vector<std::vector<std::string>>{{"*.node.tideline"},
                                                                 {"n*.node.tideline"},
                                                                 {"n1.node.tideline", "*.node.tideline"},
                                                                 {"*.example.com", "n1.node.tideline"}}) {
    const auto node = node_of(client(names));
    ASSERT_FALSE(node) << names.front();
    EXPECT_EQ(node.error().code(), ErrorCode::kPermissionDenied);
    EXPECT_THAT(node.error().message(), HasSubstr("wildcard"));
  }
}

TEST(NodeIdentity, RefusesACertificateForNoneOrForTwo) {
  EXPECT_THAT(node_of(client({})).error().message(), HasSubstr("no DNS SAN"));
  EXPECT_THAT(node_of(client({"n1.example.com"})).error().message(), HasSubstr("n1.example.com"));
  EXPECT_THAT(node_of(client({"n1.node.tideline", "n2.node.tideline"})).error().message(), HasSubstr("more than one"));
  EXPECT_FALSE(node_of(person("n1.node.tideline"))) << "a CN is no node identity";
}

TEST(NodeIdentity, RefusesNamesThatAreNoNodeNames) {
  for (const auto* name : {".node.tideline", "..node.tideline", "N1.node.tideline", "a b.node.tideline",
                           "../x.node.tideline", "n1.node.tideline.evil.com", "n1.node.tideline."}) {
    EXPECT_FALSE(node_of(client({name}))) << name;
  }
}

TEST(NodeIdentity, NeedsClientAuth) {
  Certificate certificate = client({"n1.node.tideline"});
  certificate.for_client = false;
  certificate.for_server = true;
  EXPECT_THAT(node_of(certificate).error().message(), HasSubstr("clientAuth"));
}

TEST(OperatorIdentity, IsRoleAndNameFromTheCommonName) {
  EXPECT_EQ(*operator_of(person("viewer:ann")), (Operator{Role::kViewer, "ann"}));
  EXPECT_EQ(*operator_of(person("operator:bo@example.com")), (Operator{Role::kOperator, "bo@example.com"}));
  EXPECT_EQ(*operator_of(person("admin:root")), (Operator{Role::kAdmin, "root"}));
}

TEST(OperatorIdentity, RefusesAnythingElse) {
  for (const auto* name : {"", "ann", "admin", "admin:", "Admin:ann", "root:ann", " admin:ann", "admin:a b",
                           "xadmin:ann", "admin :ann", "admin:ann\n"}) {
    const auto person_or_error = operator_of(person(name));
    ASSERT_FALSE(person_or_error) << name;
    EXPECT_EQ(person_or_error.error().code(), ErrorCode::kPermissionDenied);
  }
  Certificate server_only = person("admin:ann");
  server_only.for_client = false;
  EXPECT_FALSE(operator_of(server_only));
}

TEST(UnixIdentity, RootIsAdminTheGroupViewsOthersStayOut) {
  EXPECT_EQ(operator_of(UnixPeer{.uid = 0, .gid = 0, .pid = 1, .groups = {}}, 990)->role, Role::kAdmin);
  EXPECT_EQ(operator_of(UnixPeer{.uid = 1000, .gid = 990, .pid = 1, .groups = {}}, 990)->role, Role::kViewer);
  EXPECT_EQ(operator_of(UnixPeer{.uid = 1000, .gid = 1000, .pid = 1, .groups = {4, 990}}, 990)->role, Role::kViewer);
  EXPECT_FALSE(operator_of(UnixPeer{.uid = 1000, .gid = 1000, .pid = 1, .groups = {4, 0}}, 990));
  EXPECT_FALSE(operator_of(UnixPeer{.uid = 1000, .gid = 0, .pid = 1, .groups = {}}, std::nullopt));
}

}  // namespace
}  // namespace tideline::link
