#include "messages/link/tls_files.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;

class TlsFilesTest : public testing::Test {
 protected:
  static TlsFiles files(const test::CertFiles& made) { return {made.certificate, made.key, made.ca}; }

  void expect_refused(const TlsFiles& tls, TlsUse use, const std::string& file, const std::string& what) {
    const auto loaded = load(tls, use);
    ASSERT_FALSE(loaded) << what;
    EXPECT_THAT(loaded.error().message(), AllOf(HasSubstr(file), HasSubstr(what)));
  }

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  const TlsFiles good_ = files(ca_.node("n1"));
};

TEST_F(TlsFilesTest, LoadsWhatBelongsTogether) {
  const auto loaded = load(good_, TlsUse::kClient);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_THAT(loaded->certificate_pem, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_TRUE(load(files(ca_.coordinator()), TlsUse::kServer));
}

TEST_F(TlsFilesTest, RefusesHalfAConfigurationNamingTheMissingHalf) {
  expect_refused({"", good_.key, good_.ca}, TlsUse::kClient, "no certificate file", "mutual TLS needs three files");
  expect_refused({good_.certificate, "", good_.ca}, TlsUse::kClient, "no key file", "configured");
  expect_refused({good_.certificate, good_.key, ""}, TlsUse::kClient, "no ca file", "configured");
  expect_refused({}, TlsUse::kServer, "no certificate file", "configured");
}

TEST_F(TlsFilesTest, NamesAFileThatIsNotThere) {
  const auto missing = dir_.str() + "/nowhere.key";
  expect_refused({good_.certificate, missing, good_.ca}, TlsUse::kClient, missing, "No such file");
  EXPECT_EQ(load({good_.certificate, missing, good_.ca}, TlsUse::kClient).error().code(), ErrorCode::kNotFound);
}

TEST_F(TlsFilesTest, NamesAFileThatCannotBeRead) {
  expect_refused({dir_.str(), good_.key, good_.ca}, TlsUse::kClient, dir_.str(), "directory");
}

TEST_F(TlsFilesTest, RefusesFilesThatHoldSomethingElse) {
  const auto text = dir_.write("text.pem", "not a certificate\n");
  expect_refused({text, good_.key, good_.ca}, TlsUse::kClient, text, "no PEM certificate");
  expect_refused({good_.certificate, text, good_.ca}, TlsUse::kClient, text, "no PEM private key");
  expect_refused({good_.certificate, good_.key, text}, TlsUse::kClient, text, "no PEM certificate");
  expect_refused({good_.key, good_.key, good_.ca}, TlsUse::kClient, good_.key, "no PEM certificate");
  const auto broken =
      dir_.write("broken.crt", "-----BEGIN CERTIFICATE-----\nMIIBrokenBrokenBroken\n-----END CERTIFICATE-----\n");
  expect_refused({broken, good_.key, good_.ca}, TlsUse::kClient, broken, "");
}

TEST_F(TlsFilesTest, RefusesAnEncryptedKey) {
  const auto key =
      dir_.write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n");
  expect_refused({good_.certificate, key, good_.ca}, TlsUse::kClient, key, "encrypted");
}

TEST_F(TlsFilesTest, RefusesAKeyOfAnotherCertificate) {
  const auto other = files(ca_.node("n2"));
  expect_refused({good_.certificate, other.key, good_.ca}, TlsUse::kClient, other.key, "does not belong");
}

TEST_F(TlsFilesTest, RefusesExpiredAndNotYetValid) {
  using std::chrono::seconds;
  const auto expired = files(ca_.issue("old", {.dns_names = {"n1.node.tideline"},
                                               .client_auth = true,
                                               .valid_from = seconds(-7200),
                                               .valid_to = seconds(-3600)}));
  expect_refused(expired, TlsUse::kClient, expired.certificate, "expired");
  const auto early = files(ca_.issue("early", {.dns_names = {"n1.node.tideline"},
                                               .client_auth = true,
                                               .valid_from = seconds(3600),
                                               .valid_to = seconds(7200)}));
  expect_refused(early, TlsUse::kClient, early.certificate, "not yet valid");
}

TEST_F(TlsFilesTest, WantsTheRightExtendedKeyUsage) {
  expect_refused(good_, TlsUse::kServer, good_.certificate, "serverAuth");
  const auto server = files(ca_.coordinator());
  expect_refused(server, TlsUse::kClient, server.certificate, "clientAuth");
  const auto none = files(ca_.issue("no-usage", {.dns_names = {"n1.node.tideline"}}));
  expect_refused(none, TlsUse::kClient, none.certificate, "clientAuth");
}

TEST_F(TlsFilesTest, RefusesACertificateThatItsOwnAuthoritiesDidNotSign) {
  const test::CertAuthority other(dir_.str(), "other-ca");
  expect_refused({good_.certificate, good_.key, other.ca_file()}, TlsUse::kClient, good_.certificate,
                 "does not verify");
}

TEST_F(TlsFilesTest, TellsFromWhenUntilWhenACertificateIsValid) {
  const auto loaded = load(good_, TlsUse::kClient);
  ASSERT_TRUE(loaded);
  const auto valid = validity_of(loaded->certificate_pem);
  ASSERT_TRUE(valid) << valid.error().message();
  EXPECT_EQ(valid->not_after.ms - valid->not_before.ms, 25 * 3'600'000LL) << "from an hour ago until in a day";
  EXPECT_EQ(valid->not_after, *speaks_for(*loaded, model::NodeName("n1")));
  EXPECT_EQ(validity_of("text").error().code(), ErrorCode::kMalformed);
  EXPECT_FALSE(validity_of(loaded->key_pem));
}

TEST_F(TlsFilesTest, AKeyMustBeItsCertificates) {
  const auto loaded = load(good_, TlsUse::kClient);
  const auto other = load(files(ca_.node("n2")), TlsUse::kClient);
  ASSERT_TRUE(loaded && other);
  EXPECT_TRUE(check_pair(loaded->certificate_pem, loaded->key_pem));
  EXPECT_EQ(check_pair(loaded->certificate_pem, other->key_pem).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(check_pair("text", loaded->key_pem));
  EXPECT_FALSE(check_pair(loaded->certificate_pem, "text"));
}

TEST_F(TlsFilesTest, ACertificateIsTrustedByItsOwnAuthoritiesForItsOwnUse) {
  const auto loaded = load(good_, TlsUse::kClient);
  ASSERT_TRUE(loaded);
  const test::CertAuthority other(dir_.str(), "other-ca");
  const std::string others = dir_.read("other-ca.crt");
  EXPECT_TRUE(check_trusted(loaded->certificate_pem, loaded->ca_pem, TlsUse::kClient));
  EXPECT_TRUE(check_trusted(loaded->certificate_pem, others + loaded->ca_pem, TlsUse::kClient));
  EXPECT_EQ(check_trusted(loaded->certificate_pem, others, TlsUse::kClient).error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(check_trusted(loaded->certificate_pem, loaded->ca_pem, TlsUse::kServer).error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(check_trusted("text", loaded->ca_pem, TlsUse::kClient).error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(check_trusted(loaded->certificate_pem, "", TlsUse::kClient).error().code(), ErrorCode::kMalformed);
}

}  // namespace
}  // namespace tideline::link
