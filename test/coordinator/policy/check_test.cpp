#include "coordinator/policy/check.h"

#include <deque>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/source.h"

namespace tideline::policy::check_test {
namespace {

using model::NodeName;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ClusterPolicy parsed(const std::vector<Document>& documents) {
  auto policy = parse(documents);
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? *std::move(policy) : ClusterPolicy{};
}
ClusterPolicy threshold(const std::string& text) {
  return parsed({{"resource-threshold-config", text}});
}

/// Known nodes, in the order of their names.
class Fleet {
 public:
  Fleet& add(const std::string& name, const Labels& labels = {}) {
    model::NodeStatus status;
    status.labels = labels;
    return add_status(name, std::move(status));
  }
  Fleet& add_status(const std::string& name, model::NodeStatus status) {
    nodes_.push_back({NodeName(name), &statuses_.emplace_back(std::move(status))});
    return *this;
  }
  Fleet& add_unknown(const std::string& name) {
    nodes_.push_back({NodeName(name), nullptr});
    return *this;
  }
  CheckReport check(const ClusterPolicy* now, const ClusterPolicy& then, bool all = true) const {
    auto report = policy::check(now, then, nodes_, all);
    EXPECT_TRUE(report.ok()) << (report ? "" : report.error().message());
    return report ? *std::move(report) : CheckReport{};
  }
  CheckReport check(const ClusterPolicy& now, const ClusterPolicy& then, bool all = true) const {
    return check(&now, then, all);
  }
  const std::vector<CheckNode>& nodes() const { return nodes_; }

 private:
  std::deque<model::NodeStatus> statuses_;
  std::vector<CheckNode> nodes_;
};

std::vector<std::string> names(const NodeList& list) {
  std::vector<std::string> found;
  for (const auto& name : list.names)
    found.push_back(name.str());
  return found;
}

const char* const kPools = R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 60},
    "nodeStrategies": [{"name": "fast", "nodeSelector": {"matchLabels": {"pool": "fast"}},
                        "cpuSuppressThresholdPercent": 80}]})";

TEST(Check, NodesThatChangeInTheSameWayStandTogetherAndTheOthersStay) {
  Fleet fleet;
  fleet.add("a").add("b", {{"pool", "fast"}}).add("c", {{"rack", "4"}}).add("d", {{"pool", "slow"}});
  const auto report = fleet.check(threshold(kPools),
                                  threshold(R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 50},
          "nodeStrategies": [{"name": "fast", "nodeSelector": {"matchLabels": {"pool": "fast"}},
                              "cpuSuppressThresholdPercent": 80}]})"));
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(names(report.groups[0].nodes), ElementsAre("a", "c", "d"));
  EXPECT_EQ(report.groups[0].nodes.count, 3u);
  EXPECT_THAT(report.groups[0].changes,
              ElementsAre(SettingChange{"resource-threshold-config", "cpuSuppressThresholdPercent", "60", "50",
                                        "clusterStrategy"}));
  EXPECT_EQ(report.nodes, 4u);
  EXPECT_EQ(report.unchanged, 1u);
  EXPECT_FALSE(report.same);
  EXPECT_FALSE(report.cut);
}

TEST(Check, TheSameDocumentsChangeNothing) {
  Fleet fleet;
  fleet.add("a").add("b", {{"pool", "fast"}});
  const auto report = fleet.check(threshold(kPools), threshold(kPools));
  EXPECT_TRUE(report.same);
  EXPECT_THAT(report.groups, IsEmpty());
  EXPECT_EQ(report.unchanged, 2u);
}

TEST(Check, GroupsWithMoreNodesComeFirst) {
  Fleet fleet;
  fleet.add("a", {{"pool", "fast"}}).add("b").add("c");
  const auto report = fleet.check(ClusterPolicy{}, threshold(kPools));
  ASSERT_THAT(report.groups, SizeIs(2));
  EXPECT_THAT(names(report.groups[0].nodes), ElementsAre("b", "c"));
  EXPECT_THAT(names(report.groups[1].nodes), ElementsAre("a"));
}

