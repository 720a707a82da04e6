#include "test/support/mute_server.h"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tideline::test {

// The kernel takes connections into the backlog, and nobody takes them from there.
MuteServer::MuteServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool listens = fd_ >= 0 && ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::listen(fd_, 64) == 0 &&
                       ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (!listens) {
    if (fd_ >= 0) ::close(fd_);
    throw std::runtime_error("no free port on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
}

MuteServer::~MuteServer() {
  ::close(fd_);
}

}  // namespace tideline::test
