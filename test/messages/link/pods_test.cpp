// What pods are travels once a session, and again when it changed.

#include <gmock/gmock.h>

#include "messages/codec/report_bytes.h"
#include "test/messages/link/fixture.h"
#include "test/messages/link/hostile_peer.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

class LinkPods : public LinkTest {
 protected:
  static model::Report with_pods(const std::string& node, std::uint64_t seq, std::size_t count = 3) {
    model::Report made = report(node, 1, seq);
    for (std::size_t i = 0; i < count; ++i) {
      model::Pod pod;
      pod.uid = model::PodUid("uid-" + std::to_string(i));
      pod.name = "pod-" + std::to_string(i);
      auto& one = made.pods.emplace_back();
      one.pod = std::move(pod);
      const auto use = static_cast<std::int64_t>(100 * seq + i);
      one.cpu_milli = model::Spread{use, use + 1, use + 2};
    }
    return made;
  }

  /// Sends the report, waits for its ack and gives it as it arrived.
  static ArrivedReport exchange(NodeClient& client, ClientRecord& client_record, ServerRecord& server_record,
                                const model::Report& sent) {
    const std::size_t acked = client_record.acked.size();
    EXPECT_TRUE(client.send_report(sent));
    EXPECT_TRUE(client_record.wait_acked(acked + 1));
    return server_record.reports.back();
  }
};

TEST_F(LinkPods, AreLeftOutOnceTheyAreKnownAndTheReportIsWholeAllTheSame) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));

  const auto first = exchange(*client, client_record, server_record, with_pods("n1", 1));
  EXPECT_EQ(*first.report, with_pods("n1", 1));
  EXPECT_EQ(first.pods_left_out, 0u);
  EXPECT_EQ(*codec::report_from_bytes(first.bytes), with_pods("n1", 1));

  const auto second = exchange(*client, client_record, server_record, with_pods("n1", 2));
  EXPECT_EQ(*second.report, with_pods("n1", 2));
  EXPECT_NE(second.pods_left_out, 0u);
  EXPECT_LT(second.bytes.size(), first.bytes.size());
  const auto alone = codec::report_from_bytes(second.bytes);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code(), ErrorCode::kMalformed);
  const model::SharedPods pods = model::shared_pods(*first.report);
  const auto joined = codec::report_from_bytes(
      second.bytes, [&](std::uint64_t list) { return list == second.pods_left_out ? &pods : nullptr; });
  ASSERT_TRUE(joined) << joined.error().message();
  EXPECT_EQ(*joined, with_pods("n1", 2));

  const auto third = exchange(*client, client_record, server_record, with_pods("n1", 3));
  EXPECT_EQ(third.pods_left_out, second.pods_left_out) << "of the same list";
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(&*second.report->pods.at(i).pod, &*first.report->pods.at(i).pod) << "one object for all of the session";
    EXPECT_EQ(&*third.report->pods.at(i).pod, &*first.report->pods.at(i).pod);
  }
}

TEST_F(LinkPods, TravelAgainWhenOneOfThemIsAnother) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  exchange(*client, client_record, server_record, with_pods("n1", 1));
  const auto before = exchange(*client, client_record, server_record, with_pods("n1", 2));

  auto changed = with_pods("n1", 3);
  changed.pods[1].pod.change([](model::Pod& pod) { pod.phase = model::PodPhase::kSucceeded; });
  const auto whole = exchange(*client, client_record, server_record, changed);
  EXPECT_EQ(*whole.report, changed);
  EXPECT_EQ(*before.report, with_pods("n1", 2)) << "what was told before stays as it was";
  EXPECT_EQ(whole.pods_left_out, 0u);
  changed.seq = model::Seq(4);
  const auto after = exchange(*client, client_record, server_record, changed);
  EXPECT_EQ(*after.report, changed);
  EXPECT_NE(after.pods_left_out, 0u);
  EXPECT_NE(after.pods_left_out, before.pods_left_out);
  EXPECT_EQ(&*after.report->pods.at(1).pod, &*whole.report->pods.at(1).pod);

  const auto fewer = exchange(*client, client_record, server_record, with_pods("n1", 5, 2));
  EXPECT_EQ(*fewer.report, with_pods("n1", 5, 2));
  const auto none = exchange(*client, client_record, server_record, with_pods("n1", 6, 0));
  EXPECT_EQ(*none.report, with_pods("n1", 6, 0));
  EXPECT_EQ(none.pods_left_out, 0u);
}

