// A certificate is asked for, taken, used again and renewed; and the token is shown to nobody but the coordinator.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "messages/link/tls_files.h"
#include "test/node-actor/enrol/fixture.h"
#include "test/support/process.h"

namespace tideline::enrol {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TEST_F(EnrolTest, ACertificateIsAskedForWithTheTokenAndIsGoodForTheLink) {
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  const auto enroller = start(config());
  const auto good = enroller->wait(seconds(20));
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_NE(certificate_there(config()), "");
  EXPECT_EQ(text(config().files.ca), text(ca_.ca_file())) << "the coordinator's authority, once";
  const auto seen = server_.seen();
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].header("authorization"), std::string("Bearer ") + kToken);
  EXPECT_EQ(seen[0].header("host"), config().address);
  EXPECT_THAT(seen[0].body, HasSubstr("BEGIN CERTIFICATE REQUEST"));
  EXPECT_THAT(seen[0].body, Not(HasSubstr("PRIVATE KEY"))) << "the key stays here";
}

TEST_F(EnrolTest, WhatIsThereAndGoodIsUsedAgain) {
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  ASSERT_TRUE(start(config())->wait(seconds(20)));
  const auto before = certificate_there(config());
  const auto again = start(config());
  EXPECT_TRUE(again->wait(model::kZeroDuration)) << "at once";
  again->stop();
  EXPECT_EQ(certificate_there(config()), before);
  EXPECT_THAT(server_.seen(), SizeIs(1));
}

TEST_F(EnrolTest, FilesThatDoNotFitTogetherAreReplaced) {
  const auto settings = config();
  dir_.write("own/tls.crt", text(ca_.node("n1").certificate));
  dir_.write("own/tls.key", text(other_ca_.node("n9").key));
  dir_.write("own/ca.crt", text(ca_.ca_file()));
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  const auto enroller = start(settings);
  ASSERT_TRUE(enroller->wait(seconds(20)));
  EXPECT_NE(certificate_there(settings), "");
}

TEST_F(EnrolTest, ACertificateIsRenewedInGoodTimeWithAnotherKey) {
  std::atomic<int> asked{0};
  server_.compute(kAsked, [&](const test::SeenRequest& request) {
    return signs(++asked == 1 ? due_at_once() : certs::node_spec("n1"))(request);
  });
  const auto enroller = start(config());
  ASSERT_TRUE(enroller->wait(seconds(20)));
  ASSERT_TRUE(server_.wait_for(kAsked, 2));
  const auto seen = server_.seen();
  EXPECT_NE(seen[0].body, seen[1].body);
  ASSERT_TRUE(test::eventually(seconds(20), [&]() {
    const auto there = link::validity_of(certificate_there(config()));
    return there && there->not_after.ms - there->not_before.ms > 24 * 3'600'000LL;
  }));
}

TEST_F(EnrolTest, WhatIsThereStaysWhileTheNextOneCannotBeHad) {
  server_.compute(kAsked, signs(due_at_once()));
  auto settings = config();
  auto enroller = start(settings);
  ASSERT_TRUE(enroller->wait(seconds(20)));
  enroller->stop();
  const auto before = certificate_there(settings);
  test::ScriptedApiServer broken({.own = server_files_});
  broken.always(kAsked, test::json_reply(503, "the API server is away"));
  settings.address = config(broken).address;
  enroller = start(settings);
  ASSERT_TRUE(broken.wait_for(kAsked, 3));
  EXPECT_TRUE(enroller->wait(model::kZeroDuration)) << "it is good all the same";
  EXPECT_EQ(certificate_there(settings), before);
}

TEST_F(EnrolTest, TheTokenIsReadAnewForEachRequest) {
  server_.compute(kAsked, signs(due_at_once()));
  const auto enroller = start(config());
  ASSERT_TRUE(server_.wait_for(kAsked, 1));
  std::filesystem::rename(dir_.write("next-token", "another"), dir_.path() / "token");
  ASSERT_TRUE(test::eventually(seconds(20),
                               [&]() { return server_.seen().back().header("authorization") == "Bearer another"; }));
  EXPECT_EQ(server_.seen().front().header("authorization"), std::string("Bearer ") + kToken);
}

TEST_F(EnrolTest, ATokenThatIsNotThereYetIsWaitedFor) {
  std::filesystem::remove(dir_.path() / "token");
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  const auto enroller = start(config());
  EXPECT_TRUE(says(*enroller, dir_.str() + "/token: No such file")) << problem(*enroller);
  dir_.write("token", "two words");
  EXPECT_TRUE(says(*enroller, "one word")) << problem(*enroller);
  EXPECT_THAT(server_.seen(), SizeIs(0));
  std::filesystem::rename(dir_.write("good-token", kToken), dir_.path() / "token");
  EXPECT_TRUE(enroller->wait(seconds(20)));
}

