#pragma once
// The node's end of the node link: connects, enrols, sends reports, answers policies, reconnects by itself; on a KJ
// loop of its own thread, or of one that thousands of simulated nodes share.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "messages/link/limits.h"
#include "messages/link/session.h"
#include "messages/link/tls_files.h"
#include "messages/model/eviction.h"
#include "messages/model/hands_off.h"
#include "messages/model/node_objects.h"
#include "messages/model/policy.h"
#include "messages/model/result.h"

namespace tideline::link {

/// Called on the link's thread, one at a time: must not block, must not throw, may call the client's methods.
class NodeClientEvents {
 public:
  virtual ~NodeClientEvents() = default;
  /// Enrolled; the window is empty. Reports up to welcome.acked_through may be forgotten, unanswered ones after it are
  /// to be sent again. welcome.epoch is for the caller to compare with the highest it has seen.
  virtual void on_connected(const Welcome& welcome) = 0;
  /// The session ended or a connection attempt failed (`attempt` counts failures since the last session). Reports in
  /// flight have no answer and will get none.
  virtual void on_disconnected(const std::string& why, unsigned attempt) = 0;
  /// Durable at the coordinator; the window has room again.
  virtual void on_acked(model::Seq seq) = 0;
  /// Not taken. kInvalidArgument or kMalformed: it never will be; else send it again later. The window has room again.
  virtual void on_refused(model::Seq seq, const model::Error& why) = 0;
  /// Apply it, then call answer_policy with its version, from any thread, within SessionLimits::idle_deadline or so.
  virtual void on_policy(const model::NodePolicy& policy) = 0;
  /// Report every `interval` for `duration`, then as before.
  virtual void on_report_interval(model::Duration interval, model::Duration duration) = 0;
  /// All that is to be left alone, from now; replaces what was ordered before. Obey it, then call answer_hands_off with
  /// its number, from any thread, within SessionLimits::idle_deadline or so.
  virtual void on_hands_off(const model::HandsOffOrder& order) = 0;
  /// What Kubernetes has of this node and its pods; replaces what was told before. Take or refuse it, then call
  /// answer_objects with its number, from any thread, within SessionLimits::idle_deadline or so.
  virtual void on_objects(const model::NodeObjects& objects) = 0;
  /// The answer to ask_evictions, or why there is none: kUnsupported where the coordinator knows no such asks. Of a
  /// session that ends there may be neither, but for on_disconnected.
  virtual void on_evictions(const model::Result<model::EvictionAnswer>& answer) = 0;
  /// What the ledger has for batch here; comes with acks. Not called where the coordinator does not tell.
  virtual void on_batch(const model::BatchAllocatable& allocatable) = 0;
};

struct NodeClientConfig {
  std::vector<std::string> coordinators;  // "host:port", tried in turn
  std::string server_name;  // DNS SAN the coordinator must prove, e.g. "coordinator.tideline"; not the address
  TlsFiles tls;
  model::NodeName node;
  model::Incarnation incarnation;
  std::string agent_version;
  std::size_t window = 1;  // reports in flight
  /// The first attempt after start or after a lost session waits uniform 0..reconnect_spread (0 at start when
  /// first_attempt_now); each failure doubles the longest wait from backoff_min to backoff_max, and
  /// the wait is uniform up to it. A fleet of thousands needs a spread of 20 s or more to come back gently.
  bool first_attempt_now = true;
  model::Duration reconnect_spread = std::chrono::seconds(20);
  model::Duration backoff_min = std::chrono::seconds(1);
  model::Duration backoff_max = std::chrono::seconds(40);
  /// Of the TCP connection, and again of TLS and enrolment together, from the coordinator's first byte on. In between
  /// the attempt waits in the backlog of a coordinator that is busy or hangs, and keeps its place for queue_deadline
  /// (at most three times connect_deadline where there is another coordinator).
  model::Duration connect_deadline = std::chrono::seconds(10);
  model::Duration queue_deadline = std::chrono::seconds(120);
  std::uint64_t seed = 0;  // of the jitter; 0 = from the system's entropy
  RpcLimits rpc;
};

/// A KJ loop and its thread, for a process that holds many clients.
class ClientLoop;
std::shared_ptr<ClientLoop> make_client_loop();

/// All methods may be called from any thread and return at once. `events` must outlive the client.
class NodeClient {
 public:
  /// Checks the configuration (kInvalidArgument), starts the thread, connects in the background for ever. A coordinator
  /// that is away is not an error; nor are TLS files that are bad or for another node now: they are read for each
  /// attempt, and on_disconnected says what is wrong with them. `loop`: one for several clients; null = its own.
  static model::Result<std::unique_ptr<NodeClient>> start(NodeClientConfig config, NodeClientEvents& events,
                                                          std::shared_ptr<ClientLoop> loop = nullptr);
  ~NodeClient();  // stop()
  NodeClient(const NodeClient&) = delete;
  NodeClient& operator=(const NodeClient&) = delete;

  bool connected() const;

  /// Takes the report for sending: answered by on_acked, on_refused or, with no answer, on_disconnected. kUnavailable
  /// when there is no session, kOverloaded when `window` reports are in flight, kInvalidArgument when
  /// codec::to_bytes would refuse it.
  model::Result<void> send_report(const model::Report& report);
  /// Asks for leave to evict; answered by on_evictions or, with no answer, on_disconnected. kUnavailable when there is
  /// no session, kOverloaded while an ask is open, kInvalidArgument when model::validate refuses it.
  model::Result<void> ask_evictions(const model::EvictionAsk& ask);
  /// The outcome of on_policy: problem "" = in force. An answer for a version nobody waits for is ignored.
  void answer_policy(model::PolicyVersion version, std::string problem);
  /// The outcome of on_hands_off: problem "" = obeyed. An answer to an order nobody waits for is ignored.
  void answer_hands_off(std::uint64_t number, std::string problem);
  /// The outcome of on_objects: problem "" = taken. An answer to a set nobody waits for is ignored.
  void answer_objects(std::uint64_t number, std::string problem);
  /// Ends the session, and the thread if it is the client's own. No event after it returned. Must not be called from an
  /// event.
  void stop();

 private:
  class Impl;
  explicit NodeClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::link
