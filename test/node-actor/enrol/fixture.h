#pragma once
// An agent that asks a scripted HTTPS server on loopback for its certificate.

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "messages/certs/signing.h"
#include "node-actor/enrol/enroller.h"
#include "test/support/api_server/scripted_api_server.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::enrol {

inline constexpr const char* kAsked = "POST /v1/node-certificate";
inline constexpr const char* kToken = "s3cret.token-of-the-pod";

class EnrolTest : public testing::Test {
 protected:
  using End = test::ScriptedReply::End;
  using Answer = std::function<test::ScriptedReply(const test::SeenRequest&)>;

  EnrolTest();

  /// Deadlines are too long to be met by chance; pauses are short.
  EnrolConfig config(const test::ScriptedApiServer& server) const;
  EnrolConfig config() const { return config(server_); }
  static std::unique_ptr<Enroller> start(const EnrolConfig& settings);
  /// A certificate for the key of the request, in an answer that names `node`.
  Answer signs(const test::CertSpec& spec, const std::string& node = "n1") const;
  static certs::Signer signer_of(const test::TempDir& dir, const std::string& authority);
  static test::ScriptedReply answer_of(const std::string& node, const std::string& certificate, const std::string& ca);

  /// Valid from an hour ago to in five minutes: two thirds of that are over.
  static test::CertSpec due_at_once();
  /// Certificate and key that the link would take now; "" where it would take none.
  std::string certificate_there(const EnrolConfig& settings) const;
  std::string text(const std::string& path) const;
  /// The newest reason why there is no certificate.
  static std::string problem(const Enroller& enroller);
  /// Waits until it has that part.
  static bool says(const Enroller& enroller, const std::string& part);

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  const test::CertAuthority other_ca_{dir_.str(), "other-ca"};
  const test::CertFiles server_files_ = ca_.coordinator();
  const certs::Signer signer_ = signer_of(dir_, "ca");
  test::ScriptedApiServer server_{{.own = server_files_}};
};

}  // namespace tideline::enrol
