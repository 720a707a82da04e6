#include "node-actor/kernel/quota.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::quota_test {
namespace {

using model::Controller;
using model::ErrorCode;
using model::MilliCpu;
using model::Reason;
using ::testing::HasSubstr;

const std::string kV1 = "sys/fs/cgroup/cpu/kubepods/besteffort/";
const std::string kV2 = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";

std::string value(const CgroupTree& tree, std::optional<MilliCpu> limit) {
  return quota_write(tree, tree.best_effort(), limit, Controller::kCpuSuppress, Reason::kThresholdFormula)->value;
}

TEST(Quota, ReadsNoQuotaAsNone) {
  const FixtureTree v1(v1_files());
  const auto found = read_quota(tree_of(v1), "kubepods/besteffort");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->limit, std::nullopt);
  EXPECT_EQ(found->raw, "-1");

  const FixtureTree v2(v2_files());
  const auto tree = tree_of(v2);
  EXPECT_EQ(read_quota(tree, tree.best_effort())->limit, std::nullopt);
  EXPECT_EQ(read_quota(tree, tree.best_effort())->raw, "max 100000");
}

TEST(Quota, ReadsAQuotaInMilliCpuWhateverThePeriod) {
  const FixtureTree v1(v1_files());
  v1.write(kV1 + "cpu.cfs_quota_us", "30000\n");
  v1.write(kV1 + "cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(read_quota(tree_of(v1), "kubepods/besteffort")->limit, MilliCpu(600));

  const FixtureTree v2(v2_files());
  v2.write(kV2 + "cpu.max", "250000 100000\n");
  const auto tree = tree_of(v2);
  EXPECT_EQ(read_quota(tree, tree.best_effort())->limit, MilliCpu(2500));
}

TEST(Quota, TheLongestPeriodIsForKernelsThatThrottleOnTheWayToUserMode) {
  for (const auto* release : {"6.18.0", "6.18.44-fc-v445", "6.19-rc1", "7.0.1", "10.2"})
    EXPECT_EQ(best_period_us(release), kLongestPeriodUs) << release;
  for (const auto* release :
       {"6.17.9", "6.6.0-amd64", "5.10.134-16.al8", "4.19.91", "6", "", "6.x", "linux", "6.", ".18"})
    EXPECT_EQ(best_period_us(release), kUsualPeriodUs) << release;
}

TEST(Quota, APeriodIsAFileOfItsOwnOnV1) {
  const auto write = period_write("kubepods/besteffort", 1'000'000, Controller::kCpuSuppress, Reason::kPressed);
  EXPECT_EQ(write.file, "cpu.cfs_period_us");
  EXPECT_EQ(write.value, "1000000");
}

TEST(Quota, WritesKeepThePeriod) {
  const FixtureTree v1(v1_files());
  v1.write(kV1 + "cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(value(tree_of(v1), MilliCpu(600)), "30000");
  EXPECT_EQ(value(tree_of(v1), std::nullopt), "-1");

  const FixtureTree v2(v2_files());
  v2.write(kV2 + "cpu.max", "max 50000\n");
  EXPECT_EQ(value(tree_of(v2), MilliCpu(600)), "30000 50000");
  EXPECT_EQ(value(tree_of(v2), std::nullopt), "max 50000");
}

TEST(Quota, NeverBelowTheSmallest) {
  const FixtureTree v1(v1_files());
  for (const std::int64_t milli : {-5, 0, 1, 19})
    EXPECT_EQ(value(tree_of(v1), MilliCpu(milli)), "2000") << milli;
}

TEST(Quota, WriteCarriesGroupFileAndReason) {
  const auto write =
      quota_write(CgroupVersion::kV2, 100000, "g", MilliCpu(1000), Controller::kGuard, Reason::kSafeState);
  EXPECT_EQ(write.group, "g");
  EXPECT_EQ(write.file, "cpu.max");
  EXPECT_EQ(write.value, "100000 100000");
  EXPECT_EQ(write.controller, Controller::kGuard);
  EXPECT_EQ(write.reason, Reason::kSafeState);
}

TEST(Quota, NamesGarbageAndWhereItIs) {
  const FixtureTree v1(v1_files());
  for (const char* file : {"cpu.cfs_quota_us", "cpu.cfs_period_us"}) {
    const auto before = v1.read(kV1 + file);
    v1.write(kV1 + file, "lots\n");
    const auto error = read_quota(tree_of(v1), "kubepods/besteffort").error();
    EXPECT_EQ(error.code(), ErrorCode::kMalformed);
    EXPECT_THAT(error.message(), HasSubstr(v1.path(kV1 + file)));
    EXPECT_THAT(error.message(), HasSubstr("lots"));
    v1.write(kV1 + file, before);
  }
}

}  // namespace
}  // namespace tideline::kernel::test::quota_test
