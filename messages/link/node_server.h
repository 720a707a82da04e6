#pragma once
// The coordinator's end of the node link: TLS, enrolment, sessions, heartbeats and bounds on a KJ loop of its own
// thread.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "messages/clock/term.h"
#include "messages/link/limits.h"
#include "messages/link/link_counts.h"
#include "messages/link/session.h"
#include "messages/link/tls_files.h"
#include "messages/model/hands_off.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"

namespace tideline::link {

/// Called on the link's thread, one at a time: must not block, must not throw, may call the server's methods.
class NodeServerEvents {
 public:
  virtual ~NodeServerEvents() = default;
  virtual void on_enrolled(const SessionInfo& session) = 0;
  /// Reports that came within some ms of each other. Order within a session is kept.
  virtual void on_reports(std::vector<ArrivedReport> reports) = 0;
  /// The node's own answer to the policy `version` that was pushed. problem "" = it is in force; else what the node
  /// says, or that it gave no answer.
  virtual void on_policy_ack(SessionId session, const model::NodeName& node, model::PolicyVersion version,
                             const std::string& problem) = 0;
  /// The node's answer to the order `number` of push_hands_off. problem "" = it obeys; else what it says, that it does
  /// not know such orders, or that it gave no answer.
  virtual void on_hands_off_ack(SessionId session, const model::NodeName& node, std::uint64_t number,
                                const std::string& problem) = 0;
  /// The node's answer to the set `number` of push_objects. problem "" = its pods, labels and annotations are these
  /// from now on; else what it says, that it does not take them, why the set was not sent, or that it gave no answer.
  virtual void on_objects_ack(SessionId, const model::NodeName&, std::uint64_t /*number*/,
                              const std::string& /*problem*/) {}
  /// A node asks before it evicts. A session has one ask open at a time.
  virtual void on_eviction_ask(ArrivedEvictionAsk ask) = 0;
  /// An enrolled session ended, for whatever reason. No event of it follows.
  virtual void on_closed(SessionId session, const model::NodeName& node, const std::string& why) = 0;
  /// Not periodic: a report stands for one.
  virtual void on_heartbeat(SessionId, model::MonoTime /*node*/, model::WallTime /*node*/) {}
  /// A peer that never became a session: handshake failed, wrong CA, another's name, silent. At most some 10 a second
  /// of each error code, so that a flood of one kind hides no other; `suppressed` counts the ones of this code that
  /// were left out since its last call.
  virtual void on_peer_refused(const std::string& /*peer*/, const model::Error& /*why*/, std::uint64_t /*suppressed*/) {
  }
};

struct NodeServerConfig {
  std::string listen = "127.0.0.1:0";  // "host:port", IP or "*"; port 0 = any free one
  TlsFiles tls;
  /// deny_list.h; "" = none. Re-read as the TLS files are; sessions of names that are new in it end.
  std::string denied_names_file;
  /// Decides about a node whose identity is proved. Called on the link's thread: thread-safe, quick, no waiting. An
  /// error refuses the node with that text.
  std::function<model::Result<EnrollAnswer>(const Hello&)> enroll;
  AcceptLimits accept;
  RpcLimits rpc;
  SessionLimits session;
  /// When it is over no node is sent anything any more, no ack, answer or push: its session ends instead.
  clock::TermPtr term = nullptr;
};

/// All methods may be called from any thread and, but for stop(), return at once; calls from outside are carried to the
/// link's thread in batches, in order. `events` must outlive the server.
///
/// The TLS files and the denied names are re-read when they change (AcceptLimits::reload_every): connections from then
/// on use them, and bad ones are logged and not used. A session ends with its peer's certificate at the latest.
///
/// One node has one session. A newcomer with the same incarnation replaces the older session, which is closed: it is
/// the same agent coming back before its old connection was noticed dead. A newcomer with another incarnation is
/// refused while the older session was heard from within two heartbeats: two agents run as one node, and the one in
/// place stays. A node that comes too often (SessionLimits::enroll_burst) is refused as well.
class NodeServer {
 public:
  /// Checks the TLS files and the denied names, listens, starts the thread. The error names file or address.
  static model::Result<std::unique_ptr<NodeServer>> start(NodeServerConfig config, NodeServerEvents& events);
  ~NodeServer();  // stop()
  NodeServer(const NodeServer&) = delete;
  NodeServer& operator=(const NodeServer&) = delete;

  std::uint16_t port() const;
  std::size_t sessions() const;
  /// For as long as the server lives.
  const LinkCounts& counts() const;

  /// The reports are durable: the nodes may forget them.
  void acknowledge(std::vector<Ticket> tickets);
  /// The report was not taken; the node keeps it, and drops it only for kInvalidArgument or kMalformed.
  void refuse(Ticket ticket, model::Error why);
  /// Sent in slices (SessionLimits). A newer policy for the same session replaces one not yet sent; on_policy_ack
  /// brings the node's answer.
  void push_policy(std::vector<std::pair<SessionId, model::NodePolicy>> policies);
  /// Sent at once, or after the answer to the one before; of several that wait only the newest is sent.
  void push_hands_off(SessionId session, model::HandsOffOrder order);
  /// Sent in slices (SessionLimits). A newer set for the same session replaces one not yet sent; on_objects_ack brings
  /// the node's answer. One that model::validate refuses, or whose pods would take more of a report than
  /// ReportLimits::kMaxPodsWireBytes, is answered so and not sent. None may be null.
  void push_objects(std::vector<std::pair<SessionId, std::shared_ptr<const model::NodeObjects>>> sets);
  /// The arbiter's verdicts; what is granted must be durable. Tickets of closed sessions are ignored.
  void answer_evictions(EvictionTicket ticket, model::EvictionAnswer answer);
  void refuse_evictions(EvictionTicket ticket, model::Error why);
  /// What each of these sessions is told with every ack of a report from now on, with its age at that moment.
  void set_batch(std::vector<std::pair<SessionId, BatchAccount>> accounts);
  /// Asks the node to report every `interval` for `duration`, then at its own pace again.
  void set_report_interval(SessionId session, model::Duration interval, model::Duration duration);
  void close(SessionId session, std::string why);
  /// Takes no connection, session or report any more (kUnavailable), waits until those that were taken are answered or
  /// SessionLimits::drain_deadline is over, closes all sessions, ends the thread. Whoever answers reports must be there
  /// still. No event after it returned. Must not be called from an event.
  void stop();

 private:
  class Impl;
  explicit NodeServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::link
