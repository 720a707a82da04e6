#include "coordinator/reclaim/zones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/reclaim/cluster.h"
#include "coordinator/reclaim/explain.h"

namespace tideline::reclaim::zones_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kGi = std::int64_t{1} << 30;
constexpr model::MonoTime kNow{3'600'000'000'000};

model::ColocationPolicy policy() {
  model::ColocationPolicy policy;
  policy.enable = true;
  policy.cpu_reclaim_threshold_percent = 80;
  policy.memory_reclaim_threshold_percent = 80;
  return policy;
}

ZoneInput zone(int id, std::int64_t cpus, std::int64_t cpus_others, std::int64_t gi, std::int64_t gi_others) {
  return {.id = id,
          .cpu_capacity = MilliCpu(cpus * 1000),
          .memory_capacity = Bytes(gi * kGi),
          .cpu_others = MilliCpu(cpus_others * 1000),
          .memory_others = Bytes(gi_others * kGi),
          .cpu_be = {},
          .memory_be = {}};
}

/// 20 CPUs of which 6 are used, and 100 GiB of which 30 are; a quarter of the memory is in the first zone.
NodeInput node() {
  NodeInput input;
  input.node = model::NodeName("n");
  input.arrived = kNow;
  input.cpu_capacity = input.cpu_allocatable = MilliCpu(20'000);
  input.memory_capacity = input.memory_allocatable = Bytes(100 * kGi);
  input.system_cpu = MilliCpu(6'000);
  input.system_memory = Bytes(30 * kGi);
  input.zone_count = 2;
  input.zones = {zone(0, 10, 6, 25, 10), zone(1, 10, 0, 75, 20)};
  return input;
}

std::vector<std::int64_t> cpu_of(const model::Reclaimed& account) {
  std::vector<std::int64_t> offered;
  for (const auto& each : account.zones)
    offered.push_back(each.cpu.offered.value());
  return offered;
}
std::vector<std::int64_t> gi_of(const model::Reclaimed& account) {
  std::vector<std::int64_t> offered;
  for (const auto& each : account.zones)
    offered.push_back(each.memory.offered.value() / kGi);
  return offered;
}

TEST(Zones, AreOfferedWhatWasMeasuredInEach) {
  const auto account = reclaim(node(), policy(), kNow);
  EXPECT_EQ(account.cpu.offered, MilliCpu(10'000));
  EXPECT_THAT(cpu_of(account), ElementsAre(2'000, 8'000)) << "10 - 2 - 6 and 10 - 2";
  EXPECT_EQ(account.memory.offered, Bytes(50 * kGi));
  EXPECT_THAT(gi_of(account), ElementsAre(10, 40)) << "25 - 5 - 10 and 75 - 15 - 20";
  EXPECT_EQ(account.zones[0].cpu.margin, MilliCpu(2'000));
}

TEST(Zones, ShareANodesSmallerOfferByTheirRoom) {
  auto input = node();
  input.cpu_reserved = MilliCpu(11'000);  // 5 more than is used anywhere
  const auto account = reclaim(input, policy(), kNow);
  EXPECT_EQ(account.cpu.offered, MilliCpu(5'000));
  EXPECT_THAT(cpu_of(account), ElementsAre(1'000, 4'000));
}

TEST(Zones, AreOfferedNoMoreThanTheirRoomWhereTheNodeIsOfferedMore) {
  auto input = node();
  input.zones[1].cpu_others = MilliCpu(7'000);
  const auto account = reclaim(input, policy(), kNow);
  EXPECT_EQ(account.cpu.offered, MilliCpu(10'000));
  EXPECT_THAT(cpu_of(account), ElementsAre(2'000, 1'000));
}

TEST(Zones, OneWhoseUseIsNotKnownIsOfferedNothingAndLeavesTheOthersTheirs) {
  auto input = node();
  input.zones[1].cpu_others.reset();
  const auto account = reclaim(input, policy(), kNow);
  EXPECT_THAT(cpu_of(account), ElementsAre(2'000, 0));
  EXPECT_EQ(account.zones[1].cpu.charged, std::nullopt);
  EXPECT_THAT(gi_of(account), ElementsAre(10, 40)) << "its memory is known";
}

TEST(Zones, AFullOneIsOfferedNothing) {
  auto input = node();
  input.zones[0].cpu_others = MilliCpu(9'000);
  EXPECT_THAT(cpu_of(reclaim(input, policy(), kNow)), ElementsAre(0, 8'000));
}

TEST(Zones, AreResetWithTheirNode) {
  auto off = policy();
  off.enable = false;
  const auto later = kNow + std::chrono::minutes(60);
  auto unknown = node();
  unknown.system_cpu.reset();
  auto full = node();
  full.system_cpu = MilliCpu(20'000);
  for (const auto& account : {reclaim(node(), off, kNow), reclaim(node(), policy(), later),
                              reclaim(unknown, policy(), kNow), reclaim(full, policy(), kNow)}) {
    EXPECT_THAT(cpu_of(account), ElementsAre(0, 0)) << model::name_of(account.cpu.rule);
    EXPECT_EQ(account.zones[0].cpu.capacity, MilliCpu(10'000)) << "what is known of them stays";
  }
}

TEST(Zones, RoundingNeverAddsUpToMore) {
  auto input = node();
  input.zones.clear();
  for (int id = 0; id < 7; ++id)
    input.zones.push_back(zone(id, 3, 1, 15, 4));
  for (std::int64_t reserved = 6'000; reserved < 16'000; reserved += 37) {
    input.cpu_reserved = MilliCpu(reserved);
    const auto account = reclaim(input, policy(), kNow);
    std::int64_t sum = 0;
    for (const auto offered : cpu_of(account))
      sum += offered;
    ASSERT_LE(sum, account.cpu.offered.value()) << reserved;
    ASSERT_GE(sum, std::min<std::int64_t>(account.cpu.offered.value(), 7 * 1'400) - 7) << reserved;
  }
}

TEST(Zones, ThereAreNoneOfANodeWithOne) {
  auto input = node();
  input.zones.resize(1);
  input.zone_count = 1;
  EXPECT_THAT(reclaim(input, policy(), kNow).zones, IsEmpty());
  EXPECT_EQ(zones_problem(input), "");
}

TEST(Zones, ThatAreNotKnownAreNamed) {
  EXPECT_EQ(zones_problem(node()), "");
  auto input = node();
  input.zones.clear();
  EXPECT_THAT(zones_problem(input), HasSubstr("has 2 NUMA zones"));
  EXPECT_THAT(explain(input, policy(), kNow, {}).zones_problem, HasSubstr("has 2 NUMA zones"));
  EXPECT_THAT(reclaim(input, policy(), kNow).zones, IsEmpty());
  EXPECT_GT(reclaim(input, policy(), kNow).cpu.offered, MilliCpu(0)) << "its node is not held back";
  input.zone_count = 0;
  EXPECT_THAT(zones_problem(input), HasSubstr("does not tell"));
  EXPECT_EQ(zones_problem(NodeInput{}), "") << "nothing is known of a node without a report";
}

TEST(Zones, OfTheClusterAreWhatCanBeHadInsideOfOne) {
  ClusterReporter none({});
  none.add(model::Reclaimed{}, {});
  EXPECT_EQ(none.take().zones, std::nullopt);
  ClusterReporter reporter({});
  reporter.add(model::Reclaimed{}, {});
  reporter.add(reclaim(node(), policy(), kNow), {});
  auto fuller = node();
  fuller.zones[1].cpu_others = MilliCpu(7'000);
  reporter.add(reclaim(fuller, policy(), kNow), {});
  const auto zones = reporter.take().zones;
  ASSERT_TRUE(zones);
  EXPECT_EQ(zones->nodes, 2u);
  EXPECT_EQ(zones->zones, 4u);
  EXPECT_EQ(zones->cpu, (model::ZoneOffer<MilliCpu>{MilliCpu(20'000), MilliCpu(13'000), MilliCpu(8'000)}));
  EXPECT_EQ(zones->memory.most_in_one, Bytes(40 * kGi));
}

}  // namespace
}  // namespace tideline::reclaim::zones_test
