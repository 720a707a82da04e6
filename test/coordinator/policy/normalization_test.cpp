// cpu-normalization-config, with the worked cases of Koordinator's plugin CPUNormalization (numbers only).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/check.h"
#include "coordinator/policy/content.h"
#include "coordinator/policy/diff.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/policy/source.h"

namespace tideline::policy::normalization_test {
namespace {

using model::CpuKind;
using model::Ratio;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kModel = "Intel(R) Xeon(R) Platinum ABC CPU @ 2.50GHz";
constexpr const char* kConfig = R"({
  "enable": true,
  "ratioModel": {
    "Intel(R) Xeon(R) Platinum ABC CPU @ 2.50GHz": {"baseRatio": 1.5, "hyperThreadEnabledRatio": 1.0,
        "turboEnabledRatio": 1.8, "hyperThreadTurboEnabledRatio": 1.2},
    "Intel(R) Xeon(R) Platinum YYY CPU @ 2.50GHz": {"baseRatio": 1.8, "hyperThreadEnabledRatio": 1.2,
        "turboEnabledRatio": 2.16, "hyperThreadTurboEnabledRatio": 1.44},
    "half measured": {"hyperThreadTurboEnabledRatio": 1.44}
  }
})";

ClusterPolicy parsed(const std::string& text) {
  auto policy = parse({{"cpu-normalization-config", text}});
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? *std::move(policy) : ClusterPolicy{};
}
std::string refusal(const std::string& text) {
  const auto policy = parse({{"cpu-normalization-config", text}});
  return policy ? "accepted" : policy.error().message();
}
Ratio ratio_on(const ClusterPolicy& policy, const CpuKind& cpu, const Labels& labels = {}) {
  return effective_on(policy, {labels, {}, cpu}).scaling.cpu_normalization;
}

struct Case {
  const char* name;
  CpuKind cpu;
  int hundredths;
  const char* by;
};
class Normalized : public testing::TestWithParam<Case> {};

TEST_P(Normalized, GetsItsModelsRatio) {
  const auto policy = parsed(kConfig);
  EXPECT_EQ(ratio_on(policy, GetParam().cpu), Ratio(GetParam().hundredths));
  EXPECT_THAT(normalization_on(policy, {{}, {}, GetParam().cpu}).by, HasSubstr(GetParam().by));
}

INSTANTIATE_TEST_SUITE_P(
    Models, Normalized,
    testing::Values(Case{"Base", {kModel, false, false}, 150, "baseRatio"},
                    Case{"HyperThreads", {kModel, true, false}, 100, "hyperThreadEnabledRatio"},
                    Case{"Turbo", {kModel, false, true}, 180, "turboEnabledRatio"},
                    Case{"Both", {kModel, true, true}, 120, "hyperThreadTurboEnabledRatio"},
                    Case{"AnotherModel", {"Intel(R) Xeon(R) Platinum YYY CPU @ 2.50GHz", false, true}, 216, "YYY"},
                    Case{"TurboNotKnown", {kModel, true, std::nullopt}, 100, "hyperThreadEnabledRatio"},
                    Case{"HyperThreadsNotKnown", {kModel, std::nullopt, true}, 120, "hyperThreadTurboEnabledRatio"},
                    Case{"NeitherKnown", {kModel, std::nullopt, std::nullopt}, 100, "hyperThreadEnabledRatio"},
                    Case{"NotMeasured", {"half measured", false, false}, 100, "there is no ratio for"},
                    Case{"WhatMayApplyIsNotMeasured", {"half measured", true, std::nullopt}, 100, "there is no ratio"},
                    Case{"UnknownModel", {"another", false, false}, 100, "there is no ratio for \"another\""},
                    Case{"ModelNotTold", {"", false, false}, 100, "did not tell its CPU model"}),
    [](const auto& made) { return std::string(made.param.name); });

TEST(Normalization, DefaultRatioIsForModelsWithoutOneAndNotForThoseNobodyKnows) {
  const auto policy = parsed(R"({"enable": true, "defaultRatio": 1.1, "ratioModel": {"a": {"baseRatio": 2}}})");
  EXPECT_EQ(ratio_on(policy, {"a", false, false}), Ratio(200));
  EXPECT_EQ(ratio_on(policy, {"b", false, false}), Ratio(110));
  EXPECT_EQ(ratio_on(policy, {"a", true, true}), Ratio(110)) << "not measured so";
  EXPECT_EQ(ratio_on(policy, {"", false, false}), Ratio()) << "what is not known must not sell more";
}

