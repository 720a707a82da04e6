#pragma once
// Cap'n Proto RPC over a stream, with bounds. For edge rooms that speak through KJ; use on the loop's thread only.

#include <cstdint>
#include <string>

#include <capnp/capability.h>
#include <capnp/message.h>
#include <kj/async-io.h>
#include <kj/exception.h>
#include <kj/function.h>

#include "messages/clock/term.h"
#include "messages/link/kj_thread.h"
#include "messages/link/limits.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::link {

/// An Error as what an RPC method throws: its text starts with the code's name, so that error_from gives it back.
kj::Exception to_exception(const model::Error& error);
/// The Error a remote method threw, or what KJ says: DISCONNECTED is kUnavailable, OVERLOADED is kOverloaded,
/// UNIMPLEMENTED is kUnsupported, anything else kMalformed on bad bytes.
model::Error error_from(const kj::Exception& exception);

/// The server's ends of RPC connections. A connection ends when its peer leaves, breaks the protocol, lets more than
/// RpcLimits allow of answers lie unread or does not release them, or `close` says so.
class RpcConnections {
 public:
  using Id = std::uint64_t;
  using Closed = kj::Function<void(const std::string& why)>;

  virtual ~RpcConnections() noexcept(false) = default;

  /// `bootstrap` is what this peer, and no other, may call. `closed` is called once, never from inside `add` or a call
  /// of this connection; not at all when the set itself is destroyed. `bootstrap` is released before it is called.
  virtual Id add(kj::Own<kj::AsyncIoStream> stream, capnp::Capability::Client bootstrap, Closed closed) = 0;
  /// Ends a connection after the current turn of the loop: safe from inside its own calls. The peer sees `why` on its
  /// calls in flight when it still reads. Unknown ids are ignored. Of many that end at once a few are taken down at a
  /// time, between what others send; of the rest nothing more is read.
  virtual void close(Id id, const std::string& why) = 0;
  /// Drops the connection if too much lies unread. It is asked before each read and once a second; to be called after
  /// calls *to* the peer as well. True: the connection is gone or going.
  virtual bool drop_if_clogged(Id id) = 0;
  /// A large message is about to be sent: so many bytes more may lie unread for so long. Takes the place of what was
  /// allowed before.
  virtual void allow_unread(Id id, std::size_t bytes, model::Duration duration) = 0;
  /// What lies unread; 0 of unknown ids.
  virtual std::size_t unread_bytes(Id id) = 0;
  virtual std::size_t size() const = 0;

  /// When `term` is over nothing is sent any more: whoever tries to ends the connection instead.
  static kj::Own<RpcConnections> create(KjContext& context, const RpcLimits& limits, clock::TermPtr term = nullptr);
};

/// The client's end. Dropping it ends the connection.
class RpcClient {
 public:
  virtual ~RpcClient() noexcept(false) = default;
  virtual capnp::Capability::Client bootstrap() = 0;
  /// Resolves when the connection is gone.
  virtual kj::Promise<void> on_disconnect() = 0;
  virtual std::size_t queued_bytes() = 0;

  static kj::Own<RpcClient> create(kj::Own<kj::AsyncIoStream> stream, const RpcLimits& limits);
};

}  // namespace tideline::link
