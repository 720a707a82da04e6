#pragma once
// A port that takes connections and says nothing, not even to a handshake.

#include <cstdint>

namespace tideline::test {

class MuteServer {
 public:
  /// Throws std::runtime_error where there is no port.
  MuteServer();
  ~MuteServer();
  MuteServer(const MuteServer&) = delete;
  MuteServer& operator=(const MuteServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace tideline::test
