#include "deploy/demo/loadgen/client.h"

#include <gtest/gtest.h>

#include "test/deploy/demo/loadgen/tiny_server.h"

namespace tideline::loadgen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Answer;
using test::TinyServer;

LoadPlan plan_for(const TinyServer& server) {
  LoadPlan plan;
  plan.port = server.port();
  plan.requests_per_second = 200;
  plan.connections = 4;
  plan.warm_up = milliseconds(200);
  plan.duration = milliseconds(1500);
  return plan;
}

TEST(OpenLoopClient, SendsEveryIntendedRequestAndLeavesTheWarmUpOut) {
  TinyServer server([](std::uint64_t) { return Answer{}; });
  const auto result = run_load(plan_for(server));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->sent, 300U);
  EXPECT_EQ(result->ok, 300U);
  EXPECT_EQ(result->errors + result->timeouts, 0U);
  EXPECT_EQ(result->latency.count(), 300U);
  EXPECT_EQ(server.served(), 340U);
  EXPECT_GT(result->cpu_seconds, 0);
}

// One request in 300 stalls the server for 200 ms. A client that waits for it before it sends on (closed loop) would
// log one slow request in 300, and its p99 would not move. Forty requests fell due in those 200 ms.
TEST(OpenLoopClient, AStallShowsInTheP99BecauseLatencyCountsFromTheIntendedTime) {
  TinyServer server([](std::uint64_t number) { return Answer{.stall = milliseconds(number == 150 ? 200 : 0)}; });
  LoadPlan plan = plan_for(server);
  plan.connections = 1;
  const auto result = run_load(plan);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->sent, 300U);
  EXPECT_EQ(result->ok, 300U);
  EXPECT_GE(result->latency.quantile_ms(0.99), 150);
  EXPECT_GE(result->latency.quantile_ms(0.9), 40);
  EXPECT_GE(result->queued, 30U) << "requests due in the stall wait in the client, they are not skipped";
}

TEST(OpenLoopClient, CountsWhatIsNotStatus200AsAnError) {
  TinyServer server([](std::uint64_t number) {
    Answer answer;
    if (number % 10 == 0) answer.bytes = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    return answer;
  });
  const auto result = run_load(plan_for(server));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->errors, 30U);
  EXPECT_EQ(result->ok, 270U);
  EXPECT_EQ(result->first_error, "status 503");
}

TEST(OpenLoopClient, ReconnectsAfterAHangUpAndGoesOn) {
  TinyServer server([](std::uint64_t number) { return Answer{.hang_up = number == 150}; });
  const auto result = run_load(plan_for(server));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->sent, 300U);
  EXPECT_EQ(result->errors, 1U);
  EXPECT_EQ(result->ok, 299U);
}

TEST(OpenLoopClient, FollowsAnAnnouncedCloseWithoutAnError) {
  TinyServer server([](std::uint64_t) {
    return Answer{.bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"};
  });
  const auto result = run_load(plan_for(server));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->ok, 300U);
}

TEST(OpenLoopClient, GivesUpAtTheTimeoutAndCountsTheWaitInTheLatencies) {
  TinyServer server([](std::uint64_t number) { return Answer{.stall = milliseconds(number == 100 ? 700 : 0)}; });
  LoadPlan plan = plan_for(server);
  plan.timeout = milliseconds(300);
  const auto result = run_load(plan);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_GT(result->timeouts, 50U);
  EXPECT_EQ(result->sent, result->ok + result->timeouts + result->errors);
  EXPECT_GE(result->latency.quantile_ms(1), 300);
}

TEST(OpenLoopClient, SaysWhichAddressDoesNotAnswer) {
  std::uint16_t port = 0;
  {
    const TinyServer gone([](std::uint64_t) { return Answer{}; });
    port = gone.port();
  }
  LoadPlan plan;
  plan.port = port;
  const auto result = run_load(plan);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("127.0.0.1:" + std::to_string(port)), std::string::npos);
}

TEST(OpenLoopClient, RefusesImpossiblePlans) {
  LoadPlan plan;
  plan.requests_per_second = 0;
  EXPECT_FALSE(run_load(plan));
  plan = {};
  plan.host = "localhost";
  EXPECT_FALSE(run_load(plan));
  plan = {};
  plan.path = "/a b";
  EXPECT_FALSE(run_load(plan));
  plan = {};
  plan.connections = 0;
  EXPECT_FALSE(run_load(plan));
}

}  // namespace
}  // namespace tideline::loadgen
