#pragma once
// Values that both ends of the node link exchange with their owners.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/eviction.h"
#include "messages/model/ids.h"
#include "messages/model/report.h"
#include "messages/model/units.h"

namespace tideline::link {

/// One connection of one node to this server; never used twice in a process.
using SessionId = model::NumberId<struct SessionIdTag>;

/// What a node says when it enrols. `node` is the name proved by its certificate.
struct Hello {
  model::NodeName node;
  model::Incarnation incarnation;
  std::uint32_t protocol = 0;
  std::string agent_version;
  model::MonoTime mono;  // node's clocks
  model::WallTime wall;
};

/// What the coordinator answers to a Hello.
struct EnrollAnswer {
  model::Epoch epoch;
  model::Seq acked_through;  // all reports of this incarnation up to and including it are durable; 0 = none
};

/// What the node gets to know when it is connected.
struct Welcome {
  model::Epoch epoch;
  model::Seq acked_through;
  model::Duration heartbeat{0};
  model::Duration deadline{0};
  std::string address;  // the address that answered
};

struct SessionInfo {
  SessionId id;
  Hello hello;
  std::string peer;  // "10.0.0.7:51234"
  std::string certificate_serial;
  model::MonoTime enrolled;  // receiver's clock
};

/// A report that waits for its ack. Answer each exactly once, with acknowledge or refuse; tickets of closed sessions
/// may be answered and are ignored.
struct Ticket {
  SessionId session;
  model::Seq seq;
  std::uint64_t slot = 0;
};

/// A report that arrived, already read, bounded and validated; its node and incarnation are the session's.
struct ArrivedReport {
  Ticket ticket;
  /// Whole, never null. Those of the session that come after it and leave its pods out share them with it.
  std::shared_ptr<const model::Report> report;
  model::MonoTime mono;  // receiver's clocks at arrival
  model::WallTime wall;
  std::vector<std::byte> bytes = {};  // as it came, but for the number of its list of pods
  /// The list of pods that `bytes` leaves out, of all sessions there ever were no other's; 0 = it has its pods.
  std::uint64_t pods_left_out = 0;
};

/// A node's ask that waits for its answer. Answer each once, with answer_evictions or refuse_evictions.
struct EvictionTicket {
  SessionId session;
  std::uint64_t slot = 0;
};
struct ArrivedEvictionAsk {
  EvictionTicket ticket;
  model::NodeName node;
  model::EvictionAsk ask;  // read, bounded and validated
};

/// What the ledger has for batch on a node, to be told with its acks.
struct BatchAccount {
  std::optional<model::MilliCpu> cpu;    // as BatchAllocatable::cpu
  model::MonoTime data_from;             // arrival of the report it rests on, on this process' clock
  std::optional<model::Bytes> memory{};  // as BatchAllocatable::memory
  friend bool operator==(const BatchAccount&, const BatchAccount&) = default;
};

}  // namespace tideline::link