TEST(Check, NamesWhatGivesEachNewValue) {
  Fleet fleet;
  fleet.add("a", {{"pool", "fast"}, {"node.koordinator.sh/cpu-reclaim-ratio", "0.8"}});
  const auto now = parsed({{"colocation-config", R"({"enable": true, "degradeTimeMinutes": 3})"}});
  const auto then = parsed({{"colocation-config", R"({"enable": true, "memoryReclaimThresholdPercent": 50,
                                "cpuReclaimThresholdPercent": 70})"},
                            {"resource-threshold-config", R"({"nodeStrategies": [
                                {"nodeSelector": {"matchLabels": {"pool": "slow"}}},
                                {"name": "fast", "nodeSelector": {"matchLabels": {"pool": "fast"}}, "enable": true},
                                {"nodeSelector": {}, "cpuSuppressMinPercent": 7}]})"}});
  auto report = fleet.check(now, then);
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(
      report.groups[0].changes,
      ElementsAre(SettingChange{"colocation-config", "memoryReclaimThresholdPercent", "65", "50", "top level"},
                  SettingChange{"colocation-config", "degradeTimeMinutes", "3", "15", "default"},
                  SettingChange{"resource-threshold-config", "enable", "false", "true", "nodeStrategies[1] \"fast\""}))
      << "the label holds before and after, and the third entry does not apply";
  report = fleet.check(ClusterPolicy{}, parsed({{"resource-threshold-config", R"({"nodeStrategies": [
      {"nodeSelector": {}, "cpuSuppressMinPercent": 7}]})"}}));
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(report.groups[0].changes, ElementsAre(SettingChange{"resource-threshold-config", "cpuSuppressMinPercent",
                                                                  "unset", "7", "nodeStrategies[0]"}));
}

/// A node with annotations and no labels.
model::NodeStatus annotated(model::NodeAnnotations annotations) {
  model::NodeStatus status;
  status.annotations = std::move(annotations);
  return status;
}

TEST(Check, ANodesAnnotationHoldsAgainstTheDocuments) {
  Fleet fleet;
  fleet.add("a")
      .add_status("b", annotated({{"node.koordinator.sh/colocation-strategy", R"({"degradeTimeMinutes": 9})"}}))
      .add_status("c", annotated({{"node.koordinator.sh/reservation", R"({"reservedCPUs": "0"})"}}));
  const auto report = fleet.check(parsed({{"colocation-config", R"({"degradeTimeMinutes": 3})"}}),
                                  parsed({{"colocation-config", R"({"degradeTimeMinutes": 4})"}}));
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(names(report.groups[0].nodes), ElementsAre("a", "c"));
  EXPECT_EQ(report.unchanged, 1u);
}

TEST(Check, ANodesAnnotationIsWhatGivesAValue) {
  Fleet fleet;
  fleet.add_status("a", annotated({{"node.koordinator.sh/colocation-strategy", R"({"enable": false})"}}));
  const auto on = parsed({{"colocation-config", R"({"enable": true, "nodeConfigs": [{"nodeSelector": {},
      "enable": true}]})"}});
  EXPECT_THAT(fleet.check(ClusterPolicy{}, on).groups, IsEmpty());
  Winners winners;
  winners[0] = 0;
  for (const KeySpec& key : key_table()) {
    if (key.document != kColocationKey || key.path != "enable") continue;
    EXPECT_EQ(source_of(on, facts_of(*fleet.nodes()[0].status), winners, key),
              "annotation node.koordinator.sh/colocation-strategy");
  }
}

TEST(Check, NamesAnnotationsThatCannotBeUsedAndWhoHasThem) {
  Fleet fleet;
  fleet.add_status("a", annotated({{"node.koordinator.sh/reservation", "?"}}))
      .add_status("b", annotated({{"node.koordinator.sh/reservation", "?"}}))
      .add_status("c", annotated({{"node.koordinator.sh/colocation-strategy", "?"}}));
  const auto report = fleet.check(ClusterPolicy{}, ClusterPolicy{});
  ASSERT_THAT(report.label_problems, SizeIs(2));
  EXPECT_THAT(report.label_problems[0].text, HasSubstr("annotation node.koordinator.sh/reservation is \"?\""));
  EXPECT_THAT(names(report.label_problems[0].nodes), ElementsAre("a", "b"));
  EXPECT_THAT(report.label_problems[1].text, HasSubstr("colocation-strategy"));
}

