#pragma once
// Where an agent that has no certificate yet gets one, on a port of its own: HTTPS with the server's certificate alone
// (TLS 1.3), one POST a connection:
//   POST /v1/node-certificate
//   Authorization: Bearer <service-account token for this coordinator's audience>
//   <PKCS #10 request, PEM>
// 200 with JSON {"node", "certificate", "ca"} (PEM texts); 400 no such request, 401 not proven, 403 proven and a denied
// name, 404, 405, 408 too slow, 411/413 no length or too long, 429 that node has one from a moment ago, 500 cannot be
// signed, 503 cannot be told now. An error's body is its reason, a line of text, without the token.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "coordinator/bootstrap/backend.h"
#include "coordinator/bootstrap/counters.h"
#include "messages/link/tls_files.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::bootstrap {

struct BootstrapConfig {
  static constexpr model::Duration kLongestValidity = std::chrono::hours(24);

  std::string listen;               // "host:port"; port 0 = any free one
  link::TlsFiles tls;               // the coordinator's own, as for nodes; `ca` is not asked of anybody here
  std::string signing_certificate;  // PEM files of the authority that signs nodes' certificates (certs::Signer)
  std::string signing_key;
  std::string denied_names_file;                // link/deny_list.h; "" = none
  model::Duration validity = kLongestValidity;  // at most that
  /// Handshakes and requests at once; one more is closed at once: who waits longer than it takes to serve so many would
  /// be served when it is about to give up.
  std::size_t max_connections = 64;
  std::size_t max_connections_per_host = 4;  // of these; one more is closed at once
  /// Anybody may make the backend be asked: questions wait for their turn, at first behind a pace, then for a place.
  double questions_a_second = 5;
  std::size_t max_asking = 3;
  model::Duration node_pause = std::chrono::seconds(10);        // from one certificate of a node to its next, else 429
  model::Duration request_deadline = std::chrono::seconds(5);   // for the handshake, the request, and the answer
  model::Duration backend_deadline = std::chrono::seconds(15);  // for the turn, and for the word; then 503
  model::Duration reload_every = std::chrono::seconds(10);      // how often the files are looked at for change
  std::shared_ptr<BootstrapCounters> counters = std::make_shared<BootstrapCounters>();
};

/// What start() checks but for the address: the files are good; nodes that get the authority's certificates trust the
/// coordinator's, and the coordinator trusts what the authority signs. Errors name the file.
model::Result<void> check(const BootstrapConfig& config);

/// The files are re-read when they change: requests from then on use them, and bad ones are logged and not used.
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
