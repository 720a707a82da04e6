// A server whose term is over sends nothing that it has in hand: its sessions end instead.

#include "messages/clock/term.h"

#include <chrono>
#include <memory>
#include <mutex>

#include <gtest/gtest.h>

#include "test/messages/link/fixture.h"

namespace tideline::link {
namespace {

class TermTest : public LinkTest {
 protected:
  void SetUp() override { term_->extend(clock::boot_now() + std::chrono::hours(1)); }

  /// Without heartbeats, whose answers would end the session first.
  NodeServerConfig config() {
    auto made = server_config();
    made.session.heartbeat = std::chrono::seconds(10);
    made.session.idle_deadline = std::chrono::seconds(30);
    made.term = term_;
    return made;
  }
  static std::size_t acks_of(ClientRecord& record) {
    const std::lock_guard lock(record.signal.mutex);
    return record.acked.size();
  }

  const std::shared_ptr<clock::Term> term_ = std::make_shared<clock::Term>();
};

TEST_F(TermTest, AnAckGoesOutWithinTheTermAndNotAfterIt) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(config(), server_record, false);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(server_record.wait_reports(1));
  server->acknowledge({server_record.reports[0].ticket});
  ASSERT_TRUE(client_record.wait_acked(1));

  ASSERT_TRUE(client->send_report(report("n1", 1, 2)));
  ASSERT_TRUE(server_record.wait_reports(2));
  term_->end();
  server->acknowledge({server_record.reports[1].ticket});
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_EQ(acks_of(client_record), 1U);
  EXPECT_TRUE(server_record.wait_closed(1));
}

TEST_F(TermTest, APolicyIsNotPushedAfterIt) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  ASSERT_TRUE(server_record.wait_enrolled(1));
  term_->end();
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(41);
  policy.epoch = model::Epoch(7);
  server->push_policy({{server_record.enrolled[0].id, policy}});
  ASSERT_TRUE(client_record.wait_disconnected(1));
  const std::lock_guard lock(client_record.signal.mutex);
  EXPECT_TRUE(client_record.policies.empty());
}

TEST_F(TermTest, NobodyIsWelcomedAfterIt) {
  term_->end();
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  const std::lock_guard lock(client_record.signal.mutex);
  EXPECT_TRUE(client_record.welcomes.empty());
}

}  // namespace
}  // namespace tideline::link
