// Lists and watches that go as they should.

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "test/k8s-bridge/api/fixture.h"

namespace tideline::k8s_api::watch_test {
namespace {

using test::json_reply;
using test::watch_reply;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr const char* kList = "GET /api/v1/pods?limit=";
constexpr const char* kWatch = "GET /api/v1/pods?watch=1";

class WatchTest : public ApiTest {
 protected:
  SinkRecord sink_;
};

TEST_F(WatchTest, ListsInPagesAndWatchesFromThereOn) {
  server_.on(kList, json_reply(200, page_json({object_json("a", "1"), object_json("b", "2")}, "10", "next/page+1")));
  server_.on(kList, json_reply(200, page_json({object_json("c", "3")}, "10")));
  server_.on(kWatch,
             watch_reply({event_json("ADDED", object_json("d", "11")), event_json("MODIFIED", object_json("a", "12")),
                          event_json("DELETED", object_json("b", "13"))},
                         End::kHold));
  const auto client = start(config());
  auto resource = pods();
  resource.query = "fieldSelector=spec.nodeName!%3D";
  resource.page_size = 2;
  client->watch(resource, sink_);
  ASSERT_TRUE(sink_.wait_for("deleted b"));
  EXPECT_THAT(sink_.lines(), ElementsAre("list", "object a", "object b", "object c", "listed", "watching", "object d",
                                         "object a", "deleted b"));
  const auto seen = server_.seen();
  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_EQ(seen[0].target, "/api/v1/pods?limit=2&fieldSelector=spec.nodeName!%3D");
  EXPECT_EQ(seen[1].target, "/api/v1/pods?limit=2&continue=next%2Fpage%2B1&fieldSelector=spec.nodeName!%3D");
  EXPECT_THAT(seen[2].target, HasSubstr("/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds="));
  EXPECT_THAT(seen[2].target, EndsWith("&resourceVersion=10&fieldSelector=spec.nodeName!%3D"));
  const auto counts = client->counts();
  EXPECT_EQ(counts.lists, 1U);
  EXPECT_EQ(counts.watches, 1U);
  EXPECT_EQ(counts.requests, 3U);
  EXPECT_EQ(counts.answers_2xx, 3U);
}

TEST_F(WatchTest, AWatchTakesNoPlaceWhileItLasts) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({bookmark_json("11")}, End::kHold));
  server_.always("GET /x", json_reply(200, "{}"));
  auto settings = config();
  settings.max_in_flight = 2;  // one of which is for what is urgent
  const auto client = start(settings);
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_TRUE(get(*client, "/x").ok());
}

TEST_F(WatchTest, ABookmarkMovesTheVersionAndACleanEndResumesAtOnceFromThere) {
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch,
             watch_reply({event_json("ADDED", object_json("a", "11")), bookmark_json("20")}, End::kNextRequest));
  server_.on(kWatch, watch_reply({event_json("ADDED", object_json("b", "21"))}, End::kHold));
  auto settings = config();
  settings.backoff_min = settings.backoff_max = std::chrono::seconds(60);  // any wait would show
  const auto client = start(settings);
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("object b"));
  EXPECT_THAT(sink_.lines(), ElementsAre("list", "listed", "watching", "object a", "object b"));
  const auto watches = server_.seen(kWatch);
  ASSERT_THAT(watches, SizeIs(2));
  EXPECT_THAT(watches[0].target, EndsWith("resourceVersion=10"));
  EXPECT_THAT(watches[1].target, EndsWith("resourceVersion=20"));
}

TEST_F(WatchTest, AVersionThatIsGoneIsListedAnewAtOnce) {
  const std::string expired = status_json(410, "Expired", "too old resource version: 10 (99)");
  struct Case {
    const char* what;
    test::ScriptedReply reply;
  };
  for (const auto& [what, reply] : {Case{"as status", json_reply(410, expired)},
                                    Case{"as event", watch_reply({event_json("ERROR", expired)}, End::kHold)}}) {
    test::ScriptedApiServer server({.own = server_files_});
    server.on(kList, json_reply(200, page_json({object_json("a", "1")}, "10")));
    server.on(kWatch, reply);
    server.on(kList, json_reply(200, page_json({object_json("b", "2")}, "99")));
    server.on(kWatch, watch_reply({event_json("ADDED", object_json("c", "100"))}, End::kHold));
    auto settings = config(server.port());
    settings.backoff_min = settings.backoff_max = std::chrono::seconds(60);
    SinkRecord sink;
    const auto client = start(settings);
    client->watch(pods(), sink);
    ASSERT_TRUE(sink.wait_for("object c")) << what;
    EXPECT_EQ(client->counts().relists_410, 1U) << what;
    EXPECT_EQ(client->counts().lists, 2U) << what;
    EXPECT_THAT(server.seen(kWatch).back().target, EndsWith("resourceVersion=99")) << what;
    auto lines = sink.lines();
    std::erase(lines, "watching");  // told before the event, which a status has no need of
    EXPECT_THAT(lines, ElementsAre("list", "object a", "listed", "list", "object b", "listed", "object c")) << what;
    client->stop();
  }
}

