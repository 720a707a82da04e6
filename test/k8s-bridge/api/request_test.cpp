// Requests and their answers.

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "messages/clock/term.h"
#include "test/k8s-bridge/api/fixture.h"

namespace tideline::k8s_api::request_test {
namespace {

using model::ErrorCode;
using std::chrono::milliseconds;
using test::json_reply;
using test::raw_reply;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RequestTest : public ApiTest {
 protected:
  static std::vector<std::string> targets_of(const std::vector<test::SeenRequest>& requests) {
    std::vector<std::string> targets;
    for (const auto& request : requests)
      targets.push_back(request.target);
    return targets;
  }
};

TEST_F(RequestTest, SaysWhoAsksWhatAndHow) {
  server_.on("PATCH", json_reply(200, R"({"kind":"Node"})"));
  auto settings = config();
  settings.access.path_prefix = "/k8s/clusters/c1";
  const auto client = start(settings);
  Request request;
  request.method = Method::kMergePatch;
  request.path = "/api/v1/nodes/n1/status?fieldManager=tideline%2Fx";
  request.body = R"({"status":{}})";
  const auto answer = ask(*client, request);
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->status, 200U);
  EXPECT_EQ(answer->body, R"({"kind":"Node"})");
  EXPECT_FALSE(answer->retry_after);
  ASSERT_THAT(server_.seen(), SizeIs(1));
  const auto seen = server_.seen().front();
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, "/k8s/clusters/c1/api/v1/nodes/n1/status?fieldManager=tideline%2Fx");
  EXPECT_EQ(seen.body, request.body);
  EXPECT_EQ(seen.header("authorization"), "Bearer secret");
  EXPECT_EQ(seen.header("content-type"), "application/merge-patch+json");
  EXPECT_EQ(seen.header("accept"), "application/json");
  EXPECT_EQ(seen.header("user-agent"), "tideline-coordinator");
  EXPECT_EQ(seen.header("host"), "127.0.0.1:" + std::to_string(server_.port()));
  EXPECT_EQ(seen.header("accept-encoding"), "");
}

TEST_F(RequestTest, KnowsAllMethods) {
  server_.always("", json_reply(200, "{}"));
  const auto client = start(config());
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete}) {
    Request request;
    request.method = method;
    request.path = "/x";
    if (method == Method::kPost || method == Method::kPut) request.body = "{}";
    EXPECT_TRUE(ask(*client, request).ok());
  }
  const auto seen = server_.seen();
  ASSERT_THAT(seen, SizeIs(4));
  EXPECT_EQ(seen[0].method, "GET");
  EXPECT_EQ(seen[0].header("content-length"), "");
  EXPECT_EQ(seen[1].method, "POST");
  EXPECT_EQ(seen[1].header("content-type"), "application/json");
  EXPECT_EQ(seen[2].method, "PUT");
  EXPECT_EQ(seen[3].method, "DELETE");
  EXPECT_EQ(seen[3].header("content-length"), "0");
  EXPECT_EQ(seen[3].connection, 1U) << "a connection is kept for those that follow";
}

TEST_F(RequestTest, AnyStatusIsAnAnswer) {
  server_.on("GET /a", json_reply(404, status_json(404, "NotFound", "nodes \\\"n1\\\" not found")));
  server_.on("GET /b", json_reply(503, "", "Retry-After: 7\r\n"));
  const auto client = start(config());
  const auto missing = get(*client, "/a");
  ASSERT_TRUE(missing.ok()) << missing.error().message();
  EXPECT_EQ(describe(*missing), "404 Not Found: nodes \"n1\" not found");
  const auto busy = get(*client, "/b");
  ASSERT_TRUE(busy.ok()) << busy.error().message();
  EXPECT_EQ(busy->retry_after, model::Duration(std::chrono::seconds(7)));
  const auto counts = client->counts();
  EXPECT_EQ(counts.requests, 2U);
  EXPECT_EQ(counts.answers_4xx, 1U);
  EXPECT_EQ(counts.answers_5xx, 1U);
  EXPECT_EQ(counts.answers_429 + counts.answers_2xx + counts.no_answer, 0U);
}

TEST_F(RequestTest, AfterTheTermNothingIsWrittenAndNobodyNewIsConnectedTo) {
  server_.always("", json_reply(200, "{}"));
  const auto term = std::make_shared<clock::Term>();
  term->extend(clock::boot_now() + std::chrono::hours(1));
  auto settings = config();
  settings.term = term;
  const auto client = start(settings);
  Request write;
  write.path = "/x";
  write.body = "{}";
  write.method = Method::kPost;
  ASSERT_TRUE(ask(*client, write).ok());
  term->end();
  for (const Method method : {Method::kPost, Method::kPut, Method::kMergePatch, Method::kDelete}) {
    write.method = method;
    const auto refused = ask(*client, write);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kFenced) << refused.error().message();
  }
  EXPECT_TRUE(get(*client, "/x").ok()) << "reading harms nobody";
  EXPECT_THAT(server_.seen(), SizeIs(2));
  const auto stranger = start(settings);
  EXPECT_FALSE(get(*stranger, "/x").ok());
  EXPECT_THAT(server_.seen(), SizeIs(2));
}

