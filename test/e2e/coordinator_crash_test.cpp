#include <csignal>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "storage/rocks/rocks_store.h"
#include "test/support/cluster.h"
#include "test/support/metric.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A node forgets a report only when it was acked. So if every number from 1 to the last is in history once, no acked
// report was lost and none was stored twice.
TEST(CoordinatorCrash, EveryAckedReportIsInHistoryExactlyOnce) {
  TIDELINE_NEED_CGROUPS();
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr int kNodes = 4;
  std::vector<std::unique_ptr<PodTree>> trees;
  std::vector<Process> nodes;
  Cluster cluster;
  cluster.start_coordinator();
  for (int i = 0; i < kNodes; ++i) {
    trees.push_back(std::make_unique<PodTree>());
    nodes.push_back(cluster.start_node(
        {.name = "n" + std::to_string(i), .kubepods = trees.back()->kubepods(), .pods_json = PodTree::pods_json()}));
  }
  for (int i = 0; i < kNodes; ++i)
    ASSERT_TRUE(cluster.node_is_live("n" + std::to_string(i), seconds(20)));

  for (int round = 0; round < rounds(4); ++round) {
    std::this_thread::sleep_for(milliseconds(1000 + random() % 2000));
    cluster.kill_coordinator();
    std::this_thread::sleep_for(milliseconds(random() % 1500));
    cluster.start_coordinator();
  }
  for (int i = 0; i < kNodes; ++i) {
    ASSERT_TRUE(cluster.node_is_live("n" + std::to_string(i), seconds(60))) << nodes[i].output();
  }
  // The backlogs drain, one report after the other, until only each second's new ones come.
  const auto stored = [&] { return metric(cluster.web_port(), "tideline_reports_total{outcome=\"stored\"}"); };
  double before = stored();
  EXPECT_TRUE(eventually(seconds(90), [&] {
    std::this_thread::sleep_for(seconds(1));
    const double now = stored();
    return now - std::exchange(before, now) <= 2 * kNodes;
  })) << before;
  for (auto& node : nodes) {
    node.signal(SIGTERM);
    ASSERT_EQ(node.wait(seconds(15)), 0) << node.output();
  }
  ASSERT_EQ(cluster.stop_coordinator(), 0);

  auto store = rocks::RocksStore::open(cluster.data_dir() + "/history");
  ASSERT_TRUE(store.ok()) << store.error().message();
  for (int i = 0; i < kNodes; ++i) {
    const model::NodeName name("n" + std::to_string(i));
    const auto reports = (*store)->reports(name, {0}, {INT64_MAX}, 0);
    ASSERT_TRUE(reports.ok()) << reports.error().message();
    ASSERT_FALSE(reports->truncated);
    std::map<model::Incarnation, std::multiset<model::Seq>> seen;
    for (const auto& row : reports->rows) {
      seen[row.report.incarnation].insert(row.report.seq);
      EXPECT_EQ(row.report.gap_reports, 0u);
    }
    ASSERT_EQ(seen.size(), 1u) << name.str() << " kept its incarnation";
    const auto& seqs = seen.begin()->second;
    std::uint64_t expected = 0;
    for (const auto seq : seqs)
      EXPECT_EQ(seq.value(), ++expected) << name.str();
    EXPECT_GE(expected, 8u) << name.str() << " reported throughout";
  }
}

}  // namespace
}  // namespace tideline::test