TEST_F(WatchTest, AListWhoseNextPageIsGoneBeginsAnew) {
  server_.on(kList, json_reply(200, page_json({object_json("a", "1")}, "10", "more")));
  server_.on(kList, json_reply(410, status_json(410, "Expired", "The provided continue parameter is too old")));
  server_.on(kList, json_reply(200, page_json({object_json("b", "1")}, "20")));
  server_.on(kWatch, watch_reply({}, End::kHold));
  const auto client = start(config());
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("watching"));
  EXPECT_THAT(sink_.lines(), ElementsAre("list", "object a", "list", "object b", "listed", "watching"));
  const auto lists = server_.seen(kList);
  ASSERT_THAT(lists, SizeIs(3));
  EXPECT_THAT(lists[1].target, HasSubstr("continue=more"));
  EXPECT_THAT(lists[2].target, Not(HasSubstr("continue=")));
}

TEST_F(WatchTest, SeveralResourcesAreWatchedSideBySide) {
  server_.on("GET /api/v1/pods?limit", json_reply(200, page_json({object_json("a", "1")}, "10")));
  server_.on("GET /api/v1/pods?watch", watch_reply({}, End::kHold));
  server_.on("GET /api/v1/nodes?limit", json_reply(200, page_json({object_json("n", "1")}, "10")));
  server_.on("GET /api/v1/nodes?watch", watch_reply({}, End::kHold));
  SinkRecord node_sink;
  const auto client = start(config());
  auto nodes = pods();
  nodes.name = "nodes";
  nodes.path = "/api/v1/nodes";
  client->watch(pods(), sink_);
  client->watch(nodes, node_sink);
  ASSERT_TRUE(sink_.wait_for("watching"));
  ASSERT_TRUE(node_sink.wait_for("watching"));
  EXPECT_THAT(sink_.lines(), ElementsAre("list", "object a", "listed", "watching"));
  EXPECT_THAT(node_sink.lines(), ElementsAre("list", "object n", "listed", "watching"));
  client->stop();
}

TEST_F(WatchTest, ASinkMayAskTheClient) {
  class Asking final : public WatchSink {
   public:
    explicit Asking(std::promise<bool>& answered) : answered_(answered) {}
    void on_list() override {}
    void on_object(const nlohmann::json&) override {}
    void on_deleted(const nlohmann::json&) override {}
    void on_listed() override {
      Request request;
      request.path = "/x";
      client->send(request, [this](const model::Result<Answer>& answer) { answered_.set_value(answer.ok()); });
    }
    void on_watching(const std::string&) override {}
    ApiClient* client = nullptr;

   private:
    std::promise<bool>& answered_;
  };
  server_.on(kList, json_reply(200, page_json({}, "10")));
  server_.on(kWatch, watch_reply({}, End::kHold));
  server_.on("GET /x", json_reply(200, "{}"));
  std::promise<bool> answered;
  Asking sink(answered);
  const auto client = start(config());
  sink.client = client.get();
  client->watch(pods(), sink);
  EXPECT_TRUE(answered.get_future().get());
  client->stop();
}

TEST_F(WatchTest, NothingIsToldAfterStop) {
  server_.always(kList, json_reply(200, page_json({object_json("a", "1")}, "10")));
  server_.always(kWatch, watch_reply({event_json("ADDED", object_json("b", "11"))}, End::kNextRequest));
  const auto client = start(config());
  client->watch(pods(), sink_);
  ASSERT_TRUE(sink_.wait_for("object b", 3));
  client->stop();
  const auto lines = sink_.lines().size();
  client->watch(pods(), sink_);
  EXPECT_FALSE(server_.seen().empty());
  EXPECT_EQ(sink_.lines().size(), lines);
}

}  // namespace
}  // namespace tideline::k8s_api::watch_test
