#include "k8s-bridge/actor/write_desk.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/actor/write_answer.h"

namespace tideline::bridge::write_desk_test {
namespace {

using Kind = WriteOutcome::Kind;
using model::NodeName;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

k8s_api::Answer status(unsigned code, const std::string& body = "{}") {
  k8s_api::Answer answer;
  answer.status = code;
  answer.body = body;
  return answer;
}

constexpr const char* kWrittenAsTwo = R"({"metadata": {"resourceVersion": "2"}})";

TEST(WriteOutcomes, FollowFromTheStatus) {
  struct Row {
    unsigned status;
    Kind kind;
    model::Duration retry_in;
  };
  for (const auto& row :
       {Row{200, Kind::kWritten, seconds(0)}, Row{201, Kind::kWritten, seconds(0)}, Row{400, Kind::kFailed, minutes(1)},
        Row{401, Kind::kFailed, seconds(1)}, Row{403, Kind::kForbidden, seconds(5)}, Row{404, Kind::kGone, seconds(0)},
        Row{409, Kind::kFailed, seconds(1)}, Row{422, Kind::kFailed, minutes(1)}, Row{429, Kind::kFailed, seconds(1)},
        Row{500, Kind::kFailed, seconds(1)}, Row{503, Kind::kFailed, seconds(1)}}) {
    const auto outcome = outcome_of(status(row.status), 0);
    EXPECT_EQ(outcome.kind, row.kind) << row.status;
    EXPECT_EQ(outcome.retry_in, row.retry_in) << row.status;
    EXPECT_EQ(outcome.why.empty(), row.kind == Kind::kWritten) << row.status;
  }
}

TEST(WriteOutcomes, NoAnswerIsAFailureWithItsReason) {
  const auto outcome = outcome_of(model::Error(model::ErrorCode::kUnavailable, "connection refused"), 0);
  EXPECT_EQ(outcome.kind, Kind::kFailed);
  EXPECT_EQ(outcome.why, "connection refused");
}

TEST(WriteOutcomes, RetriesAreLessAndLessOften) {
  EXPECT_EQ(outcome_of(status(500), 2).retry_in, model::Duration(seconds(4)));
  EXPECT_EQ(outcome_of(status(500), 1000).retry_in, WriteOutcome::kLongestRetry);
}

TEST(WriteOutcomes, RetryAfterIsHeededWithinABound) {
  auto busy = status(429);
  busy.retry_after = seconds(7);
  EXPECT_EQ(outcome_of(busy, 0).retry_in, model::Duration(seconds(7)));
  busy.retry_after = std::chrono::hours(24);
  EXPECT_EQ(outcome_of(busy, 0).retry_in, model::Duration(minutes(1)));
}

TEST(WriteOutcomes, ResourceVersionIsReadFromWhatWasWritten) {
  EXPECT_EQ(outcome_of(status(200, R"({"metadata": {"resourceVersion": "42"}})"), 0).resource_version, "42");
  for (const auto* odd : {"", "{", "[]", "{}", R"({"metadata": 7})", R"({"metadata": {"resourceVersion": 42}})"}) {
    const auto outcome = outcome_of(status(200, odd), 0);
    EXPECT_EQ(outcome.kind, Kind::kWritten) << odd;
    EXPECT_EQ(outcome.resource_version, "") << odd;
  }
}

class Writes : public testing::Test {
 protected:
  struct Sent {
    NodeName node;
    k8s_api::Request request;
  };
  WriteDesk::Out out() {
    WriteDesk::Out out;
    out.send = [this](const NodeName& node, k8s_api::Request request) { sent_.push_back({node, std::move(request)}); };
    out.event = [this](k8s::EventNote note) { events_.push_back(std::move(note)); };
    return out;
  }
  /// The Node has so much batch-cpu published.
  void observe(const std::string& name, std::int64_t batch_cpu, const std::string& version = "1") {
    k8s::NodeObject node;
    node.key = {"", name, "uid-" + name, version};
    node.cpu_capacity = node.cpu_allocatable = model::MilliCpu(64'000);
    node.capacity.batch_cpu = node.allocatable.batch_cpu = model::MilliCpu(batch_cpu);
    node.capacity.batch_memory = node.allocatable.batch_memory = model::Bytes(1 << 30);
    node.capacity.mid_cpu = node.allocatable.mid_cpu = model::MilliCpu(0);
    node.capacity.mid_memory = node.allocatable.mid_memory = model::Bytes(0);
    desk_.observed(node, now_);
  }
  void offer(const std::string& name, std::int64_t batch_cpu) {
    coordinator::ComputedAccount computed;
    computed.account.node = NodeName(name);
    computed.account.cpu.capacity = model::MilliCpu(64'000);
    computed.account.cpu.offered = computed.account.cpu.origin = computed.account.cpu.published =
        model::MilliCpu(batch_cpu);
    computed.account.memory.published = model::Bytes(1 << 30);
    computed.account.data_age = seconds(1);
    desk_.offer(computed, now_);
  }
  /// A fall of n1's is on its way.
  void begin_fall() {
    observe("n1", 32'000);
    offer("n1", 8'000);
    desk_.run(now_);
    ASSERT_THAT(sent_, SizeIs(1));
  }
  void expect_tried_again(unsigned code) {
    begin_fall();
    desk_.answered(NodeName("n1"), status(code), now_);
    EXPECT_EQ(numbers().writes_failed, 1u);
    later(milliseconds(500));
    EXPECT_THAT(sent_, SizeIs(1));
    later(seconds(2));
    EXPECT_THAT(sent_, SizeIs(2));
  }
  void later(model::Duration time) {
    now_ = now_ + time;
    desk_.run(now_);
  }
  coordinator::BridgeNumbers numbers() {
    coordinator::BridgeNumbers numbers;
    desk_.show(numbers, now_);
    return numbers;
  }
  std::uint64_t falls() {
    for (const auto& [reason, count] : numbers().writes) {
      if (reason == publish::name_of(publish::WriteReason::kFall)) return count;
    }
    return 0;
  }

  std::vector<Sent> sent_;
  std::vector<k8s::EventNote> events_;
  WriteDesk desk_{out()};
  model::MonoTime now_{1'000'000'000'000};
};

TEST_F(Writes, FallIsAPatchOfTheStatusThatGoesFirst) {
  begin_fall();
  const auto& request = sent_[0].request;
  EXPECT_EQ(request.method, k8s_api::Method::kMergePatch);
  EXPECT_EQ(request.path, "/api/v1/nodes/n1/status");
  EXPECT_EQ(request.priority, k8s_api::Priority::kHigh);
  EXPECT_THAT(request.body, HasSubstr("kubernetes.io/batch-cpu"));
  EXPECT_EQ(numbers().nodes_above, 1u);
  EXPECT_EQ(falls(), 0u);
  desk_.answered(NodeName("n1"), status(200, kWrittenAsTwo), now_);
  EXPECT_EQ(falls(), 1u);
  observe("n1", 8'000, "2");
  later(minutes(1));
  EXPECT_THAT(sent_, SizeIs(1)) << "it is there";
  EXPECT_EQ(numbers().nodes_above, 0u);
}

TEST_F(Writes, RatiosOfTheNodesPolicyGoAlong) {
  observe("n1", 32'000);
  coordinator::ComputedAccount computed;
  computed.account.node = NodeName("n1");
  computed.account.data_age = seconds(1);
  computed.scaling.cpu_normalization = computed.scaling.cpu_amplification = model::Ratio(125);
  desk_.offer(computed, now_);
  desk_.run(now_);
  ASSERT_THAT(sent_, SizeIs(1));
  const auto annotations = nlohmann::json::parse(sent_[0].request.body)["metadata"]["annotations"];
  EXPECT_EQ(annotations["node.koordinator.sh/cpu-normalization-ratio"], "1.25");
  EXPECT_EQ(annotations["node.koordinator.sh/resource-amplification-ratio"], R"({"cpu":1.25})");
}

TEST_F(Writes, NodeHasOneWriteOnItsWay) {
  begin_fall();
  offer("n1", 2'000);
  later(minutes(1));
  EXPECT_THAT(sent_, SizeIs(1));
  desk_.answered(NodeName("n1"), status(200, kWrittenAsTwo), now_);
  later(seconds(2));
  EXPECT_THAT(sent_, SizeIs(2));
}

TEST_F(Writes, ConflictIsTriedAgainAndCounted) {
  expect_tried_again(409);
}
TEST_F(Writes, BusyServerIsTriedAgainAndCounted) {
  expect_tried_again(429);
}
TEST_F(Writes, BrokenServerIsTriedAgainAndCounted) {
  expect_tried_again(503);
}

TEST_F(Writes, NodeThatIsNotFoundIsForgottenWhenTheWatchSaysSo) {
  begin_fall();
  desk_.answered(NodeName("n1"), status(404), now_);
  later(seconds(4));
  EXPECT_THAT(sent_, SizeIs(1));
  desk_.gone(NodeName("n1"));
  later(minutes(10));
  EXPECT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(numbers().writes_failed, 0u);
  observe("n1", 32'000, "7");
  later(seconds(2));
  EXPECT_THAT(sent_, SizeIs(2)) << "one of its name came";
}

TEST_F(Writes, NodeThatIsNotFoundMayBeAnotherByNow) {
  begin_fall();
  observe("n1", 32'000, "7");  // made anew while the write was on its way
  desk_.answered(NodeName("n1"), status(404), now_);
  later(seconds(5));
  EXPECT_THAT(sent_, SizeIs(2));
}

TEST_F(Writes, ForbiddenOneIsTriedAgainWithinSeconds) {
  begin_fall();
  desk_.answered(NodeName("n1"), status(403), now_);
  later(seconds(4));
  EXPECT_THAT(sent_, SizeIs(1));
  later(seconds(1));
  EXPECT_THAT(sent_, SizeIs(2));
}

TEST_F(Writes, AnswerToNothingChangesNothing) {
  desk_.answered(NodeName("n1"), status(200), now_);
  desk_.answered(NodeName("n1"), status(500), now_);
  EXPECT_EQ(numbers().writes_failed, 0u);
}

TEST_F(Writes, OnlySoManyAreOnTheirWay) {
  for (std::size_t i = 0; i < 2 * WriteDesk::kMostInFlight; ++i) {
    observe("n" + std::to_string(i), 32'000);
    offer("n" + std::to_string(i), 8'000);
  }
  desk_.run(now_);
  EXPECT_THAT(sent_, SizeIs(WriteDesk::kMostInFlight));
  const auto first = sent_.front().node;
  desk_.answered(first, status(200), now_);
  desk_.run(now_);
  EXPECT_THAT(sent_, SizeIs(WriteDesk::kMostInFlight + 1));
}

TEST_F(Writes, ForeignValueHasAnEventOnTheNode) {
  begin_fall();
  desk_.answered(NodeName("n1"), status(200, kWrittenAsTwo), now_);
  observe("n1", 8'000, "2");
  EXPECT_THAT(events_, IsEmpty());
  now_ = now_ + minutes(1);
  observe("n1", 50'000, "3");
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].kind, "Node");
  EXPECT_EQ(events_[0].object.name, "n1");
  EXPECT_EQ(events_[0].type, k8s::EventNote::Type::kWarning);
  EXPECT_THAT(events_[0].message, AllOf(HasSubstr("kubernetes.io/batch-cpu is 50000 and not 8000"),
                                        testing::Not(HasSubstr("batch-memory"))));
}

}  // namespace
}  // namespace tideline::bridge::write_desk_test
