// The bootstrap port as peers see it, good and bad, over real TLS; who asks is a test's word.

#include "coordinator/bootstrap/server.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "messages/certs/signing.h"
#include "messages/clock/clock.h"
#include "messages/link/tls_files.h"
#include "test/coordinator/bootstrap/tls_client.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::bootstrap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kAgentToken = "agent-of-n1";

/// "agent-of-NODE" is that node's; what others get is told by their names.
class FakeBackend final : public BootstrapBackend {
 public:
  void identify(std::string token, link::Reply<model::NodeName> reply) override {
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(token);
      if (token == "silent") kept_.push_back(reply);
    }
    changed_.notify_all();
    constexpr std::string_view kAgent = "agent-of-";
    if (token.starts_with(kAgent)) {
      reply(model::NodeName(token.substr(kAgent.size())));
    } else if (token == "strange") {
      reply(model::NodeName("n1,DNS:n2"));
    } else if (token == "away") {
      reply(model::Error(model::ErrorCode::kUnavailable, "POST /apis: 10.96.0.1:443: connection refused"));
    } else if (token == "expired") {
      reply(model::Error(model::ErrorCode::kPermissionDenied, "the token is not authenticated: it has expired"));
    } else if (token == "foreign") {
      reply(model::Error(model::ErrorCode::kPermissionDenied, "the token is not for the audience tideline-bootstrap"));
    }
    // Of "dropped" nothing more is heard.
  }

  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(20), [&]() { return asked_.size() >= count; });
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::vector<link::Reply<model::NodeName>> take_kept() {
    const std::lock_guard lock(mutex_);
    return std::exchange(kept_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> asked_;
  std::vector<link::Reply<model::NodeName>> kept_;
};

std::string request_pem() {
  auto made = certs::make_signing_request();
  if (!made) throw std::runtime_error(made.error().message());
  return made->request;
}

std::string post(const std::string& token, const std::string& body) {
  return fmt::format(
      "POST /v1/node-certificate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{}",
      token, body.size(), body);
}

std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

class Bootstrap : public testing::Test {
 protected:
  Bootstrap() {
    const auto own = ca_.coordinator();
    config_.listen = "127.0.0.1:0";
    config_.tls = {own.certificate, own.key, own.ca};
    config_.signing_certificate = file("ca.crt");
    config_.signing_key = file("ca.key");
    // All of a test comes from one host and soon, mostly for the same node.
    config_.max_connections_per_host = 64;
    config_.questions_a_second = 1000;
    config_.node_pause = model::kZeroDuration;
  }
  std::string file(const std::string& name) const { return dir_.str() + "/" + name; }
  TlsClient::Options trust() const {
    TlsClient::Options options;
    options.ca_file = ca_.ca_file();
    return options;
  }
  void start() {
    auto started = BootstrapServer::start(config_, backend_);
    if (!started) throw std::runtime_error(started.error().message());
    server_ = *std::move(started);
  }
  /// The whole answer.
  std::string send(const std::string& bytes) const {
    const TlsClient client(server_->port(), trust());
    EXPECT_EQ(client.problem(), "");
    client.send(bytes);
    client.finish();
    return client.rest();
  }
  std::string ask(const std::string& token) const { return send(post(token, request_pem())); }
  void expect_error(const std::string& said, const std::string& part) {
    const auto failed = BootstrapServer::start(config_, backend_);
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message(), HasSubstr(said));
    EXPECT_THAT(failed.error().message(), HasSubstr(part));
  }

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  FakeBackend backend_;
  BootstrapConfig config_;
  std::unique_ptr<BootstrapServer> server_;
};

