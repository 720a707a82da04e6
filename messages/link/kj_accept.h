#pragma once
// Listening on a TCP port, and accepting for as long as there is somebody to accept for. For edge rooms that speak
// through KJ; use on the loop's thread only.

#include <cstdint>
#include <memory>
#include <string>

#include <kj/async-io.h>
#include <kj/function.h>

#include "messages/link/kj_thread.h"
#include "messages/log/log.h"
#include "messages/model/result.h"

namespace tideline::link {

/// A socket that listens; whoever has it closes it.
struct BoundSocket {
  int fd = -1;
  std::uint16_t port = 0;
};

/// `address` is "host:port", "[v6]:port" or "*:port"; port 0 picks a free one. kInvalidArgument names a bad address,
/// kUnavailable one that cannot be bound.
model::Result<BoundSocket> bind_to(const std::string& address);

/// The address at the other end of a connection, "10.0.0.7:51234"; "?" = not known.
std::string address_of_peer(int fd);
int fd_of(kj::AsyncIoStream& stream);  // -1 = it has none
/// The other end of a TCP connection has closed or reset it, read or not what came before that.
bool peer_has_left(int fd);

/// Accepts one connection after the other. Survives a process that runs out of files: it waits, says so once in a
/// while, and goes on.
class AcceptLoop final : private kj::TaskSet::ErrorHandler {
 public:
  using Accepted = kj::Function<void(kj::Own<kj::AsyncIoStream>)>;
  /// False: connections wait in the kernel's backlog until poke().
  using Ready = kj::Function<bool()>;

  /// Takes `fd`. `what` names the listener in log lines.
  AcceptLoop(
      KjContext& context, int fd, std::string what, Accepted accepted, Ready ready = [] { return true; });
  AcceptLoop(const AcceptLoop&) = delete;
  AcceptLoop& operator=(const AcceptLoop&) = delete;

  /// To be called when Ready may have become true, from anywhere but inside it.
  void poke();

 private:
  void taskFailed(kj::Exception&& exception) override;

  kj::Timer& timer_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  const std::string what_;
  Accepted accepted_;
  Ready ready_;
  bool accepting_ = false;
  log::RateLimit noise_{10'000'000'000};
  kj::TaskSet tasks_;
};

/// How many connections are open: each holds on to it until its stream is dropped.
class OpenCount {
 public:
  std::size_t count() const { return *count_; }
  kj::Own<kj::AsyncIoStream> counted(kj::Own<kj::AsyncIoStream> stream) {
    ++*count_;
    return stream.attach(kj::defer([count = count_]() { --*count; }));
  }

 private:
  std::shared_ptr<std::size_t> count_ = std::make_shared<std::size_t>(0);
};

}  // namespace tideline::link
