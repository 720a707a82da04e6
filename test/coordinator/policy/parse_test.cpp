#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "coordinator/policy/policy.h"
#include "coordinator/policy/reader.h"

namespace tideline::policy::parse_test {
namespace {

using model::ErrorCode;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string refusal(const std::vector<Document>& documents, ErrorCode code = ErrorCode::kInvalidArgument) {
  const auto policy = parse(documents);
  if (policy) {
    ADD_FAILURE() << "accepted: " << documents.front().text.substr(0, 200);
    return "";
  }
  EXPECT_EQ(policy.error().code(), code) << policy.error().message();
  return policy.error().message();
}

struct BadCase {
  const char* document;
  const char* text;
  std::vector<const char*> named;  // all must stand in the error
};

TEST(Parse, NamesDocumentPathValueAndRangeOfWhatIsWrong) {
  const BadCase cases[] = {
      {"resource-threshold-config.json",
       R"({"clusterStrategy": {"cpuSuppressThresholdPercent": 165}})",
       {"resource-threshold-config.json", "$.clusterStrategy.cpuSuppressThresholdPercent", "165", "0..100"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuSuppressMinPercent": -1}})",
       {"$.clusterStrategy.cpuSuppressMinPercent", "-1", "0..100"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuSuppressMinPercent": 18446744073709551615}})",
       {"18446744073709551615", "0..100"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuSuppressThresholdPercent": "65"}})",
       {"\"65\"", "integer"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuSuppressThresholdPercent": 65.5}})",
       {"65.5", "integer"}},
      {"resource-threshold-config", R"({"clusterStrategy": {"enable": "true"}})", {"\"true\"", "bool"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuEvictBESatisfactionLowerPercent": 61}})",
       {"$.clusterStrategy.cpuEvictBESatisfactionLowerPercent is 61", "1..60"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuEvictBESatisfactionUpperPercent": 100}})",
       {"$.clusterStrategy.cpuEvictBESatisfactionUpperPercent is 100", "1..99"}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuEvictPolicy": "evictByReallimit"}})",
       {"evictByRealLimit | evictByAllocatable", "did you mean \"evictByRealLimit\""}},
      {"cpu-burst-config", R"({"policy": "auto"})", {"$.policy", "cpu-burst-config", "clusterStrategy"}},
      {"cpu-burst-config", R"({"clusterStrategy": {"policy": "Auto"}})", {"did you mean \"auto\""}},
      {"cpu-burst-config", R"({"clusterStrategy": {"cfsQuotaBurstPercent": 99}})", {"99", ">= 100"}},
      {"cpu-burst-config", R"({"clusterStrategy": {"cfsQuotaBurstPeriodSeconds": -2}})", {"-2", ">= -1"}},
      {"tideline-config", R"({"clusterStrategy": {"dryRun": true}})", {"$.clusterStrategy.dryRun is true"}},
      {"tideline-config",
       R"({"clusterStrategy": {"dryRun": {"cpuQOS": true}}})",
       {"$.clusterStrategy.dryRun.cpuQOS", "did you mean \"cpuQos\""}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuSuppressPolicy": "cfsquota"}})",
       {"\"cfsquota\"", "cpuset | cfsQuota | workConserving", "did you mean \"cfsQuota\""}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"cpuSupressThresholdPercent": 65}})",
       {"$.clusterStrategy.cpuSupressThresholdPercent", "resource-threshold-config",
        "did you mean \"cpuSuppressThresholdPercent\""}},
      {"resource-threshold-config",
       R"({"clusterStrategy": {"CPUSuppressThresholdPercent": 65, "cpuSuppressThresholdPercent": 60}})",
       {"$.clusterStrategy.CPUSuppressThresholdPercent", "did you mean \"cpuSuppressThresholdPercent\""}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"Name": "a"}]})",
       {"$.nodeStrategies[0].Name", "did you mean \"name\""}},
      {"resource-threshold-config", R"({"enable": true})", {"$.enable", "clusterStrategy or nodeStrategies"}},
      {"resource-threshold-config", R"({"clusterStrategy": []})", {"$.clusterStrategy", "[]", "an object"}},
      {"resource-threshold-config", R"({"nodeStrategies": {}})", {"$.nodeStrategies", "{}", "a list"}},
      {"resource-threshold-config", R"({"nodeStrategies": [7]})", {"$.nodeStrategies[0]", "7"}},
      {"resource-threshold-config", R"([])", {"$ is []"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {}}, {"name": "b", "nodeSelector": {"matchLabels": {"a": 1}}}]})",
       {"$.nodeStrategies[1].nodeSelector.matchLabels.a", "1", "text"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {"matchLabel": {}}}]})",
       {"matchLabel", "did you mean \"matchLabels\""}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {"matchExpressions": [{"key": "a", "operator": "Has"}]}}]})",
       {"matchExpressions[0].operator", "\"Has\"", "In | NotIn | Exists | DoesNotExist"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}]})",
       {"values is empty"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}}]})",
       {"must be empty"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {"matchExpressions": [{"operator": "Exists"}]}}]})",
       {"matchExpressions[0].key is missing"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"nodeSelector": {"matchExpressions": [{"key": "a"}]}}]})",
       {"matchExpressions[0].operator is missing"}},
      {"resource-threshold-config",
       R"({"nodeStrategies": [{"name": "x"}, {"name": "x"}]})",
       {"$.nodeStrategies[1].name", "\"x\"", "$.nodeStrategies[0]"}},
      {"colocation-config", R"({"resourceDiffThreshold": 0})", {"$.resourceDiffThreshold", "> 0, <= 1"}},
      {"colocation-config", R"({"resourceDiffThreshold": 1.01})", {"1.01", "> 0, <= 1"}},
      {"colocation-config", R"({"degradeTimeMinutes": 0})", {"$.degradeTimeMinutes is 0", ">= 1"}},
      {"colocation-config", R"({"degradeTimeMinutes": 4294967296})", {"4294967296"}},
      {"colocation-config", R"({"clusterStrategy": {}})", {"$.clusterStrategy", "colocation-config"}},
      {"colocation-config", R"({"nodeConfigs": [{"nodeConfigs": []}]})", {"$.nodeConfigs[0].nodeConfigs is not a key"}},
      {"resource-qos-config",
       R"({"clusterStrategy": {"beClass": {"cpuQOS": {"groupIdentity": 3}}}})",
       {"$.clusterStrategy.beClass.cpuQOS.groupIdentity is 3", "-1..2"}},
      {"resource-qos-config",
       R"({"clusterStrategy": {"beClass": {"cpuQoss": {"groupIdentity": 1}}}})",
       {"$.clusterStrategy.beClass.cpuQoss", "did you mean \"cpuQOS\""}},
      {"resource-qos-config", R"({"clusterStrategy": {"beClass": 1}})", {"beClass is 1", "an object"}},
      {"resource-qos-config",
       R"({"clusterStrategy": {"beClass.cpuQOS.enable": true}})",
       {"$.clusterStrategy[\"beClass.cpuQOS.enable\"]"}},
      {"resource-threshold-confg", R"({})", {"resource-threshold-confg", "did you mean \"resource-threshold-config\""}},
      {"configmap.json", R"({"data": {"colocation-conf": "{}"}})", {"configmap.json", "\"colocation-conf\""}},
      {"configmap.json", R"({"data": {"colocation-config": {}}})", {"data key \"colocation-config\"", "text"}},
      {"configmap.json", R"({"kind": "Secret", "data": {}})", {"$.kind", "\"Secret\""}},
      {"configmap.json", R"({"data": {}, "dat": 1})", {"\"dat\"", "did you mean \"data\""}},
      {"configmap.json", R"({"data": 3})", {"$.data is 3"}},
      {"configmap.json",
       R"({"data": {"system-config": "{\"data\": {}}"}})",
       {"data key \"system-config\"", "a ConfigMap itself"}},
  };
  for (const auto& c : cases) {
    const std::string message = refusal({{c.document, c.text}});
    for (const char* part : c.named)
      EXPECT_THAT(message, HasSubstr(part)) << c.text;
    EXPECT_THAT(message, HasSubstr("the policy in force stays")) << c.text;
  }
}