TEST_F(Bootstrap, AnAgentGetsACertificateForItsNode) {
  start();
  const auto request = certs::make_signing_request();
  ASSERT_TRUE(request);
  testing::internal::CaptureStderr();
  const auto before = clock::wall_now();
  const auto answer = send(post(kAgentToken, request->request));
  const auto log = testing::internal::GetCapturedStderr();
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  const auto told = nlohmann::json::parse(body_of(answer));
  EXPECT_EQ(told.at("node"), "n1");
  const link::TlsFiles files{dir_.write("n1.crt", told.at("certificate")), dir_.write("n1.key", request->key),
                             dir_.write("n1-ca.crt", told.at("ca"))};
  const auto material = link::load(files, link::TlsUse::kClient);
  ASSERT_TRUE(material) << material.error().message();
  const auto until = link::speaks_for(*material, model::NodeName("n1"));
  ASSERT_TRUE(until) << until.error().message();
  EXPECT_LE(until->ms, clock::wall_now().ms + 24 * 3'600'000);
  EXPECT_GE(until->ms, before.ms + 23 * 3'600'000);
  EXPECT_TRUE(link::check_trusted(material->certificate_pem, dir_.read("ca.crt"), link::TlsUse::kClient));
  EXPECT_EQ(backend_.asked(), std::vector{kAgentToken});

  const auto summary = certs::summary_of(material->certificate_pem);
  ASSERT_TRUE(summary);
  EXPECT_THAT(log, HasSubstr("node-certificate-signed: n1: serial " + summary->serial + ", valid until 20"));
  EXPECT_THAT(log, HasSubstr("asked for from 127.0.0.1:"));
  EXPECT_THAT(log, Not(HasSubstr(kAgentToken)));
  EXPECT_EQ(server_->counts().signed_, 1u);
  EXPECT_EQ(server_->counts().denied + server_->counts().failed, 0u);
  EXPECT_EQ(server_->counts().authority_until, certs::summary_of(dir_.read("ca.crt"))->not_after);
}

TEST_F(Bootstrap, ACertificateIsValidForAsLongAsItIsSaid) {
  config_.validity = std::chrono::hours(2);
  start();
  const auto answer = ask(kAgentToken);
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200"));
  const std::string certificate = nlohmann::json::parse(body_of(answer)).at("certificate");
  EXPECT_LE(certs::summary_of(certificate)->not_after.ms, clock::wall_now().ms + 2 * 3'600'000);
}

TEST_F(Bootstrap, WithoutATokenNobodyIsAskedAbout) {
  start();
  testing::internal::CaptureStderr();
  for (const auto* header : {"", "Authorization: Basic eDp5\r\n", "Authorization: Bearer\r\n",
                             "Authorization: Bearer agent-of-n1\r\nAuthorization: Bearer agent-of-n1\r\n"}) {
    EXPECT_THAT(
        send(fmt::format("POST /v1/node-certificate HTTP/1.1\r\nHost: x\r\n{}Content-Length: 3\r\n\r\nabc", header)),
        StartsWith("HTTP/1.1 401 Unauthorized\r\n"))
        << header;
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("node-certificate-denied: 127.0.0.1:"));
  EXPECT_TRUE(backend_.asked().empty());
  EXPECT_EQ(server_->counts().denied, 4u);
}

TEST_F(Bootstrap, WhoIsNotProvenIsToldWhyAndNothingMore) {
  start();
  for (const auto& [token, why] :
       {std::pair("expired", "it has expired"), std::pair("foreign", "not for the audience tideline-bootstrap")}) {
    testing::internal::CaptureStderr();
    const auto answer = ask(token);
    const auto log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
    EXPECT_THAT(body_of(answer), HasSubstr(why));
    EXPECT_THAT(log, HasSubstr("node-certificate-denied: 127.0.0.1:"));
    EXPECT_THAT(log, HasSubstr(why));
    // So that the next line is shown, too.
    std::this_thread::sleep_for(milliseconds(150));
  }
  EXPECT_EQ(server_->counts().denied, 2u);
  EXPECT_EQ(server_->counts().signed_, 0u);
}

TEST_F(Bootstrap, ADeniedNameGetsNone) {
  config_.denied_names_file = dir_.write("denied", "n1.node.tideline\n");
  start();
  const auto answer = ask(kAgentToken);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(body_of(answer), HasSubstr("node n1 is among the denied names"));
  EXPECT_THAT(ask("agent-of-n2"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->counts().denied, 1u);
}

TEST_F(Bootstrap, ANameThatIsDeniedMeanwhileGetsNoOther) {
  config_.denied_names_file = dir_.write("denied", "# nobody\n");
  config_.reload_every = milliseconds(20);
  start();
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200"));
  dir_.write("denied", "n1.node.tideline\n");
  EXPECT_TRUE(eventually([&]() { return ask(kAgentToken).starts_with("HTTP/1.1 403"); }));
}

TEST_F(Bootstrap, WhoCannotBeToldIsAskedToComeAgain) {
  start();
  testing::internal::CaptureStderr();
  const auto answer = ask("away");
  const auto log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("10.96.0.1"))) << "a stranger learns nothing of the cluster";
  EXPECT_THAT(log, HasSubstr("node-certificate-failed: 127.0.0.1:"));
  EXPECT_THAT(log, HasSubstr("10.96.0.1:443: connection refused"));
  EXPECT_THAT(ask("dropped"), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(server_->counts().failed, 2u);
}

