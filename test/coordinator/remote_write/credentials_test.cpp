#include "coordinator/remote_write/credentials.h"

#include <gmock/gmock.h>

#include "messages/link/pem.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::remote_write {
namespace {

using testing::HasSubstr;
using testing::Not;

class Secrets : public testing::Test {
 protected:
  /// What is wrong with the config, "" for nothing.
  static std::string wrong(const RemoteWriteConfig& config) {
    const auto checked = check(config);
    return checked ? "" : checked.error().message();
  }
  static RemoteWriteConfig to(const std::string& url) {
    RemoteWriteConfig config;
    config.url = url;
    return config;
  }
  std::string authorization(const RemoteWriteConfig& config) const {
    const auto read = read_credentials(config);
    return read ? read->authorization : read.error().message();
  }

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
};

TEST_F(Secrets, ATokenIsOneWord) {
  auto config = to("https://h/x");
  config.token_file = dir_.write("token", "  abc.def-1\n");
  EXPECT_EQ(wrong(config), "");
  EXPECT_EQ(authorization(config), "Bearer abc.def-1");
  for (const auto* text : {"", "\n", "a secret", "a\nsecret", "secret\x01"}) {
    dir_.write("token", text);
    const auto said = wrong(config);
    EXPECT_THAT(said, HasSubstr(config.token_file)) << text;
    EXPECT_THAT(said, Not(HasSubstr("secret")));
  }
  config.token_file = dir_.str() + "/nowhere";
  EXPECT_THAT(wrong(config), HasSubstr("/nowhere"));
}

TEST_F(Secrets, APasswordMayHoldColonsAndBlanks) {
  auto config = to("https://h/x");
  config.basic_auth_file = dir_.write("password", "me:a: b\n");
  EXPECT_EQ(wrong(config), "");
  EXPECT_EQ(authorization(config), "Basic bWU6YTogYg==");
  for (const auto* text : {"secret", ":secret", "me:a\nsecret:b"}) {
    dir_.write("password", text);
    EXPECT_THAT(wrong(config), HasSubstr(config.basic_auth_file)) << text;
    EXPECT_THAT(wrong(config), Not(HasSubstr("secret")));
  }
}

TEST_F(Secrets, NoSecretGoesInClearToAnotherMachine) {
  const auto token = dir_.write("token", "abc");
  for (const auto* url : {"http://prometheus:9090/x", "http://10.0.0.1:9090/x"}) {
    auto config = to(url);
    EXPECT_EQ(wrong(config), "");
    config.token_file = token;
    EXPECT_THAT(wrong(config), HasSubstr("in clear")) << url;
  }
  for (const auto* url : {"http://127.0.0.1:9090/x", "http://localhost:9090/x", "https://prometheus/x"}) {
    auto config = to(url);
    config.token_file = token;
    EXPECT_EQ(wrong(config), "") << url;
  }
}

TEST_F(Secrets, WhatDoesNotGoTogetherIsNamed) {
  const auto own = ca_.person("viewer", "me");
  auto config = to("https://h/x");
  config.certificate_file = own.certificate;
  EXPECT_THAT(wrong(config), HasSubstr("its key"));
  config.key_file = own.key;
  EXPECT_EQ(wrong(config), "");
  config.url = "http://h/x";
  EXPECT_THAT(wrong(config), HasSubstr("for https"));
  config = to("https://h/x");
  config.token_file = dir_.write("token", "abc");
  config.basic_auth_file = dir_.write("password", "me:abc");
  EXPECT_THAT(wrong(config), HasSubstr("not both"));
  EXPECT_THAT(wrong(to("https://10.0.0.1/x")), HasSubstr("not an address"));
  config = to("https://10.0.0.1/x");
  config.server_name = "prometheus";
  EXPECT_EQ(wrong(config), "");
}

TEST_F(Secrets, CertificatesAreChecked) {
  const auto own = ca_.person("viewer", "me");
  const auto other = ca_.person("viewer", "other");
  auto config = to("https://h/x");
  config.ca_file = own.key;
  EXPECT_THAT(wrong(config), HasSubstr("no certificate"));
  config.ca_file = ca_.ca_file();
  config.certificate_file = own.certificate;
  config.key_file = other.key;
  EXPECT_THAT(wrong(config), HasSubstr(other.key));
  config.key_file = own.key;
  EXPECT_EQ(wrong(config), "");
  const auto read = read_credentials(config);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(link::certificates_in(read->tls.ca + read->tls.ca).size(), 2u);
}

TEST_F(Secrets, NumbersThatCannotBeAreRefused) {
  auto config = to("http://h/x");
  config.interval = model::kZeroDuration;
  EXPECT_THAT(wrong(config), HasSubstr("interval"));
  config = to("http://h/x");
  config.queue_bytes = 0;
  EXPECT_THAT(wrong(config), HasSubstr("queue"));
  config = to("http://h/x");
  config.backoff_max = config.backoff_min / 2;
  EXPECT_THAT(wrong(config), HasSubstr("back-off"));
  config = to("http://h/x");
  config.user_agent = "a\r\nb";
  EXPECT_THAT(wrong(config), HasSubstr("user agent"));
}

}  // namespace
}  // namespace tideline::remote_write
