// Addresses, headers and secrets as texts.

#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include "messages/http/address.h"
#include "messages/http/retry_after.h"
#include "messages/http/secret.h"

namespace tideline::http {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Address, AnIpv6AddressStandsInBrackets) {
  EXPECT_EQ(host_and_port("fd00::1", 443), "[fd00::1]:443");
  EXPECT_EQ(host_and_port("10.0.0.1", 443), "10.0.0.1:443");
  EXPECT_EQ(host_and_port("api.example.com", 6443), "api.example.com:6443");
}

TEST(Address, AnIpIsOneOfFourPartsOrOfEight) {
  for (const char* ip : {"10.0.0.1", "fd00::1", "::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(is_ip(ip)) << ip;
  for (const char* name : {"", "prometheus", "10.0.0", "10.0.0.256", "[::1]", "127.example.com", "10.0.0.1 "})
    EXPECT_FALSE(is_ip(name)) << name;
  EXPECT_TRUE(is_ip6("::1"));
  EXPECT_FALSE(is_ip6("10.0.0.1"));
}

TEST(Address, APortIsANumberOf16Bits) {
  EXPECT_EQ(port_from("1"), 1);
  EXPECT_EQ(port_from("65535"), 65535);
  for (const char* text : {"", "0", "65536", "-1", "+1", " 1", "1 ", "1x", "0x10", "http"})
    EXPECT_FALSE(port_from(text)) << text;
}

TEST(RetryAfter, IsInSecondsOrAbsent) {
  EXPECT_EQ(retry_after_from("0"), model::kZeroDuration);
  EXPECT_EQ(retry_after_from("120"), seconds(120));
  for (const auto* text :
       {"", "-1", " 1", "1.5", "1s", "86401", "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"})
    EXPECT_FALSE(retry_after_from(text)) << text;
}

TEST(Secret, ATokenIsOneWord) {
  EXPECT_EQ(*bearer("token", "  abc.def-1\r\n"), "Bearer abc.def-1");
  const std::string longest(64 * 1024, 'x');
  EXPECT_EQ(*bearer("token", longest), "Bearer " + longest);
  for (const auto& text : {std::string(), std::string(" \n"), std::string("a secret"), std::string("a\nsecret"),
                           std::string("secret\x01"), std::string("secret\0x", 8), longest + "secret"}) {
    const auto token = bearer("token /t", text);
    ASSERT_FALSE(token.ok());
    EXPECT_EQ(token.error().code(), model::ErrorCode::kInvalidArgument);
    EXPECT_THAT(token.error().message(), StartsWith("token /t: "));
    EXPECT_THAT(token.error().message(), Not(HasSubstr("secret")));
  }
}

TEST(Secret, ALineMayHoldBlanksAndLettersOfAnyKind) {
  EXPECT_EQ(*secret_line("password", "\tme:a: \xc3\xa4 b\n"), "me:a: \xc3\xa4 b");
  for (const auto& text : {std::string("\r\n"), std::string("me:a\nsecret"), std::string("secret\x7f"),
                           std::string("secret\0x", 8), "secret" + std::string(64 * 1024, 'x')}) {
    const auto line = secret_line("password", text);
    ASSERT_FALSE(line.ok());
    EXPECT_THAT(line.error().message(), StartsWith("password: "));
    EXPECT_THAT(line.error().message(), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace tideline::http
