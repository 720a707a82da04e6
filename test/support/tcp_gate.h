#pragma once
// A way to a server on this machine that can be cut, shut and opened again.

#include <atomic>
#include <cstdint>
#include <thread>

namespace tideline::test {

class TcpGate {
 public:
  /// Open. What connects to port() is led to that port of 127.0.0.1. Throws std::runtime_error where there is no port.
  explicit TcpGate(std::uint16_t to);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  std::uint16_t port() const { return port_; }
  /// Ends all connections; the next ones are let through.
  void cut();
  /// Ends all connections, and each that comes from now on.
  void shut();
  void open() { is_open_ = true; }

 private:
  void run();

  const std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> is_open_{true};
  std::atomic<bool> ends_{false};
  std::atomic<unsigned> cuts_asked_{0};
  std::atomic<unsigned> cuts_made_{0};
  std::thread thread_;
};

}  // namespace tideline::test
