// What Kubernetes has of a node and its pods, on the way to the node.

#include <gmock/gmock.h>

#include "test/messages/link/fixture.h"
#include "test/messages/link/hostile_peer.h"

namespace tideline::link {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class LinkObjects : public LinkTest {
 protected:
  /// Each pod takes some 1.5 KiB of a report.
  static std::shared_ptr<model::NodeObjects> set(std::uint64_t number, std::size_t pods = 2) {
    auto made = std::make_shared<model::NodeObjects>();
    made->number = number;
    made->epoch = model::Epoch(7);
    made->labels = {{"pool", "web"}};
    made->cpu_allocatable = model::MilliCpu(3500);
    for (std::size_t i = 0; i < pods; ++i) {
      model::Pod pod;
      pod.uid = model::PodUid("uid-" + std::to_string(i));
      pod.name = "pod-" + std::to_string(i);
      pod.workload = std::string(1000, 'w');
      made->pods.push_back(std::move(pod));
    }
    return made;
  }
  bool wait_acks(std::size_t count) {
    return server_record_.signal.wait([&]() { return server_record_.objects_acks.size() >= count; });
  }
  bool wait_objects(std::size_t count) {
    return client_record_.signal.wait([&]() { return client_record_.objects.size() >= count; });
  }
  /// One node, with its session.
  void begin() {
    server_ = serve(server_config(), server_record_);
    client_ = join(client_config("n1", server_->port()), client_record_);
    ASSERT_TRUE(client_record_.wait_connected(1)) << client_record_.last_why();
    ASSERT_TRUE(server_record_.wait_enrolled(1));
    id_ = server_record_.enrolled[0].id;
  }

