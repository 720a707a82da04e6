// Whatever is answered, nothing but a good certificate is taken, the reason is named, and it is asked again.

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "node-actor/enrol/wire.h"
#include "test/node-actor/enrol/fixture.h"

namespace tideline::enrol {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class AnswersTest : public EnrolTest {
 protected:
  struct Row {
    const char* what;
    Answer answer;
    const char* why;
  };

  static Answer says_always(const test::ScriptedReply& reply) {
    return [reply](const test::SeenRequest&) { return reply; };
  }
  static Answer refuses(unsigned status, const std::string& body) {
    return says_always(test::json_reply(status, body));
  }

  void expect_refused(const Row& row, const EnrolConfig& settings) {
    test::ScriptedApiServer server({.own = server_files_});
    server.compute(kAsked, row.answer);
    auto here = settings;
    here.address = config(server).address;
    const auto enroller = start(here);
    EXPECT_TRUE(says(*enroller, row.why)) << row.what << ": " << problem(*enroller);
    EXPECT_TRUE(says(*enroller, here.address)) << row.what;
    EXPECT_TRUE(server.wait_for(kAsked, 2)) << row.what << ": it is asked again";
    EXPECT_THAT(problem(*enroller), Not(HasSubstr(kToken))) << row.what;
    EXPECT_LT(problem(*enroller).size(), 500U) << row.what;
    enroller->stop();
    EXPECT_TRUE(std::filesystem::is_empty(dir_.path() / "own")) << row.what << ": nothing is left behind";
  }
};

TEST_F(AnswersTest, CertificatesThatAreNotThisNodesOwnAreRefused) {
  const auto other_signer = signer_of(dir_, "other-ca");
  auto expired = certs::node_spec("n1");
  expired.valid_to = seconds(-60);
  auto early = certs::node_spec("n1");
  early.valid_from = seconds(600);
  const auto stranger = text(ca_.node("n1").certificate);
  const std::vector<Row> rows{
      {"a token of a pod elsewhere", signs(certs::node_spec("n2"), "n2"), "on node \"n2\", not on \"n1\""},
      {"another node's", signs(certs::node_spec("n2")), "node \"n2\"'s, not \"n1\"'s"},
      {"two nodes'", signs({.dns_names = {"n1.node.tideline", "n2.node.tideline"}, .client_auth = true}), "not taken"},
      {"any node's", signs({.dns_names = {"*.node.tideline"}, .client_auth = true}), "not taken"},
      {"an operator's", signs(certs::person_spec("admin", "n1")), "not taken"},
      {"a server's", signs(certs::coordinator_spec("n1.node.tideline")), "clientAuth"},
      {"one that has expired", signs(expired), "expired"},
      {"one of tomorrow", signs(early), "not yet valid"},
      {"another authority's than it says",
       [&](const test::SeenRequest& request) {
         return answer_of("n1", other_signer.sign(request.body, certs::node_spec("n1")).value_or(""), signer_.ca_pem());
       },
       "does not verify"},
      {"another key's", says_always(answer_of("n1", stranger, signer_.ca_pem())), "does not belong"},
      {"no certificate", says_always(answer_of("n1", "rubbish", signer_.ca_pem())), "no PEM certificate"}};
  for (const auto& row : rows)
    expect_refused(row, config());
}

TEST_F(AnswersTest, RefusalsAreNamed) {
  const std::vector<Row> rows{
      {"not proven", refuses(401, "the token has expired"), "answered 401: the token has expired"},
      {"not allowed", refuses(403, "service account a/b may have none"), "answered 403: service account a/b"},
      {"too many", refuses(429, ""), "answered 429"},
      {"cannot be told", refuses(503, "the API server is away"), "answered 503: the API server is away"},
      {"elsewhere", says_always(test::json_reply(302, "", "Location: https://elsewhere/\r\n")), "answered 302"},
      {"an echo", refuses(403, std::string("Bearer ") + kToken + " is bad"), "answered 403: Bearer (the token) is bad"},
      {"an echo that is cut", refuses(403, std::string(190, 'x') + kToken), "answered 403: xxx"}};
  for (const auto& row : rows)
    expect_refused(row, config());
}

TEST_F(AnswersTest, ACutEchoShowsNoPartOfTheToken) {
  server_.always(kAsked, test::json_reply(403, std::string(190, 'x') + kToken));
  const auto enroller = start(config());
  EXPECT_TRUE(says(*enroller, "answered 403"));
  EXPECT_THAT(problem(*enroller), Not(HasSubstr("s3cret")));
}

TEST_F(AnswersTest, WhatIsNoAnswerIsRefusedWithinItsBounds) {
  auto endless = test::raw_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", End::kHold);
  endless.pieces.push_back("400\r\n" + std::string(1024, 'x') + "\r\n");
  endless.repeat_last_piece = true;
  auto headers = test::raw_reply("HTTP/1.1 200 OK\r\n", End::kHold);
  headers.pieces.push_back("X-More: " + std::string(1024, 'x') + "\r\n");
  headers.repeat_last_piece = true;
  const std::string huge(kMaxAnswerBytes + 1, ' ');
  const std::vector<Row> rows{
      {"no JSON", refuses(200, "<html>"), "not JSON"},
      {"a list", refuses(200, "[]"), "no JSON object"},
      {"half of it", refuses(200, R"({"node": "n1"})"), "no \"certificate\""},
      {"deep", refuses(200, std::string(2000, '[')), "the answer"},
      {"huge", refuses(200, huge), "more than 65536 bytes"},
      {"endless", says_always(endless), "more than 65536 bytes"},
      {"headers without end", says_always(headers), ""},
      {"no HTTP", says_always(test::raw_reply("SSH-2.0-OpenSSH_9.2\r\n\r\n", End::kClose)), ""},
      {"cut", says_always(test::raw_reply("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", End::kClose)), ""},
      {"nothing", says_always(test::raw_reply("", End::kClose)), ""}};
  for (const auto& row : rows)
    expect_refused(row, config());
}

TEST_F(AnswersTest, SilenceEndsWithTheDeadline) {
  auto settings = config();
  settings.request_deadline = milliseconds(200);
  auto slow = test::raw_reply("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", End::kHold);
  slow.pieces.emplace_back(" ");
  slow.repeat_last_piece = true;
  slow.between = milliseconds(20);
  for (const auto& row : {Row{"nothing", says_always(test::raw_reply("", End::kHold)), "no answer within 200 ms"},
                          Row{"a byte now and then", says_always(slow), "no answer within 200 ms"}})
    expect_refused(row, settings);
}

TEST_F(AnswersTest, AfterAllOfThatAGoodAnswerIsTaken) {
  for (const unsigned status : {401U, 403U, 429U, 503U})
    server_.on(kAsked, test::json_reply(status, "no"));
  server_.on(kAsked, test::raw_reply("no HTTP\r\n\r\n", End::kClose));
  server_.on(kAsked, test::raw_reply("", End::kClose));
  server_.compute(kAsked, signs(certs::node_spec("n1")));
  const auto enroller = start(config());
  const auto good = enroller->wait(seconds(20));
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_THAT(server_.seen(), SizeIs(7));
  EXPECT_NE(certificate_there(config()), "");
}

}  // namespace
}  // namespace tideline::enrol
