// What comes back from the bootstrap port, whoever answers there.

#include "node-actor/enrol/wire.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::enrol {
namespace {

using model::ErrorCode;
using model::NodeName;
using testing::HasSubstr;
using testing::Not;

const NodeName kNode("n1");

TEST(ReadAnswer, TakesCertificateAndAuthorities) {
  const auto answer = read_answer(R"({"node": "n1", "certificate": "C", "ca": "A", "later": [1]})", kNode);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->certificate, "C");
  EXPECT_EQ(answer->ca, "A");
}

TEST(ReadAnswer, RefusesAnotherNodesNamingBoth) {
  const auto answer = read_answer(R"({"node": "n2", "certificate": "C", "ca": "A"})", kNode);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(answer.error().message(), HasSubstr("\"n2\""));
  EXPECT_THAT(answer.error().message(), HasSubstr("\"n1\""));
}

TEST(ReadAnswer, RefusesWhatIsNoneShortly) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  const std::string huge =
      R"({"node": "n1", "certificate": ")" + std::string(kMaxAnswerBytes, 'x') + R"(", "ca": "A"})";
  const std::vector<std::string> bodies{"",
                                        "<html>",
                                        "null",
                                        "[]",
                                        "\"n1\"",
                                        "{}",
                                        R"({"node": "n1"})",
                                        R"({"node": "n1", "certificate": "C"})",
                                        R"({"node": "n1", "certificate": "", "ca": "A"})",
                                        R"({"node": "n1", "certificate": 7, "ca": "A"})",
                                        R"({"node": "n1", "certificate": ["C"], "ca": "A"})",
                                        R"({"node": ["n1"], "certificate": "C", "ca": "A"})",
                                        R"({"node": "n1", "node": "n1", "certificate": "C", "ca": "A"})",
                                        R"({"node": "n1", "certificate": "C", "ca": "A"} x)",
                                        "{\"node\": \"n1\\u0000\xff\", \"certificate\": \"C\", \"ca\": \"A\"}",
                                        deep,
                                        huge};
  for (const auto& body : bodies) {
    const auto answer = read_answer(body, kNode);
    ASSERT_FALSE(answer) << body.substr(0, 60);
    EXPECT_LT(answer.error().message().size(), 500U) << body.substr(0, 60);
  }
}

TEST(TextOfRefusal, IsOneShortLine) {
  EXPECT_EQ(text_of_refusal(503, ""), "answered 503");
  EXPECT_EQ(text_of_refusal(401, "the token has expired\n"), "answered 401: the token has expired");
  const auto text = text_of_refusal(500, "a\nb\x1b[2J" + std::string(100'000, 'x'));
  EXPECT_LT(text.size(), 300U);
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(CheckedToken, IsOneWordWithoutTheBlanksAroundIt) {
  EXPECT_EQ(checked_token(" abc.def-123\r\n").value_or(""), "abc.def-123");
  for (const std::string& bad :
       {std::string(), std::string(" \n"), std::string("two words"), std::string("a\r\nb"), std::string("a\0b", 3),
        std::string("caf\xc3\xa9"), std::string(kMaxTokenBytes + 1, 'x')}) {
    const auto token = checked_token(bad);
    ASSERT_FALSE(token);
    if (bad.empty()) continue;
    EXPECT_THAT(token.error().message(), Not(HasSubstr(bad)));
  }
}

TEST(WithoutToken, LeavesNothingOfIt) {
  EXPECT_EQ(without_token("no s3cret here, s3cret", "s3cret"), "no (the token) here, (the token)");
  EXPECT_EQ(without_token("token", "token"), "(the token)") << "and does not look into what it put there";
  EXPECT_EQ(without_token("as it was", ""), "as it was");
}

TEST(IsAddress, TakesAHostAndAPort) {
  for (const char* good : {"coordinator:7403", "10.0.0.5:7403", "[fd00::5]:7403", "a.b.svc:1", "h:65535"})
    EXPECT_TRUE(is_address(good)) << good;
  for (const char* bad : {"", "coordinator", ":7403", "coordinator:", "coordinator:0", "coordinator:65536", "a:b",
                          "fd00::5:7403", "[]:1", "https://coordinator:7403", "a b:1", "a:1 "})
    EXPECT_FALSE(is_address(bad)) << bad;
}

TEST(JoinedAuthorities, HasEachOnceAndNothingElse) {
  const std::string a = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const std::string b = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(joined_authorities(a, b), a + b);
  EXPECT_EQ(joined_authorities(a, a), a);
  EXPECT_EQ(joined_authorities(a, b + a), a + b);
  EXPECT_EQ(joined_authorities(a, ""), a);
  EXPECT_EQ(joined_authorities(a, "rubbish" + b + "-----BEGIN CERTIFICATE-----\ncut"), a + b);
  EXPECT_EQ(joined_authorities(a.substr(0, a.size() - 1), b), a + b) << "no end of a line at the end of the file";
}

}  // namespace
}  // namespace tideline::enrol
