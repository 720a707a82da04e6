#include "coordinator/actor/fleet_memory.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"
#include "test/coordinator/actor/broken_store.h"

namespace tideline::coordinator::fleet_memory_test {
namespace {

using model::NodeName;
using model::WallTime;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr fleet::Arrival kNow{.mono = {1'000'000'000'000}, .wall = {1'790'000'000'000}};

/// As of kNow.
WallTime ago(std::int64_t seconds_ago) {
  return {kNow.wall.ms - 1000 * seconds_ago};
}

void add_report(store::HistoryStore& store, const std::string& node, WallTime received) {
  const store::IncomingReport incoming{.report = *arrived(node, 1)->report, .received = received};
  ASSERT_TRUE(store.append({&incoming, 1}).ok());
}

void add_account(store::HistoryStore& store, const std::string& node, WallTime at, std::int64_t offered_milli) {
  model::AccountAt entry{at, {}};
  entry.account.node = NodeName(node);
  entry.account.cpu.offered = model::MilliCpu(offered_milli);
  ASSERT_TRUE(store.append_accounts({&entry, 1}).ok());
}

std::vector<std::string> names_in(const std::vector<RememberedNode>& nodes) {
  std::vector<std::string> names;
  for (const auto& node : nodes)
    names.push_back(node.name.str());
  return names;
}

TEST(FleetMemory, IsWhoReportedWhenAndTheAccountThatWasKeptLast) {
  store::MemoryStore store;
  add_report(store, "a", ago(40));
  add_report(store, "b", ago(7));
  add_account(store, "a", ago(90), 1);
  add_account(store, "a", ago(45), 2);
  add_account(store, "", ago(5), 9);
  store::CoordinatorEvent joined{NodeName("silent"), {}};
  joined.event.at = ago(9);
  ASSERT_TRUE(store.append_events({&joined, 1}).ok());
  const auto nodes = remembered_fleet(store, kNow, 10);
  ASSERT_THAT(names_in(nodes), ElementsAre("a", "b")) << "one that never reported is not remembered";
  EXPECT_EQ(nodes[0].heard, kNow.mono + -seconds(40));
  ASSERT_TRUE(nodes[0].account);
  EXPECT_EQ(nodes[0].account->cpu.offered, model::MilliCpu(2));
  EXPECT_EQ(nodes[0].kept_at, kNow.mono + -seconds(45));
  EXPECT_EQ(nodes[1].heard, kNow.mono + -seconds(7));
  EXPECT_EQ(nodes[1].account, std::nullopt);
}

TEST(FleetMemory, OfAFleetThatIsTooLargeThoseThatReportedLast) {
  store::MemoryStore store;
  add_report(store, "a", ago(10));
  add_report(store, "b", ago(30));
  add_report(store, "c", ago(20));
  EXPECT_THAT(names_in(remembered_fleet(store, kNow, 2)), ElementsAre("a", "c"));
  EXPECT_THAT(remembered_fleet(store, kNow, 0), IsEmpty());
}

TEST(FleetMemory, NotThoseThatHistoryRemembersForLongerThanTheFleet) {
  store::MemoryStore store;
  add_report(store, "a", ago(10));
  add_report(store, "b", ago(30));
  add_report(store, "c", ago(20));
  EXPECT_THAT(names_in(remembered_fleet(store, kNow, 10, seconds(20))), ElementsAre("a", "c"));
}

TEST(FleetMemory, AWallClockThatJumpedGivesNeitherTheFutureNorAnEndlessPast) {
  store::MemoryStore store;
  add_report(store, "future", {kNow.wall.ms + 3'600'000});
  add_report(store, "past", {0});
  add_account(store, "future", {INT64_MAX}, 1);
  const auto nodes = remembered_fleet(store, kNow, 10);
  ASSERT_THAT(nodes, SizeIs(2));
  EXPECT_EQ(nodes[0].heard, kNow.mono);
  EXPECT_EQ(nodes[0].kept_at, kNow.mono);
  ASSERT_TRUE(nodes[0].account);
  EXPECT_EQ(kNow.mono - nodes[1].heard, hours(24 * 3650));
}

/// Knows two nodes, and cannot read any account.
class WithoutAccounts final : public BrokenStore {
 public:
  std::vector<NodeName> nodes() const override { return {NodeName("a"), NodeName("b")}; }
  std::optional<WallTime> last_received(const NodeName&) const override { return ago(1); }
};

TEST(FleetMemory, OutlivesAccountsThatCannotBeRead) {
  const auto nodes = remembered_fleet(WithoutAccounts(), kNow, 10);
  ASSERT_THAT(names_in(nodes), ElementsAre("a", "b"));
  EXPECT_EQ(nodes[0].account, std::nullopt);
}

}  // namespace
}  // namespace tideline::coordinator::fleet_memory_test
