#pragma once
// Bounds of the link. The defaults hold 10,000 sessions on one core.

#include <cstddef>
#include <cstdint>

#include "messages/model/units.h"

namespace tideline::link {

inline constexpr std::uint32_t kProtocolVersion = 1;

/// How far behind a loop is that takes on nothing more of what can wait. A report waits for it and so does its ack, and
/// both together must take no more than 250 ms.
inline constexpr model::Duration kMostLag = std::chrono::milliseconds(25);

/// What a listener does to peers that are not sessions yet.
struct AcceptLimits {
  std::size_t max_handshakes = 16;  // TLS handshakes at once; later connections wait in the kernel's backlog
  /// They wait there also while the loop is further behind than most_lag, but for one each handshake_at_least_every.
  model::Duration most_lag = kMostLag;
  model::Duration handshake_at_least_every = std::chrono::milliseconds(50);
  model::Duration handshake_deadline = std::chrono::seconds(5);
  std::size_t max_connections = 12'000;                     // beyond it, connections are closed at once
  model::Duration reload_every = std::chrono::seconds(10);  // how often the TLS files are looked at for change
};

/// What one RPC connection may cost.
struct RpcLimits {
  std::uint64_t traversal_words = 384 * 1024;  // 3 MiB per message: kMaxWireBytes read and copied, and room
  int nesting = 16;
  // Of replies and calls that the peer has not read; beyond either the connection is dropped. A server whose answers
  // are large must allow for the largest. Destroying a long queue recurses, so the count must stay small.
  std::size_t max_queued_bytes = 64 * 1024;
  std::size_t max_queued_messages = 512;
  /// Answers that a peer has asked for and not released, on their way or read: some 200 B each at most. Beyond it the
  /// connection is dropped, too.
  std::size_t max_held_answers = 512;
};

struct SessionLimits {
  model::Duration enroll_deadline = std::chrono::seconds(5);  // from handshake to a good enroll
  /// Told to the node: about the longest time it says nothing, for a report stands for a heartbeat. idle_deadline must
  /// be above 2.4 times that, as a heartbeat after a heartbeat waits a fifth longer. A little above the interval of
  /// reports, so that their nodes send none: at ten thousand sessions heartbeats were half of all messages.
  model::Duration heartbeat = std::chrono::seconds(12);
  model::Duration idle_deadline = std::chrono::seconds(30);  // silence after which either end closes; told to the node
  /// A session is closed at that age, up to a quarter earlier by chance, and before three quarters of what its peer's
  /// certificate had left when it came; the node comes again with the certificate it has then. Never before least_age.
  model::Duration max_age = std::chrono::hours(12);
  model::Duration least_age = std::chrono::minutes(1);
  /// A node opens so many sessions at once at most, and then one each enroll_every. Its agent waits longer than that.
  std::size_t enroll_burst = 20;
  model::Duration enroll_every = std::chrono::seconds(1);
  /// Sessions that end at one look at their ages and silences; the others end at the next, which comes soon. 1 or more.
  std::size_t end_slice = 100;
  std::size_t max_outstanding_reports = 1;  // per session; a further one is rejected with kOverloaded
  std::size_t max_rejections = 16;          // rejected calls (malformed, over bounds), then the session is dropped
  /// Policies sent at once, and the least time between: 10,000 nodes in 4 s. The next ones wait until the loop has come
  /// round as well, but for policy_round at most; while it is behind (kMostLag) they are a fifth as many.
  std::size_t policy_slice = 25;
  model::Duration policy_slice_every = std::chrono::milliseconds(10);
  model::Duration policy_round = std::chrono::milliseconds(50);
  /// Sets of objects sent at once, at the pace of policies, than which each is far larger. While so many bytes of them
  /// lie unread, of all sessions together, the next ones wait; a peer has to take its own within objects_deadline.
  std::size_t objects_slice = 10;
  std::size_t max_unread_objects = 8 << 20;
  model::Duration objects_deadline = std::chrono::seconds(10);
  model::Duration drain_deadline = std::chrono::seconds(2);  // how long a server that stops waits for acks under way
};

}  // namespace tideline::link
