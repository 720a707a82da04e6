#include "messages/link/kj_accept.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tideline::link {
namespace {

constexpr auto kAfterFailure = 100 * kj::MILLISECONDS;

std::string text_of(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return fmt::format("[{}]:{}", host, ntohs(v6.sin6_port));
  }
  return "?";
}

}  // namespace

int fd_of(kj::AsyncIoStream& stream) {
  KJ_IF_MAYBE (fd, stream.getFd()) {
    return *fd;
  }
  return -1;
}

std::string address_of_peer(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "?";
  return text_of(address);
}

bool peer_has_left(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state != TCP_ESTABLISHED;
}

model::Result<BoundSocket> bind_to(const std::string& address) {
  const auto bad = [&](const std::string& why) {
    return model::Error(model::ErrorCode::kInvalidArgument, fmt::format("listen address '{}': {}", address, why));
  };
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return bad("want host:port");
  std::string host = address.substr(0, colon);
  const std::string service = address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(service.data(), service.data() + service.size(), number);
  if (error != std::errc() || end != service.data() + service.size())
    return bad("the port is not a number in 0..65535");
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad("want host:port, or *:port for all addresses");

  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const bool any = host == "*";
  if (const int rc = ::getaddrinfo(any ? "0.0.0.0" : host.c_str(), service.c_str(), &hints, &found); rc != 0) {
    return bad(::gai_strerror(rc));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  const auto unavailable = [&](const char* what) {
    return model::Error(model::ErrorCode::kUnavailable,
                        fmt::format("listen address '{}': {}: {}", address, what, std::strerror(errno)));
  };
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return unavailable("socket");
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    auto why = unavailable("bind");
    ::close(fd);
    return why;
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
  const std::uint16_t port = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                         : reinterpret_cast<sockaddr_in&>(bound).sin_port;
  return BoundSocket{fd, ntohs(port)};
}

AcceptLoop::AcceptLoop(KjContext& context, int fd, std::string what, Accepted accepted, Ready ready)
    : timer_(context.timer),
      receiver_(context.low.wrapListenSocketFd(fd, kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                                                       kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK |
                                                       kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC)),
      what_(std::move(what)),
      accepted_(kj::mv(accepted)),
      ready_(kj::mv(ready)),
      tasks_(*this) {
  poke();
}

void AcceptLoop::poke() {
  if (accepting_ || !ready_()) return;
  accepting_ = true;
  // accept() may throw in place, e.g. with EMFILE: without evalNow the handler below would be skipped for ever.
  tasks_.add(kj::evalNow([this]() { return receiver_->accept(); })
                 .then(
                     [this](kj::Own<kj::AsyncIoStream> stream) {
                       accepting_ = false;
                       accepted_(kj::mv(stream));
                       poke();
                     },
                     [this](kj::Exception&& exception) {
                       const auto now_ns = (timer_.now() - kj::origin<kj::TimePoint>()) / kj::NANOSECONDS;
                       if (const auto held = noise_.admit(now_ns)) {
                         log::warn("accept-failed", "{}: {} ({} more since the last line)", what_,
                                   exception.getDescription().cStr(), *held);
                       }
                       tasks_.add(timer_.afterDelay(kAfterFailure).then([this]() {
                         accepting_ = false;
                         poke();
                       }));
                     }));
}

void AcceptLoop::taskFailed(kj::Exception&& exception) {
  log::error("accept-task-failed", "{}: {}", what_, exception.getDescription().cStr());
  // What took the connection threw: the next one is not to suffer.
  poke();
}

}  // namespace tideline::link
