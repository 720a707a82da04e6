#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/planner/compare.h"
#include "coordinator/planner/replay.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::replay_same_test {
namespace {

/// All of it, to the last bit.
std::string bytes_of(const model::Result<ReplayResult>& result) {
  if (!result) return result.error().message();
  SavedReplay saved;
  saved.policy = "{}";
  saved.result = *result;
  return to_json(saved, true);
}

std::vector<Parallel> parallels() {
  return {test::in_reverse(), test::on_threads(2), test::on_threads(5)};
}

void expect_the_same_for_any(const Dataset& data, const World& world, ReplayOptions options) {
  const auto alone = bytes_of(replay(data, world, options));
  for (const auto& parallel : parallels()) {
    options.parallel = parallel;
    ASSERT_EQ(bytes_of(replay(data, world, options)), alone);
  }
}

// More hosts than are under way at a time, and than make a job.
TEST(ReplaySame, OfManyHostsForAnyParallel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (const auto demand : {BatchDemand::kFill, BatchDemand::kTasks}) {
    auto data = random.data(200, 25);
    random.add_tasks(data, 300);
    const auto world = random.world(data, 150);
    auto options = random.options();
    options.colocation.enable = true;
    options.demand = demand;
    expect_the_same_for_any(data, world, options);
  }
}

TEST(ReplaySame, OfFewHostsForAnyParallel) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    auto data = random.data(1 + random.below(12), 1 + random.below(60));
    random.add_tasks(data, random.below(60));
    const auto world = random.world(data, 1 + random.below(5));
    auto options = random.options();
    options.demand = random.one_in(2) ? BatchDemand::kFill : BatchDemand::kTasks;
    options.repeat_tasks = random.one_in(2);
    expect_the_same_for_any(data, world, options);
  }
}

TEST(ReplaySame, ProgressChangesNothing) {
  test::RandomWorlds random(42);
  const auto data = random.data(20, 40);
  const auto world = random.world(data, 4);
  auto options = random.options();
  const auto without = bytes_of(replay(data, world, options));
  options.progress = [](double) { return false; };
  EXPECT_EQ(bytes_of(replay(data, world, options)), without);
}

// A host's batch knows of no other host where there is always another pod.
TEST(ReplaySame, FilledHostsAreAsGoodAlone) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  const auto data = random.data(20, 40);
  const auto world = random.world(data, 4);
  const auto options = random.options();
  const auto together = replay(data, world, options);
  ASSERT_TRUE(together) << together.error().message();
  for (std::size_t host = 0; host < 4; ++host) {
    const auto alone = replay(data, test::world_of({world.hosts[host]}), options);
    ASSERT_TRUE(alone) << alone.error().message();
    EXPECT_EQ(together->by_host[host].batch_used_core_h, alone->by_host[0].batch_used_core_h);
    EXPECT_EQ(together->by_host[host].violations, alone->by_host[0].violations);
    EXPECT_EQ(together->by_host[host].batch_completed, alone->by_host[0].batch_completed);
  }
}

}  // namespace
}  // namespace tideline::planner::replay_same_test
