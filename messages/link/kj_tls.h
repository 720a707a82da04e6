#pragma once
// Mutual TLS over KJ streams: 1.3 or newer, own authorities only, peers' certificates required and shown. Only
// OpenTlsServer asks its peers for none. For edge rooms that speak through KJ; use on the loop's thread only.

#include <cstdint>
#include <string>

#include <kj/async-io.h>
#include <kj/function.h>

#include "messages/link/identity.h"
#include "messages/link/kj_thread.h"
#include "messages/link/limits.h"
#include "messages/link/tls_files.h"
#include "messages/model/result.h"

namespace tideline::link {

/// A connection whose handshake is done and whose peer's certificate was verified against the authorities.
struct TlsStream {
  kj::Own<kj::AsyncIoStream> stream;
  Certificate certificate;
  std::string peer;  // "10.0.0.7:51234"
};

/// Accepts on a TCP port. Survives EMFILE and hostile peers: handshakes are capped in number and time, and so are the
/// connections handed out, counted until their stream is dropped. While the loop is behind newcomers wait in the
/// kernel's backlog, and come in at a low pace (AcceptLimits).
class TlsListener {
 public:
  using Accepted = kj::Function<void(TlsStream)>;
  /// A connection that got no further than its handshake. kOverloaded when a cap closed it.
  using Refused = kj::Function<void(const std::string& peer, const model::Error& why)>;

  virtual ~TlsListener() noexcept(false) = default;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t connections() const = 0;
  /// Connections from now on use this material; the old one stays in use when it is bad.
  virtual model::Result<void> reload(const TlsMaterial& material) = 0;

  /// `address` is "host:port", "[v6]:port" or "*:port"; port 0 picks a free one. kInvalidArgument names a bad address,
  /// kUnavailable one that cannot be bound.
  static model::Result<kj::Own<TlsListener>> listen(KjContext& context, const std::string& address,
                                                    const TlsMaterial& material, const AcceptLimits& limits,
                                                    Accepted accepted, Refused refused);
};

/// The server's end for peers that have no certificate yet: whoever comes is let in, knows whom it speaks to, and has
/// to prove by other means who it is.
class OpenTlsServer {
 public:
  virtual ~OpenTlsServer() noexcept(false) = default;
  /// Connections from now on use this material; the old one stays in use when it is bad.
  virtual model::Result<void> reload(const TlsMaterial& material) = 0;
  /// Without a deadline of its own. Fails with a kj::Exception.
  virtual kj::Promise<kj::Own<kj::AsyncIoStream>> handshake(kj::Own<kj::AsyncIoStream> raw) = 0;

  static model::Result<kj::Own<OpenTlsServer>> create(const TlsMaterial& material);
};

/// Dials. The peer must prove the DNS name `server_name`, whatever address was dialled: no wildcard, and serverAuth.
class TlsConnector {
 public:
  /// What is told on the way to a connection; null = it is not. Dropped untold when the connection fails before.
  struct Stages {
    kj::Own<kj::PromiseFulfiller<void>> reached;   // the kernel at the other end has it, in a backlog perhaps
    kj::Own<kj::PromiseFulfiller<void>> answered;  // the peer's first byte came
  };

  virtual ~TlsConnector() noexcept(false) = default;
  /// Fails with a kj::Exception (see error_from in kj_rpc.h) that names address and reason. Without a deadline of its
  /// own. In TLS 1.3 a server that refuses this certificate is noticed at the first read only.
  virtual kj::Promise<TlsStream> connect(const std::string& address, Stages stages) = 0;
  kj::Promise<TlsStream> connect(const std::string& address) { return connect(address, Stages{}); }

  /// Without a certificate in `material` it shows none, to a server that asks for none.
  static model::Result<kj::Own<TlsConnector>> create(KjContext& context, const TlsMaterial& material,
                                                     const std::string& server_name);
};

}  // namespace tideline::link
