// Lists and watches that do not go as they should.

#include <chrono>
#include <string>

#include <gmock/gmock.h>

#include "test/k8s-bridge/api/fixture.h"
#include "test/support/free_port.h"

namespace tideline::k8s_api::watch_trouble_test {
namespace {

using std::chrono::milliseconds;
using test::json_reply;
using test::raw_reply;
using test::watch_reply;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;

constexpr const char* kList = "GET /api/v1/pods?limit=";
constexpr const char* kWatch = "GET /api/v1/pods?watch=1";

class WatchTroubleTest : public ApiTest {
 protected:
  SinkRecord sink_;
};

TEST_F(WatchTroubleTest, AWatchThatBreaksResumesFromTheNewestVersionItSaw) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({event_json("ADDED", object_json("a", "11"))}, End::kClose));
  server_.on(kWatch, watch_reply({event_json("ADDED", object_json("b", "12"))}, End::kHold));
  const auto client = start(config());
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("object b"));
  EXPECT_THAT(sink_.lines(), ElementsAre("list", "listed", "watching", "object a",
                                         testing::StartsWith("not watching: "), "watching", "object b"));
  EXPECT_THAT(server_.seen(kWatch).back().target, EndsWith("resourceVersion=11"));
  EXPECT_EQ(client->counts().no_answer, 1U);
}

TEST_F(WatchTroubleTest, ASilentWatchIsDroppedAndResumed) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({bookmark_json("15")}, End::kHold));
  server_.on(kWatch, watch_reply({event_json("ADDED", object_json("a", "16"))}, End::kHold));
  auto settings = config();
  settings.watch_silence = milliseconds(2000);
  const auto client = start(settings);
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("object a"));
  EXPECT_EQ(sink_.line("not watching"), "not watching: no event of the watch within 2000 ms");
  EXPECT_THAT(server_.seen(kWatch)[1].target, EndsWith("resourceVersion=15"));
}

TEST_F(WatchTroubleTest, BytesThatTrickleAreNoEvent) {
  test::ScriptedReply drip = watch_reply({}, End::kHold);
  drip.pieces.emplace_back("1\r\nx\r\n");
  drip.repeat_last_piece = true;
  drip.between = milliseconds(10);
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, drip);
  server_.on(kWatch, watch_reply({event_json("ADDED", object_json("a", "11"))}, End::kHold));
  auto settings = config();
  settings.watch_silence = milliseconds(2000);
  const auto client = start(settings);
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("object a"));
  EXPECT_EQ(sink_.line("not watching"), "not watching: no event of the watch within 2000 ms");
}

TEST_F(WatchTroubleTest, ALineWithoutAnEndIsGivenUpAtTheBound) {
  test::ScriptedReply endless = watch_reply({bookmark_json("11")}, End::kHold);
  endless.pieces.push_back("400\r\n" + std::string(1024, 'x') + "\r\n");
  endless.repeat_last_piece = true;
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, endless);
  server_.on(kList, json_reply(200, page_json({}, "20")));
  server_.on(kWatch, watch_reply({event_json("ADDED", object_json("after", "21"))}, End::kHold));
  const auto client = start(config());
  auto resource = pods();
  resource.max_object_bytes = 100'000;
  client->watch(resource, sink_);
  ASSERT_TRUE(sink_.wait_for("object after"));
  EXPECT_EQ(sink_.line("not watching"), "not watching: a line of the watch is longer than 100000 bytes");
  EXPECT_EQ(client->counts().lists, 2U);
}

TEST_F(WatchTroubleTest, APageThatTricklesOrHasNoEndIsGivenUp) {
  constexpr const char* kHead =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  test::ScriptedReply drip = raw_reply(kHead, End::kHold);
  drip.pieces.emplace_back("1\r\n \r\n");
  drip.repeat_last_piece = true;
  drip.between = milliseconds(10);
  test::ScriptedReply endless = raw_reply(kHead, End::kHold);
  endless.pieces.push_back("400\r\n" + std::string(1024, ' ') + "\r\n");
  endless.repeat_last_piece = true;
  server_.on(kList, drip);
  server_.on(kList, endless);
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({}, End::kHold));
  auto settings = config();
  settings.page_deadline = milliseconds(2000);
  settings.max_page_bytes = 50'000;
  const auto client = start(settings);
  auto resource = pods();
  resource.page_size = 10;
  client->watch(resource, sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_THAT(sink_.lines(), ElementsAre("not watching: no page of the list within 2000 ms",
                                         HasSubstr("a page of the list: the answer is longer than 50000 bytes"), "list",
                                         "listed", "watching"));
}

