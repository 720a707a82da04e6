// Who the server is, and who we are to it.

#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "test/k8s-bridge/api/fixture.h"

namespace tideline::k8s_api::trust_test {
namespace {

using model::ErrorCode;
using test::json_reply;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class TrustTest : public ApiTest {
 protected:
  TrustTest() { server_.always("GET /ok", json_reply(200, "{}")); }

  /// With a token in a file that holds this.
  ClientConfig with_token_file(const std::string& token) const {
    auto settings = config();
    settings.access.token.clear();
    settings.access.token_file = dir_.write("token", token);
    return settings;
  }
  std::vector<std::string> tokens() const {
    std::vector<std::string> seen;
    for (const auto& request : server_.seen())
      seen.push_back(request.header("authorization"));
    return seen;
  }

  const test::CertAuthority other_ca_{dir_.str(), "other-ca"};
};

TEST_F(TrustTest, AServerOfAnotherAuthorityIsRefusedAndNamed) {
  auto settings = config();
  settings.access.ca_file = other_ca_.ca_file();
  const auto client = start(settings);
  const auto answer = get(*client, "/ok");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(answer.error().message(), HasSubstr("127.0.0.1:" + std::to_string(server_.port())));
  EXPECT_THAT(answer.error().message(), HasSubstr("certificate is not trusted"));
  EXPECT_THAT(server_.seen(), SizeIs(0)) << "who is not trusted does not see the token";
}

TEST_F(TrustTest, AWatchOfSuchAServerIsBrokenAndNamesWhy) {
  auto settings = config();
  settings.access.ca_file = other_ca_.ca_file();
  SinkRecord sink;
  const auto client = start(settings);
  client->watch(pods(), sink);
  ASSERT_TRUE(sink.wait_for("not watching"));
  EXPECT_THAT(sink.line("not watching"), HasSubstr("certificate is not trusted"));
  client->stop();
  EXPECT_THAT(server_.seen(), SizeIs(0));
  EXPECT_THAT(sink.lines(), SizeIs(1)) << "the same trouble again is no news";
}

TEST_F(TrustTest, TheServerMustProveItsName) {
  auto settings = config();
  settings.access.server_name = "api.example.com";
  const auto client = start(settings);
  const auto answer = get(*client, "/ok");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(answer.error().message(), HasSubstr("must prove the name api.example.com"));
}

TEST_F(TrustTest, AnAddressWithoutANameToProveIsRefusedAtOnce) {
  auto settings = config();
  settings.access.server_name.clear();
  const auto started = ApiClient::start(settings);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(started.error().message(), HasSubstr("127.0.0.1"));
}

TEST_F(TrustTest, AnyAuthorityOfTheFileWillDo) {
  auto settings = config();
  settings.access.ca_file = dir_.write("both.crt", text_of(other_ca_.ca_file()) + text_of(ca_.ca_file()));
  const auto client = start(settings);
  const auto answer = get(*client, "/ok");
  ASSERT_TRUE(answer.ok()) << answer.error().message();
}

TEST_F(TrustTest, TheAuthorityMayBeGivenAsText) {
  auto settings = config();
  settings.access.ca_pem = text_of(settings.access.ca_file);
  settings.access.ca_file.clear();
  EXPECT_TRUE(get(*start(settings), "/ok").ok());
}

TEST_F(TrustTest, AClientCertificateSaysWhoWeAre) {
  const auto files = ca_.issue("bridge", {.common_name = "bridge", .client_auth = true});
  test::ScriptedApiServer strict({.own = server_files_, .client_ca = ca_.ca_file()});
  strict.always("GET /ok", json_reply(200, "{}"));
  auto by_files = config(strict.port());
  by_files.access.token.clear();
  by_files.access.certificate_file = files.certificate;
  by_files.access.key_file = files.key;
  const auto client = start(by_files);
  ASSERT_TRUE(get(*client, "/ok").ok());
  EXPECT_EQ(strict.seen().front().header("authorization"), "");

  auto by_texts = config(strict.port());
  by_texts.access.token.clear();
  by_texts.access.certificate_pem = text_of(files.certificate);
  by_texts.access.key_pem = text_of(files.key);
  EXPECT_TRUE(get(*start(by_texts), "/ok").ok());

  EXPECT_FALSE(get(*start(config(strict.port())), "/ok").ok()) << "a token is no certificate to this server";
}

TEST_F(TrustTest, ARenewedCertificateIsShownFromTheNextRequestOn) {
  const auto files = ca_.issue("bridge", {.common_name = "bridge", .client_auth = true});
  test::ScriptedApiServer strict({.own = server_files_, .client_ca = ca_.ca_file()});
  strict.always("GET /ok", json_reply(200, "{}"));
  auto settings = config(strict.port());
  settings.access.token.clear();
  settings.access.certificate_file = files.certificate;
  settings.access.key_file = files.key;
  const auto client = start(settings);
  ASSERT_TRUE(get(*client, "/ok").ok());
  ca_.issue("bridge", {.common_name = "bridge-renewed", .client_auth = true});
  ASSERT_TRUE(get(*client, "/ok").ok());
  ASSERT_TRUE(get(*client, "/ok").ok());
  const auto seen = strict.seen();
  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_EQ(seen[0].connection, 1U);
  EXPECT_EQ(seen[1].connection, 2U) << "a connection is whose certificate it began with";
  EXPECT_EQ(seen[2].connection, 2U);
}

TEST_F(TrustTest, ARotatedTokenGoesWithTheNextRequest) {
  const auto settings = with_token_file("first\n");
  const auto client = start(settings);
  ASSERT_TRUE(get(*client, "/ok").ok());
  dir_.write("token", "  the-second  \r\n");
  ASSERT_TRUE(get(*client, "/ok").ok());
  EXPECT_THAT(tokens(), testing::ElementsAre("Bearer first", "Bearer the-second"));
}

TEST_F(TrustTest, ABadTokenFileLeavesTheOldTokenInUse) {
  const auto client = start(with_token_file("first"));
  for (const char* bad : {"", " \n", "two words", "line\nbreak"}) {
    dir_.write("token", bad);
    EXPECT_TRUE(get(*client, "/ok").ok());
    EXPECT_EQ(tokens().back(), "Bearer first");
  }
  dir_.write("token", "good-again");
  EXPECT_TRUE(get(*client, "/ok").ok());
  EXPECT_EQ(tokens().back(), "Bearer good-again");
}

TEST_F(TrustTest, AfterA401TheFilesAreReadAgainAndTheRequestIsSentOnceMore) {
  // The token changes while the request that shows the old one is under way.
  auto refusal = json_reply(401, status_json(401, "Unauthorized", "Unauthorized"));
  const std::string whole = refusal.pieces.front();
  refusal.pieces = {whole.substr(0, 10), whole.substr(10)};
  refusal.between = std::chrono::milliseconds(2000);
  server_.on("GET /slow", refusal);
  server_.on("GET /slow", json_reply(200, "{}"));
  const auto client = start(with_token_file("first"));
  Request request;
  request.path = "/slow";
  auto answer = send(*client, request);
  ASSERT_TRUE(server_.wait_for("GET /slow", 1));
  dir_.write("token", "second");
  const auto given = answer.get();
  ASSERT_TRUE(given.ok()) << given.error().message();
  EXPECT_EQ(given->status, 200U);
  EXPECT_THAT(tokens(), testing::ElementsAre("Bearer first", "Bearer second"));
}

TEST_F(TrustTest, A401ToTheTokenThatIsStillInTheFileIsTheAnswer) {
  server_.on("GET /no", json_reply(401, status_json(401, "Unauthorized", "Unauthorized")));
  const auto client = start(with_token_file("first"));
  EXPECT_EQ(get(*client, "/no")->status, 401U);
  EXPECT_THAT(server_.seen(), SizeIs(1));
}

TEST_F(TrustTest, WhatCannotBeUsedIsNamedAtTheStart) {
  struct Case {
    const char* what;
    std::function<void(Access&)> spoil;
    const char* part;
  };
  const std::string garbage =
      dir_.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const auto other = ca_.issue("other", {.common_name = "other", .client_auth = true});
  const std::vector<Case> cases{
      {"nobody", [](Access& access) { access.token.clear(); }, "there are 0"},
      {"two", [](Access& access) { access.token_file = "/x"; }, "there are 2"},
      {"no file",
       [](Access& access) {
         access.token.clear();
         access.token_file = "/nonexistent/token";
       },
       "/nonexistent/token"},
      {"no ca", [](Access& access) { access.ca_file = "/nonexistent/ca.crt"; }, "/nonexistent/ca.crt"},
      {"an empty ca", [this](Access& access) { access.ca_file = dir_.write("empty", ""); }, "no certificate in PEM"},
      {"no certificate", [&](Access& access) { access.ca_file = garbage; }, "certificates: "},
      {"a token of two lines", [](Access& access) { access.token = "a\nb"; }, "one word of printable ASCII"},
      {"another's key",
       [&](Access& access) {
         access.token.clear();
         access.certificate_file = other.certificate;
         access.key_file = server_files_.key;
       },
       "the key does not belong to the certificate"},
  };
  for (const auto& [what, spoil, part] : cases) {
    auto settings = config();
    spoil(settings.access);
    const auto started = ApiClient::start(settings);
    ASSERT_FALSE(started.ok()) << what;
    EXPECT_THAT(started.error().message(), HasSubstr(part)) << what;
    EXPECT_THAT(started.error().message(), HasSubstr("the test")) << what << ": where it came from";
    EXPECT_THAT(started.error().message(), Not(HasSubstr("secret"))) << what;
  }
}

}  // namespace
}  // namespace tideline::k8s_api::trust_test
