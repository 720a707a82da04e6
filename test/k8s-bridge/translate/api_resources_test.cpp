#include "k8s-bridge/translate/api_resources.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tideline::k8s::api_resources_test {
namespace {

using model::ErrorCode;
using nlohmann::json;
using testing::HasSubstr;

/// As GET /api/v1 answers, with one more resource.
json core_resources(const json& more) {
  auto list = json::parse(R"({
    "kind": "APIResourceList",
    "groupVersion": "v1",
    "resources": [
      {"name": "pods", "singularName": "", "namespaced": true, "kind": "Pod", "verbs": ["create", "list", "watch"]},
      {"name": "pods/binding", "singularName": "", "namespaced": true, "kind": "Binding", "verbs": ["create"]}
    ]
  })");
  list["resources"].push_back(more);
  return list;
}

json evictions(const std::string& group, const std::string& version) {
  return {{"name", "pods/eviction"}, {"namespaced", true}, {"group", group},
          {"version", version},      {"kind", "Eviction"}, {"verbs", json::array({"create"})}};
}

TEST(EvictionVersion, IsTheOneThatTheServerNames) {
  for (const auto* version : {"v1", "v1beta1"}) {
    const auto found = eviction_version(core_resources(evictions("policy", version)));
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(*found, std::string("policy/") + version);
  }
}

TEST(EvictionVersion, OfBothTheBetterIsTaken) {
  auto both = core_resources(evictions("policy", "v1beta1"));
  both["resources"].push_back(evictions("policy", "v1"));
  EXPECT_EQ(*eviction_version(both), "policy/v1");
}

TEST(EvictionVersion, ThatNobodyKnowsIsUnsupported) {
  const auto other = eviction_version(core_resources(evictions("policy", "v7")));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(other.error().message(), HasSubstr("policy/v7"));
  const auto none = eviction_version(core_resources({{"name", "secrets"}}));
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code(), ErrorCode::kUnsupported);
}

TEST(EvictionVersion, WhatIsNoListOfResourcesIsMalformed) {
  for (const auto* text : {"null", "[]", "{}", R"({"kind": "Status"})", R"({"kind": 7, "resources": []})",
                           R"({"kind": "APIResourceList"})", R"({"kind": "APIResourceList", "resources": {}})"}) {
    const auto found = eviction_version(json::parse(text));
    ASSERT_FALSE(found.ok()) << text;
    EXPECT_EQ(found.error().code(), ErrorCode::kMalformed) << text;
  }
}

TEST(EvictionVersion, HostileListsAreSurvived) {
  auto odd = core_resources(json::array());
  for (const auto* text : {"7", "null", R"({"name": 7})", R"({"name": "pods/eviction", "group": [], "version": {}})"})
    odd["resources"].push_back(json::parse(text));
  EXPECT_FALSE(eviction_version(odd).ok());
  auto endless = core_resources({});
  for (int i = 0; i < 10'000; ++i)
    endless["resources"].push_back({{"name", "pods/eviction"}, {"group", std::string(300, 'x')}, {"version", "v1"}});
  const auto found = eviction_version(endless);
  ASSERT_FALSE(found.ok());
  EXPECT_LE(found.error().message().size(), 1024U);
}

}  // namespace
}  // namespace tideline::k8s::api_resources_test