TEST_F(WatchTroubleTest, AWatchWithoutAnAnswerIsGivenUp) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, raw_reply("", End::kHold));
  server_.on(kWatch, watch_reply({bookmark_json("15")}, End::kHold));
  auto settings = config();
  settings.page_deadline = milliseconds(2000);
  const auto client = start(settings);
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_EQ(sink_.line("not watching"), "not watching: no answer to the watch within 2000 ms");
}

TEST_F(WatchTroubleTest, AServerThatIsAwayIsFoundWhenItIsBack) {
  const auto port = test::free_port();
  const auto client = start(config(port));
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("not watching"));
  EXPECT_THAT(sink_.line("not watching"), HasSubstr("127.0.0.1:" + std::to_string(port)));
  test::ScriptedApiServer late({.own = server_files_}, port);
  late.always(kList, json_reply(200, page_json({object_json("a", "1")}, "10")));
  late.always(kWatch, watch_reply({}, End::kHold));
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_THAT(sink_.lines(), testing::Contains("object a"));
  EXPECT_GE(client->counts().no_answer, 1U);
  client->stop();
}

TEST_F(WatchTroubleTest, WhatCannotBeReadIsNamedAndAllIsListedAnew) {
  struct Case {
    std::string line;
    const char* part;
  };
  std::string deep = R"({"type":"ADDED","object":)";
  for (int i = 0; i < 100; ++i)
    deep += R"({"a":)";
  const std::string long_line = event_json("ADDED", object_json(std::string(5000, 'a'), "1"));
  for (const auto& [line, part] :
       {Case{"{", "not JSON"}, Case{"<html>", "not JSON"}, Case{"[]", "want an object"}, Case{deep, "deeper"},
        Case{R"({"type":"PATCHED","object":{}})", "type: want ADDED"},
        Case{R"({"type":7,"object":{}})", "type: want a text"}, Case{R"({"type":"ADDED"})", "object: missing"},
        Case{R"({"type":"ADDED","object":[]})", "object: want an object"},
        Case{R"({"type":"ADDED","object":{}})", "metadata: missing"},
        Case{R"({"type":"ADDED","object":{"metadata":{"resourceVersion":5}}})", "resourceVersion: want a text"},
        Case{R"({"type":"BOOKMARK","object":{"metadata":{}}})", "resourceVersion: missing"},
        Case{long_line, "a line of the watch is longer than 2000 bytes"}}) {
    test::ScriptedApiServer server({.own = server_files_});
    server.on(kList, json_reply(200, page_json({}, "10")));
    server.on(kWatch, watch_reply({event_json("ADDED", object_json("before", "11")), line}, End::kHold));
    server.on(kList, json_reply(200, page_json({}, "20")));
    server.on(kWatch, watch_reply({event_json("ADDED", object_json("after", "21"))}, End::kHold));
    SinkRecord sink;
    const auto client = start(config(server.port()));
    auto resource = pods();
    resource.max_object_bytes = 2000;
    client->watch(resource, sink);
    ASSERT_TRUE(sink.wait_for("object after")) << line.substr(0, 100);
    EXPECT_THAT(sink.line("not watching"), HasSubstr(part)) << line.substr(0, 100);
    EXPECT_LE(sink.line("not watching").size(), 600U);
    EXPECT_EQ(client->counts().lists, 2U);
    client->stop();
  }
}

TEST_F(WatchTroubleTest, AListThatIsNoneIsNamedAndAskedForAgain) {
  struct Case {
    std::string body;
    const char* part;
  };
  for (const auto& [body, part] :
       {Case{"<html>", "not JSON"}, Case{"[]", "want an object"}, Case{R"({"items":[]})", "metadata: missing"},
        Case{R"({"metadata":{},"items":[]})", "resourceVersion: missing"},
        Case{R"({"metadata":{"resourceVersion":"1"}})", "items: missing"},
        Case{R"({"metadata":{"resourceVersion":"1"},"items":[1]})", "items[0]: want an object"},
        Case{R"({"metadata":{"resourceVersion":"1","continue":7},"items":[]})", "continue: want a text"}}) {
    test::ScriptedApiServer server({.own = server_files_});
    server.on(kList, json_reply(200, body));
    server.on(kList, json_reply(200, page_json({}, "20")));
    server.on(kWatch, watch_reply({}, End::kHold));
    SinkRecord sink;
    const auto client = start(config(server.port()));
    client->watch(pods(), sink);
    ASSERT_TRUE(sink.wait_for("watching")) << body;
    EXPECT_THAT(sink.lines(),
                ElementsAre(testing::AllOf(testing::StartsWith("not watching: the list: "), HasSubstr(part)), "list",
                            "listed", "watching"))
        << body;
    client->stop();
  }
}

