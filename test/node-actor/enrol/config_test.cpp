#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/enrol/enroller.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::enrol {
namespace {

using model::ErrorCode;
using testing::HasSubstr;
using testing::Not;

class EnrolConfigTest : public testing::Test {
 protected:
  EnrolConfig config() const {
    EnrolConfig made;
    made.address = "10.0.0.5:7403";
    made.server_name = "coordinator.tideline";
    made.server_ca = ca_.ca_file();
    made.token_file = token_;
    made.files = {dir_.str() + "/tls.crt", dir_.str() + "/tls.key", dir_.str() + "/ca-of-tls.crt"};
    made.node = model::NodeName("n1");
    return made;
  }

  const test::TempDir dir_;
  const test::CertAuthority ca_{dir_.str(), "ca"};
  const std::string token_ = dir_.write("token", "s3cret\n");
};

TEST_F(EnrolConfigTest, AWholeOneIsReady) {
  const auto ready = check_ready(config());
  EXPECT_TRUE(ready) << ready.error().message();
}

TEST_F(EnrolConfigTest, WhatStaysWrongIsRefusedAtTheStart) {
  struct Row {
    std::function<void(EnrolConfig&)> spoil;
    const char* why;
  };
  const std::vector<Row> rows{{[](EnrolConfig& bad) { bad.address = ""; }, "want host:port"},
                              {[](EnrolConfig& bad) { bad.address = "coordinator"; }, "\"coordinator\""},
                              {[](EnrolConfig& bad) { bad.server_name = ""; }, "server name"},
                              {[](EnrolConfig& bad) { bad.server_name = "*.tideline"; }, "*.tideline"},
                              {[](EnrolConfig& bad) { bad.server_ca = ""; }, "authorities"},
                              {[](EnrolConfig& bad) { bad.token_file = ""; }, "token"},
                              {[](EnrolConfig& bad) { bad.node = {}; }, "node"},
                              {[](EnrolConfig& bad) { bad.files.key = ""; }, "no key file"},
                              {[](EnrolConfig& bad) { bad.files.ca = "/elsewhere/ca.crt"; }, "one directory"},
                              {[](EnrolConfig& bad) { bad.retry_min = model::kZeroDuration; }, "pauses"},
                              {[](EnrolConfig& bad) { bad.retry_max = bad.retry_min / 2; }, "pauses"},
                              {[](EnrolConfig& bad) { bad.request_deadline = model::kZeroDuration; }, "deadline"}};
  for (const auto& [spoil, why] : rows) {
    auto bad = config();
    spoil(bad);
    const auto refused = check_config(bad);
    ASSERT_FALSE(refused) << why;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument) << why;
    EXPECT_THAT(refused.error().message(), HasSubstr(why));
    EXPECT_FALSE(Enroller::start(bad)) << why;
  }
}

TEST_F(EnrolConfigTest, WhatMayBecomeGoodIsNamedAndWaitedFor) {
  struct Row {
    std::function<void(EnrolConfig&)> spoil;
    const char* why;
  };
  const std::vector<Row> rows{
      {[](EnrolConfig& bad) { bad.server_ca = "/nonexistent/ca.crt"; }, "/nonexistent/ca.crt"},
      {[this](EnrolConfig& bad) { bad.server_ca = dir_.write("empty", ""); }, "no PEM certificate"},
      {[](EnrolConfig& bad) { bad.token_file = "/nonexistent/token"; }, "/nonexistent/token"},
      {[this](EnrolConfig& bad) { bad.token_file = dir_.write("words", "s3cret words"); }, "one word"},
      {[](EnrolConfig& bad) {
         bad.files = {"/nonexistent/tls.crt", "/nonexistent/tls.key", "/nonexistent/ca.crt"};
       },
       "/nonexistent: is no directory"}};
  for (const auto& [spoil, why] : rows) {
    auto early = config();
    spoil(early);
    EXPECT_TRUE(check_config(early)) << why;
    const auto refused = check_ready(early);
    ASSERT_FALSE(refused) << why;
    EXPECT_THAT(refused.error().message(), HasSubstr(why));
    EXPECT_THAT(refused.error().message(), Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace tideline::enrol
