#include "coordinator/planner_program/policy_file.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::planner_program {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kKeys = R"({
  "colocation-config": "{\"enable\": true, \"cpuReclaimThresholdPercent\": 70}",
  "resource-threshold-config": {
    "clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": 55},
    "nodeStrategies": [{"name": "web", "nodeSelector": {"matchLabels": {"pool": "web"}},
                        "cpuSuppressThresholdPercent": 45}]
  }
})";

std::string refusal(const std::string& text, const std::string& file = "/etc/policy.json") {
  const auto chosen = policy_from(text, file, {});
  return chosen ? "taken" : chosen.error().message();
}

TEST(PolicyFile, HasItsKeysAsTextOrAsTheyAre) {
  const auto chosen = policy_from(kKeys, "/etc/policy.json", {});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_TRUE(chosen->colocation.enable);
  EXPECT_EQ(chosen->colocation.cpu_reclaim_threshold_percent, 70);
  EXPECT_TRUE(chosen->threshold.enable);
  EXPECT_EQ(chosen->threshold.cpu_suppress_threshold_percent, 55);
  EXPECT_EQ(chosen->name, "policy");
  EXPECT_EQ(chosen->text, kKeys) << "as it was given";
  EXPECT_THAT(chosen->notes, ElementsAre());
  EXPECT_THAT(chosen->fact, HasSubstr("cpuReclaimThresholdPercent 70"));
}

TEST(PolicyFile, IsReadForTheNodeWithTheseLabels) {
  const auto chosen = policy_from(kKeys, "p.json", {{"pool", "web"}});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_EQ(chosen->threshold.cpu_suppress_threshold_percent, 45);
  EXPECT_THAT(chosen->fact, HasSubstr("of a node with pool=web"));
}

TEST(PolicyFile, MayBeAConfigMap) {
  const auto chosen = policy_from(
      R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ack-slo-config"},
          "data": {"colocation-config": "{\"enable\": true, \"cpuReclaimThresholdPercent\": 80}"}})",
      "slo.json", {});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_EQ(chosen->colocation.cpu_reclaim_threshold_percent, 80);
  EXPECT_FALSE(chosen->threshold.enable);
  EXPECT_THAT(chosen->notes, Contains(HasSubstr("limit of batch off")));
}

TEST(PolicyFile, MayBeTheJsonOfOneKey) {
  const auto chosen =
      policy_from(R"({"enable": false, "cpuReclaimThresholdPercent": 75})", "/p/colocation-config.json", {});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_EQ(chosen->colocation.cpu_reclaim_threshold_percent, 75);
  EXPECT_THAT(chosen->notes, Contains(HasSubstr("nothing is offered")));
}

TEST(PolicyFile, SaysWhatIsAcceptedAndNotActedOn) {
  const auto chosen = policy_from(
      R"({"colocation-config": {"enable": true}, "cpu-burst-config": null,
          "resource-qos-config": {"clusterStrategy": {"lsClass": {"blkioQOS": {"enable": true}}}}})",
      "p.json", {});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_THAT(chosen->notes, Contains(HasSubstr("policy resource-qos-config: $.clusterStrategy.lsClass.blkioQOS")));
}

TEST(PolicyFile, NamesFileKeyAndPlaceOfWhatIsWrong) {
  EXPECT_THAT(refusal("{"), HasSubstr("/etc/policy.json: not JSON at line 1"));
  EXPECT_THAT(refusal("[]"), HasSubstr("no data key"));
  EXPECT_THAT(refusal(R"({"colocation-config": 3})"),
              HasSubstr("/etc/policy.json: $[\"colocation-config\"] is 3; want an object"));
  EXPECT_THAT(refusal(R"({"colocation-config": {"enable": true}, "colocation-confg": {}})"),
              testing::AllOf(HasSubstr("/etc/policy.json: "), HasSubstr("\"colocation-confg\" is no data key")));
  EXPECT_THAT(refusal(R"({"colocation-config": "{"})"),
              testing::AllOf(HasSubstr("/etc/policy.json: colocation-config: "), HasSubstr("not JSON")));
  EXPECT_THAT(refusal(R"({"resource-threshold-config": {"clusterStrategy": {"cpuSuppressThresholdPercent": 650}}})"),
              testing::AllOf(HasSubstr("/etc/policy.json: resource-threshold-config: "),
                             HasSubstr("cpuSuppressThresholdPercent"), HasSubstr("650")));
}

TEST(PolicyFile, WithoutOneKoordinatorsDefaultsAreEnabledAndANoteSaysSo) {
  const auto chosen = choose_policy({});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_TRUE(chosen->colocation.enable);
  EXPECT_TRUE(chosen->threshold.enable);
  model::ColocationPolicy colocation;
  colocation.enable = true;
  model::ThresholdPolicy threshold;
  threshold.enable = true;
  EXPECT_EQ(chosen->colocation, colocation);
  EXPECT_EQ(chosen->threshold, threshold);
  EXPECT_EQ(chosen->name, "defaults");
  EXPECT_THAT(chosen->notes, ElementsAre(HasSubstr("Without --policy")));
}

TEST(PolicyFile, IsReadFromItsPath) {
  const test::TempDir dir;
  const auto chosen = choose_policy({.file = dir.write("mine.json", kKeys), .labels = {}});
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_EQ(chosen->name, "mine");
  EXPECT_THAT(chosen->fact, HasSubstr(dir.str() + "/mine.json"));
  const auto none = choose_policy({.file = dir.str() + "/none.json", .labels = {}});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("/none.json: open: No such file"));
}

}  // namespace
}  // namespace tideline::planner_program
