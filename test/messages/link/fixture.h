#pragma once
// A server and clients on loopback, with what happened to them kept for the test to ask.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "messages/link/node_client.h"
#include "messages/link/node_server.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::link {

/// Waits for a condition on what the link's threads bring; gives up after a generous while.
class Signal {
 public:
  template <class Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), predicate);
  }
  template <class Change>
  void update(Change change) {
    {
      const std::lock_guard lock(mutex);
      change();
    }
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
};

struct ServerRecord final : NodeServerEvents {
  struct Closed {
    SessionId session;
    std::string node;
    std::string why;
  };
  struct PolicyAck {
    std::string node;
    std::uint64_t version;
    std::string problem;
  };
  void on_enrolled(const SessionInfo& session) override;
  void on_reports(std::vector<ArrivedReport> reports) override;
  void on_policy_ack(SessionId session, const model::NodeName& node, model::PolicyVersion version,
                     const std::string& problem) override;
  void on_hands_off_ack(SessionId session, const model::NodeName& node, std::uint64_t number,
                        const std::string& problem) override;
  void on_objects_ack(SessionId session, const model::NodeName& node, std::uint64_t number,
                      const std::string& problem) override;
  void on_eviction_ask(ArrivedEvictionAsk ask) override;
  void on_closed(SessionId session, const model::NodeName& node, const std::string& why) override;
  void on_heartbeat(SessionId session, model::MonoTime mono, model::WallTime wall) override;
  void on_peer_refused(const std::string& peer, const model::Error& why, std::uint64_t suppressed) override;

  bool wait_enrolled(std::size_t count);
  bool wait_reports(std::size_t count);
  bool wait_closed(std::size_t count);
  bool wait_refused(const std::string& part);
  std::size_t heartbeat_count();

  Signal signal;
  NodeServer* server = nullptr;  // set: reports are acked as they come
  std::vector<SessionInfo> enrolled;
  std::vector<ArrivedReport> reports;
  std::vector<PolicyAck> policy_acks;
  std::vector<PolicyAck> hands_off_acks;  // version: the order's number
  std::vector<PolicyAck> objects_acks;    // version: the set's number
  std::vector<ArrivedEvictionAsk> eviction_asks;
  std::vector<Closed> closed;
  std::vector<std::string> refusals;
  std::size_t heartbeats = 0;
  std::function<void()> in_heartbeat;  // runs on the link's thread
};

struct ClientRecord final : NodeClientEvents {
  void on_connected(const Welcome& welcome) override;
  void on_disconnected(const std::string& why, unsigned attempt) override;
  void on_acked(model::Seq seq) override;
  void on_refused(model::Seq seq, const model::Error& why) override;
  void on_policy(const model::NodePolicy& policy) override;
  void on_report_interval(model::Duration interval, model::Duration duration) override;
  void on_hands_off(const model::HandsOffOrder& order) override;
  void on_objects(const model::NodeObjects& set) override;
  void on_evictions(const model::Result<model::EvictionAnswer>& answer) override;
  void on_batch(const model::BatchAllocatable& allocatable) override;

  bool wait_connected(std::size_t count);
  bool wait_disconnected(std::size_t count);
  bool wait_acked(std::size_t count);
  std::string last_why();

  Signal signal;
  std::vector<Welcome> welcomes;
  std::vector<std::string> disconnects;
  std::vector<std::uint64_t> acked;
  std::vector<std::pair<std::uint64_t, model::Error>> refused;
  std::vector<model::NodePolicy> policies;
  std::vector<std::pair<model::Duration, model::Duration>> intervals;
  std::vector<model::HandsOffOrder> orders;
  std::vector<model::NodeObjects> objects;
  std::vector<model::Result<model::EvictionAnswer>> evictions;
  std::vector<model::BatchAllocatable> batches;
  std::function<void(const model::NodePolicy&)> in_policy;  // runs on the link's thread
};

class LinkTest : public testing::Test {
 protected:
  static TlsFiles files(const test::CertFiles& made) { return {made.certificate, made.key, made.ca}; }
  static model::Report report(const std::string& node, std::uint64_t incarnation, std::uint64_t seq);

  NodeServerConfig server_config();
  NodeClientConfig client_config(const std::string& node, std::uint16_t port);
  /// Acks reports as they come when `ack` is set.
  std::unique_ptr<NodeServer> serve(NodeServerConfig config, ServerRecord& record, bool ack = true);
  std::unique_ptr<NodeClient> join(NodeClientConfig config, ClientRecord& record);

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  test::CertAuthority other_ca_{dir_.str(), "other-ca"};
  const TlsFiles server_files_ = files(ca_.coordinator());
};

}  // namespace tideline::link
