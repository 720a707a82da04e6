#pragma once
// Where an agent that has no certificate yet gets one, on a port of its own: HTTPS with the server's certificate alone
// (TLS 1.3), one POST a connection:
//   POST /v1/node-certificate
//   Authorization: Bearer <service-account token for this coordinator's audience>
//   <PKCS #10 request, PEM>
// 200 with JSON {"node", "certificate", "ca"} (PEM texts); 400 no such request, 401 not proven, 403 proven and not
// allowed, 404, 405, 411/413 no length or too long, 429 too many at once, 503 cannot be told now. An error's body is
// its reason, a line of text, without the token.

#include <cstdint>
#include <memory>
#include <string>

#include "coordinator/bootstrap/backend.h"
#include "messages/certs/signing.h"
#include "messages/link/tls_files.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::bootstrap {

struct BootstrapConfig {
  std::string listen;               // "host:port"; port 0 = any free one
  link::TlsFiles tls;               // the coordinator's own, as for nodes; `ca` is not asked of anybody here
  std::string signing_certificate;  // PEM files of the authority that signs nodes' certificates
  std::string signing_key;
  model::Duration validity = std::chrono::hours(24);  // at most 24 h
  std::size_t max_connections = 64;
  std::size_t max_asking = 16;                                  // of the backend at once; beyond it 429
  model::Duration request_deadline = std::chrono::seconds(5);   // for the handshake, and again for the request
  model::Duration backend_deadline = std::chrono::seconds(15);  // then 503
};

struct BootstrapCounts {
  std::uint64_t signed_ = 0;
  std::uint64_t denied = 0;  // 401, 403
  std::uint64_t failed = 0;  // any other end
};

class BootstrapServer {
 public:
  /// Reads the files, binds and starts the thread. `backend` must outlive the server. Errors name file or address.
  static model::Result<std::unique_ptr<BootstrapServer>> start(BootstrapConfig config, BootstrapBackend& backend);
  ~BootstrapServer();  // stop()
  BootstrapServer(const BootstrapServer&) = delete;
  BootstrapServer& operator=(const BootstrapServer&) = delete;

  std::uint16_t port() const;
  BootstrapCounts counts() const;
  /// Closes all connections and ends the thread. Again: no effect.
  void stop();

 private:
  class Impl;
  explicit BootstrapServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::bootstrap
