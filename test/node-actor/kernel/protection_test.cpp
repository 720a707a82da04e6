#include "node-actor/kernel/protection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::protection_test {
namespace {

using ::testing::HasSubstr;

const std::string kCpu = "sys/fs/cgroup/cpu/";

TEST(SiblingWeights, ReadsBestEffortBurstableAndGuaranteedPods) {
  const FixtureTree fixture(v1_files() + FixtureTree::Files{{kCpu + "kubepods/podg/cpu.shares", "2048\n"},
                                                            {kCpu + "kubepods/podg/cpu.idle", "0\n"}});
  const auto weights = read_sibling_weights(tree_of(fixture));
  EXPECT_EQ(weights.best_effort.group, "kubepods/besteffort");
  EXPECT_EQ(weights.best_effort.file, "cpu.shares");
  EXPECT_EQ(weights.best_effort.weight, 2);
  EXPECT_FALSE(weights.best_effort.idle);
  ASSERT_EQ(weights.siblings.size(), 2U);
  EXPECT_EQ(weights.siblings[0].group, "kubepods/burstable");
  EXPECT_EQ(weights.siblings[0].weight, 512);
  EXPECT_EQ(weights.siblings[1].group, "kubepods/podg");
  EXPECT_EQ(weights.siblings[1].weight, 2048);
}

TEST(SiblingWeights, ReadsWeightAndIdleOnV2) {
  const FixtureTree fixture(v2_files());
  fixture.write("sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/cpu.idle", "1\n");
  const auto weights = read_sibling_weights(tree_of(fixture));
  EXPECT_EQ(weights.best_effort.file, "cpu.weight");
  EXPECT_TRUE(weights.best_effort.idle);
  ASSERT_EQ(weights.siblings.size(), 1U);
  EXPECT_EQ(weights.siblings[0].weight, 59);
}

TEST(SiblingWeights, BurstableWithoutPodsDoesNotCount) {
  const FixtureTree fixture(v1_files());
  fixture.remove(kCpu + "kubepods/burstable/poda");
  EXPECT_TRUE(read_sibling_weights(tree_of(fixture)).siblings.empty());
}

TEST(SiblingWeights, SaysWhichFileIsAbsentOrGarbled) {
  const FixtureTree fixture(v1_files());
  fixture.remove(kCpu + "kubepods/burstable/cpu.shares");
  fixture.write(kCpu + "kubepods/besteffort/cpu.shares", "heavy\n");
  const auto weights = read_sibling_weights(tree_of(fixture));
  EXPECT_EQ(weights.best_effort.weight, std::nullopt);
  EXPECT_THAT(weights.best_effort.error, HasSubstr("besteffort/cpu.shares: unexpected text 'heavy"));
  ASSERT_EQ(weights.siblings.size(), 1U);
  EXPECT_THAT(weights.siblings[0].error, HasSubstr("burstable/cpu.shares"));
}

TEST(SiblingWeights, SaysThatTheBestEffortRootIsNotThere) {
  const FixtureTree fixture(v1_files());
  fixture.remove(kCpu + "kubepods/besteffort");
  EXPECT_THAT(read_sibling_weights(tree_of(fixture)).best_effort.error, HasSubstr("kubepods/besteffort"));
}

TEST(SiblingWeights, OneReaderFollowsWeightsAndGroupsThatComeAndGo) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  SiblingWeightReader reader(tree);
  EXPECT_EQ(reader.read(), read_sibling_weights(tree));
  fixture.write(kCpu + "kubepods/besteffort/cpu.shares", "1024\n");
  fixture.write(kCpu + "kubepods/burstable/cpu.idle", "1\n");
  const auto changed = reader.read();
  EXPECT_EQ(changed.best_effort.weight, 1024);
  ASSERT_EQ(changed.siblings.size(), 1U);
  EXPECT_TRUE(changed.siblings[0].idle);
  fixture.write(kCpu + "kubepods/podg/cpu.shares", "2048\n");
  EXPECT_EQ(reader.read().siblings.size(), 2U);
  fixture.remove(kCpu + "kubepods/podg");
  fixture.remove(kCpu + "kubepods/burstable/poda");
  EXPECT_TRUE(reader.read().siblings.empty());
}

}  // namespace
}  // namespace tideline::kernel::test::protection_test
