#include "k8s-bridge/actor/metric_desk.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tideline::bridge::metric_desk_test {
namespace {

using model::NodeName;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kStatus = "/apis/slo.koordinator.sh/v1alpha1/nodemetrics/n1/status";
constexpr const char* kObject = "/apis/slo.koordinator.sh/v1alpha1/nodemetrics/n1";
constexpr const char* kObjects = "/apis/slo.koordinator.sh/v1alpha1/nodemetrics";

k8s_api::Answer status(unsigned code, const std::string& body = "{}") {
  k8s_api::Answer answer;
  answer.status = code;
  answer.body = body;
  return answer;
}

class Metrics : public testing::Test {
 protected:
  MetricDesk::Out out() {
    MetricDesk::Out out;
    out.ask = [this](std::vector<NodeName> nodes) { asked_.push_back(std::move(nodes)); };
    out.send = [this](const NodeName&, k8s_api::Request request) { sent_.push_back(std::move(request)); };
    return out;
  }
  /// n1's turn comes, and the fleet's actor tells of it.
  void take_turn(std::size_t pods = 1) {
    now_ = now_ + minutes(1);
    desk_.run(now_);
    auto metric = std::make_shared<model::NodeMetric>();
    metric->node = NodeName("n1");
    metric->arrived = now_;
    metric->averaged = seconds(300);
    metric->use = {model::MilliCpu(1'500), model::Bytes(1 << 20)};
    for (std::size_t i = 0; i < pods; ++i) {
      metric->pods.emplace_back();
      metric->pods.back().name = "pod-" + std::to_string(i) + std::string(240, 'x');
      metric->pods.back().use.cpu = model::MilliCpu(100);
    }
    tell(metric);
  }
  void tell(model::SharedNodeMetric metric) {
    coordinator::MeasuredNode node;
    node.node = NodeName("n1");
    node.interval = seconds(60);
    node.metric = std::move(metric);
    using Nodes = std::vector<coordinator::MeasuredNode>;
    desk_.measured({std::make_shared<const Nodes>(Nodes{node})}, now_);
  }
  void answer(const model::Result<k8s_api::Answer>& answer) {
    now_ = now_ + seconds(1);
    desk_.answered(NodeName("n1"), answer, now_);
  }
  void see_node() { desk_.node({"", "n1", "uid-n1", "1"}, now_); }
  /// Of so many turns of a minute each, in how many something was sent.
  std::size_t turns_with_requests(int turns) {
    std::size_t with = 0;
    for (int i = 0; i < turns; ++i) {
      const auto before = sent_.size();
      take_turn();
      if (sent_.size() > before) ++with;
    }
    return with;
  }
  coordinator::BridgeNumbers::NodeMetrics numbers() const {
    coordinator::BridgeNumbers numbers;
    desk_.show(numbers);
    return numbers.node_metrics.value_or(coordinator::BridgeNumbers::NodeMetrics{});
  }

  std::vector<std::vector<NodeName>> asked_;
  std::vector<k8s_api::Request> sent_;
  MetricDesk desk_{out(), {}};
  model::MonoTime now_{1'000'000'000'000};
};

TEST_F(Metrics, TheFleetIsAskedAtOnceThoughNobodysTurnHasCome) {
  desk_.run(now_);
  EXPECT_THAT(asked_, ElementsAre(IsEmpty())) << "it keeps what percentiles are made of from then on";
  desk_.run(now_);
  EXPECT_THAT(asked_, SizeIs(1));
}

TEST_F(Metrics, ATurnIsAPatchOfTheStatusThatGoesLast) {
  see_node();
  take_turn();
  EXPECT_THAT(asked_.back(), ElementsAre(NodeName("n1")));
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].method, k8s_api::Method::kMergePatch);
  EXPECT_EQ(sent_[0].path, kStatus);
  EXPECT_EQ(sent_[0].priority, k8s_api::Priority::kLow);
  const auto body = nlohmann::json::parse(sent_[0].body);
  EXPECT_EQ(body["status"]["nodeMetric"]["nodeUsage"]["resources"]["cpu"], "1500m");
  EXPECT_EQ(numbers().written, 0u);
  const auto object = measure::object_body({NodeName("n1"), "uid-n1", seconds(60), seconds(300)});
  answer(status(200, object));
  EXPECT_EQ(numbers().written, 1u);
  EXPECT_EQ(numbers().nodes, 1u);
  EXPECT_EQ(numbers().failed, 0u);
  EXPECT_THAT(sent_, SizeIs(1)) << "spec and owner are as they should be";
}

TEST_F(Metrics, NodeThatIsNotMeasuredIsNotWritten) {
  see_node();
  now_ = now_ + minutes(1);
  desk_.run(now_);
  tell(nullptr);
  EXPECT_THAT(sent_, IsEmpty());
  EXPECT_EQ(numbers().nodes, 0u);
}

TEST_F(Metrics, ObjectThatIsNotThereIsMadeAndWritten) {
  see_node();
  take_turn();
  answer(status(404, R"({"kind": "Status", "message": "nodemetrics \"n1\" not found"})"));
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(sent_[1].method, k8s_api::Method::kPost);
  EXPECT_EQ(sent_[1].path, kObjects);
  const auto made = nlohmann::json::parse(sent_[1].body);
  EXPECT_EQ(made["metadata"]["name"], "n1");
  EXPECT_EQ(made["metadata"]["ownerReferences"][0]["uid"], "uid-n1");
  EXPECT_EQ(made["spec"]["metricCollectPolicy"]["reportIntervalSeconds"], 60);
  EXPECT_FALSE(made.contains("status")) << "the server would drop it";
  answer(status(201, sent_[1].body));
  ASSERT_THAT(sent_, SizeIs(3));
  EXPECT_EQ(sent_[2].path, kStatus);
  answer(status(200));
  EXPECT_THAT(sent_, SizeIs(3));
  EXPECT_EQ(numbers().written, 1u);
  EXPECT_EQ(numbers().failed, 0u);
}

TEST_F(Metrics, SpecAndOwnerOfAnotherWriterAreReplaced) {
  see_node();
  take_turn();
  answer(status(200, R"({"metadata": {"name": "n1"}, "spec": {"metricCollectPolicy": {"reportIntervalSeconds": 5}}})"));
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(sent_[1].method, k8s_api::Method::kMergePatch);
  EXPECT_EQ(sent_[1].path, kObject);
  const auto patch = nlohmann::json::parse(sent_[1].body);
  EXPECT_EQ(patch["spec"]["metricCollectPolicy"]["aggregateDurationSeconds"], 300);
  answer(status(200));
  EXPECT_EQ(numbers().written, 1u) << "that is no status";
}

TEST_F(Metrics, WithoutTheResourceItIsAskedAgainEveryFewMinutes) {
  see_node();
  take_turn();
  answer(status(404, "404 page not found\n"));
  answer(status(404, "404 page not found\n"));
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(numbers().failed, 1u);
  EXPECT_EQ(turns_with_requests(2), 0u);
  EXPECT_GE(turns_with_requests(2), 1u);
  answer(status(200));
  EXPECT_EQ(numbers().written, 1u);
}

TEST_F(Metrics, WithoutTheVerbItIsAskedAgainAMinuteLater) {
  see_node();
  take_turn();
  answer(status(403));
  EXPECT_EQ(numbers().failed, 1u);
  EXPECT_GE(turns_with_requests(3), 1u);
}

TEST_F(Metrics, AnApiServerThatIsAwayOrBusyIsLeftInPeaceForAWhile) {
  auto busy = status(429);
  busy.retry_after = seconds(40);
  const model::Error away(model::ErrorCode::kUnavailable, "connection refused");
  struct Row {
    model::Result<k8s_api::Answer> trouble;
    model::Duration hold;
  };
  const std::vector<Row> rows{{away, seconds(5)}, {status(503), seconds(5)}, {busy, seconds(40)}};
  for (const auto& row : rows) {
    std::vector<k8s_api::Request> sent;
    MetricDesk::Out out;
    std::vector<NodeName> asked;
    out.ask = [&](std::vector<NodeName> nodes) { asked.insert(asked.end(), nodes.begin(), nodes.end()); };
    out.send = [&](const NodeName&, k8s_api::Request request) { sent.push_back(std::move(request)); };
    MetricDesk desk(std::move(out), {});
    for (int i = 0; i < 600; ++i)
      desk.node({"", "n" + std::to_string(i), "uid", "1"}, now_);
    now_ = now_ + minutes(2);
    desk.run(now_);
    ASSERT_FALSE(asked.empty());
    coordinator::MeasuredNode node;
    node.node = asked.front();
    node.interval = seconds(60);
    node.metric = std::make_shared<const model::NodeMetric>();
    using Nodes = std::vector<coordinator::MeasuredNode>;
    desk.measured({std::make_shared<const Nodes>(Nodes{node})}, now_);
    ASSERT_THAT(sent, SizeIs(1));
    desk.answered(node.node, row.trouble, now_);
    asked.clear();
    for (const auto end = now_ + row.hold; now_ < end; now_ = now_ + seconds(1))
      desk.run(now_);
    EXPECT_THAT(asked, IsEmpty()) << "nobody is asked for what cannot be written";
    for (const auto end = now_ + minutes(1); now_ < end; now_ = now_ + seconds(1))
      desk.run(now_);
    EXPECT_FALSE(asked.empty());
  }
}

TEST_F(Metrics, AWriteThatIsRefusedHasItsNextChanceInTheNextTurn) {
  see_node();
  take_turn();
  answer(status(422));
  EXPECT_EQ(numbers().failed, 1u);
  desk_.run(now_ + seconds(1));
  EXPECT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(turns_with_requests(1), 1u);
}

TEST_F(Metrics, ABodyIsBoundedWhateverTheNodeSays) {
  see_node();
  take_turn(1'024);
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_LE(sent_[0].body.size(), measure::kMaxStatusBytes);
}

TEST_F(Metrics, ANodeThatIsGoneHasNoTurn) {
  see_node();
  desk_.gone(NodeName("n1"));
  take_turn();
  EXPECT_THAT(sent_, IsEmpty());
  answer(status(200));
  EXPECT_EQ(numbers().written, 0u) << "an answer to nothing";
}

}  // namespace
}  // namespace tideline::bridge::metric_desk_test