TEST_F(WatchTroubleTest, ARefusalIsNamedWithWhatTheServerSays) {
  server_.on(kList, json_reply(403, status_json(403, "Forbidden", "pods is forbidden: User tideline cannot list")));
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, json_reply(500, status_json(500, "InternalError", "etcd leader changed")));
  server_.on(kWatch,
             watch_reply({event_json("ERROR", status_json(504, "Timeout", "Too large resource version"))}, End::kHold));
  server_.on(kWatch, watch_reply({bookmark_json("11")}, End::kHold));
  const auto client = start(config());
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("watching", 2));
  EXPECT_THAT(
      sink_.lines(),
      ElementsAre("not watching: the API server answers 403 Forbidden: pods is forbidden: User tideline cannot list",
                  "list", "listed",
                  "not watching: the API server answers 500 Internal Server Error: etcd leader changed", "watching",
                  "not watching: the watch ended with 504 Timeout: Too large resource version", "watching"));
  EXPECT_EQ(client->counts().lists, 1U);
}

TEST_F(WatchTroubleTest, AVersionThatIsRefusedThriceIsListedAnew) {
  const auto refusal = json_reply(504, status_json(504, "Timeout", "Too large resource version"));
  server_.on(kList, json_reply(200, page_json({}, "900")));
  for (int i = 0; i < 3; ++i)
    server_.on(kWatch, refusal);
  server_.on(kList, json_reply(200, page_json({}, "20")));
  server_.on(kWatch, watch_reply({}, End::kHold));
  const auto client = start(config());
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_EQ(client->counts().lists, 2U);
  EXPECT_THAT(server_.seen(kWatch).back().target, EndsWith("resourceVersion=20"));
}

TEST_F(WatchTroubleTest, APageTooLongIsAskedForWithFewerObjects) {
  const std::string huge = page_json({object_json(std::string(3000, 'a'), "1")}, "10");
  server_.on("GET /api/v1/pods?limit=40", json_reply(200, huge));
  server_.on("GET /api/v1/pods?limit=20", json_reply(200, page_json({object_json("a", "1")}, "10", "more")));
  server_.on("GET /api/v1/pods?limit=20&continue=more", json_reply(200, huge));
  server_.on("GET /api/v1/pods?limit=10&continue=more", json_reply(200, page_json({object_json("b", "1")}, "10")));
  server_.on(kWatch, watch_reply({}, End::kHold));
  auto settings = config();
  settings.max_page_bytes = 2000;
  const auto client = start(settings);
  auto resource = pods();
  resource.page_size = 40;
  client->watch(resource, sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_THAT(sink_.lines(), ElementsAre("list", "object a", "object b", "listed", "watching"));
}

TEST_F(WatchTroubleTest, TheSmallestPageTooLongIsNamed) {
  server_.on(kList, json_reply(200, page_json({object_json(std::string(3000, 'a'), "1")}, "10")));
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({}, End::kHold));
  auto settings = config();
  settings.max_page_bytes = 2000;
  const auto client = start(settings);
  auto resource = pods();
  resource.page_size = 10;
  client->watch(resource, sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_THAT(sink_.line("not watching"), HasSubstr("a page of the list: the answer is longer than 2000 bytes"));
}

TEST_F(WatchTroubleTest, AWatchThatEndsAtOnceAndEmptyIsNoSuccess) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({}, End::kNextRequest));
  server_.on(kWatch, watch_reply({bookmark_json("11")}, End::kHold));
  const auto client = start(config());
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("watching", 2));
  EXPECT_THAT(sink_.line("not watching"), HasSubstr("without an event"));
}

TEST_F(WatchTroubleTest, ATokenThatWasRotatedIsShownToTheNextWatchToo) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, json_reply(401, status_json(401, "Unauthorized", "Unauthorized")));
  server_.on(kWatch, watch_reply({bookmark_json("11")}, End::kHold));
  auto settings = config();
  settings.access.token.clear();
  settings.access.token_file = dir_.write("token", "first");
  settings.backoff_min = settings.backoff_max = milliseconds(4000);
  const auto client = start(settings);
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("not watching"));
  dir_.write("token", "the-second");
  ASSERT_TRUE(sink_.wait_for("watching"));
  const auto watches = server_.seen(kWatch);
  ASSERT_THAT(watches, SizeIs(2));
  EXPECT_EQ(watches[0].header("authorization"), "Bearer first");
  EXPECT_EQ(watches[1].header("authorization"), "Bearer the-second");
}

}  // namespace
}  // namespace tideline::k8s_api::watch_trouble_test
