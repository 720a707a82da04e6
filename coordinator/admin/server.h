#pragma once
// The admin API: schema::Admin over mutual TLS and over a Unix socket, on a KJ loop of its own thread. Every call is
// checked against the role its method needs (roles.h) before the backend hears of it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "coordinator/admin/backend.h"
#include "messages/link/limits.h"
#include "messages/link/tls_files.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::admin {

struct AdminServerConfig {
  /// "host:port" for operators with a certificate (CN viewer|operator|admin:<name>); empty = no TCP listener.
  std::string listen;
  link::TlsFiles tls;             // used when `listen` is set; re-read when a file changes
  std::string denied_names_file;  // link/deny_list.h; "" = none; re-read likewise, and who is new in it is cut off
  /// Socket path; empty = none (the caller leaves it empty in a container unless asked). The directory is made 0750 and
  /// the socket 0660, both owned root:<unix_group>; without the group, root only, and unix_note() says so.
  std::string unix_socket;
  std::string unix_group = "tideline";
  link::AcceptLimits accept{.max_handshakes = 8, .max_connections = 64};
  /// Answers are large (10,000 nodes are some 10 MB); a peer that lets more than this pile up unread is dropped.
  link::RpcLimits rpc{.traversal_words = 512 << 10, .nesting = 16, .max_queued_bytes = 64 << 20};
  model::Duration idle_deadline = std::chrono::minutes(5);      // without a call, the connection is closed
  model::Duration backend_deadline = std::chrono::seconds(30);  // then the client is told kUnavailable
  model::Duration backup_deadline = std::chrono::hours(12);     // likewise, of historyBackup
  std::size_t max_calls_per_connection = 8;                     // outstanding; more are refused with kOverloaded
  /// A line for the log: a peer or call was refused, or changed TLS files do not fit. At most some 10 a second;
  /// `suppressed` counts the ones left out since the last call. On the server's thread, must be quick.
  std::function<void(const std::string& peer, const model::Error& why, std::uint64_t suppressed)> on_refused;
};

/// Changed TLS files and denied names are tried until they fit; connections from then on use them. A connection ends
/// with its peer's certificate. All methods may be called from any thread. `backend` must outlive the server.
class AdminServer {
 public:
  /// Checks TLS files and denied names, binds, starts the thread. At least one of listen and unix_socket must be set.
  /// The error names the file, address or path.
  static model::Result<std::unique_ptr<AdminServer>> start(AdminServerConfig config, AdminBackend& backend);
  ~AdminServer();  // stop()
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  std::uint16_t port() const;            // of the TCP listener; 0 = none
  const std::string& unix_note() const;  // "" or why the socket is for root only
  std::size_t connections() const;
  /// Closes all connections and ends the thread. Replies that come later are dropped. Again: no effect. Not from the
  /// backend's methods.
  void stop();

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::admin
