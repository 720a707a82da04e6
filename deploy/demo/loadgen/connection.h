#pragma once
// One keep-alive HTTP/1.1 connection that carries one request at a time, never blocking.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <netinet/in.h>

#include "deploy/demo/loadgen/response.h"
#include "messages/model/result.h"

namespace tideline::loadgen {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};
/// `host` is a literal IPv4 or IPv6 address.
model::Result<Address> parse_address(const std::string& host, std::uint16_t port);

/// A request that waits, or is under way. Times are from the start of the run.
struct Request {
  std::chrono::nanoseconds intended{};
  bool measured = false;  // false: warm-up
};

class Connection {
 public:
  enum class State { kClosed, kConnecting, kIdle, kBusy };

  Connection() = default;
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  State state() const { return state_; }
  int fd() const { return fd_; }
  const std::optional<Request>& request() const { return request_; }

  /// Begins to connect; a new fd each time.
  model::Result<void> open(const Address& address);
  /// To be called when a connecting socket turns writable.
  model::Result<void> finish_open();
  model::Result<void> send(const std::string& bytes, Request request);
  /// Reads what there is. A head: the response to request() is complete. Errors: kUnavailable when the peer ended the
  /// connection, kMalformed for bytes that are no response, or bytes nobody asked for.
  model::Result<std::optional<ResponseHead>> receive();
  /// The request has been dealt with: idle again.
  void finish_request();
  void close();

 private:
  int fd_ = -1;
  State state_ = State::kClosed;
  std::optional<Request> request_;
  ResponseReader reader_;
};

}  // namespace tideline::loadgen
