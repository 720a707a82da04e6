#pragma once
// Peers that do what the node client never would.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "messages/link/tls_files.h"
#include "messages/model/eviction.h"
#include "messages/model/report.h"
#include "messages/model/result.h"

namespace tideline::link {

/// Speaks the node protocol over real TLS without any of the client's care.
class HostilePeer {
 public:
  HostilePeer(const TlsFiles& files, std::uint16_t port);  // the files are not checked
  ~HostilePeer();
  HostilePeer(const HostilePeer&) = delete;
  HostilePeer& operator=(const HostilePeer&) = delete;

  model::Result<void> connect();
  model::Result<void> enroll(const std::string& node, std::uint64_t incarnation = 1, std::uint32_t protocol = 1);
  /// Sends the report as it is, valid or not.
  model::Result<void> report(const model::Report& report);
  /// The same without its pods, which it says are those of `list`.
  model::Result<void> report_without_pods(const model::Report& report, std::uint64_t list);
  /// Sends `count` reports without waiting for answers; how many were refused by the time all were answered.
  std::size_t flood(const model::Report& report, std::size_t count);
  model::Result<void> ask_evictions(const model::EvictionAsk& ask);
  /// From now on reads nothing from its socket.
  void go_deaf();
  /// Sends heartbeats without waiting for answers until the socket takes no more for now.
  void send_heartbeats();
  /// Sends so many heartbeats one after the other, each answered before the next. `hoards`: it is never done with what
  /// it was answered.
  model::Result<void> heartbeats(std::size_t count, bool hoards);
  /// True once the server has closed the connection.
  bool wait_closed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One blocking OpenSSL handshake with a byte read after it. "" = the server accepted; else what went wrong.
std::string raw_tls(std::uint16_t port, const std::optional<TlsFiles>& files, int max_version);

/// A plain TCP connection.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  bool connected() const { return fd_ >= 0; }
  void send(const std::string& bytes) const;
  /// True when the other end closes within 20 s; what it sends before is thrown away.
  bool wait_closed() const;

 private:
  int fd_;
};

}  // namespace tideline::link
