#include "node-actor/kernel/fast_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::fast_reader_test {
namespace {

using model::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

const std::string kBeV1 = "sys/fs/cgroup/cpuacct/kubepods/besteffort/cpuacct.usage";

TEST(FastReader, ReadsNodeAndBestEffortOnV1) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  FastReader reader(tree);
  const auto counters = reader.read();
  ASSERT_TRUE(counters.ok()) << counters.error().message();
  EXPECT_EQ(counters->node_cpu, seconds(5));
  EXPECT_EQ(counters->be_cpu, seconds(2));
  EXPECT_NE(counters->be_inode, 0U);
  EXPECT_GT(counters->at.ns, 0);
}

TEST(FastReader, SeesWhatChangedInFilesItKeepsOpen) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  FastReader reader(tree);
  const auto before = reader.read();
  fixture.write(kBeV1, "2500000000\n");
  fixture.write("sys/fs/cgroup/cpuacct/cpuacct.usage", "6000000000\n");
  const auto now = reader.read();
  EXPECT_EQ(*now->be_cpu - *before->be_cpu, milliseconds(500));
  EXPECT_EQ(*now->node_cpu - *before->node_cpu, seconds(1));
  EXPECT_EQ(now->be_inode, before->be_inode);
}

TEST(FastReader, ReadsTheGroupOfAllPodsWhereAskedToAndDoesWithoutIt) {
  const std::string usage = "sys/fs/cgroup/cpuacct/kubepods/cpuacct.usage";
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  FastReader reader(tree);
  EXPECT_EQ(reader.read(true)->pods.cpu, std::nullopt) << "the file is not there";
  fixture.write(usage, "3000000000\n");
  EXPECT_EQ(reader.read(true)->pods.cpu, seconds(3));
  EXPECT_NE(reader.read(true)->pods.inode, 0U);
  EXPECT_EQ(reader.read()->pods, model::GroupCpu{}) << "not asked for";
  fixture.write(usage, "garbage\n");
  ASSERT_TRUE(reader.read(true).ok());
  EXPECT_EQ(reader.read(true)->pods.cpu, std::nullopt);
}

TEST(FastReader, CountsThePeriodsOfTheQuotaAndDoesWithoutThem) {
  const FixtureTree v1(v1_files());
  const std::string stat = "sys/fs/cgroup/cpu/kubepods/besteffort/cpu.stat";
  v1.write(stat, "nr_periods 12\nnr_throttled 3\nthrottled_time 9\n");
  const auto v1_tree = tree_of(v1);
  FastReader v1_reader(v1_tree);
  EXPECT_EQ(v1_reader.read()->be_periods, 12);
  v1.write(stat, "garbage\n");
  EXPECT_EQ(v1_reader.read()->be_periods, std::nullopt);
  v1.remove(stat);
  FastReader without(v1_tree);
  ASSERT_TRUE(without.read().ok());
  EXPECT_EQ(without.read()->be_periods, std::nullopt);

  const FixtureTree v2(v2_files());
  const auto v2_tree = tree_of(v2);
  FastReader v2_reader(v2_tree);
  EXPECT_EQ(v2_reader.read()->be_periods, 0);
}

TEST(FastReader, LeavesStealOutOnV2) {
  const FixtureTree fixture(v2_files());
  const auto tree = tree_of(fixture);
  FastReader reader(tree);
  EXPECT_EQ(reader.read()->node_cpu, seconds(5));  // user 4 + system 1; usage_usec says 9
  EXPECT_EQ(reader.read()->be_cpu, seconds(2));
}

TEST(FastReader, FallsBackToProcStatWhereTheTrueRootIsNotMounted) {
  const FixtureTree v1(v1_files());
  v1.remove("sys/fs/cgroup/cpuacct/release_agent");
  const auto v1_tree = tree_of(v1);
  FastReader v1_reader(v1_tree);
  EXPECT_EQ(v1_reader.read()->node_cpu, milliseconds(1700));  // 170 ticks of 10 ms

  const FixtureTree v2(v2_files() + FixtureTree::Files{{"sys/fs/cgroup/cgroup.type", "domain\n"}});
  const auto v2_tree = tree_of(v2);
  FastReader v2_reader(v2_tree);
  EXPECT_EQ(v2_reader.read()->node_cpu, milliseconds(1700));
}

TEST(FastReader, VanishedBestEffortRootIsUnknownAndFoundAgain) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  FastReader reader(tree);
  const auto before = reader.read();
  fixture.remove("sys/fs/cgroup/cpuacct/kubepods/besteffort");
  const auto gone = reader.read();
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone->be_cpu, std::nullopt);
  EXPECT_EQ(gone->node_cpu, seconds(5));
}

TEST(FastReader, ReadsTheGroupsItIsToldToWatchAndNoOthers) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  const std::string base = "sys/fs/cgroup/cpuacct/kubepods/burstable/";
  fixture.write(base + "poda/cpuacct.usage", "3000000000\n");
  FastReader reader(tree);
  EXPECT_TRUE(reader.read()->be_outside.empty());

  reader.watch_outside(tree, {"kubepods/burstable/poda", "kubepods/burstable/podb"});
  const auto first = reader.read()->be_outside;
  ASSERT_EQ(first.size(), 2U);
  EXPECT_NE(first[0].inode, 0U);
  EXPECT_EQ(first[0].cpu, seconds(3));
  EXPECT_EQ(first[1], model::GroupCpu{}) << "not there";

  fixture.write(base + "poda/cpuacct.usage", "3100000000\n");
  fixture.write(base + "podb/cpuacct.usage", "7\n");
  reader.watch_outside(tree, {"kubepods/burstable/podb", "kubepods/burstable/poda"});
  const auto second = reader.read()->be_outside;
  EXPECT_EQ(second[0].cpu, std::chrono::nanoseconds(7));
  EXPECT_EQ(second[1], (model::GroupCpu{first[0].inode, milliseconds(3100)}));

  fixture.write(base + "podb/cpuacct.usage", "many\n");
  fixture.remove(base + "poda");
  const auto third = reader.read();
  ASSERT_TRUE(third.ok()) << "BE's own use is known all the same";
  EXPECT_NE(third->be_outside[0].inode, 0U);
  EXPECT_EQ(third->be_outside[0].cpu, std::nullopt);
  EXPECT_EQ(third->be_outside[1], model::GroupCpu{});
  EXPECT_EQ(third->be_cpu, seconds(2));
}

TEST(FastReader, NamesGarbageAndWhereItIs) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  FastReader reader(tree);
  ASSERT_TRUE(reader.read().ok());
  for (const char* text : {"", "many\n", "-5\n", "99999999999999999999\n"}) {
    fixture.write(kBeV1, text);
    const auto error = reader.read().error();
    EXPECT_EQ(error.code(), ErrorCode::kMalformed) << text;
    EXPECT_THAT(error.message(), HasSubstr(fixture.path(kBeV1)));
  }
  fixture.write(kBeV1, "7\n");
  EXPECT_TRUE(reader.read().ok());
}

}  // namespace
}  // namespace tideline::kernel::test::fast_reader_test