TEST(Normalization, WhatMayApplyAndWasNotMeasuredIsWorthTheDefault) {
  const auto policy_with = [](const std::string& others) {
    return parsed(R"({"enable": true, "ratioModel": {"a": {"hyperThreadTurboEnabledRatio": 1.44}})" + others + "}");
  };
  const CpuKind unknown_turbo{"a", true, std::nullopt};
  EXPECT_EQ(ratio_on(policy_with(R"(, "defaultRatio": 2)"), unknown_turbo), Ratio(144));
  EXPECT_EQ(ratio_on(policy_with(R"(, "defaultRatio": 1.2)"), unknown_turbo), Ratio(120));
  EXPECT_EQ(ratio_on(policy_with(""), unknown_turbo), Ratio());
  EXPECT_EQ(ratio_on(policy_with(""), {"a", true, true}), Ratio(144)) << "nothing else may apply";
}

TEST(Normalization, IsOffUnlessSwitchedOn) {
  EXPECT_EQ(ratio_on(parsed(R"({"ratioModel": {"a": {"baseRatio": 2}}})"), {"a", false, false}), Ratio());
  EXPECT_EQ(ratio_on(ClusterPolicy{}, {"a", false, false}), Ratio());
}

TEST(Normalization, TheNodesLabelBeatsTheStrategy) {
  const auto on = parsed(R"({"enable": true, "ratioModel": {"a": {"baseRatio": 2}}})");
  const auto off = parsed(R"({"ratioModel": {"a": {"baseRatio": 2}}})");
  const auto label = [](const std::string& value) { return Labels{{std::string(kNormalizationLabel), value}}; };
  const CpuKind cpu{"a", false, false};
  EXPECT_EQ(ratio_on(on, cpu, label("false")), Ratio());
  EXPECT_EQ(ratio_on(off, cpu, label("true")), Ratio(200));
  EXPECT_EQ(ratio_on(off, cpu, label("1")), Ratio(200));
  std::vector<std::string> problems;
  EXPECT_EQ(effective_on(on, {label("yes"), {}, cpu}, &problems).scaling.cpu_normalization, Ratio(200));
  EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr("cpu-normalization-enabled is \"yes\""), HasSubstr("ignored"))));
  EXPECT_TRUE(is_ratio_label(kNormalizationLabel));
}

TEST(Normalization, AnEntryReplacesAModelAsAWholeAndLeavesTheOthers) {
  const auto policy = parsed(R"({"enable": true,
      "ratioModel": {"a": {"baseRatio": 2, "turboEnabledRatio": 3}, "b": {"baseRatio": 1.5}},
      "nodeConfigs": [{"name": "special", "nodeSelector": {"matchLabels": {"pool": "x"}},
                       "ratioModel": {"a": {"baseRatio": 1.2}}}]})");
  const Labels in_pool{{"pool", "x"}};
  EXPECT_EQ(ratio_on(policy, {"a", false, false}, in_pool), Ratio(120));
  EXPECT_EQ(ratio_on(policy, {"a", false, true}, in_pool), Ratio()) << "as Koordinator merges maps";
  EXPECT_EQ(ratio_on(policy, {"b", false, false}, in_pool), Ratio(150));
  EXPECT_EQ(ratio_on(policy, {"a", false, true}), Ratio(300));
}

TEST(Normalization, RatiosAreRoundedToTwoDecimals) {
  EXPECT_EQ(ratio_on(parsed(R"({"enable": true, "ratioModel": {"a": {"baseRatio": 1.236}}})"), {"a", false, false}),
            Ratio(124));
}

TEST(Normalization, ARatioBelowOneCountsAsOneAndIsNamed) {
  const auto policy = parsed(R"({"enable": true, "ratioModel": {"a": {"baseRatio": 1.29,
      "hyperThreadEnabledRatio": 0.82, "turboEnabledRatio": 1.52, "hyperThreadTurboEnabledRatio": 1.0}}})");
  EXPECT_EQ(ratio_on(policy, {"a", true, false}), Ratio(100));
  EXPECT_EQ(ratio_on(policy, {"a", false, false}), Ratio(129));
  ASSERT_EQ(policy.notices.size(), 1u);
  EXPECT_EQ(policy.notices[0].path, "$.ratioModel.a.hyperThreadEnabledRatio");
  EXPECT_THAT(policy.notices[0].why, HasSubstr("counts as 1"));
}