TEST_F(Bootstrap, ABackendThatStaysSilentIsNotWaitedForForever) {
  config_.backend_deadline = milliseconds(200);
  start();
  EXPECT_THAT(ask("silent"), StartsWith("HTTP/1.1 503"));
  for (const auto& reply : backend_.take_kept())
    reply(model::NodeName("n1"));
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200")) << "its place is free again";
}

TEST_F(Bootstrap, MoreQuestionsThanMayBeAskedAtOnceWaitForTheirTurn) {
  config_.max_asking = 1;
  start();
  const TlsClient asks(server_->port(), trust());
  asks.send(post("silent", request_pem()));
  ASSERT_TRUE(backend_.wait_for(1));
  const TlsClient next(server_->port(), trust());
  next.send(post(kAgentToken, request_pem()));
  // A whole visit, by which the one before has been read.
  EXPECT_THAT(send("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 40"));
  EXPECT_EQ(backend_.asked(), std::vector<std::string>{"silent"});
  for (const auto& reply : backend_.take_kept())
    reply(model::NodeName("n2"));
  EXPECT_THAT(asks.rest(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(next.rest(), StartsWith("HTTP/1.1 200"));
}

TEST_F(Bootstrap, NobodyIsAskedAboutForThoseWhoLeftWhileTheyWaited) {
  config_.max_asking = 1;
  start();
  const TlsClient asks(server_->port(), trust());
  asks.send(post("silent", request_pem()));
  ASSERT_TRUE(backend_.wait_for(1));
  TlsClient leaves(server_->port(), trust());
  leaves.send(post("agent-of-n3", request_pem()));
  EXPECT_THAT(send("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 40"));
  leaves.leave();
  for (const auto& reply : backend_.take_kept())
    reply(model::NodeName("n2"));
  EXPECT_THAT(asks.rest(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(backend_.asked(), (std::vector<std::string>{"silent", kAgentToken}));
}

TEST_F(Bootstrap, QuestionsKeepToTheirPace) {
  config_.questions_a_second = 5;
  start();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i)
    EXPECT_THAT(ask("expired"), StartsWith("HTTP/1.1 401"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(590)) << "forged tokens, too";
}

TEST_F(Bootstrap, ANodeThatHasOneFromAMomentAgoGetsNoOther) {
  config_.node_pause = std::chrono::minutes(10);
  start();
  EXPECT_THAT(send(post(kAgentToken, "nothing")), StartsWith("HTTP/1.1 400")) << "which begins no pause";
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200"));
  const auto again = ask(kAgentToken);
  EXPECT_THAT(again, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(body_of(again), HasSubstr("node n1 has a certificate from a moment ago"));
  EXPECT_THAT(ask("agent-of-n2"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->counts().signed_, 2u);
}

TEST_F(Bootstrap, OneHostDoesNotHoldAllPlaces) {
  config_.max_connections_per_host = 2;
  start();
  TlsClient silent(server_->port(), trust(), false);
  const TlsClient shaken(server_->port(), trust());
  testing::internal::CaptureStderr();
  EXPECT_NE(TlsClient(server_->port(), trust()).problem(), "") << "closed at once";
  EXPECT_TRUE(eventually([&]() { return server_->counts().failed == 1; }));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("2 connections of that host are open, the limit"));
  silent.leave();
  EXPECT_TRUE(eventually([&]() {
    const TlsClient client(server_->port(), trust());
    if (!client.problem().empty()) return false;
    client.send(post(kAgentToken, request_pem()));
    return client.rest().starts_with("HTTP/1.1 200");
  })) << "its place is free again";
}

TEST_F(Bootstrap, ABadSigningRequestIsRefusedWhoeverSendsIt) {
  start();
  const auto answer = send(post(kAgentToken, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(body_of(answer), HasSubstr("no PKCS #10 certificate request"));
  EXPECT_EQ(server_->counts().failed, 1u);
}

TEST_F(Bootstrap, NobodyGetsACertificateThatReadsAsAnothers) {
  start();
  const auto answer = ask("strange");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, Not(HasSubstr("BEGIN CERTIFICATE")));
  EXPECT_EQ(server_->counts().signed_, 0u);
}

TEST_F(Bootstrap, WhatIsNoRequestForACertificateIsTurnedAway) {
  start();
  const std::string rest = " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer agent-of-n1\r\n";
  struct Row {
    std::string bytes;
    std::string answer;
  };
  const std::vector<Row> rows{
      {"GET /v1/node-certificate" + rest + "\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
      {"PUT /v1/node-certificate" + rest + "Content-Length: 1\r\n\r\nx", "HTTP/1.1 405 "},
      {"POST /metrics" + rest + "Content-Length: 1\r\n\r\nx", "HTTP/1.1 404 Not Found\r\n"},
      {"POST /v1/node-certificate" + rest + "\r\n", "HTTP/1.1 411 Length Required\r\n"},
      {"POST /v1/node-certificate" + rest + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 411 "},
      {"POST /v1/node-certificate" + rest + "Content-Length: 0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
      {"POST /v1/node-certificate" + rest + "Content-Length: +5\r\n\r\nabcde", "HTTP/1.1 400 "},
      {post(kAgentToken, std::string(20'000, 'x')), "HTTP/1.1 413 Payload Too Large\r\n"},
      {"POST /v1/node-certificate" + rest + "Content-Length: 1000000000000\r\n\r\nx", "HTTP/1.1 413 "},
      {std::string(1000, '\xff') + "\r\n\r\n", "HTTP/1.1 400 "},
      {"CONNECT x:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "}};
  for (const auto& row : rows) {
    EXPECT_THAT(send(row.bytes), StartsWith(row.answer)) << row.bytes.substr(0, 200);
  }
  EXPECT_TRUE(backend_.asked().empty());
  EXPECT_EQ(server_->counts().failed, rows.size());
  const auto endless = send("POST /v1/node-certificate HTTP/1.1\r\nX: " + std::string(300'000, 'a'));
  EXPECT_THAT(endless, AnyOf("", StartsWith("HTTP/1.1 400")));
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200"));
}

TEST_F(Bootstrap, AConnectionHasOneRequest) {
  start();
  const auto answers = send(post(kAgentToken, request_pem()) + post(kAgentToken, request_pem()));
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(answers.find("HTTP/1.1", 1), std::string::npos);
  EXPECT_EQ(backend_.asked().size(), 1u);
}

TEST_F(Bootstrap, SlowPeersLoseTheirPlaces) {
  // Long enough for all of them to be there at once.
  config_.request_deadline = seconds(5);
  config_.max_connections = 5;
  start();
  const TlsClient silent(server_->port(), trust(), false);
  const TlsClient noise(server_->port(), trust(), false);
  noise.send_raw(std::string_view("\x16\x03\x01", 3));
  const TlsClient shaken(server_->port(), trust());
  const TlsClient half_a_head(server_->port(), trust());
  half_a_head.send("POST /v1/node-certificate HTTP/1.1\r\nAuthoriz");
  const TlsClient half_a_body(server_->port(), trust());
  half_a_body.send("POST /v1/node-certificate HTTP/1.1\r\nAuthorization: Bearer x\r\nContent-Length: 500\r\n\r\n----");
  EXPECT_NE(TlsClient(server_->port(), trust()).problem(), "") << "all places are taken";
  silent.wait_for_end();
  noise.wait_for_end();
  for (const auto* slow : {&shaken, &half_a_head, &half_a_body}) {
    EXPECT_THAT(slow->rest(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  }
  EXPECT_TRUE(eventually([&]() { return server_->counts().failed == 6; })) << server_->counts().failed;
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200")) << "they are free again";
  EXPECT_EQ(backend_.asked().size(), 1u);
}

TEST_F(Bootstrap, PeersThatLeaveInTheMiddleDoNoHarm) {
  config_.max_connections = 2;
  start();
  for (int i = 0; i < 6; ++i) {
    TlsClient leaves(server_->port(), trust());
    leaves.send(i % 2 == 0 ? std::string_view("POST /v1/node-cert") : std::string_view());
    leaves.leave();
  }
  {
    TlsClient probe(server_->port(), trust(), false);
    probe.leave();
  }
  EXPECT_TRUE(eventually([&]() {
    const TlsClient client(server_->port(), trust());
    if (!client.problem().empty()) return false;
    client.send(post(kAgentToken, request_pem()));
    return client.rest().starts_with("HTTP/1.1 200");
  }));
}

TEST_F(Bootstrap, StopsWhileItAsks) {
  start();
  const TlsClient waits(server_->port(), trust());
  waits.send(post("silent", request_pem()));
  ASSERT_TRUE(backend_.wait_for(1));
  server_->stop();
  EXPECT_EQ(waits.rest(), "");
  for (const auto& reply : backend_.take_kept())
    reply(model::NodeName("n1"));
  server_->stop();
  EXPECT_EQ(server_->counts().signed_, 0u);
}

TEST_F(Bootstrap, AClientThatDoesNotTrustTheAuthorityTellsNothing) {
  start();
  const test::CertAuthority other(dir_.str(), "other");
  auto options = trust();
  options.ca_file = other.ca_file();
  testing::internal::CaptureStderr();
  const TlsClient client(server_->port(), options);
  EXPECT_THAT(client.problem(), HasSubstr("certificate verify failed"));
  EXPECT_TRUE(eventually([&]() { return server_->counts().failed == 1; }));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("TLS handshake"));
  options = trust();
  options.server_name = "another.tideline";
  EXPECT_NE(TlsClient(server_->port(), options).problem(), "");
  EXPECT_TRUE(backend_.asked().empty());
}

TEST_F(Bootstrap, SpeaksNoOlderTls) {
  start();
  auto options = trust();
  options.is_tls12 = true;
  EXPECT_NE(TlsClient(server_->port(), options).problem(), "");
}

TEST_F(Bootstrap, AnAuthorityThatTakesTheOldOnesPlaceSignsFromThenOn) {
  config_.reload_every = milliseconds(20);
  dir_.write("bundle.crt", dir_.read("ca.crt"));
  config_.tls.ca = file("bundle.crt");
  dir_.write("signing.crt", dir_.read("ca.crt"));
  dir_.write("signing.key", dir_.read("ca.key"));
  config_.signing_certificate = file("signing.crt");
  config_.signing_key = file("signing.key");
  start();
  const test::CertAuthority fresh(dir_.str(), "fresh");
  const std::string both = dir_.read("fresh.crt") + dir_.read("ca.crt");
  dir_.write("bundle.crt", both);
  dir_.write("signing.key", dir_.read("fresh.key"));
  dir_.write("signing.crt", both);
  nlohmann::json told;
  EXPECT_TRUE(eventually([&]() {
    told = nlohmann::json::parse(body_of(ask(kAgentToken)));
    return told.at("ca") == both;
  }));
  const std::string certificate = told.at("certificate");
  EXPECT_TRUE(link::check_trusted(certificate, dir_.read("fresh.crt"), link::TlsUse::kClient));
  EXPECT_FALSE(link::check_trusted(certificate, dir_.read("ca.crt"), link::TlsUse::kClient));
  EXPECT_EQ(server_->counts().authority_until, certs::summary_of(both)->not_after);
}

TEST_F(Bootstrap, ChangedFilesThatDoNotFitAreLeftAlone) {
  config_.reload_every = milliseconds(20);
  config_.denied_names_file = dir_.write("denied", "");
  dir_.write("signing.key", dir_.read("ca.key"));
  config_.signing_key = file("signing.key");
  start();
  const test::CertAuthority other(dir_.str(), "other");
  testing::internal::CaptureStderr();
  dir_.write("signing.key", dir_.read("other.key"));
  // All files are looked at together: when this one counts, the other was seen, too.
  dir_.write("denied", "n2.node.tideline\n");
  EXPECT_TRUE(eventually([&]() { return ask("agent-of-n2").starts_with("HTTP/1.1 403"); }));
  const auto log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("tls-files-bad: bootstrap port: "));
  EXPECT_THAT(log, HasSubstr("no certificate with its own key"));
  EXPECT_THAT(ask(kAgentToken), StartsWith("HTTP/1.1 200"));
}

TEST_F(Bootstrap, SaysAtTheStartWhatIsWrong) {
  const auto good = config_;
  config_.signing_key = file("nowhere.key");
  expect_error("bootstrap port: ", "nowhere.key: cannot be read");
  config_ = good;
  config_.tls.certificate = file("nowhere.crt");
  expect_error("bootstrap port: ", "nowhere.crt");
  config_ = good;
  config_.denied_names_file = file("nowhere");
  expect_error("bootstrap port: ", "nowhere");
  config_ = good;
  config_.listen = "nowhere";
  expect_error("bootstrap port: ", "'nowhere'");
  config_ = good;
  config_.validity = std::chrono::hours(25);
  expect_error("bootstrap port: ", "24 hours");
  EXPECT_FALSE(check(config_));
  EXPECT_TRUE(check(good));
}

TEST_F(Bootstrap, AnAuthorityThatOneOfTheTwoEndsDoesNotTrustIsSaidAtTheStart) {
  const test::CertAuthority other(dir_.str(), "other");
  config_.signing_certificate = file("other.crt");
  config_.signing_key = file("other.key");
  expect_error("would not trust the coordinator's certificate", "other.crt");
  // Nodes would be given both authorities, and the coordinator knows one of them.
  config_.signing_certificate = dir_.write("both.crt", dir_.read("other.crt") + dir_.read("ca.crt"));
  expect_error("would not trust what", "both.crt");
}

}  // namespace
}  // namespace tideline::bootstrap
