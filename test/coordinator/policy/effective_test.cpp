#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/node_annotations.h"
#include "coordinator/policy/policy.h"
#include "coordinator/policy/reader.h"
#include "messages/codec/report_bytes.h"

namespace tideline::policy::effective_test {
namespace {

using model::NodePolicy;
using model::SuppressPolicy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ClusterPolicy parsed(std::vector<Document> documents) {
  auto policy = parse(documents);
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? *policy : ClusterPolicy{};
}

TEST(Effective, IsTheBuiltInDefaultsWithoutAnyDocument) {
  EXPECT_EQ(effective(parsed({}), {}), NodePolicy{});
}

TEST(Effective, EveryActiveDefaultInTheKeyTableIsTheModelsDefault) {
  // A document that spells out each default must change nothing.
  for (const KeySpec& key : key_table()) {
    if (!(key.apply || key.apply_fleet) || key.default_text == "unset") continue;
    std::string inner(key.path);
    std::string open;
    std::string close;
    for (auto dot = inner.find('.'); dot != std::string::npos; dot = inner.find('.')) {
      open += "{\"" + inner.substr(0, dot) + "\":";
      close += "}";
      inner = inner.substr(dot + 1);
    }
    std::string text = open + "{\"" + inner + "\":" + std::string(key.default_text) + "}" + close;
    if (!shape_of(key.document)->cluster.empty()) text = "{\"clusterStrategy\":" + text + "}";
    const auto policy = parsed({{std::string(key.document), text}});
    EXPECT_EQ(effective(policy, {}), NodePolicy{}) << key.path << " " << text;
    EXPECT_EQ(fleet_policy(policy), FleetPolicy{}) << key.path << " " << text;
  }
}

TEST(Effective, TakesTheClusterStrategyWhereNoEntryMatches) {
  const auto policy = parsed({{"resource-threshold-config.json", R"({
    "clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 70, "cpuSuppressPolicy": "workConserving"},
    "nodeStrategies": [{"name": "db", "nodeSelector": {"matchLabels": {"role": "db"}}, "enable": false}]})"}});
  const NodePolicy node = effective(policy, {{"role", "web"}});
  EXPECT_TRUE(node.threshold.enable);
  EXPECT_EQ(node.threshold.cpu_suppress_threshold_percent, 70);
  EXPECT_EQ(node.threshold.cpu_suppress_policy, SuppressPolicy::kWorkConserving);
  EXPECT_EQ(node.threshold.cpu_suppress_min_percent, std::nullopt);
  EXPECT_EQ(matching_entry(policy.threshold, {{"role", "web"}}), "");
}

TEST(Effective, LaysTheFirstMatchingEntryOverTheClusterStrategyFieldByField) {
  const auto policy = parsed({{"resource-threshold-config", R"({
    "clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 70, "cpuSuppressMinPercent": 5},
    "nodeStrategies": [
      {"name": "first", "nodeSelector": {"matchLabels": {"role": "db"}}, "cpuSuppressThresholdPercent": 40},
      {"name": "second", "nodeSelector": {"matchLabels": {"role": "db"}}, "cpuSuppressMinPercent": 9}]})"}});
  const NodePolicy node = effective(policy, {{"role", "db"}});
  EXPECT_TRUE(node.threshold.enable);
  EXPECT_EQ(node.threshold.cpu_suppress_threshold_percent, 40);
  EXPECT_EQ(node.threshold.cpu_suppress_min_percent, 5) << "a later matching entry must not be merged in";
  EXPECT_EQ(matching_entry(policy.threshold, {{"role", "db"}}), "first");
}

TEST(Effective, MergesNestedClassesFieldByField) {
  const auto policy = parsed({{"resource-qos-config", R"({
    "clusterStrategy": {"beClass": {"cpuQOS": {"enable": true, "groupIdentity": -1, "schedIdle": 1}}},
    "nodeStrategies": [{"nodeSelector": {}, "beClass": {"cpuQOS": {"schedIdle": 0}},
                        "lsClass": {"cpuQOS": {"enable": true}}}]})"}});
  const NodePolicy node = effective(policy, {});
  EXPECT_TRUE(node.qos.be.enable);
  EXPECT_EQ(node.qos.be.group_identity, -1);
  EXPECT_EQ(node.qos.be.sched_idle, 0);
  EXPECT_TRUE(node.qos.ls.enable);
  EXPECT_EQ(node.qos.ls.group_identity, 2);
  EXPECT_FALSE(node.qos.lsr.enable);
}

TEST(Effective, ReadsColocationFieldsAtTheTopLevelBesideNodeConfigs) {
  const auto policy = parsed({{"colocation-config", R"({
    "enable": true, "cpuReclaimThresholdPercent": 130, "batchCPUThresholdPercent": 50,
    "nodeConfigs": [{"name": "small", "nodeSelector": {"matchLabels": {"size": "s"}},
                     "memoryReclaimThresholdPercent": 50, "degradeTimeMinutes": 3}]})"}});
  const NodePolicy node = effective(policy, {{"size", "s"}});
  EXPECT_TRUE(node.colocation.enable);
  EXPECT_EQ(node.colocation.cpu_reclaim_threshold_percent, 130);
  EXPECT_EQ(node.colocation.batch_cpu_threshold_percent, 50);
  EXPECT_EQ(node.colocation.batch_memory_threshold_percent, std::nullopt);
  EXPECT_EQ(node.colocation.memory_reclaim_threshold_percent, 50);
  EXPECT_EQ(node.colocation.degrade_time_minutes, 3);
  EXPECT_EQ(effective(policy, {}).colocation.memory_reclaim_threshold_percent, 65);
}

TEST(Effective, NeedsColocationEnabledInTheClusterAndOnTheNode) {
  const char* const nodes = R"("nodeConfigs": [{"nodeSelector": {"matchLabels": {"on": "y"}}, "enable": true},
                                               {"nodeSelector": {"matchLabels": {"on": "n"}}, "enable": false}]})";
  const auto off = parsed({{"colocation-config", std::string(R"({"enable": false, )") + nodes}});
  EXPECT_FALSE(effective(off, {{"on", "y"}}).colocation.enable);
  const auto on = parsed({{"colocation-config", std::string(R"({"enable": true, )") + nodes}});
  EXPECT_TRUE(effective(on, {{"on", "y"}}).colocation.enable);
  EXPECT_FALSE(effective(on, {{"on", "n"}}).colocation.enable);
  EXPECT_TRUE(effective(on, {}).colocation.enable);
}

constexpr const char* kStrategy = "node.koordinator.sh/colocation-strategy";

TEST(Effective, ANodesAnnotationIsLaidOverItsEntryAndItsLabelsOverThat) {
  const auto policy = parsed({{"colocation-config", R"({"enable": true, "cpuReclaimThresholdPercent": 70,
      "memoryReclaimThresholdPercent": 70, "degradeTimeMinutes": 3, "batchCPUThresholdPercent": 20,
      "nodeConfigs": [{"nodeSelector": {}, "memoryReclaimThresholdPercent": 60, "degradeTimeMinutes": 4}]})"}});
  const auto node = effective_on(policy, {{{"node.koordinator.sh/cpu-reclaim-ratio", "0.9"}},
                                          {{kStrategy, R"({"cpuReclaimThresholdPercent": 50, "degradeTimeMinutes": 5,
                                              "batchCPUThresholdPercent": 10})"}}});
  EXPECT_EQ(node.colocation.cpu_reclaim_threshold_percent, 90) << "the label";
  EXPECT_EQ(node.colocation.degrade_time_minutes, 5) << "the annotation";
  EXPECT_EQ(node.colocation.batch_cpu_threshold_percent, 10) << "the annotation";
  EXPECT_EQ(node.colocation.memory_reclaim_threshold_percent, 60) << "the entry";
}

TEST(Effective, ANodesAnnotationMaySwitchItOffAndNotOn) {
  const auto on = parsed({{"colocation-config", R"({"enable": true})"}});
  const auto off = parsed({{"colocation-config", R"({"enable": false})"}});
  EXPECT_FALSE(effective_on(on, {{}, {{kStrategy, R"({"enable": false})"}}}).colocation.enable);
  EXPECT_FALSE(effective_on(off, {{}, {{kStrategy, R"({"enable": true})"}}}).colocation.enable);
  const auto entry_off =
      parsed({{"colocation-config", R"({"enable": true, "nodeConfigs": [{"nodeSelector": {}, "enable": false}]})"}});
  EXPECT_TRUE(effective_on(entry_off, {{}, {{kStrategy, R"({"enable": true})"}}}).colocation.enable)
      << "above its entry, as Koordinator has it";
}

TEST(Effective, AnAnnotationThatCannotBeReadIsIgnoredAsAWholeAndNamed) {
  const auto policy = parsed({{"colocation-config", R"({"enable": true, "degradeTimeMinutes": 4})"}});
  for (const auto& [bad, why] : std::vector<std::pair<std::string, std::string>>{
           {"{", "line 1"},
           {"7", "want an object"},
           {R"({"degradeTimeMinutes": 0})", "$.degradeTimeMinutes is 0"},
           {R"({"degradeTimeMinutes": 9, "degradeTimeMinute": 9})", "degradeTimeMinute is not a key"},
           {R"({"degradeTimeMinutes": 9, "nodeConfigs": []})", "nodeConfigs is not a key"}}) {
    const model::NodeAnnotations annotations = {{kStrategy, bad}};
    EXPECT_EQ(effective_on(policy, {{}, annotations}).colocation.degrade_time_minutes, 4) << bad;
    EXPECT_THAT(annotation_problems(annotations),
                ElementsAre(testing::AllOf(HasSubstr(std::string("annotation ") + kStrategy), HasSubstr(why),
                                           HasSubstr("it is ignored"))))
        << bad;
  }
}

TEST(Effective, WhatAnAnnotationSetsAndNobodyActsOnIsNamed) {
  EXPECT_THAT(
      annotation_problems({{kStrategy, R"({"metricAggregateDurationSeconds": 60})"}}),
      ElementsAre(HasSubstr("$.metricAggregateDurationSeconds: accepted, but this version does not act on it")));
  EXPECT_THAT(annotation_problems({{kStrategy, R"({"enable": true})"}, {"other", "?"}}), IsEmpty());
}

TEST(Effective, WhatTheLedgerCannotReadIsNamedBesideIt) {
  EXPECT_THAT(annotation_problems(
                  {{"node.koordinator.sh/reservation", "4 CPUs"}, {"node.koordinator.sh/thirdPartyAllocations", "?"}}),
              ElementsAre(HasSubstr("annotation node.koordinator.sh/reservation is \"4 CPUs\": not JSON"),
                          HasSubstr("annotation node.koordinator.sh/thirdPartyAllocations is \"?\": not JSON")));
}

TEST(Effective, TakesReclaimRatiosFromNodeLabelsAboveEverything) {
  const auto policy = parsed({{"colocation-config", R"({"enable": true, "cpuReclaimThresholdPercent": 70})"}});
  std::vector<std::string> problems;
  const NodePolicy node = effective(
      policy, {{"node.koordinator.sh/cpu-reclaim-ratio", "0.859"}, {"node.koordinator.sh/memory-reclaim-ratio", "1.2"}},
      &problems);
  EXPECT_EQ(node.colocation.cpu_reclaim_threshold_percent, 85);
  EXPECT_EQ(node.colocation.memory_reclaim_threshold_percent, 120);
  EXPECT_THAT(problems, IsEmpty());
}

TEST(Effective, TakesTheStaticSharesOfMidFromNodeLabelsUpToAll) {
  const auto policy = parsed({{"colocation-config", R"({"enable": true, "midReclaimMode": "static",
      "midStaticCPUReservedPercent": 10, "midStaticMemoryReservedPercent": 20})"}});
  std::vector<std::string> problems;
  const NodePolicy node = effective(policy,
                                    {{"node.koordinator.sh/mid-static-cpu-reserved-ratio", "0.25"},
                                     {"node.koordinator.sh/mid-static-memory-reserved-ratio", "1.5"}},
                                    &problems);
  EXPECT_EQ(node.colocation.mid_static_cpu_reserved_percent, 25);
  EXPECT_EQ(node.colocation.mid_static_memory_reserved_percent, 100);
  EXPECT_THAT(problems, IsEmpty());
}

TEST(Effective, EachKeyOfTheLedgerReachesItsOwnField) {
  const auto policy = parsed({{"colocation-config", R"({"enable": true,
      "cpuCalculatePolicy": "maxUsageRequest", "memoryCalculatePolicy": "request", "midReclaimMode": "static",
      "midCPUThresholdPercent": 11, "midMemoryThresholdPercent": 12, "midUnallocatedPercent": 13,
      "midStaticCPUReservedPercent": 14, "midStaticMemoryReservedPercent": 15,
      "nodeConfigs": [{"nodeSelector": {"matchLabels": {"mode": "unset"}}, "midReclaimMode": ""}]})"}});
  const auto colocation = effective(policy, {}).colocation;
  EXPECT_EQ(colocation.cpu_calculate_policy, model::CalculatePolicy::kMaxUsageRequest);
  EXPECT_EQ(colocation.memory_calculate_policy, model::CalculatePolicy::kRequest);
  EXPECT_EQ(colocation.mid_reclaim_mode, model::MidReclaimMode::kStatic);
  EXPECT_EQ(colocation.mid_cpu_threshold_percent, 11);
  EXPECT_EQ(colocation.mid_memory_threshold_percent, 12);
  EXPECT_EQ(colocation.mid_unallocated_percent, 13);
  EXPECT_EQ(colocation.mid_static_cpu_reserved_percent, 14);
  EXPECT_EQ(colocation.mid_static_memory_reserved_percent, 15);
  EXPECT_EQ(effective(policy, {{"mode", "unset"}}).colocation.mid_reclaim_mode, model::MidReclaimMode::kPredicted);
}

TEST(Effective, IgnoresABadRatioLabelAndSaysSo) {
  for (const std::string bad : {"-0.1", "half", "", "0.5x", "nan", "inf", "1e300"}) {
    std::vector<std::string> problems;
    const NodePolicy node = effective(parsed({}), {{"node.koordinator.sh/cpu-reclaim-ratio", bad}}, &problems);
    EXPECT_EQ(node.colocation.cpu_reclaim_threshold_percent, 60) << bad;
    EXPECT_THAT(problems, ElementsAre(HasSubstr("\"" + bad + "\""))) << bad;
  }
}

TEST(Effective, IsTakenByNodesAtBothEndsOfEveryRange) {
  const auto taken = [](const NodePolicy& policy) {
    const auto read = codec::policy_from_bytes(codec::to_bytes(policy));
    EXPECT_TRUE(read.ok()) << (read ? "" : read.error().message());
    return read.ok() && *read == policy;
  };
  for (const KeySpec& key : key_table()) {
    if (!key.apply || key.type != KeyType::kInteger) continue;
    for (const double end : {*key.min, *key.max}) {
      NodePolicy policy;
      key.apply(policy, Scalar(static_cast<std::int64_t>(end)));
      EXPECT_TRUE(taken(policy)) << key.path << " " << end;
    }
  }
  EXPECT_TRUE(taken(effective(parsed({}), {{"node.koordinator.sh/cpu-reclaim-ratio", "1000000"},
                                           {"node.koordinator.sh/memory-reclaim-ratio", "0"}})));
}

TEST(Selector, AbsentOrNullMatchesNothingAndEmptyMatchesEverything) {
  const auto policy = parsed({{"resource-threshold-config", R"({
    "nodeStrategies": [{"name": "absent", "enable": true},
                       {"name": "null", "nodeSelector": null, "enable": true},
                       {"name": "empty", "nodeSelector": {}, "cpuSuppressMinPercent": 7}]})"}});
  const NodePolicy node = effective(policy, {{"any", "label"}});
  EXPECT_FALSE(node.threshold.enable);
  EXPECT_EQ(node.threshold.cpu_suppress_min_percent, 7);
}

struct ExpressionCase {
  const char* expression;
  Labels labels;
  bool matches;
};

TEST(Selector, EvaluatesEveryOperatorAsKubernetesDoes) {
  const ExpressionCase cases[] = {
      {R"({"key": "zone", "operator": "In", "values": ["a", "b"]})", {{"zone", "b"}}, true},
      {R"({"key": "zone", "operator": "In", "values": ["a", "b"]})", {{"zone", "c"}}, false},
      {R"({"key": "zone", "operator": "In", "values": ["a", "b"]})", {}, false},
      {R"({"key": "zone", "operator": "NotIn", "values": ["a"]})", {{"zone", "b"}}, true},
      {R"({"key": "zone", "operator": "NotIn", "values": ["a"]})", {{"zone", "a"}}, false},
      {R"({"key": "zone", "operator": "NotIn", "values": ["a"]})", {}, true},
      {R"({"key": "zone", "operator": "Exists"})", {{"zone", ""}}, true},
      {R"({"key": "zone", "operator": "Exists"})", {{"zones", "a"}}, false},
      {R"({"key": "zone", "operator": "DoesNotExist", "values": []})", {}, true},
      {R"({"key": "zone", "operator": "DoesNotExist"})", {{"zone", "a"}}, false},
  };
  for (const auto& c : cases) {
    const auto policy = parsed(
        {{"resource-threshold-config", std::string(R"({"nodeStrategies": [{"nodeSelector": {"matchExpressions": [)") +
                                           c.expression + R"(]}, "enable": true}]})"}});
    EXPECT_EQ(effective(policy, c.labels).threshold.enable, c.matches) << c.expression;
  }
}

TEST(Selector, NeedsAllLabelsAndAllExpressions) {
  const auto policy = parsed({{"resource-threshold-config", R"({"nodeStrategies": [{"nodeSelector": {
      "matchLabels": {"a": "1", "b": "2"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]},
      "enable": true}]})"}});
  EXPECT_TRUE(effective(policy, {{"a", "1"}, {"b", "2"}, {"c", ""}}).threshold.enable);
  EXPECT_FALSE(effective(policy, {{"a", "1"}, {"c", ""}}).threshold.enable);
  EXPECT_FALSE(effective(policy, {{"a", "1"}, {"b", "2"}}).threshold.enable);
  EXPECT_FALSE(effective(policy, {{"a", "1"}, {"b", "3"}, {"c", ""}}).threshold.enable);
}

}  // namespace
}  // namespace tideline::policy::effective_test
