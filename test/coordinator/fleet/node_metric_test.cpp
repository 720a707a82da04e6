#include "coordinator/fleet/node_metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/fleet/sender.h"

namespace tideline::fleet::node_metric_test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

model::PodSummary named_pod(const std::string& name, std::int64_t cpu, std::int64_t memory, model::QosClass qos,
                            std::optional<int> priority, model::PodPhase phase = model::PodPhase::kRunning) {
  auto summary = pod("uid-" + name, cpu, memory);
  summary.pod.change([&](model::Pod& made) {
    made.name_space = "shop";
    made.name = name;
    made.qos = qos;
    made.priority = priority;
    made.phase = phase;
  });
  return summary;
}

TEST(NodeMetrics, AreTheAveragesOfTheNewestReport) {
  FleetView fleet;
  const Sender sender;
  const auto with_pods = [](Report& report) {
    report.pods = {named_pod("web", 1'000, 3'000, model::QosClass::kLs, 9'000),
                   named_pod("job", 2'000, 500, model::QosClass::kBe, std::nullopt),
                   named_pod("done", 10, 10, model::QosClass::kBe, 5'000, model::PodPhase::kSucceeded)};
    model::HostApplicationSummary proxy;
    proxy.name = "proxy";
    proxy.tier = model::Tier::kMid;
    proxy.qos = model::QosClass::kLsr;
    proxy.state = model::ApplicationState::kMeasured;
    proxy.cpu_milli = model::Spread{300, 300, 300};
    report.applications = {proxy};
    report.applications.emplace_back().name = "never-there";
  };
  take(fleet, with(sender.report(1, seconds(0)), with_pods), seconds(0));
  auto second = with(sender.report(2, seconds(10)), with_pods);
  second.samples[0].node_cpu = MilliCpu(7'000);
  take(fleet, second, seconds(10));

  const auto metric = node_metric(fleet, NodeName("n"), receiver(seconds(14))).value_or(model::NodeMetric{});
  EXPECT_EQ(metric.node, NodeName("n"));
  EXPECT_EQ(metric.arrived, receiver(seconds(10)).mono);
  EXPECT_EQ(metric.at, receiver(seconds(10)).wall) << "as of the report, not of the question";
  EXPECT_EQ(metric.averaged, model::Duration(seconds(300)));
  EXPECT_EQ(metric.use, (model::MetricUse{MilliCpu(6'000), Bytes(10'000)}));
  EXPECT_EQ(metric.system, (model::MetricUse{MilliCpu(1'000), Bytes(10'000 - 3'000 - 500 - 10)}));
  ASSERT_THAT(metric.pods, SizeIs(2)) << "one that has ended uses nothing";
  EXPECT_EQ(metric.pods[0].name_space, "shop");
  EXPECT_EQ(metric.pods[0].name, "web");
  EXPECT_EQ(metric.pods[0].tier, model::Tier::kProd);
  EXPECT_EQ(metric.pods[0].qos, model::QosClass::kLs);
  EXPECT_EQ(metric.pods[0].use, (model::MetricUse{MilliCpu(1'000), Bytes(3'000)}));
  EXPECT_EQ(metric.pods[1].tier, model::Tier::kBatch);
  ASSERT_THAT(metric.applications, SizeIs(1)) << "of the other nothing is known";
  EXPECT_EQ(metric.applications[0].name, "proxy");
  EXPECT_EQ(metric.applications[0].tier, model::Tier::kMid);
  EXPECT_EQ(metric.applications[0].qos, model::QosClass::kLsr);
  EXPECT_EQ(metric.applications[0].use, (model::MetricUse{MilliCpu(300), std::nullopt}));
  EXPECT_THAT(metric.spreads, IsEmpty());
}

TEST(NodeMetrics, AreOfLiveNodesWhoseHostSpeaks) {
  FleetView fleet;
  const Sender sender;
  EXPECT_FALSE(node_metric(fleet, NodeName("n"), receiver(seconds(0)))) << "unknown";
  EXPECT_TRUE(fleet.remember(NodeName("n"), receiver(seconds(0)).mono).ok());
  EXPECT_FALSE(node_metric(fleet, NodeName("n"), receiver(seconds(1)))) << "of an earlier life";
  take(fleet, sender.report(1, seconds(10)), seconds(10));
  EXPECT_TRUE(node_metric(fleet, NodeName("n"), receiver(seconds(40))));
  EXPECT_FALSE(node_metric(fleet, NodeName("n"), receiver(seconds(41)))) << "late";
  take(fleet, sender.report(2, seconds(50)), seconds(50));
  EXPECT_TRUE(fleet.connected(NodeName("n"), receiver(seconds(51)), Incarnation(2)).ok());
  EXPECT_FALSE(node_metric(fleet, NodeName("n"), receiver(seconds(52)))) << "it may be another host";
}

TEST(NodeMetrics, AreNotTheHalfOfWhatANodeUses) {
  FleetView fleet;
  const auto blind = [](Report& report) { report.samples[0].node_memory = std::nullopt; };
  take(fleet, with(Sender{}.report(1, seconds(0)), blind), seconds(0));
  EXPECT_FALSE(node_metric(fleet, NodeName("n"), receiver(seconds(1))));
}

}  // namespace
}  // namespace tideline::fleet::node_metric_test
