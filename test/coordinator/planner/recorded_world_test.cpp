#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/capacity.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/sweep.h"
#include "coordinator/planner/world.h"
#include "test/coordinator/planner/fixture.h"
#include "test/coordinator/planner/history.h"

namespace tideline::planner::recorded_world_test {
namespace {

using columns::kMissing;
using model::QosClass;
using test::history_of;
using test::host_chunk;
using test::kHistoryBegin;
using test::pod_chunk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr double kCoreMinute = 1.0 / 60;  // in core-h

std::vector<std::int64_t> often(std::int64_t value, std::size_t times) {
  return std::vector<std::int64_t>(times, value);
}

World recorded(const Dataset& data) {
  auto world = recorded_world(data);
  if (!world) {
    ADD_FAILURE() << world.error().message();
    return {};
  }
  return *std::move(world);
}

ReplayResult replayed(const Dataset& data, const ReplayOptions& options) {
  auto result = replay(data, recorded(data), options);
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return {};
  }
  return *std::move(result);
}

/// A host of ten cores and 64 GiB with one service of two cores, beside a system of one.
std::vector<columns::Chunk> one_host(std::size_t minutes) {
  return {host_chunk("alpha", 10, 65'536, {.cpu = often(3'000, minutes), .memory = {4'096}}),
          pod_chunk("alpha", "web", 4'000, {.cpu = often(2'000, minutes), .memory = {2'048}})};
}

TEST(RecordedWorld, EachPodIsOnItsHost) {
  const auto data = history_of(
      {host_chunk("a", 8, 8'192, {.cpu = {1}, .memory = {1}}), pod_chunk("a", "x", 1, {.cpu = {1}, .memory = {1}}),
       host_chunk("b", 16, 4'096, {.cpu = {1}, .memory = {1}}), pod_chunk("b", "y", 1, {.cpu = {1}, .memory = {1}}),
       pod_chunk("b", "z", 1, {.cpu = {1}, .memory = {1}})});
  const auto world = recorded(data);
  EXPECT_TRUE(world.recorded);
  EXPECT_THAT(world.hosts, ElementsAre(ElementsAre(0), ElementsAre(1, 2)));
  EXPECT_THAT(world.not_placed, IsEmpty());
  EXPECT_EQ(world.shape.cpu_millicores, 16'000) << "the most that any has";
  EXPECT_EQ(world.shape.memory_mib, 8'192);
  EXPECT_EQ(host_name(data, world, 1), "b");
}

TEST(RecordedWorld, IsOfHistoryAlone) {
  const auto data = test::data_of({test::workload("vm", {1}, 1)});
  const auto world = recorded_world(data);
  ASSERT_FALSE(world);
  EXPECT_THAT(world.error().message(), HasSubstr("no export of history"));
}

TEST(RecordedWorld, ReplaysWithTheCapacityAndTheSystemOfEachHost) {
  // 10 - margin 4 - system 1 - used 2: three cores, from the second step on, as of a packed host.
  const auto result = replayed(history_of(one_host(3)), test::plain_options());
  EXPECT_EQ(result.hosts, 1u);
  EXPECT_THAT(result.host_names, ElementsAre("alpha"));
  EXPECT_EQ(host_name(result, 0), "alpha");
  EXPECT_EQ(result.totals.host_steps, 3u);
  EXPECT_DOUBLE_EQ(result.totals.capacity_core_h, 30 * kCoreMinute);
  EXPECT_DOUBLE_EQ(result.totals.used_core_h, 6 * kCoreMinute);
  EXPECT_DOUBLE_EQ(result.totals.requested_core_h, 12 * kCoreMinute);
  EXPECT_DOUBLE_EQ(result.totals.offered_core_h, 6 * kCoreMinute);
  EXPECT_EQ(result.totals.violations, 0u);
}

TEST(RecordedWorld, TheSystemMovesAndIsPartOfWhatIsNeededBack) {
  auto options = test::plain_options();
  options.horizon_s = 120;
  options.colocation.metric_aggregate_duration_seconds = 60;
  // The system alone rises in the last minute, from one core to eight.
  const auto data = history_of({host_chunk("alpha", 10, 65'536, {.cpu = {3'000, 3'000, 3'000, 10'000}, .memory = {64}}),
                                pod_chunk("alpha", "web", 4'000, {.cpu = often(2'000, 4), .memory = {2'048}})});
  EXPECT_THAT(data.hosts[0].cpu_system, ElementsAre(1'000, 1'000, 1'000, 8'000));
  const auto result = replayed(data, options);
  EXPECT_EQ(result.totals.violation_checks, 2u);
  EXPECT_EQ(result.totals.violations, 1u) << "ten are needed, and seven were left";
  EXPECT_DOUBLE_EQ(result.totals.violation_core_h, 3 * kCoreMinute);
}

TEST(RecordedWorld, AHostThatIsGoneOffersNothingAndItsStepsDoNotCount) {
  std::vector<std::int64_t> used = often(3'000, 12);
  for (std::size_t step = 4; step < 9; ++step)
    used[step] = kMissing;
  const auto data = history_of({host_chunk("alpha", 10, 65'536, {.cpu = used, .memory = {4'096}}),
                                pod_chunk("alpha", "web", 4'000, {.cpu = often(2'000, 12), .memory = {2'048}})});
  const auto result = replayed(data, test::plain_options());
  EXPECT_EQ(result.totals.host_steps, 7u);
  EXPECT_EQ(result.totals.at_risk_s, 0);
  ASSERT_THAT(result.course, SizeIs(12));
  EXPECT_EQ(result.course[4].capacity, 0);
  EXPECT_EQ(result.course[4].offered, 0);
  EXPECT_DOUBLE_EQ(result.course[3].offered, 3);
  EXPECT_EQ(result.course[9].offered, 0) << "nothing was told of the step before";
  EXPECT_DOUBLE_EQ(result.course[10].offered, 3);
  const auto gone = explain_moment(data, recorded(data), test::plain_options(), 0, kHistoryBegin + 5 * 60);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message(), HasSubstr("nothing is known of alpha at 2013-07-01T00:05:00Z"));
  EXPECT_TRUE(explain_moment(data, recorded(data), test::plain_options(), 0, kHistoryBegin + 10 * 60));
}

TEST(RecordedWorld, MemoryThatIsNotKnownIsNotOffered) {
  const auto data = history_of({host_chunk("alpha", 10, 65'536, {.cpu = often(3'000, 4), .memory = {kMissing}}),
                                pod_chunk("alpha", "web", 4'000, {.cpu = often(2'000, 4), .memory = {2'048}})});
  const auto totals = replayed(data, test::plain_options()).totals;
  EXPECT_DOUBLE_EQ(totals.offered_core_h, 9 * kCoreMinute) << "CPU has an account of its own";
  EXPECT_EQ(totals.offered_memory_gib_h, 0);
  EXPECT_EQ(totals.batch_used_core_h, 0) << "a pod wants both";
}

TEST(RecordedWorld, BatchIsThatOfThePodsThatWere) {
  auto chunks = one_host(10);
  chunks.push_back(
      pod_chunk("alpha", "job", 1'000, {.first = 2, .cpu = often(500, 3), .memory = {256}}, QosClass::kBe));
  const auto data = history_of(chunks);
  auto options = test::plain_options();
  options.demand = BatchDemand::kTasks;
  const auto result = replayed(data, options);
  EXPECT_EQ(result.totals.batch_completed, 1u);
  EXPECT_DOUBLE_EQ(result.totals.batch_used_core_h, 3 * kCoreMinute) << "at its request, for as long as it was there";
}

TEST(RecordedWorld, PodsThatFollowOneAnotherTakeOnePlaceOfAPacking) {
  std::vector<columns::Chunk> chunks = {host_chunk("a", 8, 65'536, {.cpu = often(4'000, 6), .memory = {4'096}})};
  for (std::int64_t i = 0; i < 6; ++i)
    chunks.push_back(pod_chunk("a", "p" + std::to_string(i), 8'000, {.first = i, .cpu = {3'000}, .memory = {1'024}}));
  const auto data = history_of(chunks);
  PackOptions options;
  options.host = {.cpu_millicores = 8'000, .memory_mib = 65'536, .system_cpu_millicores = 0, .system_memory_mib = 0};
  const auto world = pack(data, options);
  ASSERT_TRUE(world) << world.error().message();
  EXPECT_THAT(world->hosts, ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5)));
  chunks.push_back(pod_chunk("a", "beside", 8'000, {.first = 2, .cpu = {1, 1}, .memory = {1}}));
  const auto more = pack(history_of(chunks), options);
  ASSERT_TRUE(more);
  EXPECT_THAT(more->hosts, SizeIs(2)) << "one that is there at the same time wants another";
}

TEST(RecordedWorld, LargeHostsAreFilledFirstAndSmallOnesCanGo) {
  // Eight pods of two cores on four hosts, of which each use half: a large and two small ones would do.
  std::vector<columns::Chunk> chunks;
  const std::vector<std::int64_t> cpus = {4, 16, 4, 4};
  for (std::size_t host = 0; host < cpus.size(); ++host) {
    const std::string name(1, static_cast<char>('a' + host));
    chunks.push_back(host_chunk(name, cpus[host], 65'536, {.cpu = often(2'000, 30), .memory = {4'096}}));
    for (const char* pod : {"x", "y"})
      chunks.push_back(pod_chunk(name, pod, 2'000, {.cpu = often(1'000, 30), .memory = {1'024}}));
  }
  CapacityOptions options;
  options.recorded = true;
  options.accepted_risk = 0;
  options.spare_hosts = 0;
  const auto found = capacity(history_of(chunks), options);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->hosts_now, 4u);
  EXPECT_EQ(found->risk_now, 0);
  EXPECT_TRUE(found->is_found);
  EXPECT_EQ(found->hosts_needed, 1u) << "eight cores are used, and 14.4 of the large one are safe";
  EXPECT_EQ(found->hosts_to_give_back.mid, 3);
  EXPECT_EQ(found->hosts_to_add.mid, 0);
}

TEST(RecordedWorld, AFleetThatIsTooFullIsToldHowManyHostsToAdd) {
  // Four pods that use all that they request, two to a host of eight cores.
  std::vector<columns::Chunk> chunks;
  for (const char* host : {"a", "b"}) {
    chunks.push_back(host_chunk(host, 8, 65'536, {.cpu = often(8'000, 30), .memory = {4'096}}));
    for (const char* pod : {"x", "y"})
      chunks.push_back(pod_chunk(host, pod, 4'000, {.cpu = often(4'000, 30), .memory = {1'024}}));
  }
  CapacityOptions options;
  options.recorded = true;
  options.accepted_risk = 0;
  const auto found = capacity(history_of(chunks), options);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->risk_now, 1) << "8 of 8 cores, and 7.2 are safe";
  EXPECT_EQ(found->hosts_needed, 5u) << "one each, and a spare one";
  EXPECT_EQ(found->hosts_to_add.mid, 3);
  EXPECT_EQ(found->hosts_to_give_back.mid, 0);
  EXPECT_EQ(found->risk_at_needed, 0);
}

TEST(RecordedWorld, IsSweptAsItIs) {
  const auto data = history_of(one_host(30));
  const std::vector<double> values = {50, 80};
  const auto sweep = sweep_policy(data, recorded(data), test::plain_options(), SweepKnob::kReclaimThreshold, values, 1);
  ASSERT_TRUE(sweep) << sweep.error().message();
  EXPECT_LT(sweep->points[0].savings, sweep->points[1].savings);
}

TEST(RecordedWorld, OfOtherDataIsRefused) {
  const auto data = history_of(one_host(3));
  auto world = recorded(data);
  world.hosts.emplace_back();
  world.fleet_hosts = 2;
  const auto refused = replay(data, world, test::plain_options());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("1 hosts are recorded, and 2 in the world"));
}

}  // namespace
}  // namespace tideline::planner::recorded_world_test
