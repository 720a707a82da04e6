// What a server can do to a client that only asked.

#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include "test/k8s-bridge/api/fixture.h"
#include "test/support/mute_server.h"

namespace tideline::k8s_api::hostile_test {
namespace {

using model::ErrorCode;
using std::chrono::milliseconds;
using test::json_reply;
using test::raw_reply;
using testing::HasSubstr;

class HostileTest : public ApiTest {
 protected:
  void expect_error(const model::Result<Answer>& answer, ErrorCode code, const std::string& part) {
    ASSERT_FALSE(answer.ok()) << answer->status << " " << answer->body.substr(0, 100);
    EXPECT_EQ(answer.error().code(), code) << answer.error().message();
    EXPECT_THAT(answer.error().message(), HasSubstr(part));
    EXPECT_THAT(answer.error().message(), HasSubstr("GET /x"));
    EXPECT_LE(answer.error().message().size(), 1000U);
  }
  /// The client is as good as new after whatever was done to it.
  void expect_works(ApiClient& client) {
    server_.on("GET /sound", json_reply(200, "{}"));
    const auto answer = get(client, "/sound");
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    EXPECT_EQ(answer->status, 200U);
  }
};

TEST_F(HostileTest, AnAnswerTooLongIsGivenUp) {
  server_.on("GET /x", json_reply(200, std::string(5000, ' ')));
  test::ScriptedReply endless = raw_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", End::kHold);
  endless.pieces.push_back("400\r\n" + std::string(1024, ' ') + "\r\n");
  endless.repeat_last_piece = true;
  server_.on("GET /x", endless);
  const auto client = start(config());
  Request request;
  request.path = "/x";
  request.max_answer_bytes = 4096;
  expect_error(ask(*client, request), ErrorCode::kOverloaded, "longer than 4096 bytes");
  expect_error(ask(*client, request), ErrorCode::kOverloaded, "longer than 4096 bytes");
  expect_works(*client);
  EXPECT_EQ(client->counts().no_answer, 2U);
}

TEST_F(HostileTest, SilenceAndDripsEndWithTheDeadline) {
  server_.on("GET /x", raw_reply("", End::kHold));
  test::ScriptedReply head = raw_reply("HTTP/1.1 200 OK\r\nX: ", End::kHold);
  head.pieces.emplace_back("y");
  head.repeat_last_piece = true;
  head.between = milliseconds(10);
  server_.on("GET /x", head);
  test::ScriptedReply body = raw_reply("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", End::kHold);
  body.pieces.emplace_back(" ");
  body.repeat_last_piece = true;
  body.between = milliseconds(10);
  server_.on("GET /x", body);
  const auto client = start(config());
  Request request;
  request.path = "/x";
  request.deadline = milliseconds(300);
  for (int i = 0; i < 3; ++i)
    expect_error(ask(*client, request), ErrorCode::kUnavailable, "no answer within");
  expect_works(*client);
}

TEST_F(HostileTest, AServerThatNeverShakesHandsIsGivenUp) {
  const test::MuteServer mute;
  auto settings = config(mute.port());
  settings.connect_deadline = milliseconds(300);
  const auto client = start(settings);
  expect_error(get(*client, "/x"), ErrorCode::kUnavailable, "no connection within 300 ms");
}

TEST_F(HostileTest, AHeadWithoutEndIsGivenUp) {
  test::ScriptedReply endless = raw_reply("HTTP/1.1 200 OK\r\n", End::kHold);
  endless.pieces.push_back("X-Filler: " + std::string(8000, 'x') + "\r\n");
  endless.repeat_last_piece = true;
  server_.on("GET /x", endless);
  const auto client = start(config());
  expect_error(get(*client, "/x"), ErrorCode::kMalformed, "too large");
  expect_works(*client);
}

TEST_F(HostileTest, WhatIsNoHttpIsNamed) {
  const auto client = start(config());
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 okay\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"}) {
    server_.on("GET /x", raw_reply(bytes, End::kClose));
    expect_error(get(*client, "/x"), ErrorCode::kMalformed, "");
  }
  expect_works(*client);
}

TEST_F(HostileTest, AnAnswerCutShortIsNone) {
  const auto client = start(config());
  for (const char* bytes : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\"",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"a\"", "HTTP/1.1 200"}) {
    server_.on("GET /x", raw_reply(bytes, End::kClose));
    expect_error(get(*client, "/x"), ErrorCode::kUnavailable, "");
  }
  expect_works(*client);
}

TEST_F(HostileTest, RedirectsAreNotFollowed) {
  server_.on("GET /x", raw_reply("HTTP/1.1 307 Temporary Redirect\r\nLocation: https://evil.example/\r\n"
                                 "Content-Length: 0\r\n\r\n",
                                 End::kNextRequest));
  const auto client = start(config());
  expect_error(get(*client, "/x"), ErrorCode::kUnsupported, "answered 307, a redirect to https://evil.example/");
  expect_works(*client);
}

TEST_F(HostileTest, AnEncodingThatWasNotAskedForIsRefused) {
  server_.on("GET /x", json_reply(200, "bytes", "Content-Encoding: gzip\r\n"));
  const auto client = start(config());
  expect_error(get(*client, "/x"), ErrorCode::kUnsupported, "gzip");
  expect_works(*client);
}

TEST_F(HostileTest, NobodyThereIsAnErrorThatNamesTheAddress) {
  std::uint16_t port = 0;
  {
    const test::ScriptedApiServer gone({.own = server_files_});
    port = gone.port();
  }
  const auto client = start(config(port));
  expect_error(get(*client, "/x"), ErrorCode::kUnavailable, "127.0.0.1:" + std::to_string(port));
}

}  // namespace
}  // namespace tideline::k8s_api::hostile_test