TEST_F(RequestTest, AWriteThatWaitedForTheBudgetIsNotSentAfterTheTerm) {
  server_.always("", json_reply(200, "{}"));
  const auto term = std::make_shared<clock::Term>();
  term->extend(clock::boot_now() + std::chrono::hours(1));
  auto settings = config();
  settings.term = term;
  settings.requests_a_second = 0.5;
  settings.burst = 1;
  const auto client = start(settings);
  ASSERT_TRUE(get(*client, "/x").ok());
  Request write;
  write.method = Method::kPost;
  write.path = "/x";
  auto waiting = send(*client, write);
  term->end();
  const auto refused = waiting.get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kFenced) << refused.error().message();
  EXPECT_THAT(server_.seen("POST"), IsEmpty());
}

TEST_F(RequestTest, RetryAfterHoldsBackAllThatIsNotUrgent) {
  server_.on("GET /first", json_reply(429, "{}", "Retry-After: 3\r\n"));
  server_.always("GET", json_reply(200, "{}"));
  const auto client = start(config());
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(get(*client, "/first")->status, 429U);
  Request low;
  low.path = "/low";
  low.priority = Priority::kLow;
  auto waiting = send(*client, low);
  Request high;
  high.path = "/high";
  high.priority = Priority::kHigh;
  EXPECT_EQ(ask(*client, high)->status, 200U);
  EXPECT_THAT(server_.seen("GET /low"), IsEmpty());
  EXPECT_EQ(client->counts().waiting, 1U);
  EXPECT_EQ(waiting.get()->status, 200U);
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(2800));
  EXPECT_EQ(client->counts().waiting, 0U);
  EXPECT_EQ(client->counts().answers_429, 1U);
}

TEST_F(RequestTest, RetryAfterThatIsAboutOneObjectHoldsBackNobodyElse) {
  server_.on("GET /busy", json_reply(429, "{}", "Retry-After: 60\r\n"));
  server_.always("GET", json_reply(200, "{}"));
  const auto client = start(config());
  Request request;
  request.path = "/busy";
  request.holds_others = false;
  const auto busy = ask(*client, request);
  ASSERT_TRUE(busy.ok());
  EXPECT_EQ(busy->retry_after, model::Duration(std::chrono::seconds(60)));
  EXPECT_EQ(get(*client, "/other")->status, 200U);
}

TEST_F(RequestTest, OfThoseThatWaitTheHigherPriorityGoesFirst) {
  server_.always("GET", json_reply(200, "{}"));
  auto settings = config();
  settings.burst = 1;
  settings.requests_a_second = 0.5;
  const auto client = start(settings);
  ASSERT_TRUE(get(*client, "/first").ok());
  std::vector<std::future<model::Result<Answer>>> answers;
  for (const auto& [path, priority] : {std::pair{"/low", Priority::kLow}, std::pair{"/normal", Priority::kNormal},
                                       std::pair{"/high", Priority::kHigh}}) {
    Request request;
    request.path = path;
    request.priority = priority;
    answers.push_back(send(*client, request));
  }
  for (auto& answer : answers)
    EXPECT_TRUE(answer.get().ok());
  EXPECT_THAT(targets_of(server_.seen()), ElementsAre("/first", "/high", "/normal", "/low"));
}

TEST_F(RequestTest, WhoWaitsTooLongOrBeyondTheBoundIsToldSo) {
  server_.always("GET", json_reply(200, "{}"));
  auto settings = config();
  settings.burst = 1;
  settings.requests_a_second = 0.001;
  settings.max_waiting = 1;
  const auto client = start(settings);
  ASSERT_TRUE(get(*client, "/first").ok());
  Request request;
  request.path = "/second";
  request.deadline = milliseconds(2000);
  auto second = send(*client, request);
  request.path = "/third";
  const auto third = ask(*client, request);
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code(), ErrorCode::kOverloaded);
  EXPECT_THAT(third.error().message(), HasSubstr("GET /third: 1 requests wait"));
  const auto late = second.get();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(late.error().message(), HasSubstr("GET /second: not sent within 2000 ms"));
  EXPECT_EQ(client->counts().no_answer, 2U);
  EXPECT_THAT(server_.seen(), SizeIs(1));
}