TEST(Parse, PointsAtLineColumnAndByteOfBrokenJson) {
  const std::string message =
      refusal({{"dir/colocation-config.json", "{\n  \"enable\": true,\n  oops\n}"}}, ErrorCode::kMalformed);
  EXPECT_THAT(message, AllOf(HasSubstr("dir/colocation-config.json"), HasSubstr("line 3"), HasSubstr("column 3"),
                             HasSubstr("byte 23")));
}

TEST(Parse, PointsIntoTheTextOfAConfigMapsDataKey) {
  const std::string message =
      refusal({{"configmap.json", R"({"data": {"colocation-config": "{\n\"enable\": tru}"}})"}}, ErrorCode::kMalformed);
  EXPECT_THAT(message, AllOf(HasSubstr("configmap.json data key \"colocation-config\""), HasSubstr("line 2")));
}

TEST(Parse, RefusesEveryKindOfBrokenText) {
  for (const std::string text :
       {"", " ", "{", "{\"enable\": true", "{\"enable\": true}}", "{\"enable\": true,}", "nul", "{\"enable\": 1e999}",
        "{'enable': true}", "\xff\xfe", "{\"enable\": \"\xc3\x28\"}", "// c\n{}", "{}\n{}"}) {
    refusal({{"colocation-config", text}}, ErrorCode::kMalformed);
  }
  refusal({{"colocation-config", std::string("{}\0", 3)}}, ErrorCode::kMalformed);
}

TEST(Parse, RefusesAKeyThatComesTwiceInAnObject) {
  const std::string message =
      refusal({{"colocation-config", R"({"enable": true, "enable": false})"}}, ErrorCode::kMalformed);
  EXPECT_THAT(message, HasSubstr("\"enable\" comes twice"));
}

TEST(Parse, RefusesADocumentThatComesTwice) {
  const std::string message =
      refusal({{"a/colocation-config.json", "{}"}, {"configmap.json", R"({"data": {"colocation-config": "{}"}})"}});
  EXPECT_THAT(message, AllOf(HasSubstr("colocation-config comes twice"), HasSubstr("a/colocation-config.json"),
                             HasSubstr("configmap.json data key")));
}

TEST(Parse, RefusesDeepNestingBeforeItCostsAnything) {
  std::string deep(100'000, '[');
  const std::string message = refusal({{"colocation-config", deep}}, ErrorCode::kOverloaded);
  EXPECT_THAT(message, HasSubstr("32 levels"));
}

TEST(Parse, RefusesATextBeyondItsBound) {
  const std::string big = "{\"x\": \"" + std::string(Limits::kMaxTextBytes, 'a') + "\"}";
  EXPECT_THAT(refusal({{"colocation-config", big}}, ErrorCode::kOverloaded), HasSubstr("1048576"));
}

TEST(Parse, RefusesMoreNodeEntriesThanItsBound) {
  std::string entries = "{}";
  for (std::size_t i = 0; i < Limits::kMaxNodeEntries; ++i)
    entries += ",{}";
  EXPECT_THAT(refusal({{"colocation-config", "{\"nodeConfigs\": [" + entries + "]}"}}, ErrorCode::kOverloaded),
              HasSubstr("at most 1024"));
}

TEST(Parse, ShowsALongValueCutAndWithoutControlCharacters) {
  const std::string value = "\\u001b[31m" + std::string(500, 'x');
  const std::string message =
      refusal({{"resource-threshold-config", R"({"clusterStrategy": {"cpuSuppressPolicy": ")" + value + "\"}}"}});
  EXPECT_THAT(message, Not(HasSubstr("\x1b")));
  EXPECT_LT(message.size(), 500u);
}

TEST(Parse, ShowsALongKeyCut) {
  const std::string key(100'000, 'k');
  const std::string member = "{\"" + key + "\": 1}";
  EXPECT_LT(refusal({{"colocation-config", member}}).size(), 500u);
  const std::string selector = R"({"nodeConfigs": [{"nodeSelector": {"matchLabels": )" + member + "}}]}";
  EXPECT_LT(refusal({{"colocation-config", selector}}).size(), 500u);
}

TEST(Parse, RefusesANameBeyondItsBoundWithoutRepeatingIt) {
  const std::string name = std::string(Limits::kMaxNameBytes, 'd') + "/colocation-config";
  const std::string message = refusal({{name, "{}"}}, ErrorCode::kOverloaded);
  EXPECT_THAT(message, HasSubstr("at most 4096"));
  EXPECT_LT(message.size(), 500u);
}

TEST(Parse, AcceptsAWholeConfigMapAsKubectlPrintsIt) {
  const auto policy = parse({{"configmap.json", R"({
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ack-slo-config", "namespace": "kube-system"},
    "data": {"colocation-config": "{\"enable\": true}",
             "resource-threshold-config": "{\"clusterStrategy\": {\"enable\": true}}"}})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  const auto node = effective(*policy, {});
  EXPECT_TRUE(node.colocation.enable);
  EXPECT_TRUE(node.threshold.enable);
  EXPECT_THAT(policy->documents,
              ElementsAre(Document{"colocation-config", "{\"enable\": true}"},
                          Document{"resource-threshold-config", "{\"clusterStrategy\": {\"enable\": true}}"}));
}

TEST(Parse, DoesNotMindTheCaseOfKoordinatorsKeys) {
  const auto policy =
      parse({{"resource-threshold-config", R"({"clusterStrategy": {"enable": true, "CPUEvictTimeWindowSeconds": 60}})"},
             {"resource-qos-config", R"({"clusterStrategy": {"LSClass": {"cpuqos": {"Enable": true}}}})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  const auto node = effective(*policy, {});
  EXPECT_EQ(node.threshold.cpu_evict_time_window_seconds, 60);
  EXPECT_TRUE(node.qos.ls.enable);
  EXPECT_THAT(policy->notices, Contains(AllOf(Field(&Notice::path, "$.clusterStrategy.CPUEvictTimeWindowSeconds"),
                                              Field(&Notice::why, HasSubstr("taken for cpuEvictTimeWindowSeconds")))));
}

TEST(Parse, TreatsNullAsAbsent) {
  const auto policy = parse({{"resource-threshold-config",
                              R"({"clusterStrategy": {"enable": null, "cpuSuppressThresholdPercent": null},
                                  "nodeStrategies": null})"},
                             {"resource-qos-config", R"({"clusterStrategy": {"beClass": null}})"},
                             {"configmap.json", R"({"data": null})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_EQ(effective(*policy, {}), model::NodePolicy{});
  EXPECT_THAT(policy->notices, IsEmpty());
}

TEST(Notices, NameWhatIsAcceptedButNotActedOn) {
  const auto policy = parse({{"dir/colocation-config.json", R"({
      "enable": true, "metricAggregateDurationSeconds": 60})"},
                             {"resource-qos-config", R"({"clusterStrategy": {"policies": {"cpuPolicy": "coreSched"},
      "lsClass": {"cpuQOS": {"coreExpeller": true, "schedIdle": 1}}, "systemClass": {"cpuQOS": {"enable": true}, "memoryQOS": {"enable": true}}}})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_THAT(policy->notices,
              testing::UnorderedElementsAre(AllOf(Field(&Notice::document, "dir/colocation-config.json"),
                                                  Field(&Notice::path, "$.metricAggregateDurationSeconds"),
                                                  Field(&Notice::why, HasSubstr("does not act"))),
                                            AllOf(Field(&Notice::path, "$.clusterStrategy.lsClass.cpuQOS.schedIdle"),
                                                  Field(&Notice::why, HasSubstr("does not act"))),
                                            Field(&Notice::path, "$.clusterStrategy.systemClass.cpuQOS.enable"),
                                            Field(&Notice::path, "$.clusterStrategy.systemClass.memoryQOS.enable")));
}

TEST(Notices, AreSilentWhereEverythingIsActedOn) {
  const auto policy = parse({{"resource-threshold-config", R"({"clusterStrategy": {
      "enable": true, "cpuSuppressThresholdPercent": 65, "cpuSuppressPolicy": "cpuset",
      "memoryEvictThresholdPercent": 80, "memoryEvictLowerPercent": 75, "memoryAllocatableEvictThresholdPercent": 110,
      "memoryAllocatableEvictLowerPercent": 100, "allocatableEvictPriorityThreshold": 5999}})"},
                             {"cpu-burst-config", R"({"clusterStrategy": {"policy": "auto"}})"},
                             {"tideline-config", R"({"clusterStrategy": {"dryRun": {"cpuEvict": true}}})"},
                             {"resource-qos-config", R"({"clusterStrategy": {"beClass": {
                 "cpuQOS": {"schedIdle": 1}, "memoryQOS": {"enable": true, "priorityEnable": 1}}}})"},
                             {"colocation-config", R"({
      "enable": true, "cpuCalculatePolicy": "maxUsageRequest", "memoryCalculatePolicy": "request",
      "midReclaimMode": "static", "metricReportIntervalSeconds": 30})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_THAT(policy->notices, IsEmpty());
}

TEST(Notices, CountPlacesInsteadOfRepeatingThemselves) {
  std::string entries;
  for (int i = 0; i < 100; ++i)
    entries += std::string(i ? "," : "") + R"({"metricAggregateDurationSeconds": 60})";
  const auto policy = parse({{"colocation-config", "{\"nodeConfigs\": [" + entries + "]}"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_THAT(policy->notices,
              ElementsAre(AllOf(Field(&Notice::path, "$.nodeConfigs[0].metricAggregateDurationSeconds"),
                                Field(&Notice::why, HasSubstr("100 places")))));
}

TEST(Notices, CoverKoordinatorsOtherDocuments) {
  const auto policy = parse({{"system-config", R"({"clusterStrategy": {"minFreeKbytesFactor": 100}})"}});
  ASSERT_TRUE(policy.ok()) << policy.error().message();
  EXPECT_THAT(policy->notices, ElementsAre(Field(&Notice::document, "system-config")));
}

// A document per key, with a value of the key's own type, must be accepted: acted on, or noticed.
TEST(KeyTable, EveryKeyIsAcceptedAndNoKeyIsSilent) {
  for (const KeySpec& key : key_table()) {
    nlohmann::json value;
    switch (key.type) {
      case KeyType::kBool:
        value = true;
        break;
      case KeyType::kInteger:
        value = static_cast<std::int64_t>(key.min_excluded ? 1 : *key.min);
        break;
      case KeyType::kNumber:
        value = key.min_excluded ? 0.5 : *key.min;
        break;
      case KeyType::kText:
        value = std::string(key.choices.front());
        break;
      case KeyType::kTextList:
        value = {"5m"};
        break;
      case KeyType::kObject:
        value = nlohmann::json::object({{"any", 1}});
        break;
      case KeyType::kIntegerOrText:
        value = "10M";
        break;
      case KeyType::kObjectList:
        value = nlohmann::json::array({nlohmann::json::object()});
        break;
      case KeyType::kApplications:
        value = nlohmann::json::array({nlohmann::json::object({{"name", "nginx"}})});
        break;
      case KeyType::kRatioModel:
        value = {{"some model", {{"baseRatio", *key.min}}}};
        break;
    }
    nlohmann::json root;
    std::string pointer = shape_of(key.document)->cluster.empty() ? "/" : "/clusterStrategy/";
    for (const char c : key.path)
      pointer += c == '.' ? '/' : c;
    root[nlohmann::json::json_pointer(pointer)] = value;
    const auto policy = parse({{std::string(key.document), root.dump()}});
    ASSERT_TRUE(policy.ok()) << key.path << ": " << policy.error().message();
    if (key.status == KeyStatus::kAccepted) {
      EXPECT_EQ(policy->notices.size(), 1u) << key.path;
    } else {
      EXPECT_TRUE(key.apply || key.apply_fleet || key.apply_scaling || !key.acted_choices.empty())
          << key.path << " is said to be active and does nothing";
    }
    EXPECT_FALSE(key.meaning.empty());
    EXPECT_FALSE(key.default_text.empty());
  }
}

TEST(KeyTable, IntegersStopAtTheirBounds) {
  for (const KeySpec& key : key_table()) {
    if (key.type != KeyType::kInteger || !(key.apply || key.apply_fleet)) continue;
    nlohmann::json::json_pointer pointer(key.document == kColocationKey ? "" : "/clusterStrategy");
    std::string rest(key.path);
    for (auto dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      pointer /= rest.substr(0, dot);
      rest = rest.substr(dot + 1);
    }
    pointer /= rest;
    const auto accepts = [&](std::int64_t value) {
      nlohmann::json root;
      root[pointer] = value;
      // Eviction that is off begins nowhere, so that it may stop anywhere.
      if (key.path == "memoryEvictLowerPercent") root["clusterStrategy"]["memoryEvictThresholdPercent"] = 0;
      return parse({{std::string(key.document), root.dump()}}).ok();
    };
    EXPECT_TRUE(accepts(static_cast<std::int64_t>(*key.min))) << key.path;
    EXPECT_FALSE(accepts(static_cast<std::int64_t>(*key.min) - 1)) << key.path;
    EXPECT_TRUE(accepts(static_cast<std::int64_t>(*key.max))) << key.path;
    EXPECT_FALSE(accepts(static_cast<std::int64_t>(*key.max) + 1)) << key.path;
  }
}

TEST(KeyTable, NamesEachKeyOnce) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const KeySpec& key : key_table())
    EXPECT_TRUE(seen.emplace(key.document, key.path).second) << key.path;
  EXPECT_GT(seen.size(), 150u);
}

}  // namespace
}  // namespace tideline::policy::parse_test
