// What the admin API carries of history in tiers.

#include <gmock/gmock.h>

#include "test/coordinator/admin/server_fixture.h"

namespace tideline::admin {
namespace {

using testing::Contains;
using testing::ElementsAre;

class HistoryCalls : public AdminServerTest {};

TEST_F(HistoryCalls, AQuestionAboutHistoryIsAnsweredPageByPage) {
  backend_.query_page = 2;
  start();
  auto caller = client("viewer");
  const auto page = [&](std::int64_t from_s) {
    auto request = caller.admin().historyQueryRequest();
    auto question = request.initQuestion();
    question.initNodes(1).set(0, "web-1");
    question.initFields(1).set(0, 1);
    question.setFromS(600);
    question.setToS(780);
    question.setStepS(60);
    request.setPageFromS(from_s);
    return request.send().wait(caller.scope());
  };
  const auto first = page(0);
  ASSERT_EQ(first.getSeries().size(), 1u);
  const auto answer = first.getSeries()[0];
  EXPECT_EQ(answer.getField(), 1u);
  EXPECT_STREQ(answer.getNode().cStr(), "web-1");
  ASSERT_EQ(answer.getTimesS().size(), 2u);
  ASSERT_EQ(answer.getValues().size(), 2u);
  EXPECT_EQ(answer.getTimesS()[1], 660);
  EXPECT_EQ(answer.getValues()[1], 11);
  EXPECT_EQ(first.getNextS(), 720);
  EXPECT_EQ(first.getTier(), static_cast<std::uint8_t>(series::Tier::kMinute));
  const auto last = page(first.getNextS());
  EXPECT_EQ(last.getSeries()[0].getTimesS()[0], 720);
  EXPECT_EQ(last.getNextS(), 0);
  EXPECT_THAT(backend_.calls(), ElementsAre("history_query from 600 in 1m", "history_query from 720 in 1m"));
}

TEST_F(HistoryCalls, CarriesTheStateOfHistoryAndItsPods) {
  start();
  auto caller = client("viewer");
  const auto response = caller.admin().historyStateRequest().send().wait(caller.scope());
  const auto state = response.getState();
  ASSERT_EQ(state.getTiers().size(), 3u);
  EXPECT_EQ(state.getTiers()[0].getTier(), 1u);
  EXPECT_EQ(state.getTiers()[0].getKeptS(), 3 * 86'400);
  EXPECT_EQ(state.getTiers()[0].getTables(), 960u);
  EXPECT_EQ(state.getTiers()[0].getNewestS().getValue(), 1'700'006'400);
  EXPECT_FALSE(state.getTiers()[2].getOldestS().getKnown());
  EXPECT_EQ(state.getReportsKept(), 6 * 3600);
  EXPECT_EQ(state.getEventsKept(), 90 * 86'400);
  EXPECT_EQ(state.getFoldedUntilS().getValue(), 1'700'006'400);
  EXPECT_EQ(state.getLate(), 3u);
  EXPECT_STREQ(state.getBackups().cStr(), "/backup");
  EXPECT_STREQ(state.getProblem().cStr(), backend_.hostile_text.c_str());
  auto request = caller.admin().historyPodsRequest();
  request.setNode("web-1");
  request.setFromS(10);
  request.setToS(20);
  const auto pods = request.send().wait(caller.scope());
  ASSERT_EQ(pods.getPods().size(), 1u);
  EXPECT_STREQ(pods.getPods()[0].getWorkload().cStr(), "Deployment/nginx");
  EXPECT_EQ(pods.getPods()[0].getQos(), schema::QosClass::LS);
  EXPECT_EQ(pods.getPods()[0].getLastS(), 19);
}

TEST_F(HistoryCalls, HistoryIsVerifiedInSlicesThatTheServerBounds) {
  start();
  auto caller = client("operator");
  const auto slice = [&](const char* from, std::uint64_t bytes) {
    auto request = caller.admin().historyVerifyRequest();
    request.setFrom(from);
    request.setBytes(bytes);
    return request.send().wait(caller.scope());
  };
  const auto first = slice("", 1 << 30);
  EXPECT_EQ(first.getBytes(), AdminLimits::kMaxVerifyBytes);
  const auto second = slice(first.getNext().cStr(), 77);
  ASSERT_EQ(second.getFindings().size(), 1u);
  EXPECT_STREQ(second.getFindings()[0].getWhere().cStr(), "report, node web-1");
  EXPECT_EQ(second.getMoreFindings(), 7u);
  EXPECT_STREQ(second.getNext().cStr(), "");
  EXPECT_THAT(backend_.calls(), ElementsAre("history_verify \"\" 16777216", "history_verify \"half\" 77"));
}

TEST_F(HistoryCalls, ABackupHasADeadlineOfItsOwn) {
  config_.backend_deadline = std::chrono::milliseconds(50);
  backend_.keep_silent = true;
  start();
  auto caller = client("admin");
  auto backup = caller.admin().historyBackupRequest().send();
  const auto error = caller.error_of([&] { caller.admin().nodesRequest().send().wait(caller.scope()); });
  ASSERT_TRUE(error) << "the usual one is over";
  EXPECT_FALSE(backup.poll(caller.scope()));
  EXPECT_THAT(backend_.calls(), Contains("history_backup by ann"));
}

TEST_F(HistoryCalls, CarriesWhatABackupIs) {
  start();
  auto caller = client("admin");
  const auto made = caller.admin().historyBackupRequest().send().wait(caller.scope());
  EXPECT_EQ(made.getId(), 4u);
  EXPECT_EQ(made.getAtS(), 1'700'000'000);
  EXPECT_EQ(made.getFiles(), 9u);
  EXPECT_STREQ(made.getDirectory().cStr(), "/backup");
}

}  // namespace
}  // namespace tideline::admin