TEST_F(EnrolTest, AServerThatIsNotProvedIsToldNothing) {
  struct Row {
    const char* what;
    test::CertFiles own;
    const char* why;
  };
  const std::vector<Row> rows{
      {"another authority", other_ca_.issue("stranger", certs::coordinator_spec()), "not trusted"},
      {"another name", ca_.coordinator("elsewhere.tideline"), "not trusted"},
      {"a wildcard", ca_.issue("wild", {.dns_names = {"*.tideline"}, .server_auth = true}), ""},
      {"a node's certificate", ca_.issue("client", {.dns_names = {"coordinator.tideline"}, .client_auth = true}), ""}};
  for (const auto& [what, own, why] : rows) {
    test::ScriptedApiServer stranger({.own = own});
    stranger.compute(kAsked, signs(certs::node_spec("n1")));
    const auto enroller = start(config(stranger));
    EXPECT_TRUE(says(*enroller, why)) << what << ": " << problem(*enroller);
    EXPECT_TRUE(says(*enroller, config(stranger).address)) << what;
    EXPECT_THAT(stranger.seen(), SizeIs(0)) << what << ": who is not proved does not see the token";
    EXPECT_EQ(certificate_there(config()), "") << what;
  }
}

TEST_F(EnrolTest, NobodyIsAskedWhileTheAuthoritiesAreNotKnown) {
  auto settings = config();
  settings.server_ca = dir_.str() + "/bootstrap-ca.crt";
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  const auto enroller = start(settings);
  EXPECT_TRUE(says(*enroller, settings.server_ca)) << problem(*enroller);
  dir_.write("bootstrap-ca.crt", "no certificate");
  EXPECT_TRUE(says(*enroller, "no PEM certificate")) << problem(*enroller);
  EXPECT_THAT(server_.seen(), SizeIs(0));
  std::filesystem::rename(dir_.write("good-ca.crt", text(ca_.ca_file())), settings.server_ca);
  EXPECT_TRUE(enroller->wait(seconds(20)));
}

TEST_F(EnrolTest, ANewAuthorityOfTheCoordinatorIsTrustedBeforeTheCertificateIsRenewed) {
  auto settings = config();
  settings.server_ca = dir_.write("bootstrap-ca.crt", text(ca_.ca_file()));
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  const auto enroller = start(settings);
  ASSERT_TRUE(enroller->wait(seconds(20)));
  const auto before = certificate_there(settings);
  const auto follows = [&](const std::string& known, const std::string& wanted) {
    std::filesystem::rename(dir_.write("next-ca.crt", known), settings.server_ca);
    return test::eventually(seconds(20), [&]() { return text(settings.files.ca) == wanted; });
  };
  const auto both = text(ca_.ca_file()) + text(other_ca_.ca_file());
  EXPECT_TRUE(follows(both, both)) << text(settings.files.ca);
  EXPECT_EQ(certificate_there(settings), before);
  // The certificate's own authority stays, or the link would not take it.
  EXPECT_TRUE(follows(text(other_ca_.ca_file()), text(other_ca_.ca_file()) + text(ca_.ca_file())));
  EXPECT_EQ(certificate_there(settings), before);
  EXPECT_THAT(server_.seen(), SizeIs(1)) << "nobody is asked for that";
}

TEST_F(EnrolTest, AnAuthorityThatSignsNodesAloneIsTrustedBesideTheCoordinators) {
  const auto signer = signer_of(dir_, "other-ca");
  server_.compute(kAsked, [&](const test::SeenRequest& request) {
    return answer_of("n1", signer.sign(request.body, certs::node_spec("n1")).value_or(""), signer.ca_pem());
  });
  const auto enroller = start(config());
  const auto good = enroller->wait(seconds(20));
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_NE(certificate_there(config()), "");
  EXPECT_THAT(text(config().files.ca), HasSubstr(text(ca_.ca_file())));
}

TEST_F(EnrolTest, StoppingEndsARequestUnderWay) {
  server_.always(kAsked, test::raw_reply("", End::kHold));
  const auto enroller = start(config());
  ASSERT_TRUE(server_.wait_for(kAsked, 1));
  enroller->stop();
  enroller->stop();
  EXPECT_FALSE(enroller->wait(model::kZeroDuration));
}

}  // namespace
}  // namespace tideline::enrol
