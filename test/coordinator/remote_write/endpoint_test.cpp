#include "coordinator/remote_write/endpoint.h"

#include <gmock/gmock.h>

namespace tideline::remote_write {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string refusal(const std::string& url) {
  const auto endpoint = endpoint_from(url);
  if (endpoint) return "taken";
  EXPECT_EQ(endpoint.error().code(), model::ErrorCode::kInvalidArgument) << url;
  return endpoint.error().message();
}

TEST(Endpoint, IsSchemeHostPortAndPath) {
  const auto plain = endpoint_from("http://prometheus:9090/api/v1/write");
  ASSERT_TRUE(plain.ok()) << plain.error().message();
  EXPECT_EQ(*plain, (Endpoint{false, "prometheus", 9090, "/api/v1/write"}));
  EXPECT_EQ(address_of(*plain), "prometheus:9090");
  const auto secure = endpoint_from("https://mimir.example.com/api/v1/push?tenant=a");
  ASSERT_TRUE(secure.ok());
  EXPECT_EQ(*secure, (Endpoint{true, "mimir.example.com", 443, "/api/v1/push?tenant=a"}));
  const auto six = endpoint_from("http://[fd00::1]:8428/write");
  ASSERT_TRUE(six.ok());
  EXPECT_EQ(*six, (Endpoint{false, "fd00::1", 8428, "/write"}));
  EXPECT_EQ(address_of(*six), "[fd00::1]:8428");
  EXPECT_EQ(endpoint_from("http://[::1]/write")->port, 80);
}

TEST(Endpoint, IsShownWithoutItsQuery) {
  EXPECT_EQ(shown(*endpoint_from("https://h/push?token=secret")), "https://h:443/push");
}

TEST(Endpoint, WhatIsNoUrlIsNamed) {
  for (const auto* url : {"", "prometheus:9090/api", "ftp://h/x", "HTTP://h/x"})
    EXPECT_THAT(refusal(url), HasSubstr("http:// or https://")) << url;
  for (const auto* url : {"http://h", "http://h/", "http://h:1", "http://h?x=/y"})
    EXPECT_THAT(refusal(url), HasSubstr("want a path")) << url;
  for (const auto* url : {"http:///x", "http://a b/x", "http://h\r\nX: y/x", "http://h%41/x", "http://fd00::1/x"})
    EXPECT_NE(refusal(url), "taken") << url;
  for (const auto* url : {"http://h:0/x", "http://h:65536/x", "http://h:/x", "http://h:9x/x", "http://[::1]:/x"})
    EXPECT_THAT(refusal(url), HasSubstr("port")) << url;
  for (const auto* url : {"http://[::1/x", "http://[h]/x", "http://[::1]9/x"})
    EXPECT_NE(refusal(url), "taken") << url;
  EXPECT_THAT(refusal("http://h/x#y"), HasSubstr("#"));
  EXPECT_THAT(refusal("http://h/" + std::string(5'000, 'x')), HasSubstr("bytes"));
}

TEST(Endpoint, APasswordInTheUrlIsRefusedAndNotShown) {
  const auto said = refusal("https://me:secret@h/x");
  EXPECT_THAT(said, HasSubstr("file"));
  EXPECT_THAT(said, Not(HasSubstr("secret")));
  EXPECT_THAT(refusal("http://h:1?token=secret"), Not(HasSubstr("secret")));
  for (const auto* url : {"https://me:secret/1@h/x", "https://me:secret?1@h/x", "https://me:secret#1@h/x"}) {
    EXPECT_NE(refusal(url), "taken") << url;
    EXPECT_THAT(refusal(url), Not(HasSubstr("secret")));
  }
}

TEST(Endpoint, LoopbackIsThisMachineOnly) {
  const auto is_here = [](const std::string& host) { return is_loopback({false, host, 80, "/x"}); };
  EXPECT_TRUE(is_here("127.0.0.1"));
  EXPECT_TRUE(is_here("127.1.2.3"));
  EXPECT_TRUE(is_here("::1"));
  EXPECT_TRUE(is_here("localhost"));
  EXPECT_FALSE(is_here("127.example.com"));
  EXPECT_FALSE(is_here("10.0.0.1"));
  EXPECT_FALSE(is_here("prometheus"));
}

}  // namespace
}  // namespace tideline::remote_write