TEST(Check, ColocationThatIsOffInTheClusterIsNotTheEntrysDoing) {
  Fleet fleet;
  fleet.add("a");
  const auto with = [](const char* cluster, const char* node) {
    return parsed({{"colocation-config", fmt::format(R"({{"enable": {}, "nodeConfigs": [
        {{"name": "all", "nodeSelector": {{}}, "enable": {}}}]}})",
                                                     cluster, node)}});
  };
  const auto by = [&](const ClusterPolicy& now, const ClusterPolicy& then) {
    const auto report = fleet.check(now, then);
    return report.groups.size() == 1 && report.groups[0].changes.size() == 1 ? report.groups[0].changes[0].by
                                                                             : std::string("no change");
  };
  EXPECT_EQ(by(with("true", "true"), with("false", "true")), "top level");
  EXPECT_EQ(by(with("true", "true"), with("true", "false")), "nodeConfigs[0] \"all\"");
  EXPECT_EQ(by(with("false", "true"), with("true", "true")), "nodeConfigs[0] \"all\"");
  EXPECT_EQ(by(with("false", "true"), with("false", "false")), "no change");
}

TEST(Check, NodesWithoutLabelsAreNamedAndNotJudged) {
  Fleet fleet;
  fleet.add("a").add_unknown("b").add_unknown("c");
  const auto report = fleet.check(ClusterPolicy{}, threshold(kPools));
  EXPECT_EQ(report.nodes, 1u);
  EXPECT_EQ(report.unknown.count, 2u);
  EXPECT_THAT(names(report.unknown), ElementsAre("b", "c"));
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(names(report.groups[0].nodes), ElementsAre("a"));
}

TEST(Check, OfOverlappingEntriesTheFirstAppliesAndIsNamed) {
  Fleet fleet;
  fleet.add("a", {{"pool", "fast"}, {"zone", "x"}}).add("b", {{"pool", "fast"}}).add("c", {{"zone", "x"}});
  const auto then = threshold(R"({"nodeStrategies": [
      {"name": "fast", "nodeSelector": {"matchLabels": {"pool": "fast"}}, "enable": true},
      {"name": "x", "nodeSelector": {"matchLabels": {"zone": "x"}}, "cpuSuppressMinPercent": 5}]})");
  const auto report = fleet.check(ClusterPolicy{}, then);
  ASSERT_THAT(report.overlaps, SizeIs(1));
  const Overlap& overlap = report.overlaps[0];
  EXPECT_EQ(overlap.document, "resource-threshold-config");
  EXPECT_EQ(overlap.taken, "nodeStrategies[0] \"fast\"");
  EXPECT_THAT(overlap.others, ElementsAre("nodeStrategies[1] \"x\""));
  EXPECT_EQ(overlap.other_count, 1u);
  EXPECT_THAT(names(overlap.nodes), ElementsAre("a"));
  EXPECT_THAT(report.unused, IsEmpty());
}

TEST(Check, EntriesThatApplyToNoNodeSayWhy) {
  Fleet fleet;
  fleet.add("a", {{"pool", "fast"}});
  const auto then = threshold(R"({"nodeStrategies": [
      {"name": "none", "enable": true},
      {"name": "fast", "nodeSelector": {"matchLabels": {"pool": "fast"}}, "enable": true},
      {"name": "slow", "nodeSelector": {"matchLabels": {"pool": "slow"}}, "enable": true},
      {"name": "rest", "nodeSelector": {}, "enable": true}]})");
  using Why = UnusedEntry::Why;
  const std::string document = "resource-threshold-config";
  EXPECT_THAT(fleet.check(ClusterPolicy{}, then).unused,
              ElementsAre(UnusedEntry{document, "nodeStrategies[0] \"none\"", Why::kNoSelector},
                          UnusedEntry{document, "nodeStrategies[2] \"slow\"", Why::kNoMatch},
                          UnusedEntry{document, "nodeStrategies[3] \"rest\"", Why::kBehind}));
  EXPECT_THAT(fleet.check(ClusterPolicy{}, then, false).unused, IsEmpty()) << "other nodes were not looked at";
}

TEST(Check, BadRatioLabelsAreToldWithTheirNodes) {
  Fleet fleet;
  const std::string label = "node.koordinator.sh/cpu-reclaim-ratio";
  fleet.add("a", {{label, "0,8"}}).add("b", {{label, "0.8"}}).add("c", {{label, "0,8"}});
  const auto report = fleet.check(ClusterPolicy{}, ClusterPolicy{});
  ASSERT_THAT(report.label_problems, SizeIs(1));
  EXPECT_THAT(report.label_problems[0].text, HasSubstr("\"0,8\""));
  EXPECT_THAT(names(report.label_problems[0].nodes), ElementsAre("a", "c"));
}

TEST(Check, ADocumentThatIsLeftOutIsNamedAndItsKeysGoToTheirDefaults) {
  Fleet fleet;
  fleet.add("a");
  const auto now = parsed({{"colocation-config", R"({"enable": true})"}, {"resource-threshold-config", kPools}});
  const auto report = fleet.check(now, threshold(kPools));
  EXPECT_THAT(report.dropped, ElementsAre("colocation-config"));
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(report.groups[0].changes,
              ElementsAre(SettingChange{"colocation-config", "enable", "true", "false", "default"}));
}

