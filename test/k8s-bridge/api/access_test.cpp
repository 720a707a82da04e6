#include "k8s-bridge/api/access.h"

#include <string>

#include <gmock/gmock.h>

#include "k8s-bridge/api/address.h"
#include "test/support/temp_dir.h"

namespace tideline::k8s_api::access_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

class ServiceAccountTest : public testing::Test {
 protected:
  void expect_refused(const std::string& host, const std::string& port, ErrorCode code, const std::string& part) const {
    const auto access = service_account_access(dir_.str(), host, port);
    ASSERT_FALSE(access.ok()) << part;
    EXPECT_EQ(access.error().code(), code) << access.error().message();
    EXPECT_THAT(access.error().message(), HasSubstr(part));
  }

  test::TempDir dir_;
};

TEST_F(ServiceAccountTest, IsThePodsTokenAndAuthority) {
  dir_.write("token", "t");
  dir_.write("ca.crt", "c");
  for (const char* host : {"10.96.0.1", "fd00::1"}) {
    const auto access = service_account_access(dir_.str(), host, "6443");
    ASSERT_TRUE(access.ok()) << access.error().message();
    EXPECT_EQ(access->host, host);
    EXPECT_EQ(access->port, 6443);
    EXPECT_EQ(access->token_file, dir_.str() + "/token") << "it is rotated: the file is what counts";
    EXPECT_EQ(access->token, "");
    EXPECT_EQ(access->ca_file, dir_.str() + "/ca.crt");
    EXPECT_EQ(access->server_name, "kubernetes.default.svc");
    EXPECT_THAT(access->source, HasSubstr(dir_.str()));
  }
}

TEST_F(ServiceAccountTest, NamesWhatIsMissing) {
  expect_refused("", "443", ErrorCode::kNotFound, "KUBERNETES_SERVICE_HOST");
  expect_refused("10.96.0.1", "", ErrorCode::kNotFound, "KUBERNETES_SERVICE_PORT");
  expect_refused("10.96.0.1", "443", ErrorCode::kNotFound, dir_.str() + "/token");
  dir_.write("token", "t");
  expect_refused("10.96.0.1", "443", ErrorCode::kNotFound, dir_.str() + "/ca.crt");
  dir_.write("ca.crt", "");
  expect_refused("10.96.0.1", "443", ErrorCode::kInvalidArgument, "ca.crt: empty");
  for (const char* port : {"0", "65536", "-1", "https", "443 "})
    expect_refused("10.96.0.1", port, ErrorCode::kInvalidArgument, port);
}

TEST(Address, ANameIsProvedByItselfAndAnIpByTheNameGiven) {
  Access access;
  access.host = "api.example.com";
  EXPECT_EQ(*name_to_prove(access), "api.example.com");
  access.server_name = "other.example.com";
  EXPECT_EQ(*name_to_prove(access), "other.example.com");
  access.host = "10.0.0.1";
  EXPECT_EQ(*name_to_prove(access), "other.example.com");
  access.server_name.clear();
  for (const char* host : {"10.0.0.1", "::1", ""}) {
    access.host = host;
    EXPECT_EQ(name_to_prove(access).error().code(), ErrorCode::kInvalidArgument) << host;
  }
}

}  // namespace
}  // namespace tideline::k8s_api::access_test
