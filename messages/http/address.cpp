#include "messages/http/address.h"

#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace tideline::http {

bool is_ip(const std::string& host) {
  in_addr room{};
  return ::inet_pton(AF_INET, host.c_str(), &room) == 1 || is_ip6(host);
}

bool is_ip6(const std::string& host) {
  in6_addr room{};
  return ::inet_pton(AF_INET6, host.c_str(), &room) == 1;
}

std::optional<std::uint16_t> port_from(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace tideline::http
