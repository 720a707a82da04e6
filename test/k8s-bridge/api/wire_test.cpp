#include "k8s-bridge/api/wire.h"

#include <string>

#include <gmock/gmock.h>

namespace tideline::k8s_api::wire_test {
namespace {

using model::ErrorCode;
using testing::HasSubstr;
using Kind = WatchEvent::Kind;

constexpr std::size_t kMaxBytes = 1 << 20;

TEST(ListPage, HasItsItemsVersionAndNextPage) {
  const auto page = parse_list_page(
      R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"abc","remainingItemCount":3},
          "items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})",
      kMaxBytes);
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_EQ(page->resource_version, "7");
  EXPECT_EQ(page->continue_token, "abc");
  ASSERT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->items[1]["metadata"]["name"], "b");
}

TEST(ListPage, MayBeEmptyOrTheLast) {
  for (const char* text : {R"({"metadata":{"resourceVersion":"7"},"items":[]})",
                           R"({"metadata":{"resourceVersion":"7","continue":null},"items":null})",
                           R"({"metadata":{"resourceVersion":"7","continue":""},"items":[]})"}) {
    const auto page = parse_list_page(text, kMaxBytes);
    ASSERT_TRUE(page.ok()) << page.error().message();
    EXPECT_EQ(page->continue_token, "");
    EXPECT_EQ(page->items.size(), 0U);
  }
}

TEST(ListPage, IsBoundedInBytesDepthAndTokens) {
  const std::string sound = R"({"metadata":{"resourceVersion":"7"},"items":[]})";
  EXPECT_TRUE(parse_list_page(sound, sound.size()).ok());
  EXPECT_EQ(parse_list_page(sound, sound.size() - 1).error().code(), ErrorCode::kOverloaded);
  std::string deep = R"({"metadata":{"resourceVersion":"7"},"items":[)";
  for (int i = 0; i < 10'000; ++i)
    deep += R"({"a":)";
  EXPECT_EQ(parse_list_page(deep, kMaxBytes).error().code(), ErrorCode::kOverloaded);
  const std::string long_token =
      R"({"metadata":{"resourceVersion":"7","continue":")" + std::string(20'000, 'x') + R"("},"items":[]})";
  EXPECT_EQ(parse_list_page(long_token, kMaxBytes).error().code(), ErrorCode::kOverloaded);
  const std::string long_version =
      R"({"metadata":{"resourceVersion":")" + std::string(1'000, '1') + R"("},"items":[]})";
  EXPECT_EQ(parse_list_page(long_version, kMaxBytes).error().code(), ErrorCode::kOverloaded);
}

TEST(WatchEvent, KnowsAllTypes) {
  struct Case {
    const char* type;
    Kind kind;
  };
  for (const auto& [type, kind] : {Case{"ADDED", Kind::kChanged}, Case{"MODIFIED", Kind::kChanged},
                                   Case{"DELETED", Kind::kDeleted}, Case{"BOOKMARK", Kind::kBookmark}}) {
    const auto event = parse_watch_event(
        std::string(R"({"type":")") + type + R"(","object":{"metadata":{"name":"a","resourceVersion":"9"}}})",
        kMaxBytes);
    ASSERT_TRUE(event.ok()) << event.error().message();
    EXPECT_EQ(event->kind, kind) << type;
    EXPECT_EQ(event->resource_version, "9");
    EXPECT_EQ(event->object["metadata"]["name"], "a");
  }
  const auto error = parse_watch_event(
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})", kMaxBytes);
  ASSERT_TRUE(error.ok()) << error.error().message();
  EXPECT_EQ(error->kind, Kind::kError);
  const auto status = api_status(error->object);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 410);
  EXPECT_EQ(describe(*status), "410 Expired: too old");
}

TEST(WatchEvent, ARefusalNamesTheFieldAndIsShort) {
  struct Case {
    std::string line;
    const char* part;
  };
  const std::string big(100'000, 'x');
  for (const auto& [line, part] :
       {Case{R"({"object":{}})", "type: want"}, Case{R"({"type":"ADDED","object":null})", "object: want"},
        Case{R"({"type":"ADDED","object":{"metadata":[]}})", "metadata: want an object"},
        Case{R"({"type":"ADDED","object":{"metadata":{"resourceVersion":""}}})", "resourceVersion: missing"},
        Case{R"({"type":")" + big + R"("})", "type: "},
        Case{R"({"type":"ADDED","object":")" + big + R"("})", "object: want"},
        Case{R"({"type":"ADDED","type":"ADDED"})", "type"}}) {
    const auto event = parse_watch_event(line, kMaxBytes);
    ASSERT_FALSE(event.ok()) << line.substr(0, 100);
    EXPECT_THAT(event.error().message(), HasSubstr(part));
    EXPECT_LE(event.error().message().size(), 500U);
  }
}

TEST(ApiStatus, IsReadWhateverItsFieldsHold) {
  EXPECT_FALSE(api_status(nlohmann::json::array()));
  EXPECT_FALSE(api_status(nlohmann::json{{"kind", "Pod"}}));
  EXPECT_FALSE(api_status(nlohmann::json{{"kind", 7}}));
  const auto odd = api_status(nlohmann::json{{"kind", "Status"}, {"code", "410"}, {"reason", 1}, {"message", nullptr}});
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->code, 0);
  EXPECT_EQ(describe(*odd), "0");
  const auto endless = api_status(nlohmann::json{{"kind", "Status"}, {"message", std::string(10'000, 'x')}});
  ASSERT_TRUE(endless);
  EXPECT_LE(endless->message.size(), 310U);
}

}  // namespace
}  // namespace tideline::k8s_api::wire_test
