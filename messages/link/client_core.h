#pragma once
// The part of NodeClient that lives on the KJ loop. For this room's sources only.

#include <cstddef>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <kj/async-io.h>

#include "messages/link/file_watch.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_tls.h"
#include "messages/link/node_client.h"
#include "messages/schema/link.capnp.h"

namespace tideline::link {

/// What callers on other threads ask before they hand a report over.
struct ClientState {
  std::mutex mutex;
  bool connected = false;
  std::uint64_t generation = 0;  // grows with each session, so that a report handed over for one never goes to the next
  std::size_t in_flight = 0;
  bool asking = false;  // an eviction ask is open
};

class ClientCore final : private kj::TaskSet::ErrorHandler {
 public:
  ClientCore(KjContext& context, const NodeClientConfig& config, NodeClientEvents& events, ClientState& state);
  ~ClientCore() noexcept(false) { *self_ = nullptr; }
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  void start();
  /// `bytes` is a report as codec::to_bytes made it, `pods` the number of the list of its pods: the same for the same
  /// pods; 0 = it has none.
  void send_report(std::uint64_t generation, model::Seq seq, const std::vector<std::byte>& bytes, std::uint64_t pods);
  void ask_evictions(std::uint64_t generation, const model::EvictionAsk& ask);
  void answer_policy(model::PolicyVersion version, const std::string& problem);
  void answer_hands_off(std::uint64_t number, const std::string& problem);
  void answer_objects(std::uint64_t number, const std::string& problem);

  // Called by the agent that the coordinator holds.
  using SetPolicyContext = capnp::CallContext<schema::NodeAgent::SetPolicyParams, schema::NodeAgent::SetPolicyResults>;
  using SetReportIntervalContext =
      capnp::CallContext<schema::NodeAgent::SetReportIntervalParams, schema::NodeAgent::SetReportIntervalResults>;
  using SetHandsOffContext =
      capnp::CallContext<schema::NodeAgent::SetHandsOffParams, schema::NodeAgent::SetHandsOffResults>;
  using SetObjectsContext =
      capnp::CallContext<schema::NodeAgent::SetObjectsParams, schema::NodeAgent::SetObjectsResults>;
  kj::Promise<void> set_policy(SetPolicyContext context);
  kj::Promise<void> set_report_interval(SetReportIntervalContext context);
  kj::Promise<void> set_hands_off(SetHandsOffContext context);
  kj::Promise<void> set_objects(SetObjectsContext context);

 private:
  struct Outcome {
    model::PolicyVersion applied;
    std::string problem;
  };
  struct PendingPolicy {
    model::PolicyVersion version;
    kj::Own<kj::PromiseFulfiller<Outcome>> answer;
  };
  /// An order, or a set of objects.
  struct PendingNumber {
    std::uint64_t number = 0;
    kj::Own<kj::PromiseFulfiller<std::string>> answer;
  };
  struct Connection final : private kj::TaskSet::ErrorHandler {
    explicit Connection(kj::Own<RpcClient> own) : rpc(kj::mv(own)), tasks(*this) {}
    void taskFailed(kj::Exception&& exception) override;
    kj::Own<RpcClient> rpc;
    kj::Maybe<schema::NodeSession::Client> session;
    std::vector<PendingPolicy> policies;
    std::vector<PendingNumber> hands_off;
    std::vector<PendingNumber> objects;
    model::Duration heartbeat{0};
    model::Duration deadline{0};
    kj::TimePoint said = kj::origin<kj::TimePoint>();  // the last heartbeat, or report on its own, was sent
    model::Duration next_beat{0};                      // after it, if there is no report
    std::size_t unanswered = 0;                        // reports
    bool keeps_pods = false;
    std::uint64_t pods_sent = 0;   // list of the last report that had them
    std::uint64_t pods_known = 0;  // the same, once it was acked; 0 = the next report must have them
    /// Kept until the next report goes: that it is done with is told in a message of its own, which then comes with the
    /// report and wakes the coordinator for nothing else.
    kj::Maybe<capnp::Response<schema::NodeSession::ReportResults>> last_ack;
    kj::TaskSet tasks;
  };

  /// The answer to come for `number`. Of many that wait the oldest is told that it is `superseded`.
  static kj::Promise<std::string> wait_in(std::vector<PendingNumber>& waiting, std::uint64_t number,
                                          const std::string& superseded);
  static void answer_in(std::vector<PendingNumber>& waiting, std::uint64_t number, const std::string& problem);
  void plan_attempt(model::Duration longest_wait);
  /// Makes it when there is none, when the files are others, or when what they held has expired.
  model::Result<void> renew_connector();
  void attempt();
  /// Fails when `stage` takes longer.
  kj::Promise<void> within(model::Duration deadline, kj::Promise<void> stage, const std::string& missing);
  kj::Promise<void> enroll(TlsStream stream, const std::string& address);
  void enrolled(schema::Welcome::Reader welcome, const std::string& address);
  void said(bool by_report);
  void beat();
  void watch_disconnect();
  void ended(const std::string& why);
  void report_answered(std::uint64_t generation);
  void pods_answered(std::uint64_t pods, bool acked);
  void evictions_answered(std::uint64_t generation, const model::Result<model::EvictionAnswer>& answer);
  void taskFailed(kj::Exception&& exception) override;

  KjContext context_;
  // What the peer calls finds null here once this is gone: a call may be read in the same turn of a loop that lives on.
  const std::shared_ptr<ClientCore*> self_;
  const NodeClientConfig& config_;
  NodeClientEvents& events_;
  ClientState& state_;
  std::mt19937_64 random_;
  std::size_t next_address_ = 0;
  unsigned failures_ = 0;
  kj::TimePoint connected_at_;
  FileWatch files_;
  kj::Own<TlsConnector> connector_;
  model::WallTime connector_until_;
  kj::Own<Connection> connection_;  // null between sessions
  bool trying_ = false;             // an attempt, or the session that it became, has not ended
  bool session_up_ = false;
  kj::TaskSet tasks_;
};

}  // namespace tideline::link
