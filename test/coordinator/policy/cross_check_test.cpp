#include "coordinator/policy/cross_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::policy::cross_check_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// "" = accepted.
std::string refusal(const std::string& text) {
  const auto policy = parse({{"dir/resource-threshold-config.json", text}});
  return policy ? "" : policy.error().message();
}

std::vector<Notice> notices(const std::string& text) {
  const auto policy = parse({{"dir/resource-threshold-config.json", text}});
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? policy->notices : std::vector<Notice>{};
}

std::string cluster(const std::string& fields) {
  return R"({"clusterStrategy": {)" + fields + "}}";
}

TEST(CrossCheck, NamesBothKeysAndValuesOfBoundsThatAreTheWrongWayRound) {
  EXPECT_THAT(refusal(cluster(R"("cpuEvictBESatisfactionLowerPercent": 50, "cpuEvictBESatisfactionUpperPercent": 49)")),
              AllOf(HasSubstr("dir/resource-threshold-config.json"), HasSubstr("$.clusterStrategy"),
                    HasSubstr("cpuEvictBESatisfactionLowerPercent is 50"),
                    HasSubstr("cpuEvictBESatisfactionUpperPercent is 49"), HasSubstr("at most"),
                    HasSubstr("the policy in force stays")));
  EXPECT_THAT(refusal(cluster(R"("cpuEvictThresholdPercent": 80, "cpuEvictLowerPercent": 80)")),
              AllOf(HasSubstr("cpuEvictLowerPercent is 80"), HasSubstr("below")));
  EXPECT_THAT(refusal(cluster(R"("cpuAllocatableEvictThresholdPercent": 100, "cpuAllocatableEvictLowerPercent": 120)")),
              HasSubstr("cpuAllocatableEvictLowerPercent is 120"));
}

TEST(CrossCheck, EvictionForMemoryMayNotStopWhereItStarts) {
  EXPECT_THAT(refusal(cluster(R"("memoryEvictThresholdPercent": 80, "memoryEvictLowerPercent": 80)")),
              AllOf(HasSubstr("memoryEvictLowerPercent is 80"), HasSubstr("memoryEvictThresholdPercent is 80"),
                    HasSubstr("below")));
  EXPECT_THAT(refusal(cluster(R"("memoryEvictLowerPercent": 75)")), HasSubstr("memoryEvictThresholdPercent is 70"))
      << "the default";
  EXPECT_EQ(refusal(cluster(R"("memoryEvictThresholdPercent": 0, "memoryEvictLowerPercent": 75)")), "") << "it is off";
  EXPECT_EQ(refusal(cluster(R"("memoryEvictThresholdPercent": 80, "memoryEvictLowerPercent": 79)")), "");
  EXPECT_THAT(
      refusal(cluster(R"("memoryAllocatableEvictThresholdPercent": 100, "memoryAllocatableEvictLowerPercent": 120)")),
      HasSubstr("memoryAllocatableEvictLowerPercent is 120"));
  EXPECT_EQ(
      refusal(cluster(R"("memoryAllocatableEvictThresholdPercent": 121, "memoryAllocatableEvictLowerPercent": 120)")),
      "");
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"memoryEvictThresholdPercent": 90, "memoryEvictLowerPercent": 85},
                          "nodeStrategies": [{"nodeSelector": {}, "memoryEvictThresholdPercent": 80}]})"),
              AllOf(HasSubstr("$.nodeStrategies[0] over $.clusterStrategy"), HasSubstr("memoryEvictLowerPercent is 85"),
                    HasSubstr("memoryEvictThresholdPercent is 80")));
}

TEST(CrossCheck, AcceptsBoundsThatFit) {
  EXPECT_EQ(refusal(cluster(R"("cpuEvictBESatisfactionLowerPercent": 50, "cpuEvictBESatisfactionUpperPercent": 50)")),
            "");
  EXPECT_EQ(refusal(cluster(R"("cpuEvictThresholdPercent": 80, "cpuEvictLowerPercent": 79)")), "");
  EXPECT_EQ(refusal(cluster(R"("cpuAllocatableEvictThresholdPercent": 121, "cpuAllocatableEvictLowerPercent": 120)")),
            "");
}