TEST(Check, KeysOfTheWholeFleetAndNoticesAreTold) {
  Fleet fleet;
  fleet.add("a");
  const auto then =
      parsed({{"tideline-config",
               R"({"clusterStrategy": {"eviction": {"maxPerMinute": 3}, "prediction": {"predictor": "recentMax"}}})"},
              {"resource-qos-config", R"({"clusterStrategy": {"beClass": {"blkioQOS": {"enable": true}}}})"}});
  const auto report = fleet.check(ClusterPolicy{}, then);
  EXPECT_THAT(report.fleet,
              ElementsAre(SettingChange{"tideline-config", "eviction.maxPerMinute", "60", "3", "clusterStrategy"},
                          SettingChange{"tideline-config", "prediction.predictor", "\"none\"", "\"recentMax\"",
                                        "clusterStrategy"}));
  EXPECT_THAT(report.groups, IsEmpty());
  EXPECT_THAT(report.notices, ElementsAre(Field(&Notice::path, HasSubstr("beClass.blkioQOS.enable"))));
}

TEST(Check, MemoryKeysAreChangesAndWhatAKernelLacksForThemIsTold) {
  model::NodeStatus stock;
  stock.protection.verified = true;
  stock.cgroup_version = "v1";
  stock.knobs = {{model::Knob::kMemoryLow, false, "", "cgroup v1 has no memory.low"},
                 {model::Knob::kSoftLimit, true, "memory.soft_limit_in_bytes", ""}};
  Fleet fleet;
  fleet.add_status("a", stock);
  const auto then =
      parsed({{"resource-threshold-config", R"({"clusterStrategy": {"memoryEvictThresholdPercent": 80}})"},
              {"resource-qos-config", R"({"clusterStrategy": {"lsClass": {"memoryQOS": {
           "enable": true, "lowLimitPercent": 100, "wmarkRatio": 0, "wmarkMinAdj": 0}}}})"},
              {"tideline-config", R"({"clusterStrategy": {"memoryRelief": {"marginPercent": 7}}})"}});
  const auto report = fleet.check(ClusterPolicy{}, then);
  EXPECT_THAT(report.notices, IsEmpty());
  ASSERT_THAT(report.groups, SizeIs(1));
  EXPECT_THAT(
      report.groups[0].changes,
      testing::IsSupersetOf(
          {SettingChange{"resource-threshold-config", "memoryEvictThresholdPercent", "70", "80", "clusterStrategy"},
           SettingChange{"resource-qos-config", "lsClass.memoryQOS.lowLimitPercent", "0", "100", "clusterStrategy"},
           SettingChange{"tideline-config", "memoryRelief.marginPercent", "5", "7", "clusterStrategy"}}));
  ASSERT_THAT(report.lacks, SizeIs(1));
  EXPECT_EQ(report.lacks[0].feature, "memoryQOS.lsClass");
  EXPECT_EQ(report.lacks[0].why, "lowLimitPercent needs memory-low: cgroup v1 has no memory.low");
}

TEST(Check, FeaturesThatNodesCannotDoAreToldAndWhetherThatIsNew) {
  model::NodeStatus bare;
  bare.protection.verified = true;
  bare.knobs = {{model::Knob::kCpuBurst, false, "", "cpu.cfs_burst_us: no such file"},
                {model::Knob::kCpuQuota, true, "cpu.cfs_quota_us", ""}};
  model::NodeStatus whole = bare;
  whole.knobs[0] = {model::Knob::kCpuBurst, true, "cpu.cfs_burst_us", ""};
  Fleet fleet;
  fleet.add_status("a", bare).add_status("b", whole).add_status("c", bare);
  const auto bursting = parsed({{"cpu-burst-config", R"({"clusterStrategy": {"policy": "auto"}})"}});
  auto report = fleet.check(ClusterPolicy{}, bursting);
  ASSERT_THAT(report.lacks, SizeIs(1));
  EXPECT_EQ(report.lacks[0].feature, "cpuBurst.kernel");
  EXPECT_THAT(report.lacks[0].why, HasSubstr("cpu.cfs_burst_us: no such file"));
  EXPECT_FALSE(report.lacks[0].already);
  EXPECT_THAT(names(report.lacks[0].nodes), ElementsAre("a", "c"));
  report = fleet.check(bursting, bursting);
  ASSERT_THAT(report.lacks, SizeIs(1));
  EXPECT_TRUE(report.lacks[0].already);
  EXPECT_THAT(fleet.check(bursting, ClusterPolicy{}).lacks, IsEmpty());
}

