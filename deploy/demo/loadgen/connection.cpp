#include "deploy/demo/loadgen/connection.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tideline::loadgen {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

Error failed(std::string_view what, int error) {
  return {ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::generic_category().message(error))};
}

}  // namespace

Result<Address> parse_address(const std::string& host, std::uint16_t port) {
  Address address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.bytes, &v4, sizeof v4);
    address.size = sizeof v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.bytes, &v6, sizeof v6);
    address.size = sizeof v6;
  } else {
    return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no IPv4 or IPv6 address", host));
  }
  return address;
}

Result<void> Connection::open(const Address& address) {
  close();
  fd_ = socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return failed("socket", errno);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address.bytes);
  if (connect(fd_, generic, address.size) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    close();
    return failed("connect", error);
  }
  state_ = State::kConnecting;
  return {};
}

Result<void> Connection::finish_open() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failed("connect", error);
  state_ = State::kIdle;
  return {};
}

Result<void> Connection::send(const std::string& bytes, Request request) {
  request_ = request;
  state_ = State::kBusy;
  const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return failed("send", errno);
  // An idle socket's buffer holds far more than one request.
  if (static_cast<std::size_t>(sent) != bytes.size()) return failed("send", EAGAIN);
  return {};
}

Result<std::optional<ResponseHead>> Connection::receive() {
  static thread_local std::array<char, 64 * 1024> buffer;
  const auto got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::optional<ResponseHead>();
    return failed("receive", errno);
  }
  if (got == 0) return Error(ErrorCode::kUnavailable, "the server ended the connection");
  if (state_ != State::kBusy) return Error(ErrorCode::kMalformed, "bytes without a request");
  auto complete = reader_.feed({buffer.data(), static_cast<std::size_t>(got)});
  if (!complete) return complete.error();
  if (!*complete) return std::optional<ResponseHead>();
  return std::optional<ResponseHead>(reader_.head());
}

void Connection::finish_request() {
  request_.reset();
  reader_.reset();
  state_ = State::kIdle;
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::kClosed;
  request_.reset();
  reader_.reset();
}

}  // namespace tideline::loadgen
