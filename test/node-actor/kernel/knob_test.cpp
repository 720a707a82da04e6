#include "node-actor/kernel/knob.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/limit_file.h"
#include "node-actor/kernel/quota.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::knob_test {
namespace {

using model::Controller;
using model::CpuSet;
using model::ErrorCode;
using model::GroupRef;
using model::Knob;
using model::KnobValue;
using model::KubeQos;
using model::Limit;
using model::MilliCpu;
using model::Number;
using model::Reason;
using ::testing::HasSubstr;

constexpr auto kV1 = CgroupVersion::kV1;
constexpr auto kV2 = CgroupVersion::kV2;
constexpr std::int64_t kPeriod = kUsualPeriodUs;
const std::string kV1Be = "sys/fs/cgroup/cpu/kubepods/besteffort/";
const std::string kV1BeSet = "sys/fs/cgroup/cpuset/kubepods/besteffort/";
const std::string kV2Be = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";

KnobValue cpu(std::int64_t milli) {
  return Limit{MilliCpu(milli)};
}
KnobValue number(std::int64_t value) {
  return Number{value};
}

/// "file value", or the error's code.
std::string spelled(CgroupVersion version, Knob knob, const KnobValue& value, std::int64_t period_us = kPeriod) {
  const auto write = knob_write(version, period_us, "g", knob, value, Controller::kCpuBurst, Reason::kBurstToLimit);
  return write ? write->file + " " + write->value : std::string(model::name_of(write.error().code()));
}

TEST(Knob, IsSpelledForEitherVersion) {
  EXPECT_EQ(spelled(kV1, Knob::kCpuQuota, cpu(1500)), "cpu.cfs_quota_us 150000");
  EXPECT_EQ(spelled(kV2, Knob::kCpuQuota, cpu(1500)), "cpu.max 150000 100000");
  EXPECT_EQ(spelled(kV1, Knob::kCpuQuota, Limit{}), "cpu.cfs_quota_us -1");
  EXPECT_EQ(spelled(kV2, Knob::kCpuQuota, Limit{}), "cpu.max max 100000");
  EXPECT_EQ(spelled(kV1, Knob::kCpuBurst, cpu(500)), "cpu.cfs_burst_us 50000");
  EXPECT_EQ(spelled(kV2, Knob::kCpuBurst, cpu(500)), "cpu.max.burst 50000");
  EXPECT_EQ(spelled(kV1, Knob::kCpuWeight, number(1024)), "cpu.shares 1024");
  EXPECT_EQ(spelled(kV2, Knob::kCpuWeight, number(1024)), "cpu.weight 39");
  for (const auto version : {kV1, kV2}) {
    EXPECT_EQ(spelled(version, Knob::kCpuIdle, number(1)), "cpu.idle 1");
    EXPECT_EQ(spelled(version, Knob::kBvtWarp, number(-1)), "cpu.bvt_warp_ns -1");
    EXPECT_EQ(spelled(version, Knob::kCpuset, CpuSet{0, 1, 2, 8}), "cpuset.cpus 0-2,8");
  }
}

TEST(Knob, QuotaAndBurstCountInTheGroupsPeriod) {
  EXPECT_EQ(spelled(kV1, Knob::kCpuQuota, cpu(600), 50'000), "cpu.cfs_quota_us 30000");
  EXPECT_EQ(spelled(kV2, Knob::kCpuQuota, cpu(600), 50'000), "cpu.max 30000 50000");
  EXPECT_EQ(spelled(kV2, Knob::kCpuQuota, Limit{}, 50'000), "cpu.max max 50000");
  EXPECT_EQ(spelled(kV2, Knob::kCpuBurst, cpu(600), 1'000'000), "cpu.max.burst 600000");
}

TEST(Knob, ABurstWithinItsQuotaIsSpelledWithinIt) {
  for (const std::int64_t period : {1'000, 12'345, 99'999, 100'000, 1'000'000}) {
    for (std::int64_t milli = 0; milli < 4'000; milli += 37) {
      const auto quota = spelled(kV1, Knob::kCpuQuota, cpu(milli), period);
      const auto burst = spelled(kV1, Knob::kCpuBurst, cpu(milli), period);
      EXPECT_LE(std::stoll(burst.substr(burst.find(' '))), std::stoll(quota.substr(quota.find(' '))))
          << milli << " of " << period;
    }
  }
}

TEST(Knob, NoQuotaIsBelowTheSmallestAndABurstMayBeNone) {
  for (const std::int64_t milli : {-7, 0, 1, 19})
    EXPECT_EQ(spelled(kV1, Knob::kCpuQuota, cpu(milli)), "cpu.cfs_quota_us 2000") << milli;
  EXPECT_EQ(spelled(kV1, Knob::kCpuBurst, cpu(0)), "cpu.cfs_burst_us 0");
}

TEST(Knob, AbsurdValuesStayWithinTheKernels) {
  constexpr auto kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(spelled(kV1, Knob::kCpuQuota, cpu(kHuge)), "cpu.cfs_quota_us 17592186044415");
  EXPECT_EQ(spelled(kV1, Knob::kCpuBurst, cpu(kHuge)), "cpu.cfs_burst_us 17592186044415");
  EXPECT_EQ(spelled(kV1, Knob::kCpuWeight, number(kHuge)), "cpu.shares 262144");
  EXPECT_EQ(spelled(kV2, Knob::kCpuWeight, number(kHuge)), "cpu.weight 10000");
  EXPECT_EQ(spelled(kV2, Knob::kCpuWeight, number(-5)), "cpu.weight 1");
}

TEST(Knob, WhatIsNoValueOfItIsRefusedAndNamed) {
  const std::vector<std::pair<Knob, KnobValue>> wrong = {
      {Knob::kCpuQuota, number(1)}, {Knob::kCpuQuota, CpuSet{1}}, {Knob::kCpuBurst, Limit{}},
      {Knob::kCpuBurst, cpu(-1)},   {Knob::kCpuWeight, cpu(1)},   {Knob::kCpuIdle, number(2)},
      {Knob::kCpuIdle, number(-1)}, {Knob::kBvtWarp, number(3)},  {Knob::kBvtWarp, number(-2)},
      {Knob::kCpuset, CpuSet()},    {Knob::kCpuset, number(0)},
  };
  for (const auto& [knob, value] : wrong) {
    EXPECT_EQ(spelled(kV1, knob, value), "invalid-argument") << model::name_of(knob) << model::text_of(value);
    EXPECT_FALSE(same(kV1, kPeriod, knob, value, "1")) << model::name_of(knob) << model::text_of(value);
  }
  const auto refused =
      knob_write(kV1, kPeriod, "kubepods/x", Knob::kCpuIdle, number(7), Controller::kCpuQos, Reason::kQosClass);
  EXPECT_THAT(refused.error().message(), HasSubstr("cpu.idle of kubepods/x: '7' is no value of cpu-idle"));
}

TEST(Knob, AWriteSaysWhoAndWhy) {
  const auto write = knob_write(kV2, kPeriod, "g", Knob::kCpuset, CpuSet{1}, Controller::kCpuset, Reason::kSharePool);
  EXPECT_EQ(*write, (model::KernelWrite{.group = "g",
                                        .file = "cpuset.cpus",
                                        .value = "1",
                                        .controller = Controller::kCpuset,
                                        .reason = Reason::kSharePool}));
}

TEST(Knob, SharesAndWeightsFollowKubelet) {
  EXPECT_EQ(weight_of_shares(2), 1);
  EXPECT_EQ(weight_of_shares(1024), 39);
  EXPECT_EQ(weight_of_shares(512), 20);
  EXPECT_EQ(weight_of_shares(262'144), 10'000);
  EXPECT_EQ(shares_of_weight(1), 2);
  EXPECT_EQ(shares_of_weight(10'000), 262'144);
  for (std::int64_t weight = 1; weight <= 10'000; ++weight) {
    ASSERT_EQ(weight_of_shares(shares_of_weight(weight)), weight);
    if (weight == 1) continue;
    ASSERT_EQ(weight_of_shares(shares_of_weight(weight) - 1), weight - 1) << "not the fewest shares";
  }
}

TEST(Knob, IsTheSameHoweverItIsWritten) {
  EXPECT_TRUE(same(kV1, kPeriod, Knob::kCpuQuota, cpu(1500), "150000"));
  EXPECT_TRUE(same(kV2, 0, Knob::kCpuQuota, cpu(1500), "150000 100000"));
  EXPECT_TRUE(same(kV2, 0, Knob::kCpuQuota, cpu(1500), "75000 50000")) << "cpu.max says its own period";
  EXPECT_TRUE(same(kV1, kPeriod, Knob::kCpuQuota, Limit{}, "-1"));
  EXPECT_TRUE(same(kV2, 0, Knob::kCpuQuota, Limit{}, "max 100000"));
  EXPECT_TRUE(same(kV1, kPeriod, Knob::kCpuQuota, cpu(5), "2000")) << "the smallest";
  EXPECT_TRUE(same(kV1, 12'345, Knob::kCpuQuota, cpu(333), "4110"));
  EXPECT_TRUE(same(kV1, 12'345, Knob::kCpuQuota, cpu(333), "4111")) << "somebody else rounded up";
  EXPECT_TRUE(same(kV1, kPeriod, Knob::kCpuBurst, cpu(0), "0"));
  EXPECT_TRUE(same(kV1, kPeriod, Knob::kCpuWeight, number(1), "2")) << "the kernel takes no fewer";
  EXPECT_TRUE(same(kV2, 0, Knob::kCpuWeight, number(1024), "39"));
  EXPECT_TRUE(same(kV1, 0, Knob::kCpuset, CpuSet{0, 1, 2}, "0-1,2\n"));
}

TEST(Knob, IsNotTheSame) {
  EXPECT_FALSE(same(kV1, kPeriod, Knob::kCpuQuota, cpu(1500), "150002"));
  EXPECT_FALSE(same(kV1, kPeriod, Knob::kCpuQuota, cpu(1500), "-1"));
  EXPECT_FALSE(same(kV1, kPeriod, Knob::kCpuQuota, Limit{}, "150000"));
  EXPECT_FALSE(same(kV2, 0, Knob::kCpuQuota, cpu(1500), "max 100000"));
  EXPECT_FALSE(same(kV1, kPeriod, Knob::kCpuBurst, cpu(500), "0"));
  EXPECT_FALSE(same(kV1, 0, Knob::kCpuWeight, number(1024), "1023"));
  EXPECT_FALSE(same(kV2, 0, Knob::kCpuWeight, number(2), "0")) << "an idle group has no weight";
  EXPECT_FALSE(same(kV1, 0, Knob::kCpuIdle, number(1), "0"));
  EXPECT_FALSE(same(kV1, 0, Knob::kCpuset, CpuSet{0, 1}, "0-2"));
  EXPECT_FALSE(same(kV2, 0, Knob::kCpuset, CpuSet{0, 1}, ""));
}

TEST(Knob, GarbageIsNoValue) {
  for (const auto* text : {"", "lots", "1 2 3", "-", "max", "0-", "9999999999999999999"}) {
    for (const auto version : {kV1, kV2}) {
      EXPECT_FALSE(same(version, kPeriod, Knob::kCpuQuota, cpu(1500), text)) << text;
      EXPECT_FALSE(same(version, kPeriod, Knob::kCpuQuota, Limit{}, text)) << text;
      EXPECT_FALSE(same(version, kPeriod, Knob::kCpuBurst, cpu(0), text)) << text;
      EXPECT_FALSE(same(version, kPeriod, Knob::kCpuWeight, number(2), text)) << text;
      EXPECT_FALSE(same(version, kPeriod, Knob::kCpuset, CpuSet{0}, text)) << text;
    }
  }
}

TEST(Knob, WhatIsWrittenIsTheSame) {
  const std::vector<std::pair<Knob, KnobValue>> values = {
      {Knob::kCpuQuota, cpu(1)},       {Knob::kCpuQuota, cpu(333)},         {Knob::kCpuQuota, Limit{}},
      {Knob::kCpuBurst, cpu(1)},       {Knob::kCpuBurst, cpu(777)},         {Knob::kCpuWeight, number(1)},
      {Knob::kCpuWeight, number(777)}, {Knob::kCpuWeight, number(300'000)}, {Knob::kCpuIdle, number(0)},
      {Knob::kBvtWarp, number(2)},     {Knob::kCpuset, CpuSet{3, 1, 2, 9}},
  };
  for (const auto version : {kV1, kV2}) {
    for (const std::int64_t period : {1'000, 33'333, 100'000, 1'000'000}) {
      for (const auto& [knob, value] : values) {
        const auto write = knob_write(version, period, "g", knob, value, {}, {});
        EXPECT_TRUE(same(version, period, knob, value, write->value)) << write->file << " " << write->value;
      }
    }
  }
}

TEST(Knob, ReadsWhatTheGroupHas) {
  const FixtureTree v1(v1_files());
  v1.write(kV1Be + "cpu.cfs_quota_us", "30000\n");
  v1.write(kV1Be + "cpu.cfs_period_us", "50000\n");
  v1.write(kV1Be + "cpu.cfs_burst_us", "10000\n");
  const auto tree = tree_of(v1);
  const auto quota = read_knob(tree, "kubepods/besteffort", Knob::kCpuQuota);
  ASSERT_TRUE(quota.ok()) << quota.error().message();
  EXPECT_EQ(quota->value, cpu(600));
  EXPECT_EQ(quota->file, "cpu.cfs_quota_us");
  EXPECT_EQ(quota->raw, "30000");
  EXPECT_EQ(quota->period_us, 50'000);
  EXPECT_EQ(read_knob(tree, "kubepods/besteffort", Knob::kCpuBurst)->value, cpu(200));
  EXPECT_EQ(read_knob(tree, "kubepods/besteffort", Knob::kCpuWeight)->value, number(2));
  EXPECT_EQ(read_knob(tree, "kubepods/besteffort", Knob::kCpuIdle)->value, number(0));

  const FixtureTree v2(v2_files());
  v2.write(kV2Be + "cpu.max", "30000 50000\n");
  v2.write(kV2Be + "cpu.max.burst", "10000\n");
  v2.write(kV2Be + "cpu.weight", "39\n");
  const auto unified = tree_of(v2);
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kCpuQuota)->value, cpu(600));
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kCpuQuota)->period_us, 50'000);
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kCpuBurst)->value, cpu(200));
  const auto weight = read_knob(unified, unified.best_effort(), Knob::kCpuWeight);
  EXPECT_EQ(weight->value, number(shares_of_weight(39)));
  EXPECT_TRUE(same(unified, Knob::kCpuWeight, weight->value, *weight));
  v2.write(kV2Be + "cpu.weight", "0\n");
  EXPECT_EQ(read_knob(unified, unified.best_effort(), Knob::kCpuWeight)->value, number(0)) << "idle";
}

TEST(Knob, TellsAGroupsOwnCpusFromThoseItRunsOn) {
  const FixtureTree v2(v2_files());
  v2.write(kV2Be + "cpuset.cpus", "\n");
  v2.write(kV2Be + "cpuset.cpus.effective", "0-3\n");
  const auto tree = tree_of(v2);
  const auto inherited = read_knob(tree, tree.best_effort(), Knob::kCpuset);
  EXPECT_EQ(inherited->value, KnobValue(CpuSet()));
  EXPECT_EQ(inherited->effective, (CpuSet{0, 1, 2, 3}));

  const FixtureTree v1(v1_files());
  v1.write(kV1BeSet + "cpuset.cpus", "0-1,3\n");
  const auto own = read_knob(tree_of(v1), "kubepods/besteffort", Knob::kCpuset);
  EXPECT_EQ(own->value, KnobValue(CpuSet{0, 1, 3}));
  EXPECT_EQ(own->effective, std::nullopt) << "the kernel does not say";
}

TEST(Knob, AWriteKeepsThePeriodThatTheGroupHas) {
  const FixtureTree v2(v2_files());
  v2.write(kV2Be + "cpu.max", "max 20000\n");
  const auto tree = tree_of(v2);
  const auto value_of = [&](Knob knob, const KnobValue& value) {
    return knob_write(tree, tree.best_effort(), knob, value, Controller::kCpuBurst, Reason::kThrottled)->value;
  };
  EXPECT_EQ(value_of(Knob::kCpuQuota, cpu(500)), "10000 20000");
  EXPECT_EQ(value_of(Knob::kCpuBurst, cpu(500)), "10000");
}

TEST(Knob, ErrorsTellAGoneGroupFromAMissingFileAndFromGarbage) {
  const FixtureTree v1(v1_files() + FixtureTree::Files{{kV1BeSet, ""}});
  const auto tree = tree_of(v1);
  EXPECT_EQ(read_knob(tree, "kubepods/gone", Knob::kCpuQuota).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(knob_write(tree, "kubepods/gone", Knob::kCpuBurst, cpu(1), {}, {}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(read_knob(tree, "kubepods/besteffort", Knob::kBvtWarp).error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(read_knob(tree, "../etc", Knob::kCpuQuota).error().code(), ErrorCode::kInvalidArgument);
  for (const auto& [file, knob] :
       std::vector<std::pair<std::string, Knob>>{{kV1Be + "cpu.cfs_period_us", Knob::kCpuBurst},
                                                 {kV1Be + "cpu.cfs_burst_us", Knob::kCpuBurst},
                                                 {kV1Be + "cpu.shares", Knob::kCpuWeight},
                                                 {kV1BeSet + "cpuset.cpus", Knob::kCpuset}}) {
    v1.write(kV1Be + "cpu.cfs_burst_us", "0\n");
    v1.write(file, "lots\n");
    const auto garbled = read_knob(tree, "kubepods/besteffort", knob);
    ASSERT_FALSE(garbled.ok()) << file;
    EXPECT_EQ(garbled.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(garbled.error().message(), HasSubstr(v1.path(file)));
    EXPECT_THAT(garbled.error().message(), HasSubstr("lots"));
    v1.write(kV1Be + "cpu.cfs_period_us", "100000\n");
  }
}

TEST(LimitFile, ReadsWhatReadKnobReadsAgainAndAgain) {
  const FixtureTree v1(v1_files());
  const FixtureTree v2(v2_files());
  for (const auto* fixture : {&v1, &v2}) {
    const auto tree = tree_of(*fixture);
    const auto be = fixture == &v1 ? kV1Be : kV2Be;
    const std::string quota = fixture == &v1 ? "cpu.cfs_quota_us" : "cpu.max";
    const std::string burst = fixture == &v1 ? "cpu.cfs_burst_us" : "cpu.max.burst";
    LimitFile quotas(tree, tree.best_effort(), Knob::kCpuQuota);
    LimitFile bursts(tree, tree.best_effort(), Knob::kCpuBurst);
    const auto check = [&](const char* when) {
      for (auto* file : {&quotas, &bursts}) {
        const auto kept = file->read();
        const auto once = read_knob(tree, tree.best_effort(), file == &quotas ? Knob::kCpuQuota : Knob::kCpuBurst);
        ASSERT_EQ(kept.ok(), once.ok()) << when;
        if (!once) {
          EXPECT_EQ(kept.error().code(), once.error().code()) << when;
          EXPECT_EQ(kept.error().message(), once.error().message()) << when;
          continue;
        }
        EXPECT_EQ(kept->value, once->value) << when;
        EXPECT_EQ(kept->file, once->file) << when;
        EXPECT_EQ(kept->raw, once->raw) << when;
        EXPECT_EQ(kept->period_us, once->period_us) << when;
      }
    };
    check("no burst file");
    fixture->write(be + burst, "1000\n");
    check("one that came");
    fixture->write(be + quota, fixture == &v1 ? "30000\n" : "30000 100000\n");
    check("another quota");
    fixture->write(be + (fixture == &v1 ? "cpu.cfs_period_us" : "cpu.max"), fixture == &v1 ? "50000\n" : "max 50000\n");
    check("another period");
    fixture->write(be + quota, "lots\n");
    check("garbage");
    fixture->remove(be);
    check("no group");
    fixture->write(be + quota, fixture == &v1 ? "7000\n" : "7000 200000\n");
    fixture->write(be + burst, "5\n");
    fixture->write(be + "cpu.cfs_period_us", "200000\n");
    check("made again");
    EXPECT_EQ(quotas.read()->value, cpu(35));
  }
  const auto tree = tree_of(v1);
  EXPECT_EQ(LimitFile(tree, "../etc", Knob::kCpuQuota).read().error().code(), ErrorCode::kInvalidArgument);
}

TEST(GroupPath, FindsRootsPodsAndContainersOfEitherDriver) {
  const FixtureTree v1(v1_files() + FixtureTree::Files{{"sys/fs/cgroup/cpu/kubepods/podg/", ""}});
  const auto tree = tree_of(v1);
  EXPECT_EQ(*group_path(tree, model::root_of(KubeQos::kBestEffort)), "kubepods/besteffort");
  EXPECT_EQ(*group_path(tree, model::root_of(KubeQos::kGuaranteed)), "kubepods");
  auto pod = pod_of("a");
  pod.containers = {{.name = "web", .id = "c1", .requests = {}, .limits = {}}};
  EXPECT_EQ(*group_path(tree, model::group_of(pod)), "kubepods/burstable/poda");
  EXPECT_EQ(*group_path(tree, model::group_of(pod, pod.containers[0])), "kubepods/burstable/poda/c1");
  EXPECT_EQ(*group_path(tree, model::group_of(pod_of("g", KubeQos::kGuaranteed))), "kubepods/podg");

  const std::string slice = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice";
  const FixtureTree v2(v2_files() + FixtureTree::Files{{"sys/fs/cgroup/" + slice + "/cri-containerd-c1.scope/", ""}});
  pod.uid = model::PodUid("a-b");
  EXPECT_EQ(*group_path(tree_of(v2), model::group_of(pod)), slice);
  EXPECT_EQ(*group_path(tree_of(v2), model::group_of(pod, pod.containers[0])), slice + "/cri-containerd-c1.scope");
}

TEST(GroupPath, AGroupThatIsNotThereIsNotFound) {
  const FixtureTree v1(v1_files());
  const auto tree = tree_of(v1);
  auto pod = pod_of("a");
  for (const auto& group : {model::group_of(pod_of("later")), model::group_of(pod_of("a", KubeQos::kGuaranteed)),
                            GroupRef{GroupRef::Level::kContainer, KubeQos::kBurstable, pod.uid, "c9"}}) {
    const auto path = group_path(tree, group);
    ASSERT_FALSE(path.ok()) << model::text_of(group);
    EXPECT_EQ(path.error().code(), ErrorCode::kNotFound);
  }
  pod.uid = model::PodUid("/../../../etc");
  EXPECT_EQ(group_path(tree, model::group_of(pod)).error().code(), ErrorCode::kInvalidArgument);
  const GroupRef up{GroupRef::Level::kContainer, KubeQos::kBurstable, model::PodUid("a"), ".."};
  EXPECT_EQ(group_path(tree, up).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tideline::kernel::test::knob_test
