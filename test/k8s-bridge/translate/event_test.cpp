#include "k8s-bridge/translate/event.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tideline::k8s::event_test {
namespace {

constexpr model::WallTime kAt{1'790'000'000'250};

EventNote of_config_map() {
  EventNote note;
  note.kind = "ConfigMap";
  note.object = {"kube-system", "ack-slo-config", "uid-1", "4711"};
  note.type = EventNote::Type::kWarning;
  note.reason = "ColocationCfgUnmarshalFailed";
  note.message = "colocation-config: line 1";
  return note;
}

TEST(Event, OfAConfigMapNamesItAndLiesInItsNamespace) {
  const auto note = of_config_map();
  EXPECT_EQ(event_path(note), "/api/v1/namespaces/kube-system/events");
  const auto event = nlohmann::json::parse(event_body(note, kAt));
  EXPECT_EQ(event["apiVersion"], "v1");
  EXPECT_EQ(event["kind"], "Event");
  EXPECT_EQ(event["metadata"]["namespace"], "kube-system");
  EXPECT_EQ(event["metadata"]["generateName"], "ack-slo-config.");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "ColocationCfgUnmarshalFailed");
  EXPECT_EQ(event["message"], "colocation-config: line 1");
  EXPECT_EQ(event["firstTimestamp"], "2026-09-21T14:13:20Z");
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["source"]["component"], "tideline-coordinator");
  const auto& involved = event["involvedObject"];
  EXPECT_EQ(involved["kind"], "ConfigMap");
  EXPECT_EQ(involved["namespace"], "kube-system");
  EXPECT_EQ(involved["uid"], "uid-1");
  EXPECT_EQ(involved["resourceVersion"], "4711");
}

TEST(Event, OfANodeLiesInDefaultAndNamesItAsKubeletDoes) {
  EventNote note;
  note.kind = "Node";
  note.object = {"", "n1", "uid-2", ""};
  EXPECT_EQ(event_path(note), "/api/v1/namespaces/default/events");
  const auto event = nlohmann::json::parse(event_body(note, kAt));
  EXPECT_EQ(event["type"], "Normal");
  EXPECT_EQ(event["involvedObject"]["uid"], "n1");
  EXPECT_FALSE(event["involvedObject"].contains("namespace"));
  EXPECT_FALSE(event["involvedObject"].contains("resourceVersion"));
}

TEST(Event, MessageIsCutBetweenCharacters) {
  auto note = of_config_map();
  note.message = std::string(kMaxEventBytes - 4, 'a') + "\xC3\xA4\xC3\xA4\xC3\xA4";
  const auto message = nlohmann::json::parse(event_body(note, kAt))["message"].get<std::string>();
  EXPECT_EQ(message, std::string(kMaxEventBytes - 4, 'a') + "...");
}

TEST(Event, BytesThatAreNoTextDoNoHarm) {
  auto note = of_config_map();
  note.message = "value \xFF\xFE";
  EXPECT_TRUE(nlohmann::json::accept(event_body(note, kAt)));
}

TEST(Event, TimesOutsideOfWhatCanBeWrittenAreItsEnds) {
  EXPECT_EQ(time_text({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text({-1}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(time_text({INT64_MAX}), "9999-12-31T23:59:59Z");
  EXPECT_EQ(time_text({INT64_MIN}), "0001-01-01T00:00:00Z");
}

}  // namespace
}  // namespace tideline::k8s::event_test
