// resource-amplification-config, with the worked cases of Koordinator's plugin ResourceAmplification (numbers only).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/features.h"
#include "coordinator/policy/policy.h"
#include "coordinator/policy/source.h"

namespace tideline::policy::amplification_test {
namespace {

using model::Ratio;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ClusterPolicy parsed(const std::string& amplification, const std::string& normalization = "{}") {
  auto policy = parse({{"resource-amplification-config", amplification}, {"cpu-normalization-config", normalization}});
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? *std::move(policy) : ClusterPolicy{};
}
std::string refusal(const std::string& text) {
  const auto policy = parse({{"resource-amplification-config", text}});
  return policy ? "accepted" : policy.error().message();
}

struct Case {
  const char* name;
  const char* amplification;
  const char* normalization;
  int cpu;
  int memory;
};
class Amplified : public testing::TestWithParam<Case> {};

TEST_P(Amplified, GetsKoordinatorsRatio) {
  const auto policy = parsed(GetParam().amplification, GetParam().normalization);
  const auto node = effective_on(policy, {{}, {}, {"a", false, false}});
  EXPECT_EQ(node.scaling.cpu_amplification, Ratio(GetParam().cpu));
  EXPECT_EQ(node.scaling.memory_amplification, Ratio(GetParam().memory));
}

constexpr const char* kOnePointTwo = R"({"enable": true, "ratioModel": {"a": {"baseRatio": 1.2}}})";

INSTANTIATE_TEST_SUITE_P(
    Cases, Amplified,
    testing::Values(Case{"Nothing", "{}", "{}", 100, 100},
                    Case{"Configured", R"({"enable": true, "resourceAmplificationRatio": {"cpu": 1.5, "memory": 1.2}})",
                         "{}", 150, 120},
                    Case{"CpuTimesNormalization", R"({"enable": true, "resourceAmplificationRatio": {"cpu": 1.5}})",
                         kOnePointTwo, 180, 100},
                    Case{"NormalizationAlone", "{}", kOnePointTwo, 120, 100},
                    Case{"MemoryIsNotNormalized", R"({"enable": true, "resourceAmplificationRatio": {"memory": 2}})",
                         kOnePointTwo, 120, 200},
                    Case{"Off", R"({"enable": false, "resourceAmplificationRatio": {"cpu": 1.5}})", kOnePointTwo, 120,
                         100},
                    Case{"ToTwoDecimals", R"({"enable": true, "resourceAmplificationRatio": {"cpu": 1.33}})",
                         R"({"enable": true, "defaultRatio": 1.29})", 172, 100},
                    Case{"Largest", R"({"enable": true, "resourceAmplificationRatio": {"cpu": 100, "memory": 100}})",
                         R"({"enable": true, "defaultRatio": 5})", 50'000, 10'000}),
    [](const auto& made) { return std::string(made.param.name); });

TEST(Amplification, AnEntryOverridesOneResourceAndLeavesTheOther) {
  const auto policy = parsed(R"({"enable": true, "resourceAmplificationRatio": {"cpu": 1.5, "memory": 1.2},
      "nodeConfigs": [{"name": "x", "nodeSelector": {"matchLabels": {"pool": "x"}},
                       "resourceAmplificationRatio": {"cpu": 2}}]})");
  const auto node = effective(policy, {{"pool", "x"}});
  EXPECT_EQ(node.scaling.cpu_amplification, Ratio(200));
  EXPECT_EQ(node.scaling.memory_amplification, Ratio(120));
  EXPECT_EQ(effective(policy, {}).scaling.cpu_amplification, Ratio(150));
}

TEST(Amplification, RefusesRatiosBelowOneAndOtherResources) {
  EXPECT_THAT(refusal(R"({"resourceAmplificationRatio": {"cpu": 0.9}})"),
              AllOf(HasSubstr("$.resourceAmplificationRatio.cpu is 0.9"), HasSubstr("1..100")));
  EXPECT_THAT(refusal(R"({"resourceAmplificationRatio": {"memory": "2"}})"), HasSubstr("want number (1..100)"));
  EXPECT_THAT(refusal(R"({"resourceAmplificationRatio": {"gpu": 2}})"),
              HasSubstr("$.resourceAmplificationRatio.gpu is not a key of resource-amplification-config"));
}

TEST(Amplification, IsToldAsWhatNothingActsOn) {
  const auto node = effective(parsed(R"({"enable": true, "resourceAmplificationRatio": {"memory": 1.2}})"), {});
  EXPECT_THAT(lacks(node, model::NodeStatus{}),
              ElementsAre(Lack{"resourceAmplification",
                               "no allocatable is amplified but by Koordinator's webhook, which reads the ratio on the "
                               "Node"}));
  EXPECT_THAT(lacks(model::NodePolicy{}, model::NodeStatus{}), IsEmpty());
  EXPECT_TRUE(is_of_policy("resourceAmplification"));
}

TEST(Amplification, TheCpusRatioIsTheNormalizationsDoingWhereNothingElseIsConfigured) {
  const auto& cpu = result_table()[1];
  ASSERT_EQ(cpu.path, "resource-amplification-ratio.cpu");
  const auto normalized = parsed("{}", kOnePointTwo);
  EXPECT_EQ(source_of(normalized, {}, {}, cpu), "top level");
  const NodeFacts labelled{{{std::string(kNormalizationLabel), "true"}}, {}, {}};
  EXPECT_EQ(source_of(normalized, labelled, {}, cpu), "label node.koordinator.sh/cpu-normalization-enabled");
  EXPECT_EQ(source_of(ClusterPolicy{}, {}, {}, cpu), "default");
  EXPECT_EQ(source_of(parsed(R"({"enable": true})"), {}, {}, cpu), "top level");
}

}  // namespace
}  // namespace tideline::policy::amplification_test