TEST(Check, WhatANodeSaysItCannotDoTodayIsNotThisPolicysDoing) {
  model::NodeStatus failing;
  failing.protection.verified = true;
  failing.knobs = {{model::Knob::kCpuBurst, true, "cpu.cfs_burst_us", ""},
                   {model::Knob::kCpuQuota, true, "cpu.cfs_quota_us", ""}};
  failing.features = {{"cpuBurst.kernel", model::FeatureState::State::kUnsupported, "permission denied"}};
  Fleet fleet;
  fleet.add_status("a", failing);
  const auto bursting = parsed({{"cpu-burst-config", R"({"clusterStrategy": {"policy": "auto"}})"}});
  const auto report = fleet.check(bursting, bursting);
  ASSERT_THAT(report.lacks, SizeIs(1));
  EXPECT_EQ(report.lacks[0].why, "permission denied");
  EXPECT_TRUE(report.lacks[0].already);
}

TEST(Check, WithoutAPolicyInForceTheDefaultsAreComparedWith) {
  Fleet fleet;
  fleet.add("a");
  const auto then = threshold(kPools);
  EXPECT_EQ(fleet.check(nullptr, then), fleet.check(ClusterPolicy{}, then));
}

TEST(Check, AnswersStayBounded) {
  Fleet fleet;
  std::string entries;
  constexpr int kPoolCount = 300;
  for (int i = 0; i < kPoolCount; ++i) {
    fleet.add(fmt::format("n{:03}", i), {{"pool", fmt::format("{}", i)}});
    entries += fmt::format(
        R"({}{{"name": "{}", "nodeSelector": {{"matchLabels": {{"pool": "{}"}}}}, "cfsQuotaBurstPercent": {}}})",
        i == 0 ? "" : ",", i, i, 1000 + i);
  }
  const auto many = fleet.check(ClusterPolicy{},
                                parsed({{"cpu-burst-config", fmt::format(R"({{"nodeStrategies": [{}]}})", entries)}}));
  EXPECT_THAT(many.groups, SizeIs(CheckLimits::kMaxRows));
  EXPECT_TRUE(many.cut);
  const auto one = fleet.check(ClusterPolicy{}, threshold(kPools));
  ASSERT_THAT(one.groups, SizeIs(1));
  EXPECT_EQ(one.groups[0].nodes.count, static_cast<std::uint64_t>(kPoolCount));
  EXPECT_THAT(one.groups[0].nodes.names, SizeIs(CheckLimits::kMaxNames));
  EXPECT_FALSE(one.cut);
}

TEST(Check, TooMuchToCompareIsRefusedAndOneNodeOfItIsNot) {
  NodeEntry entry;
  entry.selector = Selector{{}, {{"host", Requirement::Operator::kIn, {}}}};
  for (int i = 0; i < 25'000; ++i)
    entry.selector->match_expressions[0].values.push_back(fmt::format("{}", i));
  ClusterPolicy then;
  then.threshold.nodes = {entry};
  Fleet fleet;
  for (int i = 0; i < 1'000; ++i)
    fleet.add(fmt::format("n{}", i), {{"host", fmt::format("{}", i)}});
  const auto refused = check(nullptr, then, fleet.nodes(), true);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("1000 kinds of nodes"), HasSubstr("one node")));
  EXPECT_TRUE(check(nullptr, then, {fleet.nodes().data(), 1}, false).ok());
}

TEST(Check, LabelsThatNoSelectorNamesMakeNoDifferenceToTheWork) {
  NodeEntry entry;
  entry.selector = Selector{{}, {{"pool", Requirement::Operator::kIn, {}}}};
  for (int i = 0; i < 25'000; ++i)
    entry.selector->match_expressions[0].values.push_back(fmt::format("{}", i));
  ClusterPolicy then;
  then.threshold.nodes = {entry};
  Fleet fleet;
  for (int i = 0; i < 1'000; ++i)
    fleet.add(fmt::format("n{}", i), {{"host", fmt::format("{}", i)}, {"pool", "7"}});
  EXPECT_TRUE(check(nullptr, then, fleet.nodes(), true).ok()) << "all nodes are of one kind";
}

}  // namespace
}  // namespace tideline::policy::check_test
