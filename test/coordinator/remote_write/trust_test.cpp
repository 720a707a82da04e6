// Whom the writer trusts, and how it says who it is.

#include <filesystem>

#include <gmock/gmock.h>

#include "test/coordinator/remote_write/fixture.h"

namespace tideline::remote_write {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Answers = WriterCounts::Answers;
using Samples = WriterCounts::Samples;

class Trust : public WriterTest {
 protected:
  /// In one step, as files of secrets are replaced.
  void replace(const std::string& name, const std::string& text) const {
    std::filesystem::rename(dir_.write(name + ".new", text), dir_.path() / name);
  }
  std::string last_authorization() const { return server_.seen().back().header("authorization"); }
};

TEST_F(Trust, NothingIsSentToAServerOfAnotherAuthority) {
  const test::CertAuthority other(dir_.str(), "other");
  auto settings = config();
  settings.ca_file = other.ca_file();
  const auto writer = start(settings);
  offer(*writer, 1);
  EXPECT_TRUE(counts_reach(*writer, &Answers::none, 2));
  EXPECT_THAT(server_.seen(), IsEmpty());
}

TEST_F(Trust, NothingIsSentToAServerOfAnotherName) {
  auto settings = config();
  settings.server_name = "other.test";
  const auto writer = start(settings);
  offer(*writer, 1);
  EXPECT_TRUE(counts_reach(*writer, &Answers::none, 2));
  EXPECT_THAT(server_.seen(), IsEmpty());
}

TEST_F(Trust, TheSystemsAuthoritiesDoNotKnowThisOne) {
  auto settings = config();
  settings.ca_file.clear();
  const auto writer = start(settings);
  offer(*writer, 1);
  EXPECT_TRUE(counts_reach(*writer, &Answers::none, 1));
  EXPECT_THAT(server_.seen(), IsEmpty());
}

TEST_F(Trust, ACertificateIsShownWhereOneIsAskedFor) {
  const auto own = ca_.issue("client", {.common_name = "coordinator", .client_auth = true});
  test::ScriptedApiServer strict({.own = server_files_, .client_ca = ca_.ca_file()});
  strict.always(kPost, taken());
  auto settings = config(strict.port());
  {
    const auto writer = start(settings);
    offer(*writer, 1);
    EXPECT_TRUE(counts_reach(*writer, &Answers::none, 1));
    EXPECT_THAT(strict.seen(), IsEmpty());
  }
  settings.certificate_file = own.certificate;
  settings.key_file = own.key;
  const auto writer = start(settings);
  offer(*writer, 1);
  EXPECT_TRUE(counts_reach(*writer, &Samples::sent, 1));
}

TEST_F(Trust, AChangedTokenIsShownFromTheNextRequestOn) {
  server_.always(kPost, taken());
  auto settings = config();
  replace("token", "one\n");
  settings.token_file = dir_.str() + "/token";
  const auto writer = start(settings);
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_EQ(last_authorization(), "Bearer one");
  replace("token", "two\n");
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 2));
  EXPECT_EQ(last_authorization(), "Bearer two");
  replace("token", "");
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 3));
  EXPECT_EQ(last_authorization(), "Bearer two") << "a bad file leaves the old one in use";
}

TEST_F(Trust, AnAnswerOf401MakesAChangedTokenBeShownAtOnce) {
  replace("token", "one\n");
  server_.compute(kPost, [this](const test::SeenRequest& request) {
    if (request.header("authorization") == "Bearer two") return taken();
    replace("token", "two\n");
    return answer(401);
  });
  auto settings = config();
  settings.token_file = dir_.str() + "/token";
  const auto writer = start(settings);
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::sent, 1));
  EXPECT_THAT(server_.seen(), SizeIs(2));
  EXPECT_EQ(writer->counts().samples.refused, 0u);
}

TEST_F(Trust, AnAnswerOf401ToTheTokenThatThereIsIsForGood) {
  server_.always(kPost, answer(401));
  auto settings = config();
  replace("password", "me:abc\n");
  settings.basic_auth_file = dir_.str() + "/password";
  const auto writer = start(settings);
  offer(*writer, 1);
  ASSERT_TRUE(counts_reach(*writer, &Samples::refused, 1));
  EXPECT_THAT(server_.seen(), SizeIs(1));
  EXPECT_EQ(last_authorization(), "Basic bWU6YWJj");
}

}  // namespace
}  // namespace tideline::remote_write