TEST_F(LinkPods, ANewSessionKnowsNone) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  auto settings = client_config("n1", server->port());
  settings.reconnect_spread = std::chrono::milliseconds(1);
  settings.backoff_min = std::chrono::milliseconds(1);
  const auto client = join(std::move(settings), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  exchange(*client, client_record, server_record, with_pods("n1", 1));
  exchange(*client, client_record, server_record, with_pods("n1", 2));
  server->close(server_record.enrolled[0].id, "for the test");
  ASSERT_TRUE(client_record.wait_connected(2));
  const auto first = exchange(*client, client_record, server_record, with_pods("n1", 3));
  EXPECT_EQ(*first.report, with_pods("n1", 3));
  EXPECT_EQ(first.pods_left_out, 0u);
}

TEST_F(LinkPods, OfAReportThatWasRefusedAreSentAgain) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record, false);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  for (std::size_t round = 1; round <= 2; ++round) {
    ASSERT_TRUE(client->send_report(with_pods("n1", 1)));
    ASSERT_TRUE(server_record.wait_reports(round));
    EXPECT_EQ(server_record.reports.back().pods_left_out, 0u);
    server->refuse(server_record.reports.back().ticket, model::Error(ErrorCode::kOverloaded, "later"));
    ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.refused.size() == round; }));
  }
}

TEST_F(LinkPods, ThatWereLeftOutOfARefusedReportAreSentWithIt) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record, false);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(client->send_report(with_pods("n1", 1)));
  ASSERT_TRUE(server_record.wait_reports(1));
  server->acknowledge({server_record.reports[0].ticket});
  ASSERT_TRUE(client_record.wait_acked(1));
  ASSERT_TRUE(client->send_report(with_pods("n1", 2)));
  ASSERT_TRUE(server_record.wait_reports(2));
  EXPECT_NE(server_record.reports[1].pods_left_out, 0u);
  server->refuse(server_record.reports[1].ticket, model::Error(ErrorCode::kOverloaded, "later"));
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.refused.size() == 1; }));
  ASSERT_TRUE(client->send_report(with_pods("n1", 2)));
  ASSERT_TRUE(server_record.wait_reports(3));
  EXPECT_EQ(server_record.reports[2].pods_left_out, 0u);
  EXPECT_EQ(*server_record.reports[2].report, with_pods("n1", 2));
}

TEST_F(LinkPods, OfSeveralReportsOnTheirWayTheLastOneCounts) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.max_outstanding_reports = 4;
  const auto server = serve(std::move(config), server_record, false);
  auto settings = client_config("n1", server->port());
  settings.window = 4;
  const auto client = join(std::move(settings), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  // Lists of 3, 2 and 3 pods, none of them acked: each must be whole.
  for (std::uint64_t seq = 1; seq <= 3; ++seq)
    ASSERT_TRUE(client->send_report(with_pods("n1", seq, seq == 2 ? 2 : 3)));
  ASSERT_TRUE(server_record.wait_reports(3));
  for (std::size_t i = 0; i < 3; ++i)
    server->acknowledge({server_record.reports[i].ticket});
  ASSERT_TRUE(client_record.wait_acked(3));
  ASSERT_TRUE(client->send_report(with_pods("n1", 4)));
  ASSERT_TRUE(client->send_report(with_pods("n1", 5, 2)));
  ASSERT_TRUE(client->send_report(with_pods("n1", 6)));
  ASSERT_TRUE(server_record.wait_reports(6));
  for (std::uint64_t seq = 1; seq <= 6; ++seq)
    EXPECT_EQ(*server_record.reports[seq - 1].report, with_pods("n1", seq, seq == 2 || seq == 5 ? 2 : 3));
  EXPECT_NE(server_record.reports[3].pods_left_out, 0u);
  EXPECT_EQ(server_record.reports[4].pods_left_out, 0u);
  EXPECT_EQ(server_record.reports[5].pods_left_out, 0u);
}

TEST_F(LinkPods, ThatNobodySentAreRefusedForNowAndTheSessionStays) {
  ServerRecord server_record;
  const auto server = serve(server_config(), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  const auto refused = peer.report_without_pods(with_pods("n1", 1), 5);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound) << "no code that makes a node drop its report";
  EXPECT_THAT(refused.error().message(), HasSubstr("3 of list 5 are left out"));
  EXPECT_TRUE(peer.report(with_pods("n1", 1)));
  EXPECT_FALSE(peer.report_without_pods(with_pods("n1", 2), 5)) << "the one before was of no list";
  EXPECT_TRUE(peer.report(with_pods("n1", 2)));
  EXPECT_EQ(server->sessions(), 1U);
}

}  // namespace
}  // namespace tideline::link
