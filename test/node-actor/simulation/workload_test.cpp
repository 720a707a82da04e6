#include "node-actor/simulation/workload.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace tideline::simulation::workload_test {
namespace {

using model::MilliCpu;
using model::NodeName;
using std::chrono::seconds;

constexpr model::WallTime kWall{1'790'000'000'000};

double services_of(const Workload& workload) {
  double sum = 0;
  for (std::size_t i = 0; i < workload.pods().size(); ++i)
    sum += workload.pods()[i].qos == model::QosClass::kBe ? 0 : workload.demand().pods[i].cpu_milli;
  return sum;
}

std::shared_ptr<const Trace> trace_of(model::QosClass qos) {
  Trace trace;
  trace.hosts.push_back({"a", {}});
  trace.hosts.push_back(
      {"b", {{"web", qos, MilliCpu(4000), model::Bytes(1 << 30), {{0, 500, 1000}, {60'000, 900, -1}}}}});
  trace.length_ms = 120'000;
  return std::make_shared<const Trace>(trace);
}

TEST(Workload, TheSeedDecidesAndEachHostIsItsOwn) {
  const auto loads = [](const std::string& name, std::uint64_t seed) {
    Workload workload(NodeName(name), seed, {});
    std::vector<double> found;
    for (int second = 0; second < 100; ++second) {
      workload.advance(seconds(second), {kWall.ms + 1000 * second});
      found.push_back(services_of(workload));
    }
    return found;
  };
  EXPECT_EQ(loads("sim-1", 1), loads("sim-1", 1));
  EXPECT_NE(loads("sim-1", 1), loads("sim-1", 2));
  EXPECT_NE(loads("sim-1", 1), loads("sim-2", 1));
}

TEST(Workload, AThirdOfThePodsIsBatchThatWantsCpuAllTheTime) {
  Workload workload(NodeName("sim-1"), 1, {});
  EXPECT_TRUE(workload.advance(seconds(0), kWall));
  EXPECT_FALSE(workload.advance(seconds(1), kWall));
  ASSERT_EQ(workload.pods().size(), 30u);
  int batch = 0;
  for (std::size_t i = 0; i < 30; ++i) {
    if (workload.pods()[i].qos != model::QosClass::kBe) continue;
    ++batch;
    EXPECT_GT(workload.demand().pods[i].cpu_milli, 800);
  }
  EXPECT_EQ(batch, 10);
}

TEST(Workload, ServicesNowAndThenSpikeOneByOneAndForSeconds) {
  Workload workload(NodeName("sim-1"), 1, {});
  std::vector<double> before;
  int rises = 0;
  int falls = 0;
  for (int second = 0; second < 1200; ++second) {
    workload.advance(seconds(second), kWall);
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double now = workload.demand().pods[i].cpu_milli;
      rises += now > 2 * before[i] ? 1 : 0;
      falls += now < before[i] / 2 ? 1 : 0;
    }
    before.clear();
    for (const auto& pod : workload.demand().pods)
      before.push_back(pod.cpu_milli);
  }
  EXPECT_GT(rises, 20) << "20 services, each about every five minutes";
  EXPECT_LT(rises, 200);
  EXPECT_NEAR(falls, rises, 20);
}

TEST(Workload, ATraceGivesTheServicesAndBatchIsDrawnWhereItHasNone) {
  Workload workload(NodeName("sim-1"), 1, {}, {trace_of(model::QosClass::kLs), 1, {}});
  workload.advance(seconds(0), kWall);
  ASSERT_EQ(workload.pods().size(), 11u);
  EXPECT_EQ(workload.pods().front().name, "web");
  EXPECT_EQ(workload.pods().front().requests.cpu, MilliCpu(4000));
  EXPECT_EQ(workload.demand().pods.front().cpu_milli, 500);
  EXPECT_EQ(workload.demand().pods.front().memory, model::Bytes(1000));
  workload.advance(seconds(61), kWall);
  EXPECT_EQ(workload.demand().pods.front().cpu_milli, 900);
  EXPECT_EQ(workload.demand().pods.front().memory, model::Bytes(1 << 30)) << "not told: what it requests";
  workload.advance(seconds(121), kWall);
  EXPECT_EQ(workload.demand().pods.front().cpu_milli, 500) << "it begins again";
}

TEST(Workload, ATraceMayBeginInItsMidstAndBringItsOwnBatch) {
  Workload workload(NodeName("sim-1"), 1, {}, {trace_of(model::QosClass::kBe), 1, seconds(70)});
  workload.advance(seconds(0), kWall);
  ASSERT_EQ(workload.pods().size(), 1u);
  EXPECT_EQ(workload.pods().front().limits.batch_cpu, MilliCpu(4000));
  EXPECT_EQ(workload.demand().pods.front().cpu_milli, 900);
}

TEST(Workload, AnEvictedPodComesBackAfterAMinuteAsAnotherOfItsWorkload) {
  Workload workload(NodeName("sim-1"), 1, {});
  workload.advance(seconds(10), kWall);
  const auto gone = workload.pods().at(2);
  workload.evicted(gone.uid);
  workload.evicted(model::PodUid("never was"));
  EXPECT_TRUE(workload.advance(seconds(11), kWall));
  EXPECT_EQ(workload.pods().size(), 29u);
  EXPECT_EQ(workload.demand().pods.size(), 29u);
  EXPECT_FALSE(workload.advance(seconds(60), kWall));
  EXPECT_TRUE(workload.advance(seconds(70), kWall));
  ASSERT_EQ(workload.pods().size(), 30u);
  const auto& back = workload.pods().back();
  EXPECT_EQ(back.workload, gone.workload);
  EXPECT_NE(back.name, gone.name);
  EXPECT_NE(back.containers.front().id, gone.containers.front().id);
  std::set<model::PodUid> uids;
  for (const auto& pod : workload.pods())
    EXPECT_TRUE(uids.insert(pod.uid).second);
  EXPECT_NE(back.uid, gone.uid);
}

}  // namespace
}  // namespace tideline::simulation::workload_test
