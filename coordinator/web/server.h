#pragma once
// Plain HTTP for probes and Prometheus: GET and HEAD of
//   /healthz  200 as long as this thread turns
//   /readyz   200, or 503 with the reason
//   /metrics  Prometheus' text format
// It shows numbers and the names of no one: no authentication, and so by default on loopback only.

#include <cstdint>
#include <memory>
#include <string>

#include "coordinator/web/backend.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::web {

struct WebServerConfig {
  std::string listen;                                          // "host:port"; port 0 = any free one
  std::size_t max_connections = 32;                            // beyond it, connections are closed at once
  model::Duration backend_deadline = std::chrono::seconds(5);  // then 503
  model::Duration request_deadline = std::chrono::seconds(5);  // for a request's head, and again for its answer
};

class WebServer {
 public:
  /// Binds and starts the thread. `backend` must outlive the server. The error names the address.
  static model::Result<std::unique_ptr<WebServer>> start(WebServerConfig config, WebBackend& backend);
  ~WebServer();  // stop()
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  std::uint16_t port() const;
  /// Closes all connections and ends the thread. Again: no effect.
  void stop();

 private:
  class Impl;
  explicit WebServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::web
