#include "k8s-bridge/api/address.h"

#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace tideline::k8s_api {

bool is_ip(const std::string& host) {
  in6_addr room{};
  return ::inet_pton(AF_INET, host.c_str(), &room) == 1 || ::inet_pton(AF_INET6, host.c_str(), &room) == 1;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

model::Result<std::string> name_to_prove(const Access& access) {
  if (!access.server_name.empty()) return access.server_name;
  if (!access.host.empty() && !is_ip(access.host)) return access.host;
  return model::invalid(fmt::format("{}: the host is \"{}\"; want the DNS name that the server's certificate holds",
                                    access.source, access.host));
}

}  // namespace tideline::k8s_api
