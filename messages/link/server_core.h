#pragma once
// The part of NodeServer that lives on the KJ loop. For this room's sources only.

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <kj/async-io.h>

#include "messages/link/deny_list.h"
#include "messages/link/enroll_pace.h"
#include "messages/link/file_watch.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_tls.h"
#include "messages/link/loop_lag.h"
#include "messages/link/node_server.h"
#include "messages/link/report_reader.h"
#include "messages/link/send_queue.h"
#include "messages/log/log.h"
#include "messages/schema/link.capnp.h"

namespace tideline::link {

class ServerCore final : private kj::TaskSet::ErrorHandler {
 public:
  ServerCore(KjContext& context, const NodeServerConfig& config, NodeServerEvents& events, LinkCounts& counts);
  ~ServerCore() noexcept(false);
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  /// Begins to listen; the port.
  model::Result<std::uint16_t> listen();

  void acknowledge(const std::vector<Ticket>& tickets);
  void refuse(const Ticket& ticket, const model::Error& why);
  void push_policy(std::vector<std::pair<SessionId, model::NodePolicy>> policies);
  void push_hands_off(SessionId session, model::HandsOffOrder order);
  void push_objects(std::vector<std::pair<SessionId, std::shared_ptr<const model::NodeObjects>>> sets);
  void answer_evictions(const EvictionTicket& ticket, const model::EvictionAnswer& answer);
  void refuse_evictions(const EvictionTicket& ticket, const model::Error& why);
  void set_batch(const std::vector<std::pair<SessionId, BatchAccount>>& accounts);
  void set_report_interval(SessionId session, model::Duration interval, model::Duration duration);
  void end(SessionId session, const std::string& why);
  void end_all(const std::string& why);
  /// From now on takes no connection, no node and no report; `drained` is called once all reports that were taken have
  /// their answers and those had time to leave.
  void drain(kj::Function<void()> drained);

  // Called by the RPC objects of one peer.
  using EnrollContext = capnp::CallContext<schema::Coordinator::EnrollParams, schema::Coordinator::EnrollResults>;
  using ReportContext = capnp::CallContext<schema::NodeSession::ReportParams, schema::NodeSession::ReportResults>;
  using HeartbeatContext =
      capnp::CallContext<schema::NodeSession::HeartbeatParams, schema::NodeSession::HeartbeatResults>;
  using EvictContext = capnp::CallContext<schema::NodeSession::EvictParams, schema::NodeSession::EvictResults>;
  kj::Promise<void> enroll(SessionId session, EnrollContext context);
  kj::Promise<void> report(SessionId session, ReportContext context);
  kj::Promise<void> heartbeat(SessionId session, HeartbeatContext context);
  kj::Promise<void> evict(SessionId session, EvictContext context);

 private:
  struct Waiting {
    model::Seq seq;
    kj::Own<kj::PromiseFulfiller<void>> answer;
  };
  struct Session {
    SessionId id;
    RpcConnections::Id connection = 0;
    std::string peer;
    std::string serial;
    model::WallTime not_after;
    model::Result<model::NodeName> proved = model::NodeName();
    kj::TimePoint since = kj::origin<kj::TimePoint>();
    kj::Duration lifetime = 0 * kj::SECONDS;
    kj::TimePoint last_heard = kj::origin<kj::TimePoint>();
    bool enrolled = false;
    Hello hello;
    std::size_t rejections = 0;
    ReportReader reports;
    kj::Maybe<schema::NodeAgent::Client> agent;
    std::unordered_map<std::uint64_t, Waiting> waiting;
    std::optional<model::NodePolicy> policy_wanted;
    bool policy_queued = false;
    bool policy_in_flight = false;
    std::optional<model::HandsOffOrder> hands_off_wanted;
    bool hands_off_in_flight = false;
    std::shared_ptr<const model::NodeObjects> objects_wanted;
    bool objects_queued = false;
    bool objects_in_flight = false;
    struct WaitingAsk {
      std::uint64_t slot = 0;
      kj::Own<kj::PromiseFulfiller<model::EvictionAnswer>> answer;
    };
    std::optional<WaitingAsk> eviction_ask;
    std::optional<BatchAccount> batch;
  };

  void accept(TlsStream stream);
  void refused(const std::string& peer, const model::Error& why);
  /// The session, heard from just now; throws when it is ended or clogged.
  Session& heard(SessionId id);
  Session* find(SessionId id);
  /// Counts against the session's patience and throws. `why` is the callee's own: the session may not outlive the call.
  [[noreturn]] void reject(Session& session, model::Error why);
  /// Ends the session and throws.
  [[noreturn]] void expel(Session& session, model::Error why);
  model::Result<void> make_room_for(const Hello& hello);
  std::uint64_t draw_pod_list();
  void flush_reports();
  /// What waits for the ticket's answer, or null: nothing does.
  kj::Own<kj::PromiseFulfiller<void>> take_waiting(const Ticket& ticket);
  void tell_when_drained();
  void queue_policy(Session& session);
  bool send_policy(SessionId id);
  void policy_answered(SessionId id, model::PolicyVersion version, const std::string& problem);
  void send_hands_off(Session& session);
  void hands_off_answered(SessionId id, std::uint64_t number, const std::string& problem);
  void queue_objects(Session& session);
  bool send_objects(SessionId id);
  void objects_answered(SessionId id, std::uint64_t number, const std::string& problem);
  /// Bytes on their way to the sessions that have a set in flight.
  std::size_t unread_objects();
  void sweep(kj::Duration wait);
  void note_lag();
  kj::Duration draw_lifetime(model::WallTime not_after);
  void note_certificate(const TlsMaterial& material);
  void reload_changed_files();
  void reload_denied_names();
  void taskFailed(kj::Exception&& exception) override;

  /// Null once this is gone: the capabilities that peers hold may be called a little longer.
  std::shared_ptr<ServerCore*> self_ = std::make_shared<ServerCore*>(this);
  KjContext context_;
  const NodeServerConfig& config_;
  NodeServerEvents& events_;
  LinkCounts& counts_;
  const kj::Duration sweep_every_;
  kj::TimePoint last_sweep_;
  kj::TimePoint last_reload_;
  FileWatch files_;
  std::string reload_problem_;  // why newer ones are not in use; "" = there are none
  FileWatch denied_file_;
  std::string denied_problem_;  // likewise
  DenyList denied_;
  EnrollPace pace_;
  std::mt19937_64 random_{(std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
  LoopLag lag_;
  kj::Own<RpcConnections> connections_;
  kj::Own<TlsListener> listener_;
  std::unordered_map<SessionId, Session> sessions_;
  std::unordered_map<model::NodeName, SessionId> by_node_;
  std::uint64_t last_session_ = 0;
  std::uint64_t last_slot_ = 0;
  std::vector<ArrivedReport> arrived_;
  bool flush_planned_ = false;
  std::size_t unanswered_ = 0;  // reports of all sessions
  bool draining_ = false;
  kj::Maybe<kj::Function<void()>> drained_;
  SendQueue policies_;
  SendQueue objects_;
  std::unordered_set<SessionId> with_objects_in_flight_;
  std::unordered_map<model::ErrorCode, log::RateLimit> refusal_rates_;
  kj::TaskSet tasks_;
};

}  // namespace tideline::link