TEST(CrossCheck, JudgesAnEntryTogetherWithTheClusterStrategyUnderIt) {
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"cpuEvictThresholdPercent": 80, "cpuEvictLowerPercent": 70},
                          "nodeStrategies": [{"nodeSelector": {}, "cpuEvictLowerPercent": 60},
                                             {"nodeSelector": {}, "cpuEvictThresholdPercent": 65}]})"),
              AllOf(HasSubstr("$.nodeStrategies[1] over $.clusterStrategy"), HasSubstr("cpuEvictLowerPercent is 70"),
                    HasSubstr("cpuEvictThresholdPercent is 65")));
}

TEST(CrossCheck, SaysWhatActsOnlyTogetherWithAnotherKey) {
  EXPECT_THAT(notices(cluster(R"("cpuEvictBESatisfactionLowerPercent": 30)")),
              ElementsAre(AllOf(Field(&Notice::document, "dir/resource-threshold-config.json"),
                                Field(&Notice::path, "$.clusterStrategy.cpuEvictBESatisfactionLowerPercent"),
                                Field(&Notice::why, HasSubstr("together with cpuEvictBESatisfactionUpperPercent")))));
  EXPECT_THAT(notices(cluster(R"("cpuEvictThresholdPercent": 90)")),
              ElementsAre(Field(&Notice::why, HasSubstr("together with evictEnabledPriorityThreshold"))));
  EXPECT_THAT(notices(cluster(R"("cpuEvictLowerPercent": 90)")),
              ElementsAre(Field(&Notice::why, HasSubstr("together with cpuEvictThresholdPercent"))));
  EXPECT_THAT(notices(cluster(R"("cpuAllocatableEvictThresholdPercent": 110)")),
              UnorderedElementsAre(Field(&Notice::why, HasSubstr("cpuAllocatableEvictLowerPercent")),
                                   Field(&Notice::why, HasSubstr("allocatableEvictPriorityThreshold"))));
}

TEST(CrossCheck, EvictionForMemoryByUseNeedsNoOtherKeyAndThatForOverCommitDoes) {
  EXPECT_THAT(notices(cluster(R"("memoryEvictThresholdPercent": 90, "memoryEvictLowerPercent": 85)")), IsEmpty());
  EXPECT_THAT(notices(cluster(R"("memoryAllocatableEvictThresholdPercent": 110)")),
              UnorderedElementsAre(Field(&Notice::why, HasSubstr("memoryAllocatableEvictLowerPercent")),
                                   Field(&Notice::why, HasSubstr("allocatableEvictPriorityThreshold"))));
  EXPECT_THAT(notices(cluster(R"("memoryAllocatableEvictLowerPercent": 100)")),
              ElementsAre(Field(&Notice::why, HasSubstr("together with memoryAllocatableEvictThresholdPercent"))));
}

TEST(CrossCheck, IsSilentWhereTheOtherKeyComesFromTheClusterStrategy) {
  EXPECT_THAT(notices(R"({"clusterStrategy": {"evictEnabledPriorityThreshold": 5999},
                          "nodeStrategies": [{"nodeSelector": {}, "cpuEvictThresholdPercent": 90}]})"),
              IsEmpty());
}

TEST(CrossCheck, SaysAnEntrysLackOnceAndTheClustersOnlyThere) {
  EXPECT_THAT(notices(R"({"nodeStrategies": [{"enable": true}, {"cpuEvictThresholdPercent": 90},
                                             {"cpuEvictThresholdPercent": 91}]})"),
              ElementsAre(AllOf(Field(&Notice::path, "$.nodeStrategies[1].cpuEvictThresholdPercent"),
                                Field(&Notice::why, HasSubstr("in 2 places")))));
  EXPECT_THAT(notices(R"({"clusterStrategy": {"cpuEvictThresholdPercent": 90},
                          "nodeStrategies": [{"enable": true}, {"enable": false}]})"),
              ElementsAre(AllOf(Field(&Notice::path, "$.clusterStrategy.cpuEvictThresholdPercent"),
                                Field(&Notice::why, testing::Not(HasSubstr("places"))))));
}

}  // namespace
}  // namespace tideline::policy::cross_check_test