TEST_F(RequestTest, OnlySoManyAreInFlightAndOnePlaceIsKeptForTheUrgent) {
  server_.on("GET /high", json_reply(200, "{}"));
  server_.always("GET", raw_reply("", End::kHold));
  auto settings = config();
  settings.max_in_flight = 3;
  const auto client = start(settings);
  std::vector<std::future<model::Result<Answer>>> answers;
  for (const char* path : {"/1", "/2", "/3", "/4"}) {
    Request request;
    request.path = path;
    answers.push_back(send(*client, request));
  }
  ASSERT_TRUE(server_.wait_for("GET", 2));
  Request high;
  high.path = "/high";
  high.priority = Priority::kHigh;
  EXPECT_TRUE(ask(*client, high).ok());
  EXPECT_THAT(targets_of(server_.seen()), testing::UnorderedElementsAre("/1", "/2", "/high"));
  client->stop();
  for (auto& answer : answers)
    EXPECT_FALSE(answer.get().ok());
}

TEST_F(RequestTest, StopAnswersWhatIsOpenAndWhatComesLater) {
  server_.always("GET", raw_reply("", End::kHold));
  auto settings = config();
  settings.max_in_flight = 2;
  const auto client = start(settings);
  std::vector<std::future<model::Result<Answer>>> answers;
  for (int i = 0; i < 20; ++i) {
    Request request;
    request.path = "/x";
    answers.push_back(send(*client, request));
  }
  ASSERT_TRUE(server_.wait_for("GET", 1));
  client->stop();
  Request request;
  request.path = "/later";
  answers.push_back(send(*client, request));
  for (auto& answer : answers) {
    ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    const auto given = answer.get();
    ASSERT_FALSE(given.ok());
    EXPECT_EQ(given.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(given.error().message(), HasSubstr("stopped"));
  }
  EXPECT_EQ(client->counts().waiting, 0U);
}

TEST_F(RequestTest, AReplyMaySendTheNext) {
  server_.always("GET", json_reply(200, "{}"));
  const auto client = start(config());
  std::promise<bool> second;
  Request request;
  request.path = "/x";
  client->send(request, [&](const model::Result<Answer>&) {
    client->send(request, [&](const model::Result<Answer>& answer) { second.set_value(answer.ok()); });
  });
  EXPECT_TRUE(second.get_future().get());
}

TEST_F(RequestTest, AGetIsSentAgainWhereTheServerClosedTheKeptConnection) {
  server_.on("GET /a", json_reply(200, "{}"));
  server_.on("GET /b", raw_reply("", End::kClose));
  server_.on("GET /b", json_reply(200, "{}"));
  const auto client = start(config());
  ASSERT_TRUE(get(*client, "/a").ok());
  const auto answer = get(*client, "/b");
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  const auto seen = server_.seen();
  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_EQ(seen[1].connection, 1U);
  EXPECT_EQ(seen[2].connection, 2U);
  EXPECT_EQ(client->counts().requests, 3U);
}

TEST_F(RequestTest, WhatChangesSomethingIsNotSentTwice) {
  server_.on("GET /a", json_reply(200, "{}"));
  server_.on("PATCH", raw_reply("", End::kClose));
  const auto client = start(config());
  ASSERT_TRUE(get(*client, "/a").ok());
  Request request;
  request.method = Method::kMergePatch;
  request.path = "/b";
  request.body = "{}";
  const auto answer = ask(*client, request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr("PATCH /b: "));
  EXPECT_THAT(server_.seen("PATCH"), SizeIs(1));
}

TEST_F(RequestTest, APathThatIsNoneIsNotSent) {
  const auto client = start(config());
  for (const char* path : {"", "api/v1", "/a b", "/a\r\nX-Evil: 1", "/\xc3\xa4"}) {
    const auto answer = get(*client, path);
    ASSERT_FALSE(answer.ok()) << path;
    EXPECT_EQ(answer.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(server_.seen(), IsEmpty());
}

TEST_F(RequestTest, SettingsThatMakeNoSenseAreRefused) {
  const auto code_of = [](const ClientConfig& settings) { return ApiClient::start(settings).error().code(); };
  auto settings = config();
  settings.requests_a_second = 0;
  EXPECT_EQ(code_of(settings), ErrorCode::kInvalidArgument);
  settings = config();
  settings.burst = 0.5;
  EXPECT_EQ(code_of(settings), ErrorCode::kInvalidArgument);
  settings = config();
  settings.max_in_flight = 0;
  EXPECT_EQ(code_of(settings), ErrorCode::kInvalidArgument);
  settings = config();
  settings.user_agent = "a\r\nb";
  EXPECT_EQ(code_of(settings), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tideline::k8s_api::request_test