TEST(Normalization, RefusesWhatIsNoRatioWithItsPlace) {
  EXPECT_THAT(refusal(R"({"ratioModel": {"a": {"baseRatio": 0}}})"),
              AllOf(HasSubstr("$.ratioModel.a.baseRatio is 0"), HasSubstr("1..5")));
  EXPECT_THAT(refusal(R"({"ratioModel": {"a b": {"baseRatio": 10}}})"),
              HasSubstr("$.ratioModel[\"a b\"].baseRatio is 10"));
  EXPECT_THAT(refusal(R"({"ratioModel": {"a": {"baseRatio": "1.2"}}})"), HasSubstr("want number (1..5)"));
  EXPECT_THAT(refusal(R"({"ratioModel": {"a": {"baseRation": 1.2}}})"),
              AllOf(HasSubstr("$.ratioModel.a.baseRation is not a ratio of a CPU model"), HasSubstr("baseRatio")));
  EXPECT_THAT(refusal(R"({"ratioModel": {"a": 1.2}})"), HasSubstr("want an object of ratios"));
  EXPECT_THAT(refusal(R"({"ratioModel": []})"), HasSubstr("want an object of CPU models"));
  EXPECT_THAT(refusal(R"({"ratioModel": {"": {}}})"), HasSubstr("1 to 256 bytes"));
  EXPECT_THAT(refusal(R"({"defaultRatio": 5.1})"), HasSubstr("$.defaultRatio is 5.1"));
  EXPECT_THAT(refusal(R"({"enabled": true})"), HasSubstr("$.enabled is not a key of cpu-normalization-config"));
  std::string many = R"({"ratioModel": {)";
  for (int i = 0; i < 257; ++i)
    many += (i ? "," : "") + std::string("\"m") + std::to_string(i) + "\": {}";
  EXPECT_THAT(refusal(many + "}}"), HasSubstr("257 CPU models; at most 256"));
}

TEST(Normalization, IsComparedAndPartOfTheContentByWhatItComesToOnTheNode) {
  const auto policy = parsed(kConfig);
  const auto before = effective(ClusterPolicy{}, {});
  const auto after = effective_on(policy, {{}, {}, {kModel, true, true}});
  const auto differences = diff(before, after);
  ASSERT_THAT(differences, SizeIs(2));
  EXPECT_EQ(differences[0].key->path, "cpu-normalization-ratio");
  EXPECT_EQ(differences[1].key->path, "resource-amplification-ratio.cpu") << "is times that";
  EXPECT_EQ(text_of(differences[0].before), "1");
  EXPECT_EQ(text_of(differences[0].after), "1.2");
  EXPECT_NE(content_of(before), content_of(after));
  EXPECT_EQ(content_of(before), content_of(effective_on(policy, {{}, {}, {kModel, true, false}})))
      << "1 is the default";
}

TEST(Normalization, ACheckSortsNodesByTheirCpuAndNamesWhatGivesTheRatio) {
  std::vector<model::NodeStatus> statuses(4);
  statuses[0].cpu = {kModel, true, true};
  statuses[1].cpu = {kModel, true, true};
  statuses[2].cpu = {"another", true, true};
  statuses[3].cpu = {kModel, true, true};
  statuses[3].labels = {{std::string(kNormalizationLabel), "false"}};
  std::vector<CheckNode> nodes;
  for (std::size_t i = 0; i < statuses.size(); ++i)
    nodes.push_back({model::NodeName("n" + std::to_string(i)), &statuses[i]});
  const auto report = check(nullptr, parsed(kConfig), nodes, true);
  ASSERT_TRUE(report.ok());
  ASSERT_THAT(report->groups, SizeIs(1));
  EXPECT_THAT(report->groups[0].nodes.names, ElementsAre(model::NodeName("n0"), model::NodeName("n1")));
  EXPECT_THAT(report->groups[0].changes,
              ElementsAre(SettingChange{"cpu-normalization-config", "cpu-normalization-ratio", "1", "1.2", "top level"},
                          SettingChange{"resource-amplification-config", "resource-amplification-ratio.cpu", "1", "1.2",
                                        "top level"}));
  EXPECT_EQ(report->unchanged, 2u);
  EXPECT_THAT(report->notices, IsEmpty());
}

TEST(Normalization, ANodeThatTellsAnotherCpuIsSentAnotherPolicy) {
  Rollout rollout(model::Epoch(1));
  const model::NodeName node("n");
  rollout.set(std::make_shared<const ClusterPolicy>(parsed(kConfig)), model::PolicyVersion(1));
  rollout.opened(node);
  rollout.told(node, {{}, {}, {kModel, true, true}});
  EXPECT_THAT(rollout.take_due(), SizeIs(1));
  EXPECT_THAT(rollout.normalized_by(node), HasSubstr("hyperThreadTurboEnabledRatio"));
  rollout.told(node, {{}, {}, {kModel, true, false}});
  const auto due = rollout.take_due();
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].second.scaling.cpu_normalization, Ratio());
}

}  // namespace
}  // namespace tideline::policy::normalization_test