  ServerRecord server_record_;
  ClientRecord client_record_;
  std::unique_ptr<NodeServer> server_;
  std::unique_ptr<NodeClient> client_;
  SessionId id_;
};

TEST_F(LinkObjects, ReachTheNodeOneAtATimeAndBringItsAnswer) {
  begin();
  server_->push_objects({{id_, set(3)}});
  ASSERT_TRUE(wait_objects(1));
  EXPECT_EQ(client_record_.objects[0], *set(3));
  EXPECT_TRUE(server_record_.objects_acks.empty());

  // While one waits for its answer the newest of the others waits for it.
  for (std::uint64_t number = 4; number < 7; ++number)
    server_->push_objects({{id_, set(number)}});
  const auto beats = server_record_.heartbeat_count();
  ASSERT_TRUE(server_record_.signal.wait([&]() { return server_record_.heartbeats >= beats + 2; })) << "they are there";
  client_->answer_objects(3, "");
  ASSERT_TRUE(wait_objects(2));
  EXPECT_EQ(client_record_.objects[1].number, 6u);
  client_->answer_objects(99, "nobody asked");
  client_->answer_objects(6, "of an older epoch");
  ASSERT_TRUE(wait_acks(2));
  EXPECT_EQ(server_record_.objects_acks[0].node, "n1");
  EXPECT_EQ(server_record_.objects_acks[0].version, 3u);
  EXPECT_EQ(server_record_.objects_acks[0].problem, "");
  EXPECT_EQ(server_record_.objects_acks[1].version, 6u);
  EXPECT_EQ(server_record_.objects_acks[1].problem, "of an older epoch");
}

TEST_F(LinkObjects, MayBeLargerThanWhatElseMayLieUnread) {
  begin();
  const auto large = set(1, 400);
  server_->push_objects({{id_, large}});
  ASSERT_TRUE(wait_objects(1)) << client_record_.last_why();
  EXPECT_TRUE(client_record_.objects[0] == *large);
  client_->answer_objects(1, "");
  ASSERT_TRUE(wait_acks(1));
  EXPECT_EQ(server_record_.objects_acks[0].problem, "");
  ASSERT_TRUE(client_->send_report(report("n1", 1, 1)));
  EXPECT_TRUE(client_record_.wait_acked(1));
  EXPECT_TRUE(client_record_.disconnects.empty()) << client_record_.last_why();
}

TEST_F(LinkObjects, AreNotSentWhereNoReportCouldTellOfThem) {
  begin();
  server_->push_objects({{id_, set(1, 500)}});
  ASSERT_TRUE(wait_acks(1));
  EXPECT_EQ(server_record_.objects_acks[0].version, 1u);
  EXPECT_THAT(server_record_.objects_acks[0].problem, HasSubstr("not sent: its 500 pods take "));
  EXPECT_THAT(server_record_.objects_acks[0].problem, HasSubstr("limit 655360"));
  const auto twice = set(2);
  twice->pods[1].uid = twice->pods[0].uid;
  server_->push_objects({{id_, twice}});
  ASSERT_TRUE(wait_acks(2));
  EXPECT_EQ(server_record_.objects_acks[1].problem, "not sent: pods.uid: 'uid-0' comes twice");

  server_->push_objects({{id_, set(3)}});
  ASSERT_TRUE(wait_objects(1)) << "the session lives on";
  EXPECT_EQ(client_record_.objects[0].number, 3u);
  EXPECT_TRUE(client_record_.disconnects.empty()) << client_record_.last_why();
}

TEST_F(LinkObjects, AnAgentThatKnowsNoneIsTooOldAndKeepsItsSession) {
  server_ = serve(server_config(), server_record_);
  HostilePeer peer(files(ca_.node("n1")), server_->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  ASSERT_TRUE(server_record_.wait_enrolled(1));
  server_->push_objects({{server_record_.enrolled[0].id, set(1)}});
  ASSERT_TRUE(wait_acks(1));
  EXPECT_EQ(server_record_.objects_acks[0].problem, "the agent is too old to take its pods from the coordinator");
  EXPECT_TRUE(peer.report(report("n1", 1, 1)));
}

TEST_F(LinkObjects, ReachManySessionsInSlices) {
  auto config = server_config();
  config.session.objects_slice = 2;
  config.session.policy_slice_every = milliseconds(100);
  server_ = serve(std::move(config), server_record_);
  constexpr std::size_t kNodes = 7;
  std::vector<std::unique_ptr<NodeClient>> clients;
  for (std::size_t i = 0; i < kNodes; ++i)
    clients.push_back(join(client_config("n" + std::to_string(i), server_->port()), client_record_));
  ASSERT_TRUE(server_record_.wait_enrolled(kNodes));
  std::vector<std::pair<SessionId, std::shared_ptr<const model::NodeObjects>>> sets;
  for (const auto& session : server_record_.enrolled)
    sets.emplace_back(session.id, set(5));
  const auto start = std::chrono::steady_clock::now();
  server_->push_objects(std::move(sets));
  ASSERT_TRUE(wait_objects(kNodes));
  // Two at a time: the last of seven is in the fourth slice, three waits after the first. The loop's clock may be a
  // little behind.
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(250));
  for (const auto& client : clients)
    client->answer_objects(5, "");
  EXPECT_TRUE(wait_acks(kNodes));
  for (const auto& client : clients)
    client->stop();
}

TEST_F(LinkObjects, OfASessionThatEndedAreForgotten) {
  begin();
  server_->push_objects({{id_, set(1)}});
  ASSERT_TRUE(wait_objects(1));
  server_->close(id_, "test");
  ASSERT_TRUE(client_record_.wait_connected(2)) << client_record_.last_why();
  client_->answer_objects(1, "");
  server_->push_objects({{id_, set(2)}});
  ASSERT_TRUE(server_record_.wait_enrolled(2));
  server_->push_objects({{server_record_.enrolled[1].id, set(3)}});
  ASSERT_TRUE(wait_objects(2));
  EXPECT_EQ(client_record_.objects[1].number, 3u);
  client_->answer_objects(3, "");
  ASSERT_TRUE(wait_acks(1));
  EXPECT_EQ(server_record_.objects_acks[0].version, 3u);
}

}  // namespace
}  // namespace tideline::link
