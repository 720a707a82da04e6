#include "test/support/tcp_gate.h"

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace tideline::test {
namespace {

constexpr int kLookMs = 20;  // for what is asked of the gate

struct Pair {
  int client = -1;
  int server = -1;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// -1 where nobody listens.
int connected_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

/// Neither end may hold up the other connections for ever.
void bound_writes(int fd) {
  const timeval longest{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
}

bool write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::send(fd, bytes, size, MSG_NOSIGNAL);
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

/// False: the connection is over.
bool pass_on(int from, int to) {
  char buffer[64 * 1024];
  const ssize_t got = ::recv(from, buffer, sizeof buffer, 0);
  return got > 0 && write_all(to, buffer, static_cast<std::size_t>(got));
}

void close_both(const Pair& pair) {
  ::close(pair.client);
  ::close(pair.server);
}

void close_all(std::vector<Pair>& pairs) {
  for (const Pair& pair : pairs)
    close_both(pair);
  pairs.clear();
}

}  // namespace

TcpGate::TcpGate(std::uint16_t to) : to_(to) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  const bool listens =
      listener_ >= 0 && ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(listener_, 64) == 0 && ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (!listens) {
    if (listener_ >= 0) ::close(listener_);
    throw std::runtime_error("no free port on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

TcpGate::~TcpGate() {
  ends_ = true;
  thread_.join();
  ::close(listener_);
}

void TcpGate::cut() {
  const unsigned asked = ++cuts_asked_;
  while (cuts_made_ < asked)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void TcpGate::shut() {
  is_open_ = false;
  cut();
}

void TcpGate::run() {
  std::vector<Pair> pairs;
  while (!ends_) {
    if (const unsigned asked = cuts_asked_; asked != cuts_made_) {
      close_all(pairs);
      cuts_made_ = asked;
    }
    std::vector<pollfd> polled{{listener_, POLLIN, 0}};
    for (const Pair& pair : pairs) {
      polled.push_back({pair.client, POLLIN, 0});
      polled.push_back({pair.server, POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), kLookMs) <= 0) continue;
    std::vector<Pair> kept;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Pair& pair = pairs[i];
      const bool goes_on = (polled[1 + 2 * i].revents == 0 || pass_on(pair.client, pair.server)) &&
                           (polled[2 + 2 * i].revents == 0 || pass_on(pair.server, pair.client));
      if (goes_on) {
        kept.push_back(pair);
      } else {
        close_both(pair);
      }
    }
    pairs = kept;
    if (polled[0].revents == 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int server = is_open_ ? connected_to(to_) : -1;
    if (server < 0) {
      ::close(client);
      continue;
    }
    bound_writes(client);
    bound_writes(server);
    pairs.push_back({client, server});
  }
  close_all(pairs);
}

}  // namespace tideline::test
